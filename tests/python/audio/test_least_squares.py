# SPDX-License-Identifier: MIT
"""Long filters by least squares: closed forms, and what regularisation is for."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import signal

from fxtrain.audio.least_squares import improve_filter

RNG = np.random.default_rng(3)


def test_a_known_filter_is_found() -> None:
    taps = RNG.standard_normal(300) * np.exp(-np.arange(300) / 60)
    x = RNG.standard_normal(50_000)
    y = signal.oaconvolve(x, taps)[: len(x)]
    found = np.zeros(300)
    for _ in range(4):  # the ends of the stretch are mended from call to call
        found = improve_filter(found, [(x, y, np.zeros(299))], ridge=1e-12)
    assert np.abs(found - taps).max() < 1e-6


def test_stretches_of_a_recording_give_what_the_whole_gives() -> None:
    taps = RNG.standard_normal(64)
    x = RNG.standard_normal(9_000)
    y = signal.lfilter(taps, 1.0, x)
    padded = np.concatenate([np.zeros(63), x])
    parts = [(x[a:b], y[a:b], padded[a : a + 63]) for a, b in ((0, 2_500), (2_500, 6_001), (6_001, 9_000))]
    found = improve_filter(np.zeros(64), parts, ridge=0.0)
    for _ in range(6):
        found = improve_filter(found, parts, ridge=0.0)
    assert np.abs(found - taps).max() < 1e-8


def test_each_call_lowers_the_error() -> None:
    x = RNG.standard_normal(20_000)
    y = np.tanh(3 * x)
    taps, errors = np.zeros(32), []
    for _ in range(3):
        taps = improve_filter(taps, [(x, y, np.zeros(31))])
        errors.append(np.sum((signal.lfilter(taps, 1.0, x) - y) ** 2))
    assert errors[0] < 0.3 * np.sum(y**2)
    assert errors[2] <= errors[1] <= errors[0]


def test_short_stretches_do_not_raise_the_error() -> None:
    """What an ill-conditioned input and many ends invite to."""
    low = signal.butter(6, 0.05, output="sos")
    x = signal.sosfilt(low, RNG.standard_normal(30_000)) * (1 + np.sin(np.arange(30_000) / 900))
    y = np.tanh(5 * x)
    padded = np.concatenate([np.zeros(255), x])
    parts = [(x[a : a + 700], y[a : a + 700], padded[a : a + 255]) for a in range(0, 30_000 - 700, 900)]

    def error(taps: np.ndarray) -> float:
        return sum(float(np.sum((np.convolve(np.r_[h, a], taps, "valid") - b) ** 2)) for a, b, h in parts)

    taps = np.zeros(256)
    errors = [error(taps)]
    for _ in range(6):
        taps = improve_filter(taps, parts)
        errors.append(error(taps))
    assert all(after <= before * (1 + 1e-9) for before, after in pairwise(errors))
    assert errors[-1] < 0.5 * errors[0]


def test_taps_stay_small_where_the_input_has_no_energy() -> None:
    low = signal.butter(8, 0.1, output="sos")
    x = signal.sosfilt(low, RNG.standard_normal(40_000))
    y = x + 1e-6 * RNG.standard_normal(len(x))  # noise above the band, which a filter must not chase
    taps = improve_filter(np.zeros(256), [(x, y, np.zeros(255))])
    frequency, response = signal.freqz(taps)
    assert np.abs(response[frequency < 0.2]).min() == pytest.approx(1.0, abs=0.01)
    assert np.abs(response[frequency > 1.0]).max() < 2.0


def test_silence_changes_nothing() -> None:
    taps = RNG.standard_normal(16)
    silence = np.zeros(1000)
    assert np.array_equal(improve_filter(taps, [(silence, silence, np.zeros(15))]), taps)
