# SPDX-License-Identifier: MIT
"""``fxtrain install``: puts models and impulse responses where the plugin looks."""

from __future__ import annotations

import argparse
import re
from collections.abc import MutableMapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from fxtrain.cli.terminal import shown
from fxtrain.errors import FxtrainError, InputError, OutputExistsError
from fxtrain.model_files import model_file

_SUFFIXES = (".json", ".aidax", ".nam")
"""What the plugin's library lists; a model under another name is called .json."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``install``."""
    parser.add_argument(
        "models",
        nargs="*",
        type=Path,
        metavar="MODEL",
        help="model file, or the folder of a run (several may be given)",
    )
    parser.add_argument(
        "--ir",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="impulse response of a cabinet, WAV, AIFF or FLAC (repeatable)",
    )
    parser.add_argument("--name", help="name for MODEL; default: its file name, or its title if the file is model.json")
    parser.add_argument(
        "--preset",
        action="store_true",
        help="also write a preset for each MODEL, with the first --ir, to where hosts look",
    )
    parser.add_argument("--force", action="store_true", help="overwrite other files of the same names")


@dataclass(frozen=True)
class _Copy:
    """A file to be written.

    Attributes:
        kind: "model", "cabinet" or "preset".
        source: the user's file.
        target: where it goes.
        content: what to write.
    """

    kind: str
    source: Path
    target: Path
    content: bytes

    def is_there(self) -> bool:
        """Whether the very same file lies there already."""
        return self.target.is_file() and self.target.read_bytes() == self.content


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any]:
    """Checks all files first, so that either all of them are installed or none."""
    if not args.models and not args.ir:
        raise InputError("nothing to install: give MODEL, or --ir FILE")
    if args.name is not None and len(args.models) != 1:
        raise InputError(f"--name calls one MODEL by another name, but {len(args.models)} were given")
    if args.preset and not args.models:
        raise InputError("--preset writes a preset for each MODEL, but none was given")
    copies = _plan(args)
    _refuse_conflicts(copies, force=args.force)
    done = []
    for copy in copies:
        there = copy.is_there()
        if not there:
            _write(copy)
        console.print(shown(f"{copy.kind:<8} {copy.target}{' (is there already)' if there else ''}"))
        done.append({"kind": copy.kind, "source": str(copy.source), "path": str(copy.target), "written": not there})
    return {"installed": done}


def _plan(args: argparse.Namespace) -> list[_Copy]:
    from fxtrain.folders import user_folders
    from fxtrain.plugin_files.preset import CabinetContent, Preset, SlotContent

    folders = user_folders()
    copies = []
    cabinets = []
    for path in args.ir:
        cabinet = CabinetContent.read(path)
        target = folders.cabinets / (_file_name(path.stem) + path.suffix.lower())
        copies.append(_Copy("cabinet", path, target, cabinet.audio))
        cabinets.append(replace(cabinet, path=str(target)))
    for given in args.models:
        path = model_file(given)
        content = SlotContent.read(path)
        name = _file_name(args.name or content.name)
        suffix = path.suffix.lower()
        target = folders.models / f"{name}{suffix if suffix in _SUFFIXES else '.json'}"
        copies.append(_Copy("model", path, target, content.model.encode("utf-8")))
        if args.preset:
            slot = replace(content, name=name, path=str(target))
            preset = Preset({"cabinet_on": int(bool(cabinets))}, {"A": slot}, cabinets[0] if cabinets else None)
            copies.append(_Copy("preset", path, folders.presets / f"{name}.vstpreset", preset.to_bytes()))
    return copies


def _file_name(name: str) -> str:
    """The name without what some system does not allow in file names."""
    return re.sub(r'[<>:"/\\|?*\x00-\x1f]+', "-", name).strip(" .") or "model"


def _refuse_conflicts(copies: list[_Copy], *, force: bool) -> None:
    taken: dict[str, _Copy] = {}
    for copy in copies:
        other = taken.setdefault(str(copy.target).lower(), copy)
        if other.content != copy.content:
            raise InputError(
                f"{other.source} and {copy.source} would both become {copy.target}; install them one by one with --name"
            )
    if force:
        return
    for copy in copies:
        if copy.target.exists() and not copy.is_there():
            other_name = "rename your file" if copy.kind == "cabinet" else "choose another --name"
            raise OutputExistsError(
                f"{copy.target} exists already and is another {copy.kind}; {other_name}, or overwrite it with --force"
            )


def _write(copy: _Copy) -> None:
    from fxtrain.atomic import write_atomically

    try:
        copy.target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(copy.target, copy.content)
    except OSError as error:
        raise FxtrainError(f"cannot write {copy.target}: {error.strerror or error}") from None
