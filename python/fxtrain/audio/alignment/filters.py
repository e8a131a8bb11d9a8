# SPDX-License-Identifier: MIT
"""Least-squares filters from spectra, and what helps to find their lag."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from fxtrain.audio.alignment.emphasis import Doubles

__all__ = [
    "RIDGE",
    "Spectrum",
    "find_whitener",
    "moving_average",
    "parabola_vertex",
    "power_spectrum",
    "smoothed_power",
    "solve_toeplitz",
    "spread_starts",
]

Spectrum = npt.NDArray[np.complexfloating[Any, Any]]

RIDGE = 1e-3  # as if the emphasised input had white noise at -30 dB: keeps bands without sound out of the filters


def spread_starts(first: int, last: int, length: int, most: int) -> npt.NDArray[np.int64]:
    """Starts of up to ``most`` pieces of ``length``, evenly spread from ``first`` to ``last``."""
    count = max(1, min(most, (last - first) // length))
    return np.linspace(first, last - length, count).astype(np.int64)


def power_spectrum(spectrum: Spectrum) -> Doubles:
    """Squared magnitudes, in double precision."""
    power: Doubles = np.square(spectrum.real, dtype=np.float64) + np.square(spectrum.imag, dtype=np.float64)
    return power


def find_whitener(auto: Doubles) -> Doubles:
    """Lower triangle W with W R W' = 1 for the Toeplitz matrix R of ``auto``, ridge included.

    Row k is the backward predictor of order k over the root of its error, by Levinson's and Durbin's recursion. (The
    inverse of a Cholesky factor is the same, but LAPACK's threads wait seconds for each other on a busy machine.)
    """
    auto = auto.astype(np.float64)
    error = float(auto[0]) * (1 + RIDGE)
    rows = np.zeros((len(auto), len(auto)))
    predictor = np.ones(1)
    for order in range(len(auto)):
        rows[order, : order + 1] = predictor[::-1] / math.sqrt(error)
        if order + 1 < len(auto):
            reflection = -float(predictor @ auto[order + 1 : 0 : -1]) / error
            longer = np.append(predictor, 0.0)
            predictor = longer + reflection * longer[::-1]
            error *= 1 - reflection * reflection
    return rows


def solve_toeplitz(auto: Doubles, cross: Doubles) -> tuple[Doubles, Doubles]:
    """Least-squares taps, and for each tap the energy that the filter from it on explains.

    A Toeplitz matrix is its own mirror image, so the taps may be taken from last to first; each row of the whitener
    then adds one earlier tap, and the square of its step is the energy that this tap adds.
    """
    whitener = find_whitener(auto)
    steps = whitener @ cross[::-1]
    taps: Doubles = (whitener.T @ steps)[::-1]
    explained: Doubles = np.cumsum(np.square(steps))[::-1]
    return taps, explained


def moving_average(power: Doubles, width: int) -> Doubles:
    """Moving average over ``width`` bins to either side."""
    total = np.cumsum(np.concatenate([[0.0], power]))
    index = np.arange(len(power))
    low, high = np.maximum(index - width, 0), np.minimum(index + width + 1, len(power))
    smooth: Doubles = (total[high] - total[low]) / (high - low)
    return smooth


def smoothed_power(spectrum: Spectrum) -> Doubles:
    """The same, averaged over neighbouring bins and kept above zero, to divide by."""
    power = moving_average(power_spectrum(spectrum), 64) + 1e-30
    return power + RIDGE * float(power.max())


def parabola_vertex(curve: Doubles, peak: int) -> float:
    """The top of the parabola through ``curve`` around ``peak``."""
    if not 0 < peak < len(curve) - 1:
        return float(peak)
    left, middle, right = (float(value) for value in curve[peak - 1 : peak + 2])
    bend = left - 2 * middle + right
    return peak + (0.5 * (left - right) / bend if bend < 0 else 0.0)
