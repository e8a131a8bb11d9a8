# SPDX-License-Identifier: MIT
"""Training with recurrent weights rounded to bfloat16."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from fxtrain import engine
from fxtrain.formats import model_document, programme, read_torch_model, write_model
from fxtrain.models.effects import _recurrent_cpu
from fxtrain.models.effects.recurrent import GRU, LSTM, ResidualRecurrent, round_to_bfloat16

MODELS = [LSTM, GRU]
PATHS = ["kernels", "torch"]


def make(
    kind: type[ResidualRecurrent], storage: str, *, hidden_size: int = 7, num_layers: int = 2
) -> ResidualRecurrent:
    torch.manual_seed(4)
    config = {"hidden_size": hidden_size, "num_layers": num_layers, "weight_storage": storage}
    return kind.from_config(config, sample_rate=48_000, loss={})


def rounded_by_hand(model: ResidualRecurrent) -> ResidualRecurrent:
    """A float32 model that holds the rounded matrices themselves."""
    config = type(model.config)(hidden_size=model.config.hidden_size, num_layers=model.config.num_layers)
    plain = type(model)(config, model.criterion)
    plain.load_state_dict(model.state_dict())
    with torch.no_grad():
        for name, values in plain.named_parameters():
            if "weight_hh" in name:
                mantissa, exponent = np.frexp(values.double().numpy())
                values.copy_(torch.from_numpy(np.ldexp(np.rint(np.ldexp(mantissa, 8)), exponent - 8)))
    return plain


@pytest.fixture
def choose_path(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """The code that runs the layers: fxtrain's kernels, or torch's own layers."""
    path: str = request.param
    if path == "torch":
        monkeypatch.setattr(_recurrent_cpu, "supports", lambda *_: False)
    return path


def test_rounding_is_to_nearest_with_ties_to_even() -> None:
    step = 2.0**-7  # between bfloat16 numbers from 1 to 2
    values = torch.tensor([1.0, 1 + 0.49 * step, 1 + 0.5 * step, 1 + 0.51 * step, 1 + 1.5 * step, -1 - 2.5 * step, 0.0])
    expected = torch.tensor([1.0, 1.0, 1.0, 1 + step, 1 + 2 * step, -1 - 2 * step, 0.0])
    assert torch.equal(round_to_bfloat16(values), expected)
    assert torch.equal(round_to_bfloat16(values.double()), expected.double())


@pytest.mark.parametrize("choose_path", PATHS, indirect=True)
@pytest.mark.parametrize("kind", MODELS)
def test_the_model_plays_as_one_with_rounded_matrices(kind: type[ResidualRecurrent], choose_path: str) -> None:
    model = make(kind, "bfloat16")
    x = torch.rand(3, 80) - 0.5
    y, state = model(x)
    expected, expected_state = rounded_by_hand(model)(x)
    assert torch.equal(y, expected)
    assert all(torch.equal(one, other) for one, other in zip(state, expected_state, strict=True))
    assert torch.equal(model(x, state)[0], rounded_by_hand(model)(x, state)[0])
    assert not torch.equal(y, make(kind, "float32")(x)[0])


@pytest.mark.parametrize("choose_path", PATHS, indirect=True)
@pytest.mark.parametrize("kind", MODELS)
def test_the_gradient_passes_straight_through_the_rounding(kind: type[ResidualRecurrent], choose_path: str) -> None:
    def gradients(model: ResidualRecurrent) -> dict[str, Tensor]:
        x = torch.linspace(-1, 1, 2 * 60).reshape(2, 60)
        model(x)[0].square().sum().backward()
        return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}

    model = make(kind, "bfloat16")
    found, expected = gradients(model), gradients(rounded_by_hand(model))
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in found)
    assert found["recurrent.weight_hh_l0"].abs().max() > 0


@pytest.mark.parametrize("kind", MODELS)
def test_small_steps_add_up_below_the_rounding(kind: type[ResidualRecurrent]) -> None:
    model = make(kind, "bfloat16")
    weight = model.recurrent.weight_hh_l0
    before = model.layer_weights(0)[1].detach().clone()
    largest = float(weight.detach().abs().max())
    optimizer = torch.optim.SGD([weight], lr=largest * 2.0**-11)  # an eighth of a bfloat16 step at most
    for _ in range(32):
        optimizer.zero_grad()
        model.layer_weights(0)[1].sum().backward()
        optimizer.step()
    moved = (before - model.layer_weights(0)[1].detach()) / largest
    assert float(moved.min()) > 0  # each of the steps alone would have been rounded away
    assert float(moved.mean()) == pytest.approx(32 * 2.0**-11, rel=0.02)


@pytest.mark.parametrize("kind", MODELS)
def test_the_file_holds_bfloat16_numbers_and_says_so(kind: type[ResidualRecurrent]) -> None:
    document = model_document(make(kind, "bfloat16"), sample_rate=48_000, metadata={})
    assert document["metadata"]["weight_storage"] == "bfloat16"
    for layer in document["layers"][:-1]:
        recurrent = np.array(layer["weights"][1], dtype=np.float32)
        assert not np.any(recurrent.view(np.uint32) & 0xFFFF)
        assert np.any(
            np.array(layer["weights"][0], dtype=np.float32).view(np.uint32) & 0xFFFF
        )  # the rest stays float32
    plain = model_document(make(kind, "float32"), sample_rate=48_000, metadata={})
    assert plain["metadata"]["weight_storage"] == "float32"


@pytest.mark.parametrize("kind", MODELS)
def test_the_engine_plays_the_file_as_torch_does(kind: type[ResidualRecurrent], tmp_path: Path) -> None:
    model = make(kind, "bfloat16", hidden_size=80, num_layers=1)
    path = tmp_path / "amp.json"
    write_model(path, model, sample_rate=48_000, metadata={})
    player = engine.load(path)
    assert player.info.weight_storage == "bfloat16"
    assert not player.info.notes
    x = programme(48_000)[:20_000]
    exact = read_torch_model(path, dtype=torch.float64)(torch.from_numpy(x).double()[None])[0].numpy()
    trained = copy.deepcopy(model).double()(torch.from_numpy(x).double()[None])[0][0].detach().numpy()
    assert np.abs(trained - exact).max() <= 1e-9  # the file prints what training played
    assert np.abs(player.process(x) - exact).max() <= 1e-5
    assert np.abs(engine.load(path, weight_storage="float32").process(x) - exact).max() <= 1e-5


def test_rounding_a_float32_file_is_labelled_with_its_error(tmp_path: Path) -> None:
    path = tmp_path / "amp.json"
    write_model(path, make(LSTM, "float32", hidden_size=16, num_layers=1), sample_rate=48_000, metadata={})
    assert engine.load(path).info.weight_storage == "float32"
    rounded = engine.load(path, weight_storage="bfloat16")
    assert rounded.info.weight_storage == "bfloat16"
    document: dict[str, Any] = json.loads(path.read_text())
    x = np.array(document["input_batch"], dtype=np.float32)
    y = np.array(document["output_batch"])
    error = rounded.process(x) - y
    below = 10 * np.log10(np.square(y).sum() / np.square(error).sum())
    (note,) = rounded.info.notes
    found = re.search(
        r"error is ([\d.]+) dB below the output, ([\d.e-]+) of full scale at most \(on the file's test", note
    )
    assert found is not None, note
    assert float(found[1]) == pytest.approx(below, abs=0.1)
    assert float(found[2]) == pytest.approx(np.abs(error).max(), rel=0.06)  # two digits
    with pytest.raises(ValueError, match="weight_storage: expected automatic, float32 or bfloat16, found int8"):
        engine.load(path, weight_storage="int8")  # type: ignore[arg-type]
