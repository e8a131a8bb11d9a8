# SPDX-License-Identifier: MIT
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch

from fxtrain.errors import ConfigError
from fxtrain.models.generators._quantiser import Quantiser, k_means
from fxtrain.models.generators.vqvae import DILATIONS, Codes, VqVae
from fxtrain.training.protocol import StepContext


@dataclass
class Batch:
    sound: torch.Tensor


def small(clip_frames: int = 28_800, **config: Any) -> VqVae:
    torch.manual_seed(0)
    return VqVae.from_config(
        {"channels": 4, "codes": 16, "code_size": 4, **config},
        loss={},
        sample_rate=4000,
        clip_frames=clip_frames,
        classes=["cat", "dog"],
    ).eval()


def test_a_clip_of_the_source_has_900_and_3600_codes() -> None:
    model = small()
    codes = model.encode(torch.randn(1, 28_800))
    assert codes.top.shape == (1, 900)
    assert codes.bottom.shape == (1, 3600)
    assert (model.top_length, model.bottom_length) == (900, 3600)
    assert model.codes_per_second == 625.0
    assert model.decode(codes).shape == (1, 28_800)


def test_the_default_size_is_near_the_one_that_the_source_states() -> None:
    with torch.device("meta"):
        model = VqVae.from_config({}, loss={}, **VqVae.full_size)
    assert abs(model.num_parameters / 580_641 - 1) < 0.003
    assert model.top_book.codes.shape == model.bottom_book.codes.shape == (2048, 32)


def test_a_block_has_the_dilations_of_the_source_and_keeps_the_shape() -> None:
    block: Any = small().bottom_encoder[1]
    assert [convolution.dilation[0] for convolution in block.convolutions] == [1, 2, 3, 6, 9, 18, 27]
    assert [convolution.padding[0] for convolution in block.convolutions] == list(DILATIONS)
    assert block(torch.randn(2, 4, 50)).shape == (2, 4, 50)


def test_the_bottom_codes_depend_on_the_top_codes() -> None:
    model = small(1280)
    _, bottom = model.features(torch.randn(1, 1280))
    one, other = (model.top_book.look_up(torch.full((1, 40), code)) for code in (0, 1))
    vectors = [model.bottom_vectors(bottom, model.top_decoder(top)) for top in (one, other)]
    assert not torch.allclose(*vectors)


def test_a_flat_model_can_have_as_many_codes_as_one_with_two_levels() -> None:
    model = small(levels="flat", flat_ratio=1.25)
    codes = model.encode(torch.randn(1, 28_800))
    assert codes.top.shape == (1, 0)
    assert codes.bottom.shape == (1, 4500)
    assert model.codes_per_second == small().codes_per_second
    assert model.decode(codes).shape == (1, 28_800)


def test_a_mel_model_gives_sound_of_the_clip_s_length() -> None:
    model = small(representation="mel", bottom_strides=1, top_strides=2)
    codes = model.encode(torch.randn(1, 28_800))
    assert (codes.top.shape, codes.bottom.shape) == ((1, 225), (1, 900))
    assert model.decode(codes).shape == (1, 28_800)


def test_clips_that_codes_do_not_divide_are_refused() -> None:
    with pytest.raises(ConfigError, match="clips of 1000 samples cannot be divided into codes of 32"):
        small(1000)


@pytest.mark.parametrize("codebook", ["gradient", "ema"])
def test_each_level_has_reconstruction_codebook_and_commitment_losses(codebook: str) -> None:
    model = small(1280, codebook=codebook).train()
    sound = torch.randn(2, 1280)
    context = StepContext.of_training(0, 0)
    total, parts = model.loss(Batch(sound), model.phases()[0], context)
    # In gradient form the codebook's loss has the value of the commitment's, which counts a quarter.
    weight = 1.25 if codebook == "gradient" else 0.25
    expected = parts["error"] + weight * (parts["top_commitment"] + parts["bottom_commitment"])
    assert float(total.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
    total.backward()
    gradient = model.bottom_book.codes.grad
    assert (gradient is not None) == (codebook == "gradient")
    first: Any = model.bottom_encoder[0]
    assert first.weight.grad.abs().sum() > 0  # through the codes, straight to the encoder


def test_averaged_codes_are_no_parameters() -> None:
    assert small(codebook="gradient").num_parameters - small(codebook="ema").num_parameters == 2 * 16 * 4


def test_a_code_is_the_nearest_and_its_loss_the_mean_squared_distance() -> None:
    book = Quantiser(2, 1).eval()
    with torch.no_grad():
        book.codes.copy_(torch.tensor([[0.0], [1.0]]))
    found = book(torch.tensor([[[0.2, 0.9, -3.0]]]))
    assert found.indices.tolist() == [[0, 1, 0]]
    assert found.vectors.tolist() == [[[0.0, 1.0, 0.0]]]
    assert float(found.commitment_loss.detach()) == pytest.approx((0.04 + 0.01 + 9.0) / 3)


def test_averages_move_codes_to_the_mean_of_their_vectors() -> None:
    book = Quantiser(2, 1, update="ema", decay=0.0).train()
    with torch.no_grad():
        book.codes.copy_(torch.tensor([[0.0], [10.0]]))
    book(torch.tensor([[[1.0, 2.0, 9.0, 12.0]]]))
    assert book.codes.flatten().tolist() == pytest.approx([1.5, 10.5])


def test_dead_codes_move_to_vectors_of_the_batch() -> None:
    book = Quantiser(3, 1, revive_every=5).train()
    vectors = torch.tensor([[[1.0, 2.0, 3.0]]])
    book.prepare(vectors, 0, torch.Generator().manual_seed(0))
    assert sorted(book.codes.flatten().tolist()) == pytest.approx([1.0, 2.0, 3.0])  # three vectors, three centres
    with torch.no_grad():
        book.codes[2] = 1000.0
    book(vectors)
    before = book.codes.detach().clone()
    book.prepare(vectors, 4, torch.Generator().manual_seed(0))
    assert torch.equal(book.codes, before)
    book.prepare(vectors, 5, torch.Generator().manual_seed(0))
    assert float(book.codes[2].detach()) in (1.0, 2.0, 3.0)
    assert torch.equal(book.codes[:2], before[:2])
    assert float(book.uses.sum()) == 0.0


def test_k_means_finds_clusters_and_makes_do_with_few_vectors() -> None:
    generator = torch.Generator().manual_seed(3)
    points = torch.cat([torch.randn(100, 2, generator=generator) * 0.1 + centre for centre in (-5.0, 5.0)])
    centres = k_means(points, 2, generator)
    assert sorted(centres[:, 0].round().tolist()) == [-5.0, 5.0]
    assert k_means(points[:3], 8, generator).shape == (8, 2)


def test_the_variational_form_has_a_divergence_that_is_zero_at_the_normal_distribution() -> None:
    model = small(1280, latent="gaussian", kl=0.5).train()
    with torch.no_grad():
        for layer in (model.to_top, model.to_bottom):  # mean 0, logarithm of the variance 0
            layer.weight.zero_()
            layer.bias.zero_()
    context = StepContext.of_training(0, 0)
    total, parts = model.loss(Batch(torch.randn(2, 1280)), model.phases()[0], context)
    assert float(parts["top_kl"].detach()) == float(parts["bottom_kl"].detach()) == 0.0
    with torch.no_grad():
        model.to_top.bias[:4] = 2.0  # mean 2: a divergence of 2² / 2
    total, parts = model.loss(Batch(torch.randn(2, 1280)), model.phases()[0], context)
    assert float(parts["top_kl"].detach()) == pytest.approx(2.0)
    assert float(total.detach()) == pytest.approx(float((parts["error"] + 0.5 * parts["top_kl"]).detach()), rel=1e-5)


def test_latents_of_no_change_play_what_the_codes_play() -> None:
    model = small(1280)
    sound = torch.randn(1, 1280)
    with torch.no_grad():
        assert torch.allclose(model.play_latents(model.latents(sound), sound), model.decode(model.encode(sound)))
        codes = model.encode(sound)
        assert torch.equal(model.decode(Codes(codes.top, codes.bottom)), model.decode(codes))
