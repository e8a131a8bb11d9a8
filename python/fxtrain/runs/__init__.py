# SPDX-License-Identifier: MIT
"""Runs: from settings to a trained, measured and exported model in a folder. The only place that puts all together."""

from fxtrain.runs.folder import RunFolder
from fxtrain.runs.run import fit, load_trained_model, settled
from fxtrain.runs.spec import RunSpec, layer_tables
from fxtrain.runs.starts import as_decided

__all__ = ["RunFolder", "RunSpec", "as_decided", "fit", "layer_tables", "load_trained_model", "settled"]
