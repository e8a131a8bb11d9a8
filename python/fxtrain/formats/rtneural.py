# SPDX-License-Identifier: MIT
"""RTNeural JSON with the root keys of AIDA-X; the specification is ``docs/model-format.md``."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import orjson
import torch
from numpy.typing import NDArray
from torch import nn

from fxtrain import engine
from fxtrain.audio.decibels import amplitude_to_db
from fxtrain.errors import ModelFileError
from fxtrain.formats._format import Exactness, reading, require_place
from fxtrain.formats.metadata import metadata_entries, without_measured
from fxtrain.formats.recurrent import RecurrentParts, build_recurrent
from fxtrain.formats.torch_model import CUSTOMARY_RATE, TorchModel, build_torch_model, torch_layers
from fxtrain.formats.vectors import test_vectors
from fxtrain.models.effects._convolutional import ConvolutionalEffect
from fxtrain.models.effects._effect import EffectModel
from fxtrain.models.effects._resting import layer_weights
from fxtrain.models.effects.recurrent import Knob, ResidualRecurrent
from fxtrain.training.protocol import Trainable

__all__ = ["AidaFormat", "RTNeuralFormat", "dense_layer", "model_document", "numbers", "recurrent_layer"]


_MOST_AIDA_KNOBS = 2
_ROUNDING = 1e-7
"""Of float32 numbers near 1."""


class RTNeuralFormat:
    """Recurrent layers and a dense one, with one output; see :class:`fxtrain.formats.ModelFormat`."""

    name: ClassVar[str] = "rtneural"
    title: ClassVar[str] = "RTNeural JSON"
    suffix: ClassVar[str] = ".json"

    def recognises(self, document: Any) -> bool:
        """Whether a JSON document is one of these."""
        return isinstance(document, dict) and isinstance(document.get("layers"), list) and "in_shape" in document

    def metadata(self, document: dict[str, Any], *, quality: float = 1.0) -> dict[str, Any]:
        """What a document says of the capture."""
        return without_measured(metadata_entries(document))

    def read(self, document: dict[str, Any], name: str, *, quality: float = 1.0) -> EffectModel:
        """The recurrent model of a document, with its gains in its weights."""
        with reading(name, "lstm or gru layers of one size, then a dense layer without activation"):
            return build_recurrent(_fold_gains(_read_parts(document), document, name))

    def exactness(self, model: Trainable) -> Exactness:
        """Whether it is a recurrent model, which starts from zero state."""
        if isinstance(model, ConvolutionalEffect):
            return Exactness(refusal="such files hold layers in a row, and a WaveNet adds up what its layers give")
        if not isinstance(model, ResidualRecurrent):
            return Exactness(refusal="such files hold recurrent and dense layers on the waveform")
        return Exactness(loses_start=model.start is not None)

    def document(self, model: Trainable, *, sample_rate: int, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """The model file as nested lists and mappings."""
        require_place(self, model)
        assert isinstance(model, ResidualRecurrent)
        return model_document(model, sample_rate=sample_rate, metadata=metadata)

    def levels(self, player: engine.Model) -> dict[str, float]:
        """``loudness_db``."""
        return {"loudness_db": round(engine.measure_loudness(player), 3)}

    def reference(self, document: dict[str, Any], name: str) -> TorchModel:
        """The network of a document as torch plays it, in float32."""
        return build_torch_model(document, name)


class AidaFormat(RTNeuralFormat):
    """What AIDA-X plays of RTNeural JSON: one recurrent layer, and two knobs at most."""

    name: ClassVar[str] = "aidax"
    title: ClassVar[str] = "AIDA-X"
    suffix: ClassVar[str] = ".aidax"

    def recognises(self, document: Any) -> bool:
        """Never: its files are RTNeural JSON."""
        return False

    def exactness(self, model: Trainable) -> Exactness:
        """Whether it is a recurrent model with nothing that AIDA-X lacks."""
        exactness = super().exactness(model)
        if exactness.refusal or not isinstance(model, ResidualRecurrent):
            return exactness
        lacking = {
            f"it has {model.config.num_layers} recurrent layers, and AIDA-X plays one": model.config.num_layers > 1,
            "it has envelopes, which AIDA-X does not play": bool(model.envelopes),
            f"it has {len(model.knobs)} knobs, and AIDA-X has two at most": len(model.knobs) > _MOST_AIDA_KNOBS,
            "it has a linear stage, which AIDA-X does not play (export --no-linear-stage leaves it out)": (
                model.linear_stage is not None
            ),
        }
        return replace(exactness, refusal=next((text for text, so in lacking.items() if so), ""))


def model_document(model: ResidualRecurrent, *, sample_rate: int, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The model file as nested lists and mappings.

    Args:
        model: a trained model.
        sample_rate: of the recordings it was trained on, in Hz.
        metadata: further entries of ``metadata``, for example of :meth:`Metadata.to_document`.

    Raises:
        ModelFileError: a weight is not finite.
    """
    model = model.folded()
    layers: list[dict[str, Any]] = []
    for index in range(model.config.num_layers):
        layers.append(recurrent_layer(model.unit, model.layer_weights(index)))
    layers.append(dense_layer(model.output))
    x, y, vectors_error = test_vectors(_from_zero(model), sample_rate, num_silent=0)
    facts = {
        "samplerate": sample_rate,
        "latency_samples": 0,
        "weight_storage": model.config.weight_storage,
        "vectors_error": float(f"{vectors_error:.3e}"),
    }
    stage = model.linear_stage
    return {
        "in_shape": [None, None, 1 + len(model.knobs) + len(model.envelopes)],
        **({"knobs": [_knob_entry(knob) for knob in model.knobs]} if model.knobs else {}),
        **({"envelopes": [{"attack_ms": a, "release_ms": r} for a, r in model.envelopes]} if model.envelopes else {}),
        **({"fir": {"sample_rate": sample_rate, "taps": numbers(stage.taps)}} if stage is not None else {}),
        "in_skip": int(model.config.skip),
        "samplerate": sample_rate,
        "metadata": {**metadata, **facts},
        "layers": layers,
        "input_batch": [float(str(np.float32(value))) for value in x],
        "output_batch": y.tolist(),
    }


def _from_zero(model: ResidualRecurrent) -> ResidualRecurrent:
    """The model as players of these files play it."""
    started = copy.copy(model)
    started.start = None
    return started


def _knob_entry(knob: Knob) -> dict[str, Any]:
    span = {"min": knob.minimum, "max": knob.maximum, "default": knob.default}
    return {"name": knob.name, **({"unit": knob.unit} if knob.unit else {}), **span}


def _read_parts(document: dict[str, Any]) -> RecurrentParts:
    envelopes = tuple((float(each["attack_ms"]), float(each["release_ms"])) for each in document.get("envelopes") or [])
    inputs = int(document["in_shape"][-1])
    modules, _ = torch_layers(document["layers"], inputs)
    *recurrent, head = modules
    kinds = {type(module) for module in recurrent}
    if kinds not in ({nn.LSTM}, {nn.GRU}) or not isinstance(head, nn.Linear):
        raise ValueError(f"the layers {', '.join(entry['type'] for entry in document['layers'])}")
    metadata = document.get("metadata") or {}
    stage = document.get("fir")
    bias = torch.zeros(1) if head.bias is None else head.bias.detach()
    return RecurrentParts(
        unit="lstm" if kinds == {nn.LSTM} else "gru",
        layers=[
            [weight.detach() for weight in layer_weights(module)]
            for module in recurrent
            if isinstance(module, (nn.LSTM, nn.GRU))
        ],
        head=(head.weight.detach(), bias),
        skip=bool(document.get("in_skip", 0)),
        sample_rate=round(float(document.get("samplerate") or metadata.get("samplerate") or CUSTOMARY_RATE)),
        envelopes=envelopes,
        knobs=_read_knobs(document, inputs - 1 - len(envelopes)),
        taps=None if stage is None else torch.tensor(np.array(stage["taps"], dtype=np.float32)),
        is_bfloat16=metadata.get("weight_storage") in ("bfloat16", "bf16"),
    )


def _read_knobs(document: dict[str, Any], count: int) -> tuple[Knob, ...]:
    if "knobs" not in document:
        return tuple(Knob(name=f"knob {index + 1}") for index in range(count))
    knobs = []
    for entry in document["knobs"]:
        low, high = float(entry.get("min", 0.0)), float(entry.get("max", 1.0))
        default = float(entry.get("default", (low + high) / 2))
        knobs.append(Knob(name=entry["name"], unit=entry.get("unit", ""), minimum=low, maximum=high, default=default))
    return tuple(knobs)


def _fold_gains(parts: RecurrentParts, document: dict[str, Any], name: str) -> RecurrentParts:
    """Gains as a part of the weights.

    ::

        out_gain (net(in_gain x) + skip in_gain x) = gain (scale net(in_gain x) + skip x)

    The audio and the envelopes are multiplied by ``in_gain``, and the output layer by ``scale``; ``gain`` is 1, or a
    part of the linear stage.
    """
    in_gain, out_gain = (10 ** (float(document.get(key, 0.0)) / 20) for key in ("in_gain", "out_gain"))
    if in_gain == out_gain == 1.0:
        return parts
    gain, scale = (in_gain * out_gain, 1.0 / in_gain) if parts.skip else (1.0, out_gain)
    taps = parts.taps
    if taps is not None:
        taps = gain * taps
    elif abs(gain - 1.0) > _ROUNDING:
        raise ModelFileError(
            f"{name} adds its input to its output {amplitude_to_db(gain):+.3g} dB louder (in_gain and out_gain), but "
            "the models of fxtrain add it as it is; set the two gains so that they cancel each other"
        )
    w_ih, *others = parts.layers[0]
    factors = torch.full((w_ih.shape[1],), in_gain, dtype=torch.float64)
    factors[1 : 1 + len(parts.knobs)] = 1.0
    first = [(w_ih.double() * factors).float(), *others]
    head = tuple((scale * part.double()).float() for part in parts.head)
    return replace(parts, layers=[first, *parts.layers[1:]], head=(head[0], head[1]), taps=taps)


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
    decimals = orjson.dumps(np.ascontiguousarray(array, dtype=np.float32), option=orjson.OPT_SERIALIZE_NUMPY)
    nested: list[Any] = orjson.loads(decimals)
    return nested
