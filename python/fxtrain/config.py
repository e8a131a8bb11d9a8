# SPDX-License-Identifier: MIT
"""Configuration: frozen dataclasses, checked when built, read from TOML and from ``--set key=value``.

A configuration file has one table per section::

    [model]     # of the chosen architecture, for example hidden_size
    [data]      # of its provider, for example sequence_frames
    [loss]      # what training minimises
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar, dataclass_transform

import tomli_w

from fxtrain.atomic import write_atomically
from fxtrain.errors import ConfigError
from fxtrain.files import read_file
from fxtrain.text import did_you_mean, quoted, shortened

__all__ = [
    "Tables",
    "build",
    "configuration",
    "load_preset",
    "locate_setting",
    "merge",
    "numbered",
    "parse_setting",
    "presets",
    "read_toml",
    "stem_of",
    "write_toml",
]

Tables = dict[str, dict[str, Any]]
_T = TypeVar("_T")
_LARGEST_TOML = 4 << 20  # bytes


@dataclass_transform(frozen_default=True, kw_only_default=True)
def configuration(section: type[_T]) -> type[_T]:
    """Class decorator of every configuration section: immutable, unknown keys refused, no silent type conversion."""
    from pydantic import ConfigDict  # here, because importing it would take a third of the time of `fit --help`
    from pydantic.dataclasses import dataclass as pydantic_dataclass

    checks = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    made: type[_T] = pydantic_dataclass(frozen=True, kw_only=True, config=checks)(section)  # type: ignore[assignment]
    return made


def build(section: type[_T], values: Mapping[str, Any], *, where: str) -> _T:
    """Builds a section from plain values.

    Args:
        section: class made by :data:`configuration`.
        values: keys and values as TOML gives them.
        where: name of the table, for the error message.

    Raises:
        ConfigError: an unknown key, a wrong type or a value out of range; the message names the first one.
    """
    from pydantic import ValidationError

    known = [field.name for field in fields(section)]  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            help = did_you_mean(key, known) or f"; known ones are {', '.join(known)}"
            raise ConfigError(f"unknown setting {where}.{shortened(key)}{help}")
    try:
        return section(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join([where, *(str(part) for part in first["loc"])])
        if first["type"] == "missing":
            raise ConfigError(f"setting {name} is missing; give it with --set {name}=VALUE, or in a file") from None
        expected = first["msg"][0].lower() + first["msg"][1:]
        raise ConfigError(f"setting {name} is {quoted(first['input'])}, but {expected}") from None


def read_toml(path: Path) -> Tables:
    """Reads a configuration file into its tables."""
    try:
        content = read_file(path, at_most=_LARGEST_TOML, expected="a configuration", error=ConfigError)
        document = tomllib.loads(content.decode("utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror or error}") from None
    except RecursionError:
        raise ConfigError(f"{path} is not a configuration: its lists are nested too deep") from None
    except ValueError as error:  # no TOML, no UTF-8, or a number of thousands of digits
        raise ConfigError(f"{path} is not valid TOML: {error}") from None
    for key, value in document.items():
        if not isinstance(value, dict):
            raise ConfigError(f"{path}: {key} stands outside a table; put it under one, for example [model]")
    return document


def write_toml(path: Path, tables: Mapping[str, Any]) -> None:
    """Writes tables; values that TOML cannot hold (None) are left out."""
    cleaned = {name: {k: v for k, v in table.items() if v is not None} for name, table in tables.items()}
    write_atomically(path, tomli_w.dumps(cleaned).encode())


def numbered(tables: Iterable[str], stem: str) -> list[str]:
    """The tables called ``stem_1``, ``stem_2`` and so on, in the order of their numbers.

    >>> numbered(["pair_10", "pair_2", "pair", "pair_02"], "pair")
    ['pair_2', 'pair_10']
    """
    return sorted(
        (name for name in tables if stem_of(name) == stem != name), key=lambda name: int(name[len(stem) + 1 :])
    )


def stem_of(table: str) -> str:
    """The name of a table without its number.

    >>> stem_of("pair_12"), stem_of("training")
    ('pair', 'training')
    """
    return re.sub(r"_[1-9][0-9]{0,8}$", "", table)


_PRESETS = ("nano", "lite", "standard", "max", "nam", "stft-low-latency")
_EARLIER_PRESETS = {"light": "lite", "large": "max"}  # of fxtrain 0.1, for one more version


def presets() -> dict[str, str]:
    """Names of the shipped presets with their first comment line; those that are sizes by what they cost to play."""
    folder = files("fxtrain") / "presets"
    return {name: (folder / f"{name}.toml").read_text("utf-8").splitlines()[0].lstrip("# ") for name in _PRESETS}


def load_preset(name: str) -> Tables:
    """The tables of a shipped preset; ``[run]`` names the model where it is not the default one."""
    name = _EARLIER_PRESETS.get(name, name)
    if name not in _PRESETS:
        raise ConfigError(f"unknown preset {name!r}; there are {', '.join(_PRESETS)}{did_you_mean(name, _PRESETS)}")
    return tomllib.loads((files("fxtrain") / "presets" / f"{name}.toml").read_text("utf-8"))


def parse_setting(text: str, sections: Mapping[str, Iterable[str]]) -> Tables:
    """Reads one ``key=value`` or ``table.key=value``; the value is TOML, or else a plain string.

    Args:
        text: as given on the command line.
        sections: names of the keys of each table, to find the table of a bare key.
    """
    key, separator, raw = text.partition("=")
    key = key.strip()
    if not separator or not key:
        raise ConfigError(f"--set needs key=value, but {quoted(text)} was given")
    table, name = locate_setting(key, sections)
    try:
        value = tomllib.loads(f"value = {raw}")["value"]
    except (ValueError, RecursionError):
        value = raw.strip()
    return {table: {name: value}}


def locate_setting(key: str, sections: Mapping[str, Iterable[str]]) -> tuple[str, str]:
    """The table of a setting and its name there.

    Args:
        key: ``table.name``, or a name that only one table has.
        sections: names of the keys of each table.

    Raises:
        ConfigError: no table has it, or several have.
    """
    table, dot, name = key.partition(".")
    if dot:
        return table, name
    owners = [section for section, names in sections.items() if key in names]
    if len(owners) == 1:
        return owners[0], key
    if owners:
        listed = " or ".join(f"{section}.{key}" for section in owners)
        raise ConfigError(f"ambiguous setting {quoted(key)}; give it as {listed}")
    known = [f"{section}.{name}" for section, names in sections.items() for name in names]
    guess = did_you_mean(key, [each for names in sections.values() for each in names])
    raise ConfigError(f"unknown setting {quoted(key)}{guess or '; known ones are ' + ', '.join(known)}")


def merge(*layers: Mapping[str, Mapping[str, Any]]) -> Tables:
    """Lays tables over each other; later ones win."""
    merged: Tables = {}
    for layer in layers:
        for table, values in layer.items():
            merged.setdefault(table, {}).update(values)
    return merged
