# SPDX-License-Identifier: MIT
"""How a host cuts time into blocks, channels and instances does not matter."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import in_dawdreamer
import in_pedalboard
import numpy as np
import soundfile
from made_models import at_rest
from own_process import call

LSTM = [("lstm", 16), ("dense", 1)]
SIZES = (1, 2, 15, 16, 17, 63, 64, 127, 128, 480, 512, 1024, 4096, 8192)


def play_in_blocks(vst3: Path, preset: Path, x: np.ndarray, sizes: tuple[int, ...]) -> list[np.ndarray]:
    """One output for each block size, then one with all of them in turn and one that begins with the shortest."""
    plugin = in_pedalboard.load(vst3, preset)
    outputs = [in_pedalboard.stream(plugin, x, 48_000, [size]) for size in sizes]
    outputs.append(in_pedalboard.stream(plugin, x, 48_000, sizes))
    outputs.append(in_pedalboard.stream(plugin, x, 48_000, sizes[::-1]))
    return outputs


def test_block_sizes_do_not_change_the_output(
    plugin: Any, environment: dict[str, str], make_model: Callable, make_preset: Callable, playing: np.ndarray
) -> None:
    made = make_model(LSTM, samplerate=48_000)
    x = playing[None, :24_000]
    preset = make_preset(A=made.path)
    expected = at_rest(made.path).process(x[0])
    for y in call(play_in_blocks, plugin.vst3, preset, x, SIZES, environment=environment):
        np.testing.assert_allclose(y[0], expected, rtol=0, atol=plugin.tolerance)


def test_block_sizes_do_not_change_the_output_of_the_whole_chain(
    plugin: Any,
    environment: dict[str, str],
    make_model: Callable,
    make_preset: Callable,
    playing: np.ndarray,
    tmp_path: Path,
) -> None:
    # Resampled, both slots, gate, tone, cabinet, mix: all that has a memory. To the bit.
    rng = np.random.default_rng(1)
    response = rng.standard_normal(9_000) * np.exp(-np.arange(9_000) / 900)
    soundfile.write(tmp_path / "cabinet.wav", 0.3 * response / np.abs(response).max(), 44_100, subtype="FLOAT")
    a, b = (
        make_model(LSTM, samplerate=44_100, name="a.json"),
        make_model(LSTM, seed=1, samplerate=48_000, name="b.json"),
    )
    preset = make_preset(
        A=a.path, B=b.path, cabinet=tmp_path / "cabinet.wav", slot=2, blend=40, gate_on=1, gate_threshold=-40,
        tone_on=1, bass=4, middle=-3, treble=6, cabinet_on=1, mix=70, output_gain=-3,
    )  # fmt: skip
    x = np.stack([playing[:24_000], playing[24_000:48_000]])
    first, *others = call(play_in_blocks, plugin.vst3, preset, x, (64, 3, 17, 512, 8192), environment=environment)
    assert np.abs(first).max() > 1e-3
    for y in others:
        np.testing.assert_array_equal(y, first)


def test_two_hosts_play_the_whole_chain_alike(
    plugin: Any, environment: dict[str, str], make_model: Callable, make_preset: Callable, playing: np.ndarray
) -> None:
    made = make_model(LSTM, samplerate=44_100)
    preset = make_preset(A=made.path, gate_on=1, tone_on=1, bass=4, treble=6, mix=70, output_gain=-3)
    x = np.stack([playing, playing[::-1]])
    ours, latency = call(in_pedalboard.play, plugin.vst3, preset, x, 48_000, 100, {}, environment=environment)
    theirs, same = call(in_dawdreamer.play, plugin.vst3, preset, x, 48_000, 512, {}, environment=environment)
    assert same == latency > 0
    np.testing.assert_allclose(theirs[:, latency:], ours, rtol=0, atol=1e-6)


def play_mono_and_stereo(vst3: Path, preset: Path, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    outputs = [in_pedalboard.play(vst3, preset, part, 48_000, 512, {})[0] for part in (x[:1], x[1:], x)]
    return outputs[0], outputs[1], outputs[2]


def test_channels_have_states_of_their_own(
    plugin: Any, environment: dict[str, str], make_model: Callable, make_preset: Callable, playing: np.ndarray
) -> None:
    made = make_model(LSTM, samplerate=48_000)
    x = np.stack([playing, 0.3 * playing[::-1]])
    left, right, both = call(play_mono_and_stereo, plugin.vst3, make_preset(A=made.path), x, environment=environment)
    np.testing.assert_allclose(both, np.concatenate([left, right]), rtol=0, atol=1e-6)


def play_twice(vst3: Path, preset: Path, x: np.ndarray) -> list[np.ndarray]:
    plugin = in_pedalboard.load(vst3, preset)
    return [in_pedalboard.stream(plugin, x, 48_000, [256]) for _ in range(3)]


def test_every_run_after_a_reset_is_the_same(
    plugin: Any, environment: dict[str, str], make_model: Callable, make_preset: Callable, playing: np.ndarray
) -> None:
    preset = make_preset(A=make_model(LSTM, samplerate=44_100).path, gate_on=1, tone_on=1, bass=3)
    first, *others = call(play_twice, plugin.vst3, preset, playing[None], environment=environment)
    for y in others:
        np.testing.assert_array_equal(y, first)


def play_many(vst3: Path, presets: list[Path], x: np.ndarray) -> list[np.ndarray]:
    """Each of many instances at once plays a block in turn."""
    plugins = [in_pedalboard.load(vst3, preset) for preset in presets]
    for plugin in plugins:
        in_pedalboard.make_ready(plugin, 48_000, x.shape[0])
    outputs: list[list[np.ndarray]] = [[] for _ in plugins]
    for at in range(0, x.shape[-1], 480):
        for plugin, output in zip(plugins, outputs, strict=True):
            output.append(plugin.process(x[:, at : at + 480], 48_000, buffer_size=480, reset=False))
    return [np.concatenate(output, axis=-1) for output in outputs]


def test_many_instances_do_not_disturb_one_another(
    plugin: Any, environment: dict[str, str], make_model: Callable, make_preset: Callable, playing: np.ndarray
) -> None:
    models = [make_model(LSTM, seed=seed, samplerate=48_000, name=f"{seed}.json").path for seed in range(4)]
    presets = [make_preset(A=model) for model in models] * 8
    x = playing[None, :9_600]
    for index, y in enumerate(call(play_many, plugin.vst3, presets, x, environment=environment)):
        np.testing.assert_allclose(y[0], at_rest(models[index % 4]).process(x[0]), rtol=0, atol=plugin.tolerance)


def load_and_unload(
    vst3: Path, preset: Path, x: np.ndarray, times: int
) -> tuple[list[np.ndarray], list[int], list[int]]:
    """Outputs, threads and resident kilobytes after each of so many lives."""
    outputs, threads, memory = [], [], []
    for _ in range(times):
        plugin = in_pedalboard.load(vst3, preset)
        outputs.append(plugin.process(x, 48_000, buffer_size=128))
        del plugin
        gc.collect()
        status = dict(line.split(":\t") for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
        threads.append(int(status["Threads"]))
        memory.append(int(status["VmRSS"].split()[0]))
    return outputs, threads, memory


def test_fifty_loads_and_unloads_leave_nothing_behind(
    plugin: Any, environment: dict[str, str], make_model: Callable, make_preset: Callable, playing: np.ndarray
) -> None:
    made = make_model([("lstm", 40), ("dense", 1)], samplerate=44_100)
    x = playing[None, :2_000]
    outputs, threads, memory = call(
        load_and_unload, plugin.vst3, make_preset(A=made.path), x, 50, environment=environment
    )
    for y in outputs:
        np.testing.assert_array_equal(y, outputs[0])
    assert threads[-1] == threads[0]
    assert memory[-1] - memory[9] < 4_000  # a leaked model would be 40 times 60 kB, a leaked window system much more
