# SPDX-License-Identifier: MIT
"""How close restored sound comes to what it was before a codec."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from fxtrain.metrics.effects import multi_resolution_stft_distance
from fxtrain.metrics.spectral import log_spectral_distance

__all__ = ["FLOOR_DB", "RestorationFigures", "mean_figures", "measure_restoration"]

Samples = NDArray[np.floating[Any]]

FLOOR_DB = -90.0
"""Level below which a bin counts as silent in spectral distances, relative to a sine of full scale."""

_SILENT_DB = -60.0  # of a stretch of 20 ms of the clean sound: what is added there is noise
_GUARD_HZ = 300.0  # on both sides of the cutoff, where a codec fades out
_GREATEST_DB = 120.0


@dataclass(frozen=True)
class RestorationFigures:
    """Figures of one restored excerpt.

    Attributes:
        lsd_above_cutoff: log-spectral distance in dB, with a floor of :data:`FLOOR_DB`; None where nothing is above.
        lsd_below_cutoff: the same below.
        low_band_snr_db: energy of the clean sound below the cutoff relative to that of the error there.
        high_energy_db: energy above the cutoff relative to the clean sound's; None where it has none there.
        squared_error: energy of the error relative to that of the clean sound.
        mr_stft: multi-resolution STFT distance.
        silence_db: RMS of the sound where the clean one is below -60 dB; None where it never is.
    """

    lsd_above_cutoff: float | None
    lsd_below_cutoff: float
    low_band_snr_db: float
    high_energy_db: float | None
    squared_error: float
    mr_stft: float
    silence_db: float | None


def measure_restoration(sound: Samples, clean: Samples, sample_rate: float, cutoff_hz: float) -> RestorationFigures:
    """Compares two recordings of shape ``(channels, frames)``; figures are means over the channels."""
    return mean_figures([_of_channel(x, y, sample_rate, cutoff_hz) for x, y in zip(sound, clean, strict=True)])


def mean_figures(figures: Sequence[RestorationFigures]) -> RestorationFigures:
    """The mean of each figure, over those that have it."""
    rows = [asdict(each) for each in figures]
    means = {}
    for name in rows[0]:
        values = [row[name] for row in rows if row[name] is not None]
        means[name] = float(np.mean(values)) if values else None
    return RestorationFigures(**means)  # type: ignore[arg-type]


def _of_channel(sound: Samples, clean: Samples, sample_rate: float, cutoff_hz: float) -> RestorationFigures:
    sound, clean = np.asarray(sound, dtype=np.float64), np.asarray(clean, dtype=np.float64)
    nyquist = sample_rate / 2
    above = cutoff_hz + _GUARD_HZ
    has_highs = above < 0.95 * nyquist
    low = [_band(x, sample_rate, 0.0, cutoff_hz - _GUARD_HZ) for x in (sound, clean)]
    energies = [np.square(_band(x, sample_rate, above, nyquist)).sum() for x in (sound, clean)] if has_highs else []
    error = sound - clean
    energy = np.square(clean).sum() + 1e-20

    def distance(lowest: float, highest: float) -> float:
        return log_spectral_distance(sound, clean, sample_rate, lowest_hz=lowest, highest_hz=highest, floor_db=FLOOR_DB)

    width = max(1, round(0.02 * sample_rate))
    count = len(clean) // width
    levels = [np.square(x[: count * width]).reshape(count, width).mean(axis=1) for x in (clean, sound)]
    silent = levels[0] < 10 ** (_SILENT_DB / 10)
    return RestorationFigures(
        lsd_above_cutoff=distance(above, nyquist) if has_highs else None,
        lsd_below_cutoff=distance(0.0, cutoff_hz - _GUARD_HZ),
        low_band_snr_db=_ratio_db(np.square(low[1]).sum(), np.square(low[0] - low[1]).sum()),
        high_energy_db=_ratio_db(*energies) if energies and energies[1] > 1e-12 * energy else None,
        squared_error=float(np.square(error).sum() / energy),
        mr_stft=multi_resolution_stft_distance(sound, clean),
        silence_db=10 * float(np.log10(levels[1][silent].mean() + 1e-20)) if silent.any() else None,
    )


def _ratio_db(one: float, other: float) -> float:
    ratio = 10 * np.log10((one + 1e-20) / (other + 1e-20))
    return float(np.clip(ratio, -_GREATEST_DB, _GREATEST_DB))


def _band(x: Samples, sample_rate: float, lowest_hz: float, highest_hz: float) -> NDArray[np.float64]:
    """The part of a signal between two frequencies."""
    spectrum = scipy.fft.rfft(x)
    hz = np.arange(len(spectrum)) * (sample_rate / len(x))
    return np.asarray(scipy.fft.irfft(spectrum * ((hz >= lowest_hz) & (hz <= highest_hz)), len(x)))
