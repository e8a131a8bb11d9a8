# SPDX-License-Identifier: MIT
"""The devices of the bench: our own circuits and signal flows, and folders of recordings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fxtrain.audio import write_audio
from fxtrain.data.material import Material, load_material
from fxtrain.data.pair_table import PairFiles
from fxtrain.data.recording import Reading
from fxtrain.data.split import SplitConfig
from fxtrain.synthetic import synthesise_guitar
from fxtrain.synthetic.effects import (
    EFFECTS,
    amplifier,
    amplifier_with_sag,
    cabinet_response,
    play_through_cabinet,
)
from fxtrain.synthetic.pair import PairRecipe
from fxtrain.synthetic.schematics import get_schematic

__all__ = ["OUTSIDE_THE_MEDIAN", "Device", "own_devices", "recorded_devices"]

OUTSIDE_THE_MEDIAN = ("hrd3-drive", "donner-flanger")
"""Folders whose devices are listed, but do not count: several settings of one amplifier, and a flanger."""

_RATE = 48_000
_SECONDS = 180
_CLIPS = {"klon-centaur-spice": (11025, 1000)}
"""Frames of each clip, and those at its start that are not scored, of recordings that consist of clips."""

Signal = NDArray[np.float32]


@dataclass(frozen=True)
class Device:
    """A device and its recordings, which ``prepare`` writes where they are made and not yet there."""

    name: str
    pairs: tuple[PairFiles, ...]
    skip_frames: int = 0
    prepare: Callable[[], None] = field(default=lambda: None, repr=False)

    def arguments(self) -> list[str]:
        """Those of ``fit``."""
        words: list[str] = []
        for pair in self.pairs:
            flag = {"validation": ["--val"], "test": ["--test"]}.get(pair.split, [])
            words += [*flag, str(pair.input), str(pair.target)]
        if clip_frames := self.pairs[0].clip_frames:
            words += ["--clip-frames", str(clip_frames), "--skip-frames", str(self.skip_frames)]
        return words

    def material(self) -> Material:
        """The same parts, aligned in the same way, for other trainers."""
        return load_material(self.pairs, split=SplitConfig(), reading=Reading(skip_frames=self.skip_frames))


def own_devices(folder: Path) -> Iterator[Device]:
    """Circuits and signal flows, three minutes of synthetic playing each; what was made once is kept."""

    def circuit(name: str, **knobs: float) -> Callable[[Signal], Signal]:
        return lambda dry: PairRecipe(get_schematic(name, **knobs)).play(dry)[0]

    def at_rate(play: Callable[[Signal, int], Signal]) -> Callable[[Signal], Signal]:
        return lambda dry: play(dry, _RATE)

    def behind(play: Callable[[Signal, int], Signal], seconds: float) -> Callable[[Signal], Signal]:
        def through(dry: Signal) -> Signal:
            wet = play_through_cabinet(play(dry, _RATE), cabinet_response(seconds, _RATE, seed=round(1000 * seconds)))
            scaled: Signal = 0.5 * wet / np.abs(wet).max()
            return scaled

        return through

    devices: dict[str, Callable[[Signal], Signal]] = {
        "overdrive-mild": circuit("overdrive", drive=0.2),
        "distortion": circuit("distortion"),
        "valve": circuit("valve"),
        "fuzz": circuit("fuzz"),
        **{f"amplifier-cabinet-{ms}": behind(amplifier, ms / 1e3) for ms in (50, 80, 200)},
        "amplifier-with-sag-cabinet-80": behind(amplifier_with_sag, 0.08),
        **{name: at_rate(play) for name, play in EFFECTS.items()},
    }
    dry = folder / "dry.wav"
    for name, play in devices.items():
        wet = folder / f"{name}.wav"

        def prepare(play: Callable[[Signal], Signal] = play, wet: Path = wet) -> None:
            if wet.exists():
                return
            folder.mkdir(parents=True, exist_ok=True)
            playing = synthesise_guitar(_SECONDS, _RATE, 11)
            write_audio(dry, playing, _RATE, "FLOAT")
            write_audio(wet, play(playing), _RATE, "FLOAT")

        yield Device(name, (PairFiles(input=dry, target=wet),), prepare=prepare)


def recorded_devices(data: Path) -> Iterator[Device]:
    """Recordings, with the parts that their folder has: ``train-input``, ``val-input`` and ``test-input``."""
    parts = {"train": "train", "val": "validation", "test": "test"}
    for folder in sorted(data.iterdir()):
        inputs = {part: folder / f"{part}-input.flac" for part in parts}
        if not all(path.is_file() for path in inputs.values()):
            continue
        clip_frames, skip_frames = _CLIPS.get(folder.name, (0, 0))
        for place in [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]:
            targets = {part: place / f"{part}-target.flac" for part in parts}
            if not all(path.is_file() for path in targets.values()):
                continue
            pairs = tuple(
                PairFiles(input=inputs[part], target=targets[part], split=split, clip_frames=clip_frames)  # type: ignore[arg-type]
                for part, split in parts.items()
            )
            name = folder.name if place == folder else f"{folder.name}/{place.name}"
            yield Device(name, pairs, skip_frames)
