# SPDX-License-Identifier: MIT
"""``fxtrain demo``: a whole run, on material that is made or fetched."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from rich.console import Console

from fxtrain.cli.arguments import non_negative_int, positive_float, positive_int
from fxtrain.cli.demos import DEMOS
from fxtrain.errors import InputError
from fxtrain.text import did_you_mean, quoted

_FIRST = next(iter(DEMOS))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``demo``."""
    listed = "; ".join(f"{name}: {summary}" for name, summary in DEMOS.items())
    parser.add_argument("name", nargs="?", default=_FIRST, metavar="NAME", help=f"{listed} (default {_FIRST})")
    parser.add_argument("--out", type=Path, metavar="DIR", help="run folder; default runs/demo, or runs/demo-NAME")
    parser.add_argument(
        "--seed", type=non_negative_int, default=0, metavar="N", help="of the material and the training; default 0"
    )
    parser.add_argument(
        "--max-minutes",
        type=positive_float,
        metavar="M",
        help="time limit for training; default 4, none for amp, which counts steps",
    )
    parser.add_argument("--force", action="store_true", help="remove an earlier demo's files from DIR and start again")
    amp = parser.add_argument_group("demo amp")
    amp.add_argument(
        "--circuit", default="overdrive", metavar="NAME", help="overdrive (default), distortion, valve or fuzz"
    )
    amp.add_argument(
        "--seconds", type=positive_float, default=150.0, metavar="S", help="length of the recording; default 150"
    )
    amp.add_argument(
        "--max-steps",
        type=positive_int,
        default=20_000,
        metavar="N",
        help="training steps, about two and a half minutes on two cores; default 20000",
    )


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any]:
    """Does what is not done yet, then shows the result."""
    if args.name not in DEMOS:
        raise InputError(
            f"there is no demo {quoted(args.name)}; there are {', '.join(DEMOS)}{did_you_mean(args.name, DEMOS)}"
        )
    if args.out is None:
        args.out = Path("runs") / ("demo" if args.name == _FIRST else f"demo-{args.name}")
    if args.max_minutes is None and args.name != _FIRST:
        args.max_minutes = 4.0
    demo = importlib.import_module(f"fxtrain.cli.demos.{args.name.replace('-', '_')}")
    result: MutableMapping[str, Any] = demo.run(args, console)
    return result
