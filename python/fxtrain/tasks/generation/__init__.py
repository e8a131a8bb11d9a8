# SPDX-License-Identifier: MIT
"""Generation: sound sample by sample, learned from a folder of recordings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar

from rich import box
from rich.console import Console
from rich.table import Table

from fxtrain.config import Tables, build
from fxtrain.data.recordings import hours_by_label
from fxtrain.data.waves import WaveConfig, WaveProvider
from fxtrain.losses.mel import MelConfig
from fxtrain.models.generators.wavenet import WaveNetGenerator
from fxtrain.report.audio import write_sounds
from fxtrain.report.html import Page
from fxtrain.report.numbers import number_at
from fxtrain.tasks.generation.baselines import Baselines
from fxtrain.tasks.generation.dataset import GenerationDataset, GenerationMel, load_waves
from fxtrain.tasks.generation.evaluation import Sound, by_samples_heard, held_out_batches, make_sounds, measure_nll
from fxtrain.tasks.generation.sections import BASELINES, facts_of, generation_sections, verdict
from fxtrain.tasks.protocol import Evaluation, InputRun, Outcome
from fxtrain.text import printable
from fxtrain.training.plan import TrainingConfig
from fxtrain.training.protocol import Trainable

__all__ = ["GenerationTask"]


class GenerationTask:
    """Trains on a folder of recordings; ends with sounds, and with the NLL of recordings never heard."""

    name = "generation"
    needs = "a folder of recordings"
    artifacts = ("audio/*.wav",)
    material_tables = ("data",)
    numbered_tables: ClassVar[Mapping[str, type]] = {}

    def tables(self, model: type[Trainable]) -> Mapping[str, type]:
        """The settings by table."""
        return {"data": WaveConfig, "mel": GenerationMel}

    def load(self, model: type[Trainable], tables: Tables, inputs: Mapping[str, InputRun]) -> GenerationDataset:
        """Finds, reads and codes the recordings."""
        assert issubclass(model, WaveNetGenerator)
        config = build(WaveConfig, tables.get("data", {}), where="data")
        mel = self._mel(tables) if config.mels else None
        size = build(model.Config, tables.get("model", {}), where="model")
        return load_waves(config, mel, size.receptive_field)

    def _mel(self, tables: Tables) -> MelConfig:
        return build(GenerationMel, tables.get("mel", {}), where="mel")

    def provider(
        self, model: type[Trainable], dataset: GenerationDataset, tables: Tables, training: TrainingConfig
    ) -> WaveProvider:
        """Sequences of codes."""
        network = model.from_config(tables.get("model", {}), loss={}, **dataset.facts)
        assert isinstance(network, WaveNetGenerator)
        return WaveProvider(
            dataset.config,
            dataset.parts["train"],
            dataset.parts["validation"],
            network.cut,
            batch_size=training.batch_size,
            seed=training.seed,
        )

    def check_facts(self, facts: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        """Raises KeyError, TypeError or ValueError where what a checkpoint says cannot be."""
        for name, least, most in (("sample_rate", 1000, 192_000), ("mu", 3, 4095)):
            value = facts[name]
            if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
                raise ValueError(f"its {name} is {printable(value)}")
        if not isinstance(facts["classes"], list) or not all(isinstance(each, str) for each in facts["classes"]):
            raise ValueError("its classes are no list of names")
        if facts["mel"] is not None:
            build(MelConfig, facts["mel"], where="mel")

    def finish(self, model: Trainable, dataset: GenerationDataset, outcome: Outcome) -> Evaluation:
        """Measures the NLL of the test part beside its baselines, and makes sounds."""
        assert isinstance(model, WaveNetGenerator)
        model = model.cpu().eval()
        batches = held_out_batches(model, dataset)
        measured = measure_nll(model, batches)
        num_samples = measured.pop("samples")
        sounds, speed = make_sounds(model, dataset)
        field = model.receptive_field
        metrics: dict[str, Any] = {
            **measured,
            "baselines": Baselines(dataset.parts["train"], model.mu + 1).nll_bits(batches()),
            **_vocoding(sounds),
            "context": by_samples_heard(model, dataset),
            "generation": speed,
            "test": {"samples": num_samples, "files": len(dataset.parts["test"])},
            "data": {
                "hours": dataset.recordings.seconds / 3600,
                "files": len(dataset.recordings.files),
                "left_out": len(dataset.recordings.left_out),
                **({"hours_by_class": hours_by_label(dataset.recordings.files)} if model.classes else {}),
            },
            "model": {
                "name": model.name,
                **asdict(model.config),
                "parameters": model.num_parameters,
                "sample_rate": model.sample_rate,
                "mu": model.mu,
                "receptive_field": field,
                "receptive_field_ms": 1000 * field / model.sample_rate,
            },
        }
        named = {f"{kind}-{number}": x for number, s in enumerate(sounds, 1) for kind, x in _both(s)}
        write_sounds(outcome.folder, named, model.sample_rate)
        shown = {**outcome.common, **metrics}
        nll, bigram = metrics["nll_bits"], metrics["baselines"]["bigram"]
        return Evaluation(
            metrics=metrics,
            summary=f"test NLL {nll:.4f} bits a sample; a bigram needs {bigram:.4f}",
            page=Page(
                title=outcome.title,
                sections=generation_sections(shown, sounds, outcome.history),
                verdict=verdict(metrics),
            ),
        )

    def print_summary(self, metrics: Mapping[str, Any], console: Console) -> None:
        """Prints the NLL beside its baselines."""
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
        table.add_column("")
        table.add_column("bits a sample", justify="right")
        for key, (label, _) in BASELINES.items():
            if (value := number_at(metrics, "baselines", key)) is not None:
                table.add_row(label, f"{value:.3f}")
        table.add_row("model", f"{metrics['nll_bits']:.3f}", style="bold")
        console.print(table)
        facts = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        for fact in facts_of(metrics)[1:]:
            facts.add_row(fact.label, fact.value, fact.note)
        console.print()
        console.print(facts)


def _both(sound: Sound) -> list[tuple[str, Any]]:
    return [("recording", sound.real), ("made", sound.made)]


def _vocoding(sounds: list[Sound]) -> dict[str, Any]:
    """Mean mel distance of the sounds that follow mels."""
    found = [(s.mel_distance, s.other_distance) for s in sounds if s.mel_distance is not None]
    if not found:
        return {}
    own, other = (sum(each or 0.0 for each in column) / len(found) for column in zip(*found, strict=True))
    return {"vocoding": {"mel_distance": own, "baselines": {"another_recording": other}}}
