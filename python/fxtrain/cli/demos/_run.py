# SPDX-License-Identifier: MIT
"""The run of a demo: fitted, or resumed, and what it measured."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from fxtrain.cli.in_process import run_in_process
from fxtrain.cli.terminal import shown
from fxtrain.errors import InputError
from fxtrain.files import read_file

__all__ = ["fit_or_resume", "read_metrics"]


def fit_or_resume(arguments: Sequence[str], args: argparse.Namespace, console: Console) -> int:
    """Runs ``fxtrain fit`` with the arguments, or resumes the run in ``args.out``; returns its exit code."""
    resumed = (args.out / "config.toml").exists()
    command = ["fit", "--resume", str(args.out)] if resumed else ["fit", *arguments]
    console.print(f"training   $ {shown(shlex.join(['fxtrain', *command]))}")
    return run_in_process(command, args)


def read_metrics(path: Path, *judged: tuple[str, ...]) -> dict[str, Any]:
    """What ``fit`` measured.

    Args:
        path: its ``metrics.json``.
        judged: places of numbers that it must hold.

    Raises:
        InputError: it does not hold them.
    """
    from fxtrain.report.numbers import number_at
    from fxtrain.runs.folder import LARGEST_METRICS

    try:
        metrics = json.loads(read_file(path, at_most=LARGEST_METRICS))
    except (ValueError, RecursionError):
        metrics = None
    if not isinstance(metrics, dict) or any(number_at(metrics, *place) is None for place in judged):
        raise InputError(f"{path} is not what fit wrote: begin anew with --force, or choose another --out.")
    return metrics
