# SPDX-License-Identifier: MIT
"""Recurrent layers that train fast on the CPU: LSTM and GRU of ``fxtrain._kernels`` as differentiable functions.

They compute what ``nn.LSTM`` and ``nn.GRU`` (one layer, ``batch_first``) compute, from the same parameters, several
times faster at the sizes that audio models have. `lstm_residual_head` and `gru_residual_head` include the read-out
``<h, w> + b``, so that the hidden states of all frames never become a tensor; `lstm_layer` and `gru_layer` return those
states, for stacks. Results are the same bit for bit whatever the number of threads (``torch.get_num_threads()``).
Batches are worked on in groups of 16 sequences: multiples of 16 times the number of threads are fastest.

Ask `supports` first. It is false where PyTorch's own layers have to be used: another device or dtype, a size beyond the
kernels, or a build without them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

try:
    from fxtrain import _kernels
except ImportError as error:  # the module was left out of this build
    _kernels = None  # type: ignore[assignment]
    _IMPORT_ERROR: str | None = str(error)
else:
    _IMPORT_ERROR = None

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["gru_layer", "gru_residual_head", "lstm_layer", "lstm_residual_head", "supports", "why_unsupported"]

_LARGEST_SIZE = 256

LstmState = tuple[Tensor, Tensor]
"""Hidden and cell state, each of shape ``(batch, hidden_size)``."""


def why_unsupported(x: Tensor, hidden_size: int) -> str | None:
    """Say why the kernels cannot run on ``x``, shape ``(batch, frames, inputs)``; None if they can."""
    if _kernels is None:
        return f"fxtrain._kernels is not part of this build ({_IMPORT_ERROR})."
    if x.device.type != "cpu":
        return f"The kernels run on the CPU; the input is on {x.device}."
    if x.dtype != torch.float32:
        return f"The kernels compute in float32; the input is {str(x.dtype).removeprefix('torch.')}."
    if x.ndim != 3 or x.shape[0] < 1 or x.shape[1] < 1:
        return f"The input must have shape (batch, frames, inputs) and not be empty; found {tuple(x.shape)}."
    if not 1 <= x.shape[2] <= _LARGEST_SIZE:
        return f"The kernels take 1 to {_LARGEST_SIZE} inputs; found {x.shape[2]}."
    if not 1 <= hidden_size <= _LARGEST_SIZE:
        return f"The kernels have 1 to {_LARGEST_SIZE} hidden units; found {hidden_size}."
    return None


def supports(x: Tensor, hidden_size: int) -> bool:
    """Whether the kernels can run a layer of ``hidden_size`` units on ``x``, shape ``(batch, frames, inputs)``."""
    return why_unsupported(x, hidden_size) is None


def lstm_residual_head(
    x: Tensor,
    state: LstmState | None,
    w_ih: Tensor,
    w_hh: Tensor,
    bias: Tensor,
    w_out: Tensor,
    b_out: Tensor,
) -> tuple[Tensor, LstmState]:
    """An LSTM and its read-out, ``y[t] = <h[t], w_out> + b_out``, without the residual path ``+ x[t]``.

    Args:
        x: input, shape ``(batch, frames, inputs)``.
        state: hidden and cell state to start from, each of shape ``(batch, hidden)``; None is zeros.
        w_ih: ``weight_ih_l0`` of ``nn.LSTM``, shape ``(4 hidden, inputs)``.
        w_hh: ``weight_hh_l0``, shape ``(4 hidden, hidden)``.
        bias: ``bias_ih_l0 + bias_hh_l0``, shape ``(4 hidden,)``.
        w_out: read-out weights, shape ``(hidden,)``.
        b_out: read-out bias, one value.

    Returns:
        The output, shape ``(batch, frames)``, and the state after the last frame. All are differentiable, once.
    """
    _require_support(x, w_hh)
    hidden, cell = (None, None) if state is None else state
    tensors = (x, hidden, cell, w_ih, w_hh, bias, w_out, b_out.reshape(1))
    y, hidden, cell = _Lstm.apply(_needs_tape(tensors), *tensors)  # type: ignore[no-untyped-call]
    return y, (hidden, cell)


def lstm_layer(
    x: Tensor, state: LstmState | None, w_ih: Tensor, w_hh: Tensor, bias: Tensor
) -> tuple[Tensor, LstmState]:
    """An LSTM: the hidden states of all frames, shape ``(batch, frames, hidden)``, and the state after the last.

    Arguments as in `lstm_residual_head`.
    """
    _require_support(x, w_hh)
    hidden, cell = (None, None) if state is None else state
    tensors = (x, hidden, cell, w_ih, w_hh, bias, None, None)
    sequence, hidden, cell = _Lstm.apply(_needs_tape(tensors), *tensors)  # type: ignore[no-untyped-call]
    return sequence, (hidden, cell)


def gru_residual_head(
    x: Tensor,
    state: Tensor | None,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor,
    b_hh: Tensor,
    w_out: Tensor,
    b_out: Tensor,
) -> tuple[Tensor, Tensor]:
    """A GRU and its read-out, ``y[t] = <h[t], w_out> + b_out``, without the residual path ``+ x[t]``.

    Args:
        x: input, shape ``(batch, frames, inputs)``.
        state: hidden state to start from, shape ``(batch, hidden)``; None is zeros.
        w_ih: ``weight_ih_l0`` of ``nn.GRU``, shape ``(3 hidden, inputs)``.
        w_hh: ``weight_hh_l0``, shape ``(3 hidden, hidden)``.
        b_ih: ``bias_ih_l0``, shape ``(3 hidden,)``.
        b_hh: ``bias_hh_l0``, shape ``(3 hidden,)``; its last third is inside the reset gate.
        w_out: read-out weights, shape ``(hidden,)``.
        b_out: read-out bias, one value.

    Returns:
        The output, shape ``(batch, frames)``, and the state after the last frame. Both are differentiable, once.
    """
    _require_support(x, w_hh)
    tensors = (x, state, w_ih, w_hh, b_ih, b_hh, w_out, b_out.reshape(1))
    y, hidden = _Gru.apply(_needs_tape(tensors), *tensors)  # type: ignore[no-untyped-call]
    return y, hidden


def gru_layer(
    x: Tensor, state: Tensor | None, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor, b_hh: Tensor
) -> tuple[Tensor, Tensor]:
    """A GRU: the hidden states of all frames, shape ``(batch, frames, hidden)``, and the state after the last.

    Arguments as in `gru_residual_head`.
    """
    _require_support(x, w_hh)
    tensors = (x, state, w_ih, w_hh, b_ih, b_hh, None, None)
    sequence, hidden = _Gru.apply(_needs_tape(tensors), *tensors)  # type: ignore[no-untyped-call]
    return sequence, hidden


def _require_support(x: Tensor, w_hh: Tensor) -> None:
    reason = why_unsupported(x, w_hh.shape[-1])
    if reason is not None:
        raise ValueError(reason)


def _needs_tape(tensors: tuple[Tensor | None, ...]) -> bool:
    return torch.is_grad_enabled() and any(tensor is not None and tensor.requires_grad for tensor in tensors)


def _array(tensor: Tensor | None) -> NDArray[np.float32] | None:
    """The tensor's memory, or a contiguous copy of it."""
    return None if tensor is None else tensor.detach().contiguous().numpy()


def _gradients(
    ctx: Any, names: tuple[str, ...], output: Tensor | None, hidden: Tensor | None, cell: Tensor | None
) -> tuple[Tensor | None, ...]:
    """The gradients that are needed, in the order of ``names``: the inputs of the function after the first."""
    arrays = ctx.tape.backward(
        _array(output),
        _array(hidden),
        _array(cell),
        input_gradient=ctx.needs_input_grad[1],
        threads=torch.get_num_threads(),
    )
    needed = ctx.needs_input_grad[1:]
    return tuple(torch.from_numpy(arrays[name]) if need else None for name, need in zip(names, needed, strict=True))


class _Lstm(torch.autograd.Function):
    NAMES = ("input", "hidden", "cell", "input_weight", "recurrent_weight", "bias", "output_weight", "output_bias")

    @staticmethod
    def forward(ctx: FunctionCtx, keep_tape: bool, *tensors: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        arrays: Any = [_array(tensor) for tensor in tensors]
        output, hidden, cell, tape = _kernels.lstm(*arrays, keep_tape=keep_tape, threads=torch.get_num_threads())
        ctx.tape = tape  # type: ignore[attr-defined]
        ctx.set_materialize_grads(False)
        return torch.from_numpy(output), torch.from_numpy(hidden), torch.from_numpy(cell)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: FunctionCtx, output: Tensor | None, hidden: Tensor | None, cell: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        return None, *_gradients(ctx, _Lstm.NAMES, output, hidden, cell)


class _Gru(torch.autograd.Function):
    NAMES = (
        "input",
        "hidden",
        "input_weight",
        "recurrent_weight",
        "bias",
        "recurrent_bias",
        "output_weight",
        "output_bias",
    )

    @staticmethod
    def forward(ctx: FunctionCtx, keep_tape: bool, *tensors: Tensor | None) -> tuple[Tensor, Tensor]:
        arrays: Any = [_array(tensor) for tensor in tensors]
        output, hidden, tape = _kernels.gru(*arrays, keep_tape=keep_tape, threads=torch.get_num_threads())
        ctx.tape = tape  # type: ignore[attr-defined]
        ctx.set_materialize_grads(False)
        return torch.from_numpy(output), torch.from_numpy(hidden)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, output: Tensor | None, hidden: Tensor | None) -> tuple[Tensor | None, ...]:
        return None, *_gradients(ctx, _Gru.NAMES, output, hidden, None)
