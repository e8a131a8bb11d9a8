# SPDX-License-Identifier: MIT
"""Text in letters several terminal rows high, drawn by Pillow and shown with quadrant blocks.

A terminal cell is about twice as high as it is wide, and a quadrant block splits it in two by two; so a pixel here is
half a column wide, half a row high, and twice as high as it is wide. Letters are drawn far larger than needed, averaged
over the area of each pixel, and moved sideways by less than a pixel to where their stems are sharpest.
"""

from __future__ import annotations

import importlib.util
import math
import re
import unicodedata
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

__all__ = ["large_text", "quadrants", "rasterise"]

EM = 256  # pixels of Pillow's drawing to one em
CAP_HEIGHT, X_HEIGHT = 187, 141  # of DejaVu Sans Bold at that size
INK = 0.45  # share of a pixel that a letter covers to be drawn; a little less than half keeps thin strokes
SMALLEST_CAP_HEIGHT = 4  # pixels: less cannot be read
STRETCHES = (1.0, 0.9, 0.8, 0.7)  # width over natural width, tried in this order

# Bits: 1 upper left, 2 upper right, 4 lower left, 8 lower right.
BLOCKS = np.array(list(" ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"))


@lru_cache(maxsize=1)
def font() -> FreeTypeFont:
    """DejaVu Sans Bold, which comes with matplotlib."""
    from PIL import ImageFont

    found = importlib.util.find_spec("matplotlib")
    assert found is not None
    assert found.origin is not None
    path = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"
    return ImageFont.truetype(str(path), EM, layout_engine=ImageFont.Layout.BASIC)


def clusters(text: str) -> list[str]:
    """Letters, each with the combining marks that follow it."""
    marks = "".join({c for c in text if unicodedata.combining(c)})
    return re.findall(rf".[{re.escape(marks)}]*" if marks else ".", text)


@lru_cache(maxsize=512)
def can_draw(letter: str) -> bool:
    """Whether the font has a letter, and it neither joins its neighbours nor runs from right to left."""
    missing = bytes(font().getmask("\uffff"))
    return letter == " " or (
        unicodedata.bidirectional(letter) not in ("R", "AL", "AN") and bytes(font().getmask(letter)) != missing
    )


@lru_cache(maxsize=2048)
def scaled(cluster: str, cap_height: int, stretch: float) -> tuple[NDArray[np.bool_], int, int]:
    """A letter in pixels of the terminal; the height of small letters is rounded to whole pixels.

    Returns:
        Its bitmap, shape ``(height, width)``; columns from the pen to its left edge; rows from its top to the baseline.
    """
    from PIL import Image, ImageDraw

    left, top, right, bottom = font().getbbox(cluster, anchor="ls")
    step_y = CAP_HEIGHT / cap_height
    step_x = step_y / (2 * stretch)
    above, below = math.ceil(-top / step_y + 0.5), math.ceil(bottom / step_y)
    width = math.ceil((right - left) / step_x) + 1
    pad = math.ceil(step_x) + EM  # what is beside and above the letter is empty
    drawn = Image.new("F", (int(right - left) + 2 * pad, 2 * pad + EM))
    ImageDraw.Draw(drawn).text((pad - left, pad), cluster, fill=1.0, font=font(), anchor="ls")

    def rows(start: float, end: float, count: int, phase: float) -> NDArray[np.float32]:
        """``count`` rows between two heights above the baseline."""
        at = pad - phase * step_x
        box = (at, pad - end, at + width * step_x, pad - start)
        if count == 0:
            return np.empty((0, width), np.float32)
        return np.asarray(drawn.resize((width, count), Image.Resampling.BOX, box=box), np.float32)

    joints = [(-below, -below * step_y), (0, 0.0), (cap_height, CAP_HEIGHT), (above, above * step_y)]
    if cluster[0].islower():
        small = math.floor(X_HEIGHT / step_y + 0.5)
        if cap_height > 5 and (cluster[0] in "ij" or unicodedata.decomposition(cluster[0])):
            small = min(small, cap_height - 2)  # room for a dot, and for a gap below it
        joints.insert(2, (small, X_HEIGHT))
    joints = [joint for joint in joints if joint[0] <= above]
    if joints[-1][0] < above:
        joints.append((above, above * step_y))
    best, contrast = np.zeros((above + below, 0), np.bool_), -1.0
    for phase in np.arange(8) / 8:
        parts = [rows(a[1], b[1], b[0] - a[0], phase) for a, b in pairwise(joints)]
        averaged = np.concatenate(parts[::-1])
        sharpness = float(np.sum(np.square(averaged - INK)))
        if sharpness > contrast:
            best, contrast = averaged >= INK, sharpness
    inked = np.flatnonzero(best.any(axis=0))
    return best[:, inked[0] : inked[-1] + 1] if inked.size else best[:, :0], round(left / step_x), above


def rasterise(text: str, cap_height: int, *, stretch: float = 1.0) -> tuple[NDArray[np.bool_], int]:
    """Draw a line of text.

    Args:
        text: a line of letters that the font has.
        cap_height: height of a capital letter in pixels, each half a terminal row.
        stretch: width over the font's natural width.

    Returns:
        Bitmap of just the ink, shape ``(height, width)``, True where there is ink; rows from its top to the baseline.
    """
    step_x = CAP_HEIGHT / cap_height / (2 * stretch)
    text = unicodedata.normalize("NFC", text)
    placed: list[tuple[int, NDArray[np.bool_], int]] = []
    pen = free = 0
    for index, cluster in enumerate(letters := clusters(text)):
        bitmap, left, above = scaled(cluster, cap_height, stretch)
        if bitmap.shape[1]:
            pen = round(font().getlength("".join(letters[:index])) / step_x)
            at = max(pen + left, free)
            placed.append((at, bitmap, above))
            free = at + bitmap.shape[1] + 1
    if not placed:
        return np.zeros((0, 0), np.bool_), 0
    top = max(above for _, _, above in placed)
    drawn = np.zeros((top + max(bitmap.shape[0] - above for _, bitmap, above in placed), free - 1), np.bool_)
    for at, bitmap, above in placed:
        drawn[top - above : top - above + bitmap.shape[0], at : at + bitmap.shape[1]] |= bitmap
    filled = np.flatnonzero(drawn.any(axis=1))
    return drawn[filled[0] : filled[-1] + 1, placed[0][0] :], top - int(filled[0])


def quadrants(bitmap: NDArray[np.bool_]) -> list[str]:
    """A bitmap as text, two by two pixels to a character; odd sizes are filled up to the right and below."""
    even = np.pad(bitmap.astype(np.uint8), [(0, size % 2) for size in bitmap.shape])
    bits = even[::2, ::2] + 2 * even[::2, 1::2] + 4 * even[1::2, ::2] + 8 * even[1::2, 1::2]
    return ["".join(line) for line in BLOCKS[bits]]


@lru_cache(maxsize=256)
def large_text(
    text: str, *, columns: int, rows: int, room_for: str = "", inset: int = 0, shorten: bool = False
) -> tuple[str, ...]:
    """A line of text in the largest letters that fit.

    Letters get narrower, down to 0.7 of their natural width (the smallest to 0.9), before they get smaller.

    Args:
        text: any text.
        columns: columns to fit into.
        rows: rows to fit into.
        room_for: letters for whose height room is kept, so that texts with and without descenders get the same size.
        inset: empty half rows above and below.
        shorten: end what does not fit in the smallest letters in an ellipsis, rather than to draw nothing.

    Returns:
        Lines of the same width, without blank columns at the right; empty where the font lacks a letter, or has to join
        letters that the terminal joins itself (Arabic, Hebrew, emoji), or where there is no room.
    """
    text = unicodedata.normalize("NFC", " ".join(text.split()))
    if not text or not all(map(can_draw, text)) or rows < SMALLEST_CAP_HEIGHT // 2:
        return ()
    smallest = SMALLEST_CAP_HEIGHT + (rows > 3)
    for cap_height in range(2 * rows, smallest - 1, -1):
        for stretch in STRETCHES if cap_height > SMALLEST_CAP_HEIGHT else STRETCHES[:2]:
            if lines := fitted(text, cap_height, stretch, columns, rows, room_for, inset):
                return lines
    letters = clusters(text) if shorten else []
    for count in range(len(letters) - 1, 0, -1):
        shortened = "".join(letters[:count]).rstrip() + "…"
        if lines := fitted(shortened, smallest, 0.8, columns, rows, room_for, inset):
            return lines
    return ()


def fitted(
    text: str, cap_height: int, stretch: float, columns: int, rows: int, room_for: str, inset: int
) -> tuple[str, ...]:
    """Text of this size, or nothing where it does not fit."""
    step_y = CAP_HEIGHT / cap_height
    left, top, right, bottom = font().getbbox(text, anchor="ls")
    spare = len(text) + 1  # pixels that rounding may save
    if (
        2 * stretch * (right - left) / step_y - spare > 2 * columns
        or (bottom - top) / step_y - 2 > 2 * rows - 2 * inset
    ):
        return ()
    bitmap, ink_above = rasterise(text, cap_height, stretch=stretch)
    height, width = bitmap.shape
    above, below = ink_above, height - ink_above
    if room_for:
        other, above_other = rasterise(room_for, cap_height, stretch=stretch)
        above, below = max(above, above_other), max(below, other.shape[0] - above_other)
    if not 0 < width <= 2 * columns or above + below + 2 * inset > 2 * rows:
        return ()
    start = inset + above - ink_above
    return tuple(quadrants(np.pad(bitmap, [(start, above + below + 2 * inset - start - height), (0, 0)])))
