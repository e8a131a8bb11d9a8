# SPDX-License-Identifier: MIT
"""Pre-emphasis: filters that weight the error as the ear does."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from scipy import signal
from torch import Tensor

from fxtrain.audio.weighting import a_weighting_db

__all__ = ["PreEmphasis", "pre_emphasis_filter"]

PreEmphasis = Literal["none", "first-order", "a-weighting"]

_FIRST_ORDER_COEFFICIENT = 0.85
_A_WEIGHTING_TAPS = 101


def pre_emphasis_filter(kind: PreEmphasis, sample_rate: int) -> Tensor | None:
    """Taps of the filter that both signals pass before the error is taken.

    Args:
        kind: ``none``; ``first-order``, 1 - 0.85 z^-1; ``a-weighting``, a linear-phase FIR of 101 taps on the
            A-weighting curve.
        sample_rate: in Hz.

    Returns:
        Shape ``(taps,)``, float32, in the order of a correlation (last tap meets the newest frame), or None.

    Source: Wright and Välimäki, "Perceptual loss function for neural modelling of audio systems", 2020, section 3.
    """
    if kind == "none":
        return None
    if kind == "first-order":
        return torch.tensor([-_FIRST_ORDER_COEFFICIENT, 1.0])
    grid = np.linspace(0, sample_rate / 2, 1024)
    taps = signal.firwin2(_A_WEIGHTING_TAPS, grid, 10 ** (a_weighting_db(np.maximum(grid, 1.0)) / 20), fs=sample_rate)
    return torch.from_numpy(taps.astype(np.float32))  # symmetric: a correlation is a convolution
