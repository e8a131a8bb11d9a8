# SPDX-License-Identifier: MIT
"""``fxtrain demo ssl-vocoder`` without a network: synthetic voices, a short training, a verdict."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_amplifier import Run

from fxtrain.cli.demos import ssl_vocoder
from fxtrain.errors import InputError


def test_without_a_network_the_demo_takes_synthetic_voices_and_says_so(
    tmp_path: Path, fxtrain: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(name: str, **options: object) -> Path:
        raise InputError(f"{name} could not be fetched: no network")

    monkeypatch.setenv("FXTRAIN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("fxtrain.packages.fetch_package", no_network)
    monkeypatch.setattr(ssl_vocoder, "_SYNTHETIC_FILES", 4)
    monkeypatch.setattr(ssl_vocoder, "_SYNTHETIC_SECONDS", 1.0)
    words = ("demo", "ssl-vocoder", "--out", tmp_path / "run", "--max-minutes", 0.001)
    first = fxtrain(*words)
    assert first.exit_code == 1  # far too little training
    assert "could not be fetched: no network" in first.stdout
    assert "synthetic voices and an encoder of random weights" in " ".join(first.stdout.split())
    assert "The demo failed" in first.stdout
    assert (tmp_path / "run" / "report.html").exists()
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert set(metrics["baselines"]) >= {"untrained", "mean_mel", "griffin_lim"}

    metrics.update(mel_distance=0.01)
    (tmp_path / "run" / "metrics.json").write_text(json.dumps(metrics))
    again = fxtrain(*words, "--json")
    assert again.exit_code == 0
    assert again.json["material"] == "synthetic"
    assert len(again.json["noise"]) == 3
