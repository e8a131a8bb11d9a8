# SPDX-License-Identifier: MIT
"""What reaches the terminal: text of strangers without control characters, in whatever encoding there is."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
import unicodedata
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment

from fxtrain.text import printable, printable_lines

__all__ = ["SafeConsole", "is_closed", "prepare_streams", "settle_output", "shown"]

_PLAIN = {
    "\N{MINUS SIGN}": "-",
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{MULTIPLICATION SIGN}": "x",
    "\N{RIGHTWARDS ARROW}": "->",
    "\N{LESS-THAN OR EQUAL TO}": "<=",
    "\N{GREATER-THAN OR EQUAL TO}": ">=",
    "\N{MIDDLE DOT}": ".",
    "\N{MICRO SIGN}": "u",
    "\N{BULLET}": "*",
    "\N{BLACK VERTICAL RECTANGLE}": "#",
    "\N{WHITE VERTICAL RECTANGLE}": ".",
    "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
}
"""Characters of our own texts that have no decomposition."""


def shown(text: object) -> str:
    """:func:`printable` text for :meth:`rich.console.Console.print`, which takes ``[name]`` for markup otherwise."""
    return escape(printable(text))


class SafeConsole(Console):
    """A console whose texts cannot move the cursor, change the window's title or clear the screen."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of a renderable; what is not rich's own control code is spelled out."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable_lines(segment.text), segment.style)


def prepare_streams() -> None:
    """Makes standard streams that can always be written to.

    Closed ones become the null device, lest the next file that is opened takes their place. Characters that the
    stream's encoding lacks, as on a Windows code page, become plain ones instead of an error.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, _Closed())
        elif isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors=_HANDLER)


class _Closed(io.StringIO):
    """Stands for a stream that was closed before the program began; keeps nothing."""

    def write(self, text: str, /) -> int:
        return len(text)


def is_closed(stream: object) -> bool:
    """Whether a standard stream leads nowhere because it was closed before the program began."""
    return isinstance(stream, _Closed)


def settle_output() -> None:
    """Drops what cannot be written to stdout any more, so that the interpreter does not fail on it when it ends."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):  # nobody reads it, or the disk is full
        with contextlib.suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, sys.stdout.fileno())
            os.close(null)


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    """Codec error handler: the nearest plain characters; what has none is spelled out."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = ""
    for character in error.object[error.start : error.end]:
        plain = _PLAIN.get(character) or unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
        text += plain or ascii(character)[1:-1]
    return text, error.end


_HANDLER = "fxtrain.plain"
codecs.register_error(_HANDLER, _plain)
