# SPDX-License-Identifier: MIT
"""One cell of a study: an ordinary run, begun or gone on with, whose failure is a result too."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from fxtrain.errors import FxtrainError, Interrupted, OutputExistsError
from fxtrain.runs import RunFolder, RunSpec, fit
from fxtrain.runs.log_file import log_to_file

__all__ = ["ONE_THREAD", "CellResult", "Status", "run_cell"]

logger = logging.getLogger(__name__)

Status = Literal["complete", "failed", "stopped"]

ONE_THREAD = {
    name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
}
"""Environment of a process that runs cells: sums depend on the number of threads, so it is the same everywhere."""

_LOCK_SECONDS = 60.0
"""How long the process of an earlier sweep, which was killed, may take to let go of a run."""


@dataclass(frozen=True)
class CellResult:
    """How a cell ended.

    Attributes:
        name: of the cell.
        status: ``stopped`` runs can be gone on with.
        reason: of a failure, a sentence.
    """

    name: str
    status: Status
    reason: str = ""


def run_cell(name: str, spec: RunSpec, path: Path, should_stop: Callable[[], bool] = lambda: False) -> CellResult:
    """Trains until the run is complete; goes on with one that was begun.

    Args:
        name: of the cell.
        spec: of its run.
        path: folder of the run.
        should_stop: asked at every step.
    """
    import torch

    torch.set_num_threads(1)
    folder = RunFolder(path)
    handler: logging.Handler | None = None

    def announce(*_: object) -> None:
        nonlocal handler
        handler = log_to_file(folder.log)

    try:
        if folder.is_complete():
            return CellResult(name, "complete")
        folder.create()
        _await_lock(folder)
        resume = folder.config.exists()
        spec = replace(RunSpec.load(folder.config) if resume else spec)
        metrics = fit(spec, folder, resume=resume, should_stop=should_stop, announce=announce)
        if metrics["complete"]:
            return CellResult(name, "complete")
        if metrics["stopped"] == "interrupted":
            return CellResult(name, "stopped")
        return CellResult(name, "failed", f"training diverged {metrics['training']['divergences']} times")
    except Interrupted:
        return CellResult(name, "stopped")
    except FxtrainError as error:
        return CellResult(name, "failed", str(error))
    except MemoryError:
        return CellResult(name, "failed", "this needs more memory than the computer has")
    except OSError as error:
        return CellResult(name, "failed", f"I/O error: {error.strerror or error}")
    except Exception as error:  # a mistake of ours, which must not end the other cells
        logger.error("the cell %s failed:\n%s", name, traceback.format_exc())
        return CellResult(name, "failed", f"a mistake in fxtrain: {type(error).__name__}: {error}")
    finally:
        if handler is not None:
            logging.getLogger("fxtrain").removeHandler(handler)
            handler.close()


def _await_lock(folder: RunFolder) -> None:
    end = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            with folder.lock():
                return
        except OutputExistsError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
