# SPDX-License-Identifier: MIT
"""Whether a device rings for longer than a network remembers, as a loudspeaker, a room or a spring does."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, oaconvolve, sosfilt

from fxtrain.audio.least_squares import improve_filter
from fxtrain.config import Tables
from fxtrain.data import Excerpt
from fxtrain.data.material import Material

__all__ = ["LINEAR", "Clipper", "best_clipper", "decide_linear_stage", "score_filter"]

SHORT_TAPS = 512
LONG_TAPS = (2048, 4096, 8192, 16384)
_BEYOND_TAPS = 32768
_MOST_FRAMES = 1 << 22
"""A minute and a half of the training part tells as much as all of it."""
_MOST_JUDGED_FRAMES = 1 << 21
"""And so do three quarters of a minute of a validation excerpt."""
_WORTH_A_STAGE, _BEHIND_A_CLIPPER = 0.9, 0.7
"""A long filter must leave less than this share of what a short one leaves. It is stricter behind a clipper, which is a
crude guess: a long filter makes up for part of its error even if the device does not ring."""
_LEAST_GAIN = 5e-4
"""Share of the signal that a long filter must explain beyond a short one."""
_WORTH_MORE_TAPS = 5e-5
"""The same of a longer stage and a shorter one: a captured amplifier can leave as little as this."""
_STILL_RINGS = 0.9
"""If a filter of twice the stage leaves less than this share of what one as long leaves, the tail is cut short."""

_DETAIL_HZ = 700.0
"""Above it, a loudspeaker's response is detailed and lasts for milliseconds; a pedal's filters are smooth and short."""
_DETAIL_MS, _WHOLE_MS = 1.35, 10.7
_HAS_DETAIL = 0.9
"""There, the longer filter must leave less than this share of what the shorter one leaves."""

_DRIVES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
_BIASES = (0.0, 0.5)
_LOW_CUTS_HZ = (0.0, 150.0, 700.0)
_WORTH_A_CLIPPER = 0.97
"""Of what the plain filter leaves: a clipper that explains no more is not used."""
_PIECE_FRAMES = 1 << 16
_NUM_PIECES = 4
_NUM_FINALISTS = 6

Vector: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Clipper:
    """A first guess at what stands in front of a device's filters: a clipper without memory, behind a bass cut.

    Attributes:
        gain: in front of the hyperbolic tangent; 0 for a device that is linear.
        bias: of its working point.
        low_cut_hz: of the filter of first order in front of it; 0 for none.
    """

    gain: float = 0.0
    bias: float = 0.0
    low_cut_hz: float = 0.0

    def play(self, input: NDArray[np.floating[Any]], sample_rate: float) -> Vector:
        """What comes out of it, shape ``(frames,)``."""
        x = _without_bass(np.asarray(input, dtype=np.float64), self.low_cut_hz, sample_rate)
        if not self.gain:
            return x
        clipped: Vector = np.tanh(self.gain * x + self.bias) - np.tanh(self.bias)
        return clipped


LINEAR = Clipper()


def decide_linear_stage(material: Material) -> tuple[Tables, str]:
    """The settings of the linear stage, and why, in words for the summary.

    Filters of several lengths are compared. A filter alone explains next to nothing of a high-gain amplifier, and what
    it cannot explain would hide the difference, so the filters are fitted behind the clipper that helps most. A room
    or a spring shows in long filters. A close-miked loudspeaker, whose response is nearly over after 10 ms, shows
    above 700 Hz.
    """
    if material.is_in_clips:
        return {"model": {"linear_stage": "off"}}, "no linear stage: the recording consists of clips"
    clipper = best_clipper(material.train, material.sample_rate)
    short = score_filter(material, SHORT_TAPS, clipper)
    long: dict[int, float] = {}
    for taps in LONG_TAPS:
        shorter = min(long.values(), default=np.inf)
        long[taps] = score_filter(material, taps, clipper)
        if long[taps] > shorter - _WORTH_MORE_TAPS:
            break  # a longer one still would add nothing
    best = min(long.values())
    taps = next(taps for taps in LONG_TAPS if long[taps] <= best + _WORTH_MORE_TAPS)
    behind = "" if clipper == LINEAR else "behind a clipper, "
    on = {"model": {"linear_stage": "on", "linear_stage_taps": taps}}
    enough = (_WORTH_A_STAGE if clipper == LINEAR else _BEHIND_A_CLIPPER) * short
    if best >= min(enough, short - _LEAST_GAIN):
        few, many = (round(1e-3 * ms * material.sample_rate) for ms in (_DETAIL_MS, _WHOLE_MS))
        smooth, fine = (score_filter(material, count, clipper, above_hz=_DETAIL_HZ) for count in (few, many))
        if fine >= _HAS_DETAIL * smooth:
            return {
                "model": {"linear_stage": "off"}
            }, "no linear stage: a long filter explains no more than a short one"
        return on, (
            f"with a linear stage: {behind}a filter of {_milliseconds(many, material)} leaves {fine:.3f} of the signal "
            f"above {_DETAIL_HZ:.0f} Hz, one of {_milliseconds(few, material)} {smooth:.3f}, as of a loudspeaker"
        )
    reason = (
        f"with a linear stage: {behind}a filter of {_milliseconds(taps, material)} leaves {long[taps]:.3f} of the "
        f"signal, one of {_milliseconds(SHORT_TAPS, material)} {short:.3f}"
    )
    beyond = score_filter(material, _BEYOND_TAPS, clipper) if taps == LONG_TAPS[-1] else np.inf
    if beyond < _STILL_RINGS * long[taps]:
        reason += (
            f". The device rings for longer than the stage, which ends after {_milliseconds(taps, material)}: a filter "
            f"of {_milliseconds(_BEYOND_TAPS, material)} would leave {beyond:.3f}. The model will cut the tail short; "
            "for a long reverb, put a convolution with its impulse response behind the model instead"
        )
    return on, reason


def best_clipper(excerpts: Sequence[Excerpt], sample_rate: float) -> Clipper:
    """The clipper behind which a short filter leaves the least of a device's output; :data:`LINEAR` if none helps.

    Args:
        excerpts: of the training part.
        sample_rate: in Hz.
    """
    pieces = _pieces(excerpts)
    level = float(np.sqrt(np.mean([np.mean(np.square(x, dtype=np.float64)) for x, _ in pieces]))) if pieces else 0.0
    if level == 0.0:
        return LINEAR
    clippers = [
        Clipper(drive / level, bias, low_cut)
        for drive, bias, low_cut in itertools.product(_DRIVES, _BIASES, _LOW_CUTS_HZ)
    ]
    # Most are far off, and a quarter of the frames tells.
    begun = [(x[: len(x) // 4], y[: len(y) // 4]) for x, y in pieces]
    clippers.sort(key=lambda clipper: _left_behind(clipper, begun, sample_rate))
    left = {clipper: _left_behind(clipper, pieces, sample_rate) for clipper in [LINEAR, *clippers[:_NUM_FINALISTS]]}
    best = min(clippers[:_NUM_FINALISTS], key=left.__getitem__)
    return best if left[best] < _WORTH_A_CLIPPER * left[LINEAR] else LINEAR


def score_filter(
    material: Material, num_taps: int, clipper: Clipper = LINEAR, *, above_hz: float | None = None
) -> float:
    """ESR on the validation part of the best filter on the training part.

    Args:
        material: the recordings.
        num_taps: length of the filter.
        clipper: what stands in front of it.
        above_hz: only the sound above this frequency counts; None counts all of it.
    """
    rate = material.sample_rate
    high = None if above_hz is None else butter(2, above_hz, "highpass", fs=rate, output="sos")

    def heard(x: NDArray[np.floating[Any]]) -> Vector:
        whole = np.asarray(x, dtype=np.float64)
        return whole if high is None else np.asarray(sosfilt(high, whole), dtype=np.float64)

    silence = np.zeros(num_taps - 1)
    share = min(1.0, _MOST_FRAMES / max(sum(len(excerpt.input) for excerpt in material.train), 1))
    kept = [(excerpt, round(share * len(excerpt.input))) for excerpt in material.train]
    taps = improve_filter(
        np.zeros(num_taps),
        [
            (heard(clipper.play(excerpt.input[:count], rate)), heard(excerpt.target[:count]), silence)
            for excerpt, count in kept
        ],
    )
    error = energy = 0.0
    for excerpt in material.validation:
        target = heard(excerpt.target[:_MOST_JUDGED_FRAMES])
        lead_in = excerpt.input[:0] if excerpt.lead_in is None else excerpt.lead_in
        whole = heard(clipper.play(np.concatenate([lead_in, excerpt.input[:_MOST_JUDGED_FRAMES]]), rate))
        error += float(np.sum((oaconvolve(whole, taps)[len(lead_in) : len(whole)] - target) ** 2))
        energy += float(np.sum(target**2))
    return error / max(energy, 1e-12)


def _pieces(excerpts: Sequence[Excerpt]) -> list[tuple[Vector, Vector]]:
    """Input and target of stretches that lie evenly over a recording."""
    whole = [(excerpt.input, excerpt.target) for excerpt in excerpts]
    starts = [
        (x[at : at + _PIECE_FRAMES], y[at : at + _PIECE_FRAMES])
        for x, y in whole
        for at in range(0, len(x), _PIECE_FRAMES)
    ]
    step = max(1, len(starts) // _NUM_PIECES)
    return [(x.astype(np.float64), y.astype(np.float64)) for x, y in starts[::step]]


def _left_behind(clipper: Clipper, pieces: Sequence[tuple[Vector, Vector]], sample_rate: float) -> float:
    """Energy that the best short filter leaves of the targets."""
    silence = np.zeros(SHORT_TAPS - 1)
    played = [(clipper.play(x, sample_rate), y) for x, y in pieces]
    taps = improve_filter(np.zeros(SHORT_TAPS), [(x, y, silence) for x, y in played])
    return sum(float(np.sum((oaconvolve(x, taps)[: len(y)] - y) ** 2)) for x, y in played)


def _without_bass(x: Vector, cut_hz: float, sample_rate: float) -> Vector:
    if not cut_hz:
        return x
    pole = np.exp(-2 * np.pi * cut_hz / sample_rate)
    cut: Vector = lfilter([(1 + pole) / 2, -(1 + pole) / 2], [1.0, -pole], x)
    return cut


def _milliseconds(taps: int, material: Material) -> str:
    ms = 1e3 * taps / material.sample_rate
    return f"{ms:.0f} ms" if ms >= 2 else f"{ms:.1f} ms"
