# SPDX-License-Identifier: MIT
"""Restoration by diffusion: noise is removed step by step, told the damaged sound.

::

    noise ── step 1 ── step 2 ── ... ── step N ── what the codec took
               │          │                │
    damaged ───┴──────────┴────────────────┘

In the domain ``spectrum`` the noise is on compressed spectra. In the domain ``waveform`` it is on samples, and the
network hears the damaged sound as a diffusion vocoder hears a mel-spectrogram: through a transposed convolution that
makes one more input channel of it.

Sources: Nichol and Dhariwal, "Improved denoising diffusion probabilistic models", 2021 (the cosine schedule); Salimans
and Ho, "Progressive distillation for fast sampling of diffusion models", 2022 (the velocity); Song, Meng and Ermon,
"Denoising diffusion implicit models", 2021 (the steps).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from fxtrain.config import build, configuration
from fxtrain.data.codec_pairs import CodecBatch
from fxtrain.extras import require
from fxtrain.losses.mel import LogMel, MelConfig
from fxtrain.models.generators._restoration import RestorationModel, Restored, Told
from fxtrain.models.generators._spectral import FrameUNet, Spectra, compress, expand, frame_level
from fxtrain.training.protocol import Criterion, Phase, StepContext

__all__ = ["RestoreDiffusion"]

_EXPONENT = 0.3  # of magnitudes, which brings loud and soft bins together
_PATCH = 64  # samples of a frame in the domain of the waveform
_TAKEN = 0.25  # RMS of what a codec takes, relative to that of the sound; near 0.26 for the codecs of the default
_MEL_BANDS = 80


@configuration
class DiffusionConfig:
    """Size of the network that removes noise.

    Attributes:
        domain: ``spectrum``, or ``waveform`` in the manner of a diffusion vocoder.
        n_fft: length of the Fourier transform, in samples.
        hop: samples between two spectra.
        channels: features of a frame.
        levels: how often the frame rate is halved.
        blocks: residual blocks at each frame rate.
        steps: of noise removal, where a command does not say.
    """

    domain: Literal["spectrum", "waveform"] = "spectrum"
    n_fft: Annotated[int, Field(ge=64, le=8192)] = 1024
    hop: Annotated[int, Field(ge=16, le=2048)] = 256
    channels: Annotated[int, Field(ge=8, le=1024)] = 224
    levels: Annotated[int, Field(ge=0, le=4)] = 2
    blocks: Annotated[int, Field(ge=1, le=8)] = 2
    steps: Annotated[int, Field(ge=1, le=1000)] = 16


class _Known(NamedTuple):
    """What is known before noise is removed.

    Attributes:
        features: shape ``(batch, rows, features)``.
        envelope: what a state is multiplied by to become sound, in the shape of a state or broadcast to it.
        damaged: spectra, or patches of samples.
    """

    features: Tensor
    envelope: Tensor
    damaged: Tensor


class _Spectral(nn.Module):
    """States are compressed spectra, shape ``(batch, frames, 2 * bins)``."""

    def __init__(self, spectra: Spectra) -> None:
        super().__init__()
        self.spectra = spectra
        self.state_features = 2 * spectra.num_bins
        self.told_features = 3 * spectra.num_bins
        self.rows_per_frame = Fraction(1)

    def tell(self, damaged: Tensor, above: Tensor, profile: Tensor) -> _Known:
        x = self.spectra(damaged)
        envelope = frame_level(x) * profile.exp()
        pairs = compress(x / envelope, _EXPONENT)
        return _Known(torch.cat([pairs.flatten(2), above.expand(x.shape)], dim=2), envelope, x)

    def state_of(self, clean: Tensor, told: _Known) -> Tensor:
        return compress(self.spectra(clean) / told.envelope, _EXPONENT).flatten(2)

    def noise_of(self, noise: Tensor, num_samples: int) -> Tensor:
        return noise.flatten(2)

    def spectra_of(self, state: Tensor, told: _Known, num_samples: int) -> tuple[Tensor, Tensor]:
        made = expand(state.reshape(*state.shape[:2], -1, 2), _EXPONENT) * told.envelope
        return made, made - told.damaged

    def weight(self, above: Tensor) -> Tensor:
        """How much each feature counts: below the cutoff a fifth."""
        return (0.2 + 0.8 * above).repeat_interleave(2, dim=2)


class _Waveform(nn.Module):
    """States are patches of samples, shape ``(batch, patches, 64)``: of what the codec took, with its level out."""

    def __init__(self, spectra: Spectra, sample_rate: int) -> None:
        super().__init__()
        self.spectra = spectra
        mel = MelConfig(n_fft=spectra.n_fft, hop=spectra.hop, bands=_MEL_BANDS)
        self.mel = LogMel(mel, sample_rate)
        pad = (spectra.n_fft - spectra.hop) // 2
        # From a spectrogram to one channel of samples, as in audio-diffusion-pytorch's vocoder.
        self.extra = nn.ConvTranspose1d(_MEL_BANDS, 1, spectra.n_fft, stride=spectra.hop, padding=pad, bias=False)
        self.state_features = _PATCH
        self.told_features = 2 * _PATCH + 1
        self.rows_per_frame = Fraction(spectra.hop, _PATCH)

    def tell(self, damaged: Tensor, above: Tensor, profile: Tensor) -> _Known:
        whole = functional.pad(damaged, (0, -damaged.shape[1] % math.lcm(_PATCH, self.spectra.hop)))
        level = frame_level(self.spectra(whole))[..., 0] / math.sqrt(self.spectra.hop)
        num_patches = whole.shape[1] // _PATCH
        level = _between_frames(level, num_patches, self.spectra.hop)
        extra = self.extra(self.mel(whole) / 5.0)[:, 0]
        share = above.mean(dim=2, keepdim=True).expand(-1, num_patches, 1)
        patches = _patches(whole)
        features = torch.cat([patches / level, _patches(extra), share], dim=2)
        return _Known(features, _TAKEN * level, patches)

    def state_of(self, clean: Tensor, told: _Known) -> Tensor:
        whole = functional.pad(clean, (0, told.envelope.shape[1] * _PATCH - clean.shape[1]))
        return (_patches(whole) - told.damaged) / told.envelope

    def noise_of(self, noise: Tensor, num_samples: int) -> Tensor:
        unit = math.sqrt(self.spectra.n_fft / 2)  # so that samples have unit power
        wave = self.spectra.inverse(torch.complex(noise[..., 0], noise[..., 1]) * unit, num_samples)
        return _patches(functional.pad(wave, (0, -num_samples % math.lcm(_PATCH, self.spectra.hop))))

    def spectra_of(self, state: Tensor, told: _Known, num_samples: int) -> tuple[Tensor, Tensor]:
        taken: Tensor = self.spectra((state * told.envelope).flatten(1)[:, :num_samples])
        return taken, taken

    def weight(self, above: Tensor) -> Tensor:
        """All samples count alike."""
        return torch.ones_like(above[..., :1])


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
        is_spectral = config.domain == "spectrum"
        self.domain = _Spectral(self.spectra) if is_spectral else _Waveform(self.spectra, sample_rate)
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

    @property
    def rows_per_frame(self) -> Fraction:
        """See :attr:`RestorationModel.rows_per_frame`."""
        return self.domain.rows_per_frame

    @property
    def reach_frames(self) -> int:
        """See :attr:`RestorationModel.reach_frames`."""
        return math.ceil(self.network.reach / self.rows_per_frame)

    @property
    def granularity(self) -> int:
        """See :attr:`RestorationModel.granularity`."""
        return (self.network.granularity / self.rows_per_frame).numerator

    def loss(self, batch: CodecBatch, phase: Phase, context: StepContext) -> tuple[Tensor, dict[str, Tensor]]:
        """Squared error of the velocity; in the domain of the spectrum, bins below the cutoff count a fifth."""
        error = self._denoising(batch, context.generator).mean()
        return error, {"denoising": error}

    def validate(self, batch: CodecBatch, context: StepContext) -> dict[str, tuple[float, float]]:
        """Error of the velocity; highs are not generated here, which would take many steps."""
        errors = self._denoising(batch, context.generator)
        return {"denoising": (float(errors.sum()), float(len(errors)))}

    def tell(self, damaged: Tensor, cutoff_hz: Tensor) -> _Known:
        """See :meth:`RestorationModel.tell`."""
        return self.domain.tell(damaged, self.above(cutoff_hz), self.profile)

    def begin(self, noise: Tensor, num_samples: int) -> Tensor:
        """See :meth:`RestorationModel.begin`."""
        return self.domain.noise_of(noise, num_samples)

    def num_passes(self, steps: int | None) -> int:
        """See :meth:`RestorationModel.num_passes`."""
        return steps or self.steps

    def advance(self, state: Tensor, told: Told, cutoff_hz: Tensor, number: int, num_passes: int) -> Tensor:
        """Removes some of the noise; see :meth:`RestorationModel.advance`."""
        self.schedule.set_timesteps(num_passes)
        moment = self.schedule.timesteps[number]
        velocity = self._velocity(state, _Known(*told), moment.expand(len(state)))
        less: Tensor = self.schedule.step(velocity, moment, state).prev_sample
        return less

    def finish(self, state: Tensor, told: Told, cutoff_hz: Tensor, num_samples: int) -> Restored:
        """See :meth:`RestorationModel.finish`."""
        above = self.above(cutoff_hz)
        high, low = self.domain.spectra_of(state, _Known(*told), num_samples)
        return Restored(
            self.spectra.inverse(high * above, num_samples), self.spectra.inverse(low * (1 - above), num_samples)
        )

    def _velocity(self, state: Tensor, told: _Known, moment: Tensor) -> Tensor:
        shown = torch.cat([state, told.features], dim=2)
        num_frames = shown.shape[1]
        whole = functional.pad(shown, (0, 0, 0, -num_frames % self.network.granularity))
        time = moment.to(state) / self.schedule.config.num_train_timesteps
        velocity: Tensor = self.network(whole, time)
        return velocity[:, :num_frames]

    def _denoising(self, batch: CodecBatch, generator: torch.Generator) -> Tensor:
        """Weighted squared error of the velocity for each item."""
        above = self.above(batch.cutoff_hz)
        told = self.tell(batch.damaged, batch.cutoff_hz)
        clean = self.domain.state_of(batch.clean, told)
        noise = torch.randn(clean.shape, generator=generator, device=generator.device).to(clean)
        steps = self.schedule.config.num_train_timesteps
        moment = torch.randint(steps, (len(clean),), generator=generator, device=generator.device).to(clean.device)
        state = self.schedule.add_noise(clean, noise, moment)
        wanted = self.schedule.get_velocity(clean, noise, moment)
        weight = self.domain.weight(above)
        error: Tensor = (self._velocity(state, told, moment) - wanted).square() * weight
        return error.mean(dim=(1, 2)) / weight.mean(dim=(1, 2))


def _between_frames(values: Tensor, num_patches: int, hop: int) -> Tensor:
    """Values at frames, shape ``(batch, frames)``, in the middle of each patch: ``(batch, patches, 1)``."""
    place = (torch.arange(num_patches, device=values.device) + 0.5) * (_PATCH / hop)
    before = place.long()
    after, share = (before + 1).clamp(max=values.shape[1] - 1), place - before
    return torch.lerp(values[:, before], values[:, after], share)[..., None]


def _patches(samples: Tensor) -> Tensor:
    """Shape ``(batch, samples)`` to ``(batch, patches, 64)``."""
    return samples.reshape(len(samples), -1, _PATCH)
