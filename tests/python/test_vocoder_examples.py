# SPDX-License-Identifier: MIT
"""The shipped settings of the vocoder, and the pretraining of its encoder."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
from made_recordings import bright_notes, make_recordings

from fxtrain.audio import write_audio
from fxtrain.cli import main
from fxtrain.config import read_toml
from fxtrain.runs import RunSpec

pytest.importorskip("transformers", reason="make generators was not run")

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "vocoder"
RATE = 48_000


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("speech") / "clean"
    make_recordings(folder, RATE, count=6, seconds=1.5)
    return folder


@pytest.fixture(scope="module")
def pretrained(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WavLM after three steps of the shipped script."""
    out = tmp_path_factory.mktemp("wavlm") / "encoder"
    words = [EXAMPLES / "pretrain_wavlm.py", recordings, out, "--steps", 3, "--batch-size", 2, "--seconds", 1]
    words += ["--width", 32, "--layers", 2, "--units", 8]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [str(word) for word in words])
        runpy.run_path(str(words[0]), run_name="__main__")
    return out


def test_a_pretrained_wavlm_is_read_as_transformers_saved_it(pretrained: Path) -> None:
    from fxtrain.models.generators._encoders import load_encoder

    encoder = load_encoder(str(pretrained), "weighted")
    assert (encoder.kind, encoder.width, encoder.num_layers) == ("wavlm", 32, 3)
    sound = torch.from_numpy(bright_notes(0, 1.0, 16_000))
    assert encoder(sound).shape == (1, 3, 50, 32)
    # The script says that its input is normalised: the level does not matter.
    assert torch.allclose(encoder(sound), encoder(0.1 * sound), atol=1e-4)


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.toml")))
def test_each_use_trains_and_renders(
    name: str, pretrained: Path, recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = RunSpec.from_tables(read_toml(EXAMPLES / name), where=EXAMPLES / name)
    spec.check()
    assert spec.training.max_minutes
    small: dict[str, Any] = {
        "data.folder": recordings,
        "data.segment_frames": 8,
        "data.test_seconds": 0.5,
        "data.test_noise_snr_db": [10],
        "model.encoder": pretrained,
        "model.channels": 16,
        "model.blocks": 1,
        "model.discriminator_channels": 0.03,
        "training.batch_size": 2,
    }
    if spec.tables["model"].get("layer") == 6:
        small["model.layer"] = 2
    words = ["fit", "--config", str(EXAMPLES / name), "--max-steps", "2", "--out", str(tmp_path / "run"), "-q"]
    words += [word for key, value in small.items() for word in ("--set", f"{key}={value}")]
    assert main(words) == 0
    (heard,) = json.loads((tmp_path / "run" / "metrics.json").read_text())["noise"]
    assert heard["snr_db"] == 10
    assert heard["mel_distance"] > 0
    assert heard["noisy"] > 0
    write_audio(tmp_path / "in.wav", bright_notes(5, 0.5, RATE), RATE)
    assert main(["render", str(tmp_path / "run"), str(tmp_path / "in.wav"), str(tmp_path / "out.wav"), "-q"]) == 0
    rate = spec.tables["model"].get("target_rate", 16_000)
    info = soundfile.info(tmp_path / "out.wav")
    assert (info.samplerate, info.frames) == (rate, rate // 2)


def test_noise_has_the_level_that_was_asked_for_and_is_the_same_each_time() -> None:
    import numpy as np

    from fxtrain.data.features import with_noise

    sound = bright_notes(3, 2.0, 16_000)[0]
    for snr_db in (20.0, 0.0):
        noise = with_noise(sound, snr_db, "one") - sound
        assert 10 * np.log10(np.sum(sound**2) / np.sum(noise**2)) == pytest.approx(snr_db, abs=0.1)
    assert np.array_equal(with_noise(sound, 10, "one"), with_noise(sound, 10, "one"))
    assert not np.array_equal(with_noise(sound, 10, "one"), with_noise(sound, 10, "other"))
    assert with_noise(sound, 200, "one") is sound
