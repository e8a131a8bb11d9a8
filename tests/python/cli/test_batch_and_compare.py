# SPDX-License-Identifier: MIT
"""``fit`` with several wet recordings, and ``compare``: one page over runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from small_amplifier import SAMPLE_RATE, TINY, Pair, Run

from fxtrain.audio import read_audio, write_audio
from fxtrain.cli import main


@pytest.fixture(scope="module")
def takes(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dry recording and two wet ones, soft and hard, in a folder."""
    folder = tmp_path_factory.mktemp("takes")
    shutil.copy(pair.dry, folder / "dry.wav")
    dry = read_audio(pair.dry).samples
    for name, gain in (("soft", 1.5), ("hard", 6.0)):
        write_audio(folder / f"{name}.wav", np.tanh(gain * dry).astype(np.float32), SAMPLE_RATE)
    return folder


@pytest.fixture(scope="module")
def batch(takes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a batch that is done. Tests that only read it may run in processes of their own."""
    folder = tmp_path_factory.mktemp("batch")
    assert main([*map(str, words_of(takes, folder)), "-q"]) == 0
    return folder


def words_of(takes: Path, folder: Path) -> tuple[object, ...]:
    return ("fit", takes / "dry.wav", "--wet-folder", takes, *TINY, "--epochs", 1, "--out", folder)


def test_each_wet_gets_a_run_and_a_row_and_the_command_goes_on(fxtrain: Run, takes: Path, batch: Path) -> None:
    assert sorted(path.name for path in batch.iterdir()) == ["hard", "soft"]  # dry.wav lies in the folder, too
    for name in ("hard", "soft"):
        assert (batch / name / "model.json").is_file()
    again = fxtrain(*words_of(takes, batch))
    assert again.exit_code == 0
    assert "hard.wav" in again.stdout
    assert "soft.wav" in again.stdout
    assert again.stdout.count("complete already") == 2


def test_a_recording_that_fails_does_not_end_the_batch(fxtrain: Run, takes: Path, tmp_path: Path) -> None:
    write_audio(tmp_path / "silent.wav", np.zeros(8 * SAMPLE_RATE, np.float32), SAMPLE_RATE)
    words = ("fit", takes / "dry.wav", tmp_path / "silent.wav", takes / "soft.wav", *TINY, "--epochs", 1)
    result = fxtrain(*words, "--out", tmp_path / "out", "--json")
    assert result.exit_code == 1
    silent, soft = result.json["runs"]
    assert "silent" in silent["failed"]
    assert soft["esr"] > 0
    assert "1 of 2 failed" in result.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("soft.wav", "hard.wav", "--val", "dry.wav", "soft.wav"), "--val is for one WET"),
        (("soft.wav", "--wet-folder", "."), "one or the other"),
        (("--wet-folder", "nowhere"), "is not a folder"),
        (("soft.wav", "soft.flac"), "same name"),
    ],
)
def test_what_makes_no_batch_is_refused(
    fxtrain: Run, takes: Path, words: tuple[str, ...], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(takes)
    result = fxtrain("fit", "dry.wav", *words, *TINY)
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_compare_ranks_runs_of_one_recording(
    fxtrain: Run, finished_run: Path, pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert fxtrain("fit", pair.dry, pair.wet, *TINY, "--epochs", 1, "--seed", 5, "--out", "worse", "-q").exit_code == 0
    result = fxtrain("compare", "worse", finished_run, "--json")
    assert result.exit_code == 0
    best, worse = result.json["runs"]
    assert best["run"] == str(finished_run)
    assert best["esr"] < worse["esr"]
    page = (tmp_path / "compare.html").read_text()
    assert "training.seed" in page  # a setting that differs
    assert "Linear filter" in page
    assert 'href="worse/report.html"' in page
    assert "do not rank" not in page
    assert fxtrain("compare", "worse", finished_run).exit_code == 2  # compare.html exists


def test_compare_does_not_rank_runs_of_different_recordings(fxtrain: Run, batch: Path, tmp_path: Path) -> None:
    result = fxtrain("compare", batch / "hard", batch / "soft", "--out", tmp_path / "page.html")
    assert result.exit_code == 0
    assert "do not rank" in (tmp_path / "page.html").read_text()


def test_compare_refuses_what_is_no_finished_run(fxtrain: Run, batch: Path, tmp_path: Path) -> None:
    assert "no config.toml" in fxtrain("compare", batch / "hard", tmp_path).stderr
    assert "given twice" in fxtrain("compare", batch / "hard", batch / "hard").stderr
