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
        y = y[:, latency:]
    np.testing.assert_allclose(y, x[:, :-latency], rtol=0, atol=1e-7)


def test_dry_and_wet_are_aligned_in_the_mix(
    plugin: Any, environment: dict[str, str], wire: Callable, make_preset: Callable, playing: np.ndarray
) -> None:
    # With a model that passes on what it gets, a mix is the input wherever the conversion of rates is flat.
    preset = make_preset(A=wire(samplerate=44_100), mix=50)
    x = playing[None]
    y, latency = call(in_pedalboard.play, plugin.vst3, preset, x, 48_000, 256, {}, environment=environment)
    error = y - x[:, :-latency]
    assert 10 * np.log10((error**2).mean() / (x**2).mean()) < -60


def watch_latency(vst3: Path, presets: list[Path], x: np.ndarray) -> list[tuple[int, int]]:
    """After each preset, what the host was told, and where an impulse then comes out.

    A host that renders goes on at once: it has to be told before the first block. (JUCE's own way on Linux is later.)
    """
    seen = []
    plugin = in_pedalboard.load(vst3)
    for preset in presets:
        plugin.load_preset(str(preset))
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


def render(vst3: Path, preset: Path, x: np.ndarray) -> tuple[np.ndarray, int]:
    """What pedalboard makes of a whole recording."""
    plugin = in_pedalboard.load(vst3, preset)
    return plugin.process(x, 48_000, buffer_size=512), plugin.reported_latency_samples


@pytest.mark.parametrize("settings", [{}, {"mix": 0.0}, {"bypass": 1.0}], ids=["wet", "mix 0", "bypass"])
def test_a_host_undoes_the_latency(
    plugin: Any,
    environment: dict[str, str],
    wire: Callable,
    make_preset: Callable,
    settings: dict[str, float],
) -> None:
    x = np.zeros((1, 4_000), np.float32)
    x[0, [700, 1_000]] = 0.2, 1.0
    preset = make_preset(A=wire(samplerate=44_100), **settings)
    y, latency = call(render, plugin.vst3, preset, x, environment=environment)
    assert latency > 0
    assert y.shape == x.shape
    assert int(np.abs(y[0]).argmax()) == 1_000
    if settings:
        np.testing.assert_array_equal(y, x)
