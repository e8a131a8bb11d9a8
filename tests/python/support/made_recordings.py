# SPDX-License-Identifier: MIT
"""A folder of recordings made on the spot: bright notes that decay, each in a file of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fxtrain.audio import write_audio

RATE = 16000


def bright_notes(seed: int, seconds: float, sample_rate: int, channels: int = 1) -> np.ndarray:
    """Shape ``(channels, frames)``: harmonics up to half the rate, and bursts of noise at each onset."""
    rng = np.random.default_rng(seed)
    num_frames = round(seconds * sample_rate)
    sound = np.zeros((channels, num_frames))
    for onset in range(0, num_frames, sample_rate // 4):
        t = np.arange(num_frames - onset) / sample_rate
        hz = rng.uniform(110, 440)
        harmonics = np.arange(1, int(0.48 * sample_rate / hz))
        note = (np.sin(2 * np.pi * hz * harmonics[:, None] * t) / harmonics[:, None]).sum(axis=0)
        burst = rng.standard_normal((channels, len(t))) * np.exp(-t * 60)
        sound[:, onset:] += 0.1 * note * np.exp(-t * 4) * rng.uniform(0.5, 1.0, (channels, 1)) + 0.2 * burst
    return (0.7 * sound / np.abs(sound).max()).astype(np.float32)


def make_recordings(folder: Path, sample_rate: int, *, count: int = 6, seconds: float = 1.5, channels: int = 1) -> None:
    """Writes WAV files of ``seconds`` each."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        write_audio(folder / f"take{index}.wav", bright_notes(index, seconds, sample_rate, channels), sample_rate)
