# SPDX-License-Identifier: MIT
"""WaveNet, the generator: sound sample by sample, each drawn from what the samples before it make likely."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Self

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from fxtrain.audio.mu_law import silent_code
from fxtrain.config import build, configuration
from fxtrain.data.waves import Cut, WaveBatch, WaveProvider
from fxtrain.errors import ConfigError
from fxtrain.losses.mel import MelConfig
from fxtrain.models.generators._upsampling import MARGIN_FRAMES, SILENT_MEL, Upsampling
from fxtrain.models.generators._wavenet_stack import WaveNetStack
from fxtrain.training.protocol import Criterion, Phase, StepContext, Trainable

__all__ = ["WaveNetGenerator", "WaveNetGeneratorConfig"]

Size = Annotated[int, Field(ge=1, le=1024)]


@configuration
class WaveNetGeneratorConfig:
    """The size of the network.

    Attributes:
        channels: of the residual path and of each gate.
        skip_channels: of the sum of all layers, and of the layer behind it.
        layers: in a stack; the dilation doubles from layer to layer, from 1 on.
        stacks: one after the other.
        class_size: length of the vector that stands for a class, such as a speaker.
        condition_channels: of the condition that is made of mel frames.
    """

    channels: Size = 32
    skip_channels: Size = 64
    layers: Annotated[int, Field(ge=1, le=16)] = 9
    stacks: Annotated[int, Field(ge=1, le=16)] = 2
    class_size: Size = 16
    condition_channels: Size = 32

    def __post_init__(self) -> None:
        if self.receptive_field > 1 << 18:
            raise ConfigError(
                f"model.layers {self.layers} in model.stacks {self.stacks} hear {self.receptive_field} samples, more "
                f"than {1 << 18}: give fewer"
            )

    @property
    def dilations(self) -> list[int]:
        """Of all layers."""
        return [1 << layer for layer in range(self.layers)] * self.stacks

    @property
    def receptive_field(self) -> int:
        """How many samples the next one depends on."""
        return 2 + sum(self.dilations)


class WaveNetGenerator(Trainable):
    """Predicts the next mu-law code, of one class or many, alone or with a mel-spectrogram to follow."""

    name = "wavenet-generator"
    summary = "WaveNet: speech or music sample by sample, of many speakers or from mel-spectrograms"
    task = "generation"
    formats = ()
    Config = WaveNetGeneratorConfig
    criterion = Criterion("nll_bits", "NLL in bits")
    training_defaults: ClassVar[Mapping[str, Any]] = {"batch_size": 2, "learning_rate": 0.01}

    def __init__(
        self,
        config: WaveNetGeneratorConfig,
        *,
        sample_rate: int,
        mu: int,
        classes: Sequence[str] = (),
        mel: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.sample_rate, self.mu, self.classes = sample_rate, mu, list(classes)
        self.mel = build(MelConfig, mel, where="mel") if mel else None
        self.stack = WaveNetStack(
            num_codes=mu + 1,
            channels=config.channels,
            skip_channels=config.skip_channels,
            dilations=config.dilations,
            num_classes=len(self.classes),
            class_size=config.class_size,
            condition_channels=config.condition_channels if self.mel else 0,
        )
        self.upsampling = (
            Upsampling(self.mel.bands, config.condition_channels, self.mel.hop) if self.mel is not None else None
        )
        self.register_buffer("coding", torch.tensor([sample_rate, mu]))

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, loss: Mapping[str, Any], **facts: Any) -> Self:
        """Builds the model from its ``[model]`` table and what the recordings decide."""
        return cls(build(cls.Config, config, where="model"), **facts)

    @classmethod
    def get_provider(cls) -> type[Any]:
        """Sequences of codes."""
        return WaveProvider

    @property
    def receptive_field(self) -> int:
        """How many samples the next one depends on."""
        return self.stack.receptive_field

    @property
    def cut(self) -> Cut:
        """How recordings are cut for it."""
        hop = self.mel.hop if self.mel is not None else 0
        return Cut(self.receptive_field, silent_code(self.mu), hop, MARGIN_FRAMES, SILENT_MEL)

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **options: Any) -> Any:
        """Loads weights; those of another coding are refused.

        Raises:
            ValueError: they belong to another sample rate or another mu.
        """
        theirs = state_dict.get("coding")
        if isinstance(theirs, Tensor) and theirs.tolist() != [self.sample_rate, self.mu]:
            rate, mu = theirs.tolist()
            raise ValueError(
                f"it was trained at {rate} Hz with mu {mu}, and this run has {self.sample_rate} Hz and mu {self.mu}"
            )
        return super().load_state_dict(state_dict, *args, **options)

    def conditions(self, batch: WaveBatch) -> Tensor | None:
        """The local condition of each code of a batch, shape ``(batch, condition_channels, codes)``."""
        if self.upsampling is None or batch.mels is None or batch.offsets is None:
            return None
        stretched = self.upsampling(batch.mels)
        places = batch.offsets[:, None] + torch.arange(batch.codes.shape[1], device=stretched.device)
        return torch.gather(stretched, 2, places[:, None].expand(-1, stretched.shape[1], -1))

    def forward(self, batch: WaveBatch) -> Tensor:
        """Logits of the codes to predict, shape ``(batch, mu + 1, samples)``."""
        logits: Tensor = self.stack(batch.codes, batch.labels, self.conditions(batch))
        return logits

    def loss(self, batch: WaveBatch, phase: Phase, context: StepContext) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean negative log-likelihood of a sample, in bits."""
        entropy = functional.cross_entropy(self(batch), batch.following, ignore_index=-1) / math.log(2)
        return entropy, {"nll_bits": entropy}

    def validate(self, batch: WaveBatch, context: StepContext) -> dict[str, tuple[float, float]]:
        """The same, as sums."""
        nll = self.nll_bits(batch)
        return {"nll_bits": (float(nll.sum()), float((batch.following >= 0).sum()))}

    def nll_bits(self, batch: WaveBatch) -> Tensor:
        """Negative log-likelihood of each sample in bits, shape ``(batch, samples)``; 0 behind the end."""
        nll = functional.cross_entropy(self(batch), batch.following, ignore_index=-1, reduction="none")
        return nll.cpu().double() / math.log(2)
