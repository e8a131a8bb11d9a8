# SPDX-License-Identifier: MIT
"""Models that put back what a lossy codec took, by squared error and against discriminators.

Both work on the same spectra and have the same freedom::

    damaged ── spectra ── network ──┬── above the cutoff: what is made ──── high
                                    └── below it: what is corrected ─────── low

    restored = damaged + high (+ low, where it is asked for)

So what lies below the cutoff passes untouched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from fxtrain.config import build, configuration
from fxtrain.data.codec_pairs import CodecBatch
from fxtrain.losses.adversarial import (
    AdversarialLoss,
    discriminator_loss,
    feature_distance,
    generator_loss,
    gradient_penalty,
)
from fxtrain.models.generators._discriminators import ProjectedDiscriminator, SpectralDiscriminator
from fxtrain.models.generators._restoration import RestorationModel, Restored, Told, high_band_distance, spectral_error
from fxtrain.models.generators._spectral import (
    BandSplit,
    ConvNextBlock,
    bounded_gains,
    compress,
    frame_level,
    full_precision,
    replicate,
    require_hop,
    smoothed,
)
from fxtrain.training.protocol import Criterion, OptimizerConfig, Phase, StepContext

__all__ = ["RestoreGan", "RestoreMse"]

_EXPONENT = 0.3


@configuration
class RestorationConfig:
    """Size of a restoration model.

    Attributes:
        n_fft: length of the Fourier transform, in samples.
        hop: samples between two spectra; a quarter of ``n_fft``.
        bands: bands of bins with weights of their own.
        channels: features of a band.
        blocks: residual blocks, one after the other.
    """

    n_fft: Annotated[int, Field(ge=64, le=8192)] = 1024
    hop: Annotated[int, Field(ge=16, le=2048)] = 256
    bands: Annotated[int, Field(ge=1, le=128)] = 27
    channels: Annotated[int, Field(ge=1, le=64)] = 8
    blocks: Annotated[int, Field(ge=1, le=32)] = 6

    def __post_init__(self) -> None:
        require_hop(self.n_fft, self.hop)


@configuration
class GanConfig(RestorationConfig):
    """Size of the generator and of its discriminators, and what they minimise.

    Attributes:
        adversarial: ``least-squares``, ``hinge``, ``minimax`` or ``wasserstein``.
        adversarial_weight: of the discriminators' verdict.
        feature_weight: of the distance of their hidden layers.
        discriminator_channels: of each discriminator's first layer.
        discriminator_start: step at which they join.
        discriminators: ``spectral`` are told the damaged sound; ``projected`` hears through the encoder of a speech
            recogniser, whose weights are fetched once; ``both``.
    """

    adversarial: AdversarialLoss = "least-squares"
    adversarial_weight: Annotated[float, Field(ge=0)] = 0.3
    feature_weight: Annotated[float, Field(ge=0)] = 2.0
    discriminator_channels: Annotated[int, Field(ge=2, le=256)] = 8
    discriminator_start: Annotated[int, Field(ge=0)] = 0
    discriminators: Literal["spectral", "projected", "both"] = "spectral"


@configuration
class MseConfig(RestorationConfig):
    """Size of the model, and where its error is squared.

    Attributes:
        domain: ``waveform`` or ``spectrum`` (complex).
    """

    domain: Literal["waveform", "spectrum"] = "waveform"


class _Heard(NamedTuple):
    """What a model of this file is told: shapes ``(batch, frames, bins)``, complex, and ``(batch, frames, 1)``."""

    spectra: Tensor
    level: Tensor


class _BandSplitModel(RestorationModel):
    """A network that shapes replicated lows and noise, and adds what neither can be shaped to."""

    Config = RestorationConfig

    def __init__(self, config: RestorationConfig, sample_rate: int, profile: Sequence[float]) -> None:
        super().__init__(config.n_fft, config.hop, sample_rate, profile)
        channels = config.bands * config.channels
        self.split = BandSplit(self.spectra.num_bins, config.bands, 4, config.channels)
        self.blocks = nn.ModuleList(ConvNextBlock(channels) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(channels)
        self.out = nn.Linear(channels, 5 * self.spectra.num_bins)
        with torch.no_grad():
            self.out.weight.mul_(0.1)
            # Half replicated, half noise, together as loud as the mean profile says. The profile is a mean of
            # logarithms, and that of noise of unit power is -0.29. And no other content yet.
            start = torch.tensor([-0.06, -0.06, -3.0, 0.0, 0.0]).repeat(self.spectra.num_bins)
            self.out.bias.copy_(start)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, loss: Mapping[str, Any], **facts: Any) -> Self:
        """See :meth:`Trainable.from_config`; the facts are ``sample_rate`` and ``profile``."""
        return cls(build(cls.Config, config, where="model"), facts["sample_rate"], facts["profile"])

    @property
    def reach_frames(self) -> int:
        """See :attr:`RestorationModel.reach_frames`."""
        return sum(block.reach for block in self.blocks)  # type: ignore[misc]

    def tell(self, damaged: Tensor, cutoff_hz: Tensor) -> _Heard:
        """See :meth:`RestorationModel.tell`."""
        x = self.spectra(damaged)
        return _Heard(x, frame_level(x))

    def begin(self, noise: Tensor, num_samples: int) -> Tensor:
        """See :meth:`RestorationModel.begin`."""
        return functional.pad(noise, (0, 2))

    def advance(self, state: Tensor, told: Told, cutoff_hz: Tensor, number: int, num_passes: int) -> Tensor:
        """To spectra above the cutoff and below, real and imaginary; see :meth:`RestorationModel.advance`."""
        x, level = told
        mask = self.above(cutoff_hz)
        pairs = compress(x / level, _EXPONENT)
        logs = (x.abs() / level + 1e-6).log()
        shown = torch.stack([pairs[..., 0], pairs[..., 1], logs / 4 + 1, mask.expand_as(logs)], dim=3)
        hidden = self.split(shown)
        for block in self.blocks:
            hidden = block(hidden)
        out = full_precision(self.out(self.norm(hidden)))
        out = out.view(*out.shape[:2], self.spectra.num_bins, 5)
        gains = bounded_gains(out[..., :3])
        content = torch.complex(out[..., 3], out[..., 4])
        content = content / (1 + out[..., 3].square() + out[..., 4].square()).sqrt()
        envelope = level * self.profile.exp()
        copied = replicate(x, cutoff_hz * (self.spectra.n_fft / self.sample_rate))
        white = torch.complex(state[..., 0], state[..., 1]) * 0.7071068
        high = envelope * (gains[..., 0] * copied + gains[..., 1] * white + gains[..., 2] * content)
        low = smoothed(x.abs()) * gains[..., 2] * content
        return torch.cat([torch.view_as_real(high * mask), torch.view_as_real(low * (1 - mask))], dim=3)

    def finish(self, state: Tensor, told: Told, cutoff_hz: Tensor, num_samples: int) -> Restored:
        """See :meth:`RestorationModel.finish`."""
        high, low = (torch.complex(*state[..., part : part + 2].unbind(dim=3)) for part in (0, 2))
        return Restored(self.spectra.inverse(high, num_samples), self.spectra.inverse(low, num_samples))


class RestoreMse(_BandSplitModel):
    """Learns to be near the clean sound on average: what it cannot know it leaves out."""

    name = "restore-mse"
    summary = "restores what a lossy codec took, by least squared error (smooths the highs away)"
    Config = MseConfig
    criterion = Criterion("error", "squared error")
    training_defaults: ClassVar[Mapping[str, Any]] = {"learning_rate": 1e-3, "batch_size": 8}

    def __init__(self, config: MseConfig, sample_rate: int, profile: Sequence[float]) -> None:
        super().__init__(config, sample_rate, profile)
        self.domain = config.domain

    def loss(self, batch: CodecBatch, phase: Phase, context: StepContext) -> tuple[Tensor, dict[str, Tensor]]:
        """Energy of the error in a batch relative to that of the clean crops."""
        restored = self.complete(batch.damaged, batch.cutoff_hz, self.noise_for(batch, context))
        made = batch.damaged + restored.high + restored.low
        difference, clean = made - batch.clean, batch.clean
        if self.domain == "spectrum":
            difference, clean = self.spectra(difference).abs(), self.spectra(clean).abs()
        error = difference.square().mean() / (clean.square().mean() + 1e-9)
        return error, {"error": error}


class RestoreGan(_BandSplitModel):
    """Learns to make highs that discriminators cannot tell from real ones."""

    name = "restore-gan"
    summary = "restores what a lossy codec took, trained against discriminators; faster than real time on a CPU"
    Config = GanConfig
    criterion = Criterion("lsd", "log-spectral distance")
    training_defaults: ClassVar[Mapping[str, Any]] = {"learning_rate": 5e-4, "batch_size": 8}

    def __init__(self, config: GanConfig, sample_rate: int, profile: Sequence[float]) -> None:
        super().__init__(config, sample_rate, profile)
        self.settings = config
        sizes = (512, 1024, 2048) if config.discriminators != "projected" else ()
        self.discriminators = nn.ModuleList(
            SpectralDiscriminator(n_fft, config.discriminator_channels) for n_fft in sizes
        )
        if config.discriminators != "spectral":
            self.discriminators.append(ProjectedDiscriminator.on_whisper())

    def phases(self) -> list[Phase]:
        """Discriminators first, then the generator."""
        against = [each for each in self.discriminators.parameters() if each.requires_grad]
        own = [each for name, each in self.named_parameters() if not name.startswith("discriminators.")]
        turns = OptimizerConfig(betas=(0.8, 0.99))
        start = self.settings.discriminator_start
        return [Phase("discriminator", against, turns, start=start), Phase("generator", own, turns)]

    def begin_step(self, batch: CodecBatch, context: StepContext) -> tuple[Tensor, Tensor]:
        """The restored crops: with highs alone, and with corrected lows."""
        restored = self.complete(batch.damaged, batch.cutoff_hz, self.noise_for(batch, context))
        kept = batch.damaged + restored.high
        return kept, kept + restored.low

    def loss(self, batch: CodecBatch, phase: Phase, context: StepContext) -> tuple[Tensor, dict[str, Tensor]]:
        """Of the phase; the generator's has the spectral distance, the verdict, and the features' distance."""
        kind = self.settings.adversarial
        kept, full = context.shared
        if phase.name == "discriminator":
            made = kept.detach()
            (real, _), (false, _) = self._judge(batch.clean, batch.damaged), self._judge(made, batch.damaged)
            verdict = discriminator_loss(kind, real, false)
            parts = {"verdict": verdict}
            if kind == "wasserstein":
                penalty = gradient_penalty(
                    lambda x: self._judge(x, batch.damaged)[0], batch.clean, made, context.generator
                )
                parts["penalty"] = penalty
                verdict = verdict + 10 * penalty
            return verdict, parts
        spectral = high_band_distance(kept, batch.clean, batch.cutoff_hz, self.sample_rate)
        corrected = spectral_error(full, batch.clean)
        total = spectral + corrected
        parts = {"spectral": spectral, "corrected": corrected}
        if context.step >= self.settings.discriminator_start:
            scores, features = self._judge(kept, batch.damaged)
            with torch.no_grad():
                _, real_features = self._judge(batch.clean, batch.damaged)
            parts["verdict"] = generator_loss(kind, scores)
            total = total + self.settings.adversarial_weight * parts["verdict"]
            if features:
                parts["features"] = feature_distance(real_features, features)
                total = total + self.settings.feature_weight * parts["features"]
        return total, parts

    def _judge(self, sound: Tensor, damaged: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        scores: list[Tensor] = []
        features: list[list[Tensor]] = []
        for discriminator in self.discriminators:
            if isinstance(discriminator, ProjectedDiscriminator):
                scores += discriminator(sound)
            else:
                score, layers = discriminator(sound, damaged)
                scores.append(score)
                features.append(layers)
        return scores, features
