# SPDX-License-Identifier: MIT
"""What a model must beat: the input itself, the input at one gain, and linear filters.

The filter is the exact least-squares solution, not an estimate of it: a model that is only a little better than a
512-tap equaliser should be seen to be so.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import linalg as scipy_linalg
from scipy import signal as scipy_signal

from fxtrain.audio.least_squares import improve_filter
from fxtrain.metrics.effects import Mask, Vector, scored_runs

__all__ = ["LONG_TAPS", "NUM_TAPS", "BaselineName", "Baselines", "Segment", "fit_baselines"]

NUM_TAPS = 512
"""Taps of the causal FIR baseline."""

_BLOCK_FRAMES = 1 << 19  # that are predicted at once

_MOST_FRAMES = 1 << 22  # that the long filter is fitted on

LONG_TAPS = 8192
"""Taps of the long one: what a loudspeaker in a room has."""

BaselineName: TypeAlias = Literal["input", "best_gain", "fir", "long_fir"]


@dataclass(frozen=True)
class Segment:
    """A stretch of recording.

    Attributes:
        input: shape ``(frames,)``.
        target: same shape.
        scored: which frames count, same shape; None is all. The others still serve as history of those that do.
        history: input before the stretch. Silence precedes that, as filters start from zero like a reset model.
    """

    input: NDArray[np.floating[Any]]
    target: NDArray[np.floating[Any]]
    scored: Mask | None = None
    history: NDArray[np.floating[Any]] = field(default_factory=lambda: np.zeros(0, np.float32))

    def __post_init__(self) -> None:
        shapes = {self.input.shape, self.target.shape, self.target.shape if self.scored is None else self.scored.shape}
        if len(shapes) > 1 or self.input.ndim != 1:
            raise ValueError(f"input, target and mask have shapes {sorted(shapes)}, expected one shape (frames,)")

    @property
    def mask(self) -> Mask:
        """Which frames count, shape ``(frames,)``."""
        return np.ones(self.input.shape, dtype=np.bool_) if self.scored is None else self.scored

    def scored_runs(self) -> list[tuple[int, int]]:
        """Start and end (exclusive) of each unbroken run of frames that count."""
        return [(0, len(self.input))] if self.scored is None else scored_runs(self.scored)

    def input_between(self, start: int, end: int) -> Vector:
        """The input from one frame up to another, in float64; below 0 are the history and the silence before it."""
        own = self.input[max(start, 0) : max(end, 0)]
        if start >= 0:
            return own.astype(np.float64)
        piece = np.zeros(end - start)
        before = self.history[max(len(self.history) + start, 0) : max(len(self.history) + min(end, 0), 0)]
        at = min(end, 0) - start
        piece[at - len(before) : at] = before
        piece[at:] = own
        return piece


@dataclass(frozen=True)
class Baselines:
    """Linear models of the device, fitted on the training part and scored on the test part, as the model is."""

    gain: float
    """The best single gain."""
    taps: Vector
    """The best causal filter, newest frame first, shape ``(num_taps,)``."""
    long_taps: Vector
    """The same, of ``LONG_TAPS``, to a thousandth or so; no better on other material where the device is not linear."""

    def predict(self, name: BaselineName, input: NDArray[np.floating[Any]]) -> Vector:
        """The baseline's answer to an input of shape ``(frames,)`` with silence before it; the same shape."""
        x = np.asarray(input, dtype=np.float64)
        if name == "input":
            return x
        if name == "best_gain":
            return self.gain * x
        taps = self.taps if name == "fir" else self.long_taps
        filtered: Vector = scipy_signal.oaconvolve(x, taps)[: len(x)] if len(x) else x
        return filtered

    def score(self, segments: Iterable[Segment]) -> dict[BaselineName, float]:
        """ESR of each baseline over all scored frames of all segments together."""
        names = get_args(BaselineName)
        errors = dict.fromkeys(names, 0.0)
        reference = 0.0
        for segment in segments:
            for start in range(0, len(segment.input), _BLOCK_FRAMES):
                block = slice(start, start + _BLOCK_FRAMES)
                target = segment.target[block].astype(np.float64)
                scored = slice(None) if segment.scored is None else segment.scored[block]
                first = start - LONG_TAPS + 1  # the filters' history
                input = segment.input_between(first, start + len(target))
                reference += float(np.sum(target[scored] ** 2))
                for name in names:
                    predicted = self.predict(name, input)[start - first :]
                    errors[name] += float(np.sum((predicted - target)[scored] ** 2))
        return {name: error / reference if reference > 0.0 else math.inf for name, error in errors.items()}


def fit_baselines(segments: Sequence[Segment], *, num_taps: int = NUM_TAPS, ridge: float = 1e-10) -> Baselines:
    """Fits gain and filter by least squares over the scored frames of all segments.

    Args:
        segments: the training part.
        num_taps: length of the filter.
        ridge: added to the diagonal of the normal matrix, relative to its mean: enough to keep it positive definite
            in float64, too little to matter (it biases a filter on white input by this fraction).

    The normal equations are those of the covariance method: no window, nothing assumed about the signal outside.
    With ``x`` the input and the scored frames ``start <= t < end``::

        R[i, j] = sum_t x[t - i] x[t - j]        p[i] = sum_t x[t - i] y[t]
        R[i + 1, j + 1] = R[i, j] + x[start - 1 - i] x[start - 1 - j] - x[end - 1 - i] x[end - 1 - j]

    So the first row, by FFT, and the frames around both ends of each run give the whole matrix; rows, vectors and end
    corrections of different runs add up.

    Source: Makhoul, "Linear prediction: a tutorial review", 1975, for the covariance method.
    """
    if num_taps < 1:
        raise ValueError(f"num_taps is {num_taps}, expected at least 1")
    history = num_taps - 1
    fft_size = max(2 ** math.ceil(math.log2(4 * num_taps)), 16384)
    block = fft_size - history
    # Spectra of "block of x or y" against "the same block of x with its history", summed over all blocks of all runs.
    input_spectrum = np.zeros(fft_size // 2 + 1, dtype=np.complex128)
    target_spectrum = np.zeros_like(input_spectrum)
    before: list[Vector] = []  # x[start - 1 - i] of each run
    last: list[Vector] = []  # x[end - 1 - i] of each run
    for segment in segments:
        for start, end in segment.scored_runs():
            before.append(segment.input_between(start - num_taps, start)[::-1])
            last.append(segment.input_between(end - num_taps, end)[::-1])
            for at in range(start, end, block):
                stop = min(at + block, end)
                past = np.fft.rfft(segment.input_between(at - history, stop), fft_size)
                input_spectrum += np.conj(np.fft.rfft(segment.input_between(at, stop), fft_size)) * past
                target_spectrum += np.conj(np.fft.rfft(segment.target[at:stop].astype(np.float64), fft_size)) * past
    # A delay of i frames is a shift of history - i frames within the stretch that begins with its history.
    first_row = np.fft.irfft(input_spectrum, fft_size)[history::-1]
    right_side = np.fft.irfft(target_spectrum, fft_size)[history::-1]
    if not before or first_row[0] <= 0.0:
        return Baselines(gain=0.0, taps=np.zeros(num_taps), long_taps=np.zeros(LONG_TAPS))

    ends, starts = np.array(last), np.array(before)
    change = starts.T @ starts - ends.T @ ends
    normal = np.empty((num_taps, num_taps))
    normal[0], normal[:, 0] = first_row, first_row
    for i in range(history):
        normal[i + 1, 1:] = normal[i, :-1] + change[i, :-1]
    taps = _solve_positive(normal, right_side, ridge)
    return Baselines(gain=float(right_side[0] / first_row[0]), taps=taps, long_taps=_fit_long(segments, taps))


def _fit_long(segments: Sequence[Segment], taps: Vector) -> Vector:
    """The long filter, from the short one on."""
    longer = np.zeros(LONG_TAPS)
    longer[: len(taps)] = taps[:LONG_TAPS]
    stretches = []
    total = sum(len(segment.input) for segment in segments)
    for segment in itertools.islice(segments, 0, None, max(1, total // _MOST_FRAMES)):
        for start, end in segment.scored_runs():
            end = min(end, start + _MOST_FRAMES)
            history = segment.input_between(start - LONG_TAPS + 1, start)
            stretches.append((segment.input[start:end], segment.target[start:end], history))
    for _ in range(2):
        longer = improve_filter(longer, stretches)
    return longer


def _solve_positive(matrix: Vector, right_side: Vector, ridge: float) -> Vector:
    """Solves with a symmetric matrix that rounding may have left a hair short of positive definite."""
    mean = float(np.trace(matrix)) / len(matrix)
    while True:
        try:
            factor = scipy_linalg.cho_factor(matrix + ridge * mean * np.eye(len(matrix)))
        except np.linalg.LinAlgError:
            ridge = max(10.0 * ridge, 1e-14)
            continue
        solution: Vector = scipy_linalg.cho_solve(factor, right_side)
        return solution
