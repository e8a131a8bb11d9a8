# SPDX-License-Identifier: MIT
"""The tuner's view: a note, how far it is off, and which way to turn."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.style import Style
from textual.strip import Strip

from fxtrain.live.large_text import large_text
from fxtrain.live.screen_band import Band, Look, Piece, centred, line, with_minus

if TYPE_CHECKING:
    from fxtrain.live.status import Status

__all__ = ["Note", "Tuner", "note_of"]

A4_HZ = 440.0
NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
IN_TUNE_CENTS = 3.0
SMOOTH_SECONDS = 0.08  # time constant of the needle
REMEMBER_SECONDS = 1.5  # how long the last note stays, when it has died away


@dataclass(frozen=True)
class Note:
    """The nearest note of equal temperament.

    Attributes:
        name: with its accidental, as guitarists call it.
        octave: 4 from middle C on.
        cents: how far the pitch is above it, -50 to 50.
    """

    name: str
    octave: int
    cents: float


def note_of(pitch_hz: float) -> Note:
    """The note nearest to a pitch; A4 is 440 Hz.

    >>> note_of(440.0)
    Note(name='A', octave=4, cents=0.0)
    """
    semitones = 69 + 12 * math.log2(pitch_hz / A4_HZ)  # as MIDI counts them: C-1 is 0
    nearest = math.floor(semitones + 0.5)
    return Note(NAMES[nearest % 12], nearest // 12 - 1, 100 * (semitones - nearest))


class Tuner(Band):
    """The note's name as large as fits, a needle from 50 cents flat to 50 cents sharp, words and Hz."""

    def __init__(self) -> None:
        super().__init__()
        self._pitch_hz = 0.0
        self._heard = -math.inf
        self._now = -math.inf
        self._sounding = False

    def content(self, status: Status, now: float) -> Hashable:
        """Note, column of the needle, and the numbers in words."""
        elapsed, self._now = now - self._now, now
        self._sounding = status.pitch_hz > 0
        if self._sounding:
            step = 1200 * math.log2(status.pitch_hz / self._pitch_hz) if self._pitch_hz else math.inf
            if abs(step) > 50 or now - self._heard > REMEMBER_SECONDS:
                self._pitch_hz = status.pitch_hz
            else:
                self._pitch_hz *= 2 ** (step / 1200 * (1 - math.exp(-elapsed / SMOOTH_SECONDS)))
            self._heard = now
        elif now - self._heard > REMEMBER_SECONDS:
            self._pitch_hz = 0.0
        if not self._pitch_hz:
            return None
        note = note_of(self._pitch_hz)
        column = needle_column(note.cents, self.size.width)
        return note.name, note.octave, round(note.cents), column, round(self._pitch_hz, 1), self._sounding

    def paint(self, status: Status, width: int, height: int) -> list[Strip]:
        """Note above, needle below, verdict under it."""
        needle_rows = 2 if height < 20 else 3
        verdict_rows = 3 if height >= 16 else 1
        note_rows = min(height - needle_rows - verdict_rows - 4, 16)
        if not self._pitch_hz:
            texts = large_text("play a string", columns=width - 4, rows=min(note_rows, 6), room_for="g")
            top = [""] * ((height - len(texts)) // 2)
            return [line([centred(text, Look.QUIET, width)], width) for text in [*top, *(texts or ("play a string",))]]
        note = note_of(self._pitch_hz)
        tuned = abs(note.cents) <= IN_TUNE_CENTS
        look = Look.QUIET if not self._sounding else Look.GOOD if tuned else Look.CAUTION
        rows = self._note_rows(note, width, note_rows, look)
        rows += [[], *self._needle_rows(note.cents, width, needle_rows, look)]
        cents = with_minus(f"{round(note.cents):+d}").replace("+0", "0")
        verdict = "IN TUNE" if tuned else "TUNE UP" if note.cents < 0 else "TUNE DOWN"
        large = large_text(verdict, columns=width - 4, rows=verdict_rows) or (verdict,)
        rows += [[centred(text, look, width)] for text in large]
        unit = "cent" if abs(round(note.cents)) == 1 else "cents"
        rows.append([centred(f"{cents} {unit}   ·   {self._pitch_hz:.1f} Hz", Look.PLAIN, width)])
        return [line(row, width) for row in rows]

    def _note_rows(self, note: Note, width: int, height: int, look: Style) -> list[list[Piece]]:
        name = large_text(note.name, columns=width // 2, rows=height, room_for="A") or (note.name,)
        octave = large_text(str(note.octave), columns=width // 4, rows=max(height // 2, 2)) or (str(note.octave),)
        rows: list[list[Piece]] = []
        for y in range(height):
            left = name[y - (height - len(name))] if y >= height - len(name) else ""
            right = octave[y - (height - len(octave))] if y >= height - len(octave) else ""
            left, right = left.ljust(len(name[0])), right.ljust(len(octave[0]))
            start = (width - len(name[0])) // 2
            rows.append([(" " * start + left, look), ("  " + right, Look.QUIET)])
        return rows

    def _needle_rows(self, cents: float, width: int, height: int, look: Style) -> list[list[Piece]]:
        left, middle, right = needle_column(-50, width), width // 2, needle_column(50, width)
        at = needle_column(cents, width)
        zone = [needle_column(edge, width) for edge in (-IN_TUNE_CENTS, IN_TUNE_CENTS)]
        marks = [" "] * width
        for tick in range(-50, 51, 10):
            marks[needle_column(tick, width)] = "┴"
        for column in range(zone[0], zone[1] + 1):
            marks[column] = "▼"
        start, end = max(at - 1, left), min(at + 2, right + 1)
        bar: list[Piece] = [
            (" " * left, Look.PLAIN),
            (" " * (start - left), Look.TRACK),
            ("█" * (end - start), look),
            (" " * (right + 1 - end), Look.TRACK),
        ]
        numbers = [" "] * width
        for text, column in ((with_minus("-50"), left), ("0", middle), ("+50", right)):
            first = min(max(column - len(text) // 2, 0), width - len(text))
            numbers[first : first + len(text)] = text
        scale: list[list[Piece]] = [[("".join(marks), Look.GOOD if abs(cents) <= IN_TUNE_CENTS else Look.PLAIN)]]
        return [*scale, *([bar] * height), [("".join(numbers), Look.QUIET)]]


def needle_column(cents: float, width: int) -> int:
    """Column of the needle on a screen so wide; 50 cents are 45 % of it."""
    return width // 2 + round(min(max(cents, -50.0), 50.0) / 50 * 0.45 * width)
