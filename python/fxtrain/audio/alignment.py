# SPDX-License-Identifier: MIT
"""How late the target is against the input, found on any playing: no test tone, click or sweep is needed.

Heavy distortion leaves little of a waveform, but always a linear part; so every step asks what a filter explains.

1. *Roughly where.* For each block of some seconds, and each lag on a grid up to two seconds either way, how much of the
   target's energy does a short least-squares filter at that lag explain? Unlike a correlation's peak, this does not
   depend on the device's tone or phase. The lag is followed from the clearest block to the others:
   it may drift or jump.
2. *The linear response.* The least-squares filter over taps before and after that lag. Its largest tap gives the
   polarity. Solved from the latest tap to the earliest, it tells what each causal filter "from tap k on"
   explains, and so where the response begins.
3. *Does it stay?* Each window's target is matched with the filtered input, weighted by the inverse spectrum of what the
   filter leaves unexplained (the maximum likelihood delay: Knapp and Carter, "The generalized correlation method for
   estimation of time delay", 1976, section IV). The windows' lags give drift and jumps.
4. *Is there a simpler answer?* A tone matches itself at every period, and the overtones of a sweep match it earlier. So
   all windows together are asked for the straight line on which most of them match, without or with one jump (a Hough
   transform: Duda and Hart, "Use of the Hough transformation to detect lines and curves in pictures", 1972). Where
   drift or jumps come out of step 3, they must explain more than that line does, or it is taken; and where it explains
   more than what has come out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage
from scipy.signal import welch
from scipy.signal import windows as tapering

from fxtrain.audio.levels import blocks
from fxtrain.audio.resampling import resample

__all__ = [
    "LAG_GUARD",
    "Alignment",
    "LagJump",
    "apply_lag",
    "coarse_lag",
    "drift_floor",
    "estimate_alignment",
    "match_clock",
    "remove_drift",
]

Samples = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Spectrum = npt.NDArray[np.complexfloating[Any, Any]]

LAG_GUARD = 4
"""Samples of the found lag that training leaves in place, so that the target never leads the input."""

_EMPHASIS_HZ = 380.0  # corner of the first-order pre-emphasis; a coefficient of 0.95 at 48 kHz
_RIDGE = 1e-3  # as if the emphasised input had white noise at -30 dB: keeps bands without sound out of the filters

_SCAN_RATE = 12000  # step 1 looks at the spectrum up to about half of this
_SCAN_TAPS = 96
_BLOCK_SECONDS = 4.0
_MAX_BLOCKS = 32
_FOLLOW_SECONDS = 0.01  # how far the lag may wander from block to block without being called another lag
_FAR_SECONDS = 0.02  # lags this far away compete with the found one

_WINDOW_SECONDS = 0.75  # at least, and at most:
_MAX_WINDOW_SECONDS = 1.0  # a drift of 100 parts per million smears the response over 5 samples in that time
_FINE_SECONDS = 0.045  # how far a window's lag may lie from its block's
_TAPS_BEFORE = 64  # at up to 48 kHz; more at higher rates, as the next
_TAPS_AFTER = 512
_ONSET_LOSS = 0.01  # share of the explained energy that taps before the onset may hold

_LEAST_WINDOWS = 8  # for two halves of them to agree by more than chance
_RISE_LOSS = 0.005  # share of the response's energy that may lie ahead of the guard
_MATCH_HEIGHT = 6.0  # of a window's peak against its correlation's standard deviation, to believe a lag far from others
_JUMP_SAMPLES = 4.0
_AS_GOOD = 0.98  # of what the windows' own lags explain, the simple answer must explain to be taken
_MAX_DRIFT = 1.2e-4  # clocks of interfaces differ by 100 parts per million at most
_MOST_HEIGHT = 12.0  # of a window's match against its standard deviation: no window may speak for others
_MUCH_BETTER = 0.85  # of what a lag that jumps once explains, one that does not must explain, or it is taken to jump
_MAX_TURNS = 4
_LITTLE = 0.3  # explained, times the confidence; above, a device has a linear part
_EVEN_GAIN = 1.5  # of what the magnitude explains over what the waveform does, to take the device for an even one
_LEAST_DRIFT = 0.2  # samples; the estimate's own error is about a tenth
_DRIFT_SPREAD = 0.1  # of a drift, by which the lags may still vary once it is removed
_LEAST_SPREAD = 0.15  # samples
_CLOCK_UNIT = 1e6


@dataclass(frozen=True)
class LagJump:
    """A sudden change of the lag, as a dropout makes it.

    Attributes:
        after_seconds: the last moment, in the input's time, at which the lag was seen to be the old one.
        before_seconds: the first at which it was seen to be the new one.
        samples: new lag less old.
        steady: whether the lag was constant on both sides, as with a dropout and unlike with a vibrato.
    """

    after_seconds: float
    before_seconds: float
    samples: float
    steady: bool


@dataclass(frozen=True)
class Alignment:
    """Where the target lies against the input.

    Attributes:
        lag_samples: positive: the target is late (see :func:`estimate_alignment`).
        polarity: -1 where the target is upside down: the sign of the linear response's largest tap.
        confidence: 0 (no lag is better than another) to 1 (no other lag comes near).
        drift_samples: how much the lag grows steadily from the first to the last frame, as with clocks that differ.
        jumps: sudden changes of the lag.
        main_tap_samples: the lag of the response's largest tap; never less than ``lag_samples``.
        explained: the part of the target's energy that a linear filter explains, both pre-emphasised; 1 is all.
        order: 1; or 2 where the target follows the input's magnitude, as behind a full-wave rectifier or octave fuzz.
            Then ``polarity`` and ``explained`` are those of the magnitude's response.
    """

    lag_samples: int
    polarity: int
    confidence: float
    drift_samples: float
    jumps: tuple[LagJump, ...] = ()
    main_tap_samples: int = 0
    explained: float = 0.0
    order: int = 1


def estimate_alignment(input: Samples, target: Samples, sample_rate: int, *, max_seconds: float = 2.0) -> Alignment:
    """Finds lag and polarity of a device's output against its input, on arbitrary playing.

    The lag is the moment at which the device's linear response *begins*: the latest shift at which a causal filter
    explains, but for 1 %, as much of the pre-emphasised target as a filter that may also look ahead, and not after the
    response's largest tap. A pure delay of n samples gives n. Not simply the largest tap: amplifier, loudspeaker and
    microphone answer over several samples before it, and a model that begins there would have to foresee its input. Not
    the first tap that helps at all: it drowns in the noise, and comes earlier the longer one listens. What the 1 % may
    leave out, :data:`LAG_GUARD` covers.

    Where the lag drifts, it is the one half way through; where it jumps, the one that holds longest.

    A device without a linear part answers with even orders only. So where little is explained, the same is asked of the
    input's magnitude, and taken if it explains much more.

    Args:
        input: the dry recording, shape ``(frames,)``.
        target: the wet recording, shape ``(frames,)``; the length may differ.
        sample_rate: of both, in Hz.
        max_seconds: lags up to this, either way, are looked for.

    Returns:
        Positive ``lag_samples``: the target is late. Confidence 0 where either is silent.
    """
    found = _estimate(input, target, sample_rate, max_seconds)
    score = found.confidence * found.explained
    if score >= _LITTLE or not np.any(target):
        return found
    even = _estimate(input, target, sample_rate, max_seconds, even=True)
    return replace(even, order=2) if even.confidence * even.explained > _EVEN_GAIN * score else found


def _estimate(
    input: Samples, target: Samples, sample_rate: int, max_seconds: float, *, even: bool = False
) -> Alignment:
    dry = _Emphasised(input, sample_rate, magnitude=even)
    wet = _Emphasised(target, sample_rate)
    if not (dry.is_sounding() and wet.is_sounding()):
        return Alignment(0, 1, 0.0, 0.0)
    track = _scan(dry, wet, sample_rate, max_seconds)
    return _refine(dry, wet, sample_rate, track)


def coarse_lag(input: Samples, target: Samples, sample_rate: int) -> int:
    """Where most of the target matches the input, to some milliseconds, wherever that is; a guess to be confirmed.

    The correlation of both recordings as a whole, whitened, up to 4 kHz.
    """
    step = max(1, round(sample_rate / 8000))
    low = [_emphasise(resample(side, step, 1), sample_rate / step) for side in (input, target)]
    size = fft.next_fast_len(len(low[0]) + len(low[1]) + 2, real=True)
    x, y = (fft.rfft(side, size) for side in low)
    cross = np.conj(x) * y
    match = np.abs(fft.irfft(cross / (np.abs(cross) + 1e-30), size))
    match = ndimage.uniform_filter1d(match, 17, mode="wrap")
    peak = int(match.argmax())
    return (peak if peak < len(low[1]) + 1 else peak - size) * step


def apply_lag(input: Samples, target: Samples, lag: int) -> tuple[Samples, Samples]:
    """Removes ``lag`` samples and cuts both to the same length.

    A positive lag drops the target's first ``lag`` samples, a negative one the input's first ``-lag``.

    >>> x, y = apply_lag(np.arange(5.0, dtype=np.float32), np.arange(5.0, dtype=np.float32), 2)
    >>> x.tolist(), y.tolist()
    ([0.0, 1.0, 2.0], [2.0, 3.0, 4.0])
    """
    input = input[max(-lag, 0) :]
    target = target[max(lag, 0) :]
    num_frames = min(len(input), len(target))
    return input[:num_frames], target[:num_frames]


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
    before, after = round(_TAPS_BEFORE * scale), round(_TAPS_AFTER * scale)
    dry, wet = _Emphasised(input, sample_rate), _Emphasised(target, sample_rate)
    windows = _Windows(dry, wet, sample_rate, offset=lag, room=8 * before + after)
    shifts = np.full(len(windows.centres), lag, dtype=np.int64)
    linear = windows.fit(shifts, windows.sounding, before=before, after=after)
    offsets, _ = windows.match(shifts, linear)
    near = windows.sounding & (np.abs(offsets) < _JUMP_SAMPLES)
    spread = float(np.std(offsets[near])) if near.any() else math.inf
    return linear.explained, spread


@dataclass(frozen=True)
class _Track:
    """What the scan found: blocks' middles in frames, their lags, the clearest block, and how clear the lag is."""

    centres: Doubles
    lags: npt.NDArray[np.int64]
    clearest: int
    confidence: float


def _scan(dry: _Emphasised, wet: _Emphasised, sample_rate: int, max_seconds: float) -> _Track:
    """Step 1: a lag for each block of ``dry``, right to within the filter's length."""
    step = max(1, round(sample_rate / _SCAN_RATE))
    reach = max(int(max_seconds * sample_rate) // step, _SCAN_TAPS) * step
    length = min(len(dry), round(_BLOCK_SECONDS * sample_rate))
    starts = _spread(0, len(dry), length, _MAX_BLOCKS)
    size = fft.next_fast_len((length + 2 * reach) // step + _SCAN_TAPS, real=True)  # frames at the low rate
    # Row of first taps, in low-rate frames after the lag -reach. Neighbours share three quarters of their taps.
    firsts = np.arange(0, 2 * reach // step - _SCAN_TAPS, _SCAN_TAPS // 4)
    windows = firsts[:, None] + np.arange(_SCAN_TAPS)  # (lags, taps)
    explained = np.zeros((len(starts), len(firsts)))
    for row, start in enumerate(starts):
        # Keeping the low bins only is a resampling with an ideal low-pass.
        x = fft.rfft(dry.cut(start, length), size * step)[: size // 2 + 1]
        y = fft.rfft(wet.cut(start - reach, length + 2 * reach), size * step)[: size // 2 + 1]
        auto = fft.irfft(_power(x), size)[:_SCAN_TAPS]
        if auto[0] <= 0:
            continue
        cross = fft.irfft(np.conj(x) * y, size).astype(np.float64)
        steps = _whitener(auto) @ cross[windows].T
        energy = np.concatenate([[0.0], np.cumsum(np.square(fft.irfft(y, size), dtype=np.float64))])
        last = np.minimum(firsts + length // step + _SCAN_TAPS, size)
        within = energy[last] - energy[firsts] + 1e-3 * energy[-1]
        if energy[-1] > 0:
            explained[row] = np.sum(np.square(steps), axis=0) / within
    lags = (firsts + _SCAN_TAPS // 4) * step - reach
    return _follow(explained, lags, starts.astype(np.float64) + length / 2, sample_rate)


def _follow(explained: Doubles, lags: npt.NDArray[np.int64], centres: Doubles, sample_rate: int) -> _Track:
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
    return _Track(centres, lags[path], clearest, 1 - ratio**-10.0)


def _clarity(explained: Doubles, lags: npt.NDArray[np.int64], peak: int, sample_rate: int) -> float:
    """What the best far lag leaves unexplained, over what the peak does: 1 where it is no better."""
    far = np.abs(lags - lags[peak]) > _FAR_SECONDS * sample_rate
    rival = float(explained[far].max()) if far.any() else 0.0
    return max(1.0, (1 - rival) / (1 - float(explained[peak])))


def _refine(dry: _Emphasised, wet: _Emphasised, sample_rate: int, track: _Track) -> Alignment:
    """Steps 2 and 3: lag to the sample, polarity, drift and jumps."""
    scale = max(1.0, sample_rate / 48000)
    before, after = round(_TAPS_BEFORE * scale), round(_TAPS_AFTER * scale)
    windows = _Windows(dry, wet, sample_rate, offset=int(track.lags[track.clearest]), room=8 * before + after)
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
        trusted = windows.sounding & ((heights > _MATCH_HEIGHT) | (np.abs(offsets) < _JUMP_SAMPLES))
        if not trusted.any():
            return Alignment(round(float(np.median(lags))) + linear.main, linear.polarity, 0.0, 0.0)
        lags = shifts + offsets
        # A window that tells nothing takes after its neighbours, and may tell something in the next turn.
        lags = np.interp(windows.centres, windows.centres[trusted], lags[trusted])
        if np.all(np.abs(lags - shifts)[windows.sounding] < 0.6):
            break

    course = _course(windows.centres[trusted], lags[trusted])
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
    moves = bool(moving.jumps) or abs(moving.drift_samples) > _JUMP_SAMPLES
    needed = tracked.explained * (_AS_GOOD if moves else 1 / _AS_GOOD)
    return simple if simple.explained > needed and simple.confidence > 0.9 * moving.confidence else moving


def _simple(windows: _Windows, track: _Track, main: int, num_frames: int, *, before: int, after: int) -> Alignment:
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
    slope = _slope(windows.centres[own], lags[own])
    jumps: tuple[LagJump, ...] = ()
    if halves.explained * _MUCH_BETTER > linear.explained:
        lags, linear = jumped, halves
        own = late == (np.count_nonzero(late) > len(late) / 2)
        slope = _slope(windows.centres[own], lags[own])
        at = int(np.flatnonzero(late)[0])
        last, first = (windows.centres[at - 1 : at + 1] / windows.sample_rate).tolist()
        change = float(lags[at] - lags[at - 1] - slope * (windows.centres[at] - windows.centres[at - 1]))
        jumps = (LagJump(last, first, change, steady=True),) if abs(change) > _JUMP_SAMPLES else ()
    offsets, _ = windows.match(np.rint(lags).astype(np.int64), linear)
    agreeing = windows.sounding & (np.abs(offsets) < _JUMP_SAMPLES)
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
    windows: _Windows, lags: Doubles, late: npt.NDArray[np.bool_], *, before: int, after: int
) -> tuple[Doubles, _Linear]:
    """A line, or two of one slope before and after a jump, brought to the middle of what the windows near it say."""
    lags = lags.copy()
    for _ in range(_MAX_TURNS):
        shifts = np.rint(lags).astype(np.int64)
        linear = windows.fit(shifts, windows.sounding, before=before, after=after)
        offsets, _ = windows.match(shifts, linear)
        near = windows.sounding & (np.abs(offsets) < 2 * _JUMP_SAMPLES)
        moved = lags.copy()
        longest = near & (late == (np.count_nonzero(late) > len(late) / 2))
        slope = _slope(windows.centres[longest], (shifts + offsets)[longest])
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


@dataclass(frozen=True)
class _Linear:
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
        return 1 if self.taps[self.before + self.main] >= 0 else -1


class _Windows:
    """Short windows of the input, spread over where both recordings exist, and the target around them."""

    def __init__(self, dry: _Emphasised, wet: _Emphasised, sample_rate: int, *, offset: int, room: int) -> None:
        first = max(0, -offset)
        last = max(first + 1, min(len(dry), len(wet) - offset))
        count = max(1, min(_MAX_BLOCKS, int((last - first) / (_WINDOW_SECONDS * sample_rate))))
        self.sample_rate = sample_rate
        self._dry, self._wet = dry, wet
        self._length = min((last - first) // count, round(_MAX_WINDOW_SECONDS * sample_rate))
        self._starts = _spread(first, last, self._length, count)
        self.reach = round(_FINE_SECONDS * sample_rate)
        self._size = fft.next_fast_len(self._length + 2 * self.reach + room, real=True)
        self._inputs = [fft.rfft(dry.cut(start, self._length), self._size) for start in self._starts]
        self._input_powers = [_power(x) for x in self._inputs]
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

    def fit(self, shifts: npt.NDArray[np.int64], rows: npt.NDArray[np.bool_], *, before: int, after: int) -> _Linear:
        """Least-squares taps ``-before .. after - 1`` over the windows ``rows``, each target shifted by ``shifts``."""
        sxx, syy = np.zeros(self._size // 2 + 1), np.zeros(self._size // 2 + 1)
        sxy = np.zeros((2, self._size // 2 + 1), dtype=np.complex128)  # of every second window, and of the others
        energy = 0.0
        for number, row in enumerate(np.flatnonzero(rows).tolist()):
            x, y = self._inputs[row], self._target(row, int(shifts[row]))
            sxx += self._input_powers[row]
            syy += _power(y)
            sxy[number % 2] += np.conj(x) * y
            energy += self._wet.energy(int(self._starts[row] + shifts[row]), self._length)
        both = sxy[0] + sxy[1]
        cross = fft.irfft(both, self._size)[self.reach - before : self.reach + after]
        taps, explained = _solve(fft.irfft(sxx, self._size)[: before + after], cross)
        response = self._response(taps, before)
        rest = syy - 2 * np.real(np.conj(response) * both) + _power(response) * sxx
        # At its edges a filter foretells, from tones, what lies beyond: no response peaks there.
        main = int(np.abs(taps[before // 4 : -before // 4]).argmax()) + before // 4
        halves = [
            fft.irfft(half / (sxx + _RIDGE * sxx.mean()), self._size)[self.reach - before : self.reach + after]
            for half in sxy
        ]
        onset = _onset(explained, before)
        share = min(1.0, float(explained[0]) / energy) if energy > 0 else 0.0
        if np.count_nonzero(rows) >= _LEAST_WINDOWS and share > _LITTLE:
            onset = min(onset, _rise(halves, before, main))
        return _Linear(
            taps=taps,
            before=before,
            onset=onset - before,
            main=main - before,
            explained=share,
            rest=_smooth(np.maximum(rest, 1e-9 * syy.max() + 1e-30), self._size // 512),
        )

    def match(self, shifts: npt.NDArray[np.int64], linear: _Linear) -> tuple[Doubles, Doubles]:
        """How much later than ``shifts`` each window's target is, and how far that peak stands out."""
        weight = np.conj(self._response(linear.taps, linear.before)) / linear.rest
        offsets, heights = np.zeros(len(shifts)), np.zeros(len(shifts))
        for row in np.flatnonzero(self.sounding).tolist():
            match = fft.irfft(np.conj(self._inputs[row]) * self._target(row, int(shifts[row])) * weight, self._size)
            match = np.concatenate([match[-self.reach :], match[: self.reach + 1]])
            peak = int(match.argmax())
            offsets[row] = _vertex(match, peak) - self.reach
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
            match = np.abs(fft.irfft(np.conj(x) * y / np.sqrt(input_power * _smoothed_power(y)), self._size))
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
            self._faded[row] = x, _smoothed_power(x)
        return self._faded[row]

    def _response(self, taps: Doubles, before: int) -> Spectrum:
        response: Spectrum = fft.rfft(np.roll(np.pad(taps, (0, self._size - len(taps))), self.reach - before))
        return response


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


def _course(times: Doubles, lags: Doubles) -> _Course:
    """Tells steady drift from sudden jumps in the windows' lags; one strange window is neither."""
    if len(lags) < 2:
        return _Course(round(float(np.median(lags))), 0.0, [])
    spans, rises = np.diff(times), np.diff(lags)
    excess = rises - float(np.median(rises / spans)) * spans
    limit = max(_JUMP_SAMPLES, 8 * float(np.median(np.abs(excess))))
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
    slope = _slope(times[own], lags[own])
    middle = float(np.mean(times[own][[0, -1]]))
    lag = round(float(np.median(lags[own] - slope * (times[own] - middle))))
    jumps = []
    for before, start, end in zip(bounds, bounds[1:], bounds[2:], strict=False):
        old, new = lags[before:start], lags[start:end]
        spread = max(float(np.median(np.abs(part - np.median(part)))) for part in (old, new))
        steady = min(len(old), len(new)) >= 3 and spread < 1.0
        change = float(np.median(new) - np.median(old))
        if abs(change) > _JUMP_SAMPLES:
            jumps.append(_Jump(float(times[start - 1]), float(times[start]), change, steady))
    return _Course(lag, slope, jumps)


def _along(heights: Doubles, shifts: npt.NDArray[np.intp]) -> Doubles:
    """Rows moved back by ``shifts``, as far as all of them reach."""
    room = int(np.abs(shifts).max(initial=0))
    size = heights.shape[1] - 2 * room
    return np.stack([row[room + shift : room + shift + size] for row, shift in zip(heights, shifts, strict=True)])


def _slope(times: npt.NDArray[np.floating], values: npt.NDArray[np.floating]) -> float:
    """Median of the slopes between all pairs (Theil-Sen): a quarter of the values may be wild."""
    first, second = np.triu_indices(len(values), 1)
    if len(first) == 0:
        return 0.0
    return float(np.median((values[second] - values[first]) / (times[second] - times[first])))


def _emphasise(samples: Samples, sample_rate: float) -> Samples:
    """First-order pre-emphasis: playing is 20 to 40 dB weaker where timing can be read."""
    coefficient = math.exp(-2 * math.pi * _EMPHASIS_HZ / sample_rate)
    emphasised = samples.astype(np.float32, copy=True)
    emphasised[1:] -= np.float32(coefficient) * samples[:-1]
    return emphasised


class _Emphasised:
    """A recording with pre-emphasis, or its magnitude without the mean, worked out where it is asked for."""

    def __init__(self, samples: Samples, sample_rate: int, *, magnitude: bool = False) -> None:
        self._samples = samples
        self._sample_rate = sample_rate
        self._mean: float | None = None
        if magnitude:
            total = sum(float(np.sum(np.abs(block), dtype=np.float64)) for block in blocks(samples))
            self._mean = total / max(len(samples), 1)

    def __len__(self) -> int:
        return len(self._samples)

    def is_sounding(self) -> bool:
        """Whether anything but zeros is in it."""
        return any(np.any(block) for block in blocks(self._samples))

    def cut(self, start: int, length: int) -> Samples:
        """``length`` frames from ``start``, with zeros where that lies outside."""
        piece = np.zeros(length, dtype=np.float32)
        first, last = max(start, 0), min(start + length, len(self._samples))
        if first < last:
            before = max(first - 1, 0)
            raw = self._samples[before:last]
            if self._mean is not None:
                raw = np.abs(raw) - np.float32(self._mean)
            piece[first - start : last - start] = _emphasise(raw, self._sample_rate)[first - before :]
        return piece

    def energy(self, start: int, length: int) -> float:
        """Sum of squares of the same."""
        return float(np.sum(np.square(self.cut(start, length), dtype=np.float64)))


def _spread(first: int, last: int, length: int, most: int) -> npt.NDArray[np.int64]:
    """Starts of up to ``most`` pieces of ``length``, evenly spread from ``first`` to ``last``."""
    count = max(1, min(most, (last - first) // length))
    return np.linspace(first, last - length, count).astype(np.int64)


def _power(spectrum: Spectrum) -> Doubles:
    power: Doubles = np.square(spectrum.real, dtype=np.float64) + np.square(spectrum.imag, dtype=np.float64)
    return power


def _whitener(auto: Doubles) -> Doubles:
    """Lower triangle W with W R W' = 1 for the Toeplitz matrix R of ``auto``, ridge included.

    Row k is the backward predictor of order k over the root of its error, by Levinson's and Durbin's recursion. (The
    inverse of a Cholesky factor is the same, but LAPACK's threads wait seconds for each other on a busy machine.)
    """
    auto = auto.astype(np.float64)
    error = float(auto[0]) * (1 + _RIDGE)
    rows = np.zeros((len(auto), len(auto)))
    predictor = np.ones(1)
    for order in range(len(auto)):
        rows[order, : order + 1] = predictor[::-1] / math.sqrt(error)
        if order + 1 < len(auto):
            reflection = -float(predictor @ auto[order + 1 : 0 : -1]) / error
            longer = np.append(predictor, 0.0)
            predictor = longer + reflection * longer[::-1]
            error *= 1 - reflection * reflection
    return rows


def _solve(auto: Doubles, cross: Doubles) -> tuple[Doubles, Doubles]:
    """Least-squares taps, and for each tap the energy that the filter from it on explains.

    A Toeplitz matrix is its own mirror image, so the taps may be taken from last to first; each row of the whitener
    then adds one earlier tap, and the square of its step is the energy that this tap adds.
    """
    whitener = _whitener(auto)
    steps = whitener @ cross[::-1]
    taps: Doubles = (whitener.T @ steps)[::-1]
    explained: Doubles = np.cumsum(np.square(steps))[::-1]
    return taps, explained


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


def _smooth(power: Doubles, width: int) -> Doubles:
    """Moving average over ``width`` bins to either side."""
    total = np.cumsum(np.concatenate([[0.0], power]))
    index = np.arange(len(power))
    low, high = np.maximum(index - width, 0), np.minimum(index + width + 1, len(power))
    smooth: Doubles = (total[high] - total[low]) / (high - low)
    return smooth


def _smoothed_power(spectrum: Spectrum) -> Doubles:
    power = _smooth(_power(spectrum), 64) + 1e-30
    return power + _RIDGE * float(power.max())


def _vertex(curve: Doubles, peak: int) -> float:
    """The top of the parabola through ``curve`` around ``peak``."""
    if not 0 < peak < len(curve) - 1:
        return float(peak)
    left, middle, right = (float(value) for value in curve[peak - 1 : peak + 2])
    bend = left - 2 * middle + right
    return peak + (0.5 * (left - right) / bend if bend < 0 else 0.0)
