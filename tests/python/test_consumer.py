# SPDX-License-Identifier: MIT
"""The engine in a C++ project of its own, from the source tree and installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fxtrain import engine

pytestmark = pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed")


def run(*command: object) -> None:
    made = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr


@pytest.fixture(params=["source", "installed"])
def program(request: pytest.FixtureRequest, repository: Path, tmp_path: Path) -> Path:
    """The consumer, built with the engine's source tree or with nothing but an installed copy."""
    if request.param == "source":
        return Path(request.getfixturevalue("engine_build")).parent / "play"
    source = shutil.copytree(repository / "examples" / "consumer", tmp_path / "consumer")
    installed = request.getfixturevalue("installed_engine")
    run("cmake", "-S", source, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={installed}")
    run("cmake", "--build", tmp_path / "build")
    return tmp_path / "build" / "play"


def test_the_consumer_builds_and_plays_as_the_bindings_do(
    program: Path, make_model: Callable, playing: np.ndarray
) -> None:
    path = make_model([("gru", 8), ("dense", 1)], in_skip=1).path
    x = playing[:10_000]
    answer = subprocess.run([program, path], input=x.tobytes(), capture_output=True, check=True)
    assert np.array_equal(np.frombuffer(answer.stdout, np.float32), engine.load(path).process(x))
    assert b"gru" in answer.stderr

    path.write_text("{")
    refused = subprocess.run([program, path], input=b"", capture_output=True, check=False)
    assert refused.returncode == 2
    assert b"cut short" in refused.stderr


def test_an_installed_copy_is_complete_and_says_nothing_of_where_it_was_built(
    installed_engine: Path, repository: Path, tmp_path: Path
) -> None:
    installed = {path.relative_to(installed_engine).as_posix() for path in installed_engine.rglob("*.*")}
    headers = {
        f"include/{path.relative_to(repository / 'plugin' / 'engine' / 'include').as_posix()}"
        for path in (repository / "plugin" / "engine" / "include").rglob("*.h")
    }
    assert headers == {name for name in installed if name.startswith("include/")}
    for path in installed_engine.rglob("*.cmake"):
        text = path.read_text(encoding="utf-8")
        assert str(repository) not in text, path.name
        assert not re.search(r"nlohmann|xsimd|warnings", text), path.name  # what only the engine's own sources need
    flags = ["-std=c++20", "-Wall", "-Wextra", "-Werror", f"-I{installed_engine / 'include'}", "-fsyntax-only"]
    for name in sorted(headers):  # each compiles alone
        alone = tmp_path / "alone.cpp"
        alone.write_text(f"#include <{name.removeprefix('include/')}>\n")
        run(os.environ.get("CXX", "c++"), *flags, alone)


def test_the_wheel_gets_none_of_it(engine_build: Path, tmp_path: Path) -> None:
    run("cmake", "--install", engine_build, "--component", "python", "--prefix", tmp_path / "wheel")
    assert not (tmp_path / "wheel").exists()


def test_the_package_answers_to_its_own_minor_version(installed_engine: Path, tmp_path: Path) -> None:
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.22)\nproject(x LANGUAGES CXX)\n"
        "find_package(fxengine 0.0 CONFIG QUIET)\nif(fxengine_FOUND)\n  message(FATAL_ERROR old)\nendif()\n"
        "find_package(fxengine 0.1 CONFIG REQUIRED)\n"
    )
    run("cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={installed_engine}")


@pytest.mark.skipif(shutil.which("nm") is None, reason="nm is not installed")
def test_kernels_leave_no_code_of_others_compiled_for_their_processor(engine_build: Path) -> None:
    # The linker keeps one copy of an inline function: one with AVX instructions would then run on every processor.
    objects = [path for path in engine_build.rglob("*.o") if re.search(r"fxengine_(avx2|avx512)_", str(path))]
    assert objects
    for path in objects:
        listing = subprocess.run(
            ["nm", "--demangle", "--defined-only", path], capture_output=True, text=True, check=True
        )
        shared = [line for line in listing.stdout.splitlines() if re.search(r" [TWVu] (?!.*fxengine::simd::)", line)]
        assert not shared, path.name
