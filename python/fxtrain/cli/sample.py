# SPDX-License-Identifier: MIT
"""``fxtrain sample``: makes sound with a trained generator."""

from __future__ import annotations

import argparse
import time
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from fxtrain.cli.arguments import finite_float, non_negative_int, positive_float, positive_int
from fxtrain.cli.outputs import require_free
from fxtrain.cli.terminal import shown
from fxtrain.errors import InputError

_LONGEST_SECONDS = 3600.0
_NAMED_CLASSES = 12
_SUBTYPES = {".wav": "PCM_16", ".aiff": "PCM_16", ".flac": "PCM_16"}  # finer than mu-law; float files hold a date


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``sample``."""
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a run of a generator")
    parser.add_argument("output", type=Path, metavar="OUT", help="where to write: .wav, .flac, .aiff or .ogg")
    parser.add_argument(
        "--seconds", type=positive_float, metavar="N", help="length; default 3, or the length of the mels"
    )
    parser.add_argument(
        "--seed", type=non_negative_int, default=0, metavar="S", help="another seed gives another sound; default 0"
    )
    parser.add_argument(
        "--temperature",
        type=finite_float,
        default=1.0,
        metavar="T",
        help="below 1 favours likely samples, 0 always takes the likeliest (default 1)",
    )
    parser.add_argument("--class", dest="class_name", metavar="NAME", help="speaker or other class; default: the first")
    mels = parser.add_mutually_exclusive_group()
    mels.add_argument("--mel-of", type=Path, metavar="IN", help="follow the mel-spectrogram of a recording")
    mels.add_argument("--mel", type=Path, metavar="FILE.npz", help="follow mels from a file")
    parser.add_argument(
        "--count",
        type=positive_int,
        default=1,
        metavar="N",
        help="number of sounds, written to OUT-1, OUT-2 and so on with the seeds S, S+1 and so on",
    )
    parser.add_argument(
        "--backend",
        choices=("auto", "native", "torch"),
        default="auto",
        help="use the CPU kernels or PyTorch (default: the kernels, if they are built)",
    )
    parser.add_argument("--force", action="store_true", help="overwrite OUT")


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any]:
    """Makes the sounds."""
    import torch

    from fxtrain.audio import write_audio
    from fxtrain.models.generators._wavenet_native import is_available
    from fxtrain.models.generators._wavenet_sampling import Draw
    from fxtrain.models.generators.wavenet import WaveNetGenerator
    from fxtrain.runs import RunFolder, load_trained_model
    from fxtrain.tasks.generation.sampling import open_request

    outputs = _outputs(args.output, args.count)
    for output in outputs:
        require_free(output, force=args.force, sources=[path for path in (args.mel_of, args.mel) if path is not None])
    if args.temperature < 0:
        raise InputError(f"--temperature is {args.temperature:g}, expected 0 or more")
    if args.seconds is not None and args.seconds > _LONGEST_SECONDS:
        raise InputError(f"--seconds is {args.seconds:g}, expected {_LONGEST_SECONDS:g} at most")
    if args.backend == "native" and not is_available():
        raise InputError("this build has no kernels to sample with: leave --backend out")
    folder = RunFolder(args.run)
    folder.require()
    model = load_trained_model(folder.best).model
    if not isinstance(model, WaveNetGenerator):
        raise InputError(
            f"{args.run} is a run of {model.name}, which makes no sound of its own: give one of a generator"
        )
    request = open_request(model, seconds=args.seconds, class_name=args.class_name, mel_of=args.mel_of, mel=args.mel)
    if model.classes and args.class_name is None:
        others = f"; --class takes {', '.join(model.classes[1:_NAMED_CLASSES])}" if len(model.classes) > 1 else ""
        console.print(f"[cyan] note[/] {shown(f'the class is {model.classes[0]}{others}')}")
    warnings = []
    if args.temperature == 0:
        warnings.append("the likeliest sample each time ends in silence or a constant tone: use --temperature 1")
        console.print(f"[yellow] warn[/] {warnings[0]}")
    torch.set_num_threads(1)  # one sample is too little work to share
    native = None if args.backend == "auto" else args.backend == "native"
    rate = model.sample_rate
    began = time.perf_counter()
    with _bar(console) as bar:
        task = bar.add_task("sampling", total=request.num_samples * args.count, speed="")
        for number, output in enumerate(outputs):

            def progress(done: int, before: int = number * request.num_samples) -> None:
                speed = (before + done) / max(time.perf_counter() - began, 1e-9)
                bar.update(task, completed=before + done, speed=f"{speed / 1000:.2f} k samples/s")

            draw = Draw(args.seed + number, args.temperature)
            samples = request.make(model, draw, native=native, progress=progress)
            write_audio(output, samples, rate, _SUBTYPES.get(output.suffix.lower()))
    seconds = time.perf_counter() - began
    total = request.num_samples * args.count / rate
    length = f"{args.count} sounds of " if args.count > 1 else ""
    console.print(
        shown(
            f"{', '.join(map(str, outputs))}: {length}{request.num_samples / rate:.2f} s at {rate} Hz, "
            f"{total / seconds:.3g} times real time."
        )
    )
    return {
        "run": str(args.run),
        "outputs": [str(output) for output in outputs],
        "sample_rate": rate,
        "num_samples": request.num_samples,
        "seed": args.seed,
        "temperature": args.temperature,
        "class": None if request.label is None else model.classes[request.label],
        "seconds": seconds,
        "samples_per_second": request.num_samples * args.count / seconds,
        "warnings": warnings,
    }


def _outputs(output: Path, count: int) -> list[Path]:
    if count == 1:
        return [output]
    return [output.with_name(f"{output.stem}-{number}{output.suffix}") for number in range(1, count + 1)]


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("sampling"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[speed]}"),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
