# SPDX-License-Identifier: MIT
"""The bar of a training run."""

from __future__ import annotations

import math
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

__all__ = ["TrainingBar"]


class TrainingBar:
    """Steps done, the criterion's last figure, speed and time left, on one line.

    See :class:`fxtrain.training.progress.Progress`.
    """

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("training"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[figure]} [bold]{task.fields[value]}"),
            TextColumn("{task.fields[speed]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=console,
            refresh_per_second=4,
        )
        self._unit = ""
        self._task = self._progress.add_task("training", total=None, figure="", value="-", speed="")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def start(self, total_steps: int, step: int, *, figure: str, unit: str) -> None:
        """Shows the bar, or sets its length anew: it may shrink when training has converged."""
        self._unit = unit
        self._progress.start()
        self._progress.update(self._task, total=total_steps, completed=step, figure=figure)

    def update(self, step: int, *, items_per_second: float, value: float) -> None:
        """Moves the bar."""
        amount, prefix = next(
            (
                (items_per_second / size, prefix)
                for size, prefix in ((1e6, "M "), (1e3, "k "))
                if items_per_second >= size
            ),
            (items_per_second, ""),
        )
        fields = {"speed": f"{amount:.2f} {prefix}{self._unit}/s"}
        if math.isfinite(value):
            fields["value"] = f"{value:.5f}"
        self._progress.update(self._task, completed=step, **fields)  # type: ignore[arg-type]
