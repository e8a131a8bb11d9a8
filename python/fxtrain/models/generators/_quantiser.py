# SPDX-License-Identifier: MIT
"""A codebook: each vector is replaced by the nearest of a fixed number of vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Quantised", "Quantiser", "k_means"]

_KMEANS_ROUNDS = 10
_MOST_VECTORS = 16_384  # for k-means


@dataclass(frozen=True)
class Quantised:
    """What a codebook makes of vectors.

    Attributes:
        vectors: the nearest codes, shape ``(batch, size, length)``; the gradient passes through to the input.
        indices: their numbers, shape ``(batch, length)``.
        codebook_loss: mean squared distance, whose gradient moves the codes; 0 with a moving average.
        commitment_loss: the same, whose gradient moves the input.
    """

    vectors: Tensor
    indices: Tensor
    codebook_loss: Tensor
    commitment_loss: Tensor


class Quantiser(nn.Module):
    """A codebook, trained by gradient or by moving averages.

    In training, codes that no vector chose for ``revive_every`` steps move to vectors of the present batch, so that the
    codebook does not collapse. The codes start at the centres that k-means finds in the first batch.

    Sources: van den Oord et al., "Neural discrete representation learning", 2017, eq. 3 (gradient) and appendix A.1
    (moving average); Dhariwal et al., "Jukebox", 2020, section 3, for codes that are revived.
    """

    uses: Tensor
    started: Tensor
    mean_count: Tensor
    mean_sum: Tensor

    def __init__(
        self,
        num_codes: int,
        size: int,
        *,
        update: Literal["gradient", "ema"] = "gradient",
        decay: float = 0.99,
        revive_every: int = 50,
    ) -> None:
        super().__init__()
        self.num_codes, self.size = num_codes, size
        self.decay, self.revive_every = decay, revive_every
        self.codes = nn.Parameter(torch.randn(num_codes, size) / size**0.5, requires_grad=update == "gradient")
        self.register_buffer("uses", torch.zeros(num_codes))
        self.register_buffer("started", torch.zeros(()))
        if update == "ema":
            self.register_buffer("mean_count", torch.ones(num_codes))
            self.register_buffer("mean_sum", self.codes.detach().clone())

    @property
    def is_averaged(self) -> bool:
        """Whether the codes follow moving averages instead of a gradient."""
        return not self.codes.requires_grad

    def prepare(self, vectors: Tensor, step: int, generator: torch.Generator) -> None:
        """Before a training step: places the codes at first, and revives those that are dead.

        Args:
            vectors: of this step, shape ``(batch, size, length)``.
            step: its number.
            generator: which vectors are taken depends on it.
        """
        flat = vectors.detach().transpose(1, 2).reshape(-1, self.size).to(self.codes.dtype)
        with torch.no_grad():
            if not self.started:
                self._place(torch.arange(self.num_codes, device=flat.device), k_means(flat, self.num_codes, generator))
                self.started.fill_(1)
                self.uses.zero_()
            elif step and step % self.revive_every == 0:
                dead = torch.nonzero(self.uses == 0)[:, 0]
                if len(dead):
                    drawn = torch.randint(len(flat), (len(dead),), generator=generator)
                    self._place(dead, flat[drawn.to(flat.device)])
                self.uses.zero_()

    def _place(self, which: Tensor, where: Tensor) -> None:
        self.codes[which] = where
        if self.is_averaged:
            self.mean_count[which] = 1.0
            self.mean_sum[which] = where

    def nearest(self, vectors: Tensor) -> Tensor:
        """Numbers of the nearest codes of ``(batch, size, length)``, shape ``(batch, length)``."""
        flat = vectors.transpose(1, 2)
        return (self.codes.square().sum(1) - 2 * (flat @ self.codes.T)).argmin(-1)

    def look_up(self, indices: Tensor) -> Tensor:
        """The codes of ``(batch, length)`` numbers, shape ``(batch, size, length)``."""
        return functional.embedding(indices, self.codes).transpose(1, 2)

    def forward(self, vectors: Tensor) -> Quantised:
        """Quantises ``(batch, size, length)``; in training mode the uses are counted, and averages follow."""
        with torch.no_grad():
            indices = self.nearest(vectors)
            if self.training:
                self._count(vectors, indices)
        codes = self.look_up(indices)
        commitment = functional.mse_loss(vectors, codes.detach())
        codebook = commitment.new_zeros(()) if self.is_averaged else functional.mse_loss(codes, vectors.detach())
        return Quantised(vectors + (codes - vectors).detach(), indices, codebook, commitment)

    def _count(self, vectors: Tensor, indices: Tensor) -> None:
        flat = indices.reshape(-1)
        counts = torch.bincount(flat, minlength=self.num_codes).to(self.uses.dtype)
        self.uses += counts
        if self.is_averaged:
            sums = torch.zeros_like(self.mean_sum)
            sums.index_add_(0, flat, vectors.detach().transpose(1, 2).reshape(-1, self.size).to(sums.dtype))
            self.mean_count.lerp_(counts, 1 - self.decay)
            self.mean_sum.lerp_(sums, 1 - self.decay)
            self.codes.copy_(self.mean_sum / self.mean_count.clamp(min=1e-3)[:, None])


def k_means(vectors: Tensor, num_centres: int, generator: torch.Generator) -> Tensor:
    """Centres of clusters, found in ten rounds from random vectors.

    Args:
        vectors: shape ``(count, size)``; of many, a random part is used, of few, some twice and slightly moved.
        num_centres: how many to find.
        generator: decides where to begin.

    Returns:
        Shape ``(num_centres, size)``.

    Source: Lloyd, "Least squares quantization in PCM", 1982.
    """
    order = torch.randperm(len(vectors), generator=generator).to(vectors.device)
    points = vectors[order[:_MOST_VECTORS]]
    taken = torch.arange(num_centres, device=points.device) % len(points)
    centres = points[taken].clone()
    if len(points) < num_centres:
        noise = torch.randn(centres.shape, generator=generator).to(centres.device)
        centres += 1e-3 * points.std() * noise
    for _ in range(_KMEANS_ROUNDS):
        nearest = (centres.square().sum(1) - 2 * points @ centres.T).argmin(-1)
        counts = torch.bincount(nearest, minlength=num_centres)
        sums = torch.zeros_like(centres).index_add_(0, nearest, points)
        filled = counts > 0
        centres[filled] = sums[filled] / counts[filled, None]
    return centres
