# SPDX-License-Identifier: MIT
"""A direct guitar signal, played by rules and synthesised from plucked strings.

A score of short phrases (strummed chords, palm-muted riffs, single-note lines with bends and vibrato, arpeggios,
muted strokes, rests) in changing keys, tempi, pickups and dynamics is played on six waveguide strings. All kinds of
phrases come round within about twenty seconds, so that any part of a longer recording has met all that another part
asks for.

Each pluck travels a string as in C. R. Sullivan, "Extending the Karplus-Strong algorithm to synthesize electric
guitar timbres with distortion and feedback", Computer Music Journal 14(3), 1990: pick position and pickup position
are combs, the pickup's resonance a second-order low-pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.signal import bilinear, butter, lfilter, sosfilt

from fxtrain import _circuit
from fxtrain.errors import ConfigError

__all__ = ["OPEN_STRINGS", "PEAK", "Pluck", "Tone", "play_plucks", "synthesise_guitar"]

Vector = NDArray[np.float64]

OPEN_STRINGS = (40, 45, 50, 55, 59, 64)
"""MIDI notes of the open strings, low E to high E."""

HOP = 32
"""Frames between two control values of a string."""

RING_SECONDS = 0.6
"""How long the last notes of a section may ring into the next."""

PEAK = 10 ** (-1.5 / 20)
"""Level of the loudest moment of a recording."""


@dataclass(frozen=True)
class Pluck:
    """One stroke of the pick on one string."""

    string: int
    start: float  # seconds
    stop: float  # when the string is stopped, if nothing plays it before
    note: float  # MIDI note, reached after `glide`
    velocity: float  # 0 to 1; amplitude grows as its power of 1.3
    mute: float = 0.0  # palm mute: 0 open to 1 dead
    slide: float = 0.0  # semitones from which the note is bent or slid up (negative: from below)
    glide: float = 0.0  # seconds for it
    vibrato: float = 0.0  # semitones, peak


@dataclass(frozen=True)
class Tone:
    """What the guitarist chose for a while: pickup, pick position, key and tempo, the last two for phrases only."""

    pick_position: float  # share of the string's length from the bridge
    pickup_position: float  # the same, for the open string
    resonance_hz: float
    resonance_q: float
    root: int = 40  # MIDI note of the key, within the low octave
    minor: bool = True
    beat: float = 0.5  # seconds


@dataclass
class _Score:
    """Plucks written so far and the time that the next phrase starts at."""

    generator: np.random.Generator
    plucks: list[Pluck] = field(default_factory=list)
    now: float = 0.0

    def uniform(self, low: float, high: float) -> float:
        return float(self.generator.uniform(low, high))

    def choose(self, options: tuple[int, ...]) -> int:
        return options[int(self.generator.integers(len(options)))]

    def chance(self, probability: float) -> bool:
        return bool(self.generator.random() < probability)

    def place(self, note: int, *, low_position: bool = True) -> int:
        """A string on which the note can be fretted: near the nut, or one string lower and further up."""
        possible = [string for string, open_note in enumerate(OPEN_STRINGS) if 0 <= note - open_note <= 17]
        if not possible:
            return 0 if note < OPEN_STRINGS[0] else len(OPEN_STRINGS) - 1
        return possible[-1] if low_position or len(possible) == 1 else possible[-2]

    def pluck(self, note: int, start: float, length: float, velocity: float, **how: float) -> None:
        string = self.place(note, low_position=self.chance(0.6))
        start += abs(float(self.generator.normal(0.0, 0.004)))
        self.plucks.append(Pluck(string, start, start + length, float(note), velocity, **how))

    def strum(
        self, notes: list[int], start: float, length: float, velocity: float, *, up: bool = False, mute: float = 0.0
    ) -> None:
        """A chord, one note on each string from the lowest that fits, spread over 10 to 45 ms."""
        spread = self.uniform(0.002, 0.009)
        strings: list[tuple[int, int]] = []
        free = 0
        for note in sorted(notes):
            fitting = [s for s in range(free, len(OPEN_STRINGS)) if 0 <= note - OPEN_STRINGS[s] <= 14]
            if fitting:
                strings.append((fitting[0], note))
                free = fitting[0] + 1
        for order, (string, note) in enumerate(reversed(strings) if up else strings):
            at = start + order * spread
            loudness = velocity * self.uniform(0.85, 1.0) * (0.9 if up else 1.0) * max(len(strings), 1) ** -0.35
            self.plucks.append(Pluck(string, at, start + length, float(note), loudness, mute=mute))


def synthesise_guitar(seconds: float, sample_rate: int, seed: int = 0) -> NDArray[np.float32]:
    """The direct signal of an electric guitar.

    Args:
        seconds: length; at least 1.
        sample_rate: in hertz, 16 kHz or more.
        seed: another seed plays other music.

    Returns:
        Shape ``(frames,)``. The loudest moment peaks at -1.5 dBFS; soft picking lies near -30 dBFS; rests are silent.
    """
    if seconds < 1.0:
        raise ConfigError(f"{seconds} s of guitar were asked for; give at least 1 s.")
    if sample_rate < 16000:
        raise ConfigError(f"the sample rate is {sample_rate} Hz; give 16000 Hz or more.")
    generator = np.random.default_rng(seed)
    num_frames = round(seconds * sample_rate)
    signal = np.zeros(num_frames)
    start = 0.25
    while start < seconds:
        score = _Score(generator, now=start)
        tone = _pick_tone(score)
        _write_section(score, tone)
        first = int(start * sample_rate)
        last = min(int((score.now + RING_SECONDS) * sample_rate), num_frames)
        signal[first:last] += play_plucks(score.plucks, tone, first, last - first, sample_rate, generator)
        start = score.now
    signal *= PEAK / max(float(np.abs(signal).max()), 1e-9)
    return signal.astype(np.float32)


def _pick_tone(score: _Score) -> Tone:
    neck = score.chance(0.45)
    humbucker = score.chance(0.5)
    return Tone(
        pick_position=score.uniform(0.08, 0.28),
        pickup_position=score.uniform(0.2, 0.26) if neck else score.uniform(0.05, 0.1),
        resonance_hz=score.uniform(2400, 3600) if humbucker else score.uniform(3600, 5200),
        resonance_q=score.uniform(1.0, 1.8) if humbucker else score.uniform(1.6, 2.6),
        root=score.choose((40, 41, 43, 45, 46, 48, 50)),
        minor=score.chance(0.55),
        beat=60.0 / score.uniform(84, 152),
    )


def _write_section(score: _Score, tone: Tone) -> None:
    """All kinds of phrases in a new order, one or two bars each, each with its own loudness."""
    phrases: list[Callable[[_Score, Tone, float], None]] = [
        _power_chord_riff,
        _strummed_chords,
        _lead_line,
        _arpeggio,
        _low_riff,
        _muted_strokes,
        _ringing_chord,
        _double_stops,
    ]
    loudness = [0.12, 0.3, 0.5, 0.65, 0.8, 0.9, 1.0, 1.0]
    score.generator.shuffle(loudness)
    for index, velocity in zip(score.generator.permutation(len(phrases)), loudness, strict=True):
        phrases[int(index)](score, tone, velocity)
        if score.chance(0.3):
            score.now += score.uniform(0.1, 0.5)


def _scale(tone: Tone) -> tuple[int, ...]:
    """Pentatonic steps within an octave."""
    return (0, 3, 5, 7, 10) if tone.minor else (0, 2, 4, 7, 9)


def _progression(score: _Score, tone: Tone) -> list[int]:
    options = ((0, 5, 7, 0), (0, 8, 3, 10), (0, 10, 8, 7)) if tone.minor else ((0, 5, 7, 5), (0, 7, 9, 5), (0, 9, 5, 7))
    return [tone.root + step for step in options[int(score.generator.integers(len(options)))]]


def _chord(root: int, *, minor: bool, size: int = 6) -> list[int]:
    third = 3 if minor else 4
    return [root + step for step in (0, 7, 12, 12 + third, 19, 24)[:size] if root + step <= 76]


def _power_chord_riff(score: _Score, tone: Tone, velocity: float) -> None:
    """Palm-muted eighths on the root between open fifths."""
    eighth = tone.beat / 2
    for root in _progression(score, tone)[:2]:
        low = root if root < 52 else root - 12
        for step in range(4):
            at = score.now + step * eighth
            if step == 0 or score.chance(0.3):
                score.strum([low, low + 7, low + 12], at, eighth * 0.98, velocity)
            else:
                score.strum([low, low + 7], at, eighth * 0.95, velocity * 0.9, mute=score.uniform(0.35, 0.75))
        score.now += 4 * eighth


def _strummed_chords(score: _Score, tone: Tone, velocity: float) -> None:
    """Full chords in eighths and sixteenths, down and up."""
    eighth = tone.beat / 2
    for root in _progression(score, tone)[:2]:
        notes = _chord(root, minor=tone.minor and score.chance(0.7), size=score.choose((4, 5, 6)))
        for step, accent in enumerate((1.0, 0.0, 0.75, 0.85)):
            if accent > 0.0 or score.chance(0.4):
                loudness = velocity * max(accent, 0.6)
                score.strum(notes, score.now + step * eighth, 1.3 * eighth, loudness, up=step % 2 == 1)
        score.now += 4 * eighth


def _lead_line(score: _Score, tone: Tone, velocity: float) -> None:
    """A single-note line up high, with slides, bends and vibrato on longer notes."""
    steps = _scale(tone)
    degree = score.choose((5, 7, 10, 12))
    end = score.now + 4 * tone.beat
    while score.now < end:
        length = tone.beat * (0.25, 0.5, 0.5, 1.0, 1.5)[score.choose((0, 1, 2, 3, 4))]
        note = tone.root + 12 * (1 + degree // 5) + steps[degree % 5]
        while note > 83:
            note -= 12
        long = length >= tone.beat
        bend = score.chance(0.45 if long else 0.15)
        score.pluck(
            note,
            score.now,
            length * score.uniform(0.85, 1.02),
            velocity * score.uniform(0.7, 1.0),
            slide=-float(score.choose((1, 2, 2))) if bend else 0.0,
            glide=score.uniform(0.06, 0.25) if bend else 0.0,
            vibrato=score.uniform(0.1, 0.35) if long else 0.0,
        )
        score.now += length
        degree = min(max(degree + score.choose((-2, -1, -1, 1, 1, 2)), 2), 14)


def _arpeggio(score: _Score, tone: Tone, velocity: float) -> None:
    """A chord note by note, left to ring."""
    eighth = tone.beat / 2
    for root in _progression(score, tone)[1:3]:
        notes = _chord(root, minor=tone.minor, size=5)
        order = [*notes, *notes[-2:0:-1]][:4]
        for step, note in enumerate(order):
            start = score.now + step * eighth
            score.pluck(note, start, (6 - step) * eighth, velocity * score.uniform(0.75, 1.0))
        score.now += 4 * eighth


def _low_riff(score: _Score, tone: Tone, velocity: float) -> None:
    """Single notes on the low strings, some of them palm-muted."""
    steps = _scale(tone)
    low = tone.root if tone.root < 48 else tone.root - 12
    low = max(low, OPEN_STRINGS[0])
    position = 0
    for _ in range(8):
        length = tone.beat / 2
        mute = score.uniform(0.2, 0.6) if score.chance(0.4) else 0.0
        score.pluck(
            low + 12 * (position // 5) + steps[position % 5],
            score.now,
            length * 0.95,
            velocity * score.uniform(0.75, 1.0),
            mute=mute,
        )
        score.now += length
        position = min(max(position + score.choose((-2, -1, 0, 1, 2)), 0), 7)


def _muted_strokes(score: _Score, tone: Tone, velocity: float) -> None:
    """Sixteenths of dead strings with a short chord here and there."""
    sixteenth = tone.beat / 4
    notes = [note + 12 for note in _chord(tone.root, minor=tone.minor, size=4)]
    for step in range(8):
        if score.chance(0.35):
            score.strum(notes, score.now, sixteenth * 1.2, velocity, up=step % 2 == 1)
        elif score.chance(0.85):
            score.strum(
                notes, score.now, sixteenth * 0.9, velocity * 0.8, up=step % 2 == 1, mute=score.uniform(0.85, 1.0)
            )
        score.now += sixteenth


def _ringing_chord(score: _Score, tone: Tone, velocity: float) -> None:
    """One chord that dies away, then silence."""
    length = score.uniform(1.6, 2.6)
    score.strum(_chord(score.choose(tuple(_progression(score, tone))), minor=tone.minor), score.now, length, velocity)
    score.now += length + score.uniform(0.35, 0.7)


def _double_stops(score: _Score, tone: Tone, velocity: float) -> None:
    """Two notes at a time: thirds, fourths and sixths."""
    steps = _scale(tone)
    for _ in range(4):
        degree = score.choose((3, 4, 5, 6, 7))
        note = tone.root + 12 * (degree // 5) + steps[degree % 5] + 12
        length = tone.beat * (0.5 if score.chance(0.6) else 1.0)
        pair = [note, note + score.choose((3, 4, 5, 7, 9))]
        score.strum(pair, score.now, length, velocity * score.uniform(0.7, 1.0))
        score.now += length


def play_plucks(
    plucks: list[Pluck], tone: Tone, first: int, num_frames: int, sample_rate: int, generator: np.random.Generator
) -> Vector:
    """Plays plucks on the six strings through one pickup.

    Args:
        plucks: in any order; a string sounds one at a time.
        tone: of all of them.
        first: frame of the plucks' time at which the result begins.
        num_frames: length of the result; its last 30 ms are faded out.
        sample_rate: in hertz.
        generator: of the noise that the pick makes.

    Returns:
        Shape ``(num_frames,)``; a hard stroke on one string peaks near 1.
    """
    total = np.zeros(num_frames)
    for string, open_note in enumerate(OPEN_STRINGS):
        own = sorted((pluck for pluck in plucks if pluck.string == string), key=lambda pluck: pluck.start)
        if own:
            total += _render_string(own, open_note, tone, first, num_frames, sample_rate, generator)
    # The pickup's coil with the cable: a resonant low-pass. What is below the lowest string goes: no magnet senses it.
    b, a = _resonant_lowpass(tone.resonance_hz, tone.resonance_q, sample_rate)
    shaped: Vector = sosfilt(butter(2, 45.0, "highpass", fs=sample_rate, output="sos"), lfilter(b, a, total))
    fade = min(round(0.03 * sample_rate), num_frames)
    shaped[num_frames - fade :] *= np.linspace(1.0, 0.0, fade)
    return shaped


def _render_string(
    plucks: list[Pluck],
    open_note: int,
    tone: Tone,
    first: int,
    num_frames: int,
    sample_rate: int,
    generator: np.random.Generator,
) -> Vector:
    num_controls = -(-num_frames // HOP) + 1
    times = (first + np.arange(num_controls) * HOP) / sample_rate
    note = np.full(num_controls, plucks[0].note)
    decay = np.full(num_controls, 0.05)  # seconds for 60 dB
    damping = np.full(num_controls, 0.5)
    excitation = np.zeros(num_frames)
    for index, pluck in enumerate(plucks):
        following = plucks[index + 1].start if index + 1 < len(plucks) else np.inf
        stop = min(pluck.stop, following - 0.012)  # the pick or a finger rests on the string before it plays it again
        held = (times >= pluck.start - 0.002) & (times < stop)
        since = np.maximum(times - pluck.start, 0.0)
        bend = pluck.slide * (0.5 + 0.5 * np.cos(np.pi * np.clip(since / max(pluck.glide, 1e-3), 0.0, 1.0)))
        wobble = pluck.vibrato * np.sin(2 * np.pi * 5.3 * since) * np.clip((since - 0.25) / 0.3, 0.0, 1.0)
        stretch = 0.12 * pluck.velocity**2 * np.exp(-since / 0.06)  # a hard stroke pulls the string sharp
        sounding = times >= pluck.start - 0.002
        note[sounding] = (pluck.note + bend + wobble + stretch)[sounding]
        open_decay = 6.0 * 2.0 ** (-(pluck.note - 40.0) / 24.0)
        decay[sounding] = 0.08  # a finger, unless held
        decay[held] = open_decay * 0.06**pluck.mute if pluck.mute < 0.8 else 0.05
        brightness = 0.05 + 0.06 * (pluck.note - open_note) / 12.0
        damping[sounding] = min(brightness + 0.55 * pluck.mute, 0.85)
        _excite(excitation, pluck, tone, first, sample_rate, generator)
    frequency = 440.0 * 2.0 ** ((note - 69.0) / 12.0)
    period = sample_rate / frequency
    omega = 2.0 * np.pi / period
    loss_delay = np.arctan2(damping * np.sin(omega), 1.0 - damping * np.cos(omega)) / omega
    loss_gain = (1.0 - damping) / np.abs(
        1.0 - damping * np.exp(-1j * omega)
    )  # at the fundamental; made good for in the loop gain
    gain = np.minimum(10.0 ** (-3.0 * period / (sample_rate * decay)) / loss_gain, 0.9999)
    open_period = sample_rate / (440.0 * 2.0 ** ((open_note - 69.0) / 12.0))
    return _circuit.render_string(
        excitation,
        delay=np.maximum(period - loss_delay, 4.0),
        gain=gain,
        damping=damping,
        pickup_delay=np.maximum(np.minimum(tone.pickup_position * open_period, 0.9 * period), 1.0),
        hop=HOP,
    )


def _excite(
    excitation: Vector, pluck: Pluck, tone: Tone, first: int, sample_rate: int, generator: np.random.Generator
) -> None:
    """Adds what a pick sends along the string, and the noise of its edge.

    A string let go at one point starts with two steps of acceleration, from the pick and, inverted, from its mirror
    image behind the bridge. Their integral, velocity, is what a pickup senses: a rectangle with edges as sharp as the
    pick.
    """
    frequency = 440.0 * 2.0 ** ((pluck.note + pluck.slide - 69.0) / 12.0)
    amplitude = pluck.velocity**1.3
    reflection = max(int(tone.pick_position * sample_rate / frequency), 2)
    width = max(int((0.7 - 0.5 * pluck.velocity) * 1e-3 * sample_rate * (1.0 + pluck.mute)), 4)
    edge = np.hanning(width + 2)[1:-1]
    edge /= np.sum(edge)
    wave = np.cumsum(np.concatenate([edge, np.zeros(reflection)]) - np.concatenate([np.zeros(reflection), edge]))
    ramp = np.arange(4 * width)
    scratch = generator.normal(0.0, 1.0, len(ramp)) * np.exp(-ramp / (1.2 * width)) * np.minimum(ramp / 8.0, 1.0)
    start = round(pluck.start * sample_rate) - first
    for part, level in ((wave, amplitude), (scratch, (0.02 + 0.05 * pluck.mute) * amplitude)):
        begin, end = max(start, 0), min(start + len(part), len(excitation))
        if end > begin:
            excitation[begin:end] += level * part[begin - start : end - start]


def _resonant_lowpass(frequency: float, quality: float, sample_rate: int) -> tuple[Vector, Vector]:
    """Second-order low-pass with unit gain at DC, by the bilinear transform with the resonance kept in place."""
    warped = 2.0 * sample_rate * np.tan(np.pi * frequency / sample_rate)
    b, a = bilinear([warped**2], [1.0, warped / quality, warped**2], fs=sample_rate)
    return b, a
