# SPDX-License-Identifier: MIT
"""States of the plugin in the forms that hosts keep them in."""

from __future__ import annotations

import importlib.util
import json
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np

import fxtrain

MAGIC = b"fxtrain-state\n"
URI = "https://fxtrain.org/plugins/fxtrain"


def _load_parameters() -> Any:
    """``fxtrain.export.plugin_parameters`` by itself: its package imports PyTorch, which takes longer than a host."""
    path = Path(fxtrain.__file__).parent / "export" / "plugin_parameters.py"
    spec = importlib.util.spec_from_file_location("plugin_parameters", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module.PARAMETERS


PARAMETERS = _load_parameters()


def document_of(state: bytes) -> dict[str, Any]:
    """The document in a state; hosts put their own bytes before and behind."""
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


def normalised(id: str, value: float) -> float:
    """A parameter's value from plain units to 0..1, as hosts keep it."""
    parameter = PARAMETERS[id]
    return (value - parameter.minimum) / (parameter.maximum - parameter.minimum)


def juce_base64(content: bytes) -> str:
    """What JUCE's MemoryBlock::toBase64Encoding() makes: the length, a dot, six bits at a time, lowest first."""
    alphabet = np.frombuffer(b".ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+", np.uint8)
    bits = np.unpackbits(np.frombuffer(content, np.uint8), bitorder="little")
    digits = np.pad(bits, (0, -len(bits) % 6)).reshape(-1, 6) @ (1 << np.arange(6))
    return f"{len(content)}." + alphabet[digits].tobytes().decode("ascii")
