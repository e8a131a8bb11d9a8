# SPDX-License-Identifier: MIT
"""Latency: announced when it changes, and the same on every way through the plugin, so that hosts can undo it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import in_dawdreamer
import in_pedalboard
import numpy as np
import pytest
from own_process import call


@pytest.mark.parametrize("settings", [{"mix": 0.0}, {"bypass": 1.0}], ids=["mix 0", "bypass"])
@pytest.mark.parametrize("host", [in_pedalboard, in_dawdreamer], ids=["pedalboard", "dawdreamer"])
def test_the_dry_path_is_the_input_at_the_reported_latency(
    plugin: Any,
    environment: dict[str, str],
    make_model: Callable,
    make_preset: Callable,
    playing: np.ndarray,
    host: Any,
    settings: dict[str, float],
) -> None:
    made = make_model([("lstm", 16), ("dense", 1)], samplerate=44_100)
    preset = make_preset(A=made.path, gate_on=1, tone_on=1, bass=6, output_gain=0, **settings)
    x = np.stack([playing, playing[::-1]])
    y, latency = call(host.play, plugin.vst3, preset, x, 48_000, 256, {}, environment=environment)
    assert latency > 0
    if host is in_dawdreamer:  # which leaves the output as late as it is
        y = np.pad(y[:, latency:], ((0, 0), (0, latency)))
    np.testing.assert_allclose(y[:, :-latency], x[:, :-latency], rtol=0, atol=1e-7)


def test_dry_and_wet_are_aligned_in_the_mix(
    plugin: Any, environment: dict[str, str], wire: Callable, make_preset: Callable, playing: np.ndarray
) -> None:
    # With a model that passes on what it gets, a mix is the input wherever the conversion of rates is flat.
    preset = make_preset(A=wire(samplerate=44_100), mix=50)
    x = playing[None]
    y, latency = call(in_pedalboard.play, plugin.vst3, preset, x, 48_000, 256, {}, environment=environment)
    frames = x.shape[-1] - latency
    error = y[0, :frames] - x[0, :frames]
    assert 10 * np.log10((error**2).mean() / (x**2).mean()) < -60


def watch_latency(vst3: Path, presets: list[Path], x: np.ndarray) -> list[tuple[int, int]]:
    """After each preset, what the host was told, and how late an impulse really comes out."""
    seen = []
    plugin = in_pedalboard.load(vst3)
    for preset in presets:
        plugin.load_preset(str(preset))
        in_pedalboard.announce(plugin, 48_000, 64, 1)
        y = plugin.process(x, 48_000, buffer_size=64)
        seen.append((plugin.reported_latency_samples, int(np.abs(y[0]).argmax())))
    return seen


def test_every_new_latency_is_announced(
    plugin: Any, environment: dict[str, str], wire: Callable, make_preset: Callable
) -> None:
    x = np.zeros((1, 4_000), np.float32)
    x[0, 1_000] = 1.0
    rates = (48_000, 44_100, 48_000, 96_000, 44_100)
    presets = [make_preset(A=wire(f"{rate}.json", samplerate=rate)) for rate in rates]
    seen = call(watch_latency, plugin.vst3, presets, x, environment=environment)
    for rate, (told, peak) in zip(rates, seen, strict=True):
        assert (told == 0) == (rate == 48_000)
        assert peak == 1_000  # the host has undone exactly what there was
