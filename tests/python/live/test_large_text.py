# SPDX-License-Identifier: MIT

from __future__ import annotations

import functools
import string
import subprocess
import sys
import unicodedata
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fxtrain.live.large_text import large_text, quadrants, rasterise

FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"
CORNERS = ("UPPER LEFT", "UPPER RIGHT", "LOWER LEFT", "LOWER RIGHT")
HALVES = {
    "FULL BLOCK": CORNERS,
    "UPPER HALF BLOCK": CORNERS[:2],
    "LOWER HALF BLOCK": CORNERS[2:],
    "LEFT HALF BLOCK": CORNERS[::2],
    "RIGHT HALF BLOCK": CORNERS[1::2],
    "SPACE": (),
}


def pixels(lines: tuple[str, ...] | list[str]) -> NDArray[np.bool_]:
    """The pixels of quadrant blocks, by the names that Unicode gives them."""
    drawn = np.zeros((2 * len(lines), 2 * len(lines[0])), np.bool_)
    for y, row in enumerate(lines):
        for x, block in enumerate(row):
            name = unicodedata.name(block)
            filled = HALVES.get(name, CORNERS)
            if name not in HALVES:
                filled = tuple(corner for corner in CORNERS if corner in name)
            for corner in filled:
                drawn[2 * y + corner.startswith("LOWER"), 2 * x + corner.endswith("RIGHT")] = True
    return drawn


@functools.cache
def ink(text: str) -> Image.Image:
    """The text as Pillow draws it, 100 pixels to the em, cropped to its ink."""
    image = Image.new("L", (200 * len(text), 200))
    ImageDraw.Draw(image).text((50, 50), text, fill=255, font=ImageFont.truetype(str(FONT), 100))
    return image.crop(image.getbbox())


@functools.cache
def reference(text: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The text's ink averaged to a bitmap of this shape; 0 to 1."""
    return np.asarray(ink(text).resize(shape[::-1], Image.Resampling.BOX), np.float64) / 255


@pytest.mark.parametrize("cap_height", [8, 12, 24])
def test_letters_have_the_shape_of_the_font_in_half_row_pixels(cap_height: int) -> None:
    for letter in string.ascii_letters + string.digits + "ÄÉßøŁЖΩ♯":
        bitmap, above = rasterise(letter, cap_height)
        wanted = reference(letter, bitmap.shape)
        # Stems are moved by up to half a pixel, and the height of small letters is rounded: an edge in ten may differ.
        difference = float(np.mean(np.abs(bitmap - wanted)))
        assert difference < (0.3 if cap_height == 8 else 0.2), (letter, difference)
        assert 0 < above <= bitmap.shape[0] or letter in "♯"


@pytest.mark.parametrize(("cap_height", "stretch"), [(5, 0.8), (6, 0.7), (8, 1.0)])
def test_each_letter_is_most_like_itself(cap_height: int, stretch: float) -> None:
    alphabet = [*string.ascii_uppercase, *string.digits]
    drawn = {letter: rasterise(letter, cap_height, stretch=stretch)[0] for letter in alphabet}
    for letter, bitmap in drawn.items():
        distances = {}
        for other in alphabet:
            height, width = drawn[other].shape
            different_size = abs(height - bitmap.shape[0]) + abs(width - bitmap.shape[1])
            distances[other] = float(np.mean(np.abs(bitmap - reference(other, bitmap.shape)))) + 0.05 * different_size
        nearest = min(distances, key=lambda other: distances[other])
        assert nearest == letter or {nearest, letter} in ({"O", "0"}, {"S", "5"}), (letter, nearest)


def test_capitals_are_as_high_as_asked_for_and_stand_on_the_baseline() -> None:
    for cap_height in range(4, 40):
        bitmap, above = rasterise("HEL", cap_height)
        assert bitmap.shape[0] == above == cap_height
        assert rasterise("gp", cap_height)[0].shape[0] > rasterise("gp", cap_height)[1]


@pytest.mark.parametrize("cap_height", [6, 7, 8, 10])
def test_a_dot_stands_apart_from_its_letter(cap_height: int) -> None:
    for letter in "ijéü":
        inked = rasterise(letter, cap_height)[0].any(axis=1)
        assert inked[0]
        assert not inked[1:4].all(), letter


def test_pixels_are_twice_as_high_as_wide() -> None:
    bitmap, _ = rasterise("H", 100)
    assert bitmap.shape[1] / bitmap.shape[0] == pytest.approx(2 * ink("H").width / ink("H").height, rel=0.03)


def test_quadrants_keep_every_pixel() -> None:
    bitmap = np.random.default_rng(1).random((7, 11)) < 0.5
    drawn = pixels(quadrants(bitmap))
    assert drawn.shape == (8, 12)
    assert np.array_equal(drawn[:7, :11], bitmap)
    assert not drawn[7].any()
    assert not drawn[:, 11].any()


@pytest.mark.parametrize(
    "text", ["Lowlight Valve", "i", "Ängströms «Großer» Übersteuerer 3½", "MUTED", "\N{MINUS SIGN}12.5"]
)
def test_text_keeps_within_its_room_and_gets_no_smaller_with_more(text: str) -> None:
    heights = []
    for columns, rows in [(4, 2), (20, 3), (40, 4), (58, 4), (98, 5), (98, 8), (198, 12), (400, 20)]:
        lines = large_text(text, columns=columns, rows=rows)
        assert len(lines) <= rows
        assert len({len(row) for row in lines}) <= 1
        assert all(len(row) <= columns for row in lines)
        assert set("".join(lines)) <= set(" ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█")
        heights.append(len(lines))
    assert heights == sorted(heights)
    assert heights[-1] >= 14


def test_text_that_does_not_fit_ends_in_an_ellipsis_only_where_that_is_wanted() -> None:
    name = "Lowlight Valve through the open back cabinet of 1967"
    assert large_text(name, columns=80, rows=5) == ()
    lines = large_text(name, columns=80, rows=5, shorten=True)
    assert 60 < len(lines[0]) <= 80
    drawn = pixels(lines)
    starts = np.flatnonzero(np.diff(np.concatenate([[0], drawn.any(axis=0).astype(int)])) == 1)
    upper = drawn[: drawn.shape[0] // 2]
    assert not upper[:, starts[-3] :].any()  # three dots, and before them a letter
    assert upper[:, starts[-4] : starts[-3]].any()


def test_texts_share_a_size_where_room_is_kept_for_other_letters() -> None:
    with_descender = large_text("Hug", columns=100, rows=5, room_for="Hg")
    without = large_text("Hum", columns=100, rows=5, room_for="Hg")
    assert len(with_descender) == len(without)
    assert [row[:6] for row in with_descender] == [row[:6] for row in without]


def test_an_inset_leaves_half_a_row_above_and_below() -> None:
    drawn = pixels(large_text("REC", columns=40, rows=4, inset=1))
    assert drawn.shape[0] == 8
    assert not drawn[0].any()
    assert not drawn[-1].any()
    assert drawn[1].any()
    assert drawn[-2].any()


def test_composed_and_decomposed_letters_look_the_same() -> None:
    for text in ("é", "Å", "x̄"):
        composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
        assert np.array_equal(rasterise(composed, 12)[0], rasterise(decomposed, 12)[0])
    assert rasterise("x̄", 12)[0].shape[0] > rasterise("x", 12)[0].shape[0]


@pytest.mark.parametrize("text", ["", " ", "真空管", "مضخم", "מגבר", "🎸", "tube 🎸"])
def test_text_that_the_font_cannot_draw_is_left_to_the_terminal(text: str) -> None:
    assert large_text(text, columns=100, rows=6, shorten=True) == ()


def test_no_room_gives_nothing() -> None:
    assert large_text("Valve", columns=3, rows=5, shorten=True) == ()
    assert large_text("Valve", columns=100, rows=1) == ()


def test_matplotlib_is_imported_only_to_draw_and_only_its_font_reader() -> None:
    script = (
        "import sys; import fxtrain.live.large_text as t; assert 'matplotlib' not in sys.modules;"
        "assert t.large_text('A', columns=20, rows=4);"
        "assert not {'matplotlib.pyplot', 'matplotlib.font_manager', 'matplotlib.figure'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)
