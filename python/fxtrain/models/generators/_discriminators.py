# SPDX-License-Identifier: MIT
"""Networks that tell real sound from made sound."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

__all__ = ["SpectralDiscriminator"]

_SLOPE = 0.2  # of leaky rectifiers below zero
_EXPONENT = 0.3  # of magnitudes


class SpectralDiscriminator(nn.Module):
    """Judges magnitudes of one resolution, beside those of the damaged sound that they were made from.

    Source: Jang et al., "UnivNet", 2021, section 2.3; told the input as in Isola et al., "Image-to-image translation
    with conditional adversarial networks", 2017.
    """

    window: Tensor

    def __init__(self, n_fft: int, channels: int) -> None:
        super().__init__()
        self.n_fft, self.hop = n_fft, n_fft // 4
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        widths = (2, channels, 2 * channels, 2 * channels, 4 * channels)
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(before, after, (5, 3), stride=(2, 1), padding=(2, 1)))
            for before, after in pairwise(widths)
        )
        self.score = weight_norm(nn.Conv2d(widths[-1], 1, 3, padding=1))

    def forward(self, sound: Tensor, damaged: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Scores, and the output of each layer, for signals of shape ``(batch, samples)``."""
        x = torch.stack([self._magnitudes(sound), self._magnitudes(damaged)], dim=1)
        features = []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), _SLOPE)
            features.append(x)
        return self.score(x), features

    def _magnitudes(self, sound: Tensor) -> Tensor:
        """Compressed, shape ``(batch, bins, frames)``."""
        spectra = torch.stft(sound, self.n_fft, self.hop, window=self.window, return_complex=True)
        power = spectra.real.square() + spectra.imag.square()
        return (power + 1e-10).pow(_EXPONENT / 2)
