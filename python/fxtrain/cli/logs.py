# SPDX-License-Identifier: MIT
"""Logging of the command line."""

from __future__ import annotations

import logging

from rich.logging import RichHandler

from fxtrain.cli.terminal import SafeConsole

__all__ = ["init_logger"]

_LEVELS = {-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}


def init_logger(*, verbosity: int = 0) -> logging.Logger:
    """Sends the package's log to stderr.

    Args:
        verbosity: -1 errors only, 0 warnings, 1 information, 2 and more debugging.
    """
    logger = logging.getLogger("fxtrain")
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()
    handler = RichHandler(console=SafeConsole(stderr=True), show_time=False, show_path=False)
    handler.setLevel(_LEVELS.get(max(verbosity, -1), logging.DEBUG))
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    return logger
