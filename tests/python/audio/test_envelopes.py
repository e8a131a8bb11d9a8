# SPDX-License-Identifier: MIT
"""Levels of a signal: the recursion in closed form, and where it goes on."""

from __future__ import annotations

import numpy as np
import pytest

from fxtrain.audio.envelopes import EnvelopeTable, follow_envelope

RATE = 48_000


def test_a_step_is_followed_with_the_attack_and_left_with_the_release() -> None:
    step = np.concatenate([np.full(4800, -0.5), np.zeros(9600)]).astype(np.float32)[None]
    values, last = follow_envelope(step, (10.0, 50.0), RATE)
    t = np.arange(1, 4801) / RATE
    assert values[0, :4800] == pytest.approx(0.5 * (1 - np.exp(-t / 0.010)), abs=1e-6)
    t = np.arange(1, 9601) / RATE
    top = 0.5 * (1 - np.exp(-0.1 / 0.010))
    assert values[0, 4800:] == pytest.approx(top * np.exp(-t / 0.050), abs=1e-6)
    assert last[0] == pytest.approx(values[0, -1], abs=1e-7)


def test_a_slow_level_arrives_in_the_end() -> None:
    values, _ = follow_envelope(np.full((1, 20 * RATE), 0.3, np.float32), (1000.0, 1000.0), RATE)
    assert values[0, -1] == pytest.approx(0.3, rel=1e-6)  # in float32 it would stop short


def test_it_goes_on_from_where_it_was() -> None:
    x = np.random.default_rng(1).standard_normal((3, 5000)).astype(np.float32)
    whole, _ = follow_envelope(x, (5.0, 80.0), RATE)
    first, level = follow_envelope(np.ascontiguousarray(x[:, :1234]), (5.0, 80.0), RATE)
    rest, _ = follow_envelope(np.ascontiguousarray(x[:, 1234:]), (5.0, 80.0), RATE, level)
    assert np.array_equal(np.concatenate([first, rest], axis=1), whole)


def test_a_table_knows_the_envelopes_before_any_frame() -> None:
    x = np.random.default_rng(2).standard_normal(20_000).astype(np.float32)
    envelopes = ((5.0, 80.0), (100.0, 100.0))
    table = EnvelopeTable(x, envelopes, RATE)
    assert np.array_equal(table.before(0), np.zeros(2))
    for frame in (1, 4095, 4096, 4097, 12_345, 20_000):
        expected = [follow_envelope(x[None, :frame], each, RATE)[1][0] for each in envelopes]
        assert np.array_equal(table.before(frame), expected)
