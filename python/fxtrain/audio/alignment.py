# SPDX-License-Identifier: MIT
"""How late the target is, found on any playing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

__all__ = ["LAG_GUARD", "Alignment", "apply_lag", "estimate_alignment"]

Samples = npt.NDArray[np.float32]

LAG_GUARD = 16


@dataclass(frozen=True)
class Alignment:
    """Where the target lies against the input.

    Attributes:
        lag_samples: positive: the target is late.
        polarity: -1 where the target is upside down.
        confidence: 0 to 1.
        drift_samples: change of the lag from start to end.
    """

    lag_samples: int
    polarity: int
    confidence: float
    drift_samples: float


def estimate_alignment(input: Samples, target: Samples, sample_rate: int, *, max_seconds: float = 2.0) -> Alignment:
    """Finds lag and polarity by whitened correlation."""
    size = fft.next_fast_len(len(input) + len(target), real=True)
    spectrum = fft.rfft(input, size)
    power = np.abs(spectrum) ** 2
    correlation = fft.irfft(np.conj(spectrum) * fft.rfft(target, size) / (power + 0.01 * power.mean() + 1e-12), size)
    reach = min(int(max_seconds * sample_rate), size // 2 - 1)
    window = np.concatenate([correlation[-reach:], correlation[: reach + 1]])
    best = int(np.argmax(np.abs(window)))
    return Alignment(best - reach, 1 if window[best] >= 0 else -1, 1.0, 0.0)


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
