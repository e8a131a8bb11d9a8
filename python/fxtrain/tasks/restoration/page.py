# SPDX-License-Identifier: MIT
"""The report of a restoration model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import scipy.signal
from numpy.typing import NDArray

from fxtrain.audio.decibels import format_db
from fxtrain.metrics.restoration import FLOOR_DB, RestorationFigures
from fxtrain.report.html import Page
from fxtrain.report.plots import STYLE, new_figure, to_svg
from fxtrain.report.sections import (
    ColourScale,
    Curve,
    Curves,
    Fact,
    Facts,
    Figure,
    Figures,
    Panel,
    Player,
    Section,
    Source,
    Table,
    Tables,
)
from fxtrain.tasks.protocol import Outcome

if TYPE_CHECKING:
    from fxtrain.models.generators._restoration import RestorationModel
    from fxtrain.tasks.restoration import CodedExcerpt

__all__ = ["figures_table", "make_page", "spectrogram_panels"]

Samples = NDArray[np.float32]

_RANGE_DB = 90.0
_NAMES = {
    "restored": "this model",
    "damaged": "damaged",
    "mean_envelope": "noise with the mean envelope",
    "band_replication": "band replication",
    "makeup_gain": "make-up gain",
    "phase_alignment": "phase alignment",
    "transient_restoration": "transient restoration",
}


def make_page(
    model: RestorationModel,
    excerpts: Sequence[CodedExcerpt],
    restored: Sequence[Samples],
    figures: Mapping[str, RestorationFigures],
    outcome: Outcome,
    sample_rate: int,
) -> Page:
    """Players and spectrograms of what was restored, the figures beside those of the remedies, the learning curve."""
    own, damaged = figures["restored"], figures["damaged"]
    sections: list[Section] = []
    for index, (excerpt, sound) in enumerate(zip(excerpts[:3], restored[:3], strict=True)):
        sections.append(
            Player(
                id=f"excerpt-{index + 1}",
                title=excerpt.name,
                note=f"{excerpt.codec}, cutoff {excerpt.cutoff_hz / 1000:.1f} kHz",
                sample_rate=sample_rate,
                selected="restored",
                sources=[
                    Source(key="clean", label="Original", samples=excerpt.clean.mean(axis=0), colour="target"),
                    Source(key="damaged", label="Damaged", samples=excerpt.damaged.mean(axis=0), colour="dry"),
                    Source(key="restored", label="Restored", samples=sound.mean(axis=0), colour="prediction"),
                ],
            )
        )
    first = excerpts[0]
    panels = {"A original": first.clean, f"B {first.codec}": first.damaged, f"C {model.name}": restored[0]}
    sections.append(
        Facts(
            [
                Fact(
                    "Above the cutoff",
                    format_db(own.lsd_above_cutoff),
                    f"damaged {format_db(damaged.lsd_above_cutoff)}",
                ),
                Fact("Below it", f"{own.low_band_snr_db:.1f} dB SNR", f"damaged {damaged.low_band_snr_db:.1f} dB"),
                Fact("Energy of the highs", format_db(own.high_energy_db, signed=True), "relative to the original"),
                Fact("Squared error", f"{own.squared_error:.4f}", f"damaged {damaged.squared_error:.4f}"),
            ]
        )
    )
    sections.append(
        Figures(
            [Figure(svg, title) for title, svg in spectrogram_panels(panels, sample_rate, first.cutoff_hz)],
            columns=3 if len(panels) == 3 else 2,
            lead="Where the highs end, and what was put there. The line is the cutoff that was found.",
            scale=ColourScale(f"scale of {_RANGE_DB:.0f} dB:", "quiet", "loud"),
        )
    )
    sections.append(Tables([figures_table(figures)]))
    sections.append(Curves(outcome.history, _panels(model)))
    return Page(
        title=outcome.title, sections=sections, verdict=_verdict(own.lsd_above_cutoff, damaged.lsd_above_cutoff)
    )


def figures_table(figures: Mapping[str, RestorationFigures]) -> Table:
    """All figures, one row for each way to restore."""
    rows = [
        [
            _NAMES.get(name, name),
            format_db(each.lsd_above_cutoff),
            format_db(each.lsd_below_cutoff),
            format_db(each.low_band_snr_db),
            format_db(each.high_energy_db, signed=True),
            f"{each.squared_error:.4f}",
            f"{each.mr_stft:.3f}",
            "-" if each.silence_db is None else f"{each.silence_db:.0f} dB",
        ]
        for name, each in figures.items()
    ]
    headings = (
        "",
        "distance above",
        "distance below",
        "SNR below",
        "energy of highs",
        "squared error",
        "MR-STFT",
        "in silences",
    )
    return Table(f"Figures (spectra have a floor of {FLOOR_DB:.0f} dB)", rows, headings=headings, is_open=True)


def spectrogram_panels(sounds: Mapping[str, Samples], sample_rate: float, cutoff_hz: float) -> list[tuple[str, str]]:
    """Spectrograms on the same axes, linear in frequency, in one range of levels, with the cutoff drawn.

    Args:
        sounds: by title, each of shape ``(channels, frames)``.
        sample_rate: in Hz.
        cutoff_hz: where to draw the line.

    Returns:
        (title, SVG) for each.
    """
    images = {}
    for title, sound in sounds.items():
        mono = np.asarray(sound, dtype=np.float64).mean(axis=0)
        step = max(512, len(mono) // 400)
        _, _, spectra = scipy.signal.stft(mono, sample_rate, nperseg=2048, noverlap=2048 - min(step, 2048))
        images[title] = 20 * np.log10(np.abs(spectra[::3]) * 2 + 1e-9)
    top = max(float(image.max()) for image in images.values())
    seconds = next(iter(sounds.values())).shape[1] / sample_rate
    drawn = []
    with mpl.rc_context(STYLE | {"axes.grid": False}):
        for title, image in images.items():
            figure, axes = new_figure(210, width=360, head=8.0)
            axes.imshow(
                image,
                cmap="magma",
                vmin=top - _RANGE_DB,
                vmax=top,
                origin="lower",
                aspect="auto",
                extent=(0.0, seconds, 0.0, sample_rate / 2000),
            )
            axes.axhline(cutoff_hz / 1000, color="white", linewidth=1.2, linestyle=(0, (4, 3)))
            axes.set_xlabel("seconds")
            axes.set_ylabel("kHz")
            drawn.append((title, to_svg(figure, f"Spectrogram: {title}.")))
    return drawn


def _panels(model: RestorationModel) -> list[Panel]:
    key = model.criterion.name
    shown = Panel([Curve(f"val_{key}", model.criterion.label)], model.criterion.label, True, f"val_{key}")
    parts = {
        "restore-mse": [Curve("main/error", "squared error")],
        "restore-gan": [
            Curve("generator/spectral", "spectral distance"),
            Curve("generator/verdict", "verdict on the generator"),
            Curve("discriminator/verdict", "discriminators"),
        ],
        "restore-diffusion": [Curve("main/denoising", "error of the velocity")],
    }
    return [shown, Panel(parts[model.name], "loss")]


def _verdict(own: float | None, damaged: float | None) -> tuple[str, str]:
    if own is None or not damaged:
        return "Nothing to restore", "The recordings have nothing above the cutoff."
    change = 1 - own / damaged
    word = "closer" if change >= 0 else "further away"
    return f"{abs(change):.0%} {word}", "to the original above the cutoff than the damaged sound is."
