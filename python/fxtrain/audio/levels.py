# SPDX-License-Identifier: MIT
"""Levels over time, and what they tell of pauses, noise, hum and clipping."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

__all__ = [
    "PLAYING_FRAME_SECONDS",
    "Background",
    "background",
    "blocks",
    "clipped_runs",
    "find_playing",
    "frame_rms",
    "frame_spread",
    "hum",
    "idle_stretches",
    "peak",
    "rms",
    "spread",
]

Samples = npt.NDArray[np.floating]
Doubles = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

PLAYING_FRAME_SECONDS = 0.05
"""Length of the frames that :func:`find_playing` judges."""

_BLOCK_FRAMES = 1 << 20  # worked on at a time: half an hour of float64 copies would take gigabytes

_QUIET_DB = -50.0  # below the loud frames: no playing
_STEADY_DB = 3.0  # noise and hum stay within this range for a second; a note decays or begins
_BACKGROUND_DB = -20.0  # below the loud frames: what is steady may be a held note
_MARGIN_DB = 6.0  # playing rises this far above noise and hum


def blocks(samples: Samples, frames: int = _BLOCK_FRAMES) -> Iterator[Samples]:
    """Views of consecutive stretches of ``samples``, each of ``frames`` frames but for the last one."""
    for start in range(0, len(samples), frames):
        yield samples[start : start + frames]


def peak(samples: Samples) -> float:
    """Largest magnitude."""
    return float(max(samples.max(), -samples.min())) if len(samples) else 0.0


def rms(samples: Samples) -> float:
    """Root mean square."""
    energy = sum(float(np.sum(np.square(block, dtype=np.float64))) for block in blocks(samples))
    return math.sqrt(energy / len(samples)) if len(samples) else 0.0


def spread(samples: Samples) -> float:
    """Standard deviation: the RMS without a constant offset."""
    if len(samples) == 0:
        return 0.0
    mean = float(np.mean(samples, dtype=np.float64))
    energy = sum(float(np.sum(np.square(block.astype(np.float64) - mean))) for block in blocks(samples))
    return math.sqrt(energy / len(samples))


def frame_rms(samples: Samples, length: int) -> Doubles:
    """RMS of each whole stretch of ``length`` frames."""
    count = len(samples) // length
    squares = np.square(samples[: count * length], dtype=np.float64).reshape(count, length)
    levels: Doubles = np.sqrt(squares.mean(axis=1))
    return levels


def frame_spread(samples: Samples, length: int) -> Doubles:
    """Standard deviation of each whole stretch of ``length`` frames: its RMS without a constant offset."""
    whole = samples[: len(samples) // length * length]
    rows = max(1, _BLOCK_FRAMES // length)
    parts = [np.std(block.reshape(-1, length), axis=1, dtype=np.float64) for block in blocks(whole, rows * length)]
    return np.concatenate(parts) if parts else np.zeros(0)


@dataclass(frozen=True)
class Background:
    """What a recording sounds like with and without playing, in dBFS (RMS of 50 ms, without a constant offset).

    Attributes:
        loud_db: the loud frames (95 % quantile of what lies within 60 dB of the loudest).
        floor_db: steady noise and hum; -200 where there is none.
    """

    loud_db: float
    floor_db: float

    @property
    def threshold_db(self) -> float:
        """Frames above this level hold playing."""
        return max(self.loud_db + _QUIET_DB, self.floor_db + _MARGIN_DB)


def background(samples: Samples, sample_rate: int) -> Background:
    """Measures the loud frames and the steady floor of a recording.

    Noise and hum are told from playing by their steadiness: their level stays within 3 dB for a second.
    """
    levels = _levels_db(samples, sample_rate)
    if len(levels) == 0:
        return Background(-200.0, -200.0)
    loud = float(np.quantile(levels[levels > levels.max() - 60], 0.95)) if levels.max() > -200 else -200.0
    around = round(1.0 / PLAYING_FRAME_SECONDS) + 1
    spread = ndimage.maximum_filter1d(levels, around) - ndimage.minimum_filter1d(levels, around)
    steady = (spread < _STEADY_DB) & (levels < loud + _BACKGROUND_DB)
    return Background(loud, float(np.median(levels[steady])) if np.count_nonzero(steady) >= 4 else -200.0)


def find_playing(samples: Samples, sample_rate: int, *, against: Background | None = None) -> Mask:
    """Which stretches of 50 ms hold playing: louder than -50 dB below the loud ones, and than steady noise and hum.

    Args:
        samples: shape ``(frames,)``; a constant offset does not count.
        sample_rate: in Hz.
        against: of a longer recording with the same levels, whose threshold holds if it is higher.

    Returns:
        One value for each whole stretch.
    """
    own = background(samples, sample_rate)
    threshold = own.threshold_db if against is None else max(own.threshold_db, against.threshold_db)
    mask: Mask = _levels_db(samples, sample_rate) > max(threshold, -120.0)
    return mask


def idle_stretches(
    playing: Mask, *, min_seconds: float, before: float = 0.5, after: float = 1.0
) -> list[tuple[float, float]]:
    """Long stretches without playing, in seconds.

    Args:
        playing: from :func:`find_playing`.
        min_seconds: shorter pauses belong to the music.
        before: seconds ahead of the next note that are not counted: the device at rest.
        after: seconds behind the last note that are not counted: it rings out.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[True], playing, [True]]).astype(np.int8)))
    stretches = []
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        if (last - first) * PLAYING_FRAME_SECONDS < min_seconds:
            continue
        start = first * PLAYING_FRAME_SECONDS + (after if first > 0 else 0.0)
        # Behind the last whole stretch lies a part of one.
        end = last * PLAYING_FRAME_SECONDS - before if last < len(playing) else (last + 1) * PLAYING_FRAME_SECONDS
        if end > start:
            stretches.append((float(start), float(end)))
    return stretches


def _levels_db(samples: Samples, sample_rate: int) -> Doubles:
    spread = frame_spread(samples, max(1, round(PLAYING_FRAME_SECONDS * sample_rate)))
    levels: Doubles = 20 * np.log10(np.maximum(spread, 1e-10))
    return levels


def clipped_runs(samples: Samples) -> tuple[int, int]:
    """How many samples lie at the ceiling, and where the first one is.

    The ceiling is full scale, or a lower peak that is flat: at least four equal samples in a row, five times over, as a
    converter makes that clips before its level is turned down.
    """
    highest = peak(samples)
    if highest == 0.0:
        return 0, 0
    is_full_scale = 0.9999 <= highest <= 1.0
    lowest = np.float32(0.9999 if is_full_scale else highest * (1 - 1e-6))
    found = np.concatenate(
        [np.flatnonzero(np.abs(block) >= lowest) + index * _BLOCK_FRAMES for index, block in enumerate(blocks(samples))]
    )
    if is_full_scale:
        return len(found), int(found[0])
    begins = np.concatenate([[True], np.diff(found) > 1])
    starts, lengths = found[begins], np.diff(np.append(np.flatnonzero(begins), len(found)))
    flat = lengths >= 4
    if np.count_nonzero(flat) < 5:
        return 0, 0
    return len(found), int(starts[flat][0])


def hum(samples: Samples, sample_rate: int) -> tuple[int, float]:
    """Does mains hum rule a pause?

    Returns:
        50 or 60 (Hz) and the share of the power from 30 to 1000 Hz at its multiples; 0 where there is no hum, or where
        the pause is shorter than 0.4 s.
    """
    if len(samples) < 0.4 * sample_rate:
        return 0, 0.0
    power = np.square(np.abs(np.fft.rfft((samples - samples.mean()) * np.hanning(len(samples)))))
    spacing = sample_rate / len(samples)  # Hz per bin
    frequency = np.arange(len(power)) * spacing
    heard = (frequency > 30) & (frequency < 1000)
    total = float(power[heard].sum())
    best = (0, 0.0)
    for mains in (50, 60):
        distance = np.abs(frequency / mains - np.rint(frequency / mains)) * mains
        near = heard & (distance < max(1.0, 2 * spacing))
        width = float(near.sum()) / float(heard.sum())  # what white noise puts there
        share = float(power[near].sum()) / total if total > 0 else 0.0
        if share > max(best[1], 0.4 + 0.6 * width):
            best = (mains, share)
    return best
