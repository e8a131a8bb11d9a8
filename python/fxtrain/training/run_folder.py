# SPDX-License-Identifier: MIT
"""The folder that a run leaves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from fxtrain.errors import InputError, OutputExistsError
from fxtrain.files import read_file

__all__ = ["LARGEST_METRICS", "RunFolder"]

LARGEST_METRICS = 16 << 20
"""Bytes of a ``metrics.json``."""

_LOCK = ".lock"
_NAMES = ("config.toml", "model.json", "best.pt", "last.pt", "metrics.json", "log.jsonl", "fxtrain.log", "report.html")
_AUDIO_NAMES = tuple(f"{name}.wav" for name in ("input", "target", "prediction", "error"))
_UNFINISHED = re.compile(r"\.(?P<name>.+)\.(?:[0-9]+\.tmp|[^.]+\.part)")
"""What a kill leaves of a file being written: see :mod:`fxtrain.atomic` and :class:`fxtrain.audio.AudioWriter`."""


@dataclass(frozen=True)
class RunFolder:
    """Names of the files in a run's folder."""

    path: Path

    @property
    def config(self) -> Path:
        """All settings of the run, enough to repeat or resume it."""
        return self.path / "config.toml"

    @property
    def model(self) -> Path:
        """The model file, ready to play."""
        return self.path / "model.json"

    @property
    def best(self) -> Path:
        """Checkpoint with the weights of the lowest validation error."""
        return self.path / "best.pt"

    @property
    def last(self) -> Path:
        """Checkpoint to resume from."""
        return self.path / "last.pt"

    @property
    def metrics(self) -> Path:
        """Figures of the run; with ``complete`` false, of the best weights when it was stopped."""
        return self.path / "metrics.json"

    @property
    def history(self) -> Path:
        """One JSON object per event of training."""
        return self.path / "log.jsonl"

    @property
    def log(self) -> Path:
        """What the program said."""
        return self.path / "fxtrain.log"

    @property
    def report(self) -> Path:
        """The page to open."""
        return self.path / "report.html"

    def create(self) -> None:
        """Makes the folder; take :meth:`lock` and call :meth:`require_empty` before writing to it.

        Raises:
            InputError: it cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot make the folder {self.path}: {error.strerror or error}") from None

    def require_empty(self) -> None:
        """Raises OutputExistsError where the folder holds something, beside the lock of a run that wrote nothing."""
        try:
            taken = any(entry.name != _LOCK for entry in self.path.iterdir())
        except FileNotFoundError:
            return
        except OSError as error:
            raise InputError(f"cannot use {self.path} as a folder: {error.strerror or error}") from None
        if taken:
            hint = f"go on with --resume {self.path}" if self.config.exists() else "choose an empty one with --out"
            raise OutputExistsError(f"the output folder {self.path} is not empty; {hint}")

    def require(self) -> None:
        """Checks that this is a run that can be resumed."""
        if not self.config.exists():
            raise InputError(f"{self.path} is not the folder of a run: it has no config.toml; give one that fit made")

    def is_complete(self) -> bool:
        """Whether the run has ended; one that was stopped has figures too, marked as those of an incomplete run."""
        if not self.metrics.exists():
            return False
        try:
            figures = json.loads(read_file(self.metrics, at_most=LARGEST_METRICS, expected="the figures of a run"))
        except (OSError, ValueError, RecursionError, InputError):
            return True  # whatever it is, it is not overwritten
        return not (isinstance(figures, dict) and figures.get("complete") is False)

    def require_unfinished(self) -> None:
        """Checks that the run is not complete."""
        if self.is_complete():
            raise InputError(f"the run in {self.path} is complete; start a new one, or look at {self.report}")

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keeps other processes out of the folder, which must exist.

        The operating system releases the lock when its process ends, however it ends: a lock file that a killed run
        left behind holds nobody up.

        Raises:
            OutputExistsError: another process has it.
            InputError: the folder cannot be written to.
        """
        lock = FileLock(self.path / _LOCK, blocking=False)
        try:
            lock.acquire()
        except Timeout:
            raise OutputExistsError(
                f"another fxtrain is training in {self.path}; wait until it ends, or choose another folder with --out"
            ) from None
        except OSError as error:
            raise InputError(f"cannot write to the folder {self.path}: {error.strerror or error}") from None
        try:
            yield
        finally:
            with suppress(OSError):  # while it is held: FileLock sees when another removed the file
                (self.path / _LOCK).unlink()
            lock.release()

    def strangers(self) -> list[Path]:
        """What is in the folder that ``fit`` did not write; links to folders count as such, too."""
        found = []
        for entry in sorted(self.path.iterdir()):
            if entry.name == "audio" and entry.is_dir() and not entry.is_symlink():
                found += [each for each in sorted(entry.iterdir()) if not _is_own(each, _AUDIO_NAMES)]
            elif entry.name != _LOCK and not _is_own(entry, _NAMES):
                found.append(entry)
        return found

    def clear(self) -> None:
        """Removes the files of a run, and nothing else; the folder stays.

        Raises:
            OutputExistsError: it holds something that ``fit`` did not write, or a run is training in it; nothing is
                removed.
        """
        with self.lock():
            if strangers := self.strangers():
                more = f" and {len(strangers) - 1} more" if len(strangers) > 1 else ""
                raise OutputExistsError(
                    f"{self.path} also holds {strangers[0].relative_to(self.path)}{more}, which fit did not write, so "
                    "nothing was removed; choose another --out, or move it away"
                )
            audio = self.path / "audio"
            for entry in [*(audio.iterdir() if audio.is_dir() else ()), *self.path.iterdir()]:
                if entry.name != _LOCK and not entry.is_dir():
                    entry.unlink()
            if audio.is_dir():
                audio.rmdir()


def _is_own(entry: Path, names: tuple[str, ...]) -> bool:
    """Whether this is a file of one of these names, or what was left when one was being written."""
    unfinished = _UNFINISHED.fullmatch(entry.name)
    name = unfinished["name"] if unfinished else entry.name
    return name in names and not entry.is_dir()
