# SPDX-License-Identifier: MIT
"""Cells on this machine: one process a core, pinned to it."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from fxtrain.runs import RunSpec
from fxtrain.studies.cell import ONE_THREAD, CellResult, run_cell

__all__ = ["available_cores", "run_locally"]

logger = logging.getLogger(__name__)

TRIES = 3
"""How often a cell is begun whose process ends without an answer, as one does that the system kills for its memory."""


def available_cores() -> list[int]:
    """The cores that this process may use; empty numbers where the system does not say which."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def run_locally(
    cells: Mapping[str, tuple[RunSpec, Path]], *, jobs: int, should_stop: Callable[[], bool]
) -> Iterator[CellResult]:
    """Runs cells in processes that each take one after the other; yields results as they come.

    A cell whose process was killed is gone on with in a new one. When ``should_stop`` says so, the cells at work save
    and end, and the others are not begun. The processes end with this one, however it ends.

    Args:
        cells: name -> what to run and its folder.
        jobs: processes.
        should_stop: asked several times a second.
    """
    waiting = deque(cells)
    begun: Counter[str] = Counter()
    cores = available_cores()
    workers = [_Worker(cores[number % len(cores)]) for number in range(min(jobs, len(cells)))]
    stopping = False
    try:
        while waiting or any(worker.cell for worker in workers):
            if should_stop() and not stopping:
                stopping = True
                waiting.clear()
                for worker in workers:
                    worker.stop()
            for worker in workers:
                if worker.cell is None and waiting:
                    name = waiting.popleft()
                    begun[name] += 1
                    worker.begin(name, *cells[name])
            for connection in wait([worker.connection for worker in workers if worker.cell], timeout=0.1):
                worker = next(each for each in workers if each.connection is connection)
                name = worker.cell or ""
                try:
                    result = worker.take()
                except (EOFError, OSError):
                    worker.end()
                    code = worker.exit_code
                    logger.warning("the process of %s ended (%s)", name, code)
                    workers.remove(worker)
                    if not stopping:
                        workers.append(_Worker(worker.core))
                    if stopping:
                        result = CellResult(name, "stopped")
                    elif begun[name] < TRIES:
                        waiting.appendleft(name)
                        continue
                    else:
                        result = CellResult(name, "failed", f"its process ended {TRIES} times ({code})")
                yield result
    finally:
        for worker in workers:
            worker.end()


class _Worker:
    """A process, and the cell that it works on."""

    def __init__(self, core: int) -> None:
        self.core = core
        self.cell: str | None = None
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, core), daemon=False)
        with _environment(ONE_THREAD):
            self._process.start()
        theirs.close()  # so that its end is seen here when the process ends

    def begin(self, name: str, spec: RunSpec, path: Path) -> None:
        self.cell = name
        with contextlib.suppress(OSError):  # it ended; the answer that does not come says so
            self.connection.send((name, spec, path))

    def take(self) -> CellResult:
        result: CellResult = self.connection.recv()
        self.cell = None
        return result

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.send(None)

    @property
    def exit_code(self) -> str:
        """How the process ended, in words."""
        code = self._process.exitcode
        return signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"

    def end(self) -> None:
        self.connection.close()
        if self.cell is None:
            self._process.join(10)
        if self._process.is_alive():
            self._process.kill()
        self._process.join()


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _work(connection: Connection[Any, Any], core: int) -> None:
    """What a process does: a cell at a time, until told to stop or left alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the sweep decides what it means
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if hasattr(os, "sched_setaffinity"):
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, {core})
    logger = logging.getLogger("fxtrain")
    logger.setLevel(logging.INFO)
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    stopped = threading.Event()
    arrived = threading.Condition()
    tasks: deque[tuple[str, RunSpec, Path]] = deque()

    def listen() -> None:
        while True:
            try:
                message = connection.recv()
            except (EOFError, OSError):
                message = None
            with arrived:
                if message is None:
                    stopped.set()
                else:
                    tasks.append(message)
                arrived.notify()
            if message is None:
                return

    threading.Thread(target=listen, daemon=True).start()
    while True:
        with arrived:
            arrived.wait_for(lambda: bool(tasks) or stopped.is_set())
            if not tasks:
                return
            name, spec, path = tasks.popleft()
        result = run_cell(name, spec, path, stopped.is_set)
        try:
            connection.send(result)
        except OSError:  # the sweep was killed; the run is saved
            return
