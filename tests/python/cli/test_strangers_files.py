# SPDX-License-Identifier: MIT
"""Hostile and odd files, names, numbers and places, through the commands: each ends in a sentence, without harm."""

from __future__ import annotations

import json
import os
import pickle
import signal
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from made_models import write_model
from peak_memory import peak_of_command
from plugin_files import write_gain_model
from small_amplifier import SAMPLE_RATE, TINY, Pair, Run

from fxtrain.audio import write_audio
from fxtrain.plugin_files.preset import CLASS_ID, read_preset
from fxtrain.training.checkpoint import load_checkpoint

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="names and pipes of POSIX systems")


@pytest.fixture
def watchdog() -> Iterator[None]:
    """Fails a test that waits for ever."""

    def fail(number: int, frame: FrameType | None) -> None:
        raise AssertionError("the command waits for ever")

    previous = signal.signal(signal.SIGALRM, fail)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, previous)


def assert_sentence(result: Any, exit_code: int = 2) -> None:
    """One line of plain text on stderr, and no traceback."""
    assert result.exit_code == exit_code, result.stderr
    assert "Traceback" not in result.stderr + result.stdout
    assert result.stderr.startswith(("fxtrain: ", "usage: "))
    assert "please report" not in result.stderr
    if result.stderr.startswith("fxtrain: "):
        assert result.stderr.count("\n") == 1


def process_with(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs the command line in a process of its own."""
    command = [sys.executable, "-m", "fxtrain", *map(str, arguments)]
    return subprocess.run(command, check=False, text=True, timeout=300, **({"capture_output": True} | options))


def preset_of(document: str | bytes) -> bytes:
    """A preset around the text of a state."""
    text = document if isinstance(document, bytes) else document.encode()
    state = b"fxtrain-state\n" + zlib.compress(text, 1)
    header = struct.pack("<4si32sq", b"VST3", 1, CLASS_ID.encode(), 48 + len(state))
    return header + state + struct.pack("<4si4sqq", b"List", 1, b"Comp", 48, len(state))


COMMANDS_THAT_OPEN = {
    "info": ("info", "PIPE"),
    "info of a preset": ("info", "PIPE.vstpreset"),
    "render a model": ("render", "PIPE", "DRY", "new.wav"),
    "render a recording": ("render", "MODEL", "PIPE", "new.wav"),
    "render to it": ("render", "MODEL", "DRY", "PIPE.wav", "--force"),
    "check": ("check", "PIPE", "WET"),
    "evaluate": ("evaluate", "MODEL", "DRY", "PIPE"),
    "fit": ("fit", "DRY", "PIPE", "--out", "run"),
    "fit with a table": ("fit", "--pairs", "PIPE", "--out", "run"),
    "fit with settings": ("fit", "DRY", "WET", "--config", "PIPE", "--out", "run"),
    "fit from a checkpoint": ("fit", "DRY", "WET", "--checkpoint", "PIPE", "--out", "run"),
    "resume": ("fit", "--resume", "RUN"),
    "export": ("export", "PIPE", "new.json"),
    "export to it": ("export", "CHECKPOINT", "PIPE", "--force"),
    "preset": ("preset", "PIPE", "new.vstpreset"),
    "preset with a response": ("preset", "MODEL", "new.vstpreset", "--ir", "PIPE"),
    "install": ("install", "PIPE"),
    "signal": ("signal", "PIPE.wav", "--force"),
}


@pytest.mark.parametrize("arguments", COMMANDS_THAT_OPEN.values(), ids=list(COMMANDS_THAT_OPEN))
def test_a_pipe_is_refused_at_once_wherever_a_file_is_opened(
    fxtrain: Run, pair: Pair, finished_run: Path, tmp_path: Path, watchdog: None, arguments: tuple[str, ...]
) -> None:
    # `info` of a pipe waited for ever, `info` of /dev/zero took all memory.
    (tmp_path / "run-of-pipes").mkdir()
    for name in ("pipe", "pipe.vstpreset", "pipe.wav", "run-of-pipes/config.toml"):
        os.mkfifo(tmp_path / name)
    places = {
        **{"PIPE": tmp_path / "pipe", "PIPE.vstpreset": tmp_path / "pipe.vstpreset", "PIPE.wav": tmp_path / "pipe.wav"},
        **{"DRY": pair.dry, "WET": pair.wet, "MODEL": finished_run / "model.json"},
        **{"CHECKPOINT": finished_run / "best.pt", "RUN": tmp_path / "run-of-pipes"},
        **{name: tmp_path / name for name in ("new.wav", "new.json", "new.vstpreset", "run")},
    }
    before = set(tmp_path.rglob("*"))
    assert_sentence(fxtrain(*(places.get(argument, argument) for argument in arguments)))
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("suffix", [".json", ".vstpreset", ".wav", ".pt"])
def test_devices_folders_and_giants_are_refused_at_once(
    fxtrain: Run, tmp_path: Path, watchdog: None, suffix: str
) -> None:
    (tmp_path / f"zero{suffix}").symlink_to("/dev/zero")
    (tmp_path / f"folder{suffix}").mkdir()
    with (tmp_path / f"giant{suffix}").open("wb") as giant:
        giant.truncate(1 << 40)  # sparse: it takes no room
    for name in ("zero", "folder", "giant"):
        path = tmp_path / f"{name}{suffix}"
        for command in (("info", path), ("export", path, tmp_path / "o.json"), ("check", path, path)):
            assert_sentence(fxtrain(*command))


# Bombs


def zeros_model(path: Path, hidden_size: int, num_frames: int) -> None:
    """An LSTM of zeros with test vectors of zeros."""
    zeros = [0] * (4 * hidden_size)
    document = {
        "in_shape": [None, None, 1],
        "samplerate": 48000,
        "layers": [
            {"type": "lstm", "shape": [None, hidden_size], "weights": [[zeros], [zeros] * hidden_size, zeros]},
            {"type": "dense", "shape": [None, 1], "weights": [[[0]] * hidden_size, [0]]},
        ],
        "input_batch": [0] * num_frames,
        "output_batch": [0] * num_frames,
    }
    path.write_text(json.dumps(document, separators=(",", ":")))


def test_a_self_test_does_not_take_as_long_as_the_file_likes(fxtrain: Run, tmp_path: Path) -> None:
    zeros_model(tmp_path / "slow.json", 600, 300_000)  # 90 seconds and more, played in full
    result = fxtrain("info", tmp_path / "slow.json", "--json")
    assert result.exit_code == 0
    assert 1000 <= result.json["self_test"]["num_frames"] <= 2e9 / result.json["num_weights"]
    assert any("of 300000 frames" in note for note in result.json["notes"])


@pytest.mark.parametrize(
    "text",
    [
        b'{"version":1,"x":[' + b"{}," * 3_000_000 + b"0]}",
        b'{"version":1,"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"version":1,"x":"' + b"y" * (97 << 20) + b'"}',
        b'{"version":1,"parameters":{"input_gain":1' + b"0" * 400 + b"}}",
        b'{"version":1,"parameters":{"input_gain":' + b"1" * 40 + b"}}",
        b'{"version":1,"parameters":{"slot":NaN}}',
        b'{"version":1,"parameters":{"slot":true,"mix":[]}}',
        b'{"version":1,"slots":{"A":{"name":"\\ud800","path":"","sha256":"","model":"{}"}}}',
        b'{"version":1' + b"0" * 5000 + b"}",
        b'{"version":1,"slots":[1,2]}',
        b'{"version":1,"cabinet":{"audio":"UklGRg==","name":"","path":""}}',
    ],
    ids=lambda text: text[11:40].decode(),
)
def test_a_preset_that_is_more_than_it_seems_is_refused(fxtrain: Run, tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "bomb.vstpreset"
    path.write_bytes(preset_of(text))
    assert_sentence(fxtrain("info", path))


def test_a_preset_within_the_limits_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long.vstpreset"
    path.write_bytes(preset_of('{"version":1,"parameters":{"mix":50},"x":[' + "{}," * 19_000 + "0]}"))
    assert read_preset(path).parameters == {"mix": 50.0}


BOMBS: dict[str, Callable[[], bytes]] = {
    "objects within the limits.json": lambda: b'{"in_shape":[1],"layers":[' + b"{}," * 262_000 + b"0]}",
    "texts.json": lambda: b'{"architecture":"","config":{},"weights":[' + b'"a",' * 8_000_000 + b"0]}",
    "numbers.nam": lambda: b'{"architecture":"","config":{},"weights":[' + b"0," * 2_000_000 + b"0]}",
    "a number.vstpreset": lambda: preset_of(b'{"version":1,"x":1' + b"0" * (90 << 20) + b"}"),
    "objects.vstpreset": lambda: preset_of(b'{"version":1,"x":[' + b"{}," * 30_000_000 + b"0]}"),
    "a cabinet.vstpreset": lambda: preset_of(
        b'{"version":1,"cabinet":{"name":"","path":"","sha256":"","audio":"' + b"A" * (95 << 20) + b'"}}'
    ),
}


def test_no_file_takes_more_than_half_a_gigabyte(tmp_path: Path) -> None:
    model = write_gain_model(tmp_path / "amp.json", 0.5)
    (tmp_path / "empty.vstpreset").write_bytes(preset_of('{"version":1}'))
    start_up = {
        ".json": peak_of_command("info", model),
        ".vstpreset": peak_of_command("info", tmp_path / "empty.vstpreset"),
    }
    start_up[".nam"] = start_up[".json"]
    for name, make in BOMBS.items():
        path = tmp_path / name
        path.write_bytes(make())
        used = peak_of_command("info", path) - start_up[path.suffix]
        assert used <= 512, f"{name}: {used:.0f} MiB"
        path.unlink()


def lying_flac(path: Path, num_frames: int) -> None:
    """A FLAC of a tenth of a second that claims another length; 0 is what `flac -` writes to a pipe."""
    soundfile.write(path, np.r_[1.0, np.zeros(4799)], 48000, subtype="PCM_16")
    content = bytearray(path.read_bytes())
    fields = int.from_bytes(content[18:26], "big")
    content[18:26] = (fields & ~(2**36 - 1) | num_frames).to_bytes(8, "big")
    path.write_bytes(content)


@pytest.mark.parametrize("num_frames", [0, 2**36 - 1, 5_000_000])
def test_a_flac_of_a_claimed_length_is_read_for_what_is_there(fxtrain: Run, tmp_path: Path, num_frames: int) -> None:
    lying_flac(tmp_path / "ir.flac", num_frames)
    model = write_gain_model(tmp_path / "amp.json", 0.5)
    result = fxtrain("preset", model, tmp_path / "o.vstpreset", "--ir", tmp_path / "ir.flac", "--json")
    assert result.exit_code == 0, result.stderr
    assert result.json["cabinet"]["seconds"] == pytest.approx(0.1)
    played = fxtrain("render", model, tmp_path / "ir.flac", tmp_path / "o.wav", "--resample")
    assert played.exit_code == 0, played.stderr
    assert soundfile.info(tmp_path / "o.wav").frames == 4800


@pytest.mark.parametrize("rate", [0, 1, 999, 1_000_001, 2**31 - 1])
def test_a_response_of_an_impossible_sample_rate_is_refused(fxtrain: Run, tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "ir.wav", np.r_[1.0, np.zeros(480)], 48000, subtype="PCM_16")
    content = bytearray((tmp_path / "ir.wav").read_bytes())
    content[24:28] = struct.pack("<I", rate)
    content[40:44] = struct.pack("<I", 2**31 - 2)  # and a length of hours
    (tmp_path / "ir.wav").write_bytes(content)
    model = write_gain_model(tmp_path / "amp.json", 0.5)
    assert_sentence(fxtrain("preset", model, tmp_path / "o.vstpreset", "--ir", tmp_path / "ir.wav"))


# Checkpoints


def repacked(source: Path, target: Path, change: Callable[[str, bytes], bytes], compression: int = 0) -> None:
    """A checkpoint with other content in its archive."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", compression) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, change(entry.filename, old.read(entry)))


def test_a_checkpoint_that_inflates_is_refused(fxtrain: Run, finished_run: Path, tmp_path: Path) -> None:
    def blow_up(name: str, content: bytes) -> bytes:
        return bytes(256 << 20) if name.endswith("/data/0") else content

    repacked(finished_run / "best.pt", tmp_path / "bomb.pt", blow_up, zipfile.ZIP_DEFLATED)
    assert (tmp_path / "bomb.pt").stat().st_size < 1 << 20
    assert_sentence(fxtrain("export", tmp_path / "bomb.pt", tmp_path / "o.json"))


class Reserves:
    """Unpickles to a call that reserves memory."""

    def __reduce__(self) -> Any:
        return bytearray, (1 << 36,)


CONTENTS: dict[str, Any] = {
    "no keys": {"format_version": 1},
    "a model alone": {"format_version": 1, "model": "lstm"},
    "tables of numbers": {"format_version": 1, "model": "lstm", "tables": 5, "sample_rate": 48000, "weights": {}},
    "a tensor for a version": {"format_version": torch.zeros(2)},
    "a version to come": {"format_version": 2},
    "an endless version": {"format_version": 10**4000},
    "a list": [1, 2],
    "weights of names": {
        **{"format_version": 1, "model": "lstm", "tables": {}, "sample_rate": 48000},
        **{"metadata": {}, "weights": {"recurrent.weight_ih_l0": "x"}},
    },
    "an unknown model": {
        **{"format_version": 1, "model": "[bold]", "tables": {}, "sample_rate": 48000, "metadata": {}, "weights": {}}
    },
    "a rate of a gigahertz": {
        **{"format_version": 1, "model": "lstm", "tables": {}, "sample_rate": 10**9, "metadata": {}, "weights": {}}
    },
    "a layer too many": {
        **{"format_version": 1, "model": "lstm", "tables": {"model": {"num_layers": 10**6}}},
        **{"sample_rate": 48000, "metadata": {}, "weights": {}},
    },
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=list(CONTENTS))
def test_a_checkpoint_of_other_content_is_refused(fxtrain: Run, pair: Pair, tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "odd.pt")
    assert_sentence(fxtrain("export", tmp_path / "odd.pt", tmp_path / "o.json"))
    out = ("--epochs", 1, "--out", tmp_path / "run")
    assert_sentence(fxtrain("fit", pair.dry, pair.wet, *TINY, *out, "--checkpoint", tmp_path / "odd.pt"))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_checkpoint_of_weights_that_are_not_finite_is_refused(
    fxtrain: Run, pair: Pair, finished_run: Path, tmp_path: Path, value: float
) -> None:
    # Training from it diverged at every step.
    content = load_checkpoint(finished_run / "best.pt")
    content["weights"]["output.bias"][:] = value
    torch.save(content, tmp_path / "odd.pt")
    result = fxtrain("fit", pair.dry, pair.wet, *TINY, "--checkpoint", tmp_path / "odd.pt", "--out", tmp_path / "run")
    assert_sentence(result)
    assert "not finite" in result.stderr
    assert_sentence(fxtrain("export", tmp_path / "odd.pt", tmp_path / "o.json"))


def with_pickle(finished_run: Path, path: Path, change: Callable[[bytes], bytes]) -> Path:
    """A checkpoint whose pickle was changed; written as torch writes it."""
    writer = torch._C.PyTorchFileWriter(str(path))
    with zipfile.ZipFile(finished_run / "best.pt") as archive:
        for entry in archive.infolist():
            name = entry.filename.split("/", 1)[1]
            content = archive.read(entry)
            if name == "data.pkl":
                content = change(content)
            if not name.startswith(".") and name != "version":
                writer.write_record(name, content, len(content))
    writer.write_end_of_file()
    return path


def test_a_checkpoint_rewritten_unchanged_is_read(finished_run: Path, tmp_path: Path) -> None:
    same = load_checkpoint(with_pickle(finished_run, tmp_path / "same.pt", lambda text: text))
    assert same["model"] == "lstm"


def test_a_storage_that_is_shorter_than_stated_is_refused(fxtrain: Run, finished_run: Path, tmp_path: Path) -> None:
    # torch.load reads beyond its end.
    def lie(text: bytes) -> bytes:
        place = text.index(b"\x00\x00\x00cpu") + 6
        place = text.index(b"K", place)
        return text[:place] + b"J" + struct.pack("<i", 1 << 30) + text[place + 2 :]

    path = with_pickle(finished_run, tmp_path / "lies.pt", lie)
    result = fxtrain("export", path, tmp_path / "o.json")
    assert_sentence(result)
    assert "not a checkpoint" in result.stderr


@pytest.mark.parametrize(
    "text",
    [
        pickle.dumps({"format_version": 1, "x": Reserves()}, protocol=2),
        b"\x80\x02}r\xff\xff\xff\x3f.",  # memo entry of a billion
        b"\x80\x05\x96\xff\xff\xff\xff\x0f\x00\x00\x00.",  # byte array of 64 GiB
        b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.",
        b"\x80\x02" + b"(" * 100_000 + b"t" * 100_000 + b".",
        b"",
    ],
)
def test_a_pickle_that_asks_for_memory_or_code_is_refused(
    fxtrain: Run, finished_run: Path, tmp_path: Path, text: bytes
) -> None:
    path = with_pickle(finished_run, tmp_path / "odd.pt", lambda _: text)
    assert_sentence(fxtrain("export", path, tmp_path / "o.json"))


# Names and texts


def test_escape_sequences_of_a_file_do_not_reach_the_terminal(fxtrain: Run, tmp_path: Path) -> None:
    made = write_model(tmp_path / "amp.json", [("lstm", 3), ("dense", 1)])
    made.document["metadata"] = {
        "name": "Plexi\x1b]0;owned\x07\x1b[2J\x9b31m\u202egpj",
        "author": "me\nplays here   no\r",
        "loudness_db": "\x1b[31m[/x]",
    }
    made.path.write_text(json.dumps(made.document))
    result = fxtrain("info", made.path)
    assert result.exit_code == 0
    assert not {c for c in result.stdout if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160 or c == "\u202e"}
    assert not any(line.startswith("plays here   no") for line in result.stdout.splitlines())
    made.document["layers"][0]["type"] = "\x1b[2J\x1b[1;1Hall good\nfxtrain: done"
    made.path.write_text(json.dumps(made.document))
    refused = fxtrain("info", made.path)
    assert_sentence(refused)
    assert "\x1b" not in refused.stderr


@pytest.mark.parametrize("name", ["[lead]", "a[", "[/b]", "[bold]", "[/]"])
def test_brackets_in_names_are_printed_as_they_are(
    fxtrain: Run, pair: Pair, finished_run: Path, tmp_path: Path, name: str
) -> None:
    # [name] is markup for the library that prints: it vanished, or ended in a traceback after a whole training.
    folder = tmp_path / name.replace("/", "_")
    folder.mkdir()
    for source, copy in ((finished_run / "model.json", "m.json"), (pair.dry, "d.wav"), (pair.wet, "w.wav")):
        (folder / copy).write_bytes(source.read_bytes())
    document = json.loads((folder / "m.json").read_text())
    document["metadata"] |= {"name": name, "loudness_db": name}
    (folder / "m.json").write_text(json.dumps(document))
    for arguments in (
        ("info", folder / "m.json"),
        ("render", folder / "m.json", folder / "d.wav", folder / "o.wav"),
        ("check", folder / "d.wav", folder / "w.wav"),
        ("preset", folder / "m.json", folder / "o.vstpreset", "--name", name),
        ("info", folder / "o.vstpreset"),
        ("export", finished_run, folder / "o.json"),
        ("signal", folder / "s.wav", "--sample-rate", 16000),
    ):
        result = fxtrain(*arguments)
        assert result.exit_code == 0, result.stderr
        if arguments[0] not in ("check",):
            assert folder.name in "".join(result.stdout.split())  # a table may break it
    options = (*TINY, "--epochs", 1, "--name", name, "--out", folder / "run")
    fitted = fxtrain("fit", folder / "d.wav", folder / "w.wav", *options)
    assert fitted.exit_code == 0, fitted.stderr
    assert str(folder / "run" / "model.json") in "".join(fitted.stdout.split())


NOT_UTF8 = os.fsdecode(b"amp\xff")


@pytest.mark.parametrize(
    "command", [("info", "NAME"), ("check", "NAME", "NAME"), ("fit", "NAME", "x.wav", "--out", "r")]
)
def test_names_that_are_not_utf8_are_refused_in_a_sentence(
    fxtrain: Run, tmp_path: Path, command: tuple[str, ...]
) -> None:
    path = tmp_path / f"{NOT_UTF8}.json"
    path.write_text("{}")
    result = fxtrain(*(str(path) if word == "NAME" else word for word in command))
    assert_sentence(result)
    assert r"amp\xff" in result.stderr
    assert_sentence(fxtrain("preset", "amp.json", "o.vstpreset", "--name", NOT_UTF8))


def test_a_working_folder_whose_name_is_not_utf8_is_no_obstacle_or_named(
    fxtrain: Run, pair: Pair, finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / NOT_UTF8
    folder.mkdir()
    for source, name in ((pair.dry, "dry.wav"), (pair.wet, "wet.wav"), (finished_run / "model.json", "m.json")):
        (folder / name).write_bytes(source.read_bytes())
    monkeypatch.chdir(folder)
    assert fxtrain("info", "m.json").exit_code == 0
    assert fxtrain("render", "m.json", "dry.wav", "o.wav").exit_code == 0
    assert_sentence(fxtrain("fit", "dry.wav", "wet.wav", *TINY, "--epochs", 1, "--out", "run"))
    assert not Path("run").exists() or not any(Path("run").iterdir())


# Numbers


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate", "MODEL", "DRY", "WET", "--lag", "99999999"),
        ("evaluate", "MODEL", "DRY", "WET", "--lag", "-99999999"),
        ("evaluate", "MODEL", "DRY", "WET", "--lag", "9" * 5000),
        ("evaluate", "MODEL", "DRY", "WET", "--skip-frames", "999999999"),
        ("check", "DRY", "WET", "--sample-rate", "10000000000"),
        ("check", "DRY", "WET", "--sample-rate", "1"),
        ("check", "DRY", "WET", "--channel", "99999999999999999999"),
        ("signal", "NEW.wav", "--sample-rate", "1000000000"),
        ("render", "MODEL", "DRY", "NEW.wav", "--block-size", "99999999999999999999"),
        ("fit", "DRY", "WET", "--out", "NEW", "--epochs", "1", "--seed", "46116860184273879040000"),
        ("fit", "DRY", "WET", "--out", "NEW", "--epochs", "1" + "0" * 30),
        ("fit", "DRY", "WET", "--out", "NEW", "--epochs", "1", "--batch-size", "1" + "0" * 30),
        ("fit", "DRY", "WET", "--out", "NEW", "--epochs", "1", "--lr", "1e300"),
        ("fit", "DRY", "WET", "--out", "NEW", "--epochs", "1", "--set", "hidden_size=" + "9" * 5000),
        ("fit", "DRY", "WET", "--out", "NEW", "--epochs", "1", "--set", "hidden_size=0x" + "f" * 5000),
        ("fit", "DRY", "WET", "--out", "NEW", "--epochs", "1", "--set", "split.gap_seconds=1e308"),
        ("fit", "DRY", "WET", "--out", "NEW", "--epochs", "1", "--set", "warm_up_frames=" + "9" * 30),
        ("fit", "DRY", "WET", "--out", "NEW", "--epochs", "1", "--set", "x=" + "[" * 3000),
        ("fit", "DRY", "WET", "--out", "NEW", "--epochs", "1", "--input-dbu", "nan"),
        ("preset", "MODEL", "NEW.vstpreset", "--set", "input_gain=1e999"),
        ("preset", "MODEL", "NEW.vstpreset", "--set", "input_gain=" + "9" * 5000),
        ("demo", "--seconds", "1e308", "--out", "NEW"),
        ("demo", "--seed", "9" * 30, "--out", "NEW"),
    ],
    ids=lambda arguments: " ".join(arguments[0:1] + arguments[-2:])[:50],
)
def test_absurd_numbers_are_refused_in_a_sentence(
    fxtrain: Run, pair: Pair, finished_run: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    places = {"MODEL": finished_run / "model.json", "DRY": pair.dry, "WET": pair.wet}
    places |= {name: tmp_path / name for name in ("NEW", "NEW.wav", "NEW.vstpreset")}
    result = fxtrain(*(places.get(argument, argument) for argument in arguments))
    assert_sentence(result)
    assert len(result.stderr) < 3000
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    "text",
    [
        "[a]\nb = " + "[" * 900 + "]" * 900,
        "[model]\nhidden_size = " + "9" * 5000,
        "[model]\nhidden_size = 0x" + "f" * 5000,
        "[model]\nhidden_size = 1e400",
        "[model]\nhidden_size = 2024-01-01",
        '[model]\n"\\u001b[2J" = 1',
        "[loss]\nesr = nan",
        "[loss]\nesr = 1e308\ndc = 1e308",
        "[data]\nchunk_frames = 9223372036854775807",
        "[run]\nmodel = 7",
        "[run]\nmodel = []",
        "run = 1",
        "[[model]]\nx = 1",
        "\x00",
    ],
    ids=lambda text: text[:24],
)
def test_settings_of_any_content_end_in_a_sentence(fxtrain: Run, pair: Pair, tmp_path: Path, text: str) -> None:
    (tmp_path / "odd.toml").write_text(text)
    options = ("--config", tmp_path / "odd.toml", "--epochs", 1, "--out", tmp_path / "run")
    result = fxtrain("fit", pair.dry, pair.wet, *options)
    assert_sentence(result, exit_code=result.exit_code)
    assert result.exit_code in (1, 2)
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize("row", ["1e308,", "nan,", "inf,", "-1,", "1,99999999999999999999", "1,-1", "1,x", "x,1"])
def test_tables_of_absurd_numbers_end_in_a_sentence(fxtrain: Run, pair: Pair, tmp_path: Path, row: str) -> None:
    table = tmp_path / "pairs.csv"
    table.write_text(f"input,target,weight,clip_frames\n{pair.dry},{pair.wet},{row}\n")
    assert_sentence(fxtrain("fit", "--pairs", table, "--epochs", 1, "--out", tmp_path / "run"))


RUN_CHANGES = {
    "a weight": ("weight = 1.0", 'weight = "x"'),
    "an endless weight": ("weight = 1.0", "weight = 1e308"),
    "a clip": ("clip_frames = 0", "clip_frames = -5"),
    "a split": ('split = "auto"', 'split = "all"'),
    "a seed": ("seed = 0", "seed = 1" + "0" * 40),
    "a model": ('model = "lstm"', "model = 5"),
    "a device": ('device = "auto"', "device = 7"),
    "a skip": ("skip_frames = 0", 'skip_frames = "x"'),
    "an ignored check": ("ignore = []", "ignore = 7"),
    "a polarity": ("fix_polarity = false", 'fix_polarity = "maybe"'),
    "a pair": ("[pair_1]", "[[pair_1]]"),
    "a run": ("[run]", "[[run]]"),
    "a name": ('input = "', 'input = "\\u0000'),
}


@pytest.mark.parametrize("change", RUN_CHANGES.values(), ids=list(RUN_CHANGES))
def test_a_run_whose_settings_were_edited_is_refused(
    fxtrain: Run, finished_run: Path, tmp_path: Path, change: tuple[str, str]
) -> None:
    text = (finished_run / "config.toml").read_text()
    assert change[0] in text
    (tmp_path / "config.toml").write_text(text.replace(*change, 1))
    assert_sentence(fxtrain("fit", "--resume", tmp_path))


@pytest.mark.parametrize("key", ["plan", "position", "optimizers", "carried", "rng", "fingerprint", "best_weights"])
@pytest.mark.parametrize("value", [None, 7, {"a": torch.zeros(2)}])
def test_a_run_whose_checkpoint_was_edited_is_refused(
    fxtrain: Run, finished_run: Path, tmp_path: Path, key: str, value: Any
) -> None:
    for name in ("config.toml", "log.jsonl"):
        (tmp_path / name).write_bytes((finished_run / name).read_bytes())
    torch.save({**load_checkpoint(finished_run / "last.pt"), key: value}, tmp_path / "last.pt")
    result = fxtrain("fit", "--resume", tmp_path)
    assert_sentence(result, exit_code=result.exit_code)
    assert result.exit_code in (1, 2)


# Recordings


@pytest.mark.parametrize("rate", [1, 999, 1000, 1001, 4000, 7999])
def test_recordings_of_hardly_any_sample_rate_are_refused(fxtrain: Run, tmp_path: Path, rate: int) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 20_000)
    soundfile.write(tmp_path / "low.wav", noise, rate, subtype="PCM_16")
    result = fxtrain("check", tmp_path / "low.wav", tmp_path / "low.wav")
    assert_sentence(result)
    assert "sample rate" in result.stderr


def test_the_lowest_sample_rate_that_is_taken_is_checked_without_an_error(fxtrain: Run, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 80_000)
    soundfile.write(tmp_path / "low.wav", noise, 8000, subtype="PCM_16")
    result = fxtrain("check", tmp_path / "low.wav", tmp_path / "low.wav")
    assert "Traceback" not in result.stderr
    assert "polarity" in result.stdout or "lag" in result.stdout


@pytest.mark.parametrize("value", [1e20, -1e38, 3e6])
def test_samples_that_are_no_sound_are_refused(fxtrain: Run, tmp_path: Path, value: float) -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, 40_000).astype(np.float32)
    samples[7_000] = value
    write_audio(tmp_path / "loud.wav", samples, SAMPLE_RATE)
    for arguments in (("check", "LOUD", "LOUD"), ("render", "MODEL", "LOUD", "OUT", "--resample")):
        places = {"LOUD": tmp_path / "loud.wav", "OUT": tmp_path / "o.wav"}
        places["MODEL"] = write_gain_model(tmp_path / "amp.json", 0.5)
        result = fxtrain(*(places.get(word, word) for word in arguments))
        assert_sentence(result)
        assert "full scale is 1" in result.stderr


# Places


def test_models_need_no_home_where_their_folder_is_named(
    fxtrain: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_entry(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr("pwd.getpwuid", no_entry)
    model = write_gain_model(tmp_path / "amp.json", 0.5)
    for home in (None, ""):
        monkeypatch.delenv("HOME", raising=False) if home is None else monkeypatch.setenv("HOME", home)
        monkeypatch.delenv("XDG_DATA_HOME", raising=False)
        refused = fxtrain("install", model)
        assert_sentence(refused, exit_code=1)
        assert "HOME" in refused.stderr
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
        assert fxtrain("install", model).exit_code == 0
        assert (tmp_path / "data" / "fxtrain" / "models" / "amp.json").exists()
        assert_sentence(fxtrain("install", model, "--preset"), exit_code=1)


def test_closed_streams_are_no_traceback(tmp_path: Path) -> None:
    model = write_gain_model(tmp_path / "amp.json", 0.5)

    def shell(redirection: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        words = " ".join(f'"{argument}"' for argument in (sys.executable, "-m", "fxtrain", *arguments))
        return subprocess.run(f"{words} {redirection}", shell=True, check=False, capture_output=True, text=True)

    closed = shell(">&-", "info", "--json", model)
    assert closed.returncode == 1
    assert closed.stderr.startswith("fxtrain: --json")
    assert (shell(">&-", "info", model).returncode, shell(">&-", "info", model).stderr) == (0, "")
    quiet = shell("2>&-", "info", tmp_path / "missing.json")
    assert (quiet.returncode, quiet.stdout) == (2, "")
    full = shell("> /dev/full", "info", model)
    assert full.returncode == 1
    assert full.stderr.startswith("fxtrain: I/O error: No space left")
    assert full.stderr.count("\n") == 1
    early = shell("| true", "models")
    assert early.stderr == ""


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp437"])
def test_streams_of_any_encoding_take_what_is_printed(tmp_path: Path, finished_run: Path, encoding: str) -> None:
    # The table of a finished training has characters that a Windows code page lacks.
    (tmp_path / "metrics.py").write_text(
        "import json, sys\n"
        "from fxtrain.cli.terminal import SafeConsole, prepare_streams\n"
        "from fxtrain.tasks.effect.table import print_summary\n"
        "prepare_streams()\n"
        "print_summary(json.load(open(sys.argv[1])) | {'esr': 4.2e-7, 'model': {'parameters': 12345}}, SafeConsole())\n"
    )
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    command = [sys.executable, tmp_path / "metrics.py", finished_run / "metrics.json"]
    table = subprocess.run(command, check=False, capture_output=True, env=environment)
    assert table.returncode == 0, table.stderr
    printed = table.stdout.decode(encoding)
    assert "12 345" in printed
    assert "?" not in printed
    assert process_with("models", env=environment, encoding=encoding).returncode == 0


# What nobody foresaw


def test_an_unforeseen_error_is_a_sentence_with_a_log_to_report(
    fxtrain: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("float division\nby zero")

    monkeypatch.setattr("fxtrain.cli.info.run", fail)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = fxtrain("info", "amp.json")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "please report" in result.stderr
    (log,) = tmp_path.iterdir()
    assert str(log) in result.stderr
    assert "ZeroDivisionError" in log.read_text()
    assert "fxtrain info amp.json" in log.read_text()
    assert "in fail" in fxtrain("info", "amp.json", "-v").stderr


def test_no_memory_is_a_sentence(fxtrain: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("fxtrain.cli.info.run", fail)
    assert_sentence(fxtrain("info", "amp.json"), exit_code=1)


# Nothing that is read is overwritten


def test_no_command_overwrites_what_it_reads(fxtrain: Run, pair: Pair, finished_run: Path, tmp_path: Path) -> None:
    recording, model, checkpoint = (tmp_path / name for name in ("dry.wav", "amp.json", "best.pt"))
    for path, source in (
        (recording, pair.dry),
        (model, finished_run / "model.json"),
        (checkpoint, finished_run / "best.pt"),
    ):
        path.write_bytes(source.read_bytes())
    link = tmp_path / "link.wav"
    link.symlink_to(recording)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for arguments in (
        ("render", model, recording, recording),
        ("render", model, recording, link),
        ("export", checkpoint, checkpoint),
    ):
        result = fxtrain(*arguments, "--force")
        assert_sentence(result)
        assert "choose another name" in result.stderr
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
