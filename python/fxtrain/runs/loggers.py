# SPDX-License-Identifier: MIT
"""Training curves for the tools of others, beside ``log.jsonl``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fxtrain.errors import ConfigError
from fxtrain.extras import require
from fxtrain.runs.folder import RunFolder
from fxtrain.text import did_you_mean, quoted

__all__ = ["LOGGERS", "EventLogger", "open_loggers"]

EventLogger = Callable[[str, Mapping[str, Any]], None]
"""Called with the name of an event of training and its values; ``step`` is one of them."""


def open_loggers(names: Sequence[str], folder: RunFolder) -> EventLogger | None:
    """One function for all of the named loggers; None for none.

    Nothing is written before the first event, so the folder may be missing still.

    Raises:
        ConfigError: there is no such logger, or its package is not installed.
    """
    for name in names:
        if name not in LOGGERS:
            raise ConfigError(
                f"unknown logger {quoted(name)}; there is {', '.join(LOGGERS)}{did_you_mean(name, LOGGERS)}"
            )
    opened = [LOGGERS[name](folder) for name in names]
    if not opened:
        return None

    def log(event: str, values: Mapping[str, Any]) -> None:
        for each in opened:
            each(event, values)

    return log


def _tensorboard(folder: RunFolder) -> EventLogger:
    """Event files in the folder ``tensorboard`` of the run. Every number of an event is a scalar of its name.

    A resumed run drops the points after the step at which it resumes.
    """
    require("tensorboard", purpose="--log tensorboard", extra="tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    writer: Any = None

    def log(event: str, values: Mapping[str, Any]) -> None:
        nonlocal writer
        step = int(values["step"])
        if writer is None:
            writer = SummaryWriter(str(folder.tensorboard), purge_step=step)
        for name, value in values.items():
            if name != "step" and isinstance(value, int | float) and not isinstance(value, bool):
                writer.add_scalar(name, value, step)
        writer.flush()
        if event == "end":
            writer.close()
            writer = None

    return log


LOGGERS: Mapping[str, Callable[[RunFolder], EventLogger]] = {"tensorboard": _tensorboard}
