# SPDX-License-Identifier: MIT
"""Commands on an audio interface that waits for them: see stand_in/sounddevice.py."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

RATE = 48_000
PERIOD = 128

Block = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is connected to the interface, and how it behaves.

    Attributes:
        device: from output 1 to input 1: "drive", "wire", "model" or "nothing".
        model: the model file of that device.
        level: of the drive; above 1, it clips the input.
        input: an .npy file, shape (frames,), that is played into input 1 instead; silence after its end.
        repeat: over and over.
        output: an .npy file to which all outputs are written when a stream ends, shape (frames, channels).
        pace: about as fast as a real one, rather than as fast as it can.
        loses_at: the frame of a block that is lost.
        once: a file that is made then; no block is lost once it exists.
    """

    device: str = "nothing"
    model: str | None = None
    level: float = 0.7
    input: str | None = None
    repeat: bool = False
    output: str | None = None
    pace: bool = False
    loses_at: int | None = None
    once: str | None = None


def patient_interface(environment: Mapping[str, str], **settings: Any) -> dict[str, str]:
    """The environment of a program that is to find this interface alone."""
    support = Path(__file__).parent
    values = {name: str(value) if isinstance(value, Path) else value for name, value in settings.items()}
    path = [str(support / "stand_in"), str(support)]
    return dict(environment) | {
        "FXTRAIN_TEST_INTERFACE": json.dumps(asdict(Settings(**values))),
        "PYTHONPATH": os.pathsep.join(path),
    }


class Drive:
    """Tone, then a soft clipper: 32-bit float in and out, the same in blocks of any size; silent at rest."""

    TONE = np.array([0.7, 0.25, -0.1, 0.05])

    def __init__(self, *, gain: float = 4.0, level: float = 0.7) -> None:
        self._gain, self._level = gain, level
        self._past = np.zeros(len(self.TONE) - 1)

    def __call__(self, block: Block) -> Block:
        known = np.concatenate([self._past, block.astype(np.float64)])
        self._past = known[len(block) :]
        last = len(self._past)
        filtered = sum(tap * known[last - k : len(known) - k] for k, tap in enumerate(self.TONE))
        return np.asarray(self._level * np.tanh(self._gain * filtered), np.float32)


def make_device(settings: Settings) -> Callable[[Block], Block] | None:
    """What is made of a block; None for nothing."""
    if settings.device == "model":
        from fxtrain import engine

        model = engine.load(settings.model)
        model.process(np.zeros(RATE, np.float32))  # it has been on for a while: at rest, not at zero
        return model.process
    return {"drive": Drive(level=settings.level), "wire": lambda block: block}.get(settings.device)
