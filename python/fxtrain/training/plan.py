# SPDX-License-Identifier: MIT
"""What a run is to do, where it is, and how it ended."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from fxtrain.config import configuration

__all__ = ["Plan", "Position", "TrainingConfig", "TrainingResult", "interval_of"]

Positive = Annotated[float, Field(gt=0)]


@configuration
class TrainingConfig:
    """How long and how fast to train.

    Attributes:
        epochs: passes over the material; 0 sets no limit. Of several limits, the lowest counts.
        max_steps: optimiser steps; 0 sets no limit.
        max_minutes: time for training; turned into a fixed number of steps by a short timing at the start.
        until_converged: end earlier when the validation figure no longer improves.
        patience: share of the steps so far without an improvement of 1 % that counts as converged.
        batch_size: sequences side by side.
        learning_rate: of the optimiser, at its highest.
        scheduler: ``cosine``, ``constant`` or ``exponential``.
        clip_norm: greatest norm of the gradient.
        ema: decay of the moving average of the weights that is validated and kept; 0 keeps the weights themselves.
        workers: processes that prepare batches; 0 prepares them between the steps. The result is the same.
        precision: of the forward pass in training: ``bfloat16`` is faster on GPUs that have it, and for large models.
            Weights and validation stay in float32.
        compile: whether torch compiles the model's forward pass, which saves GPUs the time between small operations.
        starts: short first trainings with seeds of their own, of which the best goes on; 1 trains at once.
        seed: of weights, order, offsets and noise.
    """

    epochs: Annotated[int, Field(ge=0, lt=2**31)] = 0
    max_steps: Annotated[int, Field(ge=0, lt=2**31)] = 0
    max_minutes: Annotated[float, Field(gt=0, le=1e6)] | None = None
    until_converged: bool = False
    patience: Positive = 0.5
    batch_size: Annotated[int, Field(ge=1, lt=2**31)] = 32
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.004
    scheduler: Literal["cosine", "constant", "exponential"] = "cosine"
    clip_norm: Positive = 1.0
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0
    workers: Annotated[int, Field(ge=0, le=256)] = 0
    precision: Literal["float32", "bfloat16"] = "float32"
    compile: bool = False
    starts: Annotated[int, Field(ge=1, le=64)] = 1
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0


@dataclass(frozen=True)
class Plan:
    """What was fixed at the start of a run and holds when it is resumed.

    Attributes:
        total_steps: optimiser steps of the run.
        validation_interval: steps between two validations.
        start_steps: length of the short start that the run begins with. Its learning rate follows its own schedule, so
            that starts can be compared. 0 if there is no choice of starts.
    """

    total_steps: int
    validation_interval: int
    start_steps: int = 0

    def shared_by(self, starts: int, share: float) -> Plan:
        """The plan of a run that takes no longer although it has several starts, each of this share of its steps."""
        if starts == 1:
            return self
        total = max(1, int(self.total_steps / (1 + share * (starts - 1))))
        return Plan(total, min(self.validation_interval, total), round(share * total))


@dataclass
class Position:
    """Where a run is; together with weights and optimisers, all that a checkpoint needs.

    The sums are those of losses since the last validation, as (sum, count). ``skipped`` counts the optimiser steps that
    were left out since the last look at them, because the loss or its gradient was not finite. ``trained`` is the
    criterion's figure in training before the last validation, if it is known. ``lost_step`` is that of the first of the
    validations in a row that the criterion calls lost, or -1.
    """

    best_value: float
    plateau_value: float
    step: int = 0
    seconds: float = 0.0
    best_step: int = 0
    plateau_step: int = 0
    anneal_start: int = -1
    anneal_steps: int = 0
    learning_rate_scale: float = 1.0
    divergences: int = 0
    skipped: int = 0
    trained: float | None = None
    lost_step: int = -1
    sums: dict[str, tuple[float, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingResult:
    """How a run ended.

    Attributes:
        steps: optimiser steps done.
        planned_steps: what the run was to do when it ended; fewer than planned at first if it converged.
        epochs: the same in passes over the material.
        seconds: spent in training, earlier sittings included.
        best_value: best figure of the model's criterion.
        best_step: where it was reached.
        converged: whether the run ended because the figure no longer improved.
        divergences: how often training was set back to its best weights.
    """

    steps: int
    planned_steps: int
    epochs: float
    seconds: float
    best_value: float
    best_step: int
    converged: bool
    divergences: int

    def to_document(self, *, higher_is_better: bool) -> dict[str, Any]:
        """Plain values; the best figure is called ``best_score`` if a higher one is better, else ``best_error``."""
        name = "best_score" if higher_is_better else "best_error"
        return {name if key == "best_value" else key: value for key, value in asdict(self).items()}


def interval_of(total_steps: int, steps_per_epoch: int) -> int:
    """Steps between two validations: a pass over the material, in bounds of 100 to 400 validations of a run.

    Where a run sees little of its material, fewer: a validation then costs as much as many steps. There are eight for a
    pass, or ten for the run if that is more.

    >>> interval_of(10_000, 50), interval_of(10_000, 500), interval_of(10_000, 5)
    (50, 100, 25)
    >>> interval_of(1000, 400), interval_of(1000, 4000)
    (50, 100)
    """
    at_least = max(math.ceil(total_steps / 400), min(steps_per_epoch // 8, total_steps // 10))
    return max(min(steps_per_epoch, math.ceil(total_steps / 100)), at_least)
