# SPDX-License-Identifier: MIT
"""Oversampled playback, from Python and from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from made_models import at_rest

from fxtrain import engine
from fxtrain.cli import main
from fxtrain.errors import ModelFileError

FACTORS = (2, 4, 8)


@pytest.fixture
def amp(make_model: Callable) -> Any:
    return make_model([("lstm", 6), ("dense", 1)], in_skip=1, samplerate=48000, metadata={"latency_samples": 5})


@pytest.fixture
def distortion(make_model: Callable) -> Path:
    """y = tanh(30 x): without memory, and with harmonics far above the band."""
    made = make_model([("dense", 1, "tanh")], samplerate=48000)
    made.document["layers"][0]["weights"] = [[[30.0]], [0.0]]
    made.path.write_text(json.dumps(made.document))
    return made.path


def render(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main(["render", *map(str, arguments), "--json"]) == 0
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def read(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32", always_2d=True)[0].T


def is_nearly(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether the difference is 60 dB down, from the second tenth of a second on.

    Plain and oversampled playback of strings, which are far below half the sample rate, differ where a string is
    struck and by the filters' images, 87 dB down. A lag of one frame is more than that.
    """
    rest = np.s_[..., 4800:]
    return bool(np.sqrt(np.mean((a - b)[rest] ** 2)) < 1e-3 * np.sqrt(np.mean(b[rest] ** 2)))


def test_a_lag_of_one_frame_would_be_seen(amp: Any, playing: np.ndarray) -> None:
    y = engine.load(amp.path).process(playing)
    assert not is_nearly(y[1:], y[:-1])


def alias_to_signal(period: np.ndarray, cycles: int) -> float:
    """Energy that is on no harmonic against energy that is, in dB, of a signal with ``cycles`` in the period."""
    energy = np.abs(np.fft.rfft(period)[1:-1]) ** 2
    harmonic = np.arange(1, len(energy) + 1) % cycles == 0
    return float(10 * np.log10(energy[~harmonic].sum() / energy[harmonic].sum()))


def test_the_latency_is_told_and_is_what_the_output_is_late(amp: Any, playing: np.ndarray) -> None:
    expected = engine.load(amp.path).process(playing)
    for factor in FACTORS:
        model = engine.load(amp.path, oversampling=factor)
        assert model.info.oversampling == factor
        assert model.info.latency_frames == model.info.oversampling_latency_frames + 5
        assert model.info.to_dict()["oversampling_latency_frames"] == model.info.oversampling_latency_frames
        late = model.process(playing)[model.info.oversampling_latency_frames :]
        assert is_nearly(late, expected[: len(late)])
    assert engine.load(amp.path).info.oversampling_latency_frames == 0


def test_play_takes_the_latency_off(amp: Any, playing: np.ndarray) -> None:
    stereo = np.stack([playing[:48_000], playing[48_000:]])
    expected = engine.load(amp.path).play(stereo)
    assert np.array_equal(expected[:, :-5], engine.load(amp.path).process(stereo)[:, 5:])
    for factor in FACTORS:
        played = engine.load(amp.path, oversampling=factor).play(stereo)
        assert played.shape == stereo.shape
        assert is_nearly(played, expected)


def test_other_factors_are_refused(amp: Any) -> None:
    for factor in (0, 3, 16, -2):
        with pytest.raises(ModelFileError, match="1, 2, 4 or 8"):
            engine.load(amp.path, oversampling=factor)


def test_oversampled_blocks_give_what_the_whole_gives(amp: Any, playing: np.ndarray) -> None:
    stereo = np.stack([playing[:9600], -playing[9600:19_200]])
    model = engine.load(amp.path, oversampling=4)
    whole = model.process(stereo)
    model.reset()
    pieces = [model.process(np.ascontiguousarray(block)) for block in np.array_split(stereo, 37, axis=1)]
    assert np.array_equal(np.concatenate(pieces, axis=1), whole)


def test_oversampling_lowers_the_aliases_of_a_distorted_tone(distortion: Path) -> None:
    cycles, period = 101, 960  # 5050 Hz at 48 kHz
    tone = np.sin(2 * np.pi * cycles * np.arange(2 * period) / period).astype(np.float32)
    ratios = {
        factor: alias_to_signal(engine.load(distortion, oversampling=factor).process(tone)[period:], cycles)
        for factor in (1, *FACTORS)
    }
    assert ratios[2] < ratios[1] - 6
    assert ratios[4] < ratios[1] - 14
    assert ratios[8] < ratios[1] - 28


@pytest.mark.parametrize("factor", FACTORS)
def test_render_oversamples_and_stays_aligned_with_the_input(
    amp: Any, tmp_path: Path, playing: np.ndarray, factor: int, capsys: pytest.CaptureFixture[str]
) -> None:
    stereo = np.stack([playing[:48_000], playing[48_000:]])
    soundfile.write(tmp_path / "dry.wav", stereo.T, 48_000, subtype="FLOAT")
    model = at_rest(amp.path, oversampling=factor)
    latency = model.info.latency_frames
    expected = model.process(np.pad(stereo, ((0, 0), (0, latency))))[:, latency:]
    for block_size in (50, 4096):
        out = tmp_path / f"wet-{block_size}.wav"
        result = render(capsys, amp.path, tmp_path / "dry.wav", out, "--oversample", factor, "--block-size", block_size)
        assert (result["oversampling"], result["removed_latency"]) == (factor, latency)
        assert result["num_frames"] == 48_000
        assert np.array_equal(read(out), expected)
    plain = tmp_path / "plain.wav"
    assert render(capsys, amp.path, tmp_path / "dry.wav", plain)["removed_latency"] == 5  # stated by the file
    assert is_nearly(expected, read(plain))


def test_render_oversamples_what_is_shorter_than_its_latency(
    amp: Any, tmp_path: Path, playing: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "dry.wav", playing[20_000:20_010], 48_000, subtype="FLOAT")
    result = render(capsys, amp.path, tmp_path / "dry.wav", tmp_path / "wet.wav", "--oversample", 8)
    assert result["num_frames"] == soundfile.info(tmp_path / "wet.wav").frames == 10


def test_render_says_what_it_does_with_the_latency(
    amp: Any, tmp_path: Path, playing: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "dry.wav", playing[:4800], 48_000)
    arguments = [str(amp.path), str(tmp_path / "dry.wav"), str(tmp_path / "wet.wav")]
    assert main(["render", *arguments, "--oversample", "4"]) == 0
    assert "aligned with the input" in " ".join(capsys.readouterr().out.split())


def test_render_does_not_oversample_torch(
    amp: Any, tmp_path: Path, playing: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "dry.wav", playing[:480], 48_000)
    arguments = [str(amp.path), str(tmp_path / "dry.wav"), str(tmp_path / "wet.wav")]
    assert main(["render", *arguments, "--backend", "torch", "--oversample", "2"]) == 2
    assert "--oversample needs the engine" in capsys.readouterr().err
    assert not (tmp_path / "wet.wav").exists()
