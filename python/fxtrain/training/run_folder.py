# SPDX-License-Identifier: MIT
"""The folder that a run leaves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fxtrain.errors import InputError, OutputExistsError

__all__ = ["RunFolder"]


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
        """Figures of the finished run."""
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
        """Makes the folder.

        Raises:
            OutputExistsError: it holds something already.
            InputError: it cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot make the folder {self.path}: {error.strerror or error}") from None
        if any(self.path.iterdir()):
            hint = f"go on with --resume {self.path}" if self.config.exists() else "choose an empty one with --out"
            raise OutputExistsError(f"the output folder {self.path} is not empty; {hint}")

    def require(self) -> None:
        """Checks that this is a run that can be resumed."""
        if not self.config.exists():
            raise InputError(f"{self.path} is not the folder of a run: it has no config.toml; give one that fit made")
