# SPDX-License-Identifier: MIT
"""The standard test signal: what it holds, where, and the command that writes it."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from scipy import signal

from fxtrain.audio import LAG_GUARD, check_pair, estimate_alignment, read_audio
from fxtrain.audio.files import Audio
from fxtrain.audio.levels import frame_rms
from fxtrain.audio.repeats import find_repeats
from fxtrain.cli import main
from fxtrain.data.split import SplitConfig, split_in_time
from fxtrain.errors import ConfigError
from fxtrain.synthetic.capture_signal import SECTIONS, capture_signal

RATE = 48000
NAMES = [section.name for section in SECTIONS]


@pytest.fixture(scope="module")
def whole():
    return capture_signal(RATE)


@pytest.fixture(scope="module")
def part(whole):
    """The samples of a section."""

    def part(name):
        section = SECTIONS[NAMES.index(name)]
        return whole[round(section.start_seconds * RATE) : round(section.end_seconds * RATE)]

    return part


def decibels(amplitude):
    return 20 * np.log10(np.maximum(amplitude, 1e-10))


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000, 96000])
def test_it_is_three_minutes_long_to_the_frame_at_any_rate(rate):
    made = capture_signal(rate)
    assert made.shape == (180 * rate,)
    assert made.dtype == np.float32
    assert np.isfinite(made).all()
    assert decibels(np.abs(made).max()) == pytest.approx(-1.5, abs=0.01)


def test_it_is_the_same_every_time():
    np.testing.assert_array_equal(capture_signal(16000), capture_signal(16000))


def test_a_file_of_24_bits_holds_it_exactly(whole):
    scaled = whole.astype(np.float64) * 2**23
    np.testing.assert_array_equal(scaled, np.round(scaled))


def test_sections_follow_each_other_from_start_to_end():
    assert SECTIONS[0].start_seconds == 0
    assert SECTIONS[-1].end_seconds == 180
    for one, next in itertools.pairwise(SECTIONS):
        assert one.start_seconds < one.end_seconds == next.start_seconds
    assert len(set(NAMES)) == len(NAMES)


def test_it_begins_with_two_seconds_of_exact_silence(whole):
    assert not whole[: 2 * RATE].any()
    assert whole[2 * RATE : 2 * RATE + 100].any()


def test_no_join_clicks(whole):
    """A section begins and ends below -60 dBFS, and rises no faster than its own loud moments do."""
    for section in SECTIONS[1:]:
        around = whole[round(section.start_seconds * RATE) - 24 : round(section.start_seconds * RATE) + 24]
        assert np.abs(around).max() < 1e-3, section.name


def test_it_has_no_offset(whole):
    assert abs(whole.astype(np.float64).mean()) < 1e-5
    for one in SECTIONS:
        samples = whole[round(one.start_seconds * RATE) : round(one.end_seconds * RATE)].astype(np.float64)
        assert abs(samples.mean()) < 1e-4, one.name


def test_most_of_it_is_playing():
    """A model learns from playing: sweeps and tones together come to a fifteenth."""
    tones = [one for one in SECTIONS if "sweep" in one.name or "swells" in one.name]
    assert sum(one.end_seconds - one.start_seconds for one in tones) <= 12


def test_sweeps_cover_the_band_evenly_at_two_levels(part):
    """Octaves of an exponential sweep have the same energy, once the roll-off of a pickup is undone."""
    powers = []
    for name in ("loud sweep", "soft sweep"):
        spectrum = np.abs(np.fft.rfft(part(name).astype(np.float64))) ** 2
        frequency = np.fft.rfftfreq(len(part(name)), 1 / RATE)
        spectrum *= (1 + (frequency / 3000) ** 2) ** 2
        octaves = [spectrum[(frequency >= low) & (frequency < 2 * low)].sum() for low in 50.0 * 2.0 ** np.arange(8)]
        assert np.ptp(10 * np.log10(octaves)) < 0.5  # ripple of the fades
        powers.append(sum(octaves))
    assert 10 * np.log10(powers[0] / powers[1]) == pytest.approx(30, abs=0.01)


def test_swells_pass_through_every_level(part):
    levels = decibels(frame_rms(part("swells and bursts")[: 3 * RATE], 2400))
    bins = np.histogram(levels, bins=np.arange(-60, -7, 3))[0]
    assert (bins > 0).all()


def test_dynamics_span_more_than_40_decibels(whole):
    playing = whole[23 * RATE :]
    levels = decibels(frame_rms(playing, 2400))
    levels = levels[levels > -70]  # pauses aside
    assert np.quantile(levels, 0.98) - np.quantile(levels, 0.02) > 40


def test_the_guitar_turned_down_is_softer_each_time_and_darker(part):
    parts = np.split(part("guitar turned down"), 3)
    peaks = decibels(np.array([np.abs(one).max() for one in parts]))
    # A first-order low-pass at 3 kHz takes another decibel or two from the peak.
    assert peaks == pytest.approx(np.array([-9.5, -17.5, -27.5]), abs=2.0)


def test_single_notes_climb_from_the_lowest_to_the_twentieth_fret_of_the_highest(part):
    """The first and the last note of each turn, by their autocorrelation."""

    def pitch(samples):
        spectrum = np.abs(np.fft.rfft(samples, 2 * len(samples))) ** 2
        correlation = np.fft.irfft(spectrum)[: RATE // 70]
        return RATE / (RATE // 1500 + np.argmax(correlation[RATE // 1500 :]))

    for number, turn in enumerate(np.split(part("single notes"), 4)):
        count = len(range(40 + number, 88, 3))
        step = 3.7 / count
        for index in (0, count - 1):
            note = 40 + number + 3 * index
            begin = round((0.04 + index * step) * RATE)
            found = 12 * np.log2(pitch(turn[begin : begin + round(0.15 * RATE)]) / 440) + 69
            assert found == pytest.approx(note, abs=0.5)


def test_the_repeated_passage_comes_twice_bit_for_bit_after_equal_silence(whole, part):
    first, again = part("repeated passage"), part("repeated passage again")
    np.testing.assert_array_equal(first, again)
    assert not first[:RATE].any()
    assert frame_rms(first, len(first))[0] > 0.05
    (repeat,) = find_repeats(whole, RATE)
    assert repeat.second_start - repeat.first_start == 120 * RATE
    assert repeat.first_start <= 14 * RATE
    assert repeat.first_start + repeat.num_frames >= 23 * RATE


def test_validation_and_test_are_playing_that_training_has_not_heard(whole):
    parts = split_in_time(len(whole), RATE, SplitConfig())
    song = SECTIONS[-1]
    assert song.name == "song"
    assert parts["train"][1] > SECTIONS[-2].end_seconds * RATE
    for name in ("validation", "test"):
        start, end = parts[name]
        assert start >= song.start_seconds * RATE
        levels = decibels(frame_rms(whole[start:end], 2400))
        assert np.quantile(levels, 0.98) > -14  # loud moments
        assert np.mean((levels > -45) & (levels < -30)) > 0.1  # and soft ones


def test_a_recording_of_it_passes_every_check(whole):
    wet = np.tanh(6 * whole).astype(np.float32) * 0.5
    wet = np.concatenate([np.zeros(50, np.float32), wet])[: len(whole)]
    wet += 1e-5 * np.random.default_rng(0).standard_normal(len(wet)).astype(np.float32)
    report = check_pair(Audio(samples=whole, sample_rate=RATE), Audio(samples=wet, sample_rate=RATE))
    assert {verdict.name: verdict.level for verdict in report.verdicts if verdict.level != "ok"} == {}
    replicate = next(verdict for verdict in report.verdicts if verdict.name == "replicate")
    assert replicate.values["second_seconds"] - replicate.values["first_seconds"] == pytest.approx(120)
    assert replicate.values["seconds"] > 5.5


def amplifier(played, drive, stages):
    """A pickup's band, one or two saturating stages and a cabinet, 50 frames late and with a little noise."""
    pickup = signal.butter(1, [300, 5000], "band", fs=RATE, output="sos")
    cabinet = signal.butter(3, [90, 5000], "band", fs=RATE, output="sos")
    wet = np.tanh(drive * signal.sosfilt(pickup, played) + 0.1)
    if stages == 2:
        wet = np.tanh(3 * signal.sosfilt(pickup, wet))
    wet = np.concatenate([np.zeros(50), 0.5 * signal.sosfilt(cabinet, wet)])[: len(played)]
    return (wet + 2e-5 * np.random.default_rng(0).standard_normal(len(wet))).astype(np.float32)


@pytest.mark.parametrize(("drive", "stages"), [(3, 1), (100, 1), (10, 2), (200, 2)])
def test_its_lag_is_found_however_much_the_device_distorts(whole, drive, stages):
    """Sweeps match themselves at any lag, their harmonics at others; they once led the search astray by 60 frames."""
    found = estimate_alignment(whole, amplifier(whole, drive, stages), RATE)
    # The filters' own delay comes on top of the 50, up to 5 at their largest tap; the onset may come a little before.
    assert 50 - LAG_GUARD <= found.lag_samples <= 55
    assert found.jumps == ()
    assert abs(found.drift_samples) < 3  # what a check passes
    assert found.confidence > 0.8


def test_a_dropout_is_found_however_much_the_device_distorts(whole):
    wet = np.delete(amplifier(whole, 200, 2), slice(60 * RATE, 60 * RATE + 64))
    report = check_pair(Audio(samples=whole, sample_rate=RATE), Audio(samples=wet, sample_rate=RATE))
    drift = next(verdict for verdict in report.verdicts if verdict.name == "drift")
    assert drift.level == "stop"
    assert drift.values["jumps"] == [pytest.approx(-64, abs=4)]


def test_too_coarse_a_rate_is_refused():
    with pytest.raises(ConfigError, match="8000 Hz"):
        capture_signal(8000)


def test_the_command_writes_it_and_says_what_is_played_when(tmp_path, capsys):
    out = tmp_path / "signal.wav"
    assert main(["signal", str(out), "--sample-rate", "16000"]) == 0
    printed = capsys.readouterr().out
    for name in NAMES:
        assert name in printed
    audio = read_audio(out)
    assert (audio.sample_rate, audio.subtype, audio.num_channels) == (16000, "PCM_24", 1)
    np.testing.assert_array_equal(audio.samples, capture_signal(16000))

    assert main(["signal", str(out)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert main(["signal", str(out), "--force", "--json", "--sample-rate", "22050"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["sample_rate"], report["num_frames"], report["seconds"]) == (22050, 180 * 22050, 180)
    assert [section["name"] for section in report["sections"]] == NAMES
    assert report["sections"][-1]["end_seconds"] == 180


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["signal.ogg"], "would change the signal by its coding"),
        (["signal.mid"], "names no format to write"),
        (["signal.wav", "--sample-rate", "8000"], "give 16000 Hz or more"),
        (["nowhere/signal.wav", "--sample-rate", "16000"], "but nowhere does not exist; make the folder first"),
    ],
)
def test_what_cannot_be_written_is_one_sentence_and_no_file(tmp_path, monkeypatch, capsys, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    assert main(["signal", *arguments]) in (1, 2)
    error = capsys.readouterr().err
    assert sentence in error
    assert error.startswith("fxtrain: ")
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
