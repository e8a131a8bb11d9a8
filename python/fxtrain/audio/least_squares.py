# SPDX-License-Identifier: MIT
"""Long filters by least squares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy import linalg

__all__ = ["Samples", "improve_filter", "whitening_filter", "whitening_of_spectrum"]

Vector: TypeAlias = NDArray[np.float64]
Samples: TypeAlias = NDArray[np.floating[Any]]

_LEAST_TRANSFORM = 1 << 13  # a filter of few taps would else be found by thousands of small transforms


def improve_filter(
    taps: Vector, stretches: Iterable[tuple[Samples, Samples, Samples]], *, ridge: float = 1e-6
) -> Vector:
    """A filter with less error than the given one, or the best one, if it is that.

    One step towards the least of ``sum |target - taps * input|^2``. The error before a stretch and behind it is taken
    to be zero, and to have to stay so: this makes the normal matrix Toeplitz, and the step never raises the error. What
    it leaves undone is a matter of the ends of the stretches, and further calls do it. Where the input has no energy,
    taps stay as they are.

    Args:
        taps: to start from, newest frame first.
        stretches: input, target, and the input before it of ``len(taps) - 1`` frames.
        ridge: what is added to the power of the input at each frequency, relative to its mean.

    Source: Hunter and Lange, "A tutorial on MM algorithms", 2004, for why a quadratic bound from above gives a step
    downhill; Levinson's recursion solves the system.
    """
    count = len(taps)
    past = count - 1
    size = scipy.fft.next_fast_len(max(8 * count, _LEAST_TRANSFORM), real=True)
    block = size - past
    spectrum = scipy.fft.rfft(taps, size) if taps.any() else None  # silence needs no transforms
    slope = np.zeros(size // 2 + 1, np.complex128)
    power = np.zeros(size // 2 + 1, np.complex128)
    for x, target, history in stretches:
        whole, wanted = (np.zeros(past), history, x), (np.zeros(past), target)  # frame t of x is 2 past + t of whole
        for start in range(0, past + len(target), block):
            stop = min(start + block, past + len(target))
            piece = _stretch(whole, start, stop + past)
            around = scipy.fft.rfft(piece, size)
            new = np.concatenate((np.zeros(past), piece[past:]))
            power += np.conj(around) * scipy.fft.rfft(new, size)
            error = _stretch(wanted, start, stop)
            if spectrum is not None:
                error -= scipy.fft.irfft(around * spectrum, size)[past : past + stop - start]
            error[: max(0, past - start)] = 0.0  # before the stretch
            slope += np.conj(around) * scipy.fft.rfft(np.concatenate((np.zeros(past), error)), size)
    # A delay of i frames is one of i within what begins with its history.
    correlation = scipy.fft.irfft(power, size)[:count]
    gradient = scipy.fft.irfft(slope, size)[:count]
    if correlation[0] <= 0.0:
        return taps
    correlation[0] *= 1.0 + ridge
    step: Vector = linalg.solve_toeplitz(correlation, gradient)
    return taps + step


def _stretch(parts: Sequence[Samples], start: int, stop: int) -> Vector:
    """Frames ``start`` to ``stop`` of parts that follow each other, which are never joined as a whole."""
    stretch = np.empty(stop - start)
    position = 0
    for part in parts:
        first, last = max(start - position, 0), min(stop - position, len(part))
        if first < last:
            stretch[position + first - start : position + last - start] = part[first:last]
        position += len(part)
    return stretch


def whitening_filter(taps: Vector, order: int, *, floor: float = 1e-4) -> Vector:
    """A short minimum-phase filter that flattens the spectrum of a long one.

    Args:
        taps: of the long one.
        order: the filter has one tap more.
        floor: power at which the spectrum is taken to end, relative to its mean.

    Source: Makhoul, "Linear prediction: a tutorial review", 1975: the inverse filter of the autocorrelation method.
    """
    size = scipy.fft.next_fast_len(len(taps) + order, real=True)
    return whitening_of_spectrum(np.abs(scipy.fft.rfft(taps, size)) ** 2, order, floor=floor, size=size)


def whitening_of_spectrum(power: Vector, order: int, *, floor: float = 1e-4, size: int | None = None) -> Vector:
    """The same for a power spectrum.

    Args:
        power: at evenly spaced frequencies from 0 to half the sample rate.
        order: the filter has one tap more.
        floor: power at which the spectrum is taken to end, relative to its mean.
        size: length of the transform that the spectrum is of; None takes it to be even.
    """
    correlation = scipy.fft.irfft(power, size or 2 * (len(power) - 1))[: order + 1]
    correlation[0] = correlation[0] * (1.0 + floor) + 1e-30
    predictor = linalg.solve_toeplitz(correlation[:-1], correlation[1:])
    return np.concatenate(([1.0], -predictor))
