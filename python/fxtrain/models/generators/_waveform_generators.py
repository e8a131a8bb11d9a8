# SPDX-License-Identifier: MIT
"""Networks that turn frames of features into sound: by upsampling, and by an inverse Fourier transform."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from fxtrain.errors import ConfigError
from fxtrain.extras import require
from fxtrain.models.generators._spectral import ConvNextBlock, Spectra, full_precision

__all__ = ["HifiGan", "Vocos"]

_RATES = {160: (10, 8, 2), 320: (10, 8, 2, 2), 640: (10, 8, 4, 2), 960: (10, 8, 4, 3)}
"""Factors of upsampling by samples for each frame: 320 is 16 kHz from 50 frames a second."""

_MOST_NEPERS = 5.0  # of a magnitude: a bound, so that an untrained head does not deafen


class HifiGan(nn.Module):
    """HiFi-GAN's generator, as ``transformers`` holds it: transposed convolutions and residual blocks.

    Args:
        width: of the features.
        hop: samples for each frame.
        channels: of the first layer; halved at each upsampling.

    Source: Kong, Kim and Bae, "HiFi-GAN", 2020.
    """

    def __init__(self, width: int, hop: int, channels: int) -> None:
        super().__init__()
        if hop not in _RATES:
            known = ", ".join(str(50 * each) for each in _RATES)
            raise ConfigError(
                f"HiFi-GAN makes no sound at {50 * hop} Hz here: set model.target_rate to one of {known}, or take vocos"
            )
        speecht5: Any = require("transformers.models.speecht5.modeling_speecht5", purpose="HiFi-GAN")
        config: Any = require("transformers", purpose="HiFi-GAN").SpeechT5HifiGanConfig(
            model_in_dim=width,
            upsample_initial_channel=channels,
            upsample_rates=list(_RATES[hop]),
            upsample_kernel_sizes=[2 * rate for rate in _RATES[hop]],
            normalize_before=False,
        )
        self.hop = hop
        self.network = speecht5.SpeechT5HifiGan(config)
        self.network.apply_weight_norm()

    def forward(self, features: Tensor) -> Tensor:
        """Converts ``(batch, frames, width)`` to ``(batch, frames * hop)``."""
        sound: Tensor = self.network(features)
        num_samples = features.shape[1] * self.hop
        excess = sound.shape[1] - num_samples  # of odd factors, whose kernels cannot be centred
        return sound[:, excess // 2 : excess // 2 + num_samples]

    @property
    def reach_frames(self) -> int:
        """Frames to both sides that a sample may depend on."""
        return 16


class Vocos(nn.Module):
    """Residual blocks at the rate of the frames, then magnitudes and phases of a Fourier transform.

    Args:
        width: of the features.
        hop: samples for each frame.
        channels: features inside.
        blocks: residual blocks.

    Source: Siuzdak, "Vocos", 2023.
    """

    def __init__(self, width: int, hop: int, channels: int, blocks: int) -> None:
        super().__init__()
        self.spectra = Spectra(4 * hop, hop)
        self.hop = hop
        self.into = nn.Conv1d(width, channels, 7, padding=3)
        self.first_norm = nn.LayerNorm(channels)
        self.blocks = nn.ModuleList(ConvNextBlock(channels) for _ in range(blocks))
        self.last_norm = nn.LayerNorm(channels)
        self.out = nn.Linear(channels, 2 * self.spectra.num_bins)
        nn.init.normal_(self.out.weight, std=0.02)
        nn.init.zeros_(self.out.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Converts ``(batch, frames, width)`` to ``(batch, frames * hop)``."""
        num_samples = features.shape[1] * self.hop
        # Spectra stand between frames: one more, for the end of the last.
        lengthened = torch.cat([features, features[:, -1:]], dim=1)
        x = self.first_norm(self.into(lengthened.transpose(1, 2)).transpose(1, 2))
        for block in self.blocks:
            x = block(x)
        levels, phases = full_precision(self.out(self.last_norm(x))).chunk(2, dim=2)
        magnitudes = torch.exp(_MOST_NEPERS * torch.tanh((levels - 3.0) / _MOST_NEPERS))
        return self.spectra.inverse(torch.polar(magnitudes, phases), num_samples)

    @property
    def reach_frames(self) -> int:
        """Frames to both sides that a sample may depend on."""
        return 3 + 3 * len(self.blocks) + 3
