# SPDX-License-Identifier: MIT
"""The layers of a generative WaveNet trained fast on the CPU: ``fxtrain._kernels`` as a differentiable function.

It computes what :class:`fxtrain.models.generators._wavenet_stack.GatedLayer` computes layer by layer, and the sum of
skips, from the same parameters, up to 2.8 times as fast. Sequences are shared out among the threads
(``torch.get_num_threads()``); how many there are does not change a bit of the results.
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
    from fxtrain.models.generators._wavenet_stack import WaveNetStack

__all__ = ["play_gated_stack"]

_PIECE = 1 << 14  # frames played at a time where no gradient is wanted: the tape of a long sound would fill the memory


def play_gated_stack(
    stack: WaveNetStack, x: Tensor, of_class: Tensor | None, condition: Tensor | None
) -> Tensor | None:
    """The sum of the skips, differentiable once with respect to all that goes in.

    Args:
        stack: whose layers are played.
        x: shape ``(batch, channels, frames)``.
        of_class: vectors of the classes, shape ``(batch, class_size)``.
        condition: shape ``(batch, condition_channels, frames)``.

    Returns:
        Shape ``(batch, skip_channels, frames - sum of the dilations)``; None where the kernels cannot play it: on
        another device, in another precision, in a build without them.
    """
    given = (x, of_class, condition, stack.skips.weight)
    is_taken = all(each is None or (each.device.type == "cpu" and each.dtype == torch.float32) for each in given)
    if _kernels is None or not is_taken or torch.is_autocast_enabled("cpu"):
        return None
    layers = stack.gated
    sizes = _sizes(
        stack.channels,
        stack.skips.out_channels,
        0 if condition is None else condition.shape[1],
        tuple(layer.dilation for layer in layers),
    )
    biases = None
    if of_class is not None:
        ours = [layer.of_class(of_class) for layer in layers if layer.of_class is not None]
        biases = torch.stack(ours, 1)
    parameters: list[Tensor | None] = []
    for layer in layers:
        parameters += [layer.taps.weight, layer.taps.bias]
        if layer.of_condition is not None and condition is not None:
            parameters.append(layer.of_condition.weight)
        if layer.residual is not None:
            parameters += [layer.residual.weight, layer.residual.bias]
    parameters += [stack.skips.weight, stack.skips.bias]
    past = sum(layer.dilation for layer in layers)
    piece = x.shape[-1] if torch.is_grad_enabled() else _PIECE + past
    played: list[Tensor] = []
    for start in range(0, x.shape[-1] - past, piece - past):
        cuts = [None if each is None else each[..., start : start + piece] for each in (x, condition)]
        played.append(_GatedStack.apply(sizes, *cuts, biases, *parameters))  # type: ignore[no-untyped-call]
    return played[0] if len(played) == 1 else torch.cat(played, -1)


@lru_cache(maxsize=16)
def _sizes(channels: int, skips: int, condition: int, dilations: Sequence[int]) -> _kernels.GatedStack:
    return _kernels.GatedStack(channels=channels, skips=skips, condition=condition, dilations=list(dilations))


class _GatedStack(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx, sizes: Any, x: Tensor, condition: Tensor | None, biases: Tensor | None, *parameters: Tensor
    ) -> Tensor:
        values = torch.cat([each.detach().flatten() for each in parameters])
        given = [None if each is None else each.detach().contiguous().numpy() for each in (x, condition, biases)]
        y, tape = sizes.run(values.numpy(), *given, threads=torch.get_num_threads())
        ctx.tape, ctx.shapes = tape, [each.shape for each in parameters]  # type: ignore[attr-defined]
        return torch.from_numpy(y)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        of_condition = bool(ctx.needs_input_grad[2])
        x, condition, biases, values = ctx.tape.backward(
            gradient.contiguous().numpy(), threads=torch.get_num_threads(), of_condition=of_condition
        )
        given = [None if each is None else torch.from_numpy(each) for each in (x, condition, biases)]
        parts = torch.split(torch.from_numpy(values), [shape.numel() for shape in ctx.shapes])
        return None, *given, *(part.view(shape) for part, shape in zip(parts, ctx.shapes, strict=True))
