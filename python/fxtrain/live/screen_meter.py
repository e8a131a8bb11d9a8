# SPDX-License-Identifier: MIT
"""Level meters: how they move, and how they look."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import TYPE_CHECKING, Literal

from rich.style import Style
from textual.strip import Strip

from fxtrain.audio.decibels import amplitude_to_db, db_to_amplitude
from fxtrain.live.large_text import large_text
from fxtrain.live.screen_band import Band, Look, Piece, centred, line, with_minus

if TYPE_CHECKING:
    from fxtrain.live.status import Status

__all__ = ["Ballistics", "ClipLamp", "Meter", "Scale", "columns_of", "count_text", "meter_columns", "tick_row"]

FLOOR_DB = -60.0
CAUTION_DB, ALARM_DB = -12.0, -3.0  # amber from here on, red from here on
FALL_DB_PER_SECOND = 20 / 1.7  # IEC 60268-10, type I
HOLD_SECONDS = 1.5
VU_SECONDS = 0.3 / math.log(100)  # time constant: 99 % of a step after 0.3 s (IEC 60268-17)
LAMP_SECONDS = 4.0
TICKS_DB = (0, -60, -20, -40, -10, -30, -50, -5)  # those that come first get their place first


class Ballistics:
    """Where a meter's needle, peak and held peak stand; the same at any refresh rate.

    Attributes:
        peak_db: rises at once, falls by 20 dB in 1.7 s.
        held_db: stays at the greatest peak for 1.5 s, then falls as the peak does.
        level_db: RMS value as a VU meter averages it.
    """

    def __init__(self) -> None:
        self.peak_db = self.held_db = self.level_db = -200.0
        self._level = 0.0
        self._held_until = -math.inf
        self._now: float | None = None

    def update(self, peak_db: float, rms_db: float, now: float) -> None:
        """Move on to the time ``now`` in seconds, with what was measured since the last time."""
        before = now if self._now is None else self._now
        elapsed = max(now - before, 0.0)
        self._now = now
        self.peak_db = max(peak_db, self.peak_db - FALL_DB_PER_SECOND * elapsed)
        falling = max(now - max(self._held_until, before), 0.0)
        self.held_db = max(self.held_db - FALL_DB_PER_SECOND * falling, self.peak_db)
        if peak_db >= self.held_db:
            self._held_until = now + HOLD_SECONDS
        goal = db_to_amplitude(rms_db)
        self._level = goal + (self._level - goal) * math.exp(-elapsed / VU_SECONDS)
        self.level_db = amplitude_to_db(self._level)


class ClipLamp:
    """Lit for 4 s after each increase of the count.

    Attributes:
        count: samples that clipped since the start.
        lit: whether that was lately.
    """

    def __init__(self) -> None:
        self.count = 0
        self.lit = False
        self._until = -math.inf

    def update(self, count: int, now: float) -> None:
        """Take the count at the time ``now`` in seconds."""
        if count > self.count:
            self._until = now + LAMP_SECONDS
        self.count = count
        self.lit = now < self._until


def columns_of(level_db: float, width: int) -> int:
    """How many of ``width`` columns a level fills; the scale is linear in dB, from -60 to 0."""
    share = (level_db - FLOOR_DB) / -FLOOR_DB
    return round(min(max(share, 0.0), 1.0) * width) if not math.isnan(level_db) else 0


def count_text(count: int) -> str:
    """A count in at most five letters."""
    for unit, power in (("", 1), ("k", 10**3), ("M", 10**6)):
        if count < 1000 * power:
            return f"{count / power:.3g}{unit}" if power > 1 else str(count)
    return "999M+"


def meter_columns(width: int) -> tuple[int, int, int]:
    """Columns of the label, the bar and the readout, of a screen so wide."""
    label, readout = (6, 10) if width < 100 else (15, 19) if width < 160 else (24, 32)
    return label, width - label - readout, readout


def level_text(level_db: float) -> str:
    """A level in whole dB, as the meters write it."""
    return with_minus("-∞" if level_db < FLOOR_DB else f"{round(level_db):d}")


class Meter(Band):
    """A bar as wide as the screen: solid up to the RMS level, shaded up to the peak, a mark at the held peak.

    The shade gets denser in the amber and the red zone, so that it tells them apart without colours.
    """

    def __init__(self, side: Literal["input", "output"]) -> None:
        super().__init__()
        self._side = side
        self._ballistics = Ballistics()
        self._lamp = ClipLamp()

    def content(self, status: Status, now: float) -> Hashable:
        """The columns that are filled, the held peak and the lamp."""
        if self._side == "input":
            self._ballistics.update(status.input_peak_db, status.input_rms_db, now)
            self._lamp.update(status.input_clips, now)
        else:
            self._ballistics.update(status.output_peak_db, status.output_rms_db, now)
            self._lamp.update(status.output_clips, now)
        moving = self._ballistics
        bar = meter_columns(self.size.width)[1]
        filled = (columns_of(level, bar) for level in (moving.level_db, moving.peak_db, moving.held_db))
        return (*filled, level_text(moving.held_db), self._lamp.lit, self._lamp.count if self._lamp.lit else 0)

    def paint(self, status: Status, width: int, height: int) -> list[Strip]:
        """Label, bar and readout."""
        label, bar, readout = meter_columns(width)
        left = self._label(label, height)
        right = self._readout(readout, height)
        middle = self._bar(bar)
        return [line([*left[y], *middle, *right[y]], width) for y in range(height)]

    def _label(self, width: int, height: int) -> list[list[Piece]]:
        short = "IN" if self._side == "input" else "OUT"
        large = large_text(short, columns=width - 3, rows=min(height, 3 if width < 20 else 5))
        return block(large or (short,), Look.STRONG, width, height, lead=1)

    def _readout(self, width: int, height: int) -> list[list[Piece]]:
        if self._lamp.lit:
            lamp = Look.ALARM + Style(reverse=True)
            inner = width - 3
            large = large_text("CLIP", columns=inner - 2, rows=min(height, 6), inset=1) if height > 2 else ()
            if large:
                rows = block(large, lamp, inner, height, lead=(inner - len(large[0])) // 2)
            else:
                texts = ["CLIP", count_text(self._lamp.count)]
                rows = [[centred(texts[y] if y < 2 else "", lamp, inner)] for y in range(height)]
            return [[("  ", Look.PLAIN), *row, (" ", Look.PLAIN)] for row in rows]
        held = self._ballistics.held_db
        text, silent = level_text(held), held < FLOOR_DB
        look = Look.QUIET if silent else zone_style(held) + Style(bold=True)
        large = () if silent else large_text(text, columns=width - 7, rows=min(height, 3 if width < 30 else 5))
        if large:
            drawn = block(large, look, width, height, lead=width - 4 - len(large[0]))
            drawn[(height - len(large)) // 2 + len(large) - 1][-1] = (" dB ", Look.QUIET)
            return drawn
        pieces = [(text.rjust(width - 4), look), (" dB ", Look.QUIET)]
        return [pieces if y == (height - 1) // 2 else [(" " * width, Look.PLAIN)] for y in range(height)]

    def _bar(self, width: int) -> list[Piece]:
        moving = self._ballistics
        solid, shaded, held = (columns_of(x, width) for x in (moving.level_db, moving.peak_db, moving.held_db))
        edges = [0, columns_of(CAUTION_DB, width), columns_of(ALARM_DB, width), width]
        pieces: list[Piece] = []
        zones = zip(edges[:-1], edges[1:], (Look.GOOD, Look.CAUTION, Look.ALARM), "▒▓█", strict=True)
        for start, end, look, shade in zones:
            full = min(max(solid, start), end)
            half = min(max(shaded, full), end)
            pieces += [("█" * (full - start), look), (shade * (half - full), look), (" " * (end - half), Look.TRACK)]
        if held > 0:
            pieces = overlaid(pieces, held - 1, "┃", Look.STRONG if held > shaded else zone_style(moving.held_db))
        return pieces


def zone_style(level_db: float) -> Style:
    """The colour that belongs to a level."""
    return Look.GOOD if level_db < CAUTION_DB else Look.CAUTION if level_db < ALARM_DB else Look.ALARM


def block(texts: tuple[str, ...], look: Style, width: int, height: int, *, lead: int) -> list[list[Piece]]:
    """Lines of text in the middle of so many rows, ``lead`` columns from the left."""
    top = (height - len(texts)) // 2
    rows: list[list[Piece]] = []
    for y in range(height):
        text = texts[y - top] if 0 <= y - top < len(texts) else ""
        spare = width - lead - len(text)
        rows.append([(" " * lead + text, look), (" " * spare, look if look.reverse else Look.PLAIN)])
    return rows


def overlaid(pieces: list[Piece], column: int, mark: str, look: Style) -> list[Piece]:
    """Pieces with one letter replaced; all letters are one column wide. The mark keeps what is behind it."""
    drawn: list[Piece] = []
    at = 0
    for text, style in pieces:
        if at <= column < at + len(text):
            behind = Style(color=look.color, bgcolor=style.bgcolor, bold=True)
            drawn += [(text[: column - at], style), (mark, behind), (text[column - at + 1 :], style)]
        else:
            drawn.append((text, style))
        at += len(text)
    return drawn


def tick_row(width: int) -> str:
    """Labels of the scale under a bar so wide; the end of a level's bar is over the middle of its label."""
    letters = [" "] * width
    for tick in TICKS_DB:
        text = with_minus(str(tick))
        start = min(max(columns_of(tick, width) - (len(text) + 1) // 2, 0), width - len(text))
        around = letters[max(start - 2, 0) : start + len(text) + 2]
        if all(letter == " " for letter in around):
            letters[start : start + len(text)] = text
    return "".join(letters)


class Scale(Band):
    """Labels in dB between the two meters, and how many samples clipped since the start."""

    def content(self, status: Status, now: float) -> Hashable:
        """The counts."""
        return status.input_clips, status.output_clips

    def paint(self, status: Status, width: int, height: int) -> list[Strip]:
        """One row."""
        label, bar, readout = meter_columns(width)
        counts = f"{count_text(status.input_clips)}/{count_text(status.output_clips)}"
        clips = status.input_clips or status.output_clips
        right = centred(f"{'clips ' if readout > 12 else '✗ '}{counts}" if clips else "no clips", Look.QUIET, readout)
        if clips:
            right = (right[0], Look.ALARM)
        pieces = [(" dB".ljust(label), Look.QUIET), (tick_row(bar), Look.QUIET), right]
        return [line(pieces, width)] if height else []
