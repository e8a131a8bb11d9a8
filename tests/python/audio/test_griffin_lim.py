# SPDX-License-Identifier: MIT
"""A signal from magnitudes: what it must have in common with the original."""

from __future__ import annotations

import numpy as np
import pytest

from fxtrain.audio.griffin_lim import griffin_lim
from fxtrain.models.effects._stft import asymmetric_windows

RATE, N_FFT, HOP = 48_000, 512, 64


def spectra(x: np.ndarray, window: np.ndarray) -> np.ndarray:
    frames = np.lib.stride_tricks.sliding_window_view(x, len(window))[::HOP]
    return np.fft.rfft(frames * window, axis=1)


@pytest.mark.parametrize("window", [np.hanning(N_FFT), asymmetric_windows(N_FFT, HOP)[0]], ids=["hann", "asymmetric"])
def test_it_has_the_magnitudes_that_were_asked_for(window: np.ndarray) -> None:
    time = np.arange(12_000) / RATE
    x = sum(np.sin(2 * np.pi * 220 * k * time) / k for k in range(1, 9)) * np.exp(-5 * time)
    wanted = np.abs(spectra(x, window))
    y = griffin_lim(wanted, window, HOP, iterations=100)
    got = np.abs(spectra(y, window))
    error = np.sum((got - wanted)[8:-8] ** 2) / np.sum(wanted[8:-8] ** 2)
    begun = np.abs(spectra(griffin_lim(wanted, window, HOP, iterations=0), window))
    assert error < 0.05 < np.sum((begun - wanted)[8:-8] ** 2) / np.sum(wanted[8:-8] ** 2)


def test_the_same_seed_gives_the_same_signal() -> None:
    magnitudes = np.abs(np.random.default_rng(0).standard_normal((20, N_FFT // 2 + 1)))
    one, two = (griffin_lim(magnitudes, np.hanning(N_FFT), HOP, iterations=3, seed=4) for _ in range(2))
    assert np.array_equal(one, two)
    assert len(one) == 19 * HOP + N_FFT
