# SPDX-License-Identifier: MIT
"""Remedies against lossy coding that need no training: what a restoration model has to beat."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fxtrain.models.generators._spectral import Spectra, frame_level

__all__ = ["REMEDIES", "Remedies"]

Samples = NDArray[np.float32]

_FALL_DB_PER_OCTAVE = 9.0  # of replicated bands: that of much music above 4 kHz
_ONSET_DB = 6.0
_LAG_SECONDS = 0.001


class Remedies:
    """Classic remedies for one recording.

    Args:
        sample_rate: in Hz.
        cutoff_hz: where its highs end.
        profile: natural logarithm of clean magnitudes relative to the level of their frame, by bin; measured on the
            training recordings.
        n_fft: of the profile.
        seed: of the noise.
    """

    def __init__(
        self, sample_rate: float, cutoff_hz: float, profile: Sequence[float], *, n_fft: int, seed: int = 0
    ) -> None:
        self.sample_rate, self.cutoff_hz, self.seed = sample_rate, cutoff_hz, seed
        self.spectra = Spectra(n_fft, n_fft // 4)
        # Noise of unit power has magnitudes whose logarithm is -0.29 on average.
        self.profile = (torch.tensor(profile) + 0.288).exp()
        self.bins = torch.arange(self.spectra.num_bins)
        self.cut = int(min(self.spectra.num_bins, max(16, round(cutoff_hz * n_fft / sample_rate) - 1)))

    def mean_envelope(self, damaged: Samples) -> Samples:
        """Noise above the cutoff, as loud in each band as clean recordings are on average."""
        x = self._spectra(damaged)
        drawn = np.random.default_rng(self.seed).standard_normal((*x.shape, 2), dtype=np.float32)
        noise = torch.view_as_complex(torch.from_numpy(drawn)) * 0.7071068
        return self._added(damaged, noise * self.profile * frame_level(x))

    def band_replication(self, damaged: Samples) -> Samples:
        """The upper half of what is left, repeated above it and falling.

        Source: Dietz et al., "Spectral band replication, a novel approach in audio coding", 2002, without the envelope
        that an encoder would have sent.
        """
        x = self._spectra(damaged)
        patch = max(4, (self.cut // 2) // 4 * 4)
        source = torch.where(self.bins >= self.cut, self.cut - patch + (self.bins - self.cut) % patch, self.bins)
        octaves = torch.log2(self.bins.clamp(min=1) / source.clamp(min=1))
        return self._added(damaged, x[:, :, source] * 10 ** (-_FALL_DB_PER_OCTAVE * octaves / 20))

    def makeup_gain(self, damaged: Samples) -> Samples:
        """Louder by the energy that clean recordings have above the cutoff on average."""
        power = self.profile.square()
        kept = float(power[: self.cut].sum() / power.sum())
        return np.asarray(damaged / np.sqrt(max(kept, 0.25)), dtype=np.float32)

    def phase_alignment(self, damaged: Samples) -> Samples:
        """Two channels shifted against each other until they agree best, up to a millisecond."""
        if len(damaged) != 2:
            return damaged
        from fxtrain.audio.codecs import lag_of

        lag = lag_of(damaged[1], damaged[0], greatest=max(1, round(_LAG_SECONDS * self.sample_rate)))
        return np.stack([damaged[0], np.roll(damaged[1], -lag)])

    def transient_restoration(self, damaged: Samples) -> Samples:
        """Onsets made louder: frames that are louder than those before, by half the difference, 6 dB at most."""
        x = self._spectra(damaged)
        level = 20 * torch.log10(x.abs().square().mean(dim=2, keepdim=True).sqrt() + 1e-7)
        before = torch.nn.functional.pad(level, (0, 0, 2, 0))[:, :-2]
        boost = ((level - before) / 2).clamp(0, _ONSET_DB)
        boost[:, :2] = 0
        return self._wave(x * 10 ** (boost / 20), damaged.shape[1])

    def _spectra(self, damaged: Samples) -> Tensor:
        spectra: Tensor = self.spectra(torch.from_numpy(np.ascontiguousarray(damaged)))
        return spectra

    def _wave(self, spectra: Tensor, num_frames: int) -> Samples:
        return np.asarray(self.spectra.inverse(spectra, num_frames).numpy())

    def _added(self, damaged: Samples, high: Tensor) -> Samples:
        return damaged + self._wave(high * (self.bins >= self.cut), damaged.shape[1])


REMEDIES: Mapping[str, Callable[[Remedies, Samples], Samples]] = {
    "mean_envelope": Remedies.mean_envelope,
    "band_replication": Remedies.band_replication,
    "makeup_gain": Remedies.makeup_gain,
    "phase_alignment": Remedies.phase_alignment,
    "transient_restoration": Remedies.transient_restoration,
}
"""All of them, by the names that ``metrics.json`` uses."""
