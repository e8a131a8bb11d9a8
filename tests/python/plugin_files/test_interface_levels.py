# SPDX-License-Identifier: MIT
"""The levels of common interfaces, which the plugin's settings offer, stand in its documentation with their sources."""

from __future__ import annotations

import re
from pathlib import Path


def test_documentation_and_plugin_have_the_same_interfaces_and_levels(repository: Path) -> None:
    header = (repository / "plugin" / "source" / "interface_levels.h").read_text(encoding="utf-8")
    offered = [(name, float(dbu)) for name, dbu in re.findall(r'\{"([^"]+)", ([\d.]+)f\}', header)]
    page = (repository / "docs" / "plugin.md").read_text(encoding="utf-8")
    stated = []
    for row, dbu in re.findall(r"^\| (.*https://.*) \| ([\d.]+) dBu \|$", page, re.M):
        name = re.sub(r" \(as .*\)", "", re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", row))
        stated.append((name, float(dbu)))
    assert offered == stated
    assert len(offered) == len(set(offered)) >= 8
    assert [name for name, _ in offered] == sorted(name for name, _ in offered)
