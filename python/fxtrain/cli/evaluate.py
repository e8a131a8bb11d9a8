# SPDX-License-Identifier: MIT
"""``fxtrain evaluate``: how close a model comes to a recording."""

from __future__ import annotations

import argparse
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from rich.console import Console

from fxtrain.cli.arguments import non_negative_int, positive_int

SUMMARY = "measure how close a model comes to a recording that it was not trained on"
MODE = "inference"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``evaluate``."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="model file, or folder of a run")
    parser.add_argument("dry", type=Path, metavar="DRY", help="recording of the direct guitar signal")
    parser.add_argument("wet", type=Path, metavar="WET", help="the same playing through the device")
    parser.add_argument(
        "--lag", type=_lag, metavar="N|auto", help="samples that WET is late; default: as removed in training"
    )
    parser.add_argument(
        "--train",
        nargs=2,
        type=Path,
        metavar=("DRY", "WET"),
        help="pair to fit the linear baselines on; default: the run's own, else the evaluated pair",
    )
    parser.add_argument("--sample-rate", type=positive_int, metavar="HZ", help="resample the recordings")
    parser.add_argument(
        "--clip-frames", type=positive_int, default=0, metavar="N", help="the recording is clips of N frames joined"
    )
    parser.add_argument(
        "--skip-frames", type=non_negative_int, default=0, metavar="N", help="leave out N frames at each join"
    )
    parser.add_argument(
        "--ignore", action="append", default=[], metavar="NAME", help="go on although this check says stop (repeatable)"
    )


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any]:
    """Prints and returns ESR, baselines and further metrics."""
    from fxtrain import engine
    from fxtrain.data.material import PairFiles, load_recording, whole_excerpt
    from fxtrain.errors import ConfigError, InputError
    from fxtrain.report.baselines import fit_baselines
    from fxtrain.report.evaluation import play, segments_of
    from fxtrain.report.metrics import measure
    from fxtrain.report.table import print_summary
    from fxtrain.training.run_folder import RunFolder

    if args.clip_frames and args.skip_frames >= args.clip_frames:
        raise ConfigError(f"--skip-frames {args.skip_frames} leaves nothing of clips of {args.clip_frames} frames")
    path = RunFolder(args.model).model if args.model.is_dir() else args.model
    player = engine.load(path)
    lag = player.info.lag if args.lag is None else args.lag
    recording = load_recording(
        PairFiles(input=args.dry, target=args.wet, clip_frames=args.clip_frames),
        sample_rate=args.sample_rate,
        ignore=args.ignore,
        lag=None if lag == "auto" else lag,
    )
    rate = player.info.sample_rate
    if rate and recording.sample_rate != rate:
        raise InputError(
            f"the recordings have {recording.sample_rate} Hz but {path} was made at {rate:g} Hz; "
            f"add --sample-rate {rate:g} to resample them"
        )
    excerpt = whole_excerpt(recording, args.skip_frames)
    take = play(player, [excerpt])
    figures = measure(take.prediction, take.target, recording.sample_rate, mask=take.mask)
    training, fitted_on = _training_part(args, path, recording.sample_rate, recording.lag_removed)
    baselines = fit_baselines(segments_of(training or [excerpt])).score(segments_of([excerpt]))
    result = {
        "esr": figures["esr"],
        "baselines": baselines,
        "baselines_fitted_on": fitted_on,
        "test": figures,
        "lag_samples": recording.lag_removed,
        "polarity": recording.report.to_dict()["polarity"],
        "model": str(path),
        "notes": list(recording.notes),
    }
    print_summary(result, console)
    return result


def _training_part(args: argparse.Namespace, model: Path, sample_rate: int, lag: int) -> tuple[list[Any], str]:
    """Excerpts to fit the baselines on, and where they come from; none means the evaluated pair itself."""
    from fxtrain.config import build
    from fxtrain.data import SplitConfig
    from fxtrain.data.material import PairFiles, load_material, load_recording, whole_excerpt
    from fxtrain.errors import InputError
    from fxtrain.training.fit import FitRequest
    from fxtrain.training.run_folder import RunFolder

    if args.train:
        files = PairFiles(input=args.train[0], target=args.train[1], clip_frames=args.clip_frames)
        recording = load_recording(files, sample_rate=args.sample_rate, ignore=args.ignore, lag=lag)
        return [whole_excerpt(recording, args.skip_frames)], str(args.train[0])
    config = RunFolder(model.parent).config
    if config.exists():
        try:
            request = FitRequest.load(config)
            material = load_material(
                request.pairs,
                split=build(SplitConfig, request.tables.get("split", {}), where="split"),
                skip_frames=request.skip_frames,
                sample_rate=request.sample_rate,
                ignore=request.ignore,
                fix_polarity=request.fix_polarity,
            )
        except InputError:
            return [], "the evaluated recording"
        if material.sample_rate == sample_rate:
            return material.train, "the training part of the run"
    return [], "the evaluated recording"


def _lag(text: str) -> int | str:
    if text == "auto":
        return text
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number of samples or auto, found {text}") from None
