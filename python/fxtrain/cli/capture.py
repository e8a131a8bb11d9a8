# SPDX-License-Identifier: MIT
"""``fxtrain capture``: plays a dry recording through a device and records what comes back."""

from __future__ import annotations

import argparse
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from fxtrain.cli.arguments import add_device_arguments, non_negative_int, positive_int

SUMMARY = "play a recording through an amp or pedal, record what comes back, and learn it"
MODE: Literal["train", "inference"] = "train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``capture``."""
    take = parser.add_argument_group("take")
    take.add_argument(
        "--play", type=Path, metavar="DRY.wav", help="the recording to play, as `fxtrain signal` makes one"
    )
    take.add_argument("--out", type=Path, metavar="WET.wav", help="where to write what came back, as long as DRY")
    take.add_argument("--channel", type=lambda text: positive_int(text) - 1, metavar="N", help="of DRY, from 1")
    take.add_argument("--force", action="store_true", help="overwrite WET")
    take.add_argument(
        "--level-check",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="first play the loudest seconds of DRY and judge the level that comes back",
    )
    take.add_argument("--yes", action="store_true", help="ask nothing: check the level once, do not offer to learn")
    take.add_argument("--takes", type=positive_int, default=3, metavar="N", help="tries, where there are drop-outs")
    take.add_argument(
        "--round-trip",
        type=non_negative_int,
        metavar="FRAMES",
        help="how late the return is; default: as `fxtrain latency` has measured it, else found from the take",
    )
    take.add_argument(
        "--ignore", action="append", default=[], metavar="NAME", help="do not let this check say stop (repeatable)"
    )
    take.add_argument(
        "--fit", action=argparse.BooleanOptionalAction, default=None, help="learn it afterwards; default: ask"
    )
    add_device_arguments(parser, rate="that of DRY")


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any] | None:
    """Checks the level, makes the take, writes it, and offers to learn it."""
    raise NotImplementedError
