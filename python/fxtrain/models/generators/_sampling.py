# SPDX-License-Identifier: MIT
"""How the next code is drawn from a distribution."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from fxtrain.config import configuration

__all__ = ["Sampling", "draw", "restricted"]


@configuration
class Sampling:
    """How codes are drawn.

    Attributes:
        mode: ``uniform`` (all codes alike, whatever the model says), ``greedy`` (the most probable one), ``top-k``,
            ``top-p``, or ``full`` (as the model says).
        k: candidates of ``top-k``.
        p: candidates of ``top-p`` are the most probable ones whose sum stays below this; always at least one.
        temperature: divides the logits; below 1 favours the probable.
    """

    mode: Literal["uniform", "greedy", "top-k", "top-p", "full"] = "top-k"
    k: Annotated[int, Field(ge=1)] = 6
    p: Annotated[float, Field(gt=0, le=1)] = 0.9
    temperature: Annotated[float, Field(gt=0, le=100)] = 1.0


def restricted(logits: Tensor, sampling: Sampling) -> Tensor:
    """Logits of shape ``(..., codes)``; those of codes that may not be drawn are minus infinity.

    >>> logits = torch.log(torch.tensor([0.5, 0.3, 0.2]))
    >>> restricted(logits, Sampling(mode="top-p", p=0.85)).exp().isfinite().sum().item()
    3
    >>> [int((restricted(logits, Sampling(mode="top-p", p=p)) > -9e9).sum()) for p in (0.1, 0.6, 0.81, 1.0)]
    [1, 1, 2, 2]
    """
    if sampling.mode == "uniform":
        return torch.zeros_like(logits)
    scaled = logits / sampling.temperature
    if sampling.mode == "full":
        return scaled
    if sampling.mode == "top-p":
        ordered, order = scaled.sort(dim=-1, descending=True)
        kept = ordered.softmax(-1).cumsum(-1) < sampling.p
        kept[..., 0] = True
        outside = torch.zeros_like(kept).scatter(-1, order, ~kept)
    else:
        k = 1 if sampling.mode == "greedy" else min(sampling.k, scaled.shape[-1])
        outside = torch.ones_like(scaled, dtype=torch.bool).scatter(-1, scaled.topk(k, dim=-1).indices, False)
    return scaled.masked_fill(outside, -torch.inf)


def draw(logits: Tensor, sampling: Sampling, generator: torch.Generator) -> Tensor:
    """One code for each row of ``(batch, codes)``, shape ``(batch,)``."""
    if sampling.mode == "greedy":
        return logits.argmax(-1)
    chances = restricted(logits, sampling).softmax(-1)
    return torch.multinomial(chances, 1, generator=generator)[:, 0]
