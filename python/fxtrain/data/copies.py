# SPDX-License-Identifier: MIT
"""Playing that comes twice: it must not both train a model and judge it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxtrain.audio.checks import Verdict
from fxtrain.audio.near_copies import find_near_copies
from fxtrain.audio.repeats import find_copies, joined_stretches
from fxtrain.data.excerpt import Excerpt, joined
from fxtrain.data.recording import LEAST_SECONDS, Recording
from fxtrain.data.spans import Span, places, size, without

__all__ = ["LEAST_PLAYING", "PART_NAMES", "heard_before", "leave_out_copies"]

LEAST_PLAYING = 0.05  # share of a part; below, it holds no playing
_COPY_SECONDS = 0.5  # shorter copies of what judges a part may stay in it
_LEAST_CLIP_FRAMES = 64  # of a copy of half a clip
_MOST_COPIED = 0.5  # share of a part; if more of it are copies, they stay, with a warning
PART_NAMES = {"train": "training", "validation": "validation", "test": "test"}
_COPIES_MEAN = {  # (what judges, what is judged by it): what copies of the one in the other do
    ("test", "train"): "the test ESR is lower than on playing that training has not heard",
    ("test", "validation"): "the test ESR is lower than on playing that did not choose the weights",
    ("validation", "train"): "the choice of the best weights favours what was learned by heart",
}


def leave_out_copies(
    recordings: Sequence[Recording], divided: Sequence[dict[str, list[Span]]]
) -> tuple[list[Recording], list[dict[str, list[Span]]]]:
    """Takes out of training, and then out of validation, what the parts that judge it hold too.

    Capture signals often end as they begin, and loops repeat: a model would be measured on what it was trained on.
    Where copies are half of a part or more, or all of its playing, they stay, and the first recording's report warns
    of them.

    Args:
        recordings: all of them.
        divided: the spans of each part of each, in frames.

    Returns:
        The recordings, with notes on what was left out, and their spans without it.
    """
    recordings, divided = list(recordings), [dict(parts) for parts in divided]
    warnings: list[str] = []
    values: dict[str, Any] = {}
    for judge, part in _COPIES_MEAN:
        copies = _copies(recordings, divided, judge, part)
        num_copied = sum(size(span) for found in copies for span in found)
        num_frames = sum(size(span) for parts in divided for span in parts.get(part, []))
        if num_copied == 0:
            continue
        rate = recordings[0].sample_rate
        left = [without(parts.get(part, []), found, rate) for parts, found in zip(divided, copies, strict=True)]
        if num_copied >= _MOST_COPIED * num_frames or not _holds_playing(recordings, left):
            seconds = f"{num_copied / rate:.1f} of the {num_frames / rate:.1f} s of the {PART_NAMES[part]} part"
            warnings.append(f"{seconds} also come in the {judge} part, so {_COPIES_MEAN[judge, part]}")
            values[f"{part}_in_{judge}_seconds"] = round(num_copied / rate, 2)
            continue
        for index, found in enumerate(copies):
            if found:
                files, divided[index][part] = recordings[index].files, left[index]
                note = (
                    f"{sum(map(size, found)) / rate:.1f} s of {files.input} are left out of the {PART_NAMES[part]} "
                    f"part, as the {judge} part repeats them ({places(found, rate)})"
                )
                recordings[index] = replace(recordings[index], notes=(*recordings[index].notes, note))
    if warnings:
        message = "; ".join(warnings)
        verdict = Verdict(
            "split",
            "warn",
            message[0].upper() + message[1:],
            "give other playing with --val DRY WET and --test DRY WET, or end the recording with playing that does not "
            "come before",
            values,
        )
        report = recordings[0].report
        report = replace(report, verdicts=(*report.verdicts, verdict))
        recordings[0] = replace(recordings[0], report=report)
    return recordings, divided


def _copies(
    recordings: Sequence[Recording], divided: Sequence[dict[str, list[Span]]], judge: str, part: str
) -> list[list[Span]]:
    """For each recording the stretches of ``part`` whose dry signal is also in the ``judge`` part; clips are whole."""
    heard = [
        recording.input[start:end]
        for recording, parts in zip(recordings, divided, strict=True)
        for start, end in parts.get(judge, [])
    ]
    if not heard:
        return [[] for _ in recordings]
    passages = joined(heard)
    rate = recordings[0].sample_rate
    least = min(round(_COPY_SECONDS * rate), max(round(LEAST_SECONDS * rate), len(passages) // 2))
    copies = []
    for recording, parts in zip(recordings, divided, strict=True):
        found = []
        clip_frames = recording.files.clip_frames
        shortest = min(least, max(clip_frames // 2, _LEAST_CLIP_FRAMES)) if clip_frames else least
        for start, end in parts.get(part, []):
            for first, last in _copied(passages, recording.input[start:end], rate, shortest):
                if clip_frames:
                    first, last = first // clip_frames * clip_frames, -(-last // clip_frames) * clip_frames
                found.append((start + first, min(start + last, end)))
        copies.append(joined_stretches(found))
    return copies


def _holds_playing(recordings: Sequence[Recording], spans: Sequence[list[Span]]) -> bool:
    """Whether enough of the spans of all recordings together is playing."""
    sizes = [sum(map(size, chosen)) for chosen in spans]
    shares = [
        recording.playing_share(chosen) if chosen else 0.0 for recording, chosen in zip(recordings, spans, strict=True)
    ]
    return float(np.dot(sizes, shares)) >= LEAST_PLAYING * max(sum(sizes), 1)


def heard_before(heard: Sequence[Excerpt], recording: Recording) -> list[Span]:
    """The stretches of a recording, in frames, whose dry signal is also in excerpts of the same sample rate."""
    passages = joined([excerpt.input for excerpt in heard])
    return _copied(passages, recording.input, recording.sample_rate, round(_COPY_SECONDS * recording.sample_rate))


def _copied(passages: NDArray[np.float32], samples: NDArray[np.float32], sample_rate: int, least: int) -> list[Span]:
    """What ``samples`` share with ``passages``, sample for sample, or but for noise, gain or resampling."""
    exact = find_copies(passages, samples, least)
    return joined_stretches([*exact, *find_near_copies(passages, samples, sample_rate)])
