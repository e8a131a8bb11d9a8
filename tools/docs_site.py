# SPDX-License-Identifier: MIT
"""Hooks of MkDocs: pages that are made from the sources, and links that leave the folder ``docs``.

README.md becomes the first page. CONTRIBUTING.md, CHANGELOG.md and SECURITY.md become pages. The reference has a page
for each public module of the Python package and one for each public header of the engine; the decisions get an index.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "python" / "fxtrain"
HEADERS = ROOT / "plugin" / "engine" / "include"
ROOT_PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
}
"""Files beside the folder ``docs`` that are pages of the site."""

_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
_ROLE = re.compile(r":(?:\w+:)?(?:func|class|meth|mod|data|attr|exc|obj):`~?([^`]+)`")


class PlainRoles(griffe.Extension):
    """Cross-references of docstrings become code: the pages show them as names."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrites the docstring of an object."""
        if obj.docstring is not None:
            obj.docstring.value = _ROLE.sub(r"`\1`", obj.docstring.value).replace("``", "`")


def public_modules() -> list[str]:
    """The modules of the package that the reference describes, packages first."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if not any(part.startswith("_") for part in parts) and parts[1:2] != ("cli",):
            found.append(".".join(parts))
    return sorted(found)


def public_headers() -> list[Path]:
    """The headers of the engine that programs include."""
    return sorted(HEADERS.rglob("*.h"))


def rewrite_links(text: str, source: str) -> str:
    """Text in which links lead to pages of the site; what has no page there is named as a path.

    Args:
        text: Markdown.
        source: the file that it stands in, relative to the repository.
    """
    here = posixpath.dirname(source)
    page = ROOT_PAGES.get(source, source.removeprefix("docs/"))

    def rewritten(match: re.Match[str]) -> str:
        mark, label, target = match.groups()
        address, hash_, anchor = target.partition("#")
        if re.match(r"\w+:", target) or not address:
            return match[0]
        path = posixpath.normpath(posixpath.join(here, address))
        if path == "docs/decisions":
            path = "docs/decisions/index.md"
        if path.startswith("docs/") and (path.endswith(".md") or "/images/" in path):
            path = path.removeprefix("docs/")
        elif path in ROOT_PAGES:
            path = ROOT_PAGES[path]
        else:
            return f"{label} (`{path}`)"
        return f"{mark}[{label}]({posixpath.relpath(path, posixpath.dirname(page) or '.')}{hash_}{anchor})"

    return _LINK.sub(rewritten, text)


def generated_pages() -> dict[str, str]:
    """The pages that are made from the sources: address -> Markdown."""
    pages = {page: rewrite_links((ROOT / name).read_text("utf-8"), name) for name, page in ROOT_PAGES.items()}
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    lines = [f"- [{_title(path)}]({path.name})" for path in decisions]
    pages["decisions/index.md"] = (
        "# Decisions\n\nWhat was decided, why, and what it costs.\n\n" + "\n".join(lines) + "\n"
    )
    for module in public_modules():
        pages[f"reference/{module}.md"] = f"# {module}\n\n::: {module}\n"
    listed = "\n".join(f"- [`{module}`]({module}.md)" for module in public_modules())
    headers = []
    for path in public_headers():
        name = path.relative_to(HEADERS).as_posix()
        page = f"engine/{name.removesuffix('.h').replace('/', '-')}.md"
        text = path.read_text("utf-8").split("\n", 1)[1]  # without the SPDX line
        pages[f"reference/{page}"] = f"# {name}\n\n```cpp\n{text.strip()}\n```\n"
        headers.append(f"- [`<{name}>`]({page})")
    pages["reference/index.md"] = (
        "# Reference\n\n`import fxtrain` offers what [`fxtrain.api`](fxtrain.api.md) describes and the networks of "
        f"[`fxtrain.models.effects`](fxtrain.models.effects.md).\n\n## Python\n\n{listed}\n\n"
        "## The engine in C++\n\nThe headers, with their comments:\n\n" + "\n".join(headers) + "\n"
    )
    return pages


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Adds the decisions and the reference to the navigation."""
    pages = generated_pages()
    reference = sorted(page for page in pages if page.startswith("reference/") and page != "reference/index.md")
    decisions = sorted(f"decisions/{path.name}" for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert config.nav is not None
    config.nav[4:4] = [
        {"Decisions": ["decisions/index.md", *decisions]},
        {"Reference": ["reference/index.md", *({_last(page): page} for page in reference)]},
    ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are made from the sources."""
    for address, text in generated_pages().items():
        files.append(File.generated(config, address, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Rewrites links that leave the folder ``docs``."""
    address = page.file.src_uri
    if page.file.generated_by is None:
        markdown = rewrite_links(markdown, f"docs/{address}")
    return re.sub(r"<!--.*?-->\n?", "", markdown)


def _title(path: Path) -> str:
    return path.read_text("utf-8").splitlines()[0].removeprefix("# ")


def _last(page: str) -> str:
    name = page.removeprefix("reference/").removesuffix(".md")
    return f"<{name.removeprefix('engine/')}.h>" if name.startswith("engine/") else name
