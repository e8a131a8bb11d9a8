# SPDX-License-Identifier: MIT
"""Losses on the waveform."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

__all__ = ["dc_to_signal_ratio", "error_to_signal_ratio", "mean_squared_error"]


def _itself(value: Tensor) -> Tensor:
    return value


def error_to_signal_ratio(
    prediction: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    eps: float = 1e-8,
    mean: Callable[[Tensor], Tensor] = _itself,
) -> Tensor:
    """Energy of the error relative to the energy of the target (ESR), over the whole batch.

    One ratio for the batch, not a mean of ratios: quiet segments count by their energy, as they do in the ESR of a
    whole recording.

    Args:
        prediction: model output, shape ``(batch, frames)``, full scale is 1.
        target: recorded device output, same shape, already aligned to the prediction.
        weight: weight of each segment, shape ``(batch,)``.
        eps: power added to the target's, so that silence does not divide by zero.
        mean: of the target's power over all parts of a batch, where this is one of them; the mean of the parts' ratios
            is then that of the batch.

    Returns:
        A scalar. 0 is exact, 1 is no better than silence.

    Source: Wright and Välimäki, "Perceptual loss function for neural modelling of audio systems", 2020, eq. 3.

    >>> import torch
    >>> error_to_signal_ratio(torch.zeros(1, 4), torch.ones(1, 4), eps=0.0).item()
    1.0
    """
    error = (prediction - target).square().mean(dim=-1)
    power = target.square().mean(dim=-1)
    if weight is not None:
        error, power = error * weight, power * weight
    return error.mean() / (mean(power.mean()) + eps)


def mean_squared_error(prediction: Tensor, target: Tensor, *, weight: Tensor | None = None) -> Tensor:
    """Power of the error, over the whole batch: loud stretches count by their level.

    Arguments as in :func:`error_to_signal_ratio`.

    >>> import torch
    >>> mean_squared_error(torch.zeros(1, 4), torch.full((1, 4), 0.5)).item()
    0.25
    """
    error = (prediction - target).square().mean(dim=-1)
    return (error if weight is None else error * weight).mean()


def dc_to_signal_ratio(
    prediction: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    eps: float = 1e-8,
    mean: Callable[[Tensor], Tensor] = _itself,
) -> Tensor:
    """Energy of the error's mean relative to the energy of the target.

    Arguments and source as in :func:`error_to_signal_ratio` (eq. 6).

    >>> import torch
    >>> dc_to_signal_ratio(torch.tensor([[3.0, 1.0]]), torch.tensor([[1.0, 1.0]]), eps=0.0).item()
    1.0
    """
    offset = (prediction - target).mean(dim=-1).square()
    power = target.square().mean(dim=-1)
    if weight is not None:
        offset, power = offset * weight, power * weight
    return offset.mean() / (mean(power.mean()) + eps)
