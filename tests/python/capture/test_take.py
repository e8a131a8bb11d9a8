# SPDX-License-Identifier: MIT
"""Takes without devices: levels, excerpts, round trips and drop-outs, on arrays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from patient_interface import Drive

from fxtrain.audio import LAG_GUARD, Audio
from fxtrain.capture.take import check_level, judge_level, loudest_excerpt, make_take, require_playable
from fxtrain.errors import AudioFileError, TakeError
from fxtrain.sound_devices.stream import Recorded
from fxtrain.synthetic import synthesise_guitar

RATE = 48_000
DELAY = 300
WET = Path("wet.wav")
WIRING: Any = SimpleNamespace(sample_rate=RATE)


@pytest.fixture(scope="module")
def dry() -> Audio:
    return Audio(np.asarray(synthesise_guitar(20, RATE, 1), np.float32), RATE, Path("dry.wav"), "WAV", "FLOAT")


class Interface:
    """Plays through a drive, ``DELAY`` frames late; each take may be spoilt in a way of its own."""

    def __init__(self, *spoils: Callable[[np.ndarray], dict[str, Any]]) -> None:
        self.num_takes = 0
        self._spoils = spoils

    def __call__(
        self,
        wiring: Any,
        signal: np.ndarray,
        *,
        tail_frames: int = 0,
        progress: Callable[..., None] | None = None,
        stop_at_xrun: bool = False,
    ) -> Recorded:
        played = np.concatenate([np.zeros(DELAY, np.float32), signal, np.zeros(tail_frames, np.float32)])
        came_back = Drive()(played)[: len(signal) + tail_frames]
        spoil = self._spoils[min(self.num_takes, len(self._spoils) - 1)] if self._spoils else well
        self.num_takes += 1
        facts = {"num_xruns": 0, "first_xrun": None, "num_clipped": 0, "driver_latency": 0.01, "block_size": 64}
        return Recorded(**{"samples": came_back, **facts, **spoil(came_back)})


def well(samples: np.ndarray) -> dict[str, Any]:
    return {}


def xrun(samples: np.ndarray) -> dict[str, Any]:
    return {"num_xruns": 2, "first_xrun": 3 * RATE}


def clipped(samples: np.ndarray) -> dict[str, Any]:
    return {"num_clipped": 5}


def silence(samples: np.ndarray) -> dict[str, Any]:
    return {"samples": 0 * samples}


def unnoticed_drop_out(samples: np.ndarray) -> dict[str, Any]:
    at = len(samples) // 2
    return {"samples": np.concatenate([samples[:at], samples[at + 256 :], np.zeros(256, np.float32)])}


def test_a_take_is_the_devices_output_beside_its_input(dry: Audio) -> None:
    take = make_take(WIRING, dry, WET, record=Interface())
    np.testing.assert_array_equal(take.wet.samples, Drive()(dry.samples))
    assert (take.round_trip_frames, take.source, take.number, take.discarded) == (DELAY, "take", 1, ())
    assert take.report.stops == ()
    assert take.report.alignment is not None
    assert take.report.alignment.lag_samples == 0


@pytest.mark.parametrize("source", ["given", "remembered"])
def test_a_known_round_trip_counts(dry: Audio, source: Any) -> None:
    take = make_take(WIRING, dry, WET, known_round_trip=(DELAY - 10.3, source), record=Interface())
    assert (take.round_trip_frames, take.source, take.note) == (DELAY - 10, source, "")
    assert take.report.alignment is not None
    assert take.report.alignment.lag_samples == 10  # of the device's own; fit removes it
    assert take.wet.num_frames == dry.num_frames


def test_a_remembered_round_trip_that_is_too_long_does_not_count(dry: Audio) -> None:
    take = make_take(WIRING, dry, WET, known_round_trip=(DELAY + LAG_GUARD + 1, "remembered"), record=Interface())
    assert (take.round_trip_frames, take.source) == (DELAY, "take")
    assert "measure again" in take.note


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [(xrun, "2 xruns, the first at 2.5 s"), (unnoticed_drop_out, r"the lag jumps by -25\d samples")],
)
def test_a_take_with_drop_outs_is_made_again(dry: Audio, spoil: Callable[..., Any], reason: str) -> None:
    told: list[tuple[int, str]] = []
    interface = Interface(spoil, well)
    take = make_take(WIRING, dry, WET, record=interface, on_retake=lambda *reason: told.append(reason))
    assert take.number == interface.num_takes == 2
    assert [(1, take.discarded[0])] == told
    np.testing.assert_array_equal(take.wet.samples, Drive()(dry.samples))
    with pytest.raises(TakeError, match=f"Each of 2 takes had drop-outs .*{reason}.*--block-size"):
        make_take(WIRING, dry, WET, record=Interface(spoil), tries=2)


def test_a_converter_that_clips_is_not_given_another_take(dry: Audio) -> None:
    interface = Interface(clipped, well)
    with pytest.raises(TakeError, match=r"5 samples at full scale.*turn the recording gain down"):
        make_take(WIRING, dry, WET, record=interface)
    assert interface.num_takes == 1
    assert make_take(WIRING, dry, WET, record=Interface(clipped), ignore=["clipping"]).number == 1


def test_a_silent_take_is_reported_as_one(dry: Audio) -> None:
    take = make_take(WIRING, dry, WET, record=Interface(silence))
    assert [stop.name for stop in take.report.stops] == ["silence"]


@pytest.mark.parametrize(
    ("peak_db", "state"),
    [
        *[(-200.0, "silent"), (-85.0, "silent"), (-41.0, "soft"), (-39.0, "low"), (-25.0, "low")],
        *[(-23.0, "good"), (-4.0, "good"), (-2.0, "hot"), (0.0, "hot")],
    ],
)
def test_levels_are_judged(peak_db: float, state: str) -> None:
    tone = 10 ** (peak_db / 20) * np.sin(2 * np.pi * 110 / RATE * np.arange(RATE))
    samples = np.concatenate([np.zeros(RATE // 2), tone]).astype(np.float32)
    level = judge_level(samples, RATE // 2, RATE, num_clipped=0)
    assert level.state == state
    assert level.peak_db == pytest.approx(peak_db, abs=0.01)
    assert level.is_usable == (state != "silent")
    assert judge_level(samples, RATE // 2, RATE, num_clipped=1).state == "clipped"


def test_noise_that_does_not_change_is_not_the_device() -> None:
    noise = (0.01 * np.random.default_rng(0).standard_normal(2 * RATE)).astype(np.float32)
    level = judge_level(noise, RATE // 2, RATE, num_clipped=0)
    assert level.state == "silent"
    assert "only noise, of -40 dBFS" in level.message


def test_the_level_check_plays_the_loudest_moment(dry: Audio) -> None:
    lengths = []

    def record(wiring: Any, signal: np.ndarray, **more: Any) -> Recorded:
        lengths.append(len(signal))
        return Interface()(wiring, signal, **more)

    level = check_level(WIRING, dry, progress=None, record=record)
    assert lengths == [round(3.5 * RATE)]
    peak = np.max(np.abs(Drive()(dry.samples)))
    assert level.peak_db == pytest.approx(20 * np.log10(peak), abs=0.2)


def test_the_excerpt_holds_the_peak_and_the_energy_around_it() -> None:
    samples = np.zeros(10 * RATE, np.float32)
    samples[4 * RATE : 6 * RATE] = 0.1
    samples[5 * RATE] = 0.9
    samples[9 * RATE] = 0.8
    excerpt = loudest_excerpt(samples, RATE)
    assert len(excerpt) == 3 * RATE
    assert excerpt.max() == np.float32(0.9)
    assert np.count_nonzero(excerpt) == 2 * RATE
    assert len(loudest_excerpt(samples[:RATE], RATE)) == RATE


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(2 * RATE), "is silent"),
        (np.full(RATE // 2, 0.5), "0.50 s long where at least 1 s"),
        (np.full(2 * RATE, 1.5), r"peaks at \+3.5 dBFS"),
    ],
)
def test_what_cannot_be_played_is_refused(samples: np.ndarray, message: str) -> None:
    with pytest.raises(AudioFileError, match=message):
        require_playable(Audio(samples.astype(np.float32), RATE, Path("dry.wav")))
