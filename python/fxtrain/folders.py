# SPDX-License-Identifier: MIT
"""Where the plugin looks for a user's models and impulse responses, hosts for presets, and what is remembered."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["UserFolders", "user_folders"]


@dataclass(frozen=True)
class UserFolders:
    """Folders and files of the user who runs this; they need not exist.

    Attributes:
        models: model files, shown in the plugin's browser.
        cabinets: impulse responses.
        presets: ``.vstpreset`` files, shown by VST3 hosts.
        round_trips: a file of what ``fxtrain latency`` has measured, beside the models.
    """

    models: Path
    cabinets: Path
    presets: Path
    round_trips: Path


def user_folders() -> UserFolders:
    """The folders of this system: the same that the plugin takes.

    =========  ======================================================  =========================================
    system     data, with ``fxtrain/models`` and ``fxtrain/cabinets``  presets
    =========  ======================================================  =========================================
    Linux      ``$XDG_DATA_HOME``, else ``~/.local/share``             ``~/.vst3/presets/fxtrain/fxtrain``
    macOS      ``~/Library/Application Support``                       ``~/Library/Audio/Presets/fxtrain/fxtrain``
    Windows    ``%APPDATA%``                                           ``~/Documents/VST3 Presets/fxtrain/fxtrain``
    =========  ======================================================  =========================================
    """
    home = Path.home()
    if sys.platform == "darwin":
        data, presets = home / "Library" / "Application Support", home / "Library" / "Audio" / "Presets"
    elif sys.platform == "win32":
        data = _absolute("APPDATA", home / "AppData" / "Roaming")
        presets = home / "Documents" / "VST3 Presets"
    else:
        data, presets = _absolute("XDG_DATA_HOME", home / ".local" / "share"), home / ".vst3" / "presets"
    own = data / "fxtrain"
    return UserFolders(own / "models", own / "cabinets", presets / "fxtrain" / "fxtrain", own / "round-trips.json")


def _absolute(variable: str, default: Path) -> Path:
    """The folder that a variable names; a relative one is to be ignored (XDG Base Directory Specification 0.8)."""
    value = os.environ.get(variable, "")
    return Path(value) if Path(value).is_absolute() else default
