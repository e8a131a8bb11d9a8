# SPDX-License-Identifier: MIT
"""``fxtrain latency``: the round trip of an interface, measured through a cable."""

from __future__ import annotations

import argparse
from collections.abc import MutableMapping
from typing import Any, Literal

from rich.console import Console

from fxtrain.cli.arguments import add_device_arguments

SUMMARY = "measure the round trip of an interface through a cable from its output to its input"
MODE: Literal["train", "inference"] = "inference"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``latency``."""
    add_device_arguments(parser, rate="the devices' own")


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any] | None:
    """Plays clicks, prints how long they took, and keeps the result for these devices."""
    raise NotImplementedError
