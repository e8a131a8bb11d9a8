# SPDX-License-Identifier: MIT
"""The report's figures, as SVG that takes its colours and fonts from the page.

Figures are drawn in stand-in colours which :func:`_svg` replaces by CSS variables, so that one drawing serves a light
and a dark page. One visual language throughout: the target is blue, the prediction orange, the dry input grey and
the error pink; on every decibel scale the distance from pink up to blue is the error-to-signal ratio.

Each figure is drawn for the width of half a page or a whole phone.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from fxtrain.report.metrics import (
    Band,
    ErrorOverTime,
    Mask,
    Vector,
    average_power_spectra,
    decibels,
    scored_runs,
)

__all__ = [
    "bands_figure",
    "learning_figure",
    "over_time_figure",
    "spectrogram_figures",
    "spectrum_figure",
    "transfer_figure",
    "zoom_figures",
]

INK, MUTED, GRID, DRY, TARGET, PREDICTION, ERROR = (f"#10020{k}" for k in range(7))
_CSS = {
    INK: "ink",
    MUTED: "muted",
    GRID: "rule",
    DRY: "dry",
    TARGET: "target",
    PREDICTION: "prediction",
    ERROR: "error",
}

_STYLE: dict[Any, Any] = {
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

_AUDIBLE_HZ = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)


def _figure(
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


def _svg(figure: Figure, name: str, description: str) -> str:
    """An ``<svg>`` element for a page that may hold others: unique ids, page colours, a text alternative."""
    stream = io.StringIO()
    # Straight to the canvas: savefig would lay everything out twice.
    cast(Any, figure.canvas).print_svg(stream, metadata={"Date": None, "Creator": None})
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    used = set(re.findall(r"(?:url\(#|href=\"#)([^\")]+)", svg))
    svg = re.sub(r' id="([^"]+)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", svg)
    svg = re.sub(r"(url\(#|href=\"#)", rf"\g<1>{name}-", svg)
    svg = re.sub(r"font: ([^;\"]*?)(\d[\d.]*px) [^;\"]*", r"font-size: \2", svg)
    for colour, variable in _CSS.items():
        svg = svg.replace(colour, f"var(--{variable})")
    svg = re.sub(r'(<svg[^>]*?) width="[^"]+"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]+"', r"\1", svg, count=1)
    label = description.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return re.sub(r"\s*\n\s*", "\n", svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1))


def _log_hz_axis(axes: Axes, low: float, high: float) -> None:
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(FixedLocator([hz for hz in _AUDIBLE_HZ if low <= hz <= high]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda hz, _: _hz(hz)))
    axes.set_xlabel("Hz")


def _hz(hz: float) -> str:
    return f"{hz / 1000:g}k" if hz >= 1000 else f"{hz:g}"


def _legend(axes: Axes, **options: Any) -> None:
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


# Waveforms


def zoom_figures(
    input: Vector, target: Vector, prediction: Vector, sample_rate: float, *, mask: Mask, milliseconds: float = 25.0
) -> list[tuple[str, str]]:
    """Short stretches of waveform: at the loudest passage, where the error is largest, and at a quiet one.

    Returns:
        (what it shows, SVG) for each; fewer for a recording that is too short to hold them.
    """
    width = round(milliseconds * 1e-3 * sample_rate)
    runs = scored_runs(mask)
    starts = np.array(
        [at for start, end in runs for at in range(start, end - width + 1, max(width // 2, 1))], dtype=int
    )
    if not len(starts):
        return []
    with mpl.rc_context(_STYLE):

        def powers(x: Vector) -> Vector:
            energy = np.concatenate((np.zeros(1), np.cumsum(x**2)))
            power: Vector = (energy[starts + width] - energy[starts]) / width
            return power

        level, error = powers(target), powers(prediction - target)
        active = np.flatnonzero(level > 1e-5 * level.max())
        places = {"The loudest passage": int(level.argmax()), "Where the error is largest": int(error.argmax())}
        if len(active):
            places["A quiet passage"] = int(active[np.argsort(level[active])[len(active) // 5]])
        figures = []
        for index, (title, place) in enumerate(places.items()):
            part = slice(int(starts[place]), int(starts[place]) + width)
            figure, axes = _figure(200, width=360)
            ms = np.arange(width) / sample_rate * 1e3
            wrong = prediction[part] - target[part]
            axes.axhline(0.0, color=GRID, linewidth=0.8)
            axes.fill_between(ms, wrong, color=ERROR, alpha=0.45, linewidth=0, label="Error")
            axes.plot(ms, input[part], color=DRY, linewidth=0.9, alpha=0.7, label="Dry")
            axes.plot(ms, target[part], color=TARGET, linewidth=4.0, alpha=0.45, label="Wet")
            axes.plot(ms, prediction[part], color=PREDICTION, linewidth=1.5, label="Prediction")
            reach = 1.15 * max(float(np.max(np.abs([target[part], prediction[part]]))), 1e-9)
            axes.set_ylim(-reach, reach)
            axes.set_xlim(0.0, milliseconds)
            axes.set_xlabel(f"milliseconds from {part.start / sample_rate:.2f} s")
            axes.yaxis.set_major_locator(MaxNLocator(5))
            handles, labels = axes.get_legend_handles_labels()
            _legend(axes, handles=handles[1:] + handles[:1], labels=labels[1:] + labels[:1])
            value = decibels(float(np.sum(wrong**2) / max(np.sum(target[part] ** 2), 1e-30)))
            description = f"{title}: waveforms of wet and prediction; the error is {value:.0f} dB relative to the wet."
            figures.append((title, _svg(figure, f"zoom{index}", description)))
        return figures


def over_time_figure(result: ErrorOverTime, value: float) -> str:
    """Levels of target and error over time, and below them their difference, the ESR in dB."""
    with mpl.rc_context(_STYLE):
        figure, (levels, ratio) = _figure(270, gap=0.3, nrows=2, height_ratios=[3, 2])
        finite = result.target_db[np.isfinite(result.target_db)]
        top = float(finite.max()) if len(finite) else 0.0
        bottom = top - 80.0
        for line, colour, label in ((result.target_db, TARGET, "Wet"), (result.error_db, ERROR, "Error")):
            clipped = np.maximum(line, bottom)
            levels.plot(result.seconds, clipped, color=colour, label=label)
            levels.fill_between(result.seconds, clipped, bottom, color=colour, alpha=0.12, linewidth=0)
        levels.set_ylim(bottom, top + 6.0)
        levels.yaxis.set_major_locator(MaxNLocator(4))
        levels.set_ylabel("level, dBFS")
        _legend(levels)
        with np.errstate(divide="ignore"):
            decibel = 10.0 * np.log10(np.maximum(result.esr, 1e-20))
        ratio.plot(result.seconds, decibel, color=INK, linewidth=1.0)
        overall = f"ESR over all: {decibels(value):.1f} dB".replace("-", "\N{MINUS SIGN}")
        ratio.axhline(decibels(value), color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        ratio.set_title(overall, fontsize=9.5, color=MUTED, loc="right", pad=3)
        shown = decibel[np.isfinite(decibel)]
        if len(shown):
            ratio.set_ylim(max(float(shown.min()), decibels(value) - 40.0) - 3.0, float(shown.max()) + 6.0)
        ratio.yaxis.set_major_locator(MaxNLocator(4))
        ratio.set_ylabel("ESR, dB")
        ratio.set_xlabel("seconds")
        ratio.set_xlim(0.0, 2.0 * result.seconds[-1] - (result.seconds[-2] if len(result.seconds) > 1 else 0.0))
        return _svg(figure, "time", f"Levels of wet and error over time; overall ESR {decibels(value):.1f} dB.")


# Spectra


def spectrum_figure(
    input: Vector, target: Vector, prediction: Vector, sample_rate: float, *, mask: Mask, fraction: int = 6
) -> str:
    """Average spectra, smoothed over a fraction of an octave, in dB relative to the target's highest point."""
    hz, powers = average_power_spectra([input, target, prediction, prediction - target], sample_rate, mask=mask)
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
    reference = curves[1].max()
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(250)
        lines = (
            (0, DRY, 1.0, "Dry"),
            (1, TARGET, 4.0, "Wet"),
            (2, PREDICTION, 1.5, "Prediction"),
            (3, ERROR, 1.4, "Error"),
        )
        for index, colour, width, label in lines:
            alpha = 0.45 if index == 1 else 1.0
            level = 10.0 * np.log10(curves[index] / reference)
            axes.plot(centres, level, color=colour, linewidth=width, alpha=alpha, label=label)
        _log_hz_axis(axes, low, high)
        axes.set_ylim(-100.0, 8.0)
        axes.set_ylabel("dB below the wet's peak")
        axes.yaxis.set_major_locator(MaxNLocator(6))
        _legend(axes)
        return _svg(figure, "spectrum", "Average spectra of dry, wet, prediction and error.")


def bands_figure(bands: Sequence[Band]) -> str:
    """Per octave the target's level, the error's level below it, and the distance between them, the ESR in dB."""
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(250)
        places = np.arange(len(bands))
        axes.plot([], [], "o", color=TARGET, label="Wet")
        axes.plot([], [], "o", color=ERROR, label="Error")
        lowest = 0.0
        for place, band in zip(places, bands, strict=True):
            if band.esr is None:
                axes.annotate("silent", (place, 0.03), xycoords=("data", "axes fraction"), ha="center", color=MUTED)
                continue
            top, ratio = band.target_share_db, decibels(band.esr)
            bottom = max(top + ratio, -110.0)
            lowest = min(lowest, bottom)
            axes.plot([place, place], [top, bottom], color=GRID, linewidth=2.0, zorder=1)
            axes.plot(place, top, "o", color=TARGET, markersize=7)
            axes.plot(place, bottom, "o", color=ERROR, markersize=7)
            axes.annotate(
                f"{ratio:.0f}".replace("-", "\N{MINUS SIGN}"),
                (place, min(top, bottom)),
                xytext=(0, -8),
                textcoords="offset points",
                ha="center",
                va="top",
                fontsize=9.5,
            )
        axes.set_ylim(lowest - 14.0, 8.0)
        axes.set_xlim(-0.6, len(bands) - 0.4)
        axes.set_xticks(places, [_hz(round(band.centre_hz)) for band in bands])
        axes.grid(visible=False, axis="x")
        axes.set_xlabel("octave around, Hz")
        axes.set_ylabel("dB below the whole wet")
        axes.yaxis.set_major_locator(MaxNLocator(6))
        _legend(axes)
        words = ", ".join(
            f"{_hz(round(band.centre_hz))} Hz {decibels(band.esr):.0f} dB" for band in bands if band.esr is not None
        )
        return _svg(figure, "bands", f"ESR per octave: {words}.")


def spectrogram_figures(
    signals: Mapping[str, Vector], sample_rate: float, *, range_db: float = 90.0, num_rows: int = 180
) -> list[tuple[str, str]]:
    """One spectrogram per signal, all on the same axes and the same decibel range.

    The range ends at the highest point of any of them. Frequency is logarithmic.

    Returns:
        (name, SVG) for each signal.
    """
    frames = len(next(iter(signals.values())))
    size = 2048 if sample_rate > 16_000 else 1024
    columns = min(500, max(frames // 64, 2))
    starts = np.linspace(0, max(frames - 1, 0), columns).astype(np.int64)
    low, high = 50.0, 0.48 * sample_rate
    rows = np.geomspace(low, high, num_rows)
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
    figures = []
    with mpl.rc_context(_STYLE | {"axes.grid": False}):
        for index, (name, image) in enumerate(images.items()):
            figure, axes = _figure(210, width=360, head=8.0)
            axes.imshow(
                image,
                cmap="magma",
                vmin=top - range_db,
                vmax=top,
                origin="lower",
                aspect="auto",
                interpolation="none",
                extent=(0.0, frames / sample_rate, math.log10(low), math.log10(high)),
            )
            ticks = [hz for hz in (100, 300, 1000, 3000, 10_000) if hz < high]
            axes.set_yticks([math.log10(hz) for hz in ticks], [_hz(hz) for hz in ticks])
            axes.set_xlabel("seconds")
            axes.set_ylabel("Hz")
            figures.append((name, _svg(figure, f"spectrogram{index}", f"Spectrogram: {name}.")))
    return figures


def colour_scale_css() -> str:
    """The spectrograms' colour scale as a CSS gradient, quiet to loud."""
    stops = mpl.colormaps["magma"](np.linspace(0.0, 1.0, 9))
    return ", ".join(f"#{round(r * 255):02x}{round(g * 255):02x}{round(b * 255):02x}" for r, g, b, _ in stops)


# Behaviour and training


def transfer_figure(input: Vector, target: Vector, prediction: Vector, *, mask: Mask) -> str:
    """How often each pair of input and output level occurs: the curve of a distortion, widened by its memory."""
    every = slice(None, None, max(len(input) // 1_000_000, 1))  # a million frames show the density of any recording
    input, target, prediction = (signal[every] for signal in (input, target, prediction))
    mask = mask[every]
    x = input[mask]
    reach_x = max(float(np.quantile(np.abs(x), 0.9995)), 1e-9) if len(x) else 1.0
    reach_y = max(float(np.max(np.abs(target[mask]))), 1e-9) if len(x) else 1.0
    with mpl.rc_context(_STYLE):
        figure, panels = _figure(230, ncols=2)
        for axes, y, colour, name in zip(
            panels, (target, prediction), ("#2f86c9", "#e0752d"), ("Wet", "Prediction"), strict=True
        ):
            limits = [[-reach_x, reach_x], [-reach_y, reach_y]]
            count, _, _ = np.histogram2d(x, np.clip(y[mask], -reach_y, reach_y), bins=120, range=limits)
            fade = LinearSegmentedColormap.from_list("fade", [(colour, 0.0), (colour, 1.0)])
            density = np.log1p(count.T)
            axes.imshow(
                density,
                cmap=fade,
                vmin=0.0,
                vmax=max(float(density.max()), 1e-9),
                origin="lower",
                aspect="auto",
                interpolation="none",
                extent=(-reach_x, reach_x, -reach_y, reach_y),
                zorder=2,
            )
            axes.set_title(name, fontsize=10.5, loc="left")
            axes.set_xlabel("input")
            axes.xaxis.set_major_locator(MaxNLocator(4))
            axes.yaxis.set_major_locator(MaxNLocator(5))
        panels[0].set_ylabel("output")
        return _svg(figure, "transfer", "Density of output against input, for wet and prediction.")


def learning_figure(
    history: Sequence[Mapping[str, Any]], *, test_esr: float | None = None, fir_esr: float | None = None
) -> str | None:
    """Training loss and validation ESR on a logarithmic axis, over the learning rate; ``None`` without validations.

    Args:
        history: rows of ``log.jsonl``; those with ``event == "validation"`` are drawn.
        test_esr: of the exported model, drawn as a point at the end.
        fir_esr: of the linear baseline on the test part, drawn as a line to beat.
    """
    rows = [row for row in history if row.get("event", "validation") == "validation"]
    rows = [row for row in rows if _positive(row.get("val_esr")) is not None]
    if not rows:
        return None
    seconds = np.array(
        [number if (number := row.get("seconds")) is not None else math.nan for row in rows], dtype=float
    )
    by_time = bool(np.isfinite(seconds).all() and (np.diff(seconds) > 0.0).all())
    x = seconds / 60.0 if by_time else np.array([float(row.get("step", k)) for k, row in enumerate(rows)])
    with mpl.rc_context(_STYLE):
        figure, (curve, rate) = _figure(270, gap=0.15, nrows=2, height_ratios=[4, 1])
        loss = _series(rows, "train_loss")
        validation = _series(rows, "val_esr")
        marker = "." if len(rows) < 40 else ""
        if np.isfinite(loss).any():
            curve.plot(x, loss, color=DRY, linewidth=1.0, marker=marker, label="Training loss")
        curve.plot(x, validation, color=PREDICTION, marker=marker, label="Validation ESR")
        best = int(np.nanargmin(validation))
        curve.plot(x[best], validation[best], "o", color=PREDICTION, markersize=7, label="Best, kept")
        if _positive(test_esr) is not None:
            curve.axhline(test_esr, color=INK, linewidth=0.9, linestyle=(0, (1, 2)), label="Test ESR")
        curve.set_yscale("log")
        bottom, top = curve.get_ylim()
        if _positive(fir_esr) is not None:
            curve.axhline(fir_esr, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
            curve.annotate(
                "linear filter",
                (1.0, fir_esr),
                xycoords=("axes fraction", "data"),
                xytext=(0, 3),
                textcoords="offset points",
                ha="right",
                color=MUTED,
                fontsize=9.5,
            )
            top = max(top, 1.6 * float(fir_esr or 0.0))
        curve.set_ylim(bottom, top)
        curve.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if top < 1000.0 * bottom else (1.0,)))
        curve.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        curve.yaxis.set_minor_locator(NullLocator())
        _legend(curve)
        rates = _series(rows, "learning_rate")
        rate.plot(x, rates, color=MUTED, linewidth=1.0)
        rate.set_ylim(0.0, 1.15 * float(np.nanmax(rates)) if np.isfinite(rates).any() else 1.0)
        rate.yaxis.set_major_locator(MaxNLocator(2))
        rate.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        rate.set_ylabel("rate")
        rate.set_xlabel("minutes" if by_time else "steps")
        rate.set_xlim(0.0, 1.02 * max(float(x[-1]), 1e-9))
        return _svg(figure, "learning", f"Learning curve; best validation ESR {validation[best]:.4g}.")


def _positive(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) and value > 0 else None


def _series(rows: Sequence[Mapping[str, Any]], key: str) -> Vector:
    values = [_positive(row.get(key)) for row in rows]
    return np.array([math.nan if value is None else value for value in values])
