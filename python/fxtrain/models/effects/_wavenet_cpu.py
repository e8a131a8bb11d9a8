# SPDX-License-Identifier: MIT
"""WaveNets that train fast on the CPU: those of ``fxtrain._kernels`` as a differentiable function.

It computes what the modules compute for sequences that begin with their own past, from the same parameters, several
times faster at the sizes that audio models have. Results are the same bit for bit whatever the number of threads
(``torch.get_num_threads()``); sequences are shared out among these.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

try:
    from fxtrain import _kernels
except ImportError:  # the module was left out of this build
    _kernels = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from fxtrain.models.effects._wavenet_network import WaveNetShape

__all__ = ["WaveNetKernel", "find_kernel"]


class WaveNetKernel:
    """A kernel for networks of one shape."""

    def __init__(self, sizes: _kernels.WaveNet) -> None:
        self._sizes = sizes

    def takes(self, x: Tensor) -> bool:
        """Whether it can play ``x``."""
        return x.device.type == "cpu" and x.dtype == torch.float32 and not x.requires_grad

    def play(self, x: Tensor, parameters: Sequence[Tensor]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The output of sequences that begin with their past, and the tails of what the convolutions see.

        Args:
            x: shape ``(batch, receptive field - 1 + frames)``.
            parameters: those of the network, in order.

        Returns:
            Shape ``(batch, frames)``, differentiable once with respect to the parameters; and for each convolution
            ``(channels, batch, frames that it looks back)``.
        """
        y, *tails = _WaveNet.apply(self._sizes, x, *parameters)  # type: ignore[no-untyped-call]
        return y, tuple(tails)


@lru_cache(maxsize=16)
def find_kernel(shape: WaveNetShape) -> WaveNetKernel | None:
    """The kernel for a shape; None where there is none: gates, other activations, odd numbers of channels."""
    if _kernels is None:
        return None
    slopes = {"tanh": 0.0, "relu": 0.0}
    arrays = []
    for array in shape.arrays:
        if array.gated or not {layer.activation for layer in array.layers} <= {"tanh", "relu", "leaky-relu"}:
            return None
        layers = [
            (each.kernel_size, each.dilation, each.activation == "tanh", slopes.get(each.activation, each.slope))
            for each in array.layers
        ]
        sizes = (array.input_size, array.channels, array.head_size, array.head_kernel_size, array.head_bias)
        arrays.append((*sizes, layers))
    try:
        return WaveNetKernel(_kernels.WaveNet(arrays, head_scale=shape.head_scale))
    except ValueError:
        return None


class _WaveNet(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, sizes: Any, x: Tensor, *parameters: Tensor) -> tuple[Tensor, ...]:
        values = torch.cat([each.detach().flatten() for each in parameters])
        y, tape = sizes.run(values.numpy(), x.contiguous().numpy(), threads=torch.get_num_threads())
        tails = tuple(torch.from_numpy(each) for each in tape.tails())
        ctx.mark_non_differentiable(*tails)
        ctx.set_materialize_grads(False)
        ctx.tape, ctx.shapes = tape, [each.shape for each in parameters]  # type: ignore[attr-defined]
        return torch.from_numpy(y), *tails

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor | None, *tails: None) -> tuple[Tensor | None, ...]:
        if gradient is None:
            return None, None, *(None for _ in ctx.shapes)
        values = ctx.tape.backward(gradient.contiguous().numpy(), threads=torch.get_num_threads())
        parts = torch.split(torch.from_numpy(values), [shape.numel() for shape in ctx.shapes])
        return None, None, *(part.view(shape) for part, shape in zip(parts, ctx.shapes, strict=True))
