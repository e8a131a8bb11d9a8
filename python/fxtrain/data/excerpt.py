# SPDX-License-Identifier: MIT
"""A stretch of a dry/wet pair, as recordings are divided into."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["Excerpt", "Peaks", "joined"]


@dataclass(frozen=True, kw_only=True)
class Excerpt:
    """A stretch of one aligned pair.

    Attributes:
        input: dry signal, shape ``(frames,)``, float32.
        target: device output, same shape.
        weight: how much its error counts.
        clip_frames: 0, or the recording is clips of so many frames joined: state is reset at each join.
        skip_frames: frames at the start of each clip (or of the recording) that only warm the state up.
        lead_in: dry signal before ``input``, to let the state run in before scoring; empty at a true start.
    """

    input: NDArray[np.float32]
    target: NDArray[np.float32]
    weight: float = 1.0
    clip_frames: int = 0
    skip_frames: int = 0
    lead_in: NDArray[np.float32] | None = None

    def clips(self) -> list[tuple[int, int]]:
        """First and one-past-last frame of each clip; a remainder shorter than a clip is left out."""
        if not self.clip_frames:
            return [(0, len(self.input))]
        return [
            (start, start + self.clip_frames)
            for start in range(0, len(self.input) - self.clip_frames + 1, self.clip_frames)
        ]

    def with_later_target(self, frames: int) -> Excerpt:
        """The same stretch, not in clips, with a target that is later by so many frames; as many fewer are left."""
        if frames >= len(self.input):
            return self
        lead_in = self.lead_in
        if lead_in is not None and len(lead_in):
            lead_in = np.concatenate([lead_in, self.input[:frames]])
        return replace(
            self, input=self.input[frames:], target=self.target[: len(self.target) - frames], lead_in=lead_in
        )


@dataclass(frozen=True)
class Peaks:
    """The highest samples of a recording, dry and wet; full scale is 1."""

    input: float
    output: float

    @classmethod
    def of(cls, excerpts: Iterable[Excerpt]) -> Self:
        """Those of all excerpts together; 0 where there are none."""
        input = output = 0.0
        for excerpt in excerpts:
            input = max(input, float(np.abs(excerpt.input).max(initial=0.0)))
            output = max(output, float(np.abs(excerpt.target).max(initial=0.0)))
        return cls(input, output)

    def ceiling(self, times: float) -> float:
        """The highest credible output for an input of ``times`` the recording's level: a linear device's, plus 2 dB.

        It is no lower because a network that adds its input to its output would have to cancel that input.

        >>> Peaks(0.8, 0.5).ceiling(4.0)
        2.5
        """
        return 1.25 * self.output * times


def joined(pieces: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """One after the other; of a single piece no copy."""
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
