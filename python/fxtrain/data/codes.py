# SPDX-License-Identifier: MIT
"""Sequences of codes that an autoencoder made of clips."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from fxtrain.config import configuration
from fxtrain.data.sharding import Sharded

__all__ = ["CodeBatch", "CodeConfig", "CodeProvider", "CodeSet"]

_VALIDATION_BATCH = 4


@configuration
class CodeConfig:
    """Whose codes are learnt.

    Attributes:
        folder: of the sounds, as the autoencoder was given it.
        copies: how often a training clip is encoded, rotated in time by another amount each time.
        validation_fraction: share of the files that chooses the best weights.
        test_fraction: share of the files that training never sees.
        sounds: how many sounds are made of each class to measure the trained model by.
        top_k: candidates among which these sounds are drawn.
    """

    folder: Annotated[Path, Field(strict=False)]
    copies: Annotated[int, Field(ge=1, le=1000)] = 4
    validation_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.1
    test_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.1
    sounds: Annotated[int, Field(ge=1, le=1000)] = 8
    top_k: Annotated[int, Field(ge=1)] = 6

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", self.folder.expanduser().resolve())


@dataclass(frozen=True, eq=False)
class CodeSet:
    """Codes of clips.

    Attributes:
        top: shape ``(clips, top length)``.
        bottom: shape ``(clips, bottom length)``.
        labels: shape ``(clips,)``.
    """

    top: NDArray[np.int64]
    bottom: NDArray[np.int64]
    labels: NDArray[np.int64]

    def level(self, name: Literal["top", "bottom"]) -> NDArray[np.int64]:
        """The codes of one level."""
        return self.top if name == "top" else self.bottom


@dataclass(frozen=True)
class CodeBatch:
    """What a step is fed.

    Attributes:
        labels: classes, shape ``(batch,)``.
        top: top codes, shape ``(batch, top length)``.
        tokens: each the one before that of ``targets``, shape ``(batch, length)``.
        targets: codes to predict, shape ``(batch, length)``.
        start: place of the first target in its clip, shape ``(batch,)``.
    """

    labels: Tensor
    top: Tensor
    tokens: Tensor
    targets: Tensor
    start: Tensor

    @property
    def num_items(self) -> int:
        """Codes to predict."""
        return self.targets.numel()

    def to(self, device: torch.device) -> CodeBatch:
        """The batch on another device."""
        moved = (value.to(device) for value in (self.labels, self.top, self.tokens, self.targets, self.start))
        return CodeBatch(*moved)


class CodeProvider(Sharded):
    """Draws sequences, or windows of them; which ones depends on seed and step alone."""

    Config = CodeConfig
    unit = "codes"
    steps_per_sequence = 1

    def __init__(
        self,
        train: CodeSet,
        validation: CodeSet,
        *,
        level: Literal["top", "bottom"],
        start_token: int,
        window: int,
        batch_size: int,
        seed: int,
    ) -> None:
        self._train, self._validation = train, validation
        self._level, self._start_token = level, start_token
        self._batch_size, self._seed = batch_size, seed
        length = train.level(level).shape[1]
        self._window = min(window, length) if window else length
        self.steps_per_epoch = max(1, round(train.level(level).size / (batch_size * self._window)))

    @property
    def fingerprint(self) -> str:
        """Hash of the codes."""
        digest = hashlib.sha256()
        for values in (self._train.top, self._train.bottom, self._train.labels):
            digest.update(np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()

    def batch(self, step: int) -> CodeBatch:
        """Sequences of random clips."""
        random = np.random.default_rng([self._seed, 23, step])
        chosen = random.integers(len(self._train.labels), size=self._batch_size)
        last = self._train.level(self._level).shape[1] - self._window
        starts = random.integers(last + 1, size=self._batch_size)
        return self._make(self._train, self.own_rows(chosen), self.own_rows(starts), self._window)

    def validation(self) -> Iterator[CodeBatch]:
        """The whole sequences of the validation part."""
        for at in range(0, len(self._validation.labels), _VALIDATION_BATCH):
            chosen = np.arange(at, min(at + _VALIDATION_BATCH, len(self._validation.labels)))
            length = self._validation.level(self._level).shape[1]
            yield self._make(self._validation, chosen, np.zeros_like(chosen), length)

    def _make(self, codes: CodeSet, chosen: NDArray[np.int64], starts: NDArray[np.int64], length: int) -> CodeBatch:
        level = codes.level(self._level)
        begun = np.concatenate([np.full((len(chosen), 1), self._start_token), level[chosen]], axis=1)
        places = starts[:, None] + np.arange(length)
        return CodeBatch(
            torch.from_numpy(codes.labels[chosen]),
            torch.from_numpy(codes.top[chosen]),
            torch.from_numpy(np.take_along_axis(begun, places, axis=1)),
            torch.from_numpy(np.take_along_axis(level[chosen], places, axis=1)),
            torch.from_numpy(starts.astype(np.int64)),
        )
