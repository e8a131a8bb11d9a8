# SPDX-License-Identifier: MIT
"""Which channels of a pair of files are taken."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from fxtrain.audio import ChannelChoice, read_pair
from fxtrain.errors import AudioFileError

RATE = 48000


@pytest.fixture(scope="module")
def dry(play):
    return play(6.0)


@pytest.fixture
def write(tmp_path):
    def write(name, *channels):
        soundfile.write(tmp_path / name, np.stack(channels, axis=1), RATE, subtype="FLOAT")
        return tmp_path / name

    return write


def amp(dry, drive=5.0, lag=40):
    return np.concatenate([np.zeros(lag, np.float32), np.tanh(drive * dry)])[: len(dry)].astype(np.float32)


def hiss(dry, level=0.05):
    return level * np.random.default_rng(8).standard_normal(len(dry)).astype(np.float32)


def taken(pair):
    return tuple(audio.channel for audio in pair)


@pytest.mark.parametrize("guitar", [0, 1, 3])
def test_the_dry_channel_that_matches_wet_is_taken_not_the_first_that_sounds(write, dry, guitar):
    # A noisy unused input before the guitar was taken for it, and the files had "nothing in common".
    channels = [hiss(dry, 0.05 + 0.01 * k) * (-1) ** k for k in range(4)]
    channels[guitar] = dry
    pair = read_pair(write("dry.wav", *channels), write("wet.wav", amp(dry)))
    assert taken(pair) == (guitar, 0)
    np.testing.assert_array_equal(pair[0].samples, dry)
    assert "matches the wet file best" in pair[0].note


def test_both_sides_may_have_channels_of_their_own(write, dry):
    pair = read_pair(write("dry.wav", hiss(dry), dry), write("wet.wav", amp(dry), hiss(dry)[::-1]))
    assert taken(pair) == (1, 0)


def test_a_wet_file_that_also_holds_the_dry_signal_gives_the_other_channel(write, dry):
    assert taken(read_pair(write("dry.wav", dry), write("wet.wav", 0.5 * dry, amp(dry)))) == (0, 1)


def test_of_two_amps_the_first_is_taken_and_the_other_named(write, dry):
    files = write("dry.wav", dry), write("wet.wav", amp(dry, 2), amp(dry, 12))
    left, right = (read_pair(*files, choice=choice)[1] for choice in (None, ChannelChoice(wet=1)))
    assert (left.channel, right.channel) == (0, 1)
    assert "--wet-channel 2 takes channel 2 (right)" in left.note
    assert "as asked" in right.note


def test_one_choice_for_both_applies_to_each_file_that_has_several_channels(write, dry):
    files = write("dry.wav", hiss(dry), dry), write("wet.wav", amp(dry))
    assert taken(read_pair(*files, choice=ChannelChoice(both=1))) == (1, 0)
    with pytest.raises(AudioFileError, match="has 1 channel, so channel 2 is not there"):
        read_pair(*files, choice=ChannelChoice(wet=1))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("copied", [False, True])
def test_one_stereo_file_may_hold_both_sides(write, dry, order, copied):
    sides = [dry, amp(dry)]
    take = write("take.wav", *(sides[k] for k in order))
    other = write("copy.wav", *(sides[k] for k in order)) if copied else take
    which = order.index(0), order.index(1)
    # Saying nothing, the message names the channels, and which one looks dry.
    with pytest.raises(AudioFileError, match=f"--dry-channel {which[0] + 1} --wet-channel {which[1] + 1}"):
        read_pair(take, other)
    for choice in (ChannelChoice(dry=which[0], wet=which[1]), ChannelChoice(dry=which[0]), ChannelChoice(wet=which[1])):
        assert taken(read_pair(take, other, choice=choice)) == which


def test_where_nothing_matches_the_first_that_sounds_is_taken(write, play, dry):
    pair = read_pair(write("dry.wav", play(6.0, seed=3), hiss(dry)), write("wet.wav", amp(dry)))
    assert taken(pair) == (0, 0)
    assert "none matches" in pair[0].note


def test_of_many_channels_the_user_names_the_one(write, dry):
    # Each pair of channels was compared: a file of 900 frames that claimed 255 channels took 23 s, and twice 32 tracks
    # would have taken minutes.
    tracks = [hiss(dry, 0.01 * (k + 1)) * (-1) ** k for k in range(17)]
    many, amped = write("dry.wav", *tracks[:8], dry, *tracks[8:]), write("wet.wav", amp(dry))
    with pytest.raises(AudioFileError, match=r"dry\.wav holds more than 16 .*with --dry-channel N\.$"):
        read_pair(many, amped)
    assert taken(read_pair(many, amped, choice=ChannelChoice(dry=8))) == (8, 0)
    five = [write(f"{name}.wav", *tracks[:5]) for name in ("one", "other")]
    soundfile.write(five[1], np.stack(tracks[1:6], axis=1) * 0.5, RATE, subtype="FLOAT")
    with pytest.raises(AudioFileError, match=r"5 and .* 5 different .*--dry-channel N and --wet-channel N\.$"):
        read_pair(*five)


def test_a_header_that_claims_a_thousand_channels_is_refused_quickly(write, dry):
    noise = np.random.default_rng(3).normal(0, 0.1, (1024, 40)).astype(np.float32)
    with pytest.raises(AudioFileError, match="different channels"):
        read_pair(write("many.wav", *noise), write("wet.wav", amp(dry)))
