# SPDX-License-Identifier: MIT
"""The words of ``docs/glossary.md``, which a page explains where they stand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache

from markupsafe import Markup, escape

from fxtrain.folders import shipped_path

__all__ = ["COMMON_TERMS", "Terms", "glossary"]

COMMON_TERMS = (
    *("baseline", "ESR", "NLL", "perplexity", "criterion", "moving average", "receptive field", "dilation", "latency"),
    *("hidden size", "kernel size", "parameters", "latents", "prior", "codebook", "condition", "weight storage"),
)
"""Words that mean the same on the pages of all families."""


@cache
def glossary() -> Mapping[str, str]:
    """Meaning by word, as plain text; empty where this fxtrain came without the glossary.

    A row of several words, such as "input, dry", gives each of them. A word with its field in brackets keeps both.
    """
    path = shipped_path("docs/glossary.md")
    if path is None:
        return {}
    rows = re.findall(r"^\| \*\*(.+?)\*\* \| (.+) \|$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {word: _plain(meaning) for words, meaning in rows for word in _words(words)}


def _words(cell: str) -> list[str]:
    base, bracket, field = cell.partition(" (")
    return [f"{word}{bracket}{field}" for word in base.split(", ")]


def _plain(markdown: str) -> str:
    """The text of a cell without links, emphasis and code marks, as a sentence."""
    text = re.sub(r" ?\(\[[^]]*\]\([^)]*\)\)", "", markdown)
    text = re.sub(r"[*`]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)).strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


class Terms:
    """Marks the words that a page explains, each once in a section.

    Args:
        words: entries of the glossary. A word that the glossary lacks is left unmarked.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._meanings = {word.lower(): glossary()[word] for word in words if word in glossary()}
        longest_first = sorted(self._meanings, key=len, reverse=True)
        joined = "|".join(re.escape(word) for word in longest_first)
        self._pattern = re.compile(rf"(?<![\w-])({joined})(?![\w-]|\.\w)", re.IGNORECASE) if joined else None
        self._seen: set[str] = set()

    def start(self) -> str:
        """Begins a section: its words are marked again."""
        self._seen.clear()
        return ""

    def mark(self, text: object) -> Markup:
        """The text as HTML. The meaning is in ``title``, which the page's script turns into a tooltip."""
        if self._pattern is None:
            return escape(str(text))
        marked, end = Markup(), 0
        for found in self._pattern.finditer(str(text)):
            word = found[0].lower()
            if word in self._seen:
                continue
            self._seen.add(word)
            marked += escape(str(text)[end : found.start()])
            marked += Markup('<abbr class="term" tabindex="0" title="{}">{}</abbr>').format(
                self._meanings[word], found[0]
            )
            end = found.end()
        return marked + escape(str(text)[end:])
