# SPDX-License-Identifier: MIT
"""A command that is run by another one."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence

__all__ = ["run_in_process"]


def run_in_process(words: Sequence[str], args: argparse.Namespace) -> int:
    """Runs a command as verbosely as the one that calls it; returns its exit code.

    Args:
        words: the command and its arguments.
        args: those of the calling command. With ``--json``, stdout is for its own object alone.
    """
    from fxtrain.cli import main

    flags = ["-q"] if args.quiet else [f"-{'v' * args.verbose}"] if args.verbose else []
    with contextlib.redirect_stdout(sys.stderr) if args.json else contextlib.nullcontext():
        return main([*words, *flags])
