# SPDX-License-Identifier: MIT
"""Restoring recordings, as a person does: train a small model, restore files of several kinds with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from made_recordings import RATE, bright_notes, make_recordings
from peak_memory import peak_of_command

from fxtrain.audio import write_audio
from fxtrain.audio.codecs import code, lag_of, parse_codec
from fxtrain.cli import main
from fxtrain.folders import shipped_checkpoints
from fxtrain.runs import load_trained_model
from fxtrain.tasks.restoration.restorer import FrameNoise, Restorer

pytest.importorskip("av", reason="make generators was not run")

SMALL = ("n_fft=256", "hop=64", "bands=8", "channels=3", "blocks=2")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a small model."""
    folder = tmp_path_factory.mktemp("restoration")
    make_recordings(folder / "clean", RATE, count=8, channels=2)
    data = {"folder": folder / "clean", "sample_rate": RATE, "crops": 64, "crop_frames": 4096, "validation_crops": 8}
    settings = [f"data.{name}={value}" for name, value in data.items()] + [f"model.{each}" for each in SMALL]
    settings += ["data.codecs=['mp3-24','mp3-32']", "data.test_seconds=1.0"]
    words = [word for setting in settings for word in ("--set", setting)]
    out = folder / "run"
    assert main(["fit", "--model", "restore-gan", *words, "--epochs", "3", "--out", str(out), "-q"]) == 0
    return out


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An MP3, and what it was made from."""
    folder = tmp_path_factory.mktemp("damaged")
    clean = bright_notes(100, 2.003, RATE, 2)
    write_audio(folder / "clean.wav", clean, RATE)
    write_audio(folder / "damaged.flac", code(clean, RATE, parse_codec("mp3-32")), RATE)
    soundfile.write(
        folder / "damaged.mp3", clean.T, RATE, format="MP3", bitrate_mode="VARIABLE", compression_level=0.95
    )
    return folder / "damaged.flac", folder / "clean.wav"


def restore(*words: str | Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["restore", *map(str, words), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_page_and_the_figures_stand_beside_their_baselines(run: Path) -> None:
    metrics = json.loads((run / "metrics.json").read_text())
    assert {"lsd_above_cutoff", "low_band_snr_db", "high_energy_db", "squared_error"} <= set(metrics)
    assert {"damaged", "mean_envelope", "band_replication"} <= set(metrics["baselines"])
    assert metrics["lsd_above_cutoff"] < metrics["baselines"]["damaged"]["lsd_above_cutoff"]
    assert metrics["low_band_snr_db"] == pytest.approx(metrics["baselines"]["damaged"]["low_band_snr_db"], abs=1.0)
    assert "take" in (run / "report.html").read_text()


def test_a_file_gets_its_highs_back_and_stays_in_step(
    run: Path, damaged: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = restore(damaged[0], tmp_path / "out.wav", "--model", run, capsys=capsys)
    assert (found["restored"], found["model"]) == (True, "restore-gan")
    assert 2000 < found["cutoff_hz"] < 7000
    before, _ = soundfile.read(damaged[0], always_2d=True)
    after, rate = soundfile.read(tmp_path / "out.wav", always_2d=True)
    assert (after.shape, rate) == (before.shape, RATE)
    assert lag_of(after.T[0], before.T[0]) == 0
    hz = np.fft.rfftfreq(len(before), 1 / RATE)
    spectra = [np.abs(np.fft.rfft(x, axis=0)) for x in (before, after)]
    low, high = hz < found["cutoff_hz"] - 500, hz > found["cutoff_hz"] + 500
    error = np.square(spectra[1][low] - spectra[0][low]).sum() / np.square(spectra[0][low]).sum()
    assert error < 1e-4  # below -40 dB: what a window leaks
    assert np.square(spectra[1][high]).sum() > 100 * np.square(spectra[0][high]).sum()
    again = restore(damaged[0], tmp_path / "again.wav", "--model", run, capsys=capsys)
    assert again["num_frames"] == len(before)
    assert np.array_equal(soundfile.read(tmp_path / "again.wav", always_2d=True)[0], after)
    restore(damaged[0], tmp_path / "seed.wav", "--model", run, "--seed", "1", capsys=capsys)
    assert not np.array_equal(soundfile.read(tmp_path / "seed.wav", always_2d=True)[0], after)
    restore(damaged[0], tmp_path / "none.wav", "--model", run, "--mix", "0", capsys=capsys)
    assert np.allclose(soundfile.read(tmp_path / "none.wav")[0], before, atol=1e-7)


def test_a_lossy_file_names_its_codec(
    run: Path, damaged: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = restore(
        damaged[0].with_suffix(".mp3"), tmp_path / "o.flac", "--model", run, "--cutoff", "5000", capsys=capsys
    )
    assert found["codec_guess"].startswith("mp3, ")
    assert soundfile.info(tmp_path / "o.flac").frames == soundfile.info(damaged[0]).frames


def test_a_file_without_loss_is_left_alone(
    run: Path, damaged: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = restore(damaged[1], tmp_path / "out.wav", "--model", run, capsys=capsys)
    assert (found["restored"], found["cutoff_hz"]) == (False, None)
    assert not (tmp_path / "out.wav").exists()
    assert restore(damaged[1], tmp_path / "out.wav", "--model", run, "--force", capsys=capsys)["restored"]


def test_a_model_is_judged_on_two_files(
    run: Path, damaged: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["evaluate", str(run), str(damaged[0]), str(damaged[1]), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert {"lsd_above_cutoff", "low_band_snr_db"} <= set(figures)
    assert {"damaged", "mean_envelope", "band_replication"} <= set(figures["baselines"])


@pytest.mark.parametrize("rate", [22050, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_other_rates_and_channels_keep_length_and_lows(run: Path, rate: int, channels: int) -> None:
    model: Any = load_trained_model(run / "best.pt").model
    sound = bright_notes(7, 1.37, rate, channels)
    restored = Restorer(model, rate, channels, 4000.0).restore(sound)
    assert restored.shape == sound.shape
    spectra = np.abs(np.fft.rfft(restored - sound, axis=1))
    hz = np.fft.rfftfreq(sound.shape[1], 1 / rate)
    assert np.square(spectra[:, hz < 3500]).sum() < 1e-3 * np.square(spectra).sum()
    assert np.square(spectra).sum() > 0


@pytest.mark.slow
def test_twenty_minutes_of_stereo_keep_their_length_in_the_memory_of_two(run: Path, tmp_path: Path) -> None:
    peaks = []
    ten_seconds = bright_notes(1, 10.0, 44_100, 2).T
    for minutes in (2, 20):
        with soundfile.SoundFile(tmp_path / "in.wav", "w", 44_100, 2, "PCM_16") as file:
            for _ in range(minutes * 6):
                file.write(ten_seconds)
        files = (tmp_path / "in.wav", tmp_path / "out.wav")
        peaks.append(peak_of_command("restore", *files, "--model", run, "--cutoff", 4000, "--force", "-q"))
        assert soundfile.info(tmp_path / "out.wav").frames == minutes * 60 * 44_100
    assert peaks[1] - peaks[0] < 30  # twenty minutes of stereo in float32 are 404


def test_noise_depends_on_its_place_alone() -> None:
    noise = FrameNoise(5, 1, 3)
    assert np.array_equal(noise.frames(-10, 200)[:, 30:40], noise.frames(20, 30))
    assert not np.array_equal(noise.frames(0, 8), FrameNoise(6, 1, 3).frames(0, 8))
    assert not np.array_equal(noise.frames(0, 8), FrameNoise(5, 0, 3).frames(0, 8))
    assert float(noise.frames(0, 4000).square().mean()) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("missing.mp3", "OUT.wav"), "does not exist"),
        (("text.mp3", "OUT.wav"), "is not audio that can be read (format not recognised)"),
        (("silence.wav", "OUT.wav"), "is silent"),
        (("short.wav", "OUT.wav"), "holds 0.050 s of sound, expected 0.1 s"),
        (("good.wav", "good.wav"), "is the file to be read"),
        (("good.wav", "there.wav"), "exists already"),
        (("good.wav", "OUT.mp3"), "is not a WAV or FLAC file"),
        (("good.wav", "OUT.wav", "--model", "text.mp3"), "checkpoint"),
        (("good.wav", "OUT.wav", "--model", "nothing"), "is no model"),
        (("good.wav", "OUT.wav", "--cutoff=8000"), "--cutoff is 8000 Hz, but "),
    ],
)
def test_what_cannot_be_restored_is_named_in_a_sentence(
    words: tuple[str, ...], message: str, run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_audio(tmp_path / "good.wav", bright_notes(1, 1.0, RATE), RATE)
    write_audio(tmp_path / "there.wav", bright_notes(1, 1.0, RATE), RATE)
    write_audio(tmp_path / "silence.wav", np.zeros(RATE, np.float32), RATE)
    write_audio(tmp_path / "short.wav", bright_notes(1, 0.05, RATE), RATE)
    (tmp_path / "text.mp3").write_text("no sound, and no model")
    paths = [word if word.startswith("--") else str(tmp_path / word) for word in words]
    given = [] if "--model" in paths else ["--model", str(run)]
    assert main(["restore", *paths, *given]) == 2
    said = capfd.readouterr().err
    assert message in said
    assert said.count("\n") == 1  # of the libraries beneath, too
    assert not (tmp_path / "OUT.wav").exists()


@pytest.mark.parametrize("name", ["mse", "restore-mse"])
def test_a_shipped_model_goes_by_both_of_its_names(
    name: str, damaged: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "mse" not in shipped_checkpoints():
        pytest.skip("the shipped models are not at hand")
    assert restore(damaged[0], tmp_path / "out.wav", "--model", name, capsys=capsys)["model"] == "restore-mse"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("data.sample_rate=96000", "data.sample_rate is 96000, but mp3-32 takes no sound of 96000 Hz"),
        ("model.hop=100", "model.hop is 100, which does not divide model.n_fft, 256, twice or more"),
        ("model.hop=256", "model.hop is 256, which does not divide model.n_fft, 256, twice or more"),
    ],
)
@pytest.mark.parametrize("kind", ["gan", "diffusion", "mse"])
def test_settings_that_no_model_can_have_are_named(
    kind: str, setting: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = (f"data.folder={tmp_path}", "model.n_fft=256", "model.hop=64", setting)
    words = [word for each in settings for word in ("--set", each)]
    assert main(["fit", "--model", f"restore-{kind}", *words, "--out", str(tmp_path / "run"), "-q"]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_recordings_that_were_coded_themselves_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_recordings(tmp_path / "clean", RATE, count=5)
    coded = code(bright_notes(9, 1.5, RATE), RATE, parse_codec("mp3-16"))
    write_audio(tmp_path / "clean" / "coded.wav", coded, RATE)
    sizes = ("crops=8", "crop_frames=4096", "validation_crops=2", "test_seconds=0.6", f"sample_rate={RATE}")
    settings = [f"data.{each}" for each in (f"folder={tmp_path / 'clean'}", "codecs=['mp3-16']", *sizes)]
    words = [word for setting in [*settings, *(f"model.{each}" for each in SMALL)] for word in ("--set", setting)]
    out = tmp_path / "run"
    assert main(["fit", "--model", "restore-mse", *words, "--epochs", "1", "--out", str(out)]) == 0
    assert "1 of 6 recordings were coded themselves" in " ".join(capsys.readouterr().out.split())


def test_a_model_of_highs_alone_refuses_to_correct_the_rest(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("diffusers", reason="make generators was not run")
    import torch

    from fxtrain.models import get_model
    from fxtrain.training.checkpoint import save_checkpoint

    sizes = {"domain": "latent", "n_fft": 256, "hop": 64, "channels": 8, "levels": 0, "blocks": 1, "steps": 2}
    facts = {"sample_rate": RATE, "profile": [-2.0] * 129}
    torch.manual_seed(0)
    made = get_model("restore-diffusion").from_config(sizes, loss={}, **facts)
    content = {"model": made.name, "tables": {"model": sizes}, "facts": facts, "metadata": {}}
    save_checkpoint(tmp_path / "highs.pt", content | {"weights": dict(made.state_dict())})
    write_audio(tmp_path / "in.wav", bright_notes(1, 1.0, RATE), RATE)
    words = ["restore", tmp_path / "in.wav", tmp_path / "out.wav", "--model", tmp_path / "highs.pt", "--cutoff", "4000"]
    assert main([*map(str, words), "--full"]) == 2
    assert "makes highs alone" in capfd.readouterr().err
    assert main([*map(str, words), "--steps", "1001"]) == 2
    assert "1001 diffusion steps were asked for, but the model was trained on 1000" in capfd.readouterr().err
    assert not (tmp_path / "out.wav").exists()
    assert main(list(map(str, words))) == 0
    assert (tmp_path / "out.wav").exists()
