# SPDX-License-Identifier: MIT
"""Neural Amp Modeler's networks in plain numpy, of any precision: WaveNets without modulation, and LSTMs."""

from __future__ import annotations

from typing import Any

import numpy as np


class _Weights:
    def __init__(self, document: dict[str, Any], dtype: Any) -> None:
        self.values = np.array(document["weights"], dtype=np.float32).astype(dtype)
        self.next = 0

    def take(self, *shape: int) -> np.ndarray:
        count = int(np.prod(shape))
        self.next += count
        return self.values[self.next - count : self.next].reshape(shape)


def largest_of(document: dict[str, Any]) -> dict[str, Any]:
    """The model itself, or the last one of a container."""
    while document["architecture"] == "SlimmableContainer":
        document = document["config"]["submodels"][-1]["model"]
    return document


def play(document: dict[str, Any], x: np.ndarray, dtype: Any = np.float64) -> np.ndarray:
    """The output for ``x``, shape (frames,): from silence for a WaveNet, from its own state for an LSTM."""
    model, x = largest_of(document), x.astype(dtype)
    return _wavenet(model, x)[0] if model["architecture"] == "WaveNet" else _lstm(model, x)


def _activate(activation: Any, z: np.ndarray) -> np.ndarray:
    name = activation["type"] if isinstance(activation, dict) else activation
    if name == "Tanh":
        return np.tanh(z)
    if name == "ReLU":
        return np.maximum(z, 0)
    if name == "SiLU":
        return z * _sigmoid(z)
    if name == "Softsign":
        return z / (1 + np.abs(z))
    assert name == "LeakyReLU"
    slope = activation.get("negative_slope", 0.01) if isinstance(activation, dict) else 0.01
    return np.where(z > 0, z, np.float32(slope) * z)


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def _convolve(weights: np.ndarray, rows: np.ndarray, dilation: int) -> np.ndarray:
    outputs, _, kernel = weights.shape
    answer = np.zeros((outputs, rows.shape[1]), rows.dtype)
    for tap in range(kernel):
        delay = (kernel - 1 - tap) * dilation
        answer[:, delay:] += weights[:, :, tap] @ rows[:, : rows.shape[1] - delay]
    return answer


def _wavenet(model: dict[str, Any], x: np.ndarray) -> np.ndarray:
    config, weights = model["config"], _Weights(model, x.dtype)
    nested = config.get("condition_dsp")
    condition = x[None] if nested is None else _wavenet(nested, x)
    stream, head = x[None], None
    for array in config["layers"]:
        channels, dilations = array["channels"], array["dilations"]
        kernels = array.get("kernel_sizes") or [array["kernel_size"]] * len(dilations)
        shape = array.get("head") or {
            "out_channels": array["head_size"], "kernel_size": 1, "bias": array["head_bias"]
        }  # fmt: skip
        stream = weights.take(channels, array["input_size"]) @ stream
        total = np.zeros((channels, len(x)), x.dtype) if head is None else head
        for index, (dilation, kernel) in enumerate(zip(dilations, kernels, strict=True)):
            gating = array.get("gating_mode", "none")
            gating = gating[index] if isinstance(gating, list) else gating
            rows = 2 * channels if gating == "gated" else channels
            conv, bias = weights.take(rows, channels, kernel), weights.take(rows, 1)
            mixin = weights.take(rows, array["condition_size"])
            matrix, offset = weights.take(channels, channels), weights.take(channels, 1)
            activation = array["activation"]
            activation = activation[index] if isinstance(activation, list) else activation
            z = _convolve(conv, stream, dilation) + bias + mixin @ condition
            gate = _sigmoid(z[channels:]) if gating == "gated" else 1
            z = _activate(activation, z[:channels]) * gate
            total = total + z
            stream = stream + matrix @ z + offset
        head = _convolve(weights.take(shape["out_channels"], channels, shape["kernel_size"]), total, 1)
        if shape["bias"]:
            head = head + weights.take(shape["out_channels"], 1)
    scale = weights.take(1)
    assert weights.next == len(weights.values)
    return head * scale


def _lstm(model: dict[str, Any], x: np.ndarray) -> np.ndarray:
    config, weights = model["config"], _Weights(model, x.dtype)
    size = config["hidden_size"]
    rows = x[:, None]
    for _ in range(config["num_layers"]):
        matrix, bias = weights.take(4 * size, rows.shape[1] + size), weights.take(4 * size)
        hidden, cell = weights.take(size), weights.take(size)
        answers = np.zeros((len(x), size), x.dtype)
        for frame, row in enumerate(rows):
            i, f, g, o = np.split(matrix @ np.concatenate([row, hidden]) + bias, 4)
            i, f, o = (_sigmoid(gate) for gate in (i, f, o))
            cell = f * cell + i * np.tanh(g)
            hidden = o * np.tanh(cell)
            answers[frame] = hidden
        rows = answers
    head, bias = weights.take(size), weights.take(1)
    assert weights.next == len(weights.values)
    return rows @ head + bias
