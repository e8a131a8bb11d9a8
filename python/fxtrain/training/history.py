# SPDX-License-Identifier: MIT
"""``log.jsonl``: one JSON object per event of training."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fxtrain.atomic import write_atomically
from fxtrain.errors import CheckpointError
from fxtrain.files import require_regular_file

__all__ = ["append", "read_history", "truncate"]

logger = logging.getLogger(__name__)


def append(path: Path, event: str, **values: Any) -> None:
    """Adds an event. A disk that is full is only logged: the checkpoint, which matters, will report it."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"event": event, **values}) + "\n")
    except OSError as error:
        logger.warning("cannot write %s: %s", path, error.strerror or error)


def read_history(path: Path) -> Iterator[dict[str, Any]]:
    """The events, in order; a last line cut short by a kill is left out."""
    require_regular_file(path, "the log of a run")
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict) and "event" in row and isinstance(row.get("step"), int):
            yield row


def truncate(path: Path, step: int) -> None:
    """Drops the events after a checkpoint's step: those steps are done again.

    Raises:
        CheckpointError: the file cannot be written.
    """
    if not path.exists():
        return
    kept = [row for row in read_history(path) if row["step"] <= step and row["event"] != "end"]
    try:
        write_atomically(path, "".join(json.dumps(row) + "\n" for row in kept).encode())
    except OSError as error:
        raise CheckpointError(
            f"cannot write {path}: {error.strerror or error}; the previous checkpoint is untouched; make room and use "
            "--resume"
        ) from error
