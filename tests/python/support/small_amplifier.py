# SPDX-License-Identifier: MIT
"""A small amplifier, recordings of it, and results of commands: shared by the tests of the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import signal

SAMPLE_RATE = 16_000
LAG = 37
TINY = ("--set", "hidden_size=4", "--set", "sequence_frames=1024", "--set", "chunk_frames=512", "--batch-size", "16")
"""Settings that make a run short."""


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


Run = Callable[..., Result]


@dataclass(frozen=True)
class Pair:
    dry: Path
    wet: Path


def amplifier(dry: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Drive, clipping and a darker tone."""
    wet = signal.lfilter([0.4], [1, -0.6], np.tanh(6 * dry.astype(np.float64)))
    return np.asarray(0.5 * wet, dtype=np.float32)
