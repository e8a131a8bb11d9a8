# SPDX-License-Identifier: MIT
"""The report's figures, as SVG that takes its colours and fonts from the page.

Figures are drawn in stand-in colours which :func:`to_svg` replaces by CSS variables, so that one drawing serves a light
and a dark page. One visual language throughout: the target is blue, the prediction orange, the dry input grey and
the error pink.

Each figure is drawn for the width of half a page or a whole phone. A task draws figures of its own with
:func:`new_figure`, in the context of :data:`STYLE`, and hands them to :func:`to_svg`.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.image import imsave
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from fxtrain.metrics.effects import Mask, Signal, Vector, average_power_spectra
from fxtrain.report.sections import COLOURS, Colour, Panel, Picture

__all__ = [
    "COLOUR",
    "DRY",
    "ERROR",
    "GRID",
    "INK",
    "MUTED",
    "PREDICTION",
    "STYLE",
    "TARGET",
    "Trace",
    "add_legend",
    "colour_scale_css",
    "draw_reference",
    "format_hz",
    "learning_figure",
    "log_hz_axis",
    "new_figure",
    "spectrogram_figures",
    "spectrogram_strips",
    "spectrum_figure",
    "to_svg",
]

INK = "#100200"
MUTED = "#100201"
GRID = "#100202"
COLOUR: dict[Colour, str] = {name: f"#10030{k}" for k, name in enumerate(COLOURS)}
DRY = COLOUR["dry"]
TARGET = COLOUR["target"]
PREDICTION = COLOUR["prediction"]
ERROR = COLOUR["error"]
_CSS = {INK: "ink", MUTED: "muted", GRID: "rule", **{stand_in: name for name, stand_in in COLOUR.items()}}

STYLE: dict[Any, Any] = {
    "axes.edgecolor": GRID,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.unicode_minus": True,
    "figure.facecolor": "none",
    "font.size": 10.5,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",  # real text: small, selectable, in the page's font
    "svg.hashsalt": "fxtrain",
    "text.color": INK,
    "xtick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.color": GRID,
    "ytick.labelcolor": MUTED,
}
"""For ``matplotlib.rc_context``."""

_AUDIBLE_HZ = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)


def new_figure(
    height: float, width: float = 440.0, *, head: float = 26.0, gap: float = 0.08, **subplots: Any
) -> tuple[Figure, Any]:
    """A figure measured in CSS pixels, and its axes with room for a legend (``head``) and labels."""
    figure = Figure(figsize=(width / 72.0, height / 72.0))
    FigureCanvasSVG(figure)
    grid = figure.add_gridspec(
        subplots.get("nrows", 1),
        subplots.get("ncols", 1),
        left=54.0 / width,
        right=1.0 - 10.0 / width,
        bottom=38.0 / height,
        top=1.0 - head / height,
        hspace=gap,
        wspace=gap,
        height_ratios=subplots.get("height_ratios"),
    )
    return figure, grid.subplots(sharex=True, sharey="row")


def to_svg(figure: Figure, description: str) -> str:
    """An ``<svg>`` element in the page's colours, with a text alternative."""
    stream = io.StringIO()
    # Straight to the canvas: savefig would lay everything out twice.
    cast(Any, figure.canvas).print_svg(stream, metadata={"Date": None, "Creator": None})
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    used = set(re.findall(r"(?:url\(#|href=\"#)([^\")]+)", svg))
    svg = re.sub(r' id="([^"]+)"', lambda m: m[0] if m[1] in used else "", svg)
    svg = re.sub(r"font: ([^;\"]*?)(\d[\d.]*px) [^;\"]*", r"font-size: \2", svg)
    for colour, variable in _CSS.items():
        svg = svg.replace(colour, f"var(--{variable})")
    svg = re.sub(r'(<svg[^>]*?) width="[^"]+"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]+"', r"\1", svg, count=1)
    label = description.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return re.sub(r"\s*\n\s*", "\n", svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1))


def log_hz_axis(axes: Axes, low: float, high: float) -> None:
    """Makes the horizontal axis one of frequency."""
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(FixedLocator([hz for hz in _AUDIBLE_HZ if low <= hz <= high]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda hz, _: format_hz(hz)))
    axes.set_xlabel("Hz")


def format_hz(hz: float) -> str:
    """A frequency as a tick label.

    >>> format_hz(500), format_hz(2000)
    ('500', '2k')
    """
    return f"{hz / 1000:g}k" if hz >= 1000 else f"{hz:g}"


def draw_reference(axes: Axes, value: float, label: str) -> None:
    """A dashed line at a value to compare with, such as a baseline, and its name above the line's right end."""
    axes.axhline(value, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.annotate(
        label,
        (1.0, value),
        xycoords=("axes fraction", "data"),
        xytext=(0, 3),
        textcoords="offset points",
        ha="right",
        color=MUTED,
        fontsize=9.5,
    )


def add_legend(axes: Axes, **options: Any) -> None:
    """A legend above the axes; ``options`` are those of matplotlib."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=4,
        borderaxespad=0.2,
        handlelength=1.2,
        columnspacing=1.4,
        labelcolor=INK,
        **options,
    )


# Spectra


@dataclass(frozen=True, eq=False)
class Trace:
    """A signal whose spectrum is drawn.

    Attributes:
        label: for the legend.
        samples: shape ``(frames,)``.
        colour: of the line.
        width: of the line.
        alpha: its opacity.
    """

    label: str
    samples: Signal
    colour: Colour
    width: float = 1.5
    alpha: float = 1.0


def spectrum_figure(
    traces: Sequence[Trace], sample_rate: float, *, reference: int, mask: Mask | None = None, fraction: int = 6
) -> str:
    """Average spectra, smoothed over a fraction of an octave, in dB relative to the reference's highest point.

    Args:
        traces: signals of one length.
        sample_rate: in Hz.
        reference: index of the trace that the scale refers to.
        mask: which frames count; by default all.
        fraction: bands per octave.
    """
    signals = [trace.samples for trace in traces]
    scored = np.ones(signals[0].shape, dtype=np.bool_) if mask is None else mask
    hz, powers = average_power_spectra(signals, sample_rate, mask=scored)
    low, high = 40.0, min(20_000.0, 0.48 * sample_rate)
    centres = np.geomspace(low, high, 240)
    below, above = (np.interp(centres * 2.0 ** (k / (2.0 * fraction)), hz, np.arange(len(hz))) for k in (-1.0, 1.0))
    spread = np.maximum(above - below, 1.0)
    curves = []
    for power in powers:
        # Mean density within the band: differences of the running sum, at fractional bins.
        total = np.concatenate((np.zeros(1), np.cumsum(power)))
        bins = np.arange(len(total)) - 0.5
        middle = 0.5 * (below + above)
        ends = (np.interp(middle + sign * spread / 2.0, bins, total) for sign in (1.0, -1.0))
        upper, lower = ends
        curves.append(np.maximum((upper - lower) / spread, 1e-20))
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(250)
        for trace, curve in zip(traces, curves, strict=True):
            level = 10.0 * np.log10(curve / curves[reference].max())
            line = {"color": COLOUR[trace.colour], "linewidth": trace.width, "alpha": trace.alpha}
            axes.plot(centres, level, label=trace.label, **line)
        log_hz_axis(axes, low, high)
        axes.set_ylim(-100.0, 8.0)
        axes.set_ylabel(f"dB below the {traces[reference].label.lower()}'s peak")
        axes.yaxis.set_major_locator(MaxNLocator(6))
        add_legend(axes)
        names = [trace.label.lower() for trace in traces]
        joined = " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
        return to_svg(figure, f"Average spectra of {joined}.")


_SPECTROGRAM_HZ = 50.0  # the lowest frequency
_RANGE_DB = 90.0


def spectrogram_figures(signals: Mapping[str, Signal], sample_rate: float) -> list[tuple[str, str]]:
    """One spectrogram per signal, all on the same axes and the same range of 90 dB.

    The range ends at the highest point of any of them. Frequency is logarithmic.

    Returns:
        (name, SVG) for each signal.
    """
    images = _spectrograms(signals, sample_rate)
    seconds = len(next(iter(signals.values()))) / sample_rate
    low, high = _SPECTROGRAM_HZ, 0.48 * sample_rate
    figures = []
    with mpl.rc_context(STYLE | {"axes.grid": False}):
        for name, image in images.items():
            figure, axes = new_figure(210, width=360, head=8.0)
            axes.imshow(
                image,
                cmap="magma",
                vmin=0.0,
                vmax=1.0,
                origin="lower",
                aspect="auto",
                interpolation="none",
                extent=(0.0, seconds, math.log10(low), math.log10(high)),
            )
            ticks = [hz for hz in (100, 300, 1000, 3000, 10_000) if hz < high]
            axes.set_yticks([math.log10(hz) for hz in ticks], [format_hz(hz) for hz in ticks])
            axes.set_xlabel("seconds")
            axes.set_ylabel("Hz")
            figures.append((name, to_svg(figure, f"Spectrogram: {name}.")))
    return figures


def spectrogram_strips(signals: Mapping[str, Signal], sample_rate: float) -> dict[str, Picture]:
    """The same spectrograms without axes, for :attr:`fxtrain.report.sections.Source.strip`."""
    strips = {}
    for name, image in _spectrograms(signals, sample_rate, num_rows=120).items():
        stream = io.BytesIO()
        imsave(stream, image, cmap="magma", vmin=0.0, vmax=1.0, origin="lower", format="png")
        strips[name] = Picture(stream.getvalue(), f"Spectrogram from 50 Hz to {format_hz(round(0.48 * sample_rate))}Hz")
    return strips


def _spectrograms(
    signals: Mapping[str, Signal], sample_rate: float, *, num_rows: int = 180
) -> dict[str, NDArray[np.float64]]:
    """Levels of shape ``(rows, columns)``: 1 is the highest point of any signal, 0 is 90 dB below."""
    frames = len(next(iter(signals.values())))
    size = 2048 if sample_rate > 16_000 else 1024 if sample_rate > 8_000 else 256
    columns = min(500, max(frames // 64, 2))
    starts = np.linspace(0, max(frames - 1, 0), columns).astype(np.int64)
    rows = np.geomspace(_SPECTROGRAM_HZ, 0.48 * sample_rate, num_rows)
    window = np.hanning(size)
    images: dict[str, NDArray[np.float64]] = {}
    for name, x in signals.items():
        padded = np.pad(np.asarray(x, dtype=np.float64), size // 2)
        power = np.abs(np.fft.rfft(padded[starts[:, None] + np.arange(size)] * window)) ** 2
        # The mean power between neighbouring rows where they span several bins, interpolation where they do not.
        at = rows * size / sample_rate
        half = np.maximum(at * (rows[1] / rows[0] - 1.0) / 2.0, 0.5)
        total = np.concatenate((np.zeros((columns, 1)), np.cumsum(power, axis=1)), axis=1)
        bins = np.arange(total.shape[1]) - 0.5
        bands = np.array([np.interp(at + half, bins, line) - np.interp(at - half, bins, line) for line in total]) / (
            2.0 * half
        )
        images[name] = 10.0 * np.log10(np.maximum(bands.T, 1e-20))
    top = max(float(image.max()) for image in images.values())
    return {name: np.clip((image - top) / _RANGE_DB + 1.0, 0.0, 1.0) for name, image in images.items()}


def colour_scale_css() -> str:
    """The spectrograms' colour scale as a CSS gradient, quiet to loud."""
    stops = mpl.colormaps["magma"](np.linspace(0.0, 1.0, 9))
    return ", ".join(f"#{round(r * 255):02x}{round(g * 255):02x}{round(b * 255):02x}" for r, g, b, _ in stops)


# Training


def learning_figure(history: Sequence[Mapping[str, Any]], panels: Sequence[Panel]) -> str | None:
    """Curves of the training log, panel by panel, over the learning rate.

    Args:
        history: rows of ``log.jsonl``; those with ``event == "validation"`` are drawn.
        panels: from top to bottom.

    Returns:
        An SVG; ``None`` if no row has a figure of a criterion, or of any curve if there is no criterion.
    """
    needed = [(panel.criterion, panel) for panel in panels if panel.criterion is not None]
    needed = needed or [(curve.key, panel) for panel in panels for curve in panel.curves]
    rows = [
        row
        for row in history
        if row.get("event", "validation") == "validation"
        and any(_drawable(row.get(key), panel) is not None for key, panel in needed)
    ]
    if not rows:
        return None
    seconds = np.array(
        [number if (number := row.get("seconds")) is not None else math.nan for row in rows], dtype=float
    )
    by_time = bool(np.isfinite(seconds).all() and (np.diff(seconds) > 0.0).all())
    x = seconds / 60.0 if by_time else np.array([float(row.get("step", k)) for k, row in enumerate(rows)])
    lines = max(_legend_lines(panel) for panel in panels)
    several = len(panels) > 1
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(
            270 + 150 * (len(panels) - 1) + 16 * (lines - 1),
            head=26.0 + 16.0 * (lines - 1),
            gap=0.1 + 0.17 * lines if several else 0.15,
            nrows=len(panels) + 1,
            height_ratios=[4] * len(panels) + [1],
        )
        found = [_draw_panel(place, panel, rows, x) for place, panel in zip(axes, panels, strict=False)]
        rate = axes[-1]
        rates = np.array([_drawable(row.get("learning_rate")) or math.nan for row in rows])
        rate.plot(x, rates, color=MUTED, linewidth=1.0)
        rate.set_ylim(0.0, 1.15 * float(np.nanmax(rates)) if np.isfinite(rates).any() else 1.0)
        rate.yaxis.set_major_locator(MaxNLocator(2))
        rate.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        rate.set_ylabel("rate")
        rate.set_xlabel("minutes" if by_time else "steps")
        rate.set_xlim(0.0, 1.02 * max(float(x[-1]), 1e-9))
        figure.align_ylabels(axes)
        return to_svg(figure, "Learning curve" + "".join(f"; best {best}" for best in found if best) + ".")


def _draw_panel(axes: Axes, panel: Panel, rows: Sequence[Mapping[str, Any]], x: Vector) -> str:
    """Draws the curves of a panel and returns its best point in words."""
    marker = "." if len(rows) < 40 else ""
    free = [colour for colour in COLOURS if colour not in {curve.colour for curve in panel.curves}]
    best = ""
    for curve in panel.curves:
        colour = COLOUR[curve.colour or free.pop(0)]
        series = np.array([math.nan if (y := _drawable(row.get(curve.key), panel)) is None else y for row in rows])
        if not np.isfinite(series).any():
            continue
        is_criterion = curve.key == panel.criterion
        axes.plot(
            x,
            series,
            color=colour,
            linewidth=1.4 if panel.criterion in (None, curve.key) else 1.0,
            marker=marker,
            label=curve.label,
        )
        if is_criterion:
            at = int(np.nanargmax(series) if panel.higher_is_better else np.nanargmin(series))
            axes.plot(x[at], series[at], "o", color=colour, markersize=7, label="Best, kept")
            best = f"{curve.label[:1].lower()}{curve.label[1:]} {series[at]:.4g}"
    levels = [level for level in panel.levels if _drawable(level.value, panel) is not None]
    for level in levels:
        if not level.is_rival:
            axes.axhline(float(level.value or 0.0), color=INK, linewidth=0.9, linestyle=(0, (1, 2)), label=level.label)
    axes.set_yscale("log" if panel.logarithmic else "linear")
    bottom, top = axes.get_ylim()
    for level in levels:
        if level.is_rival:
            value = float(level.value or 0.0)
            draw_reference(axes, value, level.label)
            room = 0.15 * (max(top, value) - min(bottom, value))
            top = max(top, 1.6 * value if panel.logarithmic else value + room)
            bottom = min(bottom, value if panel.logarithmic else value - room / 3.0)
    axes.set_ylim(bottom, top)
    if panel.logarithmic:
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if top < 1000.0 * bottom else (1.0,)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.set_ylabel(panel.label)
    if axes.get_legend_handles_labels()[0]:
        add_legend(axes)
    return best


def _legend_lines(panel: Panel) -> int:
    entries = len(panel.curves) + (panel.criterion is not None) + sum(not level.is_rival for level in panel.levels)
    return max(-(-entries // 4), 1)


def _drawable(value: object, panel: Panel | None = None) -> float | None:
    """A value that the panel's axis can show."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return None if (panel is None or panel.logarithmic) and value <= 0.0 else float(value)
