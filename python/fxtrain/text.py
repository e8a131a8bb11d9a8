# SPDX-License-Identifier: MIT
"""Text of strangers, from files and file names, made safe to show."""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Iterable

__all__ = ["did_you_mean", "printable", "printable_lines", "quoted", "shortened"]

# Control characters (C0, DEL, C1) and those that reorder what is read (UAX #9).
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_CONTROL_BUT_LINES = re.compile(_CONTROL.pattern.replace(r"\x00-\x1f", r"\x00-\x08\x0b-\x1f"))


def printable(text: object) -> str:
    r"""One line of text in which control characters are spelled out.

    >>> printable("Plexi\x1b[2J\nplays here  yes")
    'Plexi\\x1b[2J\\nplays here  yes'
    """
    return _CONTROL.sub(_spelled, str(text))


def printable_lines(text: str) -> str:
    """The same for text of several lines, which stay."""
    return _CONTROL_BUT_LINES.sub(_spelled, text)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a message about a word that is not known: a question if one of the known words is close, or nothing.

    A wrong guess is worse than none: seven characters of ten have to agree.

    >>> did_you_mean("rendr", ["render", "restore"])
    '; did you mean render?'
    >>> did_you_mean("zebra", ["render", "restore"])
    ''
    """
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.7)
    return f"; did you mean {close[0]}?" if close else ""


def shortened(text: str, length: int = 60) -> str:
    """The text, or its beginning."""
    return text if len(text) <= length else text[:length] + "..."


def quoted(value: object) -> str:
    """A value as Python writes it, shortened to what is worth reading in a message."""
    try:
        return _SHORT.repr(value)
    except ValueError:  # a whole number of thousands of digits
        return "a number of thousands of digits"


def _spelled(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape").decode("ascii")


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60
