# SPDX-License-Identifier: MIT
"""Steps 2 and 3: short windows, the linear response that they share, and the lag of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage
from scipy.signal import windows as tapering

from fxtrain.audio.alignment.emphasis import Doubles, Emphasised
from fxtrain.audio.alignment.filters import (
    RIDGE,
    Spectrum,
    moving_average,
    parabola_vertex,
    power_spectrum,
    smoothed_power,
    solve_toeplitz,
    spread_starts,
)
from fxtrain.audio.alignment.result import LAG_GUARD

__all__ = ["LITTLE_EXPLAINED", "MAX_BLOCKS", "TAPS_AFTER", "TAPS_BEFORE", "Linear", "Windows"]

MAX_BLOCKS = 32
_WINDOW_SECONDS = 0.75  # at least, and at most:
_MAX_WINDOW_SECONDS = 1.0  # a drift of 100 parts per million smears the response over 5 samples in that time
_FINE_SECONDS = 0.045  # how far a window's lag may lie from its block's
TAPS_BEFORE = 64  # at up to 48 kHz; more at higher rates, as the next
TAPS_AFTER = 512
_ONSET_LOSS = 0.01  # share of the explained energy that taps before the onset may hold
_LEAST_WINDOWS = 8  # for two halves of them to agree by more than chance
_RISE_LOSS = 0.005  # share of the response's energy that may lie ahead of the guard
_MOST_HEIGHT = 12.0  # of a window's match against its standard deviation: no window may speak for others
LITTLE_EXPLAINED = 0.3  # explained, times the confidence; above, a device has a linear part


@dataclass(frozen=True)
class Linear:
    """The linear response found: its taps, where it begins and peaks (against the shifts given), what it explains.

    ``rest`` is the power spectrum of what it leaves unexplained.
    """

    taps: Doubles
    before: int
    onset: int
    main: int
    explained: float
    rest: Doubles

    @property
    def polarity(self) -> int:
        """Sign of the largest tap."""
        return 1 if self.taps[self.before + self.main] >= 0 else -1


class Windows:
    """Short windows of the input, spread over where both recordings exist, and the target around them."""

    def __init__(self, dry: Emphasised, wet: Emphasised, sample_rate: int, *, offset: int, room: int) -> None:
        first = max(0, -offset)
        last = max(first + 1, min(len(dry), len(wet) - offset))
        count = max(1, min(MAX_BLOCKS, int((last - first) / (_WINDOW_SECONDS * sample_rate))))
        self.sample_rate = sample_rate
        self._dry, self._wet = dry, wet
        self._length = min((last - first) // count, round(_MAX_WINDOW_SECONDS * sample_rate))
        self._starts = spread_starts(first, last, self._length, count)
        self.reach = round(_FINE_SECONDS * sample_rate)
        self._size = fft.next_fast_len(self._length + 2 * self.reach + room, real=True)
        self._inputs = [fft.rfft(dry.cut(start, self._length), self._size) for start in self._starts]
        self._input_powers = [power_spectrum(x) for x in self._inputs]
        self._targets: dict[int, tuple[int, Spectrum]] = {}  # of each row, the shift last asked for
        self._faded: dict[int, tuple[Spectrum, Doubles]] = {}  # inputs and their power, for `trace`
        self.centres = self._starts + self._length / 2
        self.energies = np.array([dry.energy(start, self._length) for start in self._starts])
        self.sounding = self.energies > 1e-5 * self.energies.max()

    def _target(self, row: int, shift: int) -> Spectrum:
        """Spectrum of the target from ``reach`` before window ``row``, delayed by ``shift``, to ``reach`` after it."""
        known = self._targets.get(row)
        if known is not None and known[0] == shift:
            return known[1]
        start = int(self._starts[row]) + shift - self.reach
        spectrum: Spectrum = fft.rfft(self._wet.cut(start, self._length + 2 * self.reach), self._size)
        self._targets[row] = shift, spectrum
        return spectrum

    def fit(self, shifts: npt.NDArray[np.int64], rows: npt.NDArray[np.bool_], *, before: int, after: int) -> Linear:
        """Least-squares taps ``-before .. after - 1`` over the windows ``rows``, each target shifted by ``shifts``."""
        sxx, syy = np.zeros(self._size // 2 + 1), np.zeros(self._size // 2 + 1)
        sxy = np.zeros((2, self._size // 2 + 1), dtype=np.complex128)  # of every second window, and of the others
        energy = 0.0
        for number, row in enumerate(np.flatnonzero(rows).tolist()):
            x, y = self._inputs[row], self._target(row, int(shifts[row]))
            sxx += self._input_powers[row]
            syy += power_spectrum(y)
            sxy[number % 2] += np.conj(x) * y
            energy += self._wet.energy(int(self._starts[row] + shifts[row]), self._length)
        both = sxy[0] + sxy[1]
        cross = fft.irfft(both, self._size)[self.reach - before : self.reach + after]
        taps, explained = solve_toeplitz(fft.irfft(sxx, self._size)[: before + after], cross)
        response = self._response(taps, before)
        rest = syy - 2 * np.real(np.conj(response) * both) + power_spectrum(response) * sxx
        # At its edges a filter foretells, from tones, what lies beyond: no response peaks there.
        main = int(np.abs(taps[before // 4 : -before // 4]).argmax()) + before // 4
        halves = [
            fft.irfft(half / (sxx + RIDGE * sxx.mean()), self._size)[self.reach - before : self.reach + after]
            for half in sxy
        ]
        onset = _onset(explained, before)
        share = min(1.0, float(explained[0]) / energy) if energy > 0 else 0.0
        if np.count_nonzero(rows) >= _LEAST_WINDOWS and share > LITTLE_EXPLAINED:
            onset = min(onset, _rise(halves, before, main))
        return Linear(
            taps=taps,
            before=before,
            onset=onset - before,
            main=main - before,
            explained=share,
            rest=moving_average(np.maximum(rest, 1e-9 * syy.max() + 1e-30), self._size // 512),
        )

    def match(self, shifts: npt.NDArray[np.int64], linear: Linear) -> tuple[Doubles, Doubles]:
        """How much later than ``shifts`` each window's target is, and how far that peak stands out."""
        weight = np.conj(self._response(linear.taps, linear.before)) / linear.rest
        offsets, heights = np.zeros(len(shifts)), np.zeros(len(shifts))
        for row in np.flatnonzero(self.sounding).tolist():
            match = fft.irfft(np.conj(self._inputs[row]) * self._target(row, int(shifts[row])) * weight, self._size)
            match = np.concatenate([match[-self.reach :], match[: self.reach + 1]])
            peak = int(match.argmax())
            offsets[row] = parabola_vertex(match, peak) - self.reach
            heights[row] = match[peak] / max(float(np.std(match)), 1e-30)
        return offsets, heights

    def trace(self, lag: int, most: float) -> tuple[float, Doubles, Doubles, npt.NDArray[np.bool_]]:
        """The straight line through the windows' lags, about ``lag``, on which most windows match together.

        Matched is with the input itself, whatever the device's response and polarity; peaks that do not lie on one line
        with those of other windows, as of a tone or of a sweep's overtones, do not add up.

        Args:
            lag: in samples, about which to look.
            most: the lag's greatest growth from first to last window, either way.

        Returns:
            How well all match; the lag of each window; the same for two lines of that slope, of which one ends where
            the other begins; and which windows are on the second of them.
        """
        rows = np.flatnonzero(self.sounding)
        times = (self.centres - self.centres[rows].mean()) / max(float(np.ptp(self.centres[rows])), 1.0)
        heights = np.zeros((len(rows), 2 * self.reach + 1))
        taper = tapering.tukey(self._length + 2 * self.reach, 0.1)
        for height, row in zip(heights, rows.tolist(), strict=True):
            # Cut off with a fade: the match of one cut with the other would be the same in all windows.
            x, input_power = self._faded_input(row)
            start = int(self._starts[row]) + lag - self.reach
            y = fft.rfft(self._wet.cut(start, self._length + 2 * self.reach) * taper, self._size)
            match = np.abs(fft.irfft(np.conj(x) * y / np.sqrt(input_power * smoothed_power(y)), self._size))
            match = match[: 2 * self.reach + 1]  # the target begins ``reach`` before the window
            height[:] = np.minimum(ndimage.maximum_filter1d(match, 3) / max(float(np.std(match)), 1e-30), _MOST_HEIGHT)
        reach = min(int(most), self.reach)
        best, found = -1.0, (0, 0)
        for growth in range(-reach, reach + 1, 2):
            total = _along(heights, np.rint(growth * times[rows]).astype(int)).sum(axis=0)
            peak = int(total.argmax())
            if total[peak] > best:
                best, found = float(total[peak]), (peak - (len(total) - 1) // 2, growth)
        line = lag + found[0] + found[1] * times
        sums = np.cumsum(_along(heights, np.rint(found[1] * times[rows]).astype(int)), axis=0)
        parts = [sums[:-1].max(axis=1), (sums[-1] - sums[:-1]).max(axis=1)]
        last = int(np.add(*parts).argmax()) if len(rows) > 1 else 0  # window of the first line
        centre = (sums.shape[1] - 1) // 2
        levels = [int(sums[last].argmax()) - centre, int((sums[-1] - sums[last]).argmax()) - centre]
        late = np.arange(len(times)) > rows[last]
        return best, line, lag + np.where(late, levels[1], levels[0]) + found[1] * times, late

    def _faded_input(self, row: int) -> tuple[Spectrum, Doubles]:
        if row not in self._faded:
            cut = self._dry.cut(int(self._starts[row]), self._length)
            x = fft.rfft(cut * tapering.tukey(self._length, 0.1), self._size)
            self._faded[row] = x, smoothed_power(x)
        return self._faded[row]

    def _response(self, taps: Doubles, before: int) -> Spectrum:
        response: Spectrum = fft.rfft(np.roll(np.pad(taps, (0, self._size - len(taps))), self.reach - before))
        return response


def _rise(halves: list[Doubles], lead: int, last: int) -> int:
    """The last tap, up to ``last``, from which on a model with the guard still hears the cause of its output.

    Ahead of the guard the response, deconvolved in the frequency domain, holds no more than :data:`_RISE_LOSS` of its
    energy. What the two halves of the material agree on counts (the product of their taps), since each has noise and
    distortion in its taps, but not the same. That fails where a device distorts so much that little is linear, and in
    sweeps, whose harmonics come before the response in both halves: there this is not asked.
    """
    one, other = halves
    shared = 4 * one * other
    before = np.concatenate([np.zeros(LAG_GUARD + 1), np.cumsum(shared)])[: last + 1]
    chance = 2 * float(np.abs(np.cumsum(shared[: lead // 2])).max())  # no response is as early as that
    return int(np.flatnonzero(before <= max(_RISE_LOSS * float(shared.sum()), chance))[-1])


def _onset(explained: Doubles, lead: int) -> int:
    """The last tap that may come first: those before it hold a hundredth of what is explained, chance left out.

    Any tap explains a little by chance, the more the shorter and the stranger the recording; how much is read off the
    first quarter of the ``lead`` taps, which lie well before any response.
    """
    quarter = lead // 4
    chance = max(0.0, float(explained[0] - explained[quarter]) / quarter)
    earlier = explained[0] - explained - chance * np.arange(len(explained))
    return int(np.flatnonzero(earlier[: lead + 1] <= _ONSET_LOSS * explained[0])[-1])


def _along(heights: Doubles, shifts: npt.NDArray[np.intp]) -> Doubles:
    """Rows moved back by ``shifts``, as far as all of them reach."""
    room = int(np.abs(shifts).max(initial=0))
    size = heights.shape[1] - 2 * room
    return np.stack([row[room + shift : room + shift + size] for row, shift in zip(heights, shifts, strict=True)])
