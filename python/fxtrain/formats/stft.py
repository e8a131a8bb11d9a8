# SPDX-License-Identifier: MIT
"""JSON models on a short-time Fourier transform; the specification is ``docs/model-format.md``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from fxtrain import engine
from fxtrain.errors import ModelFileError
from fxtrain.formats._format import Exactness, reading, require_place
from fxtrain.formats.metadata import metadata_entries, without_measured
from fxtrain.formats.rtneural import dense_layer, numbers, recurrent_layer
from fxtrain.formats.torch_model import CUSTOMARY_RATE, TorchModel, torch_layers
from fxtrain.formats.vectors import test_vectors
from fxtrain.models.effects._effect import EffectModel
from fxtrain.models.effects._resting import layer_weights
from fxtrain.models.effects._stft import StftModel
from fxtrain.models.effects.stft_lstm import StftLstm
from fxtrain.models.effects.stft_mask import StftMask
from fxtrain.training.protocol import Trainable

__all__ = ["StftFormat"]


class StftFormat:
    """Networks on spectra under the root key ``stft``; see :class:`fxtrain.formats.ModelFormat`."""

    name: ClassVar[str] = "stft"
    title: ClassVar[str] = "fxtrain STFT JSON"
    suffix: ClassVar[str] = ".json"

    def recognises(self, document: Any) -> bool:
        """Whether a JSON document is one of these."""
        return isinstance(document, dict) and "stft" in document

    def metadata(self, document: dict[str, Any], *, quality: float = 1.0) -> dict[str, Any]:
        """What a document says of the capture."""
        return without_measured(metadata_entries(document))

    def read(self, document: dict[str, Any], name: str, *, quality: float = 1.0) -> EffectModel:
        """The network of a document."""
        with reading(name, "an STFT model of fxtrain without in_gain and out_gain"):
            if gains := [key for key in ("in_gain", "out_gain") if document.get(key)]:
                raise ValueError(f"the root key {gains[0]}")
            rate = document.get("samplerate") or metadata_entries(document).get("samplerate") or CUSTOMARY_RATE
            return _build(document["stft"], round(float(rate))).eval()

    def exactness(self, model: Trainable) -> Exactness:
        """Whether it is a model of this kind."""
        if isinstance(model, (StftMask, StftLstm)):
            return Exactness()
        return Exactness(refusal="it has no STFT")

    def document(self, model: Trainable, *, sample_rate: int, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """The model file as nested lists and mappings."""
        require_place(self, model)
        assert isinstance(model, (StftMask, StftLstm))
        own = _mask_document(model) if isinstance(model, StftMask) else _lstm_document(model)
        x, y, vectors_error = test_vectors(model, sample_rate, num_silent=0)
        facts = {
            "samplerate": sample_rate,
            "latency_samples": model.latency_frames,
            "vectors_error": float(f"{vectors_error:.3e}"),
        }
        transform = {"n_fft": model.config.n_fft, "hop": model.config.hop, "windows": "asymmetric-hann"}
        return {
            "stft": {**transform, **own},
            "samplerate": sample_rate,
            "metadata": {**metadata, **facts},
            "input_batch": [float(str(np.float32(value))) for value in x],
            "output_batch": y.tolist(),
        }

    def levels(self, player: engine.Model) -> dict[str, float]:
        """``loudness_db``."""
        return {"loudness_db": round(engine.measure_loudness(player), 3)}

    def reference(self, document: dict[str, Any], name: str) -> TorchModel:
        """The network of a document as torch plays it, in float32."""
        try:
            return _TorchStftModel(document)
        except (KeyError, TypeError, ValueError, RuntimeError, IndexError, AttributeError, OverflowError) as error:
            raise ModelFileError(
                f"{name} is not a model that torch can play ({type(error).__name__}: {error}); "
                "expected an STFT model of fxtrain"
            ) from None


def _mask_document(model: StftMask) -> dict[str, Any]:
    filters = model.filters.flatten(0, 1)  # (signals * hops, bins, 2)
    nets = {"masks": [recurrent_layer("gru", layer_weights(model.recurrent)), dense_layer(model.output, "sigmoid")]}
    if model.branch is not None:
        nets["branch"] = [
            recurrent_layer("lstm", layer_weights(model.branch.recurrent)),
            dense_layer(model.branch.output),
        ]
    return {
        "kind": "mask",
        "bands": model.config.bands,
        "nets": nets,
        "filters": {
            "hops": model.config.memory,
            "real": numbers(filters[..., 0]),
            "imag": numbers(filters[..., 1]),
        },
    }


def _lstm_document(model: StftLstm) -> dict[str, Any]:
    spectrum = [recurrent_layer("lstm", layer_weights(model.recurrent)), dense_layer(model.output)]
    return {"kind": "magnitude-residual", "nets": {"spectrum": spectrum}}


class _TorchStftModel(TorchModel):
    """A document in torch. Plays whole recordings from a fresh state, without the latency."""

    def __init__(self, document: dict[str, Any]) -> None:
        gains = tuple(10 ** (float(document.get(key, 0.0)) / 20) for key in ("in_gain", "out_gain"))
        super().__init__([], skip=False, gains=(gains[0], gains[1]))
        metadata = document.get("metadata", {})
        rate = document.get("samplerate", metadata.get("samplerate"))
        self.sample_rate = None if rate is None else int(float(rate))
        self.lag_samples = int(metadata.get("lag_samples", 0))
        self.model = _build(document["stft"], self.sample_rate or CUSTOMARY_RATE).eval()

    def play(self, x: Tensor) -> Tensor:
        """The same as calling the model, which always starts afresh."""
        return self(x)  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        """The output for recordings of shape ``(batch, frames)``."""
        late = self.model.latency_frames
        y, _ = self.model.play(nn.functional.pad(x * self.gains[0], (0, late)))
        return y[:, late:] * self.gains[1]


def _build(stft: Mapping[str, Any], sample_rate: int) -> StftModel:
    transform = {"n_fft": int(stft["n_fft"]), "hop": int(stft["hop"])}
    nets = stft["nets"]
    if stft["kind"] == "magnitude-residual":
        bins = transform["n_fft"] // 2 + 1
        layers, _ = torch_layers(nets["spectrum"], bins)
        recurrent = _of_type(layers[0], nn.LSTM)
        config = {**transform, "hidden_size": recurrent.hidden_size}
        lstm = StftLstm.from_config(config, sample_rate=sample_rate)
        lstm.recurrent, lstm.output = recurrent, _of_type(layers[1], nn.Linear)
        return lstm
    bands, filters = int(stft["bands"]), stft["filters"]
    layers, _ = torch_layers(nets["masks"], bands)
    gru = _of_type(layers[0], nn.GRU)
    branch = torch_layers(nets["branch"], 1)[0] if "branch" in nets else []
    config = {
        **transform,
        "branch_size": _of_type(branch[0], nn.LSTM).hidden_size if branch else 0,
        "bands": bands,
        "hidden_size": gru.hidden_size,
        "memory": int(filters["hops"]),
    }
    mask = StftMask.from_config(config, sample_rate=sample_rate)
    mask.recurrent, mask.output = gru, _of_type(layers[1], nn.Linear)
    if mask.branch is not None:
        mask.branch.recurrent, mask.branch.output = _of_type(branch[0], nn.LSTM), _of_type(branch[1], nn.Linear)
    parts = [torch.tensor(np.array(filters[key], dtype=np.float32)) for key in ("real", "imag")]
    with torch.no_grad():
        mask.filters.copy_(torch.stack(parts, dim=-1).view_as(mask.filters))
    return mask


def _of_type(layer: nn.Module, kind: type[Any]) -> Any:
    if not isinstance(layer, kind):
        raise TypeError(f"{kind.__name__} expected, {type(layer).__name__} found")
    return layer
