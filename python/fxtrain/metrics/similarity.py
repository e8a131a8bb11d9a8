# SPDX-License-Identifier: MIT
"""Whether a sound repeats another one."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

__all__ = ["largest_correlation"]

Samples = NDArray[np.floating[Any]]


def largest_correlation(sounds: Samples, others: Samples) -> NDArray[np.float64]:
    """For each sound the largest absolute correlation with any of the others, shifted in a circle by any time.

    Args:
        sounds: shape ``(sounds, frames)``.
        others: shape ``(others, frames)``.

    Returns:
        Shape ``(sounds,)``: 1 is a shifted copy, whatever its level or sign.

    >>> x = np.sin(np.arange(64.0) ** 1.5)
    >>> largest_correlation(x[None], -3 * np.roll(x, 5)[None]).round(6).tolist()
    [1.0]
    """

    def spectra(x: Samples) -> NDArray[np.complex64]:
        values = np.asarray(x, dtype=np.float32)
        values = values - values.mean(1, keepdims=True)
        values /= np.maximum(np.sqrt(np.square(values).sum(1, keepdims=True)), 1e-12)
        return np.asarray(scipy.fft.rfft(values, axis=1))

    theirs = spectra(others)
    found = []
    for mine in spectra(sounds):
        products = scipy.fft.irfft(mine * theirs.conj(), n=sounds.shape[1], axis=1)
        found.append(float(np.abs(products).max()))
    return np.array(found)
