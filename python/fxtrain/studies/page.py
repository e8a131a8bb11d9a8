# SPDX-License-Identifier: MIT
"""The page of a study: the figure over each setting, learning curves, and the tables behind them."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from fxtrain.report.html import Page
from fxtrain.report.numbers import format_ratio, words
from fxtrain.report.plots import COLOUR, INK, STYLE, add_legend, draw_reference, new_figure, to_svg
from fxtrain.report.sections import (
    COLOURS,
    Fact,
    Facts,
    Figure,
    Figures,
    Group,
    Link,
    Section,
    Table,
    Tables,
    Text,
)
from fxtrain.runs import RunFolder
from fxtrain.studies.search import Search, Span
from fxtrain.studies.study import Study
from fxtrain.studies.sweep import Row
from fxtrain.training.history import read_history
from fxtrain.training.protocol import Criterion

__all__ = ["is_seed", "study_page", "summarise"]

_MOST_CURVES = 8
_MOST_LINKS = 60
_LINE_COLOURS = [name for name in COLOURS if name not in ("dry", "error")]


def is_seed(key: str) -> bool:
    """Whether a key of the grid is a repetition of the same, whose spread is shown.

    >>> is_seed("training.seed"), is_seed("fit.seed"), is_seed("training.learning_rate")
    (True, True, False)
    """
    return key.rpartition(".")[2] == "seed"


def summarise(rows: Sequence[Row], keys: Sequence[str]) -> list[tuple[dict[str, Any], list[float], int]]:
    """For each combination of ``keys``: its values, the figures of its complete runs, and how many failed."""
    found: dict[str, tuple[dict[str, Any], list[float], list[Row]]] = {}
    for row in rows:
        values = {key: row.point.values[key] for key in keys}
        entry = found.setdefault(json.dumps(values, default=str), (values, [], []))
        if row.figure is not None:
            entry[1].append(row.figure)
        if row.status == "failed":
            entry[2].append(row)
    return [(values, figures, len(failed)) for values, figures, failed in found.values()]


def study_page(study: Study, rows: Sequence[Row], criterion: Criterion) -> Page:
    """The page.

    Args:
        study: what was asked.
        rows: all cells.
        criterion: what they are judged by.
    """
    keys = [key for key in study.keys if not is_seed(key)]
    num_seeds = math.prod(len(values) for key, values in study.grid.items() if is_seed(key))
    groups = summarise(rows, keys)
    counts = {status: sum(row.status == status for row in rows) for status in ("complete", "failed")}
    judged = [(values, figures) for values, figures, _ in groups if figures]
    best = None
    if judged:
        choose = max if criterion.higher_is_better else min
        best = choose(judged, key=lambda group: statistics.median(group[1]))
    facts = [
        Fact("Runs", f"{counts['complete']} of {len(rows)}", "complete"),
        *([Fact("Failed", str(counts["failed"]), "see the last table")] if counts["failed"] else []),
        *(
            [Fact(f"Best median {criterion.label}", format_ratio(statistics.median(best[1])), _label(best[0]))]
            if best
            else []
        ),
    ]
    baselines = _baselines(rows)
    facts += [
        Fact(f"{criterion.label} of {words(name)}", format_ratio(value), "baseline")
        for name, value in baselines.items()
    ]
    sections: list[Section] = [Facts(facts)]
    if study.text.question:
        sections.append(Text(study.text.question))
    if judged:
        if study.search is None:
            shown = [_over(key, groups, keys, criterion, baselines) for key in keys]
            curves = _curves(rows, keys, criterion)
            shown += [curves] if curves else []
        else:
            shown = [_progress(rows, criterion), *(_scatter(key, rows, study.search, criterion) for key in study.keys)]
        spread = (
            f"Lines are medians; bars and bands reach from the lowest to the highest of {num_seeds} seeds."
            if num_seeds > 1
            else ""
        )
        sections.append(Group("plots", "Plots", [Figures(shown, lead=spread)]))
    sections.append(
        Group(
            "tables",
            "Tables",
            [
                Tables(
                    [
                        *([_summary_table(groups, keys, criterion, baselines)] if study.search is None else []),
                        _cells_table(study, rows, criterion),
                    ]
                ),
                *_links(rows),
            ],
        )
    )
    return Page(title=study.title, sections=sections, eyebrow="fxtrain study")


def _label(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{words(key.rpartition('.')[2])} {_text(value)}" for key, value in values.items())


def _text(value: Any) -> str:
    if isinstance(value, str):
        return Path(value).name or value
    return f"{value:g}" if isinstance(value, float) else json.dumps(value, default=str)


def _baselines(rows: Sequence[Row]) -> dict[str, float]:
    """Those of the first complete cell, where they are the same in all: the cells are measured on the same material."""
    found = [row.baselines for row in rows if row.status == "complete" and row.baselines]
    if not found:
        return {}
    return {key: value for key, value in found[0].items() if all(each.get(key) == value for each in found)}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _over(
    key: str,
    groups: Sequence[tuple[dict[str, Any], list[float], int]],
    keys: Sequence[str],
    criterion: Criterion,
    baselines: Mapping[str, float],
) -> Figure:
    """The figure over one setting; a line for each combination of the others, or one over all where they are many."""
    others = [other for other in keys if other != key]
    values: list[Any] = []
    for group in groups:
        if group[0][key] not in values:
            values.append(group[0][key])
    numeric = all(_is_number(value) and value > 0 for value in values)
    places = {json.dumps(value, default=str): float(value) if numeric else index for index, value in enumerate(values)}
    lines: dict[str, dict[float, list[float]]] = {}
    combinations = {_label({other: group[0][other] for other in others}) for group in groups}
    apart = len(combinations) <= len(_LINE_COLOURS)
    for group in groups:
        line = _label({other: group[0][other] for other in others}) if apart else "all"
        lines.setdefault(line, {}).setdefault(places[json.dumps(group[0][key], default=str)], []).extend(group[1])
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(270)
        for colour, (name, points) in zip(_LINE_COLOURS, lines.items(), strict=False):
            drawn = {x: figures for x, figures in sorted(points.items()) if figures}
            x = list(drawn)
            median = [statistics.median(figures) for figures in drawn.values()]
            below = [m - min(figures) for m, figures in zip(median, drawn.values(), strict=True)]
            above = [max(figures) - m for m, figures in zip(median, drawn.values(), strict=True)]
            axes.errorbar(
                x,
                median,
                yerr=[below, above],
                color=COLOUR[colour],
                marker="o",
                markersize=5,
                capsize=3,
                label=name or None,
            )
        _draw_baseline(axes, baselines, [m for _, figures, _ in groups for m in figures], criterion)
        _scale(axes, [m for _, figures, _ in groups for m in figures])
        if numeric and len(values) > 1:
            axes.set_xscale("log" if max(values) / min(values) > 4 else "linear")
        axes.set_xticks(list(places.values()), [_text(value) for value in values])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel(key)
        axes.set_ylabel(criterion.label)
        if len(lines) > 1:
            add_legend(axes)
        svg = to_svg(figure, f"{criterion.label} over {key}.")
    return Figure(svg, f"{criterion.label} over {words(key.rpartition('.')[2])}")


def _progress(rows: Sequence[Row], criterion: Criterion) -> Figure:
    """The figure of each trial, and the best so far."""
    found = [(number, row.figure) for number, row in enumerate(rows, start=1) if row.figure is not None]
    x, y = [number for number, _ in found], [figure for _, figure in found]
    best = np.maximum.accumulate(y) if criterion.higher_is_better else np.minimum.accumulate(y)
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(270)
        axes.plot(x, y, "o", color=COLOUR["target"], markersize=5, label="a trial")
        axes.step(x, best, where="post", color=COLOUR["prediction"], label="the best so far")
        _scale(axes, y)
        axes.set_xlabel("trial")
        axes.set_ylabel(criterion.label)
        add_legend(axes)
        return Figure(to_svg(figure, f"{criterion.label} of each trial."), "The search")


def _scatter(key: str, rows: Sequence[Row], search: Search, criterion: Criterion) -> Figure:
    """The figure of each trial over one setting; later trials are darker."""
    values = search.space[key]
    found = [(row.point.values[key], row.figure) for row in rows if row.figure is not None]
    y = [figure for _, figure in found]
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(270)
        x = [value if isinstance(values, Span) else values.index(value) for value, _ in found]
        for place, (across, up) in enumerate(zip(x, y, strict=True)):
            axes.plot(across, up, "o", color=COLOUR["target"], markersize=6, alpha=0.25 + 0.75 * place / len(x))
        _scale(axes, y)
        if isinstance(values, Span):
            axes.set_xscale("log" if values.log else "linear")
        else:
            axes.set_xticks(range(len(values)), [_text(value) for value in values])
            axes.set_xlim(-0.5, len(values) - 0.5)
        axes.set_xlabel(key)
        axes.set_ylabel(criterion.label)
        svg = to_svg(figure, f"{criterion.label} over {key}.")
    return Figure(svg, f"{criterion.label} over {words(key.rpartition('.')[2])}", "Darker points are later trials.")


def _draw_baseline(axes: Axes, baselines: Mapping[str, float], figures: Sequence[float], criterion: Criterion) -> None:
    """The best baseline, where it is not far from the figures; all of them stand above the plots as numbers."""
    if not baselines or not figures:
        return
    choose = max if criterion.higher_is_better else min
    name, value = choose(baselines.items(), key=lambda item: item[1])
    if value > 30 * max(figures):
        return
    draw_reference(axes, value, words(name))


def _scale(axes: Axes, figures: Sequence[float]) -> None:
    if figures and min(figures) > 0:
        axes.set_yscale("log")
        bottom, top = axes.get_ylim()
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if top < 1000 * bottom else (1.0,)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())


def _curves(rows: Sequence[Row], keys: Sequence[str], criterion: Criterion) -> Figure | None:
    """The validation figure over the steps: median and range over the seeds."""
    found: dict[str, list[tuple[Any, Any]]] = {}
    for row in rows:
        history = RunFolder(row.run).history
        if row.status == "complete" and history.exists():
            events = [event for event in read_history(history) if event["event"] == "validation"]
            points = [(event["step"], event.get(f"val_{criterion.name}")) for event in events]
            points = [(step, value) for step, value in points if isinstance(value, int | float)]
            if points:
                label = _label({key: row.point.values[key] for key in keys})
                found.setdefault(label, []).append(
                    (np.array([step for step, _ in points]), np.array([value for _, value in points]))
                )
    if not found or len(found) > _MOST_CURVES:
        return None
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(290, head=26.0 + 16.0 * (len(found) // 3))
        for index, (label, curves) in enumerate(found.items()):
            colour = COLOUR[_LINE_COLOURS[index]] if index < len(_LINE_COLOURS) else INK
            steps = np.unique(np.concatenate([curve[0] for curve in curves]))
            sampled = np.array([np.interp(steps, *curve) for curve in curves])
            axes.plot(steps, np.median(sampled, axis=0), color=colour, label=label)
            if len(curves) > 1:
                low, high = sampled.min(axis=0), sampled.max(axis=0)
                axes.fill_between(steps, low, high, color=colour, alpha=0.15, linewidth=0)
        _scale(axes, [float(value) for curves in found.values() for curve in curves for value in curve[1]])
        axes.set_xlabel("steps")
        axes.set_ylabel(f"validation {criterion.label}")
        if keys:
            place = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "borderaxespad": 0.2}
            axes.legend(**place, ncols=3, labelcolor=INK, fontsize=9)
        svg = to_svg(figure, f"Validation {criterion.label} over the steps.")
    return Figure(svg, "Learning curves")


def _summary_table(
    groups: Sequence[tuple[dict[str, Any], list[float], int]],
    keys: Sequence[str],
    criterion: Criterion,
    baselines: Mapping[str, float],
) -> Table:
    rows: list[list[object]] = []
    for values, figures, failed in groups:
        spread = [f"{f(figures):.4g}" for f in (statistics.median, min, max)] if figures else ["", "", ""]
        rows.append([*([_text(values[key]) for key in keys] or ["all"]), *spread, len(figures), failed])
    for name, value in baselines.items():
        rows.append([words(name), *[""] * (len(keys) - 1), f"{value:.4g}", "", "", "", ""])
    return Table(
        "Median and spread",
        rows,
        [*(keys or [""]), f"median {criterion.label}", "lowest", "highest", "runs", "failed"],
        is_open=True,
    )


def _cells_table(study: Study, rows: Sequence[Row], criterion: Criterion) -> Table:
    best = max if criterion.higher_is_better else min
    cells: list[list[object]] = [
        [
            *(_text(value) for value in row.point.values.values()),
            row.status,
            "" if row.figure is None else f"{row.figure:.5g}",
            "" if not row.baselines else f"{best(row.baselines.values()):.4g}",
            "" if row.steps is None else row.steps,
            "" if row.seconds is None else f"{row.seconds:.0f}",
            row.reason or row.run.name,
        ]
        for row in rows
    ]
    headings = [*study.keys, "status", criterion.label, "best baseline", "steps", "seconds", "run, or why it failed"]
    return Table("All runs", cells, headings, is_open=len(rows) <= 30)


def _links(rows: Sequence[Row]) -> list[Text]:
    """To the reports of the runs, as long as they are few."""
    done = [Link(row.run.name, f"runs/{row.run.name}/report.html") for row in rows if row.status == "complete"]
    return [Text("Reports of the runs:", done)] if 0 < len(done) <= _MOST_LINKS else []
