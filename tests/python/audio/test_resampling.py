# SPDX-License-Identifier: MIT
"""Sample rate conversion."""

from __future__ import annotations

import numpy as np
import pytest

from fxtrain.audio import resample
from fxtrain.errors import ConfigError


@pytest.mark.parametrize(("from_rate", "to_rate"), [(44100, 48000), (48000, 44100), (96000, 48000), (48000, 192000)])
def test_a_tone_keeps_its_pitch_level_and_phase(from_rate, to_rate):
    def tone(rate):
        return np.sin(2 * np.pi * 1000 * np.arange(rate) / rate).astype(np.float32)

    converted = resample(tone(from_rate), from_rate, to_rate)
    assert converted.shape == (to_rate,)
    assert converted.dtype == np.float32
    inner = slice(to_rate // 10, -to_rate // 10)  # the filter rings at the ends
    # Very high quality promises 28 bits; float32 has 24: 120 dB below full scale is safe.
    assert np.abs(converted - tone(to_rate))[inner].max() < 1e-6


def test_what_the_new_rate_cannot_hold_is_removed():
    tone = np.sin(2 * np.pi * 23000 * np.arange(48000) / 48000).astype(np.float32)
    assert np.abs(resample(tone, 48000, 44100))[4410:-4410].max() < 1e-5


def test_the_same_rate_changes_nothing():
    samples = np.arange(7, dtype=np.float32)
    assert resample(samples, 48000, 48000) is samples


@pytest.mark.parametrize("num_frames", [0, 1, 441, 12345])
def test_the_length_follows_the_ratio(num_frames):
    assert len(resample(np.zeros(num_frames, np.float32), 44100, 48000)) == round(num_frames * 48000 / 44100)


def test_rates_below_one_are_refused():
    with pytest.raises(ConfigError, match="above 0 Hz"):
        resample(np.zeros(4, np.float32), 48000, 0)
