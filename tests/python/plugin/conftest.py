# SPDX-License-Identifier: MIT
"""The built plugin, and presets for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fxtrain.plugin_files.parameters import PARAMETERS
from fxtrain.plugin_files.preset import SLOTS, CabinetContent, Preset, SlotContent, write_preset


@dataclass(frozen=True)
class Plugin:
    """Where the built plugin lies, and which backend its presets here ask for."""

    folder: Path
    backend: str

    @property
    def tolerance(self) -> float:
        """Greatest difference from the engine: that of rounding, or what RTNeural is held to."""
        return 1e-6 if self.backend == "fxengine" else 1e-5

    @property
    def vst3(self) -> Path:
        return self.folder / "VST3" / "fxtrain.vst3"

    @property
    def lv2(self) -> Path:
        return self.folder / "LV2" / "fxtrain.lv2"

    @property
    def standalone(self) -> Path:
        return self.folder / "Standalone" / "fxtrain"


@dataclass(frozen=True)
class _Project(Preset):
    """A project that a host has saved: the room's settings are in it too."""

    backend: str = "fxengine"

    def document(self) -> dict[str, Any]:
        document = super().document() | ({"backend": self.backend} if self.backend != "fxengine" else {})
        del document["kind"]
        room = {id: value for id, value in self.parameters.items() if PARAMETERS[id].belongs_to_room}
        return document | {"parameters": document["parameters"] | room}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test in a host runs again with RTNeural, where a build with it is named."""
    if "plugin" in metafunc.fixturenames:
        backends = ["fxengine"] + (["rtneural"] if "FXTRAIN_PLUGIN_RTNEURAL_DIR" in os.environ else [])
        metafunc.parametrize("plugin", backends, indirect=True)


@pytest.fixture
def plugin(request: pytest.FixtureRequest, repository: Path) -> Plugin:
    """The plugin as `make plugin` builds it; FXTRAIN_PLUGIN_DIR names another build (its folder with VST3 in it)."""
    built = repository / "build" / "plugin" / "plugin" / "fxtrain_artefacts" / "Release"
    folder = Path(os.environ.get("FXTRAIN_PLUGIN_DIR", built))
    if request.param == "rtneural":
        folder = Path(os.environ["FXTRAIN_PLUGIN_RTNEURAL_DIR"])
    found = Plugin(folder, request.param)
    if not found.vst3.is_dir():
        pytest.skip(f"the plugin is not built: {found.vst3} does not exist (`make plugin`, or set FXTRAIN_PLUGIN_DIR)")
    return found


@pytest.fixture
def make_preset(plugin: Plugin, tmp_path: Path) -> Callable[..., Path]:
    """``make_preset(A=model, P=model, cabinet=file, mix=50, ...)`` writes a preset; parameters in plain units."""

    def make(*, cabinet: Path | None = None, second: Path | None = None, name: str = "", **held: Any) -> Path:
        slots = {slot: SlotContent.read(path) for slot in SLOTS if (path := held.pop(slot, None)) is not None}
        parameters: dict[str, float] = held
        responses = (CabinetContent.read(path) if path else None for path in (cabinet, second))
        content = _Project(parameters, slots, *responses, plugin.backend)
        path = tmp_path / f"{name or len(list(tmp_path.glob('*.vstpreset')))}.vstpreset"
        write_preset(path, content)
        return path

    return make
