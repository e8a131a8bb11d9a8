# SPDX-License-Identifier: MIT
"""The file of a study.

::

    [study]                                   # optional
    title = "Learning rate"
    question = "Which constant rate is best?"

    [fit]                                     # the options of fxtrain fit, by their names
    dry = "dry.wav"                           # paths start at the folder of this file
    wet = "wet.wav"
    epochs = 20

    [grid]                                    # a run for each combination
    "training.learning_rate" = [0.004, 0.001]
    "training.seed" = [0, 1]
    "fit.model" = ["lstm", "gru"]             # an option of fit

    [search]                                  # in place of the grid
    trials = 20
    "training.learning_rate" = { low = 0.001, high = 0.01, log = true }
    "fit.model" = ["lstm", "gru"]
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fxtrain.config import build, configuration, read_toml
from fxtrain.errors import ConfigError
from fxtrain.studies.search import Search, read_search
from fxtrain.text import did_you_mean, quoted, shortened

__all__ = ["Point", "Study", "StudyText", "read_study"]

MOST_CELLS = 100_000
_TABLES = ("study", "fit", "grid", "search")
_LONGEST_NAME = 80  # characters


@configuration
class StudyText:
    """The ``[study]`` table.

    Attributes:
        title: of the page; empty takes the name of the file.
        question: what the study asks, a sentence for the page.
    """

    title: str = ""
    question: str = ""


@dataclass(frozen=True)
class Point:
    """One combination of the grid, or one trial of the search.

    Attributes:
        name: of the folder of its run.
        values: of each key of the study, in the order of the file.
    """

    name: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Study:
    """What a file asks for.

    Attributes:
        path: the file.
        text: title and question.
        options: of ``fxtrain fit``, for all runs.
        grid: key -> the values that it takes. Keys are ``TABLE.NAME`` for a setting, ``fit.NAME`` for an option.
        search: what takes the place of the grid.
    """

    path: Path
    text: StudyText
    options: Mapping[str, Any]
    grid: Mapping[str, list[Any]] = field(default_factory=dict)
    search: Search | None = None

    @property
    def keys(self) -> list[str]:
        """The settings that differ, in the order of the file."""
        return list(self.grid if self.search is None else self.search.space)

    @property
    def title(self) -> str:
        """For the page."""
        return self.text.title or self.path.stem.replace("-", " ").replace("_", " ").capitalize()

    def points(self) -> list[Point]:
        """All combinations of the grid; the last key changes fastest. A search has none before it begins."""
        if self.search is not None:
            return []
        combinations = [dict(zip(self.grid, values, strict=True)) for values in itertools.product(*self.grid.values())]
        return [_point(number, len(combinations), values) for number, values in enumerate(combinations, start=1)]

    def next_points(
        self, tried: Sequence[tuple[Mapping[str, Any], float | None]], *, higher_is_better: bool
    ) -> list[Point]:
        """The next round of a search; see :meth:`fxtrain.studies.search.Search.propose`. A grid has none."""
        if self.search is None:
            return []
        proposed = self.search.propose(tried, higher_is_better=higher_is_better)
        return [
            _point(number, self.search.trials, values) for number, values in enumerate(proposed, start=len(tried) + 1)
        ]

    @property
    def fingerprint(self) -> str:
        """Hash of all that decides the runs. Title and question do not count."""
        asked: Any = self.grid if self.search is None else self.search.as_document()
        content = json.dumps([str(self.path.parent.resolve()), self.options, asked], default=str)
        return hashlib.sha256(content.encode()).hexdigest()


def read_study(path: Path) -> Study:
    """Reads a study.

    Raises:
        ConfigError: it cannot be read, has neither a grid nor a search, or has an empty one.
    """
    document = read_toml(path)
    for name in document:
        if name not in _TABLES:
            raise ConfigError(
                f"{path} has the table [{shortened(name)}]; a study has [study], [fit], and [grid] or [search]"
                f"{did_you_mean(name, _TABLES)}"
            )
    try:
        text = build(StudyText, document.get("study", {}), where="study")
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    options = document.get("fit", {})
    if "search" in document:
        if "grid" in document:
            raise ConfigError(f"{path} has both [grid] and [search]; leave one out")
        return Study(path, text, options, search=read_search(document["search"], where=str(path)))
    grid = dict(_flat(document.get("grid", {})))
    if not grid:
        raise ConfigError(
            f'{path} has an empty grid; give at least one setting with its values, such as "training.seed" = [0, 1] '
            "under [grid]"
        )
    for key, values in grid.items():
        table, dot, name = key.partition(".")
        if not (table and dot and name):
            raise ConfigError(
                f'{path}: [grid] has the key {quoted(key)}; expected TABLE.NAME in quotes, such as "training.seed"'
            )
        if not isinstance(values, list) or not values:
            found = "an empty list" if values == [] else quoted(values)
            example = "[0, 1]" if values == [] else f"[{quoted(values)}]"
            raise ConfigError(f"{path}, [grid]: {key} is {found}; expected a list of values, such as {example}")
        if len({json.dumps(value, default=str) for value in values}) < len(values):
            raise ConfigError(f"{path}: {key} has a value twice in [grid]; give each value once")
    study = Study(path, text, options, grid)
    count = 1
    for values in grid.values():
        count *= len(values)
    if count > MOST_CELLS:
        raise ConfigError(f"{path} asks for {count} runs; a study has at most {MOST_CELLS}")
    return study


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Keys that were written without quotes are tables to TOML."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _point(number: int, count: int, values: Mapping[str, Any]) -> Point:
    return Point(f"{number:0{len(str(count))}d}-{_slug(values)}", values)


def _slug(values: Mapping[str, Any]) -> str:
    """A name for a folder that says what is special about a run.

    >>> _slug({"training.learning_rate": 0.004, "fit.dry": "/data/My take.wav"})
    'learning_rate-0.004-dry-My-take.wav'
    """
    parts = []
    for key, value in values.items():
        text = Path(value).name if isinstance(value, str) else json.dumps(value, default=str)
        parts.append(f"{key.rpartition('.')[2]}-{text}")
    return re.sub(r"[^A-Za-z0-9._]+", "-", "-".join(parts)).strip("-.")[:_LONGEST_NAME].rstrip("-.")
