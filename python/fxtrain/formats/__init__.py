# SPDX-License-Identifier: MIT
"""Model files of the field, written and read.

A new format is a file with a class that follows :class:`ModelFormat`, and a line in ``_FORMATS``; a model says in
``formats`` which ones can hold it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fxtrain import engine
from fxtrain.errors import ConfigError, ModelFileError
from fxtrain.files import read_file
from fxtrain.formats._format import Exactness, ModelDocument, ModelFormat
from fxtrain.formats.metadata import Metadata
from fxtrain.formats.nam import NamFormat
from fxtrain.formats.proteus import ProteusFormat
from fxtrain.formats.rtneural import AidaFormat, RTNeuralFormat, model_document
from fxtrain.formats.stft import StftFormat
from fxtrain.formats.torch_model import TorchModel
from fxtrain.formats.vectors import programme, test_vectors
from fxtrain.models.effects._effect import EffectModel
from fxtrain.text import quoted
from fxtrain.training.protocol import Trainable

__all__ = [
    "Exactness",
    "Metadata",
    "ModelDocument",
    "ModelFormat",
    "TorchModel",
    "format_of",
    "get_format",
    "model_document",
    "new_document",
    "programme",
    "read_document",
    "read_torch_model",
    "test_vectors",
    "write_model",
]

_FORMATS: dict[str, ModelFormat] = {
    each.name: each for each in (StftFormat(), NamFormat(), RTNeuralFormat(), AidaFormat(), ProteusFormat())
}


def get_format(name: str) -> ModelFormat:
    """The format called ``name``."""
    if name not in _FORMATS:
        raise ConfigError(f"unknown model format {quoted(name)}; there are {', '.join(_FORMATS)}")
    return _FORMATS[name]


def new_document(
    model: Trainable, *, sample_rate: int, metadata: Mapping[str, Any], format: str | None = None
) -> tuple[ModelDocument, engine.Model]:
    """A model as a file that is not written yet, and the same in the engine; its loudness is in the metadata.

    Args:
        model: a trained model.
        sample_rate: of the recordings it was trained on, in Hz.
        metadata: what the file says about the capture.
        format: one of the model's formats; None takes the first.

    Raises:
        ConfigError: the model has no such format.
        ModelFileError: a weight is not finite, or the model has no place in the format.
    """
    name = format or next(iter(model.formats), None)
    if name not in model.formats:
        raise ConfigError(
            f"a {model.name} model cannot be exported{f' to {quoted(name)}' if name else ''}; it has "
            f"{'the formats ' + ', '.join(model.formats) if model.formats else 'no file format'}"
        )
    written = get_format(name)
    made = ModelDocument(written, written.document(model, sample_rate=sample_rate, metadata=metadata))
    player = made.load()
    if player.info.self_test is None:  # the format has no place for test vectors
        _require_parity(model, player, sample_rate)
    made.add_metadata(**written.levels(player))
    return made, player


def _require_parity(model: Trainable, player: engine.Model, sample_rate: int) -> None:
    """Plays what test vectors would hold, to the bound of the engine's self-test."""
    assert isinstance(model, EffectModel)
    positions = player.knobs
    for index in range(len(positions)):
        player.set_knob(index, 0.0)
    x, expected, float32_error = test_vectors(model, sample_rate, num_silent=player.prewarm())
    error = float(np.abs(player.play(x.astype(np.float32)) - expected).max())
    for index, position in enumerate(positions):
        player.set_knob(index, position)
    player.reset()
    bound = max(1e-5, 3 * float32_error)
    if not error <= bound:
        raise ModelFileError(
            f"the engine plays the {model.name} model {error:.2g} away from torch, expected {bound:.2g} at most; "
            "please report this with the checkpoint"
        )


def write_model(
    path: Path, model: Trainable, *, sample_rate: int, metadata: Mapping[str, Any], format: str | None = None
) -> dict[str, Any]:
    """Writes a model file whole or not at all, once the engine has played it as torch does; returns its content.

    Args:
        path: to write to; ``.onnx`` is for other programs, and onnxruntime plays it in place of the engine.
        model: a trained model.
        sample_rate: of the recordings it was trained on, in Hz.
        metadata: what the file says about the capture.
        format: one of the model's formats; None goes by the suffix of ``path``, and takes the first of that suffix.

    Raises:
        ConfigError: the model has no such format, or the suffix is that of none.
        ModelFileError: a weight is not finite, or the model has no place in the format.
        OSError: the file cannot be written.
    """
    if path.suffix.lower() == ".onnx" and format is None:
        from fxtrain.formats.onnx import write_onnx

        return write_onnx(path, model, sample_rate=sample_rate, metadata=metadata)
    format = format or _format_of(path, model)
    made, _ = new_document(model, sample_rate=sample_rate, metadata=metadata, format=format)
    made.save(path)
    return made.document


def _format_of(path: Path, model: Trainable) -> str | None:
    """The format of a model that a file name asks for; None where the model has no format at all."""
    suffix = path.suffix.lower()
    if not model.formats:
        return None
    known = list(dict.fromkeys([*(each.suffix for each in _FORMATS.values()), ".onnx"]))
    if suffix not in known:
        found = f"the suffix {path.suffix}, which no model file has" if suffix else "no suffix, which names the format"
        raise ConfigError(f"{path} has {found}; expected one of {', '.join(known)}: choose another file name")
    suffixes = {name: get_format(name).suffix for name in model.formats}
    for name, own in suffixes.items():
        if own == suffix:
            return name
    raise ConfigError(
        f"a {model.name} model cannot be written as {suffix}; call the file "
        f"{path.with_suffix(next(iter(suffixes.values())))}"
    )


def read_document(path: Path) -> dict[str, Any]:
    """A model file as nested lists and mappings, within the engine's limits.

    Raises:
        ModelFileError: the file cannot be read, or is no JSON object; the engine's loader says more about it.
    """
    try:
        content = read_file(path, at_most=engine.MAX_FILE_BYTES, expected="a model file", error=ModelFileError)
        document = engine.read_json(content)
    except OSError as error:
        raise ModelFileError(f"cannot read the model {path}: {error.strerror or error}") from None
    except ValueError as error:
        raise ModelFileError(
            f"{path} is not a model that torch can play ({type(error).__name__}: {error}); "
            f"expected one of {', '.join(each.title for each in _FORMATS.values())}"
        ) from None
    if not isinstance(document, dict):
        raise ModelFileError(f"{path} is not a model file: expected a JSON object, found a {type(document).__name__}")
    return document


def format_of(document: dict[str, Any]) -> ModelFormat:
    """The format of a document that the engine plays; RTNeural JSON where none recognises it."""
    return next((each for each in _FORMATS.values() if each.recognises(document)), _FORMATS["rtneural"])


def read_torch_model(path: Path, dtype: torch.dtype = torch.float32) -> TorchModel:
    """The network of a model file as torch plays it: what the engine is compared with.

    Raises:
        ModelFileError: the file cannot be read, or torch cannot play it; the engine's loader says more about it.
    """
    document = read_document(path)
    return format_of(document).reference(document, str(path)).to(dtype)
