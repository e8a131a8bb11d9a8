# SPDX-License-Identifier: MIT
"""The envelopes that a recording chooses."""

from __future__ import annotations

import numpy as np
import pytest

from fxtrain.audio.envelopes import Envelope, follow_envelope
from fxtrain.data import Excerpt
from fxtrain.synthetic import synthesise_guitar
from fxtrain.tasks.effect.slow_state import choose_envelopes

RATE = 24_000


@pytest.fixture(scope="module")
def dry() -> np.ndarray:
    return synthesise_guitar(20, RATE, 5)


def compressed(dry: np.ndarray, *envelopes: Envelope) -> np.ndarray:
    """Turned down by the mean of some envelopes."""
    light = np.mean([follow_envelope(dry[None], each, RATE)[0][0] for each in envelopes], axis=0)
    return (2 * dry * (1 + (light / 0.03) ** 2) ** -0.35).astype(np.float32)


@pytest.mark.parametrize("times", [(10.0, 300.0), (100.0, 100.0), (30.0, 3000.0), (1.0, 30.0)])
def test_the_times_of_a_compressor_are_found(dry: np.ndarray, times: Envelope) -> None:
    assert times in choose_envelopes([Excerpt(input=dry, target=compressed(dry, times))], RATE)


def test_both_of_two_are_found(dry: np.ndarray) -> None:
    both = (10.0, 100.0), (100.0, 3000.0)
    chosen = choose_envelopes([Excerpt(input=dry, target=compressed(dry, *both))], RATE)
    # One of the grid's neighbours may stand in for another; the slow one has none.
    assert both[1] in chosen
    assert any(attack <= 30 and 30 <= release <= 300 for attack, release in chosen)


@pytest.mark.parametrize("length", [0, 3, 120, 5000])
def test_silence_and_snippets_have_some(length: int) -> None:
    silent = np.zeros(length, np.float32)
    assert choose_envelopes([Excerpt(input=silent, target=silent)], RATE)


def test_the_gain_of_a_recording_does_not_matter(dry: np.ndarray) -> None:
    wet = compressed(dry, (10.0, 300.0))
    soft, loud = (choose_envelopes([Excerpt(input=dry, target=gain * wet)], RATE) for gain in (0.1, 1.0))
    assert soft == loud


def test_clips_start_from_rest(dry: np.ndarray) -> None:
    clip = 6000
    wet = np.concatenate([compressed(dry[start : start + clip], (10.0, 300.0)) for start in range(0, len(dry), clip)])
    assert (10.0, 300.0) in choose_envelopes([Excerpt(input=dry, target=wet, clip_frames=clip)], RATE)
