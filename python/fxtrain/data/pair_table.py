# SPDX-License-Identifier: MIT
"""Pairs of files, and tables of them."""

from __future__ import annotations

import codecs
import csv
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from fxtrain.config import configuration
from fxtrain.errors import InputError
from fxtrain.files import read_file
from fxtrain.text import quoted, shortened

__all__ = ["GREATEST_WEIGHT", "MOST_CLIP_FRAMES", "PairFiles", "Split", "read_pairs"]

Split = Literal["auto", "train", "validation", "test"]
_SPLITS: dict[str, Split] = {
    "": "auto", "auto": "auto", "train": "train", "val": "validation", "validation": "validation", "test": "test"
}  # fmt: skip
_LARGEST_TABLE = 16 << 20  # bytes
GREATEST_WEIGHT = 1e6
MOST_CLIP_FRAMES = 1 << 30


@configuration
class PairFiles:
    """One dry/wet pair and its role.

    Attributes:
        input: the dry file.
        target: the wet file.
        split: ``auto`` divides it in time; else all of it is used for that part.
        weight: how much its error counts in training.
        clip_frames: 0, or the recording is clips of so many frames joined.
    """

    input: Annotated[Path, Field(strict=False)]
    target: Annotated[Path, Field(strict=False)]
    split: Split = "auto"
    weight: Annotated[float, Field(gt=0, le=GREATEST_WEIGHT)] = 1.0
    clip_frames: Annotated[int, Field(ge=0, le=MOST_CLIP_FRAMES)] = 0


_COLUMNS = ("input", "target", "split", "weight", "clip_frames")


def read_pairs(path: Path) -> list[PairFiles]:
    """Reads a table of pairs: CSV with the columns input, target, split, weight, clip_frames (the last three optional).

    Relative paths start at the table's folder. ``split`` is train, val, test, or empty to divide the pair in time. The
    dialects of spreadsheets are read: byte order marks, semicolons or tabs, decimal commas, capitals, blanks around
    names and values, empty lines, columns of notes.
    """
    columns, rows = _read_table(path)
    missing = [name for name in ("input", "target") if name not in columns]
    if missing or not rows:
        raise InputError(
            f"{path} needs a header and rows with the columns {','.join(_COLUMNS)}, "
            f"but has {', '.join(columns) or 'no rows'}{'' if rows or missing else ' and no rows below it'}"
        )
    for column in columns:
        if column not in _COLUMNS:
            meant = [name for name in get_close_matches(column, _COLUMNS, cutoff=0.75) if name not in columns]
            if meant:
                raise InputError(f"{path} has a column {column!r}; if {meant[0]!r} is meant, rename it")
    pairs = []
    for number, fields in rows:
        if len(fields) > len(columns):
            raise InputError(
                f"{path}, line {number} has {len(fields)} fields where the header has {len(columns)}; "
                "put values that hold the separator, such as 0,5, in quotes"
            )
        row = dict(zip(columns, fields, strict=False))
        split = row.get("split", "").lower()
        if not row.get("input") or not row.get("target"):
            raise InputError(f"{path}, line {number}: input and target must both name a file")
        if split not in _SPLITS:
            raise InputError(f"{path}, line {number}: split is {quoted(split)}, expected train, val, test or nothing")
        try:
            weight = float((row.get("weight") or "1").replace(",", "."))
            clips = float((row.get("clip_frames") or "0").replace(",", "."))
        except ValueError as error:
            raise InputError(f"{path}, line {number}: {shortened(str(error), 120)}") from None
        if not (0 < weight <= GREATEST_WEIGHT) or not 0 <= clips <= MOST_CLIP_FRAMES or clips != int(clips):
            raise InputError(
                f"{path}, line {number}: weight is {weight:g} and clip_frames {clips:g}; expected a weight above 0, at "
                f"most {GREATEST_WEIGHT:g}, and a whole number of clip_frames from 0 to {MOST_CLIP_FRAMES}"
            )
        pairs.append(
            PairFiles(
                input=path.parent / row["input"],
                target=path.parent / row["target"],
                split=_SPLITS[split],
                weight=weight,
                clip_frames=int(clips),
            )
        )
    return pairs


def _read_table(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The names of the columns, and the rows that hold anything, with their line numbers."""
    try:
        data = read_file(path, at_most=_LARGEST_TABLE, expected="a table of pairs")
    except OSError as error:
        raise InputError(
            f"cannot read the table of pairs {path}: {error.strerror or error}; check the spelling and the folder"
        ) from None
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")  # what spreadsheets on Windows write if not asked for UTF-8
    if "\0" in text:
        raise InputError(f"{path} is not a table of text; save it as CSV (UTF-8)")
    lines = text.lstrip("\ufeff").splitlines()
    skipped = 0
    while lines and (not lines[0].strip(" ,;\t") or re.fullmatch(r"sep=.", lines[0].strip())):
        del lines[0]
        skipped += 1
    delimiter = max(",;\t", key=lines[0].count) if lines else ","
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    try:
        table = [(skipped + reader.line_num, [field.strip() for field in fields]) for fields in reader]
    except csv.Error as error:
        raise InputError(f"cannot read the table of pairs {path}: {error}") from None
    table = [(number, fields) for number, fields in table if any(fields)]
    if not table:
        return [], []
    columns = [name.lower().replace(" ", "_") for name in table[0][1]]
    while columns and not columns[-1]:
        columns.pop()
    rows = []
    for number, fields in table[1:]:
        while len(fields) > len(columns) and not fields[-1]:
            fields.pop()
        rows.append((number, fields))
    return columns, rows
