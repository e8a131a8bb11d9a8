# SPDX-License-Identifier: MIT
"""Alignment on signals whose lag is known by construction, and on recordings whose lag was measured by others."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import soxr
from scipy import fft, linalg, signal

from fxtrain.audio import LAG_GUARD, apply_lag, estimate_alignment, read_audio
from fxtrain.synthetic import synthesise_guitar
from fxtrain.synthetic.capture_signal import capture_signal

RATE = 48000
DRIVES = [f"drive-{number:02d}" for number in range(2, 13)]
GAINS = ["gain-000", "gain-025", "gain-050", "gain-075", "gain-100"]


def delayed(samples, lag):
    """``samples`` later by ``lag``, of the same length; earlier where it is negative."""
    moved = np.zeros_like(samples)
    if lag >= 0:
        moved[lag:] = samples[: len(samples) - lag]
    else:
        moved[:lag] = samples[-lag:]
    return moved


def esr_of_filter(dry, wet, first, taps):
    """ESR of the least-squares filter with taps ``first .. first + taps - 1``."""
    dry, wet = dry.astype(np.float64), wet.astype(np.float64)
    size = fft.next_fast_len(len(dry) + len(wet) + taps + abs(first))
    x, y = fft.rfft(dry, size), fft.rfft(wet, size)
    auto = fft.irfft(np.abs(x) ** 2, size)[:taps]
    auto[0] *= 1 + 1e-5
    cross = np.roll(fft.irfft(np.conj(x) * y, size), -first)[:taps]
    return 1 - float(linalg.solve_toeplitz(auto, cross) @ cross) / float(wet @ wet)


@pytest.mark.parametrize("lag", [0, 1, -1, 37, -329, -1275, 4800, 90000, -90000])
def test_a_pure_delay_is_found_to_the_sample(play, lag):
    dry = play(8.0)
    found = estimate_alignment(dry, delayed(dry, lag), RATE)
    assert found.lag_samples == lag
    assert found.main_tap_samples == lag
    assert found.polarity == 1
    assert found.confidence > 0.95
    assert abs(found.drift_samples) < 0.1
    assert found.jumps == ()


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("drive", [1.0, 10.0])
def test_distortion_without_memory_does_not_move_the_lag(play, drive, sign):
    # tanh answers in the same sample, so the delay is all there is.
    dry = play(6.0)
    found = estimate_alignment(dry, sign * delayed(np.tanh(drive * dry), 613), RATE)
    assert (found.lag_samples, found.main_tap_samples, found.polarity) == (613, 613, sign)
    assert found.confidence > 0.9


def test_a_square_wave_moves_the_lag_by_three_samples_at_most(play):
    # A linear filter guesses a square wave's corners better with a look at what comes; the largest tap stays.
    dry = play(6.0)
    found = estimate_alignment(dry, -delayed(np.tanh(100 * dry), 613), RATE)
    assert (found.main_tap_samples, found.polarity) == (613, -1)
    assert 610 <= found.lag_samples <= 613
    assert found.confidence > 0.9


def test_an_asymmetric_device_keeps_its_lag_and_polarity(play):
    dry = play(6.0)
    found = estimate_alignment(dry, delayed(-(dry + 0.8 * dry**2 - 0.5 * dry**3), -250).astype(np.float32), RATE)
    assert (found.lag_samples, found.polarity) == (-250, -1)


def test_noise_twenty_decibels_below_does_not_move_the_lag(play):
    dry = play(6.0)
    noise = np.random.default_rng(3).standard_normal(len(dry))
    wet = delayed(np.tanh(5 * dry), 411)
    wet += np.float32(0.1 * np.sqrt(np.mean(wet**2))) * noise.astype(np.float32)
    assert estimate_alignment(dry, wet, RATE).lag_samples == 411


def test_a_symmetric_filter_has_its_main_tap_in_the_middle(play):
    # A linear-phase low-pass of 2 m + 1 taps delays by m; its response begins before that, but not before the delay.
    dry = play(6.0)
    taps = signal.firwin(2 * 20 + 1, 6000, fs=RATE)
    found = estimate_alignment(dry, delayed(signal.lfilter(taps, 1.0, dry).astype(np.float32), 100), RATE)
    assert found.main_tap_samples == 120
    assert 100 <= found.lag_samples < 120


@pytest.mark.parametrize("cutoff", [2000, 4000])
def test_an_amplifier_with_a_dark_cabinet_begins_within_the_guard(play, cutoff):
    # The impulse response of this low-pass begins at its delay, rises slowly, and peaks about fs / (2 cutoff) later.
    dry = play(8.0)
    cabinet = signal.butter(4, cutoff, fs=RATE, output="sos")
    wet = delayed(signal.sosfilt(cabinet, np.tanh(8 * dry)).astype(np.float32), 777)
    found = estimate_alignment(dry, wet, RATE)
    removed = found.lag_samples - LAG_GUARD
    assert found.main_tap_samples > 777 + 2
    assert removed <= 777 + 4
    ahead = esr_of_filter(dry, wet, removed - 64, 576)
    assert esr_of_filter(dry, wet, removed, 512) - ahead < 0.003
    assert esr_of_filter(dry, wet, found.main_tap_samples, 512) - ahead > 0.006


@pytest.mark.parametrize("rate", [22050, 44100, 96000])
def test_lag_is_found_at_any_rate(play, rate):
    dry = play(4.0, rate)
    assert estimate_alignment(dry, delayed(-np.tanh(6 * dry), 321), rate).lag_samples == 321


@pytest.mark.parametrize("parts_per_million", [20, -50, 150])
def test_drift_is_the_difference_of_the_clocks(play, parts_per_million):
    # A wet recorder that is fast by p parts per million writes n (1 + p) samples for n of the dry one: the lag grows by
    # n p from start to end, and is half of that half way.
    dry = play(40.0)
    wet = soxr.resample(np.tanh(4 * dry), RATE, RATE * (1 + parts_per_million * 1e-6), quality="VHQ")
    expected = parts_per_million * 1e-6 * len(dry)
    found = estimate_alignment(dry, delayed(wet, 200), RATE)
    assert found.drift_samples == pytest.approx(expected, rel=0.02)
    # A window of a second smears the response, by seven samples in the worst case here, so that it begins early.
    assert 200 + expected / 2 - 10 <= found.lag_samples <= 200 + expected / 2 + 1
    assert found.jumps == ()


@pytest.mark.parametrize("jump", [-64, 37, 2048, 12000])
def test_a_dropout_is_a_jump_of_its_length_at_its_place(play, jump):
    dry = play(40.0)
    wet = np.tanh(4 * dry)
    cut = 25 * RATE
    after = wet[cut:] if jump > 0 else wet[cut - jump :]
    wet = np.concatenate([wet[:cut], np.zeros(max(jump, 0), np.float32), after])
    found = estimate_alignment(dry, delayed(wet, 90), RATE)
    assert found.lag_samples == 90  # the longer part
    assert len(found.jumps) == 1
    assert found.jumps[0].samples == pytest.approx(jump, abs=0.5)
    assert found.jumps[0].steady
    assert found.jumps[0].after_seconds < 25 + 2  # to within a window
    assert found.jumps[0].before_seconds > 25 - 2
    assert abs(found.drift_samples) < 0.5


def test_other_playing_has_nothing_in_common(play):
    found = estimate_alignment(play(8.0, seed=1), play(8.0, seed=2), RATE)
    assert found.confidence < 0.1


def test_silence_has_no_lag(play):
    dry = play(2.0)
    assert estimate_alignment(dry, np.zeros_like(dry), RATE).confidence == 0.0
    assert estimate_alignment(np.zeros_like(dry), dry, RATE).confidence == 0.0


def test_playing_that_repeats_itself_is_less_sure_than_playing_that_does_not(play):
    # With the same second over and over, a lag of one second fits but for the ends.
    riff = play(1.0)
    looped = estimate_alignment(np.tile(riff, 8), delayed(np.tile(riff, 8), 50), RATE)
    varied = estimate_alignment(play(8.0), delayed(play(8.0), 50), RATE)
    assert looped.confidence < varied.confidence


def test_gain_and_length_do_not_matter(play):
    dry = play(6.0)
    wet = delayed(np.tanh(6 * dry), 150)
    expected = estimate_alignment(dry, wet, RATE)
    found = estimate_alignment(0.01 * dry, 30 * np.concatenate([wet, np.zeros(30000, np.float32)]), RATE)
    assert (found.lag_samples, found.polarity) == (expected.lag_samples, expected.polarity) == (150, 1)


def test_estimating_leaves_the_recordings_as_they_were(play):
    dry = play(2.0)
    wet = np.tanh(dry)
    before = dry.copy(), wet.copy()
    estimate_alignment(dry, wet, RATE)
    np.testing.assert_array_equal(dry, before[0])
    np.testing.assert_array_equal(wet, before[1])


@pytest.mark.parametrize("num_frames", [1, 100, 5000])
def test_tiny_recordings_do_not_break_it(num_frames):
    noise = np.random.default_rng(0).standard_normal(num_frames).astype(np.float32)
    found = estimate_alignment(noise, noise, RATE)
    assert 0.0 <= found.confidence <= 1.0


@pytest.mark.parametrize("lag", [0, 5, -5])
def test_removing_the_lag_undoes_the_delay(play, lag):
    dry = play(0.5)
    x, y = apply_lag(dry, delayed(dry, lag), lag)
    assert len(x) == len(y) == len(dry) - abs(lag)
    np.testing.assert_array_equal(x, y)


def test_removing_the_lag_cuts_to_the_shorter():
    x, y = apply_lag(np.arange(10.0), np.arange(7.0), 3)
    assert x.tolist() == [0, 1, 2, 3]
    assert y.tolist() == [3, 4, 5, 6]


@pytest.fixture(scope="module")
def takes(shared_data: Path):
    """Lag found on each unaligned take of a tube amplifier, and the one that was measured when the set was made."""
    folder = shared_data / "hrd3-drive"
    with (folder / "conditions.csv").open(encoding="utf-8", newline="") as file:
        leads = {row["folder"]: int(row["raw_lead_samples(target[n+lead] ~ DI[n])"]) for row in csv.DictReader(file)}
    dry = read_audio(folder / "unaligned" / "DI.flac")
    found = {}
    for name in leads:
        wet = read_audio(folder / "unaligned" / f"{name}-target.flac")
        found[name] = estimate_alignment(dry.samples, wet.samples, dry.sample_rate)
    return leads, found


def test_takes_of_a_tube_amplifier_agree_with_each_other_and_with_their_measured_leads(takes):
    leads, found = takes
    assert list(found) == DRIVES
    errors = np.array([found[name].lag_samples - leads[name] for name in DRIVES])
    assert np.abs(errors).max() <= 30  # the zero depends on the definition of "the same time"
    assert errors.max() - errors.min() <= 3
    assert {found[name].polarity for name in DRIVES} == {-1}
    assert min(found[name].confidence for name in DRIVES) > 0.8
    assert max(abs(found[name].drift_samples) for name in DRIVES) < 3


@pytest.mark.parametrize("name", ["drive-02", "drive-05", "drive-12"])
def test_after_removing_the_lag_a_causal_filter_loses_next_to_nothing(takes, shared_data, name):
    folder = shared_data / "hrd3-drive" / "unaligned"
    dry, wet = (read_audio(folder / file).samples for file in ("DI.flac", f"{name}-target.flac"))
    found = takes[1][name]
    first = found.lag_samples - LAG_GUARD
    ahead = esr_of_filter(dry, wet, first - 64, 576)
    assert esr_of_filter(dry, wet, first, 512) - ahead < 0.003
    assert esr_of_filter(dry, wet, found.main_tap_samples, 512) - ahead > 0.02


@pytest.mark.parametrize("gain", GAINS)
def test_a_simulated_pedal_has_one_lag_at_every_gain(shared_data, gain):
    folder = shared_data / "klon-centaur-spice"
    found = []
    for part in ("val", "test"):
        dry = read_audio(folder / f"{part}-input.flac")
        wet = read_audio(folder / gain / f"{part}-target.flac")
        found.append(estimate_alignment(dry.samples, wet.samples, dry.sample_rate))
    assert [alignment.lag_samples for alignment in found] == [0, 0]
    assert [alignment.polarity for alignment in found] == [-1, -1]
    assert min(alignment.confidence for alignment in found) > 0.9


def distorted(samples, gain):
    """A band-pass into a hard-driven stage: hardly a waveform is left."""
    b, a = signal.butter(1, [80, 5000], "bandpass", fs=RATE)
    return np.tanh(gain * signal.lfilter(b, a, samples)).astype(np.float32)


@pytest.fixture(scope="module")
def minutes():
    """Playing, and the test signal with its sweeps and sines, which match themselves at many lags."""
    return {"guitar": synthesise_guitar(90, RATE, 3), "test signal": capture_signal(RATE)}


@pytest.mark.parametrize("material", ["guitar", "test signal"])
@pytest.mark.parametrize("gain", [2.0, 30.0, 200.0])
@pytest.mark.parametrize("parts_per_million", [20, -50])
def test_drift_is_found_through_heavy_distortion_and_sweeps(minutes, material, gain, parts_per_million):
    dry = minutes[material]
    clock = 1 + parts_per_million / 1e6
    wet = soxr.resample(distorted(dry, gain).astype(np.float64), 1e6, 1e6 * clock, quality="VHQ").astype(np.float32)
    wet = np.concatenate([np.zeros(50, np.float32), wet, np.zeros(RATE, np.float32)])[: len(dry)]
    found = estimate_alignment(dry, wet, RATE)
    growth = parts_per_million / 1e6 * len(dry)
    assert found.drift_samples == pytest.approx(growth, abs=0.02 * abs(growth) + 2)
    assert found.lag_samples == pytest.approx(50 + growth / 2, abs=8)  # half way through
    assert found.jumps == ()


@pytest.mark.parametrize("material", ["guitar", "test signal"])
@pytest.mark.parametrize("gain", [2.0, 30.0, 200.0])
def test_a_dropout_is_found_through_heavy_distortion_and_sweeps(minutes, material, gain):
    dry = minutes[material]
    wet = distorted(dry, gain)
    lost = 4 * len(wet) // 7
    wet = np.concatenate([np.zeros(50, np.float32), wet[:lost], wet[lost + 256 :]])
    found = estimate_alignment(dry, wet, RATE)
    (jump,) = found.jumps
    assert jump.samples == pytest.approx(-256, abs=8)
    assert jump.steady
    assert jump.after_seconds - 7 < lost / RATE < jump.before_seconds + 7  # windows lie up to six seconds apart
    assert found.lag_samples == pytest.approx(50, abs=12)  # that of the longer part
    assert abs(found.drift_samples) < 16


@pytest.mark.parametrize(
    "device",
    [np.abs, np.square, lambda x: np.tanh(8 * np.abs(x)), lambda x: np.tanh(5 * (np.abs(x) + 0.2 * x))],
    ids=["full-wave rectifier", "square", "octave fuzz", "leaky octave fuzz"],
)
@pytest.mark.parametrize("lag", [613, -250])
def test_a_device_without_a_linear_part_is_matched_by_magnitude(play, device, lag):
    # Its output has no component at the note itself: the lag was off by thousands of samples.
    dry = play(12.0)
    wet = device(dry)
    found = estimate_alignment(dry, delayed((wet - wet.mean()).astype(np.float32), lag), RATE)
    assert found.order == 2
    assert found.lag_samples == pytest.approx(lag, abs=3)
    assert found.confidence > 0.8
    assert abs(found.drift_samples) < 0.3


@pytest.mark.parametrize("drive", [2.0, 20.0])
def test_no_part_of_a_slow_cabinet_comes_before_its_cause(minutes, drive):
    # The lag went by what a causal filter can predict, which is a lot of any guitar: up to a tenth of this response, a
    # damped resonance that peaks 35 samples after it begins, lay before the lag that was removed.
    dry = minutes["guitar"][: 25 * RATE]
    time = np.arange(600)
    response = time**2 * np.exp(-time / 20) * np.cos(2 * np.pi * 700 * time / RATE)
    wet = delayed(signal.fftconvolve(np.tanh(drive * dry), response)[: len(dry)].astype(np.float32), 300)
    removed = estimate_alignment(dry, wet, RATE).lag_samples - LAG_GUARD
    energy = np.concatenate([[0.0], np.cumsum(response**2)]) / np.sum(response**2)
    assert energy[max(removed - 300, 0)] < 0.02
    assert removed > 300 - 2 * LAG_GUARD  # nor does a model wait for nothing
