# SPDX-License-Identifier: MIT
"""One page that needs nothing but itself, made of sections.

The page holds its sounds as 16-bit samples and its pictures as ``data:`` URLs. A content security policy forbids it to
fetch anything or to run any script but its own.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import itertools
import platform
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

import fxtrain
from fxtrain.atomic import write_atomically
from fxtrain.report import plots
from fxtrain.report.glossary import COMMON_TERMS, Terms
from fxtrain.report.numbers import format_cell, words
from fxtrain.report.sections import Curves, Figure, Group, Player, Section

__all__ = ["Page", "render_page", "write_page"]

FILE_NAME = "report.html"


def _versions() -> list[tuple[str, str]]:
    versions = [("fxtrain", fxtrain.__version__), ("Python", platform.python_version())]
    for package in ("torch", "numpy", "scipy"):
        try:
            versions.append((package, importlib.metadata.version(package)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return [*versions, ("system", f"{platform.system()} {platform.machine()}")]


@dataclass(frozen=True, kw_only=True)
class Page:
    """What the page shows.

    Attributes:
        title: of the run.
        sections: from top to bottom.
        verdict: the result in a word or two, and what that means; empty if there is none.
        eyebrow: the line above the title.
        versions: names and versions of the software, for the last line.
        terms: words of ``docs/glossary.md`` that the page explains where they stand.
    """

    title: str
    sections: Sequence[Section]
    verdict: tuple[str, str] = ("", "")
    eyebrow: str = field(default_factory=lambda: f"fxtrain report · {date.today().isoformat()}")
    versions: Sequence[tuple[str, str]] = field(default_factory=_versions)
    terms: Sequence[str] = COMMON_TERMS

    def __post_init__(self) -> None:
        ids = [section.id for section in self.sections if isinstance(section, Player | Group)]
        if len(set(ids)) < len(ids):
            raise ValueError(f"the sections of the page have the ids {ids}, expected different ones")

    @property
    def players(self) -> list[Player]:
        """The players among the sections."""
        return [section for section in self.sections if isinstance(section, Player)]


def write_page(folder: Path, page: Page) -> Path:
    """Writes ``report.html``.

    Args:
        folder: made if missing; an older page is replaced once the new one is complete.
        page: what to show.

    Returns:
        Path of the page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE_NAME
    write_atomically(path, render_page(page).encode())
    return path


def render_page(page: Page) -> str:
    """The page as text."""
    assets = resources.files("fxtrain.report") / "page"
    script = (assets / "player.js").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    terms = Terms(page.terms)
    environment.filters.update(cell=format_cell, words=words, svg=_with_own_ids(), curves=_draw, terms=terms.mark)
    return environment.from_string((assets / "report.html.j2").read_text(encoding="utf-8")).render(
        page=page,
        start_section=terms.start,
        players=[_player_data(player) for player in page.players],
        most_sources=max((len(player.sources) for player in page.players), default=0),
        has_blind_test=any(player.blind for player in page.players),
        colour_scale=Markup(plots.colour_scale_css()),
        style=Markup((assets / "style.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _player_data(player: Player) -> dict[str, Any]:
    """What the script needs to know about a player."""
    sources = []
    for source in player.sources:
        entry: dict[str, Any] = {"key": source.key, "colour": player.colours[source.key]}
        if source.samples is None:
            entry["sum"] = source.sum_of
        else:
            entry["clip"] = _pcm(source.samples)
        if source.strip is not None:
            entry["strip"] = source.strip.address
        sources.append(entry)
    return {
        "id": player.id,
        "sampleRate": player.sample_rate,
        "sources": sources,
        "selected": player.selected or player.sources[0].key,
        "gains": player.gains_db and dict(player.gains_db),
        "pair": player.blind and [player.blind.a, player.blind.b],
        "cabinet": None if player.cabinet is None else _pcm(player.cabinet),
    }


def _pcm(samples: NDArray[np.floating[Any]]) -> dict[str, Any]:
    """16-bit little-endian samples in base64, and what one step stands for; what is not a number becomes silence."""
    x = np.nan_to_num(np.asarray(samples, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    scale = float(np.max(np.abs(x), initial=0.0)) or 1.0
    integers = np.round(x / scale * 32767.0).astype("<i2")
    return {"scale": scale / 32767.0, "pcm": base64.b64encode(integers.tobytes()).decode()}


def _with_own_ids() -> Callable[[str], Markup]:
    """A filter for drawings that share one page: each gets ids of its own."""
    numbers = itertools.count(1)

    def with_own_ids(svg: str) -> Markup:
        name = f"figure{next(numbers)}"
        svg = re.sub(r' id="', f' id="{name}-', svg)
        return Markup(re.sub(r"(url\(#|href=\"#)", rf"\g<1>{name}-", svg))

    return with_own_ids


def _draw(curves: Curves) -> Figure | None:
    svg = plots.learning_figure(curves.history, curves.panels)
    return None if svg is None else Figure(svg, curves.title, curves.caption, curves.remedy)
