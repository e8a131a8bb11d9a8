# SPDX-License-Identifier: MIT
"""Drawings for the pages: projections of latents, waves one over the other, and the chain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from fxtrain.report.plots import COLOUR, INK, MUTED, STYLE, add_legend, new_figure, to_svg
from fxtrain.report.sections import COLOURS, Colour

__all__ = ["chain_figure", "class_colour", "projection_figure", "wave_figure"]

Vector = NDArray[np.floating[Any]]
_MOST_POINTS = 600


def class_colour(number: int) -> Colour:
    """Of the source's two classes the first (cats) is orange and the second (dogs) blue."""
    order: list[Colour] = ["prediction", "target", *(name for name in COLOURS if name not in ("prediction", "target"))]
    return order[number % len(order)]


def projection_figure(points: NDArray[np.float64], labels: NDArray[np.int64], classes: Sequence[str]) -> str:
    """Points ``(items, 2)`` in the colours of their classes."""
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(300)
        for number, name in enumerate(classes):
            own = points[labels == number][:_MOST_POINTS]
            colour = COLOUR[class_colour(number)]
            axes.plot(own[:, 0], own[:, 1], "o", color=colour, markersize=4, alpha=0.7, linestyle="none", label=name)
        axes.set_xlabel("first component")
        axes.set_ylabel("second component")
        add_legend(axes)
        return to_svg(figure, "Latents of " + " and ".join(classes) + " on their two principal components.")


def wave_figure(original: Vector, reconstruction: Vector, sample_rate: int) -> str:
    """The original above its reconstruction, on one time axis."""
    seconds = np.arange(len(original)) / sample_rate
    most = float(max(np.abs(original).max(), np.abs(reconstruction).max(), 1e-6))
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(260, head=8.0, nrows=2)
        for place, wave, name, colour in (
            (axes[0], original, "original", COLOUR["target"]),
            (axes[1], reconstruction, "reconstruction", COLOUR["prediction"]),
        ):
            place.plot(seconds, wave, color=colour, linewidth=0.6)
            place.set_ylim(-1.05 * most, 1.05 * most)
            place.set_ylabel(name)
        axes[1].set_xlabel("seconds")
        return to_svg(figure, "Wave of an original above its reconstruction.")


def chain_figure(steps: Sequence[tuple[str, str]], *, in_row: int = 3) -> str:
    """Boxes, each with a name and a line of detail, joined by arrows, row by row."""
    rows = -(-len(steps) // in_row)
    with mpl.rc_context(STYLE | {"axes.grid": False}):
        figure, axes = new_figure(90 * rows + 46, width=460.0, head=8.0)
        axes.set_axis_off()
        for number, (name, detail) in enumerate(steps):
            left, top = number % in_row + 0.08, rows - number // in_row - 0.12
            box = mpl.patches.FancyBboxPatch(
                (left, top - 0.72),
                0.8,
                0.68,
                boxstyle="round,pad=0,rounding_size=0.05",
                linewidth=1.0,
                edgecolor=COLOUR["target"],
                facecolor="none",
            )
            axes.add_patch(box)
            axes.text(left + 0.4, top - 0.28, name, ha="center", va="center", color=INK, fontsize=11.5)
            axes.text(left + 0.4, top - 0.5, detail, ha="center", va="center", color=MUTED, fontsize=9)
            if number:
                start, end = ((left - 0.2, top - 0.38), (left, top - 0.38))
                if number % in_row == 0:
                    start, end = ((in_row - 0.52, top + 0.28), (left + 0.4, top - 0.04))
                axes.annotate("", xy=end, xytext=start, arrowprops={"arrowstyle": "->", "color": MUTED})
        axes.set_xlim(0, in_row)
        axes.set_ylim(0, rows)
        return to_svg(figure, "The chain: " + ", ".join(name for name, _ in steps) + ".")
