# SPDX-License-Identifier: MIT
"""Effects: models of guitar gear, trained on dry/wet pairs, played by the engine and compared with the wet."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

from rich.console import Console

from fxtrain import __version__
from fxtrain.audio import HIGHEST_SAMPLE_RATE, LOWEST_SAMPLE_RATE, write_audio
from fxtrain.config import Tables, build, numbered
from fxtrain.data import SplitConfig
from fxtrain.data.excerpt import Peaks
from fxtrain.data.material import Material, load_material
from fxtrain.data.pair_table import PairFiles
from fxtrain.data.pairs import PairedAudio
from fxtrain.data.recording import Reading
from fxtrain.folders import MODEL_NAMES
from fxtrain.formats import Metadata, new_document
from fxtrain.losses import LossConfig
from fxtrain.metrics.effects import measure
from fxtrain.models.effects._effect import EffectModel
from fxtrain.models.effects.stft_lstm import StftLstm
from fxtrain.report.html import Page
from fxtrain.tasks.effect.advice import advise, judge_result
from fxtrain.tasks.effect.baselines import fit_baselines
from fxtrain.tasks.effect.evaluation import (
    TorchPlayer,
    measure_loud_playing,
    measure_parity,
    measure_speed,
    play,
    segments_of,
)
from fxtrain.tasks.effect.recipe import choose_start, find_starts, settle_material
from fxtrain.tasks.effect.sections import (
    TERMS,
    EffectReport,
    effect_sections,
    effect_verdict,
    phase_sections,
    write_sounds,
)
from fxtrain.tasks.effect.table import print_summary
from fxtrain.tasks.protocol import Evaluation, InputRun, Notice, Outcome, Start
from fxtrain.text import quoted
from fxtrain.training.plan import TrainingConfig
from fxtrain.training.protocol import Trainable

__all__ = ["EffectDataset", "EffectTask", "pair_tables"]


@dataclass(frozen=True)
class EffectDataset:
    """Aligned recordings, divided into parts."""

    material: Material
    polarity_fixed: bool
    capture: Metadata

    @property
    def facts(self) -> Mapping[str, Any]:
        """The sample rate in Hz."""
        return {"sample_rate": self.material.sample_rate}

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What a model file says about the capture."""
        return {
            "source": f"fxtrain {__version__}",
            **self.capture.to_document(),
            "lag_samples": self.material.lag_samples,
            **({"polarity_fixed": True} if self.polarity_fixed else {}),
        }

    @property
    def notices(self) -> Sequence[Notice]:
        """The findings of the checks, and what was done to the recordings."""
        found = []
        for recording in self.material.recordings:
            for verdict in recording.report.verdicts:
                if verdict.level != "ok":
                    level = "note" if verdict.ignored or verdict.level == "note" else "warn"
                    found.append(Notice(level, f"{verdict.name}: {verdict.message}"))  # type: ignore[arg-type]
            found += [Notice("note", note) for note in recording.notes]
        return found

    @property
    def summary(self) -> str:
        """Rate, seconds of each part, and lag."""
        material = self.material
        lengths = {
            part: sum(len(excerpt.input) for excerpt in getattr(material, part)) / material.sample_rate
            for part in ("train", "validation", "test")
        }
        parts = ", ".join(f"{part} {seconds:.1f} s" for part, seconds in lengths.items())
        return f"{material.sample_rate} Hz; {parts}; lag removed {material.lag_samples} samples"

    @property
    def log(self) -> Sequence[str]:
        """The files and their lags."""
        return [
            f"{recording.files.input} and {recording.files.target}: {len(recording.input)} frames, lag removed "
            f"{recording.lag_removed}"
            for recording in self.material.recordings
        ]


class EffectTask:
    """Trains on dry/wet pairs; ends with a model file that the engine plays, measured against the wet.

    Its tables beside ``[data]``, ``[loss]`` and ``[split]`` are about one recording: ``[reading]``, ``[metadata]``,
    and ``[pair_1]``, ``[pair_2]`` and so on.
    """

    name = "effect"
    needs = "dry/wet pairs"
    artifacts = (
        *MODEL_NAMES,
        "cabinet.wav",
        *(f"audio/{name}.wav" for name in ("input", "target", "prediction", "error")),
    )
    material_tables = ("reading", "metadata", "pair")
    numbered_tables: ClassVar[Mapping[str, type]] = {"pair": PairFiles}

    def tables(self, model: type[Trainable]) -> Mapping[str, type]:
        """The settings by table."""
        return {
            "reading": Reading,
            "metadata": Metadata,
            "data": model.get_provider().Config,
            "loss": LossConfig,
            "split": SplitConfig,
        }

    def load(self, model: type[Trainable], tables: Tables, inputs: Mapping[str, InputRun]) -> EffectDataset:
        """Reads, checks, aligns and divides the recordings."""
        reading = build(Reading, tables.get("reading", {}), where="reading")
        pairs = [build(PairFiles, tables[name], where=name) for name in numbered(tables, "pair")]
        material = load_material(
            pairs, split=build(SplitConfig, tables.get("split", {}), where="split"), reading=reading
        )
        capture = build(Metadata, tables.get("metadata", {}), where="metadata")
        return EffectDataset(material, reading.fix_polarity, capture)

    def provider(
        self, model: type[Trainable], dataset: EffectDataset, tables: Tables, training: TrainingConfig
    ) -> PairedAudio:
        """The pairs, cut into sequences."""
        provider_class = model.get_provider()
        assert issubclass(model, EffectModel)
        config = build(provider_class.Config, tables.get("data", {}), where="data")
        material = dataset.material
        provider: PairedAudio = provider_class(
            config,
            material.train,
            material.validation,
            batch_size=training.batch_size,
            seed=training.seed,
            sample_rate=material.sample_rate,
            **model.provider_options(build(model.Config, tables.get("model", {}), where="model")),
        )
        return provider

    def starts(
        self, model: type[Trainable], dataset: EffectDataset, tables: Tables, training: TrainingConfig
    ) -> list[Start]:
        """What the recording decides: linear stage, envelopes, and how the material is cut for them."""
        return find_starts(model, dataset.material, tables, training)

    def choose(self, starts: Sequence[Tables], values: Sequence[float]) -> int:
        """The one of the least error; envelopes have to be worth that players of others cannot play the file."""
        return choose_start(starts, values)

    def settle(self, dataset: EffectDataset, tables: Tables) -> EffectDataset:
        """With the lag that the model's linear stage wants."""
        return replace(dataset, material=settle_material(dataset.material, tables))

    def check_facts(self, facts: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        """Raises ValueError where what a checkpoint says cannot be."""
        rate = facts["sample_rate"]
        if not isinstance(rate, int) or not LOWEST_SAMPLE_RATE <= rate <= HIGHEST_SAMPLE_RATE:
            raise ValueError(f"its sample rate is {quoted(rate)}")
        json.dumps(dict(metadata), allow_nan=False)

    def print_summary(self, metrics: Mapping[str, Any], console: Console) -> None:
        """Prints the ESR beside its baselines, and advice."""
        print_summary(metrics, console)

    def finish(self, model: Trainable, dataset: EffectDataset, outcome: Outcome) -> Evaluation:
        """Exports the model, plays that file through the engine, and measures what comes out.

        A model without a file format is played by torch.
        """
        assert isinstance(model, EffectModel)
        material = dataset.material
        metadata = {**dataset.metadata, "esr": 0.0}  # which is measured below
        made = new_document(model, sample_rate=material.sample_rate, metadata=metadata) if model.formats else None
        player = TorchPlayer(model) if made is None else made[1]
        take = play(player, material.test)
        figures = measure(take.prediction, take.target, material.sample_rate, mask=take.mask)
        baselines = fit_baselines(segments_of(material.train)).score(segments_of(material.test))
        loud = measure_loud_playing(player, take.input, Peaks.of(material.train), material.sample_rate)
        played: dict[str, Any] = {"loud": loud}
        if made is not None:
            file, engine_model = made
            file.add_metadata(esr=float(f"{figures['esr']:.4g}"))
            file.save(outcome.folder / f"model{file.format.suffix}")
            played["parity"] = measure_parity(engine_model, file.reference(), take.input)
            played["speed"] = measure_speed(engine_model, take.input, material.sample_rate)
        if model.linear_stage is not None:
            taps = model.linear_stage.taps.cpu().numpy()
            write_audio(outcome.folder / "cabinet.wav", taps, material.sample_rate, "FLOAT")
        main = material.recordings[0]
        metrics: dict[str, Any] = {
            "esr": figures["esr"],
            "baselines": baselines,
            "test": figures,
            "validation_esr": outcome.result.best_value,
            **played,
            "data": {
                **main.report.to_dict(),
                "lag_removed": main.lag_removed,
                "notes": [note for recording in material.recordings for note in recording.notes],
            },
            "split": material.parts,
            "model": {
                "name": model.name,
                **asdict(model.config),
                "parameters": model.num_parameters,
                "sample_rate": material.sample_rate,
                "lag_samples": material.lag_samples,
            },
        }
        metrics["advice"] = advise({**outcome.common, **metrics})
        metrics["verdicts"] = judge_result(metrics)
        report = EffectReport(
            input=take.input,
            target=take.target,
            prediction=take.prediction,
            sample_rate=material.sample_rate,
            scored=take.mask,
            metrics={**outcome.common, **metrics},
            history=outcome.history,
            has_cabinet=_has_cabinet(dataset.capture, model),
            run=shlex.quote(str(outcome.folder)),
        )
        write_sounds(outcome.folder, report)
        sections = effect_sections(report)
        if isinstance(model, StftLstm):
            sections[-1:-1] = phase_sections(report, model.cpu().eval().play_without_phase)
        return Evaluation(
            metrics=metrics,
            summary=f"test ESR {figures['esr']:.5f}; the best filter leaves {baselines['fir']:.5f}",
            page=Page(title=outcome.title, sections=sections, verdict=effect_verdict(report), terms=TERMS),
        )


def _has_cabinet(capture: Metadata, model: EffectModel) -> bool | None:
    """Whether a loudspeaker is part of the capture, if that is known; studio gear is not played through one."""
    if model.linear_stage is not None:
        return True
    return None if capture.gear_type is None else capture.gear_type in ("amp_cab", "amp_pedal_cab", "studio")


def pair_tables(pairs: Iterable[PairFiles]) -> Tables:
    """Pairs as tables: ``pair_1``, ``pair_2`` and so on."""
    return {
        f"pair_{number}": {**asdict(pair), "input": str(pair.input), "target": str(pair.target)}
        for number, pair in enumerate(pairs, start=1)
    }
