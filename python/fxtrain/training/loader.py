# SPDX-License-Identifier: MIT
"""Batches in the order of their steps, made ahead by worker processes where making them is expensive."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Generator
from typing import Any

from torch.utils.data import DataLoader, Dataset

from fxtrain.errors import FxtrainError
from fxtrain.training.protocol import Batch, Provider

__all__ = ["batches"]


def batches(provider: Provider, first: int, end: int, *, workers: int = 0) -> Generator[Batch, None, None]:
    """The batches of the steps ``first`` to ``end - 1``.

    A batch depends on its step alone, so the number of workers changes nothing but the time. Close the iterator to end
    the workers early.

    Args:
        provider: makes the batches; workers get a copy of it.
        first: first step.
        end: one past the last step.
        workers: processes that make batches ahead; 0 makes them in this process. At most one per core is started.

    Raises:
        FxtrainError: what the provider raised, in whichever process.
    """
    if not workers:
        for step in range(first, end):
            yield provider.batch(step)
        return
    # Forking a process that has used OpenMP may hang, so workers come from a fork server or start anew.
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    if method == "forkserver":
        multiprocessing.set_forkserver_preload(["torch"])
    loader = DataLoader(
        _Steps(provider),
        batch_size=None,
        sampler=range(first, end),
        num_workers=min(workers, os.cpu_count() or 1),
        collate_fn=_unchanged,
        worker_init_fn=_ignore_interrupts,
        multiprocessing_context=method,
    )
    for batch in loader:
        if isinstance(batch, FxtrainError):
            raise batch
        yield batch


class _Steps(Dataset[Any]):
    """A provider as torch's loader wants it."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def __getitem__(self, step: int) -> Any:
        try:
            return self._provider.batch(step)
        except FxtrainError as error:  # torch would raise it with the worker's traceback as its message
            return error


def _unchanged(batch: Any) -> Any:
    return batch


def _ignore_interrupts(worker: int) -> None:
    """Ctrl-C goes to all processes of a terminal; the parent decides what it means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
