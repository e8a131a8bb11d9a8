# SPDX-License-Identifier: MIT
"""Reading files that strangers made: regular files only, and never more of one than was expected."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from fxtrain.errors import InputError

__all__ = ["read_file", "require_regular_file"]

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


def require_regular_file(
    path: str | os.PathLike[str], expected: str, *, at_most: int | None = None, error: type[InputError] = InputError
) -> None:
    """Checks a file before it is opened: opening a pipe waits for ever, and a device may never end.

    Args:
        path: the file, which must exist.
        expected: what it should be, for the message: "a model file".
        at_most: greatest size in bytes; None for any.
        error: class of the exception.

    Raises:
        InputError: it is a folder, a pipe, a device or a socket, or too large.
        OSError: it does not exist or cannot be reached.
    """
    found = Path(path).stat()
    for is_kind, kind in _KINDS:
        if is_kind(found.st_mode):
            raise error(f"{path} is {kind}, not a regular file: expected {expected}")
    if at_most is not None and found.st_size > at_most:
        size = f"{found.st_size >> 20} MiB" if found.st_size >= 1 << 20 else f"{found.st_size} bytes"
        limit = f"{at_most >> 20} MiB" if at_most >= 1 << 20 else f"{at_most} bytes"
        raise error(f"{path} has {size}, but {expected} has at most {limit}: is it another file?")


def read_file(
    path: Path, *, at_most: int, expected: str = "a file of fxtrain", error: type[InputError] = InputError
) -> bytes:
    """The bytes of a regular file, as :func:`require_regular_file` checks it.

    Raises:
        InputError: it is no regular file, or larger than ``at_most`` bytes.
        OSError: it cannot be read.
    """
    require_regular_file(path, expected, at_most=at_most, error=error)
    with path.open("rb") as file:
        return file.read(at_most + 1)[:at_most]
