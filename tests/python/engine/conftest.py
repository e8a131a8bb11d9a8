# SPDX-License-Identifier: MIT
"""Model files made on the spot, and something to play on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_models import LayerSpec, MadeModel, plucked_notes, write_model


@pytest.fixture
def make_model(tmp_path: Path) -> Callable[..., MadeModel]:
    """``make_model(layers, seed=0, inputs=1, **root_keys)`` writes a model file with random weights."""

    def make(layers: Sequence[LayerSpec], *, name: str = "amp.json", **keys: Any) -> MadeModel:
        return write_model(tmp_path / name, layers, **keys)

    return make


@pytest.fixture
def playing() -> np.ndarray:
    """Two seconds at 48 kHz of something like a guitar."""
    return plucked_notes()
