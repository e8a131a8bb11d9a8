# SPDX-License-Identifier: MIT
"""Splitting one recording in time into training, validation and test parts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from fxtrain.config import configuration
from fxtrain.errors import DataCheckError

__all__ = ["SplitConfig", "split_in_time"]

Fraction = Annotated[float, Field(gt=0, lt=0.5)]


@configuration
class SplitConfig:
    """How one recording is divided.

    Attributes:
        validation_fraction: share of the frames that chooses the best weights.
        test_fraction: share of the frames that training never sees.
        gap_seconds: guard between two parts, in neither of them; at most a fiftieth of the recording.
        train_seconds: how much of each recording's training part is used, from its start; 0 uses all of it. The other
            parts stay as they are, so that runs on different amounts are judged alike.
    """

    validation_fraction: Fraction = 0.1
    test_fraction: Fraction = 0.1
    gap_seconds: Annotated[float, Field(ge=0, le=3600)] = 0.25
    train_seconds: Annotated[float, Field(ge=0, le=1e6)] = 0.0


def split_in_time(
    num_frames: int, sample_rate: int, config: SplitConfig, *, clip_frames: int = 0
) -> dict[str, tuple[int, int]]:
    """First and one-past-last frame of each part, in the order training, validation, test.

    ::

        |<-------- train -------->| gap |<- validation ->| gap |<- test ->|

    Args:
        num_frames: length of the recording.
        sample_rate: in Hz.
        config: shares and gap.
        clip_frames: when not 0, the recording is clips of so many frames; parts end at joins and no gap is needed.

    Raises:
        DataCheckError: a part would be empty.
    """
    if clip_frames:
        clips = num_frames // clip_frames
        test = max(1, round(clips * config.test_fraction))
        validation = max(1, round(clips * config.validation_fraction))
        train = clips - validation - test
        if train < 1:
            raise DataCheckError(
                f"the recording holds {clips} clips of {clip_frames} frames, but a split needs at least 3; "
                "give more material, or --val and --test files"
            )
        edges = [0, train, train + validation, clips]
        return {
            name: (edges[i] * clip_frames, edges[i + 1] * clip_frames)
            for i, name in enumerate(("train", "validation", "test"))
        }
    gap = min(round(config.gap_seconds * sample_rate), num_frames // 50)
    validation = round(num_frames * config.validation_fraction)
    test = round(num_frames * config.test_fraction)
    train = num_frames - validation - test - 2 * gap
    if min(train, validation, test) < 1:
        raise DataCheckError(f"{num_frames} frames are too few to split; record more")
    start_validation = train + gap
    start_test = start_validation + validation + gap
    return {
        "train": (0, train),
        "validation": (start_validation, start_validation + validation),
        "test": (start_test, num_frames),
    }
