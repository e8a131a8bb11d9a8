# SPDX-License-Identifier: MIT
"""What is declared, what is locked and what is installed agree; nothing a build needs is missing from it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from poetry.core.factory import Factory
from repository_tools import load_tool

import fxtrain

NEVER = {"torchvision", "torchaudio", "timm"}
"""Packages that do not load beside torch's CPU build, and that nothing here needs."""


@pytest.fixture(scope="module")
def pyproject(repository: Path) -> dict[str, Any]:
    return tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def locked(repository: Path) -> dict[str, set[Version]]:
    """Locked versions by package; CUDA parts have one for each kind of machine."""
    versions: dict[str, set[Version]] = {}
    for package in tomllib.loads((repository / "uv.lock").read_text(encoding="utf-8"))["package"]:
        versions.setdefault(canonicalize_name(package["name"]), set()).add(Version(package["version"]))
    return versions


@pytest.fixture(scope="module")
def constraints(repository: Path) -> dict[str, Version]:
    versions: dict[str, Version] = {}
    for line in (repository / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            (pin,) = requirement.specifier
            assert pin.operator == "==", line
            versions[canonicalize_name(requirement.name)] = Version(pin.version)
    return versions


def declared(pyproject: dict[str, Any]) -> list[Requirement]:
    project = pyproject["project"]
    lines = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        lines += extra
    return [Requirement(line) for line in lines]


def needed_here(requirements: list[Requirement]) -> Iterator[str]:
    """Names of everything that ``requirements`` pull in on this machine, themselves included."""
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = list(requirements)
    while waiting:
        requirement = waiting.pop()
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        yield key[0]
        try:
            distribution = importlib.metadata.distribution(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            continue  # CMake, where the system's own does
        for line in distribution.requires or []:
            dependency = Requirement(line)
            wanted = [""] if not requirement.extras else sorted(requirement.extras)
            if dependency.marker is None or any(dependency.marker.evaluate({"extra": extra}) for extra in wanted):
                waiting.append(dependency)


def test_metadata_is_what_poetry_accepts(pyproject: dict[str, Any]) -> None:
    assert Factory.validate(pyproject, strict=True) == {"errors": [], "warnings": []}


def test_lock_satisfies_every_declared_requirement(pyproject: dict[str, Any], locked: dict[str, set[Version]]) -> None:
    for requirement in declared(pyproject):
        versions = locked.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement} is not in uv.lock: run `make lock`"
        assert all(version in requirement.specifier for version in versions), (
            f"uv.lock has {versions} for {requirement}: run `make lock`"
        )


def test_constraints_say_what_the_lock_says(repository: Path) -> None:
    text = (repository / "uv.lock").read_text(encoding="utf-8")
    assert (repository / "constraints.txt").read_text(encoding="utf-8") == load_tool(repository, "lock").constraints(
        text
    ), "run `make lock`"


def test_constraints_cover_all_that_is_needed_on_this_machine(
    repository: Path, pyproject: dict[str, Any], constraints: dict[str, Version]
) -> None:
    cuda = load_tool(repository, "lock").CUDA_PARTS
    needed = {name for name in needed_here(declared(pyproject)) if not cuda.match(name)}
    assert len(needed) > 30, "the walk through the installed packages found too little"
    assert needed - set(constraints) == set()


def test_packages_that_break_torch_are_neither_locked_nor_installed(
    pyproject: dict[str, Any], locked: dict[str, set[Version]], constraints: dict[str, Version]
) -> None:
    installed = {canonicalize_name(each.name) for each in importlib.metadata.distributions()}
    for names in ({each.name for each in declared(pyproject)}, locked, constraints, installed):
        assert NEVER.isdisjoint(names)


def test_torch_is_a_range_that_the_lock_pins(pyproject: dict[str, Any], constraints: dict[str, Version]) -> None:
    (declared_torch,) = (line for line in pyproject["project"]["dependencies"] if line.startswith("torch"))
    assert constraints["torch"] in Requirement(declared_torch).specifier
    assert Version(torch.__version__).public == str(constraints["torch"])


def test_no_dependency_of_a_user_is_pinned_to_one_version(pyproject: dict[str, Any]) -> None:
    extras = pyproject["project"]["optional-dependencies"]
    for line in (*pyproject["project"]["dependencies"], *extras["all"]):
        assert not any(each.operator == "==" for each in Requirement(line).specifier), line


def test_the_extra_all_holds_what_the_other_extras_of_users_do(pyproject: dict[str, Any]) -> None:
    extras = pyproject["project"]["optional-dependencies"]
    users = {line for name, lines in extras.items() if name not in ("all", "build", "dev", "docs") for line in lines}
    assert set(extras["all"]) == users


def test_the_extra_studio_is_live_with_what_exchanges_and_shows_models(pyproject: dict[str, Any]) -> None:
    extras = pyproject["project"]["optional-dependencies"]
    assert set(extras["studio"]) == {*extras["live"], *extras["onnx"], *extras["tensorboard"]}


def test_build_tools_of_make_are_those_of_a_plain_pip_install(pyproject: dict[str, Any]) -> None:
    assert set(pyproject["build-system"]["requires"]) <= set(pyproject["project"]["optional-dependencies"]["build"])


def test_one_version_everywhere(repository: Path, pyproject: dict[str, Any]) -> None:
    cmake = re.search(r"project\(fxtrain VERSION (\S+)", (repository / "CMakeLists.txt").read_text(encoding="utf-8"))
    assert cmake is not None
    changelog = re.findall(r"^## \[([^]]+)\]", (repository / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert pyproject["project"]["version"] == fxtrain.__version__ == cmake[1]
    assert changelog[0] in ("Unreleased", fxtrain.__version__)


def source_files(repository: Path, *folders: str) -> set[str]:
    """Files under ``folders`` that belong to the source: neither built nor cached."""
    return {
        path.relative_to(repository).as_posix()
        for folder in folders
        for path in (repository / folder).rglob("*")
        if path.is_file() and path.suffix not in {".so", ".pyc"}
    }


def build_backend(repository: Path, call: str) -> None:
    """Runs a call of the build backend as pip would: in the source folder, in a process of its own."""
    subprocess.run(
        [sys.executable, "-c", f"import scikit_build_core.build as backend; backend.{call}"],
        cwd=repository,
        check=True,
        capture_output=True,
    )


def test_source_distribution_holds_all_that_a_build_needs(repository: Path, tmp_path: Path) -> None:
    build_backend(repository, f"build_sdist({str(tmp_path)!r})")
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    needed = source_files(repository, "python", "plugin/engine", "third_party")
    assert needed | {"CMakeLists.txt", "pyproject.toml", "LICENSE", "README.md"} <= names
    assert {"docs/glossary.md", "models/cabinet/closed-4x12.wav"} <= names  # which CMake installs into the package
    assert not any(name.endswith(".so") for name in names)


def test_wheel_holds_every_file_of_the_package(repository: Path, tmp_path: Path) -> None:
    build_backend(repository, f"build_wheel({str(tmp_path)!r}, {{'wheel.cmake': 'false'}})")
    (archive,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(archive).namelist())
    assert {name.removeprefix("python/") for name in source_files(repository, "python/fxtrain")} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)


@pytest.mark.parametrize("module", ["_engine", "_circuit", "_kernels"])
def test_extension_module_is_built(module: str) -> None:
    assert importlib.util.find_spec(f"fxtrain.{module}") is not None, "run `make build`"


def run_system_packages(repository: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(repository / "tools" / "system-packages"), *arguments],
        env=os.environ | {"NO_APT": "1"} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_missing_system_packages_are_named_where_apt_may_not_be_used(repository: Path) -> None:
    answer = run_system_packages(repository, "demo", CXX="no-such-compiler")
    assert answer.returncode == 1
    assert "sudo apt-get install --no-install-recommends g++ nlohmann-json3-dev" in answer.stderr
    assert answer.stdout == ""


def test_an_unfit_python_is_refused_by_name(repository: Path) -> None:
    answer = run_system_packages(repository, "demo", PYTHON="/bin/false")
    assert answer.returncode == 1
    assert "PYTHON=/bin/false is not a Python from 3.11 to 3.14" in answer.stderr


def test_the_python_chosen_is_one_the_package_supports(repository: Path, pyproject: dict[str, Any]) -> None:
    chosen = run_system_packages(repository, "python", PYTHON="").stdout.strip()
    version = subprocess.run(
        [chosen, "-c", "import platform; print(platform.python_version())"], capture_output=True, text=True, check=True
    ).stdout
    assert version.strip() in Requirement(f"python{pyproject['project']['requires-python']}").specifier


def test_a_cmake_from_the_registry_is_left_out_only_where_the_system_has_one(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = load_tool(repository, "requirements")
    for version, wanted in (("3.22.1", False), ("4.4.4", False), ("3.18.4", True)):
        cmake = tmp_path / "cmake"
        cmake.write_text(f"#!/bin/sh\necho cmake version {version}\n")
        cmake.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
        assert any(line.startswith("cmake") for line in tool.requirements(["build"])) is wanted, version


def test_continuous_integration_calls_the_documented_command(repository: Path) -> None:
    assert "\nmake test " in (repository / ".ci" / "run").read_text(encoding="utf-8")
    workflow = yaml.safe_load((repository / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    commands = [step.get("run", "") for job in workflow["jobs"].values() for step in job["steps"]]
    assert any(re.match(r"make test\b", command) for command in commands)


def test_commit_hooks_check_what_make_lint_checks(repository: Path) -> None:
    hooks = yaml.safe_load((repository / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    makefile = (repository / "Makefile").read_text(encoding="utf-8")
    lint = makefile[makefile.index("lint:") : makefile.index(".PHONY: format")]
    for hook in hooks:
        tool = hook["entry"].split()[0]
        assert re.search(rf"^\s*{re.escape(tool.rpartition('/')[2])}\b", lint, re.M), hook


def test_every_source_file_states_its_licence(repository: Path) -> None:
    unstated = []
    for name in source_files(repository, "python", "plugin", "third_party", "tests", "tools", "benchmarks", "examples"):
        path = repository / name
        if path.suffix in {".py", ".pyi", ".cpp", ".h", ".cmake"} or path.name == "CMakeLists.txt":
            head = path.read_text(encoding="utf-8")[:200]
            if "SPDX-License-Identifier: MIT" not in head:
                unstated.append(name)
    assert unstated == []
