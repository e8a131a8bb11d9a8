# SPDX-License-Identifier: MIT
"""Logging of the command line."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path

from rich.logging import RichHandler

from fxtrain.cli.terminal import SafeConsole

__all__ = ["init_logger", "log_to_file"]

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


class _LogFile(logging.FileHandler):
    """A log that gives up in silence on a full disk, so that what else could not be written is what is reported."""

    def handleError(self, record: logging.LogRecord) -> None:
        pass

    def close(self) -> None:
        with suppress(OSError):
            super().close()


def log_to_file(path: Path) -> logging.Handler:
    """Also writes the package's log, information and above, to ``path``; returns the handler to remove later."""
    handler = _LogFile(path, encoding="utf-8")
    handler.setLevel(logging.INFO)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger("fxtrain").addHandler(handler)
    return handler
