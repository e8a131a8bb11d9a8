# SPDX-License-Identifier: MIT
"""Pre-emphasis: filters that weight the error as the ear does."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from scipy import signal
from torch import Tensor

__all__ = ["PreEmphasis", "a_weighting_response", "pre_emphasis_filter"]

PreEmphasis = Literal["none", "first-order", "a-weighting"]

_FIRST_ORDER_COEFFICIENT = 0.85
_A_WEIGHTING_TAPS = 101


def a_weighting_response(frequency_hz: np.ndarray) -> np.ndarray:
    """Magnitude of the A-weighting curve, 1 at 1 kHz.

    Source: IEC 61672-1:2013, annex E, eq. E.6.
    """
    f2 = np.square(frequency_hz, dtype=np.float64)
    poles = (f2 + 20.598997**2) * np.sqrt((f2 + 107.65265**2) * (f2 + 737.86223**2)) * (f2 + 12194.217**2)
    return np.asarray(10 ** (2.0 / 20) * 12194.217**2 * f2**2 / poles)


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
    taps = signal.firwin2(_A_WEIGHTING_TAPS, grid, a_weighting_response(grid), fs=sample_rate)
    return torch.from_numpy(taps.astype(np.float32))  # symmetric: a correlation is a convolution
