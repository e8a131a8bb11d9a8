# SPDX-License-Identifier: MIT
"""Finding models by reflection, and what every model must do."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fxtrain.data import Excerpt
from fxtrain.data.pairs import PairBatch
from fxtrain.errors import ConfigError
from fxtrain.models import find_models, get_model, models_in
from fxtrain.models.effects._convolutional import ConvolutionalEffect
from fxtrain.models.effects._effect import PIECE_FRAMES
from fxtrain.training.protocol import Criterion, Phase, StepContext, Trainable

MODELS = sorted(find_models())
EFFECTS = [name for name in MODELS if get_model(name).task == "effect"]


def test_the_module_lists_lstm_and_gru() -> None:
    assert {"lstm", "gru"} <= set(MODELS)


def test_a_class_that_lacks_methods_is_named_with_what_it_lacks() -> None:
    class HalfDone(Trainable):
        name = "half"
        summary = task = ""
        formats = ()
        Config = object
        criterion = Criterion("error", "error")

        def validate(self, batch: Any, context: StepContext) -> dict[str, tuple[float, float]]:
            return {}

    class NoModel(nn.Module):
        name = "no"

    module = ModuleType("somewhere")
    HalfDone.__module__ = NoModel.__module__ = module.__name__
    module.HalfDone = HalfDone  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match=r"HalfDone .* lacks from_config\(\), get_provider\(\), loss\(\)$"):
        models_in(module)
    del module.HalfDone
    module.NoModel = NoModel  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match=r"NoModel .* lacks .*summary.*phases\(\)"):
        models_in(module)


def test_an_unknown_model_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"unknown model 'tube'; there are .*lstm"):
        get_model("tube")


RECURRENT = ("lstm", "gru")
TINY: dict[str, dict[str, Any]] = {
    "lstm": {"hidden_size": 4},
    "gru": {"hidden_size": 4},
    "stft-lstm": {"n_fft": 64, "hop": 16, "hidden_size": 16},
    "stft-mask": {"n_fft": 64, "hop": 16, "branch_size": 4, "bands": 4, "hidden_size": 4, "memory": 2},
    "tcn": {"channels": 4, "kernel_size": 3, "num_layers": 2},
    "wavenet": {"shape": "nano", "dilations": [[1, 2], [1, 4]]},
}


def pair(seed: int = 0) -> Excerpt:
    x = np.random.default_rng(seed).standard_normal(6000).astype(np.float32) * 0.3
    return Excerpt(input=x, target=np.tanh(3 * x))


@pytest.mark.parametrize("name", EFFECTS)
def test_a_tiny_effect_learns_on_what_its_provider_gives(name: str) -> None:
    model_class = get_model(name)
    torch.manual_seed(0)
    model = model_class.from_config(TINY[name], sample_rate=48_000, loss={})
    provider_class = model.get_provider()
    config = provider_class.Config(warm_up_frames=64, sequence_frames=512, chunk_frames=256)
    options = model_class.provider_options(model.config)
    provider = provider_class(config, [pair()], [pair(1)], batch_size=4, seed=0, **options)
    (phase,) = model.phases()
    assert isinstance(phase, Phase)
    optimizer = torch.optim.Adam(phase.parameters, lr=0.01)
    model.solve(provider)
    losses = []
    for step in range(40):
        optimizer.zero_grad()
        loss, parts = model.loss(provider.batch(step), phase, context := StepContext.of_training(0, step))
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(float(loss.detach()))
        assert set(parts) >= {"esr"}
    assert np.mean(losses[-4:]) < 0.9 * np.mean(losses[:4])  # part of it was solved before the first step
    model.solve(provider)
    with torch.no_grad():
        error, energy = model.validate(next(iter(provider.validation())), context)["esr"]
    assert 0 < error < energy


@pytest.mark.parametrize("name", EFFECTS)
def test_what_is_louder_than_the_recording_is_judged_by_its_ceiling_alone(name: str) -> None:
    torch.manual_seed(5)
    settings = {"mse": 0.5, "spectral": 0.5}  # whose means are taken over all rows, loud ones included
    model: Any = get_model(name).from_config(TINY[name], sample_rate=48_000, loss=settings).double()
    (phase,), context = model.phases(), StepContext.of_training(0, 0)
    x = 0.5 * torch.randn(2, 1024, dtype=torch.float64)
    target = torch.tanh(3 * x) * torch.tensor([[1.0], [0.0]])

    def judged(loud_ceiling: float | None, loud_gain: float = 3.0) -> tuple[Tensor, dict[str, Tensor]]:
        ceiling = None if loud_ceiling is None else torch.tensor([torch.inf, loud_ceiling])
        played = x * torch.tensor([[1.0], [loud_gain]])
        batch = PairBatch(input=played, target=target, weight=torch.ones(2), warm_up=x[:, :0], ceiling=ceiling)
        found: tuple[Tensor, dict[str, Tensor]] = model.loss(batch, phase, context)
        return found

    below, parts = judged(1e6)
    assert parts["loud"] == 0.0
    assert torch.equal(judged(1e6, loud_gain=0.1)[0], below)  # whatever lies below it
    assert judged(None)[0] > below
    assert "loud" not in judged(None)[1]
    above, parts = judged(0.01)
    assert torch.allclose(above, below + parts["loud"], rtol=1e-12)
    model.set_carried_state([])
    y, _ = model(3.0 * x[1:])
    if not isinstance(model, ConvolutionalEffect):  # these are judged with a level that is not known yet
        excess = (y.abs() / 0.01 - 1.0).clamp(min=0.0).square().mean() / 2
        assert torch.allclose(parts["loud"], excess, rtol=1e-6)
    gradients = torch.autograd.grad(parts["loud"], phase.parameters, allow_unused=True)
    assert any(each is not None and each.abs().max() > 0 for each in gradients)


@pytest.mark.parametrize("name", RECURRENT)
def test_state_carried_over_blocks_gives_the_output_of_one_pass(name: str) -> None:
    torch.manual_seed(1)
    model: Any = get_model(name).from_config({"hidden_size": 5, "num_layers": 2}, sample_rate=48_000, loss={}).double()
    x = torch.randn(2, 700, dtype=torch.float64)
    whole, _ = model(x)
    state, parts = None, []
    for block in x.split([1, 64, 511, 124], dim=1):
        y, state = model(block, state)
        parts.append(y)
    assert torch.allclose(torch.cat(parts, dim=1), whole, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", EFFECTS)
@torch.no_grad()
def test_a_recording_longer_than_a_piece_is_played_and_judged_as_a_whole(name: str) -> None:
    torch.manual_seed(3)
    settings = TINY[name] | ({"n_fft": 96, "hop": 24} if "hop" in TINY[name] else {})  # which a piece is no multiple of
    model: Any = get_model(name).from_config(settings, sample_rate=48_000, loss={}).double()
    x = 0.3 * torch.randn(2, 2 * PIECE_FRAMES + 777, dtype=torch.float64)
    whole, state = model(x)
    played, after = model.play(x)
    assert torch.allclose(played, whole, rtol=0, atol=1e-12)
    if model.stretch_multiple == 1:
        assert all(torch.allclose(ours, theirs) for ours, theirs in zip(after, state, strict=True))
    if isinstance(model, ConvolutionalEffect):
        return  # starts from silence instead of zero state
    target, weight, late = torch.tanh(3 * x), torch.tensor([1.0, 2.0]), model.latency_frames
    batch = PairBatch(input=x, target=target, weight=weight, warm_up=x[:, :0])
    error = (whole[:, late:] - target[:, : target.shape[-1] - late]).square().sum(-1) @ weight.double()
    energy = target[:, : target.shape[-1] - late].square().sum(-1) @ weight.double()
    judged = model.validate(batch, StepContext.of_validation(0, 0, 0))
    assert judged["esr"] == pytest.approx((float(error), float(energy)))


@pytest.mark.parametrize("name", RECURRENT)
def test_output_is_input_plus_a_weighted_sum_of_hidden_states(name: str) -> None:
    torch.manual_seed(2)
    model: Any = get_model(name).from_config({"hidden_size": 3}, sample_rate=48_000, loss={})
    x = torch.randn(1, 50)
    hidden, _ = model.recurrent(x.unsqueeze(-1))
    expected = x + hidden @ model.output.weight[0] + model.output.bias
    assert torch.allclose(model(x)[0], expected, atol=1e-6)
    bare: Any = get_model(name).from_config({"hidden_size": 3, "skip": False}, sample_rate=48_000, loss={})
    bare.load_state_dict(model.state_dict())
    assert torch.allclose(bare(x)[0], expected - x, atol=1e-6)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"hiden_size": 4}, r"unknown setting model\.hiden_size; did you mean hidden_size\?"),
        ({"hidden_size": "many"}, r"model\.hidden_size is 'many'"),
        ({"hidden_size": 0}, r"model\.hidden_size is 0, but .*greater"),
        ({"skip": 1}, r"model\.skip is 1"),
    ],
)
def test_wrong_settings_are_refused_with_their_name(table: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        get_model("lstm").from_config(table, sample_rate=48_000, loss={})
