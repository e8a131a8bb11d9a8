# SPDX-License-Identifier: MIT
"""What the stages learn in a minute or two, with thresholds at about half of the margin that was seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from fxtrain.config import merge
from fxtrain.models.generators.code_prior import CodePrior
from fxtrain.runs import RunFolder, RunSpec, fit
from fxtrain.runs.spec import RunInput
from fxtrain.synthetic.animal_folders import write_drawing_folders, write_sound_folders
from fxtrain.synthetic.drawings import DRAWINGS
from fxtrain.tasks.image_to_sound.chain import median_class

pytest.importorskip("PIL", reason="make generators was not run")

SOUNDS = {"cat": ("meow",), "dog": ("bark",)}


def run(folder: Path, model: str, *tables: dict[str, Any], inputs: dict[str, RunInput] | None = None) -> dict[str, Any]:
    return fit(RunSpec(model=model, tables=merge(*tables), inputs=inputs or {}), RunFolder(folder))


@pytest.mark.parametrize(
    ("labels", "expected"), [([0], 0), ([0, 1], 0), ([1, 1, 0], 1), ([1, 0, 1, 0], 0), ([2, 0, 2, 1], 1)]
)
def test_the_median_of_an_even_number_of_frames_is_the_lower_one_as_in_torch(labels: list[int], expected: int) -> None:
    assert median_class(labels) == expected == int(torch.tensor(labels).median())


@pytest.mark.slow
def test_a_head_on_a_network_that_knows_other_animals_learns_in_160_steps(tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="make generators was not run")
    others = {kind: (kind,) for kind in DRAWINGS if kind not in ("cat", "dog")}
    write_drawing_folders(tmp_path / "others", others, count=150, size=96)
    write_drawing_folders(tmp_path / "pictures", {"cat": ("cat",), "dog": ("dog",)}, count=150, size=96)
    shape = {"size": 64, "embedding_size": 16, "hidden_sizes": [16, 32, 64], "depths": [1, 1, 1]}
    run(
        tmp_path / "sight",
        "image-classifier",
        {"data": {"folder": str(tmp_path / "others")}, "model": {**shape, "tune": "all"}},
        {"training": {"epochs": 20, "batch_size": 24}},
    )
    weights = str(tmp_path / "sight" / "backbone")
    figures = run(
        tmp_path / "head",
        "image-classifier",
        {"data": {"folder": str(tmp_path / "pictures")}, "model": {"weights": weights, "size": 64}},
        {"training": {"epochs": 23, "batch_size": 32, "learning_rate": 0.03}},
    )
    assert figures["training"]["steps"] == 161
    assert 0.3 <= figures["baselines"]["balanced_before"] <= 0.7
    assert figures["balanced_accuracy"] >= 0.9


@pytest.mark.slow
def test_codes_of_sounds_can_be_learnt_and_priors_know_their_class(tmp_path: Path) -> None:
    write_sound_folders(tmp_path / "sounds", SOUNDS, count=60)
    data = {"data": {"folder": str(tmp_path / "sounds")}}
    small = {"channels": 16, "codes": 256}
    codes = run(
        tmp_path / "codes",
        "vqvae2",
        data,
        {"model": small, "data": {"segment_seconds": 1.792}},
        {"training": {"epochs": 5, "batch_size": 2, "learning_rate": 0.002}},
    )
    assert codes["snr_db"] >= 2.0
    assert codes["snr_db"] >= codes["baselines"]["held_samples"]["snr_db"] + 1.0
    assert min(codes["code_use"]["train"].values()) >= 0.25
    prior = {"form": "modern", "width": 48, "heads": 4, "decoder_layers": 2, "feed_forward": 96, "span": 64}
    inputs = {"codes": RunInput(tmp_path / "codes")}
    figures = {
        level: run(
            tmp_path / level,
            "code-prior",
            merge(data, {"data": {"sounds": 4}}),
            {"model": {"level": level, **prior}},
            {"training": {"epochs": epochs, "batch_size": 8, "learning_rate": 0.003}},
            inputs=inputs,
        )
        for level, epochs in (("top", 4), ("bottom", 1))
    }
    for found in figures.values():
        assert found["perplexity"] < 0.85 * found["baselines"]["unigram"]
        assert found["perplexity"] < found["baselines"]["wrong_label"]
    assert figures["bottom"]["decoding"]["largest_difference"] < 1e-4
    assert figures["bottom"]["decoding"]["speedup"] > 2  # above 10 on an idle machine


@pytest.mark.slow
@pytest.mark.parametrize("form", ["source", "modern"])
def test_3600_codes_are_decoded_as_in_one_pass(form: str) -> None:
    torch.manual_seed(0)
    size = {"width": 32, "heads": 4, "encoder_layers": 2, "decoder_layers": 2, "feed_forward": 64}
    facts = {**CodePrior.full_size, "num_codes": 256}
    model = CodePrior.from_config({"level": "bottom", "form": form, **size}, loss={}, **facts).eval()
    labels, top, codes = torch.tensor([1]), torch.randint(256, (1, 900)), torch.randint(256, (1, 3600))
    with torch.no_grad():
        whole = model.logits(model.source(labels, top), codes)
        assert torch.allclose(whole, model.stepwise_logits(labels, top, codes), atol=2e-5)
