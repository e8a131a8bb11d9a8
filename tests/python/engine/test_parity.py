# SPDX-License-Identifier: MIT
"""The engine against PyTorch in double precision."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from fxtrain import engine
from fxtrain.errors import ModelFileError
from fxtrain.formats import read_torch_model

STACKS = [
    [("lstm", 16), ("dense", 1)],
    [("lstm", 32), ("dense", 1)],
    [("lstm", 64), ("dense", 1)],
    [("gru", 32), ("dense", 1)],
    [("lstm", 1), ("dense", 1)],
    [("lstm", 9), ("lstm", 7), ("dense", 1)],
    [("gru", 11), ("gru", 3), ("dense", 5, "sigmoid"), ("dense", 1)],
    [("time-distributed-dense", 8, "tanh"), ("lstm", 8), ("gru", 8), ("dense", 1)],
    [("dense", 8, "relu"), ("dense", 8, "elu"), ("activation", 8, "softmax"), ("dense", 1)],
]


def bound(float32_error: float) -> float:
    """What is allowed: 1e-5 (-100 dB), or half as much again as PyTorch's own float32 error where that is larger."""
    return max(1e-5, 1.5 * float32_error)


@pytest.mark.parametrize("layers", STACKS, ids=lambda layers: "-".join(f"{kind}{size}" for kind, size, *_ in layers))
def test_random_networks_match_double_precision(make_model: Callable, playing: np.ndarray, layers: list) -> None:
    made = make_model(layers, seed=3)
    x = playing[:24_000]
    exact = made.play(x)
    float32_error = np.abs(made.play(x, torch.float32) - exact).max()
    error = np.abs(engine.load(made.path).process(x) - exact).max()
    assert error <= bound(float32_error)
    assert np.abs(exact).max() > 1e-3  # not silence compared with silence


def test_gains_and_residual_path_match_the_formula(make_model: Callable, playing: np.ndarray) -> None:
    made = make_model([("lstm", 12), ("dense", 1)], in_skip=1, in_gain=-6.0, out_gain=4.0)
    gain_in, gain_out = 10 ** (-6 / 20), 10 ** (4 / 20)
    x = playing[:10_000]
    scaled = gain_in * x.astype(np.float64)
    expected = gain_out * (made.play(scaled) + scaled)
    assert np.abs(engine.load(made.path).process(x) - expected).max() < 1e-6


def test_knobs_are_further_inputs(make_model: Callable, playing: np.ndarray) -> None:
    made = make_model([("lstm", 12), ("dense", 1)], inputs=3)
    model = engine.load(made.path)
    model.set_knob(0, 0.2)
    model.set_knob(1, 0.9)
    x = playing[:5_000]
    frames = np.stack([x, np.full_like(x, 0.2), np.full_like(x, 0.9)], axis=1)
    assert np.abs(model.process(x) - made.play(frames)).max() < 1e-6


@pytest.mark.parametrize("isa", ["sse2", "avx2", "avx512", "neon"])
def test_networks_trained_by_others_match_double_precision_on_a_real_guitar(
    shared_data: Path, isa: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Trained networks magnify rounding 20 to 160 times more than random ones.
    monkeypatch.setenv("FXENGINE_ISA", isa)
    try:
        engine.load(next((shared_data / "foreign-models" / "aida").glob("*.json")))
    except ModelFileError as error:
        pytest.skip(str(error))
    x, _ = soundfile.read(shared_data / "klon-centaur-spice" / "test-input.flac", dtype="float32", frames=66_000)
    for path in sorted((shared_data / "foreign-models" / "aida").glob("*.json")):
        batch = torch.from_numpy(x)[None]
        exact = read_torch_model(path, dtype=torch.float64)(batch.double())[0].numpy()
        float32_error = np.abs(read_torch_model(path, dtype=torch.float32)(batch)[0].numpy() - exact).max()
        error = np.abs(engine.load(path).process(x) - exact).max()
        assert error <= bound(float32_error), path.name
