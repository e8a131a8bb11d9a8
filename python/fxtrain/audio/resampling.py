# SPDX-License-Identifier: MIT
"""Sample rate conversion."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import soxr

from fxtrain.errors import ConfigError

__all__ = ["resample"]


def resample(samples: npt.NDArray[np.float32], from_rate: float, to_rate: float) -> npt.NDArray[np.float32]:
    """Converts ``(frames,)`` to another rate with soxr at its very high quality (linear phase, no delay).

    Returns:
        ``round(frames * to_rate / from_rate)`` frames; ``samples`` itself where the rates are equal.

    >>> resample(np.zeros(441, dtype=np.float32), 44100, 48000).shape
    (480,)
    """
    if from_rate <= 0 or to_rate <= 0:
        raise ConfigError(f"Sample rates must be above 0 Hz: found {from_rate} and {to_rate}.")
    if from_rate == to_rate:
        return samples
    converted: npt.NDArray[np.float32] = soxr.resample(samples, from_rate, to_rate, quality="VHQ")
    num_frames = round(len(samples) * to_rate / from_rate)
    if len(converted) < num_frames:
        converted = np.pad(converted, (0, num_frames - len(converted)))
    return np.ascontiguousarray(converted[:num_frames], dtype=np.float32)
