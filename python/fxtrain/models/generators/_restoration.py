# SPDX-License-Identifier: MIT
"""What models that undo lossy coding have in common: spectra, masks, losses, and how close they come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import torch
from torch import Tensor

from fxtrain.data.codec_pairs import CodecBatch, CodecPairs
from fxtrain.models.generators._spectral import LEVEL_RADIUS, Spectra, compress
from fxtrain.training.protocol import StepContext, Trainable

__all__ = ["RestorationModel", "Restored", "Told", "high_band_distance", "spectral_error"]

Told = tuple[Tensor, ...]
"""A model's analysis of the damaged sound: a named tuple of tensors whose dimension 1 is time."""

_FLOOR_DB = -90.0  # of a bin relative to a sine of full scale: what is softer is not heard and does not count
_EXPONENT = 0.3  # of magnitudes, where spectra are compared as pairs


@dataclass(frozen=True)
class Restored:
    """What a model adds to damaged sound.

    Attributes:
        high: above the cutoff, shape ``(batch, frames)``.
        low: below it.
    """

    high: Tensor
    low: Tensor


class RestorationModel(Trainable):
    """What the three have in common: spectra, the mean profile of clean sound, and how close they come.

    A model works in four parts: :meth:`tell` analyses the damaged sound, :meth:`begin` makes a state of noise,
    :meth:`advance` changes that state in one or more passes, and :meth:`finish` turns it into sound. Each part depends
    on a fixed number of frames to either side, so a recording of any length can be processed in windows with the same
    result as in one piece. A frame is one spectrum; states and analyses have :attr:`rows_per_frame` rows per frame.
    """

    task = "restoration"
    formats: ClassVar[tuple[str, ...]] = ()
    profile: Tensor

    def __init__(self, n_fft: int, hop: int, sample_rate: int, profile: Sequence[float]) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.spectra = Spectra(n_fft, hop)
        # Natural logarithm of clean magnitudes relative to the level of their frame, by bin.
        self.register_buffer("profile", torch.tensor(profile))
        if self.profile.shape != (self.spectra.num_bins,):
            raise ValueError(f"a profile of {len(profile)} bins does not fit an FFT of {n_fft}")

    @classmethod
    def get_provider(cls) -> type[CodecPairs]:
        """Codec pairs."""
        return CodecPairs

    @property
    def corrects_lows(self) -> bool:
        """Whether :attr:`Restored.low` is more than silence."""
        return True

    @property
    def reach_frames(self) -> int:
        """Frames to both sides that a pass looks at."""
        raise NotImplementedError

    @property
    def look_frames(self) -> int:
        """Frames to both sides of the sound that :meth:`tell` and :meth:`begin` look at."""
        return LEVEL_RADIUS + 2 * self.overlap_frames

    @property
    def overlap_frames(self) -> int:
        """Frames to both sides that :meth:`finish` looks at."""
        return self.spectra.n_fft // self.spectra.hop

    @property
    def granularity(self) -> int:
        """A window begins at a multiple of this many frames."""
        return 1

    @property
    def rows_per_frame(self) -> Fraction:
        """Rows of a state for each frame."""
        return Fraction(1)

    def noise(self, batch: int, frames: int, generator: torch.Generator) -> Tensor:
        """White noise of unit power for so many spectra, shape ``(batch, frames, bins, 2)``, on the model's device."""
        drawn = torch.randn(batch, frames, self.spectra.num_bins, 2, generator=generator, device=generator.device)
        return drawn.to(self.device)

    def tell(self, damaged: Tensor, cutoff_hz: Tensor) -> Told:
        """Analyses damaged sound of shape ``(batch, samples)`` with cutoffs ``(batch,)`` for the passes."""
        raise NotImplementedError

    def begin(self, noise: Tensor, num_samples: int) -> Tensor:
        """The first state: shape ``(batch, rows, ...)``, of :meth:`noise` for so many samples."""
        raise NotImplementedError

    def num_passes(self, steps: int | None) -> int:
        """Number of passes: for a diffusion ``steps``, or the number in its configuration."""
        return 1

    def advance(self, state: Tensor, told: Told, cutoff_hz: Tensor, number: int, num_passes: int) -> Tensor:
        """The state after pass ``number``, counted from 0, of the shape of the one before."""
        raise NotImplementedError

    def finish(self, state: Tensor, told: Told, cutoff_hz: Tensor, num_samples: int) -> Restored:
        """The sound of the last state."""
        raise NotImplementedError

    def complete(self, damaged: Tensor, cutoff_hz: Tensor, noise: Tensor, *, steps: int | None = None) -> Restored:
        """What belongs above the cutoff, and what to correct below.

        Args:
            damaged: shape ``(batch, samples)``.
            cutoff_hz: shape ``(batch,)``.
            noise: for so many spectra as :class:`Spectra` makes, as :meth:`noise` draws it.
            steps: of a diffusion; others pay no heed.
        """
        num_samples = damaged.shape[1]
        told = self.tell(damaged, cutoff_hz)
        state = self.begin(noise, num_samples)
        num_passes = self.num_passes(steps)
        for number in range(num_passes):
            state = self.advance(state, told, cutoff_hz, number, num_passes)
        return self.finish(state, told, cutoff_hz, num_samples)

    def above(self, cutoff_hz: Tensor) -> Tensor:
        """1 for bins above the cutoff, 0 below, a ramp of a few bins between; shape ``(batch, 1, bins)``."""
        bins = torch.arange(self.spectra.num_bins, device=cutoff_hz.device)
        place = cutoff_hz[:, None] * (self.spectra.n_fft / self.sample_rate)
        return ((bins - place + 2) / 3).clamp(0, 1)[:, None]

    def noise_for(self, batch: CodecBatch, context: StepContext) -> Tensor:
        """The noise of a step."""
        return self.noise(len(batch.clean), self.spectra.num_frames(batch.clean.shape[1]), context.generator)

    def validate(self, batch: CodecBatch, context: StepContext) -> dict[str, tuple[float, float]]:
        """Log-spectral distance above the cutoff in dB, and squared error relative to the clean sound's energy."""
        restored = self.complete(batch.damaged, batch.cutoff_hz, self.noise_for(batch, context))
        made = batch.damaged + restored.high
        mask = self.above(batch.cutoff_hz)
        floor = 10 ** (_FLOOR_DB / 20) * self.spectra.sine_magnitude
        one, other = (20 * self.spectra(x).abs().clamp(min=floor).log10() for x in (made, batch.clean))
        counted = mask.sum(dim=2).clamp(min=1e-6)
        distances = ((one - other).square() * mask).sum(dim=2).div(counted).sqrt().mean(dim=1)
        has_highs = (mask.sum(dim=(1, 2)) > 4).float()
        error = (made - batch.clean).square().sum()
        return {
            "lsd": (float((distances * has_highs).sum()), float(has_highs.sum().clamp(min=1e-9))),
            "error": (float(error), float(batch.clean.square().sum()) + 1e-9),
        }


def high_band_distance(made: Tensor, clean: Tensor, cutoff_hz: Tensor, sample_rate: float) -> Tensor:
    """Mean absolute difference of log magnitudes above the cutoff, over three resolutions, in nepers."""
    distances = []
    for n_fft in (512, 1024, 2048):
        window = torch.hann_window(n_fft, device=made.device)
        floor = 10 ** (_FLOOR_DB / 20) * n_fft / 4
        spectra = [torch.stft(x, n_fft, n_fft // 4, window=window, return_complex=True) for x in (made, clean)]
        logs = [(each.abs() + floor).log() for each in spectra]
        bins = torch.arange(n_fft // 2 + 1, device=made.device)
        mask = (bins > cutoff_hz[:, None] * (n_fft / sample_rate)).float()[:, :, None]
        distances.append(((logs[0] - logs[1]).abs() * mask).sum() / (mask.sum() * logs[0].shape[2] + 1.0))
    return torch.stack(distances).mean()


def spectral_error(made: Tensor, clean: Tensor) -> Tensor:
    """Mean absolute difference of compressed complex spectra, relative to that of silence."""
    window = torch.hann_window(1024, device=made.device)
    spectra = [compress(torch.stft(x, 1024, 256, window=window, return_complex=True), _EXPONENT) for x in (made, clean)]
    distance, size = (spectra[0] - spectra[1]).abs().mean(), spectra[1].abs().mean()
    return distance / (size + 1e-6)
