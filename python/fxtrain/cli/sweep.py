# SPDX-License-Identifier: MIT
"""``fxtrain sweep``: one run for each point of a grid of settings."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rich.console import Console

from fxtrain.cli import fit
from fxtrain.cli.arguments import positive_int
from fxtrain.cli.batch import wet_recordings
from fxtrain.cli.terminal import shown
from fxtrain.errors import ConfigError, FxtrainError, InputError, Interrupted
from fxtrain.text import did_you_mean, quoted

if TYPE_CHECKING:
    from fxtrain.runs import RunSpec
    from fxtrain.studies import Point, Row, Study, Sweep
    from fxtrain.studies.sweep import Cell

_WHERE = ("local", "ray")
_NOT_OF_A_STUDY = ("out", "resume")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``sweep``."""
    parser.add_argument(
        "study", type=Path, metavar="STUDY.toml", help="tables [fit] and [grid] or [search]: docs/studies"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the study; default runs/<name of STUDY>")
    parser.add_argument("--on", choices=_WHERE, default="local", help="this machine, or a Ray cluster (default: local)")
    parser.add_argument(
        "--address", metavar="ADDR", help="address of a running Ray cluster; default: start one on this machine"
    )
    parser.add_argument(
        "--jobs",
        type=positive_int,
        metavar="N",
        help="run N cells at a time, with one thread each (default: one per core)",
    )
    parser.add_argument("--retry", action="store_true", help="run failed cells again")


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any]:
    """Runs what has not been run yet; returns the rows of the table."""
    from fxtrain.studies import Sweep, read_study
    from fxtrain.studies.local import available_cores, run_locally

    if args.address is not None and args.on != "ray":
        raise InputError("--address is that of a Ray cluster: add --on ray, or leave it out")
    study = read_study(args.study)
    out = args.out or Path("runs") / fit.slug(args.study)
    sweep = Sweep(study, list(cells_of(study, out)), out)

    def make_cell(point: Point) -> Cell:
        return cell_of(study, point, out)

    _require_files(sweep.specs)
    jobs = args.jobs or len(available_cores())
    if args.on == "ray":
        from fxtrain.studies.ray_cluster import RayCluster

        cluster = RayCluster(args.address, jobs=args.jobs)
    with sweep.opened(), fit.stop_on_interrupt() as should_stop:
        console.print(f"study   [bold]{shown(study.title)}[/]: {_counted(sweep)}")

        def on_row(row: Row) -> None:
            figure = "" if row.figure is None else f"{sweep.criterion.label} {row.figure:.5f}"
            console.print(f"{row.status:<9}{shown(row.point.name)}  {figure}{shown(row.reason)}")

        if args.on == "ray":
            with cluster:
                sweep.run(
                    lambda cells: cluster.run(cells, should_stop=should_stop, stop_cells=sweep.ask_to_stop),
                    make_cell=make_cell,
                    retry=args.retry,
                    on_row=on_row,
                )
        else:
            sweep.run(
                lambda cells: run_locally(cells, jobs=jobs, should_stop=should_stop),
                make_cell=make_cell,
                retry=args.retry,
                on_row=on_row,
            )
        counts = {status: sum(row.status == status for row in sweep.rows) for status in ("complete", "failed")}
        console.print(f"table   [bold]{shown(sweep.table)}[/]\nreport  [bold]{shown(sweep.report)}[/]")
        left = len(sweep.rows) - sum(counts.values())
        if left:
            raise Interrupted(
                f"stopped with {left} of {len(sweep.rows)} runs left; all is saved; the same command goes on with them"
            )
        if counts["failed"]:
            console.print(f"[yellow]{counts['failed']} of {len(sweep.rows)} runs failed[/]:")
            for reason, names in _reasons(sweep.rows).items():
                others = f" and {len(names) - 1} more" if len(names) > 1 else ""
                console.print(shown(f"  {names[0]}{others}: {reason}"))
    return {
        "study": str(args.study),
        "out": str(out),
        "table": str(sweep.table),
        "report": str(sweep.report),
        "cells": len(sweep.rows),
        **counts,
        "exit_code": 1 if counts["failed"] == len(sweep.rows) else 0,
        "rows": [
            {
                **row.point.values,
                "status": row.status,
                sweep.criterion.name: row.figure,
                "run": str(row.run),
                **({"reason": row.reason} if row.reason else {}),
            }
            for row in sweep.rows
        ],
    }


def _counted(sweep: Sweep) -> str:
    done = sum(row.status == "complete" for row in sweep.rows)
    count = len(sweep.rows) if sweep.study.search is None else sweep.study.search.trials
    return f"{count} runs" + (f", {done} of them complete already" if done else "")


def _reasons(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Each reason for a failure with the names of the runs that failed by it."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row.status == "failed":
            found.setdefault(row.reason, []).append(row.point.name)
    return found


def cells_of(study: Study, out: Path) -> Iterator[Cell]:
    """The runs of a study, of a search the first ones; settings that make no run are said with it.

    Raises:
        ConfigError: an option does not exist.
    """
    from fxtrain.studies import Sweep

    # Which figures are the better ones does not matter before there are any.
    for point in Sweep.first_points(study, out, higher_is_better=False):
        yield cell_of(study, point, out)


def cell_of(study: Study, point: Point, out: Path) -> Cell:
    """The run of a point, as :func:`cells_of` yields it."""
    from fxtrain.studies.sweep import Cell

    options = {**study.options, **{k[4:]: v for k, v in point.values.items() if k.startswith("fit.")}}
    words = list(_words(study, options))
    for key, value in point.values.items():
        if not key.startswith("fit."):
            words += ["--set", f"{key}={json.dumps(value, default=str)}"]
    words += ["--out", str(out / "runs" / point.name)]
    try:
        return Cell(point, _spec(study, point, words))
    except _Conflict:
        raise
    except FxtrainError as error:
        return Cell(point, None, str(error))


class _Conflict(ConfigError):
    """A study that says something twice, which is a mistake in all of its runs."""


class _OptionParser(argparse.ArgumentParser):
    """A parser of options that come from a file."""

    def error(self, message: str) -> NoReturn:
        """Raises, rather than ending the program."""
        raise ConfigError(f"[fit]: {message}")


def _words(study: Study, options: Mapping[str, Any]) -> Iterator[str]:
    """The options of a study as those of a command line; paths start at the folder of the study."""
    parser = _OptionParser(add_help=False)
    fit.add_arguments(parser)
    known = {name.lstrip("-").replace("-", "_"): action for action in parser._actions for name in _names_of(action)}
    folder = study.path.parent.resolve()
    positional: dict[str, str] = {}
    words: list[str] = []
    for key, value in options.items():
        name = key.replace("-", "_")
        if name not in known or name in _NOT_OF_A_STUDY:
            offered = ", ".join(other for other in known if other not in _NOT_OF_A_STUDY)
            table = "fit" if key in study.options else "grid" if study.search is None else "search"
            help = did_you_mean(name, [other for other in known if other not in _NOT_OF_A_STUDY])
            raise ConfigError(
                f"{study.path}, [{table}]: fit has no option {quoted(key)}{help or f'; there are {offered}'}"
            )
        action = known[name]

        def as_text(item: Any, action: argparse.Action = action, key: str = key) -> str:
            if isinstance(item, bool | dict | list):
                raise ConfigError(f"{study.path}: the option {key} is {quoted(item)}, expected a number or a text")
            if action.type is Path:
                return str(folder / str(item))
            return str(item)

        if not action.option_strings:
            positional[name] = as_text(value)
            continue
        option = action.option_strings[-1]
        if action.nargs == 0:
            if not isinstance(value, bool):
                raise ConfigError(f"{study.path}: the option {key} is {quoted(value)}, expected true or false")
            words += [option] if value else []
        elif action.nargs is not None:
            words += [option, *map(as_text, value if isinstance(value, list) else [value])]
        else:
            for item in value if isinstance(value, list) else [value]:
                words += [f"{option}={as_text(item)}"]
    yield from (positional[name] for name in ("dry", "wet") if name in positional)
    yield from words


def _names_of(action: argparse.Action) -> list[str]:
    return [name for name in action.option_strings if name.startswith("--")] or [action.dest]


def _spec(study: Study, point: Point, words: list[str]) -> RunSpec:
    parser = _OptionParser(add_help=False)
    fit.add_arguments(parser)
    args = parser.parse_args(words)
    args.command_line = shlex.join(["fxtrain", "fit", *words])
    wets = wet_recordings(args)
    if len(wets) > 1 or args.wet_folder is not None:
        raise InputError(f'{study.path} gives several wet recordings; list them in [grid] as "fit.wet"')
    args.wet = wets[0] if wets else None
    try:
        spec = fit.spec_of(args)
    except fit.NoRecordingsError:
        raise ConfigError(
            f"{study.path}, [fit]: there are no recordings; give dry and wet, or pairs, as paths from the folder of "
            "the study"
        ) from None
    for key, value in point.values.items():
        table, _, name = key.partition(".")
        if table != "fit" and spec.tables.get(table, {}).get(name) != value:
            raise _Conflict(f"{study.path}: an option under [fit] also sets {key}, which is in [grid]; remove one")
    spec.check()
    tables = {table: dict(values) for table, values in spec.tables.items()}
    for table, settings in spec.settings().items():
        for each in fields(settings):
            if isinstance(path := getattr(settings, each.name), Path) and each.name in tables.get(table, {}):
                tables[table][each.name] = str(path.resolve())
    return replace(spec, tables=tables)


def _require_files(specs: Mapping[str, RunSpec]) -> None:
    """Raises where a recording is missing that all runs need; one that some need is a failure of these."""
    missing = [
        {
            str(path)
            for settings in spec.settings().values()
            for each in fields(settings)
            if isinstance(path := getattr(settings, each.name), Path) and not path.exists()
        }
        for spec in specs.values()
    ]
    if always := set.intersection(*missing):
        raise InputError(f"there is no file {sorted(always)[0]}, which all runs of the study need; check its path")
