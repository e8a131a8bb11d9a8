# SPDX-License-Identifier: MIT
"""What tests do with the plugin inside DawDreamer, in a process of its own (own_process.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dawdreamer
import numpy as np
from plugin_state import PARAMETERS, normalised


def parameter_index(plugin: Any, id: str) -> int:
    """The host's index of one of our ids."""
    (found,) = [each["index"] for each in plugin.get_parameters_description() if each["name"] == PARAMETERS[id].name]
    return int(found)


class Session:
    """A dry recording into the plugin."""

    def __init__(self, vst3: Path, preset: Path | None, x: np.ndarray, rate: float, block: int) -> None:
        self.engine = dawdreamer.RenderEngine(rate, block)
        self.seconds = x.shape[-1] / rate
        self.frames = x.shape[-1]
        dry = self.engine.make_playback_processor("dry", np.atleast_2d(x).astype(np.float32))
        self.plugin = self.engine.make_plugin_processor("fxtrain", str(vst3))
        if preset is not None:
            assert self.plugin.load_vst3_preset(str(preset))
        assert self.engine.load_graph([(dry, []), (self.plugin, ["dry"])])

    def render(self) -> np.ndarray:
        self.engine.render(self.seconds)
        return np.asarray(self.engine.get_audio())[:, : self.frames]


def play(
    vst3: Path, preset: Path | None, x: np.ndarray, rate: float, block: int, settings: dict[str, float]
) -> tuple[np.ndarray, int]:
    """The output for ``x``, as late as it is, and the latency reported."""
    session = Session(vst3, preset, x, rate, block)
    for id, value in settings.items():
        session.plugin.set_parameter(parameter_index(session.plugin, id), normalised(id, value))
    return session.render(), session.plugin.get_latency_samples()


def automate(vst3: Path, preset: Path, x: np.ndarray, curves: dict[str, np.ndarray]) -> np.ndarray:
    """Renders with parameters moved along curves, a value per frame in plain units."""
    session = Session(vst3, preset, x, 48_000, 64)
    for id, curve in curves.items():
        index = parameter_index(session.plugin, id)
        session.plugin.set_automation(index, np.asarray([normalised(id, value) for value in curve], np.float32))
    return session.render()
