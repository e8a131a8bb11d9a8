# SPDX-License-Identifier: MIT
"""A rendered report, taken apart."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest


class HtmlPage(HTMLParser):
    """Tags with attributes, text outside of scripts and styles, and the data of the players."""

    VOID = frozenset({"meta", "link", "br", "img", "input", "path", "use", "rect", "circle", "line", "image"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.source = text
        self.text = self.scripts = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, f"tags left open: {self._open}"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "script":
            self.scripts += data
        elif not self._open or self._open[-1] != "style":
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of each element of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def players(self) -> list[dict[str, Any]]:
        """What the script is told about each player."""
        found = re.search(r'id="report-data">(.*?)</script>', self.source, re.DOTALL)
        assert found
        players: list[dict[str, Any]] = json.loads(found[1], parse_constant=pytest.fail)["players"]
        return players

    def assert_ids_are_unique_and_found(self) -> None:
        """Each id is there once, and each reference to one leads somewhere."""
        ids = [attributes["id"] for _, attributes in self.tags if attributes.get("id")]
        assert len(set(ids)) == len(ids)
        references = set(re.findall(r"url\(#([^)]+)\)", self.source)) | set(re.findall(r'href="#([^"]+)"', self.source))
        for name in ("aria-labelledby", "aria-describedby"):
            references |= {a[name] for _, a in self.tags if a.get(name)}
        assert references <= set(ids)

    def links(self) -> list[str]:
        """Addresses of everything that is neither in the page nor in a ``data:`` URL."""
        names = ("src", "href", "xlink:href", "action", "data")
        links = [a[name] or "" for _, a in self.tags for name in names if a.get(name)]
        return [link for link in links if not link.startswith(("#", "data:"))]
