# SPDX-License-Identifier: MIT
"""The style of the figures in the docs, and how they are written."""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

BLUE, ORANGE, GREY, RED = "#2b5fa8", "#c9701b", "#888888", "#b33a3a"
STYLE: dict[Any, Any] = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 10,
    "grid.color": "#dddddd",
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "fxtrain",
}


def new_figure(width: float, height: float, *, rows: int = 1, columns: int = 1) -> tuple[Figure, Any]:
    """A figure of so many inches on white, and its axes."""
    figure = Figure(figsize=(width, height), facecolor="white", layout="constrained")
    FigureCanvasSVG(figure)
    return figure, figure.subplots(rows, columns)


def save(figure: Figure, path: Path) -> None:
    """Writes an SVG that is the same each time."""
    picture = io.StringIO()
    figure.savefig(picture, format="svg", metadata={"Date": None, "Creator": "fxtrain"})
    path.write_text("".join(line.rstrip() + "\n" for line in picture.getvalue().splitlines()), encoding="utf-8")


def draw_all(figures: Mapping[str, Callable[[Path], None]], description: str) -> None:
    """The program of a script: draws its figures into a folder."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "images", metavar="DIR")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        for name, draw in figures.items():
            draw(args.out / f"{name}.svg")
