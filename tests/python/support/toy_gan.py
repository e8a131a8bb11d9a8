# SPDX-License-Identifier: MIT
"""An adversarial model of one number, and what feeds it: small enough to follow by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from fxtrain.config import build, configuration
from fxtrain.training.protocol import Criterion, OptimizerConfig, Phase, StepContext, Trainable

MEAN, DEVIATION = 2.0, 0.5


@dataclass(frozen=True)
class NumberBatch:
    numbers: Tensor

    @property
    def num_items(self) -> int:
        return len(self.numbers)

    def to(self, device: torch.device) -> NumberBatch:
        return NumberBatch(self.numbers.to(device))


class Numbers:
    """Normally distributed numbers, new ones at each step."""

    unit = "numbers"
    steps_per_epoch = 20
    steps_per_sequence = 1
    fingerprint = "numbers"

    def __init__(self, batch_size: int = 64, seed: int = 0) -> None:
        self._batch_size, self._seed = batch_size, seed

    def batch(self, step: int) -> NumberBatch:
        numbers = np.random.default_rng([self._seed, step]).normal(MEAN, DEVIATION, (self._batch_size, 1))
        return NumberBatch(torch.from_numpy(numbers.astype(np.float32)))

    def validation(self) -> Iterator[NumberBatch]:
        for step in (-2, -1):
            yield self.batch(2**31 + step)


@configuration
class GanConfig:
    """Size of the discriminator."""

    hidden_size: int = 8


class Gan(Trainable):
    """A generator ``a z + b``, and a discriminator that the trainer keeps apart from it."""

    name = "toy-gan"
    summary = "one number"
    task = "numbers"
    formats = ()
    Config = GanConfig
    criterion = Criterion("distance", "distance")
    training_defaults: ClassVar[Mapping[str, Any]] = {"learning_rate": 0.01}
    every = start = 1

    def __init__(self, config: GanConfig) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.offset = nn.Parameter(torch.zeros(1))
        size = config.hidden_size
        self.discriminator = nn.Sequential(nn.Linear(1, size), nn.LeakyReLU(0.2), nn.Linear(size, 1))
        self.seen: list[tuple[str, int, bool, bool]] = []

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, loss: Mapping[str, Any], **facts: Any) -> Gan:
        return cls(build(GanConfig, config, where="model"))

    @classmethod
    def get_provider(cls) -> type[Numbers]:
        return Numbers

    def phases(self) -> list[Phase]:
        adam = OptimizerConfig(betas=(0.5, 0.99))
        return [
            Phase("discriminator", list(self.discriminator.parameters()), adam),
            Phase("generator", [self.scale, self.offset], adam, every=self.every, start=self.start),
        ]

    def generate(self, count: int, generator: torch.Generator) -> Tensor:
        return self.scale * torch.randn(count, 1, generator=generator) + self.offset

    def begin_step(self, batch: NumberBatch, context: StepContext) -> Tensor:
        return self.generate(batch.num_items, context.generator)

    def loss(self, batch: NumberBatch, phase: Phase, context: StepContext) -> tuple[Tensor, dict[str, Tensor]]:
        moving = (self.scale.requires_grad, self.discriminator[0].weight.requires_grad)
        self.seen.append((phase.name, context.step, *moving))
        made = context.shared
        if phase.name == "generator":
            value = nn.functional.softplus(-self.discriminator(made)).mean()
            return value, {"fooled": (self.discriminator(made) > 0).float().mean()}
        real = nn.functional.softplus(-self.discriminator(batch.numbers)).mean()
        fake = nn.functional.softplus(self.discriminator(made.detach())).mean()
        return real + fake, {"real": real, "fake": fake}

    def validate(self, batch: NumberBatch, context: StepContext) -> dict[str, tuple[float, float]]:
        made = self.generate(4096, context.generator)
        apart = abs(float(made.mean()) - MEAN) + abs(float(made.std()) - DEVIATION)
        return {"distance": (apart * batch.num_items, batch.num_items)}
