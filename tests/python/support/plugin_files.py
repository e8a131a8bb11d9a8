# SPDX-License-Identifier: MIT
"""Small files that the plugin takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from fxtrain.audio import write_audio


def write_gain_model(path: Path, gain: float, **metadata: Any) -> Path:
    """A model file that multiplies by a number: the smallest that there is."""
    layer = {"type": "dense", "activation": "", "shape": [None, None, 1], "weights": [[[gain]], [0.0]]}
    document = {"in_shape": [None, None, 1], "samplerate": 48000, "metadata": metadata, "layers": [layer]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def write_two_sizes(path: Path, small: float, large: float) -> Path:
    """A .nam file of two gains, chosen by a quality below 0.5 and from there on."""

    def gain(value: float) -> dict[str, Any]:
        return {
            "version": "0.5.4",
            "architecture": "Linear",
            "config": {"receptive_field": 1, "bias": False},
            "weights": [value],
            "sample_rate": 48000,
        }

    submodels = [{"max_value": 0.5, "model": gain(small)}, {"max_value": 1.0, "model": gain(large)}]
    document = {
        "version": "0.7.0",
        "architecture": "SlimmableContainer",
        "config": {"submodels": submodels},
        "weights": [],
        "sample_rate": 48000,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def write_response(path: Path, num_channels: int = 1, subtype: str | None = None, value: float = 1.0) -> Path:
    """A short impulse response: one sample, and silence after it."""
    taps = np.zeros((num_channels, 480), np.float32)
    taps[:, 0] = value
    write_audio(path, taps, 48000, subtype)
    return path
