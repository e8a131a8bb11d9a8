# SPDX-License-Identifier: MIT
"""``.nam``, the format of Neural Amp Modeler (NAM); what is written, and why so, is in ``docs/model-format.md``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fxtrain import engine
from fxtrain.errors import ModelFileError
from fxtrain.formats._format import Exactness, reading, require_place
from fxtrain.formats.metadata import metadata_entries, without_measured
from fxtrain.formats.recurrent import RecurrentParts, build_recurrent
from fxtrain.formats.rtneural import numbers
from fxtrain.formats.torch_model import CUSTOMARY_RATE, TorchEffect, TorchModel
from fxtrain.gear import TONE_TYPES
from fxtrain.models.effects._convolutional import ConvolutionalEffect
from fxtrain.models.effects._effect import EffectModel
from fxtrain.models.effects._wavenet_network import Activation, ArrayShape, LayerShape, WaveNetNetwork, WaveNetShape
from fxtrain.models.effects.recurrent import ResidualRecurrent
from fxtrain.models.effects.wavenet import WaveNet
from fxtrain.training.protocol import Trainable

__all__ = ["NamFormat"]

_PLAIN_VERSION = "0.5.4"
_VERSION = "0.7.0"
"""Of files with what came after the first WaveNets: sizes and activations for each layer, containers, gates."""

_NAMES: dict[Activation, str] = {
    "tanh": "Tanh",
    "hardtanh": "Hardtanh",
    "relu": "ReLU",
    "leaky-relu": "LeakyReLU",
    "sigmoid": "Sigmoid",
    "silu": "SiLU",
    "hardswish": "Hardswish",
    "softsign": "Softsign",
}
_ACTIVATIONS: dict[str, Activation] = {name: activation for activation, name in _NAMES.items()}
_USUAL_SLOPE = 0.01
_CLIP_LEVEL = 10 ** (-15 / 20)
"""RMS of the clip that NAM's trainer plays to measure loudness, to a tenth of a dB; ours is played at this level."""
_KEYS = {"author": "modeled_by", "based": "gear_model"}
"""Keys of our metadata that have another name in these files."""
_OWN_KEYS = {name: key for key, name in _KEYS.items()}


_READ = f"an LSTM, or a WaveNet of the activations {', '.join(_ACTIVATIONS)} without modulation, groups and bottlenecks"
"""What there are models of."""


class NamFormat:
    """WaveNets, and LSTMs that are nothing but that; see :class:`fxtrain.formats.ModelFormat`."""

    name: ClassVar[str] = "nam"
    title: ClassVar[str] = ".nam"
    suffix: ClassVar[str] = ".nam"

    def recognises(self, document: Any) -> bool:
        """Whether a JSON document is one of these."""
        return isinstance(document, dict) and {"architecture", "config", "weights"} <= document.keys()

    def metadata(self, document: dict[str, Any], *, quality: float = 1.0) -> dict[str, Any]:
        """What a document says of the capture: of a container, what the model that is chosen says too."""
        told = _entries(document, quality)
        training = told.get("training")
        entries = {_OWN_KEYS.get(key, key): value for key, value in told.items()}
        if "tone_type" in told:
            entries["style"] = entries.pop("tone_type")
        if isinstance(training, dict) and isinstance(training.get("validation_esr"), float):
            entries.setdefault("esr", training["validation_esr"])
        return without_measured(entries)

    def stated_levels(self, document: dict[str, Any], *, quality: float = 1.0) -> dict[str, float]:
        """``loudness`` and ``gain`` as a document states them, where it does."""
        told = _entries(document, quality)
        stated = {key: told[key] for key in ("loudness", "gain") if isinstance(told.get(key), (int, float))}
        return {key: value for key, value in stated.items() if not isinstance(value, bool) and math.isfinite(value)}

    def slimmed_channels(self, document: dict[str, Any], *, quality: float = 1.0) -> list[int]:
        """How many channels players may leave of a WaveNet's first layers; empty where it must be played whole."""
        config = _submodel(document, quality).get("config")
        layers = config.get("layers") if isinstance(config, dict) else None
        for array in layers if isinstance(layers, list) else []:
            slimmable = array.get("slimmable") if isinstance(array, dict) else None
            settings = slimmable.get("kwargs") if isinstance(slimmable, dict) else None
            if isinstance(settings, dict) and isinstance(settings.get("allowed_channels"), list):
                return [each for each in settings["allowed_channels"] if isinstance(each, int)]
        return []

    def read(self, document: dict[str, Any], name: str, *, quality: float = 1.0) -> EffectModel:
        """The WaveNet or LSTM of a document."""
        with reading(name, _READ):
            return _read(document, quality)

    def exactness(self, model: Trainable) -> Exactness:
        """Whether it is a WaveNet, or an LSTM and nothing else."""
        if isinstance(model, ConvolutionalEffect):
            return Exactness()
        if not isinstance(model, ResidualRecurrent):
            return Exactness(refusal="such files hold WaveNets and LSTMs")
        lacking = {
            "it is a GRU": model.unit != "lstm",
            "it adds its input to its output (fit --set skip=false trains one that does not)": model.config.skip,
            "it has envelopes": bool(model.envelopes),
            "it has knobs": bool(model.knobs),
            "it has a linear stage (export --no-linear-stage leaves it out)": model.linear_stage is not None,
        }
        return Exactness(refusal=next((text for text, so in lacking.items() if so), ""))

    def document(self, model: Trainable, *, sample_rate: int, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """The model file as nested lists and mappings."""
        require_place(self, model)
        if isinstance(model, ConvolutionalEffect):
            networks = [_wavenet_document(network) for network in model.to_wavenets()]
        else:
            assert isinstance(model, ResidualRecurrent)
            networks = [_lstm_document(model)]
        made = networks[0] if len(networks) == 1 else _container(networks, sample_rate)
        return {
            "version": made["version"],
            "metadata": {_key(key, value): value for key, value in metadata.items()},
            **made,
            "sample_rate": sample_rate,
        }

    def levels(self, player: engine.Model) -> dict[str, float]:
        """``loudness`` and ``gain`` as NAM defines them, but of the engine's clip, and our ``loudness_db``."""
        gains = np.linspace(0.0, 1.0, 11)
        rms = np.array([_rms(player, gain) for gain in gains])
        most = rms[-1] * len(gains)  # of one that is as loud for any input; a linear one gives half of it
        squeezed = (rms.sum() - most / 2) / max(most / 2, 1e-12)
        return {
            "loudness": round(20 * float(np.log10(max(rms[-1], 1e-10))), 3),
            "loudness_db": round(engine.measure_loudness(player), 3),
            "gain": round(float(np.clip(squeezed, 0.0, 1.0)), 3),
        }

    def reference(self, document: dict[str, Any], name: str) -> TorchModel:
        """The network of a document as torch plays it, in float32; of a container the last one."""
        try:
            return TorchEffect(_read(document, 1.0), document)
        except (KeyError, TypeError, ValueError, RuntimeError, IndexError, AttributeError, OverflowError) as error:
            raise ModelFileError(
                f"{name} is not a model that torch can play ({type(error).__name__}: {error}); "
                "expected a .nam file of a WaveNet without modulation, or of an LSTM"
            ) from None


def _rms(player: engine.Model, gain: float) -> float:
    rate = round(player.info.sample_rate or CUSTOMARY_RATE)
    clip = engine.loudness_clip(rate)
    level = float(np.sqrt(np.mean(clip.astype(np.float64) ** 2)))
    player.prewarm()
    y = player.process(np.float32(gain * _CLIP_LEVEL / level) * clip)
    return float(np.sqrt(np.mean(y.astype(np.float64) ** 2)))


def _container(networks: Sequence[dict[str, Any]], sample_rate: int) -> dict[str, Any]:
    """Several networks of which a player takes one by a size from 0 to 1: the first of a greater ``max_value``."""
    count = len(networks)
    submodels = [
        {"max_value": (index + 1) / count, "model": {**network, "metadata": {}, "sample_rate": sample_rate}}
        for index, network in enumerate(networks)
    ]
    return {
        "version": _VERSION,
        "architecture": "SlimmableContainer",
        "config": {"submodels": submodels},
        "weights": [],
    }


def _wavenet_document(network: WaveNetNetwork) -> dict[str, Any]:
    shape = network.shape
    is_plain = all(_is_plain(array) for array in shape.arrays)
    weights = torch.cat([part.detach().cpu().float().flatten() for part in network.parameters()])
    return {
        "version": _PLAIN_VERSION if is_plain else _VERSION,
        "architecture": "WaveNet",
        "config": {
            "layers": [_plain_array(array) if is_plain else _array(array) for array in shape.arrays],
            "head": None,
            "head_scale": float(str(np.float32(shape.head_scale))),
        },
        "weights": numbers(torch.cat([weights, torch.tensor([shape.head_scale])])),
    }


def _is_plain(array: ArrayShape) -> bool:
    """Whether the first players of these files can state it."""
    kinds = {(layer.kernel_size, layer.activation) for layer in array.layers}
    has_slopes = any(layer.activation == "leaky-relu" and layer.slope != _USUAL_SLOPE for layer in array.layers)
    return len(kinds) == 1 and not has_slopes and array.head_kernel_size == 1 and not array.gated


def _plain_array(array: ArrayShape) -> dict[str, Any]:
    """With the head in both spellings: players before version 0.6 know the first, NAM's trainer the second alone."""
    layer = array.layers[0]
    return {
        "input_size": array.input_size,
        "condition_size": 1,
        "head_size": array.head_size,
        "head_bias": array.head_bias,
        "head": {"out_channels": array.head_size, "kernel_size": 1, "bias": array.head_bias},
        "channels": array.channels,
        "kernel_size": layer.kernel_size,
        "dilations": [each.dilation for each in array.layers],
        "activation": _NAMES[layer.activation],
        "gated": False,
    }


def _array(array: ArrayShape) -> dict[str, Any]:
    """With a list of all that may differ from layer to layer, as NAM's trainer reads it."""
    count = len(array.layers)
    return {
        "input_size": array.input_size,
        "condition_size": 1,
        "head": {
            "out_channels": array.head_size,
            "kernel_size": array.head_kernel_size,
            "bias": array.head_bias,
        },
        "channels": array.channels,
        "bottleneck": array.channels,
        "kernel_sizes": [each.kernel_size for each in array.layers],
        "dilations": [each.dilation for each in array.layers],
        "activation": [_activation(each) for each in array.layers],
        "gating_mode": ["gated" if array.gated else "none"] * count,
        "secondary_activation": [{"type": "Sigmoid"} if array.gated else None] * count,
        "layer1x1": {"active": True, "groups": 1},
        "head1x1": {"active": False, "out_channels": 1, "groups": 1},
    }


def _activation(layer: LayerShape) -> dict[str, Any]:
    slope = {"negative_slope": float(str(np.float32(layer.slope)))} if layer.activation == "leaky-relu" else {}
    return {"type": _NAMES[layer.activation], **slope}


def _lstm_document(model: ResidualRecurrent) -> dict[str, Any]:
    """Rows of input and recurrent weights side by side, the biases' sum, and the state to start from."""
    model = model.folded()
    config = model.config
    zero = torch.zeros(config.num_layers, 1, config.hidden_size)  # a state of rest: fxtrain.models.effects._resting
    hidden, cell = (zero, zero) if model.start is None else model.start
    weights = []
    for layer in range(config.num_layers):
        w_ih, w_hh, b_ih, b_hh = (part.detach().cpu().float() for part in model.layer_weights(layer))
        weights += [torch.cat([w_ih, w_hh], dim=1).flatten(), b_ih + b_hh, hidden[layer, 0], cell[layer, 0]]
    weights += [model.output.weight.detach().cpu().flatten(), model.output.bias.detach().cpu()]
    return {
        "version": _PLAIN_VERSION,
        "architecture": "LSTM",
        "config": {"input_size": 1, "hidden_size": config.hidden_size, "num_layers": config.num_layers},
        "weights": numbers(torch.cat(weights)),
    }


def _key(key: str, value: Any) -> str:
    """What a key of our metadata is called in these files."""
    if key == "style" and value in TONE_TYPES:
        return "tone_type"
    return _KEYS.get(key, key)


class _Weights:
    """The flat list of a file."""

    def __init__(self, values: Sequence[float]) -> None:
        self._values: NDArray[np.float32] = np.array(values, dtype=np.float32)
        self._next = 0

    def take(self, *shape: int) -> Tensor:
        """The next ones."""
        count = int(np.prod(shape))
        if self._next + count > len(self._values):
            raise ValueError(f"{len(self._values)} weights, but the layers need more")
        self._next += count
        return torch.from_numpy(self._values[self._next - count : self._next].reshape(shape).copy())

    def require_end(self) -> None:
        """Raises where some are left."""
        if self._next != len(self._values):
            raise ValueError(f"{len(self._values)} weights, but the layers need {self._next}")


def _submodel(document: dict[str, Any], quality: float = 1.0) -> dict[str, Any]:
    """The network that players take: the first of a greater ``max_value``, else the last; of inner ones the last."""
    model = document
    while model["architecture"] == "SlimmableContainer":
        submodels = model["config"]["submodels"]
        fitting = [each["model"] for each in submodels if quality < float(each["max_value"])]
        model = fitting[0] if fitting else submodels[-1]["model"]
        quality = math.inf
    return model


def _entries(document: dict[str, Any], quality: float) -> dict[str, Any]:
    """``metadata``: a container's own go before those of its model, but for what was measured of the model."""
    model = _submodel(document, quality)
    inner = metadata_entries(model)
    measured = {key: inner[key] for key in ("loudness", "gain", "training") if inner.get(key) is not None}
    return {**inner, **metadata_entries(document), **measured}


def _read(document: dict[str, Any], quality: float) -> EffectModel:
    model = _submodel(document, quality)
    if model["architecture"] not in ("LSTM", "WaveNet"):
        raise ValueError(f"a network of the architecture {model['architecture']}")
    rate = round(float(model.get("sample_rate") or document.get("sample_rate") or CUSTOMARY_RATE))
    weights = _Weights(model["weights"])
    if model["architecture"] == "LSTM":
        read: EffectModel = _read_lstm(model, weights, rate)
    else:
        read = WaveNet.of_networks([_read_wavenet(model, weights)], sample_rate=rate)
    weights.require_end()
    return read


def _read_lstm(document: dict[str, Any], weights: _Weights, sample_rate: int) -> ResidualRecurrent:
    config = document["config"]
    inputs, size, count = int(config["input_size"]), int(config["hidden_size"]), int(config["num_layers"])
    if inputs != 1:
        raise ValueError(f"an LSTM of {inputs} inputs")
    layers, starts = [], []
    for index in range(count):
        width = size if index else inputs
        rows = weights.take(4 * size, width + size)
        bias = weights.take(4 * size)
        layers.append([rows[:, :width], rows[:, width:], bias, torch.zeros_like(bias)])
        starts.append(weights.take(2, size))
    start = torch.stack(starts, dim=1).unsqueeze(2)  # (hidden and cell, layer, 1, unit)
    return build_recurrent(
        RecurrentParts(
            unit="lstm",
            layers=layers,
            head=(weights.take(1, size), weights.take(1)),
            skip=False,
            sample_rate=sample_rate,
            start=(start[0], start[1]) if bool(start.any()) else None,
        )
    )


def _read_wavenet(document: dict[str, Any], weights: _Weights) -> WaveNetNetwork:
    config = document["config"]
    meanings = {"head": "a head behind its layers", "condition_dsp": "a network before its layers (condition_dsp)"}
    for key, meaning in meanings.items():
        if config.get(key) is not None:
            raise ValueError(f"a WaveNet with {meaning}")
    arrays = tuple(_read_array(array) for array in config["layers"])
    network = WaveNetNetwork(WaveNetShape(arrays=arrays, head_scale=0.0))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(weights.take(*parameter.shape))
    network.shape = WaveNetShape(arrays=arrays, head_scale=float(weights.take(1)))
    return network


def _read_array(array: Mapping[str, Any]) -> ArrayShape:
    dilations, channels = array["dilations"], int(array["channels"])
    count = len(dilations)

    def of_layers(value: Any) -> list[Any]:
        return value if isinstance(value, list) else [value] * count

    modes = set(of_layers(array.get("gating_mode", "gated" if array.get("gated") else "none")))
    groups = (array.get("groups_input", 1), array.get("groups_input_mixin", 1))
    lacking = {
        "modulation (FiLM)": any(
            key.endswith("_film") and value and value.get("active") for key, value in array.items()
        ),
        "layers with gates of several kinds": len(modes) != 1,
        f"the gates {', '.join(sorted(map(str, modes)))}": not modes <= {"none", "gated"},
        "a bottleneck": array.get("bottleneck", channels) != channels,
        f"{array['condition_size']} conditions": int(array["condition_size"]) != 1,
        "groups": max(groups) != 1 or array.get("layer1x1", {}).get("groups", 1) != 1,
        "a 1x1 convolution before the head": array.get("head1x1", {}).get("active", False),
        "layers without a 1x1 convolution": not array.get("layer1x1", {}).get("active", True),
    }
    if found := [text for text, is_so in lacking.items() if is_so]:
        raise ValueError(f"a WaveNet with {', '.join(found)}")
    if modes == {"gated"} and any(
        each not in (None, "Sigmoid", {"type": "Sigmoid"}) for each in of_layers(array.get("secondary_activation"))
    ):
        raise ValueError("a WaveNet with gates other than sigmoids")
    head = array.get("head") or {
        "out_channels": array["head_size"],
        "kernel_size": 1,
        "bias": array["head_bias"],
    }
    if head.get("head_dilation", 1) != 1:
        raise ValueError("a WaveNet with a dilated head")
    sizes = of_layers(array["kernel_sizes"] if "kernel_sizes" in array else array["kernel_size"])
    return ArrayShape(
        input_size=int(array["input_size"]),
        channels=channels,
        layers=tuple(
            _read_layer(int(size), int(dilation), activation)
            for size, dilation, activation in zip(sizes, dilations, of_layers(array["activation"]), strict=True)
        ),
        head_size=int(head["out_channels"]),
        head_kernel_size=int(head["kernel_size"]),
        head_bias=bool(head["bias"]),
        gated=modes == {"gated"},
    )


def _read_layer(kernel_size: int, dilation: int, activation: Any) -> LayerShape:
    settings = activation if isinstance(activation, dict) else {"type": activation}
    if settings["type"] not in _ACTIVATIONS:
        raise ValueError(f"a WaveNet with the activation {settings['type']}")
    slope = float(np.float32(settings.get("negative_slope", _USUAL_SLOPE)))
    return LayerShape(
        kernel_size=kernel_size, dilation=dilation, activation=_ACTIVATIONS[settings["type"]], slope=slope
    )
