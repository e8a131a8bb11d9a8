# SPDX-License-Identifier: MIT
"""Repeats: found to the frame, and nothing taken for one that is none."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from fxtrain.audio import read_audio, repeats
from fxtrain.audio.repeats import Repeat, find_copies, find_repeats

RATE = 8000  # nothing here depends on it; a second is the least length throughout


def noise(num_frames, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal(num_frames)).astype(np.float32)


def planted(num_frames, places, length, seed=0):
    samples, passage = noise(num_frames, seed), noise(length, seed + 1000)
    for place in places:
        samples[place : place + length] = passage
    return samples


def test_a_passage_played_twice_is_found_to_the_frame():
    samples = planted(12 * RATE, (3011, 50007), 2 * RATE + 77)
    assert find_repeats(samples, RATE) == [Repeat(3011, 50007, 2 * RATE + 77)]


@pytest.mark.parametrize("start", [0, 1, 1234, RATE // 2, RATE // 2 + 1, RATE - 1])
def test_the_least_length_is_found_wherever_it_begins_and_less_is_not(start):
    assert find_repeats(planted(6 * RATE, (start, 3 * RATE), RATE), RATE) == [Repeat(start, 3 * RATE, RATE)]
    assert find_repeats(planted(6 * RATE, (start, 3 * RATE), RATE - 1), RATE) == []


def test_a_recording_without_repeats_has_none():
    assert find_repeats(noise(20 * RATE), RATE) == []


def test_playing_it_again_is_no_repeat_however_alike():
    samples = np.tile(noise(3 * RATE), 2)
    samples[3 * RATE :] += 2.0**-23 * np.sign(noise(3 * RATE, seed=5))
    assert find_repeats(samples, RATE) == []


def test_one_wrong_sample_parts_a_repeat_in_two():
    samples = planted(12 * RATE, (0, 6 * RATE), 3 * RATE)
    samples[RATE + 500] += 0.5
    assert find_repeats(samples, RATE) == [
        Repeat(RATE + 501, 7 * RATE + 501, 2 * RATE - 501),
        Repeat(0, 6 * RATE, RATE + 500),
    ]


def test_silence_and_offsets_are_no_repeats():
    quiet = noise(10 * RATE)
    quiet[RATE : 4 * RATE] = quiet[5 * RATE : 8 * RATE] = 0.0
    assert find_repeats(quiet, RATE) == []
    assert find_repeats(np.full(10 * RATE, 0.25, np.float32), RATE) == []
    assert find_repeats(np.zeros(10 * RATE, np.float32), RATE) == []


def test_silence_at_the_ends_belongs_to_a_repeat_but_does_not_make_it_long_enough():
    samples = noise(12 * RATE)
    for place in (RATE, 7 * RATE):
        samples[place : place + 3 * RATE] = 0
        samples[place + RATE : place + 2 * RATE] = noise(RATE, seed=1)
    assert find_repeats(samples, RATE) == [Repeat(RATE, 7 * RATE, 3 * RATE)]
    for place in (RATE, 7 * RATE):
        samples[place + 2 * RATE - 1] = 0
    assert find_repeats(samples, RATE) == []


@pytest.mark.parametrize("frequency", [100.0, 440.0, 1000.0])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_a_steady_tone_is_no_repeat(tmp_path, frequency, subtype):
    tone = 0.5 * np.sin(2 * np.pi * frequency * np.arange(10 * RATE) / RATE)
    soundfile.write(tmp_path / "tone.wav", tone, RATE, subtype=subtype)
    assert find_repeats(read_audio(tmp_path / "tone.wav").samples, RATE) == []


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_files_of_any_depth_keep_their_repeats(tmp_path, subtype):
    samples = planted(9 * RATE, (100, 5 * RATE), 2 * RATE)
    soundfile.write(tmp_path / "take.wav", samples, RATE, subtype=subtype)
    assert find_repeats(read_audio(tmp_path / "take.wav").samples, RATE) == [Repeat(100, 5 * RATE, 2 * RATE)]


def test_a_loop_is_halved_without_overlap():
    loop = noise(2 * RATE)
    assert find_repeats(np.tile(loop, 4), RATE) == [Repeat(0, 4 * RATE, 4 * RATE)]
    # Of three rounds, the first and the last: the longest that do not overlap, farthest apart; and the one between.
    assert find_repeats(np.tile(loop, 3), RATE) == [Repeat(0, 4 * RATE, 2 * RATE), Repeat(0, 2 * RATE, 2 * RATE)]


def test_longer_repeats_come_first():
    samples = planted(30 * RATE, (RATE, 10 * RATE), 2 * RATE, seed=1)
    samples[15 * RATE : 18 * RATE] = samples[25 * RATE : 28 * RATE] = noise(3 * RATE, seed=9)
    assert find_repeats(samples, RATE) == [
        Repeat(15 * RATE, 25 * RATE, 3 * RATE),
        Repeat(RATE, 10 * RATE, 2 * RATE),
    ]


def test_minus_nought_equals_nought():
    samples = planted(9 * RATE, (100, 5 * RATE), 2 * RATE)
    samples[100 : 100 + 2 * RATE : 7] = 0.0
    samples[5 * RATE : 7 * RATE : 7] = -0.0
    assert find_repeats(samples, RATE) == [Repeat(100, 5 * RATE, 2 * RATE)]


def longest_by_comparing_all(samples):
    """Length of the longest stretch that comes twice without overlap."""
    best = 0
    for offset in range(1, len(samples)):
        equal = np.concatenate([[0], samples[:-offset] == samples[offset:], [0]])
        edges = np.flatnonzero(np.diff(equal))
        if len(edges):
            best = max(best, min(int(np.diff(edges)[::2].max()), offset))
    return best


@pytest.mark.parametrize("chunk", [50, 1 << 20])
@pytest.mark.parametrize("seed", range(8))
def test_agrees_with_comparing_everything_with_everything(monkeypatch, seed, chunk):
    """Also where the recording is longer than what is looked at together."""
    monkeypatch.setattr(repeats, "_CHUNK", chunk)
    generator = np.random.default_rng(seed)
    length = int(generator.integers(40, 250))
    places = generator.choice(np.arange(0, 1200, 250), 2, replace=False) + generator.integers(0, 5)
    samples = planted(1500, [int(place) for place in places], length, seed)
    found = find_repeats(samples, 40)
    assert found[0].num_frames == longest_by_comparing_all(samples) >= length
    for repeat in found:
        first, second = (
            samples[start : start + repeat.num_frames] for start in (repeat.first_start, repeat.second_start)
        )
        np.testing.assert_array_equal(first, second)
        assert repeat.first_start + repeat.num_frames <= repeat.second_start


def test_too_short_for_two_is_none():
    assert find_repeats(noise(RATE), RATE) == []
    assert find_repeats(np.zeros(0, np.float32), RATE) == []


def test_copies_are_found_to_the_frame_wherever_they_lie():
    passages, samples = noise(10 * RATE), noise(30 * RATE, seed=1)
    samples[:RATE] = passages[4 * RATE : 5 * RATE]
    samples[70_001 : 70_001 + 2 * RATE] = passages[2 * RATE : 4 * RATE]
    samples[200_000 : 200_000 + 2 * RATE] = passages[2 * RATE : 4 * RATE]  # every one of several, unlike repeats
    samples[-RATE - 5 :] = passages[-RATE - 5 :]
    places = [(0, RATE), (70_001, 70_001 + 2 * RATE), (200_000, 200_000 + 2 * RATE), (29 * RATE - 5, 30 * RATE)]
    assert find_copies(passages, samples, RATE) == places
    assert find_copies(samples, samples, RATE) == [(0, len(samples))]
    assert find_copies(passages, np.concatenate([passages, passages]), RATE) == [(0, 20 * RATE)]


def test_silence_and_other_playing_are_no_copies():
    passages, samples = noise(5 * RATE), noise(9 * RATE, seed=1)
    passages[2 * RATE : 4 * RATE] = samples[3 * RATE : 6 * RATE - RATE] = 0.0
    assert find_copies(passages, samples, RATE) == []
    assert find_copies(passages, np.concatenate([passages[-RATE + 1 :], samples]), RATE) == []
    assert find_copies(passages[: RATE - 1], passages, RATE) == []
