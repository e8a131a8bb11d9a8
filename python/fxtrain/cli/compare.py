# SPDX-License-Identifier: MIT
"""``fxtrain compare``: one page over several runs."""

from __future__ import annotations

import argparse
import os
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table as TerminalTable
from rich.text import Text

from fxtrain.cli.outputs import require_free
from fxtrain.cli.terminal import shown
from fxtrain.errors import InputError
from fxtrain.text import printable

if TYPE_CHECKING:
    from fxtrain.report.html import Page
    from fxtrain.report.sections import Section

_MOST_HEARD = 8
"""Predictions in the player, beside the recording."""
_FIGURES = {
    "parameters": ("model", "parameters"),
    "CPU %": ("speed", "cpu_percent"),
    "minutes of training": ("training", "seconds"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``compare``."""
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folders of finished runs")
    parser.add_argument(
        "--out", type=Path, default=Path("compare.html"), metavar="FILE", help="page to write (default: compare.html)"
    )
    parser.add_argument("--force", action="store_true", help="overwrite FILE")


@dataclass(frozen=True)
class _Run:
    """A finished run: its short name, folder, figures, settings, and what its weights were chosen by."""

    name: str
    folder: Path
    metrics: dict[str, Any]
    settings: dict[str, object]
    criterion: str
    label: str
    higher_is_better: bool

    @property
    def value(self) -> float | None:
        """The figure on the test part, or else on the validation part."""
        from fxtrain.report.numbers import number_at

        for path in ((self.criterion,), ("training", f"best_{self.criterion}"), ("training", "best_value")):
            if (value := number_at(self.metrics, *path)) is not None:
                return value
        return None


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any]:
    """Writes the page, prints the table, and returns the figures."""
    from fxtrain.atomic import write_atomically
    from fxtrain.report.html import render_page
    from fxtrain.report.numbers import format_cell, format_ratio

    require_free(args.out, force=args.force)
    runs = [_read(path) for path in args.runs]
    names = [each.name for each in runs]
    if len({each.criterion for each in runs}) > 1:
        kinds = ", ".join(f"{each.name} by {each.label}" for each in runs)
        raise InputError(f"these runs are judged by different figures ({kinds}); compare runs of one kind")
    if len(set(names)) < len(names):
        raise InputError("the same run is given twice: leave one out")
    runs.sort(key=lambda each: _sortable(each))
    write_atomically(args.out, render_page(_page(runs, args.out)).encode())
    headings, rows = _rows(runs)
    table = TerminalTable(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "run" else "right")
    for row in rows:
        cells = [format_ratio(cell) if isinstance(cell, float) else format_cell(cell) for cell in row]
        table.add_row(*(Text(printable(cell)) for cell in cells))
    console.print(table)
    console.print(f"\npage    [bold]{shown(args.out)}[/]")
    return {
        "page": str(args.out),
        "runs": [{"run": str(each.folder), each.criterion: each.value, **_figures(each)} for each in runs],
    }


def _sortable(run: _Run) -> float:
    """Smaller is better."""
    if run.value is None:
        return float("inf")
    return -run.value if run.higher_is_better else run.value


def _read(path: Path) -> _Run:
    from fxtrain.runs import RunFolder, RunSpec

    folder = RunFolder(path)
    folder.require()
    metrics = folder.read_metrics()
    spec = RunSpec.load(folder.config)
    criterion = spec.model_class.criterion
    settings: dict[str, object] = {"model": spec.model}
    for table, values in spec.tables.items():
        settings |= {f"{table}.{key}": value for key, value in values.items()}
    name = os.path.relpath(path)
    return _Run(name, path, metrics, settings, criterion.name, criterion.label, criterion.higher_is_better)


def _figures(run: _Run) -> dict[str, float]:
    from fxtrain.report.numbers import number_at

    found: dict[str, float] = {}
    if (value := number_at(run.metrics, "baselines", "fir")) is not None:
        found["linear filter"] = value
    for name, path in _FIGURES.items():
        if (value := number_at(run.metrics, *path)) is not None:
            found[name] = value / 60 if path[-1] == "seconds" else value
    return found


def _rows(runs: Sequence[_Run]) -> tuple[list[str], list[list[object]]]:
    figures = [_figures(each) for each in runs]
    columns = [name for name in ("linear filter", *_FIGURES) if any(name in each for each in figures)]
    rows: list[list[object]] = []
    for each, known in zip(runs, figures, strict=True):
        cells: list[object] = [each.name, "" if each.value is None else each.value]
        for name in columns:
            value: object = known.get(name, "")
            cells.append(int(value) if name == "parameters" and isinstance(value, float) else value)
        rows.append(cells)
    return ["run", runs[0].label, *columns], rows


def _page(runs: Sequence[_Run], out: Path) -> Page:
    """The page: sounds, the figure as bars, all figures, and the settings that differ."""
    from fxtrain.report.html import Page
    from fxtrain.report.numbers import format_ratio
    from fxtrain.report.sections import Bar, Bars, Group, Link, Table, Tables, Text

    best = runs[0]
    same = _same_recording(runs)
    sections: list[Section] = [*_player(runs, same=same)]
    bars = [
        Bar(each.name, each.value, format_ratio(each.value), each.settings["model"], is_result=each is best)  # type: ignore[arg-type]
        for each in runs
        if each.value is not None
    ]
    if same and (value := _figures(best).get("linear filter")) is not None:
        bars.append(Bar("Linear filter", value, format_ratio(value), "512 taps, least squares"))
    better = "longer" if best.higher_is_better else "shorter"
    lead = f"{best.label} of each run on its test part; {better} is better."
    if not same:
        lead += " The runs were tested on different recordings, so the bars do not rank the models."
    logarithmic = not best.higher_is_better
    sections.append(Group("ranking", best.label, [Bars(bars, ("Run", best.label), logarithmic=logarithmic)], lead=lead))
    headings, rows = _rows(runs)
    keys = sorted({key for each in runs for key in each.settings})
    differing = [key for key in keys if len({repr(each.settings.get(key)) for each in runs}) > 1]
    settings = [[key, *(str(each.settings.get(key, "default")) for each in runs)] for key in differing]
    tables = [Table("Figures", rows, headings, is_open=True)]
    if settings:
        tables.append(Table("Settings that differ", settings, ["setting", *(each.name for each in runs)], is_open=True))
    sections.append(Group("figures", "Figures and settings", [Tables(tables)]))
    links = [
        Link(each.name, os.path.relpath(each.folder / "report.html", out.parent))
        for each in runs
        if (each.folder / "report.html").is_file()
    ]
    sections.append(Group("reports", "Reports", [Text("The page of each run:", links)]))
    verdict = (best.name, f"has the best {best.label}, {format_ratio(best.value)}, of {len(runs)} runs.")
    return Page(title=f"{len(runs)} runs", sections=sections, verdict=verdict if same else ("", ""))


def _same_recording(runs: Sequence[_Run]) -> bool:
    """Whether all runs were tested on the same sound."""
    import numpy as np

    from fxtrain.audio import read_audio

    targets = [each.folder / "audio" / "target.wav" for each in runs]
    if not all(path.is_file() for path in targets):
        return False
    first, *others = (read_audio(path).samples for path in targets)
    return all(np.array_equal(each, first) for each in others)


def _player(runs: Sequence[_Run], *, same: bool) -> list[Section]:
    """The predictions of the best runs beside the recording; nothing if the recordings differ."""
    from fxtrain.audio import read_audio
    from fxtrain.report.audio import choose_excerpt, level_match
    from fxtrain.report.sections import Player, Source

    if not same:
        return []
    target = read_audio(runs[0].folder / "audio" / "target.wav")
    excerpt = choose_excerpt(target.samples.astype(float), target.sample_rate)
    sounds = {"target": target.samples[excerpt].astype(float)}
    sources = [Source(key="target", label="Wet", hint="the device", samples=sounds["target"], colour="target")]
    for number, each in enumerate(runs[:_MOST_HEARD], start=1):
        key = f"run-{number}"
        sounds[key] = read_audio(each.folder / "audio" / "prediction.wav").samples[excerpt].astype(float)
        sources.append(Source(key=key, label=each.name, hint=str(each.settings["model"]), samples=sounds[key]))
    shown = "" if len(runs) <= _MOST_HEARD else f"; the best {_MOST_HEARD} of {len(runs)} runs"
    return [
        Player(
            id="listen",
            note=f"{len(sounds['target']) / target.sample_rate:.1f} s of the test part{shown}",
            sources=sources,
            sample_rate=target.sample_rate,
            selected="target",
            gains_db=level_match(sounds, target.sample_rate, reference="target"),
            fallback="The sounds are in the folder audio of each run.",
        )
    ]
