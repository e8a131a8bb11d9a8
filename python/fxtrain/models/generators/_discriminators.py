# SPDX-License-Identifier: MIT
"""Networks that tell real sound from made sound."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from fxtrain.training.protocol import Frozen

__all__ = ["PeriodDiscriminator", "ProjectedDiscriminator", "ScaleDiscriminator", "SpectralDiscriminator"]

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


class ProjectedDiscriminator(nn.Module):
    """Judges what a frozen network hears, mixed at random across channels and scales; only four small heads learn.

    ::

        frozen network:   states 1    states 2    states 3    states 4
        scale             1           1/2         1/4         1/8      (mean of neighbours)
        across channels   1 x 1       1 x 1       1 x 1       1 x 1    (random, fixed)
        across scales     <--- 3 <--- 3 <-------- 3 <-------- (random, fixed, from coarse to fine)
        heads             scores      scores      scores      scores

    The network hears the samples as if they were at its own rate: at 44.1 kHz, 2.8 times too slow. So all highs lie
    within what it hears.

    Source: Sauer et al., "Projected GANs converge faster", 2021; for music Yeh et al., "Exploiting pre-trained feature
    networks for generative adversarial networks in audio-domain loop generation", 2022, with 64 channels as there.
    """

    def __init__(self, states: Callable[[Tensor], list[Tensor]], width: int, *, channels: int = 64) -> None:
        super().__init__()
        # States of shape (batch, frames, width), of which the last four are used.
        self._states = states
        self.across_channels = nn.ModuleList(nn.Conv1d(width, channels, 1) for _ in range(4))
        self.across_scales = nn.ModuleList(nn.Conv1d(channels, channels, 3, padding=1) for _ in range(3))
        for mixer in (*self.across_channels, *self.across_scales):
            mixer.requires_grad_(False)
        self.heads = nn.ModuleList(
            nn.ModuleList([nn.Conv1d(channels, channels, 3, padding=1), nn.Conv1d(channels, 1, 1)]) for _ in range(4)
        )

    @classmethod
    def on_whisper(cls, *, channels: int = 64) -> ProjectedDiscriminator:
        """On the encoder of Whisper tiny.en, out of its package.

        Raises:
            InputError: the package was not fetched.
        """
        from fxtrain.models.generators._whisper import HOP, packaged_whisper

        encoder, _ = packaged_whisper()
        frozen = Frozen(encoder)

        def states(sound: Tensor) -> list[Tensor]:
            frozen.to(sound.device)
            whole = functional.pad(sound, (0, -sound.shape[1] % HOP))
            return [state for state in frozen(whole)][1:]

        return cls(states, encoder.width, channels=channels)

    def forward(self, sound: Tensor) -> list[Tensor]:
        """Scores of each head for signals of shape ``(batch, samples)``."""
        scales = []
        for index, state in enumerate(self._states(sound)[-4:]):
            x = state.transpose(1, 2)
            if index:
                x = functional.avg_pool1d(x, 2**index, ceil_mode=True)
            scales.append(self.across_channels[index](x))
        mixed = [scales[3]]
        for index in (2, 1, 0):
            finer = functional.interpolate(mixed[0], scales[index].shape[2])
            mixed.insert(0, scales[index] + self.across_scales[index](finer))
        scores = []
        for x, head in zip(mixed, self.heads, strict=True):
            assert isinstance(head, nn.ModuleList)
            hidden, out = head
            scores.append(out(functional.leaky_relu(hidden(x), _SLOPE)))
        return scores


class PeriodDiscriminator(nn.Module):
    """Judges samples that are ``period`` apart, side by side: ``(batch, samples)`` becomes rows of ``period``.

    Source: Kong, Kim and Bae, "HiFi-GAN", 2020, section 2.3: five of them, with the periods 2, 3, 5, 7 and 11.
    """

    def __init__(self, period: int, channels: int = 32) -> None:
        super().__init__()
        self.period = period
        widths = (1, channels, 4 * channels, 16 * channels, 32 * channels)
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(before, after, (5, 1), stride=(3, 1), padding=(2, 0)))
            for before, after in pairwise(widths)
        )
        self.layers.append(weight_norm(nn.Conv2d(widths[-1], widths[-1], (5, 1), padding=(2, 0))))
        self.score = weight_norm(nn.Conv2d(widths[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, sound: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Scores, and the output of each layer."""
        whole = functional.pad(sound[:, None], (0, -sound.shape[1] % self.period), mode="reflect")
        x = whole.reshape(len(sound), 1, -1, self.period)
        features = []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), 0.1)
            features.append(x)
        return self.score(x), features


class ScaleDiscriminator(nn.Module):
    """Judges the waveform averaged over ``scale`` samples.

    Source: Kumar et al., "MelGAN", 2019, section 2.2, in the sizes of HiFi-GAN: three of them, with the scales 1, 2
    and 4.
    """

    def __init__(self, scale: int, channels: int = 128) -> None:
        super().__init__()
        self.scale = scale
        sizes = (  # channels, kernel size, stride, groups
            (channels, 15, 1, 1),
            (channels, 41, 2, 4),
            (2 * channels, 41, 2, 16),
            (4 * channels, 41, 4, 16),
            (8 * channels, 41, 4, 16),
            (8 * channels, 41, 1, 16),
            (8 * channels, 5, 1, 1),
        )
        self.layers = nn.ModuleList()
        before = 1
        for after, kernel_size, stride, groups in sizes:
            groups = min(groups, before)
            convolution = nn.Conv1d(before, after, kernel_size, stride, kernel_size // 2, groups=groups)
            self.layers.append(weight_norm(convolution))
            before = after
        self.score = weight_norm(nn.Conv1d(before, 1, 3, padding=1))

    def forward(self, sound: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Scores, and the output of each layer, for signals of shape ``(batch, samples)``."""
        x = sound[:, None]
        if self.scale > 1:
            x = functional.avg_pool1d(x, 2 * self.scale, self.scale, self.scale)
        features = []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), 0.1)
            features.append(x)
        return self.score(x), features
