# SPDX-License-Identifier: MIT
"""Mel-spectrograms, as what models are fed and as what they are compared by."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from fxtrain.audio.mel import mel_filterbank
from fxtrain.config import configuration
from fxtrain.errors import ConfigError

__all__ = ["LogMel", "MelConfig"]


@configuration
class MelConfig:
    """A mel-spectrogram.

    Attributes:
        n_fft: length of the Fourier transform and of its Hann window, in samples.
        hop: samples between two frames.
        bands: number of mel bands.
        lowest_hz: lower edge of the lowest band.
        highest_hz: upper edge of the highest band; 0 is half the sample rate.
    """

    n_fft: Annotated[int, Field(ge=32, le=1 << 15)] = 1024
    hop: Annotated[int, Field(ge=1, le=1 << 15)] = 256
    bands: Annotated[int, Field(ge=1, le=512)] = 80
    lowest_hz: Annotated[float, Field(ge=0)] = 0.0
    highest_hz: Annotated[float, Field(ge=0)] = 0.0

    def __post_init__(self) -> None:
        if self.hop > self.n_fft:
            raise ConfigError(f"mel.hop is {self.hop}, longer than mel.n_fft, {self.n_fft}: frames would miss samples")


class LogMel(nn.Module):
    """Natural logarithm of the magnitudes in mel bands, not below that of ``floor``.

    Frame ``k`` covers the samples ``k * hop`` to ``(k + 1) * hop``: its window is centred on them, and the signal is
    mirrored at its ends. So N samples give exactly N / hop frames.

    ::

        samples  |  hop  |  hop  |  hop  |
        frame 1      <---- n_fft ---->

    Source: Kong, Kim and Bae, "HiFi-GAN", 2020, whose published code pads in the same way.
    """

    filters: Tensor
    window: Tensor

    def __init__(self, config: MelConfig, sample_rate: float, *, floor: float = 1e-5) -> None:
        super().__init__()
        self.config = config
        self.floor = floor
        filters = mel_filterbank(
            sample_rate,
            config.n_fft,
            config.bands,
            lowest_hz=config.lowest_hz,
            highest_hz=config.highest_hz or None,
        )
        self.register_buffer("filters", torch.from_numpy(filters).float(), persistent=False)
        self.register_buffer("window", torch.hann_window(config.n_fft), persistent=False)

    def num_frames(self, num_samples: int) -> int:
        """How many frames so many samples give."""
        return num_samples // self.config.hop

    def forward(self, samples: Tensor) -> Tensor:
        """Converts ``(batch, samples)`` to ``(batch, bands, frames)``."""
        n_fft, hop = self.config.n_fft, self.config.hop
        pad = (n_fft - hop) // 2
        whole = samples[..., : samples.shape[-1] // hop * hop]
        mirrored = whole.shape[-1] > pad + (n_fft - hop) % 2
        padded = functional.pad(
            whole[:, None], (pad, pad + (n_fft - hop) % 2), mode="reflect" if mirrored else "constant"
        )[:, 0]
        spectra = torch.stft(padded, n_fft, hop, window=self.window, center=False, return_complex=True)
        magnitudes = torch.sqrt(spectra.real.square() + spectra.imag.square() + 1e-9)
        return torch.log(torch.clamp(self.filters @ magnitudes, min=self.floor))
