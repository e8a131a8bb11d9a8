# SPDX-License-Identifier: MIT
"""Test vectors, and the decimals that model files hold."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from fxtrain.errors import ModelFileError
from fxtrain.formats import vectors
from fxtrain.formats.rtneural import numbers
from fxtrain.models.effects.recurrent import LSTM, RecurrentConfig


def lstm(hidden_size: int, num_layers: int = 1) -> LSTM:
    torch.manual_seed(0)
    return LSTM(RecurrentConfig(hidden_size=hidden_size, num_layers=num_layers), loss_function=None)


def test_weights_are_written_as_the_shortest_decimals_that_read_back_the_same() -> None:
    bits = np.random.default_rng(0).integers(0, 2**32, 10_000, dtype=np.uint32)
    values = bits.view(np.float32)
    values = values[np.isfinite(values)]
    assert numbers(values) == [float(str(value)) for value in values]
    assert np.array_equal(np.array(json.loads(json.dumps(numbers(values))), dtype=np.float32), values)


def test_a_large_model_has_fewer_frames_of_vectors_and_they_are_the_loudest() -> None:
    model = lstm(256, 2)
    num_weights = sum(weight.numel() for weight in model.parameters())
    x, y, _ = vectors.test_vectors(model, 48_000, num_silent=0)
    assert len(x) == len(y) == vectors.VECTOR_FRAMES * 2**19 // num_weights < vectors.VECTOR_FRAMES
    energy = np.convolve(vectors.programme(48_000).astype(np.float64) ** 2, np.ones(len(x)), "valid")
    clip = vectors.programme(48_000)[int(energy.argmax()) :][: len(x)]
    np.testing.assert_array_equal(x[512:], clip[512:])  # what comes before is faded in


def test_vectors_begin_softly_and_tell_the_worst_of_many_roundings() -> None:
    model = lstm(8)
    with torch.no_grad():
        model.recurrent.weight_hh_l0.mul_(12)  # magnifies rounding
    x, y, error = vectors.test_vectors(model, 48_000, num_silent=0)
    assert x[0] == 0
    assert np.abs(x[:32]).max() < 0.01 * np.abs(x).max()
    with torch.no_grad():
        exact, rounded = (
            model.to(dtype)(torch.from_numpy(x)[None].to(dtype))[0][0].double().numpy()
            for dtype in (torch.float64, torch.float32)
        )
    np.testing.assert_allclose(exact, y, atol=1e-12)
    assert error > np.abs(rounded - exact).max() > 0


def test_a_model_whose_output_is_not_finite_has_no_vectors() -> None:
    model = lstm(4)
    with torch.no_grad():
        model.output.bias.fill_(float("inf"))
    with pytest.raises(ModelFileError, match="not finite"):
        vectors.test_vectors(model, 48_000, num_silent=0)
