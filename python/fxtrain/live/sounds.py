# SPDX-License-Identifier: MIT
"""What can be played through: the model of a file, or a whole rig as a preset of the plugin holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import soundfile

from fxtrain import engine
from fxtrain.audio import AudioReader
from fxtrain.audio.files import MemoryFile
from fxtrain.errors import AudioFileError, InputError
from fxtrain.plugin_files.parameters import PARAMETERS
from fxtrain.plugin_files.preset import IN_SERIES, SLOTS, CabinetContent, Preset, read_preset

__all__ = ["Cabinet", "ModelSound", "PresetSound", "Sound", "read_cabinet", "read_sound"]

_MOST_CABINET_FRAMES = 1 << 23  # as in the plugin


@dataclass(frozen=True, eq=False)
class Cabinet:
    """An impulse response.

    Attributes:
        path: its file, or that of the preset which holds it.
        name: for the screen.
        taps: shape ``(channels, frames)``, float32.
        sample_rate: theirs, in Hz.
    """

    path: Path
    name: str
    taps: npt.NDArray[np.float32] = field(repr=False)
    sample_rate: float


Cabinets: TypeAlias = tuple[Cabinet | None, Cabinet | None]
"""The first and the second response."""


class Sound(Protocol):
    """What a player goes to with one key."""

    @property
    def name(self) -> str:
        """For the screen."""

    @property
    def sample_rate(self) -> float | None:
        """In Hz, that it is at home at; None where it does not say."""

    @property
    def parameters(self) -> Mapping[str, float]:
        """Of the chain, by the plugin's ids; those that are missing are at their defaults."""

    @property
    def cabinets(self) -> Cabinets:
        """The same objects each time, so that one that stays need not be loaded again."""

    @property
    def num_channels(self) -> int:
        """2 if it makes two of one."""

    def detail(self, sample_rate: float) -> str:
        """Kind, rate and oversampling, for the screen."""

    def load_slots(self, chain: Any) -> None:
        """Brings its models into an ``_engine.LiveChain``.

        Raises:
            ModelFileError: a model does not play; what plays goes on.
        """


@dataclass(frozen=True)
class ModelSound:
    """One model, and behind it the cabinet that was given beside it.

    Attributes:
        info: what :func:`fxtrain.engine.load` has told of the file.
        oversampling: 1, 2, 4 or 8.
        quality: 0 to 1, of a model that holds networks of several sizes.
        cabinet: or None.
    """

    info: engine.ModelInfo
    oversampling: int = 1
    quality: float = 1.0
    cabinet: Cabinet | None = None

    @property
    def name(self) -> str:
        """The model's."""
        return self.info.name

    @property
    def sample_rate(self) -> float | None:
        """The model's."""
        return self.info.sample_rate

    @property
    def parameters(self) -> Mapping[str, float]:
        """The cabinet is on if there is one."""
        return {"cabinet_on": float(self.cabinet is not None)}

    @property
    def cabinets(self) -> Cabinets:
        """The one."""
        return self.cabinet, None

    @property
    def num_channels(self) -> int:
        """Those of the cabinet."""
        return 1 if self.cabinet is None else len(self.cabinet.taps)

    def detail(self, sample_rate: float) -> str:
        """Network, sample rate, oversampling."""
        units = next((layer.output_size for layer in self.info.layers if layer.type in ("lstm", "gru")), None)
        kind = self.info.architecture.upper() + ("" if units is None else f" {units}")
        return _joined([kind, *_rate(self.info.sample_rate, sample_rate), *_oversampled(self.oversampling)])

    def load_slots(self, chain: Any) -> None:
        """Into slot A; the others are emptied."""
        chain.set_model(self.info.path, oversampling=self.oversampling, quality=self.quality, self_test=False)
        for slot in range(1, len(SLOTS)):
            chain.set_slot(slot, None)


@dataclass(frozen=True)
class PresetSound:
    """A preset of the plugin: pedal, amps, tone, cabinet, delay and reverb, as the plugin plays them.

    Attributes:
        path: its file.
        preset: what is in it.
        infos: of its models.
        cabinets: its impulse responses.
        oversampling: of all models.
    """

    path: Path
    preset: Preset
    infos: Sequence[engine.ModelInfo] = field(repr=False)
    cabinets: Cabinets = (None, None)
    oversampling: int = 1

    @property
    def name(self) -> str:
        """The file's."""
        return self.path.stem

    @property
    def sample_rate(self) -> float | None:
        """That of the first model which states one."""
        return next((info.sample_rate for info in self.infos if info.sample_rate is not None), None)

    @property
    def parameters(self) -> Mapping[str, float]:
        """All that it sets, but for what belongs to the room."""
        return {id: value for id, value in self.preset.parameters.items() if not PARAMETERS[id].belongs_to_room}

    @property
    def num_channels(self) -> int:
        """2 with a stereo cabinet, a doubler or a reverb."""
        makes_two = any(self.preset.parameters.get(id, 0.0) > 0.0 for id in ("reverb", "doubler"))
        return max([1 + makes_two, *(len(each.taps) for each in self.cabinets if each is not None)])

    def detail(self, sample_rate: float) -> str:
        """What is in its slots, sample rate, oversampling."""
        names = [self.preset.slots[slot].name for slot in IN_SERIES if slot in self.preset.slots]
        return _joined([*names, *_rate(self.sample_rate, sample_rate), *_oversampled(self.oversampling)])

    def load_slots(self, chain: Any) -> None:
        """Into all slots; those that it leaves empty are emptied."""
        parameters = dict(self.parameters)
        for index, slot in enumerate(SLOTS):
            held = self.preset.slots.get(slot)
            if held is None:
                chain.set_slot(index, None)
                continue
            chain.set_slot(
                index,
                held.model.encode(),
                name=held.name,
                assumed_rate=held.rate,
                oversampling=self.oversampling,
                parameters=parameters,
            )


def read_sound(
    path: Path,
    *,
    oversampling: int = 1,
    quality: float = 1.0,
    cabinet: Cabinet | None = None,
) -> Sound:
    """The sound of a file: a preset by its ending, ``.vstpreset``, else a model.

    Args:
        path: of the file.
        oversampling: 1, 2, 4 or 8, of all its models.
        quality: 0 to 1, of a model that holds networks of several sizes.
        cabinet: behind a model.

    Raises:
        ModelFileError: a model does not play.
        PresetFileError: the preset cannot be read.
        InputError: a preset holds no model, or is given together with a cabinet or a quality.
    """
    if path.suffix.lower() != ".vstpreset":
        return ModelSound(engine.load(path).info, oversampling, quality, cabinet)
    if cabinet is not None or quality != 1.0:
        option, what = ("--quality", "quality") if cabinet is None else ("--ir", "cabinet")
        raise InputError(f"{path} is a preset, which has its own {what}: leave {option} out.")
    preset = read_preset(path)
    if not preset.slots:
        raise InputError(f"{path} holds no model to play through: save a preset with one in slot A.")
    infos = [engine.load(held.name, content=held.model.encode()).info for _, held in sorted(preset.slots.items())]
    cabinets = _held(path, preset.cabinet), _held(path, preset.second_cabinet)
    return PresetSound(path, preset, infos, cabinets, oversampling)


def read_cabinet(path: Path) -> Cabinet:
    """All channels of an impulse response, and its rate.

    Raises:
        AudioFileError: it cannot be read, has more than two channels or is too long.
    """
    with AudioReader(path) as reader:
        blocks: list[npt.NDArray[np.float32]] = []
        most = min(30 * reader.sample_rate, _MOST_CABINET_FRAMES)
        num_frames = 0
        if reader.num_channels <= 2:
            for block in reader.blocks(1 << 16):  # up to what is too much: a header may claim any length
                blocks.append(block)
                num_frames += block.shape[1]
                if num_frames > most:
                    break
        if not 0 < num_frames <= most or reader.num_channels > 2:
            is_told = num_frames <= reader.num_frames < 1 << 40
            length = f"{reader.num_frames / reader.sample_rate:.1f} s" if is_told else "an unknown length"
            raise AudioFileError(
                f"{path} has {reader.num_channels} channel(s) of {length}, where an impulse response of one or "
                "two channels and at most 30 s is expected: is it a recording?"
            )
        return Cabinet(path, path.stem, np.concatenate(blocks, axis=1), float(reader.sample_rate))


def _held(path: Path, content: CabinetContent | None) -> Cabinet | None:
    if content is None:
        return None
    taps, rate = soundfile.read(MemoryFile(content.audio), dtype="float32", always_2d=True)
    return Cabinet(path, content.name, np.ascontiguousarray(taps.T), float(rate))


def _rate(own: float | None, played: float) -> list[str]:
    if own is None:
        return []
    return [f"{own / 1000:g} kHz" + (", converted" if own != played else "")]


def _oversampled(times: int) -> list[str]:
    return [f"{times} times oversampled"] if times > 1 else []


def _joined(parts: Sequence[str]) -> str:
    return " \N{MIDDLE DOT} ".join(parts)
