# SPDX-License-Identifier: MIT
"""A preset played without a plugin: by the engine's signal path, and by ``fxtrain render --rig``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile
from plugin_files import write_gain_model, write_response

from fxtrain import engine
from fxtrain.audio import write_audio
from fxtrain.cli import main
from fxtrain.errors import PresetFileError
from fxtrain.plugin_files.preset import CabinetContent, Preset, Slot, SlotContent, write_preset
from fxtrain.plugin_files.rig import Rig

RATE = 48_000


def slots(**paths: Path) -> dict[Slot, SlotContent]:
    names: Mapping[str, Slot] = {"A": "A", "B": "B", "P": "P"}
    return {names[slot]: SlotContent.read(path) for slot, path in paths.items()}


def noise(channels: int, frames: int, seed: int = 1) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal((channels, frames))).astype(np.float32)


def test_pedal_amp_and_gains_are_in_series(tmp_path: Path) -> None:
    pedal, amp = write_gain_model(tmp_path / "p.json", 0.5), write_gain_model(tmp_path / "a.json", -0.25)
    parameters = {"input_gain": 6.0, "pedal_level": -12.0, "output_gain": 3.0}
    x = noise(1, 4000)
    y = Rig(Preset(parameters, slots(A=amp, P=pedal)), RATE, 1).process(x)
    gain = 0.5 * -0.25 * 10 ** ((6 - 12 + 3) / 20)
    np.testing.assert_allclose(y, gain * x, rtol=2e-6, atol=0)


def test_slots_are_chosen_and_blended(tmp_path: Path) -> None:
    a, b = write_gain_model(tmp_path / "a.json", 0.5), write_gain_model(tmp_path / "b.json", 2.0)
    x = noise(1, 1000)
    captured = {"levels": 0.0}  # as captured
    for chosen, gain in (({"slot": 0}, 0.5), ({"slot": 1}, 2.0), ({"slot": 2, "blend": 20.0}, 0.8 * 0.5 + 0.2 * 2.0)):
        y = Rig(Preset(captured | chosen, slots(A=a, B=b)), RATE, 1).process(x)
        np.testing.assert_allclose(y, gain * x, rtol=2e-6, atol=0)


def test_blocks_do_not_matter(tmp_path: Path) -> None:
    amp = write_gain_model(tmp_path / "a.json", 0.5)
    response = CabinetContent.read(write_response(tmp_path / "box.wav"))
    parameters = {"gate_on": 1, "tone_on": 1, "bass": 4.0, "cabinet_on": 1, "mix": 70.0}
    preset = Preset(parameters, slots(A=amp, P=amp), response)
    x = noise(2, 10_000)
    whole = Rig(preset, 44_100, 2).process(x)
    rig = Rig(preset, 44_100, 2)
    parts = [rig.process(x[:, start : start + size]) for start, size in ((0, 1), (1, 999), (1000, 9000))]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


def test_two_responses_are_blended_one_of_them_late_and_inverted(tmp_path: Path) -> None:
    one = CabinetContent.read(write_response(tmp_path / "one.wav"))
    x = np.zeros((1, 2000), np.float32)
    x[0, 100] = 1.0
    alone = Rig(Preset({"cabinet_on": 1}, {}, one), RATE, 1).process(x)[0, 100]
    parameters = {"cabinet_on": 1, "cabinet_blend": 25, "cabinet_delay": 2.5, "cabinet_invert": 1}
    y = Rig(Preset(parameters, {}, one, one), RATE, 1).process(x)
    expected = np.zeros_like(x)
    expected[0, 100], expected[0, 220] = 0.75 * alone, -0.25 * alone
    np.testing.assert_allclose(y, expected, atol=1e-6)


def test_a_reverb_sounds_on_when_the_input_ends() -> None:
    x = np.zeros((2, RATE), np.float32)
    x[:, 0] = 1.0
    dry, wet = (Rig(Preset({"reverb": amount, "reverb_decay": 1.0}), RATE, 2).process(x) for amount in (0, 50))
    np.testing.assert_array_equal(dry, x)
    energy = [float(np.square(wet[:, RATE * k // 4 : RATE * (k + 1) // 4]).sum()) for k in (1, 2, 3)]
    fall = 10 * np.log10(energy[0] / energy[2])
    assert 25 < fall < 45  # 60 dB a second, and more at high frequencies
    assert np.abs(wet[0] - wet[1]).max() > 0.01


def test_echoes_come_at_the_time_that_is_set_or_at_a_note_of_120_to_the_minute() -> None:
    x = np.zeros((2, RATE), np.float32)
    x[:, 0] = 1.0
    for settings, ms in (({"delay_time": 150}, 150), ({"delay_sync": 5, "delay_time": 150}, 125)):
        wet = Rig(Preset({"delay": 50, "delay_feedback": 50, **settings}), RATE, 2).process(x)
        echoes = [int(np.abs(wet[0, at - 50 : at + 500]).argmax()) - 50 for at in (ms * RATE // 1000, ms * RATE // 500)]
        assert all(0 <= late < 10 for late in echoes)  # the loop's filters spread them
        np.testing.assert_array_equal(wet[0], wet[1])


def test_a_doubler_makes_two_takes_of_one() -> None:
    x = noise(1, RATE // 2)
    twice = np.concatenate([x, x])
    wet = Rig(Preset({"doubler": 40}), RATE, 2).process(twice)
    np.testing.assert_array_equal(wet[0], x[0])
    late = int(np.argmax(np.correlate(wet[1].astype(float), x[0].astype(float), "full"))) - (x.shape[1] - 1)
    assert late == pytest.approx((8 + 0.4 * 22) * RATE / 1000, abs=1.5 * RATE / 1000)


@pytest.mark.parametrize("effect", ["doubler", "reverb"])
def test_one_channel_becomes_two_where_an_effect_is_stereo(effect: str) -> None:
    x = np.random.default_rng(7).normal(0, 0.1, (1, 9600)).astype(np.float32)
    rig = Rig(Preset({effect: 40}), RATE, 1)
    wet = rig.process(x)
    assert wet.shape == (rig.num_channels, 9600) == (2, 9600)
    assert not np.allclose(wet[0], wet[1], atol=1e-3)
    assert Rig(Preset({"mix": 50}), RATE, 1).process(x).shape == (1, 9600)


def test_what_belongs_to_the_room_is_left_alone(tmp_path: Path) -> None:
    amp = write_gain_model(tmp_path / "a.json", 0.5)
    x = noise(1, 1000)
    y = Rig(Preset({"bypass": 1, "tuner": 1}, slots(A=amp)), RATE, 1).process(x)
    np.testing.assert_array_equal(y, 0.5 * x)


def test_a_rig_of_three_channels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PresetFileError, match="found 3"):
        Rig(Preset(), RATE, 3)


def test_a_knob_that_was_not_set_is_where_the_model_has_it(tmp_path: Path) -> None:
    # y = position of the knob, which is at 3 of 0 to 4 by default.
    layer = {"type": "dense", "activation": "", "shape": [None, None, 1], "weights": [[[0.0], [1.0]], [0.0]]}
    knob = {"name": "Drive", "min": 0, "max": 4, "default": 3}
    document = {"in_shape": [None, None, 2], "samplerate": RATE, "knobs": [knob], "layers": [layer]}
    model = tmp_path / "knob.json"
    model.write_text(json.dumps(document), encoding="utf-8")
    for settings, position in (([], 0.75), (["--set", "knob_a1=20"], 0.2)):
        preset = tmp_path / "knob.vstpreset"
        assert main(["preset", "-q", "--force", str(model), str(preset), *settings]) == 0
        write_audio(tmp_path / "in.wav", np.zeros((1, 500), np.float32), RATE)
        files = [str(tmp_path / name) for name in ("in.wav", "o.wav")]
        assert main(["render", "-q", "--force", "--rig", str(preset), *files]) == 0
        y, _ = soundfile.read(tmp_path / "o.wav")
        np.testing.assert_allclose(y, position, atol=1e-4)  # of 16 bits


def test_render_plays_a_rig_in_step_with_the_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    amp = write_gain_model(tmp_path / "a.json", 0.5)
    preset, dry, wet = tmp_path / "rig.vstpreset", tmp_path / "dry.wav", tmp_path / "wet.wav"
    response = CabinetContent.read(write_response(tmp_path / "box.wav", 2))
    x = noise(1, 30_000)
    x[0, ::5000] = 0.9
    for rate, cabinet in ((RATE, None), (44_100, None), (RATE, response)):
        write_preset(preset, Preset({"cabinet_on": 1}, slots(A=amp, P=amp), cabinet))
        write_audio(dry, x, rate)
        assert main(["render", "--json", "--force", "--rig", str(preset), str(dry), str(wet)]) == 0
        told = json.loads(capsys.readouterr().out)
        frames, found_rate = soundfile.read(wet, always_2d=True)
        y = frames.T
        assert found_rate == rate
        assert y.shape == (2 if cabinet else 1, 30_000)
        assert told["num_channels"] == y.shape[0]
        assert (told["removed_latency"] > 0) == (rate != RATE)
        if rate == RATE and cabinet is None:
            np.testing.assert_allclose(y, 0.25 * x, atol=1e-4)
        lag = np.argmax(np.correlate(y[0], x[0, 2000:-2000], "valid")) - 2000
        assert lag == 0


def test_a_rig_says_what_it_does_not_take(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    amp = write_gain_model(tmp_path / "a.json", 0.5)
    preset, dry = tmp_path / "rig.vstpreset", tmp_path / "dry.wav"
    write_preset(preset, Preset({}, slots(A=amp)))
    write_audio(dry, noise(1, 100), RATE)
    out = str(tmp_path / "out.wav")
    for arguments, said in (
        ([str(amp), str(dry), out], "takes no MODEL"),
        (["--resample", str(dry), out], "takes no --resample"),
        ([str(tmp_path / "missing.wav"), out], "missing.wav"),
    ):
        assert main(["render", "--rig", str(preset), *arguments]) == 2
        assert said in capsys.readouterr().err.replace("\n", " ")
    assert main(["render", "--rig", str(dry), str(dry), out]) == 2
    assert "VST3 preset" in capsys.readouterr().err.replace("\n", " ")
    assert engine.load(amp).info.latency_frames == 0
