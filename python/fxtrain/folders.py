# SPDX-License-Identifier: MIT
"""Where models are: in a run's folder, and where the plugin looks for them; also impulse responses and presets."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from fxtrain.errors import FxtrainError, InputError

__all__ = [
    "MODEL_NAMES",
    "UserFolders",
    "best_checkpoint",
    "model_of_run",
    "require_run",
    "shipped_checkpoints",
    "shipped_path",
    "user_folders",
]

MODEL_NAMES = ("model.json", "model.nam")
"""What ``fit`` calls a model file, by its format."""


def model_of_run(folder: Path) -> Path:
    """The model file in a run's folder, which need not be there yet."""
    paths = [folder / name for name in MODEL_NAMES]
    return next((path for path in paths if path.exists()), paths[0])


def best_checkpoint(path: Path) -> Path:
    """The best checkpoint of a run whose folder is given; any other path as it is."""
    best = path / "best.pt"
    return best if best.is_file() else path


def require_run(folder: Path) -> None:
    """Checks that a folder is that of a run, finished or not.

    Raises:
        InputError: it is none.
    """
    if not (folder / "config.toml").exists():
        raise InputError(f"{folder} is not the folder of a run: it has no config.toml; give one that fit made")


def shipped_path(path: str) -> Path | None:
    """A file or folder that comes with fxtrain, such as ``models/restore``; None if it was left out.

    It is found in the repository, or in ``shipped/`` of the installed package.
    """
    import fxtrain

    places = [Path(fxtrain.__file__).parents[2] / path]
    places += [Path(place) / "shipped" / path for place in fxtrain.__path__]
    return next((place for place in places if place.exists()), None)


def shipped_checkpoints() -> dict[str, Path]:
    """The trained models that come with fxtrain and are given by name where a run may stand: ``gan``."""
    folder = shipped_path("models/restore")
    return {} if folder is None else {path.stem: path for path in sorted(folder.glob("*.pt"))}


@dataclass(frozen=True)
class UserFolders:
    """Folders and files of the user who runs this; they need not exist.

    Attributes:
        models: model files, listed in the plugin's library.
        cabinets: impulse responses.
        round_trips: a file of what ``fxtrain latency`` has measured, beside the models.
    """

    models: Path
    cabinets: Path
    round_trips: Path

    @property
    def presets(self) -> Path:
        """``.vstpreset`` files, shown by VST3 hosts; they lie in the home folder wherever the models do."""
        places = {"darwin": "Library/Audio/Presets", "win32": "Documents/VST3 Presets"}
        return _home() / places.get(sys.platform, ".vst3/presets") / "fxtrain" / "fxtrain"


def user_folders() -> UserFolders:
    """The folders of this system: the same that the plugin takes.

    =========  ======================================================  =========================================
    system     data, with ``fxtrain/models`` and ``fxtrain/cabinets``  presets
    =========  ======================================================  =========================================
    Linux      ``$XDG_DATA_HOME``, else ``~/.local/share``             ``~/.vst3/presets/fxtrain/fxtrain``
    macOS      ``~/Library/Application Support``                       ``~/Library/Audio/Presets/fxtrain/fxtrain``
    Windows    ``%APPDATA%``                                           ``~/Documents/VST3 Presets/fxtrain/fxtrain``
    =========  ======================================================  =========================================

    Raises:
        FxtrainError: the user has no home folder, and no variable names another one.
    """
    import platformdirs

    try:
        own = platformdirs.user_data_path("fxtrain", appauthor=False, roaming=True)
    except RuntimeError:
        raise _no_home() from None
    return UserFolders(own / "models", own / "cabinets", own / "round-trips.json")


def _home() -> Path:
    """The user's home folder.

    Raises:
        FxtrainError: there is none, as in a container that runs under a bare number.
    """
    try:
        home = Path.home() if os.environ.get("HOME") != "" else Path()
    except RuntimeError:
        home = Path()
    if not home.is_absolute():
        raise _no_home()
    return home


def _no_home() -> FxtrainError:
    variables = "HOME" if sys.platform in ("darwin", "win32") else "HOME or, for models, XDG_DATA_HOME"
    return FxtrainError(f"this user has no home folder: set {variables} to a folder that you may write to")
