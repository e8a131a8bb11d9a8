# SPDX-License-Identifier: MIT
"""What a file format of effects must offer, and a model file in the making."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import orjson
import torch

from fxtrain import engine
from fxtrain.atomic import write_atomically
from fxtrain.errors import ConfigError, ModelFileError
from fxtrain.formats.torch_model import TorchModel
from fxtrain.models.effects._effect import EffectModel
from fxtrain.training.protocol import Trainable

__all__ = ["Exactness", "ModelDocument", "ModelFormat", "reading", "require_place"]


@dataclass(frozen=True, kw_only=True)
class Exactness:
    """How much of a model a format holds.

    Attributes:
        refusal: what the format has no place for; empty where it holds the whole function.
        loses_start: players of the format start from zero state, and the model does not.
    """

    refusal: str = ""
    loses_start: bool = False


class ModelFormat(Protocol):
    """A file format of the field. All are JSON with a root key ``metadata``."""

    name: ClassVar[str]
    """What models call it in ``formats``."""
    title: ClassVar[str]
    """What messages call it."""
    suffix: ClassVar[str]

    def recognises(self, document: Any) -> bool:
        """Whether a JSON document is one of these."""

    def metadata(self, document: dict[str, Any], *, quality: float = 1.0) -> dict[str, Any]:
        """What a document says of the capture, under the keys of our metadata; ``quality`` is as in :meth:`read`."""

    def read(self, document: dict[str, Any], name: str, *, quality: float = 1.0) -> EffectModel:
        """The model of a document.

        Args:
            document: a file that the engine plays.
            name: of the file, for messages.
            quality: 0 to 1: which network of a file that holds several.

        Raises:
            ModelFileError: no model of fxtrain is the same function.
        """

    def exactness(self, model: Trainable) -> Exactness:
        """Whether the format holds a model."""

    def document(self, model: Trainable, *, sample_rate: int, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """The model file as nested lists and mappings.

        Args:
            model: a trained model.
            sample_rate: of the recordings it was trained on, in Hz.
            metadata: further entries of ``metadata``.

        Raises:
            ModelFileError: the model has no place in the format, or a weight is not finite.
        """

    def levels(self, player: engine.Model) -> dict[str, float]:
        """How loud the model is, under the keys of the format's metadata."""

    def reference(self, document: dict[str, Any], name: str) -> TorchModel:
        """The network of a document as torch plays it, in float32.

        Raises:
            ModelFileError: torch cannot play it.
        """


@dataclass(frozen=True)
class ModelDocument:
    """A model file that is not written yet.

    Attributes:
        format: of the file.
        document: its content.
    """

    format: ModelFormat
    document: dict[str, Any]

    @property
    def content(self) -> bytes:
        """The file's bytes."""
        json.dumps(self.document["metadata"], allow_nan=False)  # orjson would write null for what is not finite
        return orjson.dumps(self.document)

    def load(self) -> engine.Model:
        """The model in the engine, which plays the test vectors first."""
        return engine.load(f"model{self.format.suffix}", content=self.content)

    def reference(self, dtype: torch.dtype = torch.float32) -> TorchModel:
        """The network as torch plays it."""
        return self.format.reference(self.document, "the model").to(dtype)

    def add_metadata(self, **entries: Any) -> None:
        """Adds or replaces entries of ``metadata``."""
        self.document["metadata"].update(entries)

    def save(self, path: Path) -> None:
        """Writes the file whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        write_atomically(path, self.content)


def require_place(format: ModelFormat, model: Trainable) -> None:
    """Raises ModelFileError where a format does not hold a model."""
    if refusal := format.exactness(model).refusal:
        raise ModelFileError(f"the {model.name} model cannot be written as {format.title}: {refusal}")


@contextmanager
def reading(name: str, expected: str) -> Iterator[None]:
    """Turns what goes wrong with a document into one sentence.

    Args:
        name: of the file.
        expected: what can be read.
    """
    try:
        yield
    except ConfigError as error:
        raise ModelFileError(f"{name} is larger than the models of fxtrain: {error}") from None
    except KeyError as error:
        raise ModelFileError(f"{name} holds no {error}; expected {expected}") from None
    except (TypeError, ValueError, RuntimeError, IndexError, AttributeError, OverflowError) as error:
        raise ModelFileError(f"{name} holds {error}; expected {expected}") from None
