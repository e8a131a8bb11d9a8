# SPDX-License-Identifier: MIT
"""``fxtrain demo wavenet`` without a network: synthetic voices, a short training, a verdict."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_amplifier import Run

from fxtrain.cli.demos import wavenet
from fxtrain.errors import InputError


def no_network(name: str, **options: object) -> Path:
    raise InputError(f"{name} could not be fetched: no network")


def test_without_a_network_the_voices_are_synthetic_and_it_says_so(
    tmp_path: Path, fxtrain: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FXTRAIN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("fxtrain.packages.fetch_package", no_network)
    monkeypatch.setattr(wavenet, "_SYNTHETIC_FILES", 4)
    monkeypatch.setattr(wavenet, "_SYNTHETIC_SECONDS", 1.0)
    words = ("demo", "wavenet", "--out", tmp_path / "run", "--max-minutes", 0.01)
    first = fxtrain(*words)
    assert first.exit_code == 1  # far too little training
    assert "could not be fetched: no network" in first.stdout
    assert "synthetic voices in place of recordings" in " ".join(first.stdout.split())
    assert "The demo failed" in first.stdout
    assert (tmp_path / "run" / "report.html").exists()
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert set(metrics["classes"]) == {"alto", "bass"}

    metrics.update(nll_bits=1.0, wrong_class_nll_bits=2.0)
    (tmp_path / "run" / "metrics.json").write_text(json.dumps(metrics))
    again = fxtrain(*words, "--json")
    assert again.exit_code == 0
    assert again.json["passed"] is True
    assert again.json["material"] == "synthetic"
    assert "is complete already" in again.stderr
    (tmp_path / "run" / "metrics.json").write_text("{}")
    broken = fxtrain(*words)
    assert broken.exit_code == 2
    assert "is not what fit wrote" in broken.stderr


def test_recordings_are_linked_by_speaker_without_their_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fxtrain: Run
) -> None:
    from small_voices import write_voices

    monkeypatch.setattr(wavenet, "VOICES", {"one": "first", "two": "second"})
    for name in ("first", "second"):
        write_voices(tmp_path / name)
        write_voices(tmp_path / name / "silence")
    monkeypatch.setattr("fxtrain.packages.cached_package", lambda name: tmp_path / name)
    result = fxtrain("demo", "wavenet", "--out", tmp_path / "run", "--max-minutes", 0.01, "--json")
    assert result.json["material"] == "recordings"
    data = tmp_path / "run-data"
    assert sorted(path.name for path in data.iterdir()) == ["one", "recordings.txt", "two"]
    assert not list(data.glob("*/silence"))
    assert len(list(data.glob("one/*/*.wav"))) == 8
