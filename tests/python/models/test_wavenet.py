# SPDX-License-Identifier: MIT
"""Convolutional effects: known sizes, streaming, rest, gradients through the past, settings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from fxtrain.data import Excerpt
from fxtrain.data.pairs import PairBatch, PairedAudio, PairedAudioConfig
from fxtrain.errors import ConfigError
from fxtrain.models import get_model
from fxtrain.training.protocol import StepContext

CONTEXT = StepContext.of_training(0, 0)
TINY: dict[str, dict[str, Any]] = {
    "wavenet": {"shape": "nano", "dilations": [[1, 2, 4], [1, 8]]},
    "a2": {"shape": "a2", "channels": [2, 3], "kernel_size": 3, "dilations": [[1, 5, 3]], "head_kernel_size": 4},
    "tcn": {"channels": 3, "kernel_size": 3, "num_layers": 3, "dilation_growth": 4},
}
tiny = pytest.mark.parametrize("name", TINY)


def made(name: str, config: dict[str, Any] | None = None, loss: dict[str, Any] | None = None) -> Any:
    torch.manual_seed(0)
    model = get_model("tcn" if name == "tcn" else "wavenet")
    return model.from_config(TINY[name] if config is None else config, loss=loss or {}, sample_rate=48_000).double()


def noise(*shape: int, seed: int = 1) -> torch.Tensor:
    return 0.3 * torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def batch_of(x: torch.Tensor, target: torch.Tensor, past: torch.Tensor | None) -> PairBatch:
    return PairBatch(input=x, target=target, weight=torch.ones(len(x)), warm_up=past)


@pytest.mark.parametrize(
    ("shape", "weights", "receptive_field"),
    [
        ("standard", [13802], 4093),
        ("lite", [6554], 4093),
        ("feather", [3026], 4093),
        ("nano", [842], 4093),
        ("a2", [1871, 12146], 6347),
    ],
)
def test_the_shapes_have_the_weights_of_published_files(shape: str, weights: list[int], receptive_field: int) -> None:
    """A file counts the scale of the output as a weight. A1: 1 + 2 (2 + 4 + ... + 1024) frames."""
    model = made("wavenet", {"shape": shape})
    assert [1 + sum(each.numel() for each in network.parameters()) for network in model.networks] == weights
    assert {network.receptive_field for network in model.networks} == {receptive_field}
    assert model.provider_options(model.config) == {"memory_frames": receptive_field - 1}
    assert model.latency_frames == 0


@tiny
def test_chunks_played_one_by_one_are_those_played_at_once(name: str) -> None:
    model, x = made(name), noise(2, 500)
    with torch.no_grad():
        whole, last = model(x)
        parts, state = [], None
        for chunk in x.split([1, 63, 2, 300, 134], dim=1):
            y, state = model(chunk, state)
            parts.append(y)
    assert torch.allclose(torch.cat(parts, dim=1), whole, rtol=0, atol=1e-14)
    assert all(torch.allclose(one, other, rtol=0, atol=1e-14) for one, other in zip(state, last, strict=True))
    assert {each.shape[1] for each in last} == {2}


@tiny
def test_an_output_depends_on_its_receptive_field_alone(name: str) -> None:
    model, x = made(name), noise(1, 400)
    reach = model.networks[-1].receptive_field
    outputs = []
    for changed in (None, 399 - reach, 400 - reach):
        other = x.clone()
        if changed is not None:
            other[:, changed] += 1.0
        with torch.no_grad():
            outputs.append(model(other)[0][0, -1])
    assert outputs[0] == outputs[1]
    assert outputs[0] != outputs[2]


@tiny
def test_a_sequence_starts_from_rest_where_nothing_precedes_it(name: str) -> None:
    """Silence goes on as it was: no click at the first frame."""
    model = made(name)
    silence = torch.zeros(1, 40, dtype=torch.float64)
    with torch.no_grad():
        rested = model._predict(model.networks[-1], batch_of(silence, silence, silence[:, :0]))
        clicking, _ = model(silence)
    assert torch.all((rested - rested[0, 0]).abs() < 1e-15)
    assert not torch.allclose(clicking, rested)


@tiny
def test_gradients_reach_all_that_an_output_depends_on(name: str) -> None:
    """The first chunk and its past as one stretch: the gradient is that of the whole, and so is the loss."""
    model = made(name)
    reach = max(network.receptive_field for network in model.networks) - 1
    x, target = noise(2, reach + 60), noise(2, 60, seed=2)
    loss, _ = model.loss(batch_of(x[:, reach:], target, x[:, :reach]), model.phases()[0], CONTEXT)
    loss.backward()
    gradients = [parameter.grad.clone() for parameter in model.networks[-1].parameters() if parameter.grad is not None]
    unused = [key for key, parameter in model.networks[-1].named_parameters() if parameter.grad is None]
    assert all("layer1x1" in key for key in unused)  # what nothing comes after

    model.zero_grad()
    whole, _ = model(x)
    expected, _ = model.loss_function(whole[:, reach:], target)
    expected.backward()
    again = [parameter.grad for parameter in model.networks[-1].parameters() if parameter.grad is not None]
    assert all(torch.allclose(one, other, atol=1e-12) for one, other in zip(gradients, again, strict=True))
    if len(model.networks) == 1:
        assert loss.item() == pytest.approx(expected.item(), rel=1e-12)


@tiny
def test_a_later_chunk_runs_on_from_the_one_before(name: str) -> None:
    model = made(name)
    x, target, phase = noise(2, 300), noise(2, 300, seed=2), model.phases()[0]
    _, parts = model.loss(batch_of(x, target, x[:, :0]), phase, CONTEXT)
    errors = 0.0
    for index, chunk in enumerate(range(0, 300, 100)):
        own = slice(chunk, chunk + 100)
        past = x[:, :0] if index == 0 else None
        _, part = model.loss(batch_of(x[:, own], target[:, own], past), phase, CONTEXT)
        errors += float(part["esr"]) * float(target[:, own].square().mean() + 1e-8) / 3
    assert errors == pytest.approx(float(parts["esr"]) * float(target.square().mean() + 1e-8), rel=1e-9)
    state = model.carried_state()
    model.set_carried_state([])
    model.set_carried_state(state)
    assert all(torch.equal(one, other) for one, other in zip(state, model.carried_state(), strict=True))


def test_both_networks_of_a2_are_trained_and_validated() -> None:
    model = made("a2")
    x, target = noise(2, 64), noise(2, 64, seed=2)
    _, parts = model.loss(batch_of(x, target, x[:, :0]), model.phases()[0], CONTEXT)
    assert set(parts) == {"esr", "esr_1"}
    with torch.no_grad():
        figures = model.validate(batch_of(x, target, x[:, :0]), CONTEXT)
    for name, (error, energy) in figures.items():
        assert error / energy == pytest.approx(float(parts[name]), rel=1e-6)


@tiny
def test_the_level_of_the_recording_is_not_learnt_but_measured(name: str) -> None:
    """A device that is ten times as loud asks for the same network: the loss and its gradient are the same."""
    x = noise(1, 6000).float().numpy()[0]
    losses = []
    for gain in (0.1, 1.0):
        target = gain * np.tanh(3 * x)
        excerpt = Excerpt(input=x, target=target)
        provider = PairedAudio(
            PairedAudioConfig(warm_up_frames=0), [excerpt], [excerpt], batch_size=2, seed=0, memory_frames=64
        )
        model = made(name, loss={"esr": 0.0, "mse": 1.0}).float()
        model.solve(provider)
        assert float(model.level) == pytest.approx(float(np.sqrt(np.mean(target**2))), rel=1e-5)
        loss, parts = model.loss(provider.batch(0), model.phases()[0], CONTEXT)
        assert "mse" in parts
        losses.append(loss.item())
        level = float(model.level)
        model.solve(PairedAudio(PairedAudioConfig(), [Excerpt(input=x, target=x)], [], batch_size=2, seed=0))
        assert float(model.level) == level  # a model that goes on with another recording plays as it did
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


@pytest.mark.parametrize(
    ("name", "config", "message"),
    [
        ("wavenet", {"shape": "wide"}, r"setting model.shape is 'wide', but input should be 'standard', 'lite'"),
        ("wavenet", {"channels": [4, 2, 1]}, r"model.channels lists 3 layer arrays and model.dilations 2; expected"),
        ("wavenet", {"channels": [0, 2]}, r"setting model.channels.0 is 0, but"),
        ("wavenet", {"dilations": [[1], []]}, r"setting model.dilations.1 is \[\], but"),
        ("wavenet", {"activation": "Tanh"}, r"setting model.activation is 'Tanh', but"),
        ("wavenet", {"shape": "a2", "channels": [8, 3]}, r"must grow from one to the next"),
        ("wavenet", {"shape": "a2", "dilations": [[1, 2]]}, r"needs model.kernel_size too"),
        ("wavenet", {"shape": "a2", "dilations": [[1], [2]], "kernel_size": 2}, r"the networks of a2 have one"),
        ("wavenet", {"kernel_size": 64, "dilations": [[65536], [65536]]}, r"players remember 4194304 at most"),
        ("tcn", {"num_layers": 8, "dilation_growth": 10}, r"players remember 4194304 at most"),
        ("tcn", {"knobs": 1}, r"unknown setting model.knobs; known ones are channels"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_a_sentence(name: str, config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as refusal:
        made(name, config)
    assert "\n" not in str(refusal.value)
