# SPDX-License-Identifier: MIT
"""``fit`` of a generator, ``sample``, and what they say of bad input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from small_amplifier import Run
from small_voices import RATE, SMALL_MEL, small_settings, write_voices

from fxtrain.audio import write_audio
from fxtrain.cli import main


@pytest.fixture(scope="session")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two speakers."""
    folder = tmp_path_factory.mktemp("voices")
    write_voices(folder)
    return folder


def run_of(folder: Path, voices: Path, **more: object) -> Path:
    words = ["fit", *small_settings(voices, **more), "--epochs", "1", "--batch-size", "4", "--out", folder / "run"]
    assert main([str(word) for word in (*words, "-q")]) == 0
    return folder / "run"


@pytest.fixture(scope="session")
def speakers(voices: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with two classes."""
    return run_of(tmp_path_factory.mktemp("speakers"), voices)


@pytest.fixture(scope="session")
def vocoder(voices: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that follows mels, without classes."""
    return run_of(tmp_path_factory.mktemp("vocoder"), voices, mels=True, classes="none")


def samples_of(path: Path) -> np.ndarray:
    samples, rate = soundfile.read(path)
    assert rate == RATE
    return np.asarray(samples)


def test_metrics_stand_beside_their_baselines(speakers: Path) -> None:
    metrics = json.loads((speakers / "metrics.json").read_text())
    assert metrics["baselines"]["uniform"] == 8.0
    assert 8.0 > metrics["baselines"]["unigram"] > metrics["baselines"]["bigram"] > 0
    assert 0 < metrics["nll_bits"] < 9
    assert metrics["wrong_class_nll_bits"] > 0
    assert set(metrics["classes"]) == {"alto", "bass"}
    assert metrics["model"]["receptive_field"] == 32
    assert metrics["model"]["receptive_field_ms"] == 4.0
    assert metrics["context"][0]["samples"] == 0
    page = (speakers / "report.html").read_text()
    for text in ("unigram", "bigram", "Receptive field", "another label", "held out from training"):
        assert text in page


def test_fit_says_what_it_found(voices: Path, tmp_path: Path, fxtrain: Run) -> None:
    write_audio(voices / "bass" / "click.wav", np.zeros(20, np.float32), RATE)
    try:
        result = fxtrain("fit", *small_settings(voices), "--epochs", 1, "--batch-size", 8, "--out", tmp_path / "run")
    finally:
        (voices / "bass" / "click.wav").unlink()
    assert result.exit_code == 0
    said = " ".join(result.stdout.split())
    assert "receptive field 32 samples (4 ms)" in said
    assert "2 classes (alto" in said
    assert "1 file is left out: 1 shorter than 0.004 s (bass/click.wav)" in said


def test_the_same_seed_gives_the_same_sound(speakers: Path, tmp_path: Path, fxtrain: Run) -> None:
    for name, seed in (("one", 1), ("again", 1), ("two", 2)):
        result = fxtrain("sample", speakers, tmp_path / f"{name}.wav", "--seconds", 0.5, "--seed", seed)
        assert result.exit_code == 0
        assert "the class is alto; --class takes bass" in result.stdout
    assert (tmp_path / "one.wav").read_bytes() == (tmp_path / "again.wav").read_bytes()
    one, two = samples_of(tmp_path / "one.wav"), samples_of(tmp_path / "two.wav")
    assert len(one) == RATE // 2
    assert not np.array_equal(one, two)


def test_count_makes_the_sounds_of_the_seeds_that_follow(speakers: Path, tmp_path: Path, fxtrain: Run) -> None:
    words = ("--seconds", 0.1, "--class", "bass")
    result = fxtrain("sample", speakers, tmp_path / "many.wav", *words, "--seed", 4, "--count", 2, "--json")
    assert result.json["class"] == "bass"
    assert [Path(name).name for name in result.json["outputs"]] == ["many-1.wav", "many-2.wav"]
    fxtrain("sample", speakers, tmp_path / "single.wav", *words, "--seed", 5)
    assert (tmp_path / "single.wav").read_bytes() == (tmp_path / "many-2.wav").read_bytes()


def test_greedy_sampling_is_offered_with_a_warning(speakers: Path, tmp_path: Path, fxtrain: Run) -> None:
    result = fxtrain("sample", speakers, tmp_path / "a.wav", "--seconds", 0.1, "--temperature", 0)
    assert result.exit_code == 0
    assert "constant tone" in result.stdout


def test_a_sound_follows_the_mels_of_a_recording_or_a_file(
    vocoder: Path, voices: Path, tmp_path: Path, fxtrain: Run
) -> None:
    recording = voices / "alto" / "1.wav"
    assert fxtrain("sample", vocoder, tmp_path / "of.wav", "--mel-of", recording).exit_code == 0
    whole = len(samples_of(recording)) // SMALL_MEL["hop"] * SMALL_MEL["hop"]
    assert len(samples_of(tmp_path / "of.wav")) == whole

    from fxtrain.runs import load_trained_model
    from fxtrain.tasks.generation.sampling import save_mels

    model = load_trained_model(vocoder / "best.pt").model
    save_mels(tmp_path / "mels.npz", samples_of(recording), model)  # type: ignore[arg-type]
    assert fxtrain("sample", vocoder, tmp_path / "file.wav", "--mel", tmp_path / "mels.npz").exit_code == 0
    assert (tmp_path / "file.wav").read_bytes() == (tmp_path / "of.wav").read_bytes()

    metrics = json.loads((vocoder / "metrics.json").read_text())
    assert metrics["vocoding"]["mel_distance"] > 0
    assert metrics["vocoding"]["baselines"]["another_recording"] > 0


def refused(result: object, text: str) -> None:
    assert result.exit_code == 2, result.stderr  # type: ignore[attr-defined]
    message = result.stderr.strip()  # type: ignore[attr-defined]
    assert message.count("\n") == 0
    assert text in message, message


def test_requests_that_a_model_cannot_meet(
    speakers: Path, vocoder: Path, voices: Path, tmp_path: Path, fxtrain: Run
) -> None:
    out, recording = tmp_path / "out.wav", voices / "alto" / "1.wav"
    refused(fxtrain("sample", speakers, out, "--class", "carol"), "unknown class 'carol'; this model knows alto, bass")
    refused(fxtrain("sample", vocoder, out, "--mel-of", recording, "--class", "x"), "this model has no classes")
    refused(fxtrain("sample", speakers, out, "--mel-of", recording), "was trained without mels")
    refused(fxtrain("sample", vocoder, out), "give a recording with --mel-of")
    refused(fxtrain("sample", speakers, out, "--temperature", -1), "expected 0 or more")
    refused(fxtrain("sample", speakers, out, "--seconds", 1e6), "expected 3600 at most")
    refused(fxtrain("sample", speakers, out, "--seconds", 1e-6), "less than a sample")
    refused(fxtrain("sample", tmp_path / "none", out), "is not the folder of a run")
    refused(fxtrain("sample", vocoder, out, "--mel-of", tmp_path / "none.wav"), "does not exist")
    refused(fxtrain("sample", vocoder, out, "--mel", tmp_path / "none.npz"), "there is no file")
    out.write_bytes(b"")
    refused(fxtrain("sample", speakers, out), "exists already")
    assert out.read_bytes() == b""


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"mel": np.zeros((9, 4))}, "shape (9, 4), expected an array called mel of shape (8, frames)"),
        ({"mel": np.zeros(8)}, "shape (8,)"),
        ({"sound": np.zeros((8, 4))}, "holds mels of none"),
        ({"mel": np.zeros((8, 4)), "hop": 64}, "mels of hop 64, but this model was trained with hop 32"),
        ({"mel": np.zeros((8, 4)), "sample_rate": 44100}, "sample_rate 44100"),
        ({"mel": np.full((8, 4), np.nan)}, "no finite numbers"),
        ({"mel": np.array([["a"] * 4] * 8)}, "no finite numbers"),
        (b"no archive", "no file of mels"),
    ],
)
def test_mels_that_do_not_fit_are_refused(
    content: dict[str, np.ndarray] | bytes, text: str, vocoder: Path, tmp_path: Path, fxtrain: Run
) -> None:
    file = tmp_path / "mels.npz"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        np.savez(file, **content)  # type: ignore[arg-type]
    refused(fxtrain("sample", vocoder, tmp_path / "out.wav", "--mel", file), text)


def test_folders_that_cannot_be_trained_on(voices: Path, tmp_path: Path, fxtrain: Run) -> None:
    def fit(folder: Path, **more: object) -> object:
        return fxtrain("fit", *small_settings(folder, **more), "--epochs", 1, "--out", tmp_path / "run")

    empty = tmp_path / "empty"
    refused(fit(empty), "is not a folder")
    empty.mkdir()
    refused(fit(empty), "holds no sound files")
    (empty / "notes.txt").write_text("no sound")
    refused(fit(empty), "holds no sound files")
    for index in range(3):
        write_audio(empty / f"{index}.wav", np.zeros(31, np.float32), RATE)
    refused(fit(empty), "3 files are left out: 3 shorter than 0.004 s (0.wav, 1.wav, 2.wav)")
    refused(fit(voices / "alto" / "..", classes="folders", mu=1), "data.mu")
    only = tmp_path / "only"
    write_voices(only)
    for file in (only / "bass").iterdir():
        file.unlink()
    refused(fit(only, classes="folders"), "classes are asked for, but folders of")
    few = only / "alto" / "few"
    few.mkdir()
    write_audio(few / "0.wav", np.zeros(999, np.float32), RATE)
    refused(fit(few), "cannot be split into training, validation and test")
    table = tmp_path / "speakers.csv"
    table.write_text("file,speaker\nalto/0.wav,ada\nalto/1.wav,ada\nalto/2.wav,ada\n")
    refused(fit(voices, table=table, column="speaker"), "gives one alone, 'ada'")


def test_a_checkpoint_of_another_rate_or_mu_is_refused(
    speakers: Path, voices: Path, tmp_path: Path, fxtrain: Run
) -> None:
    for more, text in (({"sample_rate": 16000}, "trained at 8000 Hz"), ({"mu": 127}, "with mu 255, and this run")):
        words = (*small_settings(voices, **more), "--epochs", 1, "--checkpoint", speakers / "best.pt")
        refused(fxtrain("fit", *words, "--out", tmp_path / "run"), text)
    words = (*small_settings(voices), "--epochs", 1, "--checkpoint", speakers / "best.pt", "-q")
    assert fxtrain("fit", *words, "--out", tmp_path / "run").exit_code == 0


def test_a_run_of_an_effect_makes_no_sound_of_its_own(finished_run: Path, tmp_path: Path, fxtrain: Run) -> None:
    refused(fxtrain("sample", finished_run, tmp_path / "out.wav"), "makes no sound of its own")


def test_classes_are_the_column_of_a_table(voices: Path, tmp_path: Path, fxtrain: Run) -> None:
    table = tmp_path / "speakers.csv"
    rows = [f"{name}/{index}.wav,{who}" for name, who in (("alto", "eve"), ("bass", "bob")) for index in range(4)]
    table.write_text("\n".join(["file,speaker", *rows]))
    words = small_settings(voices, table=table, column="speaker")
    assert fxtrain("fit", *words, "--epochs", 1, "--batch-size", 8, "--out", tmp_path / "run", "-q").exit_code == 0
    result = fxtrain("sample", tmp_path / "run", tmp_path / "out.wav", "--seconds", 0.1, "--class", "eve", "--json")
    assert result.json["class"] == "eve"
