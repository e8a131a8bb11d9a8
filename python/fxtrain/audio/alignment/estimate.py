# SPDX-License-Identifier: MIT
"""The lag of any pair of recordings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fxtrain.audio.alignment.emphasis import Emphasised, Samples
from fxtrain.audio.alignment.refine import refine
from fxtrain.audio.alignment.result import Alignment
from fxtrain.audio.alignment.scan import scan_blocks
from fxtrain.audio.alignment.windows import LITTLE_EXPLAINED

__all__ = ["apply_lag", "estimate_alignment"]

_EVEN_GAIN = 1.5  # of what the magnitude explains over what the waveform does, to take the device for an even one


def estimate_alignment(input: Samples, target: Samples, sample_rate: int, *, max_seconds: float = 2.0) -> Alignment:
    """Finds lag and polarity of a device's output against its input, on arbitrary playing.

    The lag is the moment at which the device's linear response *begins*: the latest shift at which a causal filter
    explains, but for 1 %, as much of the pre-emphasised target as a filter that may also look ahead, and not after the
    response's largest tap. A pure delay of n samples gives n. Not simply the largest tap: amplifier, loudspeaker and
    microphone answer over several samples before it, and a model that begins there would have to foresee its input. Not
    the first tap that helps at all: it drowns in the noise, and comes earlier the longer one listens. What the 1 % may
    leave out, :data:`LAG_GUARD` covers.

    Where the lag drifts, it is the one half way through; where it jumps, the one that holds longest.

    A device without a linear part answers with even orders only. So where little is explained, the same is asked of the
    input's magnitude, and taken if it explains much more.

    Args:
        input: the dry recording, shape ``(frames,)``.
        target: the wet recording, shape ``(frames,)``; the length may differ.
        sample_rate: of both, in Hz.
        max_seconds: lags up to this, either way, are looked for.

    Returns:
        Positive ``lag_samples``: the target is late. Confidence 0 where either is silent.
    """
    found = _estimate(input, target, sample_rate, max_seconds)
    score = found.confidence * found.explained
    if score >= LITTLE_EXPLAINED or not np.any(target):
        return found
    even = _estimate(input, target, sample_rate, max_seconds, even=True)
    return replace(even, order=2) if even.confidence * even.explained > _EVEN_GAIN * score else found


def _estimate(
    input: Samples, target: Samples, sample_rate: int, max_seconds: float, *, even: bool = False
) -> Alignment:
    dry = Emphasised(input, sample_rate, magnitude=even)
    wet = Emphasised(target, sample_rate)
    if not (dry.is_sounding() and wet.is_sounding()):
        return Alignment(0, 1, 0.0, 0.0)
    track = scan_blocks(dry, wet, sample_rate, max_seconds)
    return refine(dry, wet, sample_rate, track)


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
