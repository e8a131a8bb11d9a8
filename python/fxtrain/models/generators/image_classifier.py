# SPDX-License-Identifier: MIT
"""Tells classes of pictures apart: a pretrained network, and a linear head that is trained.

Sources: He et al., "Deep residual learning for image recognition", 2016, through ``transformers``. EfficientNet-Lite0
is in :mod:`fxtrain.models.generators._efficientnet`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from fxtrain.config import build, configuration
from fxtrain.errors import ConfigError, InputError
from fxtrain.extras import require
from fxtrain.models.generators._efficientnet import FEATURES, EfficientNetLite0, load_efficientnet
from fxtrain.text import quoted
from fxtrain.training.protocol import Criterion, Frozen, Phase, StepContext, Trainable

__all__ = ["ImageClassifier", "ImageClassifierConfig", "hash_of_weights", "load_backbone", "without_bars"]

_MEAN, _SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, as all published ResNets expect
_BATCH = 16


@configuration
class ImageClassifierConfig:
    """Which network sees, and what is trained.

    Attributes:
        backbone: ``resnet50`` of transformers, or ``efficientnet-lite0``, whose weights are fetched.
        weights: of ``resnet50``: a folder that ``save_pretrained`` wrote, or a name on the hub; empty for random ones.
        tune: ``head``, or ``all`` to train the network too.
        size: width and height that pictures are scaled to.
        hidden_sizes: channels of the stages of a random ResNet.
        depths: layers of its stages.
        embedding_size: channels of its first layer.
        seed: of its random weights.
        known_as: with ``efficientnet-lite0``, for each class numbers of classes of ImageNet that belong to it, such as
            ``"281-285, 151"``: the head starts at the mean of what names them, instead of at random.
    """

    backbone: Literal["resnet50", "efficientnet-lite0"] = "resnet50"
    weights: str = ""
    tune: Literal["head", "all"] = "head"
    size: Annotated[int, Field(ge=16, le=1024)] = 224
    hidden_sizes: Annotated[list[int], Field(min_length=1)] = Field(default_factory=lambda: [256, 512, 1024, 2048])
    depths: Annotated[list[int], Field(min_length=1)] = Field(default_factory=lambda: [3, 4, 6, 3])
    embedding_size: Annotated[int, Field(ge=1)] = 64
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    known_as: list[str] = Field(default_factory=list)

    def __post_init__(self) -> None:
        if self.backbone == "efficientnet-lite0" and (self.weights or self.tune == "all"):
            raise ConfigError("efficientnet-lite0 is used as published: leave model.weights empty and model.tune=head")
        if self.known_as and self.backbone != "efficientnet-lite0":
            raise ConfigError(
                "model.known_as needs model.backbone=efficientnet-lite0, which has the classes of ImageNet"
            )
        if len(self.hidden_sizes) != len(self.depths):
            raise ConfigError(
                f"model.hidden_sizes has {len(self.hidden_sizes)} numbers and model.depths {len(self.depths)}: "
                "expected as many"
            )


def load_backbone(config: ImageClassifierConfig, *, fetch: bool = True) -> tuple[nn.Module, int]:
    """The network that sees, and the number of its features.

    Args:
        config: which one.
        fetch: whether it may be downloaded.

    Raises:
        InputError: the weights cannot be loaded.
    """
    if config.backbone == "efficientnet-lite0":
        return load_efficientnet(fetch=fetch), FEATURES
    transformers: Any = require("transformers", purpose="the classifier resnet50")
    if not config.weights:
        shape = transformers.ResNetConfig(
            embedding_size=config.embedding_size, hidden_sizes=config.hidden_sizes, depths=config.depths
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            return transformers.ResNetModel(shape), config.hidden_sizes[-1]
    local = Path(config.weights).expanduser()
    where = str(local) if local.is_dir() else config.weights
    try:
        with without_bars():
            network = transformers.ResNetModel.from_pretrained(where, local_files_only=local.is_dir() or not fetch)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        kind = "folder" if local.exists() else "folder or downloaded network"
        raise InputError(
            f"model.weights is {quoted(config.weights)}, but there is no {kind} of that name with the weights of a "
            f"ResNet ({type(error).__name__}): give the folder that save_pretrained wrote"
        ) from None
    return network, int(network.config.hidden_sizes[-1])


@contextmanager
def without_bars() -> Iterator[None]:
    """Keeps the progress bars of transformers from the terminal."""
    logging: Any = require("transformers.utils.logging", purpose="the classifier resnet50")
    was_active = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_active:
            logging.enable_progress_bar()


class ImageClassifier(Trainable):
    """A network that sees, and a linear head with one output for each class."""

    name = "image-classifier"
    summary = "tells classes of pictures apart, with a pretrained network"
    task = "image_to_sound"
    formats = ()
    Config = ImageClassifierConfig
    criterion = Criterion("entropy", "cross-entropy in nats")
    training_defaults = {"learning_rate": 0.003, "batch_size": 32}  # noqa: RUF012
    full_size = {"classes": ["cat", "dog"], "backbone_sha256": ""}  # noqa: RUF012

    def __init__(self, config: ImageClassifierConfig, *, classes: list[str], backbone_sha256: str) -> None:
        super().__init__()
        self.config, self.classes = config, classes
        network, num_features = load_backbone(config, fetch=not backbone_sha256)
        self.backbone: nn.Module = network if config.tune == "all" else Frozen(network)
        self.head = nn.Linear(num_features, len(classes))
        self.backbone_sha256 = hash_of_weights(network) if config.tune == "head" and backbone_sha256 else ""
        if backbone_sha256 and config.tune == "head" and self.backbone_sha256 != backbone_sha256:
            raise InputError(
                f"the weights of {config.backbone} ({quoted(config.weights or 'its own')}) are not those that this "
                f"classifier was trained on (hash {self.backbone_sha256[:12]}, expected {backbone_sha256[:12]}): put "
                "the former ones back, or train it anew"
            )
        if config.known_as:
            assert isinstance(network, EfficientNetLite0)
            self._begin_at(config.known_as, network)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, loss: Mapping[str, Any], **facts: Any) -> ImageClassifier:
        """Builds the model."""
        return cls(
            build(ImageClassifierConfig, config, where="model"),
            classes=list(facts["classes"]),
            backbone_sha256=facts["backbone_sha256"],
        )

    @classmethod
    def get_provider(cls) -> type[Any]:
        """Draws pictures."""
        from fxtrain.data.pictures import PictureProvider

        return PictureProvider

    def _begin_at(self, known_as: Sequence[str], network: EfficientNetLite0) -> None:
        if len(known_as) != len(self.classes):
            raise ConfigError(
                f"model.known_as has {len(known_as)} entries, expected one for each of the {len(self.classes)} classes"
            )
        weight, bias = network.class_weights
        with torch.no_grad():
            for number, text in enumerate(known_as):
                members = _numbers(text)
                self.head.weight[number] = weight[members].mean(0)
                self.head.bias[number] = bias[members].mean()

    @property
    def is_head_only(self) -> bool:
        """Whether the network that sees is left as it is."""
        return self.config.tune == "head"

    def features(self, pixels: Tensor) -> Tensor:
        """What the network sees in ``(batch, height, width, 3)`` pixels from 0 to 255, shape ``(batch, features)``."""
        x = pixels.permute(0, 3, 1, 2).to(torch.float32)
        if self.config.backbone == "efficientnet-lite0":
            seen: Tensor = self.backbone(x)
            return seen
        mean, spread = (torch.tensor(values, device=x.device)[:, None, None] for values in (_MEAN, _SPREAD))
        found = self.backbone((x / 255 - mean) / spread)
        pooled: Tensor = found.pooler_output.flatten(1)
        return pooled

    @torch.no_grad()
    def see(self, pixels: Tensor) -> Tensor:
        """:meth:`features` of any number of pictures."""
        return torch.cat([self.features(pixels[at : at + _BATCH]) for at in range(0, len(pixels), _BATCH)])

    @torch.no_grad()
    def classify(self, pixels: Tensor) -> Tensor:
        """Probabilities ``(pictures, classes)`` of ``(pictures, height, width, 3)`` pixels."""
        found: Tensor = self.head(self.see(pixels)).softmax(-1)
        return found

    def _logits(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.head(inputs if self.is_head_only else self.features(inputs))
        return found

    def loss(self, batch: Any, phase: Phase, context: StepContext) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy in nats."""
        return functional.cross_entropy(self._logits(batch.inputs), batch.labels), {}

    def validate(self, batch: Any, context: StepContext) -> dict[str, tuple[float, float]]:
        """Cross-entropy and accuracy, each over the number of pictures."""
        logits = self._logits(batch.inputs)
        count = float(len(batch.labels))
        right = float((logits.argmax(-1) == batch.labels).sum())
        entropy = functional.cross_entropy(logits, batch.labels, reduction="sum")
        return {"entropy": (float(entropy), count), "accuracy": (right, count)}


def hash_of_weights(network: nn.Module) -> str:
    """SHA-256 of all weights, in hexadecimal."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _numbers(text: str) -> list[int]:
    """Whole numbers below 1000.

    >>> _numbers("7-9, 80")
    [7, 8, 9, 80]
    """
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,3})(?:\s*-\s*(\d{1,3}))?\s*", part)
        if match is None:
            raise ConfigError(f'model.known_as has {quoted(text)}, expected numbers of ImageNet such as "281-285, 151"')
        first, last = int(match[1]), int(match[2] or match[1])
        found += range(first, last + 1)
    return found
