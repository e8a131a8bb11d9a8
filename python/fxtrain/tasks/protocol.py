# SPDX-License-Identifier: MIT
"""What a run asks of a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from rich.console import Console

from fxtrain.config import Tables
from fxtrain.report.html import Page
from fxtrain.training.plan import TrainingConfig, TrainingResult
from fxtrain.training.protocol import Provider, Trainable

__all__ = [
    "ComparingTask",
    "Dataset",
    "Evaluation",
    "InputRun",
    "Notice",
    "OpenTask",
    "Outcome",
    "RenderingTask",
    "Start",
    "Task",
]


@dataclass(frozen=True)
class Notice:
    """Something to say about the material before training starts.

    Attributes:
        level: ``note`` or ``warn``.
        text: a sentence.
    """

    level: Literal["note", "warn"]
    text: str


class Dataset(Protocol):
    """The material of a run, read and checked."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """Plain values that the model is built from, such as the sample rate; stored in checkpoints."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Plain values about the material that exported files hold; stored in checkpoints."""

    @property
    def notices(self) -> Sequence[Notice]:
        """What to say about it."""

    @property
    def summary(self) -> str:
        """What there is, on one line."""

    @property
    def log(self) -> Sequence[str]:
        """Details for the log file."""


@dataclass(frozen=True)
class InputRun:
    """Another run whose model this one needs.

    Attributes:
        folder: of the run.
        checkpoint: its best weights; see :func:`fxtrain.runs.load_trained_model`.
        sha256: hash of the checkpoint, in hexadecimal.
    """

    folder: Path
    checkpoint: Path
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How training ended, for :meth:`Task.finish`.

    Attributes:
        folder: of the run; the task writes its artifacts there.
        title: the name of the run.
        tables: all settings of the run.
        result: of the trainer.
        history: the events of ``log.jsonl``.
        common: the entries of ``metrics.json`` that every run has.
    """

    folder: Path
    title: str
    tables: Tables
    result: TrainingResult
    history: list[dict[str, Any]]
    common: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What a task found out about a trained model.

    Attributes:
        metrics: entries of ``metrics.json``.
        summary: the result on one line, for the log.
        page: the report.
    """

    metrics: dict[str, Any]
    summary: str
    page: Page


@dataclass(frozen=True)
class Start:
    """A way to begin a run: settings that the material decides, where the run leaves them open.

    Attributes:
        tables: settings to lay over those of the run.
        reason: what speaks for them, a sentence without its full stop; empty where nothing was open.
    """

    tables: Tables = field(default_factory=dict)
    reason: str = ""


class Task(Protocol):
    """What a family of models is fed, and what becomes of a trained model."""

    name: ClassVar[str]
    needs: ClassVar[str]
    """What it is trained on, in words."""
    artifacts: ClassVar[Sequence[str]]
    """The files that :meth:`finish` writes, relative to the run's folder, as patterns."""
    material_tables: ClassVar[Sequence[str]]
    """The tables that are about a run's own material: a new run with the settings of another does not take them."""
    numbered_tables: ClassVar[Mapping[str, type]]
    """Tables of which there may be any number: ``pair`` stands for ``[pair_1]``, ``[pair_2]`` and so on."""

    def tables(self, model: type[Trainable]) -> Mapping[str, type]:
        """The settings of this task by table, beside ``[model]`` and ``[training]``."""

    def load(self, model: type[Trainable], tables: Tables, inputs: Mapping[str, InputRun]) -> Dataset:
        """Reads and checks the material.

        Raises:
            InputError: it cannot be used.
        """

    def provider(self, model: type[Trainable], dataset: Any, tables: Tables, training: TrainingConfig) -> Provider:
        """What feeds the model."""

    def check_facts(self, facts: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        """Raises KeyError, TypeError or ValueError where what a checkpoint says about its material cannot be."""

    def finish(self, model: Trainable, dataset: Any, outcome: Outcome) -> Evaluation:
        """Exports, plays and measures a trained model."""

    def print_summary(self, metrics: Mapping[str, Any], console: Console) -> None:
        """Prints what a person wants to know of ``metrics.json``."""


@runtime_checkable
class OpenTask(Protocol):
    """A task that decides settings by the material, where they are left open."""

    def starts(self, model: type[Trainable], dataset: Any, tables: Tables, training: TrainingConfig) -> Sequence[Start]:
        """The ways to begin, at least one. Several are tried for a few steps each."""

    def choose(self, starts: Sequence[Tables], values: Sequence[float]) -> int:
        """Which start goes on.

        Args:
            starts: all settings of each.
            values: its best validation figure.
        """

    def settle(self, dataset: Any, tables: Tables) -> Any:
        """The material as the settings want it, once all of them are decided."""


@runtime_checkable
class ComparingTask(Protocol):
    """A task whose models are judged by two files: what they are given, and what should come of it."""

    def compare(self, model: Trainable, input: Path, target: Path) -> dict[str, Any]:
        """Figures with their baselines, as ``fxtrain evaluate --json`` prints them.

        Raises:
            InputError: the files cannot be compared.
        """


@runtime_checkable
class RenderingTask(Protocol):
    """A task whose models turn one sound file into another, although they do not play live."""

    def render(self, model: Trainable, facts: Mapping[str, Any], input: Path, output: Path) -> dict[str, Any]:
        """Writes what a model makes of a file; returns what ``fxtrain render --json`` prints.

        Raises:
            InputError: the file cannot be used.
        """
