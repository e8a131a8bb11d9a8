# SPDX-License-Identifier: MIT
"""Writes the pinned versions: ``poetry.lock`` from pyproject.toml by Poetry, ``constraints.txt`` from that lock.

``make lock`` runs this. Versions already locked stay where pyproject.toml still allows them; ``--update`` takes the
newest allowed ones, ``--constraints-only`` leaves the lock alone.

constraints.txt is what pip installs by. It holds every locked package except the parts of a CUDA build: those hang on
which build of torch is chosen, and torch pins them itself. It has no hashes, because torch's CPU wheels have other
hashes than PyPI's; the lock keeps those of PyPI.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
POETRY = ["poetry==2.5.1", "poetry-plugin-pypi-mirror==0.6.5"]
"""The second is idle unless POETRY_PYPI_MIRROR_URL is set: for registries that have no JSON interface."""
CUDA_PARTS = re.compile(r"^(nvidia-|cuda-|triton$)")

HEADER = """\
# Written by tools/lock.py from poetry.lock (`make lock`); do not edit.
"""


def constraints(lock: str) -> str:
    """The text of constraints.txt that belongs to the text of a poetry.lock."""
    lines = []
    for package in tomllib.loads(lock)["package"]:
        if not CUDA_PARTS.match(package["name"]):
            lines.append(f"{package['name']}=={package['version']}")
    return HEADER + "\n".join(sorted(lines)) + "\n"


def run_poetry(*arguments: str) -> None:
    """Runs the pinned Poetry from an environment of its own."""
    environment = ROOT / "build" / "poetry"
    executable = environment / "bin" / "poetry"
    if not executable.exists():
        venv.create(environment, with_pip=True)
        subprocess.run([environment / "bin" / "pip", "install", "--quiet", *POETRY], check=True)
    keep_out = {"POETRY_VIRTUALENVS_CREATE": "false"}  # it has nothing to install here
    subprocess.run([executable, *arguments], check=True, cwd=ROOT, env=os.environ | keep_out)


def main() -> int:
    """Locks, checks the lock, writes the constraints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--update", action="store_true", help="take the newest versions that pyproject.toml allows")
    parser.add_argument("--constraints-only", action="store_true", help="leave poetry.lock as it is")
    args = parser.parse_args()
    if not args.constraints_only:
        run_poetry("lock", *(["--regenerate"] if args.update else []))
        run_poetry("check", "--lock", "--strict")
    lock = (ROOT / "poetry.lock").read_text(encoding="utf-8")
    (ROOT / "constraints.txt").write_text(constraints(lock), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
