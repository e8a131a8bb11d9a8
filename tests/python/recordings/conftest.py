# SPDX-License-Identifier: MIT
"""Playing to test on: plucked notes from noise bursts, seeded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

Play = Callable[..., npt.NDArray[np.float32]]


def _play(
    seconds: float, sample_rate: int = 48000, seed: int = 1, note_seconds: float = 0.31
) -> npt.NDArray[np.float32]:
    """Noise bursts through decaying combs (Karplus and Strong, 1983), a new pitch and loudness every note."""
    generator = np.random.default_rng(seed)
    num_frames = round(seconds * sample_rate)
    length = round(0.31 * sample_rate)
    played = np.zeros(num_frames + length)
    for start in range(0, num_frames, length):
        period = round(sample_rate / (82.4 * 2 ** (generator.integers(0, 30) / 12)))
        burst = np.zeros(2 * length)
        burst[:period] = generator.standard_normal(period)
        string = signal.lfilter([1.0], np.r_[1.0, np.zeros(period - 1), -0.496, -0.496], burst)
        note = string[: len(played) - start]
        played[start : start + len(note)] += generator.uniform(0.05, 0.3) * note
    played = signal.sosfilt(signal.butter(2, 40, "high", fs=sample_rate, output="sos"), played[:num_frames])
    return (0.5 * played / np.abs(played).max()).astype(np.float32)


@pytest.fixture(scope="session")
def play() -> Play:
    """Makes seconds of plucked notes, peak 0.5."""
    return _play
