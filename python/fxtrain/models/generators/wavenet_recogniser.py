# SPDX-License-Identifier: MIT
"""WaveNet, the recogniser: the stack of the generator with a head that says which phone is spoken."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from fxtrain.config import configuration
from fxtrain.data.waves import Cut, WaveBatch
from fxtrain.errors import ConfigError
from fxtrain.models.generators.wavenet import WaveNetGenerator, WaveNetGeneratorConfig
from fxtrain.training.protocol import Criterion, Phase, StepContext

__all__ = ["WaveNetRecogniser", "WaveNetRecogniserConfig"]

_FLOOR = 0.01  # of pooled activations


@configuration
class WaveNetRecogniserConfig(WaveNetGeneratorConfig):
    """The size of the network, its head, and how the two losses are mixed.

    Attributes:
        head_channels: of the convolutions behind the pooling.
        head_layers: how many there are, each of five frames: so many pairs of frames are heard ahead.
        recognition: factor on the loss of the phones; that of the samples has 1.
        predicted_share: of a sequence's samples, the last ones, whose loss is taken in training; it is measured on all.
    """

    head_channels: Annotated[int, Field(ge=1, le=1024)] = 96
    head_layers: Annotated[int, Field(ge=1, le=8)] = 2
    recognition: Annotated[float, Field(gt=0, le=1000)] = 20.0
    predicted_share: Annotated[float, Field(gt=0, le=1)] = 0.25

    @property
    def frames_ahead(self) -> int:
        """Frames behind the one in question that are heard, and as many before it that only the head sees."""
        return 2 * self.head_layers


class _LogNorm(nn.BatchNorm1d):
    """Logarithm of pooled activations, which are like the magnitudes of a filter bank, then batch normalisation."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(torch.log(x + _FLOOR))


class WaveNetRecogniser(WaveNetGenerator):
    """Mean pooling of the sum of skips to frames, then a few non-causal convolutions that classify the frames.

    The losses of the next sample and of the phone are minimised together. With mels, which are the stack's condition
    as in the generator, the classifier is given them too.

    Source: van den Oord et al., "WaveNet", 2016, section 3.4.
    """

    name = "wavenet-recogniser"
    summary = "WaveNet: phones with their times, beside the next sample"
    task = "recognition"
    formats = ()
    Config = WaveNetRecogniserConfig
    criterion = Criterion("frame_accuracy", "frame accuracy", higher_is_better=True)
    training_defaults: ClassVar[Mapping[str, Any]] = {"batch_size": 4, "learning_rate": 0.004}

    def __init__(
        self, config: WaveNetRecogniserConfig, *, phones: Sequence[str], frame_samples: int, **facts: Any
    ) -> None:
        super().__init__(config, **facts)
        self.phones, self.frame_samples = list(phones), frame_samples
        self._weight, self._share = config.recognition, config.predicted_share
        self.pooled = _LogNorm(config.skip_channels)
        bands = 0 if self.mel is None else self.mel.bands
        if self.mel is not None and self.mel.hop != frame_samples:
            raise ConfigError(
                f"mel.hop is {self.mel.hop} samples, but a frame has {frame_samples} (data.frame_ms): make them equal"
            )
        self.mels = nn.BatchNorm1d(bands) if bands else None
        sizes = [config.skip_channels + bands, *[config.head_channels] * config.head_layers]
        convolutions: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(sizes):
            convolutions += [nn.Conv1d(inputs, outputs, 5, padding=2), nn.ReLU()]
        self.head = nn.Sequential(*convolutions, nn.Conv1d(sizes[-1], len(self.phones), 1))

    @property
    def cut(self) -> Cut:
        """Sequences start at a frame."""
        return Cut(**{**vars(super().cut), "grid": self.frame_samples})

    def both(self, batch: WaveBatch) -> tuple[Tensor, Tensor]:
        """Logits of the codes to predict, and those of the phones, shape ``(batch, phones, frames)``."""
        skips = self._skips(batch)
        return self.stack.read(skips), self._phones(skips, batch)

    def recognise(self, batch: WaveBatch) -> Tensor:
        """Logits of the phones alone."""
        return self._phones(self._skips(batch), batch)

    def _skips(self, batch: WaveBatch) -> Tensor:
        return self.stack.sum_of_skips(batch.codes, batch.labels, self.conditions(batch))

    def _phones(self, skips: Tensor, batch: WaveBatch) -> Tensor:
        frames = self.pooled(functional.avg_pool1d(skips, self.frame_samples))
        if self.mels is not None and batch.mels is not None:
            frames = torch.cat([frames, self.mels(self._mels_of_frames(batch, frames.shape[2]))], 1)
        phones: Tensor = self.head(frames)
        return phones

    def _mels_of_frames(self, batch: WaveBatch, num_frames: int) -> Tensor:
        """The mel frames of the predicted samples: sequences begin at frames, and a mel frame is one of them."""
        assert batch.mels is not None
        assert batch.offsets is not None
        first = (batch.offsets + self.receptive_field - 1) // self.frame_samples
        places = first[:, None] + torch.arange(num_frames, device=first.device)
        return torch.gather(batch.mels, 2, places[:, None].expand(-1, batch.mels.shape[1], -1))

    def loss(self, batch: WaveBatch, phase: Phase, context: StepContext) -> tuple[Tensor, dict[str, Tensor]]:
        """NLL of a sample plus ``recognition`` times that of a frame's phone, in bits."""
        assert batch.targets is not None
        skips = self._skips(batch)
        phones = self._phones(skips, batch)
        first = int(skips.shape[2] * (1 - self._share))
        samples, following = self.stack.read(skips[..., first:]), batch.following[:, first:]
        num_predicted = (following >= 0).sum().clamp(min=1)
        nll = functional.cross_entropy(samples, following, ignore_index=-1, reduction="sum")
        nll = nll / num_predicted / math.log(2)
        num_labelled = (batch.targets >= 0).sum().clamp(min=1)
        entropy = functional.cross_entropy(phones, batch.targets, ignore_index=-1, reduction="sum")
        phone_bits = entropy / num_labelled / math.log(2)
        return nll + self._weight * phone_bits, {"nll_bits": nll, "phone_bits": phone_bits}

    def validate(self, batch: WaveBatch, context: StepContext) -> dict[str, tuple[float, float]]:
        """NLL of samples, share of frames recognised, and NLL of phones, as sums."""
        assert batch.targets is not None
        samples, phones = self.both(batch)
        nll = functional.cross_entropy(samples, batch.following, ignore_index=-1, reduction="sum") / math.log(2)
        entropy = functional.cross_entropy(phones, batch.targets, ignore_index=-1, reduction="sum") / math.log(2)
        labelled = float((batch.targets >= 0).sum())
        right = float((torch.argmax(phones, 1) == batch.targets).sum())
        return {
            "nll_bits": (float(nll), float((batch.following >= 0).sum())),
            "frame_accuracy": (right, labelled),
            "phone_bits": (float(entropy), labelled),
        }
