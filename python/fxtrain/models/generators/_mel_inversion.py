# SPDX-License-Identifier: MIT
"""Sound from a mel-spectrogram."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fxtrain.audio.griffin_lim import griffin_lim
from fxtrain.losses.mel import LogMel

__all__ = ["invert_mel"]


def invert_mel(log_mel: Tensor, transform: LogMel, *, iterations: int = 32) -> Tensor:
    """Sound whose mel-spectrogram is near the given one; its phases are found by iteration.

    Args:
        log_mel: shape ``(batch, bands, frames)``, as ``transform`` makes it.
        transform: that made it.
        iterations: of :func:`fxtrain.audio.griffin_lim.griffin_lim`.

    Returns:
        Shape ``(batch, frames * hop)``.
    """
    filters = transform.filters.cpu().numpy()
    back = np.maximum(np.linalg.pinv(filters), 0.0)
    n_fft, hop = transform.config.n_fft, transform.config.hop
    pad = (n_fft - hop) // 2
    window = transform.window.cpu().numpy().astype(np.float64)
    sounds = []
    for one in log_mel.detach().cpu().numpy():
        bands = np.exp(np.minimum(one, 12.0)) * (one > np.log(transform.floor * 1.01))
        magnitudes = (back @ bands).T.astype(np.float64)
        sound = griffin_lim(magnitudes, window, hop, iterations=iterations)
        sounds.append(sound[pad : pad + len(magnitudes) * hop])
    return torch.from_numpy(np.stack(sounds)).to(log_mel)
