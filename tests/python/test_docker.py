# SPDX-License-Identifier: MIT
"""The Dockerfile as far as it can be read without Docker: its stages, what they copy, and what they start."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest


def stages_of(repository: Path) -> dict[str, list[tuple[str, str]]]:
    """The instructions of each stage, by its name, with the continued lines joined."""
    text = (repository / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"\\\n", " ", "\n".join(line for line in text.splitlines() if not line.startswith("#"))).splitlines()
    stages: dict[str, list[tuple[str, str]]] = {}
    for line in filter(None, map(str.strip, lines)):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            current = stages[rest.split(" AS ")[1]] = [(word, rest)]
        else:
            current.append((word, rest))
    return stages


@pytest.fixture(scope="module")
def stages(repository: Path) -> dict[str, list[tuple[str, str]]]:
    return stages_of(repository)


def test_the_image_that_a_plain_build_leaves_runs_fxtrain_with_the_words_that_follow(
    stages: dict[str, list[tuple[str, str]]],
) -> None:
    assert list(stages)[-1] == "runtime"
    instructions = dict(stages["runtime"])
    assert json.loads(instructions["ENTRYPOINT"]) == ["/opt/fxtrain/bin/fxtrain"]
    assert json.loads(instructions["CMD"]) == ["--help"]
    assert instructions["USER"] == "fxtrain"


def test_the_small_image_has_no_compiler_and_no_source(stages: dict[str, list[tuple[str, str]]]) -> None:
    said = " ".join(rest for _, rest in stages["runtime"])
    assert not re.search(r"\b(g\+\+|gcc|cmake|make|git|build-essential|system-packages)\b", said)
    copies = [rest for word, rest in stages["runtime"] if word == "COPY"]
    assert all(copy.startswith(("--from=wheel", "constraints.txt")) for copy in copies)


def test_all_that_is_copied_is_there_and_each_stage_begins_from_an_earlier_one(
    repository: Path, stages: dict[str, list[tuple[str, str]]]
) -> None:
    known = {"debian:12-slim"}
    for name, instructions in stages.items():
        assert instructions[0][1].split(" AS ")[0] in known
        known.add(name)
        for word, rest in instructions:
            if word != "COPY":
                continue
            *sources, _ = (part for part in rest.split() if not part.startswith("--"))
            assert "--from=" in rest or all((repository / source).exists() for source in sources), rest


def test_the_line_for_one_platform_names_none_and_the_line_for_two_stands_apart(repository: Path) -> None:
    text = (repository / "Dockerfile").read_text(encoding="utf-8")
    commands = re.findall(r"^#   (docker .*)$", text, re.MULTILINE)
    assert [("--platform" in command) for command in commands if " build" in command] == [False, False, True]
    assert any(re.search(r"run .*fxtrain fit \S+ \S+", command) for command in commands)
