# SPDX-License-Identifier: MIT
"""What the VST3 plays in two independent hosts, against the engine, PyTorch and an offline render."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import in_dawdreamer
import in_pedalboard
import numpy as np
import pytest
import soundfile
import soxr
import torch
from made_models import at_rest, plucked_notes
from own_process import call
from plugin_files import write_response, write_two_sizes

from fxtrain import engine
from fxtrain.cli import main
from fxtrain.formats import read_torch_model

HOSTS = [in_pedalboard, in_dawdreamer]
DTYPES = (torch.float64, torch.float32)
LSTM_32 = [("lstm", 32), ("dense", 1)]


def difference_db(output: np.ndarray, reference: np.ndarray, rate: float) -> float:
    """Energy of the difference from 20 Hz to 15 kHz relative to that of the reference, 50 ms left out at both ends."""
    edge = round(0.05 * rate)
    window = np.hanning(output.shape[-1] - 2 * edge)
    frequencies = np.fft.rfftfreq(len(window), 1 / rate)
    audible = (frequencies >= 20) & (frequencies <= 15_000)

    def energy(signal: np.ndarray) -> float:
        return float(
            (np.abs(np.fft.rfft(window * signal[..., edge:-edge].astype(np.float64)))[..., audible] ** 2).sum()
        )

    return 10 * np.log10(max(energy(output - reference), 1e-30) / energy(reference))


@pytest.mark.parametrize("host", HOSTS, ids=["pedalboard", "dawdreamer"])
def test_a_preset_of_the_command_line_plays_as_engine_and_pytorch_do(
    plugin: Any,
    environment: dict[str, str],
    make_model: Callable,
    make_preset: Callable,
    playing: np.ndarray,
    tmp_path: Path,
    host: Any,
) -> None:
    made = make_model(LSTM_32, seed=4, samplerate=48_000)
    preset = tmp_path / "command.vstpreset"
    if plugin.backend == "fxengine":
        assert main(["preset", "-q", str(made.path), str(preset)]) == 0
    else:  # which the command does not know
        preset = make_preset(A=made.path)
    x = np.stack([playing[:24_000], playing[24_000:48_000]])  # two channels that have nothing to do with one another
    y, latency = call(host.play, plugin.vst3, preset, x, 48_000, 512, {}, environment=environment)
    assert latency == 0
    assert y.shape == x.shape
    np.testing.assert_allclose(y, at_rest(made.path).process(np.ascontiguousarray(x)), rtol=0, atol=plugin.tolerance)
    rest = np.zeros(engine.load(made.path).prewarm(), np.float32)
    for played, dry in zip(y, x, strict=True):
        exact, single = (made.play(np.concatenate([rest, dry]), dtype)[len(rest) :] for dtype in DTYPES)
        float32_error = np.abs(single - exact).max()
        assert np.abs(played - exact).max() <= max(1e-5, 1.5 * float32_error)
        assert np.abs(exact).max() > 1e-2


@pytest.mark.parametrize("rate", [48_000, 44_100])
def test_render_plays_a_rig_as_the_plugin_does(
    plugin: Any,
    environment: dict[str, str],
    make_model: Callable,
    make_preset: Callable,
    playing: np.ndarray,
    tmp_path: Path,
    rate: int,
) -> None:
    pedal, a, b = (make_model([("lstm", 8), ("dense", 1)], seed=seed, samplerate=48_000).path for seed in (5, 6, 7))
    settings = {"gate_on": 1, "gate_threshold": -50, "pedal_level": -6, "slot": 2, "blend": 30, "tone_on": 1, "bass": 4}
    cabinet = write_response(tmp_path / "box.wav", value=0.5)
    second = write_response(tmp_path / "second.wav", value=-0.25)
    settings |= {"cabinet_blend": 40, "cabinet_delay": 1.5, "cabinet_low_cut": 90, "cabinet_high_cut": 6000}
    settings |= {"cabinet_on": 1, "mix": 80, "input_gain": 3, "reverb": 20}
    preset = make_preset(A=a, B=b, P=pedal, cabinet=cabinet, second=second, **settings)
    dry, wet = tmp_path / "dry.wav", tmp_path / "wet.wav"
    x = np.stack([playing[:24_000], playing[24_000:48_000]])
    soundfile.write(dry, x.T, rate, "FLOAT")
    assert main(["render", "-q", "--rig", str(preset), str(dry), str(wet)]) == 0
    rendered, _ = soundfile.read(wet, dtype="float32", always_2d=True)
    played, latency = call(in_pedalboard.play, plugin.vst3, preset, x, rate, 512, {}, environment=environment)
    assert (latency > 0) == (rate != 48_000)
    frames = played.shape[1]
    assert frames > 20_000
    # The host leaves out the latency too; the end of the sound, which it would have to ask for, is missing there.
    np.testing.assert_allclose(played, rendered.T[:, :frames], rtol=0, atol=plugin.tolerance)
    assert np.abs(played).max() > 0.01


@pytest.mark.parametrize(
    ("layers", "inputs", "keys"),
    [
        ([("gru", 16), ("dense", 1)], 1, {}),
        ([("lstm", 9), ("lstm", 7), ("dense", 1)], 1, {"in_skip": 1, "in_gain": -6.0, "out_gain": 4.0}),
        ([("lstm", 16), ("dense", 1)], 3, {}),
    ],
    ids=["gru", "two layers, residual, gains", "two knobs"],
)
def test_models_of_other_kinds_play_as_in_the_engine(
    plugin: Any,
    environment: dict[str, str],
    make_model: Callable,
    make_preset: Callable,
    playing: np.ndarray,
    layers: list,
    inputs: int,
    keys: dict,
) -> None:
    made = make_model(layers, inputs=inputs, seed=7, samplerate=48_000, **keys)
    model = engine.load(made.path)
    knobs = {f"knob_a{index + 1}": position for index, position in enumerate((20.0, 90.0)) if index < inputs - 1}
    for index, position in enumerate(knobs.values()):
        model.set_knob(index, position / 100)
    model.prewarm()
    preset = make_preset(A=made.path, **knobs)
    y, _ = call(in_pedalboard.play, plugin.vst3, preset, playing[None], 48_000, 256, {}, environment=environment)
    np.testing.assert_allclose(y[0], model.process(playing), rtol=0, atol=plugin.tolerance)


def test_a_trained_model_plays_a_real_guitar_as_engine_and_pytorch_do(
    plugin: Any, environment: dict[str, str], make_preset: Callable, shared_data: Path
) -> None:
    # Its twin on synthetic sound is the first test here. Trained networks magnify rounding more than random ones.
    path = sorted((shared_data / "foreign-models" / "aida").glob("*.json"))[0]
    x, rate = soundfile.read(shared_data / "klon-centaur-spice" / "test-input.flac", dtype="float32", frames=44_000)
    rate = engine.load(path).info.sample_rate or rate
    preset = make_preset(A=path)
    y, _ = call(in_pedalboard.play, plugin.vst3, preset, x[None], rate, 512, {}, environment=environment)
    rest = np.zeros(engine.load(path).prewarm(), np.float32)
    batch = torch.from_numpy(np.concatenate([rest, x]))[None]
    exact, single = (read_torch_model(path, dtype=dtype)(batch.to(dtype))[0, len(rest) :].numpy() for dtype in DTYPES)
    float32_error = np.abs(single - exact).max()
    assert np.abs(y[0] - at_rest(path).process(x)).max() <= plugin.tolerance
    assert np.abs(y[0] - exact).max() <= max(1e-5, 1.5 * float32_error)


def test_the_quality_chooses_the_network_with_the_file_gone(
    plugin: Any, environment: dict[str, str], make_preset: Callable, playing: np.ndarray, tmp_path: Path
) -> None:
    if plugin.backend != "fxengine":
        pytest.skip("RTNeural plays no linear models")
    path = write_two_sizes(tmp_path / "amp.nam", 0.25, 1.0)
    presets = [make_preset(A=path, quality_a=quality) for quality in (0.0, 49.0, 50.0, 100.0)]
    path.unlink()
    for preset, gain in zip(presets, (0.25, 0.25, 1.0, 1.0), strict=True):
        y, latency = call(
            in_pedalboard.play, plugin.vst3, preset, playing[None], 48_000, 64, {}, environment=environment
        )
        assert latency == 0
        np.testing.assert_allclose(y[0], gain * playing, rtol=0, atol=plugin.tolerance)


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_the_quality_changes_without_a_click_while_the_host_plays(
    plugin: Any, environment: dict[str, str], make_preset: Callable, tmp_path: Path, rate: int
) -> None:
    if plugin.backend != "fxengine":
        pytest.skip("RTNeural plays no linear models")
    preset = make_preset(A=write_two_sizes(tmp_path / "amp.nam", 0.25, 1.0))
    x = (0.3 * np.sin(2 * np.pi * 80 * np.arange(rate) / rate)).astype(np.float32)
    y = call(
        in_pedalboard.play_changing, plugin.vst3, preset, x, rate, {"quality_a": [100, 0]}, environment=environment
    )
    fade_frames = 1024 * rate / 48_000
    steepest = 0.3 * 2 * np.pi * 80 / rate + 0.75 * 0.3 / fade_frames
    assert np.abs(np.diff(y[rate // 10 :])).max() < 1.02 * steepest  # 2 %: the ripple of conversion
    halves = [np.abs(half).max() for half in (y[rate // 10 : rate // 2], y[-rate // 4 :])]
    np.testing.assert_allclose(halves, [0.3, 0.075], rtol=0.02)


@pytest.mark.parametrize("model_rate", [44_100, 48_000])
@pytest.mark.parametrize("rate", [44_100, 48_000, 88_200, 96_000, 192_000])
def test_a_model_sounds_the_same_at_every_rate_of_the_host(
    plugin: Any, environment: dict[str, str], make_model: Callable, make_preset: Callable, rate: int, model_rate: int
) -> None:
    made = make_model(LSTM_32, seed=4, samplerate=model_rate)
    x = plucked_notes(rate, seconds=1.5)
    preset = make_preset(A=made.path)
    y, latency = call(in_pedalboard.play, plugin.vst3, preset, x[None], rate, 480, {}, environment=environment)
    # Offline: to the model's rate, through it, and back, at the quality of a mastering tool and no delay.
    dry = soxr.resample(x, rate, model_rate, quality="VHQ") if rate != model_rate else x
    wet = at_rest(made.path).process(np.ascontiguousarray(dry, np.float32))
    back = soxr.resample(wet, model_rate, rate, quality="VHQ") if rate != model_rate else wet
    frames = min(y.shape[1], len(back))
    assert difference_db(y[0][:frames], back[:frames], rate) < -60
    assert (latency == 0) == (rate == model_rate)
    assert latency <= 1e-3 * rate  # 1 ms


def test_an_oversampled_model_is_as_late_as_reported(
    plugin: Any, environment: dict[str, str], make_model: Callable, make_preset: Callable, playing: np.ndarray
) -> None:
    made = make_model(LSTM_32, seed=4, samplerate=48_000)
    for setting, factor in ((1, 2), (3, 8)):
        preset = make_preset(A=made.path, oversampling_live=setting, oversampling_offline=setting)
        y, latency = call(
            in_pedalboard.play, plugin.vst3, preset, playing[None], 48_000, 512, {}, environment=environment
        )
        model = at_rest(made.path, oversampling=factor)
        assert latency == model.info.latency_frames > 0
        late = model.process(playing)
        np.testing.assert_allclose(y[0], late[latency:], rtol=0, atol=plugin.tolerance)
