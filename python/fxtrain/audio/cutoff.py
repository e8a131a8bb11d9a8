# SPDX-License-Identifier: MIT
"""Where a lossy codec cut the highs off, found in the sound itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import scipy.fft
import scipy.ndimage
import scipy.signal
from numpy.typing import NDArray

__all__ = ["LongTermSpectrum", "cutoff_of", "find_cutoff", "guess_rate"]

_N_FFT = 4096
_PART_FRAMES = 1 << 18  # transformed at a time
_FULL_SCALE = 32766.5 / 32768  # where a sample of 16 bits is clipped
_LEAST_CLEAN = 8  # stretches without clipping; with fewer, all count
_EMPTY_DB = -112.0  # of a bin, relative to a sine of full scale: dither at 16 bits is 20 dB below that
_RANGE_DB = 100.0  # below the loudest bin, nothing counts
_LEAST_DROP_DB = 12.0  # across the edge; what fades by itself falls by one or two dB in that distance
_NEAR, _FAR = 0.02, 0.08  # of the edge's frequency: the stretches on both sides that are compared, up to ...
_NEAR_HZ, _FAR_HZ = 120.0, 700.0
_LOWEST_HZ = 1000.0
_HIGHEST_SHARE = 0.96  # of half the rate; above lies the filter of a converter
_HIGHEST_HZ = 19_500.0  # who records at 44.1 or 48 kHz may have filtered above


class LongTermSpectrum:
    """The mean power spectrum of a recording, block by block, so that an hour of it needs no memory.

    Stretches that hold samples at full scale are left out if enough others remain: a loud MP3 that was decoded to 16
    bits is clipped there, and that fills the spectrum above the codec's cutoff.
    """

    def __init__(self, sample_rate: float) -> None:
        self.sample_rate = sample_rate
        self._window = scipy.signal.get_window("hann", _N_FFT)
        self._sums = np.zeros((2, _N_FFT // 2 + 1))  # of stretches at full scale, and of the others
        self._counts = np.zeros(2, dtype=np.int64)
        self._rest: NDArray[np.floating[Any]] | None = None

    def add(self, block: NDArray[np.floating[Any]]) -> None:
        """Takes the next block, shape ``(channels, frames)``; the powers of the channels are averaged."""
        joined = block if self._rest is None else np.concatenate([self._rest, block], axis=1)
        hop = _N_FFT // 2
        while joined.shape[1] >= _N_FFT:
            part = joined[:, : _PART_FRAMES + _N_FFT]
            frames = np.lib.stride_tricks.sliding_window_view(part, _N_FFT, axis=1)[:, ::hop]
            at_full_scale = np.lib.stride_tricks.sliding_window_view(np.abs(part) >= _FULL_SCALE, _N_FFT, axis=1)
            is_clean = ~at_full_scale[:, ::hop].any(axis=-1)
            powers = np.square(np.abs(scipy.fft.rfft(frames * self._window, axis=-1)))
            for index, chosen in enumerate((~is_clean, is_clean)):
                self._sums[index] += powers[chosen].sum(axis=0)
                self._counts[index] += np.count_nonzero(chosen)
            joined = joined[:, frames.shape[1] * hop :]
        self._rest = joined

    def finish(self) -> NDArray[np.float64]:
        """Power of each bin in dB relative to a sine of full scale; shape ``(bins,)``."""
        total, num = self._sums[1], int(self._counts[1])
        if num < _LEAST_CLEAN:
            total, num = self._sums.sum(axis=0), int(self._counts.sum())
        if not num and self._rest is not None:
            padded = np.pad(self._rest, ((0, 0), (0, _N_FFT - self._rest.shape[1])))
            total, num = np.square(np.abs(scipy.fft.rfft(padded * self._window))).mean(axis=0), 1
        power = total / max(1, num) * (4.0 / _N_FFT) ** 2
        return np.asarray(10 * np.log10(np.maximum(power, 1e-20)))

    @property
    def hz(self) -> NDArray[np.float64]:
        """Frequencies of the bins."""
        return np.asarray(np.arange(_N_FFT // 2 + 1) * (self.sample_rate / _N_FFT), dtype=np.float64)


def find_cutoff(spectrum: LongTermSpectrum) -> float | None:
    """The frequency in Hz above which a codec left nothing; None where the sound reaches as far as its rate allows.

    Music gets softer towards the highs until it is lost in noise. A codec leaves nothing above its cutoff, not even
    noise, and the level falls to it within a hundred Hz. Sound that fades away by itself has no such edge.
    """
    levels = scipy.ndimage.uniform_filter1d(spectrum.finish(), 5)
    hz = spectrum.hz
    occupied = np.flatnonzero(levels > max(_EMPTY_DB, float(levels.max()) - _RANGE_DB))
    if not len(occupied):
        return None
    edge = float(hz[occupied[-1]])
    if not _LOWEST_HZ <= edge <= min(_HIGHEST_HZ, _HIGHEST_SHARE * spectrum.sample_rate / 2):
        return None
    near, far = min(_NEAR_HZ, _NEAR * edge), min(_FAR_HZ, _FAR * edge)
    below = levels[(hz >= edge - far) & (hz <= edge - near)]
    above = levels[(hz >= edge + near) & (hz <= edge + far)]
    if np.median(below) - np.median(above) < _LEAST_DROP_DB:
        return None
    middle = (np.median(below) + max(np.median(above), _EMPTY_DB)) / 2  # a window spreads what is loud
    return float(hz[np.flatnonzero((levels >= middle) & (hz <= edge))[-1]])


_MEASURED = {
    1: ((6200, 24), (8100, 32), (11000, 48), (15900, 64), (19500, 96)),
    2: ((4200, 24), (5400, 32), (7500, 48), (10900, 64), (15100, 96), (16200, 128), (19500, 192)),
}
"""(Cutoff in Hz, kbit/s) of MP3 with one and with two channels, as LAME sets it by itself in FFmpeg 7."""


def guess_rate(cutoff_hz: float, num_channels: int) -> int:
    """Rate in kbit/s at which an MP3 of so many channels would have this cutoff: the nearest that was measured."""
    table = _MEASURED[1 if num_channels == 1 else 2]
    return min(table, key=lambda each: abs(each[0] - cutoff_hz))[1]


def cutoff_of(blocks: Iterable[NDArray[np.floating[Any]]], sample_rate: float) -> float | None:
    """:func:`find_cutoff` of blocks of ``(channels, frames)``."""
    spectrum = LongTermSpectrum(sample_rate)
    for block in blocks:
        spectrum.add(block)
    return find_cutoff(spectrum)
