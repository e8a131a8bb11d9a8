# SPDX-License-Identifier: MIT
"""How far a prediction is from its target, in float64.

All functions take mono signals of shape ``(frames,)``, full scale 1, already aligned to each other, and an optional
mask of the frames to score. State and filters run over all frames; the mask only decides which of them count.

Signals of float32 are widened piece by piece: a long recording, copied whole to float64 a few times, would take more
memory than training does.

A recording may consist of clips joined end to end, as measured circuits and simulators deliver them. Memory across a
join is wrong, so a model is reset there and the first frames of each clip are left out::

    clip_frames = 8, skip_frames = 3        . left out   # scored
    frame   0       8       16    20
            ...#####...#####...#
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import signal as scipy_signal

from fxtrain.audio.decibels import DECIBEL_FLOOR, amplitude_to_db, power_to_db
from fxtrain.audio.weighting import a_weighting_db

__all__ = [
    "Band",
    "ErrorOverTime",
    "Signal",
    "average_power_spectra",
    "band_esr",
    "error_over_time",
    "esr",
    "loudness_lufs",
    "measure",
    "multi_resolution_stft_distance",
    "scored_runs",
]

Vector: TypeAlias = NDArray[np.float64]
Signal: TypeAlias = NDArray[np.floating[Any]]
Mask: TypeAlias = NDArray[np.bool_]

_BLOCK_FRAMES = 1 << 20

PRE_EMPHASIS = 0.85
"""Coefficient of the first-order high-pass ``1 - 0.85 z^-1`` of Wright and Välimäki (2020)."""

STFT_SIZES = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))
"""(FFT size, hop, window) of Yamamoto, Song and Kim, "Parallel WaveGAN", 2020; the defaults of ``auraloss`` too."""

BAND_FLOOR_DB = -80.0
"""A band in which the target has less than this share of its energy holds noise, and gets no ESR."""


def scored_runs(mask: Mask) -> list[tuple[int, int]]:
    """Start and end (exclusive) of each unbroken run of true in ``mask``.

    >>> scored_runs(np.array([False, True, True, False, True]))
    [(1, 3), (4, 5)]
    """
    if not len(mask):
        return []
    edges = (np.flatnonzero(mask[1:] != mask[:-1]) + 1).tolist()
    edges = [0] * bool(mask[0]) + edges + [len(mask)] * bool(mask[-1])
    return list(zip(edges[::2], edges[1::2], strict=True))


def esr(prediction: ArrayLike, target: ArrayLike, *, mask: Mask | None = None) -> float:
    """Energy of the error relative to the energy of the target: no pre-emphasis, no gain fit.

    Returns:
        0 is exact, 1 is no better than silence. Where the target is silent: 0 for a silent error, else infinity.

    Source: Wright and Välimäki, "Perceptual loss function for neural modelling of audio systems", 2020.

    >>> esr([0.5, 0.0], [1.0, 0.0])
    0.25
    """
    prediction, target, scored = _prepare(prediction, target, mask)
    error = energy = 0.0
    for p, t in _scored_blocks(prediction, target, scored):
        error += _energy(p - t)
        energy += _energy(t)
    return _ratio(error, energy)


def _prepare(prediction: ArrayLike, target: ArrayLike, mask: Mask | None) -> tuple[Signal, Signal, Mask]:
    prediction, target = _as_signal(prediction), _as_signal(target)
    if prediction.ndim != 1 or prediction.shape != target.shape:
        raise ValueError(
            f"prediction has shape {prediction.shape} and target {target.shape}, expected (frames,) for both"
        )
    if mask is None:
        return prediction, target, np.ones(target.shape, dtype=np.bool_)
    if mask.shape != target.shape:
        raise ValueError(f"mask has shape {mask.shape}, expected that of the target, {target.shape}")
    return prediction, target, mask


def _as_signal(x: ArrayLike) -> Signal:
    """An array of float32 as it is, all else as float64."""
    x = np.asarray(x)
    return x if x.dtype == np.float32 else x.astype(np.float64, copy=False)


def _wide(x: Signal) -> Vector:
    return x.astype(np.float64, copy=False)


def _scored_blocks(prediction: Signal, target: Signal, scored: Mask) -> Iterator[tuple[Vector, Vector]]:
    """The frames that count, in float64, block by block."""
    for start in range(0, len(target), _BLOCK_FRAMES):
        block = slice(start, start + _BLOCK_FRAMES)
        chosen = scored[block]
        if chosen.any():
            yield _wide(prediction[block][chosen]), _wide(target[block][chosen])


def _energy(x: Vector) -> float:
    return float(np.dot(x, x))


def _ratio(error: float, reference: float) -> float:
    if reference > 0.0:
        return error / reference
    return 0.0 if error == 0.0 else math.inf


# Spectra


def average_power_spectra(
    signals: Sequence[Signal], sample_rate: float, *, mask: Mask | None = None
) -> tuple[Vector, list[Vector]]:
    """Mean power spectra of signals that share one mask (Welch's method, Hann windows, 75 % overlap).

    Only windows that lie wholly inside a run of scored frames are used, so that neither a join between clips nor the
    ends of the recording leak into the spectrum. A run shorter than the window is taken whole, under a shorter window.

    Args:
        signals: each of shape ``(frames,)``.
        sample_rate: in Hz.
        mask: frames to use.

    Returns:
        Frequencies in Hz, and per signal the mean square in each bin (one-sided: the sum over bins is the mean square
        of a stationary signal).

    Source: P. Welch, "The use of fast Fourier transform for the estimation of power spectra", 1967.
    """
    frames = len(signals[0])
    runs = scored_runs(np.ones(frames, dtype=np.bool_) if mask is None else mask)
    longest = max((end - start for start, end in runs), default=1)
    # About a fifth of a second, but at least two to the longest run.
    size = 2 ** math.floor(math.log2(max(min(0.2 * sample_rate, longest / 2), 64)))
    totals = [np.zeros(size // 2 + 1) for _ in signals]
    weight = 0.0
    for start, end in runs:
        width = min(size, end - start)
        window = scipy_signal.windows.hann(width, sym=False) if width > 3 else np.ones(width)
        starts = np.arange(start, end - width + 1, max(width // 4, 1))
        for some in np.array_split(starts, math.ceil(len(starts) / 256)):
            index = some[:, None] + np.arange(width)  # (windows, frames)
            for total, x in zip(totals, signals, strict=True):
                total += np.sum(np.abs(np.fft.rfft(_wide(x[index]) * window, n=size)) ** 2, axis=0)
        weight += len(starts) * _energy(window)
    scale = np.full(size // 2 + 1, 2.0 / (size * max(weight, 1e-300)))
    scale[[0, -1]] /= 2.0
    hz = np.arange(size // 2 + 1) * (sample_rate / size)
    return hz, [total * scale for total in totals]


@dataclass(frozen=True)
class Band:
    """The error of one octave. ``esr`` is ``None`` where the target has nothing to compare with."""

    centre_hz: float
    low_hz: float
    high_hz: float
    esr: float | None
    target_share_db: float
    """Energy of the target in this band relative to its energy in all bands."""


def band_esr(
    prediction: ArrayLike,
    target: ArrayLike,
    sample_rate: float,
    *,
    mask: Mask | None = None,
    floor_db: float = BAND_FLOOR_DB,
) -> list[Band]:
    """ESR in octaves around 1 kHz: energy of the error in a band over energy of the target in it.

    The bands split the spectrum without gaps: the lowest reaches down to 0 Hz, and the highest, the last one with its
    centre below half the sample rate, up to there. Band edges are sharp and phase is untouched, since energies are
    summed over bins of the power spectrum.

    Args:
        prediction: shape ``(frames,)``.
        target: same shape.
        sample_rate: in Hz.
        mask: frames to score.
        floor_db: smallest share of the target's energy for which a band gets an ESR.
    """
    prediction, target, scored = _prepare(prediction, target, mask)
    error = prediction - target  # rounded once, in float32 too
    hz, (error_power, target_power) = average_power_spectra([error, target], sample_rate, mask=scored)
    return _bands(hz, error_power, target_power, sample_rate, floor_db)


def _bands(hz: Vector, error_power: Vector, target_power: Vector, sample_rate: float, floor_db: float) -> list[Band]:
    centres = [centre for k in range(-5, 6) if (centre := 1000.0 * 2.0**k) < sample_rate / 2]
    edges = [0.0, *(centre / math.sqrt(2.0) for centre in centres[1:]), sample_rate / 2]
    overall = float(target_power.sum())
    bands = []
    for centre, low, high in zip(centres, edges[:-1], edges[1:], strict=True):
        bins = (hz >= low) & (hz < high) if high < sample_rate / 2 else hz >= low
        share = float(target_power[bins].sum()) / overall if overall > 0.0 else 0.0
        audible = power_to_db(share) >= floor_db
        value = float(error_power[bins].sum() / target_power[bins].sum()) if audible else None
        bands.append(Band(centre, low, high, value, power_to_db(share)))
    return bands


# Time


@dataclass(frozen=True)
class ErrorOverTime:
    """Levels of target and error in successive windows; each array has shape ``(windows,)``."""

    seconds: Vector
    """Middle of each window."""
    target_db: Vector
    """Mean square of the target in dB relative to full scale; NaN in windows with no scored frame."""
    error_db: Vector
    """The same of the error."""
    esr: Vector
    """Their ratio; NaN where the target is more than 60 dB below its own mean."""


def error_over_time(
    prediction: ArrayLike,
    target: ArrayLike,
    sample_rate: float,
    *,
    mask: Mask | None = None,
    window_seconds: float = 0.1,
) -> ErrorOverTime:
    """Levels of target and error in windows that do not overlap; the last may be short."""
    prediction, target, scored = _prepare(prediction, target, mask)
    width = max(round(window_seconds * sample_rate), 1)
    starts = np.arange(0, len(target), width)

    count, target_power, error_power = (np.empty(len(starts)) for _ in range(3))
    together = max(_BLOCK_FRAMES // width, 1)
    for first in range(0, len(starts), together):
        some = slice(first, first + together)
        block = slice(first * width, (first + together) * width)
        p, t, mask = _wide(prediction[block]), _wide(target[block]), scored[block]
        for sums, x in ((count, 1.0), (target_power, t**2), (error_power, (p - t) ** 2)):
            sums[some] = np.add.reduceat(np.where(mask, x, 0.0), starts[some] - block.start)
    overall = float(target_power.sum()) / max(float(count.sum()), 1.0)
    empty = count == 0.0
    count[empty] = np.nan
    target_power /= count
    error_power /= count
    ratio = np.full(len(starts), np.nan)
    np.divide(error_power, target_power, out=ratio, where=(target_power > 1e-6 * overall) & ~empty)
    floor = 10.0 ** (DECIBEL_FLOOR / 10.0)
    ends = np.minimum(starts + width, len(target))
    return ErrorOverTime(
        seconds=(starts + ends) / (2.0 * sample_rate),
        target_db=10.0 * np.log10(np.maximum(target_power, floor)),
        error_db=10.0 * np.log10(np.maximum(error_power, floor)),
        esr=ratio,
    )


# Perception


def multi_resolution_stft_distance(prediction: ArrayLike, target: ArrayLike, *, mask: Mask | None = None) -> float:
    """Spectral convergence plus mean log-magnitude difference, averaged over three STFT resolutions.

    A prediction that is the target times g has distance ``|1 - g| + |ln g|``. Differs from ``auraloss`` in that no
    signal is invented by padding: windows lie wholly inside a run of scored frames. Runs shorter than the longest
    window do not count; NaN when none is left.

    Source: Yamamoto, Song and Kim, "Parallel WaveGAN", 2020.
    """
    prediction, target, scored = _prepare(prediction, target, mask)
    longest = max(window for _, _, window in STFT_SIZES)
    runs = [(start, end) for start, end in scored_runs(scored) if end - start >= longest]
    if not runs:
        return math.nan
    distances = []
    for size, hop, width in STFT_SIZES:
        window = scipy_signal.windows.hann(width, sym=False)
        difference = reference = log_difference = count = 0.0
        for index in _window_indices(runs, width, hop):
            p, t = (
                np.sqrt(np.maximum(np.abs(np.fft.rfft(_wide(x[index]) * window, n=size)) ** 2, 1e-8))
                for x in (prediction, target)
            )
            difference += float(np.sum((p - t) ** 2))
            reference += float(np.sum(t**2))
            log_difference += float(np.sum(np.abs(np.log(p / t))))
            count += p.size
        distances.append(math.sqrt(difference / reference) + log_difference / count)
    return sum(distances) / len(distances)


def _window_indices(runs: list[tuple[int, int]], width: int, hop: int) -> Iterator[NDArray[np.intp]]:
    """Frame numbers of windows inside runs, some hundred windows at a time, each of shape (windows, width)."""
    for start, end in runs:
        starts = np.arange(start, end - width + 1, hop)
        for some in np.array_split(starts, math.ceil(len(starts) / 1024)):
            yield some[:, None] + np.arange(width)


def loudness_lufs(x: ArrayLike, sample_rate: float, *, mask: Mask | None = None, absolute_gate: bool = True) -> float:
    """Integrated loudness of a mono signal, by pyloudnorm.

    Args:
        x: shape ``(frames,)``, full scale is 1.
        sample_rate: in Hz.
        mask: frames that count; they are joined. By default all.
        absolute_gate: whether blocks below -70 LUFS count as silence, as the standard has it. Without it the signal is
            measured at full scale, for sounds that are turned up.

    Returns:
        LUFS; minus infinity for silence. Less than 0.4 s count as one block.

    Source: ITU-R BS.1770-4, with the filters of De Man, "Evaluation of implementations of the EBU R128 loudness
    measurement", 2018, which are those of the standard at 48 kHz and hear the same at other rates.
    """
    from pyloudnorm import Meter

    samples = _as_signal(x)
    if mask is not None and not mask.all():
        samples = samples[mask]
    peak = float(max(np.max(samples, initial=0.0), -np.min(samples, initial=0.0)))
    if peak == 0.0:
        return -math.inf
    gain = 1.0 if absolute_gate else 1.0 / peak
    seconds = min(0.4, float(np.nextafter(len(samples) / sample_rate, 0.0)))
    scaled = samples if gain == 1.0 else gain * samples
    measured = Meter(sample_rate, "DeMan", block_size=seconds).integrated_loudness(scaled)
    return float(measured) - amplitude_to_db(gain)


# All at once


def measure(
    prediction: ArrayLike, target: ArrayLike, sample_rate: float, *, mask: Mask | None = None
) -> dict[str, Any]:
    """All metrics, ready for ``metrics.json``: what is not a finite number is ``None``.

    Keys: ``esr``, ``esr_db``, ``esr_pre_emphasis``, ``esr_a_weighted``, ``mr_stft``, ``loudness_difference_db``
    (positive: the prediction is louder), ``dc_difference``, ``peak_error``, ``target_rms_db``, ``scored_seconds``, and
    ``bands``, a list of :class:`Band` as mappings.
    """
    prediction, target, scored = _prepare(prediction, target, mask)
    if not scored.any():
        raise ValueError("no frame is scored, expected a mask with at least one true")
    value = esr(prediction, target, mask=scored)
    error = prediction - target  # rounded once, in float32 too
    hz, (error_power, target_power) = average_power_spectra([error, target], sample_rate, mask=scored)
    weights = 10.0 ** (a_weighting_db(hz) / 10.0)
    num_scored = np.count_nonzero(scored)
    error_energy = _emphasised_energy(error, scored)
    mean_error = float(np.mean(error, where=scored, dtype=np.float64))
    peak_error = float(max(np.max(error, where=scored, initial=0.0), -np.min(error, where=scored, initial=0.0)))
    del error  # as large as a signal
    result = {
        "esr": value,
        "esr_db": power_to_db(value),
        "esr_pre_emphasis": _ratio(error_energy, _emphasised_energy(target, scored)),
        "esr_a_weighted": _ratio(float(weights @ error_power), float(weights @ target_power)),
        "mr_stft": multi_resolution_stft_distance(prediction, target, mask=scored),
        "loudness_difference_db": loudness_lufs(prediction, sample_rate, mask=scored)
        - loudness_lufs(target, sample_rate, mask=scored),
        "dc_difference": mean_error,
        "peak_error": peak_error,
        "target_rms_db": power_to_db(sum(_energy(t) for _, t in _scored_blocks(target, target, scored)) / num_scored),
        "scored_seconds": num_scored / sample_rate,
    }
    bands = [vars(band) for band in _bands(hz, error_power, target_power, sample_rate, BAND_FLOOR_DB)]
    return {key: number if math.isfinite(number) else None for key, number in result.items()} | {"bands": bands}


def _emphasised_energy(x: Signal, scored: Mask) -> float:
    """Energy of the scored frames behind the pre-emphasis."""
    energy, before = 0.0, 0.0
    for start in range(0, len(x), _BLOCK_FRAMES):
        block = _wide(x[start : start + _BLOCK_FRAMES])
        emphasised = block - PRE_EMPHASIS * np.concatenate(([before], block[:-1]))
        energy += _energy(emphasised[scored[start : start + _BLOCK_FRAMES]])
        before = float(block[-1])
    return energy
