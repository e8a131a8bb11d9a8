# SPDX-License-Identifier: MIT
"""``fxtrain fit``: learn a device from a dry/wet pair."""

from __future__ import annotations

import argparse
import re
import shlex
import signal
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

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
from fxtrain.cli.logs import log_to_file
from fxtrain.cli.progress import TrainingBar
from fxtrain.cli.terminal import shown
from fxtrain.config import build, load_preset, merge, parse_setting, presets, read_toml
from fxtrain.errors import InputError, Interrupted
from fxtrain.text import printable, quoted
from fxtrain.training.schedulers import schedulers

_DEFAULT_MINUTES = 20.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``fit``."""
    parser.add_argument("dry", nargs="?", type=Path, metavar="DRY", help="recording of the direct guitar signal")
    parser.add_argument("wet", nargs="?", type=Path, metavar="WET", help="the same playing through the device")
    data = parser.add_argument_group("recordings")
    data.add_argument("--val", nargs=2, type=Path, metavar=("DRY", "WET"), help="pair that chooses the best weights")
    data.add_argument("--test", nargs=2, type=Path, metavar=("DRY", "WET"), help="pair that only measures the result")
    data.add_argument("--pairs", type=Path, metavar="CSV", help="table: input,target,split,weight,clip_frames")
    add_recording_arguments(data)
    add_lag_argument(data)
    add_clip_arguments(data)
    data.add_argument("--fix-polarity", action="store_true", help="turn an upside-down recording the right way up")
    model = parser.add_argument_group("model")
    model.add_argument("--model", default=None, metavar="NAME", help="architecture (see fxtrain models); default lstm")
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
        help="number format of the recurrent weights; bfloat16 trains with them rounded, for faster playing (default "
        "float32; pays from about 64 units)",
    )
    model.add_argument("--checkpoint", type=Path, metavar="FILE.pt", help="start from the weights of an earlier run")
    run = parser.add_argument_group("training")
    run.add_argument("--out", type=Path, metavar="DIR", help="folder of the run; default runs/<name of WET>")
    run.add_argument("--resume", type=Path, metavar="RUN", help="go on with a run that was stopped")
    run.add_argument("--device", default="auto", help="auto, cuda, rocm, xpu, mps or cpu")
    run.add_argument("--epochs", type=positive_int, metavar="N", help="passes over the recording")
    run.add_argument(
        "--max-minutes",
        type=positive_float,
        metavar="M",
        help=f"time to train; default {_DEFAULT_MINUTES:g}, ending earlier when converged",
    )
    run.add_argument(
        "--until-converged",
        action="store_true",
        help="end when the error no longer falls, also with --epochs or --max-minutes",
    )
    run.add_argument(
        "--batch-size", type=positive_int, default=32, metavar="B", help="sequences side by side (default 32)"
    )
    run.add_argument("--lr", type=positive_float, default=0.004, help="learning rate at its highest (default 0.004)")
    run.add_argument("--scheduler", choices=sorted(schedulers), default="cosine", help="course of the learning rate")
    run.add_argument("--seed", type=non_negative_int, default=0, metavar="S", help="of weights and order (default 0)")
    facts = parser.add_argument_group("facts for the model file")
    from fxtrain.export.metadata import GEAR_TYPES

    facts.add_argument("--name", help="of the capture")
    facts.add_argument("--author", help="who made it")
    facts.add_argument("--device-name", help="the amplifier or pedal")
    facts.add_argument("--gear-type", choices=GEAR_TYPES, help="what kind of device it is")
    facts.add_argument(
        "--input-dbu", type=finite_float, metavar="DBU", help="analog level of a full-scale sine at the device's input"
    )
    facts.add_argument(
        "--output-dbu", type=finite_float, metavar="DBU", help="analog level at the output that reads as full scale"
    )
    facts.add_argument("--licence", help="of the model file")


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any]:
    """Trains and returns the metrics with the paths of what was made."""
    from fxtrain.report.table import print_summary
    from fxtrain.training.fit import FitRequest, fit
    from fxtrain.training.run_folder import RunFolder

    resume = args.resume is not None
    if resume:
        folder = RunFolder(args.resume)
        folder.require()
        request = FitRequest.load(folder.config)
        folder.require_unfinished()
    else:
        request = _request(args)
        folder = RunFolder(args.out or Path("runs") / _slug(request.pairs[0].target))
    request.check()
    handler = None

    def announce(material: Any) -> None:
        nonlocal handler
        handler = log_to_file(folder.log)
        _announce(material, console)

    try:
        with _stop_on_interrupt() as should_stop, TrainingBar(console) as bar:
            metrics = fit(request, folder, resume=resume, progress=bar, should_stop=should_stop, announce=announce)
    except (Interrupted, KeyboardInterrupt) as stop:
        if isinstance(stop, KeyboardInterrupt) and not folder.last.exists():
            raise
        raise Interrupted(f"{str(stop) or 'stopped'}; {_how_to_go_on(folder.path)}") from None
    finally:
        if handler is not None:
            import logging

            logging.getLogger("fxtrain").removeHandler(handler)
            handler.close()
    print_summary(metrics, console)
    console.print(f"model   [bold]{shown(folder.model)}[/]\nreport  [bold]{shown(folder.report)}[/]")
    if not metrics["complete"]:
        training = metrics["training"]
        sys.stderr.write(
            f"fxtrain: stopped at step {training['steps']} of {training['planned_steps']}; all is saved, and the model "
            f"is the best so far; {printable(_how_to_go_on(folder.path))}\n"
        )
    return {
        **metrics,
        "run": str(folder.path),
        "model_file": str(folder.model),
        "report": str(folder.report),
        "exit_code": 0 if metrics["complete"] else 1,
    }


def _how_to_go_on(run: Path) -> str:
    return f"go on with: {shlex.join(['fxtrain', 'fit', '--resume', str(run)])}"


def _request(args: argparse.Namespace) -> Any:
    from fxtrain.data.material import PairFiles, Reading, read_pairs
    from fxtrain.export import Metadata
    from fxtrain.models import get_model
    from fxtrain.training.fit import FitRequest, sections
    from fxtrain.training.trainer import TrainingConfig

    if (args.dry is None) != (args.wet is None):
        raise InputError(f"fit needs both files, DRY and WET, but only {args.dry} was given")
    if args.dry is None and args.pairs is None:
        raise InputError("fit needs DRY and WET, or --pairs CSV, or --resume RUN")
    check_clips(args)
    clips = {"clip_frames": args.clip_frames}
    pairs = [] if args.dry is None else [PairFiles(input=args.dry, target=args.wet, **clips)]
    if args.val:
        pairs.append(PairFiles(input=args.val[0], target=args.val[1], split="validation", **clips))
    if args.test:
        pairs.append(PairFiles(input=args.test[0], target=args.test[1], split="test", **clips))
    if args.pairs is not None:
        pairs += read_pairs(args.pairs)
    from_file = {} if args.config is None else read_toml(args.config)
    earlier_run = from_file.pop("run", None)
    name = args.model or (earlier_run or {}).get("model", "lstm")
    if not isinstance(name, str):
        raise InputError(f"{args.config} was not written by fxtrain fit: run.model is {quoted(name)}")
    known = {table: [field.name for field in fields(section)] for table, section in sections(get_model(name)).items()}
    if earlier_run is not None:  # a run's config.toml: what it was trained on, and how long, is not repeated
        from_file = {table: values for table, values in from_file.items() if table in known}
    tables = merge(
        load_preset(args.preset) if args.preset else {},
        from_file,
        *(parse_setting(setting, known) for setting in args.settings),
        {"model": {"weight_storage": args.weight_storage}} if args.weight_storage else {},
    )
    unlimited = args.epochs is None and args.max_minutes is None
    training = build(
        TrainingConfig,
        {
            "epochs": args.epochs or 0,
            "max_minutes": args.max_minutes or (_DEFAULT_MINUTES if unlimited else None),
            "until_converged": args.until_converged or unlimited,
            "batch_size": args.batch_size,
            "learning_rate": args.lr,
            "scheduler": args.scheduler,
            "seed": args.seed,
        },
        where="training",
    )
    metadata = build(
        Metadata,
        {
            "name": args.name,
            "author": args.author,
            "device_name": args.device_name,
            "gear_type": args.gear_type,
            "input_dbu": args.input_dbu,
            "output_dbu": args.output_dbu,
            "licence": args.licence,
        },
        where="metadata",
    )
    return FitRequest(
        pairs=pairs,
        model=name,
        tables=tables,
        training=training,
        metadata=metadata,
        device=args.device,
        checkpoint=args.checkpoint,
        reading=Reading(
            sample_rate=args.sample_rate,
            channel=args.channel,
            dry_channel=args.dry_channel,
            wet_channel=args.wet_channel,
            ignore=tuple(args.ignore),
            fix_polarity=args.fix_polarity,
            lag=args.lag,
        ),
        skip_frames=args.skip_frames,
        command=args.command_line,
    )


def _announce(material: Any, console: Console) -> None:
    rate = material.sample_rate
    for recording in material.recordings:
        for verdict in recording.report.verdicts:
            level = "note" if verdict.ignored else verdict.level
            if level != "ok":
                console.print(f"[{_COLOURS[level]}]{level:>5}[/] {verdict.name}: {shown(verdict.message)}")
        for note in recording.notes:
            console.print(f" note {shown(note)}")
    lengths = {
        part: sum(len(excerpt.input) for excerpt in getattr(material, part)) / rate
        for part in ("train", "validation", "test")
    }
    parts = ", ".join(f"{part} {seconds:.1f} s" for part, seconds in lengths.items())
    console.print(f"{rate} Hz; {parts}; lag removed {material.lag_samples} samples")


_COLOURS = {"note": "cyan", "warn": "yellow"}


@contextmanager
def _stop_on_interrupt() -> Iterator[Any]:
    """First Ctrl-C (or SIGTERM) asks to stop at a step; a second one ends at once, whatever is being written."""
    asked = False

    def ask(number: int, frame: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
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


def _slug(path: Path) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-.") or "run"
