# SPDX-License-Identifier: MIT
"""Each recording by itself: level, clipping, offset, channels, format, rate and length."""

from __future__ import annotations

from typing import Any

import numpy as np

from fxtrain.audio.alignment import Alignment
from fxtrain.audio.checks.verdict import SURE, Level, Verdict
from fxtrain.audio.decibels import amplitude_to_db
from fxtrain.audio.files import Audio
from fxtrain.audio.levels import PLAYING_FRAME_SECONDS, clipped_runs, find_playing, idle_stretches, peak, rms

__all__ = [
    "MAX_DIFFERENCE_SECONDS",
    "check_channels",
    "check_clipping",
    "check_dc",
    "check_format",
    "check_length",
    "check_level",
    "check_rate",
    "check_silence",
    "name_of",
]

_SOFT_PEAK_DB, _SOFTEST_PEAK_DB = -24.0, -40.0  # the levels are brought up, and with them the noise
_MIN_SECONDS = 1.0
_FEW_SECONDS = 30.0
MAX_DIFFERENCE_SECONDS = 2.0
"""Between the lengths of files whose lag is not certain."""
_IDLE_SECONDS = 3.0  # pauses that are longer belong no more to the music
_IDLE_END_SHARE = 0.05  # of the recording, without playing at its start or end: half of a part that judges the model


def name_of(audio: Audio) -> str:
    """For a sentence: the file it is from."""
    return str(audio.path) if audio.path else "The recording"


def check_silence(input: Audio, target: Audio) -> Verdict:
    """Is there playing, and where is none?"""
    peaks = {"dry": amplitude_to_db(peak(input.samples)), "wet": amplitude_to_db(peak(target.samples))}
    values = {f"{side}_peak_db": round(value, 1) for side, value in peaks.items()}
    for side, audio in (("dry", input), ("wet", target)):
        if peaks[side] < -80.0:
            loudest = "holds only zeros" if peaks[side] <= -200 else f"never rises above {peaks[side]:.0f} dBFS"
            return Verdict(
                "silence",
                "stop",
                f"The {side} file {name_of(audio)} is silent (it {loudest}; at least -40 dBFS is expected)",
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


def check_rate(input: Audio, target: Audio) -> Verdict:
    """Have both the same sample rate, and is it high enough?"""
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


def check_length(input: Audio, target: Audio, alignment: Alignment | None) -> Verdict:
    """Are both of one length, and long enough?"""
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
    if difference > MAX_DIFFERENCE_SECONDS and alignment is not None and alignment.confidence >= SURE:
        lag = alignment.main_tap_samples
        frames = min(input.num_frames - max(-lag, 0), target.num_frames - max(lag, 0))
        shorter = frames / input.sample_rate
        if shorter >= _MIN_SECONDS:
            values["overlap_seconds"] = round(shorter, 3)
            level: Level = "warn" if shorter < _FEW_SECONDS else "note"
            message = f"The files differ by {difference:.1f} s; only the {shorter:.1f} s that both hold are used"
            return Verdict("length", level, message, "export both over the same range", values)
    if difference > MAX_DIFFERENCE_SECONDS:
        return Verdict(
            "length",
            "stop",
            f"The dry file is {input.seconds:.2f} s long but the wet file {target.seconds:.2f} s, "
            f"where at most {MAX_DIFFERENCE_SECONDS:.0f} s of difference is expected",
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


def check_format(input: Audio, target: Audio) -> Verdict:
    """Is the coding lossless, and the file whole?"""
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


def check_channels(input: Audio, target: Audio) -> Verdict:
    """Which channels were used?"""
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


def check_level(input: Audio, target: Audio) -> Verdict:
    """Is the recording loud enough?"""
    peaks = {"dry": amplitude_to_db(peak(input.samples)), "wet": amplitude_to_db(peak(target.samples))}
    values = {f"{side}_peak_db": round(value, 2) for side, value in peaks.items()}
    sides = (("dry", input), ("wet", target))
    values |= {f"{side}_rms_db": round(amplitude_to_db(rms(audio.samples)), 2) for side, audio in sides}
    for side, value in peaks.items():
        if value < _SOFT_PEAK_DB:
            return Verdict(
                "level",
                "warn" if value < _SOFTEST_PEAK_DB else "note",
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


def check_clipping(input: Audio, target: Audio) -> Verdict:
    """Do samples stay at the ceiling?"""
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


def check_dc(input: Audio, target: Audio) -> Verdict:
    """Is there a constant offset?"""
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
