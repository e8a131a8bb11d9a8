# SPDX-License-Identifier: MIT
"""The table of sound devices that ``--list-devices`` prints."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from fxtrain.cli.terminal import shown

__all__ = ["print_devices"]


def print_devices(console: Console) -> dict[str, Any]:
    """Prints all sound devices; returns them as JSON-able values."""
    from fxtrain.errors import DeviceError
    from fxtrain.sound_devices.portaudio import list_devices

    devices = list_devices()
    if not devices:
        raise DeviceError("No sound device was found: connect an interface or start a JACK server.")
    table = Table(box=None, pad_edge=False)
    for heading in ("", "device", "host", "in", "out", "Hz", "latency"):
        table.add_column(heading, justify="right" if heading in ("", "in", "out", "Hz") else "left", overflow="fold")
    for device in devices:
        default = {(1, 1): " (default)", (1, 0): " (default input)", (0, 1): " (default output)"}.get(
            (device.is_default_input, device.is_default_output), ""
        )
        latency = 1000 * (device.input_latency * bool(device.num_inputs) + device.output_latency)
        table.add_row(
            str(device.index),
            shown(f"{device.name}{default}"),
            shown(device.host_api),
            str(device.num_inputs),
            str(device.num_outputs),
            str(device.default_rate),
            f"{latency:.1f} ms",
        )
    console.print(table)
    return {"devices": [device.to_dict() for device in devices]}
