# SPDX-License-Identifier: MIT
"""From mel frames to one condition for each sample, by learned interpolation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["MARGIN_FRAMES", "SILENT_MEL", "Upsampling", "normalise_mels"]

MARGIN_FRAMES = 3
"""Frames on either side of a stretch that its conditions depend on, at most."""

_LOWEST = -11.512925  # natural logarithm of 1e-5, the floor of LogMel
_SCALE = 6.0


def normalise_mels(mels: Tensor) -> Tensor:
    """Log-mels as the network takes them: -1 is silence, speech lies around 0."""
    return (mels - _LOWEST) / _SCALE - 1.0


SILENT_MEL = -1.0
"""What stands for frames before the start and behind the end of a recording."""


class Upsampling(nn.Module):
    """Mixes the bands of neighbouring frames, then stretches time in two steps with transposed convolutions.

    They begin as linear interpolation, ``hop`` samples for each frame::

        frame      |        0        |        1        |
        sample     0 1 2  ...  hop-1 | hop  ...
    """

    def __init__(self, bands: int, channels: int, hop: int) -> None:
        super().__init__()
        self.hop = hop
        self.mix = nn.Conv1d(bands, channels, 3, padding=1)
        self.stretch = nn.ModuleList(_stretch(channels, factor) for factor in _two_factors(hop) if factor > 1)

    def forward(self, mels: Tensor) -> Tensor:
        """Converts ``(batch, bands, frames)`` to ``(batch, channels, frames * hop)``.

        What it gives near the ends depends on :data:`MARGIN_FRAMES` frames beyond them.
        """
        x: Tensor = torch.tanh(self.mix(mels))
        for stretch in self.stretch:
            x = stretch(x)
        return x


def _stretch(channels: int, factor: int) -> nn.ConvTranspose1d:
    """Each channel on its own; ``factor`` times as many frames, in place."""
    half = factor // 2
    layer = nn.ConvTranspose1d(channels, channels, factor + 2 * half, factor, padding=half, groups=channels)
    size = factor + 2 * half
    distance = (torch.arange(size) - (size - 1) / 2).abs() / factor
    with torch.no_grad():
        layer.weight.copy_((1 - distance).clamp(min=0).expand_as(layer.weight))
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def _two_factors(number: int) -> tuple[int, int]:
    """Two factors of a number that are as near to each other as there are.

    >>> _two_factors(128), _two_factors(80), _two_factors(7)
    ((8, 16), (8, 10), (1, 7))
    """
    small = next(factor for factor in range(int(number**0.5), 0, -1) if number % factor == 0)
    return small, number // small
