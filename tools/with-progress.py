# SPDX-License-Identifier: MIT
"""Runs pip or a build and shows how far it is: a count and an estimate, in place of what it prints.

``tools/with-progress.py [--packages GROUP...] WHAT -- COMMAND...``. On a terminal one line is kept up to date, in a
pipe or a file there is a line for each quarter. If the command fails, all that it printed follows, and its exit code
is kept.

Counted are ninja's ``[12/85]`` and the packages that pip collects; of these the lock tells about how many there are.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path

from requirements import requirements

ROOT = Path(__file__).resolve().parents[1]
_NINJA = re.compile(r"\s*\[(\d+)/(\d+)\]")
_PIP = re.compile(r"\s*(?:Collecting|Requirement already satisfied:|Obtaining) ?([A-Za-z0-9._-]+)?")


def locked_packages(groups: list[str]) -> int:
    """About how many packages the groups of pyproject.toml pull in, as uv.lock has them for a CPU build of torch."""
    packages = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    needs = {package["name"]: [each["name"] for each in package.get("dependencies", ())] for package in packages}
    waiting = [re.split(r"[^A-Za-z0-9._-]", line)[0].lower().replace("_", "-") for line in requirements(groups)]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in needs and name not in seen and not re.match(r"nvidia-|cuda-|triton$", name):
            seen.add(name)
            waiting += needs[name]
    return len(seen)


def duration(seconds: float) -> str:
    """Time as a person says it.

    >>> duration(8.4), duration(130)
    ('8 s', '2 min 10 s')
    """
    whole = round(seconds)
    return f"{whole} s" if whole < 90 else f"{whole // 60} min {whole % 60} s"


def run(what: str, command: list[str], expected: int) -> int:
    """Runs the command and reports on it; returns its exit code."""
    is_terminal = sys.stdout.isatty()
    began = time.monotonic()
    printed: list[str] = []
    collected: set[str] = set()
    shown = 0
    start = f"fxtrain: {what}" + (f" ({expected} packages)" if expected else "")
    print(start, end="" if is_terminal else "\n", flush=True)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            printed.append(line)
            done, total = 0, 0
            if found := _NINJA.match(line):
                done, total = int(found[1]), int(found[2])
            elif expected and (found := _PIP.match(line)) and found[1]:
                collected.add(re.sub(r"[-_.]+", "-", found[1]).lower())
                done, total = len(collected), max(expected, len(collected))
            if not total:
                continue
            elapsed = time.monotonic() - began
            left = f", about {duration(elapsed * (total - done) / done)} left" if done >= 3 and elapsed > 5 else ""
            if is_terminal:
                print(f"\r{start}: {done} of {total}{left}\x1b[K", end="", flush=True)
            elif 4 * done // total > shown and done < total:
                shown = 4 * done // total
                print(f"fxtrain:   {done} of {total}{left}", flush=True)
    took = duration(time.monotonic() - began)
    if child.returncode:
        print(f"{'' if not is_terminal else chr(10)}{''.join(printed)}fxtrain: {what} failed after {took}", flush=True)
    else:
        print(f"{chr(13) if is_terminal else ''}fxtrain: {what}: done in {took}{chr(27) + '[K' if is_terminal else ''}")
    return child.returncode


def main(words: list[str]) -> int:
    """Takes the arguments apart."""
    at = words.index("--")
    *before, what = words[:at]
    groups = before[1:] if before[:1] == ["--packages"] else []
    return run(what, words[at + 1 :], locked_packages(groups) if groups else 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
