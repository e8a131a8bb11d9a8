# SPDX-License-Identifier: MIT
"""The material of demos: fetched once, linked from the cache, and marked when it is complete."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from rich.console import Console

from fxtrain.cli.terminal import shown

__all__ = ["complete_material", "fetch", "known_source", "link", "synthesise_voices"]

_SOURCES = ("recordings", "synthetic")


def known_source(data: Path, console: Console) -> str | None:
    """What the material in a folder is, ``recordings`` or ``synthetic``; None where it is not complete."""
    for source in _SOURCES:
        if (data / f"{source}.txt").exists():
            console.print(f"material   {shown(data)} is there already ({source})")
            return source
    return None


def complete_material(data: Path, source: str, text: str) -> None:
    """Marks the material as complete, with a sentence on what it is."""
    data.mkdir(parents=True, exist_ok=True)
    (data / f"{source}.txt").write_text(f"{text}.\n", encoding="utf-8")


def fetch(package: str, console: Console) -> Path:
    """The content of a package, with a bar while it is downloaded.

    Raises:
        ConfigError: the libraries for downloading are not installed.
        InputError: it cannot be reached.
    """
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from fxtrain.packages import PACKAGES, cached_package, fetch_package

    cached = cached_package(package)
    if cached is not None:
        return cached
    found = PACKAGES[package]
    console.print(f"fetching   {shown(f'{package}: {found.content} ({found.licence}), {found.num_bytes >> 20} MB')}")
    columns = (TextColumn("           download"), BarColumn(), TextColumn("{task.percentage:3.0f} %"))
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("download", total=1.0)
        return fetch_package(package, progress=lambda share: bar.update(task, completed=share))


def link(file: Path, to: Path) -> None:
    """A link to a file of the cache, or a copy where links cannot be made."""
    to.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        try:
            to.symlink_to(file)
        except (OSError, NotImplementedError) as error:
            if isinstance(error, FileExistsError):
                raise
            shutil.copyfile(file, to)


def synthesise_voices(data: Path, sample_rate: int, *, files: int, seconds: float) -> None:
    """A folder of babble for each synthetic voice."""
    from fxtrain.audio import write_audio
    from fxtrain.synthetic.voices import VOICES, synthesise_voice

    for number, (name, voice) in enumerate(VOICES.items()):
        (data / name).mkdir(parents=True, exist_ok=True)
        for index in range(files):
            speech = synthesise_voice(voice, seconds, sample_rate, 1000 * number + index)
            write_audio(data / name / f"{index:02}.wav", speech.samples, sample_rate, "PCM_16")
    complete_material(data, "synthetic", "Synthetic voices, made by fxtrain because no recordings could be fetched")
