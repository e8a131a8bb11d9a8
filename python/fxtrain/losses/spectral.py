# SPDX-License-Identifier: MIT
"""Losses on the magnitude spectrum."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

__all__ = ["MultiResolutionStft"]


class MultiResolutionStft(nn.Module):
    """Spectral convergence plus log-magnitude distance at three resolutions.

    Source: Yamamoto, Song and Kim, "Parallel WaveGAN", 2020, section 2.2; computed by ``auraloss``.
    """

    def __init__(self) -> None:
        super().__init__()
        from auraloss.freq import MultiResolutionSTFTLoss

        self.stft = MultiResolutionSTFTLoss(
            fft_sizes=[2048, 1024, 512], hop_sizes=[240, 120, 50], win_lengths=[1200, 600, 240]
        )

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Distance of two batches of shape ``(batch, frames)``; frames must be at least 2048."""
        return cast(Tensor, self.stft(prediction.unsqueeze(1), target.unsqueeze(1)))
