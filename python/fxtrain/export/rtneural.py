# SPDX-License-Identifier: MIT
"""Writer of RTNeural JSON with the root keys of AIDA-X; the specification is ``docs/model-format.md``."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fxtrain import engine
from fxtrain.atomic import write_atomically
from fxtrain.errors import ModelFileError
from fxtrain.export.vectors import test_vectors
from fxtrain.models._base import Trainable
from fxtrain.models._residual import ResidualRecurrent

__all__ = ["model_document", "write_model"]


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
        layers.append(_recurrent_layer(model, index))
    layers.append(
        {
            "type": "dense",
            "activation": "",
            "shape": [None, None, 1],
            "weights": [_numbers(model.output.weight.T), _numbers(model.output.bias)],
        }
    )
    x, y, vectors_error = test_vectors(model, sample_rate)
    facts = {
        "samplerate": sample_rate,
        "latency_samples": 0,
        "weight_storage": model.config.weight_storage,
        "vectors_error": float(f"{vectors_error:.3e}"),
    }
    return {
        "in_shape": [None, None, 1],
        "in_skip": int(model.config.skip),
        "samplerate": sample_rate,
        "metadata": {**metadata, **facts},
        "layers": layers,
        "input_batch": [float(str(np.float32(value))) for value in x],
        "output_batch": y.tolist(),
    }


def write_model(path: Path, model: Trainable, *, sample_rate: int, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Writes the model file whole or not at all, and returns what was written.

    The engine loads it, test vectors included, and measures its loudness before it replaces anything at ``path``.

    Raises:
        ModelFileError: this kind of model has no place in the format, or a weight is not finite.
    """
    if not isinstance(model, ResidualRecurrent):
        raise ModelFileError(
            f"a {model.name} model cannot be written as RTNeural JSON, which holds recurrent and dense layers; "
            f"it can be exported to: {', '.join(model.formats) or 'no format'}"
        )
    document = model_document(model, sample_rate=sample_rate, metadata=metadata)
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / path.name
        draft.write_bytes(_text(document))
        document["metadata"]["loudness_db"] = round(engine.measure_loudness(engine.load(draft)), 3)
    write_atomically(path, _text(document))
    return document


def _text(document: dict[str, Any]) -> bytes:
    return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()


def _recurrent_layer(model: ResidualRecurrent, index: int) -> dict[str, Any]:
    w_ih, w_hh, b_ih, b_hh = (weight.detach().cpu().float().numpy() for weight in model.layer_weights(index))
    if model.unit == "lstm":  # Keras' gate order i, f, c, o is torch's
        bias: NDArray[np.float32] = (b_ih.astype(np.float64) + b_hh).astype(np.float32)
    else:  # Keras has z, r, h where torch has r, z, n; both biases stay apart (reset after the product)
        w_ih, w_hh, b_ih, b_hh = (_swap_reset_and_update(part) for part in (w_ih, w_hh, b_ih, b_hh))
        bias = np.stack([b_ih, b_hh])
    return {
        "type": model.unit,
        "activation": "tanh",
        "shape": [None, None, model.config.hidden_size],
        "weights": [_numbers(w_ih.T), _numbers(w_hh.T), _numbers(bias)],
    }


def _swap_reset_and_update(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    reset, update, new = np.split(rows, 3)
    return np.concatenate([update, reset, new])


def _numbers(values: torch.Tensor | NDArray[np.float32]) -> list[Any]:
    """Nested lists of the shortest decimals that read back as the same float32."""
    array = values.detach().cpu().float().numpy() if isinstance(values, torch.Tensor) else values
    if not np.isfinite(array).all():
        raise ModelFileError("a weight of the model is not finite; go back to an earlier checkpoint")
    nested: list[Any] = np.vectorize(lambda value: float(str(np.float32(value))), otypes=[object])(array).tolist()
    return nested
