# SPDX-License-Identifier: MIT
"""Restoration by diffusion: noise is removed step by step, told the damaged sound.

::

    noise ── step 1 ── step 2 ── ... ── step N ── what the codec took
               │          │                │
    damaged ───┴──────────┴────────────────┘

In the domain ``spectrum`` the noise is on compressed spectra. In the domain ``waveform`` it is on samples, and the
network hears the damaged sound as a diffusion vocoder hears a mel-spectrogram: through a transposed convolution that
makes one more input channel of it. In the domain ``latent`` it is on what an autoencoder, trained along with it, says
of several frames at a time, which makes a step several times cheaper.

Sources: Nichol and Dhariwal, "Improved denoising diffusion probabilistic models", 2021 (the cosine schedule); Salimans
and Ho, "Progressive distillation for fast sampling of diffusion models", 2022 (the velocity); Song, Meng and Ermon,
"Denoising diffusion implicit models", 2021 (the steps).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from fxtrain.config import build, configuration
from fxtrain.data.codec_pairs import CodecBatch
from fxtrain.errors import ConfigError
from fxtrain.extras import require
from fxtrain.models.generators._diffusion_domains import Domain, Known, LatentDomain, SpectrumDomain, WaveformDomain
from fxtrain.models.generators._restoration import RestorationModel, Restored, Told, high_band_distance
from fxtrain.models.generators._spectral import FrameUNet, require_hop
from fxtrain.training.protocol import Criterion, Phase, StepContext

__all__ = ["RestoreDiffusion"]


@configuration
class DiffusionConfig:
    """Size of the network that removes noise.

    Attributes:
        domain: ``spectrum``, ``waveform`` in the manner of a diffusion vocoder, or ``latent`` behind an autoencoder.
        n_fft: length of the Fourier transform, in samples.
        hop: samples between two spectra.
        channels: features of a frame.
        levels: how often the frame rate is halved.
        blocks: residual blocks at each frame rate.
        steps: of noise removal, where a command does not say.
        latents: values that the autoencoder keeps of ``latent_frames`` frames, in the domain ``latent``.
        latent_frames: frames that it takes together.
    """

    domain: Literal["spectrum", "waveform", "latent"] = "spectrum"
    n_fft: Annotated[int, Field(ge=64, le=8192)] = 1024
    hop: Annotated[int, Field(ge=16, le=2048)] = 256
    channels: Annotated[int, Field(ge=8, le=1024)] = 224
    levels: Annotated[int, Field(ge=0, le=4)] = 2
    blocks: Annotated[int, Field(ge=1, le=8)] = 2
    steps: Annotated[int, Field(ge=1, le=1000)] = 16
    latents: Annotated[int, Field(ge=2, le=128)] = 32
    latent_frames: Annotated[int, Field(ge=1, le=16)] = 4

    def __post_init__(self) -> None:
        require_hop(self.n_fft, self.hop)


class RestoreDiffusion(RestorationModel):
    """Learns to remove noise from what a codec took, told the damaged sound; begins with noise alone."""

    name = "restore-diffusion"
    summary = "restores what a lossy codec took, by removing noise in several steps"
    Config = DiffusionConfig
    criterion = Criterion("denoising", "error of the velocity")
    training_defaults: ClassVar[Mapping[str, Any]] = {"learning_rate": 5e-4, "batch_size": 8}

    def __init__(self, config: DiffusionConfig, sample_rate: int, profile: Sequence[float]) -> None:
        super().__init__(config.n_fft, config.hop, sample_rate, profile)
        self.steps = config.steps
        self.domain = self._domain(config, sample_rate)
        inputs = self.domain.state_features + self.domain.told_features
        self.network = FrameUNet(
            inputs, self.domain.state_features, config.channels, levels=config.levels, blocks=config.blocks
        )
        schedulers: Any = require("diffusers.schedulers.scheduling_ddim", purpose="the diffusion model")
        self.schedule: Any = schedulers.DDIMScheduler(
            beta_schedule="squaredcos_cap_v2",
            prediction_type="v_prediction",
            rescale_betas_zero_snr=True,
            timestep_spacing="trailing",
            clip_sample=False,
        )

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, loss: Mapping[str, Any], **facts: Any) -> RestoreDiffusion:
        """See :meth:`Trainable.from_config`; the facts are ``sample_rate`` and ``profile``."""
        return cls(build(DiffusionConfig, config, where="model"), facts["sample_rate"], facts["profile"])

    def _domain(self, config: DiffusionConfig, sample_rate: int) -> Domain:
        if config.domain == "spectrum":
            return SpectrumDomain(self.spectra)
        if config.domain == "waveform":
            return WaveformDomain(self.spectra, sample_rate)
        sizes = {"channels": config.channels, "latents": config.latents, "frames": config.latent_frames}
        return LatentDomain(self.spectra, sample_rate, **sizes)

    @property
    def rows_per_frame(self) -> Fraction:
        """See :attr:`RestorationModel.rows_per_frame`."""
        return self.domain.rows_per_frame

    @property
    def reach_frames(self) -> int:
        """See :attr:`RestorationModel.reach_frames`."""
        return math.ceil(self.network.reach / self.rows_per_frame)

    @property
    def corrects_lows(self) -> bool:
        """See :attr:`RestorationModel.corrects_lows`."""
        return not isinstance(self.domain, LatentDomain)

    @property
    def overlap_frames(self) -> int:
        """See :attr:`RestorationModel.overlap_frames`."""
        return super().overlap_frames + self.domain.reach_frames

    @property
    def granularity(self) -> int:
        """See :attr:`RestorationModel.granularity`."""
        return (self.network.granularity / self.rows_per_frame).numerator

    def loss(self, batch: CodecBatch, phase: Phase, context: StepContext) -> tuple[Tensor, dict[str, Tensor]]:
        """Squared error of the velocity, in the domain of the spectrum with a fifth of the weight below the cutoff.

        In the domain of latents, the distance of what the autoencoder makes of them is added.
        """
        parts = {name: each.mean() for name, each in self._errors(batch, context).items()}
        return torch.stack(list(parts.values())).sum(), parts

    def validate(self, batch: CodecBatch, context: StepContext) -> dict[str, tuple[float, float]]:
        """The same as the loss; highs are not generated here, which would take many steps."""
        num_items = len(batch.clean)
        errors = [each.expand(num_items) for each in self._errors(batch, context).values()]
        return {"denoising": (sum(float(each.sum()) for each in errors), float(num_items))}

    def tell(self, damaged: Tensor, cutoff_hz: Tensor) -> Known:
        """See :meth:`RestorationModel.tell`."""
        return self.domain.tell(damaged, cutoff_hz, self.above(cutoff_hz), self.profile)

    def begin(self, noise: Tensor, num_samples: int) -> Tensor:
        """See :meth:`RestorationModel.begin`."""
        return self.domain.noise_of(noise, num_samples)

    def num_passes(self, steps: int | None) -> int:
        """See :meth:`RestorationModel.num_passes`."""
        most = self.schedule.config.num_train_timesteps
        if steps is not None and steps > most:
            raise ConfigError(
                f"{steps} diffusion steps were asked for, but the model was trained on {most}: give fewer"
            )
        return steps or self.steps

    def advance(self, state: Tensor, told: Told, cutoff_hz: Tensor, number: int, num_passes: int) -> Tensor:
        """Removes some of the noise; see :meth:`RestorationModel.advance`."""
        self.schedule.set_timesteps(num_passes)
        moment = self.schedule.timesteps[number]
        noisy, kept = state[..., : self.domain.state_features], state[..., self.domain.state_features :]
        velocity = self._velocity(noisy, Known(*told), moment.expand(len(state)))
        less: Tensor = self.schedule.step(velocity, moment, noisy).prev_sample
        return torch.cat([less, kept], dim=2)

    def finish(self, state: Tensor, told: Told, cutoff_hz: Tensor, num_samples: int) -> Restored:
        """See :meth:`RestorationModel.finish`."""
        above = self.above(cutoff_hz)
        high, low = self.domain.spectra_of(state, Known(*told), num_samples)
        return Restored(
            self.spectra.inverse(high * above, num_samples), self.spectra.inverse(low * (1 - above), num_samples)
        )

    def _velocity(self, state: Tensor, told: Known, moment: Tensor) -> Tensor:
        shown = torch.cat([state, told.features], dim=2)
        num_frames = shown.shape[1]
        whole = functional.pad(shown, (0, 0, 0, -num_frames % self.network.granularity))
        time = moment.to(state) / self.schedule.config.num_train_timesteps
        velocity: Tensor = self.network(whole, time)
        return velocity[:, :num_frames]

    def _errors(self, batch: CodecBatch, context: StepContext) -> dict[str, Tensor]:
        """What the losses are the means of."""
        generator = context.generator
        told = self.tell(batch.damaged, batch.cutoff_hz)
        clean = self.domain.state_of(batch.clean, told)
        errors = {"denoising": self._denoising(clean.detach(), told, self.above(batch.cutoff_hz), generator)}
        if isinstance(self.domain, LatentDomain):
            num_samples = batch.clean.shape[1]
            noise = self.begin(self.noise_for(batch, context), num_samples)
            made = self.finish(self.domain.shaken(clean, noise, generator), told, batch.cutoff_hz, num_samples)
            kept = batch.damaged + made.high
            errors["autoencoder"] = high_band_distance(kept, batch.clean, batch.cutoff_hz, self.sample_rate)
        return errors

    def _denoising(self, clean: Tensor, told: Known, above: Tensor, generator: torch.Generator) -> Tensor:
        """Weighted squared error of the velocity for each item."""
        noise = torch.randn(clean.shape, generator=generator, device=generator.device).to(clean)
        steps = self.schedule.config.num_train_timesteps
        moment = torch.randint(steps, (len(clean),), generator=generator, device=generator.device).to(clean.device)
        state = self.schedule.add_noise(clean, noise, moment)
        wanted = self.schedule.get_velocity(clean, noise, moment)
        weight = self.domain.weight(above)
        error: Tensor = (self._velocity(state, told, moment) - wanted).square() * weight
        return error.mean(dim=(1, 2)) / weight.mean(dim=(1, 2))
