# SPDX-License-Identifier: MIT
"""Cells on a Ray cluster.

A cell is a Ray task of one core. Ray starts it again where its process or its machine is lost, and it goes on from its
last checkpoint. All machines must see the folder of the study and the recordings at the same paths.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from fxtrain.errors import InputError
from fxtrain.extras import require
from fxtrain.runs import RunSpec
from fxtrain.studies.cell import ONE_THREAD, CellResult, run_cell

__all__ = ["RayCluster"]

_REACH_SECONDS = 5.0
_LOOK_SECONDS = 0.5
_TRIES = 3


class RayCluster:
    """A connection to a cluster, or one that is started on this machine."""

    def __init__(self, address: str | None, *, jobs: int | None) -> None:
        """Looks whether the cluster can be had.

        Args:
            address: ``HOST:PORT``, ``ray://HOST:PORT`` or ``auto``; None starts a cluster on this machine.
            jobs: cores of the cluster that is started here, or cells at a time on one that runs; None is no limit.

        Raises:
            ConfigError: Ray is not installed.
            InputError: nothing answers at the address.
        """
        # Ray would wait for minutes, and print what it thinks of it.
        os.environ.setdefault("RAY_DEDUP_LOGS", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        self._ray: Any = require("ray", purpose="--on ray", extra="ray")
        self._address, self._jobs = address, jobs
        if address is not None and address != "auto":
            _require_answer(address)

    def __enter__(self) -> Self:
        options: dict[str, Any] = {
            "log_to_driver": False,
            "logging_level": logging.ERROR,
            "runtime_env": {"env_vars": ONE_THREAD},
        }
        if self._address is None:
            options |= {"num_cpus": self._jobs, "include_dashboard": False, "address": "local"}
        else:
            options["address"] = self._address
        try:
            self._ray.init(**options)
        except (ConnectionError, OSError, RuntimeError, TimeoutError, ValueError) as error:
            where = "on this machine" if self._address is None else f"at {self._address}"
            reason = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
            raise InputError(f"cannot reach a Ray cluster {where} ({reason}); check --address, or start one") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ray.shutdown()

    def run(
        self,
        cells: Mapping[str, tuple[RunSpec, Path]],
        *,
        should_stop: Callable[[], bool],
        stop_cells: Callable[[], None],
    ) -> Iterator[CellResult]:
        """Runs cells; yields results as they come.

        Args:
            cells: name -> what to run and its folder.
            should_stop: asked several times a second; then the cells at work save and end, and no others begin.
            stop_cells: makes the file that the cells at work look for.
        """
        ray = self._ray
        begin = ray.remote(num_cpus=1, max_retries=_TRIES - 1)(run_until_told)
        waiting = list(reversed(list(cells.items())))
        at_work: dict[Any, str] = {}
        most = self._jobs or max(1, int(ray.cluster_resources().get("CPU", 1)))
        stopping = False
        while waiting or at_work:
            if should_stop() and not stopping:
                stopping = True
                waiting.clear()
                stop_cells()
            while waiting and len(at_work) < most:
                name, (spec, path) = waiting.pop()
                at_work[begin.remote(name, spec, path)] = name
            done, _ = ray.wait(list(at_work), timeout=0.2) if at_work else ([], [])
            for task in done:
                name = at_work.pop(task)
                try:
                    yield ray.get(task)
                except ray.exceptions.RayError as error:
                    reason = str(error).strip().splitlines()[0]
                    yield CellResult(name, "failed", f"its process ended {_TRIES} times ({reason})")


def run_until_told(name: str, spec: RunSpec, path: Path) -> CellResult:
    """A cell, until the file ``.stop`` is in the folder of the study."""
    logger = logging.getLogger("fxtrain")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    stop, looked, told = path.parent.parent / ".stop", 0.0, False

    def should_stop() -> bool:
        nonlocal looked, told
        if time.monotonic() - looked > _LOOK_SECONDS:
            looked, told = time.monotonic(), stop.exists()
        return told

    return run_cell(name, spec, path, should_stop)


def _require_answer(address: str) -> None:
    parts = urlsplit(address if "://" in address else f"ray://{address}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port:
        raise InputError(f"--address is {address!r}, expected HOST:PORT, ray://HOST:PORT or auto")
    try:
        with contextlib.closing(socket.create_connection((host, port), timeout=_REACH_SECONDS)):
            pass
    except OSError as error:
        raise InputError(
            f"no Ray cluster answers at {address} ({error.strerror or error}); check the address, and that it runs"
        ) from None
