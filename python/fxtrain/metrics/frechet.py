# SPDX-License-Identifier: MIT
"""How far apart two sets of features lie."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["frechet_distance", "frechet_floor"]

Features = NDArray[np.floating[Any]]


def frechet_distance(one: Features, other: Features) -> float:
    """Fréchet distance between Gaussians fitted to two sets of features.

    The figure depends on the features, on their number of dimensions and above all on how many there are: two samples
    of one distribution are far apart if they are small. State all three, and :func:`frechet_floor` beside it.

    Args:
        one: shape ``(items, dimensions)``.
        other: the same number of dimensions.

    Returns:
        ``|m1 - m2|² + tr(S1 + S2 - 2 (S1^½ S2 S1^½)^½)``, not below 0.

    Source: Dowson and Landau, "The Fréchet distance between multivariate normal distributions", 1982.

    >>> shift = np.zeros((4, 2)) + np.array([3.0, 4.0])
    >>> points = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> round(frechet_distance(points, points + shift), 9)
    25.0
    """
    means, covariances = [], []
    for features in (one, other):
        values = np.asarray(features, dtype=np.float64)
        means.append(values.mean(axis=0))
        covariances.append(np.atleast_2d(np.cov(values, rowvar=False)))
    values, vectors = np.linalg.eigh(covariances[0])
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    product = root @ covariances[1] @ root
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh((product + product.T) / 2), 0.0)).sum()
    apart = np.square(means[0] - means[1]).sum()
    return float(max(0.0, apart + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * shared))


def frechet_floor(features: Features, *, seed: int = 0) -> float:
    """The distance between two random halves of one set: what equality looks like at that size."""
    order = np.random.default_rng(seed).permutation(len(features))
    half = len(features) // 2
    return frechet_distance(features[order[:half]], features[order[half : 2 * half]])
