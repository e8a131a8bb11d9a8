# SPDX-License-Identifier: MIT
"""Trained models, from the checkpoints of runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from fxtrain.errors import ConfigError, ModelFileError
from fxtrain.folders import best_checkpoint
from fxtrain.models import get_model
from fxtrain.tasks import get_task
from fxtrain.text import shortened
from fxtrain.training.checkpoint import load_checkpoint
from fxtrain.training.protocol import Trainable

__all__ = ["TrainedModel", "load_trained_model"]


@dataclass(frozen=True)
class TrainedModel:
    """A model with the weights of a checkpoint.

    Attributes:
        model: in evaluation mode.
        facts: what it was built from, such as the sample rate.
        metadata: what exported files say about the material.
    """

    model: Trainable
    facts: Mapping[str, Any]
    metadata: Mapping[str, Any]


def load_trained_model(path: str | PathLike[str]) -> TrainedModel:
    """The model of a checkpoint (``best.pt`` or ``last.pt``), or of the folder of a run, which is that of its best.

    Raises:
        ModelFileError: it is none that fxtrain fit wrote.
    """
    path = best_checkpoint(Path(path))
    content = load_checkpoint(path)
    try:
        model_class = get_model(content["model"])
        facts, metadata = dict(content["facts"]), dict(content["metadata"])
        get_task(model_class.task).check_facts(facts, metadata)
        model = model_class.from_config(content["tables"].get("model", {}), loss={}, **facts)
        model.load_state_dict(content.get("best_weights") or content["weights"])
    except (KeyError, TypeError, AttributeError, RuntimeError, ValueError, RecursionError, ConfigError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error).strip().splitlines()[-1].strip()
        raise ModelFileError(
            f"{path} is not a checkpoint that fxtrain fit wrote ({shortened(reason, 120)}); give the best.pt of a run"
        ) from None
    return TrainedModel(model.eval(), facts, metadata)
