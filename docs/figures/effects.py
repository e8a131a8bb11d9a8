# SPDX-License-Identifier: MIT
"""Draws the figures that explain the effect models, for docs/effect-models.md.

    python docs/figures/effects.py [--out docs/images]

The guitar in them is synthetic.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from drawing import BLUE, GREY, ORANGE, RED, draw_all, new_figure, save
from matplotlib.patches import FancyBboxPatch, Rectangle

from fxtrain.synthetic import synthesise_guitar


def _box(axes: Any, x: float, y: float, text: str, *, colour: str = BLUE, width: float = 0.9) -> None:
    axes.add_patch(
        FancyBboxPatch((x - width / 2, y - 0.3), width, 0.6, boxstyle="round,pad=0.03", fc="white", ec=colour)
    )
    axes.text(x, y, text, ha="center", va="center", fontsize=9)


def _arrow(axes: Any, start: tuple[float, float], end: tuple[float, float], colour: str = GREY, **options: Any) -> None:
    axes.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": colour, **options})


def draw_unrolled(path: Path) -> None:
    """A recurrent network, folded and unrolled over two chunks."""
    figure, axes = new_figure(9, 3.4)
    _box(axes, 0, 1.5, "LSTM")
    _arrow(axes, (0, 0.35), (0, 1.15))
    _arrow(axes, (0, 1.85), (0, 2.65))
    axes.annotate(
        "",
        (0.48, 1.65),
        (0.48, 1.35),
        arrowprops={"arrowstyle": "->", "color": ORANGE, "connectionstyle": "arc3,rad=1.9"},
    )
    axes.text(1.0, 1.5, "$h, c$", color=ORANGE, fontsize=9, va="center")
    axes.text(0, 0.15, "$x$", ha="center", va="center")
    axes.text(0, 2.85, "$y$", ha="center", va="center")
    axes.text(1.75, 1.5, "=", fontsize=18, ha="center", va="center", color=GREY)
    names = ["t", "t+1", "t+2", "t+3", "t+4", "t+5"]
    for index, name in enumerate(names):
        x = 3.0 + 1.5 * index
        _box(axes, x, 1.5, "LSTM")
        _arrow(axes, (x, 0.35), (x, 1.15))
        _arrow(axes, (x, 1.85), (x, 2.65))
        axes.text(x, 0.15, f"$x_{{{name}}}$", ha="center", va="center")
        axes.text(x, 2.85, f"$y_{{{name}}}$", ha="center", va="center")
        _arrow(axes, (x - 1.0, 1.5), (x - 0.5, 1.5), ORANGE)
    _arrow(axes, (11.0, 1.5), (11.5, 1.5), ORANGE)
    bar = 3.0 + 1.5 * 2.5
    axes.plot([bar, bar], [0.55, 2.45], color=RED, linestyle=(0, (4, 3)), linewidth=1.2)
    axes.text(bar, -0.3, "optimiser step", color=RED, ha="center", va="center", fontsize=8.5)
    axes.text(bar - 2.25, 3.4, "chunk", color=GREY, ha="center", fontsize=8.5)
    axes.text(bar + 2.25, 3.4, "next chunk", color=GREY, ha="center", fontsize=8.5)
    axes.set_xlim(-0.7, 11.7)
    axes.set_ylim(-0.6, 3.7)
    axes.axis("off")
    save(figure, path)


def draw_stft(path: Path) -> None:
    """Overlapping windows on a note, and the frames of features that they give."""
    rate, n_fft, hop, num = 16000, 512, 256, 7
    guitar = synthesise_guitar(2, rate, 3)
    start = int(np.argmax(np.abs(guitar))) - 600
    samples = guitar[start : start + n_fft + (num - 1) * hop]
    samples = samples / np.abs(samples).max()
    window = np.hanning(n_fft)
    figure, (above, below) = new_figure(9, 4.6, rows=2)
    t = np.arange(len(samples))
    above.plot(t, samples, color=GREY, linewidth=0.8)
    for index in range(num):
        place = index * hop + np.arange(n_fft)
        colour = ORANGE if index == 2 else BLUE
        above.plot(place, window, color=colour, linewidth=1.6 if index == 2 else 0.7, alpha=1 if index == 2 else 0.6)
    above.set_xlim(0, len(samples))
    above.set_ylim(-1.1, 1.15)
    above.set_ylabel("sound and windows")
    above.set_xticks(np.arange(0, len(samples) + 1, hop))
    above.set_title(f"A window of {n_fft} samples every {hop} samples", fontsize=10)
    frames = np.lib.stride_tricks.sliding_window_view(samples, n_fft)[::hop]
    level = 20 * np.log10(np.abs(np.fft.rfft(frames * window, axis=1)).T + 1e-4)
    below.imshow(level, origin="lower", aspect="auto", cmap="magma", vmin=level.max() - 60, interpolation="none")
    below.add_patch(Rectangle((1.5, -0.5), 1, len(level), fill=False, edgecolor=ORANGE, linewidth=2))
    below.grid(visible=False)
    below.set_xlabel("frame: one step of the recurrent network")
    below.set_ylabel("feature")
    below.set_title(f"{n_fft} / 2 + 1 = {len(level)} features per frame", fontsize=10)
    save(figure, path)


FIGURES = {"effects-unrolled": draw_unrolled, "effects-stft": draw_stft}


if __name__ == "__main__":
    draw_all(FIGURES, __doc__ or "")
