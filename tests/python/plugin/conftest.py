# SPDX-License-Identifier: MIT
"""The built plugin, presets for it, and a home folder of its own for the hosts that play it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_models import LayerSpec, MadeModel, plucked_notes, write_model

from fxtrain.export.preset import CabinetContent, Preset, SlotContent, write_preset


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
class _WithBackend(Preset):
    backend: str = "fxengine"

    def document(self) -> dict[str, Any]:
        return super().document() | ({"backend": self.backend} if self.backend != "fxengine" else {})


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
def home(tmp_path: Path) -> Path:
    """An empty home folder."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    """What hosts are started with: no display, no settings of the user."""
    theirs = ("DISPLAY", "WAYLAND_DISPLAY", "LD_PRELOAD", "LV2_PATH", "VST3_PATH", "JACK_DEFAULT_SERVER")
    kept = {key: value for key, value in os.environ.items() if key not in theirs and not key.startswith("XDG_")}
    runtime = home / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    # JUCE takes no display for :0, where another test may just have one, and be about to end it.
    return kept | {"HOME": str(home), "XDG_RUNTIME_DIR": str(runtime), "DISPLAY": ":65000"}


@pytest.fixture
def make_model(tmp_path: Path) -> Callable[..., MadeModel]:
    """``make_model(layers, seed=0, inputs=1, **root_keys)`` writes a model file with random weights."""

    def make(layers: Sequence[LayerSpec], *, name: str = "amp.json", **keys: Any) -> MadeModel:
        return write_model(tmp_path / name, layers, **keys)

    return make


@pytest.fixture
def wire(tmp_path: Path) -> Callable[..., Path]:
    """``wire(**root_keys)`` writes a model that passes its input on, to the bit."""

    def make(name: str = "wire.json", **keys: Any) -> Path:
        made = write_model(tmp_path / name, [("dense", 1)], **keys)
        made.document["layers"][0]["weights"] = [[[1.0]], [0.0]]
        made.path.write_text(json.dumps(made.document))
        return made.path

    return make


@pytest.fixture
def make_preset(plugin: Plugin, tmp_path: Path) -> Callable[..., Path]:
    """``make_preset(A=model, B=model, cabinet=file, mix=50, ...)`` writes a preset; parameters in plain units."""

    def make(
        *,
        A: Path | None = None,
        B: Path | None = None,
        cabinet: Path | None = None,
        name: str = "",
        **parameters: float,
    ) -> Path:
        slots = {slot: SlotContent.read(path) for slot, path in (("A", A), ("B", B)) if path is not None}
        content = _WithBackend(parameters, slots, CabinetContent.read(cabinet) if cabinet else None, plugin.backend)
        path = tmp_path / f"{name or len(list(tmp_path.glob('*.vstpreset')))}.vstpreset"
        write_preset(path, content)
        return path

    return make


@pytest.fixture
def playing() -> np.ndarray:
    """Two seconds at 48 kHz of something like a guitar."""
    return plucked_notes()
