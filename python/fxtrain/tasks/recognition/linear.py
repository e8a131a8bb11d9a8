# SPDX-License-Identifier: MIT
"""The simplest recogniser: a linear classifier on mel frames with their neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from fxtrain.training.protocol import OptimizerConfig

__all__ = ["LinearRecogniser", "fit_linear"]

_BATCH = 1024
_RATE = 2e-3


@dataclass(frozen=True, eq=False)
class LinearRecogniser:
    """A softmax over phones, linear in the mel frames around the one in question.

    Attributes:
        layer: the weights.
        mean: of each feature.
        deviation: of each feature.
        before: frames of context before.
        after: frames of context after.
    """

    layer: nn.Linear
    mean: Tensor
    deviation: Tensor
    before: int
    after: int

    @torch.no_grad()
    def recognise(self, mels: NDArray[np.floating]) -> NDArray[np.int64]:
        """The likeliest phone of each frame of ``(frames, bands)``."""
        features = _with_context(torch.from_numpy(mels.astype(np.float32)), self.before, self.after)
        return np.asarray(self.layer((features - self.mean) / self.deviation).argmax(1).numpy())


def fit_linear(
    mels: Sequence[NDArray[np.floating]],
    targets: Sequence[NDArray[np.int64]],
    num_phones: int,
    *,
    before: int,
    after: int,
    epochs: float = 6,
    seed: int = 0,
) -> LinearRecogniser:
    """Fits the classifier with Adam, its rate falling to zero.

    Args:
        mels: of each recording, shape ``(frames, bands)``.
        targets: of each frame, -1 where there is none.
        num_phones: number of labels.
        before: frames of context before.
        after: frames of context after.
        epochs: passes over all frames.
        seed: of the order.
    """
    features = torch.cat([_with_context(torch.from_numpy(each.astype(np.float32)), before, after) for each in mels])
    labels = torch.from_numpy(np.concatenate([each[: len(m)] for each, m in zip(targets, mels, strict=True)]))
    features, labels = features[labels >= 0], labels[labels >= 0]
    mean, deviation = features.mean(0), features.std(0) + 1e-3
    layer = nn.Linear(features.shape[1], num_phones)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    optimizer = OptimizerConfig().build(list(layer.parameters()), _RATE)
    order = torch.Generator().manual_seed(seed)
    steps = max(1, round(epochs * (len(labels) // _BATCH)))
    for step in range(steps):
        chosen = torch.randint(len(labels), (_BATCH,), generator=order)
        loss = functional.cross_entropy(layer((features[chosen] - mean) / deviation), labels[chosen])
        optimizer.param_groups[0]["lr"] = _RATE * (1 - step / steps)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return LinearRecogniser(layer, mean, deviation, before, after)


def _with_context(mels: Tensor, before: int, after: int) -> Tensor:
    """Each frame with its neighbours, shape ``(frames, (before + 1 + after) * bands)``; the ends are repeated."""
    padded = torch.cat([mels[:1].expand(before, -1), mels, mels[-1:].expand(after, -1)])
    return padded.unfold(0, before + 1 + after, 1).flatten(1)
