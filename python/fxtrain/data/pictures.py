# SPDX-License-Identifier: MIT
"""Pictures and videos: folders of pictures, one for each class, and single files."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from fxtrain.config import configuration
from fxtrain.data.labelled import ordered_classes, require_classes
from fxtrain.data.recordings import Part
from fxtrain.data.sharding import Sharded
from fxtrain.errors import InputError
from fxtrain.extras import require
from fxtrain.files import require_regular_file
from fxtrain.text import quoted, shortened

__all__ = [
    "PictureBatch",
    "PictureConfig",
    "PictureProvider",
    "Pictures",
    "load_pictures",
    "read_frames",
    "read_picture",
]

Pixels = NDArray[np.uint8]
_BACKGROUND = (200, 200, 200)
_LARGEST_FILE = 4 << 30  # bytes
_MOST_PIXELS = 200_000_000
_NAMED = 3


@configuration
class PictureConfig:
    """Where the pictures are.

    Attributes:
        folder: holds a folder of pictures for each class.
        classes: names of these folders in the order of their numbers; by default sorted.
        validation_fraction: share of the pictures that chooses the best weights.
        test_fraction: share of the pictures that training never sees.
    """

    folder: Annotated[Path, Field(strict=False)]
    classes: Annotated[list[str], Field(max_length=1000)] = Field(default_factory=list)
    validation_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.15
    test_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.15

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", self.folder.expanduser().resolve())


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures of a part of the material.

    Attributes:
        pixels: shape ``(pictures, size, size, 3)``.
        labels: numbers of the classes.
        names: of the files.
    """

    pixels: Pixels
    labels: NDArray[np.int64]
    names: Sequence[str]


def read_picture(path: Path, size: int) -> Pixels:
    """A picture, its middle square scaled to ``(size, size, 3)``; what is transparent becomes grey.

    Raises:
        InputError: it is no picture that Pillow reads.
    """
    image_module: Any = require("PIL.Image", purpose="reading pictures")
    try:
        require_regular_file(path, "a picture", at_most=_LARGEST_FILE)
        with image_module.open(path) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise InputError(f"{path} has {image.width} x {image.height} pixels: make it smaller")
            image.load()
            return _square(image, size)
    except FileNotFoundError:
        raise InputError(f"there is no file {path}") from None
    except InputError:
        raise
    except Exception as error:  # Pillow's decoders fail in many ways on foreign files
        reason = (
            f" ({shortened(str(error), 80)})" if isinstance(error, OSError) and "identify" not in str(error) else ""
        )
        raise InputError(
            f"{path} is not a picture that can be read{reason}: expected PNG, JPEG, WebP or the like"
        ) from None


def _square(image: Any, size: int) -> Pixels:
    image_module: Any = require("PIL.Image", purpose="reading pictures")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = image_module.new("RGBA", image.size, (*_BACKGROUND, 255))
        ground.alpha_composite(image)
        image = ground
    image = image.convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side)).resize((size, size), image_module.Resampling.BICUBIC)
    return np.array(square, dtype=np.uint8)


def read_frames(path: Path, size: int, *, most: int = 64) -> Pixels:
    """The frame of a picture, or frames of a video spread evenly over it: shape ``(frames, size, size, 3)``.

    Args:
        path: of the file; what it holds decides, not its name.
        size: width and height of the result.
        most: of a longer video, so many frames.

    Raises:
        InputError: it is neither a picture nor a video, or a video without frames.
    """
    try:
        return read_picture(path, size)[None]
    except InputError as error:
        if not path.is_file():
            raise
        not_a_picture = error
    av: Any = require("av", purpose="reading videos")
    image_module: Any = require("PIL.Image", purpose="reading videos")
    frames: list[Pixels] = []
    step = 1
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                if container.streams.audio:
                    raise InputError(f"{path} is a sound, or a video without pictures: give a picture or a video")
                raise not_a_picture
            for number, frame in enumerate(container.decode(video=0)):
                if number % step == 0:
                    frames.append(_square(image_module.fromarray(frame.to_ndarray(format="rgb24")), size))
                if len(frames) > 2 * most:
                    frames, step = frames[::2], 2 * step
    except InputError:
        raise
    except Exception as error:  # FFmpeg's errors have no common base but OSError and ValueError
        if not frames:
            reason = shortened(str(error).splitlines()[0] if str(error) else type(error).__name__, 80)
            raise InputError(
                f"{path} is neither a picture nor a video that can be read ({reason}): give a PNG, JPEG or MP4 file"
            ) from None
    if not frames:
        raise InputError(f"{path} is a video without frames: give one that shows something")
    chosen = np.linspace(0, len(frames) - 1, min(most, len(frames))).round().astype(int)
    return np.stack([frames[number] for number in chosen])


def load_pictures(config: PictureConfig, size: int) -> tuple[dict[Part, Pictures], list[str], list[str]]:
    """Reads all pictures.

    Returns:
        The pictures of each part, the classes in order, and what was left out, as sentences.

    Raises:
        InputError: there are fewer than two classes, or too few pictures in one.
    """
    require_classes(config.folder, config.classes, what="pictures")
    found: dict[str, list[tuple[str, Pixels]]] = defaultdict(list)
    unread: list[str] = []
    for path in sorted(config.folder.rglob("*")):
        name = path.relative_to(config.folder).as_posix()
        if "/" not in name or any(part.startswith(".") for part in name.split("/")) or not path.is_file():
            continue
        label = name.partition("/")[0]
        if config.classes and label not in config.classes:
            continue
        try:
            found[label].append((name, read_picture(path, size)))
        except InputError:
            unread.append(name)
    left_out = ""
    if unread:
        named = ", ".join(unread[:_NAMED]) + (", ..." if len(unread) > _NAMED else "")
        left_out = f"{len(unread)} of the files are not pictures that can be read: {named}"
    classes = ordered_classes(list(found), config.classes, config.folder, what="pictures", why=left_out)
    rows: dict[Part, list[tuple[str, Pixels, int]]] = {"train": [], "validation": [], "test": []}
    for number, label in enumerate(classes):
        members = sorted(found[label], key=lambda each: hashlib.sha256(each[0].encode()).digest())
        if len(members) < 3:
            raise InputError(
                f"{len(members)} picture{'s' if len(members) > 1 else ''} of the class {quoted(label)} cannot be split "
                "into training, validation and test: give at least three"
            )
        num_test = max(1, round(len(members) * config.test_fraction))
        num_validation = max(1, round(len(members) * config.validation_fraction))
        for index, (name, pixels) in enumerate(members):
            part: Part = "test" if index < num_test else "validation" if index < num_test + num_validation else "train"
            rows[part].append((name, pixels, number))
    parts = {
        part: Pictures(
            np.stack([pixels for _, pixels, _ in members]),
            np.array([label for _, _, label in members], dtype=np.int64),
            [name for name, _, _ in members],
        )
        for part, members in rows.items()
    }
    return parts, classes, [left_out] if left_out else []


@dataclass(frozen=True)
class PictureBatch:
    """What a step of the classifier is fed.

    Attributes:
        inputs: features of shape ``(batch, size)`` if only the head is trained, else pixels of shape ``(batch, height,
            width, 3)``.
        labels: shape ``(batch,)``.
    """

    inputs: Tensor
    labels: Tensor

    @property
    def num_items(self) -> int:
        """Pictures."""
        return len(self.labels)

    def to(self, device: torch.device) -> PictureBatch:
        """The batch on another device."""
        return PictureBatch(self.inputs.to(device), self.labels.to(device))


class PictureProvider(Sharded):
    """Draws pictures, each class as often as the others; which ones depends on seed and step alone."""

    Config = PictureConfig
    unit = "pictures"
    steps_per_sequence = 1

    def __init__(self, train: PictureBatch, validation: PictureBatch, *, batch_size: int, seed: int) -> None:
        self._train, self._validation = train, validation
        self._batch_size, self._seed = batch_size, seed
        self._of_class = [
            torch.nonzero(train.labels == label)[:, 0].numpy() for label in sorted(set(train.labels.tolist()))
        ]
        self.steps_per_epoch = max(1, round(train.num_items / batch_size))

    @property
    def fingerprint(self) -> str:
        """Hash of the pictures and of the network that sees them."""
        digest = hashlib.sha256(self._train.inputs.numpy().tobytes())
        digest.update(self._train.labels.numpy().tobytes())
        return digest.hexdigest()

    def batch(self, step: int) -> PictureBatch:
        """Random pictures."""
        random = np.random.default_rng([self._seed, 29, step])
        kinds = random.integers(len(self._of_class), size=self._batch_size)
        drawn = np.array([int(random.choice(self._of_class[kind])) for kind in kinds])
        chosen = torch.from_numpy(self.own_rows(drawn))
        return PictureBatch(self._train.inputs[chosen], self._train.labels[chosen])

    def validation(self) -> Iterator[PictureBatch]:
        """All pictures of the validation part."""
        for at in range(0, self._validation.num_items, 32):
            part = slice(at, at + 32)
            yield PictureBatch(self._validation.inputs[part], self._validation.labels[part])
