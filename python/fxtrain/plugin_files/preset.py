# SPDX-License-Identifier: MIT
"""Presets of the plugin, as any VST3 host loads them.

A preset is Steinberg's container around the plugin's state, all numbers little-endian::

    "VST3"  int32 1  class id, 32 hex digits  int64 offset of the list
    state ("Comp")
    "List"  int32 number of chunks  { id, int64 offset, int64 size } for each

and the state is ``fxtrain-state\\n``, then zlib (RFC 1950) around one JSON object::

    {"version": 1,                                                       see STATE_VERSION
     "kind": "preset",                                                    a sound alone, without the room's settings
     "parameters": {"input_gain": -3.0, ...},                             by id, in plain units
     "slots": {"A": {"name": ..., "path": ..., "sha256": ..., "model": the file's text}},   see SLOTS
     "cabinet": {"name": ..., "path": ..., "sha256": ..., "audio": the file in base64},
     "cabinet2": the same of a second response, if there is one}

Model and response are in it themselves: a preset opens where their files are not. ``docs/plugin-state.md`` is the
specification.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import soundfile

from fxtrain import engine
from fxtrain.atomic import write_atomically
from fxtrain.audio.files import MemoryFile, SequentialFile
from fxtrain.errors import AudioFileError, ModelFileError, PresetFileError
from fxtrain.files import read_file
from fxtrain.folders import MODEL_NAMES
from fxtrain.plugin_files.parameters import PARAMETERS
from fxtrain.text import quoted, shortened

__all__ = [
    "CLASS_ID",
    "IN_SERIES",
    "PLACES",
    "SLOTS",
    "CabinetContent",
    "Preset",
    "Slot",
    "SlotContent",
    "read_preset",
    "write_preset",
]

CLASS_ID = "ABCDEF019182FAEB" + b"FxtrFxtn".hex().upper()
"""The plugin's VST3 class: JUCE's prefix, then the codes of manufacturer and plugin."""

STATE_VERSION = 3
"""The newest. A state is written as of the oldest version that holds all that is in it, so that older plugins open it
too: version 2 came with the pedal and the second response, version 3 with the pedal's B and the second pedal."""

Slot = Literal["A", "B", "P", "PB", "Q", "QB"]
"""A and B of the amplifier, then those of the first pedal and of the second."""

SLOTS: tuple[Slot, ...] = ("A", "B", "P", "PB", "Q", "QB")

PLACES: Mapping[Slot, str] = {
    "A": "slot A",
    "B": "slot B",
    "P": "pedal",
    "PB": "pedal, slot B",
    "Q": "second pedal",
    "QB": "second pedal, slot B",
}
"""In words."""

IN_SERIES: tuple[Slot, ...] = ("P", "PB", "Q", "QB", "A", "B")
"""The slots in the order of the signal."""

_MAGIC = b"fxtrain-state\n"
_HEADER = struct.Struct("<4si32sq")
_LIST = struct.Struct("<4si")
_ENTRY = struct.Struct("<4sqq")
# What the plugin takes at most.
_LARGEST_STATE = 96 << 20  # bytes, unpacked
_MOST_VALUES, _DEEPEST = 20_000, 8  # of the document
_MOST_CHUNKS = 128
_RATES = range(1000, 1_000_001)
_CUSTOMARY_RATE = 48_000  # as the plugin takes it
_GREATEST_FLOAT = float(np.finfo(np.float32).max)
_LARGEST_RESPONSE = 16 << 20  # bytes
_LONGEST_RESPONSE = 30.0  # seconds, of which it plays two
_MOST_RESPONSE_FRAMES = 1 << 23

_CONTAINERS = ("WAV", "WAVEX", "AIFF", "FLAC")
_CODINGS = ("PCM_U8", "PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT")


@dataclass(frozen=True)
class SlotContent:
    """A model in a slot.

    Attributes:
        name: as the plugin shows it.
        path: where the file was; the plugin goes on from there to the next one in the folder.
        sha256: of the file's bytes.
        model: the file's text.
        rate: in hertz, of a file that states no sample rate; None plays it at the host's.
    """

    name: str
    path: str
    sha256: str
    model: str
    rate: int | None = None

    @classmethod
    def read(cls, path: Path, name: str | None = None) -> SlotContent:
        """Reads a model file that the engine plays.

        Args:
            path: the file.
            name: by default the file's name; for model.json, as ``fit`` calls every model, the one that the model
                states, else that of its folder.

        Raises:
            ModelFileError: the engine refuses it.
        """
        try:
            content = read_file(path, at_most=engine.MAX_FILE_BYTES, expected="a model file", error=ModelFileError)
        except OSError as error:
            raise ModelFileError(f"{path} cannot be read ({error.strerror or error}): expected a model file") from None
        info = engine.load(path, content=content).info
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ModelFileError(f"{path} is not UTF-8 text: byte {error.start} cannot be read; save it anew") from None
        rate = _CUSTOMARY_RATE if info.sample_rate is None else None
        return cls(name or _name(path, info), _path_text(path), hashlib.sha256(content).hexdigest(), text, rate)


@dataclass(frozen=True)
class CabinetContent:
    """An impulse response.

    Attributes:
        name: as the plugin shows it.
        path: where the file was.
        sha256: of the file's bytes.
        audio: the WAV, AIFF or FLAC file itself.
        seconds: its length.
        sample_rate: in hertz.
        num_channels: 1 or 2.
    """

    name: str
    path: str
    sha256: str
    audio: bytes = field(repr=False)
    seconds: float
    sample_rate: int
    num_channels: int

    @classmethod
    def read(cls, path: Path) -> CabinetContent:
        """Reads a WAV, AIFF or FLAC file that can serve as an impulse response.

        Raises:
            AudioFileError: it cannot be read, has more than two channels, is too long, silent or not finite.
        """
        try:
            content = read_file(path, at_most=_LARGEST_RESPONSE, expected="an impulse response", error=AudioFileError)
        except OSError as error:
            raise AudioFileError(
                f"{path} cannot be read ({error.strerror or error}): expected an impulse response, WAV, AIFF or FLAC."
            ) from None
        return cls._of(content, path.stem, _path_text(path), str(path))

    @classmethod
    def _of(cls, content: bytes, name: str, path: str, called: str) -> CabinetContent:
        """Checks what the bytes of a file hold; ``called`` is what errors call it."""
        if len(content) > _LARGEST_RESPONSE:
            raise AudioFileError(
                f"{called} has more than {_LARGEST_RESPONSE >> 20} MiB, but an impulse response at most that: is it a "
                "recording?"
            )
        try:
            with SequentialFile(MemoryFile(content)) as file:
                container, coding = file.format, file.subtype
                num_channels, rate = file.channels, file.samplerate
                most = min(round(_LONGEST_RESPONSE * rate), _MOST_RESPONSE_FRAMES)
                summary = _summary(file, most) if num_channels <= 2 and _is_rate(rate) else _Summary()
        except (soundfile.SoundFileError, RuntimeError, TypeError, ValueError, MemoryError):
            raise AudioFileError(
                f"{called} is no sound file: expected an impulse response, WAV, AIFF or FLAC."
            ) from None
        if container not in _CONTAINERS or coding not in _CODINGS:
            raise AudioFileError(
                f"{called} is {container} of {coding}, which the plugin does not read: export it as WAV of 16 or 24 "
                "bits or 32-bit float, or as FLAC."
            )
        if num_channels > 2:
            raise AudioFileError(
                f"{called} has {num_channels} channels, but an impulse response has one or two: export the one to use."
            )
        if not _is_rate(rate):
            raise AudioFileError(
                f"{called} states a sample rate of {rate} Hz, but an impulse response has 1 kHz to 400 kHz: export it "
                "again, at 48 kHz."
            )
        if summary.num_frames > most:
            raise AudioFileError(
                f"{called} lasts longer than {most / rate:.0f} s, but an impulse response at most "
                f"{_LONGEST_RESPONSE:g} s and {_MOST_RESPONSE_FRAMES} frames: is it a recording?"
            )
        if not summary.is_finite:
            raise AudioFileError(f"{called} holds NaN or infinity: export the impulse response again.")
        if not summary.sounds:
            raise AudioFileError(f"{called} is silent: expected an impulse response.")
        seconds = summary.num_frames / rate
        return cls(name, path, hashlib.sha256(content).hexdigest(), content, seconds, rate, num_channels)


@dataclass(frozen=True)
class _Summary:
    """What the samples of a file are like."""

    num_frames: int = 0
    is_finite: bool = True
    sounds: bool = False


def _summary(file: soundfile.SoundFile, most: int) -> _Summary:
    """Reads in parts, since a header may claim any length, up to the first one beyond ``most`` frames."""
    found = _Summary()
    while found.num_frames <= most:
        part = file.read(1 << 16, dtype="float32", always_2d=True)
        if len(part) == 0:
            break
        found = _Summary(
            found.num_frames + len(part),
            found.is_finite and bool(np.isfinite(part).all()),
            found.sounds or bool(part.any()),
        )
    return found


def _is_rate(rate: int) -> bool:
    """Whether the plugin takes an impulse response of that sample rate."""
    return 1000 <= rate <= 400_000


@dataclass(frozen=True)
class Preset:
    """What a preset sets; empty slots are empty in the plugin too.

    Attributes:
        parameters: values by id; those of :data:`PARAMETERS` that are missing are at their defaults. What belongs to
            the room is read, and not written.
        slots: the models.
        cabinet: the impulse response, or none.
        second_cabinet: one that is blended with it, or none.
    """

    parameters: Mapping[str, float] = field(default_factory=dict)
    slots: Mapping[Slot, SlotContent] = field(default_factory=dict)
    cabinet: CabinetContent | None = None
    second_cabinet: CabinetContent | None = None

    def _version(self) -> int:
        if self.slots.keys() & {"PB", "Q", "QB"}:
            return 3
        return 2 if "P" in self.slots or self.second_cabinet else 1

    def document(self) -> dict[str, Any]:
        """The state's JSON object.

        Every parameter of the sound is in it, so that other defaults do not change it. The knobs of models are in it
        only where they were set: else they are where the models, which are in it too, have them.
        """
        values = {
            id: self.parameters.get(id, parameter.default)
            for id, parameter in PARAMETERS.items()
            if not parameter.belongs_to_room and (id in self.parameters or not id.startswith("knob_"))
        }
        whole = {id for id, parameter in PARAMETERS.items() if parameter.is_switch or parameter.choices}
        return {
            "version": self._version(),
            "kind": "preset",
            "parameters": {id: int(value) if id in whole else float(value) for id, value in values.items()},
            "slots": {
                slot: {"name": each.name, "path": each.path, "sha256": each.sha256, "model": each.model}
                | ({} if each.rate is None else {"rate": each.rate})
                for slot, each in sorted(self.slots.items())
            },
            "cabinet": self.cabinet and _document_of(self.cabinet),
        } | ({"cabinet2": _document_of(self.second_cabinet)} if self.second_cabinet else {})

    def state(self) -> bytes:
        """What the plugin's own state holds."""
        document = json.dumps(self.document(), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(
            "utf-8"
        )
        if len(document) > _LARGEST_STATE:
            raise PresetFileError(
                f"the preset would unpack to {len(document) >> 20} MiB, but the plugin takes {_LARGEST_STATE >> 20} at "
                "most: leave out one of the models"
            )
        return _MAGIC + zlib.compress(document, 5)  # 3 % larger than the highest level, in a tenth of the time

    def to_bytes(self) -> bytes:
        """The ``.vstpreset`` file. A controller chunk is not written: all the plugin's state is the component's."""
        state = self.state()
        header = _HEADER.pack(b"VST3", 1, CLASS_ID.encode("ascii"), _HEADER.size + len(state))
        return header + state + _LIST.pack(b"List", 1) + _ENTRY.pack(b"Comp", _HEADER.size, len(state))


def _document_of(cabinet: CabinetContent) -> dict[str, str]:
    return {
        "name": cabinet.name,
        "path": cabinet.path,
        "sha256": cabinet.sha256,
        "audio": base64.b64encode(cabinet.audio).decode("ascii"),
    }


def write_preset(path: Path, preset: Preset) -> None:
    """Writes a ``.vstpreset`` file, whole or not at all."""
    write_atomically(path, preset.to_bytes())


def read_preset(path: Path) -> Preset:
    """Reads a preset of the plugin, also one that a host has written.

    The models in it are taken as they stand: the engine's loader says whether they play.

    Raises:
        PresetFileError: it is none, is damaged, belongs to another plugin, or to a later version of ours.
    """
    try:
        content = read_file(path, at_most=_LARGEST_STATE, expected="a preset", error=PresetFileError)
    except OSError as error:
        raise PresetFileError(f"cannot read the preset {path}: {error.strerror or error}") from None
    try:
        return _parse(_component_state(content))
    except _Damage as damage:
        raise PresetFileError(f"{path}: {damage}") from None


class _Damage(Exception):
    pass


def _component_state(content: bytes) -> bytes:
    """The ``Comp`` chunk."""
    if len(content) < _HEADER.size or not content.startswith(b"VST3"):
        raise _Damage("expected a VST3 preset, which begins with VST3; this is something else")
    _, _, class_id, offset = _HEADER.unpack_from(content)
    if class_id.decode("latin-1").upper() != CLASS_ID:
        raise _Damage(f"this is a preset of another plugin (class {class_id.decode('latin-1')!r})")
    try:
        if offset < 0:
            raise _Damage("the preset is damaged: its list of chunks lies before its start")
        magic, count = _LIST.unpack_from(content, offset)
        if count > _MOST_CHUNKS:
            raise _Damage(f"the preset is damaged: its list has {count} chunks")
        for index in range(count if magic == b"List" else 0):
            id, start, size = _ENTRY.unpack_from(content, offset + _LIST.size + index * _ENTRY.size)
            if id == b"Comp" and 0 <= start <= start + size <= len(content):
                return content[start : start + size]
    except struct.error:
        pass
    raise _Damage("the preset is damaged: the plugin's state is not where its list of chunks says")


def _parse(state: bytes) -> Preset:
    """The preset of a state; hosts may add bytes behind it."""
    if not state.startswith(_MAGIC):
        raise _Damage("the preset is damaged: the plugin's state begins with something else than its name")
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(state[len(_MAGIC) :], _LARGEST_STATE)
        if not unpacker.eof:
            raise _Damage("the preset is damaged: the plugin's state is cut short or too large")
        document = engine.read_json(text, max_values=_MOST_VALUES, max_nesting=_DEEPEST)
        version = document["version"]
        if not isinstance(version, int) or version < 1:
            raise _Damage(f"the preset is damaged: its version is {quoted(version)}")
        if version > STATE_VERSION:
            raise _Damage(
                f"the preset is of version {quoted(version)}, this fxtrain knows {STATE_VERSION}: get a newer one"
            )
        slots: dict[Slot, SlotContent] = {}
        for slot in SLOTS:
            if entry := (document.get("slots") or {}).get(slot):
                name, where, sha256, model = (_text(entry[key]) for key in ("name", "path", "sha256", "model"))
                slots[slot] = SlotContent(name, where, sha256, model, _rate(entry.get("rate")))
        cabinets: list[CabinetContent | None] = [None, None]
        for index, key in enumerate(("cabinet", "cabinet2")):
            if entry := document.get(key):
                audio = base64.b64decode(entry["audio"], validate=True)
                name, where = _text(entry["name"]), _text(entry["path"])
                cabinets[index] = CabinetContent._of(audio, name, where, "the impulse response")
        values = document.get("parameters") or {}
        return Preset({id: _number(value) for id, value in values.items() if id in PARAMETERS}, slots, *cabinets)
    except AudioFileError as error:
        raise _Damage(f"the preset is damaged: {error}") from None
    except (zlib.error, binascii.Error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = shortened(f"it has no {error}" if isinstance(error, KeyError) else str(error), 120)
        raise _Damage(f"the preset is damaged ({reason})") from None


def _number(value: object) -> float:
    """A parameter's value; the plugin keeps them as float32, in which greater ones are infinite."""
    if not isinstance(value, int | float) or not abs(value) <= _GREATEST_FLOAT:
        raise TypeError(f"expected a number that a float32 can hold, found {quoted(value)}")
    return float(value)


def _rate(value: object) -> int | None:
    """An assumed sample rate; what makes no sense is passed over, as in the plugin."""
    return value if isinstance(value, int) and value in _RATES else None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, found {type(value).__name__}")
    return value


def _name(path: Path, info: engine.ModelInfo) -> str:
    if path.name not in MODEL_NAMES:
        return path.stem
    stated = info.metadata.get("name")
    return stated if isinstance(stated, str) and stated.strip() else path.resolve().parent.name


def _path_text(path: Path) -> str:
    """The whole path; what of it is not UTF-8 becomes a question mark."""
    return os.fsencode(path.resolve()).decode("utf-8", "replace")
