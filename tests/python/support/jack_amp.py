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
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from patient_interface import Settings, make_device


@contextlib.contextmanager
def jack_amp(environment: Mapping[str, str], log: Path, *arguments: Any) -> Iterator[None]:
    """The program on the server that ``environment`` names, ready for streams."""
    from jack_server import ready

    with ready([sys.executable, __file__, *arguments], environment, log):
        yield


def main() -> None:
    import jack

    parser = argparse.ArgumentParser()
    parser.add_argument("device", choices=["drive", "wire", "cable"])
    parser.add_argument("--freewheel", action="store_true", help="let the server run as fast as it can")
    args = parser.parse_args()
    device = None if args.device == "cable" else make_device(Settings(device=args.device))
    client = jack.Client("amp", no_start_server=True)
    source, sink = client.inports.register("in"), client.outports.register("out")

    def process(frames: int) -> None:
        assert device is not None
        block = np.array(source.get_array())
        sink.get_array()[:] = device(block)

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
            else:
                client.connect(outputs[0], source)
                client.connect(sink, inputs[0])
        except jack.JackError:  # the stream is about to start, or has just ended
            return False
        return True

    def is_connected() -> bool:
        """Whether that is still the same stream: the next one's ports have the same names."""
        inputs = ports(is_input=True)
        try:
            return bool(inputs) and bool(client.get_all_connections(inputs[0]))
        except jack.JackError:
            return False

    with client:
        print("ready", flush=True)
        while True:
            while not connect():
                time.sleep(0.002)
            if args.freewheel:
                time.sleep(0.05)  # the stream has yet to begin, and must; its silence before the sound is longer
                client.set_freewheel(True)
            while is_connected():
                time.sleep(0.002)
            if args.freewheel:
                client.set_freewheel(False)


if __name__ == "__main__":
    main()
