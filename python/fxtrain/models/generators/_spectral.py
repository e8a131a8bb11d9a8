# SPDX-License-Identifier: MIT
"""Spectra for networks, and networks on spectra: one vector of bins for each frame, convolutions over time."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from fxtrain.errors import ConfigError

__all__ = [
    "LEVEL_RADIUS",
    "BandSplit",
    "ConvNextBlock",
    "FrameUNet",
    "Spectra",
    "bounded_gains",
    "compress",
    "expand",
    "frame_level",
    "full_precision",
    "replicate",
    "require_hop",
    "smoothed",
]

_FLOOR = 1e-7  # of magnitudes: -140 dB
_PATCH_BINS = 4  # replicated bands shift by a multiple of n_fft / hop bins, so that their phases advance as they should
_SMOOTHING_BINS = 9
_MOST_NEPERS = 6.0  # 52 dB: how far a gain may be from the mean profile
LEVEL_RADIUS = 8
"""Frames to both sides over which a frame's level is averaged."""


def require_hop(n_fft: int, hop: int) -> None:
    """Raises ConfigError unless a hop divides the length of a Fourier transform twice or more."""
    if n_fft % hop or n_fft // hop < 2:
        raise ConfigError(
            f"model.hop is {hop}, which does not divide model.n_fft, {n_fft}, twice or more: give a quarter of it, "
            f"{n_fft // 4}"
        )


class Spectra(nn.Module):
    """Short-time Fourier transform and its inverse, at fixed places in time.

    Frame ``k`` is centred on sample ``k * hop``. Windows are the square root of Hann's in both directions, so that a
    spectrum that is not changed gives the signal back.
    """

    window: Tensor

    def __init__(self, n_fft: int, hop: int) -> None:
        super().__init__()
        if n_fft % hop or n_fft // hop < 2:
            raise ValueError(f"a hop of {hop} does not divide an FFT of {n_fft} at least twice")
        self.n_fft, self.hop = n_fft, hop
        self.register_buffer("window", torch.hann_window(n_fft).sqrt(), persistent=False)
        self.scale = math.sqrt(hop / (n_fft / 2))  # so that white noise keeps its power

    @property
    def sine_magnitude(self) -> float:
        """Greatest magnitude of a sine of amplitude 1."""
        return float(self.window.sum()) / 2 * self.scale

    @property
    def num_bins(self) -> int:
        """Bins of a frame."""
        return self.n_fft // 2 + 1

    def num_frames(self, num_samples: int) -> int:
        """Frames that cover so many samples: the last one is centred on or after the last sample."""
        return -(-num_samples // self.hop) + 1

    def forward(self, samples: Tensor) -> Tensor:
        """Converts ``(batch, samples)`` to ``(batch, frames, bins)``, complex."""
        padded = functional.pad(samples, (self.n_fft // 2, self.n_fft // 2 + -samples.shape[-1] % self.hop))
        spectra = torch.stft(padded, self.n_fft, self.hop, window=self.window, center=False, return_complex=True)
        return spectra.transpose(1, 2) * self.scale

    def inverse(self, spectra: Tensor, num_samples: int) -> Tensor:
        """Converts ``(batch, frames, bins)`` to ``(batch, num_samples)``."""
        frames = torch.fft.irfft(spectra / self.scale, self.n_fft) * self.window
        windows = self.window.square().expand(1, frames.shape[1], -1)
        covered = slice(self.n_fft // 2, self.n_fft // 2 + num_samples)
        return self._added(frames)[:, covered] / self._added(windows)[:, covered]

    def _added(self, frames: Tensor) -> Tensor:
        """Overlapping frames of shape ``(batch, frames, n_fft)`` added up."""
        length = (frames.shape[1] - 1) * self.hop + self.n_fft
        columns = frames.transpose(1, 2)
        return functional.fold(columns, (1, length), (1, self.n_fft), stride=(1, self.hop))[:, 0, 0]


def compress(spectra: Tensor, exponent: float) -> Tensor:
    """Complex spectra with magnitudes to the power of ``exponent``, as pairs: shape ``(..., bins, 2)``."""
    magnitudes = spectra.abs().clamp(min=_FLOOR)
    return torch.view_as_real(spectra * magnitudes.pow(exponent - 1))


def expand(pairs: Tensor, exponent: float) -> Tensor:
    """The inverse of :func:`compress`."""
    spectra = torch.view_as_complex(full_precision(pairs).contiguous())
    return spectra * (spectra.abs() + _FLOOR).pow(1 / exponent - 1)


def full_precision(x: Tensor) -> Tensor:
    """Values as complex numbers can be made of: of 32 bits where autocast left 16."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def frame_level(spectra: Tensor) -> Tensor:
    """Root mean square over bins, averaged over the frames around: shape ``(batch, frames, 1)``, above 0.

    It makes networks indifferent to gain. It looks a fixed number of frames ahead and back, so that what a frame
    becomes depends on its surroundings alone.
    """
    power = spectra.real.square().add(spectra.imag.square()).mean(dim=2)[:, None]
    width = 2 * LEVEL_RADIUS + 1
    mean = functional.avg_pool1d(power, width, 1, LEVEL_RADIUS)
    return mean[:, 0, :, None].sqrt() + _FLOOR


def smoothed(magnitudes: Tensor) -> Tensor:
    """Mean over neighbouring bins, shape ``(batch, frames, bins)``."""
    half = _SMOOTHING_BINS // 2
    mean: Tensor = functional.avg_pool1d(magnitudes, _SMOOTHING_BINS, 1, half, count_include_pad=False)
    return mean


def replicate(spectra: Tensor, cutoff_bins: Tensor) -> Tensor:
    """The upper half of what lies below the cutoff, repeated above it, with its level taken out.

    Args:
        spectra: shape ``(batch, frames, bins)``, complex.
        cutoff_bins: shape ``(batch,)``.
    """
    num_bins = spectra.shape[2]
    bins = torch.arange(num_bins, device=spectra.device)
    cut = (cutoff_bins[:, None].long() - 1).clamp(2 * _PATCH_BINS, num_bins)
    patch = (cut // 2) // _PATCH_BINS * _PATCH_BINS
    source = torch.where(bins >= cut, cut - patch + (bins - cut) % patch, bins)
    return torch.take_along_dim(spectra / (smoothed(spectra.abs()) + 1e-7), source[:, None], dim=2)


def bounded_gains(x: Tensor) -> Tensor:
    """Gains of what a network says: 1 for 0, and at most 52 dB up or down."""
    gains: Tensor = (_MOST_NEPERS * torch.tanh(x / _MOST_NEPERS)).exp()
    return gains


class ConvNextBlock(nn.Module):
    """Each channel over time, then all channels of a frame; added to the input.

    Source: Liu et al., "A ConvNet for the 2020s", 2022; for audio Siuzdak, "Vocos", 2023.
    """

    def __init__(self, channels: int, *, kernel_size: int = 7, dilation: int = 1, growth: int = 3) -> None:
        super().__init__()
        reach = (kernel_size - 1) // 2 * dilation
        self.depthwise = nn.Conv1d(channels, channels, kernel_size, padding=reach, dilation=dilation, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, growth * channels)
        self.narrow = nn.Linear(growth * channels, channels)
        self.scale = nn.Parameter(torch.full((channels,), 0.1))
        self.reach = reach

    def forward(self, x: Tensor) -> Tensor:
        """Shape ``(batch, frames, channels)`` in and out."""
        mixed = self.depthwise(x.transpose(1, 2)).transpose(1, 2)
        out: Tensor = x + self.scale * self.narrow(functional.gelu(self.widen(self.norm(mixed))))
        return out


class BandSplit(nn.Module):
    """Features of each band of bins, each band with weights of its own.

    Source: Luo and Yu, "Music source separation with band-split RNN", 2023.
    """

    def __init__(self, num_bins: int, num_bands: int, features_per_bin: int, channels: int) -> None:
        super().__init__()
        width = -(-num_bins // num_bands)
        self.num_bands, self.pad = num_bands, width * num_bands - num_bins
        fan_in = width * features_per_bin
        self.weight = nn.Parameter(torch.randn(num_bands, fan_in, channels) / math.sqrt(fan_in))
        self.bias = nn.Parameter(torch.zeros(num_bands, 1, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Converts ``(batch, frames, bins, features)`` to ``(batch, frames, bands * channels)``."""
        batch, frames = x.shape[:2]
        padded = functional.pad(x, (0, 0, 0, self.pad))
        bands = padded.reshape(batch * frames, self.num_bands, -1).transpose(0, 1)
        split = torch.baddbmm(self.bias, bands, self.weight)  # (bands, batch * frames, channels)
        return split.transpose(0, 1).reshape(batch, frames, -1)


class FrameUNet(nn.Module):
    """Residual blocks at falling and then rising frame rates, with connections across, told a noise level.

    ::

        frames       in ── block ─────────────────────── block ── out
        frames / 2           └── block ─────── block ──┘
        frames / 4                   └─ block ─┘

    Source: Ronneberger, Fischer and Brox, "U-Net", 2015; with the time of a diffusion as in Ho, Jain and Abbeel,
    "Denoising diffusion probabilistic models", 2020.
    """

    def __init__(self, inputs: int, outputs: int, channels: int, *, levels: int = 2, blocks: int = 2) -> None:
        super().__init__()
        self.levels, self.blocks = levels, blocks
        self.into = nn.Linear(inputs, channels)
        self.time = nn.Sequential(nn.Linear(64, channels), nn.SiLU(), nn.Linear(channels, channels))
        count = 2 * levels + 1
        self.stages = nn.ModuleList(nn.ModuleList(ConvNextBlock(channels) for _ in range(blocks)) for _ in range(count))
        self.shifts = nn.ModuleList(nn.Linear(channels, channels) for _ in range(count))
        self.down = nn.ModuleList(nn.Conv1d(channels, channels, 2, stride=2) for _ in range(levels))
        self.up = nn.ModuleList(nn.ConvTranspose1d(channels, channels, 2, stride=2) for _ in range(levels))
        self.join = nn.ModuleList(nn.Linear(2 * channels, channels) for _ in range(levels))
        self.norm = nn.LayerNorm(channels)
        self.out = nn.Linear(channels, outputs)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    @property
    def granularity(self) -> int:
        """Frames must be a multiple of this many."""
        return int(2**self.levels)

    @property
    def reach(self) -> int:
        """Frames to both sides that a frame may depend on."""
        stage = 3 * self.blocks  # frames of its own rate
        sides = sum(2 * stage << level for level in range(self.levels))
        return sides + stage * self.granularity + self.granularity

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """Converts ``(batch, frames, inputs)`` at times ``(batch,)`` from 0 to 1 to ``(batch, frames, outputs)``."""
        octaves = torch.exp(torch.linspace(0, math.log(1000.0), 32, device=x.device))
        angles = time[:, None] * octaves
        told = self.time(torch.cat([angles.sin(), angles.cos()], dim=1))
        x = self.into(x)
        across = []
        for level in range(self.levels):
            x = self._stage(level, x, told)
            across.append(x)
            x = self.down[level](x.transpose(1, 2)).transpose(1, 2)
        x = self._stage(self.levels, x, told)
        for level in reversed(range(self.levels)):
            x = self.up[level](x.transpose(1, 2)).transpose(1, 2)
            x = self.join[level](torch.cat([x, across[level]], dim=2))
            x = self._stage(2 * self.levels - level, x, told)
        out: Tensor = self.out(self.norm(x))
        return out

    def _stage(self, index: int, x: Tensor, told: Tensor) -> Tensor:
        x = x + self.shifts[index](told)[:, None]
        blocks = self.stages[index]
        assert isinstance(blocks, nn.ModuleList)
        for block in blocks:
            x = block(x)
        return x
