# SPDX-License-Identifier: MIT
"""The folder of a study: which cells are done, their table and their page."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fxtrain.atomic import write_atomically
from fxtrain.errors import ConfigError, InputError, OutputExistsError
from fxtrain.files import read_file
from fxtrain.report.numbers import number_at
from fxtrain.runs import RunFolder, RunSpec
from fxtrain.runs.folder import LARGEST_METRICS
from fxtrain.studies.cell import CellResult
from fxtrain.studies.study import Point, Study

__all__ = ["Cell", "Row", "Run", "Sweep"]

Run = Callable[[Mapping[str, tuple[RunSpec, Path]]], Iterator[CellResult]]
"""Runs cells somewhere; yields how each ended."""

_PAGE_SECONDS = 30.0
_LARGEST_STATE = 64 << 20  # bytes
_TRIALS = "trials.json"
_NOT_OURS = "is not what fxtrain sweep wrote; choose another folder with --out"


@dataclass(frozen=True)
class Cell:
    """A point of the grid as a run.

    Attributes:
        point: the settings.
        spec: of the run; None where they make none.
        reason: why not, a sentence.
    """

    point: Point
    spec: RunSpec | None
    reason: str = ""


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        point: the settings.
        status: ``complete``, ``failed``, ``stopped`` or ``pending``.
        figure: what the models are judged by; None where there is none.
        run: folder of the run.
        reason: of a failure, a sentence.
        baselines: the same figure of trivial models.
        seconds: of training.
        steps: of training.
    """

    point: Point
    status: str
    figure: float | None
    run: Path
    reason: str = ""
    baselines: Mapping[str, float] | None = None
    seconds: float | None = None
    steps: int | None = None


class Sweep:
    """A study in its folder.

    ::

        DIR/study.json    what was asked, so that no other study gets into the folder
        DIR/failed.json   the cells that failed, with the reasons
        DIR/trials.json   what a search has proposed so far
        DIR/table.csv     a row for each cell
        DIR/report.html   plots and tables
        DIR/runs/NAME     an ordinary run for each cell
    """

    def __init__(self, study: Study, cells: list[Cell], out: Path) -> None:
        """Prepares; nothing is written yet.

        Raises:
            ConfigError: no cell makes a run, or the models of the cells are judged by different figures.
        """
        self.study, self.out = study, out
        self._cells: dict[str, Cell] = {}
        self.specs: dict[str, RunSpec] = {}
        self._reasons: dict[str, str] = {}
        self._rows: dict[str, Row] = {}
        self._take(cells)
        if not self.specs:
            raise ConfigError(self._why_none(cells[0]))
        criteria = {spec.model_class.criterion.name: spec.model_class.criterion for spec in self.specs.values()}
        if len(criteria) > 1:
            raise ConfigError(
                f"the models of {study.path} are judged by different figures ({', '.join(sorted(criteria))}), which "
                "makes no table; give models of one family"
            )
        (self.criterion,) = criteria.values()

    def _why_none(self, cell: Cell) -> str:
        """Why a cell makes no run, with the file and, where it is known, the table that says so."""
        if str(self.study.path) in cell.reason:
            return cell.reason
        said = [word for key in cell.point.values for word in (key, f"[{key.partition('.')[0]}]")]
        table = "grid" if self.study.search is None else "search"
        where = f", [{table}]" if any(word in cell.reason for word in said) else ""
        return f"{self.study.path}{where}: {cell.reason}"

    def _take(self, cells: Sequence[Cell]) -> None:
        self._cells |= {cell.point.name: cell for cell in cells}
        self.specs |= {cell.point.name: cell.spec for cell in cells if cell.spec is not None}

    @property
    def table(self) -> Path:
        """CSV: the keys of the grid, ``status``, the figure, ``run``."""
        return self.out / "table.csv"

    @property
    def report(self) -> Path:
        """The page."""
        return self.out / "report.html"

    @property
    def rows(self) -> list[Row]:
        """In the order of the grid."""
        return list(self._rows.values())

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Keeps other sweeps out of the folder, and finds what is done already.

        Raises:
            OutputExistsError: the folder is another study's, or holds something else, or a sweep is at work in it.
            InputError: the folder cannot be written to.
        """
        self._require_own()
        folder = RunFolder(self.out)
        folder.create()
        with folder.lock():
            self._require_own()
            state = {"fingerprint": self.study.fingerprint, "file": str(self.study.path.resolve())}
            self._write(self._state, state)
            (self.out / "runs").mkdir(exist_ok=True)
            self._reasons = dict(self._read(self._failed))
            self._rows = {name: self._row(name) for name in self._cells}
            self._stop_file.unlink(missing_ok=True)
            yield

    def remaining(self, *, retry: bool = False) -> dict[str, tuple[RunSpec, Path]]:
        """What is still to be run; cells that failed are not, but with ``retry``."""
        if retry:
            self._reasons = {}
            self._write(self._failed, {})
            self._rows = {name: self._row(name) for name in self._cells}
        return {
            name: (replace(spec), self._path(name))
            for name, spec in self.specs.items()
            if self._rows[name].status in ("pending", "stopped")
        }

    def run(
        self,
        run: Run,
        *,
        make_cell: Callable[[Point], Cell],
        retry: bool = False,
        on_row: Callable[[Row], None] = lambda row: None,
    ) -> None:
        """Runs what is left, and then what a search proposes; keeps table and page up to date.

        Args:
            run: where.
            make_cell: the run of a point.
            retry: run failed cells again.
            on_row: told of each cell that ended.
        """
        remaining = self.remaining(retry=retry)
        self.write_table()
        drawn = time.monotonic()
        while True:
            self._write_trials()
            for result in run(remaining) if remaining else ():
                if result.status == "failed":
                    self._reasons[result.name] = result.reason
                    self._write(self._failed, self._reasons)
                self._rows[result.name] = self._row(result.name)
                self.write_table()
                on_row(self._rows[result.name])
                if time.monotonic() - drawn > _PAGE_SECONDS:
                    self.write_page()
                    drawn = time.monotonic()
            if self.remaining():  # it was told to stop
                break
            tried = [(row.point.values, row.figure) for row in self.rows]
            points = self.study.next_points(tried, higher_is_better=self.criterion.higher_is_better)
            if not points:
                break
            self._take([make_cell(point) for point in points])
            self._rows |= {point.name: self._row(point.name) for point in points}
            remaining = self.remaining()
        self.write_page()

    def _write_trials(self) -> None:
        """What a search has proposed, before it is run: whatever proposes later, these stay."""
        if self.study.search is not None:
            points = [{"name": row.point.name, "values": dict(row.point.values)} for row in self.rows]
            self._write(self.out / _TRIALS, {"fingerprint": self.study.fingerprint, "trials": points})

    @staticmethod
    def first_points(study: Study, out: Path, *, higher_is_better: bool) -> list[Point]:
        """What is known before anything runs: all points of a grid; of a search those of earlier calls, or a round.

        Raises:
            InputError: the file of earlier calls is not what a sweep wrote.
        """
        if study.search is None:
            return study.points()
        path = out / _TRIALS
        if path.exists():
            content = _read_state(path)
            if content.get("fingerprint") == study.fingerprint:
                try:
                    return [Point(str(each["name"]), dict(each["values"])) for each in content["trials"]]
                except (KeyError, TypeError, ValueError):
                    raise InputError(f"{path} {_NOT_OURS}") from None
        return study.next_points([], higher_is_better=higher_is_better)

    def ask_to_stop(self) -> None:
        """Tells cells on other machines, which look for a file, to save and end."""
        self._stop_file.touch()

    @property
    def _stop_file(self) -> Path:
        return self.out / ".stop"

    @property
    def _state(self) -> Path:
        return self.out / "study.json"

    @property
    def _failed(self) -> Path:
        return self.out / "failed.json"

    def _path(self, name: str) -> Path:
        return (self.out / "runs" / name).resolve()

    def _require_own(self) -> None:
        try:
            taken = [entry.name for entry in self.out.iterdir() if entry.name != ".lock"]
        except FileNotFoundError:
            return
        except OSError as error:
            raise InputError(f"cannot use {self.out} as a folder: {error.strerror or error}") from None
        if taken and self._state.name not in taken:
            raise OutputExistsError(
                f"{self.out} is not empty and not the folder of a study; choose another one with --out"
            )
        if taken and self._read(self._state).get("fingerprint") != self.study.fingerprint:
            raise OutputExistsError(
                f"{self.out} holds another study, or this one with other settings; choose another folder with --out"
            )

    def _read(self, path: Path) -> dict[str, Any]:
        return _read_state(path) if path.exists() else {}

    def _write(self, path: Path, content: Mapping[str, Any]) -> None:
        write_atomically(path, (json.dumps(content, indent=2) + "\n").encode())

    def _row(self, name: str) -> Row:
        cell, folder = self._cells[name], RunFolder(self._path(name))
        reason = cell.reason or self._reasons.get(name, "")
        metrics: Any = {}
        if folder.metrics.exists():
            try:
                metrics = json.loads(read_file(folder.metrics, at_most=LARGEST_METRICS))
            except (ValueError, RecursionError):
                reason = reason or f"{folder.metrics} is not what fit wrote"
        complete = isinstance(metrics, dict) and metrics.get("complete") is True
        status = "failed" if reason else "complete" if complete else "stopped" if folder.config.exists() else "pending"
        best = "best_score" if self.criterion.higher_is_better else "best_error"
        figure = number_at(metrics, self.criterion.name)
        steps = number_at(metrics, "training", "steps")
        baselines = metrics.get("baselines") if isinstance(metrics, dict) else None
        return Row(
            cell.point,
            status,
            None if status != "complete" else number_at(metrics, "training", best) if figure is None else figure,
            folder.path,
            reason,
            {key: value for key in baselines or {} if (value := number_at(baselines, key)) is not None},
            number_at(metrics, "training", "seconds"),
            None if steps is None else int(steps),
        )

    def write_table(self) -> None:
        """Writes ``table.csv``."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*self.study.keys, "status", self.criterion.name, "run"])
        for row in self.rows:
            figure = "" if row.figure is None else repr(row.figure)
            place = row.run.relative_to(self.out.resolve()).as_posix()
            writer.writerow([*map(_as_text, row.point.values.values()), row.status, figure, place])
        write_atomically(self.table, text.getvalue().encode())

    def write_page(self) -> None:
        """Writes ``report.html``."""
        from fxtrain.report.html import write_page
        from fxtrain.studies.page import study_page

        write_page(self.out, study_page(self.study, self.rows, self.criterion))


def _read_state(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_file(path, at_most=_LARGEST_STATE))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise InputError(f"{path} {_NOT_OURS}")
    return content


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
