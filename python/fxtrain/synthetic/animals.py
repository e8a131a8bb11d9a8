# SPDX-License-Identifier: MIT
"""Calls of animals, made from a few parameters each: sounds of several classes for demos and tests."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from fxtrain.errors import ConfigError
from fxtrain.text import quoted

__all__ = ["CALLS", "synthesise_calls"]

Vector = NDArray[np.float64]
_PEAK = 0.9


def synthesise_calls(kind: str, seconds: float, sample_rate: int, seed: int) -> NDArray[np.float32]:
    """An animal that calls again and again, with pauses.

    One seed is one animal: its calls are alike, but no two are the same.

    Args:
        kind: one of :data:`CALLS`.
        seconds: length.
        sample_rate: in Hz; what lies above half of it is left out.
        seed: of the animal and its calls.

    Returns:
        Shape ``(frames,)``, with a peak of 0.9.
    """
    if kind not in CALLS:
        raise ConfigError(f"unknown call {quoted(kind)}; there are {', '.join(CALLS)}")
    call, shortest, longest = CALLS[kind]
    random = np.random.default_rng([zlib.crc32(kind.encode()), seed])
    animal = random.uniform(size=6)
    sound = np.zeros(round(seconds * sample_rate))
    at = round(random.uniform(0.0, 0.3) * sample_rate)
    pace = random.uniform(0.7, 1.3)
    while at < len(sound):
        one = call(animal, random, sample_rate) * random.uniform(0.7, 1.0)
        end = min(at + len(one), len(sound))
        sound[at:end] += one[: end - at]
        at = end + round(pace * random.uniform(shortest, longest) * sample_rate)
    sound += 1e-4 * random.standard_normal(len(sound))
    return np.asarray(sound * (_PEAK / np.abs(sound).max()), dtype=np.float32)


def _bark(animal: Vector, random: np.random.Generator, rate: int) -> Vector:
    """A burst of noise over a falling, rough voice, shaped by the resonance of a muzzle."""
    length = round(rate * (0.11 + 0.12 * animal[0]) * random.uniform(0.9, 1.1))
    t = np.arange(length) / rate
    pitch = (150 + 250 * animal[1]) * random.uniform(0.95, 1.05) * (1.25 - 0.5 * t / t[-1])
    voice = _harmonics(pitch, rate, tilt=0.75)
    rough = voice * 0.7 + 0.6 * random.standard_normal(length)
    envelope = np.minimum(1.0, t / 0.012) * np.exp(-t * (9 + 10 * animal[2]))
    return _resonances(rough * envelope, rate, [(450 + 350 * animal[3], 180.0), (1150 + 500 * animal[4], 260.0)])


def _meow(animal: Vector, random: np.random.Generator, rate: int) -> Vector:
    """A voice that rises and falls while the mouth opens and closes."""
    length = round(rate * (0.5 + 0.5 * animal[0]) * random.uniform(0.85, 1.15))
    t = np.linspace(0.0, 1.0, length)
    base = (330 + 280 * animal[1]) * random.uniform(0.96, 1.04)
    peak = 0.2 + 0.3 * animal[2]
    shape = np.where(t < peak, np.sin(0.5 * np.pi * t / peak), np.cos(0.5 * np.pi * (t - peak) / (1 - peak)))
    vibrato = 1 + 0.012 * np.sin(2 * np.pi * (5 + 2 * animal[3]) * t * length / rate + 6 * random.uniform())
    voice = _harmonics(base * (1 + (0.25 + 0.25 * animal[4]) * shape) * vibrato, rate, tilt=0.62)
    breath = 0.02 * random.standard_normal(length)
    envelope = np.minimum(1.0, t / 0.08) * np.minimum(1.0, (1 - t) / 0.3)
    closed = _resonances((voice + breath) * envelope, rate, [(600.0, 150.0), (1300.0, 250.0)])
    opened = _resonances((voice + breath) * envelope, rate, [(950.0, 180.0), (1650.0, 250.0)])
    return np.asarray(closed * (1 - shape) + opened * shape)


def _moo(animal: Vector, random: np.random.Generator, rate: int) -> Vector:
    """A long, low voice."""
    length = round(rate * (0.9 + 0.6 * animal[0]) * random.uniform(0.9, 1.1))
    t = np.linspace(0.0, 1.0, length)
    pitch = (95 + 75 * animal[1]) * random.uniform(0.97, 1.03) * (1 + 0.25 * np.minimum(1, t / 0.3) - 0.2 * t**3)
    voice = _harmonics(pitch, rate, tilt=0.85) + 0.03 * random.standard_normal(length)
    envelope = np.minimum(1.0, t / 0.15) * np.minimum(1.0, (1 - t) / 0.2)
    return _resonances(voice * envelope, rate, [(300 + 120 * animal[2], 90.0), (700 + 200 * animal[3], 130.0)])


def _chirp(animal: Vector, random: np.random.Generator, rate: int) -> Vector:
    """A phrase of short whistles, each a glide, as small birds sing."""
    notes = []
    centre = min(1000 + 500 * animal[0], 0.36 * rate)
    for _ in range(2 + int(4 * animal[1])):
        length = round(rate * (0.06 + 0.1 * animal[2]) * random.uniform(0.9, 1.1))
        t = np.linspace(0.0, 1.0, length)
        pitch = centre * (1 + (0.5 * animal[3] - 0.25) * (1 - 2 * t)) * random.uniform(0.97, 1.03)
        phase = 2 * np.pi * np.cumsum(pitch) / rate
        notes += [
            np.sin(phase) * np.maximum(np.sin(np.pi * t), 0.0) ** 0.7,
            np.zeros(round(rate * (0.02 + 0.06 * animal[4]))),
        ]
    return np.concatenate(notes)


def _trill(animal: Vector, random: np.random.Generator, rate: int) -> Vector:
    """A whistle whose pitch swings quickly."""
    length = round(rate * (0.4 + 0.5 * animal[0]) * random.uniform(0.9, 1.1))
    t = np.arange(length) / rate
    centre = min((1050 + 450 * animal[1]) * random.uniform(0.98, 1.02), 0.36 * rate)
    pitch = centre * (1 + (0.06 + 0.12 * animal[2]) * np.sin(2 * np.pi * (14 + 14 * animal[3]) * t))
    envelope = np.sqrt(np.maximum(np.sin(np.pi * t / t[-1]), 0.0))
    return np.asarray(np.sin(2 * np.pi * np.cumsum(pitch) / rate) * envelope)


CALLS: dict[str, tuple[Callable[[Vector, np.random.Generator, int], Vector], float, float]] = {
    "bark": (_bark, 0.15, 0.7),
    "meow": (_meow, 0.3, 0.9),
    "moo": (_moo, 0.3, 0.9),
    "chirp": (_chirp, 0.2, 0.7),
    "trill": (_trill, 0.25, 0.8),
}
"""Each kind of call with its shortest and longest pause in seconds."""


def _harmonics(pitch: Vector, rate: int, *, tilt: float) -> Vector:
    """A periodic voice: harmonics of a gliding pitch in Hz, each ``tilt`` times as strong as the one below."""
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    voice = np.zeros(len(pitch))
    for number in range(1, 40):
        audible = pitch * number < 0.45 * rate
        if not audible.any():
            break
        voice += np.where(audible, tilt**number * np.sin(number * phase), 0.0)
    return voice


def _resonances(sound: Vector, rate: int, peaks: list[tuple[float, float]]) -> Vector:
    """The sum of band-passed copies: (centre, bandwidth) in Hz."""
    total = np.zeros(len(sound))
    for centre, width in peaks:
        low, high = max(centre - width, 30.0), min(centre + width, 0.48 * rate)
        if low < high:
            total += scipy.signal.sosfilt(scipy.signal.butter(1, [low, high], "bandpass", fs=rate, output="sos"), sound)
    peak = float(np.abs(total).max())
    return total / peak if peak > 0 else total
