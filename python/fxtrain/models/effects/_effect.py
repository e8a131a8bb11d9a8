# SPDX-License-Identifier: MIT
"""What all effects share: chunks with carried state, the loss on them, and the ESR that chooses the weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from fxtrain.config import build
from fxtrain.data.pairs import PairBatch, PairedAudio
from fxtrain.losses import Loss, LossConfig
from fxtrain.training.protocol import Criterion, Phase, StepContext, Trainable

__all__ = ["EffectModel", "State"]

State = tuple[Tensor, ...]
"""What a model carries from one stretch of audio to the next, batch in the second dimension."""


def _esr_diverged(value: float, best: float) -> bool:
    """Whether the error is ten times the best one, and not just the best of a very good model."""
    return value > 10 * max(best, 0.1)


class EffectModel(Trainable):
    """A model that plays audio with carried state.

    A subclass writes ``forward``, and a constructor with these two arguments.
    """

    task = "effect"
    criterion = Criterion("esr", "ESR", diverged=_esr_diverged)
    latency_frames: ClassVar[int] = 0
    """By how many frames its output is late."""

    config: Any
    loss_function: Loss

    def __init__(self, config: Any, loss_function: Loss) -> None:
        super().__init__()
        self.config = config
        self.loss_function = loss_function
        self._carried: State | None = None

    @classmethod
    def from_config(  # type: ignore[override]  # the one fact of its datasets is the sample rate
        cls, config: Mapping[str, Any], *, loss: Mapping[str, Any] | None = None, sample_rate: int = 48000
    ) -> Self:
        """Builds the model with fresh weights; see its ``Config`` and :class:`fxtrain.losses.LossConfig`."""
        loss_function = Loss(build(LossConfig, loss or {}, where="loss"), sample_rate)
        return cls(build(cls.Config, config, where="model"), loss_function)

    @classmethod
    def get_provider(cls) -> type[PairedAudio]:
        """Dry/wet pairs."""
        return PairedAudio

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Plays a stretch of audio.

        Args:
            x: shape ``(batch, frames)``, full scale is 1.
            state: what an earlier call returned; None starts from zero.

        Returns:
            The output, same shape, and the state after its last frame.
        """
        raise NotImplementedError

    def loss(self, batch: PairBatch, phase: Phase, context: StepContext) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss on one chunk; the state runs on from the chunk before."""
        if batch.warm_up is not None:
            self._carried = self._warm_up(batch.warm_up)
        prediction, state = self(batch.input, self._carried)
        self._carried = tuple(part.detach() for part in state)
        value: tuple[Tensor, dict[str, Tensor]] = self.loss_function(prediction, batch.target, weight=batch.weight)
        return value

    def validate(self, batch: PairBatch, context: StepContext) -> dict[str, tuple[float, float]]:
        """Energies of the error and of the target."""
        assert batch.warm_up is not None
        prediction, _ = self(batch.input, self._warm_up(batch.warm_up))
        weight = batch.weight.double()
        error = (prediction.double() - batch.target.double()).square().sum(-1)
        energy = batch.target.double().square().sum(-1)
        return {"esr": (float((error * weight).sum()), float((energy * weight).sum()))}

    def _warm_up(self, warm_up: Tensor) -> State | None:
        if warm_up.shape[-1] == 0:
            return None
        with torch.no_grad():
            state: State = self(warm_up)[1]
        return state

    def carried_state(self) -> list[Tensor]:
        """The state after the last chunk."""
        return [] if self._carried is None else list(self._carried)

    def set_carried_state(self, state: list[Tensor]) -> None:
        """Restores the state."""
        self._carried = tuple(part.to(self.device) for part in state) or None
