# SPDX-License-Identifier: MIT
"""Losses of generators and discriminators that are trained against each other.

A discriminator's outputs are scores: the higher, the more it believes that what it was shown is real. For ``minimax``
they are logits. Every loss here is to be minimised.

===============  ==========================================  =================================
name             discriminator                               generator
===============  ==========================================  =================================
minimax          -log s(D(x)) - log(1 - s(D(y)))             -log s(D(y)), "non-saturating"
least-squares    (1 - D(x))^2 + D(y)^2                       (1 - D(y))^2
hinge            max(0, 1 - D(x)) + max(0, 1 + D(y))         -D(y)
wasserstein      D(y) - D(x), with a gradient penalty        -D(y)
===============  ==========================================  =================================

x is real, y is made, s the logistic function.

Sources: Goodfellow et al., "Generative adversarial nets", 2014; Mao et al., "Least squares generative adversarial
networks", 2017; Lim and Ye, "Geometric GAN", 2017; Gulrajani et al., "Improved training of Wasserstein GANs", 2017.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

__all__ = [
    "AdversarialLoss",
    "discriminator_loss",
    "feature_distance",
    "generator_loss",
    "gradient_penalty",
]

AdversarialLoss = Literal["minimax", "least-squares", "hinge", "wasserstein"]


def discriminator_loss(kind: AdversarialLoss, real: Sequence[Tensor], made: Sequence[Tensor]) -> Tensor:
    """What discriminators minimise: mean over their scores, summed over the discriminators.

    Args:
        kind: of loss.
        real: scores of each discriminator for real sound, any shape.
        made: scores for what the generator made, the same shapes.
    """
    return torch.stack([_of_pair(kind, x, y) for x, y in zip(real, made, strict=True)]).sum()


def generator_loss(kind: AdversarialLoss, made: Sequence[Tensor]) -> Tensor:
    """What the generator minimises: mean over the scores, summed over the discriminators."""
    of_one: dict[AdversarialLoss, Callable[[Tensor], Tensor]] = {
        "minimax": lambda y: functional.softplus(-y).mean(),
        "least-squares": lambda y: (1 - y).square().mean(),
        "hinge": lambda y: -y.mean(),
        "wasserstein": lambda y: -y.mean(),
    }
    return torch.stack([of_one[kind](y) for y in made]).sum()


def gradient_penalty(
    scores: Callable[[Tensor], Sequence[Tensor]], real: Tensor, made: Tensor, generator: torch.Generator
) -> Tensor:
    """How far the discriminators' slopes are from 1 between real and made samples, as ``wasserstein`` needs.

    Args:
        scores: the discriminators.
        real: shape ``(batch, ...)``.
        made: the same shape.
        generator: draws the place between the two.
    """
    shape = (len(real),) + (1,) * (real.dim() - 1)
    place = torch.rand(shape, generator=generator, device=generator.device).to(real)
    between = (place * real + (1 - place) * made).detach().requires_grad_(True)
    total = torch.stack([each.flatten(1).mean(dim=1).sum() for each in scores(between)]).sum()
    (slope,) = torch.autograd.grad(total, between, create_graph=True)
    lengths: Tensor = slope.flatten(1).norm(dim=1)
    return (lengths - 1).square().mean()


def feature_distance(real: Sequence[Sequence[Tensor]], made: Sequence[Sequence[Tensor]]) -> Tensor:
    """Mean absolute difference of the discriminators' hidden layers, averaged over all layers.

    Source: Kumar et al., "MelGAN", 2019, section 2.3.
    """
    distances = [
        functional.l1_loss(y, x.detach())
        for one, other in zip(real, made, strict=True)
        for x, y in zip(one, other, strict=True)
    ]
    return torch.stack(distances).mean()


def _of_pair(kind: AdversarialLoss, real: Tensor, made: Tensor) -> Tensor:
    if kind == "minimax":
        return functional.softplus(-real).mean() + functional.softplus(made).mean()
    if kind == "least-squares":
        return (1 - real).square().mean() + made.square().mean()
    if kind == "hinge":
        return functional.relu(1 - real).mean() + functional.relu(1 + made).mean()
    return made.mean() - real.mean()
