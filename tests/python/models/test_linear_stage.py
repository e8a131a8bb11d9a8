# SPDX-License-Identifier: MIT
"""Models with levels and a linear stage: the same in torch, in the file and in the engine."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch

from fxtrain import engine
from fxtrain.data import Excerpt
from fxtrain.data.pairs import PairedAudio, PairedAudioConfig
from fxtrain.formats import new_document
from fxtrain.models import get_model
from fxtrain.training.protocol import StepContext

RATE = 44_100
RNG = np.random.default_rng(5)
SETTINGS: list[dict[str, Any]] = [
    {"envelopes": "on", "envelope_ms": [3.0, 200.0]},
    {"linear_stage": "on", "linear_stage_taps": 900},
    {"envelopes": "on", "linear_stage": "on", "linear_stage_taps": 300, "num_layers": 2},
]


def make(name: str, settings: dict[str, Any]) -> Any:
    torch.manual_seed(4)
    model: Any = get_model(name).from_config({"hidden_size": 6, **settings}, sample_rate=RATE, loss={})
    if model.linear_stage is not None:
        taps = torch.from_numpy(RNG.standard_normal(len(model.linear_stage.taps))).float()
        model.linear_stage.taps.copy_(taps * torch.exp(-torch.arange(len(taps)) / 80))
    return model.eval()


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_torch_file_and_engine_agree(name: str, settings: dict[str, Any]) -> None:
    model = make(name, settings)
    document, player = new_document(model, sample_rate=RATE, metadata={})
    assert player.info.self_test is not None
    x = (0.5 * RNG.standard_normal(20_000)).astype(np.float32)
    exact = copy.deepcopy(document.reference()).double()(torch.from_numpy(x).double()[None])[0].numpy()
    with torch.no_grad():
        trained = model(torch.from_numpy(x)[None])[0][0].numpy()
    player.reset()
    played = player.process(x)
    assert np.abs(exact).max() > 0.1
    assert np.abs(trained - exact).max() < 1e-5
    assert np.abs(played - exact).max() < 1e-5
    for block in (1, 64, 257):
        player.reset()
        parts = [player.process(x[start : start + block]) for start in range(0, 3000, block)]
        assert np.array_equal(np.concatenate(parts)[:3000], played[:3000])


@pytest.mark.parametrize("settings", SETTINGS)
def test_state_carries_on_from_chunk_to_chunk(settings: dict[str, Any]) -> None:
    model = make("lstm", settings).double()
    x = torch.from_numpy(0.5 * RNG.standard_normal((3, 4000)))
    x = x.float().double()  # what levels are followed on
    with torch.no_grad():
        whole, _ = model(x)
        state, parts = None, []
        for chunk in x.split(700, dim=-1):
            y, state = model(chunk, state)
            parts.append(y)
    assert torch.allclose(torch.cat(parts, dim=-1), whole, atol=1e-12, rtol=0)


def test_levels_start_where_the_recording_is() -> None:
    """A sequence in the middle of a recording starts with the levels that have been reached there."""
    dry = (0.5 * RNG.standard_normal(60_000)).astype(np.float32)
    model = make("lstm", SETTINGS[0])
    options = model.provider_options(model.config)
    config = PairedAudioConfig(warm_up_frames=512, sequence_frames=4096, chunk_frames=1024)
    excerpt = Excerpt(input=dry, target=dry)
    provider = PairedAudio(config, [excerpt], [excerpt], batch_size=4, seed=0, sample_rate=RATE, **options)
    with torch.no_grad():
        whole = model(torch.from_numpy(dry)[None])[0][0]
    batch = provider.batch(0)
    with torch.no_grad():
        y, _ = model(batch.input, model._warm_up(batch))
    for row, stretch in zip(y, batch.input, strict=True):
        start = next(
            at for at in range(len(dry)) if dry[at] == stretch[0] and np.array_equal(dry[at : at + 1024], stretch)
        )
        assert torch.allclose(row, whole[start : start + 1024], atol=1e-3)  # what is left is the network's warm-up


def test_gradients_pass_through_the_linear_stage() -> None:
    model = make("lstm", {"linear_stage": "on", "linear_stage_taps": 40, "hidden_size": 2}).double()
    x = torch.from_numpy(0.5 * RNG.standard_normal((2, 24)))

    def play(weight: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = torch.func.functional_call(model, {"output.weight": weight}, (x,))[0]
        return y

    weight = model.output.weight.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(play, (weight,))


def test_the_linear_stage_is_solved_for() -> None:
    """A filter behind a wire: one solution finds it, whatever the network does in between stays as it is."""
    rng = np.random.default_rng(5)
    model = make("lstm", {"linear_stage": "on", "linear_stage_taps": 200})
    with torch.no_grad():
        model.output.weight.zero_()
        model.output.bias.zero_()
    taps = rng.standard_normal(200) * np.exp(-np.arange(200) / 40)
    dry = (0.3 * rng.standard_normal(80_000)).astype(np.float32)
    wet = np.convolve(dry, taps)[: len(dry)].astype(np.float32)
    excerpt = Excerpt(input=dry, target=wet)
    config = PairedAudioConfig(warm_up_frames=256, sequence_frames=8192, chunk_frames=1024)
    options = model.provider_options(model.config)
    provider = PairedAudio(config, [excerpt], [excerpt], batch_size=8, seed=0, sample_rate=RATE, **options)
    before = {name: value.clone() for name, value in model.named_parameters() if "linear_stage" not in name}
    for _ in range(2):
        model.solve(provider)
    # What the regularisation leaves: about 1e-6 of the energy.
    assert np.abs(model.linear_stage.taps.numpy() - taps).max() < 3e-3
    assert all(torch.equal(dict(model.named_parameters())[name], value) for name, value in before.items())
    with torch.no_grad():
        (sums,) = [model.validate(batch, StepContext.of_validation(0, 0, 0)) for batch in provider.validation()]
    assert sums["esr"][0] / sums["esr"][1] < 3e-6


def test_an_amplifier_can_be_played_without_its_linear_stage() -> None:
    model = make("lstm", SETTINGS[1])
    document, _ = new_document(model, sample_rate=RATE, metadata={})
    x = (0.5 * RNG.standard_normal(4000)).astype(np.float32)
    bare = engine.load("amp.json", content=document.content, linear_stage=False)
    model.linear_stage = None
    with torch.no_grad():
        assert np.abs(bare.process(x) - model(torch.from_numpy(x)[None])[0][0].numpy()).max() < 1e-5
