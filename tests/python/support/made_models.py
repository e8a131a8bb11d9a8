# SPDX-License-Identifier: MIT
"""Model files made on the spot, with the PyTorch network that they were written from, and something to play on them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from fxtrain import engine

LayerSpec = tuple[str, int] | tuple[str, int, str]  # type, size, activation

ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "": lambda x: x,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "elu": nn.functional.elu,
    "softmax": lambda x: torch.softmax(x, dim=-1),
}


@dataclass
class MadeModel:
    """A model file and the network in it."""

    path: Path
    document: dict[str, Any]
    modules: list[tuple[nn.Module, str]]

    def play(self, frames: np.ndarray, dtype: torch.dtype = torch.float64) -> np.ndarray:
        """PyTorch's output for ``(frames,)`` or ``(frames, inputs)``, without gains and residual path."""
        y = torch.from_numpy(np.atleast_2d(frames.T).T).to(dtype).unsqueeze(0)  # (1, frames, inputs)
        with torch.no_grad():
            for module, activation in self.modules:
                y = module.to(dtype)(y)
                y = ACTIVATIONS[activation](y[0] if isinstance(y, tuple) else y)
        return y[0, :, 0].double().numpy()


def keras_layer(module: nn.Module, kind: str, size: int, activation: str) -> dict[str, Any]:
    """One entry of ``layers`` from a PyTorch module."""
    weights: list[Any] = []
    if isinstance(module, nn.Linear):
        weights = [module.weight.T, module.bias]
    elif isinstance(module, nn.LSTM):
        weights = [module.weight_ih_l0.T, module.weight_hh_l0.T, module.bias_ih_l0]
    elif isinstance(module, nn.GRU):
        # PyTorch's gate order r, z, n becomes z, r, n
        parts = [module.weight_ih_l0, module.weight_hh_l0, module.bias_ih_l0, module.bias_hh_l0]
        reordered = [torch.cat([part.chunk(3)[1], part.chunk(3)[0], part.chunk(3)[2]]) for part in parts]
        weights = [reordered[0].T, reordered[1].T, torch.stack(reordered[2:])]
    lists = [value.detach().tolist() for value in weights]
    return {"type": kind, "activation": activation, "shape": [None, None, size], "weights": lists}


def write_model(path: Path, layers: Sequence[LayerSpec], *, seed: int = 0, inputs: int = 1, **keys: Any) -> MadeModel:
    """Writes a model file with random weights; ``keys`` go to its root."""
    torch.manual_seed(seed)
    width = inputs
    modules: list[tuple[nn.Module, str]] = []
    entries = []
    for kind, size, *rest in layers:
        activation = str(rest[0]) if rest else ""
        module: nn.Module
        if kind == "lstm":
            module = nn.LSTM(width, size, batch_first=True)
            nn.init.zeros_(module.bias_hh_l0)  # the file has one bias for both
        elif kind == "gru":
            module = nn.GRU(width, size, batch_first=True)
        elif kind == "activation":
            module = nn.Identity()
        else:
            module = nn.Linear(width, size)
        entries.append(keras_layer(module, kind, size, activation))
        modules.append((module, activation))
        width = size
    document = {"in_shape": [None, None, inputs], "layers": entries, **keys}
    path.write_text(json.dumps(document))
    return MadeModel(path, document, modules)


def plucked_notes(sample_rate: float = 48_000, seconds: float = 2.0) -> np.ndarray:
    """Something like a guitar: decaying harmonics with pauses; float32, peak 0.9."""
    rng = np.random.default_rng(5)
    t = np.arange(round(seconds * sample_rate)) / sample_rate
    signal = np.zeros_like(t)
    for start, pitch in [(0.0, 82.4), (0.3, 110.0), (0.7, 146.8), (1.2, 196.0), (1.5, 329.6)]:
        age = np.maximum(t - start, 0)
        for harmonic in range(1, 9):
            signal += (age > 0) * np.exp(-3 * harmonic * age) * np.sin(2 * np.pi * pitch * harmonic * age) / harmonic
    signal += 1e-4 * rng.standard_normal(len(t))
    return (0.9 * signal / np.abs(signal).max()).astype(np.float32)


def at_rest(path: Path, **options: Any) -> engine.Model:
    """The model as players begin with it: silence has run through."""
    model = engine.load(path, **options)
    model.prewarm()
    return model
