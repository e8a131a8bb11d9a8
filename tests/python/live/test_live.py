# SPDX-License-Identifier: MIT
"""``fxtrain live`` on audio interfaces that are not there: one that waits for it, and JACK without a sound card."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from jack_server import DEADLINE, PERIOD, RATE, jack_server, play_through, running
from made_models import at_rest
from own_process import call
from plugin_files import write_two_sizes
from terminal import terminal

from fxtrain import engine
from fxtrain.cli import main
from fxtrain.sound_devices.wiring import Wiring, choose_wiring

Interface = Callable[..., dict[str, str]]
LSTM = [("lstm", 32), ("dense", 1)]
FXTRAIN = [sys.executable, "-m", "fxtrain"]


@pytest.fixture
def model(make_model: Callable) -> Path:
    return make_model(LSTM, seed=4, samplerate=RATE).path


def read(path: Path) -> np.ndarray:
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == RATE
    return samples


@contextmanager
def live(environment: dict[str, str], log: Path, *arguments: Any) -> Iterator[subprocess.Popen[bytes]]:
    """``fxtrain live``; it must end well once it has been asked to."""
    with running([*FXTRAIN, "live", *arguments], environment, log) as process:
        yield process
        assert process.wait(DEADLINE) == 0, log.read_text()


def wait_for_recording(path: Path, seconds: float) -> None:
    deadline = time.monotonic() + DEADLINE
    while recorded_seconds(path) < seconds:
        assert time.monotonic() < deadline, f"{path} is not recorded"
        time.sleep(0.02)


def recorded_seconds(path: Path) -> float:
    """How much of a mono recording of 32-bit floats is on disk, while it is being written."""
    return max((each.stat().st_size for each in path.parent.glob(f"*{path.name}*")), default=0) / 4 / RATE


@pytest.fixture
def script(tmp_path: Path, playing: np.ndarray) -> Path:
    """What is played into the interface."""
    np.save(tmp_path / "playing.npy", playing)
    return tmp_path / "playing.npy"


def test_what_is_heard_is_what_render_makes(
    interface: Interface, tmp_path: Path, model: Path, playing: np.ndarray, script: Path, fxtrain: Callable
) -> None:
    dry, wet, rendered, log = (tmp_path / name for name in ("dry.wav", "wet.wav", "rendered.wav", "live.log"))
    environment = interface(input=script, output=tmp_path / "heard.npy", pace=True)
    with live(environment, log, model, "--output-channel", 1, "--record", dry, wet, "--json") as process:
        wait_for_recording(wet, len(playing) / RATE)
        process.send_signal(signal.SIGTERM)
    assert fxtrain("render", model, dry, rendered, environment=environment).returncode == 0
    played, recorded = read(dry), read(wet)
    np.testing.assert_array_equal(recorded, read(rendered))
    np.testing.assert_array_equal(played[: len(playing)], playing)
    heard = np.load(tmp_path / "heard.npy")
    np.testing.assert_array_equal(heard[: len(recorded), 0], recorded)
    said = json.loads(log.read_text()[log.read_text().index("{") :])
    assert (said["block_size"], said["xruns"]) == (PERIOD, 0)
    assert len(playing) <= said["blocks"] * PERIOD <= len(heard)
    assert 0 < said["load"]["median"] <= said["load"]["p99.9"]


@pytest.mark.realtime
@pytest.mark.parametrize("freewheel", [True, False], ids=["freewheel", "real time"])
def test_what_is_heard_through_jack_is_what_render_makes_one_period_later(
    server: dict[str, str], tmp_path: Path, model: Path, playing: np.ndarray, fxtrain: Callable, freewheel: bool
) -> None:
    dry, wet, rendered, log = (tmp_path / name for name in ("dry.wav", "wet.wav", "rendered.wav", "live.log"))
    with live(server, log, model, "--output-channel", 1, "--record", dry, wet) as process:
        received = call(play_through, "PortAudio", playing[None], freewheel, environment=server)[0, 0]
        process.send_signal(signal.SIGTERM)
    assert fxtrain("render", model, dry, rendered, environment=server).returncode == 0
    np.testing.assert_array_equal(read(wet), read(rendered))
    share = unharmed(playing, received, read(dry), read(wet))
    assert share == 1.0 if freewheel else share > 0.2


def unharmed(sent: np.ndarray, received: np.ndarray, came: np.ndarray, went: np.ndarray) -> float:
    """The share of stretches that came as they were sent, and whose answer was received as it went, a period later.

    A busy machine may lose periods at either side, after which the two sides count differently; not within most
    stretches.
    """
    length = RATE // 8
    starts = range(0, len(sent) - length + 1, length)
    whole = 0
    for start in starts:
        stretch = sent[start : start + length]
        loudest = int(np.abs(stretch).argmax())
        for at in np.flatnonzero(came == stretch[loudest]) - loudest:
            if at >= 0 and np.array_equal(came[at : at + length], stretch):
                back = received[start + PERIOD : start + PERIOD + length]
                whole += np.array_equal(back, went[at : at + length])
                break
    return whole / len(starts)


def test_the_network_that_the_quality_chooses_is_heard(interface: Interface, tmp_path: Path, script: Path) -> None:
    amp = write_two_sizes(tmp_path / "amp.nam", 0.25, 1.0)
    dry, wet, log = (tmp_path / name for name in ("dry.wav", "wet.wav", "live.log"))
    arguments = ["--quality", 0.4, "--output-channel", 1, "--record", dry, wet]
    with live(interface(input=script, pace=True), log, amp, *arguments) as process:
        wait_for_recording(wet, 1.0)
        process.send_signal(signal.SIGINT)
    np.testing.assert_allclose(read(wet), 0.25 * read(dry), rtol=0, atol=1e-7)
    assert np.abs(read(dry)).max() > 0.1


def test_gain_cabinet_and_oversampling_are_those_of_the_plugin(
    interface: Interface, tmp_path: Path, model: Path, script: Path
) -> None:
    response = np.zeros(2_000, np.float32)
    response[[0, 700]] = 1.0, -0.5
    soundfile.write(tmp_path / "cabinet.wav", response, RATE, subtype="FLOAT")
    dry, wet = tmp_path / "dry.wav", tmp_path / "wet.wav"
    arguments = ["--gain", 6, "--output-gain", -9, "--oversample", 2, "--ir", tmp_path / "cabinet.wav"]
    arguments += ["--output-channel", 2, "--record", dry, wet]
    with live(interface(input=script, pace=True), tmp_path / "live.log", model, *arguments) as process:
        wait_for_recording(wet, 2.0)
        process.send_signal(signal.SIGINT)
    loaded = at_rest(model, oversampling=2)
    late = loaded.info.latency_frames
    driven = np.concatenate([read(dry) * np.float32(10 ** (6 / 20)), np.zeros(late, np.float32)])
    amplified = loaded.process(driven).astype(np.float64)
    expected = np.convolve(amplified, response)[late : len(amplified)] * 10 ** (-9 / 20)
    found = read(wet).astype(np.float64)
    assert len(found) == len(expected)  # recorded input and output begin and end together
    # The cabinet is brought to unit power in a guitar's range: one gain, to be found.
    gain = float(found @ expected) / float(expected @ expected)
    assert 0.3 < gain < 1.5
    assert np.abs(found - gain * expected).max() < 1e-5 * np.abs(found).max()


def test_at_a_terminal_keys_change_what_is_heard(interface: Interface, tmp_path: Path, make_model: Callable) -> None:
    first, second = (make_model([("dense", 1)], seed=seed, name=f"{seed}.json").path for seed in (1, 2))
    dry, wet = tmp_path / "dry.wav", tmp_path / "wet.wav"
    np.save(tmp_path / "tone.npy", 0.25 * np.sin(2 * np.pi * 110 * np.arange(24 * RATE) / RATE).astype(np.float32))
    environment = interface(input=tmp_path / "tone.npy", repeat=True, pace=True)
    with terminal([*FXTRAIN, "live", first, second, "--record", dry, wet], environment) as screen:

        def listen(seconds: float = 1.0) -> None:
            """Until that much more has been recorded."""
            wanted = recorded_seconds(wet) + seconds
            screen.wait_for(lambda _: recorded_seconds(wet) >= wanted)

        screen.wait_for("1 / 2")
        listen()
        screen.press("n")
        screen.wait_for("2 / 2")
        listen()
        screen.press("b")
        listen()
        screen.press("b")
        listen()
        screen.press("p")
        screen.wait_for("1 / 2")
        listen()
        screen.press("m")
        listen()
        screen.press("q")
        assert screen.wait() == 0
        assert screen.modes_now() == screen.modes_before
        assert re.search(r"latency 10\.0 ms \(as the driver tells it\)", screen.text)
        assert "wet.wav" in screen.text
    played, heard = read(dry), read(wet)
    assert len(played) == len(heard) > 3 * RATE
    one, two = engine.load(first).process(played), engine.load(second).process(played)
    # Each was heard as it is, in turn: the first model, the second, the input itself, and nothing at last.
    for alone in (one, two, played):
        assert np.count_nonzero((heard == alone) & (np.abs(played) > 0.01)) > RATE // 4
    assert not heard[-RATE // 4 :].any()
    # Whatever was heard lies between them, and moves no faster than the fastest of them and a fade of 20 ms together.
    sources = np.stack([one, two, played, np.zeros_like(played)])
    assert np.all(heard >= sources.min(axis=0) - 1e-6)
    assert np.all(heard <= sources.max(axis=0) + 1e-6)
    largest = np.abs(np.diff(sources, axis=1)).max()
    fade = np.ptp(sources, axis=0).max() / (0.02 * RATE)
    assert np.abs(np.diff(heard)).max() <= largest + fade + 1e-6


def test_a_server_that_goes_away_is_told_and_what_was_recorded_is_kept(
    environment: dict[str, str], tmp_path: Path, model: Path
) -> None:
    dry, wet = tmp_path / "dry.wav", tmp_path / "wet.wav"
    command = [*FXTRAIN, "live", model, "--record", dry, wet]
    with ExitStack() as outer, ExitStack() as inner:
        server = inner.enter_context(jack_server(environment, tmp_path / "jackd.log"))
        process = outer.enter_context(running(command, server, tmp_path / "live.log"))
        wait_for_recording(wet, 0.6)
        inner.close()
        assert process.wait(DEADLINE) == 1
    said = (tmp_path / "live.log").read_text()
    assert "fxtrain: system has gone: plug it in again" in said
    assert "wet.wav" in said
    assert "Traceback" not in said
    assert len(read(dry)) == len(read(wet)) > RATE // 2


def test_it_ends_after_so_many_seconds(server: dict[str, str], model: Path, fxtrain: Callable) -> None:
    done = fxtrain("live", model, "--seconds", 1, "--json", environment=server)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["seconds"] >= 1.0


def test_devices_are_listed(server: dict[str, str], fxtrain: Callable) -> None:
    done = fxtrain("live", "--list-devices", environment=server)
    assert done.returncode == 0
    assert re.search(r"system \(default\) +JACK Audio Connection Kit +2 +2 +48000", done.stdout)
    (found,) = json.loads(fxtrain("live", "--list-devices", "--json", environment=server).stdout)["devices"]
    assert (found["name"], found["num_inputs"], found["default_rate"]) == ("system", 2, RATE)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--sample-rate", 44_100], 1, "system cannot run at 44100 Hz; what it offers is 48000."),
        (["--input-device", "Scarlett"], 2, 'No input device is called "Scarlett": there is system.'),
        (["--output-device", 7], 2, "There is no sound device 7, but 0 to 0"),
        (["--input-channel", 3], 2, "system has 2 channels of input, so there is no channel 3"),
        (["--record", "a.wav", "a.wav"], 2, "--record names a.wav twice"),
        (["--record", "a.flac", "b.wav"], 2, "--record a.flac should end in .wav"),
        (["--record", "nowhere/a.wav", "b.wav"], 2, "nowhere does not exist; make the folder first"),
        (["--ir", "none.wav"], 2, "none.wav does not exist"),
        (["--gain", "loud"], 2, "expected a number, found loud"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(
    server: dict[str, str], model: Path, fxtrain: Callable, arguments: list[Any], code: int, sentence: str
) -> None:
    done = fxtrain("live", model, "--seconds", 1, *arguments, environment=server)
    assert (done.returncode, sentence in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr


def test_files_are_not_overwritten(server: dict[str, str], tmp_path: Path, model: Path, fxtrain: Callable) -> None:
    dry, wet = tmp_path / "dry.wav", tmp_path / "wet.wav"
    wet.write_bytes(b"precious")
    done = fxtrain("live", model, "--seconds", 1, "--record", dry, wet, environment=server)
    assert (done.returncode, "exists already" in done.stderr) == (2, True)
    assert wet.read_bytes() == b"precious"
    done = fxtrain("live", model, "--seconds", 1, "--record", dry, wet, "--force", environment=server)
    assert done.returncode == 0, done.stderr
    assert len(read(wet)) == len(read(dry)) > 0


def test_without_a_device_it_says_so(no_devices: dict[str, str], model: Path, fxtrain: Callable) -> None:
    for arguments in ([model], ["--list-devices"]):
        done = fxtrain("live", *arguments, environment=no_devices)
        assert done.returncode == 1
        assert done.stderr.startswith("fxtrain: No sound device was found"), done.stderr  # and nothing else
        assert done.stderr.count("\n") == 1


def test_without_portaudio_it_says_what_to_install(server: dict[str, str], model: Path) -> None:
    hide = (
        "import ctypes.util; ctypes.util.find_library = lambda name: None; import sys; from fxtrain.cli import main; "
    )
    code = hide + "sys.exit(main(sys.argv[1:]))"
    for command in (["live", model], ["latency"], ["capture", "--list-devices"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, command)], env=server, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert "PortAudio, through which sound devices are reached, is not installed" in done.stderr
        assert "apt-get install libportaudio2" in done.stderr


def test_live_needs_a_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["live"]) == 2
    assert "live needs a MODEL" in capsys.readouterr().err


def test_other_commands_do_not_touch_sound(model: Path) -> None:
    code = (
        "import sys; from fxtrain.cli import main; main(sys.argv[1:]); "
        "sys.exit(sorted({'sounddevice', 'textual', '_sounddevice'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, "info", str(model)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_it_begins_without_a_thump(interface: Interface, make_model: Callable) -> None:
    """From zero state a network moves, whatever it hears; what is heard is at rest from the first sample on."""
    model = make_model(LSTM, seed=3, samplerate=RATE).path
    from_zero = engine.load(model).process(np.zeros(RATE, np.float32))
    assert np.abs(from_zero[0] - from_zero[-1]) > 0.002
    heard = call(listen_from_the_start, model, environment=interface(pace=True))
    assert np.abs(heard - from_zero[-1]).max() < 1e-5


def listen_from_the_start(model: Path) -> np.ndarray:
    """What a player without a recording plays in its first half second."""
    from fxtrain.live.player import Player, PlayerSettings
    from fxtrain.live.sounds import read_sound

    player = Player(wiring(), [read_sound(model)], PlayerSettings())
    player.chain.start_recording()
    with player:
        while player.chain.num_blocks * PERIOD < RATE // 2:
            time.sleep(0.02)
    return player.chain.take_recorded()[:, 1]


def wiring() -> Wiring:
    nothing = dict.fromkeys(("input_device", "output_device", "input_channel", "output_channel", "sample_rate"))
    return choose_wiring(**nothing, block_size=PERIOD, preferred_rate=None)  # type: ignore[arg-type]


def test_recording_ends_soon_after_audio_was_lost_where_that_is_asked_for(interface: Interface) -> None:
    whole, cut = call(record_what_is_lost, environment=interface(loses_at=RATE, pace=True))
    assert whole == 3 * RATE
    assert RATE // 4 < cut < 3 * RATE


def record_what_is_lost() -> list[int]:
    """How many of three seconds are recorded where a block is lost after one, with and without end."""
    from fxtrain.sound_devices.stream import play_and_record

    lengths = []
    for stop_at_xrun in (False, True):
        done = play_and_record(wiring(), np.zeros(3 * RATE, np.float32), stop_at_xrun=stop_at_xrun)
        assert (done.num_xruns, done.first_xrun) == (1, RATE // PERIOD * PERIOD)
        lengths.append(len(done.samples))
    return lengths
