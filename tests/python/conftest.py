# SPDX-License-Identifier: MIT
"""Fixtures for all tests."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the source tree."""
    return REPOSITORY


@pytest.fixture(scope="session")
def engine_build() -> Path:
    """The engine as a part of examples/consumer, with which it is built; kept in build/ from one run to the next."""
    build = REPOSITORY / "build" / "consumer"
    build.mkdir(parents=True, exist_ok=True)
    source = ["-S", REPOSITORY / "examples" / "consumer", "-DCMAKE_DISABLE_FIND_PACKAGE_fxengine=ON"]
    with (build / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # test processes share the folder
        for step in ([*source, "-DFXTRAIN_INSTALL=ON", "-B", build], ["--build", build, "--parallel", "2"]):
            made = subprocess.run(["cmake", *step], check=False, capture_output=True, text=True)
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
