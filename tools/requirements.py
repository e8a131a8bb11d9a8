# SPDX-License-Identifier: MIT
"""Prints requirements from pyproject.toml, one per line, for pip: ``tools/requirements.py runtime build dev``.

``runtime`` is what the package itself depends on, any other name one of its extras. A CMake from PyPI is left out
where the system has one that is new enough.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OLDEST_CMAKE = (3, 22)


def system_cmake_fits() -> bool:
    """Whether ``cmake`` on the path is new enough."""
    executable = shutil.which("cmake")
    if executable is None:
        return False
    answer = subprocess.run([executable, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"(\d+)\.(\d+)", answer)
    return version is not None and (int(version[1]), int(version[2])) >= OLDEST_CMAKE


def requirements(groups: list[str]) -> list[str]:
    """The requirements of the named groups, without the blanks that a shell would split at."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found: list[str] = []
    for group in groups:
        found += project["dependencies"] if group == "runtime" else project["optional-dependencies"][group]
    if system_cmake_fits():
        found = [line for line in found if not re.match(r"cmake\b", line)]
    return [line.replace(" ", "") for line in found]


if __name__ == "__main__":
    print("\n".join(requirements(sys.argv[1:])))
