# SPDX-License-Identifier: MIT
"""``fxtrain restore``: put back what a lossy codec took."""

from __future__ import annotations

import argparse
import time
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from fxtrain.cli.arguments import non_negative_int, positive_float, positive_int
from fxtrain.cli.outputs import require_free
from fxtrain.cli.terminal import shown
from fxtrain.errors import AudioFileError, ConfigError, InputError
from fxtrain.text import quoted

if TYPE_CHECKING:
    from fxtrain.models.generators._restoration import RestorationModel

_SHORTEST_SECONDS = 0.1
_SILENT = 1e-4  # peak; -80 dBFS
_BLOCK_FRAMES = 1 << 16
_FORCED_HZ = 16_000.0  # where restoration begins in sound whose highs do not end
_KINDS = ("gan", "diffusion", "mse")
_CODED = {"MPEG_LAYER_III": "mp3", "VORBIS": "vorbis", "OPUS": "opus", "AAC": "aac", "WMAV2": "wma"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``restore``."""
    parser.add_argument("input", type=Path, metavar="IN", help="MP3, AAC, M4A, Ogg, Opus, WAV or FLAC, of any length")
    parser.add_argument("output", type=Path, metavar="OUT", help="WAV or FLAC to write")
    parser.add_argument(
        "--model",
        default="gan",
        metavar="gan|diffusion|mse|RUN",
        help="a shipped model or the folder of a run; default gan",
    )
    parser.add_argument("--steps", type=positive_int, metavar="N", help="diffusion steps; default: those of the model")
    parser.add_argument("--seed", type=non_negative_int, default=0, metavar="S", help="random seed; default 0")
    parser.add_argument(
        "--mix", type=_share, default=1.0, metavar="0..1", help="how much of the restored highs to add; default 1"
    )
    parser.add_argument("--full", action="store_true", help="also correct the sound below the cutoff")
    parser.add_argument("--cutoff", type=positive_float, metavar="HZ", help="where the highs end; default: detected")
    parser.add_argument(
        "--force", action="store_true", help="restore even if nothing is missing, and overwrite an existing OUT"
    )


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any]:
    """Finds what is missing, and adds it."""
    from fxtrain.audio import AudioWriter
    from fxtrain.audio.codecs import open_audio
    from fxtrain.tasks.restoration.restorer import Restorer

    require_free(args.output, force=args.force, sources=(args.input,))
    if args.output.suffix.lower() not in (".wav", ".flac"):
        raise InputError(
            f"{args.output} is not a WAV or FLAC file: name it .wav or .flac, so that nothing is lost again"
        )
    found = _look(args.input)
    model, name = _load(args.model)
    if args.full and not model.corrects_lows:
        raise InputError(
            f"{args.model} makes highs alone (its diffusion works on latents), so there is nothing for --full to "
            "correct: leave it out, or give another model"
        )
    if args.cutoff is not None and args.cutoff >= found.sample_rate / 2:
        raise InputError(
            f"--cutoff is {args.cutoff:g} Hz, but {args.input} is at {found.sample_rate} Hz: give a frequency below "
            f"half of that, {found.sample_rate / 2:g} Hz"
        )
    cutoff = args.cutoff if args.cutoff is not None else found.cutoff_hz
    result: dict[str, Any] = {
        "input": str(args.input),
        "output": str(args.output),
        "cutoff_hz": cutoff,
        "codec_guess": found.codec,
        "model": name,
        "seed": args.seed,
    }
    console.print(shown(f"{args.input}: {_described(found)}"))
    if cutoff is None:
        if not args.force:
            console.print("Nothing is missing, so nothing was written; --force restores above 16 kHz all the same.")
            return {**result, "restored": False, "real_time_factor": None}
        cutoff = result["cutoff_hz"] = min(_FORCED_HZ, 0.4 * found.sample_rate)
    if found.sample_rate != model.sample_rate:
        console.print(
            f"The model works at {model.sample_rate} Hz: what it makes is converted to {found.sample_rate} Hz."
        )
    start = time.perf_counter()
    with open_audio(args.input) as reader:
        restorer = Restorer(
            model,
            reader.sample_rate,
            reader.num_channels,
            cutoff,
            seed=args.seed,
            steps=args.steps,
            mix=args.mix,
            full=args.full,
        )
        with (
            _progress_bar(console) as progress,
            AudioWriter(args.output, reader.sample_rate, num_channels=reader.num_channels) as writer,
        ):
            bar = progress.add_task("restoring", total=found.num_frames)
            num_frames = restorer.run(
                reader.blocks(_BLOCK_FRAMES),
                writer.write,
                progress=lambda frames: progress.update(bar, completed=frames),
            )
    seconds = time.perf_counter() - start
    factor = num_frames / found.sample_rate / seconds
    console.print(shown(f"{args.output}: {num_frames / found.sample_rate:.1f} s, {factor:.1f} times real time."))
    return {
        **result,
        "restored": True,
        "num_frames": num_frames,
        "sample_rate": found.sample_rate,
        "num_channels": found.num_channels,
        "real_time_factor": factor,
        "seconds": seconds,
    }


@dataclass(frozen=True)
class _Found:
    """What a recording turned out to be."""

    sample_rate: int
    num_channels: int
    num_frames: int
    cutoff_hz: float | None
    codec: str | None
    is_known: bool


def _look(path: Path) -> _Found:
    """Reads a recording once, to find its length and where its highs end.

    Raises:
        AudioFileError: it is no sound, too short, or silent.
    """
    import numpy as np

    from fxtrain.audio.codecs import open_audio
    from fxtrain.audio.cutoff import LongTermSpectrum, find_cutoff, guess_rate

    with open_audio(path) as reader:
        spectrum = LongTermSpectrum(reader.sample_rate)
        num_frames, peak = 0, 0.0
        for block in reader.blocks(_BLOCK_FRAMES):
            spectrum.add(block[:2])
            num_frames += block.shape[1]
            peak = max(peak, float(np.abs(block).max()))
        coding = _CODED.get(reader.subtype)
        sample_rate, num_channels = reader.sample_rate, reader.num_channels
    if num_frames < _SHORTEST_SECONDS * sample_rate:
        raise AudioFileError(
            f"{path} holds {num_frames / sample_rate:.3f} s of sound, expected {_SHORTEST_SECONDS} s at least: give a "
            "longer recording"
        )
    if peak < _SILENT:
        raise AudioFileError(f"{path} is silent: its peak is {peak:.1e}, so there is nothing to restore from")
    cutoff = find_cutoff(spectrum)
    if coding is not None:
        kbps = path.stat().st_size * 8 / (num_frames / sample_rate) / 1000
        return _Found(sample_rate, num_channels, num_frames, cutoff, f"{coding}, {kbps:.0f} kbps", True)
    guess = None if cutoff is None else f"about {guess_rate(cutoff, num_channels)} kbps"
    return _Found(sample_rate, num_channels, num_frames, cutoff, guess, False)


def _described(found: _Found) -> str:
    coded = f"{found.codec}, " if found.is_known else ""
    if found.cutoff_hz is None:
        return f"{coded}the highs reach as far as they can at {found.sample_rate} Hz."
    return f"{coded}cutoff {found.cutoff_hz / 1000:.1f} kHz" + ("." if found.is_known else f", {found.codec}.")


def _load(given: str) -> tuple[RestorationModel, str]:
    """The model that ``--model`` names, and what to call it.

    Raises:
        InputError: there is none, or it is of another kind.
    """
    from fxtrain.folders import shipped_checkpoints
    from fxtrain.models.generators._restoration import RestorationModel
    from fxtrain.runs import RunFolder, load_trained_model

    kind = given.removeprefix("restore-")  # --json and the docs call them restore-gan and so on
    if kind in _KINDS and not Path(given).exists():
        given, shipped = kind, shipped_checkpoints()
        if given not in shipped:
            raise ConfigError(
                f"no trained model {quoted(given)} comes with this fxtrain ({', '.join(shipped) or 'none does'}): "
                f"give --model RUN, the folder of a run of fxtrain fit --model restore-{given}"
            )
        path = shipped[given]
    else:
        path = Path(given)
        if path.is_dir():
            path = RunFolder(path).best
        if not path.is_file():
            raise InputError(
                f"{given} is no model: give {', '.join(_KINDS[:-1])} or {_KINDS[-1]}, or the folder of a run of "
                "fxtrain fit"
            )
    trained = load_trained_model(path)
    if not isinstance(trained.model, RestorationModel):
        raise InputError(
            f"{given} is a model {trained.model.name} ({trained.model.summary}), expected one that restores: "
            "restore-gan, restore-diffusion or restore-mse"
        )
    return trained.model, trained.model.name


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def _progress_bar(console: Console) -> Any:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("restoring"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, transient=True)
