# SPDX-License-Identifier: MIT
"""Recurrent models of quiet recordings: the level is taken out inside, and is in the weights of files."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from fxtrain import engine
from fxtrain.formats import write_model
from fxtrain.formats.vectors import test_vectors as vectors_of
from fxtrain.models import get_model


def make(name: str = "lstm", gains: tuple[float, float] | None = None, **settings: Any) -> Any:
    torch.manual_seed(3)
    model: Any = get_model(name).from_config({"hidden_size": 6, **settings})
    if gains is not None:
        model.gains.copy_(torch.tensor(gains))
    return model.eval()


def play(model: Any, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        y: torch.Tensor = model(x)[0]
    return y


@pytest.mark.parametrize("name", ["lstm", "gru"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("envelopes", ["on", "off"])
def test_gains_become_part_of_the_weights(name: str, layers: int, envelopes: str) -> None:
    model = make(name, (20.0, 0.05), num_layers=layers, envelopes=envelopes)
    x = 0.01 * torch.randn(2, 500, generator=torch.Generator().manual_seed(1))
    folded = model.folded()
    assert folded.gains.tolist() == [1.0, 1.0]
    assert torch.allclose(play(folded, x), play(model, x), atol=1e-6)
    assert not torch.allclose(play(folded, x), play(make(name, num_layers=layers, envelopes=envelopes), x), atol=1e-4)
    assert folded.folded() is folded


@pytest.mark.parametrize("format", ["rtneural", "nam"])
def test_a_file_plays_what_the_model_plays(format: str, tmp_path: Path) -> None:
    model = make(gains=(30.0, 0.02), skip=format != "nam")
    write_model(tmp_path / "quiet", model, sample_rate=48_000, metadata={}, format=format)
    x = 0.01 * np.random.default_rng(2).standard_normal(1000).astype(np.float32)
    played = engine.load(tmp_path / "quiet").process(x)
    assert np.abs(played - play(model, torch.from_numpy(x)[None])[0].numpy()).max() < 1e-6


@pytest.mark.parametrize(
    ("dry", "wet", "gains"),
    [
        (0.1, 0.2, (1.0, 1.0)),
        (0.01, 0.02, (10.0, 0.3)),  # what is to be given is the difference
        (0.01, 0.2, (10.0, 1.0)),
        (0.1, 0.001, (1.0, 1.0)),  # the network has to take the dry sound away
        (0.0, 0.0, (1.0, 1.0)),
    ],
)
def test_the_recording_decides_the_gains(dry: float, wet: float, gains: tuple[float, float]) -> None:
    sign = torch.sign(torch.randn(1, 4000, generator=torch.Generator().manual_seed(4)))
    batch = SimpleNamespace(input=dry * sign, target=-wet * sign)
    model = make()
    model.solve(SimpleNamespace(sample=lambda frames: iter([batch])))
    assert model.gains.tolist() == pytest.approx(gains, rel=1e-5)
    again = make()
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.gains, model.gains)
    again.solve(SimpleNamespace(sample=lambda frames: iter([])))  # is known already
    assert torch.equal(again.gains, model.gains)


def test_weights_from_before_there_were_gains_load() -> None:
    state = make().state_dict()
    del state["gains"]
    model = make(gains=(5.0, 5.0))
    model.load_state_dict(state)
    assert model.gains.tolist() == [1.0, 1.0]


def test_a_model_that_is_rough_when_played_loud_is_tested_softly() -> None:
    model = make()
    with torch.no_grad():
        model.recurrent.weight_hh_l0.mul_(40.0)
        model.output.weight.mul_(3e4)
        model.recurrent.weight_ih_l0.mul_(30.0)
    loud = make()
    x, _, error = vectors_of(loud, 48_000, num_silent=0)
    soft, _, _ = vectors_of(model, 48_000, num_silent=0)
    assert error < 1e-5
    assert np.abs(soft).max() < 0.5 * np.abs(x).max()
