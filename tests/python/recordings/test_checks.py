# SPDX-License-Identifier: MIT
"""Every verdict, and that good recordings pass."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import signal

from fxtrain.audio import CHECKS, Audio, check_pair, estimate_alignment, read_audio, resample
from fxtrain.audio.alignment import drift_floor, match_clock
from fxtrain.errors import AudioFileError, ConfigError, DataCheckError

RATE = 48000


def audio(samples, **facts):
    return Audio(samples=np.asarray(samples, dtype=np.float32), sample_rate=facts.pop("sample_rate", RATE), **facts)


def amplify(dry, drive=6.0, lag=100):
    """A saturating device with a tone of its own, late by ``lag``."""
    tone = signal.butter(1, [60, 6000], "band", fs=RATE, output="sos")
    wet = 0.7 * signal.sosfilt(tone, np.tanh(drive * dry))
    return np.concatenate([np.zeros(lag), wet])[: len(dry)].astype(np.float32)


def verdicts(dry, wet, **options):
    dry, wet = (side if isinstance(side, Audio) else audio(side) for side in (dry, wet))
    return {verdict.name: verdict for verdict in check_pair(dry, wet, **options).verdicts}


@pytest.fixture(scope="module")
def dry(play):
    return play(32.0)


@pytest.fixture(scope="module")
def short(play):
    return play(6.0)


def test_a_good_pair_is_all_well(dry):
    with_pauses = dry.copy()
    with_pauses[10 * RATE : 12 * RATE] = 0
    hiss = 1e-5 * np.random.default_rng(0).standard_normal(len(dry)).astype(np.float32)
    report = check_pair(audio(with_pauses), audio(amplify(with_pauses) + hiss))
    assert {verdict.name: verdict.level for verdict in report.verdicts} == dict.fromkeys(CHECKS, "ok")
    report.raise_for_stop()


def test_verdicts_come_in_the_order_of_the_list_and_speak_plainly(short):
    report = check_pair(audio(short), audio(amplify(short)))
    assert [verdict.name for verdict in report.verdicts] == list(CHECKS)
    for verdict in report.verdicts:
        assert "\n" not in verdict.message
        assert not verdict.message.endswith(".")
        assert verdict.message[0].isupper()
        if verdict.level in ("warn", "stop"):
            assert verdict.remedy


def test_the_report_is_plain_json(short):
    report = check_pair(audio(short), audio(-amplify(short, lag=250))).to_dict()
    copy = json.loads(json.dumps(report, allow_nan=False))
    assert copy["lag_samples"] == pytest.approx(250, abs=4)
    assert copy["polarity"] == -1
    assert 0.9 < copy["confidence"] <= 1
    assert abs(copy["drift_samples"]) < 1
    assert {"name", "level", "message", "remedy", "values", "ignored"} == set(copy["verdicts"][0])


@pytest.mark.parametrize("side", ["dry", "wet"])
@pytest.mark.parametrize("level", [0.0, 1e-5])
def test_a_silent_file_stops(short, side, level):
    quiet = level * short
    found = verdicts(quiet, amplify(short)) if side == "dry" else verdicts(short, quiet)
    assert found["silence"].level == "stop"
    assert f"The {side} file" in found["silence"].message


def test_mostly_silence_warns(dry):
    sparse = dry.copy()
    sparse[4 * RATE :] = 0
    assert verdicts(sparse, amplify(sparse))["silence"].level == "warn"


def test_rates_that_differ_stop(short):
    found = verdicts(short, audio(amplify(short), sample_rate=44100))
    assert found["rate"].level == "stop"
    assert "48000 Hz" in found["rate"].message
    assert "44100 Hz" in found["rate"].message
    assert "--sample-rate" in found["rate"].remedy
    assert "lag" not in found


def test_less_than_a_second_stops_and_less_than_half_a_minute_warns(dry):
    assert verdicts(dry[: RATE - 1], amplify(dry[: RATE - 1]))["length"].level == "stop"
    assert verdicts(dry[: 2 * RATE], amplify(dry[: 2 * RATE]))["length"].level == "warn"
    assert verdicts(dry, amplify(dry))["length"].level == "ok"


def test_lengths_apart_are_said_and_stop_only_where_nothing_overlaps(play, dry):
    wet = amplify(dry)
    found = verdicts(np.concatenate([dry, np.zeros(RATE)]), wet)["length"]
    assert found.level == "note"
    assert "1000.0 ms, which is trimmed after alignment" in found.message
    longer = verdicts(dry, np.concatenate([wet, 0.3 * play(5.0, seed=4)]))["length"]
    assert longer.level == "note"
    assert "differ by 5.0 s; only the 32.0 s that both hold are used" in longer.message
    assert verdicts(dry, amplify(play(28.0, seed=9)))["length"].level == "stop"


@pytest.mark.parametrize("seconds", [7.5, -6.0, 40.0])
def test_a_lag_of_many_seconds_is_found_where_the_overlap_is_plain(dry, seconds):
    wet, moved = amplify(dry), round(abs(seconds) * RATE)
    wet = np.concatenate([np.zeros(moved, np.float32), wet]) if seconds > 0 else wet[moved:]
    report = check_pair(audio(dry), audio(wet))
    assert report.to_dict()["lag_samples"] == pytest.approx(seconds * RATE + 100, abs=4)
    assert not report.stops


def test_a_distant_lag_and_a_drift_together_are_both_taken_out(dry):
    wet = np.concatenate([np.zeros(10 * RATE, np.float32), resample_by(amplify(dry), 1 + 20e-6)])
    report = check_pair(audio(dry), audio(wet))
    straight = match_clock(wet, report.clock)[report.alignment.lag_samples :]
    left = estimate_alignment(dry, straight, RATE)
    assert abs(left.drift_samples) < 0.5
    assert abs(left.lag_samples) <= 2


def test_a_damaged_file_warns(short):
    found = verdicts(
        short, audio(amplify(short), damage="is cut short: its header promises 9.00 s but it holds 6.00 s")
    )
    assert found["format"].level == "warn"
    assert "The wet file is cut short" in found["format"].message


def test_too_low_a_level_warns_and_one_above_full_scale_is_noted(short):
    assert verdicts(0.01 * short, amplify(short))["level"].level == "warn"
    assert verdicts(short, 3 * amplify(short))["level"].level == "note"


def test_a_few_clipped_samples_warn_with_their_number_and_place(short):
    wet = amplify(short)
    wet[RATE : RATE + 3] = 1.0
    found = verdicts(short, wet)["clipping"]
    assert found.level == "warn"
    assert found.values["wet_samples"] == 3
    assert "first at 1.00 s" in found.message


@pytest.mark.parametrize(("offset", "level"), [(0.001, "ok"), (0.05, "note"), (0.3, "warn")])
def test_an_offset_is_weighed_against_the_signal(short, offset, level):
    wet = amplify(short)
    assert verdicts(short, wet + offset * wet.std())["dc"].level == level


def test_noise_in_pauses_bounds_the_error_of_any_model(dry):
    paused = dry.copy()
    paused[10 * RATE : 12 * RATE] = 0
    wet = amplify(paused)
    noise = 0.1 * wet.std() * np.random.default_rng(0).standard_normal(len(wet))
    found = verdicts(paused, wet + noise)["noise"]
    assert found.level == "warn"
    assert found.values["esr_floor"] == pytest.approx(0.01, rel=0.1)  # noise 20 dB below
    assert found.values["hum_hz"] == 0


def test_mains_hum_is_named(dry):
    paused = dry.copy()
    paused[10 * RATE : 12 * RATE] = 0
    wet = amplify(paused)
    time = np.arange(len(wet)) / RATE
    tones = [np.sin(2 * np.pi * 60 * k * time) / k for k in (1, 2, 3)]
    found = verdicts(paused, wet + 0.05 * wet.std() * np.sum(tones, axis=0))["noise"]
    assert found.level == "warn"
    assert "mains hum of 60 Hz" in found.message


def test_files_with_nothing_in_common_stop(play, short):
    found = verdicts(short, amplify(play(6.0, seed=9)))
    assert found["lag"].level == "stop"
    assert "nothing in common" in found["lag"].message


@pytest.mark.parametrize("true_rate", [44100, 96000])
def test_a_header_with_the_wrong_rate_is_found_out(play, true_rate):
    # Recorded at the true rate, but read as 48 kHz: pitch and speed are wrong.
    dry = play(20.0)
    mislabelled = resample(amplify(dry), RATE, true_rate)[: len(dry)]
    found = verdicts(dry, mislabelled)["lag"]
    assert found.level == "stop"
    assert found.values["true_rate"] == true_rate


def test_a_wet_file_that_comes_early_is_noted(short):
    found = verdicts(short[:-1000], amplify(short, lag=0)[1000:])["lag"]
    assert found.level == "note"
    assert "early" in found.message
    assert found.values["lag_samples"] == pytest.approx(-1000, abs=4)


def test_inverted_polarity_is_a_note(short):
    found = verdicts(short, -amplify(short))["polarity"]
    assert found.level == "note"
    assert "--fix-polarity" in found.remedy


@pytest.mark.parametrize(("parts_per_million", "level"), [(0.05, "ok"), (5, "warn"), (-100, "warn")])
def test_drift_is_weighed_by_the_error_that_it_costs_and_is_taken_out(dry, parts_per_million, level):
    # Seven samples of drift cost a guitar an ESR of 0.04, and were a note that said no more than the seven.
    wet = resample_by(amplify(dry), 1 + parts_per_million * 1e-6)
    report = check_pair(audio(dry), audio(wet))
    found = next(verdict for verdict in report.verdicts if verdict.name == "drift")
    assert found.level == level
    assert found.values["drift_ppm"] == pytest.approx(parts_per_million, rel=0.1, abs=0.1)
    assert found.values["removed"] == (level != "ok")
    assert report.clock - 1 == pytest.approx(parts_per_million * 1e-6 * (level != "ok"), rel=0.03)
    straight = match_clock(wet, report.clock)
    assert abs(estimate_alignment(dry, straight, RATE).drift_samples) < 0.3
    if level == "warn":
        assert f"ESR of any model at {found.values['esr_floor']:.2g}" in found.message
        assert "resamples wet" in found.message


@pytest.mark.parametrize("parts_per_million", [60, 100])
def test_what_is_left_of_a_large_drift_costs_nothing_so_it_is_no_stop(dry, parts_per_million):
    """Of 92 and 154 samples: found and removed, the recording is as good as one with a common clock."""
    true = amplify(dry)
    wet = resample_by(true, 1 + parts_per_million * 1e-6)
    report = check_pair(audio(dry), audio(wet))
    found = next(verdict for verdict in report.verdicts if verdict.name == "drift")
    assert abs(found.values["drift_samples"]) > 64
    assert found.level == "warn"
    assert found.values["esr_floor"] > 0.1
    straight = match_clock(wet, report.clock)
    fine = signal.resample_poly(true.astype(np.float64), 16, 1)  # one constant lag is left, of a fraction of a sample
    span = np.arange(RATE, min(len(straight), len(true)) - RATE)
    errors = [np.mean((straight[span] - fine[16 * span + shift]) ** 2) for shift in range(-32, 33)]
    assert min(errors) / np.mean(true**2) < 5e-4


def test_the_floor_of_a_drift_is_the_error_of_the_best_single_lag(dry):
    # The best for all shifts within the drift is their mean; what it leaves of each is measured on shifted copies.
    wet = amplify(dry).astype(np.float64)
    mean = np.mean([np.roll(wet, shift) for shift in range(-10, 11)], axis=0)  # 21 samples wide
    error = np.mean([np.mean((np.roll(wet, shift) - mean) ** 2) for shift in range(-10, 11)]) / np.mean(wet**2)
    assert drift_floor(wet.astype(np.float32), 21) == pytest.approx(error, rel=0.1)


def test_a_drift_that_is_not_steady_is_not_taken_out(dry):
    # The clock runs away in the second half alone: no single ratio mends that.
    wet = amplify(dry)
    half = len(wet) // 2
    bent = np.concatenate([wet[:half], resample_by(wet[half:], 1 + 60e-6)])
    assert check_pair(audio(dry), audio(bent)).clock == 1.0


def resample_by(samples, ratio):
    """A clock that is fast by ``ratio``: band-limited enough for a cubic spline."""
    from scipy.interpolate import CubicSpline

    positions = np.arange(int((len(samples) - 1) * ratio)) / ratio
    return CubicSpline(np.arange(len(samples)), samples)(positions).astype(np.float32)


def test_a_dropout_in_the_middle_stops_and_tells_where(dry):
    wet = amplify(dry)
    found = verdicts(dry, np.concatenate([wet[: 20 * RATE], wet[20 * RATE + 256 :]]))["drift"]
    assert found.level == "stop"
    assert "-256 samples" in found.message
    assert found.values["jumps"] == [-256.0]


def test_a_noise_gate_on_the_wet_side_warns(short):
    wet = amplify(short, lag=0)
    wet[RATE : RATE + RATE // 2] = 0
    found = verdicts(short, wet)["gate"]
    assert found.level == "warn"
    assert found.values["missing_seconds"] == pytest.approx(0.5, abs=0.11)


def with_a_repeat(play):
    """Twenty seconds in which the four from 3 s come again at 14 s."""
    dry = play(20.0)
    dry[14 * RATE : 18 * RATE] = dry[3 * RATE : 7 * RATE]
    return dry


def takes(found, wet, lag=100):
    """The two stretches of ``wet`` that the verdict compared."""
    length = round(found.values["seconds"] * RATE)
    starts = (round(found.values[name] * RATE) + lag for name in ("first_seconds", "second_seconds"))
    return [wet[start : start + length].astype(np.float64) for start in starts]


@pytest.mark.parametrize(("noise_db", "level"), [(-24, "warn"), (-36, "note"), (-50, "ok")])
def test_takes_that_differ_by_noise_bound_the_error_of_any_model(play, noise_db, level):
    """The takes' difference has twice the noise's energy; a model errs by the noise alone."""
    dry = with_a_repeat(play)
    clean = amplify(dry)
    noise = 10 ** (noise_db / 20) * clean.std()
    found = verdicts(dry, clean + noise * np.random.default_rng(2).standard_normal(len(clean)))["replicate"]
    signal_energy = np.mean(np.square(takes(found, clean)))
    expected = 2 * noise**2 / (signal_energy + noise**2)
    # Over n frames the energy of white noise scatters by sqrt(2 / n): 0.4 %.
    assert found.values["replicate_esr"] == pytest.approx(expected, rel=0.02)
    assert found.values["esr_floor"] == pytest.approx(expected / 2, rel=0.02)
    assert found.level == level
    assert ("no model comes below" in found.message) == (level == "warn")
    assert found.values["second_seconds"] - found.values["first_seconds"] == pytest.approx(11.0, abs=1e-3)
    assert 2.5 < found.values["seconds"] < 4.0


def test_a_device_that_grows_louder_is_told_by_its_level(play):
    dry = with_a_repeat(play)
    wet = amplify(dry)
    wet[10 * RATE :] *= 1.1
    found = verdicts(dry, wet)["replicate"]
    assert found.level == "warn"
    assert found.values["replicate_esr"] == pytest.approx(0.1**2 / ((1 + 1.1**2) / 2), rel=1e-3)
    assert found.values["level_change_db"] == pytest.approx(20 * np.log10(1.1), abs=1e-3)
    assert "mostly in level (+0.83 dB)" in found.message
    assert "warm up" in found.remedy


def test_a_device_that_swells_and_fades_by_itself_is_warned_of(play):
    """A tremolo of 0.31 Hz, whose phase differs from take to take."""
    dry = with_a_repeat(play)
    tremolo = 1 + 0.4 * np.sin(2 * np.pi * 0.31 * np.arange(len(dry)) / RATE)
    assert verdicts(dry, amplify(dry) * tremolo.astype(np.float32))["replicate"].level == "warn"


@pytest.mark.parametrize("lost", [-1, 1, 2])
def test_samples_lost_between_the_takes_are_told_however_few(play, lost):
    """Fewer than the search for jumps looks for."""
    dry = with_a_repeat(play)
    tone = signal.butter(2, 1500, fs=RATE, output="sos")  # smooth against a sample, as the first order wants it
    wet = signal.sosfilt(tone, amplify(dry))
    cut = 10 * RATE
    wet = np.insert(wet, cut, wet[cut]) if lost < 0 else np.delete(wet, slice(cut, cut + lost))
    found = verdicts(dry, wet)["replicate"]
    assert found.level == "warn"
    assert found.values["lag_change_samples"] == pytest.approx(-lost, abs=0.05)
    assert f"{abs(lost):.2f} samples {'later' if lost < 0 else 'earlier'}" in found.message
    assert "larger interface buffer" in found.remedy


def test_what_the_device_remembers_of_before_does_not_count(play):
    """Supply sag: gain falls with what was played in the last 0.1 s, and differs where the takes begin."""
    dry = with_a_repeat(play)
    dry[13 * RATE : 14 * RATE] *= 0.05
    recovery = np.exp(-1 / (0.1 * RATE))
    sag = signal.lfilter([1 - recovery], [1, -recovery], np.abs(dry))
    wet = (amplify(dry, lag=0) / (1 + 5 * sag)).astype(np.float32)
    assert np.abs(wet[3 * RATE : 3 * RATE + 4800] - wet[14 * RATE : 14 * RATE + 4800]).max() > 0.01
    found = verdicts(dry, wet)["replicate"]
    assert found.level == "ok"
    assert found.values["replicate_esr"] < 1e-7  # exp(-10) after a second, squared: 2e-9 and less


def test_without_noise_wet_repeats_itself_too(play):
    dry = with_a_repeat(play)
    found = verdicts(dry, amplify(dry))["replicate"]
    assert found.level == "ok"
    assert "does so too" in found.message
    assert found.values["replicate_esr"] < 1e-12


def test_takes_are_not_compared_where_that_would_tell_nothing(play, short):
    assert "nothing repeats bit for bit" in verdicts(short, amplify(short))["replicate"].message
    dry = with_a_repeat(play)
    wet = amplify(dry)
    found = verdicts(dry, np.delete(wet, slice(10 * RATE, 10 * RATE + 256)))["replicate"]
    assert (found.level, found.message) == ("ok", "Not judged, as the lag changes")
    assert "differs from its first take" in verdicts(dry, resample_by(wet, 1 + 1e-4))["replicate"].message  # taken out
    dead = wet.copy()
    dead[3 * RATE : 7 * RATE + 200] = dead[14 * RATE : 18 * RATE + 200] = 0
    assert "next to silent in wet" in verdicts(dry, dead)["replicate"].message


@pytest.mark.parametrize("wet_of", [lambda x: x, lambda x: -0.3 * x, lambda x: np.r_[np.zeros(77), x][: len(x)]])
def test_wet_that_is_dry_stops_whatever_its_gain_lag_and_polarity(short, wet_of):
    found = verdicts(short, wet_of(short))
    assert found["identical"].level == "stop"
    assert "Wet equals dry" in found["identical"].message


def test_wet_that_is_nearly_dry_warns(short):
    assert verdicts(short, short + 0.02 * short**2)["identical"].level == "warn"


@pytest.mark.parametrize("drive", [8.0, 15.0, 50.0])
def test_swapped_files_stop(short, drive):
    wet = amplify(short, drive)
    assert verdicts(short, wet)["swapped"].level == "ok"
    assert verdicts(wet, short)["swapped"].level == "stop"


@pytest.mark.parametrize(
    "device",
    [
        signal.butter(2, 800, fs=RATE),
        signal.butter(2, 800, "high", fs=RATE),
        ([1.0], [1.0, -1.9 * np.cos(0.05), 0.9025]),
        ([1.0, -1.8, 0.85], [1.0]),
    ],
    ids=["dark", "bright", "resonant", "notched"],
)
def test_linear_devices_never_look_swapped(short, device):
    wet = signal.lfilter(*device, short)
    wet = 0.5 * wet / np.abs(wet).max()
    assert verdicts(short, wet)["swapped"].level == "ok"
    assert verdicts(wet, short)["swapped"].level == "ok"


def test_file_names_in_the_wrong_places_warn(short):
    wet = 0.5 * signal.lfilter(*signal.butter(1, 3000, fs=RATE), short)
    found = verdicts(audio(wet, path=Path("My amp - reamped.wav")), audio(short, path=Path("take_1_di.wav")))
    assert found["swapped"].level == "warn"


def test_a_lossy_file_is_noted(short):
    found = verdicts(short, audio(amplify(short), format="OGG", subtype="VORBIS"))
    assert found["format"].level == "note"


def test_channels_that_differ_warn_and_channels_alike_are_noted(short):
    wet = amplify(short)
    for note, level in (("Took one of 2: they are alike.", "note"), ("Took channel 1: they differ.", "warn")):
        assert verdicts(short, audio(wet, num_channels=2, note=note))["channels"].level == level


def test_what_is_no_number_is_refused(short):
    broken = short.copy()
    broken[5] = np.nan
    with pytest.raises(AudioFileError, match="NaN"):
        check_pair(audio(short), audio(broken))


def test_a_stop_may_be_ignored_by_name_and_only_by_a_name_that_exists(short):
    report = check_pair(audio(short), audio(short), ignore=["identical"])
    assert report.stops == ()
    assert [verdict.name for verdict in report.verdicts if verdict.ignored] == ["identical"]
    report.raise_for_stop()
    with pytest.raises(ConfigError, match='no check named "identity"'):
        check_pair(audio(short), audio(short), ignore=["identity"])


def test_a_stop_raises_what_was_found_and_what_to_do(short):
    with pytest.raises(DataCheckError, match=r"Wet equals dry.*check that.*--ignore identical"):
        check_pair(audio(short), audio(short)).raise_for_stop()


@pytest.mark.parametrize("gain", ["gain-000", "gain-025", "gain-050", "gain-075", "gain-100"])
def test_a_simulated_pedal_passes_and_is_told_from_its_swap(shared_data, gain):
    folder = shared_data / "klon-centaur-spice"
    dry, wet = read_audio(folder / "test-input.flac"), read_audio(folder / gain / "test-target.flac")
    check_pair(dry, wet).raise_for_stop()
    assert {verdict.name for verdict in check_pair(wet, dry).stops} == {"swapped"}


@pytest.mark.parametrize("number", range(2, 13))
def test_a_real_amplifier_passes_at_every_drive(shared_data, number):
    folder = shared_data / "hrd3-drive"
    pairs = [
        ("train-input.flac", f"drive-{number:02d}/train-target.flac"),
        ("unaligned/DI.flac", f"unaligned/drive-{number:02d}-target.flac"),
    ]
    for dry, wet in pairs:
        report = check_pair(read_audio(folder / dry), read_audio(folder / wet))
        report.raise_for_stop()
        assert {verdict.name for verdict in report.verdicts if verdict.level == "warn"} == {"length"}
    swapped = check_pair(read_audio(folder / wet), read_audio(folder / dry))
    if number >= 6:  # below, the amplifier is as good as linear, and its files may only be warned of
        assert {verdict.name for verdict in swapped.stops} == {"swapped"}


def test_what_the_confidence_does_not_allow_is_not_stated(play, short):
    # "Upside down" stood beside "nothing in common", and a drift of hundreds of samples beside a confidence of 0.12.
    report = check_pair(audio(short), audio(amplify(play(6.0, seed=9))))
    found = {verdict.name: verdict for verdict in report.verdicts}
    assert found["lag"].level == "stop"
    assert (found["polarity"].message, found["polarity"].values) == ("Not judged, as the lag is not certain", {})
    assert found["drift"].message.startswith("Not judged")
    document = report.to_dict()
    assert [document[name] for name in ("lag_samples", "polarity", "drift_samples", "jumps")] == [None, None, None, []]


def test_the_polarity_of_a_rectifier_is_not_judged(play):
    dry = play(12.0)
    report = check_pair(audio(dry), audio(amplify(np.abs(dry) - np.abs(dry).mean(), drive=3)))
    document = report.to_dict()
    assert document["lag_samples"] == pytest.approx(100, abs=4)
    assert document["polarity"] is None
    assert "matched by magnitude" in next(v["message"] for v in document["verdicts"] if v["name"] == "lag")
    assert not report.stops


def test_a_given_lag_goes_before_the_estimate(play, short):
    report = check_pair(audio(short), audio(amplify(short)), lag=98)
    assert report.to_dict()["lag_samples"] == 98
    assert {v.name: v.level for v in report.verdicts}["lag"] == "ok"
    far = next(v for v in check_pair(audio(short), audio(amplify(short)), lag=2000).verdicts if v.name == "lag")
    assert far.level == "warn"
    assert "2000 samples late, as given with --lag, where 1" in far.message
    unrelated = check_pair(audio(short), audio(amplify(play(6.0, seed=9))), lag=40)
    assert unrelated.to_dict()["lag_samples"] == 40
    assert next(v for v in unrelated.verdicts if v.name == "lag").level == "note"


def gated(dry, threshold_db):
    """A gate before the device: closes within 50 ms where the level of 10 ms falls below the threshold."""
    fast, slow = np.exp(-1 / (0.01 * RATE)), np.exp(-1 / (0.05 * RATE))
    level = signal.lfilter([1 - fast], [1, -fast], np.abs(dry))
    return dry * signal.lfilter([1 - slow], [1, -slow], level > 10 ** (threshold_db / 20))


def long_notes(seconds, seed=5):
    """Notes that decay by 40 dB within their one and a half seconds."""
    generator = np.random.default_rng(seed)
    time = np.arange(int(1.5 * RATE)) / RATE
    notes = []
    for _ in range(int(seconds / 1.5)):
        pitch, loudness = 82.4 * 2 ** (generator.uniform(0, 24) / 12), generator.uniform(0.1, 0.4)
        phases = generator.uniform(0, 2 * np.pi, 12)
        harmonics = [np.sin(2 * np.pi * pitch * k * time + phases[k - 1]) / k for k in range(1, 13)]
        pick = 0.5 * np.exp(-time / 0.004) * generator.standard_normal(len(time))
        notes.append(loudness * np.exp(-3 * time) * (np.sum(harmonics, axis=0) + pick))
    return np.concatenate([np.zeros(RATE), *notes]).astype(np.float32)


RIGS = {  # drive of the amplifier behind the gate, and its hiss
    "clean preamp": (0.3, 1e-4),
    "clean preamp that hisses": (0.3, 5e-4),
    "high-gain amp that hisses": (40.0, 2e-3),
}


@pytest.mark.parametrize("rig", RIGS)
def test_a_noise_gate_is_named_and_no_sign_of_a_swap(rig):
    # Behind a gate loud moments gain level against soft ones, as with swapped files; and a hiss hid that it was closed.
    drive, hiss = RIGS[rig]
    dry = long_notes(30)
    noise = hiss * np.random.default_rng(2).standard_normal(len(dry))
    found = verdicts(dry, amplify(gated(dry, -28), drive=drive) + noise)
    assert found["gate"].level == "warn"
    assert "A noise gate closes where dry is below about" in found["gate"].message
    assert found["swapped"].level == "ok"
    assert {verdict.level for verdict in found.values()} <= {"ok", "note", "warn"}


@pytest.mark.parametrize("drive", [0.3, 4.0, 40.0])
@pytest.mark.parametrize("hiss", [1e-5, 2e-3])
def test_without_a_gate_none_is_found(drive, hiss):
    dry = long_notes(30)
    noise = hiss * np.random.default_rng(2).standard_normal(len(dry))
    assert verdicts(dry, amplify(dry, drive=drive) + noise)["gate"].level == "ok"


def test_a_dropout_is_no_gate():
    dry = long_notes(30)
    wet = amplify(dry)
    wet[int(8.5 * RATE) + 100 : int(9.0 * RATE)] = 0
    found = verdicts(dry, wet)["gate"]
    assert found.level == "warn"
    assert "look for dropouts" in found.remedy


@pytest.mark.parametrize("offset", [0.03, -0.2])
def test_an_offset_is_no_noise(dry, offset):
    # A constant of -30 dBFS was taken for noise under which no model could come.
    paused = dry.copy()
    paused[10 * RATE : 12 * RATE] = 0
    hiss = 1e-4 * np.random.default_rng(0).standard_normal(len(dry))
    plain, moved = (verdicts(paused, amplify(paused) + hiss + constant) for constant in (0, offset))
    assert (plain["noise"].level, moved["noise"].level) == ("ok", "ok")
    assert moved["noise"].values["wet_floor_db"] == pytest.approx(-80, abs=1)
    for name in ("gate", "identical", "swapped", "silence"):
        assert moved[name].level == plain[name].level


def test_an_offset_hides_neither_a_bypass_nor_a_gate(short):
    assert verdicts(short, 0.5 * short + 0.1)["identical"].level == "stop"
    wet = amplify(short, lag=0)
    wet[RATE : RATE + RATE // 2] = 0
    assert verdicts(short, wet + 0.1)["gate"].level == "warn"


@pytest.mark.parametrize("kind", ["hiss", "hum"])
def test_noise_and_hum_that_come_from_dry_are_no_floor(dry, kind):
    # What a guitar's pickups hum is part of dry, and a model amplifies it as the device does.
    paused = dry.copy()
    paused[10 * RATE : 14 * RATE] = 0
    time = np.arange(len(dry)) / RATE
    pickup = {
        "hiss": 1e-3 * np.random.default_rng(0).standard_normal(len(dry)),
        "hum": 2e-3 * np.sum([np.sin(2 * np.pi * 50 * k * time) / k for k in (1, 2, 3, 5)], axis=0),
    }[kind]
    found = verdicts(paused + pickup, amplify(paused + pickup, drive=20))["noise"]
    assert found.values["follows_dry_share"] > 0.95
    assert found.values["esr_floor"] < 3e-4
    assert found.level in ("ok", "note")


def at(samples, delay_ms):
    """``samples`` later by ``delay_ms``, which may change over time."""
    time = np.arange(len(samples)) / RATE
    return np.interp(time - delay_ms / 1000, time, samples, left=0)


def swing(samples, hz):
    return np.sin(2 * np.pi * hz * np.arange(len(samples)) / RATE)


def echoed(wet, seconds, share, repeats):
    step = round(seconds * RATE)
    return wet + sum(share**k * np.r_[np.zeros(k * step), wet][: len(wet)] for k in range(1, repeats + 1))


def reverberated(wet):
    time = np.arange(2 * RATE) / RATE
    room = np.random.default_rng(1).standard_normal(len(time)) * np.exp(-3.5 * time)
    return wet + signal.fftconvolve(wet, 0.5 * room / np.sqrt(np.sum(room**2)))[: len(wet)]


EFFECTS = {
    "tremolo": ("tremolo", lambda wet: wet * (1 - 0.3 * (1 + swing(wet, 5.7)))),
    "flanger": ("chorus", lambda wet: wet + 0.7 * at(wet, 3 + 2 * swing(wet, 0.45))),
    "chorus": ("chorus", lambda wet: wet + at(wet, 6 + 2 * swing(wet, 1.1))),
    "vibrato": ("vibrato", lambda wet: at(wet, 3 + 0.8 * swing(wet, 5.2))),
    "one echo": ("echo", lambda wet: echoed(wet, 0.13, 0.4, 1)),
    "echoes": ("echo", lambda wet: echoed(wet, 0.37, 0.5, 4)),
    "reverb": ("reverb", reverberated),
}


@pytest.fixture(scope="module")
def phrases(play):
    """Half a minute of phrases, each of which stops dead."""
    dry = play(30.0)
    for start in range(4, 30, 5):
        dry[start * RATE : int((start + 1.6) * RATE)] = 0
    return dry


@pytest.mark.parametrize("effect", EFFECTS)
def test_what_has_a_time_of_its_own_is_named(phrases, effect):
    # A vibrato had "nothing in common" with its input, echoes were noise of the device, and the others passed.
    kind, device = EFFECTS[effect]
    wet = device(amplify(phrases).astype(np.float64)) + 1e-4 * np.random.default_rng(0).standard_normal(len(phrases))
    report = check_pair(audio(phrases), audio(wet))
    found = {verdict.name: verdict for verdict in report.verdicts}
    assert found["time"].level == "warn"
    assert [effect["kind"] for effect in found["time"].values["effects"]] == [kind]
    assert "behind the model" in found["time"].remedy
    assert found["noise"].level != "warn" if "noise" in found else True
    assert not report.stops


@pytest.mark.parametrize("drive", [0.5, 6.0, 60.0])
@pytest.mark.parametrize("material", ["phrases", "notes", "dry"])
def test_an_amplifier_has_no_time_of_its_own(phrases, dry, drive, material):
    playing = {"phrases": phrases, "notes": long_notes(30), "dry": dry}[material]
    assert verdicts(playing, amplify(playing, drive=drive))["time"].level == "ok"


def test_the_delay_of_an_echo_and_the_rate_of_a_tremolo_are_measured(phrases):
    wet = amplify(phrases).astype(np.float64)
    (echo,) = verdicts(phrases, echoed(wet, 0.25, 0.4, 1))["time"].values["effects"]
    assert echo["seconds"] == pytest.approx(0.25, abs=0.001)
    assert echo["depth"] == pytest.approx(0.4, rel=0.15)
    (tremolo,) = verdicts(phrases, wet * (1 - 0.25 * (1 + swing(wet, 3.9))))["time"].values["effects"]
    assert tremolo["rate_hz"] == pytest.approx(3.9, abs=0.05)
