# SPDX-License-Identifier: MIT
"""What a benchmark states beside its figures: the processor, the commit."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path


def processor_name() -> str:
    """The processor's name as Linux tells it, else what Python knows."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def commit() -> str:
    """The commit of the source tree, with a plus where files differ from it, or a dash outside of one."""
    revision = _git("rev-parse", "--short", "HEAD")
    return revision + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "") if revision else "-"


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    outcome = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return outcome.stdout.strip()
