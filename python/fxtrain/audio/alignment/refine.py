# SPDX-License-Identifier: MIT
"""Steps 2 to 4 on the blocks of the scan: lag to the sample, polarity, drift and jumps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fxtrain.audio.alignment.course import JUMP_SAMPLES, follow_course, median_slope
from fxtrain.audio.alignment.emphasis import Doubles, Emphasised
from fxtrain.audio.alignment.result import Alignment, LagJump
from fxtrain.audio.alignment.scan import Track
from fxtrain.audio.alignment.windows import TAPS_AFTER, TAPS_BEFORE, Linear, Windows

__all__ = ["refine"]

_MATCH_HEIGHT = 6.0  # of a window's peak against its correlation's standard deviation, to believe a lag far from others
_AS_GOOD = 0.98  # of what the windows' own lags explain, the simple answer must explain to be taken
_MAX_DRIFT = 1.2e-4  # clocks of interfaces differ by 100 parts per million at most
_MUCH_BETTER = 0.85  # of what a lag that jumps once explains, one that does not must explain, or it is taken to jump
_MAX_TURNS = 4


def refine(dry: Emphasised, wet: Emphasised, sample_rate: int, track: Track) -> Alignment:
    """Steps 2 and 3: lag to the sample, polarity, drift and jumps."""
    scale = max(1.0, sample_rate / 48000)
    before, after = round(TAPS_BEFORE * scale), round(TAPS_AFTER * scale)
    windows = Windows(dry, wet, sample_rate, offset=int(track.lags[track.clearest]), room=8 * before + after)
    if not windows.sounding.any():
        return Alignment(0, 1, 0.0, 0.0)
    nearest = np.abs(windows.centres[:, None] - track.centres).argmin(axis=1)
    # The filter from the clearest block's windows finds the lags of the others; the filter from all finds them again.
    # The first may be late by as much as the scan's filter is long; from then on it is centred on its largest tap.
    lags = track.lags[nearest].astype(np.float64)
    trusted = windows.sounding & (nearest == track.clearest)
    if not trusted.any():
        trusted = windows.sounding
    linear = windows.fit(np.rint(lags).astype(np.int64), trusted, before=4 * before, after=after)
    lags += linear.main
    for _ in range(_MAX_TURNS):
        shifts = np.rint(lags).astype(np.int64)
        linear = windows.fit(shifts, trusted, before=before, after=after)
        offsets, heights = windows.match(shifts, linear)
        trusted = windows.sounding & ((heights > _MATCH_HEIGHT) | (np.abs(offsets) < JUMP_SAMPLES))
        if not trusted.any():
            return Alignment(round(float(np.median(lags))) + linear.main, linear.polarity, 0.0, 0.0)
        lags = shifts + offsets
        # A window that tells nothing takes after its neighbours, and may tell something in the next turn.
        lags = np.interp(windows.centres, windows.centres[trusted], lags[trusted])
        if np.all(np.abs(lags - shifts)[windows.sounding] < 0.6):
            break

    course = follow_course(windows.centres[trusted], lags[trusted])
    moving = Alignment(
        lag_samples=course.lag + min(linear.onset, linear.main),
        polarity=linear.polarity,
        confidence=track.confidence * float(windows.energies[trusted].sum() / windows.energies.sum()),
        drift_samples=course.slope * len(dry),
        jumps=tuple(
            LagJump(jump.after / sample_rate, jump.before / sample_rate, jump.samples, jump.steady)
            for jump in course.jumps
        ),
        main_tap_samples=course.lag + linear.main,
        explained=linear.explained,
    )
    simple = _simple(windows, track, moving.main_tap_samples, len(dry), before=before, after=after)
    tracked = windows.fit(np.rint(lags).astype(np.int64), windows.sounding, before=before, after=after)
    moves = bool(moving.jumps) or abs(moving.drift_samples) > JUMP_SAMPLES
    needed = tracked.explained * (_AS_GOOD if moves else 1 / _AS_GOOD)
    return simple if simple.explained > needed and simple.confidence > 0.9 * moving.confidence else moving


def _simple(windows: Windows, track: Track, main: int, num_frames: int, *, before: int, after: int) -> Alignment:
    """The simplest lag that explains the windows best: one that grows by the same amount every second, or stays; or, if
    that explains a good deal more, one that jumps once.

    Where it lies is asked of all windows together, so that none has to be sure of its own. Searched for around
    ``main``, the clearest block's lag, and the middle one of all blocks.
    """
    seeds: list[int] = []
    for lag in (main, int(track.lags[track.clearest]), int(np.median(track.lags))):
        if all(abs(lag - seed) > windows.reach // 8 for seed in seeds):  # else a trace about the one sees the other
            seeds.append(lag)
    _, line, step, late = max((windows.trace(seed, _MAX_DRIFT * num_frames) for seed in seeds), key=lambda t: t[0])
    whole = np.zeros(len(line), dtype=bool)
    lags, linear = _refined(windows, line, whole, before=before, after=after)
    jumped, halves = _refined(windows, step, late, before=before, after=after)
    own = ~whole  # the windows of the longest stretch
    slope = median_slope(windows.centres[own], lags[own])
    jumps: tuple[LagJump, ...] = ()
    if halves.explained * _MUCH_BETTER > linear.explained:
        lags, linear = jumped, halves
        own = late == (np.count_nonzero(late) > len(late) / 2)
        slope = median_slope(windows.centres[own], lags[own])
        at = int(np.flatnonzero(late)[0])
        last, first = (windows.centres[at - 1 : at + 1] / windows.sample_rate).tolist()
        change = float(lags[at] - lags[at - 1] - slope * (windows.centres[at] - windows.centres[at - 1]))
        jumps = (LagJump(last, first, change, steady=True),) if abs(change) > JUMP_SAMPLES else ()
    offsets, _ = windows.match(np.rint(lags).astype(np.int64), linear)
    agreeing = windows.sounding & (np.abs(offsets) < JUMP_SAMPLES)
    middle = float(windows.centres[own].mean()) if jumps else num_frames / 2
    lag = round(float(np.median(lags[own] + slope * (middle - windows.centres[own]))))
    return Alignment(
        lag_samples=lag + min(linear.onset, linear.main),
        polarity=linear.polarity,
        confidence=track.confidence * float(windows.energies[agreeing].sum() / windows.energies.sum()),
        drift_samples=slope * num_frames,
        jumps=jumps,
        main_tap_samples=lag + linear.main,
        explained=linear.explained,
    )


def _refined(
    windows: Windows, lags: Doubles, late: npt.NDArray[np.bool_], *, before: int, after: int
) -> tuple[Doubles, Linear]:
    """A line, or two of one slope before and after a jump, brought to the middle of what the windows near it say."""
    lags = lags.copy()
    for _ in range(_MAX_TURNS):
        shifts = np.rint(lags).astype(np.int64)
        linear = windows.fit(shifts, windows.sounding, before=before, after=after)
        offsets, _ = windows.match(shifts, linear)
        near = windows.sounding & (np.abs(offsets) < 2 * JUMP_SAMPLES)
        moved = lags.copy()
        longest = near & (late == (np.count_nonzero(late) > len(late) / 2))
        slope = median_slope(windows.centres[longest], (shifts + offsets)[longest])
        for side in (late, ~late):
            if np.any(near & side):
                level = np.median((shifts + offsets - slope * windows.centres)[near & side])
                lags[side] = level + slope * windows.centres[side]
        if np.all(np.abs(lags - moved) < 0.6):
            break
    last = np.rint(lags).astype(np.int64)
    if not np.array_equal(last, shifts):
        linear = windows.fit(last, windows.sounding, before=before, after=after)
    return lags, linear
