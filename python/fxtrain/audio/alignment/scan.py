# SPDX-License-Identifier: MIT
"""Step 1: roughly where the target lies, block by block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from fxtrain.audio.alignment.emphasis import Doubles, Emphasised, Samples, emphasise
from fxtrain.audio.alignment.filters import find_whitener, power_spectrum, spread_starts
from fxtrain.audio.alignment.windows import MAX_BLOCKS
from fxtrain.audio.resampling import resample

__all__ = ["Track", "coarse_lag", "scan_blocks"]

_SCAN_RATE = 12000  # step 1 looks at the spectrum up to about half of this
_SCAN_TAPS = 96
_BLOCK_SECONDS = 4.0
_FOLLOW_SECONDS = 0.01  # how far the lag may wander from block to block without being called another lag
_FAR_SECONDS = 0.02  # lags this far away compete with the found one


@dataclass(frozen=True)
class Track:
    """What the scan found: blocks' middles in frames, their lags, the clearest block, and how clear the lag is."""

    centres: Doubles
    lags: npt.NDArray[np.int64]
    clearest: int
    confidence: float


def scan_blocks(dry: Emphasised, wet: Emphasised, sample_rate: int, max_seconds: float) -> Track:
    """Step 1: a lag for each block of ``dry``, right to within the filter's length."""
    step = max(1, round(sample_rate / _SCAN_RATE))
    reach = max(int(max_seconds * sample_rate) // step, _SCAN_TAPS) * step
    length = min(len(dry), round(_BLOCK_SECONDS * sample_rate))
    starts = spread_starts(0, len(dry), length, MAX_BLOCKS)
    size = fft.next_fast_len((length + 2 * reach) // step + _SCAN_TAPS, real=True)  # frames at the low rate
    # Row of first taps, in low-rate frames after the lag -reach. Neighbours share three quarters of their taps.
    firsts = np.arange(0, 2 * reach // step - _SCAN_TAPS, _SCAN_TAPS // 4)
    windows = firsts[:, None] + np.arange(_SCAN_TAPS)  # (lags, taps)
    explained = np.zeros((len(starts), len(firsts)))
    for row, start in enumerate(starts):
        # Keeping the low bins only is a resampling with an ideal low-pass.
        x = fft.rfft(dry.cut(start, length), size * step)[: size // 2 + 1]
        y = fft.rfft(wet.cut(start - reach, length + 2 * reach), size * step)[: size // 2 + 1]
        auto = fft.irfft(power_spectrum(x), size)[:_SCAN_TAPS]
        if auto[0] <= 0:
            continue
        cross = fft.irfft(np.conj(x) * y, size).astype(np.float64)
        steps = find_whitener(auto) @ cross[windows].T
        energy = np.concatenate([[0.0], np.cumsum(np.square(fft.irfft(y, size), dtype=np.float64))])
        last = np.minimum(firsts + length // step + _SCAN_TAPS, size)
        within = energy[last] - energy[firsts] + 1e-3 * energy[-1]
        if energy[-1] > 0:
            explained[row] = np.sum(np.square(steps), axis=0) / within
    lags = (firsts + _SCAN_TAPS // 4) * step - reach
    return _follow(explained, lags, starts.astype(np.float64) + length / 2, sample_rate)


def _follow(explained: Doubles, lags: npt.NDArray[np.int64], centres: Doubles, sample_rate: int) -> Track:
    """The path of the lag through the blocks."""
    explained = np.minimum(explained, 1 - 1e-6)
    best = explained.argmax(axis=1)
    near = _FOLLOW_SECONDS * sample_rate
    clarity = np.array([_clarity(row, lags, int(peak), sample_rate) for row, peak in zip(explained, best, strict=True)])
    clearest = int(clarity.argmax())
    path = best.copy()
    for rows in (range(clearest + 1, len(path)), range(clearest - 1, -1, -1)):
        current = int(best[clearest])
        for row in rows:
            around = np.flatnonzero(np.abs(lags - lags[current]) <= near)
            stay = int(around[explained[row, around].argmax()])
            gain = (1 - explained[row, stay]) / (1 - explained[row, best[row]])
            if gain > 1.25:  # the other lag leaves a fifth less unexplained: a jump
                current = int(best[row])
            elif explained[row, stay] > 0.1:
                current = stay
            path[row] = current
    # All blocks together, each shifted onto its own lag.
    together = np.zeros(2 * explained.shape[1] - 1)
    counts = np.zeros_like(together)
    for row, position in zip(explained, path, strict=True):
        first = explained.shape[1] - 1 - int(position)
        together[first : first + len(row)] += row
        counts[first : first + len(row)] += 1
    together /= np.maximum(counts, 1)
    spacing = int(lags[1] - lags[0])
    offsets = (np.arange(len(together)) - (explained.shape[1] - 1)) * spacing
    ratio = _clarity(together, offsets, explained.shape[1] - 1, sample_rate)
    return Track(centres, lags[path], clearest, 1 - ratio**-10.0)


def _clarity(explained: Doubles, lags: npt.NDArray[np.int64], peak: int, sample_rate: int) -> float:
    """What the best far lag leaves unexplained, over what the peak does: 1 where it is no better."""
    far = np.abs(lags - lags[peak]) > _FAR_SECONDS * sample_rate
    rival = float(explained[far].max()) if far.any() else 0.0
    return max(1.0, (1 - rival) / (1 - float(explained[peak])))


def coarse_lag(input: Samples, target: Samples, sample_rate: int) -> int:
    """Where most of the target matches the input, to some milliseconds, wherever that is; a guess to be confirmed.

    The correlation of both recordings as a whole, whitened, up to 4 kHz.
    """
    step = max(1, round(sample_rate / 8000))
    low = [emphasise(resample(side, step, 1), sample_rate / step) for side in (input, target)]
    size = fft.next_fast_len(len(low[0]) + len(low[1]) + 2, real=True)
    x, y = (fft.rfft(side, size) for side in low)
    cross = np.conj(x) * y
    match = np.abs(fft.irfft(cross / (np.abs(cross) + 1e-30), size))
    match = ndimage.uniform_filter1d(match, 17, mode="wrap")
    peak = int(match.argmax())
    return (peak if peak < len(low[1]) + 1 else peak - size) * step
