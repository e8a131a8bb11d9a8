# SPDX-License-Identifier: MIT
"""Clips of equal length from folders of sounds, one folder for each class."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from fxtrain.config import configuration
from fxtrain.data.recordings import Part, find_recordings, read_mono, split_files
from fxtrain.data.sharding import Sharded
from fxtrain.errors import ConfigError, InputError
from fxtrain.text import quoted

__all__ = ["ClipBatch", "ClipConfig", "ClipProvider", "Clips", "load_clips", "ordered_classes", "require_classes"]

SHORTEST_SECONDS = 0.2
_PAUSE_SECONDS = 0.3
_PEAK = 0.9
_VALIDATION_BATCH = 8


@configuration
class ClipConfig:
    """Where the sounds are, and how they are cut.

    Attributes:
        folder: holds a folder of sound files for each class.
        classes: names of these folders in the order of their numbers; by default sorted.
        sample_rate: in Hz; files of other rates are converted.
        clip_seconds: length of a clip. Longer files give several, shorter ones are repeated after a pause.
        segment_seconds: length of what is trained on, cut from a clip at random; 0 is the whole clip.
        validation_fraction: share of the files that chooses the best weights.
        test_fraction: share of the files that training never sees.
    """

    folder: Annotated[Path, Field(strict=False)]
    classes: Annotated[list[str], Field(max_length=1000)] = Field(default_factory=list)
    sample_rate: Annotated[int, Field(ge=1000, le=192_000)] = 4000
    clip_seconds: Annotated[float, Field(gt=0, le=600)] = 7.2
    segment_seconds: Annotated[float, Field(ge=0, le=600)] = 0.0
    validation_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.1
    test_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", self.folder.expanduser().resolve())

    @property
    def clip_frames(self) -> int:
        """Samples in a clip."""
        return round(self.clip_seconds * self.sample_rate)


@dataclass(frozen=True, eq=False)
class Clips:
    """Clips of a part of the material.

    Attributes:
        sound: shape ``(clips, frames)``.
        labels: numbers of the classes, shape ``(clips,)``.
        names: of the files that the clips come from.
    """

    sound: NDArray[np.float32]
    labels: NDArray[np.int64]
    names: Sequence[str]

    def of_class(self, number: int) -> NDArray[np.float32]:
        """The clips of one class."""
        return np.asarray(self.sound[self.labels == number])


def load_clips(config: ClipConfig, *, multiple: int = 1) -> tuple[dict[Part, Clips], list[str], list[str]]:
    """Reads all sounds.

    Args:
        config: where they are.
        multiple: the clip's samples must be one of it.

    Returns:
        The clips of each part, the classes in order, and what was left out, as sentences.

    Raises:
        InputError: there are fewer than two classes, or too few files that sound in one.
    """
    require_classes(config.folder, config.classes, what="sounds")
    recordings = find_recordings(config.folder, labels="folders", shortest_seconds=SHORTEST_SECONDS)
    classes = ordered_classes(
        recordings.labels, config.classes, config.folder, what="sounds", why=recordings.exclusions
    )
    files = [file for file in recordings.files if file.label in classes]
    parts: dict[Part, Clips] = {}
    split = split_files(files, validation_fraction=config.validation_fraction, test_fraction=config.test_fraction)
    for part, members in split.items():
        sounds, labels, names = [], [], []
        for file in members:
            for clip in _clips_of(read_mono(file, config.sample_rate), config.clip_frames, config.sample_rate):
                sounds.append(clip)
                labels.append(classes.index(file.label))
                names.append(file.name)
        if silent := [name for number, name in enumerate(classes) if number not in labels]:
            raise InputError(
                f"all files of the class {quoted(silent[0])} in the {part} part are silent: give files that sound"
            )
        parts[part] = Clips(np.stack(sounds), np.array(labels, dtype=np.int64), names)
    return parts, classes, [recordings.exclusions] if recordings.exclusions else []


def require_classes(folder: Path, wanted: Sequence[str], *, what: str) -> None:
    """Checks that there are folders of classes, none of them empty.

    Raises:
        InputError: there are not.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: give one that holds a folder of {what} for each class")
    found = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    for entry in found:
        if (not wanted or entry.name in wanted) and not any(each.is_file() for each in entry.rglob("*")):
            raise InputError(f"the folder of the class {quoted(entry.name)}, {entry}, is empty: put {what} into it")
    if len(found) < 2:
        there = f"only the class {quoted(found[0].name)}" if found else "no folders"
        raise InputError(f"{folder} holds {there}: give a folder of {what} for each of two classes or more")


def ordered_classes(
    found: Sequence[str], wanted: Sequence[str], folder: Path, *, what: str, why: str = ""
) -> list[str]:
    """The classes in the order of their numbers.

    Raises:
        ConfigError: one that was named is not there, or there are fewer than two.
    """
    classes = list(wanted) or sorted(found)
    because = f" ({why})" if why else ""
    if missing := [name for name in classes if name not in found]:
        raise ConfigError(
            f"{folder} has no {what} of the class {quoted(missing[0])}, which data.classes names; there are "
            f"{', '.join(found)}{because}"
        )
    if len(set(classes)) < 2:
        raise InputError(
            f"{folder} has {what} that can be used of one class only, {quoted(classes[0])}{because}: give two classes "
            "or more"
        )
    if len(set(classes)) < len(classes):
        raise ConfigError(f"data.classes names a class twice: {', '.join(classes)}")
    return classes


def _clips_of(sound: NDArray[np.float32], length: int, rate: int) -> list[NDArray[np.float32]]:
    """A file as clips of full level; a rest that is shorter than half a clip is left out, and silence too."""
    pieces = [sound[at : at + length] for at in range(0, len(sound), length)]
    if len(pieces) > 1 and len(pieces[-1]) < length // 2:
        pieces.pop()
    clips = []
    for piece in pieces:
        peak = float(np.abs(piece).max(initial=0.0))
        if peak < 1e-4:
            continue
        if len(piece) < length:
            unit = np.concatenate([piece, np.zeros(round(_PAUSE_SECONDS * rate), dtype=np.float32)])
            piece = np.tile(unit, -(-length // len(unit)))[:length]
        clips.append((piece * (_PEAK / peak)).astype(np.float32))
    return clips


@dataclass(frozen=True)
class ClipBatch:
    """What a step of the autoencoder is fed.

    Attributes:
        sound: shape ``(batch, samples)``.
        labels: shape ``(batch,)``.
    """

    sound: Tensor
    labels: Tensor

    @property
    def num_items(self) -> int:
        """Samples."""
        return self.sound.numel()

    def to(self, device: torch.device) -> ClipBatch:
        """The batch on another device."""
        return ClipBatch(self.sound.to(device), self.labels.to(device))


class ClipProvider(Sharded):
    """Cuts segments from clips, rotated in time by a random amount; which ones depends on seed and step alone."""

    Config = ClipConfig
    unit = "samples"
    steps_per_sequence = 1

    def __init__(
        self, train: Clips, validation: Clips, *, batch_size: int, seed: int, segment_frames: int, multiple: int
    ) -> None:
        self._train, self._validation = train, validation
        self._batch_size, self._seed = batch_size, seed
        length = train.sound.shape[1]
        self._segment = min(length, max(multiple, segment_frames // multiple * multiple)) if segment_frames else length
        self.steps_per_epoch = max(1, round(train.sound.size / (batch_size * self._segment)))

    @property
    def fingerprint(self) -> str:
        """Hash of the clips."""
        digest = hashlib.sha256(self._train.sound.tobytes())
        digest.update(self._train.labels.tobytes())
        return digest.hexdigest()

    def batch(self, step: int) -> ClipBatch:
        """Segments of random clips."""
        random = np.random.default_rng([self._seed, 17, step])
        chosen = random.integers(len(self._train.sound), size=self._batch_size)
        shifts = random.integers(self._train.sound.shape[1], size=self._batch_size)
        signs = random.choice([-1.0, 1.0], size=self._batch_size)
        chosen, shifts, signs = self.own_rows(chosen), self.own_rows(shifts), self.own_rows(signs)
        rows = [
            sign * np.roll(self._train.sound[clip], shift)[: self._segment]
            for clip, shift, sign in zip(chosen, shifts, signs, strict=True)
        ]
        return ClipBatch(
            torch.from_numpy(np.stack(rows).astype(np.float32)), torch.from_numpy(self._train.labels[chosen])
        )

    def validation(self) -> Iterator[ClipBatch]:
        """The whole clips of the validation part."""
        clips = self._validation
        for at in range(0, len(clips.sound), _VALIDATION_BATCH):
            part = slice(at, at + _VALIDATION_BATCH)
            yield ClipBatch(torch.from_numpy(clips.sound[part]), torch.from_numpy(clips.labels[part]))
