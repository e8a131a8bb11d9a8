# SPDX-License-Identifier: MIT
"""The terminal screen of ``fxtrain live``, to be read from two metres."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.strip import Strip

from fxtrain.live.screen_band import BACKGROUND, Band, Look, centred, line, wrapped
from fxtrain.live.screen_keys import KEYS, Footer, Help
from fxtrain.live.screen_meter import Meter, Scale
from fxtrain.live.screen_state import Badges, Facts, Notes, Title, notes_of
from fxtrain.live.screen_tuner import Tuner

if TYPE_CHECKING:
    from fxtrain.live.player import Player
    from fxtrain.live.status import Status

__all__ = ["LiveScreen", "arrange"]

REFRESHES_PER_SECOND = 25
SMALLEST_WIDTH, SMALLEST_HEIGHT = 60, 20


@dataclass(frozen=True)
class Place:
    """Rows of a band, and empty rows above it."""

    rows: int
    gap: int = 0


# What a band needs, and in which order the bands take what is left: (band, rows more). A name that ends in a plus sign
# is the gap above that band.
PLAY = {"title": 2, "badges": 1, "notes": 0, "input": 1, "scale": 1, "output": 1, "facts": 4, "footer": 1}
GROWTH = (
    *(("title", 3), ("meters", 1), ("badges", 2), ("input+", 1), ("facts+", 1), ("meters", 1), ("facts", 2)),
    *(("badges", 1), ("title", 1), ("badges+", 1), ("facts", 1), ("meters", 1), ("footer+", 1), ("title+", 1)),
    *(("title", 3), ("input+", 1), ("facts+", 1), ("facts", 1), ("meters", 1), ("title", 2), ("facts", 1)),
    *(("badges+", 1), ("title+", 1), ("meters", 1), ("title", 2), ("badges", 1), ("facts", 1), ("footer+", 1)),
    *(("meters", 1), ("input+", 1), ("facts+", 1), ("badges", 1), ("badges+", 1), ("title", 2), ("meters", 1)),
)


def arrange(view: str, height: int, note_rows: int) -> dict[str, Place]:
    """How the rows of the window are shared out.

    Args:
        view: ``play``, ``tuner``, ``help`` or ``small``.
        height: of the window, in rows.
        note_rows: rows that the notes need.

    Returns:
        A place for each band that is seen; the rows and gaps sum to no more than the height.
    """
    if view == "small":
        return {"small": Place(height)}
    if view == "help":
        return {"help": Place(height - 1), "footer": Place(1)}
    if view == "tuner":
        badges = 3 if height < 30 else 4
        notes = min(note_rows, height - badges - 13)
        tuner = height - badges - notes - 3
        return {"badges": Place(badges, 1), "notes": Place(notes), "tuner": Place(tuner, 1), "footer": Place(1)}
    rows = dict(PLAY)
    if note_rows > height - sum(rows.values()):
        del rows["facts"]
    rows["notes"] = min(note_rows, height - sum(rows.values()))
    gaps = dict.fromkeys(rows, 0)
    left = height - sum(rows.values())
    for name, more in GROWTH:
        names = ["input", "output"] if name == "meters" else [name.removesuffix("+")]
        if more * len(names) > left or not all(rows.get(band) for band in names):
            continue
        for band in names:
            (gaps if name.endswith("+") else rows)[band] += more
        left -= more * len(names)
    gaps["footer"] += left
    return {name: Place(rows[name], gaps[name]) for name in rows}


class TooSmall(Band):
    """What to do about a window that is too small."""

    def content(self, status: Status, now: float) -> None:
        """It depends on the size only."""

    def paint(self, status: Status, width: int, height: int) -> list[Strip]:
        """A sentence, as far as there is room."""
        needed = f"{SMALLEST_WIDTH} x {SMALLEST_HEIGHT}"
        text = f"The window is {width} x {height}: make it {needed} or larger, or press q to quit."
        return [line([centred(row, Look.CAUTION, width)], width) for row in wrapped(text, width)]


class LiveScreen(App[None]):
    """Shows a player and passes it the keys, until q, ctrl+c, a signal to end, or the end of the time.

    The terminal is as before when ``run`` returns; ``run(mouse=False)`` leaves the mouse to the terminal. Where
    something in the screen goes wrong, a traceback is printed and ``return_code`` is 1.

    Args:
        player: what is shown.
        seconds: after which the screen ends; None for no end.
    """

    TITLE = "fxtrain live"
    ENABLE_COMMAND_PALETTE = False
    CSS = f"Screen {{ background: {BACKGROUND}; overflow: hidden; layout: vertical; }}"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, action, show=False, priority=True) for key in KEYS for keys, action in key.bindings
    ]

    def __init__(self, player: Player, *, seconds: float | None) -> None:
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self._player = player
        self._seconds = seconds
        self._helping = False
        self._num_models = 0
        self._arranged: tuple[str, int, int, int] | None = None
        self._bands: dict[str, Band] = {
            "title": Title(),
            "badges": Badges(),
            "notes": Notes(),
            "input": Meter("input"),
            "scale": Scale(),
            "output": Meter("output"),
            "facts": Facts(),
            "tuner": Tuner(),
            "help": Help(),
            "small": TooSmall(),
            "footer": Footer(),
        }

    def compose(self) -> ComposeResult:
        """All bands; those that are not seen are hidden."""
        for name, band in self._bands.items():
            band.id = name
            band.display = False
            yield band

    def on_mount(self) -> None:
        """Start to refresh; end in order at a signal."""
        self.set_interval(1 / REFRESHES_PER_SECOND, self.refresh_bands)
        if self._seconds is not None:
            self.set_timer(max(self._seconds, 0.001), self.exit)
        for name in ("SIGTERM", "SIGINT", "SIGHUP"):
            with contextlib.suppress(AttributeError, NotImplementedError, RuntimeError, ValueError):
                # Windows lacks some of it; threads other than the main one may not
                asyncio.get_running_loop().add_signal_handler(getattr(signal, name), self.exit)
        self.refresh_bands()

    def on_resize(self, event: Resize) -> None:
        """Share the rows out anew."""
        self.refresh_bands()

    def refresh_bands(self) -> None:
        """Show the player's state of now."""
        status, now = self._player.status(), time.monotonic()
        self._num_models = status.num_models
        self._share_out(status)
        for band in self._bands.values():
            band.show(status, now)

    def _share_out(self, status: Status) -> None:
        width, height = self.size
        view = "help" if self._helping else "tuner" if status.tuning else "play"
        if width < SMALLEST_WIDTH or height < SMALLEST_HEIGHT:
            view = "small"
        note_rows = len(notes_of(status, width - 4)) if view != "small" else 0
        arranged = (view, width, height, note_rows)
        if arranged == self._arranged:
            return
        self._arranged = arranged
        places = arrange(view, height, note_rows)
        for name, band in self._bands.items():
            place = places.get(name, Place(0))
            band.display = place.rows > 0
            band.styles.height = place.rows
            band.styles.margin = (place.gap, 0, 0, 0)

    def action_choose(self, index: int) -> None:
        """Play a model by its place, from 0; nothing where there is none."""
        if index < self._num_models:
            self._player.choose_model(index)
        self.refresh_bands()

    def action_player(self, method: str, *arguments: int) -> None:
        """Ask something of the player."""
        getattr(self._player, method)(*arguments)
        self.refresh_bands()

    def action_help(self) -> None:
        """Show the keys, or leave them."""
        self._helping = not self._helping
        self.refresh_bands()
