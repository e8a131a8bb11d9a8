# SPDX-License-Identifier: MIT
"""The bench of captures as a study."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from fxtrain.audio import write_audio
from fxtrain.cli.sweep import cells_of
from fxtrain.data.pair_table import PairFiles
from fxtrain.studies import read_study
from fxtrain.synthetic import synthesise_guitar


def test_its_study_has_a_run_for_each_device_and_preset(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(repository / "benchmarks" / "captures"))
    devices, study = importlib.import_module("devices"), importlib.import_module("study")
    sound = synthesise_guitar(1, 16000, 1)
    for name in ("dry", "wet"):
        write_audio(tmp_path / f"{name}.wav", sound, 16000)
    pair = PairFiles(input=tmp_path / "dry.wav", target=tmp_path / "wet.wav", clip_frames=4000)
    made = [devices.Device("amp/clean", (pair,), 100), devices.Device("pedal", (pair,))]
    study.write_study(tmp_path / "captures.toml", made, ["nano", "standard"], 2.0, 7)
    cells = list(cells_of(read_study(tmp_path / "captures.toml"), tmp_path / "out"))
    assert [cell.reason for cell in cells] == [""] * 4
    specs = [cell.spec for cell in cells if cell.spec is not None]
    assert [spec.tables["model"]["hidden_size"] for spec in specs] == [8, 32, 8, 32]
    assert [spec.tables.get("reading", {}).get("skip_frames", 0) for spec in specs] == [100, 100, 0, 0]
    assert {spec.training.max_minutes for spec in specs} == {2.0}
    assert {spec.training.seed for spec in specs} == {7}
    assert all(spec.tables["pair_1"]["clip_frames"] == 4000 for spec in specs)
