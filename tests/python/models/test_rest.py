# SPDX-License-Identifier: MIT
"""Models that are trained rest at zero state: a player that starts there plays no click."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from fxtrain.models import get_model


@pytest.mark.parametrize("name", ["lstm", "gru"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("copied", [False, True])
def test_silence_from_zero_state_is_constant_after_training(name: str, layers: int, copied: bool) -> None:
    torch.manual_seed(1)
    model: Any = get_model(name).from_config({"hidden_size": 6, "num_layers": layers})
    if copied:  # as for a trial run; hooks are not copied with parameters
        model = copy.deepcopy(model)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
    x = torch.randn(4, 64)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    for _ in range(20):
        optimiser.zero_grad()
        prediction, _ = model(x)
        (prediction - 0.3 - torch.tanh(3 * x)).square().mean().backward()
        optimiser.step()
    assert all((now != then).any() for now, then in zip(model.parameters(), before, strict=True) if now.requires_grad)
    with torch.no_grad():
        silence, _ = model(torch.zeros(1, 200))
    assert torch.equal(silence, silence[:, :1].expand_as(silence))
    assert silence[0, 0] == model.output.bias


@pytest.mark.parametrize("name", ["lstm", "gru"])
@pytest.mark.parametrize("on_kernels", [False, True])
def test_an_unstable_rest_has_finite_gradients(name: str, on_kernels: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not on_kernels:
        monkeypatch.setattr("fxtrain.models.effects._recurrent_cpu.supports", lambda x, hidden_size: False)
    torch.manual_seed(1)
    model: Any = get_model(name).from_config({"hidden_size": 6})
    with torch.no_grad():
        model.recurrent.weight_hh_l0[12:18] = 4 * torch.eye(6)  # of the candidates: a state feeds itself
    sound = torch.randn(2, 600)
    sound[0] = 0.0
    gradients = []
    for x in (sound, sound[1:]):
        model.zero_grad()
        y, _ = model(x)
        (y[-1:].square().sum() + (y[:-1] - 0.3).square().sum()).backward()
        gradients.append([each.grad.clone() for each in model.recurrent.parameters() if each.grad is not None])
    for one, other in zip(*gradients, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-5)


def test_weights_of_earlier_versions_keep_their_sound() -> None:
    model: Any = get_model("lstm").from_config({"hidden_size": 4})
    weights = model.state_dict()
    weights["recurrent.bias_ih_l0"] = torch.linspace(-1, 1, 16)
    model.load_state_dict(weights)
    assert torch.equal(model.recurrent.bias_ih_l0, torch.linspace(-1, 1, 16))
