# SPDX-License-Identifier: MIT
"""A signal from magnitudes alone."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import scipy.fft
from numpy.typing import NDArray

__all__ = ["griffin_lim"]

Vector: TypeAlias = NDArray[np.float64]
_MOMENTUM = 0.99


def griffin_lim(
    magnitudes: NDArray[np.floating[Any]], window: Vector, hop: int, *, iterations: int = 64, seed: int = 0
) -> Vector:
    """Finds a signal whose short-time Fourier transform has these magnitudes, or nearly so.

    Args:
        magnitudes: shape ``(hops, bins)``.
        window: of the transform, shape ``(n_fft,)``.
        hop: frames between two transforms.
        iterations: turns from signal to spectra and back.
        seed: of the phases to begin with.

    Returns:
        Shape ``((hops - 1) * hop + n_fft,)``. Its sign and, for steady tones, its place in time are arbitrary.

    Sources: Griffin and Lim, "Signal estimation from modified short-time Fourier transform", 1984; Perraudin, Balazs
    and Sondergaard, "A fast Griffin-Lim algorithm", 2013, for the momentum.
    """
    n_fft, hops = len(window), len(magnitudes)
    places = np.arange(hops)[:, None] * hop + np.arange(n_fft)
    length = (hops - 1) * hop + n_fft
    weight = np.maximum(_added(np.broadcast_to(window**2, places.shape), places, length), 1e-9)

    def invert(spectra: NDArray[np.complex128]) -> Vector:
        return _added(scipy.fft.irfft(spectra, n_fft, axis=1) * window, places, length) / weight

    phases = np.random.default_rng(seed).uniform(-np.pi, np.pi, magnitudes.shape)
    spectra = magnitudes * np.exp(1j * phases)
    previous = np.zeros_like(spectra)
    for _ in range(iterations):
        consistent = scipy.fft.rfft(invert(spectra)[places] * window, axis=1)
        moved = consistent + _MOMENTUM * (consistent - previous)
        previous = consistent
        spectra = magnitudes * moved / (np.abs(moved) + 1e-12)
    return invert(spectra)


def _added(frames: NDArray[Any], places: NDArray[np.intp], length: int) -> Vector:
    """Overlapping frames added up."""
    total: Vector = np.bincount(places.ravel(), weights=frames.ravel(), minlength=length).astype(np.float64, copy=False)
    return total
