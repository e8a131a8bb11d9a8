# SPDX-License-Identifier: MIT
"""Training curves for the tools of others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import fxtrain
from fxtrain.cli import main
from fxtrain.runs import RunFolder
from fxtrain.synthetic import synthesise_guitar

RATE = 16_000


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three epochs that was logged."""
    folder = tmp_path_factory.mktemp("logged")
    dry = synthesise_guitar(5, RATE, 11)
    fxtrain.write_audio(folder / "d.wav", dry, RATE)
    fxtrain.write_audio(folder / "w.wav", np.tanh(3 * dry), RATE)
    words = ["fit", folder / "d.wav", folder / "w.wav", "--set", "hidden_size=2", "--epochs", 3, "--log", "tensorboard"]
    assert main([*map(str, words), "--out", str(folder / "run"), "-q"]) == 0
    return folder / "run"


def test_tensorboard_reads_the_points_of_the_history(run: Path) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    accumulator = events.EventAccumulator(str(run / "tensorboard"))
    accumulator.Reload()
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    expected = {row["step"]: row["val_esr"] for row in rows if "val_esr" in row}
    found = {point.step: point.value for point in accumulator.Scalars("val_esr")}
    assert found
    for step, value in found.items():
        assert value == pytest.approx(expected[step], rel=1e-6)


def test_the_event_files_belong_to_the_run(run: Path) -> None:
    assert RunFolder(run).strangers(("model.json", "audio/*")) == []


def test_an_unknown_logger_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["fit", "a", "b", "--log", "tensorbord"])
    assert "did you mean tensorboard?" in capsys.readouterr().err
