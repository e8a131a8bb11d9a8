# SPDX-License-Identifier: MIT
"""What a model file says about the capture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from fxtrain.config import configuration
from fxtrain.gear import GearType, ToneType

__all__ = ["Metadata", "metadata_entries", "without_measured"]

Level = Annotated[float, Field(ge=-60, le=60)]


@configuration
class Metadata:
    """What the person who made the capture tells about it; every entry may be missing.

    Attributes:
        name: of the capture.
        author: who made it.
        device_name: the amplifier or pedal.
        gear_type: type of device; the words are those of ``.nam`` files.
        tone_type: how it sounds; likewise.
        input_dbu: analog level, in dBu, of a sine of full scale at the device's input.
        output_dbu: analog level, in dBu, at the device's output that reads as full scale.
        licence: of the model file.
    """

    name: str | None = None
    author: str | None = None
    device_name: str | None = None
    gear_type: GearType | None = None
    tone_type: ToneType | None = None
    input_dbu: Level | None = None
    output_dbu: Level | None = None
    licence: str | None = None

    def to_document(self) -> dict[str, Any]:
        """The entries under the keys of the model file: AIDA-X's where it has one."""
        entries = {
            "name": self.name,
            "author": self.author,
            "based": self.device_name,
            "gear_type": self.gear_type,
            "style": self.tone_type,
            "input_level_dbu": self.input_dbu,
            "output_level_dbu": self.output_dbu,
            "license": self.licence,
        }
        return {key: value for key, value in entries.items() if value is not None}


_MEASURED = (
    "gain",
    "latency_samples",
    "loudness",
    "loudness_db",
    "samplerate",
    "vectors_error",
    "weight_storage",
)


def metadata_entries(document: Mapping[str, Any]) -> dict[str, Any]:
    """The root key ``metadata`` of a document; nothing where it is anything but an object.

    Players do not mind what it is, so such a file plays.
    """
    entries = document.get("metadata")
    return entries if isinstance(entries, dict) else {}


def without_measured(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata of a file without what a writer works out from the model, and without what is null."""
    return {key: value for key, value in metadata.items() if key not in _MEASURED and value is not None}
