# SPDX-License-Identifier: MIT
"""What the keys do: one table for the bindings, the footer and the help."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.strip import Strip

from fxtrain.live.screen_band import Band, Look, Piece, line

if TYPE_CHECKING:
    from fxtrain.live.status import Status

__all__ = ["KEYS", "Footer", "Help", "Key"]


@dataclass(frozen=True)
class Key:
    """A key or a pair.

    Attributes:
        bindings: names of keys, with the action that each does.
        shown: how the keys are written.
        word: for the footer; empty keeps it out.
        meaning: for the help.
        rank: in a narrow window the footer leaves out the highest first.
    """

    bindings: tuple[tuple[str, str], ...]
    shown: str
    word: str
    meaning: str
    rank: int = 0


def asks(keys: str, method: str, *arguments: int) -> tuple[str, str]:
    """Keys that call a method of the player."""
    return keys, f"player({', '.join(map(repr, (method, *arguments)))})"


KEYS = (
    Key(
        (asks("left,p", "step_model", -1), asks("right,n", "step_model", 1)),
        "← →",
        "model",
        "previous, next model (also p, n)",
        2,
    ),
    Key(tuple((str(n), f"choose({n - 1})") for n in range(1, 10)), "1-9", "choose", "choose a model", 8),
    Key((asks("b", "toggle_bypass"),), "b", "bypass", "bypass: hear the input", 3),
    Key(
        (asks("up", "change_input_gain", 1), asks("down", "change_input_gain", -1)),
        "↑ ↓",
        "gain",
        "input gain, 1 dB up, down",
        4,
    ),
    Key(
        (
            asks("shift+up,right_square_bracket", "change_output_gain", 1),
            asks("shift+down,left_square_bracket", "change_output_gain", -1),
        ),
        "[ ]",
        "out",
        "output gain, 1 dB down, up (also shift ↑ ↓)",
        7,
    ),
    Key((asks("m", "toggle_mute"),), "m", "mute", "mute", 1),
    Key((asks("r", "toggle_recording"),), "r", "rec", "record input and output; again to stop", 5),
    Key((asks("t", "toggle_tuner"),), "t", "tuner", "tuner, in silence; again to play", 3),
    Key((asks("c", "toggle_cabinet"),), "c", "cab", "cabinet on, off", 9),
    Key((asks("g", "toggle_gate"),), "g", "gate", "noise gate on, off", 9),
    Key((("question_mark", "help"),), "?", "help", "this help; again to leave it"),
    Key((("q,ctrl+c", "quit"),), "q", "quit", "quit (also ctrl c)"),
)


class Footer(Band):
    """The keys in one row, as many as fit."""

    def content(self, status: Status, now: float) -> Hashable:
        """It depends on the width only."""
        return None

    def paint(self, status: Status, width: int, height: int) -> list[Strip]:
        """Keys and words."""
        keys = [key for key in KEYS if key.word]
        while sum(cell_len(key.shown) + 1 + len(key.word) + 2 for key in keys) > width - 1:
            keys.remove(max(keys, key=lambda key: key.rank))
        pieces: list[Piece] = [(" ", Look.PLAIN)]
        for key in keys:
            pieces += [(key.shown, Look.STRONG), (f" {key.word}  ", Look.QUIET)]
        return [line(pieces, width)]


class Help(Band):
    """All keys, each with what it does."""

    def content(self, status: Status, now: float) -> Hashable:
        """Always the same."""
        return None

    def paint(self, status: Status, width: int, height: int) -> list[Strip]:
        """One row to a key, with room between them where there is some."""
        rows: list[list[Piece]] = [[], [("   KEYS", Look.NAME)], []]
        airy = height >= 2 * len(KEYS) + 4
        for key in KEYS:
            rows.append([(f"   {key.shown:<7}", Look.STRONG), (key.meaning, Look.PLAIN)])
            rows += [[]] * airy
        return [line(row, width) for row in rows]
