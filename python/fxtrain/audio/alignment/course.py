# SPDX-License-Identifier: MIT
"""The lag over time: steady drift, and jumps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fxtrain.audio.alignment.emphasis import Doubles

__all__ = ["JUMP_SAMPLES", "follow_course", "median_slope"]

JUMP_SAMPLES = 4.0


@dataclass(frozen=True)
class _Jump:
    """A sudden change between two moments in frames."""

    after: float
    before: float
    samples: float
    steady: bool


@dataclass(frozen=True)
class _Course:
    """The lag over time: its value in the middle of the longest stretch, its slope there, and the jumps."""

    lag: int
    slope: float
    jumps: list[_Jump]


def follow_course(times: Doubles, lags: Doubles) -> _Course:
    """Tells steady drift from sudden jumps in the windows' lags; one strange window is neither."""
    if len(lags) < 2:
        return _Course(round(float(np.median(lags))), 0.0, [])
    spans, rises = np.diff(times), np.diff(lags)
    excess = rises - float(np.median(rises / spans)) * spans
    limit = max(JUMP_SAMPLES, 8 * float(np.median(np.abs(excess))))
    stretches = [0]
    position = 0
    while position < len(rises):
        end = position
        while end < len(rises) and abs(excess[end]) > limit:
            end += 1  # neighbouring steps are one jump
        if end > position:
            old, new = lags[max(stretches[-1], position - 2) : position + 1], lags[end : end + 3]
            if len(old) >= 2 and len(new) >= 2 and abs(np.median(new) - np.median(old)) > limit:
                stretches.append(end)
            position = end
        else:
            position += 1
    bounds = [*stretches, len(lags)]
    longest = int(np.argmax(np.diff(bounds)))
    own = slice(bounds[longest], bounds[longest + 1])
    slope = median_slope(times[own], lags[own])
    middle = float(np.mean(times[own][[0, -1]]))
    lag = round(float(np.median(lags[own] - slope * (times[own] - middle))))
    jumps = []
    for before, start, end in zip(bounds, bounds[1:], bounds[2:], strict=False):
        old, new = lags[before:start], lags[start:end]
        spread = max(float(np.median(np.abs(part - np.median(part)))) for part in (old, new))
        steady = min(len(old), len(new)) >= 3 and spread < 1.0
        change = float(np.median(new) - np.median(old))
        if abs(change) > JUMP_SAMPLES:
            jumps.append(_Jump(float(times[start - 1]), float(times[start]), change, steady))
    return _Course(lag, slope, jumps)


def median_slope(times: npt.NDArray[np.floating], values: npt.NDArray[np.floating]) -> float:
    """Median of the slopes between all pairs (Theil-Sen): a quarter of the values may be wild."""
    first, second = np.triu_indices(len(values), 1)
    if len(first) == 0:
        return 0.0
    return float(np.median((values[second] - values[first]) / (times[second] - times[first])))
