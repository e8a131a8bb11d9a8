# SPDX-License-Identifier: MIT
"""The report of a recogniser, above that of the generator in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np

from fxtrain.data.label_spans import Span
from fxtrain.report import plots
from fxtrain.report.sections import (
    Bar,
    Bars,
    Curve,
    Curves,
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
from fxtrain.tasks.recognition.evaluation import LABELS, Utterance

__all__ = ["recognition_sections", "recognition_verdict"]

_SHOWN_SECONDS = 3.0


def recognition_verdict(metrics: Mapping[str, Any]) -> tuple[str, str]:
    """The result in a word or two, and what it means."""
    accuracy, linear = metrics["frame_accuracy"], metrics["recognition"]["baselines"]["linear"]
    word = f"{accuracy:.0%} of frames right"
    if accuracy > linear:
        return word, f"A linear classifier on mels with the same context gets {linear:.0%} of them right."
    return word, f"A linear classifier on mels gets {linear:.0%} right: the model has to be trained for longer."


def recognition_sections(
    metrics: Mapping[str, Any], utterances: Sequence[Utterance], history: Sequence[Mapping[str, Any]]
) -> list[Section]:
    """Accuracy beside its baselines, utterances with their phones, and the confusion matrix."""
    found = metrics["recognition"]
    bars = [Bar(label, found["baselines"][key], f"{found['baselines'][key]:.1%}") for key, label in LABELS.items()]
    bars.append(Bar("this model", metrics["frame_accuracy"], f"{metrics['frame_accuracy']:.1%}", is_result=True))
    before, after = found["context_frames"]
    lead = (
        f"Share of {found['frames']} frames of {found['frame_ms']:g} ms, in {found['utterances']} utterances that were "
        f"held out. The linear classifier sees {before} frames before and {after} after the one in question."
    )
    accuracy = Group("accuracy", "Phones", [Bars(bars, ("Answer", "frames right"), logarithmic=False)], lead=lead)
    sections: list[Section] = [accuracy]
    for index, utterance in enumerate(utterances, start=1):
        rate = metrics["model"]["sample_rate"]
        samples = utterance.samples[: round(_SHOWN_SECONDS * rate)]
        source = Source(key="speech", label="Speech", hint="held out from training", samples=samples, colour="target")
        sections.append(
            Player(
                id=f"utterance-{index}",
                title=utterance.name,
                note=f"{utterance.accuracy:.0%} of all its frames right",
                sources=[source],
                sample_rate=rate,
            )
        )
        figure = Figure(_phones_figure(utterance), "Phones", "Above as labelled, below as recognised.")
        sections.append(Figures([figure]))
    svg = _confusion_figure(np.array(found["confusion"]), found["phones"])
    caption = "Rows are phones as labelled, columns as recognised; the colour is the share of the row."
    rows = _worst(np.array(found["confusion"]), found["phones"])
    table = Table("Most frequent confusions", rows, ("labelled", "recognised", "frames", "share"), is_open=True)
    sections.append(
        Group("confusion", "Confusions", [Figures([Figure(svg, "Confusion matrix", caption)]), Tables([table])])
    )
    levels = [Level(found["baselines"]["linear"], "linear classifier", is_rival=True)]
    panel = Panel(
        [Curve("val_frame_accuracy", "Frame accuracy", "prediction")],
        "share",
        False,
        "val_frame_accuracy",
        True,
        levels,
    )
    sections.append(Group("learning", "Learning to recognise", [Curves(history, [panel])]))
    return sections


def _worst(confusion: np.ndarray[Any, Any], phones: Sequence[str], most: int = 12) -> list[list[object]]:
    off = confusion - np.diag(np.diag(confusion))
    order = np.argsort(off, axis=None)[::-1][:most]
    rows = []
    for place in order:
        row, column = divmod(int(place), len(phones))
        if off[row, column]:
            share = f"{off[row, column] / confusion[row].sum():.0%}"
            rows.append([phones[row], phones[column], int(off[row, column]), share])
    return rows


def _confusion_figure(confusion: np.ndarray[Any, Any], phones: Sequence[str]) -> str:
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    with mpl.rc_context(plots.STYLE | {"axes.grid": False}):
        figure, axes = plots.new_figure(430, head=8.0)
        axes.imshow(shares, cmap="magma", vmin=0.0, vmax=1.0, aspect="auto", interpolation="none")
        axes.set_xticks(range(len(phones)), phones, fontsize=5.5, rotation=90)
        axes.set_yticks(range(len(phones)), phones, fontsize=5.5)
        axes.set_xlabel("recognised")
        axes.set_ylabel("labelled")
        return plots.to_svg(figure, "Confusion matrix of the phones.")


def _phones_figure(utterance: Utterance) -> str:
    with mpl.rc_context(plots.STYLE | {"axes.grid": False}):
        figure, axes = plots.new_figure(120, width=880.0, head=8.0)
        for row, spans, colour in (
            (1, utterance.labelled, plots.TARGET),
            (0, utterance.recognised, plots.PREDICTION),
        ):
            _draw(axes, spans, row, colour)
        axes.set_yticks([0, 1], ["recognised", "labelled"])
        axes.set_ylim(-0.5, 1.5)
        axes.set_xlim(0.0, _SHOWN_SECONDS)
        axes.set_xlabel("seconds")
        return plots.to_svg(figure, f"Phones of {utterance.name} as labelled and as recognised.")


def _draw(axes: Any, spans: Sequence[Span], row: int, colour: str) -> None:
    for span in spans:
        if span.start >= _SHOWN_SECONDS:
            break
        end = min(span.end, _SHOWN_SECONDS)
        axes.barh(row, end - span.start, left=span.start, height=0.8, color="none", edgecolor=colour)
        if end - span.start >= 0.025:
            middle = (span.start + end) / 2
            axes.text(middle, row, span.label, ha="center", va="center", fontsize=7.5, color=plots.INK)
