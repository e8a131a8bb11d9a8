# SPDX-License-Identifier: MIT
"""Spectra of overlapping frames, with gradients that are faster than those of torch's operations."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

__all__ = ["short_time_spectra"]


def short_time_spectra(x: Tensor, window: Tensor, hop: int, n_fft: int | None = None) -> Tensor:
    """``rfft(x.unfold(-1, len(window), hop) * window, n_fft)``: nothing is padded but frames, with zeros at their end.

    Args:
        x: shape ``(streams, frames)``.
        window: one-dimensional, of the type of ``x``. It gets no gradient.
        hop: frames between two transforms.
        n_fft: even and at least the window's length, which it is if left out.

    Returns:
        Shape ``(streams, hops, n_fft // 2 + 1)``, complex.
    """
    n_fft = len(window) if n_fft is None else n_fft
    spectra: Tensor = _Spectra.apply(x, window, hop, n_fft)  # type: ignore[no-untyped-call]
    return spectra


class _Spectra(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, window: Tensor, hop: int, n_fft: int) -> Tensor:
        ctx.save_for_backward(window)
        ctx.hop, ctx.n_fft, ctx.num_frames = hop, n_fft, x.shape[-1]
        spectra: Tensor = torch.fft.rfft(x.unfold(-1, len(window), hop) * window, n_fft)
        return spectra

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        (window,) = ctx.saved_tensors
        hop, length = ctx.hop, len(window)
        # irfft counts every frequency but the first and the last twice, as it stands for its conjugate too.
        halved = 0.5 * gradient
        halved[..., 0] *= 2
        halved[..., -1] *= 2
        frames = torch.fft.irfft(halved, ctx.n_fft, norm="forward")[..., :length] * window
        num_hops, shifts = frames.shape[1], -(-length // hop)
        x = frames.new_zeros(len(frames), max(num_hops + shifts - 1, -(-ctx.num_frames // hop)), hop)
        for shift in range(shifts):
            part = frames[..., shift * hop : (shift + 1) * hop]
            x[:, shift : shift + num_hops, : part.shape[-1]] += part
        return x.flatten(1)[:, : ctx.num_frames], None, None, None
