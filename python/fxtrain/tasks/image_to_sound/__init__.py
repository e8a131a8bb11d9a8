# SPDX-License-Identifier: MIT
"""Sound for a picture or a video: an autoencoder of sound, two priors of its codes, and a classifier of pictures.

::

    picture -> image-classifier -> class -> code-prior (Top) -> code-prior (Bottom) -> decoder of vqvae2 -> sound

Each is a run of its own; :mod:`fxtrain.tasks.image_to_sound.chain` puts them together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from rich.console import Console

from fxtrain.config import Tables, build
from fxtrain.models.generators.code_prior import CodePrior, CodePriorConfig
from fxtrain.models.generators.image_classifier import ImageClassifier, ImageClassifierConfig
from fxtrain.models.generators.vqvae import VqVae
from fxtrain.tasks.image_to_sound.material import (
    ClipDataset,
    CodeDataset,
    PictureDataset,
    load_clip_data,
    load_code_data,
    load_picture_data,
)
from fxtrain.tasks.protocol import Evaluation, InputRun, Outcome
from fxtrain.training.plan import TrainingConfig
from fxtrain.training.protocol import Provider, Trainable

__all__ = ["ImageToSoundTask"]

AnyDataset = ClipDataset | CodeDataset | PictureDataset


class ImageToSoundTask:
    """Feeds and judges the three kinds of model."""

    name = "image_to_sound"
    needs = "a folder of sounds, or of pictures, for each class"
    artifacts = ("audio/*.wav", "codes/*.npz", "backbone/*")
    material_tables = ("data",)
    numbered_tables: ClassVar[Mapping[str, type]] = {}

    def tables(self, model: type[Trainable]) -> Mapping[str, type]:
        """The table of the material."""
        return {"data": model.get_provider().Config}

    def load(self, model: type[Trainable], tables: Tables, inputs: Mapping[str, InputRun]) -> AnyDataset:
        """Reads and checks the material."""
        if issubclass(model, VqVae):
            return load_clip_data(tables, inputs)
        if issubclass(model, CodePrior):
            return load_code_data(tables, inputs)
        return load_picture_data(tables)

    def provider(
        self, model: type[Trainable], dataset: AnyDataset, tables: Tables, training: TrainingConfig
    ) -> Provider:
        """What feeds the model."""
        common: dict[str, Any] = {"batch_size": training.batch_size, "seed": training.seed}
        if isinstance(dataset, ClipDataset):
            from fxtrain.data.labelled import ClipProvider

            segment = round(dataset.config.segment_seconds * dataset.config.sample_rate)
            empty = VqVae.from_config(tables.get("model", {}), loss={}, **dataset.facts)
            parts = dataset.parts
            return ClipProvider(
                parts["train"], parts["validation"], segment_frames=segment, multiple=empty.multiple, **common
            )
        if isinstance(dataset, CodeDataset):
            from fxtrain.data.codes import CodeProvider

            config = build(CodePriorConfig, tables.get("model", {}), where="model")
            return CodeProvider(
                dataset.codes["train"],
                dataset.codes["validation"],
                level=config.level,
                start_token=dataset.facts["num_codes"],
                window=2 * config.span,
                **common,
            )
        return self._pictures(dataset, tables, common)

    def _pictures(self, dataset: PictureDataset, tables: Tables, common: Mapping[str, Any]) -> Provider:
        import torch

        from fxtrain.data.pictures import PictureBatch, PictureProvider

        config = build(ImageClassifierConfig, tables.get("model", {}), where="model")
        classifier = ImageClassifier(config, **dataset.facts).eval()

        def batch(part: Any) -> PictureBatch:
            pixels = torch.from_numpy(dataset.parts[part].pixels)
            inputs = classifier.see(pixels) if classifier.is_head_only else pixels
            return PictureBatch(inputs, torch.from_numpy(dataset.parts[part].labels))

        return PictureProvider(batch("train"), batch("validation"), **common)

    def check_facts(self, facts: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        """Raises ValueError where what a checkpoint says cannot be."""
        classes = facts["classes"]
        if (
            not isinstance(classes, list)
            or not 2 <= len(classes) <= 1000
            or not all(isinstance(c, str) for c in classes)
        ):
            raise ValueError("its classes are not a list of names")
        for name, most in (("sample_rate", 192_000), ("clip_frames", 1 << 27), ("num_codes", 65_536)):
            if name in facts and not (type(facts[name]) is int and 1 <= facts[name] <= most):
                raise ValueError(f"its {name} is out of range")
        for name in ("top_length", "bottom_length"):
            if name in facts and not (type(facts[name]) is int and 0 <= facts[name] <= 1 << 24):
                raise ValueError(f"its {name} is out of range")
        json.dumps(dict(facts), allow_nan=False)

    def print_summary(self, metrics: Mapping[str, Any], console: Console) -> None:
        """Prints each figure beside its baselines."""
        from fxtrain.tasks.image_to_sound.summary import print_summary

        print_summary(metrics, console)

    def finish(self, model: Trainable, dataset: AnyDataset, outcome: Outcome) -> Evaluation:
        """Measures the trained model, and makes its page."""
        from fxtrain.tasks.image_to_sound import evaluation

        if isinstance(dataset, ClipDataset):
            assert isinstance(model, VqVae)
            return evaluation.of_autoencoder(model, dataset, outcome)
        if isinstance(dataset, CodeDataset):
            assert isinstance(model, CodePrior)
            return evaluation.of_prior(model, dataset, outcome)
        assert isinstance(model, ImageClassifier)
        return evaluation.of_classifier(model, dataset, outcome)
