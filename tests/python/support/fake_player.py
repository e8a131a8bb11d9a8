# SPDX-License-Identifier: MIT
"""A player without sound, which notes what a screen asks of it."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from typing import Any

from fxtrain.live.status import Status

PLAYING = Status(
    model="Lowlight Valve",
    model_detail="LSTM 32 · 48 kHz",
    model_index=1,
    num_models=3,
    loading=False,
    problem="",
    input_peak_db=-14.0,
    input_rms_db=-25.0,
    input_clips=0,
    output_peak_db=-8.0,
    output_rms_db=-17.0,
    output_clips=0,
    load=0.12,
    load_peak=0.18,
    num_xruns=0,
    latency_ms=8.43,
    latency_measured=True,
    sample_rate=48_000,
    block_size=64,
    input_name="USB Audio, channel 1",
    output_name="USB Audio, channels 1 and 2",
    input_gain_db=3.0,
    output_gain_db=-6.0,
    bypassed=False,
    muted=False,
    mute_reason="",
    cabinet="Open back 212",
    cabinet_on=True,
    gate_on=True,
    gate_threshold_db=-58.0,
    recording=False,
    recorded_seconds=0.0,
    record_name="",
    tuning=False,
    pitch_hz=0.0,
    clarity=0.0,
    num_faults=0,
    connected=True,
)


class FakePlayer:
    """Shows what it is told to; ``calls`` are the names and arguments of what was asked of it."""

    def __init__(self, **changes: Any) -> None:
        self.shown = dataclasses.replace(PLAYING, **changes)
        self.calls: list[tuple[Any, ...]] = []

    def change(self, **changes: Any) -> None:
        self.shown = dataclasses.replace(self.shown, **changes)

    def status(self) -> Status:
        return self.shown

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith(("step_", "choose_", "change_", "toggle_")):
            return lambda *arguments: self.calls.append((name, *arguments))
        raise AttributeError(name)


class RestlessPlayer(FakePlayer):
    """Levels, numbers and words jump at random for two seconds, then stay; calls ``end`` when all has come to rest."""

    def __init__(self, end: Callable[[], None]) -> None:
        super().__init__()
        self.end = end
        self.dice = random.Random(1)
        self.times = 0

    def status(self) -> Status:
        self.times += 1
        if self.times < 50:
            self.jump()
        else:
            levels = dict.fromkeys(("input_peak_db", "input_rms_db", "output_peak_db", "output_rms_db"), 0.0)
            self.change(tuning=False, input_clips=0, **levels)
        if self.times == 170:  # the clip lamp has gone out
            self.end()
        return super().status()

    def jump(self) -> None:
        dice = self.dice
        for side in ("input", "output"):
            self.change(**{f"{side}_peak_db": dice.uniform(-70, 0), f"{side}_rms_db": dice.uniform(-70, 0)})
        self.change(num_xruns=dice.randrange(2000), load=dice.random(), latency_ms=dice.uniform(1, 200))
        self.change(input_clips=dice.randrange(3000), recorded_seconds=dice.uniform(0, 1000))
        self.change(recording=dice.random() < 0.5, tuning=dice.random() < 0.1, pitch_hz=dice.uniform(80, 300))
        self.change(model=dice.choice(["Lowlight Valve", "Ünique 真空管", "x"]))
        self.change(problem=dice.choice(["", "", "Something is wrong."]))
