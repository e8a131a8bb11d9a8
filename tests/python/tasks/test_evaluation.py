# SPDX-License-Identifier: MIT
"""Playing excerpts for a score: from a fresh state, run in on what precedes them, aligned with the target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fxtrain import engine
from fxtrain.data.excerpt import Excerpt, Peaks
from fxtrain.formats import read_torch_model
from fxtrain.tasks.effect.evaluation import measure_loud_playing, measure_parity, play


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


class _Latch:
    """A clean amplifier that goes on sounding once its input has been above full scale."""

    def __init__(self) -> None:
        self.level = 0.3  # until prewarm

    def play(self, x: np.ndarray) -> np.ndarray:
        self.level = 0.7 if np.abs(x).max() > 1.0 else self.level
        return np.asarray(0.5 * x + self.level, np.float32)

    def prewarm(self) -> int:
        self.level = 0.0
        return 0


def test_loud_playing_has_four_times_the_peak_of_the_recording() -> None:
    x = np.full(70 * 8000, 0.01, np.float32)
    x[50_000] = -0.2
    x[-1] = 0.9  # after a minute, so it is not played
    assert measure_loud_playing(_Latch(), x, Peaks(0.2, 0.1), 8000) == {
        "times": 4.0,
        "peak": pytest.approx(0.5 * 0.8),
        "ceiling": 0.5,
        "after": 0.0,
    }
    stuck = measure_loud_playing(_Latch(), x, Peaks(0.8, 0.4), 8000)
    assert stuck["peak"] == pytest.approx(0.5 * 3.2 - 0.7)
    assert stuck["after"] == pytest.approx(0.7)
