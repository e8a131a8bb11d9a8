# SPDX-License-Identifier: MIT
"""Many models in one command: one recording of the input, several of the output."""

from __future__ import annotations

import argparse
from collections.abc import Callable, MutableMapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fxtrain.cli.terminal import shown
from fxtrain.errors import FxtrainError, InputError, Interrupted
from fxtrain.text import printable

if TYPE_CHECKING:
    from fxtrain.runs import RunFolder, RunSpec

__all__ = ["run_batch", "wet_recordings"]

_SUFFIXES = (".wav", ".flac", ".aif", ".aiff", ".ogg", ".mp3")
_ONE_AT_A_TIME = ("val", "test", "pairs", "resume", "checkpoint")


def wet_recordings(args: argparse.Namespace) -> list[Path]:
    """The recordings that ``fit`` was given as WET or by ``--wet-folder``.

    Raises:
        InputError: the folder holds none.
    """
    if args.wet_folder is None:
        return list(args.wet)
    if args.wet:
        raise InputError("--wet-folder takes the place of WET: give one or the other")
    if not args.wet_folder.is_dir():
        raise InputError(f"--wet-folder {args.wet_folder} is not a folder; give the folder of the wet recordings")
    found = sorted(path for path in args.wet_folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if args.dry is not None and args.dry.exists():
        found = [path for path in found if not path.samefile(args.dry)]
    if not found:
        raise InputError(f"{args.wet_folder} holds no recordings; expected files that end in {', '.join(_SUFFIXES)}")
    return found


def run_batch(
    args: argparse.Namespace,
    wets: Sequence[Path],
    console: Console,
    *,
    spec_of: Callable[[argparse.Namespace], RunSpec],
    train: Callable[[RunSpec, RunFolder, bool], MutableMapping[str, Any]],
) -> MutableMapping[str, Any]:
    """Trains a model for each recording, in folders of their names, and prints a table.

    One that fails does not end the batch. The same command continues a batch that was stopped.

    Args:
        args: of ``fit``.
        wets: the recordings.
        console: where to print.
        spec_of: the run that arguments with one ``wet`` ask for.
        train: does a run; its last argument says whether it is to be resumed.

    Raises:
        InputError: an option is for a single recording, or two recordings have the same name.
        Interrupted: Ctrl-C; the same command goes on.
    """
    from fxtrain.runs import RunFolder
    from fxtrain.runs.stages import stage_of

    if given := [name for name in _ONE_AT_A_TIME if getattr(args, name) is not None]:
        raise InputError(f"--{given[0]} is for one WET, but {len(wets)} were given")
    if len(set(path.stem for path in wets)) < len(wets):
        raise InputError("two wet recordings have the same name without suffix: rename one, it names the run's folder")
    out = args.out or Path("runs")
    rows: list[dict[str, Any]] = []
    for number, wet in enumerate(wets, start=1):
        console.print(f"\n[bold]{number} of {len(wets)}: {shown(wet)}[/]")
        name = f"{args.name} {wet.stem}" if args.name else wet.stem
        row: dict[str, Any] = {"wet": str(wet), "run": str(out / wet.stem)}
        try:
            one = argparse.Namespace(**{**vars(args), "wet": wet, "name": name, "out": out / wet.stem})
            stage = stage_of(wet.stem, spec_of(one), out / wet.stem)
            folder = RunFolder(stage.folder)
            if stage.is_complete:
                console.print("complete already")
                row |= folder.read_metrics()
            else:
                row |= train(stage.spec, folder, stage.is_begun)
        except Interrupted as stop:
            raise Interrupted(f"{str(stop).partition(';')[0]}; the same command goes on with the batch") from None
        except FxtrainError as error:
            console.print(Text(printable(error), style="bold red"))
            row["failed"] = str(error)
        rows.append(row)
    console.print()
    console.print(_table(rows))
    failed = sum("failed" in row or row.get("complete") is False for row in rows)
    if failed:
        console.print(f"[bold red]{failed} of {len(rows)} failed.[/] The same command tries them again.")
    return {"runs": rows, "exit_code": 1 if failed else 0}


def _table(rows: Sequence[MutableMapping[str, Any]]) -> Table:
    from fxtrain.report.numbers import format_ratio, number_at

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("wet", "ESR", "linear filter", "lag", "minutes", "run"):
        table.add_column(heading, justify="left" if heading in ("wet", "run") else "right")
    for row in rows:
        if "failed" in row:
            table.add_row(Text(printable(Path(row["wet"]).name)), "failed", "", "", "", "")
            continue
        seconds = number_at(row, "training", "seconds")
        table.add_row(
            Text(printable(Path(row["wet"]).name)),
            format_ratio(number_at(row, "esr")),
            format_ratio(number_at(row, "baselines", "fir")),
            str(row.get("data", {}).get("lag_removed", "")),
            "" if seconds is None else f"{seconds / 60:.1f}",
            Text(printable(row["run"])),
        )
    return table
