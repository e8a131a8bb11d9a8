# SPDX-License-Identifier: MIT
"""Recordings of any length through an encoder and a vocoder, chunk by chunk."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
import torch
from numpy.typing import NDArray

from fxtrain.audio import AudioWriter
from fxtrain.audio.codecs import open_audio
from fxtrain.errors import AudioFileError, InputError
from fxtrain.models.generators._encoders import HOP, SAMPLE_RATE, Encoder
from fxtrain.models.generators.ssl_vocoder import SslVocoder

__all__ = ["SavedStates", "read_states", "reconstruct", "render_file", "render_states", "write_states"]

Samples = NDArray[np.float32]

_CHUNK_FRAMES = 500  # 10 s
_CONTEXT_FRAMES = 50  # heard before and after each chunk


def render_file(model: SslVocoder, encoder: Encoder, input: Path, output: Path) -> tuple[int, int]:
    """Writes the reconstruction of a recording, as long as the recording; memory does not grow with its length.

    Returns:
        The number of frames written, and their rate.

    Raises:
        AudioFileError: it cannot be read, or is empty.
    """
    rate = model.config.target_rate
    with open_audio(input) as reader:
        if reader.num_frames == 0:
            raise AudioFileError(f"{input} has a header but no samples: export the recording again.")
        counted = 0

        def mono() -> Iterator[Samples]:
            nonlocal counted
            for block in reader.blocks(1 << 16):
                counted += block.shape[1]
                yield block.mean(axis=0)

        written = 0
        with AudioWriter(output, rate) as writer:
            for sound in reconstruct(model, encoder, _at_encoder_rate(mono(), reader.sample_rate)):
                writer.write(sound)
                written += len(sound)
            wanted = round(counted * rate / reader.sample_rate)
            if written < wanted:
                writer.write(np.zeros(wanted - written, dtype=np.float32))
    if written > wanted:
        _shorten(output, wanted)
    return wanted, rate


def reconstruct(model: SslVocoder, encoder: Encoder, blocks: Iterator[Samples]) -> Iterator[Samples]:
    """Sound in, its reconstruction out, 10 s at a time.

    Each chunk is heard with a second of what comes before and after it.

    Args:
        model: in evaluation mode.
        encoder: that it was trained on.
        blocks: sound at 16 kHz, in blocks of any length.
    """
    hop = model.config.hop
    chunk, context = _CHUNK_FRAMES * HOP, _CONTEXT_FRAMES * HOP
    held = np.zeros(0, dtype=np.float32)
    before = 0  # samples of context at the beginning of what is held

    def decode(piece: Samples, skip: int, keep: int) -> Samples:
        with torch.inference_mode():
            sound = model(encoder(torch.from_numpy(piece)[None]))[0].numpy()
        return np.asarray(sound[skip // HOP * hop : (skip // HOP + keep) * hop])

    def advance() -> None:
        """Lets go of what is decoded, but for the context of what follows."""
        nonlocal held, before
        place = before + chunk
        before = min(context, place)
        held = held[place - before :]

    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) >= before + chunk + context:
            yield decode(held[: before + chunk + context], before, _CHUNK_FRAMES)
            advance()
    while len(held) > before:
        frames = min(_CHUNK_FRAMES, -(-(len(held) - before) // HOP))
        yield decode(held[: before + chunk + context], before, frames)
        advance()


def render_states(model: SslVocoder, states: NDArray[np.float32]) -> Samples:
    """Sound of hidden states of shape ``(layers, frames, width)``.

    Raises:
        InputError: they are of another shape than the model's.
    """
    if states.ndim != 3 or (states.shape[0], states.shape[2]) != (model.num_layers, model.width):
        raise InputError(
            f"the hidden states have the shape {states.shape}, expected ({model.num_layers}, frames, {model.width}): "
            "make them with fxtrain features and the run's own encoder and layer"
        )
    with torch.inference_mode():
        return np.asarray(model(torch.from_numpy(states.astype(np.float32))[None])[0].numpy())


def write_states(path: Path, states: NDArray[np.float32], encoder: Encoder, layer: str) -> None:
    """Saves hidden states with what they are, as ``.npz``."""
    with path.open("wb") as file:
        np.savez_compressed(
            file, states=states.astype(np.float16), encoder=encoder.name, layer=layer, sha256=encoder.sha256
        )


@dataclass(frozen=True, eq=False)
class SavedStates:
    """Hidden states out of a file, and what they are.

    Attributes:
        states: shape ``(layers, frames, width)``, finite.
        sha256: hash of the encoder's weights.
        layer: number of the encoder's layer, or ``weighted``.
    """

    states: NDArray[np.float32]
    sha256: str
    layer: str


_KEYS = ("states", "layer", "sha256")


def read_states(path: Path) -> SavedStates:
    """Hidden states that :func:`write_states` saved.

    Raises:
        InputError: it is no such file, or holds no frames, or NaN or infinity.
    """
    advice = "give a file that fxtrain features wrote"
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            if lacking := [key for key in _KEYS if key not in content]:
                raise InputError(f"{path} lacks {' and '.join(lacking)}, expected {', '.join(_KEYS)}: {advice}")
            states = content["states"].astype(np.float32)
            saved = SavedStates(states, str(content["sha256"]), str(content["layer"]))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: {advice}") from None
    except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error):
        raise InputError(f"{path} holds no hidden states: {advice}") from None
    if not states.size:
        raise InputError(f"{path} holds states of the shape {states.shape}, expected one frame at least: {advice}")
    if not np.isfinite(states).all():
        raise InputError(f"{path} holds NaN or infinity, expected finite hidden states: {advice}")
    return saved


def _at_encoder_rate(blocks: Iterator[Samples], sample_rate: int) -> Iterator[Samples]:
    if sample_rate == SAMPLE_RATE:
        yield from blocks
        return
    convert: Callable[..., Samples] = soxr.ResampleStream(
        sample_rate, SAMPLE_RATE, 1, dtype="float32", quality="VHQ"
    ).resample_chunk
    for block in blocks:
        yield convert(np.ascontiguousarray(block))
    yield convert(np.zeros(0, dtype=np.float32), last=True)


def _shorten(path: Path, num_frames: int) -> None:
    """Cuts the last frames off a file that was just written: less than one hidden state."""
    with open_audio(path) as reader:
        rate = reader.sample_rate
        left = num_frames
        with AudioWriter(path, rate) as writer:
            for block in reader.blocks(1 << 16):
                writer.write(block[0, :left])
                left -= min(left, block.shape[1])
