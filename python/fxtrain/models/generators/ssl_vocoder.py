# SPDX-License-Identifier: MIT
"""Sound from the hidden states of a frozen speech encoder, by a generator that discriminators judge.

::

    16 kHz sound ── encoder (frozen) ── hidden states, 50 a second ── generator ── sound at the target rate
                                                                          │
                                                          discriminators ─┴─ mel distance
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from fxtrain.config import build, configuration
from fxtrain.data.features import FeatureBatch, FeatureProvider
from fxtrain.errors import ConfigError
from fxtrain.losses.adversarial import AdversarialLoss, discriminator_loss, feature_distance, generator_loss
from fxtrain.losses.mel import LogMel, MelConfig
from fxtrain.models.generators._discriminators import PeriodDiscriminator, ScaleDiscriminator
from fxtrain.models.generators._encoders import HOP, SAMPLE_RATE, WeightedSum
from fxtrain.models.generators._waveform_generators import HifiGan, Vocos
from fxtrain.training.protocol import Criterion, OptimizerConfig, Phase, StepContext, Trainable

__all__ = ["SslVocoder"]

_PERIODS, _SCALES = (2, 3, 5, 7, 11), (1, 2, 4)


@configuration
class SslVocoderConfig:
    """What is heard through, and what makes the sound.

    Attributes:
        encoder: ``whisper``, ``mel``, ``random``, a folder written by ``save_pretrained``, or a name on the hub.
        layer: number of the hidden state, or ``weighted`` for a learned sum of all.
        target_rate: of the sound that is made, in Hz; a multiple of 50.
        generator: ``vocos`` or ``hifigan``.
        channels: features inside the generator.
        blocks: residual blocks of ``vocos``.
        loss: ``source`` (adversarial loss and squared mel error, both of weight 1, no feature matching) or ``hifigan``
            (45 times the mel error, 2 times feature matching).
        adversarial: ``least-squares``, ``hinge`` or ``minimax``.
        discriminator_channels: of the discriminators' first layers, as a share of HiFi-GAN's.
        discriminator_start: step at which they join.
    """

    encoder: str = "whisper"
    layer: Annotated[int, Field(ge=0, le=256)] | Literal["weighted"] = 2
    target_rate: Annotated[int, Field(ge=8000, le=192_000)] = SAMPLE_RATE
    generator: Literal["vocos", "hifigan"] = "vocos"
    channels: Annotated[int, Field(ge=8, le=2048)] = 256
    blocks: Annotated[int, Field(ge=1, le=32)] = 6
    loss: Literal["source", "hifigan"] = "hifigan"
    adversarial: AdversarialLoss = "least-squares"
    discriminator_channels: Annotated[float, Field(gt=0, le=1)] = 0.125
    discriminator_start: Annotated[int, Field(ge=0)] = 0

    def __post_init__(self) -> None:
        if self.target_rate % (SAMPLE_RATE // HOP):
            raise ConfigError(
                f"model.target_rate is {self.target_rate}, but {HOP} samples at {SAMPLE_RATE} Hz make a frame: give a "
                f"multiple of {SAMPLE_RATE // HOP} Hz, such as 16000, 32000 or 48000"
            )

    @property
    def hop(self) -> int:
        """Samples of the target for each hidden state."""
        return self.target_rate // (SAMPLE_RATE // HOP)


class SslVocoder(Trainable):
    """Makes sound of hidden states."""

    name = "ssl-vocoder"
    summary = "sound from the hidden states of a speech encoder (Whisper, WavLM, wav2vec 2.0, HuBERT)"
    task = "vocoder"
    formats: ClassVar[tuple[str, ...]] = ()
    Config = SslVocoderConfig
    criterion = Criterion("mel", "mel distance")
    training_defaults: ClassVar[Mapping[str, Any]] = {"learning_rate": 5e-4, "batch_size": 8}

    def __init__(self, config: SslVocoderConfig, width: int, num_layers: int) -> None:
        super().__init__()
        self.config = config
        self.width, self.num_layers = width, num_layers
        self.weighted = WeightedSum(num_layers) if config.layer == "weighted" else None
        self.generator: HifiGan | Vocos
        if config.generator == "hifigan":
            self.generator = HifiGan(width, config.hop, config.channels)
        else:
            self.generator = Vocos(width, config.hop, config.channels, config.blocks)
        share = config.discriminator_channels
        self.discriminators = nn.ModuleList(
            [
                *(PeriodDiscriminator(period, max(1, round(32 * share))) for period in _PERIODS),
                *(ScaleDiscriminator(scale, max(16, round(128 * share) // 16 * 16)) for scale in _SCALES),
            ]
        )
        self.mel = LogMel(mel_of(config), config.target_rate)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, loss: Mapping[str, Any], **facts: Any) -> SslVocoder:
        """See :meth:`Trainable.from_config`; the facts are ``width`` and ``num_layers`` of the hidden states."""
        return cls(build(SslVocoderConfig, config, where="model"), facts["width"], facts["num_layers"])

    @classmethod
    def get_provider(cls) -> type[FeatureProvider]:
        """Segments of hidden states and sound."""
        return FeatureProvider

    def phases(self) -> list[Phase]:
        """Discriminators first, then the generator."""
        against = list(self.discriminators.parameters())
        own = [each for name, each in self.named_parameters() if not name.startswith("discriminators.")]
        turns = OptimizerConfig(name="adamw", betas=(0.8, 0.99))
        start = self.config.discriminator_start
        return [Phase("discriminator", against, turns, start=start), Phase("generator", own, turns)]

    def forward(self, states: Tensor) -> Tensor:
        """Sound of hidden states.

        Args:
            states: shape ``(batch, layers, frames, width)``.

        Returns:
            Shape ``(batch, frames * target_rate / 50)``.
        """
        features = states[:, 0] if self.weighted is None else self.weighted(states)
        sound: Tensor = self.generator(features)
        return sound

    def begin_step(self, batch: FeatureBatch, context: StepContext) -> Tensor:
        """The sound of the batch's hidden states."""
        sound: Tensor = self(batch.states)
        return sound

    def loss(self, batch: FeatureBatch, phase: Phase, context: StepContext) -> tuple[Tensor, dict[str, Tensor]]:
        """Of the phase; the mel error stands beside the verdict of the discriminators."""
        made, real = context.shared, batch.target
        kind = self.config.adversarial
        if phase.name == "discriminator":
            true, false = self._judge(real)[0], self._judge(made.detach())[0]
            verdict = discriminator_loss(kind, true, false)
            return verdict, {"verdict": verdict}
        one, other = self.mel(made), self.mel(real)
        if self.config.loss == "source":
            total = distance = functional.mse_loss(one, other)
        else:
            distance = functional.l1_loss(one, other)
            total = 45.0 * distance
        parts = {"mel": distance}
        if context.step >= self.config.discriminator_start:
            scores, features = self._judge(made)
            parts["verdict"] = generator_loss(kind, scores)
            total = total + parts["verdict"]
            if self.config.loss == "hifigan":
                with torch.no_grad():
                    _, real_features = self._judge(real)
                parts["features"] = feature_distance(real_features, features)
                total = total + 2.0 * parts["features"]
        return total, parts

    def validate(self, batch: FeatureBatch, context: StepContext) -> dict[str, tuple[float, float]]:
        """Mean absolute difference of log-mel-spectrograms."""
        one, other = self.mel(self(batch.states)), self.mel(batch.target)
        return {"mel": (float((one - other).abs().sum()), float(one.numel()))}

    def _judge(self, sound: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        found = [discriminator(sound) for discriminator in self.discriminators]
        return [scores for scores, _ in found], [features for _, features in found]


def mel_of(config: SslVocoderConfig) -> MelConfig:
    """The mel-spectrogram that a model is compared by: 80 bands, windows of 64 ms, a hop of 20 ms / 1.25."""
    hop = config.target_rate * 16 // 1000
    return MelConfig(n_fft=4 * hop, hop=hop, bands=80)
