# SPDX-License-Identifier: MIT
"""Folders of runs that earlier versions wrote."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from fxtrain.audio import read_audio
from fxtrain.cli import main
from fxtrain.runs import RunFolder, RunSpec, fit, load_trained_model
from fxtrain.training.checkpoint import load_checkpoint

FIXTURES = Path(__file__).parents[2] / "fixtures" / "runs"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The runs of version 1 in a place of their own."""
    folder = tmp_path / "v1"
    shutil.copytree(FIXTURES / "v1", folder)
    for config in folder.glob("*/config.toml"):
        config.write_text(config.read_text().replace("@FOLDER@", str(folder)))
    return folder


def test_a_stopped_run_resumes_to_the_weights_that_its_own_version_would_have_reached(old: Path) -> None:
    run = RunFolder(old / "stopped")
    metrics = fit(RunSpec.load(run.config), run, resume=True)
    assert metrics["training"]["steps"] == 360
    now, then = (load_checkpoint(old / name / "last.pt")["weights"] for name in ("stopped", "finished"))
    for name, value in then.items():  # an instruction set of its own rounds in its own way
        assert torch.allclose(now[name], value, atol=2e-4), name
    earlier = json.loads((old / "finished" / "metrics.json").read_text())
    assert metrics["esr"] == pytest.approx(earlier["esr"], rel=1e-3)


def test_a_finished_run_is_evaluated_rendered_and_exported(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finished, dry, wet = old / "finished", old / "dry.flac", old / "wet.flac"
    earlier = json.loads((finished / "metrics.json").read_text())
    assert main(["evaluate", str(finished), str(dry), str(wet), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["esr"] < 2 * earlier["esr"]
    assert result["baselines_fitted_on"] == "the training part of the run"
    assert main(["render", str(finished / "model.json"), str(dry), str(old / "played.wav"), "-q"]) == 0
    assert main(["export", str(finished), str(old / "again.json"), "-q"]) == 0
    assert main(["render", str(old / "again.json"), str(dry), str(old / "again.wav"), "-q"]) == 0
    played, again = (read_audio(old / name).samples for name in ("played.wav", "again.wav"))
    assert np.array_equal(played, again)
    assert load_trained_model(finished / "best.pt").facts == {"sample_rate": 16_000}


def test_its_settings_can_be_used_again(old: Path, tmp_path: Path) -> None:
    out = tmp_path / "new"
    files = [str(old / "dry.flac"), str(old / "wet.flac")]
    config = str(old / "finished" / "config.toml")
    assert main(["fit", *files, "--config", config, "--epochs", "1", "--out", str(out), "-q"]) == 0
    spec = RunSpec.load(out / "config.toml")
    assert spec.tables["model"]["hidden_size"] == 3
    assert spec.training.learning_rate == 0.02
    assert spec.training.epochs == 1
    assert spec.training.max_minutes is None


@pytest.mark.parametrize("name", ["config.toml", "last.pt"])
def test_a_run_of_a_later_version_is_refused_in_one_sentence(
    old: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = old / "stopped"
    if name == "config.toml":
        (run / name).write_text((run / name).read_text().replace("[run]\n", "[run]\nformat = 3\n"))
    else:
        content = torch.load(run / name, weights_only=True)
        torch.save({**content, "format_version": 3}, run / name)
    before = (run / "last.pt").read_bytes()
    assert main(["fit", "--resume", str(run)]) == 2
    message = capsys.readouterr().err
    assert "this fxtrain" in message
    assert "3" in message
    assert "newer one" in message
    assert (run / "last.pt").read_bytes() == before
