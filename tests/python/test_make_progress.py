# SPDX-License-Identifier: MIT
"""What ``make`` shows while it installs and builds: counts, an estimate, and all of it if something fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def run(repository: Path, code: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(repository / "tools" / "with-progress.py"), *words, "--", sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_build_is_counted_by_what_ninja_says(repository: Path) -> None:
    shown = run(repository, "for k in range(1, 9): print(f'  [{k}/8] Building CXX object')", "building")
    assert shown.returncode == 0
    lines = shown.stdout.splitlines()
    assert lines[:4] == ["fxtrain: building", "fxtrain:   2 of 8", "fxtrain:   4 of 8", "fxtrain:   6 of 8"]
    assert lines[4].startswith("fxtrain: building: done in ")
    assert "CXX" not in shown.stdout


def test_packages_are_counted_against_the_lock(repository: Path) -> None:
    code = "for k in range(40): print(f'Collecting package-{k}>=1')"
    lines = run(repository, code, "--packages", "runtime", "live", "installing").stdout.splitlines()
    expected = int(lines[0].split("(")[1].split(" ")[0])
    assert 30 < expected < 80
    assert any(line.startswith(f"fxtrain:   {-(-expected // 4)} of {expected}") for line in lines)


def test_a_command_that_fails_is_shown_whole_and_keeps_its_exit_code(repository: Path) -> None:
    shown = run(repository, "import sys; print('no space left'); sys.exit(7)", "installing")
    assert shown.returncode == 7
    assert "no space left" in shown.stdout
    assert "installing failed after" in shown.stdout
