# SPDX-License-Identifier: MIT
"""A family of models that lives outside of fxtrain: registered, trained, killed, resumed, reported."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_amplifier import amplifier

from fxtrain.audio import write_audio
from fxtrain.synthetic import synthesise_guitar
from fxtrain.training.checkpoint import load_checkpoint

SCRATCH = Path(__file__).parents[1] / "support" / "scratch"
RATE = 16_000


def fxtrain(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fxtrain", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(SCRATCH)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of sounds in ``clips``, and the run of a tiny amplifier in ``amp``."""
    folder = tmp_path_factory.mktemp("family")
    rng = np.random.default_rng(0)
    for name, low in (("dark", 100.0), ("bright", 1500.0)):
        (folder / "clips" / name).mkdir(parents=True)
        for number in range(20):
            tones = np.sin(2 * np.pi * low * rng.uniform(1, 2) * np.arange(RATE // 4) / RATE)
            write_audio(folder / "clips" / name / f"{number}.wav", (0.3 * tones).astype(np.float32), RATE)
    dry = synthesise_guitar(6, RATE, 1)
    write_audio(folder / "dry.wav", dry, RATE)
    write_audio(folder / "wet.wav", amplifier(dry), RATE)
    size = ("--set", "hidden_size=2", "--set", "sequence_frames=1024", "--epochs", 1)
    made = fxtrain("fit", folder / "dry.wav", folder / "wet.wav", *size, "--out", folder / "amp", "-q")
    assert made.returncode == 0, made.stderr
    return folder


def arguments(material: Path, out: Path) -> tuple[object, ...]:
    family = ("--model", "clip-classifier", "--set", f"data.folder={material / 'clips'}")
    return ("fit", *family, "--input", f"amp={material / 'amp'}", "--out", out)


@pytest.fixture(scope="session")
def trained(material: Path) -> Path:
    """A run of the family."""
    made = fxtrain(*arguments(material, material / "whole"))
    assert made.returncode == 0, made.stderr
    assert "train 20 clips" in made.stdout
    assert "accuracy 1.00; always the same answer 0.50" in made.stdout
    return material / "whole"


def test_its_run_leaves_figures_a_report_and_what_it_was_made_from(trained: Path, material: Path) -> None:
    metrics = json.loads((trained / "metrics.json").read_text())
    assert metrics["accuracy"] == 1.0
    assert 0.8 < metrics["training"]["best_score"] <= 1.0  # of the validation part
    assert metrics["complete"] is True
    config = tomllib.loads((trained / "config.toml").read_text())
    assert config["training"]["learning_rate"] == 0.01  # the model's own default
    assert config["inputs"]["amp"]["run"] == str(material / "amp")
    assert len(config["inputs"]["amp"]["sha256"]) == 64
    page = (trained / "report.html").read_text()
    for words in ("100% right", "An example", "through the amplifier", "Answers", "Learning curve"):
        assert words in page, words
    assert not (trained / "model.json").exists()


def test_a_killed_run_resumes_to_the_same_bits(trained: Path, material: Path, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    options = [*arguments(material, out), "--epochs", 100000]
    command = [sys.executable, "-m", "fxtrain", *map(str, options)]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(SCRATCH)}, stderr=subprocess.DEVNULL)
    while not (out / "last.pt").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    # The rest of its 200 000 steps would take minutes: it is the short run from here on.
    for name in ("config.toml",):
        text = (out / name).read_text().replace("epochs = 100000", "epochs = 40")
        (out / name).write_text(text)
    content = torch.load(out / "last.pt", weights_only=True)
    content["plan"] = load_checkpoint(trained / "last.pt")["plan"]
    torch.save(content, out / "last.pt")
    again = fxtrain("fit", "--resume", out, "-q")
    assert again.returncode == 0, again.stderr
    whole, resumed = (load_checkpoint(run / "last.pt")["weights"] for run in (trained, out))
    assert all(torch.equal(whole[name], value) for name, value in resumed.items())


@pytest.mark.parametrize(
    "command",
    [
        ("render", "RUN", "dry.wav", "out.wav"),
        ("evaluate", "RUN", "dry.wav", "wet.wav"),
        ("preset", "RUN", "out.vstpreset"),
        ("install", "RUN"),
        ("info", "RUN"),
        ("live", "RUN"),
        ("render", "RUN/best.pt", "dry.wav", "out.wav"),
    ],
)
def test_what_plays_audio_refuses_it_with_what_it_is(trained: Path, material: Path, command: tuple[str, ...]) -> None:
    words = [str(trained) + word[3:] if word.startswith("RUN") else str(material / word) for word in command[1:]]
    refused = fxtrain(command[0], *words)
    assert refused.returncode == 2, refused.stderr
    assert "of clip-classifier (tells folders of sounds apart), a model for the task clips" in refused.stderr
    assert "report.html" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_an_export_says_that_there_is_no_format(trained: Path, tmp_path: Path) -> None:
    refused = fxtrain("export", trained, tmp_path / "model.json")
    assert refused.returncode == 2
    assert "a clip-classifier model cannot be exported; it has no file format" in refused.stderr


def refusals() -> dict[str, tuple[list[object], str]]:
    family = ["fit", "--model", "clip-classifier"]
    clips = [*family, "--set", "data.folder=CLIPS"]
    amp = ["--input", "amp=AMP"]
    return {
        "no input": (
            [*family, "--set", "data.folder=CLIPS"],
            "needs the input amp, a run of lstm: give it with --input",
        ),
        "unknown input": (
            [*family, "--input", "amp=AMP", "--input", "pedal=AMP"],
            "takes no input 'pedal'; it takes amp",
        ),
        "wrong input": ([*clips, "--input", "amp=WHOLE"], "must be a run of lstm, but"),
        "no run": ([*clips, "--input", "amp=CLIPS"], "is not the folder of a run"),
        "recordings": ([*family, "DRY", "WET"], "DRY is for effects, but clip-classifier is a model of clips"),
        "option": ([*family, "--name", "Nice"], "--name is for effects"),
        "nothing to read": ([*family, "--set", "data.folder=EMPTY", *amp], "has no folders with .wav"),
        "no folder": ([*family, *amp], "setting data.folder is missing; give it with --set"),
        "unknown table": ([*family, "--set", "colour.red=1"], "unknown table [colour] for the model clip-classifier"),
        "loss": ([*family, "--set", "loss.esr=1"], "unknown table [loss] for the model clip-classifier"),
    }


@pytest.mark.parametrize("case", refusals())
def test_what_does_not_fit_is_refused_in_one_sentence(trained: Path, material: Path, tmp_path: Path, case: str) -> None:
    places: dict[str, Any] = {"CLIPS": material / "clips", "AMP": material / "amp", "WHOLE": trained, "EMPTY": tmp_path}
    places |= {"DRY": material / "dry.wav", "WET": material / "wet.wav"}
    words, message = refusals()[case]
    filled = []
    for word in words:
        head, equals, tail = str(word).rpartition("=")
        filled.append(f"{head}{equals}{places.get(tail, tail)}")
    refused = fxtrain(*filled, "--out", tmp_path / "run")
    assert refused.returncode == 2, refused.stderr
    assert message in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_an_input_that_was_trained_anew_is_refused(trained: Path, material: Path, tmp_path: Path) -> None:
    text = (trained / "config.toml").read_text()
    sha256 = tomllib.loads(text)["inputs"]["amp"]["sha256"]
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.toml").write_text(text.replace(sha256, "0" * 64))
    refused = fxtrain("fit", "--resume", run)
    assert refused.returncode == 2
    assert "was trained anew after this run began" in refused.stderr


def test_a_file_lists_stages_and_only_what_is_missing_is_run(material: Path, tmp_path: Path) -> None:
    file = tmp_path / "both.toml"
    file.write_text(
        f"""[stages.amp.run]
model = "lstm"
[stages.amp.model]
hidden_size = 2
[stages.amp.data]
sequence_frames = 1024
[stages.amp.training]
epochs = 1
[stages.amp.pair_1]
input = "{material / "dry.wav"}"
target = "{material / "wet.wav"}"

[stages.clips.run]
model = "clip-classifier"
[stages.clips.data]
folder = "{material / "clips"}"
[stages.clips.inputs]
amp = "amp"
"""
    )
    out = tmp_path / "out"
    first = fxtrain("fit", "--config", file, "--out", out)
    assert first.returncode == 0, first.stderr
    assert (out / "amp" / "model.json").exists()
    assert json.loads((out / "clips" / "metrics.json").read_text())["accuracy"] > 0.5
    made = (out / "amp" / "model.json").stat().st_mtime_ns
    again = fxtrain("fit", "--config", file, "--out", out)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("is complete already") == 2
    assert (out / "amp" / "model.json").stat().st_mtime_ns == made
    file.write_text(file.read_text().replace("hidden_size = 2", "hidden_size = 3"))
    changed = fxtrain("fit", "--config", file, "--out", out)
    assert changed.returncode == 2
    assert "amp was run in" in changed.stderr
    assert "with other settings (model)" in changed.stderr
