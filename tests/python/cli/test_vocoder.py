# SPDX-License-Identifier: MIT
"""Sound from hidden states, as a person makes it: train a small vocoder, reconstruct recordings with it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from made_recordings import RATE, bright_notes, make_recordings
from peak_memory import peak_of_command

from fxtrain.audio import write_audio
from fxtrain.cli import main
from fxtrain.errors import ConfigError, InputError
from fxtrain.models.generators._encoders import load_encoder
from fxtrain.runs import load_trained_model
from fxtrain.tasks.vocoder.rendering import reconstruct, render_file

transformers = pytest.importorskip("transformers", reason="make generators was not run")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small WavLM with random weights, as ``save_pretrained`` writes it."""
    folder = tmp_path_factory.mktemp("wavlm")
    torch.manual_seed(0)
    config = transformers.WavLMConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        conv_dim=(16,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
    )
    transformers.WavLMModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings") / "clean"
    make_recordings(folder, RATE, count=8, seconds=2.0)
    return folder


def fit(folder: Path, out: Path, **settings: Any) -> int:
    model = {"channels": 16, "blocks": 1, "discriminator_channels": 0.03} | settings
    words = ["fit", "--model", "ssl-vocoder", "--set", f"data.folder={folder}", "--set", "data.segment_frames=8"]
    for name, value in model.items():
        words += ["--set", f"model.{name}={value}"]
    return main([*words, "--epochs", "2", "--set", "batch_size=4", "--out", str(out), "-q"])


@pytest.fixture(scope="module")
def run(encoder: Path, recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("vocoder") / "run"
    assert fit(recordings, out, encoder=encoder, layer=1) == 0
    return out


def test_figures_stand_beside_their_baselines(run: Path) -> None:
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["mel_distance"] < metrics["baselines"]["untrained"]
    assert {"untrained", "mean_mel", "griffin_lim", "griffin_lim_true"} == set(metrics["baselines"])
    assert metrics["baselines"]["griffin_lim_true"] < metrics["baselines"]["griffin_lim"]
    assert "take" in (run / "report.html").read_text()


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
def test_a_reconstruction_is_as_long_as_the_recording(run: Path, rate: int, tmp_path: Path) -> None:
    model: Any = load_trained_model(run / "best.pt").model
    encoder = load_encoder(model.config.encoder, model.config.layer)
    for index, seconds in enumerate((0.1, 0.1001, 0.5, 1.0, 1.2345, 3.21)):
        sound = bright_notes(index, seconds, rate)
        write_audio(tmp_path / "in.wav", sound, rate)
        num_frames, _ = render_file(model, encoder, tmp_path / "in.wav", tmp_path / "out.wav")
        info = soundfile.info(tmp_path / "out.wav")
        assert info.frames == num_frames == round(sound.shape[1] * 16_000 / rate)


def test_thirty_lengths_up_to_a_minute_come_back_to_the_sample(run: Path) -> None:
    model: Any = load_trained_model(run / "best.pt").model
    encoder = load_encoder("mel", 0)
    model = type(model)(model.config, encoder.width, 1).eval()
    for num_frames in np.geomspace(0.1 * RATE, 60 * RATE, 30).astype(int):
        sound = np.zeros(num_frames, np.float32)
        made = sum(len(part) for part in reconstruct(model, encoder, iter([sound])))
        assert 0 <= made - num_frames < 320  # whole hidden states; render_file() cuts the last one


@pytest.mark.slow
def test_the_memory_of_render_does_not_grow_with_the_length(run: Path, tmp_path: Path) -> None:
    peaks = []
    for minutes in (5, 30):
        write_audio(tmp_path / "in.wav", np.tile(bright_notes(1, 10.0, RATE), minutes * 6), RATE)
        peaks.append(peak_of_command("render", run, tmp_path / "in.wav", tmp_path / "out.wav", "--force", "-q"))
        assert soundfile.info(tmp_path / "out.wav").frames == minutes * 60 * RATE
    assert peaks[1] - peaks[0] < 20  # half an hour at 16 kHz is 110


def test_chunks_do_not_change_the_length_and_hardly_the_sound(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model: Any = load_trained_model(run / "best.pt").model
    encoder = load_encoder("mel", 0)
    model = type(model)(model.config, encoder.width, 1).eval()
    sound = bright_notes(3, 6.0, RATE)[0]
    whole = np.concatenate(list(reconstruct(model, encoder, iter([sound]))))
    monkeypatch.setattr("fxtrain.tasks.vocoder.rendering._CHUNK_FRAMES", 40)
    parts = np.concatenate(list(reconstruct(model, encoder, iter(np.array_split(sound, 17)))))
    assert whole.shape == parts.shape == sound.shape
    assert np.abs(whole - parts)[320:-320].max() < 1e-4 * np.abs(whole).max()


def test_saved_states_give_the_sound_of_the_recording(
    run: Path, encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_audio(tmp_path / "in.wav", bright_notes(5, 1.0, RATE), RATE)
    states, one, other = (str(tmp_path / name) for name in ("states.npz", "one.wav", "other.wav"))
    words = ["features", str(tmp_path / "in.wav"), states, "--encoder", str(encoder), "--layer", "1", "--json"]
    capsys.readouterr()
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == 50
    assert main(["render", str(run), str(tmp_path / "in.wav"), one, "-q"]) == 0
    assert main(["render", str(run), "--features", states, other, "-q"]) == 0
    first, second = (soundfile.read(path)[0] for path in (one, other))
    assert first.shape == second.shape
    assert np.abs(first - second).max() < 0.02 * np.abs(first).max()  # states are saved with 16 bits


def test_a_run_keeps_to_its_encoder(
    run: Path, encoder: Path, recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "encoder"
    shutil.copytree(encoder, copy)
    assert fit(recordings, tmp_path / "run", encoder=copy, layer=1) == 0
    network = transformers.AutoModel.from_pretrained(copy)
    with torch.no_grad():
        next(network.parameters()).add_(0.01)
    network.save_pretrained(copy)
    write_audio(tmp_path / "in.wav", bright_notes(5, 0.5, RATE), RATE)
    capsys.readouterr()
    assert main(["render", str(tmp_path / "run"), str(tmp_path / "in.wav"), str(tmp_path / "out.wav")]) == 2
    assert "has other weights than the one this model was trained on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"encoder": "nothing"}, "is no folder"),
        ({"encoder": "mel", "layer": 7}, "has one layer only"),
        ({"encoder": "mel", "layer": 0, "target_rate": 16_010}, "give a multiple of 50 Hz"),
        ({"encoder": "mel", "layer": 0, "generator": "hifigan", "target_rate": 22_050}, "makes no sound at 22050 Hz"),
    ],
)
def test_wrong_settings_are_named(
    settings: dict[str, Any], message: str, recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fit(recordings, tmp_path / "run", **settings) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_features_are_made_of_what_render_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    av = pytest.importorskip("av", reason="make generators was not run")
    with av.open(str(tmp_path / "in.m4a"), "w") as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(bright_notes(5, 1.0, RATE).astype(np.float32), "fltp", "mono")
        frame.sample_rate = RATE
        frame.pts = 0
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    words = [str(tmp_path / "in.m4a"), str(tmp_path / "out.npz"), "--encoder", "mel", "--layer", "0", "--json"]
    capsys.readouterr()
    assert main(["features", *words]) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == 50


@pytest.mark.parametrize("damage", ["truncated", "another size"])
def test_a_folder_whose_weights_do_not_fit_is_no_encoder(
    damage: str, encoder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "encoder"
    shutil.copytree(encoder, folder)
    if damage == "truncated":
        content = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").write_bytes(content[: len(content) // 2])
    else:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"hidden_size": 64}))
    with pytest.raises(ConfigError, match="is not the folder of an encoder"):
        load_encoder(str(folder), 1)
    assert "Loading weights" not in capfd.readouterr().err


def test_an_encoder_is_loaded_without_a_progress_bar(encoder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    load_encoder(str(encoder), 1)
    assert "Loading weights" not in capfd.readouterr().err


def test_clips_that_are_too_short_are_left_out_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_recordings(tmp_path / "clean", RATE, count=4, seconds=0.1)
    assert fit(tmp_path / "clean", tmp_path / "run", encoder="mel", layer=0) == 2
    assert "4 shorter than 0.18 s (take0.wav" in capsys.readouterr().err


@pytest.mark.parametrize(("rate", "noise"), [(32_000, 200.0), (16_000, 10.0)])
def test_a_higher_rate_and_noise_in_the_input_train_too(rate: int, noise: float, tmp_path: Path) -> None:
    make_recordings(tmp_path / "clean", 32_000, count=6, seconds=1.0)
    words = ["fit", "--model", "ssl-vocoder", "--set", f"data.folder={tmp_path / 'clean'}", "--epochs", "1", "-q"]
    settings = {"model.encoder": "mel", "model.layer": 0, "model.target_rate": rate, "data.noise_snr_db": noise}
    settings |= {
        "model.channels": 16,
        "model.blocks": 1,
        "model.discriminator_channels": 0.03,
        "data.segment_frames": 8,
    }
    words += [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    assert main([*words, "--set", "batch_size=4", "--out", str(tmp_path / "run")]) == 0
    write_audio(tmp_path / "in.wav", bright_notes(5, 0.5, RATE), RATE)
    assert main(["render", str(tmp_path / "run"), str(tmp_path / "in.wav"), str(tmp_path / "out.wav"), "-q"]) == 0
    info = soundfile.info(tmp_path / "out.wav")
    assert (info.samplerate, info.frames) == (rate, rate // 2)


def test_states_of_another_shape_are_refused(run: Path, tmp_path: Path) -> None:
    from fxtrain.tasks.vocoder.rendering import read_states, render_states

    model: Any = load_trained_model(run / "best.pt").model
    with pytest.raises(InputError, match=r"have the shape \(1, 10, 7\), expected \(1, frames, 32\)"):
        render_states(model, np.zeros((1, 10, 7), dtype=np.float32))
    file = tmp_path / "x.npz"
    file.write_bytes(b"no states")
    with pytest.raises(InputError, match="holds no hidden states"):
        read_states(file)
    file.write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(InputError, match="holds no hidden states"):
        read_states(file)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layer": "2"}, "holds states of layer 2 of the encoder, expected layer 1"),
        ({"states": np.zeros((1, 0, 32), np.float16)}, "holds states of the shape (1, 0, 32), expected one frame"),
        ({"states": np.full((1, 9, 32), np.nan, np.float16)}, "holds NaN or infinity"),
        ({"sha256": None, "layer": None}, "lacks layer and sha256, expected states, layer, sha256"),
        ({"sha256": "0"}, "holds the states of another encoder"),
    ],
)
def test_states_that_do_not_fit_the_run_are_refused(
    run: Path, changes: dict[str, Any], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = load_trained_model(run / "best.pt").facts
    content = {"states": np.zeros((1, 9, 32), np.float16), "layer": "1", "sha256": facts["encoder_sha256"]} | changes
    np.savez(tmp_path / "x.npz", **{key: value for key, value in content.items() if value is not None})
    capsys.readouterr()
    words = ["render", str(run), "--features", str(tmp_path / "x.npz"), str(tmp_path / "out.wav")]
    assert main(words) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out.wav").exists()


@pytest.mark.parametrize("hop", [160, 320, 640, 960])
def test_both_generators_make_exactly_hop_samples_of_a_frame(hop: int) -> None:
    from fxtrain.models.generators._waveform_generators import HifiGan, Vocos

    for frames in (1, 2, 9):
        states = torch.randn(2, frames, 6)
        for generator in (HifiGan(6, hop, 32), Vocos(6, hop, 8, 1)):
            with torch.no_grad():
                assert generator(states).shape == (2, frames * hop)


def test_discriminators_see_their_period_and_scale() -> None:
    from fxtrain.models.generators._discriminators import PeriodDiscriminator, ScaleDiscriminator

    sound = torch.randn(2, 4000)
    for period in (2, 3, 5, 7, 11):
        scores, features = PeriodDiscriminator(period, 2)(sound)
        assert scores.shape[-1] == period
        assert len(features) == 5
    lengths = [ScaleDiscriminator(scale, 16)(sound)[0].shape[-1] for scale in (1, 2, 4)]
    assert lengths[0] > 1.9 * lengths[1] > 3.6 * lengths[2]
