# SPDX-License-Identifier: MIT
"""Devices as signal flows, beside the circuits: what has a loudspeaker, a spring, or a gain that moves.

Each takes a dry signal of full scale 1, shape ``(frames,)``, and a sample rate in Hz, and gives the wet one, float32.
None is a model of one product; each has the one property that makes its kind hard to learn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from fxtrain.audio.envelopes import follow_envelope
from fxtrain.errors import ConfigError

__all__ = [
    "EFFECTS",
    "amplifier",
    "amplifier_with_sag",
    "cabinet_response",
    "get_effect",
    "plate_response",
    "play_through_cabinet",
    "spring_response",
]

Signal: TypeAlias = NDArray[np.float32]
Vector: TypeAlias = NDArray[np.float64]
Effect: TypeAlias = Callable[[Signal, int], Signal]

_OVERSAMPLING = 4


def cabinet_response(seconds: float, sample_rate: int, *, seed: int = 0) -> Vector:
    """The impulse response of a loudspeaker in a room: a band from 90 Hz to 5 kHz with resonances, then reflections.

    Energy falls by 60 dB over its length. A delay of 1 ms stands for the way to the microphone.

    Args:
        seconds: length.
        sample_rate: in Hz.
        seed: of resonances and reflections.
    """
    rng = np.random.default_rng(seed)
    count = round(seconds * sample_rate)
    time = np.arange(count) / sample_rate
    delay = round(1e-3 * sample_rate)
    direct = np.zeros(count)
    direct[delay] = 1.0
    for frequency in (95.0, 410.0, 1150.0, 2300.0, 3400.0):  # the cone's modes
        decay = min(rng.uniform(4.0, 9.0) / frequency, seconds / 7.0)
        mode = np.exp(-time / decay) * np.sin(2 * np.pi * frequency * rng.uniform(0.95, 1.05) * time)
        direct[delay:] += rng.uniform(0.05, 0.12) * mode[: count - delay]
    room = rng.standard_normal(count) * 10 ** (-3.0 * time / seconds)
    room *= time > 3e-3
    low = signal.butter(2, 90.0, "highpass", fs=sample_rate, output="sos")
    high = signal.butter(4, 5000.0, "lowpass", fs=sample_rate, output="sos")
    response = signal.sosfilt(high, signal.sosfilt(low, direct + 0.03 * room))
    response[-count // 10 :] *= np.linspace(1.0, 0.0, len(response[-count // 10 :]))
    made: Vector = response / np.sqrt(np.sum(response**2))
    return made


def spring_response(sample_rate: int, *, seconds: float = 2.0) -> Vector:
    """The impulse response of a spring tank: chirps, as a spring carries low frequencies first, each echo longer.

    Source: Abel, Berners, Costello and Smith, "Spring reverb emulation using dispersive allpass filters in a waveguide
    structure", 2006: the delay of a spring below its transition frequency, here 4.3 kHz.
    """
    size = 1 << (round(seconds * sample_rate) - 1).bit_length()
    frequency = np.fft.rfftfreq(size, 1 / sample_rate)
    below = np.clip(frequency / 4300.0, 0.0, 0.98)
    one_way = 0.033 / np.sqrt(1.0 - below**2)  # seconds: slower towards the transition
    phase = 2 * np.pi * np.cumsum(one_way) * (frequency[1] - frequency[0])
    band = 1.0 / (1.0 + (frequency / 4000.0) ** 8) * frequency / (frequency + 150.0)
    spectrum = np.zeros(len(frequency), np.complex128)
    for echo in range(1, 40):
        spectrum += band**echo * 0.82**echo * np.exp(-1j * (2 * echo - 1) * phase)
    response = np.fft.irfft(spectrum)[: round(seconds * sample_rate)]
    made: Vector = response / np.sqrt(np.sum(response**2))
    return made


def plate_response(sample_rate: int, *, seconds: float = 1.5, seed: int = 0) -> Vector:
    """The impulse response of a plate: dense from the start, treble decaying faster than bass."""
    rng = np.random.default_rng(seed)
    count = round(seconds * sample_rate)
    time = np.arange(count) / sample_rate
    response = np.zeros(count)
    for low, high, decay in ((100.0, 800.0, 0.5), (800.0, 3000.0, 0.35), (3000.0, 9000.0, 0.2)):
        band = signal.butter(2, (low, high), "bandpass", fs=sample_rate, output="sos")
        response += signal.sosfilt(band, rng.standard_normal(count)) * np.exp(-6.9 * time / (seconds * decay * 2))
    made: Vector = response / np.sqrt(np.sum(response**2))
    return made


def play_through_cabinet(dry: NDArray[Any], response: Vector) -> Signal:
    """A signal through an impulse response, cut to its own length."""
    wet: Signal = signal.oaconvolve(dry, response)[: len(dry)].astype(np.float32)
    return wet


def amplifier(dry: Signal, sample_rate: int) -> Signal:
    """A high-gain amplifier: two stages with filters between them, into a power stage, none with a slow state."""

    def play(x: Vector, rate: int) -> Vector:
        first = np.tanh(8.0 * _highpass(x, 90.0, rate) + 0.3) - np.tanh(0.3)
        return np.tanh(4.5 * _lowpass(_highpass(first, 150.0, rate), 6000.0, rate))

    return _oversampled(play, dry, sample_rate, gain=0.6)


def amplifier_with_sag(dry: Signal, sample_rate: int) -> Signal:
    """Two valve stages into a power stage whose supply gives way under load, by 40 % over 60 ms, back over 250 ms."""

    def play(x: Vector, rate: int) -> Vector:
        first = np.tanh(3.5 * _highpass(x, 70.0, rate) + 0.25) - np.tanh(0.25)
        second = _lowpass(_highpass(2.2 * first, 110.0, rate), 6500.0, rate)
        supply = 1.0 - 0.4 * np.minimum(_level(second, 60.0, 250.0, rate), 1.0)
        return supply * np.tanh(1.6 * second / supply)

    return _oversampled(play, dry, sample_rate, gain=0.8)


def compressor(dry: Signal, sample_rate: int) -> Signal:
    """An optical compressor: a lamp on a photoresistor, which lights within 15 ms and goes dark in two stages, of 80 ms
    and 1.2 s."""
    fast, slow = _level(dry, 15.0, 80.0, sample_rate), _level(dry, 60.0, 1200.0, sample_rate)
    light = 0.6 * fast + 0.4 * slow
    gain = (1.0 + (light / 0.03) ** 2) ** -0.35
    return (2.2 * gain * dry).astype(np.float32)


def bias_shift_fuzz(dry: Signal, sample_rate: int) -> Signal:
    """A fuzz whose coupling capacitor charges while the input is clipped: it splutters, and gates as notes die."""

    def play(x: Vector, rate: int) -> Vector:
        driven = 25.0 * _lowpass(_highpass(x, 60.0, rate), 5000.0, rate)
        bias = 0.9 * np.minimum(_level(driven, 8.0, 180.0, rate), 2.5)
        clipped = np.clip(driven - bias, -0.55, 1.0)
        return _lowpass(_highpass(clipped + 0.55 * np.tanh(bias), 40.0, rate), 7000.0, rate)

    return _oversampled(play, dry, sample_rate, gain=0.5)


def octave_fuzz(dry: Signal, sample_rate: int) -> Signal:
    """A full-wave rectifier into soft clipping: no linear part at all."""

    def play(x: Vector, rate: int) -> Vector:
        folded = np.sqrt(_lowpass(_highpass(x, 80.0, rate), 6000.0, rate) ** 2 + 1e-5) - np.sqrt(1e-5)
        return np.tanh(6.0 * _highpass(folded, 60.0, rate))

    return _oversampled(play, dry, sample_rate, gain=0.5)


def spring_reverb(dry: Signal, sample_rate: int) -> Signal:
    """A spring tank beside the dry signal, driven softly into its transistor."""
    driven = np.tanh(1.5 * dry.astype(np.float64)) / 1.5
    wet = signal.oaconvolve(driven, spring_response(sample_rate))[: len(dry)]
    return _mixed(dry, wet, 0.5)


def plate_reverb(dry: Signal, sample_rate: int) -> Signal:
    """A plate beside the dry signal."""
    wet = signal.oaconvolve(dry.astype(np.float64), plate_response(sample_rate))[: len(dry)]
    return _mixed(dry, wet, 0.4)


def chorus(dry: Signal, sample_rate: int) -> Signal:
    """A copy that is 6 to 10 ms late, at 0.8 Hz, beside the dry signal: its delay has a time of its own."""
    time = np.arange(len(dry)) / sample_rate
    late = (8e-3 + 2e-3 * np.sin(2 * np.pi * 0.8 * time)) * sample_rate
    position = np.arange(len(dry)) - late
    wet = np.interp(position, np.arange(len(dry)), dry, left=0.0)
    return _mixed(dry, wet, 0.7)


EFFECTS: dict[str, Effect] = {
    "amplifier": amplifier,
    "amplifier-with-sag": amplifier_with_sag,
    "compressor": compressor,
    "bias-shift-fuzz": bias_shift_fuzz,
    "octave-fuzz": octave_fuzz,
    "spring-reverb": spring_reverb,
    "plate-reverb": plate_reverb,
    "chorus": chorus,
}
"""Effects by name."""


def get_effect(name: str) -> Effect:
    """The effect of that name."""
    if name not in EFFECTS:
        raise ConfigError(f"there is no effect {name!r}; choose one of {', '.join(EFFECTS)}.")
    return EFFECTS[name]


def _mixed(dry: Signal, wet: Vector, share: float) -> Signal:
    mixed: Signal = (0.7 * dry + share * wet).astype(np.float32)
    return mixed


def _oversampled(play: Callable[[Vector, int], Vector], dry: Signal, sample_rate: int, *, gain: float) -> Signal:
    """Distorts at four times the rate, so that next to nothing folds back."""
    up = signal.resample_poly(dry.astype(np.float64), _OVERSAMPLING, 1)
    wet = signal.resample_poly(play(up, _OVERSAMPLING * sample_rate), 1, _OVERSAMPLING)
    scaled: Signal = (gain * wet[: len(dry)]).astype(np.float32)
    return scaled


def _level(x: NDArray[Any], attack_ms: float, release_ms: float, rate: int) -> Vector:
    row = np.ascontiguousarray(x, np.float32)[None]
    levels: Vector = follow_envelope(row, (attack_ms, release_ms), rate)[0][0].astype(np.float64)
    return levels


def _highpass(x: Vector, frequency: float, rate: int) -> Vector:
    made: Vector = signal.sosfilt(signal.butter(1, frequency, "highpass", fs=rate, output="sos"), x)
    return made


def _lowpass(x: Vector, frequency: float, rate: int) -> Vector:
    made: Vector = signal.sosfilt(signal.butter(2, frequency, "lowpass", fs=rate, output="sos"), x)
    return made
