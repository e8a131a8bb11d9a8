# SPDX-License-Identifier: MIT
"""Moving average of the weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

__all__ = ["WeightAverage"]


class WeightAverage:
    """Exponential moving average (EMA) of a model's trainable parameters.

    The decay rises with the steps, so that the random weights of the start are soon forgotten: at update ``n`` it is
    ``min(decay, (1 + n) / (10 + n))``.

    Source: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992; the warm-up is that of
    TensorFlow's ``ExponentialMovingAverage``.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._model = model
        self._decay = decay
        self._updates = 0
        self._means: dict[str, Tensor] = {}
        self.restart()

    def restart(self) -> None:
        """Begins anew at the model's present weights."""
        self._updates = 0
        self._means = {name: value.detach().clone() for name, value in self._parameters()}

    def update(self) -> None:
        """Takes the present weights into the average."""
        self._updates += 1
        decay = min(self._decay, (1 + self._updates) / (10 + self._updates))
        with torch.no_grad():
            for name, value in self._parameters():
                self._means[name].lerp_(value, 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Gives the model the average weights for the time of the context."""
        present = {name: value.detach().clone() for name, value in self._parameters()}
        self._set(self._means)
        try:
            yield
        finally:
            self._set(present)

    def state(self) -> dict[str, Tensor | int]:
        """What a checkpoint holds of it."""
        return {"updates": self._updates, **{f"mean.{name}": value.cpu() for name, value in self._means.items()}}

    def load(self, state: dict[str, Tensor | int]) -> None:
        """Restores :meth:`state`."""
        self._updates = int(state["updates"])
        for name, mean in self._means.items():
            value = state[f"mean.{name}"]
            if not isinstance(value, Tensor) or value.shape != mean.shape:
                raise ValueError(f"its average of {name} is of another model")
            mean.copy_(value)

    def _parameters(self) -> list[tuple[str, nn.Parameter]]:
        return [(name, value) for name, value in self._model.named_parameters() if value.requires_grad]

    def _set(self, values: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, value in self._parameters():
                value.copy_(values[name])
