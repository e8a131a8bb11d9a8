# SPDX-License-Identifier: MIT
"""What wet holds beside the device's answer to dry: noise and hum in pauses, and a gate that takes the answer away."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft, linalg

from fxtrain.audio.checks.verdict import FLOOR_NOTE_DB, FLOOR_WARN_DB, Verdict
from fxtrain.audio.decibels import amplitude_to_db, power_to_db
from fxtrain.audio.levels import find_playing, frame_spread, hum, spread

__all__ = ["FRAME_SECONDS", "check_gate", "check_noise"]

Samples = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
FRAME_SECONDS = 0.05
_PAUSE_DB = -50.0  # of the dry signal, against its loud frames
_UNEXPLAINED_SECONDS = 0.4  # of pause, to see whether wet's noise follows dry's
_FOLLOWS = 0.5  # share of wet's noise that does not, below which it is said to follow
_GATE_DB = 15.0  # below what a device of constant gain gives


def check_noise(dry: Samples, wet: Samples, sample_rate: int, *, rings: str = "") -> Verdict:
    """The wet signal's level where the dry one pauses; below that no model's error can come.

    Constant offsets do not count, nor does what follows dry's own noise and hum: a model makes both.
    """
    length = round(FRAME_SECONDS * sample_rate)
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
            {"pause_seconds": round(float(np.count_nonzero(rest)) * FRAME_SECONDS, 2)},
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
        "pause_seconds": round(float(np.count_nonzero(rest)) * FRAME_SECONDS, 2),
    }
    mains, share = hum(quiet[1], sample_rate)
    what = f"mains hum of {mains} Hz" if mains else "noise"
    values |= {"hum_hz": mains, "hum_share": round(share, 3)}
    message = f"In pauses wet still has {what} at {amplitude_to_db(floor):.0f} dBFS"
    if left < _FOLLOWS:
        message += f", which follows dry but for the part {-below:.0f} dB below the playing"
    else:
        message += f", {-below:.0f} dB below the playing"
    if rings and below > FLOOR_NOTE_DB:
        return Verdict("noise", "note", f"The noise cannot be measured, as pauses are full of {rings}", values=values)
    if below > FLOOR_WARN_DB:
        message += f", so no model comes below an ESR of {values['esr_floor']:.2g}"
        remedy = "turn the gain of the device or of the recording down"
        if mains:
            remedy = "turn away from transformers and use balanced cables"
        return Verdict("noise", "warn", message, remedy, values)
    if below > FLOOR_NOTE_DB or (mains and below > -60):
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


def check_gate(dry: Samples, wet: Samples, sample_rate: int) -> tuple[Verdict, Mask]:
    """Does wet fall silent while dry still sounds? And in which stretches of 50 ms.

    A device gives soft moments the gain of loud ones or more. Silent is what lies 15 dB below that, and at the level of
    wet's own noise or far below the playing. If that happens to soft moments only, it is a gate.
    """
    length = round(FRAME_SECONDS * sample_rate)
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
    seconds = float(np.count_nonzero(closed)) * FRAME_SECONDS
    values: dict[str, Any] = {"missing_seconds": round(seconds, 2)}
    if seconds < 0.15:
        return Verdict("gate", "ok", "Wet sounds wherever dry does", values=values), closed
    first = float(np.flatnonzero(closed)[0]) * FRAME_SECONDS
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
