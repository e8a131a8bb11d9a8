# SPDX-License-Identifier: MIT
"""Folders of sounds and pictures of animals, one folder for each class, as a person would collect them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from fxtrain.audio import write_audio
from fxtrain.synthetic.animals import synthesise_calls
from fxtrain.synthetic.drawings import draw_animal, write_drawing, write_video

__all__ = ["write_drawing_folders", "write_short_video", "write_sound_folders"]


def write_sound_folders(
    folder: Path,
    classes: Mapping[str, Sequence[str]],
    *,
    count: int,
    seconds: float = 7.2,
    sample_rate: int = 4000,
    first_seed: int = 0,
) -> None:
    """Writes sounds as ``CLASS/CALL-000.wav``; files that are there already stay.

    Args:
        folder: made if missing.
        classes: the calls of each class, see :data:`fxtrain.synthetic.animals.CALLS`; they take turns.
        count: files of each class.
        seconds: length of each.
        sample_rate: in Hz.
        first_seed: of the first animal.
    """
    for name, calls in classes.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            call = calls[number % len(calls)]
            path = folder / name / f"{call}-{number:03}.wav"
            if not path.exists():
                sound = synthesise_calls(call, seconds, sample_rate, first_seed + number)
                write_audio(path, sound, sample_rate, subtype="PCM_16")


def write_drawing_folders(
    folder: Path, classes: Mapping[str, Sequence[str]], *, count: int, size: int = 128, first_seed: int = 0
) -> None:
    """Writes drawings as ``CLASS/KIND-000.png``; files that are there already stay.

    Args:
        folder: made if missing.
        classes: the drawings of each class, see :data:`fxtrain.synthetic.drawings.DRAWINGS`; they take turns.
        count: files of each class.
        size: width and height in pixels.
        first_seed: of the first animal.
    """
    for name, kinds in classes.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            kind = kinds[number % len(kinds)]
            path = folder / name / f"{kind}-{number:03}.png"
            if not path.exists():
                write_drawing(path, kind, first_seed + number, size=size)


def write_short_video(path: Path, kind: str, seed: int, *, seconds: float = 3.0, size: int = 128) -> None:
    """Writes a video of one animal that moves from left to right, eight frames a second."""
    count = max(2, round(8 * seconds))
    frames = [
        draw_animal(kind, seed, size=size, shift=(0.2 * number / (count - 1) - 0.1, 0.0)) for number in range(count)
    ]
    write_video(path, frames)
