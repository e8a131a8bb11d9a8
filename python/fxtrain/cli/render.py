# SPDX-License-Identifier: MIT
"""``fxtrain render``: plays a recording through a model, from file to file."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from fxtrain import engine
from fxtrain.audio import AudioReader, AudioWriter
from fxtrain.cli.arguments import add_oversample_argument, add_quality_argument, positive_int
from fxtrain.cli.knobs import add_knob_argument, knob_text, knob_values, set_knobs
from fxtrain.cli.model_file import model_file
from fxtrain.cli.outputs import require_free
from fxtrain.cli.terminal import shown
from fxtrain.errors import AudioFileError, ConfigError, InputError
from fxtrain.folders import model_of_run

__all__ = ["add_arguments", "run"]


Block = npt.NDArray[np.float32]  # (channels, frames)
Player = Callable[[Block], Block]

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
        help="what plays the model: the real-time engine, PyTorch, or RTNeural where it was built in (default: engine)",
    )
    parser.add_argument(
        "--block-size", type=positive_int, default=4096, metavar="N", help="frames at a time (default: 4096)"
    )
    parser.add_argument(
        "--resample", action="store_true", help="convert the recording to the model's sample rate where they differ"
    )
    add_knob_argument(parser)
    add_oversample_argument(parser)
    add_quality_argument(parser)
    parser.add_argument(
        "--features", type=Path, metavar="FILE.npz", help="in place of IN, for a vocoder: what fxtrain features wrote"
    )
    parser.add_argument("--force", action="store_true", help="overwrite OUT")


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any] | None:
    """Plays the recording block by block; memory does not grow with its length."""
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
    play: Player = model.process
    latency = model.info.latency_frames
    if args.backend == "torch":  # plays whole blocks, without the latency of the network's structure
        play = _torch_player(args.model, model)
        latency -= model.info.network_latency_frames

    start = time.perf_counter()
    num_frames = 0
    peak = 0.0
    with AudioReader(args.input) as reader:
        if reader.num_frames == 0:
            raise AudioFileError(f"{args.input} has a header but no samples: export the recording again.")
        sample_rate = _output_rate(model.info, reader, resample=args.resample)
        model.process(np.zeros((reader.num_channels, 0), np.float32))  # its first block may have hardly any frames
        num_silent = model.prewarm()  # without a click at the start
        if args.backend == "torch":
            play(np.zeros((reader.num_channels, num_silent), np.float32))
        with (
            _progress_bar(console) as progress,
            AudioWriter(args.output, sample_rate, num_channels=reader.num_channels) as writer,
        ):
            task = progress.add_task("rendering", total=round(reader.num_frames * sample_rate / reader.sample_rate))
            blocks = _blocks(reader, args.block_size, sample_rate)
            for output in _aligned(blocks, play, latency):
                writer.write(output)
                num_frames += output.shape[1]
                peak = max(peak, float(np.abs(output).max()))
                progress.update(task, completed=num_frames)
    seconds = time.perf_counter() - start

    duration = num_frames / sample_rate
    console.print(
        shown(f"{args.output}: {duration:.1f} s at {sample_rate} Hz, {duration / seconds:.1f} times real time.")
    )
    if model.info.oversampling > 1:
        console.print(f"Played at {model.info.oversampling} times the sample rate.")
    if latency > 0:
        console.print(f"The model's latency of {latency} frames is taken out: the output is aligned with the input.")
    if peak > 1.0 and args.output.suffix.lower() in (".flac", ".ogg", ".oga"):
        console.print(
            f"The output peaks at {20 * np.log10(peak):+.1f} dBFS and is clipped; write a .wav to keep it whole."
        )
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
        "removed_latency": latency,
        "sample_rate": sample_rate,
        "num_channels": reader.num_channels,
        "num_frames": num_frames,
        "peak": peak,
        "faults": model.num_faults,
        "seconds": seconds,
        "times_real_time": duration / seconds,
    }


def _engine_backend(name: str) -> str:
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


def _aligned(blocks: Iterator[Block], play: Player, latency: int) -> Iterator[Block]:
    """The blocks as played, without the first ``latency`` frames and with as many more at the end."""
    late = latency
    num_channels = 0
    for block in blocks:
        num_channels = block.shape[0]
        output = play(block)[:, late:]
        late -= block.shape[1] - output.shape[1]
        if output.shape[1] > 0:
            yield output
    if latency > 0 and num_channels > 0:
        yield play(np.zeros((num_channels, latency), np.float32))[:, late:]


def _output_rate(info: engine.ModelInfo, reader: AudioReader, *, resample: bool) -> int:
    """The model's rate where it is known and resampling is asked for, else the recording's."""
    if info.sample_rate is None or info.sample_rate == reader.sample_rate:
        return reader.sample_rate
    if resample:
        return round(info.sample_rate)
    raise AudioFileError(
        f"{reader.path} is at {reader.sample_rate} Hz, but the model sounds as it should at {info.sample_rate:g} Hz "
        "only: add --resample to convert the recording first."
    )


def _blocks(reader: AudioReader, block_size: int, sample_rate: int) -> Iterator[Block]:
    """The recording at ``sample_rate``, in blocks of about ``block_size`` frames."""
    if sample_rate == reader.sample_rate:
        yield from reader.blocks(block_size)
        return
    converter = soxr.ResampleStream(
        reader.sample_rate, sample_rate, reader.num_channels, dtype="float32", quality="VHQ"
    )
    for block in reader.blocks(block_size):
        yield from _not_empty(converter.resample_chunk(block.T))
    yield from _not_empty(converter.resample_chunk(np.zeros((0, reader.num_channels), np.float32), last=True))


def _not_empty(converted: npt.NDArray[np.float32]) -> Iterator[Block]:
    if len(converted) > 0:
        yield np.ascontiguousarray(converted.T)


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
