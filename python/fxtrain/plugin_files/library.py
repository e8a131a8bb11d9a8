# SPDX-License-Identifier: MIT
"""The library of the plugin: the captures, cabinets and presets of this computer.

The plugin and the command line share one index, ``library.json`` beside the folder of models::

    {"format": 1,
     "version": "0.1.0",                     of what read the files; another version may play more, and reads them anew
     "files": [{"kind": "capture", "path": ..., "modified": 1700000000000, "size": 4711, "name": ..., "maker": ...,
                "device": ..., "gear": ..., "tone": ..., "loudspeaker": ..., "tags": [...], "problem": ""}]}

``modified`` is in milliseconds since 1970, in whole seconds but on Windows. A file is opened again only if its size or
time has changed.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from fxtrain import __version__, engine
from fxtrain.atomic import write_atomically
from fxtrain.errors import FxtrainError
from fxtrain.files import read_file
from fxtrain.folders import user_folders
from fxtrain.plugin_files.preset import IN_SERIES, CabinetContent, read_preset

__all__ = ["Kind", "LibraryFile", "Marks", "read_library", "read_marks"]

Kind = Literal["capture", "cabinet", "preset"]

_SUFFIXES: dict[str, Kind] = {
    **dict.fromkeys((".json", ".aidax", ".nam"), "capture"),
    **dict.fromkeys((".wav", ".flac", ".aif", ".aiff"), "cabinet"),
    ".vstpreset": "preset",
}
_FORMAT = 1
_LARGEST = 64 << 20  # bytes of the index


@dataclass(frozen=True)
class LibraryFile:
    """One capture, cabinet or preset.

    Attributes:
        kind: what it is.
        path: where it is.
        modified: milliseconds since 1970.
        size: bytes.
        name: the title that the file states, else the file's name.
        maker: empty where the file does not say, as for the rest.
        device: what was captured; of a preset its captures, of a cabinet its length.
        gear: in plain words: "pedal", "amp with cabinet".
        tone: in plain words: "clean", "high gain".
        loudspeaker: "no loudspeaker" or "with loudspeaker".
        tags: what the plugin filters by.
        problem: a sentence about why it does not play; empty if it does.
    """

    kind: Kind
    path: str
    modified: int
    size: int
    name: str = ""
    maker: str = ""
    device: str = ""
    gear: str = ""
    tone: str = ""
    loudspeaker: str = ""
    tags: tuple[str, ...] = ()
    problem: str = ""

    @property
    def plays(self) -> bool:
        """Whether the plugin plays it."""
        return not self.problem


@dataclass(frozen=True)
class Marks:
    """What the player has marked in the plugin.

    Attributes:
        folders: searched beside fxtrain's own.
        favourites: paths, and kind and name of what comes with the plugin.
        recent: the same, the latest first.
    """

    folders: tuple[Path, ...] = ()
    favourites: frozenset[str] = frozenset()
    recent: tuple[str, ...] = ()


def read_marks() -> Marks:
    """What the plugin has kept; what is damaged counts as nothing."""
    document = _read_json(_beside_models("library-settings.json"))

    def texts(key: str) -> list[str]:
        found = document.get(key)
        return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []

    folders = tuple(Path(each) for each in texts("folders") if Path(each).is_absolute())
    return Marks(folders, frozenset(texts("favourites")), tuple(texts("recent")))


def read_library(marks: Marks | None = None) -> list[LibraryFile]:
    """All files of the library, by name; reads those that the index does not know, and writes the index.

    Raises:
        FxtrainError: the user has no home folder, or the index cannot be written.
    """
    marks = read_marks() if marks is None else marks
    index = _beside_models("library.json")
    known = _read_index(index)
    files = [known[each.path] if _is_known(each, known) else _opened(each) for each in _found(marks)]
    if files != list(known.values()):
        document = {"format": _FORMAT, "version": __version__, "files": [asdict(file) for file in files]}
        try:
            index.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(index, (json.dumps(document, indent=1) + "\n").encode())
        except OSError as error:
            raise FxtrainError(f"cannot write {index}: {error.strerror or error}") from None
    return sorted(files, key=lambda file: (file.name.lower(), file.path))


def _beside_models(name: str) -> Path:
    return user_folders().models.with_name(name)


def _read_json(path: Path) -> dict[str, Any]:
    """A JSON object, or an empty one for whatever is none."""
    try:
        document = json.loads(read_file(path, at_most=_LARGEST))
    except (OSError, FxtrainError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _read_index(path: Path) -> dict[str, LibraryFile]:
    document = _read_json(path)
    entries = document.get("files")
    if document.get("format") != _FORMAT or document.get("version") != __version__ or not isinstance(entries, list):
        return {}
    known = {}
    for entry in entries:
        try:
            file = LibraryFile(**entry | {"tags": tuple(entry["tags"])})
        except (TypeError, KeyError):
            continue
        if _is_sound(file):
            known[file.path] = file
    return known


def _is_sound(file: LibraryFile) -> bool:
    texts = (file.path, file.name, file.maker, file.device, file.gear, file.tone, file.loudspeaker, file.problem)
    return (
        file.kind in _SUFFIXES.values()
        and all(isinstance(each, str) for each in (*texts, *file.tags))
        and all(isinstance(each, int) for each in (file.modified, file.size))
    )


def _is_known(file: LibraryFile, known: dict[str, LibraryFile]) -> bool:
    before = known.get(file.path)
    return before is not None and (before.kind, before.modified, before.size) == (file.kind, file.modified, file.size)


def _found(marks: Marks) -> Iterator[LibraryFile]:
    """What lies in the folders, unread. In fxtrain's own folders a file is what the folder is for."""
    folders = user_folders()
    places: list[tuple[Path, Kind | None]] = [
        (folders.models, "capture"),
        (folders.cabinets, "cabinet"),
        (folders.presets, "preset"),
        *((folder, None) for folder in marks.folders),
    ]
    seen: set[str] = set()
    for place, only in places:
        for folder, subfolders, names in os.walk(place):
            subfolders[:] = sorted(each for each in subfolders if not each.startswith("."))
            for name in sorted(names):
                path = Path(folder, name)
                kind = _SUFFIXES.get(path.suffix.lower())
                if kind is None or only not in (None, kind) or name.startswith(".") or str(path) in seen:
                    continue
                seen.add(str(path))
                try:
                    status = path.stat()
                except OSError:  # gone since
                    continue
                if not stat.S_ISDIR(status.st_mode):
                    yield LibraryFile(kind, str(path), _milliseconds(status.st_mtime_ns), status.st_size)


def _milliseconds(nanoseconds: int) -> int:
    return nanoseconds // 10**6 if sys.platform == "win32" else nanoseconds // 10**9 * 1000


def _opened(file: LibraryFile) -> LibraryFile:
    """With what the file says, or why it does not play."""
    path = Path(file.path)
    try:
        if file.kind == "capture":
            return _capture(file, path)
        if file.kind == "cabinet":
            cabinet = CabinetContent.read(path)
            channels = "mono" if cabinet.num_channels == 1 else "stereo"
            return replace(file, name=path.stem, device=f"{cabinet.seconds * 1e3:.0f} ms", tags=(channels,))
        return _preset(file, path)
    except (FxtrainError, OSError) as error:
        return replace(file, name=path.stem, problem=str(error))


def _capture(file: LibraryFile, path: Path) -> LibraryFile:
    credits_ = engine.load(path).info.credits
    stem = path.parent.name if path.stem == "model" else path.stem  # as `fit` calls every model
    tags = tuple(dict.fromkeys(each for each in (credits_.gear, credits_.tone, credits_.loudspeaker) if each))
    return replace(
        file,
        name=credits_.title or stem,
        maker=credits_.author,
        device=credits_.device,
        gear=credits_.gear,
        tone=credits_.tone,
        loudspeaker=credits_.loudspeaker,
        tags=tags,
    )


def _preset(file: LibraryFile, path: Path) -> LibraryFile:
    preset = read_preset(path)
    titles, tags = [], []
    for slot in IN_SERIES:
        if held := preset.slots.get(slot):
            credits_ = engine.load(f"{held.name}.json", content=held.model.encode()).info.credits
            titles.append(credits_.title or held.name)
            tags.append(credits_.tone)
    loudspeaker = "with loudspeaker" if preset.cabinet else ""
    tags += ["with pedal" if preset.slots.keys() - {"A", "B"} else "", loudspeaker]
    return replace(
        file,
        name=path.stem,
        device=", ".join(titles),
        loudspeaker=loudspeaker,
        tags=tuple(dict.fromkeys(tag for tag in tags if tag)),
    )
