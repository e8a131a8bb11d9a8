# SPDX-License-Identifier: MIT
"""A training pair made with a circuit: dry and wet recordings with the settings they were made with."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxtrain.atomic import write_atomically
from fxtrain.audio import write_audio
from fxtrain.errors import InputError, OutputExistsError
from fxtrain.files import read_file, require_regular_file
from fxtrain.synthetic._components import Circuit
from fxtrain.synthetic._network import Method
from fxtrain.synthetic._simulation import Convergence, simulate
from fxtrain.synthetic.guitar import synthesise_guitar
from fxtrain.synthetic.interface import AudioInterface

__all__ = ["PairRecipe", "RecordedPair", "find_pair", "write_pair"]


@dataclass(frozen=True)
class PairRecipe:
    """All that decides what a pair sounds like.

    Attributes:
        circuit: the device.
        seconds: length.
        sample_rate: in hertz.
        seed: of the playing and of the interface's noise.
        oversampling: solver steps per frame.
        method: how the circuit's equations are discretised.
        interface: what stands between the circuit and the wet file.
    """

    circuit: Circuit
    seconds: float = 120.0
    sample_rate: int = 48000
    seed: int = 0
    oversampling: int = 8
    method: Method = "trapezoidal"
    interface: AudioInterface = field(default_factory=AudioInterface)

    def play(
        self, dry: NDArray[np.floating[Any]], *, progress: Callable[[float], None] | None = None
    ) -> tuple[NDArray[np.float32], Convergence]:
        """Records the circuit's output for a dry signal of full scale 1, shape ``(frames,)``."""
        recording = simulate(
            self.circuit,
            dry,
            self.sample_rate,
            oversampling=self.oversampling,
            method=self.method,
            progress=progress,
        )
        wet = self.interface.record(recording.output, self.sample_rate, seed=self.seed + 1)
        return wet, recording.convergence

    def settings(self) -> dict[str, Any]:
        """The recipe as JSON-able values."""
        return {
            "circuit": self.circuit.name,
            "components": self.circuit.describe(),
            "seconds": self.seconds,
            "sample_rate": self.sample_rate,
            "seed": self.seed,
            "oversampling": self.oversampling,
            "method": self.method,
            "interface": {name: repr(value) for name, value in dataclasses.asdict(self.interface).items()},
        }


@dataclass(frozen=True)
class RecordedPair:
    """Where a pair lies.

    Attributes:
        dry: the direct signal, 24-bit WAV.
        wet: the circuit's output as recorded, 24-bit WAV.
        reused: whether it lay there already.
        convergence: how the solver fared when it was made.
    """

    dry: Path
    wet: Path
    reused: bool
    convergence: Convergence


_LARGEST_NOTE = 1 << 20  # bytes
_NOTE_START = b'{\n  "settings": {\n    "circuit": '
"""How a note of ours begins, also one that is damaged further on."""


def find_pair(folder: str | os.PathLike[str], recipe: PairRecipe) -> RecordedPair | None:
    """The pair that :func:`write_pair` left in a folder, if it is whole and of this recipe."""
    dry, wet, note_path = _paths(folder)
    try:
        note = json.loads(read_file(note_path, at_most=_LARGEST_NOTE))
        if note["settings"] != recipe.settings() or any(
            note["sha256"][file.name] != _digest(file) for file in (dry, wet)
        ):
            return None
        return RecordedPair(dry, wet, reused=True, convergence=Convergence(**note["convergence"]))
    except (OSError, InputError, ValueError, KeyError, TypeError, RecursionError):  # missing, damaged, foreign
        return None


def write_pair(
    folder: str | os.PathLike[str], recipe: PairRecipe, *, progress: Callable[[float], None] | None = None
) -> RecordedPair:
    """Writes ``dry.wav``, ``wet.wav`` and ``pair.json`` into a folder, unless that very pair lies there, whole.

    Args:
        folder: made if need be. An earlier pair in it that was made here is replaced.
        recipe: what to make.
        progress: called with the done share, 0 to 1.

    Raises:
        OutputExistsError: the folder holds files of these names that were not made here.
    """
    found = find_pair(folder, recipe)
    if found is not None:
        return found
    dry_path, wet_path, note_path = _paths(folder)
    _require_own(dry_path, wet_path, note_path)
    note_path.parent.mkdir(parents=True, exist_ok=True)
    _write_note(note_path, {"settings": recipe.settings()})  # until the rest is there, the pair counts as missing
    dry = synthesise_guitar(recipe.seconds, recipe.sample_rate, recipe.seed)
    dry = np.round(dry * 2.0**23).astype(np.float32) / np.float32(2.0**23)  # the circuit hears what the file will hold
    wet, convergence = recipe.play(dry, progress=progress)
    write_audio(dry_path, dry, recipe.sample_rate, subtype="PCM_24")
    write_audio(wet_path, wet, recipe.sample_rate, subtype="PCM_24")
    note = {
        "settings": recipe.settings(),
        "convergence": dataclasses.asdict(convergence),
        "sha256": {path.name: _digest(path) for path in (dry_path, wet_path)},
    }
    _write_note(note_path, note)
    return RecordedPair(dry_path, wet_path, reused=False, convergence=convergence)


def _require_own(dry: Path, wet: Path, note: Path) -> None:
    """Raises where one of the files is there and the note beside it is not ours."""
    try:
        if read_file(note, at_most=_LARGEST_NOTE).startswith(_NOTE_START):
            return
    except (OSError, InputError):
        pass
    for path in (dry, wet, note):
        if os.path.lexists(path):
            raise OutputExistsError(f"{path} was not made by fxtrain, so it stays; choose another folder")


def _write_note(path: Path, note: dict[str, Any]) -> None:
    write_atomically(path, (json.dumps(note, indent=2) + "\n").encode())


def _paths(folder: str | os.PathLike[str]) -> tuple[Path, Path, Path]:
    folder = Path(folder)
    return folder / "dry.wav", folder / "wet.wav", folder / "pair.json"


def _digest(path: Path) -> str:
    require_regular_file(path, "a sound file")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
