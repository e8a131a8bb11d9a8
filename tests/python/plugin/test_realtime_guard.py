# SPDX-License-Identifier: MIT
"""The VST3 as it is shipped neither allocates nor waits on the audio thread: watched from below, in a host."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import in_pedalboard
import numpy as np
import pytest
import soundfile
from own_process import ProcessFailed, call

EXIT_VIOLATED = 86


@pytest.fixture
def guarded(plugin: Any, environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The environment of a host with the guard below it; reports go to guard.log."""
    built = plugin.folder.parents[2] / "tests" / "plugin" / "librealtime_guard.so"
    guard = Path(os.environ.get("FXTRAIN_REALTIME_GUARD", built))
    if not guard.is_file():
        pytest.skip(f"the guard is not built: {guard} does not exist (`make test-plugin`)")
    return environment | {"LD_PRELOAD": str(guard), "RTGUARD_LOG": str(tmp_path / "guard.log")}


def test_nothing_but_computing_happens_on_the_audio_thread(
    plugin: Any,
    guarded: dict[str, str],
    tmp_path: Path,
    make_model: Callable,
    make_preset: Callable,
    playing: np.ndarray,
) -> None:
    rng = np.random.default_rng(1)
    for rate, name in ((44_100, "a.wav"), (48_000, "b.wav")):
        response = rng.standard_normal((rate // 5, 2)) * np.exp(-np.arange(rate // 5) / 1_000)[:, None]
        soundfile.write(tmp_path / name, 0.1 * response, rate, subtype="FLOAT")
    small = make_model([("lstm", 8), ("dense", 1)], samplerate=48_000, name="small.json").path
    late = make_model([("gru", 16), ("dense", 1)], samplerate=44_100, name="late.json").path
    knobs = make_model([("lstm", 12), ("dense", 1)], inputs=3, samplerate=96_000, name="knobs.json").path
    presets = [
        make_preset(A=small),
        make_preset(A=late, B=knobs, cabinet=tmp_path / "a.wav", slot=2, cabinet_on=1, gate_on=1, tone_on=1, bass=5),
        make_preset(B=small, slot=1, cabinet=tmp_path / "b.wav", cabinet_on=1),
        make_preset(A=knobs, B=late, slot=2),
        make_preset(
            A=small, P=late, PB=small, Q=knobs, QB=late, pedal2_slot=1, delay=30, doubler=50, pre_on=1, reverb=20
        ),
        make_preset(),
    ]
    x = np.stack([playing, 0.5 * playing[::-1]])
    try:
        seen = call(in_pedalboard.play_through_everything, plugin.vst3, presets, x, environment=guarded)
    except ProcessFailed as error:
        log = tmp_path / "guard.log"
        pytest.fail(f"{error}\n{log.read_text() if log.exists() else ''}"[:8_000])
    assert {name: violations for name, (_, violations) in seen.items() if violations} == {}, (
        tmp_path / "guard.log"
    ).read_text()[:8_000]
    for name, (blocks, _) in seen.items():
        assert blocks > 50, name  # it was looked at


def test_every_block_is_watched(plugin: Any, guarded: dict[str, str], playing: np.ndarray) -> None:
    x = playing[None, :6_400]
    assert call(in_pedalboard.count_blocks, plugin.vst3, x, 64, environment=guarded) == (100, 0)


def test_the_guard_does_see_what_the_plugin_does(
    plugin: Any,
    guarded: dict[str, str],
    tmp_path: Path,
    make_model: Callable,
    make_preset: Callable,
    playing: np.ndarray,
) -> None:
    preset = make_preset(A=make_model([("lstm", 8), ("dense", 1)]).path)
    with pytest.raises(ProcessFailed) as failure:
        call(
            in_pedalboard.recall_as_if_on_the_audio_thread,
            plugin.vst3,
            preset,
            playing[None, :640],
            environment=guarded | {"RTGUARD_REPORTS": "100000"},
        )
    assert failure.value.returncode == EXIT_VIOLATED
    reports = (tmp_path / "guard.log").read_text().split("realtime_guard: ")
    for call_name in ("malloc", "free", "pthread_mutex_lock"):
        assert any(each.startswith(f"{call_name} on") and "fxtrain.so" in each for each in reports), call_name
