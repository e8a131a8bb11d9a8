# SPDX-License-Identifier: MIT
"""Arguments of every command."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, Protocol, cast

from rich.console import Console

from fxtrain import __version__
from fxtrain.text import did_you_mean, printable

__all__ = ["COMMANDS", "Command", "CommandModule", "init_parser", "load_command"]


@dataclass(frozen=True)
class Command:
    """What is known of a command before its module is imported.

    Attributes:
        mode: whether it trains a model or uses one.
        summary: one line of help.
        group: the heading under which the help lists it.
        examples: command lines that its help shows, without ``fxtrain``.
    """

    mode: Literal["train", "inference"]
    summary: str
    group: str = "Other"
    examples: tuple[str, ...] = ()


_START, _TRAIN, _PLAY, _FILES, _GENERATE = (
    "Start here",
    "Record and train",
    "Play and measure",
    "Model files and the plugin",
    "Generators",
)

COMMANDS = {
    "fit": Command(
        "train",
        "train a model of a device from a recording of its input (DRY) and its output (WET)",
        _START,
        (
            "fit dry.wav wet.wav --out runs/amp",
            "fit dry.wav wet.wav --preset nano --max-minutes 5",
            "fit dry.wav clean.wav crunch.wav lead.wav --out runs/amp",
            "fit --resume runs/amp",
        ),
    ),
    "sweep": Command(
        "train",
        "train a model for each point of a grid of settings, and write one table",
        _TRAIN,
        ("sweep study.toml --out runs/study", "sweep study.toml --out runs/study --jobs 2"),
    ),
    "check": Command(
        "inference",
        "check a dry and a wet recording before training on them",
        _TRAIN,
        ("check dry.wav wet.wav", "check dry.wav wet.wav --ignore clipping"),
    ),
    "evaluate": Command(
        "inference",
        "measure a model on a recording that it was not trained on",
        _PLAY,
        ("evaluate runs/amp other-dry.wav other-wet.wav",),
    ),
    "compare": Command(
        "inference",
        "write one page over several runs: sounds, figures, and the settings that differ",
        _PLAY,
        ("compare runs/amp runs/amp-nano --out compare.html",),
    ),
    "render": Command(
        "inference",
        "play a recording through a model, from file to file",
        _PLAY,
        (
            "render runs/amp dry.wav played.wav",
            "render amp.nam dry.wav played.wav --oversample 4",
            "render --rig my-sound.vstpreset dry.wav played.wav",
        ),
    ),
    "sample": Command(
        "inference", "make sound with a trained generator", _GENERATE, ("sample runs/voices out.wav --seed 3",)
    ),
    "sonify": Command("inference", "make a sound for a picture or a video", _GENERATE, ("sonify picture.png out.wav",)),
    "live": Command(
        "inference",
        "play your guitar through models in real time",
        _PLAY,
        ("live runs/amp", "live clean.json lead.nam --record dry.wav wet.wav"),
    ),
    "capture": Command(
        "train",
        "play a recording through an amp or pedal, record what comes back, and train on it",
        _TRAIN,
        ("capture --play signal.wav --out wet.wav", "capture --list-devices"),
    ),
    "signal": Command(
        "inference",
        "write the standard three-minute test signal, to play into a device and record",
        _TRAIN,
        ("signal signal.wav",),
    ),
    "latency": Command(
        "inference",
        "measure the round trip of an interface through a cable from output to input",
        _TRAIN,
        ("latency", "latency --list-devices"),
    ),
    "export": Command(
        "inference",
        "write the model file (RTNeural JSON, .nam, ONNX) of a run or a checkpoint",
        _FILES,
        ("export runs/amp amp.json", "export runs/amp/best.pt amp.aidax"),
    ),
    "convert": Command(
        "inference",
        "write a model file in another format (RTNeural, AIDA-X, .nam, Proteus)",
        _FILES,
        ("convert amp.json amp.aidax", "convert amp.nam amp.json --distill dry.wav"),
    ),
    "info": Command(
        "inference",
        "show the contents of a model file or preset, and check that it plays correctly",
        _FILES,
        ("info amp.nam", "info runs/amp --json"),
    ),
    "models": Command(
        "inference",
        "list the models that can be trained, or those that are installed for the plugin",
        _TRAIN,
        ("models", "models --installed --json"),
    ),
    "features": Command(
        "inference",
        "write the hidden states of a speech encoder (Whisper, WavLM) for a recording",
        _GENERATE,
        ("features voice.wav voice.npz",),
    ),
    "restore": Command(
        "inference",
        "restore the highs that MP3, AAC or another lossy codec removed from a recording",
        _GENERATE,
        ("restore song.mp3 song.wav",),
    ),
    "preset": Command(
        "inference",
        "write a plugin preset that contains a model, an impulse response and settings",
        _FILES,
        ("preset runs/amp amp.vstpreset",),
    ),
    "install": Command(
        "inference",
        "copy models and impulse responses to where the plugin looks for them",
        _FILES,
        ("install runs/amp", "install amp.nam --ir cabinet.wav"),
    ),
    "demo": Command(
        "train",
        "make a recording with a simulated circuit, train on it, and show the result",
        _START,
        ("demo",),
    ),
}
"""All commands; command ``x`` lives in ``fxtrain.cli.x``."""

_SHELLS = ("bash", "zsh", "tcsh")


class CommandModule(Protocol):
    """What a command's module holds."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Adds the command's own arguments."""

    def run(self, args: argparse.Namespace, console: Console) -> MutableMapping[str, Any] | None:
        """Does the work; returns what ``--json`` prints."""


def load_command(name: str) -> CommandModule:
    """The module of one command."""
    return cast(CommandModule, importlib.import_module(f"fxtrain.cli.{name}"))


def _formatter(prog: str) -> argparse.HelpFormatter:
    """Coloured help on a terminal. The library is imported when help is printed."""
    from rich_argparse import RawDescriptionRichHelpFormatter

    class Formatter(RawDescriptionRichHelpFormatter):
        text_markup = False
        help_markup = False
        group_name_formatter = str.capitalize

    return Formatter(prog)


class _Parser(argparse.ArgumentParser):
    """A parser that shows one line of usage, and asks back where a word is close to a known one."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{"allow_abbrev": False, "formatter_class": _formatter, **options})

    def format_usage(self) -> str:
        """One line: the command, and what it takes beside options."""
        return f"usage: {self._usage_line()}\n"

    def format_help(self) -> str:
        """The usage line, then all arguments."""
        self.usage = self._usage_line().replace("%", "%%")
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        """Prints the usage line and a message that quotes arguments without their control characters; exit code 2."""
        self._print_message(self.format_usage(), sys.stderr)
        self.exit(2, printable(f"{self.prog}: error: {message} (see {self.prog} --help)") + "\n")

    def _usage_line(self) -> str:
        parts = [self.prog]
        for action in self._actions:
            if action.option_strings:
                continue
            name = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
            many = "..." if action.nargs in ("*", "+") or isinstance(action, argparse._SubParsersAction) else ""
            name = name + (" ..." if many else "")
            parts.append(f"[{name}]" if action.nargs in ("?", "*") else name)
        return " ".join([*parts, "[OPTIONS]"])

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """As argparse does, with a guess at what was meant."""
        if action.choices is None or value in action.choices:
            return
        known = [str(choice) for choice in action.choices]
        what = "unknown command" if isinstance(action, argparse._SubParsersAction) else "invalid choice:"
        listed = "" if isinstance(action, argparse._SubParsersAction) else f", expected one of {', '.join(known)}"
        message = f"{what} {value!r}{listed}{did_you_mean(str(value), known)}"
        raise argparse.ArgumentError(None if not listed else action, message)


class _ProgramParser(_Parser):
    """The arguments before the command."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does, which would say of an unknown option alone that the command is missing."""
        words = sys.argv[1:] if args is None else list(args)
        option = words[0].partition("=")[0] if words else ""
        if option.startswith("-") and option not in self._option_string_actions:
            guess = did_you_mean(option, self._option_string_actions)
            self.error(f"unknown option {words[0]}{guess or '; the options of a command stand behind it'}")
        return super().parse_known_args(args, namespace)


class _CommandParser(_Parser):
    """The arguments of one command, whose module is imported only when they are parsed."""

    _loaded = False

    def load(self) -> None:
        """Adds the command's own arguments, once."""
        if not self._loaded:
            self._loaded = True
            load_command(self.prog.split()[-1]).add_arguments(self)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does; what is not known is an error of this command."""
        self.load()
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            option = unknown[0].partition("=")[0]
            guess = did_you_mean(option, self._option_string_actions) if option.startswith("-") else ""
            what = "option" if option.startswith("-") else "argument"
            self.error(f"unknown {what} {unknown[0]}{guess}")
        return found, unknown


class _ShowLicense(argparse.Action):
    """``--license``: prints the licence and ends."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import files

        (licence,) = (each for each in files("fxtrain") or () if each.name == "LICENSE")
        sys.stdout.write(licence.read_text())
        parser.exit()


class _PrintCompletion(argparse.Action):
    """``--print-completion SHELL``: prints what makes a shell complete commands, options and files, and ends."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option: Any = None) -> None:
        import shtab

        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                action.help = None  # suppressed in the help, which lists the commands by group
                for command in action.choices.values():
                    cast(_CommandParser, command).load()
                    for argument in command._actions:
                        if argument.type is Path:
                            argument.complete = shtab.FILE
        sys.stdout.write(shtab.complete(parser, values))
        parser.exit()


def init_parser(mode: Literal["train", "inference", "all"]) -> argparse.ArgumentParser:
    """Builds the argument parser.

    Args:
        mode: which commands to offer: those that train, those that use a model, or all.

    Returns:
        A parser whose result has ``command``, ``json``, ``verbose``, ``quiet`` and the command's own arguments.
    """
    offered = {name: command for name, command in COMMANDS.items() if mode in ("all", command.mode)}
    parser = _ProgramParser(
        prog="fxtrain",
        description="Train a model of a guitar amplifier or pedal from a recording, and play it in real time.",
        epilog=_overview(offered),
    )
    parser.add_argument("--version", action="version", version=f"fxtrain {__version__}")
    parser.add_argument("--license", action=_ShowLicense, nargs=0, help="show the licence and exit")
    parser.add_argument(
        "--print-completion",
        action=_PrintCompletion,
        choices=_SHELLS,
        metavar="SHELL",
        help=f"print tab completion for {', '.join(_SHELLS[:-1])} or {_SHELLS[-1]} and exit",
    )
    common = _Parser(add_help=False)
    common.add_argument("--json", action="store_true", help="print one JSON object on stdout, all else on stderr")
    common.add_argument("-v", "--verbose", action="count", default=0, help="print more (repeat for debugging)")
    common.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")
    commands: argparse._SubParsersAction[argparse.ArgumentParser] = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=_CommandParser, help=argparse.SUPPRESS
    )
    for name, command in offered.items():
        examples = "".join(f"\n  fxtrain {example}" for example in command.examples)
        commands.add_parser(
            name,
            parents=[common],
            help=command.summary,
            description=f"{command.summary[0].upper()}{command.summary[1:]}.",
            epilog=f"Examples:{examples}" if examples else None,
        )
    return parser


def _overview(commands: Mapping[str, Command]) -> str:
    """The commands by group."""
    groups: dict[str, list[str]] = {group: [] for group in (_START, _TRAIN, _PLAY, _FILES, _GENERATE)}
    for name, command in commands.items():
        groups.setdefault(command.group, []).append(f"  {name:<10}{command.summary}")
    groups[_START].reverse()  # the demo first
    listed = [f"{group}:\n" + "\n".join(lines) for group, lines in groups.items() if lines]
    return "\n\n".join([*listed, "fxtrain COMMAND --help shows the options of a command, with examples."])
