# SPDX-License-Identifier: MIT
"""Draws the figure of a study for docs/studies, and prints its table in Markdown.

    python docs/figures/studies.py DIR NAME

``DIR`` is what ``fxtrain sweep`` left; the figure goes to ``docs/images/NAME.svg``.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from drawing import BLUE, GREY, ORANGE, RED, STYLE, new_figure, save

COLOURS = (BLUE, ORANGE, RED, "#4b8f4b", "#7a5aa6", GREY)
Runs = Mapping[str, list[tuple[float, Path]]]


def read_runs(folder: Path) -> tuple[str, Runs, dict[str, float]]:
    """The key that is not a seed, the ESR and the folder of the complete runs by its value, and the baselines."""
    with (folder / "table.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    keys = [key for key in rows[0] if key not in ("status", "esr", "run") and not key.endswith(".seed")]
    varied = [key for key in keys if len({row[key] for row in rows}) > 1] or keys[:1]
    runs: dict[str, list[tuple[float, Path]]] = {}
    for row in rows:
        if row["status"] == "complete":
            name = ", ".join(row[key] for key in varied)
            runs.setdefault(name, []).append((float(row["esr"]), folder / row["run"]))
    first = next(iter(runs.values()))[0][1]
    return ", ".join(varied), runs, json.loads((first / "metrics.json").read_text(encoding="utf-8"))["baselines"]


def curve(run: Path) -> tuple[list[int], list[float]]:
    """The validation ESR over the steps."""
    events = [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    points = [(event["step"], event["val_esr"]) for event in events if event["event"] == "validation"]
    steps, values = zip(*points, strict=True)
    return list(steps), list(values)


def draw(path: Path, key: str, runs: Runs) -> None:
    """The test ESR of each run over the setting, and the validation ESR over the steps."""
    figure, (left, right) = new_figure(9, 3.4, columns=2)
    for place, (name, found) in enumerate(runs.items()):
        figures = [esr for esr, _ in found]
        colour = COLOURS[place % len(COLOURS)]
        left.plot([place] * len(figures), figures, "o", color=colour, markersize=4, alpha=0.6)
        left.plot([place - 0.25, place + 0.25], [statistics.median(figures)] * 2, color=colour, linewidth=2)
        curves = [curve(run) for _, run in found]
        steps = curves[0][0]
        values: Any = np.array([np.interp(steps, *each) for each in curves])
        right.plot(steps, np.median(values, axis=0), color=colour, label=name)
        if len(curves) > 1:
            right.fill_between(steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)
    left.set_xticks(range(len(runs)), [name.replace(", ", "\n") for name in runs])
    left.set_xlim(-0.6, len(runs) - 0.4)
    left.set_xlabel(key)
    left.set_ylabel("test ESR")
    left.set_yscale("log")
    right.set_yscale("log")
    right.set_xlabel("steps")
    right.set_ylabel("validation ESR")
    right.legend(fontsize=8)
    save(figure, path)


def main() -> None:
    """Draws and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "images", metavar="FOLDER")
    args = parser.parse_args()
    key, runs, baselines = read_runs(args.folder)
    with mpl.rc_context(STYLE):
        draw(args.out / f"{args.name}.svg", key, runs)
    print(f"| {key} | median ESR | lowest | highest | runs |\n|---|---|---|---|---|")
    for name, found in runs.items():
        figures = [esr for esr, _ in found]
        low, high = min(figures), max(figures)
        print(f"| {name} | {statistics.median(figures):.3g} | {low:.3g} | {high:.3g} | {len(figures)} |")
    for name, value in baselines.items():
        print(f"| {name} | {value:.3g} | | | |")


if __name__ == "__main__":
    main()
