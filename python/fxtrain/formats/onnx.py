# SPDX-License-Identifier: MIT
"""Recurrent models as ONNX, for programs that run networks by onnxruntime.

The graph takes ``input``, shape ``(batch, frames)``, and the state of each layer, shape ``(batch, hidden_size)`` or,
of the linear stage, ``(batch, taps - 1)``. It gives ``output`` and the states after the last frame, called
``<name>_out``. A player passes them on to its next block; zeros are the start.

Source: the operators LSTM, GRU and Conv of ONNX, opset 14. ONNX orders the gates of an LSTM input, output, forget,
cell, and those of a GRU update, reset, hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fxtrain.atomic import write_atomically
from fxtrain.errors import ModelFileError
from fxtrain.extras import require
from fxtrain.models.effects._effect import EffectModel
from fxtrain.models.effects.recurrent import ResidualRecurrent
from fxtrain.training.protocol import Trainable

__all__ = ["onnx_document", "write_onnx"]

_OPSET = 14
_BOUND = 1e-5
"""Greatest difference from torch, as for all formats."""


def write_onnx(path: Any, model: Trainable, *, sample_rate: int, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Writes a model, once onnxruntime has played it as torch does; returns ``{"metadata": ...}``.

    Raises:
        ConfigError: the extra ``onnx`` is not installed.
        ModelFileError: ONNX cannot hold the model, or onnxruntime plays it differently.
        OSError: the file cannot be written.
    """
    entries = {"samplerate": sample_rate, **metadata}
    content = onnx_document(model, metadata=entries)
    assert isinstance(model, EffectModel)
    _require_parity(model, content)
    write_atomically(path, content)
    return {"metadata": entries}


def onnx_document(model: Trainable, *, metadata: Mapping[str, Any]) -> bytes:
    """The file's bytes."""
    onnx: Any = require("onnx", purpose="writing ONNX", extra="onnx")
    if not isinstance(model, ResidualRecurrent):
        raise ModelFileError(
            f"a {model.name} model cannot be written as ONNX: expected a recurrent one (lstm or gru); write it as "
            f"{' or '.join(model.formats) or 'a checkpoint'} instead"
        )
    if model.envelopes:
        raise ModelFileError(
            "a model with envelope inputs cannot be written as ONNX, because their smoothing is a loop over frames; "
            "train it with --set envelopes=off"
        )
    helper = onnx.helper
    nodes: list[Any] = []
    weights: dict[str, NDArray[Any]] = {"one": np.array([1], np.int64), "last": np.array([2], np.int64)}
    states: dict[str, int] = {}

    def node(operator: str, inputs: list[str], output: str | list[str], **options: Any) -> None:
        nodes.append(helper.make_node(operator, inputs, [output] if isinstance(output, str) else output, **options))

    node("Transpose", ["input"], "frames_first", perm=[1, 0])
    node("Unsqueeze", ["frames_first", "last"], "layer_0")  # (frames, batch, 1)
    hidden = model.config.hidden_size
    is_lstm = model.unit == "lstm"
    for index in range(model.config.num_layers):
        w, r, b = _gates([part.detach().cpu().numpy() for part in model.layer_weights(index)], is_lstm=is_lstm)
        weights |= {f"w_{index}": w, f"r_{index}": r, f"b_{index}": b}
        inputs = [f"layer_{index}", f"w_{index}", f"r_{index}", f"b_{index}", ""]
        after = []
        for name in ("h", "c") if is_lstm else ("h",):
            states[f"{name}_{index}"] = hidden
            node("Unsqueeze", [f"{name}_{index}", "zero"], f"{name}_{index}_given")
            inputs.append(f"{name}_{index}_given")
            after.append(f"{name}_{index}_last")
        options = {"hidden_size": hidden} | ({} if is_lstm else {"linear_before_reset": 1})
        node("LSTM" if is_lstm else "GRU", inputs, [f"all_{index}", *after], **options)
        node("Squeeze", [f"all_{index}", "one"], f"layer_{index + 1}")  # its one direction
        for name in after:
            node("Squeeze", [name, "zero"], f"{name.removesuffix('_last')}_out")
    weights["zero"] = np.array([0], np.int64)
    weights["head_w"] = model.output.weight.detach().cpu().numpy().T.copy()
    weights["head_b"] = model.output.bias.detach().cpu().numpy()
    node("MatMul", [f"layer_{model.config.num_layers}", "head_w"], "head")
    node("Add", ["head", "head_b"], "head_sum")
    node("Squeeze", ["head_sum", "last"], "network_frames_first")
    node("Transpose", ["network_frames_first"], "network", perm=[1, 0])
    played = "network"
    if model.config.skip:
        node("Add", ["input", "network"], "residual")
        played = "residual"
    if model.linear_stage is not None:
        taps = model.linear_stage.taps.detach().cpu().numpy()
        states["linear_stage"] = len(taps) - 1
        weights["taps"] = taps[::-1].copy()[None, None]
        weights["from"] = np.array([-(len(taps) - 1)], np.int64)
        weights["to"] = np.array([np.iinfo(np.int64).max], np.int64)
        node("Concat", ["linear_stage", played], "past_and_now", axis=1)
        node("Slice", ["past_and_now", "from", "to", "one"], "linear_stage_out")
        node("Unsqueeze", ["past_and_now", "one"], "as_channel")
        node("Conv", ["as_channel", "taps"], "filtered")
        node("Squeeze", ["filtered", "one"], "output")
    else:
        node("Identity", [played], "output")

    def value(name: str, size: str | int) -> Any:
        return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", size])

    graph = helper.make_graph(
        nodes,
        model.name,
        [value("input", "frames"), *(value(name, size) for name, size in states.items())],
        [value("output", "frames"), *(value(f"{name}_out", size) for name, size in states.items())],
        [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], producer_name="fxtrain")
    made.ir_version = 8
    helper.set_model_props(made, {key: str(entry) for key, entry in metadata.items() if entry is not None})
    onnx.checker.check_model(made, full_check=True)
    content: bytes = made.SerializeToString()
    return content


def _gates(parts: list[NDArray[Any]], *, is_lstm: bool) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Torch's input weights, recurrent weights and biases of a layer, in the order of ONNX, for one direction."""
    order = (0, 3, 1, 2) if is_lstm else (1, 0, 2)

    def ordered(values: NDArray[Any]) -> NDArray[Any]:
        gates = np.split(values, len(order))
        return np.concatenate([gates[gate] for gate in order])

    w_ih, w_hh, b_ih, b_hh = (ordered(part) for part in parts)
    return w_ih[None], w_hh[None], np.concatenate([b_ih, b_hh])[None]


def _require_parity(model: EffectModel, content: bytes) -> None:
    """Plays noise in two blocks by onnxruntime and at once by torch."""
    runtime: Any = require("onnxruntime", purpose="checking ONNX", extra="onnx")
    session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(1).normal(0, 0.2, (2, 2000)).astype(np.float32)
    with torch.no_grad():
        expected = model(torch.from_numpy(x).to(model.device))[0].cpu().numpy()
    given = {each.name: np.zeros((2, each.shape[1]), np.float32) for each in session.get_inputs()[1:]}
    played = []
    for block in (x[:, :777], x[:, 777:]):
        output, *after = session.run(None, {"input": np.ascontiguousarray(block), **given})
        given = dict(zip(given, after, strict=True))
        played.append(output)
    error = float(np.abs(np.concatenate(played, axis=1) - expected).max())
    if not error <= _BOUND:
        raise ModelFileError(
            f"onnxruntime plays the {model.name} model {error:.2g} away from torch, expected {_BOUND:.2g} at most; "
            "please report this with the checkpoint"
        )
