# SPDX-License-Identifier: MIT
"""What tests do with the plugin inside pedalboard, in a process of its own (own_process.py)."""

from __future__ import annotations

import ctypes
import itertools
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pedalboard
from plugin_state import PARAMETERS, normalised, wrapped_for_juce


def load(vst3: Path, preset: Path | None = None, **settings: float) -> Any:
    plugin = pedalboard.load_plugin(str(vst3))
    if preset is not None:
        plugin.load_preset(str(preset))
    for id, value in settings.items():
        parameter(plugin, id).raw_value = normalised(id, value)
    return plugin


def parameter(plugin: Any, id: str) -> Any:
    """The host's parameter for one of our ids."""
    (found,) = [each for each in plugin.parameters.values() if each.name == PARAMETERS[id].name]
    return found


def make_ready(plugin: Any, rate: float, channels: int) -> None:
    """Brings the plugin to a rate, so that the next block begins with a clear state.

    A change of the number of channels does, without fail. ``reset=True`` may take a new instance instead.
    """
    silence = np.zeros((3 - channels, 8), np.float32)  # shorter, and rows would be taken for columns
    plugin.process(silence, rate, buffer_size=1, reset=False)


def stream(plugin: Any, x: np.ndarray, rate: float, blocks: Sequence[int]) -> np.ndarray:
    """Plays in one go, in blocks of these lengths over and over, from a clear state.

    The output begins with the first frame of the input: as many frames as the plugin says to be late are left out, and
    missing at the end.
    """
    make_ready(plugin, rate, x.shape[0])
    if len(set(blocks)) == 1:
        output = plugin.process(x, rate, buffer_size=blocks[0], reset=False)
    else:  # in pieces, of a shape that cannot be mistaken
        assert len(x) == 1 or min(blocks) > 2
        pieces = []
        at = 0
        for block in itertools.chain([max(blocks)], itertools.cycle(blocks)):
            if at >= x.shape[1]:
                break
            piece = np.squeeze(x[:, at : at + block], 0) if len(x) == 1 else x[:, at : at + block]
            pieces.append(plugin.process(piece, rate, buffer_size=max(blocks), reset=False).reshape(len(x), -1))
            at += block
        output = np.concatenate(pieces, axis=1)
    # pedalboard leaves out the latency itself, but for the frames that it has had before.
    left_out = x.shape[1] - output.shape[1]
    return output[:, plugin.reported_latency_samples - left_out :]


def play(
    vst3: Path, preset: Path | None, x: np.ndarray, rate: float, block: int, settings: dict[str, float]
) -> tuple[np.ndarray, int]:
    """The output for ``x`` as :func:`stream` gives it, and the latency."""
    plugin = load(vst3, preset, **settings)
    return stream(plugin, x, rate, [block]), plugin.reported_latency_samples


def play_changing(
    vst3: Path, preset: Path, x: np.ndarray, rate: float, values: dict[str, Sequence[float]]
) -> np.ndarray:
    """The output for ``x``, shape ``(frames,)``, played in as many equal pieces as each parameter has values."""
    plugin = load(vst3, preset)
    make_ready(plugin, rate, 1)
    (count,) = {len(each) for each in values.values()}
    pieces = []
    for index, piece in enumerate(np.split(x, count)):
        for id, steps in values.items():
            parameter(plugin, id).raw_value = normalised(id, steps[index])
        pieces.append(plugin.process(piece, rate, buffer_size=64, reset=False).reshape(-1))
    return np.concatenate(pieces)


def describe_parameters(vst3: Path) -> dict[str, dict[str, Any]]:
    plugin = load(vst3)
    found = {}
    for each in plugin.parameters.values():
        texts = []
        for raw in (0.0, 0.5, 1.0):
            each.raw_value = raw
            texts.append(each.string_value)
        found[each.name] = {"unit": each.label or "", "texts": texts, "default": each.default_raw_value}
    return found


def set_and_save(vst3: Path, preset: Path, values: dict[str, float]) -> tuple[bytes, bytes, dict[str, float]]:
    """Sets parameters, saves; loads that elsewhere. The saved bytes, those of a preset, what parameters then are."""
    plugin = load(vst3, preset, **values)
    state = plugin.raw_state
    other = load(vst3)
    other.raw_state = state
    return state, other.preset_data, {id: parameter(other, id).raw_value for id in PARAMETERS}


def recall(vst3: Path, first: Path, states: list[bytes], x: np.ndarray) -> list[tuple[np.ndarray, bytes]]:
    """The sound and the state after each of ``states`` was tried in turn."""
    plugin = load(vst3, first)
    results = [(stream(plugin, x, 48_000, [256]), plugin.raw_state)]
    for state in states:
        plugin.raw_state = wrapped_for_juce(state)
        results.append((stream(plugin, x, 48_000, [256]), plugin.raw_state))
    return results


class Guard:
    """The preloaded library of tests/plugin/realtime_guard.c."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None)
        for name in ("rtguard_blocks", "rtguard_violations"):
            getattr(self._library, name).restype = ctypes.c_long

    def enter(self) -> None:
        self._library.rtguard_enter()

    def leave(self) -> None:
        self._library.rtguard_leave()

    def seen(self) -> tuple[int, int]:
        """Blocks and violations from the start or the last :meth:`forget`."""
        return self._library.rtguard_blocks(), self._library.rtguard_violations()

    def forget(self) -> None:
        self._library.rtguard_reset()


class Player:
    """Plays on and on in a thread of its own, as a host's audio engine does, while others use the plugin."""

    def __init__(self, plugin: Any, x: np.ndarray, rate: float, block: int) -> None:
        self.input = x
        self._plugin, self._rate, self._block = plugin, rate, block
        self._stop = threading.Event()
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            at = 0
            while not self._stop.is_set():
                x = self.input
                at = at if at + self._block <= x.shape[-1] else 0
                y = self._plugin.process(x[:, at : at + self._block], self._rate, buffer_size=self._block, reset=False)
                if np.isfinite(x).all() and not np.isfinite(y).all():
                    raise AssertionError("not a finite output")
                at += self._block
        except BaseException as error:
            self.error = error

    def __enter__(self) -> Player:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self.error is not None:
            raise self.error


def play_through_everything(vst3: Path, presets: list[Path], x: np.ndarray) -> dict[str, tuple[int, int]]:
    """What the guard has seen, by what was done meanwhile: blocks and violations."""
    guard = Guard()
    seen = {}
    rng = np.random.default_rng(2)
    plugin = load(vst3, presets[0])
    states = []
    for preset in presets:
        plugin.load_preset(str(preset))
        states.append(plugin.raw_state)

    def note(name: str) -> None:
        time.sleep(0.15)  # what was done in the background comes through
        seen[name] = guard.seen()
        guard.forget()

    plugin.process(x, 48_000, buffer_size=64)
    guard.forget()
    with Player(plugin, x, 48_000, 64) as player:
        note("playing")
        for _ in range(30):
            for id, value in PARAMETERS.items():
                if not id.startswith("oversampling"):
                    parameter(plugin, id).raw_value = rng.uniform() if not value.is_switch else rng.integers(2)
        note("automation")
        for _ in range(4):
            for preset in presets:
                plugin.load_preset(str(preset))
                time.sleep(0.03)
        note("loads of models and cabinets")
        for _ in range(10):
            for state in states:
                plugin.raw_state = state  # faster than a crossfade
        note("recalls of states")
        for slot in (1, 2, 0, 1, 0, 2, 1, 2, 0):
            parameter(plugin, "slot").raw_value = normalised("slot", slot)
            parameter(plugin, "blend").raw_value = rng.uniform()
            time.sleep(0.03)
        note("A and B")
        for id in (
            "bypass",
            "tuner",
            "gate_on",
            "tone_on",
            "cabinet_on",
            "calibrate",
            "pedal_slot",
            "pedal2_slot",
            "pedal2_on",
        ) * 2:
            each = parameter(plugin, id)
            each.raw_value = 1.0 - round(each.raw_value)
            time.sleep(0.03)
        note("switches")
        for factor in (1, 3, 0):
            parameter(plugin, "oversampling_live").raw_value = normalised("oversampling_live", factor)
            parameter(plugin, "oversampling_offline").raw_value = normalised("oversampling_offline", factor)
            time.sleep(0.2)
        note("oversampling")
        player.input = np.full_like(x, np.nan)
        time.sleep(0.1)
        player.input = np.full_like(x, 1e-40)  # denormal
        time.sleep(0.1)
        player.input = x
        note("what is not a number, and what is hardly one")
    for rate in (44_100, 192_000, 48_000, 96_000):
        for block in (1, 17, 64, 1024, 8192):
            plugin.process(x[:, :4_000], rate, buffer_size=block)
    note("rates and blocks")
    return seen


def recall_as_if_on_the_audio_thread(vst3: Path, preset: Path, x: np.ndarray) -> None:
    """Loads a state where a guard expects a block to be played."""
    plugin = load(vst3)
    plugin.process(x, 48_000)
    guard = Guard()
    guard.enter()
    plugin.load_preset(str(preset))
    guard.leave()


def count_blocks(vst3: Path, x: np.ndarray, block: int) -> tuple[int, int]:
    plugin = load(vst3)
    plugin.process(x[:, :block], 48_000, buffer_size=block)
    guard = Guard()
    guard.forget()
    plugin.process(x, 48_000, buffer_size=block, reset=False)
    return guard.seen()
