# SPDX-License-Identifier: MIT
"""The command line: one file per command, found by name in :data:`fxtrain.cli.parser.COMMANDS`.

A command's module holds ``add_arguments(parser)`` and ``run(args, console)``. ``run`` returns a JSON-able mapping,
printed alone on stdout with ``--json``; what a person reads goes to ``console``, which is then stderr.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Sequence

from rich.console import Console

from fxtrain.cli.logs import init_logger
from fxtrain.cli.parser import init_parser, load_command
from fxtrain.errors import FxtrainError

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0 done, 1 failed while working, 2 wrong input."""
    # Idle OpenMP threads of torch should sleep: by default they spin, which doubles training time on a busy machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    arguments = list(sys.argv[1:] if argv is None else argv)
    args = init_parser("all").parse_args(arguments)
    args.command_line = shlex.join(["fxtrain", *arguments])
    console = Console(stderr=args.json, quiet=args.quiet, highlight=False, soft_wrap=True)
    logger = init_logger(verbosity=args.verbose - args.quiet)
    try:
        result = load_command(args.command).run(args, console)
    except FxtrainError as error:
        logger.debug("traceback", exc_info=True)
        sys.stderr.write(f"fxtrain: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("fxtrain: stopped.\n")
        return 1
    except BrokenPipeError:
        return 1
    except OSError as error:  # a full disk, a folder that may not be written to
        logger.debug("traceback", exc_info=True)
        where = f" ({error.filename})" if error.filename else ""
        sys.stderr.write(f"fxtrain: the system refused: {error.strerror or error}{where}.\n")
        return 1
    exit_code = 0
    if result is not None:
        exit_code = int(result.pop("exit_code", 0))
        if args.json:
            sys.stdout.write(json.dumps(result, indent=2, allow_nan=False) + "\n")
    return exit_code
