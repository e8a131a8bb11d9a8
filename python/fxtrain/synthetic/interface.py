# SPDX-License-Identifier: MIT
"""What an audio interface does to a recording."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from fxtrain.errors import ConfigError

__all__ = ["AudioInterface"]


@dataclass(frozen=True)
class AudioInterface:
    """The way from a device's output into a file.

    ::

        device -> level -> AC coupling -> + -> delay -> converter -> file
                                          ^
                            noise and hum of the input stage

    Attributes:
        latency_frames: delay of the way out and back in; what plays before is the interface's own noise.
        noise_dbfs: RMS of the input's white noise, relative to full scale; -inf for none.
        hum_dbfs: RMS of mains hum (fundamental and four harmonics); -inf for none.
        mains_hz: mains frequency.
        coupling_hz: corner of the first-order high-pass that keeps DC out; 0 for none.
        bits: resolution of the converter; 0 for none.
        gain_db: level of the input.
    """

    latency_frames: int = 137
    noise_dbfs: float = -95.0
    hum_dbfs: float = -math.inf
    mains_hz: float = 50.0
    coupling_hz: float = 1.5
    bits: int = 24
    gain_db: float = 0.0

    def __post_init__(self) -> None:
        if self.latency_frames < 0:
            raise ConfigError(f"the interface's latency is {self.latency_frames} frames; give 0 or more.")
        if not (self.bits == 0 or 8 <= self.bits <= 32):
            raise ConfigError(f"the interface has {self.bits} bits; give 8 to 32, or 0 for no quantisation.")

    def record(self, signal: NDArray[np.floating[Any]], sample_rate: int, *, seed: int) -> NDArray[np.float32]:
        """Records a signal.

        Args:
            signal: shape ``(frames,)``, full scale 1.
            sample_rate: in hertz.
            seed: of the noise.

        Returns:
            As many frames, beginning ``latency_frames`` late; what goes beyond full scale is clipped.
        """
        generator = np.random.default_rng(seed)
        num_frames = len(signal)
        recorded = signal.astype(np.float64) * 10.0 ** (self.gain_db / 20.0)
        if self.coupling_hz > 0.0:
            recorded = sosfilt(butter(1, self.coupling_hz, "highpass", fs=sample_rate, output="sos"), recorded)
        recorded = np.concatenate([np.zeros(self.latency_frames), recorded])[:num_frames]
        if self.noise_dbfs > -math.inf:
            recorded += generator.normal(0.0, 10.0 ** (self.noise_dbfs / 20.0), num_frames)
        if self.hum_dbfs > -math.inf:
            phase = 2.0 * np.pi * self.mains_hz * np.arange(num_frames) / sample_rate
            hum = sum(np.sin(order * phase + order) / order for order in range(1, 6))
            recorded += hum * 10.0 ** (self.hum_dbfs / 20.0) / math.sqrt(sum(0.5 / order**2 for order in range(1, 6)))
        if self.bits:
            steps = 2.0 ** (self.bits - 1)
            recorded = np.clip(np.round(recorded * steps), -steps, steps - 1.0) / steps
        result: NDArray[np.float32] = recorded.astype(np.float32)
        return result
