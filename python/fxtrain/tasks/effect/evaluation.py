# SPDX-License-Identifier: MIT
"""Playing a model file through the engine and scoring what comes out."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from fxtrain import engine
from fxtrain.data import Excerpt
from fxtrain.data.excerpt import Peaks, joined
from fxtrain.formats import TorchModel
from fxtrain.metrics.effects import Mask
from fxtrain.models.effects._effect import EffectModel, State
from fxtrain.tasks.effect.baselines import Segment

__all__ = [
    "Take",
    "TorchPlayer",
    "best_shift",
    "measure_loud_playing",
    "measure_parity",
    "measure_speed",
    "play",
    "segments_of",
]

Samples = NDArray[np.float32]

_LOUD_TIMES = 4.0


class Player(Protocol):
    """What plays recordings, for example :class:`fxtrain.engine.Model`."""

    def play(self, x: Samples) -> Samples:
        """The output for a recording, aligned with it."""

    def prewarm(self) -> int:
        """Back to the state that silence leaves, after how many frames of it."""


class TorchPlayer:
    """Plays a model that has no file format by torch, on one thread."""

    def __init__(self, model: EffectModel) -> None:
        self._model = copy.deepcopy(model).cpu().eval()
        self._state: State | None = None

    def play(self, x: Samples) -> Samples:
        """The output for a recording, aligned with it."""
        late = self._model.latency_frames
        given = torch.from_numpy(np.concatenate([x, np.zeros(late, np.float32)]))
        y, self._state = self._model.play(given.unsqueeze(0), self._state)
        return np.ascontiguousarray(y[0, late:].numpy())

    def prewarm(self) -> int:
        """Back to zero state; no silence is played."""
        self._state = None
        return 0


@dataclass(frozen=True)
class Take:
    """A prediction beside its target, all of shape ``(frames,)``; ``mask`` says which frames count."""

    input: Samples
    target: Samples
    prediction: Samples
    mask: Mask


def segments_of(excerpts: Sequence[Excerpt]) -> list[Segment]:
    """The excerpts as stretches that start from rest, with what precedes them as history."""
    segments = []
    for excerpt in excerpts:
        for start, end in excerpt.clips():
            history = np.zeros(0, np.float32) if excerpt.lead_in is None else excerpt.lead_in
            scored = None
            if excerpt.skip_frames and not len(history):
                scored = np.arange(end - start) >= excerpt.skip_frames
            segments.append(Segment(excerpt.input[start:end], excerpt.target[start:end], scored, history))
    return segments


def play(player: Player, excerpts: Sequence[Excerpt]) -> Take:
    """Plays each excerpt, clip by clip, from rest and run in on what precedes it, and joins the results."""
    segments = segments_of(excerpts)
    predictions = []
    for segment in segments:
        player.prewarm()
        whole = joined([part for part in (segment.history, segment.input) if len(part)] or [segment.input])
        predictions.append(player.play(np.ascontiguousarray(whole, np.float32))[len(segment.history) :])
    return Take(
        input=joined([segment.input for segment in segments]),
        target=joined([segment.target for segment in segments]),
        prediction=joined(predictions),
        mask=np.concatenate([segment.mask for segment in segments]),
    )


def best_shift(prediction: Samples, target: Samples, *, most: int = 16) -> int:
    """By how many frames the prediction comes later than the target, where the two fit best.

    Args:
        prediction: shape ``(frames,)``.
        target: same shape.
        most: frames to look for, either way.

    >>> played = np.sin(np.arange(2000.0) ** 1.5 / 50)
    >>> best_shift(played[:-3], played[3:])
    3
    """
    if len(target) <= 4 * most:
        return 0
    inner = np.asarray(target[most:-most], np.float64)
    energy = np.concatenate([[0.0], np.cumsum(np.square(prediction, dtype=np.float64))])
    matches = {}
    for shift in sorted(range(-most, most + 1), key=abs):
        start = most + shift
        own = energy[start + len(inner)] - energy[start]
        matches[shift] = 2.0 * float(np.dot(inner, prediction[start : start + len(inner)])) - own
    return max(matches, key=matches.__getitem__)


def measure_parity(
    player: engine.Model, reference: TorchModel, input: Samples, *, num_stretches: int = 16, stretch_frames: int = 8192
) -> dict[str, Any]:
    """Greatest difference of the engine, and of torch in float32, from torch in float64, from the player's start state.

    Args:
        player: the model in the engine.
        reference: the same in torch, in float32.
        input: what to play, shape ``(frames,)``.
        num_stretches: pieces of it, evenly spread: torch plays them side by side, since float64 is slow.
        stretch_frames: length of each.
    """
    length = min(stretch_frames, len(input))
    count = max(1, min(num_stretches, len(input) // max(length, 1)))
    starts = np.linspace(0, len(input) - length, count).astype(int)
    x = np.stack([input[start : start + length] for start in starts]).astype(np.float32)
    num_silent = player.prewarm() if player.info.starts_at_rest else 0
    padded = np.pad(x, ((0, 0), (num_silent, 0)))
    exact = copy.deepcopy(reference).double().play(torch.from_numpy(padded.astype(np.float64))).numpy()[:, num_silent:]
    rounded = reference.play(torch.from_numpy(padded)).numpy()[:, num_silent:]
    error = 0.0
    for piece, expected in zip(x, exact, strict=True):
        player.reset()
        played = player.play(piece)  # torch plays whole recordings, aligned
        error = max(error, float(np.abs(played - expected).max(initial=0.0)))
    torch_error = float(np.abs(rounded - exact).max(initial=0.0))
    return {
        "engine_error": error,
        "torch_float32_error": torch_error,
        "bound": max(1e-5, 1.5 * torch_error),
        "frames": x.size,
    }


def measure_loud_playing(player: Player, input: Samples, peaks: Peaks, sample_rate: int) -> dict[str, Any]:
    """What a model does when it is played 12 dB louder than its recording.

    Args:
        player: of the model.
        input: what to play, shape ``(frames,)``: its first minute, at four times the recording's peak.
        peaks: of the recording.
        sample_rate: in Hz.

    Returns:
        ``peak``: of the output; full scale is 1. ``ceiling``: the highest credible peak. ``after``: the peak of the
        last tenth of a second of the five seconds of silence that follow. ``times``: 4.
    """
    x = input[: 60 * sample_rate]
    gain = _LOUD_TIMES * peaks.input / max(float(np.abs(x).max(initial=0.0)), 1e-9)
    player.prewarm()
    y = player.play(np.ascontiguousarray(gain * x, np.float32))
    after = player.play(np.zeros(5 * sample_rate, np.float32))
    peak, rest = (float(np.abs(part).max(initial=0.0)) for part in (y, after[-(sample_rate // 10) :]))
    return {"times": _LOUD_TIMES, "peak": peak, "ceiling": peaks.ceiling(_LOUD_TIMES), "after": rest}


def measure_speed(player: engine.Model, input: Samples, sample_rate: int, *, block_frames: int = 64) -> dict[str, Any]:
    """Cost of playing in blocks: median over stretches of a tenth of a second, in thread CPU time.

    Returns:
        ``ns_per_frame``, ``cpu_percent`` (of one core, in real time), ``real_time_factor``, ``block_frames``.
    """
    player.reset()
    stretch = max(block_frames, sample_rate // 10 // block_frames * block_frames)
    blocks = [
        np.ascontiguousarray(input[i : i + block_frames]) for i in range(0, len(input) - block_frames + 1, block_frames)
    ]
    output = np.empty(block_frames, np.float32)
    times = []
    per_stretch = stretch // block_frames
    for start in range(0, min(len(blocks), 40 * per_stretch), per_stretch):
        chosen = blocks[start : start + per_stretch]
        began = time.thread_time_ns()
        for block in chosen:
            player.process(block, out=output)
        times.append((time.thread_time_ns() - began) / (len(chosen) * block_frames))
    nanoseconds = float(np.median(times)) if times else 0.0
    share = nanoseconds * 1e-9 * sample_rate
    return {
        "ns_per_frame": nanoseconds,
        "cpu_percent": 100 * share,
        "real_time_factor": 1 / share if share else 0.0,
        "block_frames": block_frames,
    }
