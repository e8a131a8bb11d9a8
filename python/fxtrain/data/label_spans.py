# SPDX-License-Identifier: MIT
"""Labels with times: which phone is spoken when."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fxtrain.errors import InputError
from fxtrain.files import read_file
from fxtrain.text import quoted

__all__ = ["Span", "frame_labels", "read_spans", "spans_of"]

_LARGEST_FILE = 16 << 20  # bytes


@dataclass(frozen=True)
class Span:
    """A stretch of a recording with one label.

    Attributes:
        label: such as a phone.
        start: in seconds.
        end: in seconds.
    """

    label: str
    start: float
    end: float


def read_spans(path: Path) -> list[Span]:
    """Reads an ``.lab`` file of Festival: a header that ends with ``#``, then lines of end, colour and label.

    Each span begins where the one before ends, the first one at 0.

    Raises:
        InputError: it is none.
    """
    expected = "expected lines of end in seconds, a number and a label, behind a line with #"
    try:
        text = read_file(path, at_most=_LARGEST_FILE, expected="labels with times").decode("utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; {expected}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is no text in UTF-8; {expected}") from None
    lines = text.splitlines()
    first = next((index for index, line in enumerate(lines) if line.strip() == "#"), -1) + 1
    spans: list[Span] = []
    for number, line in enumerate(lines[first:], start=first + 1):
        if not (words := line.split()):
            continue
        try:
            end = float(words[0])
        except ValueError:
            end = math.nan
        start = spans[-1].end if spans else 0.0
        if len(words) < 3 or not math.isfinite(end) or end < start:
            raise InputError(f"line {number} of {path} is {quoted(line.strip()[:60])}; {expected}, in order of time")
        spans.append(Span(words[2], start, end))
    if not spans:
        raise InputError(f"{path} has no labels; {expected}")
    return spans


def frame_labels(
    spans: Sequence[Span], numbers: Mapping[str, int], num_frames: int, frame_seconds: float
) -> NDArray[np.int64]:
    """The number of the label in the middle of each frame, -1 behind the last span.

    >>> frame_labels([Span("a", 0.0, 0.02), Span("b", 0.02, 0.03)], {"a": 0, "b": 1}, 4, 0.01).tolist()
    [0, 0, 1, -1]
    """
    middles = (np.arange(num_frames) + 0.5) * frame_seconds
    place = np.searchsorted([span.end for span in spans], middles, side="right")
    codes = np.array([*(numbers[span.label] for span in spans), -1], np.int64)
    return codes[place]


def spans_of(labels: Sequence[int] | NDArray[np.integer], names: Sequence[str], frame_seconds: float) -> list[Span]:
    """Runs of equal frames as spans; those of -1 are left out.

    >>> spans_of([0, 0, 1], ["a", "b"], 0.5)
    [Span(label='a', start=0.0, end=1.0), Span(label='b', start=1.0, end=1.5)]
    """
    values = np.asarray(labels)
    edges = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    return [
        Span(names[values[start]], start * frame_seconds, end * frame_seconds)
        for start, end in itertools.pairwise(edges)
        if end > start and values[start] >= 0
    ]
