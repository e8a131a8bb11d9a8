# SPDX-License-Identifier: MIT
"""``fxtrain capture`` as a user runs it, through a simulated amplifier on an audio interface that is not there."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from jack_amp import jack_amp
from made_models import write_model
from patient_interface import PERIOD, RATE, Drive
from rich.console import Console
from small_amplifier import TINY
from terminal import terminal

from fxtrain import engine
from fxtrain.audio import read_audio, write_audio
from fxtrain.capture.take import Level, make_take
from fxtrain.cli import main
from fxtrain.cli.capture import check_until_good
from fxtrain.errors import Interrupted
from fxtrain.sound_devices.stream import Recorded
from fxtrain.synthetic import synthesise_guitar

FXTRAIN = [sys.executable, "-m", "fxtrain"]
SHORT = [*TINY, "--epochs", "1", "--seed", "3", "--device", "cpu", "-q"]


@pytest.fixture(scope="module")
def playing() -> np.ndarray:
    return np.asarray(synthesise_guitar(20, RATE, 1), np.float32)


@pytest.fixture
def dry(playing: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The recording to play, in the working folder."""
    monkeypatch.chdir(tmp_path)
    write_audio("dry.wav", playing, RATE)
    return Path("dry.wav")


Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def capture(interface: Callable[..., dict[str, str]], fxtrain: Command, dry: Path) -> Command:
    """``capture(*arguments, device=...)`` runs ``fxtrain capture --play dry.wav --out wet.wav`` on an interface."""

    def run(*arguments: object, **settings: Any) -> subprocess.CompletedProcess[str]:
        environment = interface(**settings)
        return fxtrain("capture", "--play", dry, "--out", "wet.wav", *arguments, environment=environment)

    return run


def left_behind() -> set[str]:
    """What a command has written, the logs of others left out."""
    return {path.name for path in Path().iterdir() if path.suffix in (".wav", ".part", ".tmp")} - {"dry.wav"}


def test_the_capture_is_the_amplifiers_output_bit_for_bit(capture: Command, playing: np.ndarray) -> None:
    done = capture("--json", device="drive")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["round_trip_frames"], facts["round_trip_source"]) == (PERIOD, "take")
    assert facts["lag_samples"] == 0
    assert facts["level"]["state"] == "good"
    assert facts["fit_command"] == "fxtrain fit dry.wav wet.wav"
    assert facts["num_frames"] == len(playing)
    assert "drift" in {verdict["name"] for verdict in facts["verdicts"]}
    wet = read_audio("wet.wav")
    assert (wet.sample_rate, wet.num_channels, wet.subtype) == (RATE, 1, "FLOAT")
    np.testing.assert_array_equal(wet.samples, Drive()(playing))
    assert left_behind() == {"wet.wav"}
    assert "Fit to train on" in done.stderr


@pytest.mark.realtime
def test_a_capture_through_jack_is_the_amplifiers_output_bit_for_bit(
    server: dict[str, str], fxtrain: Command, dry: Path, playing: np.ndarray, tmp_path: Path
) -> None:
    with jack_amp(server, tmp_path / "amp.log", "drive", "--freewheel"):
        done = fxtrain("capture", "--play", dry, "--out", "wet.wav", "--takes", 9, "--json", environment=server)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["round_trip_frames"] == PERIOD
    np.testing.assert_array_equal(read_audio("wet.wav").samples, Drive()(playing))


def test_what_latency_has_measured_is_taken_off(
    capture: Command, interface: Callable[..., dict[str, str]], fxtrain: Command, playing: np.ndarray
) -> None:
    done = fxtrain("latency", environment=interface(device="wire"))
    assert done.returncode == 0, done.stderr
    done = capture("--no-level-check", device="drive")
    assert done.returncode == 0, done.stderr
    assert f"a round trip of {PERIOD} frames (2.67 ms, as fxtrain latency has measured it) is cut off" in done.stdout
    assert "Learn it with  fxtrain fit dry.wav wet.wav" in done.stdout
    np.testing.assert_array_equal(read_audio("wet.wav").samples, Drive()(playing))


def test_fit_on_a_capture_has_the_error_of_the_file_based_run(
    capture: Command, playing: np.ndarray, tmp_path: Path
) -> None:
    made = write_model(tmp_path / "amp.json", [("lstm", 8), ("dense", 1)], seed=4, samplerate=RATE, in_skip=1)
    dry = 0.4 * playing[: 8 * RATE]
    write_audio("dry.wav", dry, RATE)
    # The amplifier has been on for a while before the take: it is at rest, not at zero.
    rest = np.zeros(RATE, np.float32)
    expected = engine.load(made.path).process(np.concatenate([rest, dry]))[len(rest) :]
    write_audio("file-based.wav", expected, RATE)
    arguments = ["--round-trip", PERIOD, "--no-level-check", "--ignore", "identical"]
    done = capture(*arguments, device="model", model=made.path)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(read_audio("wet.wav").samples, expected)
    errors = []
    for wet in ("wet", "file-based"):
        assert main(["fit", "dry.wav", f"{wet}.wav", "--out", wet, "--ignore", "identical", *SHORT]) == 0
        errors.append(json.loads(Path(wet, "metrics.json").read_text())["esr"])
    assert errors[0] == errors[1]


def test_a_take_with_an_xrun_is_made_again(capture: Command, playing: np.ndarray, tmp_path: Path) -> None:
    write_audio("dry.wav", playing[: 3 * RATE], RATE)
    arguments = ["--no-level-check", "--json", "--round-trip", PERIOD]
    done = capture(*arguments, device="drive", loses_at=RATE, once=tmp_path / "lost")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["takes"] == 2
    assert "1 xrun" in facts["discarded"][0]
    assert "Take 1 is thrown away" in done.stderr
    np.testing.assert_array_equal(read_audio("wet.wav").samples, Drive()(playing[: 3 * RATE]))


@pytest.mark.parametrize(
    ("settings", "arguments", "code", "message"),
    [
        ({"device": "nothing"}, [], 1, "Nothing comes back, silence where a peak of -24 to -3 dBFS is good"),
        ({"device": "drive", "level": 1.5}, ["--yes"], 1, "The return clips"),
        ({"device": "wire"}, ["--no-level-check"], 2, "Wet equals dry"),
    ],
)
def test_a_return_that_is_no_good_leaves_nothing(
    capture: Command, settings: dict[str, Any], arguments: list[str], code: int, message: str
) -> None:
    done = capture("--json", *arguments, **settings)
    assert (done.returncode, done.stdout, left_behind()) == (code, "", set())
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_another_rate_is_converted_when_asked_for(capture: Command, playing: np.ndarray) -> None:
    write_audio("dry.wav", np.stack([playing, 0 * playing]), 44_100)
    done = capture("--yes")
    assert (done.returncode, left_behind()) == (1, set())
    assert "does not run at the 44100 Hz of dry.wav: add --sample-rate 48000" in done.stderr
    done = capture("--json", "--sample-rate", RATE, "--no-level-check", "--round-trip", PERIOD, device="drive")
    assert done.returncode == 0, done.stderr
    assert "Took channel 1 (left) of 2" in done.stderr
    facts = json.loads(done.stdout)
    assert facts["fit_command"] == f"fxtrain fit dry.wav wet.wav --sample-rate {RATE}"
    dry = read_audio("dry.wav", sample_rate=RATE).samples
    np.testing.assert_array_equal(read_audio("wet.wav").samples, Drive()(dry))
    assert main(["check", *shlex.split(facts["fit_command"])[2:]]) == 0


BEFORE = {
    "no arguments": ([], "capture needs --play DRY.wav"),
    "no DRY": (["--play", "none.wav", "--out", "wet.wav"], "none.wav does not exist"),
    "DRY and WET are one": (["--play", "dry.wav", "--out", "dry.wav", "--force"], "is the file to be played"),
    "WET exists": (["--play", "dry.wav", "--out", "old.wav"], "old.wav exists already"),
    "WET is no WAV": (["--play", "dry.wav", "--out", "wet.mp3"], "ends in .wav"),
    "no folder": (["--play", "dry.wav", "--out", "none/wet.wav"], "none is no folder that you may write to"),
    "no such check": (["--play", "dry.wav", "--out", "wet.wav", "--ignore", "hiss"], 'no check named "hiss"'),
}


@pytest.mark.parametrize("name", BEFORE)
def test_what_can_be_known_before_playing_is(dry: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    arguments, message = BEFORE[name]
    Path("old.wav").write_bytes(b"old")
    content = dry.read_bytes()
    assert main(["capture", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert (Path("old.wav").read_bytes(), dry.read_bytes()) == (b"old", content)


def test_without_devices_it_says_so(no_devices: dict[str, str], fxtrain: Command, dry: Path) -> None:
    done = fxtrain("capture", "--play", dry, "--out", "wet.wav", environment=no_devices)
    assert (done.returncode, left_behind()) == (1, set())
    assert "No sound device was found" in done.stderr


def test_at_a_terminal_one_is_asked(interface: Callable[..., dict[str, str]], dry: Path, playing: np.ndarray) -> None:
    command = [*FXTRAIN, "capture", "--play", dry, "--out", "wet.wav"]
    with terminal(command, interface(device="drive"), columns=120) as screen:
        screen.wait_for("[Enter] makes the take")
        screen.press("r\n")
        screen.wait_for(lambda text: text.count("[Enter] makes the take") == 2)
        screen.press("\n")
        screen.wait_for("Learn it now? [Y/n]")
        np.testing.assert_array_equal(read_audio("wet.wav").samples, Drive()(playing))
        screen.press("n\n")
        screen.wait_for("Learn it with")
        assert screen.wait() == 0
    assert left_behind() == {"wet.wav"}


def test_an_interrupted_take_leaves_nothing(interface: Callable[..., dict[str, str]], dry: Path) -> None:
    command = [*FXTRAIN, "capture", "--play", dry, "--out", "wet.wav", "--no-level-check"]
    with terminal(command, interface(device="drive", pace=True), columns=120) as screen:
        screen.wait_for("dBFS")  # the meter moves
        screen.process.send_signal(signal.SIGINT)
        screen.wait_for("fxtrain: stopped.")
        assert screen.wait() == 1
    assert left_behind() == set()


@pytest.mark.parametrize(
    ("states", "answers", "asked"),
    [
        (["silent", "silent", "good"], ["", "g", ""], 3),
        (["soft", "low"], ["", "g"], 2),
        (["clipped"], ["q"], 1),
        (["good"], ["q"], 1),
        (["good"], [None], 1),
    ],
)
def test_the_level_is_checked_until_it_will_do(
    states: list[Any], answers: list[str | None], asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels = iter([Level(state, -10.0, state) for state in states])
    replies = iter(answers)

    def reply(question: str, **more: Any) -> str:
        nonlocal asked
        asked -= 1
        answer = next(replies)
        if answer is None:
            raise EOFError
        return answer

    console = Console(quiet=True)
    monkeypatch.setattr(console, "input", reply)
    monkeypatch.setattr("fxtrain.capture.take.check_level", lambda *given, **more: next(levels))
    args = SimpleNamespace(ignore=[])
    if answers[-1] in ("q", None):
        with pytest.raises(Interrupted):
            check_until_good(args, None, None, console, is_asking=True)
    else:
        assert check_until_good(args, None, None, console, is_asking=True).state == states[-1]
    assert asked == 0


def through_drive(
    wiring: Any,
    signal: np.ndarray,
    *,
    tail_frames: int = 0,
    progress: Callable[..., None] | None = None,
    stop_at_xrun: bool = False,
) -> Recorded:
    if progress is not None:
        progress(0.5, 0.1)
    samples = Drive()(np.concatenate([np.zeros(9, np.float32), signal, np.zeros(tail_frames - 9, np.float32)]))
    return Recorded(samples, num_xruns=0, first_xrun=None, num_clipped=0, driver_latency=0.01, block_size=64)


@pytest.mark.parametrize("code", [0, 1])
def test_learning_follows_when_asked_for(
    dry: Path, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wiring = SimpleNamespace(sample_rate=RATE, key="", describe=lambda way: f"Box, {way}")
    monkeypatch.setattr("fxtrain.sound_devices.wiring.wiring_from", lambda args, rate: wiring)
    monkeypatch.setattr("fxtrain.capture.take.make_take", partial(make_take, record=through_drive))
    ran: list[list[str]] = []

    def fit(words: list[str]) -> int:
        print("trained")
        ran.append(words)
        return code

    monkeypatch.setattr("fxtrain.cli.main", fit)
    arguments = ["--play", "dry.wav", "--out", "wet.wav", "--fit", "--no-level-check", "--json", "--ignore", "gate"]
    assert main(["capture", *arguments, "--round-trip", "9"]) == code
    assert ran == [["fit", "dry.wav", "wet.wav", "--ignore", "gate"]]
    out, err = capsys.readouterr()
    assert json.loads(out)["fit_exit_code"] == code
    assert "trained" in err
    assert Path("wet.wav").exists()
