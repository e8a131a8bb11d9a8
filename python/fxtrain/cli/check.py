# SPDX-License-Identifier: MIT
"""``fxtrain check``: is this pair fit to learn from?"""

from __future__ import annotations

import argparse
from collections.abc import MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fxtrain.cli.arguments import add_lag_argument, add_recording_arguments, channel_choice
from fxtrain.text import printable

if TYPE_CHECKING:
    from fxtrain.audio import DataReport


_COLOURS = {"ok": "green", "note": "cyan", "warn": "yellow", "stop": "bold red"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``check``."""
    parser.add_argument("dry", type=Path, metavar="DRY", help="recording of the direct guitar signal")
    parser.add_argument("wet", type=Path, metavar="WET", help="the same playing through the device")
    add_recording_arguments(parser)
    add_lag_argument(parser)


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any]:
    """Prints the verdicts and returns them; exit code 2 where one says stop."""
    from fxtrain import check

    report = check(
        args.dry,
        args.wet,
        sample_rate=args.sample_rate,
        channels=channel_choice(args),
        ignore=args.ignore,
        lag=args.lag,
    )
    print_report(report, console)
    if not args.json:
        report.raise_for_stop()
    return {**report.to_dict(), "fit_to_train": report.fit_to_train, "exit_code": 0 if report.fit_to_train else 2}


def print_report(report: DataReport, console: Console) -> None:
    """Prints a table of the verdicts, and what they come to."""
    table = Table(box=None, pad_edge=False)
    table.add_column("check", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("what was found, and what to do", overflow="fold")
    for verdict in report.verdicts:
        finding = Text(printable(f"{verdict.message}."))
        if verdict.remedy and verdict.level != "ok":
            finding.append(printable(f" {verdict.remedy[0].upper()}{verdict.remedy[1:]}."), style="italic")
        level = f"{verdict.level}, ignored" if verdict.ignored else verdict.level
        table.add_row(verdict.name, Text(level, style=_COLOURS[verdict.level]), finding)
    console.print(table)
    console.print()
    if report.stops:
        console.print("[bold red]Not fit to train on.[/]")
    else:
        warnings = [verdict.name for verdict in report.verdicts if verdict.level == "warn"]
        caution = f"; mind {', '.join(warnings)}" if warnings else ""
        console.print(f"[bold green]Fit to train on[/]{caution}.")
