# SPDX-License-Identifier: MIT
from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from fxtrain.errors import ConfigError
from fxtrain.models.generators._sampling import Sampling, draw, restricted
from fxtrain.models.generators.code_prior import CodePrior

FACTS = {"classes": ["cat", "dog"], "num_codes": 16, "top_length": 12, "bottom_length": 48, "codes_sha256": ""}


def small(**config: Any) -> CodePrior:
    torch.manual_seed(1)
    size = {"width": 16, "heads": 2, "encoder_layers": 2, "decoder_layers": 2, "feed_forward": 24}
    return CodePrior.from_config({**size, **config}, loss={}, **FACTS).eval()


@pytest.mark.parametrize("level", ["top", "bottom"])
def test_at_full_size_it_has_exactly_the_parameters_that_the_source_states(level: str) -> None:
    with torch.device("meta"):
        model = CodePrior.from_config({"level": level}, loss={}, **CodePrior.full_size)
    assert model.num_parameters == 5_341_084
    assert model.vocabulary == 2052


def test_sequences_are_those_of_the_source() -> None:
    with torch.device("meta"):
        bottom = CodePrior.from_config({"level": "bottom"}, loss={}, **CodePrior.full_size)
    labels, top = torch.tensor([1]), torch.zeros(1, 900, dtype=torch.long)
    assert bottom.source(labels, top).shape == (1, 901)  # 900 codes and the class
    assert bottom.source(labels, top)[0, 0] == 2048 + 2 + 1
    assert (bottom.length, bottom.top_length) == (3600, 900)
    assert small(level="top").source(labels, top).shape == (1, 1)


@pytest.mark.parametrize("form", ["source", "modern"])
@pytest.mark.parametrize("level", ["top", "bottom"])
@pytest.mark.parametrize("span", [0, 5])
def test_cached_decoding_equals_the_full_one(form: str, level: str, span: int) -> None:
    model = small(form=form, level=level, span=span)
    labels, top = torch.tensor([0, 1, 1]), torch.randint(16, (3, 12))
    codes, nats = model.write(labels, top, Sampling(), torch.Generator().manual_seed(2))
    with torch.no_grad():
        full = model.logits(model.source(labels, top), codes)
        assert torch.allclose(full, model.stepwise_logits(labels, top, codes), atol=1e-5)
    expected = torch.nn.functional.cross_entropy(full.flatten(0, 1), codes.flatten(), reduction="none")
    assert torch.allclose(nats.flatten(), expected, atol=1e-5)


@pytest.mark.parametrize("form", ["source", "modern"])
def test_a_code_depends_on_earlier_ones_within_the_span_alone(form: str) -> None:
    model = small(form=form, level="top", span=3, decoder_layers=1)
    codes = torch.randint(16, (1, 12))
    changed = codes.clone()
    changed[0, 4] = (codes[0, 4] + 1) % 16
    source = model.source(torch.tensor([0]), torch.zeros(1, 0, dtype=torch.long))
    with torch.no_grad():
        difference = (model.logits(source, codes) - model.logits(source, changed)).abs().amax((0, 2))
    # The code at place 4 is what the logits of the places 5, 6 and 7 look back on.
    assert (difference > 1e-7).nonzero()[:, 0].tolist() == [5, 6, 7]


@pytest.mark.parametrize("form", ["source", "modern"])
def test_class_and_top_codes_matter(form: str) -> None:
    model = small(form=form, level="bottom")
    codes, top = torch.randint(16, (1, 48)), torch.randint(16, (1, 12))
    cat, dog = torch.tensor([0]), torch.tensor([1])
    with torch.no_grad():
        plain = model.logits(model.source(cat, top), codes)
        assert not torch.allclose(plain, model.logits(model.source(dog, top), codes))
        assert not torch.allclose(plain, model.logits(model.source(cat, (top + 1) % 16), codes))


def test_windows_continue_at_their_place() -> None:
    model = small(level="bottom", form="modern", span=4, decoder_layers=1)
    codes, top = torch.randint(16, (1, 48)), torch.randint(16, (1, 12))
    source = model.source(torch.tensor([0]), top)
    with torch.no_grad():
        whole = model.logits(source, codes)
        # Tokens of a window begin with the code before it; after a span of them, nothing is missing.
        window = model.logits(source, codes[:, 19:40], torch.tensor([20]))
    assert torch.allclose(window[:, 4:], whole[:, 20 + 4 : 41], atol=1e-5)


def test_the_same_seed_writes_the_same_codes() -> None:
    model = small()
    labels, none = torch.tensor([0, 1]), torch.zeros(2, 0, dtype=torch.long)
    one, again, other = (
        model.write(labels, none, Sampling(), torch.Generator().manual_seed(seed))[0] for seed in (3, 3, 4)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


LOGITS = torch.log(torch.tensor([[0.4, 0.3, 0.2, 0.1]]))


@pytest.mark.parametrize(
    ("sampling", "kept"),
    [
        (Sampling(mode="greedy"), [0]),
        (Sampling(mode="top-k", k=2), [0, 1]),
        (Sampling(mode="top-k", k=9), [0, 1, 2, 3]),
        (Sampling(mode="top-p", p=0.75), [0, 1]),  # 0.4 and 0.7 stay below, 0.9 does not
        (Sampling(mode="top-p", p=0.1), [0]),  # always at least one
        (Sampling(mode="full"), [0, 1, 2, 3]),
        (Sampling(mode="uniform"), [0, 1, 2, 3]),
    ],
)
def test_sampling_draws_from_its_candidates_alone(sampling: Sampling, kept: list[int]) -> None:
    allowed = restricted(LOGITS, sampling)[0]
    assert torch.nonzero(allowed > -torch.inf)[:, 0].tolist() == kept
    generator = torch.Generator().manual_seed(0)
    drawn = draw(LOGITS.expand(2000, -1), sampling, generator).bincount(minlength=4) / 2000
    probabilities = allowed.softmax(-1)
    assert torch.allclose(drawn, probabilities, atol=0.04)  # three standard deviations of 2000 draws


def test_uniform_sampling_does_not_ask_the_model_and_temperature_sharpens() -> None:
    assert restricted(LOGITS, Sampling(mode="uniform")).softmax(-1).tolist() == [[0.25] * 4]
    sharp = restricted(LOGITS, Sampling(mode="full", temperature=0.5)).softmax(-1)[0]
    assert sharp.tolist() == pytest.approx([16 / 30, 9 / 30, 4 / 30, 1 / 30])


def test_a_fresh_model_s_perplexity_is_about_that_of_guessing() -> None:
    model = small(form="modern")
    codes = torch.randint(16, (8, 12))
    with torch.no_grad():
        logits = model.logits(
            model.source(torch.zeros(8, dtype=torch.long), torch.zeros(8, 0, dtype=torch.long)), codes
        )
    entropy = torch.nn.functional.cross_entropy(logits.flatten(0, 1), codes.flatten())
    assert math.exp(float(entropy)) == pytest.approx(model.vocabulary, rel=0.4)


def test_widths_that_heads_do_not_divide_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"model\.width is 15, expected a multiple of model\.heads, 2"):
        small(width=15)
    with pytest.raises(ConfigError, match="flat codes have no top level"):
        CodePrior.from_config({"level": "top"}, loss={}, **{**FACTS, "top_length": 0})
