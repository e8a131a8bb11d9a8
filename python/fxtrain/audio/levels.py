# SPDX-License-Identifier: MIT
"""Levels over time, and what they tell of pauses, noise, hum and clipping."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = ["clipped_runs", "decibels", "frame_rms", "hum", "peak", "rms"]

Samples = npt.NDArray[np.floating]
Doubles = npt.NDArray[np.float64]


def decibels(amplitude: float) -> float:
    """20 log10, not below -200.

    >>> decibels(1.0), decibels(0.0)
    (0.0, -200.0)
    """
    return 20 * math.log10(max(amplitude, 1e-10))


def peak(samples: Samples) -> float:
    """Largest magnitude."""
    return float(max(samples.max(), -samples.min())) if len(samples) else 0.0


def rms(samples: Samples) -> float:
    """Root mean square."""
    return math.sqrt(float(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0


def frame_rms(samples: Samples, length: int) -> Doubles:
    """RMS of each whole stretch of ``length`` frames."""
    count = len(samples) // length
    squares = np.square(samples[: count * length], dtype=np.float64).reshape(count, length)
    levels: Doubles = np.sqrt(squares.mean(axis=1))
    return levels


def clipped_runs(samples: Samples) -> tuple[int, int]:
    """How many samples lie at the ceiling, and where the first one is.

    The ceiling is full scale, or a lower peak that is flat: at least four equal samples in a row, five times over, as a
    converter makes that clips before its level is turned down.
    """
    highest = peak(samples)
    if highest == 0.0:
        return 0, 0
    magnitude = np.abs(samples)
    if 0.9999 <= highest <= 1.0:
        found = np.flatnonzero(magnitude >= 0.9999)
        return len(found), int(found[0])
    at_ceiling = magnitude >= np.float32(highest * (1 - 1e-6))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], at_ceiling, [False]]).astype(np.int8)))
    starts, lengths = edges[::2], np.diff(edges)[::2]
    flat = lengths >= 4
    if np.count_nonzero(flat) < 5:
        return 0, 0
    return int(lengths.sum()), int(starts[flat][0])


def hum(samples: Samples, sample_rate: int) -> tuple[int, float]:
    """Does mains hum rule a pause?

    Returns:
        50 or 60 (Hz) and the share of the power from 30 to 1000 Hz at its multiples; 0 where there is no hum, or where
        the pause is shorter than 0.4 s.
    """
    if len(samples) < 0.4 * sample_rate:
        return 0, 0.0
    power = np.square(np.abs(np.fft.rfft((samples - samples.mean()) * np.hanning(len(samples)))))
    spacing = sample_rate / len(samples)  # Hz per bin
    frequency = np.arange(len(power)) * spacing
    heard = (frequency > 30) & (frequency < 1000)
    total = float(power[heard].sum())
    best = (0, 0.0)
    for mains in (50, 60):
        distance = np.abs(frequency / mains - np.rint(frequency / mains)) * mains
        near = heard & (distance < max(1.0, 2 * spacing))
        width = float(near.sum()) / float(heard.sum())  # what white noise puts there
        share = float(power[near].sum()) / total if total > 0 else 0.0
        if share > max(best[1], 0.4 + 0.6 * width):
            best = (mains, share)
    return best
