# SPDX-License-Identifier: MIT
"""Recognition: which phone is spoken when, learned from recordings with labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from rich.console import Console
from rich.table import Table

from fxtrain.config import Tables, build, configuration
from fxtrain.data.label_spans import Span, frame_labels, read_spans
from fxtrain.data.waves import CodedWave, WaveConfig
from fxtrain.errors import ConfigError, InputError
from fxtrain.models.generators.wavenet_recogniser import WaveNetRecogniser
from fxtrain.report.html import Page
from fxtrain.report.numbers import number_at
from fxtrain.tasks.generation import GenerationTask
from fxtrain.tasks.generation.dataset import GenerationDataset, load_waves
from fxtrain.tasks.protocol import Evaluation, InputRun, Outcome
from fxtrain.tasks.recognition.evaluation import LABELS, measure_recognition
from fxtrain.tasks.recognition.sections import recognition_sections, recognition_verdict
from fxtrain.training.protocol import Trainable

__all__ = ["LabelledWaveConfig", "RecognitionTask"]


@configuration
class LabelledWaveConfig(WaveConfig):
    """Recordings with labels.

    Attributes:
        labels: folder with a file ``NAME.lab`` for each recording ``NAME.wav``: see
            :func:`fxtrain.data.label_spans.read_spans`.
        frame_ms: length of the frames that are recognised, in milliseconds.
    """

    labels: Annotated[Path, Field(strict=False)]
    frame_ms: Annotated[float, Field(gt=0, le=1000)] = 10.0

    @property
    def frame_samples(self) -> int:
        """The same in samples."""
        return max(1, round(self.frame_ms * self.sample_rate / 1000))

    def __post_init__(self) -> None:
        if self.sequence_samples < self.frame_samples:
            raise ConfigError(
                f"data.sequence_samples {self.sequence_samples} is less than a frame of {self.frame_samples} samples: "
                "give more"
            )


@dataclass(frozen=True)
class _Labelled:
    """The spans of each recording by its name."""

    spans: Mapping[str, list[Span]]

    @property
    def phones(self) -> list[str]:
        return sorted({span.label for spans in self.spans.values() for span in spans})


class RecognitionTask(GenerationTask):
    """The generator's task, and frame accuracy on utterances never heard, beside a linear classifier's."""

    name = "recognition"
    needs = "a folder of recordings, and labels with times"

    def tables(self, model: type[Trainable]) -> Mapping[str, type]:
        """The settings by table."""
        return {**super().tables(model), "data": LabelledWaveConfig}

    def load(self, model: type[Trainable], tables: Tables, inputs: Mapping[str, InputRun]) -> GenerationDataset:
        """Reads the recordings and their labels."""
        assert issubclass(model, WaveNetRecogniser)
        config = build(LabelledWaveConfig, tables.get("data", {}), where="data")
        mel = self._mel(tables) if config.mels else None
        size = build(model.Config, tables.get("model", {}), where="model")
        dataset = load_waves(config, mel, size.receptive_field)
        labelled = _read_labels(config, [file.name for file in dataset.recordings.files])
        numbers = {phone: number for number, phone in enumerate(labelled.phones)}
        frame_seconds = config.frame_samples / config.sample_rate

        def with_targets(wave: CodedWave) -> CodedWave:
            num_frames = len(wave.codes) // config.frame_samples
            targets = frame_labels(labelled.spans[wave.name], numbers, num_frames, frame_seconds)
            return replace(wave, targets=targets)

        parts = {name: [with_targets(wave) for wave in waves] for name, waves in dataset.parts.items()}
        facts = {"phones": labelled.phones, "frame_samples": config.frame_samples}
        return replace(dataset, parts=parts, more_facts=facts)

    def check_facts(self, facts: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        """Raises KeyError, TypeError or ValueError where what a checkpoint says cannot be."""
        super().check_facts(facts, metadata)
        if not isinstance(facts["phones"], list) or not all(isinstance(each, str) for each in facts["phones"]):
            raise ValueError("its phones are no list of names")
        if not isinstance(facts["frame_samples"], int) or not 1 <= facts["frame_samples"] <= 192_000:
            raise ValueError("the length of its frames cannot be")

    def finish(self, model: Trainable, dataset: GenerationDataset, outcome: Outcome) -> Evaluation:
        """What the generator's task measures, and recognition."""
        assert isinstance(model, WaveNetRecogniser)
        evaluation = super().finish(model, dataset, outcome)
        measured, utterances = measure_recognition(model, dataset)
        metrics = {**evaluation.metrics, **measured}
        page = evaluation.page
        return Evaluation(
            metrics=metrics,
            summary=f"frame accuracy {metrics['frame_accuracy']:.4f}; {evaluation.summary}",
            page=Page(
                title=page.title,
                sections=[*recognition_sections(metrics, utterances, outcome.history), *page.sections],
                verdict=recognition_verdict(metrics),
            ),
        )

    def print_summary(self, metrics: Mapping[str, Any], console: Console) -> None:
        """Prints frame accuracy beside its baselines, and the NLL beside its own."""
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        for key, label in LABELS.items():
            if (value := number_at(metrics, "recognition", "baselines", key)) is not None:
                table.add_row(label, f"{value:.1%}")
        if (value := number_at(metrics, "frame_accuracy")) is not None:
            table.add_row("model", f"{value:.1%} of all frames right", style="bold")
        console.print(table)
        console.print()
        super().print_summary(metrics, console)


def _read_labels(config: LabelledWaveConfig, names: list[str]) -> _Labelled:
    if not config.labels.is_dir():
        raise InputError(f"{config.labels} is not a folder: give the folder of the .lab files as data.labels")
    found: dict[str, list[Span]] = {}
    for name in names:
        path = (config.labels / name).with_suffix(".lab")
        if not path.is_file():
            raise InputError(f"there is no {path} for the recording {name}: give labels for all recordings")
        found[name] = read_spans(path)
    return _Labelled(found)
