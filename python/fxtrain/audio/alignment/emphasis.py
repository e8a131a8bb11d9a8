# SPDX-License-Identifier: MIT
"""A recording with its treble raised, cut wherever it is asked for."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from fxtrain.audio.levels import blocks

__all__ = ["Doubles", "Emphasised", "Samples", "emphasise"]

Samples = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_EMPHASIS_HZ = 380.0  # corner of the first-order pre-emphasis; a coefficient of 0.95 at 48 kHz


def emphasise(samples: Samples, sample_rate: float) -> Samples:
    """First-order pre-emphasis: playing is 20 to 40 dB weaker where timing can be read."""
    coefficient = math.exp(-2 * math.pi * _EMPHASIS_HZ / sample_rate)
    emphasised = samples.astype(np.float32, copy=True)
    emphasised[1:] -= np.float32(coefficient) * samples[:-1]
    return emphasised


class Emphasised:
    """A recording with pre-emphasis, or its magnitude without the mean, worked out where it is asked for."""

    def __init__(self, samples: Samples, sample_rate: int, *, magnitude: bool = False) -> None:
        self._samples = samples
        self._sample_rate = sample_rate
        self._mean: float | None = None
        if magnitude:
            total = sum(float(np.sum(np.abs(block), dtype=np.float64)) for block in blocks(samples))
            self._mean = total / max(len(samples), 1)

    def __len__(self) -> int:
        return len(self._samples)

    def is_sounding(self) -> bool:
        """Whether anything but zeros is in it."""
        return any(np.any(block) for block in blocks(self._samples))

    def cut(self, start: int, length: int) -> Samples:
        """``length`` frames from ``start``, with zeros where that lies outside."""
        piece = np.zeros(length, dtype=np.float32)
        first, last = max(start, 0), min(start + length, len(self._samples))
        if first < last:
            before = max(first - 1, 0)
            raw = self._samples[before:last]
            if self._mean is not None:
                raw = np.abs(raw) - np.float32(self._mean)
            piece[first - start : last - start] = emphasise(raw, self._sample_rate)[first - before :]
        return piece

    def energy(self, start: int, length: int) -> float:
        """Sum of squares of the same."""
        return float(np.sum(np.square(self.cut(start, length), dtype=np.float64)))
