# SPDX-License-Identifier: MIT
"""Test vectors: a stretch of input and the exact output, embedded in every model file."""

from __future__ import annotations

import copy
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from fxtrain.models.effects._effect import EffectModel
from fxtrain.synthetic import synthesise_guitar

__all__ = ["VECTOR_FRAMES", "programme", "test_vectors"]

VECTOR_FRAMES = 2048
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

    The input is the loudest stretch of :func:`programme`, played from a fresh state, after ``num_silent`` frames of
    silence, by what stands before the linear stage: so that a player without one can test itself too.

    Returns:
        Input (float32 values) and float64 output, each of shape ``(2048,)``, and the greatest difference between
        torch's float32 output and the float64 one.
    """
    clip = programme(sample_rate)
    energy = np.cumsum(np.concatenate([[0.0], clip.astype(np.float64) ** 2]))
    start = int(np.argmax(energy[VECTOR_FRAMES:] - energy[:-VECTOR_FRAMES]))
    x = clip[start : start + VECTOR_FRAMES]
    single = copy.deepcopy(model).cpu().float().eval()
    single.linear_stage = None
    double = copy.deepcopy(single).double()
    late = model.latency_frames  # which files leave out
    padded = np.concatenate([np.zeros(num_silent, np.float32), x, np.zeros(late, np.float32)])
    start = num_silent + late
    with torch.no_grad():
        exact = double(torch.from_numpy(padded.astype(np.float64))[None])[0][0, start:].numpy()
        rounded = single(torch.from_numpy(padded)[None])[0][0, start:].numpy()
    return x.astype(np.float64), exact, float(np.abs(exact - rounded).max())
