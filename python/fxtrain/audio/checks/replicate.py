# SPDX-License-Identifier: MIT
"""What changes from take to take: where dry repeats itself bit for bit, does wet?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import signal

from fxtrain.audio.alignment import Alignment
from fxtrain.audio.checks.verdict import FLOOR_NOTE_DB, FLOOR_WARN_DB, Verdict
from fxtrain.audio.decibels import amplitude_to_db, power_to_db
from fxtrain.audio.levels import rms, spread
from fxtrain.audio.repeats import find_repeats

__all__ = ["check_replicate"]

Samples = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
_REPEAT_SECONDS = 1.0  # shorter passages do not count
_MEMORY_SECONDS = 1.0  # a repeated passage is judged from here on: sag and bias recover within about that time
_MOVE_SECONDS = 0.05  # by so much more or less than in dry, a second take in wet may come later
_MOSTLY = 2 / 3  # share of two takes' difference from which on it is put down to one cause
_STEADY_SAMPLES = 3.0  # drift beyond which passages cannot be compared; from there on, the drift is a note of its own


def check_replicate(dry: Samples, wet: Samples, alignment: Alignment, sample_rate: int) -> Verdict:
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
    if floor_db > FLOOR_WARN_DB:
        message += f", so no model comes below an ESR of about {values['esr_floor']:.2g}"
        return Verdict("replicate", "warn", message, remedy, values)
    if floor_db > FLOOR_NOTE_DB:
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
