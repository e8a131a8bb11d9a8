# SPDX-License-Identifier: MIT
"""``fxtrain demo``: a made-up guitarist, a circuit, and the fit that a user would run on their recording."""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import shutil
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from rich.console import Console

from fxtrain.errors import InputError, OutputExistsError

SUMMARY = "make a recording with a simulated circuit, learn it, and show what came out"
MODE = "train"

GREATEST_ESR = 0.02
"""The demo succeeds at this error-to-signal ratio or less ..."""

GREATEST_SHARE_OF_FIR = 0.1
"""... if that is also at most this share of what the best linear filter leaves."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``demo``."""
    parser.add_argument(
        "--out", type=Path, default=Path("runs/demo"), metavar="DIR", help="run folder; default runs/demo"
    )
    parser.add_argument(
        "--circuit", default="overdrive", metavar="NAME", help="overdrive (default), distortion, valve, fuzz"
    )
    parser.add_argument(
        "--seconds", type=float, default=150.0, metavar="S", help="length of the recording; default 150"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the playing and of the training; default 0"
    )
    parser.add_argument("--max-minutes", type=float, default=4.0, metavar="M", help="time to train; default 4")
    parser.add_argument("--force", action="store_true", help="throw away an earlier demo in DIR and begin anew")


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any]:
    """Does what is not done yet, then shows the result."""
    from fxtrain.circuits import PairRecipe, find_pair, get_schematic

    if not 10.0 <= args.seconds <= 3600.0:
        raise InputError(f"--seconds is {args.seconds:g}; give 10 to 3600.")
    if not args.max_minutes > 0.0:
        raise InputError(f"--max-minutes is {args.max_minutes:g}; give more than 0.")
    recipe = PairRecipe(get_schematic(args.circuit), seconds=args.seconds, seed=args.seed)
    run_folder, data_folder = args.out, args.out.with_name(args.out.name + "-data")
    if args.force:
        _remove_run(run_folder)
    pair = find_pair(data_folder, recipe)
    if pair is None:
        if run_folder.exists() and any(run_folder.iterdir()):
            raise OutputExistsError(
                f"{run_folder} holds a run on another recording; choose another --out, or --force to throw it away."
            )
        _describe_recipe(recipe, console)
        pair = _make_pair(data_folder, recipe, console)
    else:
        console.print(f"recording  {data_folder} is there already")

    metrics_file = run_folder / "metrics.json"
    if metrics_file.exists():
        console.print(f"training   {run_folder} is complete already (--force begins anew)")
    else:
        exit_code = _fit(_fit_arguments(args, pair.dry, pair.wet), args, console)
        if exit_code != 0:
            console.print(f"The demo is not finished; the same command goes on from here: {_this_command(args)}")
            return {"exit_code": exit_code, "run": str(run_folder), "passed": False}
    metrics = json.loads(metrics_file.read_text(encoding="utf-8"))
    passed = _passed(metrics)
    _show(metrics, run_folder, data_folder, passed, console)
    return {
        "exit_code": 0 if passed else 1,
        "passed": passed,
        "esr": metrics["esr"],
        "baselines": metrics["baselines"],
        "parity": metrics.get("parity", {}),
        "speed": metrics.get("speed", {}),
        "dry": str(pair.dry),
        "wet": str(pair.wet),
        "run": str(run_folder),
        "report": str(run_folder / "report.html"),
    }


def _describe_recipe(recipe: Any, console: Console) -> None:
    console.print(
        f"recording  {recipe.seconds:g} s of guitar through the circuit [bold]{recipe.circuit.name}[/]: "
        f"{len(recipe.circuit.components)} components, {recipe.oversampling} solver steps per sample, "
        f"interface with {recipe.interface.latency_frames} samples of latency, noise at {recipe.interface.noise_dbfs:g} dBFS"
    )


def _make_pair(folder: Path, recipe: Any, console: Console) -> Any:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from fxtrain.circuits import write_pair

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
        f"           solved {found.num_steps / 1e6:.1f} million steps with {found.mean_iterations:.2f} Newton iterations"
        f" each (at most {found.max_iterations}), greatest residual {found.max_residual:.1e} V\n"
        f"           {pair.dry}\n           {pair.wet}"
    )
    return pair


def _fit_arguments(args: argparse.Namespace, dry: Path, wet: Path) -> list[str]:
    """The command that a user would type: a new run, or going on with one that was stopped."""
    if (args.out / "config.toml").exists():
        return ["fit", "--resume", str(args.out)]
    return [
        "fit",
        str(dry),
        str(wet),
        "--out",
        str(args.out),
        "--max-minutes",
        f"{args.max_minutes:g}",
        "--seed",
        str(args.seed),
        "--name",
        f"Demo {args.circuit}",
        "--device-name",
        f"fxtrain circuit {args.circuit}",
    ]


def _fit(arguments: list[str], args: argparse.Namespace, console: Console) -> int:
    """Runs ``fxtrain fit`` in this process; with ``--json`` its text goes where the demo's does."""
    from fxtrain.cli import main

    console.print(f"training   $ {shlex.join(['fxtrain', *arguments])}")
    flags = ["-q"] if args.quiet else ["-" + "v" * args.verbose] if args.verbose else []
    with contextlib.redirect_stdout(sys.stderr) if args.json else contextlib.nullcontext():
        return main([*arguments, *flags])


def _passed(metrics: Mapping[str, Any]) -> bool:
    esr, fir = metrics["esr"], metrics["baselines"]["fir"]
    return bool(esr <= GREATEST_ESR and esr <= GREATEST_SHARE_OF_FIR * fir)


def _show(metrics: Mapping[str, Any], run_folder: Path, data_folder: Path, passed: bool, console: Console) -> None:
    from rich.table import Table

    esr, baselines = metrics["esr"], metrics["baselines"]
    parity, speed = metrics.get("parity", {}), metrics.get("speed", {})
    table = Table(title="error-to-signal ratio on the test part", title_justify="left", show_edge=False, pad_edge=False)
    table.add_column("")
    table.add_column("ESR", justify="right")
    table.add_column("")
    table.add_row(
        "the model, played by the engine", f"{esr:.5f}", f"limit {GREATEST_ESR:g} and a tenth of the linear filter's"
    )
    for name, label in (
        ("fir", "best linear filter, 512 taps"),
        ("best_gain", "dry signal at the best level"),
        ("input", "dry signal as it is"),
    ):
        table.add_row(label, f"{baselines[name]:.5f}", f"{baselines[name] / max(esr, 1e-12):.0f} times the model's")
    console.print()
    console.print(table)
    if "engine_error" in parity:
        console.print(
            f"parity     engine against torch in float64: {parity['engine_error']:.1e} (torch's own float32: "
            f"{parity['torch_float32_error']:.1e})"
        )
    if "real_time_factor" in speed:
        console.print(
            f"speed      {speed['real_time_factor']:.0f} times faster than real time in blocks of "
            f"{speed['block_frames']}: {speed['cpu_percent']:.2f} % of one core"
        )
    console.print(
        f"listen     {data_folder / 'dry.wav'}\n           {data_folder / 'wet.wav'}\n"
        f"           {run_folder / 'audio' / 'prediction.wav'}\n"
        f"open       {run_folder / 'report.html'}\n"
        f"play       {run_folder / 'model.json'}"
    )
    if passed:
        console.print(
            f"[green]The demo succeeded:[/] ESR {esr:.5f}, {baselines['fir'] / esr:.0f} times less than linear."
        )
    else:
        console.print(
            f"[red]The demo failed:[/] ESR {esr:.5f}, expected at most "
            f"{min(GREATEST_ESR, GREATEST_SHARE_OF_FIR * baselines['fir']):.5f}. A busy machine trains less in the same "
            f"time; give it more: {_retry_hint(run_folder)}"
        )


def _retry_hint(run_folder: Path) -> str:
    return shlex.join(["fxtrain", "demo", "--out", str(run_folder), "--force", "--max-minutes", "10"])


def _this_command(args: argparse.Namespace) -> str:
    return shlex.join(
        [
            *("fxtrain", "demo", "--out", str(args.out), "--circuit", args.circuit, "--seconds", f"{args.seconds:g}"),
            *("--seed", str(args.seed), "--max-minutes", f"{args.max_minutes:g}"),
        ]
    )


def _remove_run(folder: Path) -> None:
    """Removes a run folder; refuses to remove a folder that fit did not make."""
    if not folder.exists():
        return
    if not (folder / "config.toml").exists() and any(folder.iterdir()):
        raise OutputExistsError(
            f"{folder} is not the folder of a run, so --force leaves it alone; choose another --out."
        )
    shutil.rmtree(folder)
