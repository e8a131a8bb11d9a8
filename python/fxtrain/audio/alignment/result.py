# SPDX-License-Identifier: MIT
"""Where the target lies against the input."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LAG_GUARD", "Alignment", "LagJump"]

LAG_GUARD = 4
"""Samples of the found lag that training leaves in place, so that the target never leads the input."""


@dataclass(frozen=True)
class LagJump:
    """A sudden change of the lag, as a dropout makes it.

    Attributes:
        after_seconds: the last moment, in the input's time, at which the lag was seen to be the old one.
        before_seconds: the first at which it was seen to be the new one.
        samples: new lag less old.
        steady: whether the lag was constant on both sides, as with a dropout and unlike with a vibrato.
    """

    after_seconds: float
    before_seconds: float
    samples: float
    steady: bool


@dataclass(frozen=True)
class Alignment:
    """Where the target lies against the input.

    Attributes:
        lag_samples: positive: the target is late (see :func:`estimate_alignment`).
        polarity: -1 where the target is upside down: the sign of the linear response's largest tap.
        confidence: 0 (no lag is better than another) to 1 (no other lag comes near).
        drift_samples: how much the lag grows steadily from the first to the last frame, as with clocks that differ.
        jumps: sudden changes of the lag.
        main_tap_samples: the lag of the response's largest tap; never less than ``lag_samples``.
        explained: the part of the target's energy that a linear filter explains, both pre-emphasised; 1 is all.
        order: 1; or 2 where the target follows the input's magnitude, as behind a full-wave rectifier or octave fuzz.
            Then ``polarity`` and ``explained`` are those of the magnitude's response.
    """

    lag_samples: int
    polarity: int
    confidence: float
    drift_samples: float
    jumps: tuple[LagJump, ...] = ()
    main_tap_samples: int = 0
    explained: float = 0.0
    order: int = 1
