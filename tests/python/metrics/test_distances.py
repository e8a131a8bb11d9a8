# SPDX-License-Identifier: MIT
from __future__ import annotations

import numpy as np
import pytest

from fxtrain.metrics.frechet import frechet_distance, frechet_floor
from fxtrain.metrics.spectral import log_spectral_distance, mel_distance

NOISE = np.random.default_rng(1).standard_normal(16000) * 0.1


def test_the_frechet_distance_of_gaussians_is_the_closed_form() -> None:
    rng = np.random.default_rng(2)
    points = rng.standard_normal((400, 3))
    points -= points.mean(axis=0)
    points = points @ np.linalg.inv(np.linalg.cholesky(np.cov(points, rowvar=False))).T  # covariance I exactly
    scale, shift = np.array([1.0, 2.0, 0.5]), np.array([1.0, 0.0, -2.0])
    assert frechet_distance(points, points) == pytest.approx(0.0, abs=1e-9)
    expected = np.square(shift).sum() + np.square(1 - scale).sum()
    assert frechet_distance(points, points * scale + shift) == pytest.approx(expected)
    assert frechet_distance(points * scale + shift, points) == pytest.approx(expected)


def test_few_features_are_far_apart_even_if_equal_in_law() -> None:
    rng = np.random.default_rng(3)
    floors = [frechet_floor(rng.standard_normal((2 * num, 16))) for num in (40, 400, 4000)]
    assert floors[0] > 5 * floors[1] > 5 * floors[2] > 0


def test_a_gain_is_as_many_decibels_of_distance() -> None:
    assert log_spectral_distance(NOISE, NOISE, 16000) == 0.0
    assert log_spectral_distance(0.5 * NOISE, NOISE, 16000, floor_db=-200) == pytest.approx(20 * np.log10(2))
    assert mel_distance(NOISE, 0.5 * NOISE, 16000) == pytest.approx(np.log(2), rel=1e-6)


def test_only_the_asked_band_counts() -> None:
    t = np.arange(16000) / 16000
    low = 0.1 * np.sin(2 * np.pi * 500 * t)
    both = low + 0.1 * np.sin(2 * np.pi * 6000 * t)
    assert log_spectral_distance(low, both, 16000, highest_hz=3000) < 0.5
    assert log_spectral_distance(low, both, 16000, lowest_hz=5000) > 2.0


def test_silence_is_as_far_as_the_floor_says() -> None:
    silence = np.zeros(16000)
    near = log_spectral_distance(silence, NOISE, 16000, floor_db=-60)
    far = log_spectral_distance(silence, NOISE, 16000, floor_db=-100)
    assert far - near == pytest.approx(40, abs=3)
