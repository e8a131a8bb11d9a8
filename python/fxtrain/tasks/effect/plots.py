# SPDX-License-Identifier: MIT
"""Figures of how a model of an effect differs from the device.

On every decibel scale the distance from pink (the error) up to blue (the device) is the error-to-signal ratio.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import MaxNLocator

from fxtrain.audio.decibels import format_db, power_to_db
from fxtrain.metrics.effects import Band, ErrorOverTime, Mask, Signal, Vector, scored_runs
from fxtrain.report.plots import (
    DRY,
    ERROR,
    GRID,
    INK,
    MUTED,
    PREDICTION,
    STYLE,
    TARGET,
    add_legend,
    format_hz,
    new_figure,
    to_svg,
)

__all__ = ["bands_figure", "over_time_figure", "transfer_figure", "zoom_figures"]


def zoom_figures(
    input: Signal, target: Signal, prediction: Signal, sample_rate: float, *, mask: Mask, milliseconds: float = 25.0
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
    with mpl.rc_context(STYLE):

        def powers(x: Signal) -> Vector:
            return np.array([np.mean(np.square(x[at : at + width], dtype=np.float64)) for at in starts])

        level, error = powers(target), powers(prediction - target)
        active = np.flatnonzero(level > 1e-5 * level.max())
        places = {"The loudest passage": int(level.argmax()), "Where the error is largest": int(error.argmax())}
        if len(active):
            places["A quiet passage"] = int(active[np.argsort(level[active])[len(active) // 5]])
        figures = []
        for title, place in places.items():
            part = slice(int(starts[place]), int(starts[place]) + width)
            figure, axes = new_figure(200, width=360)
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
            add_legend(axes, handles=handles[1:] + handles[:1], labels=labels[1:] + labels[:1])
            value = power_to_db(float(np.sum(wrong**2)) / max(float(np.sum(target[part] ** 2)), 1e-30))
            description = f"{title}: waveforms of wet and prediction; the error is {value:.0f} dB relative to the wet."
            figures.append((title, to_svg(figure, description)))
        return figures


def over_time_figure(result: ErrorOverTime, value: float) -> str:
    """Levels of target and error over time, and below them their difference, the ESR in dB."""
    with mpl.rc_context(STYLE):
        figure, (levels, ratio) = new_figure(270, gap=0.3, nrows=2, height_ratios=[3, 2])
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
        add_legend(levels)
        with np.errstate(divide="ignore"):
            decibel = 10.0 * np.log10(np.maximum(result.esr, 1e-20))
        ratio.plot(result.seconds, decibel, color=INK, linewidth=1.0)
        overall = f"ESR over all: {format_db(power_to_db(value))}"
        ratio.axhline(power_to_db(value), color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        ratio.set_title(overall, fontsize=9.5, color=MUTED, loc="right", pad=3)
        shown = decibel[np.isfinite(decibel)]
        if len(shown):
            ratio.set_ylim(max(float(shown.min()), power_to_db(value) - 40.0) - 3.0, float(shown.max()) + 6.0)
        ratio.yaxis.set_major_locator(MaxNLocator(4))
        ratio.set_ylabel("ESR, dB")
        ratio.set_xlabel("seconds")
        ratio.set_xlim(0.0, 2.0 * result.seconds[-1] - (result.seconds[-2] if len(result.seconds) > 1 else 0.0))
        return to_svg(figure, f"Levels of wet and error over time; overall ESR {power_to_db(value):.1f} dB.")


def bands_figure(bands: Sequence[Band]) -> str:
    """Per octave the target's level, the error's level below it, and the distance between them, the ESR in dB."""
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(250)
        places = np.arange(len(bands))
        axes.plot([], [], "o", color=TARGET, label="Wet")
        axes.plot([], [], "o", color=ERROR, label="Error")
        lowest = 0.0
        for place, band in zip(places, bands, strict=True):
            if band.esr is None:
                axes.annotate("silent", (place, 0.03), xycoords=("data", "axes fraction"), ha="center", color=MUTED)
                continue
            top, ratio = band.target_share_db, power_to_db(band.esr)
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
        axes.set_xticks(places, [format_hz(round(band.centre_hz)) for band in bands])
        axes.grid(visible=False, axis="x")
        axes.set_xlabel("octave around, Hz")
        axes.set_ylabel("dB below the whole wet")
        axes.yaxis.set_major_locator(MaxNLocator(6))
        add_legend(axes)
        ratios = {format_hz(round(band.centre_hz)): band.esr for band in bands}
        words = ", ".join(f"{hz} Hz {power_to_db(esr):.0f} dB" for hz, esr in ratios.items() if esr is not None)
        return to_svg(figure, f"ESR per octave: {words}.")


def transfer_figure(input: Signal, target: Signal, prediction: Signal, *, mask: Mask) -> str:
    """How often each pair of input and output level occurs: the curve of a distortion, widened by its memory."""
    every = slice(None, None, max(len(input) // 1_000_000, 1))  # a million frames show the density of any recording
    input, target, prediction = (signal[every] for signal in (input, target, prediction))
    mask = mask[every]
    x = input[mask]
    reach_x = max(float(np.quantile(np.abs(x), 0.9995)), 1e-9) if len(x) else 1.0
    reach_y = max(float(np.max(np.abs(target[mask]))), 1e-9) if len(x) else 1.0
    with mpl.rc_context(STYLE):
        figure, panels = new_figure(230, ncols=2)
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
        return to_svg(figure, "Density of output against input, for wet and prediction.")
