# SPDX-License-Identifier: MIT
"""A WaveNet one sample at a time on the CPU kernels of ``fxtrain._kernels``: what sampling uses where they are built.

It computes what :class:`fxtrain.models.generators._wavenet_cache.TorchCache` computes, for one sound.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fxtrain.models.generators._wavenet_stack import WaveNetStack

try:
    from fxtrain import _kernels
except ImportError:  # the module was left out of this build
    _kernels = None  # type: ignore[assignment]

__all__ = ["is_available", "native_cache"]


def is_available() -> bool:
    """Whether this build has the kernels."""
    return _kernels is not None


@torch.no_grad()
def native_cache(stack: WaveNetStack, label: int | None = None) -> _kernels.WaveGenerator:
    """The network with its weights packed, and empty queues.

    Args:
        stack: the network.
        label: class of the sound, which becomes part of the biases.
    """
    of_class = None
    if stack.classes is not None and label is not None:
        of_class = stack.classes(torch.tensor([label], device=stack.classes.weight.device))
    condition = stack.gated[0].of_condition
    parameters: list[Tensor] = [stack.codes.weight]
    for layer in stack.gated:
        bias = _bias(layer.taps)
        if layer.of_class is not None and of_class is not None:
            bias = bias + layer.of_class(of_class)[0]
        old, new = layer.taps.weight.unbind(2)  # (2 * channels, channels) each
        rows = [old.T, new.T] + ([] if layer.of_condition is None else [layer.of_condition.weight[..., 0].T])
        parameters += [bias, torch.cat(rows)]
        if layer.residual is not None:
            parameters += [_bias(layer.residual), layer.residual.weight[..., 0].T]
    for dense in (stack.skips, stack.hidden, stack.logits):
        parameters += [_bias(dense), dense.weight[..., 0].T]
    return _kernels.WaveGenerator(
        codes=stack.codes.num_embeddings,
        channels=stack.channels,
        skips=stack.skips.out_channels,
        condition=0 if condition is None else condition.in_channels,
        dilations=[layer.dilation for layer in stack.gated],
        parameters=_flat(parameters),
    )


def _bias(dense: nn.Conv1d) -> Tensor:
    assert dense.bias is not None
    return dense.bias


def _flat(parameters: list[Tensor]) -> NDArray[np.float32]:
    return torch.cat([each.detach().float().cpu().flatten() for each in parameters]).numpy()
