# SPDX-License-Identifier: MIT
"""What a report is made of.

::

    Page
      Player                    sounds in step, with pictures; any number of players
      Group                     a heading, and below it any number of parts:
        Facts Text Bullets Bars Figures Curves Tables Split Verdicts Command
        Columns                 two parts side by side
      any part                  without a heading

Sections are plain data. A task makes them of what it measured, :mod:`fxtrain.report.html` renders them. Text is
escaped: it cannot contain HTML.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "COLOURS",
    "Bar",
    "Bars",
    "BlindTest",
    "Bullets",
    "Colour",
    "ColourScale",
    "Columns",
    "Command",
    "Curve",
    "Curves",
    "Fact",
    "Facts",
    "Figure",
    "Figures",
    "Group",
    "Level",
    "Link",
    "Panel",
    "Part",
    "Picture",
    "Player",
    "Section",
    "Source",
    "Split",
    "SplitPart",
    "Table",
    "Tables",
    "Text",
    "Verdict",
    "Verdicts",
]

Colour = Literal["target", "prediction", "green", "violet", "gold", "teal", "error", "red", "dry"]
"""Colours of the page, each with a shade for light and dark, in the order in which they are given away.

``dry`` (grey), ``target`` (blue), ``prediction`` (orange) and ``error`` (pink) are those of the roles in all figures.
"""

COLOURS: tuple[Colour, ...] = get_args(Colour)


@dataclass(frozen=True)
class Link:
    """A reference to a file beside the page, such as ``audio/target.wav``."""

    label: str
    address: str

    def __post_init__(self) -> None:
        if ":" in self.address or self.address.startswith("/"):
            raise ValueError(f"a page may only refer to what lies beside it, not to {self.address!r}")


# Players


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture that the page holds.

    Attributes:
        data: the file's content.
        description: what it shows, for people who cannot see it.
        media_type: of ``data``.
    """

    data: bytes
    description: str
    media_type: Literal["image/png", "image/jpeg", "image/svg+xml"] = "image/png"

    @property
    def address(self) -> str:
        """The picture as a ``data:`` URL."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.data).decode()}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """One of the sounds that a player switches between.

    Attributes:
        key: its name in the player: lower-case letters, digits and hyphens.
        label: for people, in a word or two.
        hint: what it is, in a few words.
        samples: shape ``(frames,)``, full scale is 1; the page holds them as 16 bits relative to their peak.
        sum_of: instead of samples, the keys of two sources of which it is the sum. A prediction that is target plus
            error stays exactly in step, and the error keeps its resolution at its own, small scale.
        colour: by default the first one that no other source of the player has.
        picture: shown beside the wave while the source is selected, such as the image that the sound was made from.
        strip: a picture whose width is the time axis, such as a spectrogram; drawn below the wave.
    """

    key: str
    label: str
    hint: str = ""
    samples: NDArray[np.floating[Any]] | None = None
    sum_of: tuple[str, str] | None = None
    colour: Colour | None = None
    picture: Picture | None = None
    strip: Picture | None = None


@dataclass(frozen=True)
class BlindTest:
    """Two sources of a player that a listener tries to tell apart (ABX).

    Attributes:
        a: key of the first source; its wave and pictures are shown throughout the test.
        b: key of the second source.
        names: what the two are, in words, such as "the device" and "the model".
    """

    a: str
    b: str
    names: tuple[str, str]


@dataclass(frozen=True, kw_only=True, eq=False)
class Player:
    """Up to nine sounds that play in step, so that a switch between them loses nothing.

    Attributes:
        id: unique on the page: lower-case letters, digits and hyphens.
        title: heading.
        note: what is to be heard, beside the heading.
        sources: one to nine; all of one length.
        sample_rate: of all sources, in Hz.
        selected: key of the source that is heard first; by default the first source.
        gains_db: gains for equal loudness, see :func:`fxtrain.report.audio.level_match`; ``None`` for a silent source.
            Without it there is no such switch.
        blind: offers a blind test.
        cabinet: impulse response at ``sample_rate``, shape ``(frames,)``. The page offers a switch that plays what is
            heard through it: for sounds from before a loudspeaker.
        picture: shown beside the wave whatever is heard. A source's own picture takes its place.
        links: files to offer below the player.
        fallback: for readers without JavaScript: where the sounds are.
    """

    kind: ClassVar[str] = "player"

    id: str
    sources: Sequence[Source]
    sample_rate: int
    title: str = "Listen"
    note: str = ""
    selected: str | None = None
    gains_db: Mapping[str, float | None] | None = None
    blind: BlindTest | None = None
    cabinet: NDArray[np.floating[Any]] | None = None
    picture: Picture | None = None
    links: Sequence[Link] = ()
    fallback: str = ""

    def __post_init__(self) -> None:
        where = f"player {self.id!r}"
        _check_name(self.id, "the id of a player")
        if not 1 <= len(self.sources) <= 9:
            raise ValueError(f"{where} has {len(self.sources)} sources, expected 1 to 9")
        keys = [source.key for source in self.sources]
        for key in keys:
            _check_name(key, f"the key of a source of {where}")
        if len(set(keys)) < len(keys):
            raise ValueError(f"the sources of {where} have the keys {keys}, expected different ones")
        shapes = {source.samples.shape for source in self.sources if source.samples is not None}
        if len(shapes) != 1 or len(shape := shapes.pop()) != 1 or not shape[0]:
            raise ValueError(f"the sources of {where} differ in shape, expected one shape (frames,) with frames > 0")
        recorded = {source.key for source in self.sources if source.samples is not None}
        for source in self.sources:
            if (source.samples is None) == (source.sum_of is None):
                raise ValueError(f"source {source.key!r} of {where} needs either samples or sum_of")
            if source.sum_of is not None and not set(source.sum_of) <= recorded:
                raise ValueError(f"source {source.key!r} of {where} is the sum of sources without samples")
        pair = () if self.blind is None else (self.blind.a, self.blind.b)
        for key in (*pair, *([] if self.selected is None else [self.selected])):
            if key not in keys:
                raise ValueError(f"{where} has no source {key!r}")
        if self.gains_db is not None and set(self.gains_db) != set(keys):
            raise ValueError(f"{where} has gains for {sorted(self.gains_db)}, expected {sorted(keys)}")

    @property
    def num_frames(self) -> int:
        """Length of each source."""
        return next(len(source.samples) for source in self.sources if source.samples is not None)

    @property
    def seconds(self) -> float:
        """Length of each source."""
        return self.num_frames / self.sample_rate

    @property
    def colours(self) -> dict[str, Colour]:
        """The colour of each source by its key."""
        free = [colour for colour in COLOURS if colour not in {source.colour for source in self.sources}]
        return {source.key: source.colour or free.pop(0) for source in self.sources}


# Parts


@dataclass(frozen=True)
class Fact:
    """One figure with what it means."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Facts:
    """A row of figures that sum up the result."""

    kind: ClassVar[str] = "facts"

    facts: Sequence[Fact]


@dataclass(frozen=True)
class Text:
    """A paragraph, and files that it ends with."""

    kind: ClassVar[str] = "text"

    text: str
    links: Sequence[Link] = ()


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    kind: ClassVar[str] = "bullets"

    sentences: Sequence[str]


@dataclass(frozen=True)
class Bar:
    """A value to compare.

    Attributes:
        label: what has this value.
        value: decides the length of the bar.
        text: the value as text.
        note: details, in a few words.
        is_result: whether it is the value that the others are there to be compared with.
    """

    label: str
    value: float
    text: str
    note: str = ""
    is_result: bool = False


@dataclass(frozen=True)
class Bars:
    """Values as bars on a common scale.

    Attributes:
        bars: from top to bottom.
        headings: of the labels and of the values.
        logarithmic: whether lengths are logarithmic; the scale then starts below the smallest value, else at 0.
        least_end: the scale ends at the largest value, but not before this one.
    """

    kind: ClassVar[str] = "bars"

    bars: Sequence[Bar]
    headings: tuple[str, str]
    logarithmic: bool = True
    least_end: float = 0.0

    @property
    def shares(self) -> list[float]:
        """The lengths, from 0 to 1.

        >>> Bars([Bar("a", 5.0, "5"), Bar("b", 10.0, "10")], ("", ""), logarithmic=False).shares
        [0.5, 1.0]
        """
        finite = [bar.value for bar in self.bars if bar.value > 0.0 and math.isfinite(bar.value)] or [1.0]
        end = max(max(finite), self.least_end)
        if not self.logarithmic:
            return [min(max(bar.value / end, 0.0), 1.0) for bar in self.bars]
        floor = 10.0 ** math.floor(math.log10(min(finite)) - 0.15)
        span = math.log10(end / floor)
        return [min(max(math.log10(max(bar.value, floor) / floor) / span, 0.0), 1.0) for bar in self.bars]


@dataclass(frozen=True)
class Figure:
    """A drawing of :mod:`fxtrain.report.plots`.

    Attributes:
        svg: as :func:`fxtrain.report.plots.to_svg` gives it; goes into the page unescaped.
        title: of the figure.
        caption: how to read it.
        remedy: what to do next if it does not look as it should.
    """

    svg: str
    title: str
    caption: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class ColourScale:
    """The key of the spectrograms' colours.

    Attributes:
        label: what it spans, such as "scale of 90 dB:".
        low: text at its quiet end.
        high: text at its loud end.
    """

    label: str
    low: str
    high: str


@dataclass(frozen=True)
class Figures:
    """Drawings in columns.

    Attributes:
        figures: row by row.
        columns: on a wide screen.
        lead: how to read them all.
        scale: the key of the spectrograms' colours, behind the lead.
    """

    kind: ClassVar[str] = "figures"

    figures: Sequence[Figure]
    columns: Literal[2, 3] = 2
    lead: str = ""
    scale: ColourScale | None = None


@dataclass(frozen=True)
class Curve:
    """A figure of the training log over time.

    Attributes:
        key: of the rows of ``log.jsonl``, such as ``val_accuracy`` or ``generator/mel``.
        label: for the legend.
        colour: by default the first one that no other curve of the panel has.
    """

    key: str
    label: str
    colour: Colour | None = None


@dataclass(frozen=True)
class Level:
    """A value to compare curves with, drawn across a panel.

    Attributes:
        value: not drawn if ``None``.
        label: its name.
        is_rival: whether it is what the model has to beat, rather than what it reached.
    """

    value: float | None
    label: str
    is_rival: bool = False


@dataclass(frozen=True)
class Panel:
    """Curves on one axis.

    Attributes:
        curves: what is drawn.
        label: of the axis.
        logarithmic: whether the axis is.
        criterion: key of the curve whose best point chose the weights; that point is marked.
        higher_is_better: whether the best point is the highest.
        levels: values to compare with.
    """

    curves: Sequence[Curve]
    label: str = ""
    logarithmic: bool = True
    criterion: str | None = None
    higher_is_better: bool = False
    levels: Sequence[Level] = ()


@dataclass(frozen=True)
class Curves:
    """Learning curves: panels above each other on one time axis, and the learning rate below them.

    Nothing is shown as long as the history has no point of the criterion, or of any curve if no panel has a criterion.

    Attributes:
        history: rows of ``log.jsonl``; any entry may be missing.
        panels: from top to bottom.
        title: of the figure.
        caption: how to read it.
        remedy: what to do next if they do not look as they should.
    """

    kind: ClassVar[str] = "curves"

    history: Sequence[Mapping[str, Any]]
    panels: Sequence[Panel]
    title: str = "Learning curve"
    caption: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of cells: text, whole numbers, fractions or booleans. The first cell of a row names it.

    Attributes:
        title: of the table.
        rows: all of one length.
        headings: of the columns; none for a list of names and values.
        is_open: whether its rows are visible before a click on the title.
    """

    title: str
    rows: Sequence[Sequence[object]]
    headings: Sequence[str] = ()
    is_open: bool = False


@dataclass(frozen=True)
class Tables:
    """Tables below each other, each of which opens and closes."""

    kind: ClassVar[str] = "tables"

    tables: Sequence[Table]


@dataclass(frozen=True)
class SplitPart:
    """A part of the material: its name (``train``, ``validation``, ``test``), its size, and the size as text."""

    name: str
    size: float
    text: str


@dataclass(frozen=True)
class Split:
    """How the material was divided."""

    kind: ClassVar[str] = "split"

    parts: Sequence[SplitPart]

    @property
    def shares(self) -> list[float]:
        """Size of each part, in percent of all."""
        total = sum(part.size for part in self.parts)
        return [100.0 * part.size / total if total else 0.0 for part in self.parts]


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Attributes:
        name: of the check.
        level: ``ok``, ``note``, ``warn`` or ``stop``.
        message: what was found.
        remedy: what to do about it.
    """

    name: str
    level: str
    message: str
    remedy: str = ""


@dataclass(frozen=True)
class Verdicts:
    """What checks of the material found, the gravest first."""

    kind: ClassVar[str] = "verdicts"

    verdicts: Sequence[Verdict]

    @property
    def by_gravity(self) -> list[Verdict]:
        """The verdicts in the order in which they are shown."""
        levels = ("stop", "warn", "note", "ok")
        return sorted(self.verdicts, key=lambda v: levels.index(v.level) if v.level in levels else len(levels))


@dataclass(frozen=True)
class Command:
    """A command to copy."""

    kind: ClassVar[str] = "command"

    command: str


@dataclass(frozen=True)
class Columns:
    """Parts side by side on a wide screen, for example curves and tables."""

    kind: ClassVar[str] = "columns"

    parts: Sequence[Figures | Curves | Tables]


Part: TypeAlias = Facts | Text | Bullets | Bars | Figures | Curves | Tables | Split | Verdicts | Command | Columns


@dataclass(frozen=True)
class Group:
    """Parts under a heading.

    Attributes:
        id: unique on the page: lower-case letters, digits and hyphens.
        title: the heading.
        parts: from top to bottom.
        lead: a paragraph below the heading.
    """

    kind: ClassVar[str] = "group"

    id: str
    title: str
    parts: Sequence[Part]
    lead: str = ""

    def __post_init__(self) -> None:
        _check_name(self.id, "the id of a group")


Section: TypeAlias = Player | Group | Part


def _check_name(name: str, what: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise ValueError(f"{what} is {name!r}, expected lower-case letters, digits and hyphens")
