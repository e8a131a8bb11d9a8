# SPDX-License-Identifier: MIT
"""Writes the pinned versions: ``uv.lock`` from pyproject.toml by uv, ``constraints.txt`` from that lock.

``make lock`` runs this. Versions already locked stay where pyproject.toml still allows them; ``--update`` takes the
newest allowed ones.

constraints.txt is what pip installs by. It holds every locked package except the parts of a CUDA build: those hang on
which build of torch is chosen, and torch pins them itself. It has no hashes, because torch's CPU wheels have other
hashes than PyPI's; the lock keeps those of PyPI, and ``uv sync`` checks them.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UV = "uv==0.13.9"
CUDA_PARTS = re.compile(r"^(nvidia-|cuda-|triton$)")

HEADER = """\
# Written by tools/lock.py from uv.lock (`make lock`); do not edit.
"""


def constraints(lock: str) -> str:
    """The text of constraints.txt that belongs to the text of a uv.lock."""
    lines = []
    for package in tomllib.loads(lock)["package"]:
        if "registry" not in package["source"] or CUDA_PARTS.match(package["name"]):
            continue
        forks = " or ".join(f"({marker})" for marker in package.get("resolution-markers", ()))
        lines.append(f"{package['name']}=={package['version']}" + (f" ; {forks}" if forks else ""))
    return HEADER + "\n".join(sorted(lines)) + "\n"


def main() -> int:
    """Locks, and writes the constraints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--update", action="store_true", help="take the newest versions that pyproject.toml allows")
    args = parser.parse_args()
    environment = ROOT / "build" / "uv"
    if not (environment / "bin" / "uv").exists():
        venv.create(environment, with_pip=True)
    subprocess.run([environment / "bin" / "pip", "install", "--quiet", UV], check=True)
    subprocess.run([environment / "bin" / "uv", "lock", *(["--upgrade"] if args.update else [])], check=True, cwd=ROOT)
    lock = (ROOT / "uv.lock").read_text(encoding="utf-8")
    (ROOT / "constraints.txt").write_text(constraints(lock), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
