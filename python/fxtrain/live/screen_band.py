# SPDX-License-Identifier: MIT
"""A stretch of the screen's height that sends only what changed, and the colours of all of them.

Nothing is told by colour alone, and everything is drawn in foreground colours, so that a terminal without colours shows
the same.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

if TYPE_CHECKING:
    from fxtrain.live.status import Status

__all__ = ["Band", "Look", "Piece", "centred", "line", "shortened", "with_minus", "wrapped"]

BACKGROUND = "#0d0f12"


class Look:
    """Styles, by meaning."""

    PLAIN = Style(color="#e9ecef", bgcolor=BACKGROUND)
    STRONG = Style(color="#ffffff", bgcolor=BACKGROUND, bold=True)
    QUIET = Style(color="#98a2ad", bgcolor=BACKGROUND)
    NAME = Style(color="#ffd9a0", bgcolor=BACKGROUND, bold=True)
    GOOD = Style(color="#3ddc84", bgcolor=BACKGROUND)
    CALM = Style(color="#2f8f5b", bgcolor=BACKGROUND)
    CAUTION = Style(color="#ffb52e", bgcolor=BACKGROUND, bold=True)
    ALARM = Style(color="#ff5a52", bgcolor=BACKGROUND, bold=True)
    NEWS = Style(color="#6cb6ff", bgcolor=BACKGROUND, bold=True)
    TRACK = Style(color="#30363d", bgcolor="#1b1f24")


Piece = tuple[str, Style]


def with_minus(text: str) -> str:
    """A number with the sign that is as wide as a plus, in place of a hyphen."""
    return text.replace("-", "\N{MINUS SIGN}")


def shortened(text: str, columns: int) -> str:
    """Text of at most so many columns, with an ellipsis where some of it is missing."""
    if cell_len(text) <= columns:
        return text
    return set_cell_size(text, columns - 1).rstrip() + "…" if columns > 0 else ""


def line(pieces: Iterable[Piece], width: int) -> Strip:
    """Pieces of text side by side, cut or filled up to the width."""
    segments = [Segment(text, style) for text, style in pieces if text]
    return Strip(segments).adjust_cell_length(width, Look.PLAIN).simplify()


def centred(text: str, style: Style, width: int) -> Piece:
    """Text in the middle of so many columns."""
    text = shortened(text, width)
    spare = width - cell_len(text)
    return " " * (spare // 2) + text + " " * (spare - spare // 2), style


def wrapped(text: str, width: int) -> list[str]:
    """Text in rows of at most so many columns, broken between words where it can be."""
    rows = Text(" ".join(text.split())).wrap(Console(width=width), width)
    return [row.plain.rstrip() for row in rows if row.plain]


def changed_columns(old: Strip, new: Strip) -> tuple[int, int]:
    """First column that differs, and the first after the last; both strips are equally wide."""
    start = same_columns(list(old), list(new))
    if start == new.cell_length:
        return start, start
    return start, new.cell_length - same_columns(list(old)[::-1], list(new)[::-1])


def same_columns(old: Sequence[Segment], new: Sequence[Segment]) -> int:
    """Columns of the segments that are the same in both, whole segments of one style and one width counted."""
    columns = 0
    for left, right in zip(old, new, strict=False):
        if left.style != right.style:
            break
        if left.text != right.text:
            if left.text.strip(left.text[0]) == right.text.strip(left.text[0]) == "":
                columns += min(left.cell_length, right.cell_length)
            break
        columns += left.cell_length
    return columns


class Band(Widget):
    """Draws itself from strips; a subclass says what they show.

    ``content`` tells in a few values all that will be seen, so that nothing is painted, and nothing sent, where these
    are the same as before.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = "Band { width: 100%; height: 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._strips: list[Strip] = []
        self._shown: Hashable = None
        self._last: tuple[Status, float] | None = None

    def content(self, status: Status, now: float) -> Hashable:
        """All that is seen; may keep a state of its own. ``now`` is in seconds of a steady clock."""
        raise NotImplementedError

    def paint(self, status: Status, width: int, height: int) -> list[Strip]:
        """Rows from the top; what is missing stays empty, what is too much is left out."""
        raise NotImplementedError

    def show(self, status: Status, now: float) -> None:
        """Bring the band up to date, as far as it has changed."""
        self._last = status, now
        content = self.content(status, now)
        width, height = self.size
        shown = (content, width, height)
        if shown == self._shown or not width or not height:
            return
        self._shown = shown
        rows = self.paint(status, width, height)[:height]
        rows += [Strip.blank(width, Look.PLAIN)] * (height - len(rows))
        old, self._strips = self._strips, rows
        if len(old) != height or old[0].cell_length != width:
            self.refresh()
            return
        changes = [changed_columns(before, after) for before, after in zip(old, rows, strict=True)]
        regions = [Region(start, y, end - start, 1) for y, (start, end) in enumerate(changes) if end > start]
        if regions:
            self.refresh(*regions)

    def on_resize(self) -> None:
        """Paint anew at once, not only at the next refresh."""
        if self._last:
            self.show(*self._last)

    def render_line(self, y: int) -> Strip:
        """A row, as painted last."""
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, Look.PLAIN)
