# SPDX-License-Identifier: MIT
"""Checkpoints (``.pt``) that are there whole or not at all."""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import struct
import zipfile
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar

import torch

from fxtrain.atomic import write_atomically
from fxtrain.errors import CheckpointError, ModelFileError
from fxtrain.files import require_regular_file
from fxtrain.text import quoted

__all__ = ["load_checkpoint", "save_checkpoint"]

FORMAT_VERSION = 2
"""Version 1 was written by fxtrain 0.1, for effects alone; it is read as version 2."""

_LARGEST_FILE = 256 << 20  # bytes
_LARGEST_PICKLE = _LARGEST_DIRECTORY = 1 << 20  # bytes
_END = struct.Struct("<4s36xQ8x4s4xQ4x22s")
"""End of a ZIP archive with 64-bit sizes: its directory's size; then where this record begins, and the old record."""


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


def load_checkpoint(path: str | PathLike[str]) -> dict[str, Any]:
    """Reads what :func:`save_checkpoint` wrote.

    Raises:
        ModelFileError: the file is missing, or is not a checkpoint of fxtrain.
    """
    path = Path(path)
    try:
        require_regular_file(path, "a checkpoint", at_most=_LARGEST_FILE, error=ModelFileError)
        _inspect(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ModelFileError(f"there is no checkpoint {path}") from None
    except ModelFileError:
        raise
    except Exception as error:  # torch's unpickler fails in its own way on every kind of foreign file
        raise ModelFileError(
            f"{path} is not a checkpoint ({type(error).__name__}); expected a .pt file written by fxtrain fit"
        ) from None
    if not isinstance(content, dict) or "format_version" not in content:
        raise ModelFileError(
            f"{path} is a torch file but not a checkpoint of fxtrain; expected one written by fxtrain fit"
        )
    version = content["format_version"]
    if type(version) is not int or version not in (1, FORMAT_VERSION):
        raise ModelFileError(
            f"{path} has checkpoint version {quoted(version)}, but this fxtrain reads 1 to {FORMAT_VERSION}; use the "
            "fxtrain that wrote it, or a newer one"
        )
    return _from_version_1(content) if version == 1 else content


def _from_version_1(content: dict[str, Any]) -> dict[str, Any]:
    """The content in the form of version 2."""
    content = dict(content)
    content["facts"] = {"sample_rate": content.pop("sample_rate", None)}
    if "error" in content:
        content["value"] = content.pop("error")
    position = content.get("position")
    if isinstance(position, dict):
        position = dict(position)
        loss = position.pop("loss_sum", 0.0), position.pop("loss_count", 0)
        position |= {
            name.replace("_error", "_value"): position.pop(name) for name in list(position) if "_error" in name
        }
        content |= {"average": {}, "position": {**position, "sums": {"main": loss} if loss[1] else {}}}
    return content


def _inspect(path: Path) -> None:
    """Raises, before anything is loaded, where a file asks for more memory than it has bytes.

    A checkpoint is a ZIP archive that compresses nothing: a pickle, and one entry for the bytes of each storage that
    the pickle names with its length.
    """
    with path.open("rb") as file:
        start = file.seek(-_END.size, io.SEEK_END)
        magic, directory_size, locator, place, *_ = _END.unpack(file.read())
        # A long list of entries takes many times its own size in memory.
        if (magic, locator, place) != (b"PK\x06\x06", b"PK\x06\x07", start) or directory_size > _LARGEST_DIRECTORY:
            raise ValueError("no ZIP archive as torch writes it")
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            sizes = {entry.filename: entry.file_size for entry in entries}
            stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
            if not stored or sum(sizes.values()) > path.stat().st_size or len(sizes) < len(entries):
                raise ValueError("entries that are compressed, or lie in each other")
            (name,) = (name for name in sizes if name.endswith("/data.pkl"))
            if sizes[name] > _LARGEST_PICKLE:
                raise ValueError("a pickle that is too large")
            _Inspector(archive.read(name), sizes, name).load()


class _Inspector(pickle.Unpickler):
    """Goes through a pickle without making tensors of it; knows only what :func:`save_checkpoint` writes."""

    _ITEM_SIZES: ClassVar = {
        **{"DoubleStorage": 8, "FloatStorage": 4, "HalfStorage": 2, "BFloat16Storage": 2},
        **{"LongStorage": 8, "IntStorage": 4, "ShortStorage": 2, "CharStorage": 1, "ByteStorage": 1, "BoolStorage": 1},
        **{"ComplexFloatStorage": 8, "ComplexDoubleStorage": 16},
    }

    def __init__(self, text: bytes, sizes: dict[str, int], name: str) -> None:
        for opcode, argument, _ in pickletools.genops(text):
            # An entry of the memo far beyond what the text can hold would make the unpickler reserve memory for it.
            if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and not 0 <= int(argument or 0) <= len(text):
                raise ValueError("an entry that is out of place")
            if opcode.name.startswith(("BYTEARRAY", "EXT")):
                raise ValueError(f"the opcode {opcode.name}")
        super().__init__(io.BytesIO(text))
        self._sizes = sizes
        self._folder = name.removesuffix("data.pkl") + "data/"

    def find_class(self, module: str, name: str) -> Any:
        """Stands in for the few classes and functions that a checkpoint of ours names."""
        if (module, name) == ("collections", "OrderedDict"):
            return dict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _check_tensor
        if module == "torch" and name in self._ITEM_SIZES:
            return self._ITEM_SIZES[name]
        raise pickle.UnpicklingError(f"{module}.{name} does not belong into a checkpoint")

    def persistent_load(self, pid: Any) -> int:
        """The number of elements of a storage, whose bytes must all be there."""
        kind, item_size, key, _, num_elements = pid
        if kind != "storage" or self._sizes[f"{self._folder}{key}"] != item_size * num_elements:
            raise ValueError("a storage of another length than stated")
        return int(num_elements)


def _check_tensor(num_elements: int, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> None:
    """Raises where a tensor reaches beyond its storage, or repeats it."""
    if min([offset, *size, *stride], default=0) < 0 or len(size) != len(stride):
        raise ValueError("a tensor of an impossible shape")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if math.prod(size) > num_elements or (math.prod(size) > 0 and last >= num_elements):
        raise ValueError("a tensor beyond its storage")
