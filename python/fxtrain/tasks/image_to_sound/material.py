# SPDX-License-Identifier: MIT
"""The material of each stage: clips, codes of clips, or pictures."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fxtrain.atomic import write_atomically
from fxtrain.config import Tables, build
from fxtrain.data.codes import CodeConfig, CodeSet
from fxtrain.data.labelled import ClipConfig, Clips, load_clips
from fxtrain.data.pictures import PictureConfig, Pictures, load_pictures
from fxtrain.data.recordings import Part
from fxtrain.errors import ConfigError
from fxtrain.models.generators.code_prior import CodePrior, CodePriorConfig
from fxtrain.models.generators.image_classifier import (
    ImageClassifier,
    ImageClassifierConfig,
    hash_of_weights,
    load_backbone,
)
from fxtrain.models.generators.vqvae import VqVae, VqVaeConfig
from fxtrain.tasks.image_to_sound.chain import require_same_classes, require_same_codes
from fxtrain.tasks.protocol import InputRun, Notice
from fxtrain.tasks.trained import load_trained_model

__all__ = ["ClipDataset", "CodeDataset", "PictureDataset", "load_clip_data", "load_code_data", "load_picture_data"]

_ENCODED_TOGETHER = 8


@dataclass(frozen=True, eq=False)
class ClipDataset:
    """Clips for the autoencoder.

    Attributes:
        parts: the clips of each part.
        config: where they came from.
        facts: what the autoencoder is built from.
        beside: another autoencoder to compare with, if one was given.
        notices: what was left out.
    """

    parts: dict[Part, Clips]
    config: ClipConfig
    facts: Mapping[str, Any]
    beside: VqVae | None = None
    notices: Sequence[Notice] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """Classes, and clips of each part."""
        counts = ", ".join(f"{part} {len(clips.labels)}" for part, clips in self.parts.items())
        return f"{' and '.join(self.facts['classes'])}: {counts} clips of {self.config.clip_seconds:g} s"

    @property
    def log(self) -> Sequence[str]:
        """The files of each part."""
        return [f"{part}: {', '.join(sorted(set(clips.names)))}" for part, clips in self.parts.items()]


@dataclass(frozen=True, eq=False)
class CodeDataset:
    """Codes for a prior, with the clips and models that they came from.

    Attributes:
        codes: of each part; those of the training part are of several rotations.
        clips: of each part.
        autoencoder: that made the codes.
        top: that writes top codes, if it was given.
        classifier: of pictures, if it was given.
        inputs: the runs that this one was given.
        config: of the codes.
        facts: what the prior is built from.
    """

    codes: dict[Part, CodeSet]
    clips: dict[Part, Clips]
    autoencoder: VqVae
    top: CodePrior | None
    classifier: ImageClassifier | None
    inputs: Mapping[str, InputRun]
    config: CodeConfig
    facts: Mapping[str, Any]
    notices: Sequence[Notice] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """Classes, and sequences of each part."""
        counts = ", ".join(f"{part} {len(codes.labels)}" for part, codes in self.codes.items())
        lengths = f"{self.facts['top_length']} top and {self.facts['bottom_length']} bottom codes"
        return f"{' and '.join(self.facts['classes'])}: {counts} sequences of {lengths}"

    @property
    def log(self) -> Sequence[str]:
        """Where the codes came from."""
        return [f"codes of {self.inputs['codes'].checkpoint}, SHA-256 {self.facts['codes_sha256']}"]


@dataclass(frozen=True, eq=False)
class PictureDataset:
    """Pictures for the classifier.

    Attributes:
        parts: the pictures of each part.
        facts: what the classifier is built from.
    """

    parts: dict[Part, Pictures]
    facts: Mapping[str, Any]
    notices: Sequence[Notice] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """Classes, and pictures of each part."""
        counts = ", ".join(f"{part} {len(pictures.labels)}" for part, pictures in self.parts.items())
        return f"{' and '.join(self.facts['classes'])}: {counts} pictures"

    @property
    def log(self) -> Sequence[str]:
        """The files of each part."""
        return [f"{part}: {', '.join(pictures.names)}" for part, pictures in self.parts.items()]


def load_clip_data(tables: Tables, inputs: Mapping[str, InputRun]) -> ClipDataset:
    """Reads the clips of an autoencoder."""
    config = build(ClipConfig, tables.get("data", {}), where="data")
    model = build(VqVaeConfig, tables.get("model", {}), where="model")
    parts, classes, left_out = load_clips(config)
    facts = {
        "sample_rate": config.sample_rate,
        "clip_frames": config.clip_frames,
        "classes": classes,
        "level": float(parts["train"].sound.std()),
    }
    VqVae.from_config(asdict(model), loss={}, **facts)  # refuses lengths that the codes do not divide
    beside: VqVae | None = None
    if "beside" in inputs:
        other = load_trained_model(inputs["beside"].checkpoint).model
        assert isinstance(other, VqVae)
        if (other.sample_rate, other.clip_frames) != (config.sample_rate, config.clip_frames):
            raise ConfigError(
                f"{inputs['beside'].folder} is of clips of {other.clip_frames} samples at {other.sample_rate} Hz, and "
                f"this run of {config.clip_frames} at {config.sample_rate} Hz: only equal ones can be compared"
            )
        beside = other
    return ClipDataset(parts, config, facts, beside, _notices(left_out))


def load_code_data(tables: Tables, inputs: Mapping[str, InputRun]) -> CodeDataset:
    """Encodes the clips of a prior, or takes the codes from the cache beside the autoencoder."""
    config = build(CodeConfig, tables.get("data", {}), where="data")
    prior = build(CodePriorConfig, tables.get("model", {}), where="model")
    given = inputs["codes"]
    autoencoder = load_trained_model(given.checkpoint).model
    assert isinstance(autoencoder, VqVae)
    if autoencoder.config.latent != "codes":
        raise ConfigError(f"{given.folder} is a variational autoencoder, which has no codes: give a run with codes")
    if prior.level == "top" and not autoencoder.is_hierarchical:
        raise ConfigError(f"{given.folder} is flat, so it has no top codes: train a prior of its bottom alone")
    others = _other_models(inputs, autoencoder)
    clip_config = ClipConfig(
        folder=config.folder,
        classes=autoencoder.classes,
        sample_rate=autoencoder.sample_rate,
        clip_seconds=autoencoder.clip_frames / autoencoder.sample_rate,
        validation_fraction=config.validation_fraction,
        test_fraction=config.test_fraction,
    )
    clips, _, left_out = load_clips(clip_config)
    codes = {
        part: _codes_of(autoencoder, each, given, config.copies if part == "train" else 1)
        for part, each in clips.items()
    }
    facts = {
        "classes": autoencoder.classes,
        "num_codes": autoencoder.config.codes,
        "top_length": autoencoder.top_length,
        "bottom_length": autoencoder.bottom_length,
        "codes_sha256": given.sha256,
    }
    return CodeDataset(codes, clips, autoencoder, *others, inputs, config, facts, _notices(left_out))


def _other_models(
    inputs: Mapping[str, InputRun], autoencoder: VqVae
) -> tuple[CodePrior | None, ImageClassifier | None]:
    """The rest of the chain, as far as it was given."""
    top: CodePrior | None = None
    classifier: ImageClassifier | None = None
    if "top" in inputs:
        model = load_trained_model(inputs["top"].checkpoint).model
        assert isinstance(model, CodePrior)
        if model.config.level != "top":
            raise ConfigError(f"{inputs['top'].folder} is a run of Bottom: the input top needs one with level=top")
        require_same_codes("Top", model, inputs["codes"].sha256, inputs["codes"].checkpoint)
        top = model
    if "classifier" in inputs:
        seeing = load_trained_model(inputs["classifier"].checkpoint).model
        assert isinstance(seeing, ImageClassifier)
        require_same_classes(seeing, autoencoder.classes)
        classifier = seeing
    return top, classifier


def load_picture_data(tables: Tables) -> PictureDataset:
    """Reads the pictures of a classifier."""
    config = build(PictureConfig, tables.get("data", {}), where="data")
    model = build(ImageClassifierConfig, tables.get("model", {}), where="model")
    parts, classes, left_out = load_pictures(config, model.size)
    digest = hash_of_weights(load_backbone(model)[0]) if model.tune == "head" else ""
    return PictureDataset(parts, {"classes": classes, "backbone_sha256": digest}, _notices(left_out))


def _notices(sentences: Sequence[str]) -> list[Notice]:
    return [Notice("warn", sentence) for sentence in sentences]


def _codes_of(autoencoder: VqVae, clips: Clips, given: InputRun, copies: int) -> CodeSet:
    """The codes of clips rotated in time; the first copy is not rotated."""
    digest = hashlib.sha256(clips.sound.tobytes())
    digest.update(f"{given.sha256} {copies}".encode())
    cache = given.folder / "codes" / f"{given.sha256[:16]}-{digest.hexdigest()[:16]}.npz"
    found = _cached(cache)
    if found is None:
        frames = clips.sound.shape[1]
        shifts = np.random.default_rng(0).integers(frames, size=(copies, len(clips.sound)))
        shifts[0] = 0
        rows: list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]] = []
        for at in range(0, copies * len(clips.sound), _ENCODED_TOGETHER):
            chosen = range(at, min(at + _ENCODED_TOGETHER, copies * len(clips.sound)))
            moved = [
                np.roll(
                    clips.sound[index % len(clips.sound)], shifts[index // len(clips.sound), index % len(clips.sound)]
                )
                for index in chosen
            ]
            with torch.no_grad():
                codes = autoencoder.encode(torch.from_numpy(np.stack(moved)))
            rows.append((codes.top.numpy(), codes.bottom.numpy()))
        found = np.concatenate([top for top, _ in rows]), np.concatenate([bottom for _, bottom in rows])
        _keep(cache, *found)
    return CodeSet(found[0], found[1], np.tile(clips.labels, copies))


def _cached(path: Path) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None:
    try:
        with np.load(path, allow_pickle=False) as content:
            return content["top"].astype(np.int64), content["bottom"].astype(np.int64)
    except (OSError, ValueError, KeyError, EOFError):
        return None


def _keep(path: Path, top: np.ndarray[Any, Any], bottom: np.ndarray[Any, Any]) -> None:
    stream = io.BytesIO()
    np.savez_compressed(stream, top=top.astype(np.uint16), bottom=bottom.astype(np.uint16))
    with suppress(OSError):  # the folder may be read-only: then they are encoded anew the next time
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, stream.getvalue())
