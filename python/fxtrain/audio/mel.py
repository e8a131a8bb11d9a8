# SPDX-License-Identifier: MIT
"""Mel bands: the frequency scale of hearing, coarse where pitch is hard to tell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fxtrain.errors import ConfigError

__all__ = ["hz_to_mel", "mel_filterbank", "mel_to_hz"]

Vector = NDArray[np.float64]

_LINEAR_HZ = 200.0 / 3.0  # Hz of a mel below 1 kHz
_EDGE_HZ, _EDGE_MEL = 1000.0, 15.0
_STEP = np.log(6.4) / 27.0  # of the logarithm of the frequency, for each mel above 1 kHz


def hz_to_mel(hz: Vector | float) -> Vector:
    """Frequencies on the mel scale: linear below 1 kHz, logarithmic above.

    Source: Slaney, "Auditory Toolbox", Interval Research Technical Report 1998-010.

    >>> hz_to_mel(np.array([0.0, 1000.0, 6400.0])).round(6).tolist()
    [0.0, 15.0, 42.0]
    """
    values = np.asarray(hz, dtype=np.float64)
    above = _EDGE_MEL + np.log(np.maximum(values, _EDGE_HZ) / _EDGE_HZ) / _STEP
    return np.where(values < _EDGE_HZ, values / _LINEAR_HZ, above)


def mel_to_hz(mel: Vector | float) -> Vector:
    """The inverse of :func:`hz_to_mel`."""
    values = np.asarray(mel, dtype=np.float64)
    above = _EDGE_HZ * np.exp(_STEP * (np.maximum(values, _EDGE_MEL) - _EDGE_MEL))
    return np.where(values < _EDGE_MEL, values * _LINEAR_HZ, above)


def mel_filterbank(
    sample_rate: float, n_fft: int, num_bands: int, *, lowest_hz: float = 0.0, highest_hz: float | None = None
) -> Vector:
    """Triangular filters on the bins of a Fourier transform, each of unit area over frequency.

    A band narrower than a bin takes the nearest bin, so that no band is empty.

    Args:
        sample_rate: in Hz.
        n_fft: length of the transform.
        num_bands: number of filters.
        lowest_hz: lower edge of the first filter.
        highest_hz: upper edge of the last one; None is half the sample rate.

    Returns:
        Shape ``(num_bands, n_fft // 2 + 1)``.

    Raises:
        ConfigError: the edges are not in order, or above half the sample rate.

    Source: as :func:`hz_to_mel`; the filters are those of HiFi-GAN's mel-spectrograms.
    """
    highest = sample_rate / 2 if highest_hz is None else highest_hz
    if not 0 <= lowest_hz < highest <= sample_rate / 2:
        raise ConfigError(
            f"mel bands from {lowest_hz:g} to {highest:g} Hz do not fit a sample rate of {sample_rate:g} Hz: give "
            f"edges in order, at most {sample_rate / 2:g} Hz"
        )
    edges = mel_to_hz(np.linspace(hz_to_mel(lowest_hz), hz_to_mel(highest), num_bands + 2))
    bins = np.arange(n_fft // 2 + 1) * (sample_rate / n_fft)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    filters = np.maximum(0.0, np.minimum(rising, falling))
    for band in np.flatnonzero(filters.sum(axis=1) == 0):
        filters[band, np.argmin(np.abs(bins - edges[band + 1]))] = 1.0
    return np.asarray(filters * (2.0 / (edges[2:] - edges[:-2]))[:, None])
