# SPDX-License-Identifier: MIT
"""The engine in a C++ project of its own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fxtrain import engine


def test_the_consumer_builds_and_plays_as_the_bindings_do(
    repository: Path, make_model: Callable, playing: np.ndarray
) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("cmake is not installed")
    build = repository / "build" / "consumer"
    for command in (
        ["cmake", "-S", repository / "examples" / "consumer", "-B", build],
        ["cmake", "--build", build, "--parallel", "2"],
    ):
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stdout + made.stderr

    path = make_model([("gru", 8), ("dense", 1)], in_skip=1).path
    x = playing[:10_000]
    answer = subprocess.run([build / "play", path], input=x.tobytes(), capture_output=True, check=True)
    assert np.array_equal(np.frombuffer(answer.stdout, np.float32), engine.load(path).process(x))
    assert b"gru" in answer.stderr

    path.write_text("{")
    refused = subprocess.run([build / "play", path], input=b"", capture_output=True, check=False)
    assert refused.returncode == 2
    assert b"cut short" in refused.stderr
