# SPDX-License-Identifier: MIT
"""Small files that the plugin takes, and its parameters as its source tells them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from fxtrain.audio import write_audio
from fxtrain.plugin_files.parameters import Parameter


def write_gain_model(path: Path, gain: float, **metadata: Any) -> Path:
    """A model file that multiplies by a number: the smallest that there is."""
    layer = {"type": "dense", "activation": "", "shape": [None, None, 1], "weights": [[[gain]], [0.0]]}
    document = {"in_shape": [None, None, 1], "samplerate": 48000, "metadata": metadata, "layers": [layer]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def write_response(path: Path, num_channels: int = 1, subtype: str | None = None, value: float = 1.0) -> Path:
    """A short impulse response: one sample, and silence after it."""
    taps = np.zeros((num_channels, 480), np.float32)
    taps[:, 0] = value
    write_audio(path, taps, 48000, subtype)
    return path


def parameters_in_source(repository: Path) -> dict[str, Parameter]:
    """The plugin's parameters as ``plugin/source/parameters.{h,cpp}`` make them."""
    source = repository / "plugin" / "source"
    ids = dict(re.findall(r'constexpr auto (\w+) = "(\w+)";', (source / "parameters.h").read_text(encoding="utf-8")))
    text = (source / "parameters.cpp").read_text(encoding="utf-8")
    layout = text[text.index("Layout makeParameterLayout()") :]
    found: dict[str, Parameter] = {}
    call = re.compile(
        r"\badd(Float|Switch|Choice)\(layout, (id::\w+(?:\([^)]*\)\.toRawUTF8\(\))?), (.*?)\);", re.DOTALL
    )
    for kind, which, rest in call.findall(layout):
        if which.startswith("id::knob"):
            values = _floats(rest)
            for slot in "AB":
                for index in range(1, 5):
                    id = f"knob_{slot.lower()}{index}"
                    found[id] = Parameter(id, f"Knob {slot}{index}", _quoted(rest)[-1], *values)
            continue
        id, words = ids[which.removeprefix("id::")], _quoted(rest)
        if kind == "Float":
            found[id] = Parameter(id, words[0], words[1], *_floats(rest))
        elif kind == "Switch":
            found[id] = Parameter(id, words[0], is_switch=True)
        else:
            default = int(re.search(r"\}\s*,\s*(\d+)", rest)[1])  # type: ignore[index]
            choices = tuple(words[1:])
            found[id] = Parameter(id, words[0], maximum=len(choices) - 1, default=default, choices=choices)
    return found


def _floats(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"(-?\d+\.\d+)f", text)[:3]]


def _quoted(text: str) -> list[str]:
    return re.findall(r'"([^"]*)"', text)
