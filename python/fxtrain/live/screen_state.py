# SPDX-License-Identifier: MIT
"""What plays and in what state: name, badges, notes and numbers."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from fxtrain.live.large_text import large_text
from fxtrain.live.screen_band import Band, Look, Piece, line, shortened, with_minus, wrapped

if TYPE_CHECKING:
    from fxtrain.live.status import Status

__all__ = ["Badges", "Facts", "Notes", "Title", "notes_of"]

LOAD_CAUTION, LOAD_ALARM = 0.7, 0.9


class Title(Band):
    """The model's name, as large as fits, and below it which of how many models it is, and what kind."""

    def content(self, status: Status, now: float) -> Hashable:
        """All it says."""
        return status.model, status.loading, status.model_index, status.num_models, status.model_detail

    def paint(self, status: Status, width: int, height: int) -> list[Strip]:
        """The name, in plain letters where it cannot be drawn large; last the row of details."""
        look = Look.QUIET if status.loading else Look.NAME
        place = f" {status.model_index + 1} / {status.num_models}"
        details: list[Piece] = [(place, Look.STRONG)]
        texts = large_text(status.model, columns=width - 2, rows=height - 1, room_for="Hg")
        if not texts:
            texts = large_text(status.model, columns=width - 2, rows=height - 1, room_for="Hg", shorten=True)
            if texts:
                details.append((shortened("   " + status.model, width - cell_len(place) - 1), Look.PLAIN))
            else:
                texts = ("",) * ((height - 2) // 2) + (shortened(status.model, width - 2),)
        room = width - 1 - sum(cell_len(text) for text, _ in details)
        details.append((shortened("   " + status.model_detail, room), Look.QUIET))
        rows = [line([(" " + text, look)], width) for text in texts]
        return [*rows, *([line([], width)] * (height - 1 - len(rows))), line(details, width)]


def minutes(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60:d}:{int(seconds) % 60:02d}"


def badges_of(status: Status) -> list[Piece]:
    """States that a player must see, the most urgent first."""
    badges = []
    if not status.connected:
        badges.append(("DISCONNECTED", Look.ALARM))
    if status.recording:
        badges.append((f"REC {minutes(status.recorded_seconds)}", Look.ALARM))
    if status.muted:
        badges.append(("MUTED", Look.CAUTION))
    if status.bypassed:
        badges.append(("BYPASS", Look.NEWS))
    if status.tuning:
        badges.append(("TUNER", Look.NEWS))
    if status.loading:
        badges.append(("LOADING", Look.PLAIN))
    return badges or [("PLAYING", Look.CALM)]


class Badges(Band):
    """States as large words in blocks of colour; PLAYING, without a block, where there is none."""

    def content(self, status: Status, now: float) -> Hashable:
        """What the labels say."""
        return tuple(text for text, _ in badges_of(status))

    def paint(self, status: Status, width: int, height: int) -> list[Strip]:
        """The labels from left to right, all large or all plain."""
        badges = badges_of(status)
        larges, inset = large_badges(tuple(text for text, _ in badges), width, height)
        quiet = badges[0][0] == "PLAYING" or (larges and not inset)
        strips = []
        for y in range(height):
            pieces: list[Piece] = [(" ", Look.PLAIN)]
            for index, (text, look) in enumerate(badges):
                row = larges[index][y] if larges else text if y == height // 2 else " " * len(text)
                pieces += [(row, look) if quiet else (f" {row} ", look + Style(reverse=True)), ("  ", Look.PLAIN)]
            strips.append(line(pieces, width))
        return strips


def large_badges(texts: tuple[str, ...], width: int, height: int) -> tuple[list[tuple[str, ...]], int]:
    """Each text as rows of large letters, or nothing where they do not all fit; and how many half rows around them.

    Three rows are too few for letters in a block of colour: these stand alone.
    """
    room = width - 5 * len(texts)
    share = room / sum(len(text) for text in texts)
    for rows in range(min(height, 6), 2, -1):
        inset = 1 if rows > 3 else 0
        for limits in ([room] * len(texts), [int(share * len(text)) for text in texts]):
            larges = [
                large_text(text, columns=limit, rows=rows, room_for="H", inset=inset)
                for text, limit in zip(texts, limits, strict=True)
            ]
            if all(larges) and sum(len(lines[0]) for lines in larges) <= room:
                return [lines + (" " * len(lines[0]),) * (height - len(lines)) for lines in larges], inset
    return [], 0


def notes_of(status: Status, width: int) -> list[Piece]:
    """Sentences that a player must read, as rows so wide; empty where there is nothing to say."""
    notes: list[Piece] = []
    if status.problem:
        notes += [(row, Look.ALARM if not status.connected else Look.CAUTION) for row in wrapped(status.problem, width)]
    if status.muted and status.mute_reason:
        text = f"Muted: {status.mute_reason.removesuffix('.')}."
        notes += [(row, Look.CAUTION) for row in wrapped(text, width)]
    if status.num_faults:
        times = "once" if status.num_faults == 1 else f"{status.num_faults} times"
        text = f"The model's output was not a number {times}; silence was played instead."
        notes += [(row, Look.CAUTION) for row in wrapped(text, width)]
    return notes


class Notes(Band):
    """Problem, reason of the muting and faults, as whole sentences."""

    def content(self, status: Status, now: float) -> Hashable:
        """The sentences."""
        return status.problem, status.muted, status.mute_reason, status.num_faults, status.connected

    def paint(self, status: Status, width: int, height: int) -> list[Strip]:
        """A mark, then the sentences."""
        notes = notes_of(status, width - 4)
        return [line([(" ! " if y == 0 else "   ", look), (text, look)], width) for y, (text, look) in enumerate(notes)]


@dataclass(frozen=True)
class Fact:
    """One number: what it is, its value, its unit, and more about it."""

    label: str
    value: str
    unit: str
    more: str
    look: Style = Look.STRONG

    @property
    def heading(self) -> str:
        """The label, with a mark where the value needs attention."""
        return self.label if self.look is Look.STRONG else f"{self.label} !"


def signed(db: float) -> str:
    """A gain with its sign."""
    rounded = round(db, 1)
    text = f"{abs(rounded):.1f}".removesuffix(".0")
    return ("+" if rounded > 0 else with_minus("-") if rounded < 0 else "") + text


def percent(share: float) -> str:
    """A share in whole percent."""
    return f"{min(round(100 * share), 999)}"


def facts_of(status: Status) -> list[Fact]:
    """The numbers, from left to right."""
    load = max(status.load, status.load_peak)
    look = Look.ALARM if load >= LOAD_ALARM else Look.CAUTION if load >= LOAD_CAUTION else Look.STRONG
    latency = f"{status.latency_ms:.1f}" if status.latency_ms < 100 else f"{status.latency_ms:.0f}"
    return [
        Fact("LOAD", percent(status.load), "%", f"max {percent(status.load_peak)} %", look),
        Fact("XRUNS", str(status.num_xruns), "", "drop-outs", Look.CAUTION if status.num_xruns else Look.STRONG),
        Fact("LATENCY", latency, "ms", "measured" if status.latency_measured else "driver says"),
        Fact("IN GAIN", signed(status.input_gain_db), "dB", ""),
        Fact("OUT GAIN", signed(status.output_gain_db), "dB", ""),
    ]


def settings_of(status: Status) -> list[str]:
    """What is set, most needed first."""
    cabinet = f"cabinet {status.cabinet} {'on' if status.cabinet_on else 'off'}" if status.cabinet else "no cabinet"
    gate = with_minus(f"gate {status.gate_threshold_db:.0f} dB") if status.gate_on else "gate off"
    rate = f"{status.sample_rate / 1000:g} kHz, {status.block_size} frames"
    recorded = [f"recorded {status.record_name}"] if status.record_name and not status.recording else []
    return [cabinet, gate, *recorded, rate, f"in {status.input_name}", f"out {status.output_name}"]


def joined(texts: list[str], width: int) -> str:
    """As many of the texts as fit whole, and the first in any case."""
    count = len(texts)
    while count > 1 and cell_len("  ·  ".join(texts[:count])) > width:
        count -= 1
    return shortened("  ·  ".join(texts[:count]), width)


class Facts(Band):
    """Load, xruns, latency and gains in large digits, and what is set in words."""

    def content(self, status: Status, now: float) -> Hashable:
        """All that is written."""
        return tuple(facts_of(status)), tuple(settings_of(status))

    def paint(self, status: Status, width: int, height: int) -> list[Strip]:
        """Labels, values, more about them, and one row or two of settings."""
        facts = facts_of(status)
        edges = [width * share // 100 for share in (0, 19, 35, 61, 80, 100)]
        cells = [after - before for before, after in pairwise(edges)]
        settings = settings_of(status)
        split = len(settings) - 2 if height > 6 else len(settings)
        said = [settings[:split], settings[split:]] if height > 6 else [settings]
        values = height - 2 - len(said)
        rows: list[list[Piece]] = [[(" ", Look.PLAIN)] for _ in range(values + 2)]
        for fact, cell in zip(facts, cells, strict=True):
            for row, piece in zip(rows, self._cell(fact, cell, values), strict=True):
                room = " " * max(cell - sum(cell_len(text) for text, _ in piece), 0)
                row += [*piece, (room, Look.PLAIN)]
        rows += [[(" " + joined(texts, width - 2), Look.QUIET)] for texts in said]
        return [line(row, width) for row in rows]

    def _cell(self, fact: Fact, width: int, values: int) -> list[list[Piece]]:
        room = width - len(fact.unit) - 3
        texts = large_text(fact.value, columns=room, rows=min(values, 6), room_for="0") or (fact.value,)
        top = values - len(texts)
        drawn = [("" if y < top else texts[y - top]) for y in range(values)]
        rows: list[list[Piece]] = [[(shortened(fact.heading, width - 1), Look.QUIET)]]
        rows += [[(text, fact.look)] for text in drawn]
        rows[-1].append((f" {fact.unit}", Look.QUIET))
        return [*rows, [(shortened(fact.more, width - 1), Look.QUIET)]]
