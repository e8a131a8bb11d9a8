# SPDX-License-Identifier: MIT
"""Test vectors: a stretch of input and the exact output, embedded in every model file."""

from __future__ import annotations

import copy
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from fxtrain.errors import ModelFileError
from fxtrain.models.effects._effect import EffectModel
from fxtrain.synthetic import synthesise_guitar

__all__ = ["VECTOR_FRAMES", "programme", "test_vectors"]

VECTOR_FRAMES = 2048
"""Fewer for models of more than 524 288 weights, so that a file is written and tested in bounded time."""
_FEWEST_FRAMES = 512
_MOST_WORK = VECTOR_FRAMES * 2**19
"""Weights times frames."""
_FADE_FRAMES = 512
"""At the start: no player begins in the middle of a loud note, and what a network does there can be ill-conditioned."""
_NUM_ROUNDINGS = 16
_ROUNDING = 2.0**-22
"""Of the input, relative: two to four units in the last place."""
_GREATEST_ERROR = 0.01
"""That a file may state."""
_GAINS = tuple(np.float32(gain) for gain in (1.0, 0.1, 0.01))
_PROGRAMME_SECONDS = 8.0
_PROGRAMME_SEED = 1


@lru_cache(maxsize=4)
def programme(sample_rate: int) -> NDArray[np.float32]:
    """The fixed direct-guitar clip that test vectors are taken from.

    Returns:
        Eight seconds of synthetic playing, shape ``(frames,)``; the same for every model of that rate.
    """
    return synthesise_guitar(_PROGRAMME_SECONDS, sample_rate, _PROGRAMME_SEED)


def test_vectors(
    model: EffectModel, sample_rate: int, *, num_silent: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Input, output and the float32 error of a model on programme-level guitar.

    The input is the loudest stretch of :func:`programme`, faded in, played from a fresh state, after ``num_silent``
    frames of silence, by what stands before the linear stage: so that a player without one can test itself too. It is
    played softer where the model magnifies rounding at that level, as one can that was trained on soft playing.

    How far a float32 player may be from the exact output depends on how it rounds. One player's error says little
    where a network magnifies rounding in a few frames, so torch plays the input several times, each a little different.

    Returns:
        Input (float32 values) and float64 output, each of shape ``(frames,)``, and the greatest difference between
        torch's float32 outputs and the float64 one.

    Raises:
        ModelFileError: the output is not finite.
    """
    clip = programme(sample_rate)
    energy = np.cumsum(np.concatenate([[0.0], clip.astype(np.float64) ** 2]))
    num_weights = sum(weight.numel() for weight in model.parameters())
    num_frames = max(_FEWEST_FRAMES, min(VECTOR_FRAMES, _MOST_WORK // num_weights))
    start = int(np.argmax(energy[num_frames:] - energy[:-num_frames]))
    x = clip[start : start + num_frames].copy()
    x[:_FADE_FRAMES] *= np.sin(np.linspace(0, np.pi / 2, _FADE_FRAMES, endpoint=False)).astype(np.float32) ** 2
    single = copy.deepcopy(model).cpu().float().eval()
    single.linear_stage = None
    double = copy.deepcopy(single).double()
    late = model.latency_frames  # which files leave out
    padded = np.concatenate([np.zeros(num_silent, np.float32), x, np.zeros(late, np.float32)])
    start = num_silent + late
    for gain in _GAINS:
        exact, error = _played(double, single, gain * padded, start)
        if error <= _GREATEST_ERROR:
            break
    return (gain * x).astype(np.float64), exact, error


def _played(
    double: EffectModel, single: EffectModel, padded: NDArray[np.float32], start: int
) -> tuple[NDArray[np.float64], float]:
    """The exact output, and the greatest difference of rounded ones."""
    with torch.no_grad():
        exact = double(torch.from_numpy(padded.astype(np.float64))[None])[0][0, start:].numpy()
        rounded = single(torch.from_numpy(_roundings(padded)))[0][:, start:].numpy()
    if not np.isfinite(exact).all():
        raise ModelFileError("the output of the model is not finite; go back to an earlier checkpoint")
    return exact, float(np.abs(exact - rounded).max())


def _roundings(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """The input as it is, and others within four units in the last place of it, shape ``(roundings, frames)``."""
    noise = np.random.default_rng(0).uniform(-_ROUNDING, _ROUNDING, (_NUM_ROUNDINGS, len(x)))
    noise[0] = 0
    return (x * (1 + noise)).astype(np.float32)
