# SPDX-License-Identifier: MIT
"""The standard test signal: three minutes to play into a device and record, from which a model of it is learnt.

A model learns from playing, so playing is what most of it is; the rest shows what playing leaves out: silence for the
noise floor, sweeps for the whole band, swells for every level, a passage twice to tell whether the device does the
same twice. :data:`SECTIONS` is the table of contents.

Why in this order: ``fit`` trains on the first 80 % of a recording, chooses the best weights on the next 10 % and tests
on the last (:mod:`fxtrain.data.split`), with guards between. So all that is systematic, and both turns of the repeated
passage, lie before 143.5 s; validation and test are guitar that training has not heard, each of them long enough for
every kind of phrase.

Every section begins and ends in exact silence, so that no join clicks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter

from fxtrain.errors import ConfigError
from fxtrain.synthetic import synthesise_guitar
from fxtrain.synthetic.guitar import OPEN_STRINGS, PEAK, Pluck, Tone, play_plucks

__all__ = ["SECONDS", "SECTIONS", "Section", "capture_signal"]

Vector = NDArray[np.float64]

SECONDS = 180
"""Length at every sample rate, to the frame."""


@dataclass(frozen=True)
class Section:
    """A part of the signal.

    Attributes:
        name: what is played.
        start_seconds: its first frame, at any rate.
        end_seconds: one past its last.
        purpose: what it is for.
    """

    name: str
    start_seconds: float
    end_seconds: float
    purpose: str


SECTIONS = (
    Section("silence", 0, 2, "exact zeros: the noise floor, and hum"),
    Section("loud sweep", 2, 5.5, "30 Hz to 20 kHz, as loud as playing and as dark: the whole band, driven"),
    Section("soft sweep", 5.5, 9, "the same 30 dB softer: the whole band, hardly driven"),
    Section("swells and bursts", 9, 14, "sines rising by 58 dB, and soft ones after loud: curve and recovery"),
    Section("repeated passage", 14, 23, "playing after a second of silence; comes again, bit for bit"),
    Section("single notes", 23, 39, "from the lowest to the highest, soft and hard, on both pickups"),
    Section("ringing chords", 39, 51, "open chords at six strengths, left to ring"),
    Section("rising chord", 51, 56, "one chord struck twelve times, from very soft to as hard as it goes"),
    Section("palm mutes", 56, 68, "muted riffs with open accents and dead strokes, on both pickups"),
    Section("phrases", 68, 119, "riffs, strumming, arpeggios, lines with bends and vibrato, in several keys"),
    Section("guitar turned down", 119, 134, "playing with the volume knob at -8, -16 and -26 dB, and darker with it"),
    Section("repeated passage again", 134, 143, "the very samples of the first: does the device do the same twice?"),
    Section("song", 143, 180, "playing of all kinds: what validates and tests the model"),
)
"""What is played when; one follows another without gaps."""


def capture_signal(sample_rate: int = 48_000) -> NDArray[np.float32]:
    """The standard test signal.

    Args:
        sample_rate: in hertz, 16 kHz or more. Each rate is rendered afresh: the same music, not the same noise.

    Returns:
        Shape ``(180 * sample_rate,)``. Peaks at -1.5 dBFS, has no offset, and holds 24-bit values: a file of 24 bits
        keeps it exactly. The same on every call.

    Raises:
        ConfigError: too low a rate.
    """
    if sample_rate < 16000:
        raise ConfigError(f"the sample rate is {sample_rate} Hz; give 16000 Hz or more.")
    signal = np.zeros(SECONDS * sample_rate)
    for section in SECTIONS:
        seconds = section.end_seconds - section.start_seconds
        start = round(section.start_seconds * sample_rate)
        part = _RENDER[section.name](seconds, sample_rate)
        signal[start : start + len(part)] = part
    rounded: NDArray[np.float32] = (np.round(signal * 2.0**23) / 2.0**23).astype(np.float32)
    return rounded


_BRIDGE = Tone(pick_position=0.11, pickup_position=0.06, resonance_hz=3400.0, resonance_q=1.5)
_NECK = Tone(pick_position=0.2, pickup_position=0.24, resonance_hz=4300.0, resonance_q=2.0)

_LOUD_SWEEP = 10 ** (-15 / 20)  # an RMS of -18 dBFS, that of hard playing: a sweep has no transients

_OPEN_CHORDS = {  # frets from the lowest string to the highest, x for a string that rests
    "E": "022100",
    "Am": "x02210",
    "G": "320003",
    "D": "xx0232",
    "C": "x32010",
    "F": "133211",
}


def _silence(seconds: float, sample_rate: int) -> Vector:
    return np.zeros(round(seconds * sample_rate))


def _loud_sweep(seconds: float, sample_rate: int) -> Vector:
    return _sweep(seconds, sample_rate, _LOUD_SWEEP)


def _soft_sweep(seconds: float, sample_rate: int) -> Vector:
    return _sweep(seconds, sample_rate, _LOUD_SWEEP * 10 ** (-30 / 20))


def _sweep(seconds: float, sample_rate: int, level: float) -> Vector:
    """An exponential sweep, and half a second of silence for what rings on.

    Source: Farina, "Simultaneous measurement of impulse response and distortion with a swept-sine technique", 2000; but
    softer above 3 kHz, by 12 dB per octave, as what comes from a pickup is: a full sweep's treble would outweigh all
    playing wherever treble is emphasised, as when the lag is looked for and in training. It begins below the lowest
    tuned-down string.
    """
    duration = seconds - 0.5
    time = np.arange(round(duration * sample_rate)) / sample_rate
    low, high = 30.0, min(20000.0, 0.45 * sample_rate)
    scale = duration / np.log(high / low)
    frequency = low * np.exp(time / scale)
    sweep = level * np.sin(2 * np.pi * scale * (frequency - low)) / (1 + (frequency / 3000.0) ** 2)
    sweep *= _fades(len(sweep), round(0.05 * sample_rate), round(0.01 * sample_rate))
    return _padded(sweep, seconds, sample_rate)


def _swells_and_bursts(seconds: float, sample_rate: int) -> Vector:
    """Fifths of sines: swelling by 58 dB, which shows the curve at every level, then stepping from loud to soft, which
    shows how long the device takes to recover."""
    out = np.zeros(round(seconds * sample_rate))
    for number, frequency in enumerate((82.4, 330.0)):
        time = np.arange(round(1.5 * sample_rate)) / sample_rate
        swell = _fifth(frequency, time) * 10 ** (-58 / 20 * (1 - time / time[-1]))
        swell *= _fades(len(swell), round(0.01 * sample_rate), round(0.02 * sample_rate))
        _put(out, swell, 1.6 * number, sample_rate)
        time = np.arange(round(0.8 * sample_rate)) / sample_rate
        burst = _fifth(frequency, time) * 10 ** (-30 / 20 * np.clip((time - 0.25) / 0.005, 0.0, 1.0))
        burst *= _fades(len(burst), round(0.005 * sample_rate), round(0.02 * sample_rate))
        _put(out, burst, 3.2 + 0.85 * number, sample_rate)
    return _at_peak(out)


def _fifth(frequency: float, time: Vector) -> Vector:
    tones: Vector = np.sin(2 * np.pi * frequency * time) + np.sin(2 * np.pi * 1.5 * frequency * time)
    return tones


def _repeated_passage(seconds: float, sample_rate: int) -> Vector:
    """A second of silence, in which the device forgets what came before, then playing."""
    out = np.zeros(round(seconds * sample_rate))
    _put(out, synthesise_guitar(seconds - 1.5, sample_rate, seed=2026), 1.0, sample_rate)
    return out


def _single_notes(seconds: float, sample_rate: int) -> Vector:
    """Four times up the neck in minor thirds, each time a semitone on, so that every fret is played once or more."""
    passes = ((_BRIDGE, 1.0), (_NECK, 0.15), (_NECK, 0.8), (_BRIDGE, 0.3))
    length = seconds / len(passes)
    out = np.zeros(round(seconds * sample_rate))
    for number, (tone, velocity) in enumerate(passes):
        notes = range(OPEN_STRINGS[0] + number, 88, 3)
        step = (length - 0.3) / len(notes)
        plucks = [
            Pluck(_string(note), 0.02 + index * step, 0.02 + (index + 0.95) * step, note, velocity)
            for index, note in enumerate(notes)
        ]
        _put(out, _play(plucks, tone, length, sample_rate, seed=number), number * length, sample_rate)
    return _at_peak(out)


def _ringing_chords(seconds: float, sample_rate: int) -> Vector:
    strengths = (1.0, 0.12, 0.6, 0.25, 0.85, 0.4)
    length = seconds / len(_OPEN_CHORDS)
    out = np.zeros(round(seconds * sample_rate))
    for number, (frets, velocity) in enumerate(zip(_OPEN_CHORDS.values(), strengths, strict=True)):
        plucks = _strum(frets, 0.02, length - 0.25, velocity)
        tone = _NECK if number % 2 else _BRIDGE
        _put(out, _play(plucks, tone, length, sample_rate, seed=10 + number), number * length, sample_rate)
    return _at_peak(out)


def _rising_chord(seconds: float, sample_rate: int) -> Vector:
    """A power chord on A, each stroke 3.5 dB louder than the last."""
    count = 12
    step = (seconds - 0.3) / count
    plucks = []
    for number in range(count):
        velocity = 10 ** (-3.5 * (count - 1 - number) / 26)  # amplitude is velocity to the power of 1.3
        plucks += _strum("x022xx", 0.02 + number * step, 0.02 + (number + 0.97) * step, velocity)
    return _at_peak(_play(plucks, _BRIDGE, seconds, sample_rate, seed=20))


def _palm_mutes(seconds: float, sample_rate: int) -> Vector:
    """Eighths at 140 beats per minute: muted root and fifth, open accents on 1, 4 and 7, and dead strokes."""
    length = seconds / 2
    step = 60 / 140 / 2
    out = np.zeros(round(seconds * sample_rate))
    for number, (tone, depth) in enumerate(((_BRIDGE, 0.45), (_NECK, 0.65))):
        plucks: list[Pluck] = []
        for index in range(int((length - 0.3) / step)):
            at = 0.02 + index * step
            bar = index // 8
            root = ("022xxx", "355xxx", "577xxx", "133xxx")[bar % 4]
            strength = (1.0, 0.35, 0.7, 0.18)[bar % 4]
            if index % 8 in (0, 3, 6):
                plucks += _strum(root, at, at + 0.95 * step, strength)
            elif index % 8 == 7:
                plucks += _strum("xx222x", at, at + 0.5 * step, strength, mute=0.95)
            else:
                plucks += _strum(root[:2] + "xxxx", at, at + 0.9 * step, 0.9 * strength, mute=depth)
        _put(out, _play(plucks, tone, length, sample_rate, seed=30 + number), number * length, sample_rate)
    return _at_peak(out)


def _phrases(seconds: float, sample_rate: int) -> Vector:
    return synthesise_guitar(seconds, sample_rate, seed=101).astype(np.float64)


def _guitar_turned_down(seconds: float, sample_rate: int) -> Vector:
    """The volume knob's resistance and the cable's capacitance take treble with the level."""
    b, a = butter(1, 3000.0, fs=sample_rate)
    length = seconds / 3
    out = np.zeros(round(seconds * sample_rate))
    for number, gain_db in enumerate((-8.0, -16.0, -26.0)):
        playing = synthesise_guitar(length - 0.2, sample_rate, seed=201 + number)
        _put(out, 10 ** (gain_db / 20) * lfilter(b, a, playing), number * length, sample_rate)
    return out


def _song(seconds: float, sample_rate: int) -> Vector:
    return synthesise_guitar(seconds, sample_rate, seed=301).astype(np.float64)


_RENDER: Mapping[str, Callable[[float, int], Vector]] = {
    "silence": _silence,
    "loud sweep": _loud_sweep,
    "soft sweep": _soft_sweep,
    "swells and bursts": _swells_and_bursts,
    "repeated passage": _repeated_passage,
    "single notes": _single_notes,
    "ringing chords": _ringing_chords,
    "rising chord": _rising_chord,
    "palm mutes": _palm_mutes,
    "phrases": _phrases,
    "guitar turned down": _guitar_turned_down,
    "repeated passage again": _repeated_passage,
    "song": _song,
}


def _play(plucks: list[Pluck], tone: Tone, seconds: float, sample_rate: int, *, seed: int) -> Vector:
    generator = np.random.default_rng(seed)
    return play_plucks(plucks, tone, 0, round(seconds * sample_rate), sample_rate, generator)


def _strum(frets: str, start: float, stop: float, velocity: float, *, mute: float = 0.0) -> list[Pluck]:
    """One down-stroke over the fretted strings, 6 ms apart."""
    fretted = [(string, int(fret)) for string, fret in enumerate(frets) if fret != "x"]
    return [
        Pluck(string, start + 0.006 * order, stop, OPEN_STRINGS[string] + fret, velocity, mute=mute)
        for order, (string, fret) in enumerate(fretted)
    ]


def _string(note: int) -> int:
    """The string on which a note lies nearest to the nut."""
    return max(string for string, open_note in enumerate(OPEN_STRINGS) if open_note <= note)


def _fades(num_frames: int, fade_in: int, fade_out: int) -> Vector:
    """Raised cosines at both ends."""
    envelope = np.ones(num_frames)
    envelope[:fade_in] = 0.5 - 0.5 * np.cos(np.pi * np.arange(fade_in) / fade_in)
    envelope[num_frames - fade_out :] = 0.5 + 0.5 * np.cos(np.pi * np.arange(1, fade_out + 1) / fade_out)
    return envelope


def _put(out: Vector, part: NDArray[np.floating], start: float, sample_rate: int) -> None:
    first = round(start * sample_rate)
    out[first : first + len(part)] += part[: len(out) - first]


def _padded(part: Vector, seconds: float, sample_rate: int) -> Vector:
    return np.pad(part, (0, round(seconds * sample_rate) - len(part)))


def _at_peak(part: Vector) -> Vector:
    scaled: Vector = part * (PEAK / np.abs(part).max())
    return scaled
