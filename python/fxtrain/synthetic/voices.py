# SPDX-License-Identifier: MIT
"""Synthetic voices: glottal pulses through vowel formants, for demos and tests without recordings.

They babble: syllables of random vowels with a falling pitch. Two voices differ in pitch and in the length of their
vocal tract, which moves all formants.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

__all__ = ["VOICES", "Speech", "Voice", "synthesise_voice"]

# Formants in Hz of men's vowels: Peterson and Barney, "Control methods used in a study of the vowels", 1952.
_VOWELS = {
    "i": (270, 2290, 3010),
    "e": (530, 1840, 2480),
    "a": (730, 1090, 2440),
    "o": (570, 840, 2410),
    "u": (300, 870, 2240),
}
_BANDWIDTHS_HZ = (60, 90, 150)


@dataclass(frozen=True)
class Voice:
    """A speaker.

    Attributes:
        pitch_hz: mean.
        tract: factor on all formants; 1 is a man's.
        breath: noise in each pulse, relative to it.
    """

    pitch_hz: float
    tract: float
    breath: float


VOICES = {"bass": Voice(105.0, 1.0, 0.02), "alto": Voice(205.0, 1.17, 0.05)}
"""Speakers by name."""


@dataclass(frozen=True, eq=False)
class Speech:
    """What a voice says.

    Attributes:
        samples: shape ``(samples,)``.
        phones: each with its end in seconds; ``pau`` is a pause.
    """

    samples: NDArray[np.float32]
    phones: list[tuple[str, float]]


def synthesise_voice(voice: Voice, seconds: float, sample_rate: int, seed: int) -> Speech:
    """Babble, with pauses of a tenth of a second between phrases."""
    random = np.random.default_rng(seed)
    parts: list[NDArray[np.float64]] = []
    names: list[str] = []
    length = round(seconds * sample_rate)
    while sum(map(len, parts)) < length:
        for number in range(int(random.integers(2, 6))):
            names.append(str(random.choice(list(_VOWELS))))
            parts.append(_syllable(voice, _VOWELS[names[-1]], 0.95**number, sample_rate, random))
        names.append("pau")
        parts.append(1e-4 * random.standard_normal(sample_rate // 10))
    whole = np.concatenate(parts)[:length]
    ends = np.minimum(np.cumsum([len(part) for part in parts]), length) / sample_rate
    starts = [0.0, *ends[:-1]]
    phones = [(name, float(end)) for name, start, end in zip(names, starts, ends, strict=True) if end > start]
    return Speech(np.asarray(0.6 * whole / max(float(np.abs(whole).max()), 1e-9), np.float32), phones)


def _syllable(
    voice: Voice, formants: tuple[int, ...], fall: float, sample_rate: int, random: np.random.Generator
) -> NDArray[np.float64]:
    length = round(float(random.uniform(0.12, 0.3)) * sample_rate)
    pitch = voice.pitch_hz * fall * np.linspace(1.05, 0.95, length) * float(random.uniform(0.95, 1.05))
    phase = np.cumsum(pitch) / sample_rate
    pulses = np.diff(np.floor(phase), prepend=0.0) + voice.breath * random.standard_normal(length)
    sound = signal.lfilter([1.0], [1.0, -0.95], pulses)  # the glottis: -6 dB per octave
    for hz, bandwidth in zip(formants, _BANDWIDTHS_HZ, strict=True):
        centre = min(hz * voice.tract, 0.45 * sample_rate)
        radius = np.exp(-np.pi * bandwidth / sample_rate)
        poles = [1.0, -2 * radius * np.cos(2 * np.pi * centre / sample_rate), radius**2]
        sound = signal.lfilter([sum(poles)], poles, sound)
    ramp = np.minimum(1.0, np.minimum(np.arange(length), np.arange(length)[::-1]) / (0.02 * sample_rate))
    return np.asarray(sound * ramp)
