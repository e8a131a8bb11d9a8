# SPDX-License-Identifier: MIT
"""Who may know whom, and which libraries a command loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[3] / "python" / "fxtrain"

LEAVES = {"errors", "text", "atomic", "files", "folders", "gear", "config", "extras", "packages", "memory", "__init__"}
"""Modules that know nothing but each other; any other may use them."""

MAY_KNOW = {
    "training": set(),
    "losses": {"audio"},
    "metrics": {"audio", "losses"},
    "audio": set(),
    "engine": set(),
    "data": {"audio"},
    "models": {"audio", "training", "losses", "data"},
    "synthetic": {"audio"},
    "formats": {"audio", "models", "training", "engine", "synthetic"},
    "plugin_files": {"engine", "audio"},
    "report": {"audio", "metrics"},
    "tasks": {
        "audio",
        "data",
        "engine",
        "formats",
        "losses",
        "metrics",
        "models",
        "report",
        "training",
    },
    "runs": {"models", "report", "tasks", "training"},
    "sound_devices": {"audio"},
    "studies": {"report", "runs", "training"},
    "capture": {"audio", "sound_devices", "synthetic"},
}
"""For each package the others that it may import; ``cli``, ``live`` and ``api`` may import all."""

MAY_KNOW_WHEN_CALLED = {"models/effects/_effect.py": {"formats"}}
"""Further ones that a file imports inside a function: ``EffectModel.export`` writes a model file."""


def imports(file: Path) -> Iterator[str]:
    """The parts of fxtrain that a file imports, but for types alone."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{alias.name}" if node.module == "fxtrain" else node.module for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "fxtrain" and len(parts) > 1 and not parts[1].startswith("_"):
                yield parts[1]


@pytest.mark.parametrize("package", sorted(MAY_KNOW))
def test_a_package_knows_only_what_it_may(package: str) -> None:
    place = PACKAGE / package
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    assert files
    for file in files:
        known = MAY_KNOW[package] | MAY_KNOW_WHEN_CALLED.get(file.relative_to(PACKAGE).as_posix(), set())
        unknown = set(imports(file)) - known - LEAVES - {package}
        assert not unknown, f"{file.relative_to(PACKAGE)} imports {sorted(unknown)}"


@pytest.mark.parametrize("leaf", sorted(LEAVES - {"__init__"}))
def test_a_leaf_knows_leaves_alone(leaf: str) -> None:
    assert set(imports(PACKAGE / f"{leaf}.py")) <= LEAVES


def test_only_runs_and_the_command_line_know_tasks() -> None:
    knowing = {file.relative_to(PACKAGE).parts[0] for file in PACKAGE.rglob("*.py") if "tasks" in set(imports(file))}
    assert knowing <= {"runs", "cli", "tasks", "api.py"}


def loaded_by(code: str) -> set[str]:
    """The top-level modules that are loaded after a piece of code has run in a process of its own."""
    report = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    command = [sys.executable, "-c", f"{code}\n{report}"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return set(output.splitlines()[-1].split())


def command_line(*words: str) -> str:
    return (
        "from fxtrain.cli import main\n"
        f"try:\n    main({list(words)!r})\nexcept SystemExit as end:\n    assert not end.code, end.code"
    )


# sympy comes with torch's compiler, which takes longer to import than the rest of torch.
HEAVY = {
    "sympy",
    "transformers",
    "diffusers",
    "av",
    "ray",
    "torchaudio",
    "torchvision",
    "tensorflow",
    "jax",
    "onnxruntime",
}


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("info", "MODEL"), ("preset", "--help")])
def test_commands_that_need_no_torch_load_none(words: tuple[str, ...], repository: Path) -> None:
    model = str(repository / "models" / "valve" / "model.json")
    loaded = loaded_by(command_line(*(model if word == "MODEL" else word for word in words)))
    assert not loaded & (HEAVY | {"torch", "scipy", "matplotlib"})


def test_a_fit_of_a_pair_loads_none_of_the_heavy_libraries(repository: Path, tmp_path: Path) -> None:
    made = f"""
import numpy as np
from fxtrain.audio import write_audio
from fxtrain.synthetic import synthesise_guitar
dry = synthesise_guitar(5, 16000, 11)
write_audio(r"{tmp_path}/d.wav", dry, 16000)
write_audio(r"{tmp_path}/w.wav", np.tanh(3 * dry), 16000)
"""
    words = ("fit", f"{tmp_path}/d.wav", f"{tmp_path}/w.wav", "--set", "hidden_size=2", "--epochs", "1", "-q")
    loaded = loaded_by(made + command_line(*words, "--out", f"{tmp_path}/run"))
    assert "torch" in loaded
    assert not loaded & HEAVY
    assert (tmp_path / "run" / "model.json").exists()
