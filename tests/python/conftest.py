# SPDX-License-Identifier: MIT
"""Fixtures for all tests."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from made_models import LayerSpec, MadeModel, plucked_notes, write_model

# Tests interrupt programs. A shell that runs the tests in the background has SIGINT ignored, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

REPOSITORY = Path(__file__).resolve().parents[2]

# Before any test changes it: with another home folder the compiler's cache would be empty.
ENVIRONMENT = dict(os.environ)

# The same inputs in each run; pytest --hypothesis-profile=long tries thousands.
_COMMON = {"derandomize": True, "deadline": None, "suppress_health_check": list(HealthCheck), "print_blob": True}
settings.register_profile("short", max_examples=30, **_COMMON)
settings.register_profile("long", max_examples=600, **_COMMON)
settings.load_profile("short")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the source tree."""
    return REPOSITORY


@pytest.fixture(scope="session")
def engine_build() -> Path:
    """The engine as a part of examples/consumer, with which it is built; kept in build/ from one run to the next."""
    build = REPOSITORY / "build" / "consumer"
    build.mkdir(parents=True, exist_ok=True)
    # With Ninja the compiler is called from as deep a folder as in the other builds: ccache has the kernels of those.
    generator = ["-G", "Ninja"] if shutil.which("ninja") else []
    source = ["-S", REPOSITORY / "examples" / "consumer", *generator, "-DCMAKE_DISABLE_FIND_PACKAGE_fxengine=ON"]
    with (build / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # test processes share the folder
        for step in ([*source, "-DFXTRAIN_INSTALL=ON", "-B", build], ["--build", build, "--parallel", "2"]):
            made = subprocess.run(["cmake", *step], check=False, capture_output=True, text=True, env=ENVIRONMENT)
            assert made.returncode == 0, made.stdout + made.stderr
    return build / "fxtrain"


@pytest.fixture(scope="session")
def installed_engine(engine_build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that this build was installed to."""
    prefix = tmp_path_factory.mktemp("installed")
    step = ["cmake", "--install", engine_build, "--component", "fxengine", "--prefix", prefix]
    made = subprocess.run(step, check=False, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    return prefix


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Recordings and model files of others, kept beside the repository; tests that need them skip without."""
    path = Path(os.environ.get("FXTRAIN_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"recordings are not at hand: {path} does not exist (set FXTRAIN_SHARED_DATA)")
    return path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home folder."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    """What programs are started with: no display, no sound, no settings of the user."""
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
    """``wire(**root_keys)`` writes a model that passes its input on bit for bit, with a bias added if one is given."""

    def make(name: str = "wire.json", *, bias: float = 0.0, **keys: Any) -> Path:
        made = write_model(tmp_path / name, [("dense", 1)], **keys)
        made.document["layers"][0]["weights"] = [[[1.0]], [bias]]
        made.path.write_text(json.dumps(made.document))
        return made.path

    return make


@pytest.fixture
def playing() -> np.ndarray:
    """Two seconds at 48 kHz of something like a guitar."""
    return plucked_notes()
