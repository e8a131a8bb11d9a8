# SPDX-License-Identifier: MIT
"""Drawings of animals, and short videos of them: pictures of several classes for demos and tests."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxtrain.errors import ConfigError
from fxtrain.extras import require
from fxtrain.text import quoted

__all__ = ["DRAWINGS", "draw_animal", "write_drawing", "write_video"]

Pixels = NDArray[np.uint8]
Random = np.random.Generator
_OVERSAMPLING = 3


def draw_animal(kind: str, seed: int, *, size: int = 256, shift: tuple[float, float] = (0.0, 0.0)) -> Pixels:
    """A drawing; one seed is one animal.

    Args:
        kind: one of :data:`DRAWINGS`.
        seed: of shape, colours, place and background.
        size: width and height in pixels.
        shift: moves the animal, in widths of the picture.

    Returns:
        Shape ``(size, size, 3)``.

    Raises:
        ConfigError: an unknown kind, or Pillow is not installed.
    """
    if kind not in DRAWINGS:
        raise ConfigError(f"unknown drawing {quoted(kind)}; there are {', '.join(DRAWINGS)}")
    image_module: Any = require("PIL.Image", purpose="drawing pictures")
    draw_module: Any = require("PIL.ImageDraw", purpose="drawing pictures")
    random = np.random.default_rng([zlib.crc32(kind.encode()), seed])
    whole = size * _OVERSAMPLING
    sky = _colour(random, (150, 255))
    ground = _colour(random, (110, 210))
    image = image_module.new("RGB", (whole, whole), sky)
    pen = _Pen(draw_module.Draw(image), whole, random)
    draw_module.Draw(image).rectangle((0, round(whole * random.uniform(0.62, 0.85)), whole, whole), fill=ground)
    pen.move(random.uniform(-0.06, 0.06) + shift[0], random.uniform(-0.06, 0.06) + shift[1])
    pen.zoom(random.uniform(0.75, 1.05), flip=bool(random.integers(2)))
    DRAWINGS[kind](pen, random)
    small = image.resize((size, size), image_module.Resampling.BOX)
    noise = random.normal(0.0, 3.0, (size, size, 1))
    return np.asarray(np.clip(np.asarray(small, dtype=np.float64) + noise, 0, 255), dtype=np.uint8)


def write_drawing(path: Path, kind: str, seed: int, *, size: int = 256) -> None:
    """Writes a drawing as a picture, in the format that the suffix names."""
    image_module: Any = require("PIL.Image", purpose="drawing pictures")
    image_module.fromarray(draw_animal(kind, seed, size=size)).save(path)


def write_video(path: Path, frames: Sequence[Pixels], *, frames_per_second: int = 8) -> None:
    """Writes frames of shape ``(height, width, 3)`` as a video without sound."""
    av: Any = require("av", purpose="writing videos")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=frames_per_second)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            for packet in stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


class _Pen:
    """Draws shapes in a picture whose sides are 1 long, moved, scaled and mirrored as a whole."""

    def __init__(self, draw: Any, size: int, random: Random) -> None:
        self._draw, self._size, self._random = draw, size, random
        self._x, self._y, self._scale, self._sign = 0.0, 0.0, 1.0, 1.0

    def move(self, x: float, y: float) -> None:
        """Moves all that follows."""
        self._x, self._y = x, y

    def zoom(self, scale: float, *, flip: bool) -> None:
        """Scales all that follows about the centre, and may mirror it."""
        self._scale, self._sign = scale, -1.0 if flip else 1.0

    def _at(self, x: float, y: float) -> tuple[float, float]:
        return (
            self._size * (0.5 + self._x + self._sign * self._scale * (x - 0.5)),
            self._size * (0.5 + self._y + self._scale * (y - 0.5)),
        )

    def oval(self, x: float, y: float, width: float, height: float, fill: tuple[int, int, int]) -> None:
        """An ellipse about a centre."""
        (one, top), (other, bottom) = self._at(x - width / 2, y - height / 2), self._at(x + width / 2, y + height / 2)
        self._draw.ellipse((min(one, other), top, max(one, other), bottom), fill=fill)

    def shape(self, points: Sequence[tuple[float, float]], fill: tuple[int, int, int]) -> None:
        """A polygon, its corners a little off."""
        moved = [self._at(x + self._random.normal(0, 0.004), y + self._random.normal(0, 0.004)) for x, y in points]
        self._draw.polygon(moved, fill=fill)

    def line(self, points: Sequence[tuple[float, float]], width: float, fill: tuple[int, int, int]) -> None:
        """A line with round joints."""
        moved = [self._at(x, y) for x, y in points]
        self._draw.line(moved, fill=fill, width=max(1, round(width * self._scale * self._size)), joint="curve")


def _colour(random: Random, span: tuple[int, int]) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in random.integers(*span, size=3))
    return red, green, blue


_FURS = ((90, 70, 55), (150, 105, 60), (200, 160, 110), (60, 60, 65), (225, 215, 200), (170, 90, 45), (120, 120, 125))


def _fur(random: Random) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """A colour of fur, and a darker one."""
    base = np.array(_FURS[random.integers(len(_FURS))]) + random.integers(-18, 19, size=3)
    bright = tuple(int(value) for value in np.clip(base, 20, 245))
    dark = tuple(int(value) for value in np.clip(base * 0.65, 10, 200))
    return (bright[0], bright[1], bright[2]), (dark[0], dark[1], dark[2])


def _four_legs(pen: _Pen, random: Random, fur: Any, dark: Any, *, length: float) -> None:
    """Body, legs and tail of an animal that looks to the right."""
    thick = random.uniform(0.22, 0.3)
    bottom = 0.55 + thick / 2
    for x in (0.27, 0.36, 0.56, 0.65):
        pen.line([(x, 0.55), (x + random.uniform(-0.02, 0.02), bottom + length)], random.uniform(0.04, 0.06), dark)
    pen.oval(0.46, 0.55, random.uniform(0.48, 0.56), thick, fur)


def _cat(pen: _Pen, random: Random) -> None:
    fur, dark = _fur(random)
    tail = [(0.24, 0.55), (0.12, 0.48), (0.12, random.uniform(0.25, 0.35)), (0.18, 0.25)]
    pen.line(tail, random.uniform(0.025, 0.04), dark)
    _four_legs(pen, random, fur, dark, length=random.uniform(0.12, 0.18))
    y = random.uniform(0.36, 0.42)
    for side in (-1, 1):
        pen.shape(
            [(0.72 + side * 0.1, y - 0.02), (0.72 + side * 0.085, y - 0.17), (0.72 + side * 0.02, y - 0.09)], dark
        )
    pen.oval(0.72, y, random.uniform(0.22, 0.26), random.uniform(0.19, 0.22), fur)
    for side in (-1, 1):
        pen.oval(0.72 + side * 0.05, y - 0.02, 0.04, 0.05, (190, 210, 80))
        pen.oval(0.72 + side * 0.05, y - 0.02, 0.012, 0.045, (10, 10, 10))
        for slope in (-0.02, 0.0, 0.02):
            pen.line([(0.72 + side * 0.03, y + 0.04), (0.72 + side * 0.17, y + 0.04 + slope)], 0.005, (240, 240, 240))
    pen.shape([(0.705, y + 0.025), (0.735, y + 0.025), (0.72, y + 0.045)], (220, 130, 130))


def _dog(pen: _Pen, random: Random) -> None:
    fur, dark = _fur(random)
    pen.line([(0.24, 0.5), (0.14, random.uniform(0.34, 0.44))], random.uniform(0.03, 0.045), fur)
    _four_legs(pen, random, fur, dark, length=random.uniform(0.16, 0.24))
    y = random.uniform(0.34, 0.4)
    pen.line([(0.62, 0.5), (0.7, y)], 0.13, fur)
    pen.oval(0.71, y, 0.2, 0.18, fur)
    pen.oval(0.82, y + 0.04, random.uniform(0.17, 0.22), 0.1, fur)  # the muzzle
    pen.oval(0.905, y + 0.02, 0.045, 0.04, (15, 15, 15))
    pen.oval(0.64, y + 0.05, random.uniform(0.07, 0.1), random.uniform(0.2, 0.26), dark)  # a hanging ear
    pen.oval(0.75, y - 0.02, 0.03, 0.035, (20, 15, 10))
    if random.uniform() < 0.5:
        pen.shape([(0.83, y + 0.085), (0.87, y + 0.085), (0.855, y + 0.16), (0.84, y + 0.16)], (225, 90, 100))


def _cow(pen: _Pen, random: Random) -> None:
    fur, dark = _fur(random)
    pen.line([(0.22, 0.46), (0.17, 0.7)], 0.015, dark)
    _four_legs(pen, random, fur, dark, length=random.uniform(0.14, 0.2))
    for _ in range(4):
        pen.oval(random.uniform(0.3, 0.62), random.uniform(0.5, 0.6), random.uniform(0.05, 0.13), 0.08, dark)
    y = random.uniform(0.4, 0.46)
    for side in (-1, 1):
        pen.line([(0.76 + side * 0.05, y - 0.07), (0.76 + side * 0.11, y - 0.17)], 0.022, (235, 225, 200))
        pen.oval(0.76 + side * 0.13, y - 0.05, 0.1, 0.05, dark)
    pen.oval(0.76, y, 0.17, 0.22, fur)
    pen.oval(0.76, y + 0.09, 0.15, 0.1, (225, 170, 160))
    for side in (-1, 1):
        pen.oval(0.76 + side * 0.045, y - 0.03, 0.03, 0.03, (10, 10, 10))
        pen.oval(0.76 + side * 0.03, y + 0.09, 0.02, 0.025, (60, 30, 30))


def _rabbit(pen: _Pen, random: Random) -> None:
    """Sitting, with long ears and a round tail."""
    fur, dark = _fur(random)
    pen.oval(0.24, 0.62, 0.11, 0.11, (240, 240, 240))
    pen.oval(0.44, 0.6, random.uniform(0.4, 0.48), random.uniform(0.3, 0.36), fur)
    pen.oval(0.4, 0.7, 0.2, 0.16, dark)
    pen.oval(0.62, 0.75, 0.16, 0.07, fur)
    y = random.uniform(0.42, 0.46)
    for x, lean in ((0.62, -0.04), (0.69, 0.01)):
        pen.line([(x, y - 0.04), (x + lean, y - random.uniform(0.24, 0.32))], 0.05, dark)
    pen.oval(0.66, y, 0.2, 0.18, fur)
    pen.oval(0.7, y - 0.02, 0.03, 0.035, (20, 10, 10))
    pen.oval(0.755, y + 0.02, 0.025, 0.02, (230, 140, 150))


def _fox(pen: _Pen, random: Random) -> None:
    """A pointed muzzle, pointed ears, a thick tail with a white tip."""
    fur, dark = _fur(random)
    pen.line([(0.26, 0.55), (0.13, 0.62), (0.09, 0.7)], random.uniform(0.1, 0.13), fur)
    pen.oval(0.08, 0.73, 0.1, 0.09, (245, 245, 240))
    _four_legs(pen, random, fur, dark, length=random.uniform(0.14, 0.2))
    y = random.uniform(0.36, 0.42)
    for x in (0.65, 0.73):
        pen.shape([(x - 0.035, y - 0.04), (x, y - 0.17), (x + 0.035, y - 0.04)], dark)
    pen.oval(0.69, y, 0.19, 0.16, fur)
    pen.shape([(0.74, y - 0.05), (random.uniform(0.87, 0.92), y + 0.05), (0.72, y + 0.075)], (240, 235, 225))
    pen.oval(0.89, y + 0.045, 0.025, 0.025, (15, 15, 15))
    pen.oval(0.72, y - 0.025, 0.025, 0.03, (20, 15, 10))


def _pig(pen: _Pen, random: Random) -> None:
    """A round body, a disc of a snout, short legs."""
    pink = (int(random.integers(215, 250)), int(random.integers(140, 185)), int(random.integers(150, 190)))
    dark = (int(pink[0] * 0.8), int(pink[1] * 0.8), int(pink[2] * 0.8))
    pen.line([(0.2, 0.52), (0.15, 0.48), (0.18, 0.44), (0.14, 0.42)], 0.015, dark)
    _four_legs(pen, random, pink, dark, length=random.uniform(0.06, 0.1))
    pen.oval(0.46, 0.55, random.uniform(0.52, 0.6), random.uniform(0.32, 0.38), pink)
    y = random.uniform(0.46, 0.52)
    for x in (0.68, 0.78):
        pen.shape([(x - 0.04, y - 0.09), (x + 0.01, y - 0.18), (x + 0.04, y - 0.08)], dark)
    pen.oval(0.74, y, 0.22, 0.22, pink)
    pen.oval(0.8, y + 0.03, 0.1, 0.1, dark)
    for side in (-1, 1):
        pen.oval(0.8 + side * 0.022, y + 0.03, 0.016, 0.03, (90, 40, 50))
        pen.oval(0.74 + side * 0.05, y - 0.04, 0.025, 0.025, (15, 10, 10))


def _fish(pen: _Pen, random: Random) -> None:
    """Under water: a body like an eye, a forked tail, fins."""
    bright, dark = _plumage(random)
    pen.shape([(0.3, 0.5), (0.1, random.uniform(0.32, 0.38)), (0.16, 0.5), (0.1, random.uniform(0.62, 0.68))], dark)
    pen.shape([(0.42, 0.4), (0.52, random.uniform(0.22, 0.28)), (0.62, 0.4)], dark)
    pen.oval(0.52, 0.5, random.uniform(0.5, 0.58), random.uniform(0.24, 0.32), bright)
    for x in (0.42, 0.5, 0.58):
        pen.line([(x, 0.43), (x - 0.03, 0.5), (x, 0.57)], 0.012, dark)
    pen.oval(0.7, 0.46, 0.05, 0.05, (250, 250, 250))
    pen.oval(0.71, 0.46, 0.025, 0.025, (10, 10, 10))
    for _ in range(3):
        pen.oval(random.uniform(0.78, 0.95), random.uniform(0.1, 0.4), 0.03, 0.03, (235, 245, 255))


def _plumage(random: Random) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    bright = [int(value) for value in random.integers(30, 250, size=3)]
    dark = [int(value * 0.6) for value in bright]
    return (bright[0], bright[1], bright[2]), (dark[0], dark[1], dark[2])


def _bird(pen: _Pen, random: Random) -> None:
    """On a branch: round body, beak, wing, tail, two thin legs."""
    bright, dark = _plumage(random)
    beak = (240, int(random.integers(120, 200)), 30)
    pen.line([(0.05, 0.84), (0.95, random.uniform(0.78, 0.88))], 0.035, (95, 65, 40))
    for x in (0.46, 0.53):
        pen.line([(x, 0.68), (x, 0.82)], 0.014, beak)
    pen.shape([(0.34, 0.58), (0.08, random.uniform(0.62, 0.74)), (0.12, 0.56), (0.34, 0.48)], dark)
    pen.oval(0.48, 0.55, random.uniform(0.36, 0.42), random.uniform(0.28, 0.34), bright)
    pen.oval(0.65, 0.38, 0.2, 0.19, bright)
    pen.shape([(0.73, 0.35), (random.uniform(0.82, 0.9), 0.39), (0.73, 0.42)], beak)
    pen.oval(0.68, 0.355, 0.035, 0.035, (10, 10, 10))
    pen.shape([(0.55, 0.46), (0.36, 0.47), (0.24, random.uniform(0.62, 0.7)), (0.48, 0.63)], dark)


def _flying_bird(pen: _Pen, random: Random) -> None:
    """In the air: spread wings, a fan of a tail, a beak."""
    bright, dark = _plumage(random)
    beak = (240, int(random.integers(120, 200)), 30)
    lift = random.uniform(0.1, 0.26)
    for side, colour in ((-1, dark), (1, bright)):
        far = 0.5 + side * random.uniform(0.36, 0.44)
        tip = [(0.5, 0.48), (far - side * 0.16, 0.48 - lift), (far, 0.5 - 0.6 * lift), (0.5 + side * 0.04, 0.6)]
        pen.shape(tip, colour)
    pen.shape([(0.46, 0.6), (0.38, 0.84), (0.5, 0.78), (0.62, 0.84), (0.54, 0.6)], dark)
    pen.oval(0.5, 0.54, 0.15, 0.26, bright)
    pen.oval(0.5, 0.38, 0.12, 0.12, bright)
    pen.shape([(0.465, 0.34), (0.535, 0.34), (0.5, random.uniform(0.24, 0.29))], beak)
    for side in (-1, 1):
        pen.oval(0.5 + side * 0.03, 0.37, 0.02, 0.025, (10, 10, 10))


def _duck(pen: _Pen, random: Random) -> None:
    """On water: a boat of a body, a long neck, a flat beak."""
    bright, dark = _plumage(random)
    beak = (245, int(random.integers(130, 190)), 20)
    pen.shape([(0.3, 0.56), (0.12, 0.46), (0.16, 0.62), (0.34, 0.68)], dark)
    pen.oval(0.46, 0.62, random.uniform(0.46, 0.54), 0.24, bright)
    pen.line([(0.64, 0.6), (0.68, random.uniform(0.38, 0.46)), (0.69, 0.34)], 0.085, bright)
    pen.oval(0.7, 0.32, 0.15, 0.14, dark)
    pen.shape([(0.76, 0.3), (0.9, 0.335), (0.9, 0.36), (0.76, 0.37)], beak)
    pen.oval(0.72, 0.3, 0.025, 0.025, (250, 250, 250))
    pen.oval(0.722, 0.3, 0.014, 0.014, (10, 10, 10))
    pen.oval(0.44, 0.6, 0.28, 0.14, dark)
    for _ in range(3):
        y, x = random.uniform(0.74, 0.85), random.uniform(0.1, 0.6)
        pen.line([(x, y), (x + 0.25, y)], 0.008, (235, 245, 255))


DRAWINGS: dict[str, Callable[[_Pen, Random], None]] = {
    "cat": _cat,
    "dog": _dog,
    "cow": _cow,
    "fox": _fox,
    "pig": _pig,
    "rabbit": _rabbit,
    "fish": _fish,
    "bird": _bird,
    "flying-bird": _flying_bird,
    "duck": _duck,
}
"""What can be drawn."""
