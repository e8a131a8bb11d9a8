# SPDX-License-Identifier: MIT
"""The command line as a whole: help, guesses, usage errors, completion, and how long they take."""

from __future__ import annotations

import os
import resource
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from small_amplifier import Run

from fxtrain import __version__
from fxtrain.cli.parser import COMMANDS, init_parser

PROGRAM = [sys.executable, "-c", "import sys; from fxtrain.cli import main; sys.exit(main())"]
LONGEST = 0.3
"""Seconds of processor time for anything that does no work."""


def test_the_help_lists_every_command_under_a_heading(fxtrain: Run) -> None:
    result = fxtrain("--help")
    assert result.exit_code == 0
    assert result.stdout.index("Start here:") < result.stdout.index("Record and train:")
    for name, command in COMMANDS.items():
        assert f"  {name} " in result.stdout
        assert command.summary.split()[0] in result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_shows_examples_that_it_takes(name: str, fxtrain: Run) -> None:
    examples = COMMANDS[name].examples
    assert examples
    shown = fxtrain(name, "--help").stdout
    for example in examples:
        assert f"fxtrain {example}" in shown
        assert init_parser("all").parse_args(shlex.split(example)).command == name


@pytest.mark.parametrize(
    ("words", "guess"),
    [
        (("rendr", "a"), "unknown command 'rendr'; did you mean render?"),
        (("fit", "a", "b", "--max-minuts", "1"), "unknown option --max-minuts; did you mean --max-minutes?"),
        (("fit", "a", "b", "--max-min", "1"), "unknown option --max-min"),
        (("fit", "a", "b", "--schedular=cosine"), "did you mean --scheduler?"),
        (("fit", "a", "b", "--scheduler", "cosin"), "did you mean cosine?"),
        (("fit", "a", "b", "--set", "hiden_size=3"), "did you mean hidden_size?"),
        (("fit", "a", "b", "--model", "lsmt"), "did you mean lstm?"),
        (("fit", "a", "b", "--preset", "nanoo"), "did you mean nano?"),
        (("fit", "a", "b", "--set", "trainin.seed=1"), "did you mean training?"),
        (("--versoin",), "unknown option --versoin; did you mean --version?"),
        (("--licens",), "unknown option --licens; did you mean --license?"),
        (("--vers",), "unknown option --vers; did you mean --version?"),
        (("-q", "models"), "unknown option -q; the options of a command stand behind it"),
        (("demo", "wavnet"), "did you mean wavenet?"),
    ],
)
def test_a_typo_is_answered_with_a_guess(words: tuple[str, ...], guess: str, fxtrain: Run) -> None:
    result = fxtrain(*words)
    assert result.exit_code == 2
    assert guess in result.stderr


def test_a_guess_takes_the_place_of_the_list_and_is_made_only_of_close_words(fxtrain: Run) -> None:
    guessed, listed = (fxtrain("fit", "a", "b", "--set", f"{key}=1").stderr for key in ("hiden_size", "nope"))
    assert guessed == "fxtrain: unknown setting 'hiden_size'; did you mean hidden_size?\n"
    assert "known ones are training.epochs" in listed
    assert "did you mean" not in listed  # it was once said to mean ignore


@pytest.mark.parametrize("words", [("render", "--blok-size", "3", "a", "b"), ("check", "a"), ("demoo",)])
def test_a_usage_error_prints_one_line_of_usage_and_one_of_error(words: tuple[str, ...], fxtrain: Run) -> None:
    usage, error = fxtrain(*words).stderr.splitlines()
    assert usage.startswith("usage: fxtrain")
    assert "--help)" in error


def test_options_are_not_guessed_by_their_beginning(fxtrain: Run) -> None:
    # --input was taken for --input-dbu before there was an option of that name.
    assert "unknown option --epoch" in fxtrain("fit", "a", "b", "--epoch", "3").stderr


def test_the_licence_is_shown(fxtrain: Run, repository: Path) -> None:
    result = fxtrain("--license")
    assert (result.exit_code, result.stdout) == (0, (repository / "LICENSE").read_text())


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_commands_and_options(shell: str, fxtrain: Run) -> None:
    script = fxtrain("--print-completion", shell).stdout
    assert "render" in script
    assert "oversample" in script


def test_bash_completes_an_option(fxtrain: Run, tmp_path: Path) -> None:
    (tmp_path / "completion").write_text(fxtrain("--print-completion", "bash").stdout)
    function = next(line for line in (tmp_path / "completion").read_text().splitlines() if line.startswith("complete"))
    ask = f"""
source {tmp_path / "completion"}
COMP_WORDS=(fxtrain render --overs); COMP_CWORD=2
{shlex.split(function)[-2]} fxtrain --overs render
echo "${{COMPREPLY[@]}}"
"""
    made = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True)
    assert made.stdout.split() == ["--oversample"]


EARLY = [
    (("fit",), "fit needs DRY and WET"),
    (("fit", "a", "b", "--preset", "nanno"), "did you mean nano?"),
    (("fit", "--resume", "nope"), "nope is not the folder of a run"),
    (("render", "nope", "a.wav", "b.wav"), "nope: expected a model file or the folder of a run, found no such file"),
]
"""Mistakes that are said before anything large is imported."""


@pytest.mark.parametrize(("words", "message"), EARLY)
def test_cheap_mistakes_are_said_before_anything_large_is_imported(words: tuple[str, ...], message: str) -> None:
    code = f"""
import sys
from fxtrain.cli import main
code = main({list(words)!r})
print(code, sorted({{"torch", "scipy", "matplotlib"}} & set(sys.modules)))
"""
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert made.stdout == "2 []\n"
    assert message in made.stderr


def processor_seconds(*words: str) -> float:
    """The least of three, so that other programs do not count."""
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*PROGRAM, *words], capture_output=True, check=False, env=os.environ | {"COLUMNS": "100"})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


@pytest.mark.realtime
@pytest.mark.parametrize(
    "words",
    [("--version",), ("--help",), ("demoo",), ("--license",)]
    + [(name, option) for name in COMMANDS for option in ("--help", "--zzz")],
    ids=" ".join,
)
def test_what_does_no_work_is_quick(words: tuple[str, ...]) -> None:
    assert processor_seconds(*words) <= LONGEST


@pytest.mark.parametrize("name", COMMANDS)
def test_help_imports_nothing_large(name: str) -> None:
    code = f"""
import sys
from fxtrain.cli import main
try:
    main([{name!r}, "--help"])
except SystemExit:
    pass
large = {{"torch", "numpy", "pydantic", "scipy", "matplotlib", "transformers", "textual"}}
sys.exit(repr(sorted(large & set(sys.modules))))
"""
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert made.stderr.strip() == "[]"


def test_the_version_is_that_of_the_package(fxtrain: Run) -> None:
    assert fxtrain("--version").stdout == f"fxtrain {__version__}\n"
