# SPDX-License-Identifier: MIT
"""Where a recording holds the same playing as another one, but for dither, noise, gain or resampling.

Windows of a second are compared in two steps: by their energy in octaves and time, which is quick and tolerates
everything, then by their waveform, which only copies share: the same notes played again, even by the same hand, do not.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy import fft, signal

from fxtrain.audio.repeats import joined_stretches
from fxtrain.audio.resampling import resample

__all__ = ["find_near_copies"]

Samples = npt.NDArray[np.float32]
Features = npt.NDArray[np.float32]

_WINDOW_SECONDS = 1.0
_STEP_SECONDS = 0.5  # between two windows
_FRAME_SECONDS = 0.01
_LOWEST_HZ, _NUM_OCTAVES = 80.0, 6
_ALIKE = 0.9  # correlation of two pictures of energy, from which on waveforms are compared
_SAME = 0.99  # correlation of two waveforms: copies that differ by 17 dB less than they sound
_LOW_RATE = 6000  # at which waveforms are compared first, which is quick
_LIKELY = 0.8  # correlation there, from which on they are compared in full: a copy may be late by half a frame
_SOFT_DB = -30.0  # below the loud windows; softer ones are pauses, with hum perhaps
_MOST_CANDIDATES = 4  # for a window, in a chunk
_CHUNK = 8192  # frames looked at together


def find_near_copies(passages: Samples, samples: Samples, sample_rate: int) -> list[tuple[int, int]]:
    """The stretches of ``samples`` that hold the same playing as ``passages``.

    Args:
        passages: what to look for, shape ``(frames,)``.
        samples: where to look, shape ``(frames,)``.
        sample_rate: in Hz, of both.

    Returns:
        First and one-past-last frame of each stretch, to about a quarter of a second, in order, without overlaps. Each
        is a second or more.
    """
    length, step = round(_WINDOW_SECONDS * sample_rate), round(_STEP_SECONDS * sample_rate)
    if min(len(passages), len(samples)) < length:
        return []
    frame = round(_FRAME_SECONDS * sample_rate)
    size = round(_WINDOW_SECONDS / _FRAME_SECONDS)
    wanted, given = _energies(passages, frame, sample_rate), _energies(samples, frame, sample_rate)
    if min(len(wanted), len(given)) < size:
        return []
    starts = np.arange(0, len(passages) - length + 1, step)
    loudness = np.array([np.mean(np.square(passages[at : at + length], dtype=np.float64)) for at in starts])
    starts = starts[loudness > max(10 ** (_SOFT_DB / 10) * float(np.quantile(loudness, 0.95)), 1e-12)]
    starts = starts[starts // frame + size <= len(wanted)]
    pictures = _pictures(np.stack([wanted[at // frame : at // frame + size] for at in starts])) if len(starts) else None
    found = []
    margin = step // 2
    ratio = max(1, round(sample_rate / _LOW_RATE))
    low_passages, low_samples = (resample(side, ratio, 1) for side in (passages, samples))
    for index, place in _candidates(pictures, given, size) if pictures is not None else ():
        start, about = int(starts[index]), place * frame
        window = low_passages[start // ratio : (start + length) // ratio]
        likely, near = _place(window, low_samples, about // ratio, 2 * frame // ratio)
        if likely < _LIKELY:
            continue
        likeness, at = _place(passages[start : start + length], samples, near * ratio, 2 * ratio)
        if likeness >= _SAME:
            found.append((max(0, at - margin), min(len(samples), at + length + margin)))
    return joined_stretches(found)


def _energies(samples: Samples, frame: int, sample_rate: int) -> Features:
    """In dB, shape ``(time, octaves)``, each from two frames around a time."""
    count = len(samples) // frame - 1
    if count < 1:
        return np.zeros((0, _NUM_OCTAVES), np.float32)
    hz = fft.rfftfreq(2 * frame, 1 / sample_rate)
    band = np.clip(np.floor(np.log2(np.maximum(hz, 1e-3) / _LOWEST_HZ)), -1, _NUM_OCTAVES).astype(int)
    bands = np.stack([band == k for k in range(_NUM_OCTAVES)], axis=1).astype(np.float32)
    taper = signal.get_window("hann", 2 * frame).astype(np.float32)
    rows = np.lib.stride_tricks.sliding_window_view(samples, 2 * frame)[::frame][:count]
    parts = [
        np.square(np.abs(fft.rfft(rows[k : k + _CHUNK] * taper))).astype(np.float32) @ bands
        for k in range(0, count, _CHUNK)
    ]
    energy = np.concatenate(parts)
    floor = 1e-6 * max(float(energy.max(initial=0.0)), 1e-12)
    return np.asarray(10 * np.log10(energy + floor), dtype=np.float32)


def _pictures(windows: Features) -> Features:
    """Windows of shape ``(windows, time, octaves)`` as vectors of length 1, without their mean level."""
    flat = windows.reshape(len(windows), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6), dtype=np.float32)


def _candidates(pictures: Features, given: Features, size: int) -> Iterator[tuple[int, int]]:
    """Numbers of a picture and of the frame in ``given`` where one like it begins."""
    for first in range(0, len(given) - size + 1, _CHUNK):
        part = np.lib.stride_tricks.sliding_window_view(given[first : first + _CHUNK + size - 1], size, axis=0)
        likeness = _pictures(part.swapaxes(1, 2)) @ pictures.T
        for index, values in enumerate(likeness.T):
            peaks, _ = signal.find_peaks(np.concatenate([[-1], values, [-1]]), height=_ALIKE, distance=4)
            for peak in sorted(peaks - 1, key=lambda at: -values[at])[:_MOST_CANDIDATES]:
                yield index, first + int(peak)


def _place(window: Samples, samples: Samples, about: int, reach: int) -> tuple[float, int]:
    """How well this waveform fits within ``reach`` of ``about`` (a correlation), and where its best place begins."""
    start, end = max(0, about - reach), min(len(samples), about + reach + len(window))
    around = samples[start:end].astype(np.float64)
    length = len(window)
    if len(around) < length:
        return 0.0, start
    shape = window - np.mean(window, dtype=np.float64)
    products = signal.correlate(around, shape, mode="valid", method="fft")
    sums, squares = (np.concatenate([[0.0], np.cumsum(part)]) for part in (around, np.square(around)))
    variance = (squares[length:] - squares[:-length]) - np.square(sums[length:] - sums[:-length]) / length
    correlation = products / np.sqrt(np.maximum(variance, 1e-20) * float(np.dot(shape, shape)) + 1e-30)
    best = int(np.argmax(correlation))
    return float(correlation[best]), start + best
