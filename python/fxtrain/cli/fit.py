# SPDX-License-Identifier: MIT
"""``fxtrain fit``: train a model; of a device, from a dry/wet pair."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from fxtrain.cli.arguments import (
    add_clip_arguments,
    add_lag_argument,
    add_recording_arguments,
    check_clips,
    finite_float,
    non_negative_int,
    positive_float,
    positive_int,
)
from fxtrain.cli.batch import run_batch, wet_recordings
from fxtrain.cli.progress import TrainingBar
from fxtrain.cli.terminal import shown
from fxtrain.config import Tables, build, load_preset, numbered, parse_setting, presets, read_toml, stem_of
from fxtrain.errors import FxtrainError, InputError, Interrupted, RankLostError
from fxtrain.folders import best_checkpoint, require_run
from fxtrain.gear import GEAR_TYPES, TONE_TYPES
from fxtrain.text import printable, quoted

if TYPE_CHECKING:
    from fxtrain.runs import RunFolder, RunSpec
    from fxtrain.tasks import Dataset
    from fxtrain.training.distributed import Ranks

_DEFAULT_MINUTES = 20.0
_NO_RECORDINGS = "fit needs DRY and WET, or --pairs CSV, or --resume RUN"


class NoRecordingsError(InputError):
    """An effect is to be trained, but on nothing."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``fit``."""
    parser.add_argument("dry", nargs="?", type=Path, metavar="DRY", help="recording of the direct guitar signal")
    parser.add_argument(
        "wet",
        nargs="*",
        type=Path,
        metavar="WET",
        help="the same playing through the device; with several, a model is trained for each, in a folder in --out",
    )
    data = parser.add_argument_group("recordings")
    data.add_argument("--wet-folder", type=Path, metavar="DIR", help="use all recordings in a folder instead of WET")
    data.add_argument("--val", nargs=2, type=Path, metavar=("DRY", "WET"), help="pair that chooses the best weights")
    data.add_argument("--test", nargs=2, type=Path, metavar=("DRY", "WET"), help="pair that only measures the result")
    data.add_argument("--pairs", type=Path, metavar="CSV", help="table: input,target,split,weight,clip_frames")
    add_recording_arguments(data)
    add_lag_argument(data)
    add_clip_arguments(data)
    data.add_argument("--fix-polarity", action="store_true", help="invert WET if its polarity is inverted")
    model = parser.add_argument_group("model")
    model.add_argument(
        "--model",
        default=None,
        metavar="NAME",
        help="architecture: a name that fxtrain models lists, or module:Class; default lstm",
    )
    model.add_argument("--preset", metavar="NAME", help=f"shipped settings: {', '.join(presets())}")
    model.add_argument("--config", type=Path, metavar="FILE.toml", help="settings from a file")
    model.add_argument(
        "--set",
        action="append",
        default=[],
        dest="settings",
        metavar="KEY=VALUE",
        help="one setting, for example hidden_size=16 (repeatable)",
    )
    model.add_argument(
        "--weight-storage",
        choices=("float32", "bfloat16"),
        help="number format of the recurrent weights; bfloat16 rounds them in training, for faster playing (default "
        "float32; worth it from 64 units up)",
    )
    model.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="NAME=RUN",
        help="another run whose output the model needs (repeatable; see fxtrain models)",
    )
    model.add_argument(
        "--checkpoint", type=Path, metavar="RUN|FILE.pt", help="start from the weights of an earlier run"
    )
    run = parser.add_argument_group("training")
    run.add_argument("--out", type=Path, metavar="DIR", help="folder of the run; default runs/<name of WET>")
    run.add_argument("--resume", type=Path, metavar="RUN", help="continue a run that was stopped")
    run.add_argument("--device", default="auto", help="auto, cuda, rocm, xpu, mps or cpu")
    run.add_argument("--epochs", type=positive_int, metavar="N", help="passes over the recording")
    run.add_argument("--max-steps", type=positive_int, metavar="N", help="optimiser steps to train")
    run.add_argument(
        "--max-minutes",
        type=positive_float,
        metavar="M",
        help=f"time limit; default {_DEFAULT_MINUTES:g}, or earlier if the error stops improving",
    )
    run.add_argument(
        "--until-converged",
        action="store_true",
        help="stop when the error stops improving, also with --epochs, --max-steps or --max-minutes",
    )
    run.add_argument("--batch-size", type=positive_int, metavar="B", help="sequences per batch (default 32)")
    run.add_argument("--lr", type=positive_float, help="peak learning rate (default: the model's own, 0.04 for lstm)")
    run.add_argument(
        "--scheduler",
        choices=("constant", "cosine", "exponential"),
        help="learning rate schedule (default cosine)",
    )
    run.add_argument(
        "--seed", type=non_negative_int, metavar="S", help="seed of the initial weights and the data order (default 0)"
    )
    run.add_argument(
        "--workers", type=non_negative_int, metavar="N", help="processes that prepare batches (default 0: none)"
    )
    run.add_argument(
        "--log",
        action="append",
        choices=("tensorboard",),
        default=[],
        help="also write training curves for TensorBoard into the run folder",
    )
    facts = parser.add_argument_group("metadata of the model file")
    facts.add_argument("--name", help="title of the capture")
    facts.add_argument("--author", help="who made it")
    facts.add_argument("--device-name", help="the amplifier or pedal")
    facts.add_argument("--gear-type", choices=GEAR_TYPES, help="type of device")
    facts.add_argument("--tone-type", choices=TONE_TYPES, help="how it sounds")
    facts.add_argument(
        "--input-dbu", type=finite_float, metavar="DBU", help="analog level of a full-scale sine at the device's input"
    )
    facts.add_argument(
        "--output-dbu",
        type=finite_float,
        metavar="DBU",
        help="analog level at the device's output that records at full scale",
    )
    facts.add_argument("--licence", help="licence of the model file")


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any] | None:
    """Trains and returns the metrics with the paths of what was made."""
    if "RANK" not in os.environ:  # of several processes that torchrun starts only one is to say it
        _refuse_early(args)
    from fxtrain.training.distributed import connected, is_distributed

    if not is_distributed():
        return _run(args, console)
    with connected() as ranks:
        if ranks.is_first:
            return _run(args, console, ranks)
        console.quiet = True
        try:
            _run(args, console, ranks)
        except RankLostError:
            raise
        except FxtrainError as error:  # all have it, and the first says it; torchrun ends all once one has ended
            with suppress(RankLostError):
                ranks.gather(None)
            raise SystemExit(error.exit_code) from None
        return None


def _refuse_early(args: argparse.Namespace) -> None:
    """Raises what :func:`spec_of` would raise, before torch is imported: that takes seconds."""
    if args.resume is not None:
        require_run(args.resume)
        return
    if args.preset:
        load_preset(args.preset)
    elsewhere = (args.model, args.config, args.pairs, args.val, args.test, args.wet_folder)
    if args.dry is None and not args.settings and all(each is None for each in elsewhere):
        raise NoRecordingsError(_NO_RECORDINGS)


def _run(args: argparse.Namespace, console: Console, ranks: Ranks | None = None) -> MutableMapping[str, Any]:
    from fxtrain.runs import RunFolder, RunSpec
    from fxtrain.training.distributed import ALONE

    ranks = ranks or ALONE
    if args.resume is not None:
        folder = RunFolder(args.resume)

        def find() -> RunSpec:
            folder.require()
            found = RunSpec.load(folder.config)
            folder.require_unfinished()
            return found

        return _train(ranks.first(find), folder, console, resume=True, loggers=args.log, ranks=ranks)
    if args.config is not None and "stages" in (document := read_toml(args.config)):
        if ranks.are_several:
            raise InputError(f"{args.config} lists stages, which one process trains: run it without torchrun")
        return _run_stages(args, document, console)
    wets = wet_recordings(args)
    if len(wets) > 1 or args.wet_folder is not None:
        if ranks.are_several:
            raise InputError("a batch of recordings is trained by one process: run it without torchrun")

        def train(spec: RunSpec, folder: RunFolder, resume: bool) -> MutableMapping[str, Any]:
            return _train(spec, folder, console, resume=resume, loggers=args.log)

        return run_batch(args, wets, console, spec_of=spec_of, train=train)
    args.wet = wets[0] if wets else None
    spec = ranks.each(lambda: spec_of(args))
    folder = RunFolder(args.out or Path("runs") / _default_name(spec, args))
    return _train(spec, folder, console, loggers=args.log, ranks=ranks)


def _run_stages(args: argparse.Namespace, document: Tables, console: Console) -> MutableMapping[str, Any]:
    """Runs the stages of a file that have not been run yet; the figures are those of the last one."""
    from fxtrain.runs import RunFolder
    from fxtrain.runs.stages import find_stages

    given = [name for name in ("dry", "model", "preset", "checkpoint", "pairs") if getattr(args, name) is not None]
    if given or args.settings or args.input:
        raise InputError(f"{args.config} lists stages, which take all settings from it: leave the other options out")
    out = args.out or Path("runs") / slug(args.config)
    result: MutableMapping[str, Any] = {}
    for stage in find_stages(document, args.config, out, command=args.command_line, default_minutes=_DEFAULT_MINUTES):
        console.print(f"\nstage   [bold]{shown(stage.name)}[/]{' is complete already' if stage.is_complete else ''}")
        folder = RunFolder(stage.folder)
        if stage.is_complete:
            result = {"run": str(folder.path), "report": str(folder.report), "exit_code": 0}
        else:
            result = _train(stage.spec, folder, console, resume=stage.is_begun, loggers=args.log)
        if result["exit_code"]:
            break
    return result


def _train(
    spec: RunSpec,
    folder: RunFolder,
    console: Console,
    *,
    resume: bool = False,
    loggers: Sequence[str] = (),
    ranks: Ranks | None = None,
) -> MutableMapping[str, Any]:
    from fxtrain.runs import fit
    from fxtrain.runs.log_file import log_to_file
    from fxtrain.training.distributed import ALONE

    ranks = ranks or ALONE
    ranks.each(spec.check)
    handler = None

    def announce(dataset: Dataset, reasons: Sequence[str]) -> None:
        nonlocal handler
        handler = log_to_file(folder.log)
        for notice in dataset.notices:
            console.print(f"[{_COLOURS[notice.level]}]{notice.level:>5}[/] {shown(notice.text)}")
        console.print(shown(dataset.summary))
        for reason in reasons:
            console.print(shown(reason))

    try:
        with stop_on_interrupt(say=not ranks.are_several) as should_stop, TrainingBar(console) as bar:
            metrics = fit(
                spec,
                folder,
                resume=resume,
                progress=bar,
                should_stop=should_stop,
                announce=announce,
                loggers=loggers,
                ranks=ranks,
            )
    except (Interrupted, KeyboardInterrupt) as stop:
        if isinstance(stop, KeyboardInterrupt) and not folder.last.exists():
            raise
        raise Interrupted(f"{str(stop) or 'stopped'}; {_how_to_go_on(folder.path)}") from None
    except RankLostError as lost:
        raise RankLostError(f"{lost}; {_how_to_go_on(folder.path, ranks.world)}") from None
    finally:
        if handler is not None:
            import logging

            logging.getLogger("fxtrain").removeHandler(handler)
            handler.close()
    if not ranks.is_first:
        return {"exit_code": 0}
    spec.task.print_summary(metrics, console)
    made = {"model": folder.model, "report": folder.report}
    for name, path in made.items():
        if path.exists():
            console.print(f"{name:<8}[bold]{shown(path)}[/]")
    if not metrics["complete"]:
        sys.stderr.write(f"fxtrain: {printable(_how_it_was_stopped(metrics, folder.path))}\n")
    return {
        **metrics,
        "run": str(folder.path),
        **({"model_file": str(folder.model)} if folder.model.exists() else {}),
        "report": str(folder.report),
        "exit_code": 0 if metrics["complete"] else 1,
    }


def _how_it_was_stopped(metrics: Mapping[str, Any], run: Path) -> str:
    training = metrics["training"]
    step = f"step {training['steps']} of {training['planned_steps']}"
    if metrics["stopped"] == "diverged":
        return (
            f"training diverged {training['divergences']} times and was ended at {step}; the model is the best before "
            "that; start a new run with a lower --lr, or look at the data with fxtrain check"
        )
    return f"stopped at {step}; all is saved, and the model is the best so far; {_how_to_go_on(run)}"


def _how_to_go_on(run: Path, processes: int = 1) -> str:
    start = ["fxtrain"] if processes == 1 else ["torchrun", f"--nproc-per-node={processes}", "-m", "fxtrain"]
    return f"go on with: {shlex.join([*start, 'fit', '--resume', str(run)])}"


def spec_of(args: argparse.Namespace) -> RunSpec:
    """What the arguments ask for.

    Raises:
        InputError: they make no run.
    """
    from fxtrain.models import get_model
    from fxtrain.runs import RunSpec, layer_tables
    from fxtrain.runs.spec import RunInput, known_tables

    if (args.dry is None) != (args.wet is None):
        raise InputError(f"fit needs both files, DRY and WET, but only {args.dry} was given")
    preset = load_preset(args.preset) if args.preset else {}
    model = preset.pop("run", {}).get("model", RunSpec.model)
    from_file = RunSpec(model=model)
    if args.config is not None:
        document = read_toml(args.config)
        document.setdefault("run", {}).setdefault("model", model)
        from_file = RunSpec.from_tables(document, where=args.config)
    name = args.model or from_file.model
    if args.model is not None and ":" in args.model:  # the program's own path of modules lacks the current folder
        sys.path.append(str(Path.cwd()))
    spec, tables = replace(from_file, model=name), from_file.tables
    if args.config is not None and from_file.is_of_a_run:  # what it was trained on, and how long, is not repeated
        tables = {table: values for table, values in from_file.for_another_run().items() if table in known_tables(name)}
    known = {table: [each.name for each in fields(kind)] for table, kind in known_tables(name).items()}
    layers = [
        preset,
        tables,
        *(parse_setting(setting, known) for setting in args.settings),
        _training_table(args),
    ]
    if args.weight_storage:
        layers.append({"model": {"weight_storage": args.weight_storage}})
    if get_model(name).task == "effect":
        layers += _effect_tables(args)
        if not any(stem_of(table) == "pair" for layer in layers for table in layer):
            raise NoRecordingsError(_NO_RECORDINGS)
    elif given := [option for option, value in _effect_options(args).items() if value]:
        raise InputError(
            f"{given[0]} is for effects, but {name} is a model of {get_model(name).task}: leave it out, and give its "
            f"settings with --set or --config"
        )
    return replace(
        spec,
        tables=layer_tables(name, *layers, default_minutes=_DEFAULT_MINUTES),
        device=args.device,
        checkpoint=None if args.checkpoint is None else best_checkpoint(args.checkpoint),
        inputs={**spec.inputs, **{key: RunInput(Path(run)) for key, run in map(_split_input, args.input)}},
        command=args.command_line,
    )


def _training_table(args: argparse.Namespace) -> Tables:
    """What the command line says of ``[training]``."""
    given = {
        "epochs": args.epochs,
        "max_steps": args.max_steps,
        "max_minutes": args.max_minutes,
        "until_converged": args.until_converged or None,
        "batch_size": args.batch_size,
        "learning_rate": args.lr,
        "scheduler": args.scheduler,
        "seed": args.seed,
        "workers": args.workers,
    }
    return {"training": {key: value for key, value in given.items() if value is not None}}


def _effect_options(args: argparse.Namespace) -> dict[str, Any]:
    """The options that are about recordings, as they were given."""
    names = {name: f"--{name.replace('_', '-')}" for name in (*_READING, *_METADATA, "val", "test", "pairs")}
    return {"DRY": args.dry} | {option: getattr(args, name, None) for name, option in names.items()}


def _effect_tables(args: argparse.Namespace) -> list[Tables]:
    """What the command line says of recordings, and of what the model file says."""
    from fxtrain.data.pair_table import PairFiles, read_pairs
    from fxtrain.tasks.effect import pair_tables

    check_clips(args)
    clips = {"clip_frames": args.clip_frames}

    def pair(files: Sequence[Path], **role: Any) -> PairFiles:
        return build(PairFiles, {"input": files[0], "target": files[1], **role, **clips}, where="pair")

    pairs = [] if args.dry is None else [pair((args.dry, args.wet))]
    if args.val:
        pairs.append(pair(args.val, split="validation"))
    if args.test:
        pairs.append(pair(args.test, split="test"))
    if args.pairs is not None:
        pairs += read_pairs(args.pairs)
    reading = {name: getattr(args, name) for name in _READING}
    metadata = {name: getattr(args, name) for name in _METADATA}
    return [
        {"reading": {key: value for key, value in reading.items() if value not in (None, [], False)}},
        {"metadata": {key: value for key, value in metadata.items() if value is not None}},
        pair_tables(pairs),
    ]


def _split_input(text: str) -> tuple[str, str]:
    name, separator, run = text.partition("=")
    if not separator or not name or not run:
        raise InputError(f"--input needs NAME=RUN, but {quoted(text)} was given")
    return name, run


def _default_name(spec: RunSpec, args: argparse.Namespace) -> str:
    pairs = numbered(spec.tables, "pair")
    if pairs:
        return slug(Path(spec.tables[pairs[0]]["target"]))
    return slug(args.config) if args.config is not None else spec.model


_READING = ("sample_rate", "channel", "dry_channel", "wet_channel", "ignore", "fix_polarity", "lag", "skip_frames")
_METADATA = ("name", "author", "device_name", "gear_type", "tone_type", "input_dbu", "output_dbu", "licence")
_COLOURS = {"note": "cyan", "warn": "yellow"}


@contextmanager
def stop_on_interrupt(*, say: bool = True) -> Iterator[Any]:
    """First Ctrl-C (or SIGTERM) asks to stop at a step; a second one ends at once, whatever is being written.

    Args:
        say: what happens now. Of several processes that train together none does: one that is left over when another
            was killed is told to end, too.
    """
    asked = False

    def ask(number: int, frame: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        if say:
            sys.stderr.write(
                "\nfxtrain: stopping at the next step and saving, then writing the best model so far and its report; "
                "press Ctrl-C again to skip the writing\n"
            )

    previous = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def slug(path: Path) -> str:
    """A file's name as that of a folder."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-.") or "run"
