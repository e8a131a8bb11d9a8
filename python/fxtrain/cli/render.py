# SPDX-License-Identifier: MIT
"""``fxtrain render``: plays a recording through a model, from file to file."""

from __future__ import annotations

import argparse
from collections.abc import MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from fxtrain.cli.arguments import add_oversample_argument, add_quality_argument, positive_int
from fxtrain.cli.knobs import add_knob_argument, knob_text, knob_values, set_knobs
from fxtrain.cli.outputs import require_free
from fxtrain.cli.terminal import shown
from fxtrain.errors import ConfigError, InputError, ModelFileError
from fxtrain.folders import model_of_run
from fxtrain.model_files import model_file

if TYPE_CHECKING:
    from fxtrain import engine
    from fxtrain.rendering import Block, Player, Rendered

__all__ = ["add_arguments", "run"]

_ENGINE_BACKENDS = {"engine": "fxengine", "rtneural": "rtneural"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's own arguments."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="the model file, or the folder of a run")
    parser.add_argument(
        "input", type=Path, nargs="?", metavar="IN", help="the recording; each channel is played on its own"
    )
    parser.add_argument("output", type=Path, metavar="OUT", help="where to write: .wav, .flac, .aiff or .ogg")
    parser.add_argument(
        "--backend",
        choices=[*_ENGINE_BACKENDS, "torch"],
        default="engine",
        help="play by the real-time engine, by PyTorch, or by RTNeural if it was built in (default: engine)",
    )
    parser.add_argument(
        "--block-size", type=positive_int, default=4096, metavar="N", help="frames at a time (default: 4096)"
    )
    parser.add_argument(
        "--resample", action="store_true", help="convert the recording to the model's sample rate if they differ"
    )
    add_knob_argument(parser)
    add_oversample_argument(parser)
    add_quality_argument(parser)
    parser.add_argument(
        "--features",
        type=Path,
        metavar="FILE.npz",
        help="for a vocoder, use this file from fxtrain features instead of IN",
    )
    parser.add_argument(
        "--rig",
        type=Path,
        metavar="FILE.vstpreset",
        help="in place of MODEL, a preset of the plugin: pedal, amp, tone and cabinet, as the plugin plays them",
    )
    parser.add_argument("--force", action="store_true", help="overwrite OUT")


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any] | None:
    """Plays the recording block by block; memory does not grow with its length."""
    if args.rig is not None:
        return _render_rig(args, console)
    if not args.model.exists():  # said before NumPy and SciPy are imported
        raise ModelFileError(f"{args.model}: expected a model file or the folder of a run, found no such file.")
    from fxtrain import engine
    from fxtrain.rendering import render_file

    if (rendered := _rendered(args, console)) is not None:
        return rendered
    if args.input is None:
        raise InputError("render needs a recording: fxtrain render MODEL IN.wav OUT.wav")
    args.model = model_file(args.model)
    require_free(args.output, force=args.force, sources=(args.input, args.model))
    if args.backend == "torch" and args.oversample > 1:
        raise ConfigError("--oversample needs the engine: leave --backend torch out, or play without oversampling.")
    if args.backend == "torch" and args.quality < 1:
        raise ConfigError("--backend torch plays the largest network of a file: leave it or --quality out.")
    model = engine.load(
        args.model, backend=_engine_backend(args.backend), oversampling=args.oversample, quality=args.quality
    )
    for note in model.info.notes:
        console.print(shown(f"{args.model}: {note}."))
    set_knobs(model, args.knob)
    if model.info.knobs:
        console.print(shown(f"Knobs: {knob_text(model)}."))
    player = _torch_player(args.model, model) if args.backend == "torch" else None
    with _progress_bar(console) as bar:
        task = bar.add_task("rendering")
        done = render_file(
            model,
            args.input,
            args.output,
            player=player,
            block_size=args.block_size,
            resample=args.resample,
            progress=lambda frames, total: bar.update(task, completed=frames, total=total),
        )
    _print_rendered(done, console)
    if model.info.oversampling > 1:
        console.print(f"Played at {model.info.oversampling} times the sample rate.")
    _print_notes(done, "model", console)
    if model.num_faults:
        console.print("The model gave NaN or infinity, which was made silence: the file or the model is damaged.")
    return {
        "model": str(args.model),
        "input": str(args.input),
        "output": str(args.output),
        "backend": args.backend,
        "knobs": knob_values(model),
        "oversampling": model.info.oversampling,
        "quality": model.info.quality,
        "removed_latency": done.removed_latency,
        "sample_rate": done.sample_rate,
        "num_channels": done.num_channels,
        "num_frames": done.num_frames,
        "peak": done.peak,
        "faults": model.num_faults,
        "seconds": done.seconds,
        "times_real_time": done.times_real_time,
    }


def _print_rendered(done: Rendered, console: Console) -> None:
    duration = done.num_frames / done.sample_rate
    console.print(
        shown(f"{done.output}: {duration:.1f} s at {done.sample_rate} Hz, {done.times_real_time:.1f} times real time.")
    )


def _print_notes(done: Rendered, player: str, console: Console) -> None:
    """What was done about its latency, and whether it clips."""
    from fxtrain.audio.decibels import amplitude_to_db

    if done.removed_latency > 0:
        console.print(
            f"The {player}'s latency of {done.removed_latency} frames is taken out: the output is aligned with the "
            "input."
        )
    if done.peak > 1.0 and done.output.suffix.lower() in (".flac", ".ogg", ".oga"):
        console.print(
            f"The output peaks at {amplitude_to_db(done.peak):+.1f} dBFS and is clipped; write a .wav to keep it whole."
        )


def _render_rig(args: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Plays a preset of the plugin; MODEL is left out, so that its place holds IN."""
    from fxtrain.cli.preset import describe_preset
    from fxtrain.plugin_files.preset import read_preset
    from fxtrain.rendering import render_rig

    if args.input is not None:
        raise InputError("render --rig takes no MODEL: fxtrain render --rig FILE.vstpreset IN.wav OUT.wav")
    source: Path = args.model
    refused = {
        "--backend": args.backend != "engine",
        "--resample": args.resample,
        "--knob": bool(args.knob),
        "--quality": args.quality != 1,
        "--features": args.features is not None,
    }
    if given := [option for option, present in refused.items() if present]:
        raise ConfigError(f"render --rig takes no {given[0]}: the preset says it; leave the option out")
    require_free(args.output, force=args.force, sources=(source, args.rig))
    preset = read_preset(args.rig)
    with _progress_bar(console) as bar:
        task = bar.add_task("rendering")
        done, rig = render_rig(
            preset,
            source,
            args.output,
            oversampling=args.oversample,
            block_size=args.block_size,
            progress=lambda frames, total: bar.update(task, completed=frames, total=total),
        )
    _print_rendered(done, console)
    _print_notes(done, "rig", console)
    if rig.num_faults:
        console.print("The rig gave NaN or infinity, which was made silence: a model in the preset is damaged.")
    return {
        "rig": str(args.rig),
        "input": str(source),
        "output": str(args.output),
        "preset": describe_preset(preset),
        "oversampling": args.oversample,
        "removed_latency": done.removed_latency,
        "sample_rate": done.sample_rate,
        "num_channels": done.num_channels,
        "num_frames": done.num_frames,
        "peak": done.peak,
        "faults": rig.num_faults,
        "seconds": done.seconds,
        "times_real_time": done.times_real_time,
    }


def _engine_backend(name: str) -> str:
    from fxtrain import engine

    backend = _ENGINE_BACKENDS.get(name, "fxengine")
    if backend not in engine.available_backends():
        raise ConfigError(f"--backend {name} is not in this build: use engine, or build with FXTRAIN_RTNEURAL=ON.")
    return backend


def _torch_player(path: Path, model: engine.Model) -> Player:
    """PyTorch in float32; ``model`` has already checked the file."""
    import torch

    from fxtrain.formats import read_torch_model

    if model.info.num_inputs != 1:
        raise ConfigError(f"--backend torch plays models without knobs only, and {path} has some: use the engine.")
    torch.set_num_threads(1)  # one frame is too little work to share: threads would wait for each other
    network = read_torch_model(path, dtype=torch.float32)

    def play(block: Block) -> Block:
        output: Block = network(torch.from_numpy(block)).numpy()
        return output

    return play


def _progress_bar(console: Console) -> Progress:
    return Progress(
        TextColumn("rendering"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _rendered(args: argparse.Namespace, console: Console) -> dict[str, Any] | None:
    """What a model made that is no effect; None for effects.

    Raises:
        InputError: it takes no recordings, or ``--features`` do not fit it.
    """
    path: Path = args.model
    if path.is_dir():
        path = Path() if model_of_run(path).exists() else path / "best.pt"
    if path.suffix != ".pt" or not path.is_file():
        if args.features is not None:
            raise InputError(f"{args.model} takes no --features: give a run of ssl-vocoder")
        return None
    from fxtrain.runs import load_trained_model  # and torch with it
    from fxtrain.tasks import get_task
    from fxtrain.tasks.protocol import RenderingTask

    trained = load_trained_model(path)
    task = get_task(trained.model.task)
    if trained.model.formats or not isinstance(task, RenderingTask):
        return None
    given = args.features if args.features is not None else args.input
    if given is None:
        raise InputError("render needs a recording, or --features FILE.npz: fxtrain render RUN IN.wav OUT.wav")
    require_free(args.output, force=args.force, sources=(given, path))
    result = task.render(trained.model, trained.facts, given, args.output)
    rate, speed = result["sample_rate"], result["times_real_time"]
    console.print(
        shown(f"{args.output}: {result['num_frames'] / rate:.1f} s at {rate} Hz, {speed:.1f} times real time.")
    )
    return {"model": str(args.model), **result}
