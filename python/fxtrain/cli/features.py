# SPDX-License-Identifier: MIT
"""``fxtrain features``: the hidden states of a speech encoder, in a file."""

from __future__ import annotations

import argparse
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from fxtrain.cli.outputs import require_free
from fxtrain.cli.terminal import shown
from fxtrain.errors import AudioFileError, InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``features``."""
    parser.add_argument("input", type=Path, metavar="IN", help="recording, of any rate and length")
    parser.add_argument("output", type=Path, metavar="OUT.npz", help="file to write")
    parser.add_argument(
        "--encoder",
        default="whisper",
        metavar="E",
        help="whisper (default), mel, random, a folder that save_pretrained wrote, or a name on the hub",
    )
    parser.add_argument(
        "--layer",
        type=_layer,
        default=2,
        metavar="L",
        help="which hidden state, or weighted for all; default: 2",
    )
    parser.add_argument("--force", action="store_true", help="overwrite an existing OUT.npz")


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any]:
    """Writes the hidden states."""
    import numpy as np
    import torch

    from fxtrain.audio.codecs import open_audio
    from fxtrain.audio.resampling import resample
    from fxtrain.models.generators._encoders import SAMPLE_RATE, load_encoder
    from fxtrain.tasks.vocoder.rendering import write_states

    require_free(args.output, force=args.force, sources=(args.input,))
    if args.output.suffix != ".npz":
        raise InputError(f"{args.output} is no .npz file: give it that suffix")
    encoder = load_encoder(args.encoder, args.layer)
    with open_audio(args.input) as reader:
        blocks = [block.mean(axis=0) for block in reader.blocks(1 << 20)]
        rate = reader.sample_rate
    if not blocks:
        raise AudioFileError(f"{args.input} has a header but no samples: export the recording again.")
    sound = resample(np.concatenate(blocks), rate, SAMPLE_RATE)
    states = encoder(torch.from_numpy(sound)[None])[0].numpy()
    write_states(args.output, states, encoder, str(args.layer))
    layers, frames, width = states.shape
    console.print(shown(f"{args.output}: {frames} frames of {layers} x {width} values, {encoder.kind}."))
    return {
        "output": str(args.output),
        "encoder": encoder.name,
        "sha256": encoder.sha256,
        "layers": layers,
        "frames": frames,
        "width": width,
    }


def _layer(text: str) -> int | Literal["weighted"]:
    if text == "weighted":
        return "weighted"
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a number or weighted, found {text}")
    return int(text)
