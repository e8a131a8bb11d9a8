# SPDX-License-Identifier: MIT
"""Arguments of every command."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, Protocol, cast

from rich.console import Console

from fxtrain import __version__
from fxtrain.text import printable

__all__ = ["COMMANDS", "Command", "CommandModule", "init_parser", "load_command"]


@dataclass(frozen=True)
class Command:
    """What is known of a command before its module is imported.

    Attributes:
        mode: whether it trains a model or uses one.
        summary: one line of help.
    """

    mode: Literal["train", "inference"]
    summary: str


COMMANDS = {
    "fit": Command("train", "learn a device from a recording of its input (DRY) and its output (WET)"),
    "check": Command("inference", "look at a dry and a wet recording before training on them"),
    "evaluate": Command("inference", "measure how close a model comes to a recording that it was not trained on"),
    "render": Command("inference", "play a recording through a model, from file to file"),
    "sample": Command("inference", "make sound with a trained generator"),
    "sonify": Command("inference", "make a sound for a picture or a video"),
    "live": Command("inference", "play the guitar through models, live"),
    "capture": Command("train", "play a recording through an amp or pedal, record what comes back, and learn it"),
    "signal": Command("inference", "write the standard three-minute test signal, to play into a device and record"),
    "latency": Command("inference", "measure the round trip of an interface through a cable from output to input"),
    "export": Command("inference", "write the model file (RTNeural JSON, .nam) of a run or a checkpoint"),
    "convert": Command("inference", "write a model file in another format (RTNeural, AIDA-X, .nam, Proteus)"),
    "info": Command("inference", "say what a model file or preset is, whether it plays as it should, and who made it"),
    "models": Command("inference", "list the models that can be trained and what each can do"),
    "features": Command("inference", "write the hidden states of a speech encoder (Whisper, WavLM) for a recording"),
    "restore": Command("inference", "put back the highs that MP3, AAC or another lossy codec took from a recording"),
    "preset": Command("inference", "write a preset of the plugin, with model, impulse response and settings in it"),
    "install": Command("inference", "put models and impulse responses where the plugin looks for them"),
    "demo": Command("train", "make a recording with a simulated circuit, learn it, and show what came out"),
}
"""All commands, in the order of the help text; command ``x`` lives in ``fxtrain.cli.x``."""


class CommandModule(Protocol):
    """What a command's module holds."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Adds the command's own arguments."""

    def run(self, args: argparse.Namespace, console: Console) -> MutableMapping[str, Any] | None:
        """Does the work; returns what ``--json`` prints."""


def load_command(name: str) -> CommandModule:
    """The module of one command."""
    return cast(CommandModule, importlib.import_module(f"fxtrain.cli.{name}"))


class _Parser(argparse.ArgumentParser):
    """A parser whose messages quote arguments without their control characters."""

    def error(self, message: str) -> NoReturn:
        """Prints usage and message, and ends the program with code 2."""
        super().error(printable(message))


class _CommandParser(_Parser):
    """The arguments of one command, whose module is imported only when they are parsed."""

    _loaded = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if not self._loaded:
            self._loaded = True
            load_command(self.prog.split()[-1]).add_arguments(self)
        return super().parse_known_args(args, namespace)


def init_parser(mode: Literal["train", "inference", "all"]) -> argparse.ArgumentParser:
    """Builds the argument parser.

    Args:
        mode: which commands to offer: those that train, those that use a model, or all.

    Returns:
        A parser whose result has ``command``, ``json``, ``verbose``, ``quiet`` and the command's own arguments.
    """
    parser = _Parser(
        prog="fxtrain", description="Learn a guitar amplifier or pedal from a recording, and play it in real time."
    )
    parser.add_argument("--version", action="version", version=f"fxtrain {__version__}")
    common = _Parser(add_help=False)
    common.add_argument("--json", action="store_true", help="print one JSON object on stdout, all else on stderr")
    common.add_argument("-v", "--verbose", action="count", default=0, help="say more (repeat for debugging)")
    common.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")
    commands: argparse._SubParsersAction[argparse.ArgumentParser] = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=_CommandParser
    )
    for name, command in COMMANDS.items():
        if mode in ("all", command.mode):
            commands.add_parser(name, parents=[common], help=command.summary, description=command.summary)
    return parser
