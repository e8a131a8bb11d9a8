# SPDX-License-Identifier: MIT
"""``.nam`` files: what is written is what the engine, torch and float64 arithmetic play; metadata; refusals."""

from __future__ import annotations

import json
from typing import Any

import nam_reference
import numpy as np
import pytest
import torch

from fxtrain import engine
from fxtrain.errors import ConfigError, ModelFileError
from fxtrain.formats import new_document, programme, write_model
from fxtrain.models import get_model

RATE = 48_000
CONFIGS: dict[str, tuple[str, dict[str, Any], str]] = {
    "standard": ("wavenet", {}, "0.5.4"),
    "nano": ("wavenet", {"shape": "nano"}, "0.5.4"),
    "a2": ("wavenet", {"shape": "a2"}, "0.7.0"),
    "gated": ("wavenet", {"shape": "nano", "gated": True}, "0.7.0"),
    "silu": ("wavenet", {"shape": "nano", "activation": "silu", "head_kernel_size": 5, "kernel_size": 2}, "0.7.0"),
    "softsign": ("wavenet", {"shape": "nano", "activation": "softsign", "head_scale": 0.5}, "0.5.4"),
    "tcn": ("tcn", {"num_layers": 3}, "0.7.0"),
    "lstm": ("lstm", {"hidden_size": 8, "num_layers": 2, "skip": False}, "0.5.4"),
}


def made(case: str) -> Any:
    """A model with weights large enough to distort, at another level than the one it is trained to."""
    name, config, _ = CONFIGS[case]
    torch.manual_seed(3)
    model = get_model(name).from_config(config, loss={}, sample_rate=RATE).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.3)
        if hasattr(model, "level"):
            model.level.fill_(0.3)
    return model


@pytest.fixture(scope="module")
def playing() -> np.ndarray:
    """Guitar at its loudest, for longer than the greatest dilation."""
    clip = programme(RATE)
    start = int(np.argmax(np.abs(clip)))
    return clip[start - 1000 : start + 2000]


@pytest.mark.parametrize("case", CONFIGS)
def test_engine_torch_and_float64_arithmetic_play_a_file_alike(case: str, playing: np.ndarray) -> None:
    """From zero state, and the engine after silence. 1e-5 is its bound: -100 dB of full scale."""
    model = made(case)
    file, player = new_document(model, sample_rate=RATE, metadata={}, format="nam")
    num_silent = player.prewarm()
    padded = np.concatenate([np.zeros(num_silent, np.float32), playing])
    with torch.no_grad():
        expected = model.double()(torch.from_numpy(padded.astype(np.float64))[None])[0][0].numpy()
    played = player.process(playing)
    assert np.std(expected[num_silent:]) > 1e-3
    assert np.abs(played - expected[num_silent:]).max() < 1e-5
    assert np.abs(nam_reference.play(file.document, padded) - expected).max() < 1e-6
    reference = file.reference(torch.float64)
    blocks = torch.from_numpy(padded.astype(np.float64))[None].split([100, num_silent + 2600, 300], dim=1)
    assert np.abs(torch.cat([reference(block) for block in blocks], dim=1)[0].numpy() - expected).max() < 1e-6
    assert file.document["version"] == CONFIGS[case][2]
    json.loads(file.content)


def test_a_plain_wavenet_states_its_head_for_earlier_players_and_for_the_trainer() -> None:
    file, _ = new_document(made("nano"), sample_rate=RATE, metadata={})
    config = file.document["config"]
    assert [(each["head_size"], each["head_bias"], each["kernel_size"]) for each in config["layers"]] == [
        (2, False, 3),
        (1, True, 3),
    ]
    assert config["layers"][1]["head"] == {"out_channels": 1, "kernel_size": 1, "bias": True}
    assert {each["activation"] for each in config["layers"]} == {"Tanh"}
    assert config["head_scale"] == pytest.approx(0.02 * 0.3 / 10 ** (-18 / 20))
    assert file.document["weights"][-1] == config["head_scale"]


def test_a_container_holds_both_networks_in_ascending_order() -> None:
    model = made("a2")
    file, player = new_document(model, sample_rate=RATE, metadata={"name": "Two"})
    submodels = file.document["config"]["submodels"]
    assert [each["max_value"] for each in submodels] == [0.5, 1.0]
    assert [len(each["model"]["weights"]) for each in submodels] == [1871, 12146]
    assert {each["model"]["sample_rate"] for each in submodels} == {RATE}
    assert file.document["weights"] == []
    assert (player.info.name, player.info.num_weights) == ("Two", 12146)


def test_metadata_are_under_the_names_of_the_format() -> None:
    told = {"name": "Plexi", "author": "A. Player", "based": "JTM", "gear_type": "amp", "lag_samples": 37}
    file, player = new_document(made("nano"), sample_rate=44_100, metadata=told)
    metadata = file.document["metadata"]
    assert [metadata[key] for key in ("modeled_by", "gear_model", "gear_type")] == ["A. Player", "JTM", "amp"]
    assert (player.info.sample_rate, player.info.name) == (44_100, "Plexi")
    again = file.load().info
    assert again.lag_frames == 37
    assert again.loudness_db == metadata["loudness_db"] == pytest.approx(engine.measure_loudness(player), abs=6e-4)


@pytest.mark.parametrize(("drive", "least", "most"), [(1e-3, 0.0, 0.02), (1e3, 0.7, 1.0)])
def test_gain_is_nothing_for_a_linear_device_and_near_one_for_a_fuzz(drive: float, least: float, most: float) -> None:
    """A WaveNet of one tanh, which a small weight keeps in its straight part and a large one makes a clipper."""
    torch.manual_seed(0)
    config = {"channels": [1], "dilations": [[1]], "kernel_size": 1}
    model = get_model("wavenet").from_config(config, loss={}, sample_rate=RATE)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        array = model.networks[0].arrays[0]
        array.layers[0].mixin.weight.fill_(drive)
        array.head.weight.fill_(1.0 / min(drive, 1.0))
    file, _ = new_document(model, sample_rate=RATE, metadata={})
    assert least <= file.document["metadata"]["gain"] <= most


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"skip": True}, "it adds its input to its output"),
        ({"skip": False, "envelopes": "on"}, "it has envelopes"),
        ({"skip": False, "linear_stage": "on"}, "it has a linear stage"),
    ],
)
def test_lstms_that_are_more_than_that_are_refused(config: dict[str, Any], message: str) -> None:
    model = get_model("lstm").from_config({"hidden_size": 3, **config}, loss={}, sample_rate=RATE)
    with pytest.raises(ModelFileError, match=message):
        new_document(model, sample_rate=RATE, metadata={}, format="nam")


def test_the_suffix_of_a_file_chooses_its_format(tmp_path: Any) -> None:
    lstm = made("lstm")
    assert "layers" in write_model(tmp_path / "a.json", lstm, sample_rate=RATE, metadata={})
    assert "architecture" in write_model(tmp_path / "a.nam", lstm, sample_rate=RATE, metadata={})
    with pytest.raises(ConfigError, match=r"a wavenet model cannot be written as \.json; call the file .*b\.nam"):
        write_model(tmp_path / "b.json", made("nano"), sample_rate=RATE, metadata={})


def test_an_engine_that_plays_something_else_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """.nam files have no test vectors, so what is written is compared with torch."""
    play = engine.Model.play
    monkeypatch.setattr(engine.Model, "play", lambda self, x: 1.001 * play(self, x))
    with pytest.raises(ModelFileError, match="away from torch"):
        new_document(made("nano"), sample_rate=RATE, metadata={})
