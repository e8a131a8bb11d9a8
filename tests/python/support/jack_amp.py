# SPDX-License-Identifier: MIT
"""A device to be captured, without hardware: a JACK client that plays what one stream after the other sends to it.

Run as a program, it waits for PortAudio's ports, takes their connections to the sound card away and puts itself between
output and input, or, as a cable, connects the two. With ``--freewheel`` the server runs as fast as it can while a
stream lasts, and nothing can be late.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

Block = np.ndarray[Any, Any]
Device = Callable[[Block], Block]


class Drive:
    """Tone, then a soft clipper: 32-bit float in and out, the same in blocks of any size; silent at rest."""

    TONE = np.array([0.7, 0.25, -0.1, 0.05])

    def __init__(self, *, gain: float = 4.0, level: float = 0.7) -> None:
        self._gain, self._level = gain, level
        self._past = np.zeros(len(self.TONE) - 1)

    def __call__(self, block: Block) -> Block:
        known = np.concatenate([self._past, block.astype(np.float64)])
        self._past = known[len(block) :]
        last = len(self._past)
        filtered = sum(tap * known[last - k : len(known) - k] for k, tap in enumerate(self.TONE))
        return np.asarray(self._level * np.tanh(self._gain * filtered), np.float32)


def make_device(args: argparse.Namespace) -> Device | None:
    """What the client does with a block; None where it only connects or does not."""
    if args.device == "model":
        from fxtrain import engine

        return engine.load(args.model).process
    return {"drive": Drive(level=args.level), "wire": lambda block: block}.get(args.device)


@contextlib.contextmanager
def jack_amp(environment: Mapping[str, str], log: Path, *arguments: Any) -> Iterator[None]:
    """The program on the server that ``environment`` names, ready for streams."""
    from jack_server import running

    with running([sys.executable, __file__, *arguments], environment, log) as process:
        deadline = time.monotonic() + 20
        while b"ready" not in log.read_bytes():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, "the amplifier did not begin"
            time.sleep(0.02)
        yield


def main() -> None:
    import jack

    parser = argparse.ArgumentParser()
    parser.add_argument("device", choices=["drive", "model", "wire", "cable", "nothing"])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--level", type=float, default=0.7, help="of the drive; above 1, it clips")
    parser.add_argument("--freewheel", action="store_true", help="let the server run as fast as it can")
    parser.add_argument("--stall", action="store_true", help="be late once; only then freewheel")
    args = parser.parse_args()
    device = make_device(args)
    client = jack.Client("amp", no_start_server=True)
    source, sink = client.inports.register("in"), client.outports.register("out")
    stalls = args.stall

    def process(frames: int) -> None:
        nonlocal stalls
        assert device is not None
        block = np.array(source.get_array())
        sink.get_array()[:] = device(block)
        if stalls and np.any(block):
            stalls = False
            time.sleep(0.2)

    if device is not None:
        client.set_process_callback(process)

    def ports(**kind: bool) -> list[Any]:
        try:
            return list(client.get_ports("^PortAudio:", is_audio=True, **kind))
        except jack.JackError:  # one of them has just gone
            return []

    def connect() -> bool:
        """Whether there is a stream and it is connected now."""
        found = ports()
        try:
            taken = {port.name: client.get_all_connections(port) for port in found}
            if not taken or not all(taken.values()):  # PortAudio connects its ports as it starts the stream
                return False
            for port in found:
                for other in taken[port.name]:
                    client.disconnect(*((other, port) if port.is_input else (port, other)))
            inputs = [port for port in found if port.is_input]
            outputs = [port for port in found if port.is_output]
            if args.device == "cable":
                client.connect(outputs[0], inputs[0])
            elif device is not None:
                client.connect(outputs[0], source)
                client.connect(sink, inputs[0])
        except jack.JackError:  # the stream is about to start, or has just ended
            return False
        return True

    def is_connected() -> bool:
        """Whether that is still the same stream: the next one's ports have the same names."""
        inputs = ports(is_input=True)
        try:
            return bool(inputs) and (args.device == "nothing" or bool(client.get_all_connections(inputs[0])))
        except jack.JackError:
            return False

    with client:
        print("ready", flush=True)
        while True:
            while not connect():
                time.sleep(0.002)
            freewheels = args.freewheel and not stalls
            if freewheels:
                time.sleep(0.05)  # the stream has yet to begin, and must; its silence before the sound is longer
                client.set_freewheel(True)
            while is_connected():
                time.sleep(0.002)
            if freewheels:
                client.set_freewheel(False)


if __name__ == "__main__":
    main()
