# SPDX-License-Identifier: MIT
"""A JACK server of one's own without a sound card, programs on it, and a client that plays through them and records."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

RATE = 48_000
PERIOD = 128


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
            for sign in (signal.SIGTERM, signal.SIGKILL):
                if process.poll() is None:
                    os.killpg(process.pid, sign)
                    try:
                        process.wait(timeout=5)
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
    name = f"fxtrain-{os.getpid()}-{time.monotonic_ns() % 10**9}"
    theirs = dict(environment) | {
        "JACK_DEFAULT_SERVER": name,
        "JACK_NO_AUDIO_RESERVATION": "1",
        "JACK_NO_START_SERVER": "1",
    }
    dummy = ["-d", "dummy", "-r", RATE, "-p", PERIOD, "-C", 2, "-P", 2]
    with running(["jackd", "-n", name, *dummy], theirs, log):
        wait = ["jack_wait", "-s", name, "-w", "-t", "20"]
        subprocess.run(wait, env=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30, check=True)
        yield theirs


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


@dataclass(frozen=True)
class Recording:
    """What came back.

    Attributes:
        samples: shape (channels, frames), from the moment that the first sample was sent.
        num_xruns: how often the server was late meanwhile.
    """

    samples: np.ndarray
    num_xruns: int


def play_through(client_name: str, x: np.ndarray, freewheel: bool, wait: float) -> Recording:
    """Sends ``x``, shape (channels, frames), through a client with as many inputs; in a process of its own.

    As many outputs are recorded.

    Waits for the client and its ports for up to ``wait`` seconds. With ``freewheel`` the server runs as fast as it can,
    and nothing can be late.
    """
    import jack

    judge = jack.Client("judge", no_start_server=True)
    sends = [judge.outports.register(f"out_{index}") for index in range(1, 1 + len(x))]
    receives = [judge.inports.register(f"in_{index}") for index in range(1, 1 + len(x))]
    received = np.zeros((len(x), x.shape[1] + 8 * PERIOD), np.float32)
    state = {"at": 0, "xruns": 0, "running": False}

    @judge.set_process_callback  # type: ignore[untyped-decorator]
    def process(frames: int) -> None:
        at = state["at"]
        if not state["running"]:
            for port in sends:
                port.get_array()[:] = 0
            return
        for port, channel in zip(sends, x, strict=True):
            block = channel[at : at + frames]
            array = port.get_array()
            array[: len(block)] = block
            array[len(block) :] = 0
        for port, channel in zip(receives, received, strict=True):
            room = channel[at : at + frames]
            room[:] = port.get_array()[: len(room)]
        state["at"] = at + frames

    @judge.set_xrun_callback  # type: ignore[untyped-decorator]
    def xrun(delay: float) -> None:
        state["xruns"] += 1

    def ports(**kind: bool) -> list[Any]:
        return list(judge.get_ports(f"^{client_name}:", is_audio=True, **kind))

    with judge:
        deadline = time.monotonic() + wait
        while len(ports(is_input=True)) < len(x) or len(ports(is_output=True)) < len(x):
            assert time.monotonic() < deadline, f"{client_name} has no ports"
            time.sleep(0.05)
        time.sleep(0.3)  # what connects itself does it now
        for source, target in zip(sends, ports(is_input=True), strict=False):
            others = judge.get_all_connections(target)
            judge.connect(source, target)
            for other in others:
                judge.disconnect(other, target)
        for source, target in zip(ports(is_output=True), receives, strict=False):
            judge.connect(source, target)
        time.sleep(0.7)  # programs made with JUCE look at their connections when their windows have the time
        state["xruns"] = 0
        if freewheel:
            judge.set_freewheel(True)
        state["running"] = True
        end = time.monotonic() + 30 + 2 * x.shape[1] / RATE
        while state["at"] < received.shape[1] and time.monotonic() < end:
            time.sleep(0.02)
        finished = state["at"] >= received.shape[1]
        if freewheel:
            judge.set_freewheel(False)
        assert finished, f"only {state['at']} of {received.shape[1]} frames were played"
    return Recording(received, state["xruns"])


def lag_of(recorded: np.ndarray, expected: np.ndarray) -> int:
    """By how many frames ``recorded`` is late: where the two are most alike."""
    recorded, expected = recorded - recorded.mean(), expected - expected.mean()
    size = 1 << (len(recorded) + len(expected)).bit_length()
    product = np.fft.irfft(np.fft.rfft(recorded, size) * np.conj(np.fft.rfft(expected, size)), size)
    return int(np.argmax(product[: len(recorded)]))
