# SPDX-License-Identifier: MIT
"""A take: a dry recording is played through a device, and what comes back is cut to lie beside it.

A take is good when no block was lost, the converter did not clip, and :func:`fxtrain.audio.check_pair` finds nothing
that would stop training. Lost blocks are chance, so the take is made again; what a knob has to cure is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import numpy.typing as npt

from fxtrain.audio import LAG_GUARD, Audio, DataReport, check_pair, estimate_alignment
from fxtrain.audio.decibels import amplitude_to_db
from fxtrain.audio.levels import frame_rms, peak, rms
from fxtrain.errors import AudioFileError, TakeError
from fxtrain.sound_devices.round_trip import MAX_SECONDS
from fxtrain.sound_devices.stream import Recorded, play_and_record

if TYPE_CHECKING:
    from fxtrain.sound_devices.wiring import Wiring

__all__ = [
    "Level",
    "Source",
    "Take",
    "check_level",
    "judge_level",
    "loudest_excerpt",
    "make_take",
    "require_playable",
]

Samples = npt.NDArray[np.float32]
Meter = Callable[[float, float], None]
Source = Literal["given", "remembered", "take"]
"""Where a round trip comes from: ``--round-trip``, ``fxtrain latency``, or the alignment of the take itself."""

LEAD_SECONDS = 0.5
"""Silence before the recording: interfaces may swallow the first moments of a stream, and the noise is measured."""

_EXCERPT_SECONDS = 3.0
_SOFT_DB, _GOOD_DB, _HOT_DB = -40.0, -24.0, -3.0
_SILENT_DB = -80.0
_ABOVE_NOISE_DB = 6.0
_FRAME_SECONDS = 0.05
_SURE = 0.5


class Recorder(Protocol):
    """What plays and records: :func:`fxtrain.sound_devices.stream.play_and_record`."""

    def __call__(
        self,
        wiring: Wiring,
        signal: Samples,
        *,
        tail_frames: int = 0,
        progress: Meter | None = None,
        stop_at_xrun: bool = False,
    ) -> Recorded:
        """Plays ``signal`` and records as long, and ``tail_frames`` more."""


@dataclass(frozen=True)
class Level:
    """How loud the device came back.

    Attributes:
        state: "silent" and "clipped" make no take; "soft", "low" and "hot" make one that could be better.
        peak_db: in dB of full scale.
        message: one sentence: what was found, what is good, and what to do.
    """

    state: Literal["silent", "soft", "low", "good", "hot", "clipped"]
    peak_db: float
    message: str

    @property
    def is_usable(self) -> bool:
        """Whether a take makes sense."""
        return self.state not in ("silent", "clipped")


@dataclass(frozen=True, eq=False)
class Take:
    """A good take.

    Attributes:
        wet: what came back, less the round trip: as many frames as the dry recording.
        report: the checks of the pair.
        round_trip_frames: what was cut off.
        source: where that comes from.
        number: of this take, from 1.
        discarded: why each earlier one was not good.
        claimed_seconds: the round trip as the driver tells it.
        note: what is worth knowing about the round trip, or empty.
    """

    wet: Audio
    report: DataReport
    round_trip_frames: int
    source: Source
    number: int
    discarded: tuple[str, ...]
    claimed_seconds: float
    note: str


def require_playable(dry: Audio) -> None:
    """Raises AudioFileError where a recording cannot be played through a device: silent, too short, too loud."""
    highest = amplitude_to_db(peak(dry.samples))
    if dry.seconds < 1.0:
        raise AudioFileError(
            f"{dry.path} is {dry.seconds:.2f} s long where at least 1 s is needed and three minutes are good: "
            "record more, or make a test signal with fxtrain signal."
        )
    if highest < _SILENT_DB:
        raise AudioFileError(f"{dry.path} is silent, so there is nothing to play: choose another recording.")
    if highest > 0.001:
        raise AudioFileError(
            f"{dry.path} peaks at {highest:+.1f} dBFS, beyond what a converter can play: lower it to 0 dBFS at most."
        )


def loudest_excerpt(dry: Samples, sample_rate: int, *, seconds: float = _EXCERPT_SECONDS) -> Samples:
    """The ``seconds`` of most energy among those that hold the greatest sample."""
    length = round(seconds * sample_rate)
    if len(dry) <= length:
        return dry
    energy = np.concatenate([[0.0], np.cumsum(np.square(dry, dtype=np.float64))])
    top = int(np.argmax(np.abs(dry)))
    starts = np.arange(max(0, top - length + 1), min(top, len(dry) - length) + 1)
    start = int(starts[np.argmax(energy[starts + length] - energy[starts])])
    return dry[start : start + length]


def judge_level(samples: Samples, lead_frames: int, sample_rate: int, *, num_clipped: int) -> Level:
    """Judges a return.

    Args:
        samples: what came back, shape ``(frames,)``.
        lead_frames: how long nothing was played at first; only noise is to be heard there.
        sample_rate: in Hz.
        num_clipped: samples that the converter clipped.
    """
    playing = samples[lead_frames:]
    peak_db = amplitude_to_db(peak(playing))
    if num_clipped:
        count = "1 sample" if num_clipped == 1 else f"{num_clipped} samples"
        return Level(
            "clipped",
            peak_db,
            f"The return clips ({count} at full scale) where a peak of {_GOOD_DB:g} to {_HOT_DB:g} dBFS is good: "
            "turn the recording gain down",
        )
    length = round(_FRAME_SECONDS * sample_rate)
    noise = rms(samples[lead_frames // 2 : lead_frames])
    loudest = float(np.max(frame_rms(playing, length), initial=0.0))
    if peak_db < _SILENT_DB or loudest < noise * 10 ** (_ABOVE_NOISE_DB / 20):
        found = "silence" if peak_db < _SILENT_DB else f"only noise, of {amplitude_to_db(noise):.0f} dBFS,"
        return Level(
            "silent",
            peak_db,
            f"Nothing comes back, {found} where a peak of {_GOOD_DB:g} to {_HOT_DB:g} dBFS is good: check the cables, "
            "that the device is on, and the channels",
        )
    message = f"The return peaks at {peak_db:.1f} dBFS"
    if peak_db < _SOFT_DB:
        return Level(
            "soft", peak_db, f"{message}, too soft where {_GOOD_DB:g} to {_HOT_DB:g} is good: turn the recording up"
        )
    if peak_db < _GOOD_DB:
        return Level(
            "low", peak_db, f"{message}, rather soft where {_GOOD_DB:g} to {_HOT_DB:g} is good: turn the recording up"
        )
    if peak_db > _HOT_DB:
        return Level(
            "hot", peak_db, f"{message}, close to clipping where {_GOOD_DB:g} to {_HOT_DB:g} is good: turn it down"
        )
    return Level("good", peak_db, f"{message}, which is good")


def check_level(wiring: Wiring, dry: Audio, *, progress: Meter | None, record: Recorder = play_and_record) -> Level:
    """Plays the loudest seconds of a recording and judges what comes back.

    Raises:
        DeviceError: the devices refuse, or go away meanwhile.
    """
    lead = round(LEAD_SECONDS * wiring.sample_rate)
    signal = _with_lead(loudest_excerpt(dry.samples, wiring.sample_rate), lead)
    tail = round(MAX_SECONDS * wiring.sample_rate)
    recorded = record(wiring, signal, tail_frames=tail, progress=progress)
    return judge_level(recorded.samples, lead, wiring.sample_rate, num_clipped=recorded.num_clipped)


def make_take(
    wiring: Wiring,
    dry: Audio,
    wet_path: Path,
    *,
    known_round_trip: tuple[float, Source] | None = None,
    tries: int = 3,
    ignore: Collection[str] = (),
    progress: Meter | None = None,
    on_retake: Callable[[int, str], None] = lambda number, reason: None,
    record: Recorder = play_and_record,
) -> Take:
    """Plays a recording, records what comes back and lays it beside it; again where blocks were lost.

    Args:
        wiring: devices, rate and channels; the rate is that of ``dry``.
        dry: what to play.
        wet_path: what to call the result in the report; nothing is written.
        known_round_trip: frames, and where they come from; None to find the round trip in the take.
        tries: how many takes to make at most.
        ignore: checks whose verdict is not to count: names of :data:`fxtrain.audio.CHECKS`.
        progress: as in :func:`fxtrain.sound_devices.stream.play_and_record`.
        on_retake: told the number of a take that was not good, and why, before the next is made.
        record: plays and records.

    Returns:
        The first good take. Its report may hold a ``stop`` that no other take would cure.

    Raises:
        TakeError: the converter clipped, or blocks were lost in each of the tries.
        DeviceError: the devices refuse, or go away meanwhile.
    """
    rate = wiring.sample_rate
    lead, tail = round(LEAD_SECONDS * rate), round(MAX_SECONDS * rate)
    signal = _with_lead(dry.samples, lead)
    discarded: list[str] = []
    for number in range(1, tries + 1):
        recorded = record(wiring, signal, tail_frames=tail, progress=progress, stop_at_xrun=True)
        if recorded.num_clipped and "clipping" not in ignore:
            level = judge_level(recorded.samples, lead, rate, num_clipped=recorded.num_clipped)
            raise TakeError(f"{level.message}, and record again (--ignore clipping keeps such a take).")
        reason = _lost(recorded, lead, rate)
        if not reason:
            samples = recorded.samples[lead:]
            frames, source, note = _round_trip(dry.samples, samples, rate, known_round_trip)
            wet = Audio(samples[frames : frames + dry.num_frames], rate, wet_path, "WAV", "FLOAT")
            report = check_pair(dry, wet, ignore=ignore)
            reason = _jumps(report)
            if not reason:
                claimed = recorded.driver_latency
                return Take(wet, report, frames, source, number, tuple(discarded), claimed, note)
        discarded.append(reason)
        on_retake(number, reason)
    raise TakeError(
        f"{'The take' if tries == 1 else f'Each of {tries} takes'} had drop-outs ({discarded[-1]}): close other "
        "programs, or give a larger --block-size, and record again."
    )


def _with_lead(samples: Samples, lead: int) -> Samples:
    return np.concatenate([np.zeros(lead, np.float32), samples])


def _lost(recorded: Recorded, lead: int, rate: int) -> str:
    """What was lost on the way, or nothing."""
    if recorded.num_xruns == 0:
        return ""
    count = "1 xrun" if recorded.num_xruns == 1 else f"{recorded.num_xruns} xruns"
    if recorded.first_xrun is None:
        return count
    return f"{count}, the first at {max(0, recorded.first_xrun - lead) / rate:.1f} s"


def _jumps(report: DataReport) -> str:
    """A drop-out that nobody told of, or nothing: the lag jumps."""
    jumps = report.alignment.jumps if report.alignment else ()
    verdict = next((each for each in report.stops if each.name == "drift"), None)
    return verdict.message[0].lower() + verdict.message[1:] if verdict and jumps else ""


def _round_trip(
    dry: Samples, samples: Samples, rate: int, known: tuple[float, Source] | None
) -> tuple[int, Source, str]:
    """Frames to cut off, where they come from, and a note."""
    if known is not None and known[1] == "given":
        return min(round(known[0]), len(samples) - len(dry)), "given", ""
    alignment = estimate_alignment(dry, samples, rate, max_seconds=MAX_SECONDS)
    found = min(max(alignment.lag_samples, 0), len(samples) - len(dry))
    if known is None:
        return found, "take", ""
    frames = round(known[0])
    if alignment.confidence > _SURE and found < frames - LAG_GUARD:
        note = (
            f"The round trip of {frames} frames that fxtrain latency has remembered is longer than the {found} of this "
            "take, which count; measure again"
        )
        return found, "take", note
    return frames, "remembered", ""
