# SPDX-License-Identifier: MIT
"""Recurrent layers for which zero state is a state of rest, so that a player that starts there plays no click.

Without input, a cell in zero state stays there if the bias of its candidate is zero: c = i tanh(b_g) in an LSTM,
h = (1 - z) tanh(b_in + r b_hn) in a GRU. These biases start at zero and get no gradient. Weights of earlier versions
may have others, and keep them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["RestingGRU", "RestingLSTM", "candidate_biases_are_zero", "layer_weights"]


class RestingLSTM(nn.LSTM):
    """Batch first, and with one bias: torch's second one only adds to the first, and model files have one."""

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1) -> None:
        super().__init__(input_size, hidden_size, num_layers, batch_first=True)
        for layer in range(num_layers):
            nn.init.zeros_(getattr(self, f"bias_hh_l{layer}")).requires_grad_(False)
        _rest_at_zero_state(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        _hold_candidate_biases(self)  # a copy of a parameter has no hooks


class RestingGRU(nn.GRU):
    """Batch first."""

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1) -> None:
        super().__init__(input_size, hidden_size, num_layers, batch_first=True)
        _rest_at_zero_state(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        _hold_candidate_biases(self)


def layer_weights(recurrent: nn.LSTM | nn.GRU, layer: int = 0) -> list[Tensor]:
    """Input weights, recurrent ones, and their biases, in torch's order."""
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    return [getattr(recurrent, f"{name}_l{layer}") for name in names]


def candidate_biases_are_zero(recurrent: nn.LSTM | nn.GRU) -> Tensor:
    """Whether silence keeps zero state there; one value, on the layer's device."""
    candidate = slice(2 * recurrent.hidden_size, 3 * recurrent.hidden_size)
    return torch.stack([(bias[candidate] == 0.0).all() for bias in _biases(recurrent)]).all()


def _rest_at_zero_state(recurrent: nn.LSTM | nn.GRU) -> None:
    for bias in _biases(recurrent):
        with torch.no_grad():
            bias[_candidate(recurrent)] = 0.0
    _hold_candidate_biases(recurrent)


def _hold_candidate_biases(recurrent: nn.LSTM | nn.GRU) -> None:
    candidate = _candidate(recurrent)

    def hold(gradient: Tensor) -> Tensor:
        return gradient.index_fill(0, candidate.to(gradient.device), 0.0)

    for bias in _biases(recurrent):
        if bias.requires_grad:
            bias.register_hook(hold)  # type: ignore[no-untyped-call]


def _biases(recurrent: nn.LSTM | nn.GRU) -> list[nn.Parameter]:
    return [bias for name, bias in recurrent.named_parameters() if name.startswith("bias")]


def _candidate(recurrent: nn.LSTM | nn.GRU) -> Tensor:
    """Where the candidate's bias is: third among the gates, (i, f, g, o) of an LSTM, (r, z, n) of a GRU."""
    return torch.arange(2 * recurrent.hidden_size, 3 * recurrent.hidden_size)
