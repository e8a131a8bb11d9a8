# SPDX-License-Identifier: MIT
"""Writing and reading model files."""

from fxtrain.export.metadata import Metadata
from fxtrain.export.rtneural import model_document, write_model
from fxtrain.export.torch_model import TorchModel, read_torch_model
from fxtrain.export.vectors import programme, test_vectors

__all__ = ["Metadata", "TorchModel", "model_document", "programme", "read_torch_model", "test_vectors", "write_model"]
