# SPDX-License-Identifier: MIT
"""Text in letters several terminal rows high, drawn with quadrant blocks.

A terminal cell is about twice as high as it is wide, and a quadrant block splits it in two by two; so a pixel here is
half a column wide, half a row high, and twice as high as it is wide. Letters are drawn by FreeType far larger than
needed, averaged over the area of each pixel, and moved sideways by less than a pixel to where their stems are sharpest.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font

__all__ = ["can_draw", "large_text", "quadrants", "rasterise"]

EM = 256  # pixels of FreeType's drawing to one em
CAP_HEIGHT, X_HEIGHT = 187 / EM, 141 / EM  # of DejaVu Sans Bold as FreeType draws it at that size, in em
INK = (
    0.45  # share of a pixel that a letter covers from which on it is drawn; a little less than half keeps thin strokes
)
SMALLEST_CAP_HEIGHT = 4  # pixels: less cannot be read
STRETCHES = (1.0, 0.9, 0.8, 0.7)  # width over natural width, tried in this order
ELLIPSIS = "…"

# Bits: 1 upper left, 2 upper right, 4 lower left, 8 lower right.
BLOCKS = np.array(list(" ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"))


@dataclass(frozen=True)
class Glyph:
    """A letter at EM pixels to the em.

    Attributes:
        coverage: shape ``(height, width)``, 0 to 1.
        left: from the pen to the first column, in pixels.
        top: from the baseline up to the upper edge of the first row, in pixels.
        advance: how far the pen moves, in pixels.
    """

    coverage: NDArray[np.float32]
    left: float
    top: float
    advance: float


@lru_cache(maxsize=1)
def font() -> FT2Font:
    """DejaVu Sans Bold, which comes with matplotlib."""
    import matplotlib
    from matplotlib.ft2font import FT2Font

    face = FT2Font(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"))
    face.set_size(EM, 72)
    return face


def clusters(text: str) -> Iterator[str]:
    """Letters, each with the combining marks that follow it."""
    cluster = ""
    for character in unicodedata.normalize("NFC", text):
        if cluster and unicodedata.combining(character):
            cluster += character
            continue
        if cluster:
            yield cluster
        cluster = character
    if cluster:
        yield cluster


def can_draw(text: str) -> bool:
    """Whether the font has every letter, and none needs joining to its neighbours or runs from right to left."""
    return all(
        character == " "
        or (
            font().get_char_index(ord(character)) != 0 and unicodedata.bidirectional(character) not in ("R", "AL", "AN")
        )
        for character in unicodedata.normalize("NFC", text)
    )


@lru_cache(maxsize=512)
def glyph(cluster: str) -> Glyph:
    """A letter with its marks, as FreeType draws it."""
    face = font()
    advance = face.load_char(ord(cluster[0])).horiAdvance / 64
    face.set_text(cluster)
    face.draw_glyphs_to_bitmap()
    coverage = np.asarray(face.get_image(), np.float32) / np.float32(255)
    return Glyph(coverage, face.get_bitmap_offset()[0] / 64, coverage.shape[0] - face.get_descent() / 64, advance)


@lru_cache(maxsize=512)
def kerning(left: str, right: str) -> float:
    """How much closer than their advances say two letters stand, in pixels; negative: closer."""
    positions = font().set_text(left[0] + right[0])
    return float(positions[1][0]) / 64 - glyph(left[0]).advance if len(positions) == 2 else 0.0


def shares(edges: NDArray[np.float64], length: int) -> NDArray[np.float32]:
    """Share that each of ``length`` unit cells has in each interval between two ``edges``.

    Returns:
        Shape ``(intervals, length)``; a row sums to 1 where its interval lies within the cells.
    """
    cells = np.arange(length)
    low = np.maximum(edges[:-1, None], cells)
    high = np.minimum(edges[1:, None], cells + 1)
    overlap = np.maximum(high - low, 0) / np.diff(edges)[:, None]
    return np.asarray(overlap, np.float32)


@lru_cache(maxsize=2048)
def scaled(cluster: str, cap_height: int, stretch: float) -> tuple[NDArray[np.bool_], int, int]:
    """A letter in pixels of the terminal; the height of small letters is rounded to whole pixels.

    Returns:
        Its bitmap, shape ``(height, width)``; columns from the pen to its left edge; rows from its top to the baseline.
    """
    drawn = glyph(cluster)
    height, width = drawn.coverage.shape
    step_y = EM * CAP_HEIGHT / cap_height
    step_x = step_y / (2 * stretch)
    above = math.ceil(drawn.top / step_y + 0.5)
    below = math.ceil((height - drawn.top) / step_y)
    levels = np.arange(above, -below - 1, -1.0)  # rows' edges, upwards from the baseline
    if cluster[0].islower():
        small = EM * X_HEIGHT
        rounded = math.floor(small / step_y + 0.5)
        if cap_height > 5 and (cluster[0] in "ij" or unicodedata.decomposition(cluster[0])):
            rounded = min(rounded, cap_height - 2)  # room for a dot, and for a gap below it
        levels = np.interp(
            levels,
            [-below, 0, rounded, cap_height, cap_height + above],
            [-below * step_y, 0, small, EM * CAP_HEIGHT, EM * CAP_HEIGHT + above * step_y],
        )
    else:
        levels = levels * step_y
    averaged_rows = shares(drawn.top - levels, height) @ drawn.coverage
    best, contrast = np.zeros((above + below, 0), np.bool_), -1.0
    for phase in np.arange(8) / 8:
        columns = shares((np.arange(math.ceil(width / step_x) + 2) - phase) * step_x, width)
        averaged = averaged_rows @ columns.T
        sharpness = float(np.sum(np.square(averaged - INK)))
        if sharpness > contrast:
            best, contrast = averaged >= INK, sharpness
    inked = np.flatnonzero(best.any(axis=0))
    if inked.size:
        best = best[:, inked[0] : inked[-1] + 1]
    return best, round(drawn.left / step_x), above


def rasterise(text: str, cap_height: int, *, stretch: float = 1.0) -> tuple[NDArray[np.bool_], int]:
    """Draw a line of text.

    Args:
        text: a line that ``can_draw`` accepts.
        cap_height: height of a capital letter in pixels, each half a terminal row.
        stretch: width over the font's natural width.

    Returns:
        Bitmap of just the ink, shape ``(height, width)``, True where there is ink; rows from its top to the baseline.
    """
    step_x = EM * CAP_HEIGHT / cap_height / (2 * stretch)
    placed: list[tuple[int, NDArray[np.bool_], int]] = []
    pen, last, free = 0.0, "", 0
    for cluster in clusters(text):
        pen += kerning(last, cluster) if last else 0.0
        bitmap, left, above = scaled(cluster, cap_height, stretch)
        if bitmap.shape[1]:
            at = max(round(pen / step_x) + left, free)
            placed.append((at, bitmap, above))
            free = at + bitmap.shape[1] + 1
        pen += glyph(cluster).advance
        last = cluster
    if not placed:
        return np.zeros((0, 0), np.bool_), 0
    top = max(above for _, _, above in placed)
    height = top + max(bitmap.shape[0] - above for _, bitmap, above in placed)
    drawn = np.zeros((height, free - 1), np.bool_)
    for at, bitmap, above in placed:
        drawn[top - above : top - above + bitmap.shape[0], at : at + bitmap.shape[1]] |= bitmap
    filled = np.flatnonzero(drawn.any(axis=1))
    left = placed[0][0]
    return drawn[filled[0] : filled[-1] + 1, left:], top - int(filled[0])


def quadrants(bitmap: NDArray[np.bool_]) -> list[str]:
    """A bitmap as text, two by two pixels to a character; odd sizes are filled up to the right and below."""
    height, width = bitmap.shape
    even = np.zeros((height + height % 2, width + width % 2), np.uint8)
    even[:height, :width] = bitmap
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
    text = " ".join(text.split())
    if not text or not can_draw(text) or rows < SMALLEST_CAP_HEIGHT // 2:
        return ()
    smallest = SMALLEST_CAP_HEIGHT + (rows > 3)
    for cap_height in range(2 * rows, smallest - 1, -1):
        for stretch in STRETCHES if cap_height > SMALLEST_CAP_HEIGHT else STRETCHES[:2]:
            lines = fitted(text, cap_height, stretch, columns, rows, room_for, inset)
            if lines:
                return lines
    letters = list(clusters(text)) if shorten else []
    for count in range(len(letters) - 1, 0, -1):
        shortened = "".join(letters[:count]).rstrip() + ELLIPSIS
        lines = fitted(shortened, smallest, 0.8, columns, rows, room_for, inset)
        if lines:
            return lines
    return ()


@lru_cache(maxsize=64)
def extent(text: str) -> tuple[float, float]:
    """Width and height of the ink that EM pixels to the em give, but for spaces; both a little too small."""
    glyphs = [glyph(cluster) for cluster in clusters(text)]
    width = sum(drawn.advance for drawn in glyphs[:-1]) + glyphs[-1].coverage.shape[1] - glyphs[0].left
    top = max(drawn.top for drawn in glyphs)
    return width, top + max(drawn.coverage.shape[0] - drawn.top for drawn in glyphs)


def fitted(
    text: str, cap_height: int, stretch: float, columns: int, rows: int, room_for: str, inset: int
) -> tuple[str, ...]:
    """Text of this size, or nothing where it does not fit."""
    step_y = EM * CAP_HEIGHT / cap_height
    wide, high = extent(text)
    spare = len(text) + 1  # pixels that rounding may save
    if 2 * stretch * wide / step_y - spare > 2 * columns or high / step_y - 2 > 2 * rows - 2 * inset:
        return ()
    bitmap, ink_above = rasterise(text, cap_height, stretch=stretch)
    height, width = bitmap.shape
    if not width or (width + 1) // 2 > columns:
        return ()
    above, below = ink_above, height - ink_above
    if room_for:
        other, top = rasterise(room_for, cap_height, stretch=stretch)
        above, below = max(above, top), max(below, other.shape[0] - top)
    if above + below + 2 * inset > 2 * rows:
        return ()
    drawn = np.zeros((above + below + 2 * inset, width), np.bool_)
    top = inset + above - ink_above
    drawn[top : top + height] = bitmap
    return tuple(quadrants(drawn))
