# SPDX-License-Identifier: MIT
"""Arguments of every command."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import MutableMapping
from typing import Any, Literal, Protocol, cast

from rich.console import Console

from fxtrain import __version__

__all__ = ["COMMANDS", "Command", "init_parser", "load_command"]

COMMANDS = (
    *("fit", "check", "evaluate", "render"),
    *("live", "capture", "signal", "latency"),
    *("export", "info", "models", "preset", "install", "demo"),
)
"""Command names, in the order of the help text; command ``x`` lives in ``fxtrain.cli.x``."""


class Command(Protocol):
    """What a command module holds."""

    SUMMARY: str
    MODE: Literal["train", "inference"]

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Adds the command's own arguments."""

    def run(self, args: argparse.Namespace, console: Console) -> MutableMapping[str, Any] | None:
        """Does the work; returns what ``--json`` prints."""


def load_command(name: str) -> Command:
    """The module of one command, imported when it is needed."""
    return cast(Command, importlib.import_module(f"fxtrain.cli.{name}"))


def init_parser(mode: Literal["train", "inference", "all"]) -> argparse.ArgumentParser:
    """Builds the argument parser.

    Args:
        mode: which commands to offer: those that train, those that use a model, or all.

    Returns:
        A parser whose result has ``command``, ``json``, ``verbose``, ``quiet`` and the command's own arguments.
    """
    parser = argparse.ArgumentParser(
        prog="fxtrain", description="Learn a guitar amplifier or pedal from a recording, and play it in real time."
    )
    parser.add_argument("--version", action="version", version=f"fxtrain {__version__}")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print one JSON object on stdout, all else on stderr")
    common.add_argument("-v", "--verbose", action="count", default=0, help="say more (repeat for debugging)")
    common.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        command = load_command(name)
        if mode in ("all", command.MODE):
            sub = commands.add_parser(name, parents=[common], help=command.SUMMARY, description=command.SUMMARY)
            command.add_arguments(sub)
    return parser
