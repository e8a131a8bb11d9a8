# SPDX-License-Identifier: MIT
"""What a model must offer to be trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import torch
from torch import Tensor, nn

from fxtrain.training.schedulers import Scheduler, get_scheduler

__all__ = ["Phase", "Provider", "Trainable"]


@dataclass(frozen=True)
class Phase:
    """One optimiser's turn in a training step; adversarial models have two.

    Attributes:
        name: for the log.
        parameters: what the optimiser moves; those of other phases are frozen meanwhile.
        learning_rate: factor on the run's learning rate.
    """

    name: str
    parameters: list[nn.Parameter] = field(repr=False)
    learning_rate: float = 1.0


@runtime_checkable
class Provider(Protocol):
    """What feeds a model: batches by step number, so that a run can go on from any step."""

    validation: list[Any]

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps in which all material is seen about once."""

    @property
    def fingerprint(self) -> str:
        """Hash of the training material."""

    def batch(self, step: int) -> Any:
        """The batch of one optimiser step, with ``to(device)`` and ``num_frames``."""


class Trainable(nn.Module):
    """Base class of the models listed in :mod:`fxtrain.models`.

    A subclass sets the class attributes and writes ``from_config``, ``get_provider``, ``loss`` and ``validate``.
    """

    name: ClassVar[str]
    """What ``--model`` calls it."""
    summary: ClassVar[str]
    family: ClassVar[str]
    """``effect`` plays live audio; generators make audio offline."""
    realtime: ClassVar[bool]
    """Whether the exported file plays in the plugin."""
    needs: ClassVar[str]
    """What the provider asks for, in words."""
    formats: ClassVar[tuple[str, ...]]
    """File formats that ``export`` writes."""
    Config: ClassVar[type]

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, sample_rate: int, loss: Mapping[str, Any]) -> Self:
        """Builds the model from the tables ``[model]`` and ``[loss]``; unknown keys are errors."""
        raise NotImplementedError

    @classmethod
    def get_provider(cls) -> type[Any]:
        """Class of the provider that feeds this model."""
        raise NotImplementedError

    @classmethod
    def get_scheduler(cls, name: str) -> type[Scheduler]:
        """Class of the learning-rate schedule called ``name``."""
        return get_scheduler(name)

    def phases(self) -> list[Phase]:
        """The optimisers' turns, in order."""
        return [Phase("main", [parameter for parameter in self.parameters() if parameter.requires_grad])]

    def loss(self, batch: Any, phase: Phase, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """The scalar to minimise in a phase, and its parts for the log."""
        raise NotImplementedError

    def validate(self, batch: Any) -> dict[str, tuple[float, float]]:
        """Sums for the validation figures: name -> (numerator, denominator), added up over batches by the trainer."""
        raise NotImplementedError

    def carried_state(self) -> list[Tensor]:
        """What is carried from one step to the next beside the weights; saved in checkpoints."""
        return []

    def set_carried_state(self, state: list[Tensor]) -> None:
        """Restores :meth:`carried_state`."""

    @property
    def num_parameters(self) -> int:
        """Number of trainable values."""
        return sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device
