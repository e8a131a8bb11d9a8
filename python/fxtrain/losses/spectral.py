# SPDX-License-Identifier: MIT
"""Losses on the magnitude spectrum."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd import Function

from fxtrain.audio.spectra import short_time_spectra

__all__ = ["MultiResolutionStft"]

_FFT_SIZES = (2048, 1024, 512)
_HOP_SIZES = (240, 120, 50)
_WINDOW_LENGTHS = (1200, 600, 240)
_LEAST_FRAMES = 16


def _magnitudes(loss: Any, x: Tensor) -> tuple[Tensor, None]:
    """What ``auraloss.freq.STFTLoss.stft`` returns, in half the time, but for the phases, which nothing uses."""
    before = loss.fft_size // 2 - (loss.fft_size - loss.win_length) // 2  # torch.stft centres the window in its frame
    padded = nn.functional.pad(x, (before, loss.win_length - before), mode="reflect")
    spectra = short_time_spectra(padded, loss.window.to(x.dtype), loss.hop_size, loss.fft_size)
    magnitudes: Tensor = _Magnitude.apply(spectra, loss.eps)  # type: ignore[no-untyped-call]
    return magnitudes.transpose(1, 2), None


class _Magnitude(Function):
    """Root of the power, which is raised to a floor."""

    @staticmethod
    def forward(ctx: Any, spectra: Tensor, floor: float) -> Tensor:
        power = torch.view_as_real(spectra).square().sum(-1)
        magnitude = power.clamp_(min=floor).sqrt_()
        ctx.save_for_backward(spectra, magnitude)
        ctx.least = floor**0.5
        return magnitude

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        spectra, magnitude = ctx.saved_tensors
        slope = torch.where(magnitude > ctx.least, gradient / magnitude, 0.0)
        return torch.view_as_complex(torch.view_as_real(spectra) * slope[..., None]), None


class MultiResolutionStft(nn.Module):
    """Spectral convergence plus log-magnitude distance at three resolutions.

    Signals shorter than the longest FFT, as most training chunks are, are compared at finer time resolutions: all FFT
    sizes, hops and windows are divided by the same power of two, so that the longest FFT fits.

    Source: Yamamoto, Song and Kim, "Parallel WaveGAN", 2020, section 2.2; computed by ``auraloss``.
    """

    def __init__(self) -> None:
        super().__init__()
        self._losses: dict[int, Any] = {}  # by divisor

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Distance of two batches of shape ``(batch, frames)``; frames must be at least 16."""
        divisor = self.divisor(prediction.shape[-1])
        if divisor not in self._losses:
            from auraloss.freq import MultiResolutionSTFTLoss

            loss = MultiResolutionSTFTLoss(
                fft_sizes=[size // divisor for size in _FFT_SIZES],
                hop_sizes=[max(1, size // divisor) for size in _HOP_SIZES],
                win_lengths=[max(1, size // divisor) for size in _WINDOW_LENGTHS],
            )
            for each in loss.stft_losses:
                each.stft = partial(_magnitudes, each)
            self._losses[divisor] = loss
        return cast(Tensor, self._losses[divisor](prediction.unsqueeze(1), target.unsqueeze(1)))

    @staticmethod
    def divisor(num_frames: int) -> int:
        """What the sizes are divided by for signals of ``num_frames``.

        >>> {frames: MultiResolutionStft.divisor(frames) for frames in (4096, 2048, 2047, 512)}
        {4096: 1, 2048: 1, 2047: 2, 512: 4}
        """
        if num_frames < _LEAST_FRAMES:
            raise ValueError(f"{num_frames} frames are too short for a spectrum, expected at least {_LEAST_FRAMES}")
        divisor = 1
        while _FFT_SIZES[0] // divisor > num_frames:
            divisor *= 2
        return divisor
