# SPDX-License-Identifier: MIT
"""``fxtrain latency``: the round trip of an interface, measured through a cable."""

from __future__ import annotations

import argparse
import logging
from collections.abc import MutableMapping
from dataclasses import asdict
from typing import Any

from rich.console import Console

from fxtrain.cli.arguments import add_device_arguments
from fxtrain.cli.terminal import shown
from fxtrain.errors import FxtrainError

__all__ = ["add_arguments", "run"]


log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``latency``."""
    add_device_arguments(parser, rate="their own")


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any] | None:
    """Plays clicks, prints how long they took, and keeps the result for these devices."""
    if args.list_devices:
        from fxtrain.cli.device_list import print_devices

        return print_devices(console)
    from fxtrain.sound_devices.round_trip import measure_round_trip, remember
    from fxtrain.sound_devices.wiring import wiring_from

    wiring = wiring_from(args, None)
    where = f"{wiring.describe('output')} to {wiring.describe('input')}"
    console.print(f"Clicks go from {shown(where)}, at {wiring.sample_rate} Hz; a cable is expected between the two.")
    found = measure_round_trip(wiring)
    claimed = found.claimed_seconds * wiring.sample_rate
    console.print(
        f"Round trip  [bold]{found.frames:.2f} frames, {1000 * found.seconds:.2f} ms[/]\n"
        f"claimed     {claimed:.0f} frames, {1000 * found.claimed_seconds:.2f} ms, as the driver tells it\n"
        f"spread      {found.spread_frames:.3f} frames from the earliest to the latest click\n"
        f"level       {found.peak_db:.1f} dBFS came back of -6.0\n"
        f"polarity    {'upright' if found.polarity > 0 else 'upside down'}"
    )
    is_remembered = True
    try:
        remember(wiring, found)
    except (OSError, FxtrainError) as error:  # what was measured is worth having, whatever the disk says
        is_remembered = False
        log.warning("The round trip could not be remembered (%s): give it to capture as --round-trip.", error)
    else:
        console.print("It is remembered: `live` shows it and `capture` takes it off.", markup=False)
    return {
        **asdict(found),
        "milliseconds": 1000 * found.seconds,
        "input": wiring.describe("input"),
        "output": wiring.describe("output"),
        "block_size": wiring.block_size,
        "remembered": is_remembered,
    }
