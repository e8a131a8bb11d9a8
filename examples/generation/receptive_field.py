# SPDX-License-Identifier: MIT
"""Compares WaveNets by their receptive field: a table, and a figure where asked.

python examples/generation/receptive_field.py runs/field/* [--figure field.svg]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure


def read(run: Path) -> dict[str, Any]:
    """What is compared of a run."""
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    model = metrics["model"]
    return {
        "samples": model["receptive_field"],
        "ms": model["receptive_field_ms"],
        "layers": model["layers"] * model["stacks"],
        "steps": metrics["training"]["steps"],
        "nll": metrics["nll_bits"],
        "bigram": metrics["baselines"]["bigram"],
    }


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Bits a sample over the receptive field."""
    figure = Figure(figsize=(6, 3.2), facecolor="white", layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.subplots()
    axes.plot([row["samples"] for row in rows], [row["nll"] for row in rows], "o-", color="#c9701b", label="WaveNet")
    axes.axhline(rows[0]["bigram"], color="#888888", linestyle="--", label="bigram")
    axes.set_xscale("log", base=2)
    axes.set_xticks([row["samples"] for row in rows], [f"{row['samples']}\n{row['ms']:.3g} ms" for row in rows])
    axes.set_xlabel("receptive field in samples")
    axes.set_ylabel("bits a sample, held out")
    axes.legend(frameon=False)
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": "fxtrain"})


def main() -> None:
    """Print the table, and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    parser.add_argument("--figure", type=Path, metavar="SVG")
    args = parser.parse_args()
    rows = sorted((read(run) for run in args.runs), key=lambda row: row["samples"])
    print("| receptive field | layers | steps | bits a sample | bigram |\n|---|---|---|---|---|")
    for row in rows:
        field = f"{row['samples']} samples, {row['ms']:.3g} ms"
        print(f"| {field} | {row['layers']} | {row['steps']} | {row['nll']:.3f} | {row['bigram']:.3f} |")
    if args.figure:
        draw(rows, args.figure)


if __name__ == "__main__":
    main()
