# SPDX-License-Identifier: MIT
"""``fit`` on real guitar; ``test_fit.py`` does the same on synthetic sound."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_amplifier import Run


@pytest.mark.slow
@pytest.mark.parametrize("gain", ["gain-050", "gain-100"])
def test_a_few_minutes_of_guitar_in_clips_beat_the_linear_filter_after_six_epochs(
    fxtrain: Run, shared_data: Path, tmp_path: Path, gain: str
) -> None:
    """The best filter of 512 taps leaves an ESR of 0.11 and 0.47."""
    folder = shared_data / "klon-centaur-spice"
    pairs = {
        part: (folder / f"{part}-input.flac", folder / gain / f"{part}-target.flac")
        for part in ("train", "val", "test")
    }
    clips = ("--clip-frames", 11025, "--skip-frames", 1000)
    options = ("--set", "hidden_size=16", "--epochs", 6, "--lr", 0.008)
    result = fxtrain("fit", *pairs["train"], "--val", *pairs["val"], "--test", *pairs["test"], *clips, *options,
                     "--out", tmp_path / "run", "--json")  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert result.json["esr"] < 0.7 * result.json["baselines"]["fir"]
    assert result.json["parity"]["engine_error"] <= result.json["parity"]["bound"]
    again = fxtrain("evaluate", tmp_path / "run", *pairs["test"], *clips, "--json").json
    assert again["esr"] == pytest.approx(result.json["esr"], rel=1e-9)
    assert again["baselines"] == pytest.approx(result.json["baselines"], rel=1e-9)


def test_a_take_of_three_seconds_is_learnt_as_far_as_it_goes(fxtrain: Run, shared_data: Path, tmp_path: Path) -> None:
    """So short a take runs, warns about its length, and reports against the same baselines."""
    folder = shared_data / "hrd3-drive"
    pairs = {
        part: (folder / f"{part}-input.flac", folder / "drive-07" / f"{part}-target.flac")
        for part in ("train", "val", "test")
    }
    result = fxtrain("fit", *pairs["train"], "--val", *pairs["val"], "--test", *pairs["test"], "--set", "hidden_size=8",
                     "--epochs", 30, "--out", tmp_path / "run", "--json")  # fmt: skip
    assert result.exit_code == 0, result.stderr
    verdicts = {verdict["name"]: verdict["level"] for verdict in result.json["data"]["verdicts"]}
    assert verdicts["length"] == "warn"
    assert verdicts["polarity"] == "note"
    assert result.json["esr"] < result.json["baselines"]["input"]
    assert result.json["baselines"]["fir"] > 0.05
