# SPDX-License-Identifier: MIT
"""Figures and keys of ``metrics.json`` as text for people."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["format_cell", "format_ratio", "number_at", "scalar_rows", "words"]

_SPELLING = {"cpu": "CPU", "db": "dB", "dc": "DC", "esr": "ESR", "mr": "MR", "rms": "RMS", "stft": "STFT"}


def number_at(table: Any, *path: str) -> float | None:
    """The finite number at the end of a path of keys, or ``None``."""
    for key in path:
        table = table.get(key) if isinstance(table, Mapping) else None
    return float(table) if isinstance(table, int | float) and math.isfinite(table) else None


def format_ratio(value: float | None) -> str:
    """Two significant digits, without an exponent as long as that is readable.

    >>> format_ratio(0.004234), format_ratio(1.234), format_ratio(0.11), format_ratio(4.2e-7)
    ('0.0042', '1.23', '0.11', '4.2 × 10⁻⁷')
    """
    if value is None or math.isnan(value):
        return "unknown"
    if math.isinf(value):
        return "infinite"
    if value == 0.0:
        return "0"
    if abs(value) >= 1.0:
        return f"{value:.3g}"
    exponent = math.floor(math.log10(abs(float(f"{value:.1e}"))))
    if exponent >= -4:
        return f"{value:.{1 - exponent}f}"
    digits = str(abs(exponent)).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{value / 10.0**exponent:.1f} \N{MULTIPLICATION SIGN} 10⁻{digits}"


def format_cell(value: object) -> str:
    """The content of a table's cell.

    >>> format_cell(True), format_cell(12345), format_cell(0.123456), format_cell("lstm")
    ('yes', '12\N{THIN SPACE}345', '0.1235', 'lstm')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\N{THIN SPACE}")
    if isinstance(value, float):
        return format_ratio(value) if 0.0 < abs(value) < 1e-3 else f"{value:.4g}"
    return str(value)


def words(key: object) -> str:
    """A key as a person would write it.

    >>> words("num_layers"), words("esr_db")
    ('layers', 'ESR dB')
    """
    return " ".join(_SPELLING.get(word, word) for word in str(key).removeprefix("num_").replace("_", " ").split(" "))


def scalar_rows(table: object) -> list[tuple[str, object]]:
    """The entries of a mapping that fit in a cell; those of inner mappings follow under "outer inner".

    >>> scalar_rows({"num_layers": 1, "bands": {"low": 0.5}, "names": ["a", "b"]})
    [('layers', 1), ('bands low', 0.5)]
    """

    def walk(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, object]]:
        for key, value in table.items():
            if isinstance(value, Mapping):
                yield from walk(value, f"{prefix}{key} ")
            elif isinstance(value, str | bool) or number_at({"": value}, "") is not None:
                yield words(f"{prefix}{key}"), value

    return list(walk(table, "")) if isinstance(table, Mapping) else []
