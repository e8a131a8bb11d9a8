# SPDX-License-Identifier: MIT
"""Restoration models side by side, on the same excerpts: the table and the figure of the source study, measured.

Source: the study compares a generative adversarial network with a diffusion model by nine aspects, and by spectrograms.
It fills the aspects with words. Here stand figures, and each beside its baseline.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxtrain.audio.decibels import format_db
from fxtrain.memory import peak_memory_mib
from fxtrain.metrics.frechet import frechet_distance, frechet_floor
from fxtrain.metrics.restoration import FLOOR_DB, RestorationFigures, mean_figures, measure_restoration
from fxtrain.metrics.spectral import log_mel
from fxtrain.models.generators._restoration import RestorationModel
from fxtrain.models.generators.restoration_diffusion import RestoreDiffusion
from fxtrain.report.html import Page
from fxtrain.report.sections import (
    Bullets,
    ColourScale,
    Figure,
    Figures,
    Group,
    Part,
    Player,
    Section,
    Source,
    Table,
    Tables,
    Text,
)
from fxtrain.tasks.restoration import CodedExcerpt
from fxtrain.tasks.restoration.page import figures_table, spectrogram_panels
from fxtrain.tasks.restoration.remedies import REMEDIES, Remedies
from fxtrain.tasks.restoration.restorer import Restorer

__all__ = ["Comparison", "compare_models", "comparison_page"]

Samples = NDArray[np.float32]

SEEDS = (0, 1, 2)
_BANDS = 24  # dimensions of the embedding for the Fréchet distance
_PRINCIPLES = {
    "restore-mse": "least squared error",
    "restore-gan": "adversarial, with spectral distance",
    "restore-diffusion": "removal of noise (v-prediction)",
}
_LABELS = {"restore-mse": "MSE", "restore-gan": "GAN", "restore-diffusion": "Diffusion"}
_ORDER = ("restore-diffusion", "restore-gan", "restore-mse")


@dataclass(frozen=True, eq=False)
class ModelRow:
    """What was measured of one model.

    Attributes:
        principle: of its training, in words.
        figures: means over the excerpts, with the first seed.
        spread_lsd: standard deviation over seeds of the distance above the cutoff, in dB.
        diversity_db: energy of the difference of two seeds above the cutoff, relative to that of one of them.
        frechet: distance of the log-mel frames to the clean ones.
        real_time_factor: seconds of one channel restored in a second.
        parameters: of what is needed for restoring.
        settings: number of settings of the model.
        lines: of code of the model's class.
        steps_per_second: of training; None where it is not known.
    """

    principle: str
    figures: RestorationFigures
    spread_lsd: float
    diversity_db: float
    frechet: float
    real_time_factor: float
    parameters: int
    settings: int
    lines: int
    steps_per_second: float | None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Models, remedies and the damaged sound, on the same excerpts.

    Attributes:
        models: by name.
        baselines: figures of the damaged sound and of each remedy.
        frechet_damaged: Fréchet distance of the damaged sound.
        frechet_floor: of two halves of the clean sound.
        frames: number of frames behind the Fréchet distances.
        sounds: what each model made of the first excerpts.
    """

    models: Mapping[str, ModelRow]
    baselines: Mapping[str, RestorationFigures]
    frechet_damaged: float
    frechet_floor: float
    frames: int
    sounds: Mapping[str, Sequence[Samples]]

    def to_document(self) -> dict[str, Any]:
        """For ``metrics.json``."""
        return {
            "models": {name: asdict(row) for name, row in self.models.items()},
            "baselines": {name: asdict(each) for name, each in self.baselines.items()},
            "frechet": {
                "embedding": f"log mel, frames of {_BANDS} bands",
                "dimensions": _BANDS,
                "frames": self.frames,
                "floor": self.frechet_floor,
                "damaged": self.frechet_damaged,
            },
            "floor_db": FLOOR_DB,
            "peak_memory_mib": peak_memory_mib(),
        }


def compare_models(
    models: Mapping[str, RestorationModel],
    excerpts: Sequence[CodedExcerpt],
    *,
    training: Mapping[str, Mapping[str, Any]] | None = None,
) -> Comparison:
    """Restores excerpts with each model and several seeds, and measures all aspects.

    Args:
        models: by name, of one sample rate.
        excerpts: that none of them has met.
        training: what ``metrics.json`` of each run says of it.
    """
    first = next(iter(models.values()))
    rate, profile = first.sample_rate, [float(value) for value in first.profile]
    clean = _frames([each.clean for each in excerpts], rate)
    rows, sounds = {}, {}
    for name, model in models.items():
        rows[name], sounds[name] = _row(model, excerpts, clean, (training or {}).get(name, {}))
    baselines: dict[str, list[RestorationFigures]] = {}
    for each in excerpts:
        remedies = Remedies(rate, each.cutoff_hz, profile, n_fft=first.spectra.n_fft)
        made = {"damaged": each.damaged} | {name: apply(remedies, each.damaged) for name, apply in REMEDIES.items()}
        for name, sound in made.items():
            baselines.setdefault(name, []).append(measure_restoration(sound, each.clean, rate, each.cutoff_hz))
    return Comparison(
        models=rows,
        baselines={name: mean_figures(each) for name, each in baselines.items()},
        frechet_damaged=frechet_distance(_frames([each.damaged for each in excerpts], rate), clean),
        frechet_floor=frechet_floor(clean),
        frames=len(clean),
        sounds=sounds,
    )


def comparison_page(comparison: Comparison, excerpts: Sequence[CodedExcerpt], sample_rate: int, *, title: str) -> Page:
    """Players, four spectrograms on the same axes, the law of squared error, the nine aspects, and what follows."""
    names = [name for name in _ORDER if name in comparison.models]
    sections: list[Section] = []
    for index, excerpt in enumerate(excerpts[:3]):
        sources = [
            Source(key="clean", label="Original", samples=excerpt.clean.mean(axis=0), colour="target"),
            Source(key="damaged", label="Damaged", samples=excerpt.damaged.mean(axis=0), colour="dry"),
        ]
        sources += [
            Source(key=name, label=_LABELS[name], samples=comparison.sounds[name][index].mean(axis=0)) for name in names
        ]
        note = f"{excerpt.codec}, cutoff {excerpt.cutoff_hz / 1000:.1f} kHz"
        sections.append(
            Player(id=f"excerpt-{index + 1}", title=excerpt.name, note=note, sample_rate=sample_rate, sources=sources)
        )
    excerpt = excerpts[0]
    panels = {"A original": excerpt.clean, f"B damaged ({excerpt.codec})": excerpt.damaged}
    panels |= {f"{'CDE'[i]} {_LABELS[name]}": comparison.sounds[name][0] for i, name in enumerate(names)}
    drawn = [Figure(svg, heading) for heading, svg in spectrogram_panels(panels, sample_rate, excerpt.cutoff_hz)]
    sections.append(
        Figures(
            drawn,
            lead="The first excerpt on the same axes. The line is the cutoff of the codec.",
            scale=ColourScale("scale of 90 dB:", "quiet", "loud"),
        )
    )
    rows = {name: comparison.models[name].figures for name in names} | dict(comparison.baselines)
    sections.append(
        Group(
            id="law",
            title="The law of squared error",
            parts=[Text(_law(comparison)), Tables([figures_table(rows)])],
        )
    )
    aspects: list[Part] = [Tables([_aspects(comparison, names)]), Bullets(_rules(comparison))]
    sections.append(Group(id="aspects", title="Nine aspects", parts=aspects))
    best = min(names, key=lambda name: comparison.models[name].figures.lsd_above_cutoff or np.inf)
    damaged = comparison.baselines["damaged"].lsd_above_cutoff
    own = comparison.models[best].figures.lsd_above_cutoff
    verdict = (f"{_LABELS[best]} comes closest", f"{format_db(own)} above the cutoff; damaged {format_db(damaged)}.")
    return Page(title=title, sections=sections, verdict=verdict)


def _row(
    model: RestorationModel, excerpts: Sequence[CodedExcerpt], clean: NDArray[np.float64], training: Mapping[str, Any]
) -> tuple[ModelRow, list[Samples]]:
    rate = model.sample_rate
    by_seed: list[list[RestorationFigures]] = []
    kept: list[list[Samples]] = []
    start, seconds = time.perf_counter(), 0.0
    for seed in SEEDS:
        made = [Restorer(model, rate, len(e.damaged), e.cutoff_hz, seed=seed).restore(e.damaged) for e in excerpts]
        seconds += sum(each.damaged.size for each in excerpts) / rate
        kept.append(made)
    factor = seconds / (time.perf_counter() - start)
    for made in kept:
        pairs = zip(made, excerpts, strict=True)
        by_seed.append([measure_restoration(x, each.clean, rate, each.cutoff_hz) for x, each in pairs])
    figures = [mean_figures(each) for each in by_seed]
    distances = [each.lsd_above_cutoff or 0.0 for each in figures]
    # Both seeds leave what lies below the cutoff alone, so their difference lies above.
    apart = sum(float(np.square(x - y).sum()) for x, y in zip(kept[0], kept[1], strict=True))
    added = sum(float(np.square(x - each.damaged).sum()) for x, each in zip(kept[0], excerpts, strict=True))
    steps, spent = training.get("steps"), training.get("seconds")
    own = [each for name, each in model.named_parameters() if not name.startswith("discriminators.")]
    row = ModelRow(
        principle=_PRINCIPLES[model.name],
        figures=figures[0],
        spread_lsd=float(np.std(distances)),
        diversity_db=float(10 * np.log10((apart + 1e-12) / (added + 1e-12))),
        frechet=frechet_distance(_frames(kept[0], rate), clean),
        real_time_factor=factor,
        parameters=sum(each.numel() for each in own),
        settings=len(fields(model.Config)),
        lines=len(inspect.getsource(type(model)).splitlines()),
        steps_per_second=steps / spent if steps and spent else None,
    )
    return row, kept[0]


def _frames(sounds: Sequence[Samples], sample_rate: int) -> NDArray[np.float64]:
    """Log-mel frames of all channels, shape ``(frames, bands)``."""
    return np.concatenate(
        [log_mel(channel, sample_rate, n_fft=2048, hop=1024, bands=_BANDS) for sound in sounds for channel in sound]
    )


def _aspects(comparison: Comparison, names: Sequence[str]) -> Table:
    """The nine aspects: one row or two each, a column for each model, and what the source says."""

    def noise(row: ModelRow) -> str:
        return "no silence in them" if row.figures.silence_db is None else f"{row.figures.silence_db:.0f} dB"

    floor = f"floor {comparison.frechet_floor:.2f}, damaged {comparison.frechet_damaged:.1f}"
    table: list[tuple[str, Callable[[ModelRow], str], str]] = [
        ("architecture", lambda row: f"{row.parameters / 1e6:.2f} M parameters", "U-Net; generator"),
        ("training principle", lambda row: row.principle, "removal of noise; two networks compete"),
        (
            "quality: distance above the cutoff",
            lambda row: format_db(row.figures.lsd_above_cutoff),
            "detail: diffusion",
        ),
        (
            f"quality: Fréchet of {_BANDS} log-mel bands, N = {comparison.frames} ({floor})",
            lambda row: f"{row.frechet:.2f}",
            "",
        ),
        ("stability: spread over 3 seeds", lambda row: f"{row.spread_lsd:.3f} dB", "stable: diffusion"),
        ("stability: two seeds differ by", lambda row: f"{row.diversity_db:.0f} dB", ""),
        ("computing: training steps a second", lambda row: _number(row.steps_per_second), ""),
        ("speed: times real time, one channel", lambda row: f"{row.real_time_factor:.1f}", "fast: GAN"),
        ("control of noise: level in silences", noise, ""),
        ("complexity: lines, settings", lambda row: f"{row.lines}, {row.settings}", ""),
        ("target use: real time in stereo", lambda row: "yes" if row.real_time_factor >= 2 else "no", "GAN"),
    ]
    rows = [[aspect, *(text(comparison.models[name]) for name in names), said] for aspect, text, said in table]
    headings = ("aspect", *(_LABELS[name] for name in names), "the source")
    return Table("Table 1, measured", rows, headings=headings, is_open=True)


def _law(comparison: Comparison) -> str:
    mse, gan = (comparison.models.get(name) for name in ("restore-mse", "restore-gan"))
    damaged = comparison.baselines["damaged"]
    if mse is None or gan is None:
        return ""
    return (
        "Whoever minimises squared error leaves highs out that cannot be known, and whoever restores them has a larger "
        f"squared error than the damaged sound. Here: damaged {damaged.squared_error:.4f}; least squared error "
        f"{mse.figures.squared_error:.4f}, its highs at {format_db(mse.figures.high_energy_db, signed=True)}; against "
        f"discriminators {gan.figures.squared_error:.4f}, its highs at "
        f"{format_db(gan.figures.high_energy_db, signed=True)}."
    )


def _rules(comparison: Comparison) -> list[str]:
    gan, diffusion = (comparison.models.get(name) for name in ("restore-gan", "restore-diffusion"))
    if gan is None or diffusion is None:
        return []
    faster = gan.real_time_factor / diffusion.real_time_factor
    closer = (gan.figures.lsd_above_cutoff or 0.0) - (diffusion.figures.lsd_above_cutoff or 0.0)
    return [
        f"Where it has to be fast, take the GAN: {faster:.0f} times as fast as the diffusion.",
        f"For detail the source takes the diffusion. Here it is {abs(closer):.1f} dB "
        f"{'closer to' if closer > 0 else 'further from'} the original above the cutoff than the GAN.",
        f"The diffusion takes {RestoreDiffusion.Config().steps} steps unless told otherwise.",
    ]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2g}"
