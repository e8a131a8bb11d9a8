# SPDX-License-Identifier: MIT
"""A model that tells folders of sounds apart, heard through a trained amplifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from fxtrain.config import build, configuration
from fxtrain.training.protocol import Criterion, OptimizerConfig, Phase, StepContext, Trainable


@configuration
class ClipClassifierConfig:
    """Size of the classifier."""

    hidden_size: int = 16


class ClipClassifier(Trainable):
    """An autoencoder of band energies, and a classifier on what it encodes: two phases."""

    name = "clip-classifier"
    summary = "tells folders of sounds apart"
    task = "clips"
    formats = ()
    Config = ClipClassifierConfig
    criterion = Criterion("accuracy", "accuracy", higher_is_better=True)
    training_defaults = {"learning_rate": 0.01, "batch_size": 8, "epochs": 40}  # noqa: RUF012
    inputs = {"amp": "lstm"}  # noqa: RUF012

    def __init__(self, hidden_size: int, num_bands: int, classes: list[str]) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(num_bands, hidden_size), nn.Tanh())
        self.decoder = nn.Linear(hidden_size, num_bands)
        self.classifier = nn.Linear(hidden_size, len(classes))

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, loss: Mapping[str, Any], **facts: Any) -> ClipClassifier:
        return cls(build(ClipClassifierConfig, config, where="model").hidden_size, facts["num_bands"], facts["classes"])

    @classmethod
    def get_provider(cls) -> type[Any]:
        from scratch_family.task import ClipProvider

        return ClipProvider

    def phases(self) -> list[Phase]:
        coder = [*self.encoder.parameters(), *self.decoder.parameters()]
        decay = OptimizerConfig(name="adamw", weight_decay=0.01)
        return [Phase("coder", coder), Phase("classifier", list(self.classifier.parameters()), decay, start=4)]

    def begin_step(self, batch: Any, context: StepContext) -> Tensor:
        noise = 0.1 * torch.randn(batch.bands.shape, generator=context.generator)
        coded: Tensor = self.encoder(batch.bands + noise)
        return coded

    def loss(self, batch: Any, phase: Phase, context: StepContext) -> tuple[Tensor, dict[str, Tensor]]:
        if phase.name == "coder":
            error = functional.mse_loss(self.decoder(context.shared), batch.bands)
            return error, {"error": error}
        entropy = functional.cross_entropy(self.classifier(context.shared.detach()), batch.labels)
        return entropy, {"entropy": entropy}

    def validate(self, batch: Any, context: StepContext) -> dict[str, tuple[float, float]]:
        right = self.classifier(self.encoder(batch.bands)).argmax(-1) == batch.labels
        return {"accuracy": (float(right.sum()), float(len(right)))}
