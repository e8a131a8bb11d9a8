# SPDX-License-Identifier: MIT
"""Effect models as ONNX, for programs that run networks by onnxruntime.

The graph takes ``input``, shape ``(batch, frames)``, and states, shape ``(batch, ...)``. It gives ``output`` and the
states after the last frame, called ``<name>_out``. A player passes them on to its next block; zeros are the start.
Three entries of the metadata say what else it must know, if they are there:

``prewarm_frames``
    so many frames of silence come first, as zero state is not the state that silence leaves;
``block_multiple``
    a block has a multiple of so many frames;
``latency_frames``
    the output is late by so many.
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
from fxtrain.formats._onnx_graph import build_graph
from fxtrain.models.effects._effect import EffectModel
from fxtrain.training.protocol import Trainable

__all__ = ["onnx_document", "play_onnx", "write_onnx"]

_BOUND = 1e-5
"""Greatest difference from torch, as for all formats; relative to the output's peak where that is above full scale."""


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
    if not isinstance(model, EffectModel):
        raise ModelFileError(
            f"a {model.name} model cannot be written as ONNX: expected a model of an effect; use its checkpoint instead"
        )
    graph, output, needed = build_graph(model)
    return graph.finish(output, name=model.name, metadata={**metadata, **needed})


def play_onnx(content: bytes, x: NDArray[np.float32], *, block_frames: int) -> NDArray[np.float32]:
    """Plays a file's bytes by onnxruntime in blocks, as its metadata asks.

    Args:
        content: the file.
        x: shape ``(batch, frames)``.
        block_frames: frames at a time, rounded up to what the model works on at once.

    Returns:
        The same shape, late by ``latency_frames``.
    """
    runtime: Any = require("onnxruntime", purpose="playing ONNX", extra="onnx")
    session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
    needed = session.get_modelmeta().custom_metadata_map
    silent, multiple = (int(needed.get(key, least)) for key, least in (("prewarm_frames", 0), ("block_multiple", 1)))
    size = -(-block_frames // multiple) * multiple
    padded = np.pad(x, ((0, 0), (silent, -(silent + x.shape[1]) % multiple)))
    state = {
        each.name: np.zeros((len(x), *each.shape[1:]), np.float64 if "double" in each.type else np.float32)
        for each in session.get_inputs()[1:]
    }
    played = []
    names = [f"{name}_out" for name in state]
    for start in range(0, padded.shape[1], size):
        block = np.ascontiguousarray(padded[:, start : start + size])
        output, *after = session.run(["output", *names], {"input": block, **state})
        state = dict(zip(state, after, strict=True))
        played.append(output)
    whole: NDArray[np.float32] = np.concatenate(played, axis=1)[:, silent : silent + x.shape[1]]
    return whole


def _require_parity(model: EffectModel, content: bytes) -> None:
    """Plays noise in blocks by onnxruntime and at once by torch, after the same silence."""
    x = np.random.default_rng(1).normal(0, 0.2, (2, 6000)).astype(np.float32)
    silent = int(build_graph(model)[2].get("prewarm_frames", 0))
    with torch.no_grad():
        padded = torch.from_numpy(np.pad(x, ((0, 0), (silent, 0)))).to(model.device)
        expected = model(padded)[0].cpu().numpy()[:, silent:]
    error = float(np.abs(play_onnx(content, x, block_frames=777) - expected).max())
    bound = _BOUND * max(1.0, float(np.abs(expected).max()))
    if not error <= bound:
        raise ModelFileError(
            f"onnxruntime plays the {model.name} model {error:.2g} away from torch, expected {bound:.2g} at most; "
            "please report this with the checkpoint"
        )
