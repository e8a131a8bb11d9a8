# SPDX-License-Identifier: MIT
"""Checkpoints (``.pt``) that are there whole or not at all."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from fxtrain.atomic import write_atomically
from fxtrain.errors import CheckpointError, ModelFileError

__all__ = ["load_checkpoint", "save_checkpoint"]

FORMAT_VERSION = 1


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Saves tensors and plain values atomically.

    Raises:
        CheckpointError: it could not be written; an earlier checkpoint of that name is untouched.
    """

    buffer = io.BytesIO()
    torch.save({"format_version": FORMAT_VERSION, **content}, buffer)
    try:
        write_atomically(path, buffer.getvalue())
    except OSError as error:
        survivor = "the previous checkpoint is untouched" if path.exists() else "there is no earlier one"
        raise CheckpointError(
            f"cannot write the checkpoint {path}: {error.strerror or error}; {survivor}; make room and use --resume"
        ) from error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Reads what :func:`save_checkpoint` wrote.

    Raises:
        ModelFileError: the file is missing, or is not a checkpoint of fxtrain.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ModelFileError(f"there is no checkpoint {path}") from None
    except Exception as error:  # torch's unpickler fails in its own way on every kind of foreign file
        raise ModelFileError(
            f"{path} is not a checkpoint ({type(error).__name__}); expected a .pt file written by fxtrain fit"
        ) from None
    if not isinstance(content, dict) or "format_version" not in content:
        raise ModelFileError(
            f"{path} is a torch file but not a checkpoint of fxtrain; expected one written by fxtrain fit"
        )
    if content["format_version"] != FORMAT_VERSION:
        raise ModelFileError(
            f"{path} has checkpoint version {content['format_version']}, but this fxtrain reads {FORMAT_VERSION}"
        )
    return content
