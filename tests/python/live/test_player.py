# SPDX-License-Identifier: MIT
"""The player around the callback, with a stream that plays nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from stream_callback import play

from fxtrain.audio import AudioWriter
from fxtrain.cli import main
from fxtrain.errors import AudioFileError, DeviceError, FxtrainError
from fxtrain.live import player as module
from fxtrain.live.player import Player, PlayerSettings
from fxtrain.live.sounds import ModelSound, read_cabinet, read_sound
from fxtrain.plugin_files.preset import CabinetContent, Preset, SlotContent, write_preset
from fxtrain.plugin_files.rig import Rig
from fxtrain.sound_devices.portaudio import Device
from fxtrain.sound_devices.round_trip import RoundTrip
from fxtrain.sound_devices.wiring import Wiring

RATE = 48_000
BOX = Device(0, "Box", "Test", 2, 2, RATE, 0.001, 0.002, True, True)
WIRING = Wiring(BOX, BOX, RATE, 64, 1, 2, 0, (0, 1), feeds_back=False)


class StillStream:
    """Plays nothing; the test calls the callback itself."""

    latency = 0.005
    is_there = True

    def __init__(self, wiring: Wiring, processor: Any) -> None:
        self.processor = processor

    def __enter__(self) -> StillStream:
        if not self.is_there:
            raise DeviceError("Box is busy.")
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def alive(self) -> bool:
        return self.is_there


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[StillStream]]:
    """Streams are StillStreams, and no round trip was measured."""
    monkeypatch.setattr(module, "Stream", StillStream)
    monkeypatch.setattr(module, "recall", lambda wiring: None)
    yield StillStream
    StillStream.is_there = True


@pytest.fixture
def models(make_model: Callable) -> list[ModelSound]:
    """Three models whose names are theirs."""
    files = [
        make_model([("dense", 1)], seed=seed, name=f"{seed}.json", metadata={"name": f"Amp {seed}"}).path
        for seed in (1, 2, 3)
    ]
    return [sound for sound in map(read_sound, files) if isinstance(sound, ModelSound)]


def wait_until_loaded(player: Player) -> None:
    end = time.monotonic() + 120
    while player.status().loading:
        assert time.monotonic() < end, "the model does not come"
        time.sleep(0.01)


def test_models_go_round_in_both_directions(models: list[ModelSound]) -> None:
    with Player(WIRING, models, PlayerSettings()) as player:
        names = []
        for step in (1, 1, 1, -1):
            player.step_model(step)
            wait_until_loaded(player)
            names.append(player.status().model)
        player.choose_model(1)
        player.choose_model(7)
        wait_until_loaded(player)
        assert names == ["Amp 2", "Amp 3", "Amp 1", "Amp 3"]
        assert (player.status().model, player.status().model_index, player.status().num_models) == ("Amp 2", 1, 3)


def test_of_many_wishes_the_last_one_counts(models: list[ModelSound]) -> None:
    with Player(WIRING, models, PlayerSettings()) as player:
        for _ in range(50):
            player.step_model(1)
        assert player.status().model == "Amp 3"  # at once, whatever still loads
        wait_until_loaded(player)
        assert player.status().model == "Amp 3"
        assert player.status().problem == ""


def test_a_model_that_has_vanished_is_told_and_the_other_plays_on(models: list[ModelSound]) -> None:
    with Player(WIRING, models, PlayerSettings()) as player:
        models[1].info.path.unlink()
        player.step_model(1)
        wait_until_loaded(player)
        assert "2.json" in player.status().problem
        assert player.status().model == "Amp 1"
        player.step_model(-1)
        wait_until_loaded(player)
        assert (player.status().model, player.status().problem) == ("Amp 3", "")


def test_what_cannot_be_played_is_refused_beforehand(models: list[ModelSound], tmp_path: Path) -> None:
    long = tmp_path / "song.wav"
    soundfile.write(long, np.ones(40 * 8_000), 8_000)
    with pytest.raises(AudioFileError, match=r"40\.0 s, where an impulse response"):
        read_cabinet(long)
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(100), 8_000)
    with pytest.raises(AudioFileError, match=r"silent\.wav"):
        Player(WIRING, [replace(models[0], cabinet=read_cabinet(silent))], PlayerSettings())


def test_a_preset_is_played_as_the_plugin_plays_it(models: list[ModelSound], tmp_path: Path) -> None:
    response = tmp_path / "cab.wav"
    soundfile.write(response, np.random.default_rng(1).standard_normal((200, 2)) / 20, RATE, "FLOAT")
    settings = {"gate_on": 1, "gate_threshold": -80, "cabinet_on": 1, "delay": 40, "delay_time": 50, "input_gain": -3}
    slots = {slot: SlotContent.read(models[index].info.path) for index, slot in enumerate("AP")}
    preset = Preset(settings, slots, CabinetContent.read(response))  # type: ignore[arg-type]
    file = tmp_path / "my lead.vstpreset"
    write_preset(file, preset)
    x = np.random.default_rng(0).uniform(-0.5, 0.5, (RATE // 2, 1)).astype(np.float32)
    with Player(WIRING, [models[2], read_sound(file)], PlayerSettings()) as player:
        player.step_model(1)
        wait_until_loaded(player)
        played = play(player.chain, x, 2, [64])
        status = player.status()
        assert (status.model, status.cabinet, status.cabinet_on, status.gate_on) == ("my lead", "cab", True, True)
        assert status.gate_threshold_db == -80
        rig = Rig(preset, RATE, 1)
        np.testing.assert_array_equal(played.T, rig.process(x.T))
        player.toggle_gate()
        player.toggle_cabinet()
        player.step_model(-1)
        wait_until_loaded(player)
        status = player.status()
        assert (status.model, status.cabinet, status.gate_on) == ("Amp 3", "", False)


@pytest.mark.parametrize("option", ["--ir", "--quality"])
def test_what_a_preset_says_itself_is_not_said_again(
    models: list[ModelSound], tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    response = tmp_path / "cab.wav"
    soundfile.write(response, np.ones(10), RATE)
    file = tmp_path / "lead.vstpreset"
    write_preset(file, Preset({}, {"A": SlotContent.read(models[0].info.path)}))
    value = str(response) if option == "--ir" else "0.5"
    assert main(["live", str(file), option, value]) == 2
    assert f"leave {option} out" in capsys.readouterr().err


def test_switches_and_gains_are_what_was_asked_for(models: list[ModelSound]) -> None:
    settings = PlayerSettings(input_gain_db=2.0, gate_threshold_db=-55.0, mute_reason="it would howl")
    with Player(WIRING, models, settings) as player:
        first = player.status()
        assert (first.muted, first.mute_reason, first.gate_on, first.cabinet) == (True, "it would howl", True, "")
        player.toggle_mute()
        player.toggle_gate()
        player.toggle_cabinet()  # there is none
        player.toggle_bypass()
        player.change_input_gain(-1.0)
        player.change_output_gain(1_000.0)
        player.toggle_tuner()
        now = player.status()
        assert (now.muted, now.mute_reason, now.gate_on, now.cabinet_on) == (False, "", False, False)
        assert (now.bypassed, now.tuning, now.pitch_hz) == (True, True, 0.0)
        assert (now.input_gain_db, now.output_gain_db) == (1.0, 60.0)


def test_latency_is_the_drivers_until_it_was_measured(
    models: list[ModelSound], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Player(WIRING, [replace(models[0], oversampling=2)], PlayerSettings()) as player:
        added = player.chain.latency / RATE
        assert added > 0
        assert player.status().latency_ms == pytest.approx(1000 * (0.005 + added))
        assert not player.status().latency_measured
    measured = RoundTrip(frames=480.0, spread_frames=0.0, polarity=1, peak_db=-6.0, sample_rate=RATE)
    monkeypatch.setattr(module, "recall", lambda wiring: measured)
    with Player(WIRING, models, PlayerSettings()) as player:
        assert player.status().latency_ms == pytest.approx(10.0)
        assert player.status().latency_measured


def test_details_tell_of_conversion_and_oversampling(make_model: Callable) -> None:
    sound = read_sound(make_model([("lstm", 12), ("dense", 1)], samplerate=44_100).path, oversampling=4)
    with Player(WIRING, [sound], PlayerSettings()) as player:
        detail = player.status().model_detail
    assert detail.split(" \N{MIDDLE DOT} ") == ["LSTM 12", "44.1 kHz, converted", "4 times oversampled"]


def test_recordings_get_names_of_their_own_and_lie_side_by_side(models: list[ModelSound], tmp_path: Path) -> None:
    folder = tmp_path / "takes"
    folder.mkdir()
    x = np.random.default_rng(0).uniform(-0.5, 0.5, (RATE, 1)).astype(np.float32)
    with Player(WIRING, [replace(models[0], oversampling=2)], PlayerSettings(folder=folder)) as player:
        late = player.chain.latency
        for _ in range(2):
            player.toggle_recording()
            assert player.status().recording
            heard = play(player.chain, x, 2, [64])[:, 0]
            player.toggle_recording()
            assert not player.status().recording
            assert player.status().recorded_seconds == pytest.approx((RATE - late) / RATE)
        last = player.status().record_name
    names = [path.name for path in folder.iterdir()]
    assert len(names) == 4
    assert all(name.startswith("take-") and name.endswith(("-dry.wav", "-wet.wav")) for name in names)
    dry, wet = (
        soundfile.read(folder / name, dtype="float32")[0] for name in (last.replace("-wet.wav", "-dry.wav"), last)
    )
    np.testing.assert_array_equal(dry, x[: RATE - late, 0])
    np.testing.assert_array_equal(wet, heard[late:])


def test_a_disk_that_is_full_ends_the_recording_not_the_sound(
    models: list[ModelSound], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: AudioWriter, block: np.ndarray) -> None:
        raise FxtrainError("take-wet.wav could not be written (no space left): check the free space.")

    monkeypatch.setattr(AudioWriter, "write", full)
    with Player(WIRING, models, PlayerSettings(folder=tmp_path)) as player:
        player.toggle_recording()
        end = time.monotonic() + 120
        while player.status().recording:
            play(player.chain, np.zeros((640, 1), np.float32), 2, [64])
            assert time.monotonic() < end
        assert "no space left" in player.status().problem
        assert player.status().connected
    assert not list(tmp_path.glob("take-*"))


def test_a_device_that_has_gone_ends_the_recording_and_stays_gone(
    models: list[ModelSound], tmp_path: Path, still: type[StillStream]
) -> None:
    settings = PlayerSettings(record=(tmp_path / "dry.wav", tmp_path / "wet.wav"))
    with Player(WIRING, models, settings) as player:
        play(player.chain, np.zeros((6_400, 1), np.float32), 2, [64])
        still.is_there = False
        status = player.status()
        assert (status.connected, status.recording) == (False, False)
        assert status.problem == "Box has gone: plug it in again, and start anew. What was recorded is in wet.wav."
        still.is_there = True
        assert not player.status().connected
    assert soundfile.info(tmp_path / "wet.wav").frames == 6_400


def test_a_device_that_refuses_leaves_no_files(
    models: list[ModelSound], tmp_path: Path, still: type[StillStream]
) -> None:
    still.is_there = False
    settings = PlayerSettings(record=(tmp_path / "dry.wav", tmp_path / "wet.wav"))
    with pytest.raises(DeviceError, match="busy"), Player(WIRING, models, settings):
        pass
    assert not [path for path in tmp_path.iterdir() if path.suffix in (".wav", ".part")]


def test_channels_are_named_for_a_person(models: list[ModelSound]) -> None:
    with Player(replace(WIRING, output_channels=(1,)), models, PlayerSettings()) as player:
        assert player.status().input_name == "Box, channel 1"
        assert player.status().output_name == "Box, channel 2"


@pytest.mark.parametrize(
    ("feeds_back", "arguments", "muted"), [(True, [], True), (True, ["--unmute"], False), (False, [], False)]
)
def test_it_begins_muted_where_it_would_howl_and_says_so(
    models: list[ModelSound],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    feeds_back: bool,
    arguments: list[str],
    muted: bool,
) -> None:
    wiring = replace(WIRING, feeds_back=feeds_back)
    monkeypatch.setattr("fxtrain.sound_devices.wiring.wiring_from", lambda args, rate: wiring)
    assert main(["live", str(models[0].info.path), "--seconds", "0.05", *arguments]) == 0
    said = capsys.readouterr().out
    assert ("microphone and speakers would howl: plug in headphones, then press m" in said) is muted
    assert ("muted" in said) is muted


def test_a_file_that_is_no_model_is_refused_before_anything_plays(
    models: list[ModelSound], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("[]")
    assert main(["live", str(models[0].info.path), str(broken)]) == 2
    assert "broken.json" in capsys.readouterr().err
