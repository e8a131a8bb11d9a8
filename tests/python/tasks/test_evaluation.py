# SPDX-License-Identifier: MIT
"""Playing excerpts for a score: from a fresh state, run in on what precedes them, aligned with the target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fxtrain import engine
from fxtrain.data.pairs import Excerpt
from fxtrain.formats import read_torch_model
from fxtrain.tasks.effect.evaluation import measure_parity, play


@pytest.fixture
def amp(make_model: Callable) -> Any:
    return make_model([("lstm", 6), ("dense", 1)], in_skip=1, samplerate=48000)


def test_the_output_of_a_late_model_is_compared_where_it_is_aligned(amp: Any, playing: np.ndarray) -> None:
    excerpt = Excerpt(input=playing[9600:24_000], target=playing[9600:24_000], lead_in=playing[4800:9600])
    in_time = play(engine.load(amp.path), [excerpt]).prediction
    late = engine.load(amp.path, oversampling=4)
    assert late.info.latency_frames > 0
    played = play(late, [excerpt])
    assert played.prediction.shape == played.target.shape
    # A shift of one frame is more than this: test_a_lag_of_one_frame_would_be_seen.
    assert np.sqrt(np.mean((played.prediction - in_time) ** 2)) < 1e-3 * np.sqrt(np.mean(in_time**2))


def test_parity_is_measured_to_the_last_frame(amp: Any, playing: np.ndarray) -> None:
    parity = measure_parity(engine.load(amp.path), read_torch_model(amp.path), playing[:5000])
    assert parity["frames"] == 5000
    assert 0 < parity["engine_error"] < parity["bound"]
