# SPDX-License-Identifier: MIT
"""Recurrent models from the weights of files, and what folds into such weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from fxtrain.audio.envelopes import Envelope
from fxtrain.formats.torch_model import fill
from fxtrain.models.effects._effect import State
from fxtrain.models.effects._linear_stage import LinearStage
from fxtrain.models.effects._resting import layer_weights
from fxtrain.models.effects.recurrent import GRU, LSTM, Knob, ResidualRecurrent, round_to_bfloat16

__all__ = ["RecurrentParts", "build_recurrent", "fix_knob"]

_CLASSES: dict[str, type[ResidualRecurrent]] = {"lstm": LSTM, "gru": GRU}


@dataclass(frozen=True, kw_only=True)
class RecurrentParts:
    """What a file says of a recurrent model.

    Attributes:
        unit: of its layers.
        layers: of each layer the weights in torch's order; see :func:`fxtrain.models.effects._resting.layer_weights`.
        head: weight, shape ``(1, hidden_size)``, and bias of the output layer.
        skip: whether the input is added to the output.
        sample_rate: in Hz.
        envelopes: of the last inputs.
        knobs: of the inputs between audio and envelopes.
        taps: of the linear stage.
        start: the state in which it starts; None is zero.
        is_bfloat16: whether the file says that its recurrent matrices are of 16 bits.
    """

    unit: Literal["lstm", "gru"]
    layers: Sequence[Sequence[Tensor]]
    head: tuple[Tensor, Tensor]
    skip: bool
    sample_rate: int
    envelopes: tuple[Envelope, ...] = ()
    knobs: tuple[Knob, ...] = ()
    taps: Tensor | None = None
    start: State | None = None
    is_bfloat16: bool = False


def build_recurrent(parts: RecurrentParts) -> ResidualRecurrent:
    """The model, in evaluation mode.

    Raises:
        ConfigError: it is larger than those that are trained here.
        ValueError: weights are of another shape than the layers need.
    """
    size, count = parts.layers[0][1].shape[1], len(parts.layers)
    matrices = [weights[1] for weights in parts.layers]
    is_bfloat16 = parts.is_bfloat16 and all(torch.equal(each, round_to_bfloat16(each)) for each in matrices)
    config = {
        "hidden_size": size,
        "num_layers": count,
        "skip": parts.skip,
        "envelopes": "on" if parts.envelopes else "off",
        **({"envelope_ms": [list(each) for each in parts.envelopes]} if parts.envelopes else {}),
        "linear_stage": "off",
        "weight_storage": "bfloat16" if is_bfloat16 else "float32",
    }
    model = _CLASSES[parts.unit].from_config(config, loss={}, sample_rate=parts.sample_rate)
    model.envelopes, model.knobs, model.start = parts.envelopes, parts.knobs, parts.start
    if parts.knobs:
        _resize_inputs(model)
    for index, weights in enumerate(parts.layers):
        for parameter, values in zip(layer_weights(model.recurrent, index), weights, strict=True):
            fill(parameter, values)
    fill(model.output.weight, parts.head[0])
    fill(model.output.bias, parts.head[1])
    if parts.taps is not None:
        model.linear_stage = LinearStage(len(parts.taps))
        fill(model.linear_stage.taps, parts.taps)
    return model.eval()


def fix_knob(model: ResidualRecurrent, index: int, position: float) -> None:
    """Takes a knob out of a model, which plays from there on as it did with the knob at ``position``, 0 to 1.

    An input that never changes is a part of the biases.
    """
    w_ih, _, b_ih, _ = (each.detach().clone() for each in layer_weights(model.recurrent))
    column = 1 + index
    bias = b_ih.double() + position * w_ih[:, column].double()
    kept = torch.cat([w_ih[:, :column], w_ih[:, column + 1 :]], dim=1)
    others = dict(model.recurrent.named_parameters())
    model.knobs = (*model.knobs[:index], *model.knobs[index + 1 :])
    _resize_inputs(model)
    with torch.no_grad():
        for name, parameter in model.recurrent.named_parameters():
            parameter.copy_({"weight_ih_l0": kept, "bias_ih_l0": bias.float()}.get(name, others[name]))


def _resize_inputs(model: ResidualRecurrent) -> None:
    """Fresh layers for as many inputs as the model has now."""
    cell: type[nn.LSTM] | type[nn.GRU] = type(model.recurrent)
    inputs = 1 + len(model.knobs) + len(model.envelopes)
    model.recurrent = cell(inputs, model.config.hidden_size, model.config.num_layers).eval()
