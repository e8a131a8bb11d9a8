# SPDX-License-Identifier: MIT
"""Model files that others wrote, and twins of them made on the spot."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nam_reference
import numpy as np
import pytest

from fxtrain import engine
from fxtrain.errors import ModelFileError

BACKENDS = [
    pytest.param(
        backend,
        marks=pytest.mark.skipif(
            backend not in engine.available_backends(), reason=f"{backend} is not built in (FXTRAIN_RTNEURAL=ON)"
        ),
    )
    for backend in ("fxengine", "rtneural")
]

NAM_FILES = (
    "A2.nam",
    "BossLSTM-1x16.nam",
    "BossWN-a2.nam",
    "BossWN-nano.nam",
    "lstm.nam",
    "slimmable_container.nam",
    "slimmable_wavenet.nam",
    "wavenet.nam",
    "wavenet_a1_standard.nam",
    "wavenet_condition_dsp.nam",
)


@pytest.fixture
def foreign_models(shared_data: Path) -> Path:
    return shared_data / "foreign-models"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["lstm", "lstm_1d", "gru", "gru_1d", "dense", "conv"])
def test_rtneurals_own_files_match_their_vectors(foreign_models: Path, name: str, backend: str) -> None:
    folder = foreign_models / "rtneural"
    x = np.loadtxt(folder / f"{name}_x.csv", dtype=np.float32)
    expected = np.loadtxt(folder / f"{name}_y.csv")
    output = engine.load(folder / f"{name}.json", backend=backend).process(x)
    assert np.abs(output - expected).max() < 1e-6


@pytest.mark.parametrize("backend", BACKENDS)
def test_aida_models_pass_their_self_test(foreign_models: Path, backend: str) -> None:
    paths = sorted((foreign_models / "aida").glob("*.json"))
    assert len(paths) == 3
    for path in paths:
        info = engine.load(path, backend=backend).info
        assert info.self_test is not None
        assert info.self_test.num_frames == 2048
        assert info.self_test.max_error < 1e-5
        assert info.sample_rate == 48000  # a text in these files
        assert info.metadata["author"] == "deer ink studios"


def test_a_twin_of_an_aida_model_passes_its_self_test_and_fails_when_damaged(
    make_model: Callable, playing: np.ndarray
) -> None:
    made = make_model([("lstm", 12), ("dense", 1)], metadata={"samplerate": "48000", "license": "CC BY 4.0"})
    x = playing[:2048]
    document = made.document | {"input_batch": x.tolist(), "output_batch": made.play(x).tolist()}
    made.path.write_text(json.dumps(document))
    test = engine.load(made.path).info.self_test
    assert test is not None
    assert (test.num_frames, test.tolerance) == (2048, 1e-5)
    document["layers"][0]["weights"][1][3][7] += 0.01
    made.path.write_text(json.dumps(document))
    with pytest.raises(ModelFileError, match=r"output_batch\[\d+\]: expected .* test vectors"):
        engine.load(made.path)


def test_sizes_that_disagree_with_the_weights_are_refused_with_the_reason(foreign_models: Path) -> None:
    # It declares 16 units, but its weights are those of 20.
    with pytest.raises(
        ModelFileError, match=r"4 gates of the 16 units that layers\[0\]\.shape declares\), found a list of 80"
    ):
        engine.load(foreign_models / "rtneural" / "bad_lstm.json")


@pytest.mark.parametrize("name", NAM_FILES)
def test_nam_files_play_as_float64_does(foreign_models: Path, playing: np.ndarray, name: str) -> None:
    path = foreign_models / "nam" / name
    document = json.loads(path.read_text())
    x = playing[:6000]
    num_silent = engine.load(path).prewarm()
    padded = np.concatenate([np.zeros(num_silent, np.float32), x])  # as players run it in
    expected = nam_reference.play(document, padded)[num_silent:]
    model = engine.load(path)
    whole = model.process(x)
    rounding = np.abs(nam_reference.play(document, padded, np.float32)[num_silent:] - expected).max()
    tolerance = max(2e-6, 5 * rounding)  # some networks amplify what float32 rounds, and LSTMs add it up in the silence
    np.testing.assert_allclose(whole, expected, rtol=0, atol=tolerance)
    for block in (1, 17, 64, 511):
        model.reset()
        parts = [model.process(x[start : start + block]) for start in range(0, len(x), block)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("name", NAM_FILES)
def test_nam_files_answer_silence_without_a_click_after_loading_and_after_reset(
    foreign_models: Path, playing: np.ndarray, name: str
) -> None:
    model = engine.load(foreign_models / "nam" / name)
    assert model.info.starts_at_rest
    for block in (1, 64, 2000):
        silence = np.zeros((2, 2000), np.float32)
        parts = [model.process(silence[:, start : start + block].copy()) for start in range(0, 2000, block)]
        output = np.concatenate(parts, axis=1)
        assert np.ptp(output) < 1e-5
        model.process(np.stack([playing[:2000], playing[2000:4000]]))
        model.reset()


@pytest.mark.parametrize("name", ["A2.nam", "BossWN-a2.nam", "slimmable_container.nam"])
def test_each_model_of_a_container_plays_as_float64_does(foreign_models: Path, playing: np.ndarray, name: str) -> None:
    path = foreign_models / "nam" / name
    submodels = json.loads(path.read_text())["config"]["submodels"]
    x = playing[:2000]
    low = 0.0
    for index, submodel in enumerate(submodels):
        model = engine.load(path, quality=low)
        num_silent = model.prewarm()
        expected = nam_reference.play(submodel["model"], np.concatenate([np.zeros(num_silent, np.float32), x]))
        np.testing.assert_allclose(model.process(x), expected[num_silent:], rtol=0, atol=1e-5)
        assert model.info.qualities[index].max_value == submodel["max_value"]
        low = submodel["max_value"]


def test_the_quality_of_a_container_changes_while_it_plays(foreign_models: Path, playing: np.ndarray) -> None:
    path = foreign_models / "nam" / "A2.nam"
    x = np.resize(playing, 60_000).astype(np.float32)
    model, small = engine.load(path), engine.load(path, quality=0.0)
    model.process(x[:1000])
    small.process(x[:1000])
    model.set_quality(0.0)
    assert model.quality == 0.0
    output, expected = model.process(x[1000:]), small.process(x[1000:])
    np.testing.assert_array_equal(output[-10_000:], expected[-10_000:])
    assert np.abs(output[:1000] - expected[:1000]).max() > 1e-4  # still the large one
    with pytest.raises(ValueError, match="from 0 to 1"):
        model.set_quality(1.5)


def test_every_nam_file_is_played(foreign_models: Path) -> None:
    assert {path.name for path in (foreign_models / "nam").glob("*.nam")} == set(NAM_FILES)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": "0.9.0"}, r'version: expected a version from 0\.5 to 0\.7, found the text "0\.9\.0"'),
        ({"weights": [0.0] * 5}, r"weights: expected more numbers: the layers need at least \d+, found 5"),
        ({"weights": [0.0] * 132}, r"weights: expected 131 numbers, which is what the layers need, found 132"),
        ({"architecture": "Transformer"}, r"architecture: expected WaveNet, LSTM, ConvNet, Linear, .* or Sequential"),
    ],
)
def test_nam_files_that_are_wrong_are_refused_in_a_sentence(
    foreign_models: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    document = json.loads((foreign_models / "nam" / "wavenet.nam").read_text())
    path = tmp_path / "amp.nam"
    path.write_text(json.dumps(document | change))
    with pytest.raises(ModelFileError, match=message):
        engine.load(path)


def test_a_nam_container_without_models_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "amp.nam"
    config: dict[str, Any] = {"submodels": []}
    path.write_text(
        json.dumps({"version": "0.7.0", "architecture": "SlimmableContainer", "config": config, "weights": []})
    )
    with pytest.raises(ModelFileError, match=r"config\.submodels: expected a list of 1 to 64 models"):
        engine.load(path)


def proteus_reference(document: dict[str, Any], frames: np.ndarray) -> np.ndarray:
    """The output in float64 for frames of [audio, knobs ...]: an LSTM of PyTorch's weights, and the audio."""
    weights = {name: np.array(value, np.float32).astype(np.float64) for name, value in document["state_dict"].items()}
    size = document["model_data"]["hidden_size"]
    hidden, cell, output = np.zeros(size), np.zeros(size), np.zeros(len(frames))
    for t, frame in enumerate(frames):
        gates = weights["rec.weight_ih_l0"] @ frame + weights["rec.bias_ih_l0"]
        i, f, g, o = np.split(gates + weights["rec.weight_hh_l0"] @ hidden + weights["rec.bias_hh_l0"], 4)
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        cell = f * cell + i * np.tanh(g)
        hidden = o * np.tanh(cell)
        output[t] = (weights["lin.weight"] @ hidden + weights["lin.bias"])[0]
    return output + document["model_data"]["skip"] * frames[:, 0]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["BluesJr", "TS9", "ts9_drive_tone"])
def test_proteus_files_play_as_float64_does(foreign_models: Path, playing: np.ndarray, name: str, backend: str) -> None:
    path = foreign_models / "proteus" / f"{name}.json"
    document = json.loads(path.read_text())
    model = engine.load(path, backend=backend)
    positions = [0.25, 0.8][: document["model_data"]["input_size"] - 1]
    assert len(model.info.knobs) == len(positions)
    for index, position in enumerate(positions):
        model.set_knob(index, position)
    x = playing[:3000]
    frames = np.column_stack([x, *(np.full(len(x), np.float32(position)) for position in positions)])
    np.testing.assert_allclose(model.process(x), proteus_reference(document, frames), rtol=0, atol=2e-6)
    assert (model.info.sample_rate, model.info.residual) == (44100, True)


def test_an_aida_model_with_knobs_plays_with_its_gains_and_dry_path(make_model: Callable, playing: np.ndarray) -> None:
    made = make_model([("lstm", 8), ("dense", 1)], inputs=3)
    document = made.document | {"in_skip": 1, "in_gain": 6.0, "out_gain": -3.0, "metadata": {"samplerate": "44100"}}
    made.path.write_text(json.dumps(document))
    model = engine.load(made.path)
    assert model.info.sample_rate == 44100
    model.set_knob(0, 0.1)
    model.set_knob(1, 0.9)
    x = playing[:2000]
    driven = x.astype(np.float64) * 10 ** (6 / 20)
    frames = np.column_stack([driven, np.full(len(x), np.float32(0.1)), np.full(len(x), np.float32(0.9))])
    expected = 10 ** (-3 / 20) * (made.play(frames) + driven)
    np.testing.assert_allclose(model.process(x), expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize(
    ("content", "description"),
    [
        (
            {"version": "0.5.4", "architecture": "LSTM", "config": {}, "weights": []},
            "a Neural Amp Modeler model (.nam 0.5.4, LSTM)",
        ),
        (
            {"model_data": {"unit_type": "LSTM", "hidden_size": 40}, "state_dict": {}},
            "a Proteus / NeuralPi model (PyTorch state dict in JSON, LSTM-40)",
        ),
        ({"in_shape": [1], "layers": []}, "an RTNeural JSON model"),
        ({"some": "thing"}, ""),
        (b"PK\x03\x04rest", "a ZIP archive (PyTorch checkpoints are such)"),
        (b"\x89HDF\r\n", "an HDF5 file (Keras models are such)"),
        (b"RIFF\x00\x00\x00\x00WAVE", "a WAV audio file"),
        (b"\xff\xfe\x00", ""),
        (b"", ""),
    ],
)
def test_formats_are_recognised_by_content_whatever_the_name(tmp_path: Path, content: Any, description: str) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    assert engine.describe_file(path) == description
    if description != "an RTNeural JSON model":
        with pytest.raises(ModelFileError) as error:
            engine.load(path)
        is_played = "Neural Amp Modeler" in description or "Proteus" in description  # the error is in a field then
        assert description in str(error.value) or is_played
