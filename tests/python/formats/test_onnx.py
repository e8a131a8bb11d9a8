# SPDX-License-Identifier: MIT
"""Models as ONNX, played by onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import fxtrain
from fxtrain.errors import ModelFileError

onnxruntime = pytest.importorskip("onnxruntime")


@pytest.mark.parametrize("kind", [fxtrain.LSTM, fxtrain.GRU])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"num_layers": 2, "skip": False},
        {"linear_stage": "on", "linear_stage_taps": 32},
        {"weight_storage": "bfloat16"},
    ],
    ids=str,
)
def test_onnxruntime_plays_blocks_as_the_engine_does(kind: Any, settings: dict[str, Any], tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = kind(hidden_size=5, **settings)
    if network.linear_stage is not None:
        network.linear_stage.taps.copy_(torch.randn(32) / 8)
    network.export(tmp_path / "m.onnx", name="Mine")
    network.export(tmp_path / "m.json")
    x = np.random.default_rng(5).normal(0, 0.3, (1, 500)).astype(np.float32)
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    state = {each.name: np.zeros((1, each.shape[1]), np.float32) for each in session.get_inputs()[1:]}
    played = []
    for start in range(0, 500, 64):
        output, *after = session.run(None, {"input": x[:, start : start + 64], **state})
        state = dict(zip(state, after, strict=True))
        played.append(output)
    assert np.abs(np.concatenate(played, axis=1) - fxtrain.load(tmp_path / "m.json")(x)).max() < 1e-5
    assert session.get_modelmeta().custom_metadata_map["name"] == "Mine"


def test_what_onnx_does_not_hold_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="expected a recurrent one"):
        fxtrain.WaveNet(shape="nano").export(tmp_path / "m.onnx")
    with pytest.raises(ModelFileError, match="envelopes=off"):
        fxtrain.LSTM(hidden_size=2, envelopes="on").export(tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()
