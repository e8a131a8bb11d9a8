# SPDX-License-Identifier: MIT
"""``fxtrain signal``: the standard three-minute test signal, to be played into a device and recorded."""

from __future__ import annotations

import argparse
from collections.abc import MutableMapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from fxtrain.cli.arguments import sample_rate
from fxtrain.cli.outputs import require_free
from fxtrain.cli.terminal import shown
from fxtrain.errors import AudioFileError

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's own arguments."""
    parser.add_argument("output", type=Path, metavar="OUT", help="where to write, 24 bits: .wav, .flac or .aiff")
    parser.add_argument(
        "--sample-rate",
        type=sample_rate,
        default=48000,
        metavar="HZ",
        help="sample rate of your recording session (default: 48000)",
    )
    parser.add_argument("--force", action="store_true", help="overwrite OUT")


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any] | None:
    """Writes the signal and tells what is played when."""
    from fxtrain.audio import write_audio
    from fxtrain.audio.decibels import amplitude_to_db
    from fxtrain.audio.levels import peak
    from fxtrain.synthetic.capture_signal import SECTIONS, capture_signal

    if args.output.suffix.lower() in (".ogg", ".oga"):
        raise AudioFileError(f"{args.output} would change the signal by its coding: use .wav, .flac or .aiff.")
    require_free(args.output, force=args.force)
    signal = capture_signal(args.sample_rate)
    write_audio(args.output, signal, args.sample_rate, subtype="PCM_24")

    table = Table(box=None, pad_edge=False)
    table.add_column("from", justify="right", no_wrap=True)
    table.add_column("to", justify="right", no_wrap=True)
    table.add_column("what", no_wrap=True)
    table.add_column("for", overflow="fold")
    for section in SECTIONS:
        table.add_row(_clock(section.start_seconds), _clock(section.end_seconds), section.name, section.purpose)
    console.print(table)
    console.print()
    peak_db = amplitude_to_db(peak(signal))
    seconds = len(signal) / args.sample_rate
    console.print(
        f"{shown(args.output)}: {seconds:g} s at {args.sample_rate} Hz, 24 bits, peak {peak_db:.1f} dBFS. "
        "Play it into the device, record what comes out, and give both to fxtrain check."
    )
    return {
        "output": str(args.output),
        "sample_rate": args.sample_rate,
        "num_frames": len(signal),
        "seconds": seconds,
        "peak_db": round(peak_db, 2),
        "sections": [asdict(section) for section in SECTIONS],
    }


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{seconds % 60:02.0f}"
