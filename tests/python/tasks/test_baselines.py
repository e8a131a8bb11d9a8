# SPDX-License-Identifier: MIT
"""The linear baselines against plain least squares on the written-out problem."""

from __future__ import annotations

import time

import numpy as np
import pytest

from fxtrain.data import Excerpt
from fxtrain.tasks.effect.baselines import Segment, fit_baselines
from fxtrain.tasks.effect.evaluation import segments_of


def clips_of(input: np.ndarray, target: np.ndarray, clip_frames: int, skip_frames: int) -> list[Segment]:
    """A recording of clips joined end to end, clip by clip."""
    return segments_of([Excerpt(input=input, target=target, clip_frames=clip_frames, skip_frames=skip_frames)])


def delay_matrix(x: np.ndarray, num_taps: int) -> np.ndarray:
    """Row t is x[t], x[t-1], ..., with silence before the start: shape (frames, num_taps)."""
    padded = np.concatenate((np.zeros(num_taps - 1), x))
    return np.lib.stride_tricks.sliding_window_view(padded, num_taps)[:, ::-1]


def least_squares(segments: list[Segment], num_taps: int) -> np.ndarray:
    rows = np.concatenate([delay_matrix(s.input, num_taps)[s.mask] for s in segments])
    return np.linalg.lstsq(rows, np.concatenate([s.target[s.mask] for s in segments]), rcond=None)[0]


def random_segments(seed: int, lengths: list[int], scored_share: float = 1.0) -> list[Segment]:
    random = np.random.default_rng(seed)
    return [
        Segment(random.standard_normal(n), random.standard_normal(n), random.random(n) < scored_share) for n in lengths
    ]


@pytest.mark.parametrize("num_taps", [1, 2, 7, 32])
@pytest.mark.parametrize("scored_share", [1.0, 0.6])
def test_taps_equal_plain_least_squares_for_any_segments_and_masks(num_taps, scored_share):
    segments = random_segments(num_taps, [500, 40, 1, 333], scored_share)
    expected = least_squares(segments, num_taps)
    assert fit_baselines(segments, num_taps=num_taps).taps == pytest.approx(expected, abs=1e-9)


def test_blocks_of_a_long_recording_add_up_to_the_exact_solution():
    (segment,) = random_segments(0, [70_000])  # several FFT blocks
    assert fit_baselines([segment], num_taps=16).taps == pytest.approx(least_squares([segment], 16), abs=1e-9)


def test_a_known_filter_is_recovered():
    random = np.random.default_rng(3)
    taps = random.standard_normal(512) * np.exp(-np.arange(512) / 60.0)
    x = random.standard_normal(50_000)
    fitted = fit_baselines([Segment(x, np.convolve(x, taps)[: len(x)])])
    assert np.max(np.abs(fitted.taps - taps)) < 1e-8
    assert fitted.score([Segment(x, np.convolve(x, taps)[: len(x)])])["fir"] < 1e-18


def test_a_known_filter_is_recovered_from_clips_that_forget_the_past():
    random = np.random.default_rng(4)
    taps = random.standard_normal(512) * np.exp(-np.arange(512) / 60.0)
    x = random.standard_normal(40 * 3000)
    y = np.concatenate([np.convolve(clip, taps)[:3000] for clip in x.reshape(40, 3000)])
    clips = clips_of(x, y, 3000, 400)
    fitted = fit_baselines(clips)
    assert np.max(np.abs(fitted.taps - taps)) < 1e-8
    assert fitted.score(clips)["fir"] < 1e-16
    # Taken as one recording, the joins are errors that no filter explains.
    assert fit_baselines([Segment(x, y)]).score([Segment(x, y)])["fir"] > 1e-4


def test_frames_left_out_serve_as_history_of_those_that_count():
    (segment,) = random_segments(5, [1000])
    only_late = Segment(segment.input, segment.target, np.arange(1000) >= 900)
    expected = np.linalg.lstsq(delay_matrix(segment.input, 8)[900:], segment.target[900:], rcond=None)[0]
    assert fit_baselines([only_late], num_taps=8).taps == pytest.approx(expected, abs=1e-9)


def test_best_gain_is_the_projection_on_the_input():
    segments = random_segments(6, [300, 200], 0.5)
    x = np.concatenate([s.input[s.mask] for s in segments])
    y = np.concatenate([s.target[s.mask] for s in segments])
    assert fit_baselines(segments, num_taps=4).gain == pytest.approx(float(x @ y / (x @ x)), rel=1e-9)


def test_each_baseline_is_at_least_as_good_as_the_simpler_one_where_it_was_fitted():
    segments = random_segments(7, [800, 800])
    scores = fit_baselines(segments, num_taps=32).score(segments)
    assert scores["fir"] < scores["best_gain"] < scores["input"]


def test_scores_are_those_of_the_predictions_over_all_segments_together():
    train, test = random_segments(8, [900]), random_segments(9, [300, 500], 0.7)
    baselines = fit_baselines(train, num_taps=5)
    error = sum(np.sum((delay_matrix(s.input, 5) @ baselines.taps - s.target)[s.mask] ** 2) for s in test)
    energy = sum(np.sum(s.target[s.mask] ** 2) for s in test)
    assert baselines.score(test)["fir"] == pytest.approx(error / energy, rel=1e-10)


def test_clips_become_segments_that_start_from_rest_and_skip_their_start():
    x = np.arange(25, dtype=np.float32)
    segments = clips_of(x, x, 10, 3)
    assert np.concatenate([segment.input for segment in segments]).tolist() == x[:20].tolist()
    assert [segment.mask.tolist() for segment in segments] == 2 * [3 * [False] + 7 * [True]]


def test_what_precedes_an_excerpt_is_history_that_does_not_count():
    x = np.arange(6, dtype=np.float32)
    (segment,) = segments_of([Excerpt(input=x[2:], target=-x[2:], lead_in=x[:2], skip_frames=1)])
    assert segment.input.tolist() == x[2:].tolist()
    assert segment.input_between(-4, 3).tolist() == [0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0]
    assert segment.target.tolist() == (-x[2:]).tolist()
    assert segment.mask.all()


def test_an_input_with_one_frequency_still_gives_a_finite_good_filter():
    # The normal matrix has rank 2: only the ridge makes it solvable.
    x = np.sin(0.1 * np.arange(20_000))
    segment = Segment(x, 2.0 * np.sin(0.1 * np.arange(20_000) - 0.7), np.arange(20_000) >= 600)
    assert fit_baselines([segment]).score([segment])["fir"] < 1e-8


def test_a_silent_or_empty_training_part_gives_silent_baselines():
    for segments in ([], [Segment(np.zeros(100), np.ones(100))]):
        fitted = fit_baselines(segments, num_taps=4)
        assert fitted.gain == 0.0
        assert not fitted.taps.any()


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        Segment(np.zeros(4), np.zeros(5))


def test_four_million_frames_take_seconds_at_most():
    random = np.random.default_rng(10)
    x = random.standard_normal(4_000_000).astype(np.float32)
    start = time.process_time()
    fit_baselines(clips_of(x, x, 11_025, 1000))
    assert time.process_time() - start < 5.0


def test_no_filter_comes_close_to_a_real_distortion(shared_data):
    soundfile = pytest.importorskip("soundfile")
    folder = shared_data / "klon-centaur-spice"

    def clips(part: str) -> list[Segment]:
        x, y = (
            soundfile.read(folder / name, dtype="float32")[0]
            for name in (f"{part}-input.flac", f"gain-050/{part}-target.flac")
        )
        return clips_of(x, y, 11_025, 1000)

    scores = fit_baselines(clips("train")).score(clips("test"))
    # The gain stage inverts, so the input is worse than silence, and it distorts, so no filter comes close.
    assert scores["input"] > 1.0 > scores["best_gain"] > scores["fir"] > 0.01
