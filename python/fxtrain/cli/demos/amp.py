# SPDX-License-Identifier: MIT
"""A made-up guitarist, a circuit, and the fit that a user would run on their recording."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from fxtrain.cli.demos._folders import clear_run, material_folder
from fxtrain.cli.demos._run import fit_or_resume, read_metrics
from fxtrain.cli.terminal import shown
from fxtrain.errors import InputError, OutputExistsError

if TYPE_CHECKING:
    from fxtrain.synthetic import PairRecipe, RecordedPair


GREATEST_ESR = 0.02
"""The demo succeeds at this error-to-signal ratio or less ..."""

GREATEST_SHARE_OF_FIR = 0.1
"""... if that is also at most this share of what the best linear filter leaves."""


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any]:
    """Does what is not done yet, then shows the result."""
    from fxtrain.runs.folder import RunFolder
    from fxtrain.synthetic import PairRecipe, find_pair, get_schematic
    from fxtrain.tasks.effect.table import print_summary

    if not 10.0 <= args.seconds <= 3600.0:
        raise InputError(f"--seconds is {args.seconds:g}; give 10 to 3600.")
    recipe = PairRecipe(get_schematic(args.circuit), seconds=args.seconds, seed=args.seed)
    folder, data_folder = args.out, material_folder(args.out)
    if args.force:
        clear_run(folder)

    pair = find_pair(data_folder, recipe)
    if pair is not None:
        console.print(f"recording  {shown(data_folder)} is there already")
    elif folder.exists() and (not folder.is_dir() or any(entry.name != ".lock" for entry in folder.iterdir())):
        raise OutputExistsError(
            f"{folder} holds a run on another recording; choose another --out, or --force to throw it away."
        )
    else:
        pair = _record(data_folder, recipe, console)

    metrics_file = folder / "metrics.json"
    complete = RunFolder(folder).is_complete()
    if complete:
        console.print(f"training   {shown(folder)} is complete already; --force begins anew")
    else:
        exit_code = _fit(args, pair, console)
        if exit_code != 0:
            console.print(f"The demo is not finished; go on with: {shown(_this_command(args))}")
            return {"exit_code": exit_code, "passed": False, "run": str(folder)}

    metrics = read_metrics(metrics_file, ("esr",), ("baselines", "fir"))
    if complete:
        print_summary(metrics, console)
    passed = _judge(metrics, args, console)
    report = folder / "report.html"
    console.print(
        f"listen  {shown(pair.dry)}\n        {shown(pair.wet)}\n        {shown(folder / 'audio' / 'prediction.wav')}\n"
        f"open    {shown(report)}\nplay    {shown(folder / 'model.json')}"
    )
    return {
        "exit_code": 0 if passed else 1,
        "passed": passed,
        **{name: metrics.get(name) for name in ("esr", "baselines", "parity", "speed")},
        "dry": str(pair.dry),
        "wet": str(pair.wet),
        "run": str(folder),
        "report": str(report),
    }


def _record(folder: Path, recipe: PairRecipe, console: Console) -> RecordedPair:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from fxtrain.synthetic import write_pair

    interface = recipe.interface
    console.print(
        f"recording  {recipe.seconds:g} s of guitar through the circuit [bold]{recipe.circuit.name}[/]: "
        f"{len(recipe.circuit.components)} components, {recipe.oversampling} solver steps per sample; "
        f"an interface with {interface.latency_frames} samples of latency and noise at {interface.noise_dbfs:g} dBFS"
    )
    columns = (
        TextColumn("           solving"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("solving", total=1.0)
        pair = write_pair(folder, recipe, progress=lambda share: bar.update(task, completed=share))
    found = pair.convergence
    console.print(
        f"           solved {found.num_steps / 1e6:.1f} million steps in {found.mean_iterations:.2f} Newton iterations "
        f"each (at most {found.max_iterations}), greatest residual {found.max_residual:.1e} V"
    )
    return pair


def _fit(args: argparse.Namespace, pair: RecordedPair, console: Console) -> int:
    """Runs ``fxtrain fit`` in this process, or goes on with it; returns its exit code."""
    arguments = [
        *(str(pair.dry), str(pair.wet), "--out", str(args.out), *_limits(args)),
        *("--seed", str(args.seed), "--name", f"Demo {args.circuit}", "--gear-type", _gear_type(args.circuit)),
    ]
    return fit_or_resume(arguments, args, console)


def _gear_type(circuit: str) -> str:
    return "preamp" if circuit == "valve" else "pedal"


def _judge(metrics: Mapping[str, Any], args: argparse.Namespace, console: Console) -> bool:
    esr, fir = metrics["esr"], metrics["baselines"]["fir"]
    limit = min(GREATEST_ESR, GREATEST_SHARE_OF_FIR * fir)
    if esr <= limit:
        console.print(f"[green]The demo succeeded:[/] ESR {esr:.4f}, a linear filter leaves {fir:.4f}.")
        return True
    more = _this_command(args, force=True, max_steps=2 * args.max_steps)
    console.print(
        f"[red]The demo failed:[/] ESR {esr:.4f}, expected {limit:.4f} at most (a linear filter leaves {fir:.4f}). "
        f"Train longer: {shown(more)}"
    )
    return False


def _limits(args: argparse.Namespace, max_steps: int | None = None) -> list[str]:
    """How long to train. Steps take longer on a busy machine, but the result is the same."""
    steps = ["--max-steps", str(max_steps or args.max_steps)]
    return steps if args.max_minutes is None or max_steps else [*steps, "--max-minutes", f"{args.max_minutes:g}"]


def _this_command(args: argparse.Namespace, *, force: bool = False, max_steps: int | None = None) -> str:
    words = ["fxtrain", "demo", "--out", str(args.out), "--circuit", args.circuit, "--seconds", f"{args.seconds:g}"]
    words += ["--seed", str(args.seed), *_limits(args, max_steps)]
    return shlex.join([*words, "--force"] if force else words)
