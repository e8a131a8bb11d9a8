# SPDX-License-Identifier: MIT
"""Is this a pair to learn from? Every check gives a verdict; only ``stop`` ends training, and any may be ignored.

The checks know nothing of models. What each finds, expects and advises is one sentence for a guitarist; the figures
behind it are in :attr:`Verdict.values`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import fft, linalg, ndimage, signal

from fxtrain.audio.alignment import (
    Alignment,
    apply_lag,
    coarse_lag,
    drift_floor,
    estimate_alignment,
    match_clock,
    remove_drift,
)
from fxtrain.audio.decibels import amplitude_to_db, power_to_db
from fxtrain.audio.files import Audio
from fxtrain.audio.levels import (
    PLAYING_FRAME_SECONDS,
    blocks,
    clipped_runs,
    find_playing,
    frame_spread,
    hum,
    idle_stretches,
    peak,
    rms,
    spread,
)
from fxtrain.audio.repeats import find_repeats
from fxtrain.audio.resampling import resample
from fxtrain.audio.time_effects import TimeEffect, find_moving_delay, find_time_effects
from fxtrain.errors import AudioFileError, ConfigError, DataCheckError

__all__ = ["CHECKS", "DataReport", "Level", "Verdict", "check_pair", "looks_like_input_of"]

Samples = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Level = Literal["ok", "note", "warn", "stop"]

CHECKS = (
    "silence",
    "rate",
    "length",
    "format",
    "channels",
    "level",
    "clipping",
    "dc",
    "noise",
    "lag",
    "polarity",
    "drift",
    "gate",
    "time",
    "replicate",
    "identical",
    "swapped",
)
"""Names of the checks, in the order of the report; each may be given to ``ignore``."""

_MIN_SECONDS = 1.0
_FEW_SECONDS = 30.0
_MAX_DIFFERENCE_SECONDS = 2.0
_FRAME_SECONDS = 0.05
_IDLE_SECONDS = 3.0  # pauses that are longer belong no more to the music
_IDLE_END_SHARE = 0.05  # of the recording, without playing at its start or end: half of a part that judges the model
_PAUSE_DB = -50.0  # of the dry signal, against its loud frames
_RELATED = 0.1  # confidence below which two files have nothing in common
_SURE = 0.5  # confidence below which neither lag nor polarity nor drift is stated
_LAG_AGREES = 32  # samples between a given and a found lag
# An error that no model can avoid, in dB below the playing. Good models of clean and driven amplifiers come to an ESR
# of 0.001 to 0.01: a floor of -30 dB is the first thing to stand in their way, one below -45 dB is not felt.
_FLOOR_WARN_DB = -30.0
_FLOOR_NOTE_DB = -45.0

_DRIFT_WARN_FLOOR = 1e-3  # ESR that a drift costs
_DRIFT_NOTE_FLOOR = 1e-4
_DRIFT_SECONDS = 10.0  # a shorter recording does not measure a clock
_DRIFT_ERROR = 0.5  # samples by which the estimate may be wrong

_UNEXPLAINED_SECONDS = 0.4  # of pause, to see whether wet's noise follows dry's
_FOLLOWS = 0.5  # share of wet's noise that does not, below which it is said to follow
_GATE_DB = 15.0  # below what a device of constant gain gives

_REPEAT_SECONDS = 1.0  # shorter passages do not count
_MEMORY_SECONDS = 1.0  # a repeated passage is judged from here on: sag and bias recover within about that time
_MOVE_SECONDS = 0.05  # by so much more or less than in dry, a second take in wet may come later
_MOSTLY = 2 / 3  # share of two takes' difference from which on it is put down to one cause
_STEADY_SAMPLES = 3.0  # drift beyond which passages cannot be compared; from there on, the drift is a note of its own


@dataclass(frozen=True)
class Verdict:
    """What one check found.

    Attributes:
        name: one of :data:`CHECKS`, or ``split``: :func:`fxtrain.data.material.check_split`.
        level: ``ok``, ``note`` (good to know), ``warn`` (the model may suffer), ``stop`` (training would be in vain).
        message: one sentence: what was found, and what was expected.
        remedy: what to do, or empty.
        values: the figures, JSON-able.
        ignored: a ``stop`` that the user overrode.
    """

    name: str
    level: Level
    message: str
    remedy: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    ignored: bool = False

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "name": self.name,
            "level": self.level,
            "message": self.message,
            "remedy": self.remedy,
            "values": self.values,
            "ignored": self.ignored,
        }


@dataclass(frozen=True)
class DataReport:
    """The verdicts on a pair, and its alignment.

    Attributes:
        input: facts of the dry file.
        target: facts of the wet file.
        verdicts: one per check, in the order of :data:`CHECKS`; checks that could not be made are left out.
        alignment: None where the files could not be compared (other rates, silence, too short). Without the drift that
            ``clock`` takes out.
        clock: of the target's recorder against the input's, for :func:`fxtrain.audio.alignment.match_clock`; 1 where
            they are the same, or where no steady drift was found.
        drift_samples: how much the lag grows in the files as they are.
        lag_is_given: by the user; it goes before the estimate.
    """

    input: dict[str, Any]
    target: dict[str, Any]
    verdicts: tuple[Verdict, ...]
    alignment: Alignment | None
    clock: float = 1.0
    drift_samples: float = 0.0
    lag_is_given: bool = False

    @property
    def stops(self) -> tuple[Verdict, ...]:
        """Verdicts that end training."""
        return tuple(verdict for verdict in self.verdicts if verdict.level == "stop" and not verdict.ignored)

    @property
    def fit_to_train(self) -> bool:
        """Whether no verdict ends training."""
        return not self.stops

    @property
    def lag_samples(self) -> int | None:
        """Samples that the target is late; None where the recordings do not show it."""
        alignment = self.alignment
        is_sure = alignment is not None and (alignment.confidence >= _SURE or self.lag_is_given)
        return alignment.lag_samples if alignment and is_sure else None

    def raise_for_stop(self) -> None:
        """Raises where a ``stop`` stands.

        Raises:
            DataCheckError: with the first one's message and remedy.
        """
        if not self.stops:
            return
        first, *others = self.stops
        more = f"; {', '.join(stop.name for stop in others)} would stop it too" if others else ""
        raise DataCheckError(f"{first.message}: {first.remedy} (--ignore {first.name} goes on regardless{more}).")

    def to_dict(self) -> dict[str, Any]:
        """JSON-able: what ``check --json`` prints. What the confidence does not allow to state is None."""
        alignment = self.alignment
        is_steady = alignment is not None and alignment.confidence >= _SURE
        return {
            "input": self.input,
            "target": self.target,
            "lag_samples": self.lag_samples,
            "polarity": alignment.polarity if alignment and is_steady and alignment.order == 1 else None,
            "confidence": round(alignment.confidence, 4) if alignment else None,
            "drift_samples": round(self.drift_samples, 3) if alignment and is_steady else None,
            "drift_removed": self.clock != 1.0,
            "jumps": [
                {
                    "after_seconds": round(jump.after_seconds, 3),
                    "before_seconds": round(jump.before_seconds, 3),
                    "samples": round(jump.samples, 2),
                    "steady": jump.steady,
                }
                for jump in (alignment.jumps if alignment and is_steady else ())
            ],
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
        }


def check_pair(input: Audio, target: Audio, *, ignore: Collection[str] = (), lag: int | None = None) -> DataReport:
    """Looks at a dry and a wet recording the way an experienced ear would before training on them.

    Args:
        input: the dry recording.
        target: the wet one.
        ignore: names of checks whose ``stop`` is not to end training.
        lag: samples that the target is late, where the user knows it; None estimates it.

    Raises:
        ConfigError: ``ignore`` holds a name that is no check.
        AudioFileError: a sample is NaN or infinite.
    """
    unknown = sorted(set(ignore) - set(CHECKS))
    if unknown:
        raise ConfigError(f'There is no check named "{unknown[0]}": expected one of {", ".join(CHECKS)}.')
    for audio in (input, target):
        if not all(np.isfinite(block).all() for block in blocks(audio.samples)):
            raise AudioFileError(f"{_name(audio)} holds NaN or infinity where finite samples are expected.")
    found = [
        _silence(input, target),
        _rate(input, target),
        _format(input, target),
        _channels(input, target),
        _level(input, target),
        _clipping(input, target),
        _dc(input, target),
    ]
    alignment = measured = None
    clock = 1.0
    files = input, target
    facts = _facts(input), _facts(target)
    silent = found[0].level == "stop"
    if input.sample_rate == target.sample_rate and not silent and min(input.seconds, target.seconds) >= 0.25:
        shift, alignment = _found_anywhere(input, target)
        shifted = target.with_samples(_shifted(target.samples, shift))
        moving = None
        true_rate = _true_rate(input, target) if alignment.confidence < _RELATED else 0
        if alignment.confidence < _SURE and lag is None and not true_rate:
            moving = find_moving_delay(input.samples, target.samples, input.sample_rate)
            if moving is not None:
                alignment = replace(alignment, lag_samples=moving[1], main_tap_samples=moving[1])
                found.append(_time([moving[0]]))
        measured = alignment
        if alignment.confidence >= _SURE and not alignment.jumps:
            clock, alignment = _without_drift(input, shifted, alignment)
            target = target.with_samples(match_clock(target.samples, clock))
        offset = round(shift / clock)
        alignment = replace(
            alignment,
            lag_samples=alignment.lag_samples + offset,
            main_tap_samples=alignment.main_tap_samples + offset,
        )
        estimate = alignment.lag_samples
        if lag is not None:
            is_near = 0 <= alignment.main_tap_samples - lag <= 0.002 * input.sample_rate
            main = alignment.main_tap_samples if is_near else lag
            alignment = replace(alignment, lag_samples=lag, main_tap_samples=main)
        found += [
            _moving_lag(alignment)
            if moving is not None
            else _lag(input, alignment, true_rate)
            if lag is None
            else _given_lag(alignment, estimate),
            _polarity(alignment),
            _drift(input, target, measured, is_removed=clock != 1.0),
        ]
        dry, wet = apply_lag(input.samples, target.samples, alignment.main_tap_samples)
        related = alignment.confidence >= _RELATED and len(dry) > 0.2 * input.sample_rate
        if related:
            gate, closed = _gate(dry, wet, input.sample_rate)
            found.append(gate)
            effects = []
            if alignment.confidence >= _SURE:
                effects = find_time_effects(dry, wet, input.sample_rate, is_gated=bool(closed.any()))
                found.append(_time(effects))
            rings = next((effect.kind for effect in effects if effect.seconds), "")
            found.append(_noise(dry, wet, input.sample_rate, rings=rings))
            found.append(_replicate(dry, wet, alignment, input.sample_rate))
            found.append(_identical(dry, wet, alignment))
            found.append(_swapped(input, target, dry, wet, alignment, closed))
    found.append(_length(input, files[1], alignment))
    found.sort(key=lambda verdict: CHECKS.index(verdict.name))
    verdicts = tuple(replace(verdict, ignored=verdict.level == "stop" and verdict.name in ignore) for verdict in found)
    drift = measured.drift_samples if measured else 0.0
    return DataReport(*facts, verdicts, alignment, clock=clock, drift_samples=drift, lag_is_given=lag is not None)


def _facts(audio: Audio) -> dict[str, Any]:
    return {
        "path": str(audio.path) if audio.path else None,
        "format": audio.format,
        "subtype": audio.subtype,
        "sample_rate": audio.sample_rate,
        "file_sample_rate": audio.file_sample_rate,
        "num_channels": audio.num_channels,
        "channel": audio.channel + 1,
        "num_frames": audio.num_frames,
        "seconds": round(audio.seconds, 3),
        "peak_db": round(amplitude_to_db(peak(audio.samples)), 2),
        "rms_db": round(amplitude_to_db(rms(audio.samples)), 2),
    }


def _name(audio: Audio) -> str:
    return str(audio.path) if audio.path else "The recording"


def _silence(input: Audio, target: Audio) -> Verdict:
    peaks = {"dry": amplitude_to_db(peak(input.samples)), "wet": amplitude_to_db(peak(target.samples))}
    values = {f"{side}_peak_db": round(value, 1) for side, value in peaks.items()}
    for side, audio in (("dry", input), ("wet", target)):
        if peaks[side] < -80.0:
            loudest = "holds only zeros" if peaks[side] <= -200 else f"never rises above {peaks[side]:.0f} dBFS"
            return Verdict(
                "silence",
                "stop",
                f"The {side} file {_name(audio)} is silent (it {loudest}; at least -40 dBFS is expected)",
                "check cable, track routing and channel, and record again",
                values,
            )
    masks = {"dry": find_playing(input.samples, input.sample_rate)}
    masks["wet"] = find_playing(target.samples, target.sample_rate)
    playing = float(masks["dry"].mean()) if len(masks["dry"]) else 1.0
    idle = {side: idle_stretches(mask, min_seconds=_IDLE_SECONDS) for side, mask in masks.items()}
    facts: dict[str, Any] = {**values, "playing_share": round(playing, 3)}
    facts |= {f"{side}_idle": [[round(a, 2), round(b, 2)] for a, b in found] for side, found in idle.items()}
    at_ends = {}
    for side, audio in (("dry", input), ("wet", target)):
        end = len(masks[side]) * PLAYING_FRAME_SECONDS
        edges = [(a, b) for a, b in idle[side] if a <= 0 or b >= end]
        at_ends[side] = [(a, min(b, audio.seconds)) for a, b in edges if b - a > _IDLE_END_SHARE * audio.seconds]
    for side, found in at_ends.items():
        if found and playing >= 0.5:
            places = " and ".join(f"from {a:.1f} to {b:.1f} s" for a, b in found)
            return Verdict(
                "silence",
                "warn",
                f"There is no playing in the {side} file {places}, only silence or noise, which training leaves out",
                "cut it off both files, or record playing there",
                facts,
            )
    if playing < 0.5:
        return Verdict(
            "silence",
            "warn",
            f"The dry file is playing for only {playing:.0%} of its time, there is no playing in the rest",
            "cut long pauses out of both files at the same places, or play more",
            facts,
        )
    seconds = sum(b - a for a, b in idle["dry"])
    if seconds > 0:
        message = f"{seconds:.1f} s of the dry file hold no playing and are left out of training"
        return Verdict("silence", "note", message, values=facts)
    return Verdict("silence", "ok", f"The dry file is playing for {playing:.0%} of its time", values=facts)


def _rate(input: Audio, target: Audio) -> Verdict:
    values = {"dry": input.sample_rate, "wet": target.sample_rate}
    if input.sample_rate != target.sample_rate:
        return Verdict(
            "rate",
            "stop",
            f"The dry file has {input.sample_rate} Hz but the wet file {target.sample_rate} Hz, "
            "where one rate is expected",
            "export both at the rate of the session, or give --sample-rate to resample",
            values,
        )
    if input.sample_rate < 32000:
        return Verdict(
            "rate",
            "warn",
            f"Both files have {input.sample_rate} Hz, so nothing above {input.sample_rate / 2000:.0f} kHz is learnt",
            "record at 44100 or 48000 Hz",
            values,
        )
    return Verdict("rate", "ok", f"Both files have {input.sample_rate} Hz", values=values)


def _length(input: Audio, target: Audio, alignment: Alignment | None) -> Verdict:
    shorter = min(input.seconds, target.seconds)
    difference = abs(input.seconds - target.seconds)
    values = {"dry_seconds": round(input.seconds, 3), "wet_seconds": round(target.seconds, 3)}
    if shorter < _MIN_SECONDS:
        return Verdict(
            "length",
            "stop",
            f"The pair is {shorter:.2f} s long where at least {_MIN_SECONDS:.0f} s is needed and 3 minutes are good",
            "record more playing",
            values,
        )
    if difference > _MAX_DIFFERENCE_SECONDS and alignment is not None and alignment.confidence >= _SURE:
        lag = alignment.main_tap_samples
        frames = min(input.num_frames - max(-lag, 0), target.num_frames - max(lag, 0))
        shorter = frames / input.sample_rate
        if shorter >= _MIN_SECONDS:
            values["overlap_seconds"] = round(shorter, 3)
            level: Level = "warn" if shorter < _FEW_SECONDS else "note"
            message = f"The files differ by {difference:.1f} s; only the {shorter:.1f} s that both hold are used"
            return Verdict("length", level, message, "export both over the same range", values)
    if difference > _MAX_DIFFERENCE_SECONDS:
        return Verdict(
            "length",
            "stop",
            f"The dry file is {input.seconds:.2f} s long but the wet file {target.seconds:.2f} s, "
            f"where at most {_MAX_DIFFERENCE_SECONDS:.0f} s of difference is expected",
            "check that both are of the same take, and export both over the same range",
            values,
        )
    trimmed = (
        f"; the files differ by {difference * 1000:.1f} ms, which is trimmed after alignment" if difference else ""
    )
    if shorter < _FEW_SECONDS:
        return Verdict(
            "length",
            "warn",
            f"The pair is only {shorter:.1f} s long, where 3 minutes are good{trimmed}",
            "record more playing for a model that also knows other notes and dynamics",
            values,
        )
    return Verdict(
        "length", "note" if difference else "ok", f"The pair is {shorter:.1f} s long{trimmed}", values=values
    )


def _format(input: Audio, target: Audio) -> Verdict:
    values = {"dry": f"{input.format} {input.subtype}", "wet": f"{target.format} {target.subtype}"}
    for side, audio in (("dry", input), ("wet", target)):
        if audio.damage:
            return Verdict(
                "format",
                "warn",
                f"The {side} file {audio.damage}",
                "copy or export it again, and compare the length with the original",
                values,
            )
    for side, audio in (("dry", input), ("wet", target)):
        if audio.lossy or audio.subtype in ("PCM_S8", "PCM_U8", "ULAW", "ALAW"):
            return Verdict(
                "format",
                "note",
                f"The {side} file is coded as {audio.subtype}, which adds noise that the model cannot learn",
                "use WAV, FLAC or AIFF of 16 bits or more",
                values,
            )
    resampled = [audio for audio in (input, target) if audio.sample_rate != audio.file_sample_rate]
    if resampled:
        return Verdict(
            "format", "note", f"Resampled from {resampled[0].file_sample_rate} to {input.sample_rate} Hz", values=values
        )
    return Verdict("format", "ok", f"Dry is {values['dry']}, wet is {values['wet']}", values=values)


def _channels(input: Audio, target: Audio) -> Verdict:
    values = {"dry": input.num_channels, "wet": target.num_channels}
    notes = [f"{side}: {audio.note}" for side, audio in (("Dry", input), ("Wet", target)) if audio.note]
    if not notes:
        return Verdict("channels", "ok", "Both files are mono", values=values)
    differ = any("differ" in note for note in notes)
    return Verdict(
        "channels",
        "warn" if differ else "note",
        " ".join(notes).rstrip("."),
        "export mono, or name the channel with --dry-channel or --wet-channel" if differ else "",
        values,
    )


def _level(input: Audio, target: Audio) -> Verdict:
    peaks = {"dry": amplitude_to_db(peak(input.samples)), "wet": amplitude_to_db(peak(target.samples))}
    values = {f"{side}_peak_db": round(value, 2) for side, value in peaks.items()}
    sides = (("dry", input), ("wet", target))
    values |= {f"{side}_rms_db": round(amplitude_to_db(rms(audio.samples)), 2) for side, audio in sides}
    for side, value in peaks.items():
        if value < -40.0:
            return Verdict(
                "level",
                "warn",
                f"The {side} file peaks at {value:.1f} dBFS, where -12 to -1 dBFS is good",
                "turn the recording level up; noise and rounding are learnt with the sound",
                values,
            )
    if max(peaks.values()) > 0.01:
        side = max(peaks, key=lambda name: peaks[name])
        return Verdict(
            "level",
            "note",
            f"The {side} file peaks at {peaks[side]:+.1f} dBFS, above full scale, which its float samples can hold",
            "keep to float files when editing it",
            values,
        )
    return Verdict(
        "level", "ok", f"Dry peaks at {peaks['dry']:.1f} dBFS, wet at {peaks['wet']:.1f} dBFS", values=values
    )


def _clipping(input: Audio, target: Audio) -> Verdict:
    counts = {"dry": clipped_runs(input.samples), "wet": clipped_runs(target.samples)}
    values: dict[str, Any] = {f"{side}_samples": count for side, (count, _) in counts.items()}
    sides = [side for side, (count, _) in counts.items() if count]
    if not sides:
        return Verdict("clipping", "ok", "No sample is clipped", values=values)
    parts = []
    for side, audio in (("dry", input), ("wet", target)):
        count, first = counts[side]
        if count:
            values[f"{side}_first_seconds"] = round(first / audio.sample_rate, 3)
            parts.append(
                f"{count} {'sample' if count == 1 else 'samples'} of the {side} file "
                f"({100 * count / audio.num_frames:.2g} %), first at {first / audio.sample_rate:.2f} s"
            )
    return Verdict(
        "clipping",
        "warn",
        f"At the ceiling, where none should be: {' and '.join(parts)}",
        f"turn the {'recording level' if len(sides) == 2 else f'level of the {sides[0]} track'} down by 6 dB "
        "and record again, unless the device itself clips so",
        values,
    )


def _dc(input: Audio, target: Audio) -> Verdict:
    shares = {}
    for side, audio in (("dry", input), ("wet", target)):
        level = rms(audio.samples)
        shares[side] = abs(float(np.mean(audio.samples, dtype=np.float64))) / level if level > 0 else 0.0
    values = {f"{side}_share_of_rms": round(share, 5) for side, share in shares.items()}
    side = max(shares, key=lambda name: shares[name])
    message = f"The {side} file has a DC offset of {shares[side]:.1%} of its RMS"
    if shares[side] > 0.1:
        return Verdict(
            "dc",
            "warn",
            f"{message}, where under 2 % is expected",
            "put a 10 Hz high-pass on the recording input",
            values,
        )
    if shares[side] > 0.02:
        return Verdict("dc", "note", message, values=values)
    return Verdict("dc", "ok", "No DC offset to speak of", values=values)


def _lag(input: Audio, alignment: Alignment, true_rate: int) -> Verdict:
    lag, rate = alignment.lag_samples, input.sample_rate
    values = {
        "lag_samples": lag,
        "main_tap_samples": alignment.main_tap_samples,
        "confidence": round(alignment.confidence, 4),
        "explained": round(alignment.explained, 4),
    }
    if alignment.confidence < _RELATED:
        if true_rate:
            values["true_rate"] = true_rate
            return Verdict(
                "lag",
                "stop",
                f"The wet file says {rate} Hz, but matches the dry one if it is played at {true_rate} Hz",
                "export it again at the rate of the session",
                values,
            )
        return Verdict(
            "lag",
            "stop",
            f"The two files have nothing in common (confidence {alignment.confidence:.2f})",
            "check that both are of the same take",
            values,
        )
    if alignment.confidence < _SURE:
        return Verdict(
            "lag",
            "warn",
            f"The lag is not certain (confidence {alignment.confidence:.2f}, where {_SURE} is needed): "
            "the files hardly match, and training would go by a guess",
            "look at both files in a DAW, and give the number of samples that wet is late as --lag N",
            {key: value for key, value in values.items() if "samples" not in key},
        )
    where = f"{abs(lag)} samples ({abs(lag) / rate * 1000:.2f} ms)"
    message = f"Wet is {where} {'late' if lag > 0 else 'early'}, which is removed" if lag else "Wet and dry coincide"
    by = ", matched by magnitude: the device has hardly a linear part" if alignment.order == 2 else ""
    message += f" (confidence {alignment.confidence:.2f}{by})"
    if lag < -round(0.001 * rate):
        return Verdict(
            "lag",
            "note",
            message,
            "nothing to do; the DAW took off more latency than there was, or cut the file",
            values,
        )
    return Verdict("lag", "ok", message, values=values)


def _given_lag(alignment: Alignment, estimate: int) -> Verdict:
    lag = alignment.lag_samples
    values = {"lag_samples": lag, "confidence": round(alignment.confidence, 4), "given": True}
    message = f"Wet is {abs(lag)} samples {'late' if lag >= 0 else 'early'}, as given with --lag"
    if alignment.confidence < _SURE:
        return Verdict("lag", "note", message, values=values)
    values["estimate_samples"] = estimate
    if abs(lag - estimate) > _LAG_AGREES:
        return Verdict(
            "lag",
            "warn",
            f"{message}, where {estimate} was found (confidence {alignment.confidence:.2f})",
            "leave --lag out if you are not sure",
            values,
        )
    return Verdict("lag", "ok", message, values=values)


def _true_rate(input: Audio, target: Audio) -> int:
    """The common rate at which the target matches the input although its header says another; 0 for none."""
    frames = round(20 * input.sample_rate)
    for rate in (44100, 48000, 88200, 96000):
        if rate != target.sample_rate:
            converted = resample(target.samples[:frames], rate, input.sample_rate)
            if estimate_alignment(input.samples[:frames], converted, input.sample_rate).confidence > _SURE:
                return rate
    return 0


def _polarity(alignment: Alignment) -> Verdict:
    if alignment.confidence < _SURE:
        return Verdict("polarity", "ok", "Not judged, as the lag is not certain")
    if alignment.order == 2:
        return Verdict("polarity", "ok", "Not judged: the device makes no difference between up and down")
    values = {"polarity": alignment.polarity}
    if alignment.polarity < 0:
        return Verdict(
            "polarity",
            "note",
            "Wet is upside down against dry, as many devices make it; the model keeps that",
            "--fix-polarity turns it the right way up",
            values,
        )
    return Verdict("polarity", "ok", "Wet has the polarity of dry", values=values)


def _without_drift(input: Audio, target: Audio, alignment: Alignment) -> tuple[float, Alignment]:
    """Takes a steady drift out where it costs anything: see :func:`remove_drift`."""
    drift = alignment.drift_samples
    if input.seconds < _DRIFT_SECONDS or abs(drift) <= _DRIFT_ERROR:
        return 1.0, alignment
    if drift_floor(target.samples, drift) < _DRIFT_NOTE_FLOOR:
        return 1.0, alignment
    return remove_drift(input.samples, target.samples, input.sample_rate, alignment)


def _drift(input: Audio, target: Audio, alignment: Alignment, *, is_removed: bool) -> Verdict:
    drift = alignment.drift_samples
    rate = drift / max(input.num_frames, 1) * 1e6
    floor = drift_floor(target.samples, drift)
    values = {
        "drift_samples": round(drift, 3),
        "drift_ppm": round(rate, 2),
        "esr_floor": float(f"{floor:.3g}"),
        "removed": is_removed,
        "jumps": [round(jump.samples, 1) for jump in alignment.jumps],
    }
    if alignment.confidence < _RELATED:
        return Verdict("drift", "ok", "Not judged, as the files do not match")
    if alignment.confidence < _SURE:
        return Verdict("drift", "ok", "Not judged, as the lag is not certain")
    if alignment.jumps:
        jump = max(alignment.jumps, key=lambda jump: abs(jump.samples))
        where = f"between {jump.after_seconds:.1f} and {jump.before_seconds:.1f} s"
        return Verdict(
            "drift",
            "stop" if jump.steady and abs(jump.samples) >= 8 else "warn",
            f"The lag jumps by {jump.samples:+.0f} samples {where}, where it should stay",
            "record again with a larger interface buffer, or cut both files before or after that place",
            values,
        )
    message = f"The lag grows by {drift:+.1f} samples from start to end ({rate:+.1f} ppm)"
    remedy = "record dry and wet with one interface, or lock both to one clock"
    if is_removed:
        cost = f"which would put the ESR of any model at {floor:.2g} or above; training resamples wet to remove it"
        return Verdict("drift", "warn" if floor >= _DRIFT_WARN_FLOOR else "note", f"{message}, {cost}", remedy, values)
    if floor >= _DRIFT_WARN_FLOOR and abs(drift) > _DRIFT_ERROR:
        level: Level = "stop" if abs(drift) > 64 else "warn"
        return Verdict("drift", level, f"{message}, so no model comes below an ESR of {floor:.2g}", remedy, values)
    if floor >= _DRIFT_NOTE_FLOOR and abs(drift) > _DRIFT_ERROR:
        return Verdict("drift", "note", message, values=values)
    return Verdict("drift", "ok", f"The lag stays the same ({drift:+.1f} samples from start to end)", values=values)


def _noise(dry: Samples, wet: Samples, sample_rate: int, *, rings: str = "") -> Verdict:
    """The wet signal's level where the dry one pauses; below that no model's error can come.

    Constant offsets do not count, nor does what follows dry's own noise and hum: a model makes both.
    """
    length = round(_FRAME_SECONDS * sample_rate)
    dry_levels, wet_levels = frame_spread(dry, length), frame_spread(wet, length)
    playing = find_playing(dry, sample_rate)
    pause = ~playing[: len(dry_levels)] | (dry_levels < 10 ** (_PAUSE_DB / 20) * float(np.quantile(dry_levels, 0.95)))
    # The device rings on: a pause begins six frames (0.3 s) late.
    rest = np.array([pause[max(0, k - 6) : k + 1].all() for k in range(len(pause))])
    if np.count_nonzero(rest) < 4:
        return Verdict(
            "noise",
            "note",
            "There is no pause to measure the noise floor in",
            "leave two seconds without playing at the start of the next recording",
            {"pause_seconds": round(float(np.count_nonzero(rest)) * _FRAME_SECONDS, 2)},
        )
    floor = float(np.median(wet_levels[rest]))
    quiet = [_longest(side, rest, length) for side in (dry, wet)]
    left = _unexplained(*quiet) if len(quiet[0]) > _UNEXPLAINED_SECONDS * sample_rate else 1.0
    below = amplitude_to_db(floor) - amplitude_to_db(spread(wet)) + power_to_db(left)
    values: dict[str, Any] = {
        "wet_floor_db": round(amplitude_to_db(floor), 1),
        "dry_floor_db": round(amplitude_to_db(float(np.median(dry_levels[rest]))), 1),
        "follows_dry_share": round(1 - left, 3),
        "esr_floor": float(f"{10 ** (below / 10):.3g}"),
        "pause_seconds": round(float(np.count_nonzero(rest)) * _FRAME_SECONDS, 2),
    }
    mains, share = hum(quiet[1], sample_rate)
    what = f"mains hum of {mains} Hz" if mains else "noise"
    values |= {"hum_hz": mains, "hum_share": round(share, 3)}
    message = f"In pauses wet still has {what} at {amplitude_to_db(floor):.0f} dBFS"
    if left < _FOLLOWS:
        message += f", which follows dry but for the part {-below:.0f} dB below the playing"
    else:
        message += f", {-below:.0f} dB below the playing"
    if rings and below > _FLOOR_NOTE_DB:
        return Verdict("noise", "note", f"The noise cannot be measured, as pauses are full of {rings}", values=values)
    if below > _FLOOR_WARN_DB:
        message += f", so no model comes below an ESR of {values['esr_floor']:.2g}"
        remedy = "turn the gain of the device or of the recording down"
        if mains:
            remedy = "turn away from transformers and use balanced cables"
        return Verdict("noise", "warn", message, remedy, values)
    if below > _FLOOR_NOTE_DB or (mains and below > -60):
        return Verdict("noise", "note", message, values=values)
    return Verdict("noise", "ok", f"In pauses wet is {-below:.0f} dB below the playing", values=values)


def _unexplained(dry: Samples, wet: Samples) -> float:
    """The part of wet's energy that no short filter makes of dry: 1 where they have nothing in common."""
    before, taps = 32, 128
    x, y = (side.astype(np.float64) - np.mean(side, dtype=np.float64) for side in (dry, wet))
    size = fft.next_fast_len(len(x) + taps, real=True)
    spectrum = fft.rfft(x, size)
    auto = fft.irfft(np.square(np.abs(spectrum)), size)[:taps]
    energy = float(np.dot(y, y))
    if auto[0] <= 1e-12 * len(x) or energy <= 0:  # below -120 dBFS: digital silence and its dither
        return 1.0
    auto[0] *= 1 + 1e-4
    cross = np.roll(fft.irfft(np.conj(spectrum) * fft.rfft(y, size), size), before)[:taps]
    explained = float(linalg.solve_toeplitz(auto, cross) @ cross)
    chance = taps / len(x)
    return min(1.0, max(0.0, (1 - explained / energy) / (1 - chance)))


def _longest(samples: Samples, frames: npt.NDArray[np.bool_], length: int) -> Samples:
    """The samples of the longest run of true ``frames``."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], frames, [False]]).astype(np.int8)))
    starts, ends = edges[::2], edges[1::2]
    longest = int(np.argmax(ends - starts))
    return samples[starts[longest] * length : ends[longest] * length]


def _found_anywhere(input: Audio, target: Audio) -> tuple[int, Alignment]:
    """By how many samples to move the target before its lag is within reach, and the alignment then."""
    found = estimate_alignment(input.samples, target.samples, input.sample_rate)
    if found.confidence >= _SURE:
        return 0, found
    shift = coarse_lag(input.samples, target.samples, input.sample_rate)
    if abs(shift) < _MAX_DIFFERENCE_SECONDS * input.sample_rate / 2:
        return 0, found
    again = estimate_alignment(input.samples, _shifted(target.samples, shift), input.sample_rate)
    return (shift, again) if again.confidence >= _SURE else (0, found)


def _shifted(samples: Samples, shift: int) -> Samples:
    """Earlier by ``shift``; later, with silence before it, where that is negative."""
    return samples[shift:] if shift >= 0 else np.pad(samples, (-shift, 0))


def _moving_lag(alignment: Alignment) -> Verdict:
    return Verdict(
        "lag",
        "warn",
        "No one lag fits, as the delay of wet moves by itself",
        "switch the effect off that moves it",
        {"confidence": round(alignment.confidence, 4)},
    )


def _time(effects: list[TimeEffect]) -> Verdict:
    """Names what has a clock or a memory of its own, and what would learn it."""
    if not effects:
        return Verdict("time", "ok", "Wet depends on dry alone: no modulation, echo or long reverb stands out")
    messages, remedies = [], []
    for effect in effects:
        if effect.kind == "echo":
            level = amplitude_to_db(effect.depth)
            messages.append(f"wet repeats the playing after {effect.seconds * 1000:.0f} ms at {level:.0f} dB (an echo)")
            remedies.append("add a delay behind the model")
        elif effect.kind == "reverb":
            messages.append(f"wet rings on for about {effect.seconds:.1f} s where dry has stopped (reverb)")
            remedies.append("add a convolution with the reverb's impulse response behind the model")
        else:
            messages.append(
                {
                    "tremolo": f"the gain swings {effect.rate_hz:.1f} times a second by itself (tremolo modulation)",
                    "chorus": "the tone moves by itself (modulation: chorus, flanger, phaser, vibrato, rotary speaker)",
                    "vibrato": "the delay swings by itself (modulation: vibrato, or chorus without the dry signal)",
                }[effect.kind]
            )
            remedies.append(
                "add the modulation behind the model; only a model with the modulation's oscillator as a second input "
                "could learn it"
            )
    message = " and ".join(messages)
    return Verdict(
        "time",
        "warn",
        f"{message[0].upper()}{message[1:]}, which these models cannot learn",
        f"switch it off for the capture, and {' and '.join(remedies)}",
        {
            "effects": [
                {
                    "kind": effect.kind,
                    "rate_hz": round(effect.rate_hz, 2),
                    "seconds": round(effect.seconds, 3),
                    "depth": round(effect.depth, 3),
                }
                for effect in effects
            ]
        },
    )


def _gate(dry: Samples, wet: Samples, sample_rate: int) -> tuple[Verdict, Mask]:
    """Does wet fall silent while dry still sounds? And in which stretches of 50 ms.

    A device gives soft moments the gain of loud ones or more. Silent is what lies 15 dB below that, and at the level of
    wet's own noise or far below the playing. If that happens to soft moments only, it is a gate.
    """
    length = round(_FRAME_SECONDS * sample_rate)
    dry_db, wet_db = (20 * np.log10(np.maximum(frame_spread(side, length), 1e-10)) for side in (dry, wet))
    loud_db = float(np.quantile(dry_db, 0.95))
    is_playing = find_playing(dry, sample_rate)
    loud = dry_db > loud_db - 10
    wet_loud_db = float(np.median(wet_db[loud]))
    rest = wet_db[~is_playing]
    floor_db = float(np.median(rest)) if len(rest) >= 4 else -200.0
    sounding = is_playing & (dry_db > loud_db - 40)
    expected = wet_loud_db - np.maximum(float(np.median(dry_db[loud])) - dry_db, 0.0)
    closed = sounding & (wet_db < expected - _GATE_DB) & (wet_db < max(floor_db + 3, wet_loud_db - 60))
    seconds = float(np.count_nonzero(closed)) * _FRAME_SECONDS
    values: dict[str, Any] = {"missing_seconds": round(seconds, 2)}
    if seconds < 0.15:
        return Verdict("gate", "ok", "Wet sounds wherever dry does", values=values), closed
    first = float(np.flatnonzero(closed)[0]) * _FRAME_SECONDS
    threshold = float(np.median(dry_db[closed]))
    soft, hard = sounding & (dry_db <= threshold), sounding & (dry_db > threshold + 12)
    soft &= expected - _GATE_DB > floor_db  # where a closed gate would show
    values["is_gate"] = bool(closed[soft].mean() > 0.3 and hard.any() and closed[hard].mean() < 0.02)
    if values["is_gate"]:
        values["threshold_db"] = round(float(np.quantile(dry_db[closed], 0.9)), 1)
        message = (
            f"A noise gate closes where dry is below about {values['threshold_db']:.0f} dBFS: wet falls silent for "
            f"{seconds:.1f} s in all while dry still sounds, first at {first:.1f} s"
        )
        remedy = "switch the gate off for the capture and put it in front of the model when you play"
    else:
        message = f"Wet is silent for {seconds:.2f} s in all while dry sounds, first at {first:.1f} s"
        remedy = "switch noise gates off, and look for dropouts there"
    return Verdict("gate", "warn", message, remedy, values), closed


def _replicate(dry: Samples, wet: Samples, alignment: Alignment, sample_rate: int) -> Verdict:
    """Where dry repeats itself bit for bit: does wet?

    Two takes of one passage, each the device's answer plus its own noise, differ by twice the energy of that noise. So
    a model, which can only give the answer, errs by half of the takes' difference. A strict bound on both takes is a
    quarter, the error of their mean, which however is no model of any other playing.
    """
    if alignment.jumps or abs(alignment.drift_samples) > _STEADY_SAMPLES:
        return Verdict("replicate", "ok", "Not judged, as the lag changes")
    repeats = find_repeats(dry, round(_REPEAT_SECONDS * sample_rate))
    if not repeats:
        return Verdict("replicate", "ok", "Not judged, as nothing repeats bit for bit in dry")
    start = repeats[0].first_start
    offset = repeats[0].second_start - start
    end = start + repeats[0].num_frames
    start += int(np.flatnonzero(dry[start:end])[0])
    start += min(round(_MEMORY_SECONDS * sample_rate), (end - start) // 4)
    end -= round(0.01 * sample_rate)  # wet's last frames may answer to what comes next
    mean = float(np.mean(wet, dtype=np.float64))  # a constant offset is neither noise nor sound: models learn it
    once, again = wet[start:end].astype(np.float64) - mean, wet[start + offset : end + offset].astype(np.float64) - mean
    level = (rms(once) ** 2 + rms(again) ** 2) / 2
    if level < 1e-4 * spread(wet) ** 2:
        return Verdict("replicate", "ok", "Not judged, as the passage that repeats in dry is next to silent in wet")
    difference = again - once
    esr = rms(difference) ** 2 / level
    floor_db = power_to_db(esr / 2)
    _, by_level = _multiple(difference, once)  # a half where the takes have nothing in common
    later, by_lag = _delay(wet, start, end, offset, round(_MOVE_SECONDS * sample_rate))
    values: dict[str, Any] = {
        "replicate_esr": float(f"{esr:.3g}"),
        "esr_floor": float(f"{esr / 2:.3g}"),
        "first_seconds": round(start / sample_rate, 3),
        "second_seconds": round((start + offset) / sample_rate, 3),
        "seconds": round((end - start) / sample_rate, 3),
        "level_change_db": round(amplitude_to_db(rms(again)) - amplitude_to_db(rms(once)), 3),
        "lag_change_samples": round(later, 3),
    }
    message = f"Where dry repeats itself after {offset / sample_rate:.1f} s, wet "
    message += f"differs from its first take by {power_to_db(esr):.0f} dB" if esr > 1e-12 else "does so too"
    remedy = "look for what changes from take to take: modulation, reverb, loose contacts, or noise"
    if by_lag > _MOSTLY:
        message += f", mostly by coming {abs(later):.2f} samples {'later' if later > 0 else 'earlier'}"
        remedy = "record with a larger interface buffer, and dry and wet with one interface or on one clock"
    elif by_level > _MOSTLY:
        message += f", mostly in level ({values['level_change_db']:+.2f} dB)"
        remedy = "let the device warm up, and leave every knob alone while it plays"
    if floor_db > _FLOOR_WARN_DB:
        message += f", so no model comes below an ESR of about {values['esr_floor']:.2g}"
        return Verdict("replicate", "warn", message, remedy, values)
    if floor_db > _FLOOR_NOTE_DB:
        return Verdict("replicate", "note", message, values=values)
    return Verdict("replicate", "ok", message, values=values)


def _delay(wet: Samples, start: int, end: int, offset: int, reach: int) -> tuple[float, float]:
    """How many samples later than expected the second take comes, and which share of the difference that explains.

    The correlation's peak gives whole samples; to first order, what comes later by t differs by -t times its slope.
    """
    once = wet[start:end].astype(np.float64)
    reach = min(reach, start + offset, len(wet) - end - offset)
    around = wet[start + offset - reach : end + offset + reach].astype(np.float64)
    once, around = once - once.mean(), around - once.mean()
    whole = int(np.argmax(signal.correlate(around, once, mode="valid", method="fft")))
    difference = around[whole : whole + len(once)] - once
    part, _ = _multiple(difference, -np.gradient(once))
    total = rms(around[reach : reach + len(once)] - once)
    left = rms(difference + part * np.gradient(once))
    return whole - reach + part, 1 - (left / total) ** 2 if total > 0 else 0.0


def _multiple(whole: Doubles, part: Doubles) -> tuple[float, float]:
    """How often ``part`` is in ``whole``, and which share of the energy of ``whole`` that explains."""
    energy, total = float(np.dot(part, part)), float(np.dot(whole, whole))
    if energy <= 0 or total <= 0:
        return 0.0, 0.0
    product = float(np.dot(part, whole))
    return product / energy, product**2 / (energy * total)


def _products(dry: Samples, wet: Samples) -> tuple[float, float, float]:
    """Of dry and wet, of dry with itself and of wet with itself, summed, without constant offsets."""
    means = [float(np.mean(side, dtype=np.float64)) for side in (dry, wet)]
    sums = np.zeros(3)
    for x, y in zip(blocks(dry), blocks(wet), strict=True):
        x, y = x.astype(np.float64) - means[0], y.astype(np.float64) - means[1]
        sums += (np.dot(x, y), np.dot(x, x), np.dot(y, y))
    return float(sums[0]), float(sums[1]), float(sums[2])


def _identical(dry: Samples, wet: Samples, alignment: Alignment) -> Verdict:
    both, dry_energy, wet_energy = _products(dry, wet)
    gain = both / dry_energy if dry_energy > 0 else 0.0
    left = power_to_db(1 - gain * both / wet_energy) if wet_energy > 0 else 0.0
    values = {"difference_db": round(left, 1), "gain_db": round(amplitude_to_db(abs(gain)), 2)}
    if left < -70:
        by = "" if abs(abs(gain) - 1) < 1e-4 else f" but for a gain of {amplitude_to_db(abs(gain)):+.1f} dB"
        return Verdict(
            "identical",
            "stop",
            f"Wet equals dry{by}, so there is no effect to learn",
            "check that the wet track was recorded through the device and not bypassed",
            values,
        )
    if left < -40:
        return Verdict(
            "identical",
            "warn",
            f"Wet is dry with hardly any change (the difference is {-left:.0f} dB below it)",
            "check that the device was on",
            values,
        )
    message = f"Wet differs from dry (the best gain leaves an error {-left:.1f} dB below wet)"
    return Verdict("identical", "ok", message, values=values)


def _swapped(input: Audio, target: Audio, dry: Samples, wet: Samples, alignment: Alignment, closed: Mask) -> Verdict:
    """Does the wet file look like the device's input?

    Amplifiers and pedals play loud moments with less gain than soft ones. So the better linear prediction of wet from
    dry overshoots where it is large; with the files swapped, the prediction falls short. A linear device shows neither,
    whatever its tone, since only the gain for large against small predictions counts. Where a gate is ``closed``, and
    around, does not count: gates expand.
    """
    if alignment.jumps or abs(alignment.drift_samples) > 8:
        return Verdict("swapped", "ok", "Not judged, as the lag changes")
    if alignment.order == 2 or alignment.confidence < _SURE:
        return Verdict("swapped", "ok", "Not judged, as wet does not follow the waveform of dry")
    excerpt = min(len(dry), 20 * input.sample_rate)
    start = (len(dry) - excerpt) // 2
    x, y = (side[start : start + excerpt] - np.float32(np.mean(side, dtype=np.float64)) for side in (dry, wet))
    length = round(_FRAME_SECONDS * input.sample_rate)
    shut = np.append(ndimage.binary_dilation(closed, iterations=3) if closed.any() else closed, False)
    is_open = ~shut[np.minimum(np.arange(start, start + excerpt) // length, len(shut) - 1)]
    if np.count_nonzero(is_open) < input.sample_rate:
        return Verdict("swapped", "ok", "Not judged, as wet is silent most of the time")
    forward, backward = _expansion_db(x, y, is_open), _expansion_db(y, x, is_open)
    values = {"wet_from_dry_db": round(forward, 2), "dry_from_wet_db": round(backward, 2)}
    is_gated = closed.any()
    if forward > 1.5 and backward < -1.5 and not is_gated:
        return Verdict(
            "swapped",
            "stop",
            f"The files look swapped: from dry to wet, loud moments gain {forward:.1f} dB more than soft ones, "
            f"and the other way {-backward:.1f} dB less, as through a device",
            "give the direct signal first and the processed one second",
            values,
        )
    wrong_names = _sounds_like(input.path, _WET_WORDS) and _sounds_like(target.path, _DRY_WORDS)
    limit = 1.5 if is_gated else 0.75
    if wrong_names or (forward > limit and backward < -limit):
        return Verdict(
            "swapped",
            "warn",
            "The file names say that wet was given first" if wrong_names else "Loud moments gain more than soft ones",
            "if the files are swapped, give the direct signal first and the processed one second",
            values,
        )
    message = f"Loud moments gain {forward:+.1f} dB against soft ones" if forward < -0.5 else "Nothing points to a swap"
    return Verdict("swapped", "ok", message, values=values)


def looks_like_input_of(one: Samples, other: Samples, sample_rate: int) -> bool:
    """Whether ``one`` is what went into a device and ``other`` what came out, by the level of loud and soft moments."""
    alignment = estimate_alignment(one, other, sample_rate)
    if alignment.confidence < _SURE:
        return False
    x, y = apply_lag(one, other, alignment.main_tap_samples)
    return _expansion_db(x, y) < -0.75 and _expansion_db(y, x) > 0.75


_DRY_WORDS = frozenset({"dry", "di", "direct", "input", "clean"})
_WET_WORDS = frozenset({"wet", "amp", "amped", "reamp", "reamped", "output", "target", "processed"})


def _sounds_like(path: Path | None, words: frozenset[str]) -> bool:
    return path is not None and not words.isdisjoint(re.split(r"[^a-z]+", path.stem.lower()))


def _expansion_db(source: Samples, result: Samples, counts: Mask | None = None) -> float:
    """Gain of large linear predictions of ``result`` from ``source`` over that of small ones, where ``counts``."""
    before, taps = 64, 576
    size = fft.next_fast_len(len(source) + taps, real=True)
    x, y = fft.rfft(source.astype(np.float64), size), fft.rfft(result.astype(np.float64), size)
    auto = fft.irfft(np.square(np.abs(x)), size)[:taps]
    if auto[0] <= 0:
        return 0.0
    auto[0] *= 1 + 1e-4
    cross = np.roll(fft.irfft(np.conj(x) * y, size), before)[:taps]
    filter = linalg.solve_toeplitz(auto, cross)
    response = fft.rfft(np.roll(np.pad(filter, (0, size - taps)), -before))
    predicted: Doubles = fft.irfft(x * response, size)[: len(source)]
    del x, y, response
    if counts is not None:
        predicted, result = predicted[counts], result[counts]
    magnitude = np.abs(predicted)
    scale = rms(predicted)
    large = magnitude > min(2.5 * scale, float(np.quantile(magnitude, 0.99)))
    small = (magnitude > 0.1 * scale) & (magnitude < scale)
    gains = []
    for part in (large, small):
        energy = float(np.sum(np.square(predicted[part])))
        gains.append(float(np.sum(predicted[part] * result[part])) / energy if energy > 0 else 1.0)
    return amplitude_to_db(max(gains[0], 1e-3)) - amplitude_to_db(max(gains[1], 1e-3))
