# SPDX-License-Identifier: MIT
"""RTNeural JSON with the root keys of AIDA-X; the specification is ``docs/model-format.md``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fxtrain import engine
from fxtrain.errors import ModelFileError
from fxtrain.formats.torch_model import TorchModel, build_torch_model
from fxtrain.formats.vectors import test_vectors
from fxtrain.models.effects.recurrent import ResidualRecurrent
from fxtrain.training.protocol import Trainable

__all__ = ["RTNeuralFormat", "dense_layer", "model_document", "numbers", "recurrent_layer"]


class RTNeuralFormat:
    """Recurrent and dense layers with one input and one output; see :class:`fxtrain.formats.ModelFormat`."""

    name: ClassVar[str] = "rtneural"
    title: ClassVar[str] = "RTNeural JSON"
    suffix: ClassVar[str] = ".json"

    def recognises(self, document: Any) -> bool:
        """Whether a JSON document is one of these."""
        return isinstance(document, dict) and isinstance(document.get("layers"), list) and "in_shape" in document

    def document(self, model: Trainable, *, sample_rate: int, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """The model file as nested lists and mappings."""
        if not isinstance(model, ResidualRecurrent):
            raise ModelFileError(
                f"a {model.name} model cannot be written as RTNeural JSON, which holds recurrent and dense layers; "
                f"it can be exported to: {', '.join(model.formats) or 'no format'}"
            )
        return model_document(model, sample_rate=sample_rate, metadata=metadata)

    def levels(self, player: engine.Model) -> dict[str, float]:
        """``loudness_db``."""
        return {"loudness_db": round(engine.measure_loudness(player), 3)}

    def reference(self, document: dict[str, Any], name: str) -> TorchModel:
        """The network of a document as torch plays it, in float32."""
        return build_torch_model(document, name)


def model_document(model: ResidualRecurrent, *, sample_rate: int, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The model file as nested lists and mappings.

    Args:
        model: a trained model.
        sample_rate: of the recordings it was trained on, in Hz.
        metadata: further entries of ``metadata``, for example of :meth:`Metadata.to_document`.

    Raises:
        ModelFileError: a weight is not finite.
    """
    layers: list[dict[str, Any]] = []
    for index in range(model.config.num_layers):
        layers.append(recurrent_layer(model.unit, model.layer_weights(index)))
    layers.append(dense_layer(model.output))
    x, y, vectors_error = test_vectors(model, sample_rate)
    facts = {
        "samplerate": sample_rate,
        "latency_samples": 0,
        "weight_storage": model.config.weight_storage,
        "vectors_error": float(f"{vectors_error:.3e}"),
    }
    stage = model.linear_stage
    return {
        "in_shape": [None, None, 1 + len(model.envelopes)],
        **({"envelopes": [{"attack_ms": a, "release_ms": r} for a, r in model.envelopes]} if model.envelopes else {}),
        **({"fir": {"sample_rate": sample_rate, "taps": numbers(stage.taps)}} if stage is not None else {}),
        "in_skip": int(model.config.skip),
        "samplerate": sample_rate,
        "metadata": {**metadata, **facts},
        "layers": layers,
        "input_batch": [float(str(np.float32(value))) for value in x],
        "output_batch": y.tolist(),
    }


def dense_layer(layer: nn.Linear, activation: str = "") -> dict[str, Any]:
    """An entry of ``layers``."""
    return {
        "type": "dense",
        "activation": activation,
        "shape": [None, None, layer.out_features],
        "weights": [numbers(layer.weight.T), numbers(layer.bias)],
    }


def recurrent_layer(unit: str, weights: Sequence[torch.Tensor]) -> dict[str, Any]:
    """An entry of ``layers``.

    Args:
        unit: ``lstm`` or ``gru``.
        weights: input weights, recurrent ones, and their biases, in torch's order.
    """
    w_ih, w_hh, b_ih, b_hh = (weight.detach().cpu().float().numpy() for weight in weights)
    if unit == "lstm":  # Keras' gate order i, f, c, o is torch's
        bias: NDArray[np.float32] = (b_ih.astype(np.float64) + b_hh).astype(np.float32)
    else:  # Keras has z, r, h where torch has r, z, n; both biases stay apart (reset after the product)
        w_ih, w_hh, b_ih, b_hh = (_swap_reset_and_update(part) for part in (w_ih, w_hh, b_ih, b_hh))
        bias = np.stack([b_ih, b_hh])
    return {
        "type": unit,
        "activation": "tanh",
        "shape": [None, None, w_hh.shape[1]],
        "weights": [numbers(w_ih.T), numbers(w_hh.T), numbers(bias)],
    }


def _swap_reset_and_update(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    reset, update, new = np.split(rows, 3)
    return np.concatenate([update, reset, new])


def numbers(values: torch.Tensor | NDArray[np.float32]) -> list[Any]:
    """Nested lists of the shortest decimals that read back as the same float32."""
    array = values.detach().cpu().float().numpy() if isinstance(values, torch.Tensor) else values
    if not np.isfinite(array).all():
        raise ModelFileError("a weight of the model is not finite; go back to an earlier checkpoint")
    nested: list[Any] = np.vectorize(lambda value: float(str(np.float32(value))), otypes=[object])(array).tolist()
    return nested
