# SPDX-License-Identifier: MIT
"""Files that a command is about to write."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from fxtrain.errors import InputError, OutputExistsError
from fxtrain.files import require_regular_file

__all__ = ["require_free"]


def require_free(path: Path, *, force: bool, sources: Iterable[Path] = ()) -> None:
    """Checks that ``path`` can be written, and that this destroys nothing that the user did not give up.

    Args:
        path: the file to be written.
        force: whether an existing file may be overwritten.
        sources: files that the command reads; they are never overwritten.

    Raises:
        InputError: its folder does not exist.
        OutputExistsError: it exists, or is one of the sources, or is no regular file.
    """
    if not path.exists():
        if not path.parent.is_dir():
            what = "is a file" if path.parent.exists() else "does not exist"
            raise InputError(
                f"{path} cannot be written: expected a folder, but {path.parent} {what}; make the folder first, or "
                "choose another one."
            )
        return
    require_regular_file(path, "a file to overwrite", error=OutputExistsError)
    for source in sources:
        if source.exists() and path.samefile(source):
            raise OutputExistsError(f"{path} is the file to be read: choose another name for the result.")
    if not force:
        raise OutputExistsError(f"{path} exists already: choose another name, or add --force to overwrite it.")
