# SPDX-License-Identifier: MIT
"""Raising and lowering the rate leaves what is in the band alone, and in its place."""

from __future__ import annotations

import numpy as np
import pytest

from fxtrain.synthetic._oversampling import Oversampler


def windowed(frequency, num_frames, rate=1.0):
    """A tone (cycles per frame at rate 1) faded in and out, so that nothing lies beyond the block."""
    times = np.arange(num_frames) / rate
    length = num_frames / rate
    return np.sin(2 * np.pi * frequency * times) * np.sin(np.pi * times / length) ** 2


def padded(block, oversampler):
    return np.pad(block, oversampler.half_width)


@pytest.mark.parametrize("factor", [2, 4, 8, 16])
@pytest.mark.parametrize("frequency", [0.001, 0.1, 0.39])
def test_interpolation_passes_the_band_without_delay(factor, frequency):
    oversampler = Oversampler(factor)
    steps = oversampler.interpolate(padded(windowed(frequency, 2000), oversampler))
    expected = windowed(frequency, 2000 * factor, factor)
    assert np.abs(steps - expected).max() < 1e-5  # -100 dB


@pytest.mark.parametrize("factor", [2, 8])
def test_decimation_undoes_interpolation_within_the_band(factor):
    oversampler = Oversampler(factor)
    signal = windowed(0.2, 1500) + 0.5 * windowed(0.35, 1500)
    steps = oversampler.interpolate(padded(padded(signal, oversampler), oversampler))
    np.testing.assert_allclose(oversampler.decimate(steps), signal, atol=2e-5)


@pytest.mark.parametrize("frequency", [0.61, 0.8, 1.3, 3.0])
def test_decimation_removes_what_would_fold_back_by_100_db(frequency):
    oversampler = Oversampler(8)
    steps = np.sin(2 * np.pi * frequency * np.arange(8 * 2040) / 8)
    assert np.abs(oversampler.decimate(steps)).max() < 1e-5


def test_one_step_per_frame_changes_nothing():
    oversampler = Oversampler(1)
    signal = np.random.default_rng(0).normal(size=100)
    np.testing.assert_array_equal(oversampler.interpolate(padded(signal, oversampler)), signal)
    np.testing.assert_array_equal(oversampler.decimate(padded(signal, oversampler)), signal)
