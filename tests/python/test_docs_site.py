# SPDX-License-Identifier: MIT
"""The documentation site builds without a warning, and its reference has every public name."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from repository_tools import load_tool

import fxtrain

pytest.importorskip("mkdocs")


@pytest.fixture(scope="module")
def hooks(repository: Path) -> ModuleType:
    return load_tool(repository, "docs_site")


@pytest.fixture(scope="module")
def site(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site. Strict: a broken link, anchor or reference is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    made = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return folder


def test_the_reference_has_every_public_name(site: Path, hooks: ModuleType) -> None:
    missing = []
    for module in hooks.public_modules():
        text = (site / "reference" / f"{module}.html").read_text(encoding="utf-8")
        found = importlib.import_module(module)
        for name in getattr(found, "__all__", ()):
            value = getattr(found, name)
            if isinstance(value, ModuleType) or name == "__version__":  # a module has a page of its own
                continue
            home = getattr(value, "__module__", module)
            if home == module and f'id="{module}.{name}"' not in text:
                missing.append(f"{module}.{name}")
    assert missing == []
    index = (site / "reference" / "fxtrain.html").read_text(encoding="utf-8")
    assert all(name in index for name in fxtrain.__all__ if name != "__version__")


def test_every_public_header_has_a_page(site: Path, hooks: ModuleType) -> None:
    for path in hooks.public_headers():
        name = path.relative_to(hooks.HEADERS).as_posix().removesuffix(".h").replace("/", "-")
        assert (site / "reference" / "engine" / f"{name}.html").is_file()


def test_links_out_of_the_docs_become_pages_or_paths(hooks: ModuleType) -> None:
    text = "[how](../CONTRIBUTING.md#test), [a](quickstart.md), [b](../examples/consumer), [c](decisions/wavenets.md)"
    assert hooks.rewrite_links(text, "docs/plugin.md") == (
        "[how](contributing.md#test), [a](quickstart.md), b (`examples/consumer`), [c](decisions/wavenets.md)"
    )
    assert hooks.rewrite_links("[x](docs/guides/play-live.md)", "README.md") == "[x](guides/play-live.md)"
    assert hooks.rewrite_links("[x](../../README.md)", "docs/guides/circuits.md") == "[x](../index.md)"


def test_roles_of_docstrings_are_shown_as_code(site: Path) -> None:
    text = (site / "reference" / "fxtrain.api.html").read_text(encoding="utf-8")
    assert ":func:" not in text
    assert ":class:" not in text
