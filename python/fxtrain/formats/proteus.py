# SPDX-License-Identifier: MIT
"""JSON of PyTorch's weights: Proteus, NeuralPi and others that train with Automated-GuitarAmpModelling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from fxtrain import engine
from fxtrain.formats._format import Exactness, reading, require_place
from fxtrain.formats.metadata import metadata_entries, without_measured
from fxtrain.formats.recurrent import RecurrentParts, build_recurrent
from fxtrain.formats.rtneural import RTNeuralFormat, numbers
from fxtrain.formats.torch_model import TorchEffect, TorchModel
from fxtrain.models.effects._effect import EffectModel
from fxtrain.models.effects.recurrent import Knob, ResidualRecurrent
from fxtrain.training.protocol import Trainable

__all__ = ["ProteusFormat"]

_TRAINING_RATE = 44_100
"""Sample rate in Hz of a file that does not say."""
_PLAYERS = {40: "Proteus", 20: "NeuralPi"}
"""By the only number of units that each plays."""
_MOST_KNOBS = 2
_PARTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class ProteusFormat:
    """One LSTM layer of 40 or 20 units, whose input is added to the output."""

    name: ClassVar[str] = "proteus"
    title: ClassVar[str] = "Proteus JSON"
    suffix: ClassVar[str] = ".json"

    def recognises(self, document: Any) -> bool:
        """Whether a JSON document is one of these."""
        return isinstance(document, dict) and {"model_data", "state_dict"} <= document.keys()

    def metadata(self, document: dict[str, Any], *, quality: float = 1.0) -> dict[str, Any]:
        """What a document says of the capture: nothing, unless fxtrain wrote it."""
        return without_measured(metadata_entries(document))

    def read(self, document: dict[str, Any], name: str, *, quality: float = 1.0) -> EffectModel:
        """The recurrent model of a document."""
        with reading(name, "one or more LSTM or GRU layers and a linear one"):
            return _read(document)

    def exactness(self, model: Trainable) -> Exactness:
        """Whether it is an LSTM of a size that a player has, with its input added."""
        if not isinstance(model, ResidualRecurrent):
            return Exactness(refusal="such files hold one LSTM layer")
        config = model.config
        sizes = " or ".join(f"{size} ({player})" for size, player in _PLAYERS.items())
        lacking = {
            "it is a GRU, and players play LSTMs": model.unit != "lstm",
            f"it has {config.num_layers} layers, and players play one": config.num_layers != 1,
            f"it has {config.hidden_size} units, and players need {sizes}": config.hidden_size not in _PLAYERS,
            "it does not add its input to its output, which players do": not config.skip,
            "it has envelopes": bool(model.envelopes),
            f"it has {len(model.knobs)} knobs, and players have {_MOST_KNOBS} at most": len(model.knobs) > _MOST_KNOBS,
            "it has a linear stage (export --no-linear-stage leaves it out)": model.linear_stage is not None,
        }
        refusal = next((text for text, so in lacking.items() if so), "")
        return Exactness(refusal=refusal, loses_start=model.start is not None)

    def document(self, model: Trainable, *, sample_rate: int, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """The model file as nested lists and mappings."""
        require_place(self, model)
        assert isinstance(model, ResidualRecurrent)
        model = model.folded()
        weights = dict(zip(_PARTS, model.layer_weights(0), strict=True))
        return {
            "model_data": {
                "model": "SimpleRNN",
                "input_size": 1 + len(model.knobs),
                "skip": 1,
                "output_size": 1,
                "unit_type": "LSTM",
                "num_layers": 1,
                "hidden_size": model.config.hidden_size,
                "bias_fl": True,
                "sample_rate": sample_rate,
            },
            "state_dict": {
                **{f"rec.{name}_l0": numbers(values) for name, values in weights.items()},
                "lin.weight": numbers(model.output.weight),
                "lin.bias": numbers(model.output.bias),
            },
            "metadata": dict(metadata),
        }

    def levels(self, player: engine.Model) -> dict[str, float]:
        """``loudness_db``."""
        return RTNeuralFormat().levels(player)

    def reference(self, document: dict[str, Any], name: str) -> TorchModel:
        """The network of a document as torch plays it, in float32, with its knobs at 0."""
        return TorchEffect(self.read(document, name), document)


def _read(document: dict[str, Any]) -> ResidualRecurrent:
    data, state = document["model_data"], document["state_dict"]

    def weights(name: str) -> Tensor:
        return torch.tensor(np.array(state[name], dtype=np.float32))

    layers = []
    for index in range(int(data.get("num_layers", 1))):
        w_ih, w_hh = (weights(f"rec.{part}_l{index}") for part in _PARTS[:2])
        if data.get("bias_fl", True):
            biases = [weights(f"rec.{part}_l{index}") for part in _PARTS[2:]]
        else:
            biases = [torch.zeros(len(w_ih)), torch.zeros(len(w_ih))]
        layers.append([w_ih, w_hh, *biases])
    return build_recurrent(
        RecurrentParts(
            unit="lstm" if data["unit_type"] == "LSTM" else "gru",
            layers=layers,
            head=(weights("lin.weight"), weights("lin.bias") if "lin.bias" in state else torch.zeros(1)),
            skip=bool(data.get("skip", 1)),
            sample_rate=round(float(data.get("sample_rate") or _TRAINING_RATE)),
            knobs=tuple(Knob(name=f"knob {number}") for number in range(1, int(data["input_size"]))),
        )
    )
