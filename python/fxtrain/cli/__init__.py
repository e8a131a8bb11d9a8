# SPDX-License-Identifier: MIT
"""The command line: one file per command, found by name in :data:`fxtrain.cli.parser.COMMANDS`.

A command's module holds ``add_arguments(parser)`` and ``run(args, console)``. ``run`` returns a JSON-able mapping,
printed alone on stdout with ``--json``; what a person reads goes to ``console``, which is then stderr.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import sys
import tempfile
import traceback
from collections.abc import Sequence
from logging import Logger
from pathlib import Path

from fxtrain import __version__
from fxtrain.cli.logs import init_logger
from fxtrain.cli.parser import init_parser, load_command
from fxtrain.cli.terminal import SafeConsole, is_closed, prepare_streams, settle_output
from fxtrain.errors import FxtrainError, InputError
from fxtrain.text import printable

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0 done, 1 failed while working, 2 wrong input."""
    # Idle OpenMP threads of torch should sleep: by default they spin, which doubles training time on a busy machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    prepare_streams()
    arguments = list(sys.argv[1:] if argv is None else argv)
    logger = init_logger()
    try:
        _require_text(arguments)
        args = init_parser("all").parse_args(arguments)
        args.command_line = shlex.join(["fxtrain", *arguments])
        init_logger(verbosity=args.verbose - args.quiet)
        exit_code = _run(args)
        sys.stdout.flush()
        return exit_code
    except FxtrainError as error:
        logger.debug("traceback", exc_info=True)
        _say(error)
        return error.exit_code
    except KeyboardInterrupt:
        _say("stopped.")
        return 1
    except BrokenPipeError:
        settle_output()
        return 1
    except MemoryError:
        logger.debug("traceback", exc_info=True)
        _say("this needs more memory than the computer has: use shorter recordings, or close other programs.")
        return 1
    except OSError as error:  # a full disk, a folder that may not be written to
        logger.debug("traceback", exc_info=True)
        where = f" ({error.filename})" if error.filename else ""
        _say(f"I/O error: {error.strerror or error}{where}.")
        settle_output()
        return 1
    except Exception as error:  # unforeseen: a mistake of ours, whatever was given
        logger.info("traceback", exc_info=True)
        _say(_describe_failure(error, arguments, logger))
        return 1


def _run(args: argparse.Namespace) -> int:
    console = SafeConsole(stderr=args.json, quiet=args.quiet, highlight=False, soft_wrap=True)
    if args.json and is_closed(sys.stdout):
        raise FxtrainError("--json prints to the standard output, which is closed: leave it open.")
    result = load_command(args.command).run(args, console)
    exit_code = 0
    if result is not None:
        exit_code = int(result.pop("exit_code", 0))
        if args.json:
            sys.stdout.write(json.dumps(result, indent=2, allow_nan=False) + "\n")
    return exit_code


def _say(message: object) -> None:
    """One line on stderr; what it quotes from files cannot break out of it."""
    with contextlib.suppress(OSError):  # nobody reads it
        sys.stderr.write(f"fxtrain: {printable(message)}\n")
        sys.stderr.flush()


def _require_text(arguments: Sequence[str]) -> None:
    """Names in old archives may be in other encodings, which model files, tables and presets cannot hold."""
    for argument in arguments:
        if "\0" in argument:
            raise InputError(f"{argument} holds a NUL character, which no name has: leave it out.")
        try:
            argument.encode("utf-8")
        except UnicodeEncodeError:
            try:
                name = os.fsencode(argument).decode("utf-8", "backslashreplace")
            except UnicodeEncodeError:  # half of a pair, in a name of Windows
                name = ascii(argument)
            raise InputError(f"{name} is not valid UTF-8: rename the file, then try again.") from None


def _describe_failure(error: Exception, arguments: Sequence[str], logger: Logger) -> str:
    """A sentence for an error that nobody foresaw; the traceback goes to a file."""
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if len(what) > 200:
        what = what[:200] + "..."
    report = f"this is a mistake in fxtrain {__version__}, not in what you gave it ({what}); please report it"
    try:
        handle, name = tempfile.mkstemp(prefix="fxtrain-", suffix=".log", text=True)
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"fxtrain {__version__}, Python {sys.version}, {sys.platform}\n")
            file.write(f"{shlex.join(['fxtrain', *arguments])}\n\n")
            file.write("".join(traceback.format_exception(error)))
    except (OSError, ValueError):
        return f"{report} with what -v prints."
    return f"{report} with {Path(name)}, or see the traceback with -v."
