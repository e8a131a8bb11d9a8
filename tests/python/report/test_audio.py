# SPDX-License-Identifier: MIT
"""What of a recording is played, and how loud."""

from __future__ import annotations

import math

import numpy as np
import pytest
import soundfile

from fxtrain.metrics.effects import loudness_lufs
from fxtrain.report.audio import choose_excerpt, level_match, write_sounds

RATE = 44_100


def test_equally_loud_signals_are_equally_loud():
    random = np.random.default_rng(0)
    signals = {
        "input": 0.01 * random.standard_normal(4 * RATE),
        "target": 0.05 * random.standard_normal(4 * RATE),
        "prediction": 0.06 * random.standard_normal(4 * RATE),
        "error": 1e-4 * random.standard_normal(4 * RATE),
    }
    gains = level_match(signals, RATE, reference="target", peaky=["error"])
    assert gains["target"] == 0.0
    loud = [loudness_lufs(x * 10 ** (gains[name] / 20), RATE) for name, x in signals.items()]
    assert loud == pytest.approx([loud[0]] * 4, abs=0.01)


def test_equal_loudness_never_clips_and_a_peaky_error_stays_softer():
    noise = 0.3 * np.random.default_rng(1).standard_normal(2 * RATE)
    noise = noise / np.max(np.abs(noise))
    clicks = np.zeros(2 * RATE)
    clicks[::5000] = 0.01
    signals = {"input": 0.1 * noise, "target": noise, "prediction": 1.5 * noise, "error": clicks}
    gains = level_match(signals, RATE, reference="target", peaky=["error"])
    assert 20 * math.log10(1.5) + gains["prediction"] == pytest.approx(-9.0)  # room made for the error, but no more
    assert 0.01 * 10 ** (gains["error"] / 20) == pytest.approx(1.0)
    assert gains["input"] == pytest.approx(20.0 + gains["target"], abs=0.01)


def test_excerpt_is_the_varied_stretch_not_the_monotonous_one():
    t = np.arange(40 * RATE) / RATE
    x = 0.1 * np.sin(2 * np.pi * 200.0 * t)
    varied = slice(20 * RATE, 30 * RATE)
    x[varied] = np.sin(2 * np.pi * (100.0 * t + 60.0 * t**2)[varied]) * (0.05 + 0.9 * (t[varied] % 1.0))
    excerpt = choose_excerpt(x, RATE, seconds=12.0)
    assert excerpt.stop - excerpt.start == 12 * RATE
    assert min(excerpt.stop, varied.stop) - max(excerpt.start, varied.start) > 7 * RATE


def test_excerpt_of_a_short_recording_is_all_of_it():
    assert choose_excerpt(np.zeros(100), RATE) == slice(0, 100)


def test_the_first_signal_sets_the_level_unless_another_is_named():
    noise = 0.1 * np.random.default_rng(2).standard_normal(RATE)
    signals = {"a": 0.1 * noise, "b": noise}
    assert level_match(signals, RATE) == {"a": 0.0, "b": pytest.approx(-20.0, abs=0.01)}
    assert level_match(signals, RATE, reference="b") == {"a": pytest.approx(20.0, abs=0.01), "b": 0.0}


def test_sounds_are_written_as_float_and_linked(tmp_path):
    samples = np.linspace(-1.5, 1.5, 100)
    (link,) = write_sounds(tmp_path / "run", {"late": samples}, RATE)
    assert (link.label, link.address) == ("late", "audio/late.wav")
    read, rate = soundfile.read(tmp_path / "run" / link.address, dtype="float32")
    assert rate == RATE
    assert np.array_equal(read, samples.astype(np.float32))
