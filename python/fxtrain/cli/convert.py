# SPDX-License-Identifier: MIT
"""``fxtrain convert``: a model file in another format, and how exact that is."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import MutableMapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from fxtrain.cli.arguments import add_quality_argument, positive_float, positive_int
from fxtrain.cli.in_process import run_in_process
from fxtrain.cli.knobs import add_knob_argument, set_knobs
from fxtrain.cli.outputs import require_free
from fxtrain.cli.terminal import shown
from fxtrain.errors import ConfigError, FxtrainError
from fxtrain.model_files import model_file

if TYPE_CHECKING:
    from fxtrain.formats.conversion import Conversion

_BY_SUFFIX = {".nam": "nam", ".json": "rtneural", ".aidax": "aidax"}
_FORMATS = ("rtneural", "aidax", "nam", "proteus")
_RECURRENT = ("--model", "lstm", "--set", "envelopes=off", "--set", "linear_stage=off")
_TRAINED = {
    "nam": ("--model", "wavenet", "--set", "shape=nano"),
    "rtneural": _RECURRENT,
    "aidax": _RECURRENT,
    "proteus": (*_RECURRENT, "--set", "hidden_size=40"),
}
"""What each format gets where it does not hold the model: arguments of ``fit``."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``convert``."""
    parser.add_argument("model", type=Path, metavar="IN", help="the model file, or the folder of a run")
    parser.add_argument("out", type=Path, metavar="OUT", help="file to write: .json, .aidax or .nam")
    parser.add_argument(
        "--format",
        choices=_FORMATS,
        help="format of OUT; default: by the suffix, and rtneural for .json",
    )
    add_knob_argument(parser, default="the converted model keeps its knobs; one that is set becomes part of the model")
    add_quality_argument(parser)
    parser.add_argument("--force", action="store_true", help="overwrite OUT")
    distilling = parser.add_argument_group("if the format cannot hold the model")
    distilling.add_argument(
        "--distill",
        type=Path,
        metavar="DRY",
        help="train a model of that format on the output of IN for this direct guitar recording",
    )
    distilling.add_argument(
        "--run", type=Path, metavar="DIR", help="run folder of that training; default: the name of OUT with -run"
    )
    distilling.add_argument(
        "--set",
        action="append",
        default=[],
        dest="settings",
        metavar="KEY=VALUE",
        help="a setting of that training, as in fit, for example shape=standard (repeatable)",
    )
    distilling.add_argument("--epochs", type=positive_int, metavar="N", help="passes over the recording")
    distilling.add_argument(
        "--max-minutes", type=positive_float, metavar="M", help="time limit for training; default: as in fit"
    )


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any]:
    """Writes the file, which the engine has played against the source before, or trains a model for it."""
    from fxtrain.formats.conversion import ConversionRefused, convert

    args.model = model_file(args.model)
    require_free(args.out, force=args.force, sources=(args.model,))
    target = args.format or _format_of(args.out)
    try:
        conversion = convert(args.model, target, quality=args.quality, knobs=_fixed_knobs(args))
    except ConversionRefused as refused:
        if args.distill is None:
            raise ConversionRefused(f"{refused}; --distill DRY.wav trains a model for that format instead") from None
        console.print(shown(f"{refused}; training a model for it instead"))
        return _distill(args, target, console)
    try:
        conversion.made.save(args.out)
    except OSError as error:
        raise FxtrainError(f"cannot write {args.out}: {error.strerror or error}") from None
    notes = _notes(args, conversion)
    console.print(
        f"wrote [bold]{shown(args.out)}[/]: {conversion.source.title} to {conversion.made.format.title}, "
        f"[bold]{conversion.label}[/]"
    )
    console.print(shown(_measured(conversion)))
    for note in notes:
        console.print(shown(note))
    return {
        "input": str(args.model),
        "output": str(args.out),
        "from": conversion.source.name,
        "to": target,
        "exactness": conversion.label,
        "difference": asdict(conversion.difference),
        "notes": notes,
        "metadata": conversion.made.document["metadata"],
    }


def _format_of(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in _BY_SUFFIX:
        raise ConfigError(
            f"the name {path} does not say which format to write: expected {', '.join(_BY_SUFFIX)}, or say it with "
            f"--format, one of {', '.join(_FORMATS)}"
        )
    return _BY_SUFFIX[suffix]


def _fixed_knobs(args: argparse.Namespace) -> dict[int, float]:
    """Positions of the knobs that are named, by number."""
    from fxtrain import engine

    if not args.knob:
        return {}
    model = engine.load(args.model, quality=args.quality)
    set_knobs(model, args.knob)
    named = {name.casefold() for name, _ in args.knob}
    return {index: model.knobs[index] for index, knob in enumerate(model.info.knobs) if knob.name.casefold() in named}


def _measured(conversion: Conversion) -> str:
    difference = conversion.difference
    how = (
        "after one second of silence through each, since players of the two files start from different states"
        if difference.prewarmed
        else "from the state that each loads with"
    )
    return (
        f"greatest difference {difference.greatest:.1e} of full scale (allowed {difference.allowed:.1e}), over "
        f"{difference.num_frames / difference.sample_rate:g} s of guitar played through both files, {how}"
    )


def _notes(args: argparse.Namespace, conversion: Conversion) -> list[str]:
    """What is not the same, or was chosen, beside the function."""
    from fxtrain import engine

    info = engine.load(args.model, self_test=False).info
    rate = conversion.difference.sample_rate
    notes = []
    if info.qualities:
        chosen = next((each for each in info.qualities if args.quality < each.max_value), info.qualities[-1])
        number = info.qualities.index(chosen) + 1
        notes.append(
            f"{args.model} holds {len(info.qualities)} networks; this is number {number} ({chosen.architecture}, "
            f"{chosen.num_weights} weights), which --quality chooses"
        )
    notes += conversion.notes
    if info.sample_rate is None:
        notes.append(f"{args.model} does not say its sample rate; the new file says {rate} Hz, which is customary")
    if conversion.made.format.name == "proteus" and rate != 44_100:
        notes.append(f"players of such files expect models of 44100 Hz; this one is of {rate} Hz")
    return notes


def _distill(args: argparse.Namespace, target: str, console: Console) -> MutableMapping[str, Any]:
    """Plays DRY through the source, learns that with ``fit``, and writes the model that came out."""
    from fxtrain import engine
    from fxtrain.formats import write_model
    from fxtrain.formats.conversion import metadata_of
    from fxtrain.runs import RunFolder, load_trained_model

    folder = RunFolder(args.run or args.out.with_name(f"{args.out.stem}-run"))
    wet = args.out.with_name(f"{args.out.stem}-wet.wav")
    knobs = [word for name, value in args.knob for word in ("--knob", f"{name}={value!r}")]
    played = ["--resample", "--quality", repr(args.quality), *knobs, *(["--force"] if args.force else [])]
    rate = engine.load(args.model, self_test=False).info.sample_rate
    training = [
        *(word for setting in args.settings for word in ("--set", setting)),
        *(() if rate is None else ("--sample-rate", str(round(rate)))),
        *(() if args.epochs is None else ("--epochs", str(args.epochs))),
        *(() if args.max_minutes is None else ("--max-minutes", str(args.max_minutes))),
    ]
    for words in (
        ["render", str(args.model), str(args.distill), str(wet), *played],
        ["fit", str(args.distill), str(wet), "--lag", "0", "--out", str(folder.path), *_TRAINED[target], *training],
    ):
        console.print(f"$ {shlex.join(['fxtrain', *words])}", markup=False)
        if exit_code := run_in_process(words, args):
            return {"output": None, "run": str(folder.path), "exit_code": exit_code}
    trained = load_trained_model(folder.best)
    told = {key: value for key, value in metadata_of(args.model, quality=args.quality).items() if key != "esr"}
    document = write_model(
        args.out,
        trained.model,
        sample_rate=trained.facts["sample_rate"],
        metadata={**told, **trained.metadata, "source": f"trained by fxtrain on the output of {args.model.name}"},
        format=target,
    )
    metrics = json.loads(folder.metrics.read_text(encoding="utf-8"))
    console.print(
        f"wrote [bold]{shown(args.out)}[/]: [bold]not exact[/], ESR {metrics['esr']:.4f} against the output of "
        f"{shown(args.model)}"
    )
    return {
        "input": str(args.model),
        "output": str(args.out),
        "to": target,
        "exactness": "trained",
        "esr": metrics["esr"],
        "baselines": metrics["baselines"],
        "run": str(folder.path),
        "metadata": document["metadata"],
    }
