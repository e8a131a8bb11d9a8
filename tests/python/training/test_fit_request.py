# SPDX-License-Identifier: MIT
"""What was asked of a run, written down and read again."""

from __future__ import annotations

from pathlib import Path

import pytest

from fxtrain.data.material import PairFiles
from fxtrain.training.fit import FitRequest
from fxtrain.training.trainer import TrainingConfig


@pytest.mark.parametrize("count", [1, 9, 10, 25, 120])
def test_pairs_keep_their_order_however_many_there_are(tmp_path: Path, count: int) -> None:
    # pair_10 was read before pair_2, so that a resumed run of ten pairs or more drew other excerpts.
    names = [f"{(7 * index) % 121}" for index in range(count)]
    pairs = [
        PairFiles(input=tmp_path / f"d{name}.wav", target=tmp_path / f"w{name}.wav", split="train", weight=1 + index)
        for index, name in enumerate(names)
    ]
    path = tmp_path / "config.toml"
    FitRequest(pairs=pairs, training=TrainingConfig(epochs=1)).save(path)
    assert list(FitRequest.load(path).pairs) == pairs
