# SPDX-License-Identifier: MIT
"""Stretches of a recording, as frames from the first to before the last."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["LEAST_SPAN_SECONDS", "Span", "places", "size", "within", "without"]

Span = tuple[int, int]
LEAST_SPAN_SECONDS = 1.0  # what is left between two such stretches is used if it is at least this long


def without(spans: Sequence[Span], left_out: Sequence[Span], sample_rate: int) -> list[Span]:
    """What is left of ``spans``, but for remnants that are too short to train on."""
    left = list(spans)
    for first, last in left_out:
        left = [piece for a, b in left for piece in ((a, min(b, first)), (max(a, last), b)) if piece[0] < piece[1]]
    long_enough = [span for span in left if span in spans or size(span) >= LEAST_SPAN_SECONDS * sample_rate]
    return long_enough or left


def places(spans: Sequence[Span], sample_rate: int) -> str:
    """Spans in seconds, the first four of them."""
    shown = ", ".join(f"{a / sample_rate:.1f} to {b / sample_rate:.1f} s" for a, b in spans[:4])
    return shown + (" and more" if len(spans) > 4 else "")


def within(spans: Sequence[Span], start: int, end: int) -> list[Span]:
    """The stretches of ``spans`` that lie from ``start`` to ``end`` of their joined length."""
    chosen = []
    position = 0
    for first, last in spans:
        a, b = max(start - position, 0), min(end - position, last - first)
        if a < b:
            chosen.append((first + a, first + b))
        position += last - first
    return chosen


def size(part: Span) -> int:
    """Frames in it."""
    return part[1] - part[0]
