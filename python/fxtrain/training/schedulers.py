# SPDX-License-Identifier: MIT
"""Learning-rate schedules: closed forms of the step number, so that a resumed run needs nothing but the step."""

from __future__ import annotations

import math
from typing import ClassVar

from fxtrain.errors import ConfigError

__all__ = ["Constant", "Cosine", "Exponential", "Scheduler", "get_scheduler", "schedulers"]


class Scheduler:
    """Factor on the learning rate at each step of a run of ``total_steps``."""

    name: ClassVar[str]
    anneals: ClassVar[bool]
    """Whether the run should end on a low rate."""

    def __init__(self, total_steps: int) -> None:
        self.total_steps = total_steps

    def factor(self, step: int) -> float:
        """Factor at a step from 0 to ``total_steps - 1``."""
        raise NotImplementedError


class Constant(Scheduler):
    """The same rate throughout."""

    name = "constant"
    anneals = False

    def factor(self, step: int) -> float:
        """1."""
        return 1.0


class Cosine(Scheduler):
    """Half a cosine from 1 down to nearly 0 at the last step.

    Source: Loshchilov and Hutter, "SGDR", 2017, eq. 5, one cycle.
    """

    name = "cosine"
    anneals = True

    def factor(self, step: int) -> float:
        """``(1 + cos(pi step / total_steps)) / 2``."""
        return 0.5 * (1 + math.cos(math.pi * min(step, self.total_steps) / self.total_steps))


class Exponential(Scheduler):
    """Falls by the same share in each hundredth of the run, to a little more than half.

    Source: the trainer of Neural Amp Modeler, which multiplies the rate by 0.994 after each of 100 epochs.
    """

    name = "exponential"
    anneals = False

    def factor(self, step: int) -> float:
        """``0.994 ** (100 step / total_steps)``."""
        return float(0.994 ** (100 * step / self.total_steps))


schedulers: dict[str, type[Scheduler]] = {cls.name: cls for cls in (Cosine, Constant, Exponential)}


def get_scheduler(name: str) -> type[Scheduler]:
    """The schedule class called ``name``."""
    if name not in schedulers:
        raise ConfigError(f"unknown scheduler {name!r}; there are {', '.join(schedulers)}")
    return schedulers[name]
