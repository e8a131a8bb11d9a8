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


def build(project: Path, folder: Path, config: str = "mkdocs.yml") -> subprocess.CompletedProcess[str]:
    """Builds a site. Not with --quiet: MkDocs would then count no warnings, so strict mode would let them pass."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", config, "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site. Strict: a broken link, anchor or reference is an error."""
    folder = tmp_path_factory.mktemp("site")
    made = build(repository, folder)
    warnings = [line for line in made.stderr.splitlines() if not line.startswith(("INFO", "DEBUG"))]
    assert made.returncode == 0, "\n".join(warnings)
    return folder


@pytest.mark.parametrize(
    ("text", "pages", "complaint"),
    [
        ("[Play](play.md)", ["index.md"], "'play.md'"),
        ("[Play](#play)", ["index.md"], "'#play'"),
        ("W [I][4O]", ["index.md"], "'4O'"),
        ("Nothing to complain about.", [], "not included"),
        ("Nothing to complain about.", ["index.md"], ""),
    ],
    ids=["link", "anchor", "reference", "page outside the navigation", "none"],
)
def test_what_is_broken_fails_the_build(
    repository: Path, tmp_path: Path, text: str, pages: list[str], complaint: str
) -> None:
    # The repository's settings with pages of the test's own, which is quicker than the whole site.
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(f"# Home\n\n{text}\n")
    (tmp_path / "docs" / "first.md").write_text("# First\n")
    nav = "".join(f"  - {page}\n" for page in ["first.md", *pages])
    (tmp_path / "mkdocs.yml").write_text(
        f"INHERIT: {repository / 'mkdocs.yml'}\ndocs_dir: docs\nhooks: []\nplugins: [mkdocstrings]\nnav:\n{nav}"
    )
    made = build(tmp_path, tmp_path / "site")
    assert made.returncode == (1 if complaint else 0), made.stderr
    assert complaint in made.stderr


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
