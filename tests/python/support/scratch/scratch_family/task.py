# SPDX-License-Identifier: MIT
"""Folders of audio: one folder for each class."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from rich.console import Console
from torch import Tensor

from fxtrain.audio import read_audio, write_audio
from fxtrain.config import Tables, build, configuration
from fxtrain.errors import DataCheckError
from fxtrain.report.html import Page
from fxtrain.report.sections import Curve, Curves, Fact, Facts, Panel, Player, Source, Table
from fxtrain.report.sections import Tables as TableSection
from fxtrain.runs import load_trained_model
from fxtrain.tasks.protocol import Evaluation, InputRun, Notice, Outcome
from fxtrain.training.plan import TrainingConfig
from fxtrain.training.protocol import Trainable

NUM_BANDS = 24


@configuration
class ClipConfig:
    """Where the sounds are."""

    folder: Annotated[Path, Field(strict=False)]


@dataclass(frozen=True)
class ClipBatch:
    bands: Tensor
    labels: Tensor

    @property
    def num_items(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> ClipBatch:
        return ClipBatch(self.bands.to(device), self.labels.to(device))


class ClipProvider:
    """Draws clips; which ones depends on seed and step alone."""

    Config = ClipConfig
    unit = "clips"
    steps_per_sequence = 1

    def __init__(self, train: ClipBatch, validation: ClipBatch, training: TrainingConfig) -> None:
        self._train, self._validation, self._training = train, validation, training
        self.steps_per_epoch = max(1, train.num_items // training.batch_size)
        self.fingerprint = hashlib.sha256(train.bands.numpy().tobytes()).hexdigest()

    def batch(self, step: int) -> ClipBatch:
        drawn = np.random.default_rng([self._training.seed, step])
        chosen = torch.from_numpy(drawn.integers(self._train.num_items, size=self._training.batch_size))
        return ClipBatch(self._train.bands[chosen], self._train.labels[chosen])

    def validation(self) -> Iterator[ClipBatch]:
        yield self._validation


@dataclass(frozen=True)
class ClipDataset:
    classes: list[str]
    parts: dict[str, ClipBatch]
    example: np.ndarray[Any, Any]
    heard: np.ndarray[Any, Any]
    sample_rate: int
    metadata: Mapping[str, Any]
    notices: Sequence[Notice] = ()
    log: Sequence[str] = ()

    @property
    def facts(self) -> Mapping[str, Any]:
        return {"num_bands": NUM_BANDS, "classes": self.classes}

    @property
    def summary(self) -> str:
        return ", ".join(f"{part} {batch.num_items} clips" for part, batch in self.parts.items())


class ClipTask:
    name = "clips"
    needs = "a folder of sounds for each class"
    artifacts = ("audio/*.wav",)
    material_tables = ("data",)
    numbered_tables: Mapping[str, type] = {}

    def tables(self, model: type[Trainable]) -> Mapping[str, type]:
        return {"data": ClipConfig}

    def load(self, model: type[Trainable], tables: Tables, inputs: Mapping[str, InputRun]) -> ClipDataset:
        folder = build(ClipConfig, tables.get("data", {}), where="data").folder
        files = sorted(folder.glob("*/*.wav"))
        if not files:
            raise DataCheckError(f"{folder} has no folders with .wav files; give one folder for each class")
        amp = load_trained_model(inputs["amp"].checkpoint).model
        classes = sorted({file.parent.name for file in files})
        rows: dict[str, list[tuple[Tensor, int]]] = {"train": [], "validation": [], "test": []}
        for index, file in enumerate(files):
            audio = read_audio(file)
            with torch.no_grad():
                heard = amp(torch.from_numpy(audio.samples)[None])[0][0]
            spectrum = torch.fft.rfft(heard).abs().square()
            bands = torch.stack([part.mean() for part in spectrum.tensor_split(NUM_BANDS)]).log10() / 3
            part = ("validation", "test", "train", "train")[index % 4]
            rows[part].append((bands, classes.index(file.parent.name)))
        parts = {
            part: ClipBatch(torch.stack([each for each, _ in found]), torch.tensor([label for _, label in found]))
            for part, found in rows.items()
        }
        return ClipDataset(
            classes, parts, audio.samples, heard.numpy(), audio.sample_rate, {"amp": inputs["amp"].sha256}
        )

    def provider(
        self, model: type[Trainable], dataset: ClipDataset, tables: Tables, training: TrainingConfig
    ) -> ClipProvider:
        return ClipProvider(dataset.parts["train"], dataset.parts["validation"], training)

    def check_facts(self, facts: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        if facts["num_bands"] != NUM_BANDS:
            raise ValueError(f"it has {facts['num_bands']} bands")

    def print_summary(self, metrics: Mapping[str, Any], console: Console) -> None:
        console.print(
            f"accuracy {metrics['accuracy']:.2f}; always the same answer {metrics['baselines']['constant']:.2f}"
        )

    def finish(self, model: Trainable, dataset: ClipDataset, outcome: Outcome) -> Evaluation:
        test = dataset.parts["test"]
        with torch.no_grad():
            answers = model.classifier(model.encoder(test.bands)).argmax(-1)  # type: ignore[operator]
        accuracy = float((answers == test.labels).float().mean())
        constant = float(torch.bincount(test.labels).max() / test.num_items)
        (outcome.folder / "audio").mkdir(exist_ok=True)
        write_audio(outcome.folder / "audio" / "example.wav", dataset.heard, dataset.sample_rate)
        counts = [
            [name, *(int(((test.labels == row) & (answers == column)).sum()) for column in range(len(dataset.classes)))]
            for row, name in enumerate(dataset.classes)
        ]
        sounds = [
            Source(key="clip", label="Clip", samples=dataset.example),
            Source(key="heard", label="Heard", hint="through the amplifier", samples=dataset.heard),
        ]
        curves = [Curve("coder/error", "error"), Curve("classifier/entropy", "entropy")]
        accuracies = Panel([Curve("val_accuracy", "accuracy")], "accuracy", False, "val_accuracy", True)
        sections = [
            Player(id="example", title="An example", sources=sounds, sample_rate=dataset.sample_rate),
            Facts([Fact("Accuracy", f"{accuracy:.0%}", f"always the same answer: {constant:.0%}")]),
            TableSection([Table("Answers", counts, headings=("class", *dataset.classes), is_open=True)]),
            Curves(outcome.history, [accuracies, Panel(curves, "loss")]),
        ]
        return Evaluation(
            metrics={"accuracy": accuracy, "baselines": {"constant": constant}, "test": {"clips": test.num_items}},
            summary=f"accuracy {accuracy:.3f}",
            page=Page(
                title=outcome.title, sections=sections, verdict=(f"{accuracy:.0%} right", "On clips never heard.")
            ),
        )
