# SPDX-License-Identifier: MIT
"""The result of a run as a table in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fxtrain.audio.decibels import power_to_db
from fxtrain.report.numbers import format_ratio, number_at
from fxtrain.tasks.effect.advice import advise, judge_result
from fxtrain.tasks.effect.summary import BASELINES, describe, grade
from fxtrain.text import printable

__all__ = ["print_summary"]


def print_summary(metrics: Mapping[str, Any], console: Console) -> None:
    """Prints what a person wants to know at the end of ``fit``, ``evaluate`` and ``demo``.

    Args:
        metrics: what ``metrics.json`` holds; parts that are missing are left out.
        console: where to print.
    """
    for verdict in judge_result(metrics):
        console.print(Text(verdict["message"], style="bold red"))
    value = number_at(metrics, "esr")
    errors = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    for heading in ("", "ESR", "dB"):
        errors.add_column(heading, justify="right" if heading else "left")
    for key, (label, _) in BASELINES.items():
        baseline = number_at(metrics, "baselines", key)
        if baseline is not None:
            errors.add_row(label, format_ratio(baseline), f"{power_to_db(baseline):.1f}")
    if value is not None:
        errors.add_row("model", format_ratio(value), f"{power_to_db(value):.1f}", style="bold")
    if errors.row_count:
        console.print(errors)
    facts = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    if value is not None:
        facts.add_row("In words", grade(value).word, grade(value).sentence)
    for fact in describe(metrics):
        if fact.label != "ESR":
            facts.add_row(fact.label, fact.value, fact.note)
    if facts.row_count:
        console.print()
        console.print(facts)
    if advice := advise(metrics):
        console.print("\nWhat to do next")
        for sentence in advice:
            console.print(Text(f"- {printable(sentence)}"))
