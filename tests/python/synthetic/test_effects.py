# SPDX-License-Identifier: MIT
"""Devices as signal flows: each has the property that it is there for."""

from __future__ import annotations

import numpy as np
import pytest

from fxtrain.errors import ConfigError
from fxtrain.synthetic.effects import (
    EFFECTS,
    cabinet_response,
    get_effect,
    plate_response,
    play_through_cabinet,
    spring_response,
)

RATE = 48_000


def tone(frequency: float, seconds: float, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def level(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))


@pytest.mark.parametrize("name", EFFECTS)
def test_every_effect_keeps_length_and_bounds_and_is_the_same_each_time(name: str) -> None:
    dry = np.concatenate([tone(196.0, 0.5), np.zeros(RATE // 4, np.float32), tone(82.0, 0.5, 0.9)])
    wet = get_effect(name)(dry, RATE)
    assert wet.shape == dry.shape
    assert wet.dtype == np.float32
    assert 0.05 < np.abs(wet).max() < 1.6
    assert np.array_equal(wet, EFFECTS[name](dry, RATE))


@pytest.mark.parametrize("name", EFFECTS)
def test_no_effect_answers_before_it_is_asked(name: str) -> None:
    dry = np.zeros(RATE, np.float32)
    dry[RATE // 2 :] = tone(220.0, 0.5)
    before = EFFECTS[name](dry, RATE)[: RATE // 2 - 40]  # resampling rings a little
    assert np.abs(before - before[0]).max() < 1e-3


@pytest.mark.parametrize("seconds", [0.05, 0.2])
def test_a_cabinet_begins_after_its_way_and_falls_by_60_db(seconds: float) -> None:
    response = cabinet_response(seconds, RATE)
    assert len(response) == round(seconds * RATE)
    assert not response[: RATE // 1000].any()
    assert np.sum(response**2) == pytest.approx(1.0)
    tenth = len(response) // 10
    assert 10 * np.log10(np.sum(response[-tenth:] ** 2)) < -35
    spectrum = np.abs(np.fft.rfft(response, 1 << 16))
    hertz = np.fft.rfftfreq(1 << 16, 1 / RATE)
    band = spectrum[(hertz > 200) & (hertz < 3000)].mean()
    assert spectrum[hertz > 12_000].max() < 0.03 * band


def test_through_a_cabinet_is_a_convolution() -> None:
    response = cabinet_response(0.05, RATE, seed=2)
    impulse = np.zeros(4000, np.float32)
    impulse[100] = 1.0
    assert play_through_cabinet(impulse, response)[100:2500] == pytest.approx(response, abs=1e-6)


def test_a_spring_lets_low_frequencies_through_first() -> None:
    response = spring_response(RATE)
    first = np.pad(response[: round(0.09 * RATE)], (0, 1 << 16))  # the first echo alone
    spectrum = np.fft.rfft(first)
    hertz = np.fft.rfftfreq(len(first), 1 / RATE)
    delay = -np.gradient(np.unwrap(np.angle(spectrum)), 2 * np.pi * (hertz[1] - hertz[0]))
    assert np.median(delay[(hertz > 400) & (hertz < 600)]) == pytest.approx(0.033, abs=0.003)
    assert np.median(delay[(hertz > 3000) & (hertz < 3200)]) == pytest.approx(0.046, abs=0.004)


def test_a_plate_loses_its_treble_first() -> None:
    response = plate_response(RATE)
    early, late = response[: RATE // 10], response[RATE // 2 : RATE // 2 + RATE // 10]

    def share_above(x: np.ndarray) -> float:
        power = np.abs(np.fft.rfft(x)) ** 2
        return float(power[np.fft.rfftfreq(len(x), 1 / RATE) > 3000].sum() / power.sum())

    assert share_above(late) < 0.3 * share_above(early)


def test_a_compressor_gives_way_fast_and_comes_back_slowly() -> None:
    dry = np.concatenate([tone(440.0, 1.5, 0.02), tone(440.0, 1.0, 0.6), tone(440.0, 3.0, 0.02)])
    gain = EFFECTS["compressor"](dry, RATE)
    quiet, loud = level(gain[RATE : RATE + 4800]) / 0.02, level(gain[2 * RATE : 2 * RATE + 4800]) / 0.6
    assert loud < 0.3 * quiet
    after = [level(gain[start : start + 4800]) / 0.02 for start in (round(2.52 * RATE), 3 * RATE, 5 * RATE)]
    assert after[0] < 0.6 * after[1] < 0.9 * after[2]


def test_a_rectifier_has_no_linear_part() -> None:
    dry = tone(441.0, 1.0)
    wet = EFFECTS["octave-fuzz"](dry, RATE)[RATE // 2 :]
    spectrum = np.abs(np.fft.rfft(wet))
    assert spectrum[round(441 / 2)] < 0.02 * spectrum[441]  # half a second: bins of 2 Hz; the octave is at 882 Hz


def test_the_supply_of_an_amplifier_sags() -> None:
    wet = EFFECTS["amplifier-with-sag"](np.concatenate([np.zeros(RATE, np.float32), tone(196.0, 1.0, 0.8)]), RATE)
    onset, held = wet[RATE + 240 : RATE + 960], wet[-RATE // 4 :]
    assert np.abs(held).max() < 0.85 * np.abs(onset).max()


def test_an_unknown_effect_is_named() -> None:
    with pytest.raises(ConfigError, match="no effect 'flanger'"):
        get_effect("flanger")
