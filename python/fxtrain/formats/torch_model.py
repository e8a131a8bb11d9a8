# SPDX-License-Identifier: MIT
"""The network of a model file played by torch, in any precision: what the engine is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from scipy.signal import oaconvolve
from torch import Tensor, nn

from fxtrain.audio.envelopes import Envelope, follow_envelope
from fxtrain.errors import ModelFileError
from fxtrain.models.effects._effect import PIECE_FRAMES, EffectModel

__all__ = ["TorchEffect", "TorchModel", "build_torch_model", "fill", "torch_layers"]

CUSTOMARY_RATE = 48000
"""Sample rate in Hz of a file that does not say."""

_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "elu": nn.ELU,
}


class TorchModel(nn.Module):
    """The layers of a model file, with state carried from call to call.

    Attributes:
        sample_rate: in Hz, or None where the file does not say.
        lag_samples: removed in training.
    """

    def __init__(
        self,
        layers: list[nn.Module],
        *,
        skip: bool,
        gains: tuple[float, float],
        envelopes: Sequence[Envelope] = (),
        taps: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.skip = skip
        self.gains = gains
        self.envelopes = tuple(envelopes)
        self.register_buffer("taps", taps)
        self.sample_rate: int | None = None
        self.lag_samples = 0
        self.reset()

    taps: Tensor | None

    def reset(self) -> None:
        """Clears the state."""
        self._states: list[Any] = [None] * len(self.layers)
        self._envelope_values: list[Any] = [None] * len(self.envelopes)
        self._history: Tensor | None = None

    def play(self, x: Tensor) -> Tensor:
        """Plays recordings of shape ``(batch, frames)`` from a fresh state, in pieces, which takes less memory."""
        self.reset()
        return torch.cat([self(piece) for piece in torch.split(x, PIECE_FRAMES // 4, dim=-1)], dim=-1)

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Plays on from where the last call ended; ``x`` has shape ``(batch, frames)``."""
        scaled = x * self.gains[0]
        y = torch.stack([scaled, *self._follow(scaled)], dim=-1)  # (batch, frames, features)
        for index, layer in enumerate(self.layers):
            if isinstance(layer, (nn.LSTM, nn.GRU)):
                y, self._states[index] = layer(y, self._states[index])
            else:
                y = layer(y)
        y = y.squeeze(-1)
        y = y + scaled if self.skip else y
        if self.taps is not None:
            y = self._filter(y, self.taps)
        return y * self.gains[1]

    def _follow(self, x: Tensor) -> list[Tensor]:
        signal = x.float().contiguous().numpy()
        followed = []
        for index, envelope in enumerate(self.envelopes):
            followed_values, self._envelope_values[index] = follow_envelope(
                signal, envelope, self.sample_rate or CUSTOMARY_RATE, self._envelope_values[index]
            )
            followed.append(torch.from_numpy(followed_values).to(x))
        return followed

    def _filter(self, y: Tensor, taps: Tensor) -> Tensor:
        past = len(taps) - 1
        history = y.new_zeros(len(y), past) if self._history is None else self._history
        whole = torch.cat([history, y], dim=-1)
        self._history = whole[:, whole.shape[-1] - past :]
        # In float64: a transform in float32 is less exact than the sums that it stands for.
        filtered = oaconvolve(whole.double().numpy(), taps.double().numpy()[None], axes=-1)
        return torch.from_numpy(filtered[:, past : past + y.shape[-1]]).to(y)


class TorchEffect(TorchModel):
    """A model of fxtrain that was read from a document."""

    def __init__(self, model: EffectModel, document: Mapping[str, Any]) -> None:
        super().__init__([], skip=False, gains=(1.0, 1.0))
        self.model = model
        self.sample_rate = model.sample_rate
        self.lag_samples = int((document.get("metadata") or {}).get("lag_samples", 0))

    def reset(self) -> None:
        """Clears the state."""
        super().reset()
        self._state: Any = None

    def play(self, x: Tensor) -> Tensor:
        """Plays recordings of shape ``(batch, frames)`` from a fresh state."""
        self.reset()
        return self(x)  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        """Plays on from where the last call ended; ``x`` has shape ``(batch, frames)``."""
        y, self._state = self.model.play(x, self._state)
        return y


def build_torch_model(document: Any, name: str) -> TorchModel:
    """The network of a model file of recurrent and dense layers with one input and one output, in float32.

    Raises:
        ModelFileError: the document holds something else; the engine's loader says more about it.
    """
    try:
        envelopes = [(float(each["attack_ms"]), float(each["release_ms"])) for each in document.get("envelopes", [])]
        layers, width = torch_layers(document["layers"], 1 + len(envelopes))
        gains = tuple(10 ** (float(document.get(key, 0.0)) / 20) for key in ("in_gain", "out_gain"))
        stage = document.get("fir")
        model = TorchModel(
            layers,
            skip=bool(document.get("in_skip", 0)),
            gains=(gains[0], gains[1]),
            envelopes=envelopes,
            taps=None if stage is None else torch.tensor(np.array(stage["taps"], dtype=np.float32)),
        )
        metadata = document.get("metadata", {})
        rate = document.get("samplerate", metadata.get("samplerate"))
        model.sample_rate = None if rate is None else int(float(rate))
        model.lag_samples = int(metadata.get("lag_samples", 0))
    except (KeyError, TypeError, ValueError, RuntimeError, IndexError, AttributeError, OverflowError) as error:
        raise ModelFileError(
            f"{name} is not a model that torch can play ({type(error).__name__}: {error}); "
            "expected RTNeural JSON of lstm, gru and dense layers"
        ) from None
    if width != 1:
        raise ModelFileError(f"{name} has {width} outputs, but one was expected")
    return model.eval()


def torch_layers(entries: Sequence[dict[str, Any]], num_inputs: int) -> tuple[list[nn.Module], int]:
    """The modules of a list of layers, and how many outputs the last one has."""
    layers: list[nn.Module] = []
    width = num_inputs
    for entry in entries:
        made, width = _layer(entry, width)
        layers += made
    return layers, width


def _layer(entry: dict[str, Any], inputs: int) -> tuple[list[nn.Module], int]:
    kind, outputs = entry["type"], int(entry["shape"][-1])
    weights = [torch.tensor(np.array(part, dtype=np.float32)) for part in entry["weights"]]
    made: list[nn.Module]
    if kind in ("dense", "time-distributed-dense"):
        dense = nn.Linear(inputs, outputs, bias=len(weights) > 1)
        fill(dense.weight, weights[0].T)
        if dense.bias is not None:
            fill(dense.bias, weights[1])
        made = [dense, *_activation(entry.get("activation", ""))]
    elif kind in ("lstm", "gru"):
        cell = (nn.LSTM if kind == "lstm" else nn.GRU)(inputs, outputs, batch_first=True)
        w, u, b = weights
        if kind == "lstm":
            rows = [w.T, u.T, b, torch.zeros_like(b)]
        else:
            rows = [_swap(part) for part in (w.T, u.T, b[0], b[1])]
        for name, values in zip(("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"), rows, strict=True):
            fill(getattr(cell, name), values)
        made = [cell]
    elif kind == "activation":
        made = _activation(entry["activation"])
    else:
        raise ValueError(f"layer type {kind!r}")
    return made, outputs


def _activation(name: str) -> list[nn.Module]:
    if name == "":
        return []
    if name == "softmax":
        return [nn.Softmax(dim=-1)]
    return [_ACTIVATIONS[name]()]


def _swap(rows: Tensor) -> Tensor:
    update, reset, new = rows.chunk(3)
    return torch.cat([reset, update, new])


def fill(parameter: Tensor, values: Tensor) -> None:
    """Sets a parameter; raises ValueError where the shapes differ."""
    if parameter.shape != values.shape:
        raise ValueError(f"weights of shape {tuple(values.shape)} where {tuple(parameter.shape)} was expected")
    with torch.no_grad():
        parameter.copy_(values)
