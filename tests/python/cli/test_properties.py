# SPDX-License-Identifier: MIT
"""Whatever is in a file, a name, an option or a run's folder: a result or a sentence, never a traceback, never a hang.

A few hundred inputs are tried in each test run; ``--hypothesis-profile=long`` tries thousands.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import signal
import struct
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from made_models import write_model

from fxtrain.cli import main
from fxtrain.plugin_files.parameters import PARAMETERS
from fxtrain.plugin_files.preset import CLASS_ID

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs the interval timers of POSIX systems")


@contextlib.contextmanager
def limited(seconds: int = 10) -> Iterator[None]:
    """Fails what takes longer, in processor time, or waits for ever."""

    def fail(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"it took more than {seconds} s of processor time, or waits for ever")

    previous = {number: signal.signal(number, fail) for number in (signal.SIGPROF, signal.SIGALRM)}
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, 30 * seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in previous.items():
            signal.signal(number, handler)


def run(*arguments: object) -> int:
    """Runs a command; asserts that it ends as commands do."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with limited(), contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:  # argparse
            code = int(stop.code or 0)
    said = stderr.getvalue()
    assert code in (0, 1, 2), said
    assert "please report" not in said
    assert "Traceback" not in said
    assert (code == 0) or said.strip(), "it failed without a word"
    told = {character for character in said + stdout.getvalue() if ord(character) < 32 or 127 <= ord(character) < 160}
    assert told <= {"\n"}
    return code


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, and recordings that are too short to be trained on."""
    folder = tmp_path_factory.mktemp("strangers")
    made = write_model(folder / "amp.json", [("lstm", 2), ("dense", 1)], samplerate=48000)
    assert made.path.exists()
    noise = np.random.default_rng(0).normal(0, 0.1, 900)
    for name in ("dry.wav", "wet.wav", "ir.flac", "ir.aiff"):
        soundfile.write(folder / name, noise, 48000, subtype="PCM_16")
    return folder


@pytest.fixture
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


WORDS = st.one_of(
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.booleans(),
    st.none(),
    st.text(max_size=12),
    st.sampled_from(
        ["", "[/x]", "[bold]", "\x1b[2J", "lstm", "auto", "train", "9" * 5000, "1e999", "nan", "\ud800", "\0"]
    ),
)
JSON = st.recursive(
    WORDS.filter(lambda word: word != "\ud800"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
EXTREMES = st.sampled_from([0, 1, 2, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 48000, 999])


@st.composite
def damage(draw: st.DrawFn, within: int = 1 << 30) -> Any:
    """A function that changes some bytes, most of them among the first ``within``."""
    changes = draw(
        st.lists(
            st.one_of(
                st.tuples(st.just("byte"), st.integers(0, within), st.integers(0, 255)),
                st.tuples(st.just("word"), st.integers(0, within), EXTREMES),
                st.tuples(st.just("cut"), st.integers(0, within), st.just(0)),
                st.tuples(st.just("insert"), st.integers(0, within), st.integers(0, 255)),
            ),
            min_size=1,
            max_size=4,
        )
    )

    def apply(content: bytes) -> bytes:
        changed = bytearray(content)
        for kind, place, value in changes:
            at = place % max(1, len(changed))
            if kind == "byte":
                changed[at : at + 1] = bytes([value])
            elif kind == "word":
                changed[at : at + 4] = struct.pack("<I", value)
            elif kind == "insert":
                changed[at:at] = bytes([value] * 7)
            else:
                del changed[at:]
        return bytes(changed)

    return apply


@given(name=st.sampled_from(["dry.wav", "ir.flac", "ir.aiff"]), change=damage(within=90))
def test_recordings_of_any_header(folder: Path, name: str, change: Any) -> None:
    with tempfile.TemporaryDirectory() as place:
        odd = Path(place) / name
        odd.write_bytes(change((folder / name).read_bytes()))
        run("check", odd, folder / "wet.wav")
        run("render", folder / "amp.json", odd, Path(place) / "out.wav", "--resample")
        run("preset", folder / "amp.json", Path(place) / "out.vstpreset", "--ir", odd)


@given(
    header=st.sampled_from(
        [
            "input,target",
            "input,target,split,weight,clip_frames",
            "target,input",
            "input;target",
            "",
            "\ufeffinput,target",
        ]
    ),
    rows=st.lists(st.lists(st.sampled_from(["dry.wav", "wet.wav"]) | WORDS.map(str), max_size=6), max_size=4),
    change=st.none() | damage(),
)
def test_tables_of_any_content(folder: Path, header: str, rows: list[list[str]], change: Any) -> None:
    text = "\n".join([header, *(",".join(row) for row in rows)]).encode("utf-8", "surrogatepass")
    with tempfile.TemporaryDirectory() as place:
        for name in ("dry.wav", "wet.wav"):
            shutil.copy(folder / name, place)
        table = Path(place) / "pairs.csv"
        table.write_bytes(change(text) if change else text)
        assert run("fit", "--pairs", table, "--out", Path(place) / "run", "--epochs", 1) != 0


FILE_NAMES = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"])
    | st.sampled_from("[]/\\'\"\x1b\n\u202e*").filter("/".__ne__),
    min_size=1,
    max_size=20,
).filter(lambda name: name not in (".", ".."))


@given(name=FILE_NAMES)
def test_files_of_any_name(folder: Path, name: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        strange = Path(place) / name
        strange.mkdir()
        for source in ("amp.json", "dry.wav", "wet.wav"):
            shutil.copy(folder / source, strange)
        assert run("info", strange / "amp.json") == 0
        assert run("render", strange / "amp.json", strange / "dry.wav", strange / "out.wav") == 0
        assert run("preset", strange / "amp.json", strange / "out.vstpreset", f"--name={name}") == 0
        assert run("info", strange / "out.vstpreset") == 0
        run("check", strange / "dry.wav", strange / "wet.wav")
        run("fit", strange / "dry.wav", strange / "wet.wav", "--out", strange / "run")
        run("demo", "--out", strange, "--force")


OPTIONS = {
    "fit": [
        "--seed",
        "--epochs",
        "--batch-size",
        "--lr",
        "--max-minutes",
        "--set",
        "--sample-rate",
        "--channel",
        "--ignore",
        "--clip-frames",
        "--skip-frames",
        "--device",
        "--model",
        "--preset",
        "--name",
        "--input-dbu",
        "--checkpoint",
    ],
    "check": ["--sample-rate", "--channel", "--ignore"],
    "evaluate": ["--lag", "--sample-rate", "--channel", "--clip-frames", "--skip-frames"],
    "render": ["--block-size", "--oversample", "--backend"],
    "preset": ["--set", "--slot", "--name", "--other", "--ir"],
}
POSITIONALS = {
    "fit": ("dry.wav", "wet.wav"),
    "check": ("dry.wav", "wet.wav"),
    "evaluate": ("amp.json", "dry.wav", "wet.wav"),
    "render": ("amp.json", "dry.wav", "OUT.wav"),
    "preset": ("amp.json", "OUT.vstpreset"),
}
KEYS = [
    "hidden_size",
    "num_layers",
    "chunk_frames",
    "loss.dc",
    "split.gap_seconds",
    "input_gain",
    "slot",
    "knob_a1",
    "",
]


@given(data=st.data(), command=st.sampled_from(sorted(OPTIONS)))
def test_options_of_any_value(folder: Path, data: st.DataObject, command: str) -> None:
    options = data.draw(st.lists(st.tuples(st.sampled_from(OPTIONS[command]), WORDS.map(str)), min_size=1, max_size=3))
    with tempfile.TemporaryDirectory() as place:
        words = [str(Path(place) / name if name.startswith("OUT") else folder / name) for name in POSITIONALS[command]]
        for option, value in options:
            key = f"{data.draw(st.sampled_from(KEYS))}=" if option == "--set" else ""
            words.append(f"{option}={key}{value}")
        if command == "fit":
            words += ["--out", str(Path(place) / "run")]
        run(command, *words)


@st.composite
def settings_files(draw: st.DrawFn) -> str:
    """TOML, or something near it."""
    names = st.sampled_from(["model", "data", "loss", "split", "run", "training", "reading", "x"])
    keys = st.sampled_from(["hidden_size", "model", "esr", "chunk_frames", "seed", "gap_seconds", '"\\u001b"', "x"])
    values = st.one_of(
        st.integers(-(10**30), 10**30).map(str),
        st.floats().map(repr),
        st.text(max_size=8).map(lambda text: json.dumps(text)),
        st.sampled_from(
            ["true", "[]", "[[]]", "{}", "1979-05-27", "9" * 5000, "0x" + "f" * 5000, "[" * 900 + "]" * 900]
        ),
    )
    tables = draw(st.lists(st.tuples(names, st.lists(st.tuples(keys, values), max_size=3)), max_size=4))
    return "\n".join(f"[{name}]\n" + "\n".join(f"{key} = {value}" for key, value in rows) for name, rows in tables)


@given(text=settings_files(), change=st.none() | damage())
def test_settings_of_any_content(folder: Path, text: str, change: Any) -> None:
    content = text.encode("utf-8", "surrogatepass")
    with tempfile.TemporaryDirectory() as place:
        config = Path(place) / "odd.toml"
        config.write_bytes(change(content) if change else content)
        out = ("--out", Path(place) / "run", "--epochs", 1)
        assert run("fit", folder / "dry.wav", folder / "wet.wav", "--config", config, *out) != 0


@given(change=damage(), name=st.sampled_from(["config.toml", "model.json", "metrics.json", "best.pt", "log.jsonl"]))
def test_run_folders_of_any_content(folder: Path, finished_run: Path, change: Any, name: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "run"
        copy.mkdir()
        for source in ("config.toml", "model.json", "metrics.json", "best.pt"):
            shutil.copy(finished_run / source, copy)
        odd = copy / name
        if odd.exists():
            odd.write_bytes(change(odd.read_bytes()))
        run("fit", "--resume", copy)
        run("demo", "--out", copy, "--seconds", "10", "--force", "--circuit", "x")
        run("install", copy, "--name", "x") if name == "x" else run("info", copy / "model.json")
        if name == "best.pt":
            run("export", copy, Path(place) / "out.json")
        run("evaluate", copy, folder / "dry.wav", folder / "wet.wav")


@given(
    tables=st.dictionaries(st.sampled_from(["run", "training", "reading", "pair_1", "model", "x"]), JSON, max_size=3)
)
def test_run_settings_of_any_values(finished_run: Path, tables: dict[str, Any]) -> None:
    import tomllib

    import tomli_w

    document = tomllib.loads((finished_run / "config.toml").read_text())
    for name, values in tables.items():
        if isinstance(values, dict):
            document[name] = document.get(name, {}) | {
                key: value for key, value in zip(document.get(name, {}) or ["x"], values.values(), strict=False)
            }
        else:
            document[name] = values
    try:
        text = tomli_w.dumps(document).encode()
    except (ValueError, TypeError):  # TOML cannot hold it
        return
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "config.toml").write_bytes(text)
        (Path(place) / "metrics.json").write_text("{}")
        assert run("fit", "--resume", place) != 0


@given(
    document=st.dictionaries(
        st.sampled_from(["version", "parameters", "slots", "cabinet", "midi", "program", "x"]),
        st.one_of(
            JSON,
            st.dictionaries(st.sampled_from([*sorted(PARAMETERS), "x"]), JSON, max_size=3),
            st.dictionaries(
                st.sampled_from(["A", "B"]),
                st.fixed_dictionaries({key: JSON for key in ("name", "path", "sha256", "model")}),
            ),
            st.fixed_dictionaries({"name": JSON, "path": JSON, "sha256": JSON, "audio": JSON}),
        ),
        max_size=5,
    ),
    change=st.none() | damage(),
)
def test_presets_of_any_content(document: dict[str, Any], change: Any) -> None:
    text = json.dumps({"version": 1} | document).encode("utf-8", "surrogatepass")
    state = b"fxtrain-state\n" + zlib.compress(text)
    header = struct.pack("<4si32sq", b"VST3", 1, CLASS_ID.encode(), 48 + len(state))
    content = header + state + struct.pack("<4si4sqq", b"List", 1, b"Comp", 48, len(state))
    with tempfile.TemporaryDirectory() as place:
        preset = Path(place) / "odd.vstpreset"
        preset.write_bytes(change(content) if change else content)
        run("info", preset)


@given(
    keys=st.dictionaries(
        st.sampled_from(
            ["in_shape", "samplerate", "metadata", "layers", "knobs", "in_gain", "input_batch", "sample_rate"]
        ),
        st.one_of(
            JSON, st.dictionaries(st.sampled_from(["name", "author", "loudness_db", "lag_samples", "esr"]), JSON)
        ),
        max_size=3,
    ),
    change=st.none() | damage(),
)
def test_models_of_any_content(folder: Path, keys: dict[str, Any], change: Any) -> None:
    text = json.dumps(json.loads((folder / "amp.json").read_text()) | keys).encode("utf-8", "surrogatepass")
    with tempfile.TemporaryDirectory() as place:
        model = Path(place) / "odd.json"
        model.write_bytes(change(text) if change else text)
        run("info", model)
        run("render", model, folder / "dry.wav", Path(place) / "out.wav", "--resample")
        if (Path(place) / "out.wav").exists():
            run("render", model, folder / "dry.wav", Path(place) / "torch.wav", "--backend", "torch", "--resample")
