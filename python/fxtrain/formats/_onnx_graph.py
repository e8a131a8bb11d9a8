# SPDX-License-Identifier: MIT
"""Effect models as graphs of ONNX operators.

Between the parts of a graph, audio has the shape ``(batch, frames)``. A state is an input that the graph gives back
after its last frame.

Sources: the operators LSTM, GRU, Conv, ConvTranspose and Scan of ONNX, opset 14. ONNX orders the gates of an LSTM
input, output, forget, cell, and those of a GRU update, reset, hidden.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from fxtrain.audio.envelopes import Envelope
from fxtrain.errors import ModelFileError
from fxtrain.extras import require
from fxtrain.models.effects._convolutional import ConvolutionalEffect
from fxtrain.models.effects._effect import EffectModel
from fxtrain.models.effects._resting import layer_weights
from fxtrain.models.effects._stft import Stft, StftModel
from fxtrain.models.effects._wavenet_network import WaveNetLayer
from fxtrain.models.effects.recurrent import ResidualRecurrent
from fxtrain.models.effects.stft_lstm import StftLstm
from fxtrain.models.effects.stft_mask import StftMask

__all__ = ["Graph", "build_graph"]

_OPSET = 14
_END = np.iinfo(np.int64).max
_ACTIVATIONS = {
    "tanh": "Tanh",
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "hardswish": "HardSwish",
    "softsign": "Softsign",
}


class Graph:
    """Nodes, weights and states that are added one after the other. Methods return the name of what they compute."""

    def __init__(self) -> None:
        self.onnx: Any = require("onnx", purpose="writing ONNX", extra="onnx")
        self._nodes: list[Any] = []
        self._weights: list[Any] = []
        self._inputs = [self._value("input", ["batch", "frames"])]
        self._outputs: list[Any] = []

    def add(self, operator: str, *inputs: str, **options: Any) -> str:
        """A node with one output."""
        return self.add_many(operator, inputs, 1, **options)[0]

    def add_many(self, operator: str, inputs: Sequence[str], num_outputs: int, **options: Any) -> list[str]:
        """A node with several outputs."""
        outputs = [f"v{len(self._nodes)}_{index}" for index in range(num_outputs)]
        self._nodes.append(self.onnx.helper.make_node(operator, list(inputs), outputs, **options))
        return outputs

    def constant(self, values: Tensor | NDArray[Any] | Sequence[int] | float) -> str:
        """Weights in float32, or whole numbers in int64."""
        array = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
        array = array.astype(np.int64 if array.dtype.kind == "i" else np.float32)
        name = f"w{len(self._weights)}"
        self._weights.append(self.onnx.numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def state(self, name: str, *shape: int, double: bool = False) -> str:
        """An input of shape ``(batch, *shape)`` that begins at zero."""
        self._inputs.append(self._value(name, ["batch", *shape], double=double))
        return name

    def give_back(self, name: str, value: str) -> None:
        """The state after the last frame, which the graph returns as ``NAME_out``."""
        given = next(each for each in self._inputs if each.name == name)
        returned = type(given)()
        returned.CopyFrom(given)
        returned.name = f"{name}_out"
        self._nodes.append(self.onnx.helper.make_node("Identity", [value], [returned.name]))
        self._outputs.append(returned)

    def finish(self, output: str, *, name: str, metadata: Mapping[str, Any]) -> bytes:
        """The file's bytes."""
        helper = self.onnx.helper
        self._nodes.append(helper.make_node("Identity", [output], ["output"]))
        outputs = [self._value("output", ["batch", "frames"]), *self._outputs]
        graph = helper.make_graph(self._nodes, name, self._inputs, outputs, self._weights)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], producer_name="fxtrain")
        made.ir_version = 8
        helper.set_model_props(made, {key: str(entry) for key, entry in metadata.items() if entry is not None})
        self.onnx.checker.check_model(made, full_check=True)
        content: bytes = made.SerializeToString()
        return content

    def _value(self, name: str, shape: Sequence[str | int], *, double: bool = False) -> Any:
        kind = self.onnx.TensorProto.DOUBLE if double else self.onnx.TensorProto.FLOAT
        return self.onnx.helper.make_tensor_value_info(name, kind, list(shape))

    # Operators with their constants

    def unsqueeze(self, x: str, axis: int) -> str:
        """An axis of one more."""
        return self.add("Unsqueeze", x, self.constant([axis]))

    def squeeze(self, x: str, axis: int) -> str:
        """An axis of one less."""
        return self.add("Squeeze", x, self.constant([axis]))

    def cut(self, x: str, start: int, end: int = _END, *, axis: int = -1) -> str:
        """A stretch of an axis; a negative start counts from its end."""
        return self.add("Slice", x, self.constant([start]), self.constant([end]), self.constant([axis]))

    def reshape(self, x: str, *shape: int) -> str:
        """Other axes; 0 keeps the size of an axis, -1 takes what is left."""
        return self.add("Reshape", x, self.constant(list(shape)))

    def with_past(self, name: str, x: str, past: int, *shape: int) -> str:
        """The past before ``x`` along its last axis, and its end as the past of the next stretch; both as a state."""
        if past == 0:
            return x
        whole = self.add("Concat", self.state(name, *shape, past), x, axis=-1)
        self.give_back(name, self.cut(whole, -past))
        return whole

    def filter(self, x: str, taps: NDArray[Any], name: str) -> str:
        """A causal filter of audio, its newest frame's tap first."""
        whole = self.with_past(name, x, len(taps) - 1)
        return self.squeeze(self.add("Conv", self.unsqueeze(whole, 1), self.constant(taps[::-1][None, None])), 1)

    def linear(self, x: str, weight: Tensor, bias: Tensor) -> str:
        """A matrix on the last axis."""
        return self.add("Add", self.add("MatMul", x, self.constant(weight.T)), self.constant(bias))

    def recurrent(self, x: str, weights: Sequence[Tensor], name: str) -> str:
        """A layer of LSTM or GRU.

        Args:
            x: shape ``(frames, batch, inputs)``.
            weights: input weights, recurrent ones, and their biases, in torch's order.
            name: of its states.

        Returns:
            Shape ``(frames, batch, hidden_size)``.
        """
        hidden = weights[1].shape[1]
        is_lstm = len(weights[1]) == 4 * hidden
        names = [f"h_{name}", f"c_{name}"] if is_lstm else [f"h_{name}"]
        given = [self.unsqueeze(self.state(each, hidden), 0) for each in names]
        w, r, b = _gates([part.detach().cpu().numpy() for part in weights], is_lstm=is_lstm)
        inputs = [x, self.constant(w), self.constant(r), self.constant(b), "", *given]
        options = {"hidden_size": hidden} | ({} if is_lstm else {"linear_before_reset": 1})
        answers, *after = self.add_many("LSTM" if is_lstm else "GRU", inputs, 1 + len(names), **options)
        for each, value in zip(names, after, strict=True):
            self.give_back(each, self.squeeze(value, 0))
        return self.squeeze(answers, 1)  # its one direction

    def envelopes(self, x: str, envelopes: Sequence[Envelope], sample_rate: float) -> str:
        """Envelopes in float64, as :func:`fxtrain.audio.envelopes.follow_envelope` has them.

        Args:
            x: shape ``(frames, batch, 1)``.
            envelopes: attack and release of each, in milliseconds.
            sample_rate: in Hz.

        Returns:
            Shape ``(frames, batch, envelopes)``.
        """
        helper, double = self.onnx.helper, self.onnx.TensorProto.DOUBLE
        rates = 1.0 - np.exp(-1.0 / (1e-3 * np.array(envelopes) * sample_rate))  # (envelopes, 2)
        constants = [
            self.onnx.numpy_helper.from_array(np.ascontiguousarray(column), name)
            for name, column in zip(("attack", "release"), rates.T, strict=True)
        ]
        count = len(envelopes)
        body = helper.make_graph(
            [
                helper.make_node("Sub", ["level", "before"], ["above"]),
                helper.make_node("Greater", ["level", "before"], ["rises"]),
                helper.make_node("Where", ["rises", "attack", "release"], ["rate"]),
                helper.make_node("Mul", ["rate", "above"], ["step"]),
                helper.make_node("Add", ["before", "step"], ["after"]),
                helper.make_node("Identity", ["after"], ["each"]),
            ],
            "envelope",
            [
                helper.make_tensor_value_info("before", double, ["batch", count]),
                helper.make_tensor_value_info("level", double, ["batch", 1]),
            ],
            [
                helper.make_tensor_value_info("after", double, ["batch", count]),
                helper.make_tensor_value_info("each", double, ["batch", count]),
            ],
            constants,
        )
        level = self.add("Cast", self.add("Abs", x), to=double)
        start = self.state("envelopes", count, double=True)
        last, followed = self.add_many("Scan", [start, level], 2, body=body, num_scan_inputs=1)
        self.give_back("envelopes", last)
        return self.add("Cast", followed, to=self.onnx.TensorProto.FLOAT)


def build_graph(model: EffectModel) -> tuple[Graph, str, dict[str, int]]:
    """The graph of a model, the name of its output, and what a player has to know besides.

    Raises:
        ConfigError: the extra ``onnx`` is not installed.
        ModelFileError: ONNX cannot hold the model.
    """
    if isinstance(model, ResidualRecurrent):
        return _recurrent(model)
    if isinstance(model, ConvolutionalEffect):
        return _convolutional(model)
    if isinstance(model, StftLstm):
        return _stft_lstm(model)
    if isinstance(model, StftMask):
        return _stft_mask(model)
    raise ModelFileError(
        f"{model.name} is an architecture of your own, of which fxtrain knows no graph of operators; expected lstm, "
        "gru, wavenet, tcn, stft-lstm or stft-mask: export it with torch.onnx.export"
    )


def _recurrent(model: ResidualRecurrent) -> tuple[Graph, str, dict[str, int]]:
    if model.knobs or model.start is not None:
        raise ModelFileError(
            f"the {model.name} model was read from a file with {'knobs' if model.knobs else 'a start state'}, which an "
            "ONNX graph that starts at zero has no place for; convert it to RTNeural JSON or .nam instead"
        )
    model = model.folded()
    graph = Graph()
    frames_first = graph.unsqueeze(graph.add("Transpose", "input", perm=[1, 0]), 2)  # (frames, batch, 1)
    x = frames_first
    if model.envelopes:
        x = graph.add("Concat", x, graph.envelopes(x, model.envelopes, model.sample_rate), axis=2)
    for layer in range(model.config.num_layers):
        x = graph.recurrent(x, model.layer_weights(layer), str(layer))
    x = graph.linear(x, model.output.weight, model.output.bias)
    if model.config.skip:
        x = graph.add("Add", x, frames_first)
    x = graph.add("Transpose", graph.squeeze(x, 2), perm=[1, 0])
    if model.linear_stage is not None:
        x = graph.filter(x, model.linear_stage.taps.detach().cpu().numpy(), "linear_stage")
    return graph, x, {}


def _convolutional(model: ConvolutionalEffect) -> tuple[Graph, str, dict[str, int]]:
    """Its last network, which is the one that is played."""
    network = model.to_wavenets()[-1]
    graph = Graph()
    audio = x = graph.unsqueeze("input", 1)  # (batch, 1, frames)
    head = None
    index = 0

    def convolve(conv: Any, x: str) -> str:
        nonlocal index
        if conv.past_frames:
            x = graph.with_past(f"tail_{index}", x, conv.past_frames, conv.in_channels)
            index += 1
        weights = [graph.constant(each) for each in (conv.weight, conv.bias) if each is not None]
        return graph.add("Conv", x, *weights, dilations=[conv.dilation[0]])

    arrays = network.layer_arrays()
    last = arrays[-1].wavenet_layers()[-1]
    for array in arrays:
        x = convolve(array.rechannel, x)
        for layer in array.wavenet_layers():
            a = _activated(graph, layer, graph.add("Add", convolve(layer.conv, x), convolve(layer.mixin, audio)))
            head = a if head is None else graph.add("Add", head, a)
            if layer is not last:
                x = graph.add("Add", x, convolve(layer.layer1x1, a))
        assert head is not None
        head = convolve(array.head, head)
    assert head is not None
    y = graph.add("Mul", graph.squeeze(head, 1), graph.constant(network.shape.head_scale))
    return graph, y, {"prewarm_frames": network.receptive_field - 1}


def _activated(graph: Graph, layer: WaveNetLayer, z: str) -> str:
    gate = None
    if layer.gated:
        z, gate = graph.add_many("Split", [z], 2, axis=1)
    match layer.shape.activation:
        case "leaky-relu":
            a = graph.add("LeakyRelu", z, alpha=layer.shape.slope)
        case "hardtanh":
            a = graph.add("Clip", z, graph.constant(-1.0), graph.constant(1.0))
        case "silu":
            a = graph.add("Mul", z, graph.add("Sigmoid", z))
        case name:
            a = graph.add(_ACTIVATIONS[name], z)
    return a if gate is None else graph.add("Mul", a, graph.add("Sigmoid", gate))


# Models on spectra. A spectrum has the shape (batch, 2 bins, hops), with the real and imaginary parts in turn.


def _analyse(graph: Graph, x: str, stft: Stft, name: str) -> str:
    """Windowed transforms of audio in whole hops: a convolution with one kernel for each part of each frequency."""
    kernels = np.fft.rfft(np.eye(stft.n_fft) * stft.analysis.double().cpu().numpy()[:, None], axis=1).T  # (bins, n_fft)
    parts = np.stack([kernels.real, kernels.imag], axis=1).reshape(-1, 1, stft.n_fft)
    whole = graph.with_past(name, x, stft.n_fft - stft.hop)
    return graph.add("Conv", graph.unsqueeze(whole, 1), graph.constant(parts), strides=[stft.hop])


def _synthesise(graph: Graph, spectra: str, stft: Stft) -> str:
    """Inverse transforms that overlap by a hop, then two hops later: a transposed convolution."""
    hop = stft.hop
    unit = np.eye(stft.num_bins)
    basis = np.stack([np.fft.irfft(unit, stft.n_fft), np.fft.irfft(1j * unit, stft.n_fft)], axis=1)  # (bins, 2, n_fft)
    kernels = (basis * stft.synthesis.double().cpu().numpy())[..., -2 * hop :].reshape(-1, 1, 2 * hop)
    sums = graph.squeeze(graph.add("ConvTranspose", spectra, graph.constant(kernels), strides=[hop]), 1)
    first = graph.add("Add", graph.cut(sums, 0, hop), graph.state("overlap", hop))
    y = graph.add("Concat", first, graph.cut(sums, hop, -hop), axis=1)
    graph.give_back("overlap", graph.cut(sums, -hop))
    whole = graph.add("Concat", graph.state("late", 2 * hop), y, axis=1)
    graph.give_back("late", graph.cut(whole, -2 * hop))
    return graph.cut(whole, 0, -2 * hop)


def _energy(graph: Graph, spectra: str, stft: Stft) -> str:
    """Squared magnitudes of which a sine of full scale has 1, shape ``(hops, batch, bins)``."""
    parts = graph.reshape(spectra, 0, stft.num_bins, 2, -1)  # (batch, bins, 2, hops)
    axes = graph.constant([2])
    scale = 2 / float(stft.analysis.sum())
    power = graph.add("ReduceSum", graph.add("Mul", parts, parts), axes, keepdims=0)
    return graph.add("Mul", graph.add("Transpose", power, perm=[2, 0, 1]), graph.constant(scale**2))


def _scaled(graph: Graph, spectra: str, gains: str, stft: Stft) -> str:
    """Spectra times gains of shape ``(hops, batch, bins)``."""
    parts = graph.reshape(spectra, 0, stft.num_bins, 2, -1)
    gains = graph.unsqueeze(graph.add("Transpose", gains, perm=[1, 2, 0]), 2)  # (batch, bins, 1, hops)
    return graph.reshape(graph.add("Mul", parts, gains), 0, 2 * stft.num_bins, -1)


def _of_stft(model: StftModel) -> dict[str, int]:
    return {"block_multiple": model.stft.hop, "latency_frames": model.latency_frames}


def _stft_lstm(model: StftLstm) -> tuple[Graph, str, dict[str, int]]:
    graph = Graph()
    spectra = _analyse(graph, "input", model.stft, "past")
    magnitude = graph.add("Sqrt", _energy(graph, spectra, model.stft))
    answers = graph.recurrent(magnitude, layer_weights(model.recurrent), "0")
    change = graph.linear(answers, model.output.weight, model.output.bias)
    ratio = graph.add("Div", change, graph.add("Add", magnitude, graph.constant(1e-3)))
    gains = graph.add("Relu", graph.add("Add", ratio, graph.constant(1.0)))
    return graph, _synthesise(graph, _scaled(graph, spectra, gains, model.stft), model.stft), _of_stft(model)


def _stft_mask(model: StftMask) -> tuple[Graph, str, dict[str, int]]:
    stft, bins, channels = model.stft, model.stft.num_bins, model.num_channels
    graph = Graph()
    sounds = ["input"]
    if model.branch is not None:
        frames_first = graph.unsqueeze(graph.add("Transpose", "input", perm=[1, 0]), 2)
        h = graph.recurrent(frames_first, layer_weights(model.branch.recurrent), "branch")
        y = graph.linear(h, model.branch.output.weight, model.branch.output.bias)
        sounds.append(graph.add("Transpose", graph.squeeze(y, 2), perm=[1, 0]))
    spectra = [_analyse(graph, x, stft, f"past_{index}") for index, x in enumerate(sounds)]
    bands = model.bands
    energy = graph.add("MatMul", _energy(graph, spectra[0], stft), graph.constant(bands))
    logarithm = graph.add("Log", graph.add("Add", energy, graph.constant(1e-9)))
    features = graph.add("Mul", logarithm, graph.constant(1 / (4.5 * math.log(10.0))))
    features = graph.add("Add", features, graph.constant(1.0))
    answers = graph.recurrent(features, layer_weights(model.recurrent), "masks")
    gains = graph.add("Sigmoid", graph.linear(answers, model.output.weight, model.output.bias))
    num_bands = model.config.bands
    spread = graph.constant(2 * bands.T)
    masked = []
    for channel, spectrum in enumerate(spectra):
        own = graph.cut(gains, channel * num_bands, (channel + 1) * num_bands)
        scaled = _scaled(graph, spectrum, graph.add("MatMul", own, spread), stft)
        masked.append(graph.reshape(scaled, 0, bins, 2, -1))
    joined = masked[0] if channels == 1 else graph.add("Concat", *masked, axis=2)  # (batch, bins, 2 channels, hops)
    parts = graph.reshape(joined, 0, 2 * channels * bins, -1)
    whole = graph.with_past("masked_past", parts, model.config.memory - 1, 2 * channels * bins)
    # (a + ib)(c + id): the real part from (c, -d), the imaginary part from (d, c), for each channel; oldest hop first.
    real, imag = np.moveaxis(model.filters.detach().double().cpu().numpy(), -1, 0)[..., ::-1, :]
    rows = np.stack([np.stack([real, -imag], axis=1), np.stack([imag, real], axis=1)])  # (2, channels, 2, memory, bins)
    kernels = np.moveaxis(rows, -1, 0).reshape(2 * bins, 2 * channels, model.config.memory)
    answered = graph.add("Conv", whole, graph.constant(kernels), group=bins)
    return graph, _synthesise(graph, answered, stft), _of_stft(model)


def _gates(parts: list[NDArray[Any]], *, is_lstm: bool) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Torch's input weights, recurrent weights and biases of a layer, in the order of ONNX, for one direction."""
    order = (0, 3, 1, 2) if is_lstm else (1, 0, 2)

    def ordered(values: NDArray[Any]) -> NDArray[Any]:
        gates = np.split(values, len(order))
        return np.concatenate([gates[gate] for gate in order])

    w_ih, w_hh, b_ih, b_hh = (ordered(part) for part in parts)
    return w_ih[None], w_hh[None], np.concatenate([b_ih, b_hh])[None]
