# SPDX-License-Identifier: MIT
"""How well classes can be told apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

__all__ = ["LinearJudge", "balanced_accuracy", "fit_judge", "principal_components", "separability"]

Features = NDArray[np.floating[Any]]
Labels = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class LinearJudge:
    """Logistic regression on standardised features.

    Attributes:
        mean: of each feature in the training set.
        spread: standard deviation of each.
        weights: shape ``(features, classes)``.
        bias: shape ``(classes,)``.
    """

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]

    def probabilities(self, features: Features) -> NDArray[np.float64]:
        """Shape ``(items, classes)``."""
        logits = (np.asarray(features, dtype=np.float64) - self.mean) / self.spread @ self.weights + self.bias
        return _softmax(logits)

    def answers(self, features: Features) -> NDArray[np.int64]:
        """The most probable class of each item."""
        return np.asarray(self.probabilities(features).argmax(1), dtype=np.int64)


def fit_judge(features: Features, labels: Labels, num_classes: int, *, decay: float = 0.01) -> LinearJudge:
    """Logistic regression; each class counts as much as the others.

    Args:
        features: shape ``(items, features)``.
        labels: numbers of the classes.
        num_classes: how many there are.
        decay: weight of half the sum of squared weights, beside the mean cross-entropy.
    """
    x = np.asarray(features, dtype=np.float64)
    mean, spread = x.mean(0), np.maximum(x.std(0), 1e-6)
    x = (x - mean) / spread
    counts = np.bincount(labels, minlength=num_classes)
    share = 1.0 / (np.maximum(counts, 1)[labels] * np.count_nonzero(counts))
    wanted = np.eye(num_classes)[labels]

    def cost(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights, bias = flat[:-num_classes].reshape(-1, num_classes), flat[-num_classes:]
        chances = _softmax(x @ weights + bias)
        value = -np.sum(share * np.log(np.maximum((chances * wanted).sum(1), 1e-300))) + decay / 2 * np.sum(weights**2)
        slope = share[:, None] * (chances - wanted)
        return float(value), np.concatenate([(x.T @ slope + decay * weights).ravel(), slope.sum(0)])

    start = np.zeros((x.shape[1] + 1) * num_classes)
    found = scipy.optimize.minimize(cost, start, jac=True, method="L-BFGS-B").x
    return LinearJudge(mean, spread, found[:-num_classes].reshape(-1, num_classes), found[-num_classes:])


def balanced_accuracy(answers: Labels, labels: Labels) -> float:
    """Mean over the classes of the share of right answers.

    >>> balanced_accuracy(np.array([0, 0, 0, 0]), np.array([0, 0, 0, 1]))
    0.5
    """
    shares = [float(np.mean(answers[labels == label] == label)) for label in np.unique(labels)]
    return sum(shares) / len(shares)


def principal_components(features: Features, count: int = 2) -> NDArray[np.float64]:
    """Projection of ``(items, features)`` on the directions of greatest variance, shape ``(items, count)``.

    Source: Pearson, "On lines and planes of closest fit to systems of points in space", 1901.
    """
    x = np.asarray(features, dtype=np.float64)
    x = x - x.mean(0)
    _, _, axes = np.linalg.svd(x, full_matrices=False)
    return np.asarray(x @ axes[:count].T)


def separability(points: Features, labels: Labels) -> float:
    """Balanced accuracy of logistic regression on points, on those that it was fitted to: 1 is a straight border."""
    num_classes = int(labels.max()) + 1
    return balanced_accuracy(fit_judge(points, labels, num_classes, decay=1e-3).answers(points), labels)


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))
