# SPDX-License-Identifier: MIT
"""Frequency weighting of the ear."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["a_weighting_db"]


def a_weighting_db(frequency_hz: ArrayLike) -> NDArray[np.float64]:
    """A-weighting, 0 dB at 1 kHz.

    Source: IEC 61672-1:2013, with its design frequencies rounded to a decimal: right to 0.01 dB.

    >>> a_weighting_db([100.0, 1000.0, 10000.0]).round(1) + 0.0
    array([-19.1,   0. ,  -2.5])
    """
    f2 = np.square(np.asarray(frequency_hz, dtype=np.float64))
    gain = 12194.0**2 * f2**2 / (f2 + 20.6**2) / (f2 + 12194.0**2) / np.sqrt((f2 + 107.7**2) * (f2 + 737.9**2))
    weighting: NDArray[np.float64] = 20.0 * np.log10(np.maximum(gain, 1e-15)) + 2.0
    return weighting
