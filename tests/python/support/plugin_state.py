# SPDX-License-Identifier: MIT
"""States of the plugin in the forms that hosts keep them in."""

from __future__ import annotations

import json
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from fxtrain.plugin_files.parameters import PARAMETERS

MAGIC = b"fxtrain-state\n"
URI = "https://fxtrain.org/plugins/fxtrain"


def document_of(state: bytes) -> dict[str, Any]:
    """The document in a state, also in one that a host of JUCE's has wrapped."""
    if wrapped := re.search(rb"<IComponent>([^<]*)</IComponent>", state):
        state = from_juce_base64(wrapped[1].decode("ascii"))
    start = state.index(MAGIC) + len(MAGIC)
    document: dict[str, Any] = json.loads(zlib.decompressobj().decompress(state[start:]))
    return document


def state_of_preset(path: Path) -> bytes:
    """The plugin's own bytes in a .vstpreset file."""
    content = path.read_bytes()
    unpacker = zlib.decompressobj()
    start = content.index(MAGIC) + len(MAGIC)
    unpacker.decompress(content[start:])
    return content[content.index(MAGIC) : len(content) - len(unpacker.unused_data)]


def wrapped_for_juce(state: bytes) -> bytes:
    """A VST3's state as hosts made with JUCE, pedalboard among them, keep it."""
    xml = f"<VST3PluginState><IComponent>{juce_base64(state)}</IComponent></VST3PluginState>".encode("ascii")
    return struct.pack("<II", 0x21324356, len(xml)) + xml + b"\0"


def normalised(id: str, value: float) -> float:
    """A parameter's value from plain units to 0..1, as hosts keep it."""
    parameter = PARAMETERS[id]
    return (value - parameter.minimum) / (parameter.maximum - parameter.minimum)


_ALPHABET = np.frombuffer(b".ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+", np.uint8)


def juce_base64(content: bytes) -> str:
    """What JUCE's MemoryBlock::toBase64Encoding() makes: the length, a dot, six bits at a time, lowest first."""
    bits = np.unpackbits(np.frombuffer(content, np.uint8), bitorder="little")
    digits = np.pad(bits, (0, -len(bits) % 6)).reshape(-1, 6) @ (1 << np.arange(6))
    return f"{len(content)}." + _ALPHABET[digits].tobytes().decode("ascii")


def from_juce_base64(text: str) -> bytes:
    """The inverse of :func:`juce_base64`."""
    length, _, digits = text.partition(".")
    values = np.zeros(256, np.uint8)
    values[_ALPHABET] = np.arange(64)
    found = values[np.frombuffer(digits.encode("ascii"), np.uint8)]
    bits = (found[:, None] >> np.arange(6)) & 1
    return np.packbits(bits.ravel(), bitorder="little").tobytes()[: int(length)]
