# SPDX-License-Identifier: MIT
"""``fxtrain evaluate``: how close a model comes to a recording."""

from __future__ import annotations

import argparse
from collections.abc import MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from fxtrain.cli.arguments import add_clip_arguments, add_recording_arguments, check_clips, signed_int
from fxtrain.cli.terminal import shown
from fxtrain.model_files import model_file

if TYPE_CHECKING:
    from fxtrain.data import Excerpt
    from fxtrain.data.material import Material
    from fxtrain.data.recording import Reading, Recording


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``evaluate``."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="model file, or folder of a run")
    parser.add_argument("dry", type=Path, metavar="DRY", help="recording of the direct guitar signal")
    parser.add_argument("wet", type=Path, metavar="WET", help="the same playing through the device")
    parser.add_argument(
        "--lag", type=_lag, metavar="N|auto", help="samples by which WET is late; default: as in training"
    )
    parser.add_argument(
        "--train",
        nargs=2,
        type=Path,
        metavar=("DRY", "WET"),
        help="pair to fit the linear baselines on; default: the training pair of the run, or else the evaluated pair",
    )
    add_recording_arguments(parser)
    add_clip_arguments(parser)


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any]:
    """Prints and returns ESR, baselines and further metrics."""
    from fxtrain import engine
    from fxtrain.data.material import whole_excerpt
    from fxtrain.data.pair_table import PairFiles
    from fxtrain.data.recording import Reading, load_recording
    from fxtrain.errors import InputError
    from fxtrain.metrics.effects import measure
    from fxtrain.tasks.effect.advice import advise
    from fxtrain.tasks.effect.baselines import fit_baselines
    from fxtrain.tasks.effect.evaluation import best_shift, play, segments_of
    from fxtrain.tasks.effect.table import print_summary

    check_clips(args)
    if (compared := _compared(args, console)) is not None:
        return compared
    path = model_file(args.model)
    player = engine.load(path)
    lag = player.info.lag_frames if args.lag is None else args.lag
    reading = Reading(
        sample_rate=args.sample_rate,
        channel=args.channel,
        dry_channel=args.dry_channel,
        wet_channel=args.wet_channel,
        ignore=tuple(args.ignore),
        fix_polarity=player.info.metadata.get("polarity_fixed") is True,
    )
    files = PairFiles(input=args.dry, target=args.wet, clip_frames=args.clip_frames)
    recording = load_recording(files, reading, lag=None if lag == "auto" else lag)
    rate = player.info.sample_rate
    if rate and recording.sample_rate != rate:
        raise InputError(
            f"the recordings have {recording.sample_rate} Hz but {path} was made at {rate:g} Hz; "
            f"add --sample-rate {rate:g} to resample them"
        )
    excerpt = whole_excerpt(recording, args.skip_frames)
    take = play(player, [excerpt])
    if lag == "auto" and (later := best_shift(take.prediction, take.target)):  # a model may be a few samples late
        recording = load_recording(files, reading, lag=recording.lag_removed - later)
        excerpt = whole_excerpt(recording, args.skip_frames)
        take = play(player, [excerpt])
    if not take.mask.any():
        raise InputError(
            f"nothing of {args.dry} is left to be scored with a lag of {recording.lag_removed} and --skip-frames "
            f"{args.skip_frames}; give smaller ones, or a longer recording"
        )
    figures = measure(take.prediction, take.target, recording.sample_rate, mask=take.mask)
    training, fitted_on = _training_part(args, path, reading, recording)
    baselines = fit_baselines(segments_of(training or [excerpt])).score(segments_of([excerpt]))
    notes = [*recording.notes, *_heard(recording, training if fitted_on == _OWN_TRAINING else [])]
    result = {
        "esr": figures["esr"],
        "baselines": baselines,
        "baselines_fitted_on": fitted_on,
        "test": figures,
        "lag_samples": recording.lag_removed,
        "polarity": recording.report.to_dict()["polarity"],
        "model": str(path),
        "notes": notes,
    }
    for note in notes:
        console.print(f" note {shown(note)}")
    findings = {"data": {"verdicts": recording.report.to_dict()["verdicts"]}}
    result["advice"] = advise({**result, **findings})
    print_summary({**result, **findings}, console)
    return result


def _training_part(
    args: argparse.Namespace, model: Path, reading: Reading, recording: Recording
) -> tuple[list[Excerpt], str]:
    """Excerpts to fit the baselines on, and where they come from; none means the evaluated pair itself."""
    from fxtrain.data.material import whole_excerpt
    from fxtrain.data.pair_table import PairFiles
    from fxtrain.data.recording import load_recording
    from fxtrain.errors import InputError
    from fxtrain.runs import RunFolder, RunSpec, as_decided, settled

    if args.train:
        files = PairFiles(input=args.train[0], target=args.train[1], clip_frames=args.clip_frames)
        recording = load_recording(files, reading, lag=recording.lag_removed)
        return [whole_excerpt(recording, args.skip_frames)], str(args.train[0])
    run = RunFolder(model.parent)
    if run.config.exists():
        try:
            spec = as_decided(RunSpec.load(run.config), run)
            dataset = settled(spec, spec.task.load(spec.model_class, spec.tables, {}))
            material: Material = dataset.material  # type: ignore[attr-defined]
        except InputError:
            return [], "the evaluated recording"
        if material.sample_rate == recording.sample_rate:
            return material.train, _OWN_TRAINING
    return [], "the evaluated recording"


_OWN_TRAINING = "the training part of the run"


def _heard(recording: Recording, training: list[Excerpt]) -> list[str]:
    """A sentence if a part of the recording was trained on."""
    from fxtrain.data.copies import heard_before

    found = heard_before(training, recording) if training else []
    if not found:
        return []
    seconds = sum(end - start for start, end in found) / recording.sample_rate
    return [
        f"{seconds:.1f} of the {len(recording.input) / recording.sample_rate:.1f} s of {recording.files.input} are in "
        "the training part of the run, so the ESR is lower than on playing that the model has not heard"
    ]


def _lag(text: str) -> int | str:
    if text == "auto":
        return text
    try:
        return signed_int(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}; give a number of samples, or auto") from None


def _compared(args: argparse.Namespace, console: Console) -> dict[str, Any] | None:
    """Figures of a model that is no effect; None for effects.

    Raises:
        ModelFileError: a checkpoint is broken.
    """
    from fxtrain.folders import shipped_checkpoints
    from fxtrain.runs import RunFolder, RunSpec, load_trained_model
    from fxtrain.tasks import get_task
    from fxtrain.tasks.protocol import ComparingTask

    path: Path = args.model
    if not path.exists():
        path = shipped_checkpoints().get(str(path), path)
    if path.is_dir():
        folder = RunFolder(path)
        if not folder.config.exists() or not folder.best.exists() or RunSpec.load(folder.config).model_class.formats:
            return None
        path = folder.best
    elif path.suffix != ".pt" or not path.is_file():
        return None
    model = load_trained_model(path).model
    task = get_task(model.task)
    if model.formats or not isinstance(task, ComparingTask):
        return None
    figures = task.compare(model, args.dry, args.wet)
    task.print_summary(figures, console)
    return {"model": model.name, **figures}
