# SPDX-License-Identifier: MIT
"""Devices with a clock or a memory of their own: tremolo, vibrato, chorus and the like, echo, long reverb.

A model of a device answers the same to the same and remembers some milliseconds. What these effects add is not a
function of the input that it hears, so no training finds it.

*Modulation* shows as a line in the spectrum of the gain over time: for each narrow band of a short-time spectrum, the
gain of wet over dry is freed from what follows the level of dry (compression), and transformed over time. An oscillator
gives a line; playing does not, unless it is played by a clock, which shows in the level of dry as well.

*Echoes and reverb* show in the response from 60 ms on, deconvolved from the whole recording and, so that chance
averages out, from two halves of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import fft, linalg, ndimage, signal

from fxtrain.audio.alignment import apply_lag
from fxtrain.audio.levels import PLAYING_FRAME_SECONDS, blocks, find_playing, frame_spread

__all__ = ["TimeEffect", "find_moving_delay", "find_time_effects"]

Samples = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_WINDOW_SECONDS = 0.04
_HOP_SECONDS = 0.01
_MOST_SECONDS = 40.0
_FRAMES_AT_A_TIME = 256  # of a spectrogram: all of them take much memory
_LEAST_SECONDS = 8.0
_BAND_HZ = (150.0, 4000.0)
_LOW_HZ, _HIGH_HZ = 0.2, 12.0  # of modulation
_LINE = 6.0  # power of a line over what is around it
_DRY_LINE = 4.0  # of the level of dry: a clock in the playing
_DEPTH_DB = 0.7  # swing of the gain (RMS over bands) below which nobody hears it
_IN_PHASE = 0.6  # share of a line in which all bands swing together: tremolo
_ECHO_HEARD = 0.4  # of an echo's height in the whitened response, that it has in the sound as it is
_AGREE_SECONDS = 0.01  # within which both halves of the windows have to find wet
_ECHO_SECONDS = (0.06, 1.6)
_ECHO_HEIGHT = 15.0  # of an echo's peak over the standard deviation around it
_ECHO_SHARE = 0.1  # amplitude against the direct sound's
_ECHO_ALONE = 0.6  # of its height, that nothing else but its repeats reaches
_TAIL_DB = 45.0  # below the loud frames of wet: what is softer is not a tail that anybody hears
_OWN_FRAMES = 4  # of 50 ms, in which any device may ring out
_LEAST_TAIL = 4  # such frames, in which wet goes on


@dataclass(frozen=True)
class TimeEffect:
    """What was found.

    Attributes:
        kind: ``tremolo``; ``vibrato``; ``chorus`` (or flanger, phaser, rotary loudspeaker); ``echo``; ``reverb``.
        rate_hz: of a modulation; else 0.
        seconds: of an echo's delay or a reverb's tail (to -30 dB); else 0.
        depth: swing of the gain in dB, of the delay in ms; amplitude of an echo against the direct sound's; level of a
            tail against loud playing, in dB.
    """

    kind: Literal["tremolo", "vibrato", "chorus", "echo", "reverb"]
    rate_hz: float = 0.0
    seconds: float = 0.0
    depth: float = 0.0


def find_time_effects(dry: Samples, wet: Samples, sample_rate: int, *, is_gated: bool = False) -> list[TimeEffect]:
    """Looks for modulation, then for echoes and reverb.

    Args:
        dry: the device's input, shape ``(frames,)``.
        wet: its output, same length, aligned.
        sample_rate: in Hz.
        is_gated: a noise gate is at work, whose gain moves with the playing: a line has to stand out twice as far.

    Returns:
        Nothing for recordings under eight seconds, or where nothing stands out.
    """
    dry, wet = _middle(dry, wet, sample_rate)
    if len(dry) < _LEAST_SECONDS * sample_rate:
        return []
    found = [
        _modulation(dry, wet, sample_rate, line=2 * _LINE if is_gated else _LINE),
        _echo(dry, wet, sample_rate) or _reverb(dry, wet, sample_rate),
    ]
    return [effect for effect in found if effect is not None]


def _modulation(dry: Samples, wet: Samples, sample_rate: int, *, line: float = _LINE) -> TimeEffect | None:
    size, hop = round(_WINDOW_SECONDS * sample_rate), round(_HOP_SECONDS * sample_rate)
    low, high = (round(hz * size / sample_rate) for hz in _BAND_HZ)
    taper = np.hanning(size).astype(np.float32)
    spectra = []
    for side in (dry, wet):
        frames = np.lib.stride_tricks.sliding_window_view(side, size)[::hop]
        parts = [np.abs(fft.rfft(rows * taper, axis=1)[:, low:high]) for rows in blocks(frames, _FRAMES_AT_A_TIME)]
        spectra.append(np.concatenate(parts).astype(np.float64))
    x, y = spectra
    level = 10 * np.log10(np.mean(np.square(x), axis=1) + 1e-20)
    # What is 40 dB below the loud frames, or lies between the partials, tells nothing of the device.
    loud = np.quantile(level, 0.95)
    weight = np.where(x > 0.1 * x.max(axis=1, keepdims=True), 1.0, 0.0) * (level > loud - 40)[:, None]
    gain = np.clip(20 * np.log10((y + 1e-9) / (x + 1e-9)), -80, 80)
    gain = _without_level(gain, weight, level - loud, 20 * np.log10(x + 1e-9) - loud)
    rates = np.arange(_LOW_HZ, _HIGH_HZ, 0.5 * sample_rate / len(dry))
    band_hz = [_LOW_HZ, _LOW_HZ + len(rates) * (rates[1] - rates[0])]

    def at_rates(values: Doubles) -> npt.NDArray[np.complex128]:
        """The Fourier transform of values of each frame, shape ``(frames, ...)``, at ``rates``."""
        found: npt.NDArray[np.complex128] = signal.zoom_fft(values, band_hz, len(rates), fs=sample_rate / hop, axis=0)
        return found

    heard = weight.sum(axis=0)  # per band
    bands = heard > 0.02 * len(level)
    if not bands.any():
        return None
    lines = 2 * at_rates((gain * weight)[:, bands]) / heard[bands]
    share = heard[bands] / heard[bands].sum()
    power = np.square(np.abs(lines)) @ share
    is_playing = level > loud - 40
    own = (level - level[is_playing].mean()) * is_playing
    clock = np.square(np.abs(at_rates(own)))
    around = round(1.5 / (rates[1] - rates[0]))
    ratio = power / np.maximum(ndimage.median_filter(power, 2 * around + 1, mode="nearest"), 1e-30)
    of_dry = clock / np.maximum(ndimage.median_filter(clock, 2 * around + 1, mode="nearest"), 1e-30)
    ratio[ndimage.maximum_filter1d(of_dry, 5) > _DRY_LINE * 4] = 0
    best = int(ratio.argmax())
    depth = float(np.sqrt(power[best]))
    if ratio[best] < line or depth < _DEPTH_DB:
        return None
    together = float(np.square(np.abs(lines[best] @ share)) / power[best])
    kind: Literal["tremolo", "chorus"] = "tremolo" if together > _IN_PHASE else "chorus"
    return TimeEffect(kind, rate_hz=float(rates[best]), depth=depth)


def _without_level(gain: Doubles, weight: Doubles, level: Doubles, own: Doubles) -> Doubles:
    """The gain of each band without what follows, to second order, the level of dry and that of the band."""
    wide = np.broadcast_to(level[:, None], gain.shape)
    terms = np.stack([np.ones_like(gain), wide, wide**2, own, own**2, wide * own])  # (terms, frames, bands)
    flat = terms.reshape(len(terms), -1) * weight.reshape(-1)
    normal = flat @ terms.reshape(len(terms), -1).T
    right = flat @ gain.reshape(-1)
    solution = np.linalg.lstsq(normal, right, rcond=None)[0]
    left = gain - np.tensordot(solution, terms, axes=1)
    mean = np.sum(left * weight, axis=0) / np.maximum(weight.sum(axis=0), 1e-9)
    rest: Doubles = left - mean
    return rest


def _echo(dry: Samples, wet: Samples, sample_rate: int) -> TimeEffect | None:
    first, last = (round(seconds * sample_rate) for seconds in _ECHO_SECONDS)
    lead = round(0.005 * sample_rate)
    parts: list[Doubles] = []
    owns: list[Doubles] = []
    for half in range(2):
        cut = slice(half * len(dry) // 2, (half + 1) * len(dry) // 2)
        size = fft.next_fast_len(len(dry) // 2 + last + lead, real=True)
        x, y = (fft.rfft(np.diff(side[cut].astype(np.float64)), size) for side in (dry, wet))
        power = np.square(np.abs(x))
        smooth = ndimage.uniform_filter1d(power, 129, mode="nearest")
        weight = 1 / (smooth + 1e-3 * smooth.mean() + 1e-30)
        for responses, product in ((parts, np.conj(x) * y), (owns, power)):
            response = fft.irfft(product * weight, size)
            responses.append(np.concatenate([response[-lead:], response[:last]]))
    # Playing may come again by itself: what dry answers to itself is no echo.
    height, repeat = (np.minimum(np.abs(a), np.abs(b))[lead + first :] for a, b in (parts, owns))
    height = height / max(float(np.abs(parts[0] + parts[1])[: lead + first // 2].max()), 1e-30) * 2
    repeat = ndimage.maximum_filter1d(repeat, 2 * lead) / max(float(np.abs(owns[0] + owns[1]).max()), 1e-30) * 2
    scatter = float(np.median(height)) / 0.6745
    echoes = np.where(height > 3 * repeat, height, 0.0)
    peak = int(echoes.argmax())
    others = echoes.copy()
    for multiple in range(1, last // (peak + first) + 1):  # repeats
        place = multiple * (peak + first) - first
        others[max(0, place - lead) : place + lead] = 0.0
    is_one = float(others.max(initial=0.0)) < _ECHO_ALONE * echoes[peak]
    is_high = echoes[peak] > max(_ECHO_HEIGHT * scatter, _ECHO_SHARE)
    if is_one and is_high and _repeats(dry, wet, peak + first) > _ECHO_HEARD * echoes[peak]:
        return TimeEffect("echo", seconds=(peak + first) / sample_rate, depth=float(echoes[peak]))
    return None


def _repeats(dry: Samples, wet: Samples, delay: int) -> float:
    """How much of ``wet``, later by ``delay``, is in what no short filter makes of ``dry``: the amplitude of an echo.

    Unlike the whitened response this goes by energy, so that joins of clips, wide in spectrum but soft, do not count.
    """
    taps = 256
    x, y = (side.astype(np.float64) - np.mean(side, dtype=np.float64) for side in (dry, wet))
    size = fft.next_fast_len(len(x) + taps, real=True)
    spectrum = fft.rfft(x, size)
    auto = fft.irfft(np.square(np.abs(spectrum)), size)[:taps]
    auto[0] = auto[0] * (1 + 1e-4) + 1e-30
    cross = fft.irfft(np.conj(spectrum) * fft.rfft(y, size), size)[:taps]
    rest = y - fft.irfft(spectrum * fft.rfft(linalg.solve_toeplitz(auto, cross), size), size)[: len(y)]
    energy = float(np.dot(y[:-delay], y[:-delay]))
    return float(np.dot(rest[delay:], y[:-delay])) / energy if energy > 0 else 0.0


def _reverb(dry: Samples, wet: Samples, sample_rate: int) -> TimeEffect | None:
    """Does wet go on where dry has stopped, louder than the gain for soft moments makes the rest of dry?"""
    length = round(PLAYING_FRAME_SECONDS * sample_rate)
    dry_db, wet_db = (20 * np.log10(np.maximum(frame_spread(side, length), 1e-10)) for side in (dry, wet))
    is_playing = find_playing(dry, sample_rate)
    if not is_playing.any():
        return None
    gain_db = float(np.quantile((wet_db - dry_db)[is_playing], 0.99))
    loud_db = float(np.quantile(wet_db, 0.95))
    expected = np.maximum(dry_db + gain_db + 3, max(float(np.quantile(wet_db, 0.02)) + 6, loud_db - _TAIL_DB))
    since = np.zeros(len(is_playing), dtype=np.int64)  # frames since the last playing
    for frame in range(1, len(since)):
        since[frame] = 0 if is_playing[frame] else since[frame - 1] + 1
    goes_on = [
        float(np.mean(wet_db[since == age] > expected[since == age])) if np.any(since == age) else 0.0
        for age in range(_OWN_FRAMES, 60)
    ]
    ends = next((age for age, share in enumerate(goes_on) if share < 0.5), len(goes_on))
    heard = int(np.count_nonzero(since == _OWN_FRAMES))
    if ends < _LEAST_TAIL or heard == 0:
        return None
    seconds = (ends + _OWN_FRAMES) * PLAYING_FRAME_SECONDS
    after = wet_db[(since >= _OWN_FRAMES) & (since < _OWN_FRAMES + ends)]
    return TimeEffect("reverb", seconds=seconds, depth=float(np.median(after) - loud_db))


def find_moving_delay(
    dry: Samples, wet: Samples, sample_rate: int, *, max_seconds: float = 2.0
) -> tuple[TimeEffect, int] | None:
    """A modulation in recordings that no one lag fits, as a vibrato makes them; and about where wet lies, in samples.

    Windows of 40 ms are each matched with wet; all of them together tell, to some milliseconds, where it lies. That is
    near enough for the spectrum of the gain.

    Args:
        dry: the device's input, shape ``(frames,)``.
        wet: its output, not aligned.
        sample_rate: in Hz.
        max_seconds: lags up to this, either way, are looked for.
    """
    if min(len(dry), len(wet)) < _LEAST_SECONDS * sample_rate:
        return None
    step = max(1, sample_rate // 12000)
    x, y = (signal.resample_poly(np.diff(side.astype(np.float64)), 1, step) for side in (dry, wet))
    rate = sample_rate / step
    length, reach = round(0.04 * rate), round(max_seconds * rate)
    starts = np.arange(0, len(x) - length, length)
    energy = np.array([float(np.sum(np.square(x[start : start + length]))) for start in starts])
    starts = starts[energy > 1e-2 * np.quantile(energy, 0.95)]
    padded = np.pad(y, (reach, reach + length))  # frame n of y is at n + reach
    totals = np.zeros((2, 2 * reach + 1))  # of every second window, and of the others
    for number, start in enumerate(starts[:: max(1, len(starts) // 500)].tolist()):
        around = padded[start : start + length + 2 * reach]
        totals[number % 2, : len(around) - length + 1] += np.square(_match(x[start : start + length], around))
    totals = ndimage.uniform_filter1d(totals, 2 * round(0.002 * rate) + 1, axis=1, mode="constant")
    edge = round(0.02 * rate)
    places = totals[:, edge:-edge].argmax(axis=1) + edge
    if np.ptp(places) > _AGREE_SECONDS * rate:
        return None  # other playing, or another speed
    lag = (int(np.median(places)) - reach) * step
    aligned = apply_lag(dry, wet, lag)
    if len(aligned[0]) < _LEAST_SECONDS * sample_rate:
        return None
    found = _modulation(*_middle(*aligned, sample_rate), sample_rate)
    if found is None:
        return None
    return replace(found, kind="vibrato"), lag


def _middle(dry: Samples, wet: Samples, sample_rate: int) -> tuple[Samples, Samples]:
    most = round(_MOST_SECONDS * sample_rate)
    start = max(0, (len(dry) - most) // 2)
    return dry[start : start + most], wet[start : start + most]


def _match(piece: Doubles, around: Doubles) -> Doubles:
    """Whitened correlation of ``piece`` with each place in ``around``."""
    size = fft.next_fast_len(len(around), real=True)
    x, y = fft.rfft(piece * np.hanning(len(piece)), size), fft.rfft(around, size)
    product = np.conj(x) * y
    match: Doubles = fft.irfft(product / (np.abs(product) + 1e-3 * np.abs(product).max() + 1e-30), size)
    return match[: len(around) - len(piece) + 1]
