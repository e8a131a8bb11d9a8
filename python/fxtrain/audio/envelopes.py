# SPDX-License-Identifier: MIT
"""Envelope followers: what a model gets that has to remember for a second."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fxtrain import _engine

__all__ = ["USUAL_ENVELOPES", "Envelope", "EnvelopeTable", "follow_envelope"]

Envelope: TypeAlias = tuple[float, float]
"""Attack and release, in milliseconds."""

USUAL_ENVELOPES: tuple[Envelope, ...] = ((10.0, 10.0), (100.0, 100.0), (1000.0, 1000.0))
"""Where there is nothing to choose by."""

_SPACING = 4096  # frames between two values that are kept


def follow_envelope(
    signal: NDArray[np.float32], envelope: Envelope, sample_rate: float, value: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """The envelope of a signal after each of its frames, as the engine works it out.

    ``e[t] = e[t-1] + k (|x[t]| - e[t-1])``, where k is that of the attack while the signal is above the envelope, else
    that of the release; a time constant T has ``k = 1 - exp(-1 / (T sample_rate))``.

    Args:
        signal: shape ``(streams, frames)``.
        envelope: attack and release.
        sample_rate: in Hz.
        value: before the first frame, shape ``(streams,)``; None is silence.

    Returns:
        The envelope, of the signal's shape, and its last value in float64, shape ``(streams,)``.
    """
    start = np.zeros(len(signal)) if value is None else value
    return _engine.follow_envelope(signal, *envelope, sample_rate, start)


class EnvelopeTable:
    """The envelopes of a recording at any frame, from a few that are kept."""

    def __init__(self, signal: NDArray[np.float32], envelopes: Sequence[Envelope], sample_rate: float) -> None:
        """Follows the whole signal, shape ``(frames,)``, from silence."""
        self._signal, self._envelopes, self._rate = signal, tuple(envelopes), sample_rate
        self._kept = np.zeros((len(signal) // _SPACING + 1, len(self._envelopes)))
        for row in range(1, len(self._kept)):
            self._kept[row] = self._follow(signal[(row - 1) * _SPACING : row * _SPACING], self._kept[row - 1])

    def before(self, frame: int) -> NDArray[np.float64]:
        """The envelopes before a frame, shape ``(envelopes,)``."""
        row = frame // _SPACING
        return self._follow(self._signal[row * _SPACING : frame], self._kept[row])

    def _follow(self, stretch: NDArray[Any], values: NDArray[np.float64]) -> NDArray[np.float64]:
        if not len(stretch):
            return values
        ends = [
            follow_envelope(stretch[None], envelope, self._rate, values[index : index + 1])[1][0]
            for index, envelope in enumerate(self._envelopes)
        ]
        return np.array(ends)
