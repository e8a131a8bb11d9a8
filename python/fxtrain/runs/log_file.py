# SPDX-License-Identifier: MIT
"""``fxtrain.log`` of a run."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path

__all__ = ["log_to_file"]


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
