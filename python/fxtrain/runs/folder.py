# SPDX-License-Identifier: MIT
"""The folder that a run leaves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from fxtrain.errors import InputError, OutputExistsError
from fxtrain.files import read_file
from fxtrain.folders import model_of_run, require_run

__all__ = ["LARGEST_METRICS", "RunFolder"]

LARGEST_METRICS = 16 << 20
"""Bytes of a ``metrics.json``."""

_LOCK = ".lock"
_NAMES = (
    "config.toml",
    "decided.toml",
    "best.pt",
    "last.pt",
    "metrics.json",
    "log.jsonl",
    "fxtrain.log",
    "report.html",
)
_EVENTS = "tensorboard/events.out.tfevents.*"
_START = re.compile(r"start-[0-9]{1,4}")
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
    def decided(self) -> Path:
        """The settings that the material decided, over those of ``config.toml``."""
        return self.path / "decided.toml"

    @property
    def model(self) -> Path:
        """The model file, ready to play."""
        return model_of_run(self.path)

    @property
    def best(self) -> Path:
        """Checkpoint with the weights of the best validation figure."""
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

    @property
    def tensorboard(self) -> Path:
        """Folder of the event files of ``--log tensorboard``."""
        return self.path / "tensorboard"

    def start(self, number: int) -> Path:
        """Folder of a short first training, see :mod:`fxtrain.runs.starts`."""
        return self.path / f"start-{number}"

    def starts(self) -> list[tuple[int, Path]]:
        """Those that are prepared, in order; none as long as the first one is not."""
        numbered = {int(path.name.removeprefix("start-")): path for path in self._start_folders()}
        found = sorted((number, path) for number, path in numbered.items() if (path / "decided.toml").is_file())
        return found if found and found[0][0] == 1 else []

    def clear_starts(self, *, keep: int = 0) -> None:
        """Removes them, but for the first few, and nothing else."""
        for path in self._start_folders():
            if int(path.name.removeprefix("start-")) <= keep:
                continue
            for entry in path.iterdir():
                if entry.name in _NAMES or _UNFINISHED.fullmatch(entry.name):
                    entry.unlink()
            with suppress(OSError):  # somebody else's file is in it
                path.rmdir()

    def _start_folders(self) -> list[Path]:
        return [path for path in self.path.glob("start-[0-9]*") if _START.fullmatch(path.name) and path.is_dir()]

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
        require_run(self.path)

    def is_complete(self) -> bool:
        """Whether the run has ended; one that was stopped has figures too, marked as those of an incomplete run."""
        if not self.metrics.exists():
            return False
        try:
            return self.read_metrics().get("complete") is not False
        except InputError:
            return True  # whatever it is, it is not overwritten

    def read_metrics(self) -> dict[str, Any]:
        """The figures of the run.

        Raises:
            InputError: there are none yet, or the file is damaged.
        """
        try:
            figures = json.loads(read_file(self.metrics, at_most=LARGEST_METRICS, expected="the figures of a run"))
        except FileNotFoundError:
            raise InputError(f"{self.path} holds no metrics.json; give the folder of a run that has ended") from None
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"{self.metrics} cannot be read ({error}); train the run again") from None
        if not isinstance(figures, dict):
            raise InputError(f"{self.metrics} does not hold the figures of a run; train the run again")
        return figures

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

    def strangers(self, artifacts: Sequence[str]) -> list[Path]:
        """What is in the folder that ``fit`` did not write; links to folders count as such, too.

        Args:
            artifacts: the files that the run's task writes, relative to the folder, as patterns.
        """
        artifacts = (*artifacts, _EVENTS)
        found = []
        for entry in self._entries(artifacts):
            names = [str(entry.relative_to(self.path))]
            if unfinished := _UNFINISHED.fullmatch(entry.name):
                names.append(str(entry.with_name(unfinished["name"]).relative_to(self.path)))
            if entry.is_dir() or not any(fnmatchcase(name, own) for name in names for own in (*_NAMES, *artifacts)):
                found.append(entry)
        return found

    def clear(self, artifacts: Sequence[str]) -> None:
        """Removes the files of a run, and nothing else; the folder stays.

        Args:
            artifacts: the files that the run's task writes, relative to the folder, as patterns.

        Raises:
            OutputExistsError: it holds something that ``fit`` did not write, or a run is training in it; nothing is
                removed.
        """
        artifacts = (*artifacts, _EVENTS)
        with self.lock():
            if strangers := self.strangers(artifacts):
                more = f" and {len(strangers) - 1} more" if len(strangers) > 1 else ""
                raise OutputExistsError(
                    f"{self.path} also holds {strangers[0].relative_to(self.path)}{more}, which fit did not write, so "
                    "nothing was removed; choose another --out, or move it away"
                )
            for entry in self._entries(artifacts):
                entry.unlink()
            self.clear_starts()
            for folder in self._own_folders(artifacts):
                folder.rmdir()

    def _own_folders(self, artifacts: Sequence[str]) -> list[Path]:
        names = {name.partition("/")[0] for name in artifacts if "/" in name}
        folders = [self.path / name for name in sorted(names)]
        return [folder for folder in folders if folder.is_dir() and not folder.is_symlink()]

    def _entries(self, artifacts: Sequence[str]) -> list[Path]:
        """All that is in the folder and in the task's folders, but for these and the lock."""
        own_folders = self._own_folders(artifacts)
        starts = self._start_folders()
        inside = [entry for folder in (self.path, *own_folders) for entry in sorted(folder.iterdir())]
        foreign = [
            entry
            for folder in starts
            for entry in sorted(folder.iterdir())
            if entry.name not in _NAMES and not _UNFINISHED.fullmatch(entry.name)
        ]
        own = {*own_folders, *starts, self.path / _LOCK}
        return [entry for entry in inside if entry not in own] + foreign
