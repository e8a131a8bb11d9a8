# SPDX-License-Identifier: MIT
"""Metrics against closed forms: scaled signals, sines in known bands, standard loudness tones."""

from __future__ import annotations

import json
import math
import tracemalloc

import numpy as np
import pytest
import torch
from scipy import signal

from fxtrain.metrics import effects as metrics

RATE = 44_100


def noise(num_frames: int = RATE, seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(num_frames)


def sine(hz: float, seconds: float = 1.0, amplitude: float = 1.0, rate: int = RATE) -> np.ndarray:
    return amplitude * np.sin(2.0 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


def test_esr_of_a_scaled_target_is_the_squared_gain_error():
    target = noise()
    assert metrics.esr(0.9 * target, target) == pytest.approx(0.01, rel=1e-12)


def test_esr_does_not_forgive_inverted_polarity():
    assert metrics.esr(-noise(), noise()) == pytest.approx(4.0, rel=1e-12)


def test_esr_of_silence_against_silence_is_zero_and_of_noise_against_silence_infinite():
    assert metrics.esr(np.zeros(10), np.zeros(10)) == 0.0
    assert metrics.esr(np.ones(10), np.zeros(10)) == math.inf


def test_esr_is_summed_in_double_precision():
    # In float32, 2^24 swallows each 1 that is added to it.
    target = np.concatenate([np.ones(1000), [4096.0]]).astype(np.float32)
    prediction = target * (target == 1.0)
    assert metrics.esr(prediction, target) == pytest.approx(2**24 / (2**24 + 1000), rel=1e-12)


def test_esr_refuses_signals_of_different_length():
    with pytest.raises(ValueError, match=r"shape \(3,\) and target \(4,\)"):
        metrics.esr(np.zeros(3), np.zeros(4))


def test_unscored_frames_do_not_count():
    target, mask = noise(), np.arange(RATE) % 11_025 >= 1000
    prediction = np.where(mask, 0.5 * target, 1e3)
    assert metrics.esr(prediction, target, mask=mask) == pytest.approx(0.25, rel=1e-12)
    result = metrics.measure(prediction, target, RATE, mask=mask)
    assert result["esr"] == pytest.approx(0.25, rel=1e-12)
    assert result["esr_a_weighted"] == pytest.approx(0.25, rel=1e-9)
    assert all(band["esr"] == pytest.approx(0.25, rel=1e-9) for band in result["bands"])
    assert result["mr_stft"] == pytest.approx(0.5 + math.log(2.0), rel=1e-3)
    assert result["scored_seconds"] == pytest.approx(4 * 10_025 / RATE)


def test_runs_rebuild_the_mask_they_came_from():
    mask = np.random.default_rng(1).random(200) < 0.5
    rebuilt = np.zeros_like(mask)
    for start, end in metrics.scored_runs(mask):
        assert start == 0 or not mask[start - 1]
        rebuilt[start:end] = True
    assert (rebuilt == mask).all()


def test_power_spectrum_of_a_sine_holds_its_mean_square():
    _, (power,) = metrics.average_power_spectra([sine(1000.0, amplitude=0.5)], RATE)
    assert power.sum() == pytest.approx(0.125, rel=1e-3)


def test_power_spectrum_of_white_noise_is_flat_and_sums_to_its_variance():
    _, (power,) = metrics.average_power_spectra([noise(20 * RATE)], RATE)
    assert power.sum() == pytest.approx(0.01, rel=0.01)
    octaves = [power[2**k : 2 ** (k + 1)].mean() for k in range(6, 12)]
    assert octaves == pytest.approx([power.mean()] * 6, rel=0.05)


def test_band_esr_of_a_sine_is_found_in_its_band_alone():
    # A target of one sine per octave; the error is 10 % of the one at 2 kHz.
    tones = {1000.0 * 2.0**k: sine(1000.0 * 2.0**k, 2.0, 0.1) for k in range(-3, 4)}
    target = sum(tones.values())
    bands = metrics.band_esr(target + 0.1 * tones[2000.0], target, RATE)
    by_centre = {band.centre_hz: band for band in bands}
    for hz in tones:
        expected = 0.01 if hz == 2000.0 else 0.0
        assert by_centre[hz].esr == pytest.approx(expected, abs=1e-6)
        assert by_centre[hz].target_share_db == pytest.approx(-10.0 * math.log10(7), abs=0.01)
    assert by_centre[31.25].esr is None  # the target has nothing there


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 48_000, 96_000])
def test_bands_cover_the_spectrum_without_gaps(rate):
    bands = metrics.band_esr(noise(rate), noise(rate, seed=1), rate)
    assert bands[0].low_hz == 0.0
    assert bands[-1].high_hz == rate / 2
    assert [band.high_hz for band in bands[:-1]] == [band.low_hz for band in bands[1:]]
    assert sum(10.0 ** (band.target_share_db / 10.0) for band in bands) == pytest.approx(1.0, rel=1e-9)


def test_joins_between_clips_do_not_leak_into_the_bands():
    # Each clip is a sine at 250 Hz that starts at another phase: the jumps lie in unscored frames.
    clip, skip, phases = 11_025, 1000, np.random.default_rng(2).uniform(0, 2 * np.pi, 20)
    target = np.concatenate([np.sin(2 * np.pi * 250.0 * np.arange(clip) / RATE + phase) for phase in phases])
    mask = np.arange(len(target)) % clip >= skip
    bands = {band.centre_hz: band for band in metrics.band_esr(target, target, RATE, mask=mask)}
    assert bands[250.0].target_share_db == pytest.approx(0.0, abs=0.01)
    assert bands[8000.0].target_share_db < -80.0


def test_error_over_time_gives_the_level_of_each_window():
    target = np.concatenate([np.full(RATE, 0.5), np.zeros(RATE), np.full(RATE // 2, 0.1)])
    gains = np.concatenate([np.full(RATE, 0.9), np.ones(RATE), np.full(RATE // 2, 0.8)])
    result = metrics.error_over_time(gains * target, target, RATE, window_seconds=1.0)
    assert result.seconds.tolist() == [0.5, 1.5, 2.25]
    assert result.esr[[0, 2]] == pytest.approx([0.01, 0.04], rel=1e-9)
    assert np.isnan(result.esr[1])
    assert result.target_db[[0, 2]] == pytest.approx([20 * math.log10(0.5), -20.0], abs=1e-9)
    assert result.error_db[0] == pytest.approx(20 * math.log10(0.05), abs=1e-9)


def test_error_over_time_leaves_windows_without_scored_frames_empty():
    mask = np.arange(300) >= 100
    result = metrics.error_over_time(np.ones(300), 2.0 * np.ones(300), 100, mask=mask, window_seconds=1.0)
    assert np.isnan(result.esr).tolist() == [True, False, False]
    assert result.esr[1:] == pytest.approx([0.25, 0.25])


@pytest.mark.parametrize("gain", [0.5, 0.99, 2.0])
def test_stft_distance_of_a_gain_is_its_closed_form(gain):
    target = 10.0 * noise()  # loud, so that the floor of 1e-8 under the power plays no part
    distance = metrics.multi_resolution_stft_distance(gain * target, target)
    assert distance == pytest.approx(abs(1.0 - gain) + abs(math.log(gain)), rel=1e-4)


def test_stft_distance_agrees_with_auraloss_up_to_padding():
    auraloss_freq = pytest.importorskip("auraloss.freq")
    target = noise(4 * RATE)
    prediction = 0.8 * target + 0.02 * noise(4 * RATE, seed=3)
    theirs = auraloss_freq.MultiResolutionSTFTLoss()(
        torch.tensor(prediction)[None, None], torch.tensor(target)[None, None]
    )
    assert metrics.multi_resolution_stft_distance(prediction, target) == pytest.approx(float(theirs), rel=0.01)


@pytest.mark.parametrize("rate", [32_000, 44_100, 48_000, 96_000])
def test_loudness_of_the_standard_tone(rate):
    # ITU-R BS.1770-4: a full-scale sine at 997 Hz in one channel reads -3.01 LUFS; EBU Tech 3341 allows 0.1 LU.
    assert metrics.loudness_lufs(sine(997.0, 5.0, rate=rate), rate) == pytest.approx(-3.01, abs=0.1)


def test_loudness_without_the_absolute_gate_follows_the_gain_down_to_any_level():
    guitar = noise(4 * RATE) * np.repeat(np.geomspace(1.0, 0.01, 40), 4 * RATE // 40)
    loud = metrics.loudness_lufs(guitar, RATE, absolute_gate=False)
    assert metrics.loudness_lufs(1e-6 * guitar, RATE, absolute_gate=False) == pytest.approx(loud - 120.0, abs=1e-6)
    assert metrics.loudness_lufs(1e-6 * guitar, RATE) == -math.inf
    assert math.isfinite(metrics.loudness_lufs(guitar[:100], RATE, absolute_gate=False))


def test_loudness_filters_at_48_khz_are_those_of_the_standard():
    # ITU-R BS.1770-4, tables 1 and 2, through their response: the filters in a row, heard by an impulse.
    shelf = ([1.53512485958697, -2.69169618940638, 1.19839281085285], [1.0, -1.69065929318241, 0.73248077421585])
    highpass = ([1.0, -2.0, 1.0], [1.0, -1.99004745483398, 0.99007225036621])
    impulse = np.zeros(19_200)
    impulse[0] = 1.0
    expected = signal.lfilter(*highpass, signal.lfilter(*shelf, impulse))
    loudness = -0.691 + 10.0 * math.log10(float(np.mean(expected**2)))
    assert metrics.loudness_lufs(impulse, 48_000) == pytest.approx(loudness, abs=1e-9)


def test_loudness_gate_ignores_pauses():
    tone = sine(997.0, 5.0, 0.1)
    with_pause = np.concatenate([tone, np.zeros(20 * RATE)])
    # Of the blocks at the tone's end, those with 3/4, 1/2 and 1/4 of it pass the gate beside the 47 full ones.
    expected = metrics.loudness_lufs(tone, RATE) + 10.0 * math.log10((47.0 + 1.5) / 50.0)
    assert metrics.loudness_lufs(with_pause, RATE) == pytest.approx(expected, abs=0.01)
    assert metrics.loudness_lufs(np.zeros(RATE), RATE) == -math.inf


def test_loudness_difference_dc_and_peak_error_of_a_known_prediction():
    target = sine(997.0, 3.0, 0.25)
    prediction = 0.5 * target
    prediction[1000] = target[1000] + 0.5
    result = metrics.measure(prediction + 0.001, target, RATE)
    assert result["loudness_difference_db"] == pytest.approx(-6.02, abs=0.02)
    assert result["dc_difference"] == pytest.approx(0.001 + 0.5 / len(target), rel=0.05)
    assert result["peak_error"] == pytest.approx(0.501, rel=1e-9)


def test_pre_emphasised_esr_weighs_treble_more_than_bass():
    bass, treble = sine(60.0, amplitude=0.5), sine(5000.0, amplitude=0.5)
    treble_error = metrics.measure(bass + 0.9 * treble, bass + treble, RATE)
    bass_error = metrics.measure(0.9 * bass + treble, bass + treble, RATE)
    assert treble_error["esr"] == pytest.approx(bass_error["esr"], rel=1e-6) == pytest.approx(0.005, rel=1e-6)
    # |1 - 0.85 z^-1|^2 at both frequencies decides how the error is shared.
    weight = {hz: 1.0 + 0.85**2 - 1.7 * math.cos(2.0 * math.pi * hz / RATE) for hz in (60.0, 5000.0)}
    expected = 0.01 * weight[5000.0] / sum(weight.values())
    assert treble_error["esr_pre_emphasis"] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("frames", [1, 100, 2000, 44_100])
@pytest.mark.parametrize("target_gain", [0.0, 1.0])
def test_metrics_are_json_without_nan_for_short_and_silent_signals(frames, target_gain):
    result = metrics.measure(noise(frames), target_gain * noise(frames, 1), RATE)
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_signals_of_float32_give_what_their_copies_of_float64_give():
    target = noise(3 * RATE).astype(np.float32)
    prediction = (0.9 * target + 1e-3 * noise(3 * RATE, seed=1)).astype(np.float32)
    mask = np.arange(3 * RATE) % 11_025 >= 1000
    narrow = metrics.measure(prediction, target, RATE, mask=mask)
    wide = metrics.measure(prediction.astype(np.float64), target.astype(np.float64), RATE, mask=mask)
    assert narrow.pop("loudness_difference_db") == pytest.approx(wide.pop("loudness_difference_db"), abs=1e-4)
    for key, value in wide.items():  # each sample of the error is rounded once more
        if key == "bands":
            assert [band["esr"] for band in narrow[key]] == pytest.approx([band["esr"] for band in value], rel=1e-7)
        else:
            assert narrow[key] == pytest.approx(value, rel=1e-7)


def test_a_long_recording_is_measured_in_little_more_memory_than_one_copy_of_it():
    target = noise(1 << 21).astype(np.float32)
    prediction, mask = 0.9 * target, np.ones(len(target), np.bool_)
    tracemalloc.start()
    metrics.measure(prediction, target, RATE, mask=mask)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 110e6  # a copy in float64 takes 17 MB, windows and their spectra 60 MB whatever the length
