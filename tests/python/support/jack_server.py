# SPDX-License-Identifier: MIT
"""A JACK server of one's own without a sound card, programs on it, and a client that plays through them and records."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

RATE = 48_000
PERIOD = 128
DEADLINE = 120
"""Seconds after which a program that a test waits for counts as hung."""
_ATTEMPTS = 4
FREEWHEEL_TIMEOUT = 10
"""Seconds that JACK waits for a client in freewheel mode."""
STALLED = "JACK stalled"
"""What play_through() fails with where the server plays no further."""
ABSENT = "has no ports"
"""What it fails with if the client is not there, or has gone: a busy server refuses some, and they do not try again."""


@contextmanager
def running(
    command: Sequence[Any], environment: Mapping[str, str], log: Path, **more: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that is ended afterwards, with all that it has started."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(each) for each in command],
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **more,
        )
        try:
            yield process
        finally:
            # Time enough to tidy up: JACK remembers servers that are killed, and has room for eight.
            for sign in (signal.SIGTERM, signal.SIGKILL):
                if process.poll() is None:
                    os.killpg(process.pid, sign)
                    try:
                        process.wait(timeout=DEADLINE)
                    except subprocess.TimeoutExpired:
                        continue
            process.wait()
            if process.stdin is not None:
                process.stdin.close()


@contextmanager
def jack_server(environment: Mapping[str, str], log: Path) -> Iterator[dict[str, str]]:
    """A server of a unique name; yields the environment for its clients."""
    if shutil.which("jackd") is None:
        pytest.skip("jackd is not installed (Debian: jackd2)")
    dummy = ["-d", "dummy", "-r", RATE, "-p", PERIOD, "-C", 2, "-P", 2]
    for attempt in range(_ATTEMPTS):  # a start may fail beside those of other servers
        name = f"fxtrain-{os.getpid()}-{time.monotonic_ns() % 10**9}"
        theirs = dict(environment) | {
            "JACK_DEFAULT_SERVER": name,
            "JACK_NO_AUDIO_RESERVATION": "1",
            "JACK_NO_START_SERVER": "1",
        }
        with running(["jackd", "-n", name, *dummy], theirs, log):
            wait = ["jack_wait", "-s", name, "-w", "-t", str(DEADLINE // _ATTEMPTS)]
            done = subprocess.run(wait, env=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            if done.returncode != 0:
                assert attempt < _ATTEMPTS - 1, log.read_text(errors="replace")
                continue
            yield theirs
            return


@contextmanager
def ready(command: Sequence[Any], environment: Mapping[str, str], log: Path) -> Iterator[None]:
    """A program that has said "ready"; ended afterwards."""
    with running(command, environment, log) as process:
        deadline = time.monotonic() + DEADLINE
        while b"ready" not in log.read_bytes():
            assert process.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < deadline, f"{command} did not begin"
            time.sleep(0.02)
        yield


@contextmanager
def x_server(environment: Mapping[str, str], log: Path) -> Iterator[dict[str, str]]:
    """An X server without a screen; yields the environment with its display."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed (Debian: xvfb)")
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", write, "-screen", "0", "1400x900x24", "-nolisten", "tcp"]
    with running(command, environment, log, pass_fds=(write,)):
        os.close(write)
        with os.fdopen(read) as pipe:
            display = pipe.readline().strip()
        assert display, log.read_text(errors="replace")
        yield dict(environment) | {"DISPLAY": f":{display}"}


def play_through(client_name: str, x: np.ndarray, freewheel: bool, num_takes: int = 1) -> np.ndarray:
    """As :func:`_play_through`; what the server refuses is STALLED as well."""
    import jack

    try:
        return _play_through(client_name, x, freewheel, num_takes)
    except jack.JackError as error:  # a busy one does not answer in time
        raise AssertionError(f"{STALLED}: {error}") from error


def _play_through(client_name: str, x: np.ndarray, freewheel: bool, num_takes: int) -> np.ndarray:
    """Sends ``x``, shape (channels, frames), through a client with as many inputs; in a process of its own.

    Waits until the client has ports, until nothing but this end is connected to them, and until it answers silence with
    something else: until then it may still be loading what it plays. A model with a bias does so. It has been at rest
    for a second when ``x`` begins.

    With ``freewheel`` the server runs as fast as it can from then on, and nothing can be late. A client may still stop
    and start again, as JUCE does some time after its ports were connected: of several takes that hits one.

    Raises:
        AssertionError: with ABSENT where there is no such client; with STALLED where the server does not go on. JACK
            1.9.21 may leave its graph unfinished for good when it begins to freewheel while a client is late: only a
            new server helps.

    Returns:
        What came back on as many channels, into which further ones of the client are mixed, from the moment that the
        first sample was sent; eight periods longer: shape (takes, channels, frames).
    """
    import jack

    judge = jack.Client("judge", no_start_server=True)
    sends = [judge.outports.register(f"out_{index}") for index in range(1, 1 + len(x))]
    receives = [judge.inports.register(f"in_{index}") for index in range(1, 1 + len(x))]
    takes = np.zeros((num_takes, len(x), x.shape[1] + 8 * PERIOD), np.float32)
    take = 0
    at = -RATE  # counts from where all channels answer
    answers, wired, freewheels, done = (threading.Event() for _ in range(4))

    @judge.set_process_callback  # type: ignore[untyped-decorator]
    def process(frames: int) -> None:
        nonlocal at, take
        for port, channel in zip(sends, x, strict=True):
            block = channel[at : at + frames] if at >= 0 else channel[:0]
            array = port.get_array()
            array[: len(block)] = block
            array[len(block) :] = 0
        if at < 0:
            if all(np.all(port.get_array()) for port in receives):
                answers.set()
            if wired.is_set() and (freewheels.is_set() or not freewheel):
                at = min(at + frames, 0)
            return
        if take == num_takes:
            return
        for port, channel in zip(receives, takes[take], strict=True):
            room = channel[at : at + frames]
            room[:] = port.get_array()[: len(room)]
        at += frames
        if at >= takes.shape[2]:
            take, at = take + 1, -RATE
            if take == num_takes:
                done.set()

    @judge.set_freewheel_callback  # type: ignore[untyped-decorator]
    def change(starting: bool) -> None:
        if starting:
            freewheels.set()

    def ports(**kind: bool) -> list[Any]:
        return list(judge.get_ports(f"^{client_name}:", is_audio=True, **kind))

    def wire() -> bool:
        """Connects what is not connected yet; whether all was, before."""
        targets, sources = ports(is_input=True), ports(is_output=True)
        wanted = [*zip(sends, targets, strict=False)]
        wanted += [(own, their) for i, own in enumerate(receives) for their in sources[i :: len(receives)]]
        is_wired = True
        for own, their in wanted:
            connected = judge.get_all_connections(their)
            is_wired = is_wired and connected == [own]
            # A client with ports may not be active yet, and its own connections come and go: another round does it.
            with contextlib.suppress(jack.JackErrorCode):
                if own not in connected:
                    judge.connect(*((own, their) if own.is_output else (their, own)))
                for other in connected:
                    if not other.name.startswith("judge:"):
                        judge.disconnect(*((other, their) if own.is_output else (their, other)))
        return is_wired

    with judge:
        deadline = time.monotonic() + DEADLINE
        while len(ports(is_input=True)) < len(x) or len(ports(is_output=True)) < len(x):
            assert time.monotonic() < deadline - DEADLINE / 2, f"{client_name} {ABSENT}"
            time.sleep(0.05)
        # What connects itself to the sound card may still be about to, and its outputs may be wired before its inputs.
        while not (wire() and answers.is_set()):
            assert time.monotonic() < deadline, f"{client_name} answers nothing, or {ABSENT} any more"
            time.sleep(0.05)
        wired.set()
        if freewheel:
            judge.set_freewheel(True)
        before = None
        while not done.wait(2 * FREEWHEEL_TIMEOUT):
            assert (take, at) != before, f"{STALLED} after {take} takes and {at} frames"
            before = take, at
        if freewheel:
            judge.set_freewheel(False)
    return takes


def lag_of(recorded: np.ndarray, expected: np.ndarray) -> int:
    """By how many frames ``recorded`` is late: where the two are most alike."""
    recorded, expected = recorded - recorded.mean(), expected - expected.mean()
    size = 1 << (len(recorded) + len(expected)).bit_length()
    product = np.fft.irfft(np.fft.rfft(recorded, size) * np.conj(np.fft.rfft(expected, size)), size)
    return int(np.argmax(product[: len(recorded)]))
