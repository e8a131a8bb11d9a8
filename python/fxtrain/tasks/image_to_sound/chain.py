# SPDX-License-Identifier: MIT
"""The whole chain, from a picture to a sound: classifier, Top, Bottom, decoder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fxtrain.errors import ConfigError, InputError
from fxtrain.models.generators._sampling import Sampling
from fxtrain.models.generators.code_prior import CodePrior
from fxtrain.models.generators.image_classifier import ImageClassifier
from fxtrain.models.generators.vqvae import Codes, VqVae
from fxtrain.tasks.trained import load_trained_model
from fxtrain.text import quoted
from fxtrain.training.checkpoint import load_checkpoint

__all__ = [
    "Chain",
    "Written",
    "check_chain",
    "class_number",
    "load_chain",
    "median_class",
    "require_same_classes",
    "require_same_codes",
]

Progress = Callable[[float], None]
_WRITTEN_TOGETHER = 25


@dataclass(frozen=True, eq=False)
class Written:
    """Sounds that the chain made.

    Attributes:
        sound: shape ``(sounds, frames)``.
        top: their top codes.
        bottom: their bottom codes.
        top_nats: mean of the negative logarithm of the probability that Top gave its own codes.
        bottom_nats: the same of Bottom.
    """

    sound: NDArray[np.float32]
    top: NDArray[np.int64]
    bottom: NDArray[np.int64]
    top_nats: float
    bottom_nats: float


@dataclass(frozen=True, eq=False)
class Chain:
    """The models of a finished pipeline; the classifier may be missing."""

    autoencoder: VqVae
    top: CodePrior | None
    bottom: CodePrior
    classifier: ImageClassifier | None

    @property
    def classes(self) -> list[str]:
        """The classes in order."""
        return self.autoencoder.classes

    def write(
        self,
        labels: Sequence[int],
        *,
        seed: int,
        sampling: Sampling | None = None,
        top: NDArray[np.int64] | None = None,
        progress: Progress | None = None,
    ) -> Written:
        """Makes a sound for each label.

        Args:
            labels: numbers of the classes.
            seed: of all draws.
            sampling: how codes are drawn.
            top: top codes to write the bottom for, instead of those of Top.
            progress: told the share that is done.
        """
        how = sampling or Sampling()
        generator = torch.Generator().manual_seed(seed)
        pieces: list[Written] = []
        for at in range(0, len(labels), _WRITTEN_TOGETHER):
            chosen = torch.tensor(list(labels[at : at + _WRITTEN_TOGETHER]))
            given = None if top is None else torch.from_numpy(top[at : at + _WRITTEN_TOGETHER])
            pieces.append(self._write(chosen, given, how, generator, _part(progress, at, len(chosen), len(labels))))
        return Written(
            np.concatenate([piece.sound for piece in pieces]),
            np.concatenate([piece.top for piece in pieces]),
            np.concatenate([piece.bottom for piece in pieces]),
            float(np.average([piece.top_nats for piece in pieces], weights=[len(piece.top) for piece in pieces])),
            float(np.average([piece.bottom_nats for piece in pieces], weights=[len(piece.top) for piece in pieces])),
        )

    @torch.no_grad()
    def _write(
        self,
        labels: torch.Tensor,
        top: torch.Tensor | None,
        how: Sampling,
        generator: torch.Generator,
        progress: Progress | None,
    ) -> Written:
        lengths = self.autoencoder.top_length, self.autoencoder.bottom_length
        border = lengths[0] / sum(lengths)
        top_nats = torch.zeros(1)
        if top is None:
            top = torch.zeros(len(labels), 0, dtype=torch.long)
            if self.top is not None:
                early = None if progress is None else lambda share: progress(border * share)
                top, top_nats = self.top.write(labels, top, how, generator, progress=early)
        late = None if progress is None else lambda share: progress(border + (1 - border) * share)
        bottom, bottom_nats = self.bottom.write(labels, top, how, generator, progress=late)
        sound = self.autoencoder.decode(Codes(top, bottom)).numpy().astype(np.float32)
        return Written(sound, top.numpy(), bottom.numpy(), float(top_nats.mean()), float(bottom_nats.mean()))


def _part(progress: Progress | None, at: int, count: int, total: int) -> Progress | None:
    return None if progress is None else lambda share: progress((at + share * count) / total)


def median_class(labels: Sequence[int]) -> int:
    """The median of the frames' classes; of an even number of frames the lower of the two in the middle.

    >>> median_class([1, 0, 0, 1])
    0
    """
    return sorted(labels)[(len(labels) - 1) // 2]


def load_chain(folder: Path, *, with_classifier: bool = True) -> Chain:
    """The models of a pipeline.

    Args:
        folder: holds the folder of a run for each stage, whatever their names.
        with_classifier: whether there must be a classifier.

    Raises:
        InputError: a stage is missing, or belongs to other codes.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: give one in which fxtrain fit ran the stages of a pipeline")
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*/best.pt")):
        content = load_checkpoint(path)
        kind = str(content.get("model"))
        if kind == CodePrior.name:
            tables = content.get("tables")
            table = tables.get("model", {}) if isinstance(tables, dict) else {}
            kind = str(table.get("level", "top"))
        if kind in found:
            raise InputError(
                f"{folder} holds two runs of the same kind, {found[kind].parent.name} and {path.parent.name}"
            )
        found[kind] = path
    autoencoder = _model(found, VqVae.name, "autoencoder (vqvae2)", folder)
    assert isinstance(autoencoder, VqVae)
    top = None
    if autoencoder.is_hierarchical:
        top = _model(found, "top", "Top (code-prior with level=top)", folder)
        assert isinstance(top, CodePrior)
    bottom = _model(found, "bottom", "Bottom (code-prior with level=bottom)", folder)
    assert isinstance(bottom, CodePrior)
    classifier: ImageClassifier | None = None
    if with_classifier:
        classifier = _model(found, ImageClassifier.name, "classifier (image-classifier)", folder)
        assert isinstance(classifier, ImageClassifier)
    chain = Chain(autoencoder, top, bottom, classifier)
    check_chain(chain, found[VqVae.name])
    return chain


def check_chain(chain: Chain, codes: Path) -> None:
    """Raises InputError if the models do not belong together.

    Args:
        chain: the models.
        codes: the checkpoint of the autoencoder.
    """
    digest = hashlib.sha256(codes.read_bytes()).hexdigest()
    for name, prior in (("Top", chain.top), ("Bottom", chain.bottom)):
        if prior is not None:
            require_same_codes(name, prior, digest, codes)
    if chain.classifier is not None:
        require_same_classes(chain.classifier, chain.classes)


def require_same_codes(name: str, prior: CodePrior, digest: str, codes: Path) -> None:
    """Raises InputError if a prior was trained on the codes of another checkpoint than ``codes`` with this hash."""
    if prior.codes_sha256 != digest:
        raise InputError(
            f"{name} was trained on the codes of another autoencoder: {codes} has changed since (SHA-256 "
            f"{digest[:12]}, expected {prior.codes_sha256[:12]}); train {name} anew"
        )


def require_same_classes(classifier: ImageClassifier, classes: Sequence[str]) -> None:
    """Raises InputError if a classifier knows other classes than the sounds are of."""
    if classifier.classes != list(classes):
        raise InputError(
            f"the classifier knows the classes {', '.join(classifier.classes)}, but the sounds are of "
            f"{', '.join(classes)}: train both with the same data.classes"
        )


def _model(found: dict[str, Path], kind: str, what: str, folder: Path) -> Any:
    if kind not in found:
        raise InputError(f"{folder} has no trained {what}: run that stage with fxtrain fit")
    return load_trained_model(found[kind]).model


def class_number(name: str, classes: Sequence[str]) -> int:
    """The number of the class called ``name``."""
    if name not in classes:
        raise ConfigError(f"there is no class {quoted(name)}; there are {', '.join(classes)}")
    return list(classes).index(name)
