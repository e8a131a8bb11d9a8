# SPDX-License-Identifier: MIT
"""Models as ONNX, played by onnxruntime as the engine and torch play them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import fxtrain
from fxtrain.errors import ModelFileError
from fxtrain.formats.onnx import play_onnx
from fxtrain.models.effects._effect import EffectModel
from fxtrain.models.effects.recurrent import Knob
from fxtrain.models.effects.stft_lstm import StftLstm
from fxtrain.models.effects.stft_mask import StftMask

onnxruntime = pytest.importorskip("onnxruntime")

SMALL_STFT = {"n_fft": 240, "hop": 40, "hidden_size": 6}
MODELS: list[tuple[Any, str, dict[str, Any]]] = [
    *(
        (kind, "json", settings)
        for kind in (fxtrain.LSTM, fxtrain.GRU)
        for settings in (
            {},
            {"num_layers": 2, "skip": False},
            {"linear_stage": "on", "linear_stage_taps": 32},
            {"envelopes": "on", "envelope_ms": (1, 1000)},
            {"weight_storage": "bfloat16"},
        )
    ),
    *((fxtrain.WaveNet, "nam", {"shape": shape}) for shape in ("nano", "a2")),
    (fxtrain.TCN, "nam", {"channels": 4, "num_layers": 3}),
    (StftLstm, "json", SMALL_STFT),
    (StftMask, "json", {**SMALL_STFT, "bands": 5, "branch_size": 4, "memory": 3}),
    (StftMask, "json", {**SMALL_STFT, "bands": 5, "branch_size": 0, "memory": 1}),
]


def build(kind: Any, settings: dict[str, Any]) -> EffectModel:
    torch.manual_seed(3)
    given = {"hidden_size": 5, **settings} if kind in (fxtrain.LSTM, fxtrain.GRU) else settings
    network: EffectModel = kind(**given)
    with torch.no_grad():
        if network.linear_stage is not None:
            network.linear_stage.taps.copy_(torch.randn(32) / 8)
        if isinstance(network, StftMask):
            network.filters.add_(torch.randn_like(network.filters) / 10)
    return network


@pytest.mark.parametrize(("kind", "suffix", "settings"), MODELS, ids=lambda given: getattr(given, "name", str(given)))
def test_onnxruntime_plays_blocks_as_the_engine_and_torch_do(
    kind: Any, suffix: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    network = build(kind, settings)
    network.export(tmp_path / "m.onnx", name="Mine")
    network.export(tmp_path / f"m.{suffix}")
    x = np.random.default_rng(5).normal(0, 0.3, (1, 1000)).astype(np.float32)
    content = (tmp_path / "m.onnx").read_bytes()
    played = play_onnx(content, x, block_frames=64)
    assert np.abs(played - fxtrain.load(tmp_path / f"m.{suffix}")(x)).max() < 1e-5
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    facts = session.get_modelmeta().custom_metadata_map
    assert facts["name"] == "Mine"
    silent = int(facts.get("prewarm_frames", 0))
    with torch.no_grad():
        expected = network(torch.from_numpy(np.pad(x, ((0, 0), (silent, 0)))))[0].numpy()[:, silent:]
    assert np.abs(played - expected).max() < 1e-5
    assert int(facts.get("latency_frames", 0)) == network.latency_frames
    # What it gives is what it takes, so that a player needs no list.
    names = [each.name for each in session.get_inputs()[1:]]
    assert [each.name for each in session.get_outputs()] == ["output", *(f"{name}_out" for name in names)]
    assert np.abs(play_onnx(content, x, block_frames=1000) - played).max() < 1e-5


def test_what_onnx_does_not_hold_is_refused_in_a_sentence(tmp_path: Path) -> None:
    class Mine(EffectModel):
        name = "mine"

    with pytest.raises(ModelFileError, match=r"torch\.onnx\.export"):
        Mine().export(tmp_path / "m.onnx")
    network = fxtrain.LSTM(hidden_size=2)
    network.knobs = (Knob(name="gain"),)
    with pytest.raises(ModelFileError, match="with knobs"):
        network.export(tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()
