# SPDX-License-Identifier: MIT
"""Raising and lowering the sample rate by a whole factor, with linear phase and no delay."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import firwin, kaiser_beta, upfirdn

__all__ = ["Oversampler"]

Vector = NDArray[np.float64]


class Oversampler:
    """Interpolation and decimation with one symmetric Kaiser-windowed low-pass.

    Flat to 0.4 of the base rate, at least 110 dB down from 0.6 of it: what the circuit makes between folds back only
    above 0.4, that is above 19.2 kHz at 48 kHz. The filter spans ``half_width`` base frames to either side; blocks
    are handed over with that much context, so that a stream cut into blocks gives the same samples as one long
    block::

        context (half_width) | block                 | context (half_width)
                             | block * factor values |

    Args:
        factor: solver steps per base frame.
    """

    half_width = 20

    def __init__(self, factor: int) -> None:
        self.factor = factor
        num_taps = 2 * self.half_width * factor + 1
        self._taps: Vector = (
            firwin(num_taps, 1.0 / factor, window=("kaiser", kaiser_beta(110.0))) * factor if factor > 1 else np.ones(1)
        )

    def interpolate(self, block: Vector) -> Vector:
        """Frames at the base rate, context on both sides included, to steps of the block alone."""
        if self.factor == 1:
            return block[self.half_width : len(block) - self.half_width]
        skip = 2 * self.half_width * self.factor  # context, and half the filter
        num_steps = (len(block) - 2 * self.half_width) * self.factor
        steps: Vector = upfirdn(self._taps, block, up=self.factor)[skip : skip + num_steps]
        return steps

    def decimate(self, steps: Vector) -> Vector:
        """Steps, ``half_width * factor`` of context on both sides included, to frames of the block alone."""
        if self.factor == 1:
            return steps[self.half_width : len(steps) - self.half_width]
        num_frames = len(steps) // self.factor - 2 * self.half_width
        frames: Vector = upfirdn(self._taps / self.factor, steps, down=self.factor)
        return frames[2 * self.half_width : 2 * self.half_width + num_frames]
