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

__all__ = ["Repeat", "find_copies", "find_repeats"]

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
    samples = np.ascontiguousarray(samples, dtype=np.float32) + np.float32(0)  # makes -0 the 0 that it equals
    window = min_frames // 2
    if window < 2 or len(samples) < 2 * min_frames:
        return []
    sums = _running_sums(samples)
    grid = _worth_looking_for(samples, sums, window)
    repeats = [
        # What is longer than its offset repeats more than once, and the stretches would overlap.
        Repeat(start, start + offset, min(end - start, offset))
        for offset, stretches in _equal_stretches(samples, _matches(sums, grid, window), window).items()
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
    window, length = min_frames // 2, len(passages)
    if window < 2 or min(length, len(samples)) < min_frames:
        return []
    joined = np.concatenate([passages, samples]).astype(np.float32) + np.float32(0)
    sums = _running_sums(joined)
    grid = _worth_looking_for(joined[:length], sums, window)
    matches = ((first, second) for first, second in _matches(sums, grid, window) if second >= length)
    found = np.zeros(len(samples), dtype=np.bool_)
    for offset, stretches in _equal_stretches(joined, matches, window).items():
        for start, end in stretches:
            start, end = max(start, length - offset), min(end, length)  # within passages, and its copy within samples
            sounding = np.flatnonzero(joined[start:end])
            if len(sounding) > 0 and sounding[-1] - sounding[0] + 1 >= min_frames:
                found[start + offset - length : end + offset - length] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[False], found, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def _running_sums(samples: Samples) -> Hashes:
    """Sums, modulo 2^64, of a hash of each sample with its predecessor; entry i is that of the frames before i."""
    bits = samples.view(np.uint32)
    sums = np.zeros(len(samples) + 1, dtype=np.uint64)
    for start in range(1, len(samples), _CHUNK):
        end = min(start + _CHUNK, len(samples))
        mixed = bits[start:end].astype(np.uint64) | (bits[start - 1 : end - 1].astype(np.uint64) << np.uint64(32))
        # The finaliser of MurmurHash3, which spreads every bit over all.
        for shift, factor in ((33, 0xFF51AFD7ED558CCD), (33, 0xC4CEB9FE1A85EC53)):
            mixed ^= mixed >> np.uint64(shift)
            mixed *= np.uint64(factor)
        sums[start + 1 : end + 1] = mixed ^ (mixed >> np.uint64(33))
    return np.cumsum(sums, out=sums)


def _hashes(sums: Hashes, start: int, end: int, window: int) -> Hashes:
    """Of the windows that begin at the frames from ``start`` up to ``end``."""
    hashes: Hashes = sums[start + window : end + window] - sums[start + 1 : end + 1]
    return hashes


def _worth_looking_for(samples: Samples, sums: Hashes, window: int) -> dict[int, list[int]]:
    """The grid's windows that neither rest nor repeat themselves within their own length: frames by hash."""
    grid: dict[int, list[int]] = {}
    last = len(samples) - window
    for frame in range(0, last + 1, window):
        part = samples[frame : frame + window]
        if np.count_nonzero(np.diff(part)) < _CHANGING * window:
            continue
        around = _hashes(sums, max(frame - window, 0), min(frame + window, last) + 1, window)
        own = _hashes(sums, frame, frame + 1, window)[0]
        if np.count_nonzero(around == own) == 1:
            grid.setdefault(int(own), []).append(frame)
    return grid


def _matches(sums: Hashes, grid: dict[int, list[int]], window: int) -> Iterator[tuple[int, int]]:
    """Pairs of frames, the earlier on the grid, at which windows of one hash begin."""
    if not grid:
        return
    wanted = np.array(sorted(grid), dtype=np.uint64)
    mask = np.uint64((1 << _TABLE_BITS) - 1)
    table = np.zeros(1 << _TABLE_BITS, dtype=np.bool_)  # most windows are ruled out by their low bits
    table[wanted & mask] = True
    for start in range(0, len(sums) - window, _CHUNK):
        hashes = _hashes(sums, start, min(start + _CHUNK, len(sums) - window), window)
        likely = np.flatnonzero(table[hashes & mask])
        for index in likely[np.isin(hashes[likely], wanted)]:
            second = start + int(index)
            yield from ((first, second) for first in grid[int(hashes[index])] if first < second)


def _equal_stretches(
    samples: Samples, matches: Iterable[tuple[int, int]], window: int
) -> dict[int, list[tuple[int, int]]]:
    """By offset: the stretches that equal what comes so much later."""
    equal: dict[int, list[tuple[int, int]]] = {}
    for first, second in matches:
        known = equal.setdefault(second - first, [])
        if not any(start <= first < end for start, end in known):
            known.append(_grow(samples, first, second, window))
    return equal


def _grow(samples: Samples, first: int, second: int, window: int) -> tuple[int, int]:
    """The equal stretch around a match: its start and end at the earlier place; empty where only the hashes agree."""
    offset = second - first
    if not np.array_equal(samples[first : first + window], samples[second : second + window]):
        return first, first
    start, end = first, first + window
    step = 4 * window
    while end + offset < len(samples):
        stop = min(end + step, len(samples) - offset)
        differ = np.flatnonzero(samples[end:stop] != samples[end + offset : stop + offset])
        end = end + int(differ[0]) if len(differ) else stop
        if len(differ):
            break
    while start > 0:
        stop = max(start - step, 0)
        differ = np.flatnonzero(samples[stop:start] != samples[stop + offset : start + offset])
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
