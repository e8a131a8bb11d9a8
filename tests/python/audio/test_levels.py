# SPDX-License-Identifier: MIT
"""Levels, clipping and hum."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fxtrain.audio.decibels import amplitude_to_db
from fxtrain.audio.levels import clipped_runs, frame_rms, hum, peak, rms

RATE = 48000


def sine(frequency, seconds=1.0, level=1.0):
    return (level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def test_a_sine_has_its_peak_and_root_mean_square():
    tone = sine(1000, level=0.5)
    assert peak(tone) == pytest.approx(0.5, rel=1e-6)
    assert rms(tone) == pytest.approx(0.5 / math.sqrt(2), rel=1e-6)
    assert amplitude_to_db(0.5) == pytest.approx(-6.0206, abs=1e-4)
    assert frame_rms(tone, 4800) == pytest.approx(np.full(10, 0.5 / math.sqrt(2)), rel=1e-6)


def test_nothing_has_level_nought():
    empty = np.zeros(0, np.float32)
    assert (peak(empty), rms(empty)) == (0.0, 0.0)
    assert amplitude_to_db(0.0) == -200


def test_samples_at_full_scale_are_counted():
    tone = np.clip(sine(100, level=1.2), -1, 1)
    # 1.2 sin(wt) is above 1 for a share of 1 - 2 asin(1 / 1.2) / pi of the time.
    share = 1 - 2 * math.asin(1 / 1.2) / math.pi
    count, first = clipped_runs(tone)
    assert count == pytest.approx(share * RATE, rel=0.01)
    assert first == pytest.approx(math.asin(1 / 1.2) / (2 * math.pi * 100) * RATE, abs=1)


def test_clipping_that_was_turned_down_is_found_by_its_flat_tops():
    assert clipped_runs(0.3 * np.clip(sine(100, level=1.2), -1, 1))[0] > 1000


@pytest.mark.parametrize("level", [0.3, 0.9, 2.0])
def test_a_clean_sine_is_not_clipped(level):
    assert clipped_runs(sine(97.3, level=level)) == (0, 0)


@pytest.mark.parametrize("mains", [50, 60])
def test_mains_hum_is_told_by_its_frequency(mains):
    pause = sum(sine(mains * k, level=0.01 / k) for k in (1, 2, 3, 5))
    pause = pause + 0.001 * np.random.default_rng(0).standard_normal(len(pause))
    found, share = hum(pause, RATE)
    assert found == mains
    assert share > 0.9


@pytest.mark.parametrize("seconds", [0.5, 1.0, 3.0])
def test_white_noise_is_no_hum(seconds):
    assert hum(np.random.default_rng(1).standard_normal(round(seconds * RATE)), RATE) == (0, 0.0)


def test_a_short_pause_tells_nothing_of_hum():
    assert hum(sine(50, seconds=0.3), RATE) == (0, 0.0)
