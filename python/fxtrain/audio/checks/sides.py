# SPDX-License-Identifier: MIT
"""Which of two recordings went in, and did the device change anything?"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import fft, linalg, ndimage

from fxtrain.audio.alignment import Alignment, apply_lag, estimate_alignment
from fxtrain.audio.checks.noise import FRAME_SECONDS
from fxtrain.audio.checks.verdict import SURE, Verdict
from fxtrain.audio.decibels import amplitude_to_db, power_to_db
from fxtrain.audio.files import Audio
from fxtrain.audio.levels import blocks, rms

__all__ = ["check_identical", "check_swapped", "looks_like_input_of"]

Samples = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
_DRY_WORDS = frozenset({"dry", "di", "direct", "input", "clean"})
_WET_WORDS = frozenset({"wet", "amp", "amped", "reamp", "reamped", "output", "target", "processed"})


def check_identical(dry: Samples, wet: Samples) -> Verdict:
    """Does wet differ from dry at all?"""
    both, dry_energy, wet_energy = _products(dry, wet)
    gain = both / dry_energy if dry_energy > 0 else 0.0
    left = power_to_db(1 - gain * both / wet_energy) if wet_energy > 0 else 0.0
    values = {"difference_db": round(left, 1), "gain_db": round(amplitude_to_db(abs(gain)), 2)}
    if left < -70:
        by = "" if abs(abs(gain) - 1) < 1e-4 else f" but for a gain of {amplitude_to_db(abs(gain)):+.1f} dB"
        return Verdict(
            "identical",
            "stop",
            f"Wet equals dry{by}, so there is no effect to learn",
            "check that the wet track was recorded through the device and not bypassed",
            values,
        )
    if left < -40:
        return Verdict(
            "identical",
            "warn",
            f"Wet is dry with hardly any change (the difference is {-left:.0f} dB below it)",
            "check that the device was on",
            values,
        )
    message = f"Wet differs from dry (the best gain leaves an error {-left:.1f} dB below wet)"
    return Verdict("identical", "ok", message, values=values)


def check_swapped(
    input: Audio, target: Audio, dry: Samples, wet: Samples, alignment: Alignment, closed: Mask
) -> Verdict:
    """Does the wet file look like the device's input?

    Amplifiers and pedals play loud moments with less gain than soft ones. So the better linear prediction of wet from
    dry overshoots where it is large; with the files swapped, the prediction falls short. A linear device shows neither,
    whatever its tone, since only the gain for large against small predictions counts. Where a gate is ``closed``, and
    around, does not count: gates expand.
    """
    if alignment.jumps or abs(alignment.drift_samples) > 8:
        return Verdict("swapped", "ok", "Not judged, as the lag changes")
    if alignment.order == 2 or alignment.confidence < SURE:
        return Verdict("swapped", "ok", "Not judged, as wet does not follow the waveform of dry")
    excerpt = min(len(dry), 20 * input.sample_rate)
    start = (len(dry) - excerpt) // 2
    x, y = (side[start : start + excerpt] - np.float32(np.mean(side, dtype=np.float64)) for side in (dry, wet))
    length = round(FRAME_SECONDS * input.sample_rate)
    shut = np.append(ndimage.binary_dilation(closed, iterations=3) if closed.any() else closed, False)
    is_open = ~shut[np.minimum(np.arange(start, start + excerpt) // length, len(shut) - 1)]
    if np.count_nonzero(is_open) < input.sample_rate:
        return Verdict("swapped", "ok", "Not judged, as wet is silent most of the time")
    forward, backward = _expansion_db(x, y, is_open), _expansion_db(y, x, is_open)
    values = {"wet_from_dry_db": round(forward, 2), "dry_from_wet_db": round(backward, 2)}
    is_gated = closed.any()
    if forward > 1.5 and backward < -1.5 and not is_gated:
        return Verdict(
            "swapped",
            "stop",
            f"The files look swapped: from dry to wet, loud moments gain {forward:.1f} dB more than soft ones, "
            f"and the other way {-backward:.1f} dB less, as through a device",
            "give the direct signal first and the processed one second",
            values,
        )
    wrong_names = _sounds_like(input.path, _WET_WORDS) and _sounds_like(target.path, _DRY_WORDS)
    limit = 1.5 if is_gated else 0.75
    if wrong_names or (forward > limit and backward < -limit):
        return Verdict(
            "swapped",
            "warn",
            "The file names say that wet was given first" if wrong_names else "Loud moments gain more than soft ones",
            "if the files are swapped, give the direct signal first and the processed one second",
            values,
        )
    message = f"Loud moments gain {forward:+.1f} dB against soft ones" if forward < -0.5 else "Nothing points to a swap"
    return Verdict("swapped", "ok", message, values=values)


def looks_like_input_of(one: Samples, other: Samples, sample_rate: int) -> bool:
    """Whether ``one`` is what went into a device and ``other`` what came out, by the level of loud and soft moments."""
    alignment = estimate_alignment(one, other, sample_rate)
    if alignment.confidence < SURE:
        return False
    x, y = apply_lag(one, other, alignment.main_tap_samples)
    return _expansion_db(x, y) < -0.75 and _expansion_db(y, x) > 0.75


def _products(dry: Samples, wet: Samples) -> tuple[float, float, float]:
    """Of dry and wet, of dry with itself and of wet with itself, summed, without constant offsets."""
    means = [float(np.mean(side, dtype=np.float64)) for side in (dry, wet)]
    sums = np.zeros(3)
    for x, y in zip(blocks(dry), blocks(wet), strict=True):
        x, y = x.astype(np.float64) - means[0], y.astype(np.float64) - means[1]
        sums += (np.dot(x, y), np.dot(x, x), np.dot(y, y))
    return float(sums[0]), float(sums[1]), float(sums[2])


def _sounds_like(path: Path | None, words: frozenset[str]) -> bool:
    return path is not None and not words.isdisjoint(re.split(r"[^a-z]+", path.stem.lower()))


def _expansion_db(source: Samples, result: Samples, counts: Mask | None = None) -> float:
    """Gain of large linear predictions of ``result`` from ``source`` over that of small ones, where ``counts``."""
    before, taps = 64, 576
    size = fft.next_fast_len(len(source) + taps, real=True)
    x, y = fft.rfft(source.astype(np.float64), size), fft.rfft(result.astype(np.float64), size)
    auto = fft.irfft(np.square(np.abs(x)), size)[:taps]
    if auto[0] <= 0:
        return 0.0
    auto[0] *= 1 + 1e-4
    cross = np.roll(fft.irfft(np.conj(x) * y, size), before)[:taps]
    filter = linalg.solve_toeplitz(auto, cross)
    response = fft.rfft(np.roll(np.pad(filter, (0, size - taps)), -before))
    predicted: Doubles = fft.irfft(x * response, size)[: len(source)]
    del x, y, response
    if counts is not None:
        predicted, result = predicted[counts], result[counts]
    magnitude = np.abs(predicted)
    scale = rms(predicted)
    large = magnitude > min(2.5 * scale, float(np.quantile(magnitude, 0.99)))
    small = (magnitude > 0.1 * scale) & (magnitude < scale)
    gains = []
    for part in (large, small):
        energy = float(np.sum(np.square(predicted[part])))
        gains.append(float(np.sum(predicted[part] * result[part])) / energy if energy > 0 else 1.0)
    return amplitude_to_db(max(gains[0], 1e-3)) - amplitude_to_db(max(gains[1], 1e-3))
