# SPDX-License-Identifier: MIT
"""Recordings whose clocks differ: what the drift costs, and how it is removed."""

from __future__ import annotations

import math

import numpy as np
from scipy.signal import welch

from fxtrain.audio.alignment.course import JUMP_SAMPLES
from fxtrain.audio.alignment.emphasis import Emphasised, Samples
from fxtrain.audio.alignment.estimate import estimate_alignment
from fxtrain.audio.alignment.result import Alignment
from fxtrain.audio.alignment.windows import TAPS_AFTER, TAPS_BEFORE, Windows
from fxtrain.audio.levels import blocks
from fxtrain.audio.resampling import resample

__all__ = ["drift_floor", "match_clock", "remove_drift"]

_LEAST_DRIFT = 0.2  # samples; the estimate's own error is about a tenth
_DRIFT_SPREAD = 0.1  # of a drift, by which the lags may still vary once it is removed
_LEAST_SPREAD = 0.15  # samples
_CLOCK_UNIT = 1e6


def drift_floor(target: Samples, drift_samples: float) -> float:
    """The least ESR of a model of a device whose recording drifts steadily.

    A model has one lag. The best it can do for a component at angular frequency w is the mean over all lags, which lie
    evenly within the drift d: the mean of exp(i w t) for t from -d/2 to d/2 is sinc(w d / 2), and 1 - sinc^2 of the
    component's energy is left.

    >>> round(drift_floor(np.sin(0.1 * np.arange(48000)).astype(np.float32), 6.0), 4)  # 1 - (sin(0.3) / 0.3)^2
    0.0296
    """
    length = max(1, min(8192, len(target)))
    frequencies = 2 * np.pi * np.fft.rfftfreq(length)
    power = np.zeros(len(frequencies))
    for block in blocks(target):
        if len(block) >= length:
            power += len(block) * welch(block, fs=2 * np.pi, nperseg=length)[1]
    total = float(power.sum())
    kept = np.sinc(frequencies * drift_samples / (2 * np.pi)) ** 2  # numpy's sinc has pi in it
    return max(0.0, 1 - float(np.sum(power * kept)) / total) if total > 0 else 0.0


def match_clock(target: Samples, clock: float) -> Samples:
    """The target as the input's recorder would have written it, at its own clock.

    Args:
        target: the wet recording.
        clock: frames that its recorder wrote while the input's wrote one.
    """
    return target if clock == 1.0 else resample(target, _CLOCK_UNIT * clock, _CLOCK_UNIT)


def remove_drift(input: Samples, target: Samples, sample_rate: int, alignment: Alignment) -> tuple[float, Alignment]:
    """The clock of the target's recorder against the input's, and the alignment once both are the same.

    The drift is only believed if one filter for the whole recording explains more of the target without it.

    Args:
        input: the dry recording.
        target: the wet one.
        sample_rate: of both, in Hz.
        alignment: of the two, with a steady drift.

    Returns:
        What :func:`match_clock` takes, and the alignment with its result; 1 and ``alignment`` where nothing is gained.
    """
    clock, found = 1.0, alignment
    for _ in range(3):
        if found.jumps or abs(found.drift_samples) < _LEAST_DRIFT:
            break
        clock *= 1 + found.drift_samples / len(input)
        found = estimate_alignment(input, match_clock(target, clock), sample_rate)
    if clock == 1.0 or found.jumps or abs(found.drift_samples) > max(0.1 * abs(alignment.drift_samples), _LEAST_DRIFT):
        return 1.0, alignment
    straight = match_clock(target, clock)
    before, _ = _at_one_lag(input, target, sample_rate, alignment.main_tap_samples)
    after, spread = _at_one_lag(input, straight, sample_rate, found.main_tap_samples)
    # Samples that were lost somewhere, straightened, would leave a saw tooth of a quarter of their number.
    is_steady = spread < max(_DRIFT_SPREAD * abs(alignment.drift_samples), _LEAST_SPREAD)
    return (clock, found) if after > before and is_steady else (1.0, alignment)


def _at_one_lag(input: Samples, target: Samples, sample_rate: int, lag: int) -> tuple[float, float]:
    """What one filter at one lag explains of the target, and how far the windows' own lags spread about it (RMS)."""
    scale = max(1.0, sample_rate / 48000)
    before, after = round(TAPS_BEFORE * scale), round(TAPS_AFTER * scale)
    dry, wet = Emphasised(input, sample_rate), Emphasised(target, sample_rate)
    windows = Windows(dry, wet, sample_rate, offset=lag, room=8 * before + after)
    shifts = np.full(len(windows.centres), lag, dtype=np.int64)
    linear = windows.fit(shifts, windows.sounding, before=before, after=after)
    offsets, _ = windows.match(shifts, linear)
    near = windows.sounding & (np.abs(offsets) < JUMP_SAMPLES)
    spread = float(np.std(offsets[near])) if near.any() else math.inf
    return linear.explained, spread
