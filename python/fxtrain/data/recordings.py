# SPDX-License-Identifier: MIT
"""Folders of sound files: what is in them, who is heard, and which files are trained on."""

from __future__ import annotations

import csv
import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import soundfile

from fxtrain.audio.files import AudioReader, open_descriptor
from fxtrain.audio.resampling import resample
from fxtrain.errors import AudioFileError, ConfigError, InputError
from fxtrain.files import read_file
from fxtrain.text import quoted

__all__ = ["LeftOut", "Recording", "Recordings", "find_recordings", "hours_by_label", "read_mono", "split_files"]

SUFFIXES = frozenset(
    {".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64"}
)
"""Of the sound files that libsndfile reads."""

_OTHER_SOUND = frozenset({".m4a", ".aac", ".mp4", ".wma", ".gsm", ".webm", ".mka"})
_LARGEST_CSV = 64 << 20  # bytes
_NAMED_REASONS = 3

Part = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class Recording:
    """A sound file.

    Attributes:
        path: of the file.
        name: its path in the folder that was searched, with ``/``.
        label: the class or speaker that it belongs to; empty where there are none.
        num_frames: its length, in frames of ``sample_rate``.
        sample_rate: of the file, in Hz.
        num_channels: of the file.
    """

    path: Path
    name: str
    label: str
    num_frames: int
    sample_rate: int
    num_channels: int

    @property
    def seconds(self) -> float:
        """Length."""
        return self.num_frames / self.sample_rate


@dataclass(frozen=True)
class LeftOut:
    """A file that is not used.

    Attributes:
        name: its path in the folder that was searched.
        reason: why, a phrase such as "shorter than 0.2 s".
    """

    name: str
    reason: str


@dataclass(frozen=True)
class Recordings:
    """The sound files of a folder.

    Attributes:
        folder: that was searched.
        files: sorted by name.
        left_out: what looked like sound but is not used.
    """

    folder: Path
    files: Sequence[Recording]
    left_out: Sequence[LeftOut] = field(default=())

    @property
    def labels(self) -> list[str]:
        """The classes, sorted."""
        return sorted({file.label for file in self.files})

    @property
    def seconds(self) -> float:
        """Length of all files together."""
        return sum(file.seconds for file in self.files)

    @property
    def fingerprint(self) -> str:
        """Hash of names, labels and lengths: changes when files are added, removed or replaced by others."""
        digest = hashlib.sha256()
        for file in self.files:
            size = file.path.stat().st_size
            digest.update(f"{file.name}\0{file.label}\0{file.num_frames}\0{file.sample_rate}\0{size}\n".encode())
        return digest.hexdigest()

    @property
    def exclusions(self) -> str:
        """What was left out and why, as one sentence; empty where nothing was."""
        if not self.left_out:
            return ""
        reasons: dict[str, list[str]] = defaultdict(list)
        for each in self.left_out:
            reasons[each.reason].append(each.name)
        parts = []
        for reason, names in sorted(reasons.items(), key=lambda item: -len(item[1])):
            named = ", ".join(names[:_NAMED_REASONS]) + (", ..." if len(names) > _NAMED_REASONS else "")
            parts.append(f"{len(names)} {reason} ({named})")
        num = len(self.left_out)
        return f"{num} file{'s are' if num > 1 else ' is'} left out: {'; '.join(parts)}"


def find_recordings(
    folder: Path,
    *,
    labels: Literal["none", "folders"] | Path = "none",
    column: str = "label",
    shortest_seconds: float = 0.0,
) -> Recordings:
    """Lists the sound files in a folder and the folders in it, of any rate, length and number of channels.

    Args:
        folder: to search. Hidden files and folders are passed over.
        labels: where classes come from: ``none``, ``folders`` (the first folder below ``folder``), or a CSV file with
            the columns ``file`` (a path in ``folder``) and ``column``.
        column: of that file.
        shortest_seconds: shorter files are left out.

    Raises:
        InputError: there is no such folder, or no sound in it.
        ConfigError: the CSV file cannot be used.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: give the folder that holds the recordings")
    label_of = _labels_of(labels, column) if isinstance(labels, Path) else None
    files: list[Recording] = []
    left_out: list[LeftOut] = []
    for path in sorted(_files_in(folder)):
        name = path.relative_to(folder).as_posix()
        suffix = path.suffix.lower()
        if suffix in _OTHER_SOUND:
            left_out.append(LeftOut(name, f"of a kind that is not read here ({suffix}): convert to WAV or FLAC"))
        if suffix not in SUFFIXES:
            continue
        label = ""
        if label_of is not None:
            if name not in label_of:
                left_out.append(LeftOut(name, f"not in {labels}"))
                continue
            label = label_of[name]
        elif labels == "folders":
            if "/" not in name:
                left_out.append(LeftOut(name, "not in the folder of a class"))
                continue
            label = name.partition("/")[0]
        try:
            info = soundfile.info(open_descriptor(path))
        except (soundfile.SoundFileError, OSError, RuntimeError):
            left_out.append(LeftOut(name, "not readable as sound"))
            continue
        if info.frames < 1 or info.frames > 1 << 40:
            left_out.append(LeftOut(name, "empty"))
        elif info.frames / info.samplerate < shortest_seconds:
            left_out.append(LeftOut(name, f"shorter than {shortest_seconds:.3g} s"))
        else:
            files.append(Recording(path, name, label, info.frames, info.samplerate, info.channels))
    found = Recordings(folder, tuple(files), tuple(left_out))
    if not files:
        raise InputError(
            f"{folder} holds no sound files that can be used"
            + (f": {found.exclusions}" if left_out else f"; expected {', '.join(sorted(SUFFIXES))}")
        )
    return found


def split_files(
    files: Iterable[Recording], *, validation_fraction: float = 0.1, test_fraction: float = 0.1
) -> dict[Part, list[Recording]]:
    """Splits by whole files, the same way whatever else is in the folder: a file's place depends on its name alone.

    Within each class the files are ordered by the hash of their name, and the first ones are kept back. A class with
    three files or more has at least one of them in each part.

    Args:
        files: to split.
        validation_fraction: share of the files that chooses the best weights.
        test_fraction: share of the files that training never sees.

    Raises:
        InputError: a class has fewer than three files.
    """
    by_label: dict[str, list[Recording]] = defaultdict(list)
    for file in files:
        by_label[file.label].append(file)
    parts: dict[Part, list[Recording]] = {"train": [], "validation": [], "test": []}
    for label, members in sorted(by_label.items()):
        if len(members) < 3:
            of_class = f" of the class {quoted(label)}" if label else ""
            raise InputError(
                f"{len(members)} file{'s' if len(members) > 1 else ''}{of_class} cannot be split into training, "
                "validation and test: give at least three"
            )
        ordered = sorted(members, key=lambda file: hashlib.sha256(file.name.encode()).digest())
        num_test = max(1, round(len(ordered) * test_fraction))
        num_validation = max(1, round(len(ordered) * validation_fraction))
        parts["test"] += ordered[:num_test]
        parts["validation"] += ordered[num_test : num_test + num_validation]
        parts["train"] += ordered[num_test + num_validation :]
    return {name: sorted(members, key=lambda file: file.name) for name, members in parts.items()}


def read_mono(recording: Recording | Path, sample_rate: int | None = None) -> npt.NDArray[np.float32]:
    """The mean of a file's channels, shape ``(frames,)``, at ``sample_rate`` or the file's own.

    Raises:
        AudioFileError: it cannot be read.
    """
    path = recording.path if isinstance(recording, Recording) else recording
    with AudioReader(path) as reader:
        blocks = [block.mean(axis=0) for block in reader.blocks(1 << 20)]
        rate = reader.sample_rate
    if not blocks:
        raise AudioFileError(f"{path} is empty")
    mono = np.concatenate(blocks).astype(np.float32, copy=False)
    return mono if sample_rate is None else resample(mono, rate, sample_rate)


def hours_by_label(files: Iterable[Recording]) -> dict[str, float]:
    """Hours of sound of each class, sorted by class."""
    total: dict[str, float] = defaultdict(float)
    for file in files:
        total[file.label] += file.seconds / 3600
    return dict(sorted(total.items()))


def _files_in(folder: Path) -> Iterable[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place) / name for name in names if not name.startswith("."))


def _labels_of(path: Path, column: str) -> Mapping[str, str]:
    """Class by file, from a CSV file with a row of headings."""
    try:
        text = read_file(path, at_most=_LARGEST_CSV, expected="a table of files", error=ConfigError).decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not a table in UTF-8: save it as CSV with that encoding") from None
    rows = csv.DictReader(text.splitlines())
    headings = rows.fieldnames or []
    for wanted in ("file", column):
        if wanted not in headings:
            raise ConfigError(
                f"{path} has no column {quoted(wanted)}; it has {', '.join(map(str, headings)) or 'none'}"
            )
    return {str(row["file"]): str(row[column]) for row in rows if row["file"] and row[column]}
