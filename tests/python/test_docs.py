# SPDX-License-Identifier: MIT
"""The documentation works: its commands run, its examples compile, its links lead somewhere.

Every fenced block of every page is run, or says in a comment why not; tests/README.md lists the comments.
"""

from __future__ import annotations

import ast
import csv
import doctest
import importlib
import json
import os
import pkgutil
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from small_voices import write_voices

import fxtrain
from fxtrain.audio import write_audio
from fxtrain.cli import main
from fxtrain.cli.parser import COMMANDS
from fxtrain.plugin_files.parameters import PARAMETERS
from fxtrain.synthetic import synthesise_guitar

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = [REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")] + sorted(
    (REPOSITORY / "docs").rglob("*.md")
)
SHELL_LANGUAGES = {"sh", "bash", "console"}
LANGUAGES = SHELL_LANGUAGES | {"python", "cpp", "cmake", "toml", "json", "csv", "text"}

SAMPLE_RATE = 48_000
SECONDS = 12.0
"""Of the recording that pages take for granted: enough for a training, a validation and a test part."""
SHORT_TRAINING = ["--epochs", "1", "--max-minutes", "0.05"]
"""Added to every ``fit`` of the documentation; the last one given counts."""

_COMMENT = re.compile(r"<!--\s*(given|file|exit|not run):\s*(.*?)\s*-->")
_FENCE = re.compile(r"^(\s*)(```+|~~~+)\s*([\w+-]*)\s*$")
_GIVEN = re.compile(r"(\S+) is (?:a |the )?(\w+)")
_PLAIN_COMMAND = re.compile(r"[^|&;<>$`*?~#]*")  # nothing in it that only a shell understands


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text without the fence's indentation, and the comments right before it."""

    language: str
    text: str
    line: int
    marks: dict[str, str]


@dataclass(frozen=True)
class Page:
    """A page: its blocks, what its folder holds before the first (path -> kind), and its running text."""

    path: Path
    blocks: tuple[Block, ...]
    given: dict[str, str]
    prose: str


def read_page(path: Path) -> Page:
    blocks: list[Block] = []
    given: dict[str, str] = {}
    marks: dict[str, str] = {}
    prose: list[str] = []
    opening: tuple[str, str, str, int] | None = None
    body: list[str] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        fence = _FENCE.match(line)
        if opening is not None and fence and fence[2] == opening[1] and not fence[3]:
            indent = len(opening[0])
            text = "\n".join(each[indent:] if not each[:indent].strip() else each for each in body) + "\n"
            blocks.append(Block(opening[2], text, opening[3], marks))
            opening, marks = None, {}
        elif opening is not None:
            body.append(line)
        elif fence:
            opening, body = (fence[1], fence[2], fence[3], number), []
        else:
            for kind, text in _COMMENT.findall(line):
                assert text, f"{path}:{number}: the comment '{kind}:' says nothing"
                if kind != "given":
                    marks[kind] = text
                    continue
                for part in text.split(","):
                    match = _GIVEN.fullmatch(part.strip())
                    assert match, f"{path}:{number}: expected 'NAME is KIND', found '{part}'"
                    given[match[1]] = match[2]
            prose.append(line)
    assert opening is None, f"{path}:{opening and opening[3]}: this fence is not closed"
    assert not marks, f"{path}: the comments {marks} stand before no block"
    return Page(path, tuple(blocks), given, "\n".join(prose))


def commands(block: Block) -> list[str]:
    """The commands of a shell block. In a ``console`` block those after ``$``; the rest is what they print."""
    lines = [line.strip() for line in block.text.replace("\\\n", " ").splitlines()]
    if block.language == "console":
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return [line for line in lines if shlex.split(line, comments=True)]


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.M))


def name(page: Path) -> str:
    return page.relative_to(REPOSITORY).as_posix()


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A dry and a wet file: a guitar, and the same through a soft clipper that answers 60 samples late."""
    folder = tmp_path_factory.mktemp("recording")
    dry = np.asarray(synthesise_guitar(SECONDS, SAMPLE_RATE, 7), np.float32)
    dry *= np.float32(0.5) / np.max(np.abs(dry))
    wet = np.tanh(4.0 * np.concatenate([np.zeros(60, np.float32), dry[:-60]])) * 0.7
    write_audio(folder / "dry.wav", dry, SAMPLE_RATE)
    write_audio(folder / "wet.wav", wet.astype(np.float32), SAMPLE_RATE)
    return folder / "dry.wav", folder / "wet.wav"


@pytest.fixture(scope="session")
def finished_run(recording: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short training run on that recording."""
    folder = tmp_path_factory.mktemp("runs") / "amp"
    command = ["fit", *map(str, recording), "--out", str(folder), "--set", "hidden_size=4", "-q", *SHORT_TRAINING]
    assert main(command) == 0
    return folder


@pytest.fixture(scope="session")
def engine(engine_build: Path) -> Path:
    """The engine as a static library, for the C++ examples."""
    (library,) = engine_build.rglob("libfxengine.a")
    return library


class Sandbox:
    """The folder in which a page's blocks are run, one after the other."""

    def __init__(self, folder: Path, request: pytest.FixtureRequest) -> None:
        self.folder = folder
        self._request = request
        self._variables: dict[str, Any] = {"__name__": "__main__"}

    def give(self, path: str, kind: str) -> None:
        """Puts one of the things that a page takes for granted at ``path``."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if kind == "source":
            target.symlink_to(REPOSITORY)
        elif kind == "engine":
            target.symlink_to(self._request.getfixturevalue("installed_engine"))
            os.environ["CMAKE_PREFIX_PATH"] = str(target)  # the fixture sandbox restores it
        elif kind in ("dry", "wet"):
            shutil.copy(self._request.getfixturevalue("recording")[kind == "wet"], target)
        elif kind == "coded":
            dry, rate = soundfile.read(self._request.getfixturevalue("recording")[0])
            soundfile.write(target, dry, rate, format="MP3", bitrate_mode="CONSTANT", compression_level=0.9)
        elif kind == "run":
            shutil.copytree(self._request.getfixturevalue("finished_run"), target)
        elif kind == "response":
            shutil.copy(REPOSITORY / "models" / "cabinet" / "closed-4x12.wav", target)
        elif kind in ("model", "checkpoint"):
            run = self._request.getfixturevalue("finished_run")
            shutil.copy(run / {"model": "model.json", "checkpoint": "best.pt"}[kind], target)
        elif kind == "voices":
            write_voices(target)
        elif kind == "pairs":
            with target.open("w", newline="", encoding="utf-8") as file:
                table = csv.writer(file)
                table.writerow(["input", "target", "split", "weight", "clip_frames"])
                table.writerow([*map(str, self._request.getfixturevalue("recording")), "train", 1, 0])
        else:
            pytest.fail(f"a page takes '{kind}' for granted, which tests do not know")

    def run(self, block: Block) -> None:
        if "file" in block.marks:
            target = self.folder / block.marks["file"]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
        if block.language in SHELL_LANGUAGES:
            lines = commands(block)
            for line in lines:
                self._command(line, expected=int(block.marks.get("exit", 0)) if line is lines[-1] else 0)
        elif block.language == "python":
            exec(compile(block.text, f"line {block.line}", "exec"), self._variables)
        elif block.language == "cpp":
            self._compile(block)
        elif block.language == "cmake":
            self._configure(block)
        elif block.language == "toml":
            tomllib.loads(block.text)
        elif block.language == "json":
            json.loads(block.text)

    def _command(self, line: str, *, expected: int) -> None:
        words = shlex.split(line, comments=True)
        if words[0] == "make":
            assert set(word for word in words[1:] if "=" not in word) <= make_targets(), line
            return
        if words[:3] == ["python", "-m", "fxtrain"]:
            words[:3] = ["fxtrain"]
        if words[0] == "fxtrain" and words[1] == "demo":
            return  # what `make demo` runs, minutes long; its own test runs it on a small scale
        if words[0] == "fxtrain" and _PLAIN_COMMAND.fullmatch(line):
            short = SHORT_TRAINING if words[1] == "fit" and "--resume" not in words else []
            try:
                code = main([*words[1:], *short])
            except SystemExit as stop:  # argparse: --help, --version, wrong usage
                code = stop.code if isinstance(stop.code, int) else 1
        else:
            code = subprocess.run(["bash", "-euo", "pipefail", "-c", line], check=False, cwd=self.folder).returncode
        assert code == expected, f"{line}: exit code {code}, the page says {expected}"

    def _configure(self, block: Block) -> None:
        """Configures a project of these lines, with a program for them to link."""
        target = re.search(r"target_link_libraries\((\w+)", block.text)
        assert target, "expected target_link_libraries(...) in a cmake block"
        (self.folder / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.22)\n"
            "project(example LANGUAGES C CXX)\n"
            f"add_executable({target[1]} empty.cpp)\n" + block.text,
            encoding="utf-8",
        )
        (self.folder / "empty.cpp").write_text("int main() {}\n")
        step = ["cmake", "-G", "Ninja", "-S", self.folder, "-B", self.folder / "build"]
        made = subprocess.run(step, check=False, capture_output=True, text=True)
        assert made.returncode == 0, made.stdout + made.stderr

    def _compile(self, block: Block) -> None:
        """Compiles an example as a program linked with the engine, and runs it; without a ``main``, only compiles."""
        engine = self._request.getfixturevalue("engine")
        source, program = self.folder / f"example-{block.line}.cpp", self.folder / f"example-{block.line}"
        source.write_text(block.text, encoding="utf-8")
        has_main = re.search(r"\bint main\(", block.text) is not None
        flags = ["-std=c++20", "-Wall", "-Wextra", "-Werror", f"-I{REPOSITORY / 'plugin' / 'engine' / 'include'}"]
        what = ["-pthread", "-o", program, source, engine] if has_main else ["-fsyntax-only", source]
        made = subprocess.run(
            [os.environ.get("CXX", "c++"), *flags, *what], check=False, capture_output=True, text=True
        )
        assert made.returncode == 0, made.stderr
        if has_main:
            subprocess.run([program], check=True, cwd=self.folder)


@pytest.fixture
def sandbox(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    folder = tmp_path / "page"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("CMAKE_PREFIX_PATH", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))  # what pages install stays out of the user's
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home" / "data"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return Sandbox(folder, request)


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_block_of_a_page_works(path: Path, sandbox: Sandbox) -> None:
    page = read_page(path)
    for thing, kind in page.given.items():
        sandbox.give(thing, kind)
    for block in page.blocks:
        if "not run" not in block.marks:
            try:
                sandbox.run(block)
            except Exception as error:
                error.add_note(f"in the block at {name(path)}:{block.line}")
                raise


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_block_says_what_it_is(path: Path) -> None:
    for block in read_page(path).blocks:
        where = f"{name(path)}:{block.line}"
        assert block.language in LANGUAGES, f"{where}: a block of '{block.language}', which no test knows how to try"
        if block.language == "text":
            assert not re.search(r"^\s*(\$ |fxtrain |python -m fxtrain|make )", block.text, re.M), (
                f"{where}: commands hide in a block of text; make it sh or console"
            )


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_links_and_commands_in_running_text_lead_somewhere(path: Path) -> None:
    prose = read_page(path).prose
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", prose):
        if not re.match(r"\w+:", target):
            assert (path.parent / target).exists(), f"{name(path)}: the link to {target} leads nowhere"
    for code in re.findall(r"`((?:python -m )?fxtrain [^`]*|make [^`]*)`", prose):
        program, *words = shlex.split(code.removeprefix("python -m "))
        word = next((each for each in words if re.fullmatch("[a-z-]+", each) and not each.startswith("-")), None)
        known = make_targets() if program == "make" else COMMANDS
        assert word is None or word in known, f"{name(path)}: `{code}`: {word} is not one of {sorted(known)}"


def modules() -> list[str]:
    found = pkgutil.walk_packages(fxtrain.__path__, "fxtrain.")
    return [each.name for each in found if not each.name.endswith("__main__")]


@pytest.mark.parametrize("module", modules())
def test_examples_in_docstrings_give_what_they_show(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


def test_a_page_goes_from_recording_to_sound(tmp_path: Path, sandbox: Sandbox) -> None:
    text = """
<!-- given: dry.wav is dry, wet.wav is wet -->
<!-- file: amp.toml -->
```toml
[model]
hidden_size = 4
```
```sh
fxtrain fit dry.wav wet.wav --config amp.toml --out runs/amp --max-minutes 600 -q
```
```console
$ python -m fxtrain render runs/amp/model.json dry.wav played.wav -q
$ test -s played.wav && fxtrain info runs/amp/model.json > info.txt
anything
```
<!-- exit: 2 -->
```sh
fxtrain info dry.wav
```
```python
import fxtrain.engine
import numpy as np

model = fxtrain.engine.load("runs/amp/model.json")
```
```python
assert model.process(np.zeros(64, np.float32)).shape == (64,)
```
```cpp
#include "fxengine/model_loader.h"

int main() {
  fxengine::Model model = fxengine::loadModel("runs/amp/model.json");
  return model.info().name.empty();
}
```
"""
    page = tmp_path / "page.md"
    page.write_text(text)
    read = read_page(page)
    for thing, kind in read.given.items():
        sandbox.give(thing, kind)
    for block in read.blocks:
        sandbox.run(block)
    assert (sandbox.folder / "runs" / "amp" / "report.html").exists()
    assert (sandbox.folder / "info.txt").read_text()


def test_a_page_is_read_with_its_comments(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- given: a/dry.wav is dry, amp.json is a model -->\n"
        "1. Say\n\n"
        "   <!-- exit: 2 -->\n"
        "   ```console\n"
        "   $ fxtrain info \\\n"
        "       amp.json  # a comment\n"
        "   lstm\n"
        "   ```\n"
        "<!-- file: amp.toml -->\n```toml\n[model]\n```\n"
    )
    read = read_page(page)
    assert read.given == {"a/dry.wav": "dry", "amp.json": "model"}
    assert [(block.language, block.line, block.marks) for block in read.blocks] == [
        ("console", 5, {"exit": "2"}),
        ("toml", 11, {"file": "amp.toml"}),
    ]
    assert [shlex.split(line, comments=True) for line in commands(read.blocks[0])] == [["fxtrain", "info", "amp.json"]]
    assert read.blocks[1].text == "[model]\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("```sh\nfxtrain models\n", "not closed"),
        ("<!-- not run: -->\n", "says nothing"),
        ("<!-- given: dry.wav -->\n", "NAME is KIND"),
        ("<!-- not run: needs a DAW -->\n", "before no block"),
    ],
)
def test_a_comment_that_does_nothing_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(AssertionError, match=reason):
        read_page(page)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("sh", "fxtrain models --no-such-option\n"),
        ("sh", "make no-such-target\n"),
        ("sh", "false | true\n"),
        ("python", "import fxtrain\nassert fxtrain.__version__ == ''\n"),
        ("json", "{\n"),
        ("cpp", '#include "fxengine/no_such_header.h"\n'),
        ("cmake", "target_link_libraries(plugin PRIVATE no::such)\n"),
    ],
)
def test_a_block_that_does_not_work_is_noticed(sandbox: Sandbox, language: str, text: str) -> None:
    with pytest.raises((AssertionError, ValueError)):
        sandbox.run(Block(language, text, 1, {}))


def test_the_plugins_page_lists_every_parameter() -> None:
    text = (REPOSITORY / "docs" / "plugin.md").read_text("utf-8")
    # Of the knobs of a slot only the first may be named.
    named = {re.sub(r"^(knob_[a-z]+)\d$", r"\g<1>1", id) for id in PARAMETERS}
    assert {id for id in named if f"`{id}`" not in text} == set()


def names_of_models(document: dict[str, Any]) -> list[str]:
    """The models that settings or a study name, the values of a grid or a search included."""
    runs = [document, *document.get("stages", {}).values()]
    names = [each["run"]["model"] for each in runs if "model" in each.get("run", {})]
    names += [document["fit"]["model"]] if "model" in document.get("fit", {}) else []
    for table in ("grid", "search"):
        names += document.get(table, {}).get("fit.model", [])
    return names


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_models_that_a_page_names_exist(path: Path) -> None:
    known = fxtrain.models()
    for block in read_page(path).blocks:
        names: list[str] = []
        if block.language == "toml":
            names = names_of_models(tomllib.loads(block.text))
        elif block.language == "python":
            for found in re.findall(r"^\s*(?:optional_)?inputs = (\{[^}]*\})", block.text, re.M):
                names += ast.literal_eval(found).values()
        for each in names:
            assert each in known, f"{name(path)}:{block.line}: {each} is not one of {sorted(known)}"


def test_names_of_models_are_found_wherever_settings_state_them() -> None:
    text = """
        run.model = "a"
        stages.one.run.model = "b"
        stages.two.data.folder = "sounds"
        fit.model = "c"
        grid."fit.model" = ["d", "e"]
        search."fit.model" = ["f"]
    """
    assert names_of_models(tomllib.loads(text)) == ["a", "b", "c", "d", "e", "f"]
    assert names_of_models({"model": {"hidden_size": 4}, "fit": {"dry": "dry.wav"}}) == []


def cells(page: str, row: str, *, after: str) -> list[str]:
    """The cells of a table's row that begins with ``row``, the first one after the text ``after``."""
    text = (REPOSITORY / "docs" / page).read_text(encoding="utf-8")
    assert after in text, f"docs/{page} lacks '{after}'"
    found = re.search(rf"^\| {re.escape(row)} \|(.*)\|$", text.partition(after)[2], re.M)
    assert found, f"docs/{page} has no row '{row}'"
    return [cell.strip(" *") for cell in found[1].split("|")]


def rounded_like(shown: str, exact: float) -> str:
    """``exact`` with as many decimals as the text ``shown`` has."""
    return f"{exact:.{len(shown.partition('.')[2])}f}"


def test_the_readmes_speed_is_that_of_the_measurements() -> None:
    prose = " ".join((REPOSITORY / "README.md").read_text(encoding="utf-8").split())
    found = re.search(
        r"LSTM of (\d+) units takes ([\d.]+) ns a frame on a Zen 4 core, which is ([\d.]+) % of the core at 48 kHz. "
        r"That is ([\d.]+) times as fast as RTNeural with run-time sizes, ([\d.]+) times as fast as RTNeural with "
        r"sizes fixed at compile time, and ([\d.]+) times as fast as NAM Core",
        prose,
    )
    assert found, "README.md does not state the engine's speed in the words that this test looks for"
    avx2, avx512, run_time, compile_time, nam_core = map(
        float, cells("decisions/engine-kernels.md", f"LSTM {found[1]}", after="## Evidence")[:5]
    )
    load = 100 * avx2 * 1e-9 * 48_000
    shown = found.groups()[1:]
    assert shown == tuple(map(rounded_like, shown, (avx2, load, run_time, compile_time, nam_core)))
    assert rounded_like(shown[0], avx512) == shown[0]


def test_the_readmes_errors_are_those_of_the_measurements() -> None:
    prose = " ".join((REPOSITORY / "README.md").read_text(encoding="utf-8").split())
    found = re.search(r"median ESR over eight devices was ([\d.]+)\. .* reached ([\d.]+) on the same core", prose)
    assert found, "README.md does not state the ESR after three minutes in the words that this test looks for"
    page, heading = "decisions/captures.md", "### Beside NAM's trainer"
    assert cells(page, "median", after=heading)[:2] == list(found.groups())
    table = (REPOSITORY / "docs" / page).read_text("utf-8").partition(heading)[2].partition("| median |")[0]
    rows = [line.split("|")[2:4] for line in table.splitlines() if re.match(r"\| [^|]* \| 0\.", line)]
    assert len(rows) == 8
    for shown, column in zip(found.groups(), zip(*rows, strict=True), strict=True):
        exact = statistics.median(map(float, column))
        half_a_digit = 0.5 * 10 ** -len(shown.partition(".")[2])
        assert float(shown) == pytest.approx(exact, rel=0, abs=half_a_digit + 1e-9)


def test_the_readme_lists_every_extra_for_users() -> None:
    section = (REPOSITORY / "README.md").read_text(encoding="utf-8").partition("| extra | adds |")[2]
    listed = re.findall(r"^\| `(\w+)` \|", section.partition("\n\n")[0], re.M)
    extras = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert sorted(listed) == sorted(set(extras["optional-dependencies"]) - {"build", "dev", "docs"})
