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
    """Steps done, validation ESR, speed and time left, on one line; see :class:`fxtrain.training.trainer.Progress`."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("training"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("ESR [bold]{task.fields[error]}"),
            TextColumn("{task.fields[speed]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=console,
            refresh_per_second=4,
        )
        self._task = self._progress.add_task("training", total=None, error="-", speed="")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def start(self, total_steps: int, step: int) -> None:
        """Shows the bar, or sets its length anew: it may shrink when training has converged."""
        self._progress.start()
        self._progress.update(self._task, total=total_steps, completed=step)

    def update(self, step: int, *, frames_per_second: float, error: float) -> None:
        """Moves the bar."""
        fields = {"speed": f"{frames_per_second / 1e6:.2f} M samples/s"}
        if math.isfinite(error):
            fields["error"] = f"{error:.5f}"
        self._progress.update(self._task, completed=step, **fields)  # type: ignore[arg-type]
