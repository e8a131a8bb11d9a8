# SPDX-License-Identifier: MIT
"""Mu-law: amplitudes as few classes, fine where sound is soft."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["mu_law_decode", "mu_law_encode", "silent_code"]


def mu_law_encode(samples: NDArray[np.floating[Any]], mu: int = 255) -> NDArray[np.int64]:
    """Classes 0 to ``mu`` of samples whose full scale is 1; samples beyond it get the first or the last class.

    Source: van den Oord et al., "WaveNet", 2016, section 2.2: ``f(x) = sign(x) ln(1 + mu |x|) / ln(1 + mu)``,
    rounded to one of ``mu + 1`` levels from -1 to 1.

    >>> mu_law_encode(np.array([-1.0, -0.5, 0.0, 0.5, 1.0, 7.0])).tolist()
    [0, 16, 128, 239, 255, 255]
    """
    held = np.clip(np.nan_to_num(np.asarray(samples, dtype=np.float64)), -1.0, 1.0)
    compressed = np.sign(held) * np.log1p(mu * np.abs(held)) / np.log1p(mu)
    return np.asarray(np.floor((compressed + 1.0) / 2.0 * mu + 0.5), dtype=np.int64)


def mu_law_decode(codes: NDArray[np.integer[Any]], mu: int = 255) -> NDArray[np.float32]:
    """Amplitudes of classes: the inverse of :func:`mu_law_encode` on its levels.

    >>> mu_law_decode(np.array([0, 255])).tolist()
    [-1.0, 1.0]
    """
    compressed = 2.0 * np.asarray(codes, dtype=np.float64) / mu - 1.0
    return np.asarray(np.sign(compressed) * np.expm1(np.abs(compressed) * np.log1p(mu)) / mu, dtype=np.float32)


def silent_code(mu: int = 255) -> int:
    """The class of silence."""
    return int(mu_law_encode(np.zeros(1), mu)[0])
