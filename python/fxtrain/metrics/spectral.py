# SPDX-License-Identifier: MIT
"""Distances between spectra, for sound that need not agree sample by sample."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft
import scipy.signal
from numpy.typing import NDArray

from fxtrain.audio.mel import mel_filterbank

__all__ = ["log_mel", "log_spectral_distance", "mel_distance"]

Samples = NDArray[np.floating[Any]]
Matrix = NDArray[np.float64]

_AMPLITUDE_FLOOR = 1e-5  # of mel magnitudes; -100 dB


def log_spectral_distance(
    prediction: Samples,
    target: Samples,
    sample_rate: float,
    *,
    lowest_hz: float = 0.0,
    highest_hz: float | None = None,
    n_fft: int = 2048,
    hop: int = 512,
    floor_db: float = -80.0,
) -> float:
    """Root mean square over frequency of the difference in decibels, mean over time.

    The figure depends on the floor wherever one of the two is silent, as above the cutoff of a codec.

    Args:
        prediction: shape ``(frames,)``.
        target: the same shape.
        sample_rate: in Hz.
        lowest_hz: bins below it do not count.
        highest_hz: bins above it do not count; None is half the sample rate.
        n_fft: length of the transform and of its Hann window.
        hop: frames between two transforms.
        floor_db: level below which a bin counts as being at it, relative to a sine of full scale.

    Source: Gray and Markel, "Distance measures for speech processing", 1976.
    """
    spectra = [
        20 * np.log10(np.maximum(_magnitudes(x, n_fft, hop) * (4 / n_fft), 10 ** (floor_db / 20)))
        for x in (prediction, target)
    ]
    hz = np.arange(n_fft // 2 + 1) * (sample_rate / n_fft)
    counted = (hz >= lowest_hz) & (hz <= (sample_rate / 2 if highest_hz is None else highest_hz))
    difference = (spectra[0] - spectra[1])[:, counted]
    return float(np.sqrt(np.square(difference).mean(axis=1)).mean())


def log_mel(x: Samples, sample_rate: float, *, n_fft: int = 1024, hop: int = 256, bands: int = 80) -> Matrix:
    """Natural logarithm of the magnitudes in mel bands, not below that of 1e-5; shape ``(frames, bands)``."""
    filters = mel_filterbank(sample_rate, n_fft, bands)
    return np.asarray(np.log(np.maximum(_magnitudes(x, n_fft, hop) @ filters.T, _AMPLITUDE_FLOOR)))


def mel_distance(
    prediction: Samples, target: Samples, sample_rate: float, *, n_fft: int = 1024, hop: int = 256, bands: int = 80
) -> float:
    """Mean absolute difference of log-mel-spectrograms, in nepers (1 is 8.7 dB); 0 is equality of the magnitudes."""
    one, other = (log_mel(x, sample_rate, n_fft=n_fft, hop=hop, bands=bands) for x in (prediction, target))
    return float(np.abs(one - other).mean())


def _magnitudes(x: Samples, n_fft: int, hop: int) -> Matrix:
    """Short-time magnitudes, shape ``(frames, bins)``; the signal is padded by half a window at both ends."""
    padded = np.pad(np.asarray(x, dtype=np.float64), n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    spectra = scipy.fft.rfft(frames * scipy.signal.get_window("hann", n_fft), axis=1)
    return np.asarray(np.abs(spectra))
