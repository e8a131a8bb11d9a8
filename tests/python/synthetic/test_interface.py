# SPDX-License-Identifier: MIT
"""Latency, noise, coupling and resolution of the simulated interface."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fxtrain.errors import ConfigError
from fxtrain.synthetic import AudioInterface

RATE = 48000
BARE = AudioInterface(latency_frames=0, noise_dbfs=-math.inf, coupling_hz=0.0, bits=0)


def bare(**changes):
    return AudioInterface(
        **{**{"latency_frames": 0, "noise_dbfs": -math.inf, "coupling_hz": 0.0, "bits": 0}, **changes}
    )


def db(signal):
    return 20 * math.log10(np.sqrt(np.mean(signal.astype(np.float64) ** 2)))


def test_interface_without_faults_changes_nothing():
    signal = np.random.default_rng(0).normal(0.0, 0.2, 1000).astype(np.float32)
    np.testing.assert_array_equal(BARE.record(signal, RATE, seed=0), signal)


def test_latency_delays_by_whole_frames_and_keeps_the_length():
    signal = np.random.default_rng(0).normal(0.0, 0.2, 1000).astype(np.float32)
    recorded = bare(latency_frames=137).record(signal, RATE, seed=0)
    assert not np.any(recorded[:137])
    np.testing.assert_array_equal(recorded[137:], signal[:-137])


def test_noise_has_its_level_from_the_first_frame_on():
    recorded = bare(latency_frames=500, noise_dbfs=-95.0).record(np.zeros(100000), RATE, seed=1)
    assert db(recorded) == pytest.approx(-95.0, abs=0.1)
    assert db(recorded[:500]) == pytest.approx(-95.0, abs=1.0)
    assert not np.array_equal(recorded, bare(noise_dbfs=-95.0).record(np.zeros(100000), RATE, seed=2))


def test_hum_has_its_level_and_only_multiples_of_the_mains():
    recorded = bare(hum_dbfs=-80.0, mains_hz=60.0).record(np.zeros(RATE), RATE, seed=0)
    assert db(recorded) == pytest.approx(-80.0, abs=0.05)
    lines = np.flatnonzero(np.abs(np.fft.rfft(recorded)) > 1e-3)
    assert list(lines) == [60, 120, 180, 240, 300]


def test_coupling_keeps_dc_out_and_lets_the_guitar_through():
    times = np.arange(4 * RATE) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 82 * times)
    recorded = bare(coupling_hz=1.5).record(tone + 0.2, RATE, seed=0)[2 * RATE :]
    assert abs(recorded.mean()) < 1e-4
    assert db(recorded) == pytest.approx(db(tone), abs=0.01)


def test_converter_rounds_to_its_steps_and_clips_at_full_scale():
    signal = np.linspace(-1.5, 1.5, 10001)
    recorded = bare(bits=16).record(signal, RATE, seed=0).astype(np.float64) * 2**15
    np.testing.assert_array_equal(recorded, np.round(recorded))
    assert recorded.min() == -(2**15)
    assert recorded.max() == 2**15 - 1
    inside = np.abs(signal) < 0.999
    assert np.abs(recorded[inside] - signal[inside] * 2**15).max() <= 0.5 + 1e-9


def test_level_is_in_decibels():
    signal = np.full(100, 0.25)
    np.testing.assert_allclose(bare(gain_db=-6.0206).record(signal, RATE, seed=0), 0.125, rtol=1e-5)


def test_impossible_interfaces_are_refused():
    with pytest.raises(ConfigError, match="latency is -1"):
        AudioInterface(latency_frames=-1)
    with pytest.raises(ConfigError, match="3 bits"):
        AudioInterface(bits=3)
