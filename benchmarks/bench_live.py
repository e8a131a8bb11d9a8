# SPDX-License-Identifier: MIT
"""Playing live on a JACK server without a sound card: time of the callback, lost blocks, and what the screen costs.

Takes turns, so that what slows the machine down meets all: a pass-through without a screen, and ``fxtrain live`` with
its screen in a terminal, models being changed meanwhile. Needs jackd (Debian: jackd2), PortAudio and pyte.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import resource
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import machine

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Prints a row for each turn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", type=Path, help="default: the shipped ones, LSTM 32")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each turn (default: 60)")
    parser.add_argument("--turns", type=int, default=2, help="of each kind (default: 2)")
    parser.add_argument("--period", type=int, default=64, help="frames (default: 64)")
    parser.add_argument("--change", type=float, default=5.0, help="seconds between changes of the model (default: 5)")
    parser.add_argument("--child", choices=("wire", "live"), help=argparse.SUPPRESS)
    parser.add_argument("--result", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    models = args.models or sorted(ROOT.glob("models/*/model.json"))
    if args.child:
        play(args.child, models, args.seconds, args.result)
        return
    print(f"{machine.processor_name()}, {machine.commit()}; {args.period} frames at 48 kHz, {args.seconds:g} s a turn")
    print(
        f"{'':14}{'blocks':>8}{'median':>9}{'p99':>9}{'p99.9':>9}{'longest':>9}{'xruns':>7}{'process':>9}{'audio':>8}"
    )
    for _ in range(args.turns):
        for kind in ("wire", "live"):
            show(kind, run(kind, models, args))


def show(kind: str, found: dict[str, Any]) -> None:
    """One row of the table."""
    loads = "".join(f"{100 * found[name]:7.1f} %" for name in ("median", "p99", "p99.9", "longest"))
    name = {"wire": "pass-through", "live": "with screen"}[kind]
    shares = "".join(f"{100 * found[name]:6.1f} %" for name in ("process", "audio"))
    print(f"{name:14}{found['blocks']:8}{loads}{found['xruns']:7}{shares}")


def run(kind: str, models: list[Path], args: argparse.Namespace) -> dict[str, Any]:
    """One turn in a process of its own, at a terminal of 100 columns and 30 lines."""
    with tempfile.TemporaryDirectory() as folder, server(args.period) as environment:
        result = Path(folder, "result.json")
        ours, theirs = pty.openpty()
        set_size(theirs, 100, 30)
        command = [sys.executable, __file__, "--child", kind, "--seconds", str(args.seconds), "--result", str(result)]
        child = subprocess.Popen(
            [*command, *map(str, models)],
            env=environment | {"TERM": "xterm-256color"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        said = b""
        change = time.monotonic() + args.change
        while child.poll() is None:
            if select.select([ours], [], [], 0.1)[0]:
                said = (said + read(ours))[-4000:]
            if kind == "live" and time.monotonic() >= change:
                os.write(ours, b"n")
                change += args.change
        os.close(ours)
        if child.returncode != 0:
            sys.exit(said.decode(errors="replace"))
        return dict(json.loads(result.read_text()))


def read(file: int) -> bytes:
    """What is there; nothing at the end."""
    try:
        return os.read(file, 1 << 16)
    except OSError:  # the other end was closed
        return b""


def set_size(file: int, columns: int, lines: int) -> None:
    """Gives a terminal its size."""
    fcntl.ioctl(file, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


@contextmanager
def server(period: int) -> Iterator[dict[str, str]]:
    """A JACK server of a unique name; yields the environment for its clients."""
    name = f"fxtrain-bench-{os.getpid()}"
    environment = dict(os.environ) | {
        "JACK_DEFAULT_SERVER": name,
        "JACK_NO_AUDIO_RESERVATION": "1",
        "JACK_NO_START_SERVER": "1",
    }
    command = ["jackd", "-n", name, "-R", "-d", "dummy", "-r", "48000", "-p", str(period), "-C", "2", "-P", "2"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait = ["jack_wait", "-s", name, "-w", "-t", "20"]
        subprocess.run(wait, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        yield environment
    finally:
        process.terminate()
        process.wait()


def play(kind: str, models: list[Path], seconds: float, result: Path) -> None:
    """The part of the process that plays: a pass-through, or models with the screen."""
    import numpy as np

    from fxtrain import _engine
    from fxtrain.live.load import share_of_time
    from fxtrain.live.player import Player, PlayerSettings
    from fxtrain.live.screen import LiveScreen
    from fxtrain.live.sounds import read_sound
    from fxtrain.sound_devices.stream import Stream
    from fxtrain.sound_devices.wiring import choose_wiring

    nothing = dict.fromkeys(("input_device", "output_device", "input_channel", "output_channel", "sample_rate"))
    wiring = choose_wiring(**nothing, block_size=64, preferred_rate=48_000)  # type: ignore[arg-type]
    if kind == "wire":
        chain = _engine.LiveChain(
            wiring.sample_rate, num_inputs=1, num_outputs=2, input_channel=0, output_channels=[0, 1]
        )
        with Stream(wiring, chain):
            before = used()
            time.sleep(seconds)
            after = used()
    else:
        with Player(wiring, [read_sound(model) for model in models], PlayerSettings()) as player:
            chain = player.chain
            before = used()
            LiveScreen(player, seconds=seconds).run(mouse=False)
            after = used()
    loads = chain.loads()
    shares = {name: share_of_time(loads, q, chain.LOAD_STEP) for name, q in (("median", 0.5), ("p99", 0.99))}
    audio = float(loads @ (0.5 + np.arange(len(loads)))) * chain.LOAD_STEP / max(int(loads.sum()), 1)
    found = {
        **shares,
        "p99.9": share_of_time(loads, 0.999, chain.LOAD_STEP),
        "longest": chain.longest_block,
        "blocks": chain.num_blocks,
        "xruns": chain.num_xruns,
        "process": (after - before) / seconds,
        "audio": audio,
    }
    result.write_text(json.dumps(found))


def used() -> float:
    """Processor time of this process, all threads, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
