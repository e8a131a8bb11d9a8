# SPDX-License-Identifier: MIT
"""The report of a trained generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.ticker import FuncFormatter

from fxtrain.report import plots
from fxtrain.report.numbers import scalar_rows
from fxtrain.report.sections import (
    Bar,
    Bars,
    Command,
    Curve,
    Curves,
    Fact,
    Facts,
    Figure,
    Figures,
    Group,
    Level,
    Panel,
    Player,
    Section,
    Source,
    Table,
    Tables,
)
from fxtrain.tasks.generation.evaluation import Sound

__all__ = ["BASELINES", "facts_of", "generation_sections", "verdict"]

BASELINES = {
    "uniform": ("all codes alike", "no knowledge at all"),
    "unigram": ("unigram", "how often each code occurs"),
    "bigram": ("bigram", "the same, by the code before"),
}
_PAIRS = 3
_FALLBACK = "The sounds lie beside this page in the folder audio."


def verdict(metrics: Mapping[str, Any]) -> tuple[str, str]:
    """The result in a word or two, and what it means."""
    nll, bigram = metrics["nll_bits"], metrics["baselines"]["bigram"]
    word = f"{nll:.2f} bits"
    if nll < bigram:
        return word, f"A sample that the model has not heard costs {bigram - nll:.2f} bits less than with a bigram."
    return word, f"A bigram needs {bigram:.2f} bits for a sample: the model has to be trained for longer."


def facts_of(metrics: Mapping[str, Any]) -> list[Fact]:
    """What sums up a run."""
    model, speed = metrics["model"], metrics["generation"]
    rate = model["sample_rate"]
    facts = [
        Fact("NLL", f"{metrics['nll_bits']:.3f} bits", f"a sample; {metrics['baselines']['bigram']:.3f} for a bigram"),
        Fact("Receptive field", f"{model['receptive_field']}", f"samples, {model['receptive_field_ms']:.4g} ms"),
    ]
    if "wrong_class_nll_bits" in metrics:
        note = f"with its own label, {metrics['wrong_class_nll_bits']:.3f} with another one"
        facts.append(Fact("Classes", f"{metrics['nll_bits']:.3f} bits", note))
    if "vocoding" in metrics:
        found = metrics["vocoding"]
        note = f"to the source; {found['baselines']['another_recording']:.3f} for another recording"
        facts.append(Fact("Mel distance", f"{found['mel_distance']:.3f}", note))
    microseconds = speed["microseconds_per_sample"]
    note = f"a sample, {1e6 / microseconds / rate:.3g} times as fast as the sound on one core"
    facts.append(Fact("Generation", f"{microseconds:.3g} µs", note))
    facts.append(Fact("Size", f"{model['parameters']:,}".replace(",", "\N{THIN SPACE}"), "parameters"))
    return facts


def generation_sections(
    metrics: Mapping[str, Any], sounds: Sequence[Sound], history: Sequence[Mapping[str, Any]]
) -> list[Section]:
    """From top to bottom: sounds, figures, baselines, the receptive field, training."""
    rate = metrics["model"]["sample_rate"]
    sections: list[Section] = [
        *_players(sounds, rate),
        Facts(facts_of(metrics)),
        _baselines(metrics),
        _heard(metrics),
    ]
    if classes := metrics.get("classes"):
        rows = [[name, each["nll_bits"], each["wrong_class_nll_bits"]] for name, each in classes.items()]
        table = Table("Bits a sample", rows, ("class", "its own label", "another label"), is_open=True)
        lead = "A label is worth something if its own class's sound costs less with it than with another."
        sections.append(Group("classes", "By class", [Tables([table])], lead=lead))
    sections.append(_training(metrics, history))
    sections.append(Group("again", "Do it again", [Command(str(metrics["command"]))]))
    return sections


def _players(sounds: Sequence[Sound], rate: int) -> list[Player]:
    """One for each recording and what was made of it; of many classes, one of what was made and one of recordings."""
    if len(sounds) <= _PAIRS or sounds[0].mel_distance is not None:
        return [_pair(index, sound, rate) for index, sound in enumerate(sounds[:_PAIRS], start=1)]
    length = max(len(sound.real) for sound in sounds)
    rows = []
    for key, title, hint in (
        ("made", "Made, with the label of each class", "drawn sample by sample"),
        ("real", "Recordings of the same classes", "held out from training"),
    ):
        padded = {sound.name: np.pad(x, (0, length - len(x))) for sound in sounds for x in [getattr(sound, key)]}
        strips = plots.spectrogram_strips({name: x.astype(np.float64) for name, x in padded.items()}, rate)
        sources = [
            Source(key=f"class-{number}", label=name, hint=hint, samples=x, strip=strips[name])
            for number, (name, x) in enumerate(padded.items(), start=1)
        ]
        rows.append(Player(id=key, title=title, sources=sources, sample_rate=rate, fallback=_FALLBACK))
    return rows


def _pair(index: int, sound: Sound, rate: int) -> Player:
    follows = sound.mel_distance is not None
    hint = "drawn sample by sample along its mel-spectrogram" if follows else "drawn sample by sample"
    sounds = {"Recording": sound.real.astype(np.float64), "Made": sound.made.astype(np.float64)}
    strips = plots.spectrogram_strips(sounds, rate)
    recording = Source(
        key="real",
        label="Recording",
        hint="held out from training",
        samples=sound.real,
        colour="target",
        strip=strips["Recording"],
    )
    made = Source(key="made", label="Made", hint=hint, samples=sound.made, colour="prediction", strip=strips["Made"])
    note = f"mel distance {sound.mel_distance:.3f}, of another recording {sound.other_distance:.3f}" if follows else ""
    return Player(
        id=f"sound-{index}",
        title=sound.name,
        note=note,
        sources=[recording, made],
        sample_rate=rate,
        selected="made",
        fallback=_FALLBACK,
    )


def _baselines(metrics: Mapping[str, Any]) -> Group:
    found = metrics["baselines"]
    bars = [Bar(BASELINES[key][0], found[key], f"{found[key]:.3f}", BASELINES[key][1]) for key in BASELINES]
    bars.append(Bar("this model", metrics["nll_bits"], f"{metrics['nll_bits']:.3f}", is_result=True))
    return Group(
        "baselines",
        "Against simpler answers",
        [Bars(bars, ("Answer", "bits a sample"), logarithmic=False)],
        lead="Negative log-likelihood of samples of recordings that were held out: shorter is better.",
    )


def _heard(metrics: Mapping[str, Any]) -> Group:
    model = metrics["model"]
    svg = heard_figure(metrics["context"], model["receptive_field"], metrics["baselines"])
    lead = (
        f"The model hears {model['receptive_field']} samples, {model['receptive_field_ms']:.4g} ms. What lies further "
        "back, it cannot know: words and sentences are longer, so free speech does not make sense."
    )
    caption = (
        "Bits a sample by how many real samples come before it. Silence stands before them, so the first ones are a "
        "surprise that costs more than all codes alike; those are not drawn."
    )
    return Group("heard", "What the past is worth", [Figures([Figure(svg, "Samples heard", caption)])], lead=lead)


def heard_figure(rows: Sequence[Mapping[str, float]], receptive_field: int, baselines: Mapping[str, float]) -> str:
    """NLL by the number of samples heard."""
    with mpl.rc_context(plots.STYLE):
        figure, axes = plots.new_figure(250)
        drawn = [row for row in rows if row["samples"] and row["nll_bits"] < baselines["uniform"]]
        x, y = ([row[key] for row in drawn] for key in ("samples", "nll_bits"))
        axes.plot(x, y, color=plots.PREDICTION, marker=".", label="this model")
        axes.axhline(baselines["bigram"], color=plots.MUTED, linewidth=0.9, linestyle=(0, (4, 3)), label="bigram")
        axes.axvline(receptive_field, color=plots.INK, linewidth=0.9, linestyle=(0, (1, 2)), label="receptive field")
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_xlabel("samples heard")
        axes.set_ylabel("bits a sample")
        plots.add_legend(axes)
        return plots.to_svg(figure, "Bits a sample by the number of samples heard.")


def _training(metrics: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> Group:
    panel = Panel(
        [Curve("train_loss", "Training", "dry"), Curve("val_nll_bits", "Validation", "prediction")],
        "bits a sample",
        False,
        "val_nll_bits",
        levels=[Level(metrics["baselines"][key], key, is_rival=True) for key in ("unigram", "bigram")],
    )
    tables = [Table(title, rows) for title in ("model", "data", "training") if (rows := scalar_rows(metrics[title]))]
    trained = [  # nothing was trained before the first row
        {key: value for key, value in row.items() if row.get("step") or key != "train_loss"} for row in history
    ]
    return Group("training", "Training", [Curves(trained, [panel]), Tables(tables)])
