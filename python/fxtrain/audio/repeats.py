# SPDX-License-Identifier: MIT
"""Where a recording repeats itself or another one bit for bit, as loops in a DAW and passages of test signals do.

Windows of half the least length are compared by a hash that does not depend on where they begin: a sum of hashes of
neighbouring samples, so that one array of running sums gives that of every window. A stretch of the least length holds
one window of a grid whole, wherever it begins; so only the grid's windows are looked for, among all. What the hash
finds is compared sample by sample, and grown as far as it goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Repeat", "find_copies", "find_repeats", "joined_stretches"]

Samples = npt.NDArray[np.float32]
Hashes = npt.NDArray[np.uint64]

_CHUNK = 1 << 20  # frames looked at together: bounds the memory besides the running sums
_CHANGING = 1 / 16  # share of a window's frames that differ from the one before, or it is silent or nearly so
_TABLE_BITS = 16


@dataclass(frozen=True)
class Repeat:
    """Two stretches of equal samples that do not overlap.

    Attributes:
        first_start: frame at which the earlier begins.
        second_start: frame at which the later begins.
        num_frames: length of each.
    """

    first_start: int
    second_start: int
    num_frames: int


def find_repeats(samples: Samples, min_frames: int) -> list[Repeat]:
    """All that comes again, sample for sample.

    Silence, and what repeats within half of ``min_frames`` such as a steady tone, is no repeat by itself; silence at
    the ends of one belongs to it, but does not count towards its length.

    Args:
        samples: shape ``(frames,)``.
        min_frames: least length; a second, say.

    Returns:
        Longest first, of equally long ones those farthest apart. Of a passage that comes n times there are n - 1; none
        of the later stretches overlaps another that is listed.
    """
    samples = np.ascontiguousarray(samples, dtype=np.float32)
    window = min_frames // 2
    if window < 2 or len(samples) < 2 * min_frames:
        return []
    hashes = _WindowHashes(samples, window)
    matches = ((first, second) for first, second in _matches(hashes, _worth_looking_for(hashes)) if first < second)
    repeats = [
        # What is longer than its offset repeats more than once, and the stretches would overlap.
        Repeat(start, start + offset, min(end - start, offset))
        for offset, stretches in _equal_stretches(samples, samples, matches, window).items()
        for start, end in stretches
    ]
    return _without_overlaps(samples, repeats, min_frames)


def find_copies(passages: Samples, samples: Samples, min_frames: int) -> list[tuple[int, int]]:
    """The stretches of ``samples`` that are also in ``passages``, sample for sample.

    What counts as a copy is what counts as a repeat in :func:`find_repeats`.

    Args:
        passages: what to look for, shape ``(frames,)``.
        samples: where to look, shape ``(frames,)``.
        min_frames: least length; a second, say.

    Returns:
        First and one-past-last frame of each stretch of ``samples``, in order, without overlaps.
    """
    passages, samples = (np.ascontiguousarray(side, dtype=np.float32) for side in (passages, samples))
    window = min_frames // 2
    if window < 2 or min(len(passages), len(samples)) < min_frames:
        return []
    grid = _worth_looking_for(_WindowHashes(passages, window))
    matches = _matches(_WindowHashes(samples, window), grid)
    found = []
    for offset, stretches in _equal_stretches(passages, samples, matches, window).items():
        for start, end in stretches:
            sounding = np.flatnonzero(passages[start:end])
            if len(sounding) > 0 and sounding[-1] - sounding[0] + 1 >= min_frames:
                found.append((start + offset, end + offset))
    return joined_stretches(found)


def joined_stretches(stretches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same in order, with those that touch or overlap as one.

    >>> joined_stretches([(5, 8), (0, 2), (2, 3), (7, 9)])
    [(0, 3), (5, 9)]
    """
    joined: list[tuple[int, int]] = []
    for start, end in sorted(stretches):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined


class _WindowHashes:
    """Hashes of all windows of a recording, a stretch of it at a time.

    That of a window is the sum, modulo 2^64, of a hash of each but its first sample with its predecessor.
    """

    def __init__(self, samples: Samples, window: int) -> None:
        self.samples = samples
        self.window = window
        self._first = self._last = 0
        self._sums = np.zeros(1, dtype=np.uint64)  # entry i is the sum of the frames before ``_first + i``

    def of(self, start: int, end: int) -> Hashes:
        """Of the windows that begin at the frames from ``start`` up to ``end``."""
        if start < self._first or end + self.window > self._last:
            self._first = start
            self._last = min(max(end, start + _CHUNK) + self.window, len(self.samples))
            self._sums = self._running_sums()
        at, count = start - self._first, end - start
        hashes: Hashes = self._sums[at + self.window :][:count] - self._sums[at + 1 :][:count]
        return hashes

    def _running_sums(self) -> Hashes:
        before = max(self._first - 1, 0)
        part = self.samples[before : self._last] + np.float32(0)  # makes -0 the 0 that it equals
        bits = part.view(np.uint32).astype(np.uint64)
        mixed = bits[1:] | (bits[:-1] << np.uint64(32))
        # The finaliser of MurmurHash3, which spreads every bit over all.
        for shift, factor in ((33, 0xFF51AFD7ED558CCD), (33, 0xC4CEB9FE1A85EC53)):
            mixed ^= mixed >> np.uint64(shift)
            mixed *= np.uint64(factor)
        mixed ^= mixed >> np.uint64(33)
        sums = np.zeros(self._last - self._first + 1, dtype=np.uint64)
        sums[len(sums) - len(mixed) :] = mixed  # the recording's first sample has no predecessor
        return np.cumsum(sums, out=sums)


def _worth_looking_for(hashes: _WindowHashes) -> dict[int, list[int]]:
    """The grid's windows that neither rest nor repeat themselves within their own length: frames by hash."""
    samples, window = hashes.samples, hashes.window
    grid: dict[int, list[int]] = {}
    last = len(samples) - window
    for frame in range(0, last + 1, window):
        part = samples[frame : frame + window]
        if np.count_nonzero(part[1:] != part[:-1]) < _CHANGING * window:
            continue
        begin = max(frame - window, 0)
        around = hashes.of(begin, min(frame + window, last) + 1)
        own = around[frame - begin]
        if np.count_nonzero(around == own) == 1:
            grid.setdefault(int(own), []).append(frame)
    return grid


def _matches(hashes: _WindowHashes, grid: dict[int, list[int]]) -> Iterator[tuple[int, int]]:
    """Frames of the grid, and those at which windows of the same hash begin."""
    if not grid:
        return
    wanted = np.array(sorted(grid), dtype=np.uint64)
    mask = np.uint64((1 << _TABLE_BITS) - 1)
    table = np.zeros(1 << _TABLE_BITS, dtype=np.bool_)  # most windows are ruled out by their low bits
    table[wanted & mask] = True
    end = len(hashes.samples) - hashes.window + 1
    for start in range(0, end, _CHUNK):
        found = hashes.of(start, min(start + _CHUNK, end))
        likely = np.flatnonzero(table[found & mask])
        for index in likely[np.isin(found[likely], wanted)]:
            yield from ((first, start + int(index)) for first in grid[int(found[index])])


def _equal_stretches(
    one: Samples, other: Samples, matches: Iterable[tuple[int, int]], window: int
) -> dict[int, list[tuple[int, int]]]:
    """By offset: the stretches of ``one`` that equal what comes so much later in ``other``."""
    equal: dict[int, list[tuple[int, int]]] = {}
    for first, second in matches:
        known = equal.setdefault(second - first, [])
        if not any(start <= first < end for start, end in known):
            known.append(_grow(one, other, first, second, window))
    return equal


def _grow(one: Samples, other: Samples, first: int, second: int, window: int) -> tuple[int, int]:
    """The equal stretch around a match, by its start and end in ``one``; empty where only the hashes agree."""
    offset = second - first
    if not np.array_equal(one[first : first + window], other[second : second + window]):
        return first, first
    start, end = first, first + window
    lowest, highest = max(0, -offset), min(len(one), len(other) - offset)
    step = 4 * window
    while end < highest:
        stop = min(end + step, highest)
        differ = np.flatnonzero(one[end:stop] != other[end + offset : stop + offset])
        end = end + int(differ[0]) if len(differ) else stop
        if len(differ):
            break
    while start > lowest:
        stop = max(start - step, lowest)
        differ = np.flatnonzero(one[stop:start] != other[stop + offset : start + offset])
        start = stop + int(differ[-1]) + 1 if len(differ) else stop
        if len(differ):
            break
    return start, end


def _without_overlaps(samples: Samples, repeats: list[Repeat], min_frames: int) -> list[Repeat]:
    repeats.sort(key=lambda repeat: (-repeat.num_frames, repeat.first_start - repeat.second_start, repeat.first_start))
    kept: list[Repeat] = []
    taken: list[tuple[int, int]] = []
    for repeat in repeats:
        if repeat.num_frames < min_frames:
            break
        begin, end = repeat.second_start, repeat.second_start + repeat.num_frames
        if any(begin < stop and start < end for start, stop in taken):
            continue
        sounding = np.flatnonzero(samples[begin:end])
        if len(sounding) > 0 and sounding[-1] - sounding[0] + 1 >= min_frames:
            kept.append(repeat)
            taken += [(repeat.first_start, repeat.first_start + repeat.num_frames), (begin, end)]
    return kept
