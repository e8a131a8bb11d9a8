# SPDX-License-Identifier: MIT
"""What a file format of effects must offer, and a model file in the making."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import torch

from fxtrain import engine
from fxtrain.atomic import write_atomically
from fxtrain.formats.torch_model import TorchModel
from fxtrain.training.protocol import Trainable

__all__ = ["ModelDocument", "ModelFormat"]


class ModelFormat(Protocol):
    """A file format of the field. All are JSON with a root key ``metadata``."""

    name: ClassVar[str]
    """What models call it in ``formats``."""
    title: ClassVar[str]
    suffix: ClassVar[str]

    def recognises(self, document: Any) -> bool:
        """Whether a JSON document is one of these."""

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
        return json.dumps(self.document, allow_nan=False, separators=(",", ":")).encode()

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
