# SPDX-License-Identifier: MIT
"""Where a diffusion works: what its states are, how sound becomes a state, and a state sound.

========  =======================================  =================
domain    a row of a state                         rows for a frame
========  =======================================  =================
spectrum  a compressed spectrum                    1
waveform  64 samples of what the codec took        ``hop / 64``
latent    what an autoencoder says of some frames  1 / their number
========  =======================================  =================
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from fxtrain.losses.mel import LogMel, MelConfig
from fxtrain.models.generators._spectral import (
    ConvNextBlock,
    Spectra,
    bounded_gains,
    compress,
    expand,
    frame_level,
    full_precision,
    replicate,
)

__all__ = ["Domain", "Known", "LatentDomain", "SpectrumDomain", "WaveformDomain"]

_EXPONENT = 0.3  # of magnitudes, which brings loud and soft bins together
_PATCH = 64  # samples of a frame in the domain of the waveform
_TAKEN = 0.25  # RMS of what a codec takes, relative to that of the sound; near 0.26 for the codecs of the default
_MEL_BANDS = 80
_TOLD = 256  # features of a row in the latent domain
_SHAKEN = 0.1  # noise on latents while their decoder learns, so that a diffusion need not hit them exactly


class Known(NamedTuple):
    """What is known before noise is removed.

    Attributes:
        features: shape ``(batch, rows, features)``.
        envelope: what a state is multiplied by to become sound, in the shape of a state or broadcast to it.
        material: what sound is made of: the damaged spectra or samples, or the highs that are copied from them.
    """

    features: Tensor
    envelope: Tensor
    material: Tensor


class Domain(nn.Module):
    """What states are.

    Attributes:
        state_features: values of a row that noise is removed from. Others follow them, and stay as they are.
        told_features: values of a row of :attr:`Known.features`.
        rows_per_frame: rows of a state for each frame.
        reach_frames: frames to both sides that :meth:`spectra_of` looks at.
    """

    state_features: int
    told_features: int
    rows_per_frame: Fraction
    reach_frames = 0

    def tell(self, damaged: Tensor, cutoff_hz: Tensor, above: Tensor, profile: Tensor) -> Known:
        """Analyses damaged sound of shape ``(batch, samples)``."""
        raise NotImplementedError

    def state_of(self, clean: Tensor, told: Known) -> Tensor:
        """The state of clean sound without noise, shape ``(batch, rows, state_features)``."""
        raise NotImplementedError

    def noise_of(self, noise: Tensor, num_samples: int) -> Tensor:
        """A state of unit power, of white noise for spectra of shape ``(batch, frames, bins, 2)``."""
        raise NotImplementedError

    def spectra_of(self, state: Tensor, told: Known, num_samples: int) -> tuple[Tensor, Tensor]:
        """Spectra of a state: of what belongs above the cutoff, and of what is corrected below it."""
        raise NotImplementedError

    def weight(self, above: Tensor) -> Tensor:
        """How much the error of each value of a row counts: all alike."""
        return torch.ones_like(above[..., :1])


class SpectrumDomain(Domain):
    """States are compressed spectra, shape ``(batch, frames, 2 * bins)``."""

    def __init__(self, spectra: Spectra) -> None:
        super().__init__()
        self.spectra = spectra
        self.state_features = 2 * spectra.num_bins
        self.told_features = 3 * spectra.num_bins
        self.rows_per_frame = Fraction(1)

    def tell(self, damaged: Tensor, cutoff_hz: Tensor, above: Tensor, profile: Tensor) -> Known:
        """See :meth:`Domain.tell`."""
        x = self.spectra(damaged)
        envelope = frame_level(x) * profile.exp()
        pairs = compress(x / envelope, _EXPONENT)
        return Known(torch.cat([pairs.flatten(2), above.expand(x.shape)], dim=2), envelope, x)

    def state_of(self, clean: Tensor, told: Known) -> Tensor:
        """See :meth:`Domain.state_of`."""
        return compress(self.spectra(clean) / told.envelope, _EXPONENT).flatten(2)

    def noise_of(self, noise: Tensor, num_samples: int) -> Tensor:
        """See :meth:`Domain.noise_of`."""
        return noise.flatten(2)

    def spectra_of(self, state: Tensor, told: Known, num_samples: int) -> tuple[Tensor, Tensor]:
        """See :meth:`Domain.spectra_of`."""
        made = expand(state.reshape(*state.shape[:2], -1, 2), _EXPONENT) * told.envelope
        return made, made - told.material

    def weight(self, above: Tensor) -> Tensor:
        """How much each feature counts: below the cutoff a fifth."""
        return (0.2 + 0.8 * above).repeat_interleave(2, dim=2)


class WaveformDomain(Domain):
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

    def tell(self, damaged: Tensor, cutoff_hz: Tensor, above: Tensor, profile: Tensor) -> Known:
        """See :meth:`Domain.tell`."""
        whole = functional.pad(damaged, (0, -damaged.shape[1] % math.lcm(_PATCH, self.spectra.hop)))
        level = frame_level(self.spectra(whole))[..., 0] / math.sqrt(self.spectra.hop)
        num_patches = whole.shape[1] // _PATCH
        level = _between_frames(level, num_patches, self.spectra.hop)
        extra = self.extra(self.mel(whole) / 5.0)[:, 0]
        share = above.mean(dim=2, keepdim=True).expand(-1, num_patches, 1)
        patches = _patches(whole)
        features = torch.cat([patches / level, _patches(extra), share], dim=2)
        return Known(features, _TAKEN * level, patches)

    def state_of(self, clean: Tensor, told: Known) -> Tensor:
        """See :meth:`Domain.state_of`."""
        whole = functional.pad(clean, (0, told.envelope.shape[1] * _PATCH - clean.shape[1]))
        return (_patches(whole) - told.material) / told.envelope

    def noise_of(self, noise: Tensor, num_samples: int) -> Tensor:
        """See :meth:`Domain.noise_of`."""
        unit = math.sqrt(self.spectra.n_fft / 2)  # so that samples have unit power
        wave = self.spectra.inverse(torch.complex(noise[..., 0], noise[..., 1]) * unit, num_samples)
        return _patches(functional.pad(wave, (0, -num_samples % math.lcm(_PATCH, self.spectra.hop))))

    def spectra_of(self, state: Tensor, told: Known, num_samples: int) -> tuple[Tensor, Tensor]:
        """See :meth:`Domain.spectra_of`."""
        taken: Tensor = self.spectra((state * told.envelope).flatten(1)[:, :num_samples])
        return taken, taken


class LatentDomain(Domain):
    """States are what an autoencoder says of the highs of a few frames at a time, and the noise they are made of.

    ::

        clean highs ── encoder ── latents ── decoder ── gains ── copied lows, noise ── highs

    A latent says how the highs sound and not what each sample is: the decoder shapes the upper half of what is left,
    repeated above the cutoff, and noise, as the models without diffusion do. Each row of latents has unit power.
    Nothing below the cutoff is corrected.

    Source: Rombach et al., "High-resolution image synthesis with latent diffusion models", 2022. Materials are ours.

    Args:
        spectra: of the sound.
        sample_rate: of it, in Hz.
        channels: features of a row inside encoder and decoder.
        latents: values of a row.
        frames: of a row.
    """

    def __init__(self, spectra: Spectra, sample_rate: int, *, channels: int, latents: int, frames: int) -> None:
        super().__init__()
        self.spectra, self.sample_rate, self.frames = spectra, sample_rate, frames
        self.state_features, self.told_features = latents, _TOLD
        self.rows_per_frame = Fraction(1, frames)
        bins = frames * spectra.num_bins
        told = bins + spectra.num_bins
        self.telling = nn.Sequential(nn.Linear(told, channels), nn.GELU(), nn.Linear(channels, _TOLD))
        self.encoder = nn.Sequential(
            nn.Linear(bins + _TOLD, channels), *(ConvNextBlock(channels, kernel_size=3) for _ in range(2))
        )
        self.to_latents = nn.Sequential(nn.Linear(channels, latents), nn.LayerNorm(latents, elementwise_affine=False))
        blocks = [ConvNextBlock(channels, kernel_size=3) for _ in range(2)]
        self.reach_frames = frames * (1 + sum(block.reach for block in blocks))
        self.decoder = nn.Sequential(nn.Linear(latents + _TOLD, channels), *blocks, nn.LayerNorm(channels))
        self.to_gains = nn.Linear(channels, 2 * bins)
        with torch.no_grad():
            self.to_gains.weight.mul_(0.1)

    def tell(self, damaged: Tensor, cutoff_hz: Tensor, above: Tensor, profile: Tensor) -> Known:
        """See :meth:`Domain.tell`."""
        x = self.spectra(self._whole(damaged))
        envelope = frame_level(x) * profile.exp()
        copied = replicate(x, cutoff_hz * (self.spectra.n_fft / self.sample_rate))
        shown = self._rows(_logs(x, envelope))
        features = self.telling(torch.cat([shown.flatten(2), above.expand(*shown.shape[:2], -1)], dim=2))
        return Known(features, self._rows(envelope * (above > 0)), self._rows(copied))

    def state_of(self, clean: Tensor, told: Known) -> Tensor:
        """See :meth:`Domain.state_of`."""
        x = self._rows(self.spectra(self._whole(clean)))
        highs = _logs(x, told.envelope) * (told.envelope > 0)
        latents: Tensor = self.to_latents(self.encoder(torch.cat([highs.flatten(2), told.features], dim=2)))
        return latents

    def noise_of(self, noise: Tensor, num_samples: int) -> Tensor:
        """See :meth:`Domain.noise_of`; the noise that becomes highs follows that of the latents."""
        rows = self._rows(functional.pad(noise, (0, 0, 0, 0, 0, -noise.shape[1] % self.frames))).flatten(2)
        # The latents take theirs from the lowest bins of a row, which lie below the cutoff and are not heard.
        return torch.cat([rows[..., : self.state_features], rows], dim=2)

    def spectra_of(self, state: Tensor, told: Known, num_samples: int) -> tuple[Tensor, Tensor]:
        """See :meth:`Domain.spectra_of`."""
        latents, noise = state[..., : self.state_features], state[..., self.state_features :]
        gains = full_precision(self.to_gains(self.decoder(torch.cat([latents, told.features], dim=2))))
        copied, shaped = bounded_gains(gains).view(*gains.shape[:2], self.frames, -1, 2).unbind(dim=4)
        pairs = full_precision(noise).reshape(*shaped.shape, 2)
        made = told.envelope * (copied * told.material + shaped * torch.view_as_complex(pairs) * math.sqrt(0.5))
        made = made.flatten(1, 2)
        return made, torch.zeros_like(made)

    def shaken(self, latents: Tensor, noise: Tensor, generator: torch.Generator) -> Tensor:
        """Latents with some noise on them, and the noise that becomes highs behind them."""
        drawn = torch.randn(latents.shape, generator=generator, device=generator.device).to(latents)
        return torch.cat([latents + _SHAKEN * drawn, noise[..., self.state_features :]], dim=2)

    def _whole(self, samples: Tensor) -> Tensor:
        """The same with silence behind it, so that its frames fill the last row."""
        num_rows = -(-self.spectra.num_frames(samples.shape[1]) // self.frames)
        return functional.pad(samples, (0, (num_rows * self.frames - 1) * self.spectra.hop - samples.shape[1]))

    def _rows(self, x: Tensor) -> Tensor:
        """Shape ``(batch, frames, ...)`` to ``(batch, rows, frames of a row, ...)``."""
        return x.reshape(len(x), -1, self.frames, *x.shape[2:])


def _logs(x: Tensor, envelope: Tensor) -> Tensor:
    """Logarithms of magnitudes relative to an envelope, about -2 to 2."""
    return (x.abs() / (envelope + 1e-9) + 1e-3).log() / 3


def _between_frames(values: Tensor, num_patches: int, hop: int) -> Tensor:
    """Values at frames, shape ``(batch, frames)``, in the middle of each patch: ``(batch, patches, 1)``."""
    place = (torch.arange(num_patches, device=values.device) + 0.5) * (_PATCH / hop)
    before = place.long()
    after, share = (before + 1).clamp(max=values.shape[1] - 1), place - before
    return torch.lerp(values[:, before], values[:, after], share)[..., None]


def _patches(samples: Tensor) -> Tensor:
    """Shape ``(batch, samples)`` to ``(batch, patches, 64)``."""
    return samples.reshape(len(samples), -1, _PATCH)
