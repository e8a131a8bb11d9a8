# SPDX-License-Identifier: MIT
"""A WaveNet from a recording to a .nam file that plays, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from small_amplifier import LAG, SAMPLE_RATE, Pair, Run

from fxtrain import engine
from fxtrain.audio import read_audio
from fxtrain.config import load_preset
from fxtrain.runs import RunSpec

SMALL = ("--set", "shape=nano", "--set", "dilations=[[1,2,4],[8,16]]")
SHORT = ("--set", "sequence_frames=2048", "--set", "chunk_frames=1024")


def test_a_wavenet_is_fitted_exported_and_rendered(fxtrain: Run, pair: Pair, tmp_path: Path) -> None:
    run = tmp_path / "run"
    options = (*SMALL, *SHORT, "--epochs", 4, "--batch-size", 4, "--lr", 0.01, "--author", "A. Player")
    made = fxtrain("fit", pair.dry, pair.wet, "--model", "wavenet", *options, "--out", run, "--json")
    assert made.exit_code == 0, made.stderr
    assert made.json["model_file"] == str(run / "model.nam")
    assert made.json["esr"] < 0.5 * made.json["baselines"]["input"]
    assert made.json["parity"]["engine_error"] <= 1e-5
    told = fxtrain("info", run, "--json").json
    assert (told["playable"], told["architecture"], told["sample_rate"]) == (True, "wavenet", SAMPLE_RATE)
    assert told["lag_frames"] == json.loads((run / "metrics.json").read_text())["model"]["lag_samples"]
    assert LAG - 4 <= told["lag_frames"] <= LAG  # but for the lag guard
    assert told["metadata"]["modeled_by"] == "A. Player"

    assert fxtrain("export", run, tmp_path / "amp.nam", "-q").exit_code == 0
    one, other = (json.loads(path.read_text()) for path in (tmp_path / "amp.nam", run / "model.nam"))
    other["metadata"].pop("esr")  # measured after training, so not part of the checkpoint
    assert one == other
    refused = fxtrain("export", run, tmp_path / "amp.json")
    assert refused.exit_code == 2
    assert "cannot be written as .json; call the file" in " ".join(refused.stderr.split())

    played = {}
    for backend in ("engine", "torch"):
        out = tmp_path / f"{backend}.wav"
        assert fxtrain("render", run, pair.dry, out, "--backend", backend, "-q").exit_code == 0
        played[backend] = read_audio(out).samples
    assert np.abs(played["engine"] - played["torch"]).max() < 1e-5
    score = fxtrain("evaluate", run, pair.dry, pair.wet, "--json").json
    assert score["lag_samples"] == told["lag_frames"]
    assert score["esr"] < 0.5 * score["baselines"]["input"]


def test_the_recipe_of_nams_trainer_is_a_preset(fxtrain: Run, pair: Pair, tmp_path: Path) -> None:
    assert load_preset("nam")["run"] == {"model": "wavenet"}
    short = ("--set", "channels=[1,2]", "--set", "kernel_size=2", "--batch-size", 2)
    run = tmp_path / "run"
    made = fxtrain("fit", pair.dry, pair.wet, "--preset", "nam", *short, "--epochs", 1, "--out", run, "--json")
    assert made.exit_code == 0, made.stderr
    settings = RunSpec.load(run / "config.toml").settings()
    assert (settings["loss"].mse, settings["loss"].esr, settings["training"].scheduler) == (1.0, 0.0, "exponential")
    assert engine.load(run / "model.nam").info.architecture == "wavenet"
