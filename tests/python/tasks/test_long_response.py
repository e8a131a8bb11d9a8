# SPDX-License-Identifier: MIT
"""Whether a recording asks for a linear stage."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.signal import butter, oaconvolve, sosfilt

from fxtrain.data import Excerpt
from fxtrain.data.material import Material
from fxtrain.synthetic import synthesise_guitar
from fxtrain.tasks.effect.long_response import LINEAR, Clipper, best_clipper, decide_linear_stage
from fxtrain.tasks.effect.recipe import settle_material

RATE = 48_000

Signal = np.ndarray


@pytest.fixture(scope="module")
def dry() -> Signal:
    return synthesise_guitar(16, RATE, 5)


def room(taps: int, falls_db: float = 60.0) -> Callable[[Signal], Signal]:
    """A response that falls by so much over its taps, after its direct sound."""
    tail = np.random.default_rng(1).standard_normal(taps) * 10 ** (-falls_db / 20 * np.arange(taps) / taps)
    tail *= 0.7 / np.linalg.norm(tail)
    tail[0] += 1.0
    return lambda x: oaconvolve(x, tail)[: len(x)]


def tone_knob(x: Signal) -> Signal:
    """What a pedal has behind its clipper."""
    filtered: Signal = sosfilt(butter(1, 1500, "lowpass", fs=RATE, output="sos"), x)
    return filtered


def much_gain(x: Signal) -> Signal:
    """Bass cut, clipped to a square, and a little fizz taken off."""
    cut = sosfilt(butter(1, 300, "highpass", fs=RATE, output="sos"), x)
    return sosfilt(butter(2, 6000, "lowpass", fs=RATE, output="sos"), np.tanh(80 * cut))


def material_of(dry: Signal, wet: Signal, **more: int) -> Material:
    x, y = dry.astype(np.float32), wet.astype(np.float32)
    parts = [Excerpt(input=x[part], target=y[part], **more) for part in (slice(0, 12 * RATE), slice(12 * RATE, None))]
    return Material(
        train=parts[:1], validation=parts[1:], test=[], sample_rate=RATE, lag_samples=0, recordings=[], parts=[]
    )


def test_the_stage_is_as_long_as_the_response(dry: Signal) -> None:
    for taps, expected in ((1900, 2048), (3600, 4096), (7500, 8192)):
        decided, _ = decide_linear_stage(material_of(dry, room(taps, 20.0)(np.tanh(20 * dry))))
        assert decided["model"]["linear_stage_taps"] == expected


def test_a_stage_gets_a_later_target_than_a_pedal(dry: Signal) -> None:
    stage = {"model": {"linear_stage": "on"}}
    material = material_of(dry, room(4000)(dry))
    later = settle_material(material, stage)
    assert later.lag_samples == -8
    for excerpt, same in zip((*later.train, *later.validation), (*material.train, *material.validation), strict=True):
        assert np.array_equal(excerpt.input, same.input[8:])
        assert np.array_equal(excerpt.target, same.target[:-8])
    assert settle_material(material, {"model": {"linear_stage": "off"}}) is material
    assert settle_material(material, stage | {"reading": {"lag": 3}}) is material
    clips = material_of(dry, dry, clip_frames=RATE)
    assert settle_material(clips, stage) is clips


def test_the_clipper_of_a_device_is_found(dry: Signal) -> None:
    for clipper in (Clipper(12.0), Clipper(40.0, 0.5, 700.0)):
        wet = oaconvolve(clipper.play(dry, RATE), [0.5, 0.3, -0.1])[: len(dry)]
        found = best_clipper([Excerpt(input=dry, target=wet.astype(np.float32))], RATE)
        assert found.low_cut_hz == clipper.low_cut_hz
        assert found.bias == clipper.bias
        assert found.gain == pytest.approx(clipper.gain, rel=1.0)  # the nearest of a coarse grid


def test_of_a_linear_device_it_is_none(dry: Signal) -> None:
    assert best_clipper([Excerpt(input=dry, target=room(300)(dry).astype(np.float32))], RATE) == LINEAR


@pytest.mark.parametrize("play", [lambda x: x, much_gain], ids=["clean", "much gain"])
def test_a_long_response_asks_for_a_stage_and_a_short_one_does_not(
    dry: Signal, play: Callable[[Signal], Signal]
) -> None:
    long, long_reason = decide_linear_stage(material_of(dry, room(8000)(play(dry))))
    short, short_reason = decide_linear_stage(material_of(dry, tone_knob(play(dry))))
    assert long["model"]["linear_stage"] == "on"
    assert long["model"]["linear_stage_taps"] >= 2048
    assert short["model"] == {"linear_stage": "off"}
    assert "a filter of" in long_reason
    assert "no more than a short one" in short_reason


def loudspeaker(x: Signal) -> Signal:
    """Resonances of a few ms between 800 Hz and 4 kHz, and what a microphone close to it hears."""
    t = np.arange(600) / RATE
    modes = [(800, 3e-3, 0.5), (1300, 2e-3, -0.6), (2100, 1.5e-3, 0.7), (2900, 1.2e-3, -0.5), (3900, 8e-4, 0.4)]
    taps = sum(level * np.exp(-t / decay) * np.sin(2 * np.pi * hz * t) for hz, decay, level in modes)
    return oaconvolve(x, taps)[: len(x)]


@pytest.mark.parametrize("play", [lambda x: x, much_gain], ids=["clean", "much gain"])
def test_a_loudspeaker_asks_for_one_though_its_response_is_short(dry: Signal, play: Callable[[Signal], Signal]) -> None:
    material = material_of(dry, loudspeaker(play(dry)))
    decided, reason = decide_linear_stage(material)
    assert decided["model"] == {"linear_stage": "on", "linear_stage_taps": 2048}
    assert "as of a loudspeaker" in reason


def test_clips_and_silence_have_none(dry: Signal) -> None:
    clips, _ = decide_linear_stage(material_of(dry, room(8000)(dry), clip_frames=RATE))
    silent, _ = decide_linear_stage(material_of(dry, np.zeros_like(dry)))
    assert clips["model"]["linear_stage"] == silent["model"]["linear_stage"] == "off"
