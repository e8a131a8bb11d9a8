# SPDX-License-Identifier: MIT
"""The task of putting back what lossy codecs take, learned from clean recordings that are coded on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from rich.console import Console

from fxtrain.audio.codecs import code, open_audio, parse_codec, require_rate
from fxtrain.audio.cutoff import cutoff_of
from fxtrain.audio.decibels import format_db
from fxtrain.audio.files import write_audio
from fxtrain.audio.resampling import resample
from fxtrain.config import Tables, build
from fxtrain.data.codec_pairs import CodecConfig, CodecPairs, CropPool, cutoff_between, level_profile, make_pool
from fxtrain.data.recordings import Recording, find_recordings, split_files
from fxtrain.errors import ConfigError, InputError
from fxtrain.metrics.restoration import FLOOR_DB, RestorationFigures, mean_figures, measure_restoration
from fxtrain.models.generators._restoration import RestorationModel
from fxtrain.models.generators._spectral import Spectra, frame_level
from fxtrain.packages import cache_folder
from fxtrain.tasks.protocol import Evaluation, InputRun, Notice, Outcome
from fxtrain.tasks.restoration.page import make_page
from fxtrain.tasks.restoration.remedies import REMEDIES, Remedies
from fxtrain.tasks.restoration.restorer import Restorer
from fxtrain.training.plan import TrainingConfig
from fxtrain.training.protocol import Trainable

__all__ = ["CodedExcerpt", "RestorationDataset", "RestorationTask", "compare_files", "evaluate_excerpts"]

Samples = NDArray[np.float32]

_CHECKED_SECONDS = 30.0  # of each clean recording, to find out whether it was coded itself
_TEST_FILES = 8
_MOST_NAMED = 4


@dataclass(frozen=True, eq=False)
class CodedExcerpt:
    """Part of a recording before and after a codec.

    Attributes:
        name: of the recording.
        codec: with its rate.
        damaged: shape ``(channels, frames)``.
        clean: the same shape.
        cutoff_hz: where the highs of ``damaged`` end.
    """

    name: str
    codec: str
    damaged: Samples
    clean: Samples
    cutoff_hz: float


@dataclass(frozen=True, eq=False)
class RestorationDataset:
    """The material of a restoration model."""

    config: CodecConfig
    train: CropPool
    validation: CropPool
    test: Sequence[CodedExcerpt]
    profile: Sequence[float]
    summary: str
    notices: Sequence[Notice] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    log: Sequence[str] = ()

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the model is built from."""
        return {"sample_rate": self.config.sample_rate, "profile": list(self.profile)}


class RestorationTask:
    """Clean recordings, real codecs, and models that undo them."""

    name: ClassVar[str] = "restoration"
    needs: ClassVar[str] = "a folder of clean recordings"
    artifacts: ClassVar[Sequence[str]] = ("audio/*.wav",)
    material_tables: ClassVar[Sequence[str]] = ("data",)
    numbered_tables: ClassVar[Mapping[str, type]] = {}

    def tables(self, model: type[Trainable]) -> Mapping[str, type]:
        """Where the recordings are, and how they are coded."""
        return {"data": CodecConfig}

    def load(self, model: type[Trainable], tables: Tables, inputs: Mapping[str, InputRun]) -> RestorationDataset:
        """Finds the recordings and codes crops of them, or takes those of an earlier run from the cache."""
        config = build(CodecConfig, tables.get("data", {}), where="data")
        sizes: Any = build(model.Config, tables.get("model", {}), where="model")
        for text in config.codecs:
            try:
                require_rate(parse_codec(text), config.sample_rate)
            except ConfigError as error:
                raise ConfigError(f"data.sample_rate is {config.sample_rate}, but {error}") from None
        shortest = config.crop_frames / config.sample_rate + 0.5
        found = find_recordings(config.folder, shortest_seconds=shortest)
        parts = split_files(
            found.files, validation_fraction=config.validation_fraction, test_fraction=config.test_fraction
        )
        cache = cache_folder() / "codec-pairs"
        train = make_pool(parts["train"], config, crops=config.crops, seed=0, cache=cache)
        validation = make_pool(parts["validation"], config, crops=config.validation_crops, seed=1, cache=cache)
        spectra = Spectra(sizes.n_fft, sizes.hop)

        def magnitudes(clean: torch.Tensor) -> torch.Tensor:
            x: torch.Tensor = spectra(clean)
            return (x.abs() / frame_level(x) + 1e-6).log()

        notices = [Notice("note", found.exclusions)] if found.left_out else []
        if lossy := [file.name for file in found.files if _coded_before(file, config.sample_rate)]:
            named = ", ".join(lossy[:_MOST_NAMED]) + (", ..." if len(lossy) > _MOST_NAMED else "")
            notices.append(
                Notice(
                    "warn",
                    f"{len(lossy)} of {len(found.files)} recordings were coded themselves, since their highs end at a "
                    f"cutoff ({named}): a model learns to leave off where they do, so take them out",
                )
            )
        counts = ", ".join(f"{name} {len(files)} files" for name, files in parts.items())
        return RestorationDataset(
            config,
            train,
            validation,
            [_coded_excerpt(file, index, config) for index, file in enumerate(parts["test"][:_TEST_FILES])],
            level_profile(train, magnitudes),
            f"{found.seconds / 60:.1f} minutes of clean sound: {counts}; {config.crops} crops of "
            f"{config.crop_frames / config.sample_rate:.2f} s, coded as {', '.join(config.codecs)}",
            notices,
            log=[f"{name}: {file.name}" for name, files in parts.items() for file in files],
        )

    def provider(
        self, model: type[Trainable], dataset: RestorationDataset, tables: Tables, training: TrainingConfig
    ) -> CodecPairs:
        """Draws crops."""
        if len(dataset.train.sounds) < training.batch_size:
            raise InputError(
                f"{len(dataset.train.sounds)} crops are fewer than a batch of {training.batch_size}: raise data.crops, "
                "or lower training.batch_size"
            )
        return CodecPairs(dataset.train, dataset.validation, batch_size=training.batch_size, seed=training.seed)

    def check_facts(self, facts: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        """See :meth:`fxtrain.tasks.protocol.Task.check_facts`."""
        rate, profile = facts["sample_rate"], facts["profile"]
        if not isinstance(rate, int) or not 8000 <= rate <= 192_000:
            raise ValueError(f"its sample rate is {rate}")
        if not isinstance(profile, list) or not all(isinstance(value, float) for value in profile):
            raise TypeError("its profile is not a list of numbers")

    def finish(self, model: Trainable, dataset: RestorationDataset, outcome: Outcome) -> Evaluation:
        """Restores excerpts that training never saw and measures them beside the classic remedies."""
        assert isinstance(model, RestorationModel)
        figures, restored = evaluate_excerpts(model, dataset.test, dataset.profile)
        (outcome.folder / "audio").mkdir(exist_ok=True)
        first = dataset.test[0]
        for name, sound in (("clean", first.clean), ("damaged", first.damaged), ("restored", restored[0])):
            write_audio(outcome.folder / "audio" / f"{name}.wav", sound, dataset.config.sample_rate)
        metrics = _document(figures) | {
            "test": {
                "excerpts": [
                    {"name": each.name, "codec": each.codec, "cutoff_hz": each.cutoff_hz} for each in dataset.test
                ]
            },
            "floor_db": FLOOR_DB,
        }
        page = make_page(model, dataset.test, restored, figures, outcome, dataset.config.sample_rate)
        own, damaged = figures["restored"], figures["damaged"]
        return Evaluation(
            metrics=metrics,
            summary=f"log-spectral distance above the cutoff {format_db(own.lsd_above_cutoff)}, of the damaged sound "
            f"{format_db(damaged.lsd_above_cutoff)}",
            page=page,
        )

    def print_summary(self, metrics: Mapping[str, Any], console: Console) -> None:
        """Prints the distances."""
        console.print(f"above the cutoff, log-spectral distance [bold]{format_db(metrics['lsd_above_cutoff'])}[/]")
        for name, values in metrics["baselines"].items():
            console.print(f"  {name.replace('_', ' '):22} {format_db(values['lsd_above_cutoff'])}")

    def compare(self, model: Trainable, input: Path, target: Path) -> dict[str, Any]:
        """How close a model brings a damaged file to its clean version; see :class:`ComparingTask`."""
        assert isinstance(model, RestorationModel)
        return compare_files(model, input, target)


def evaluate_excerpts(
    model: RestorationModel, excerpts: Sequence[CodedExcerpt], profile: Sequence[float], *, seed: int = 0
) -> tuple[dict[str, RestorationFigures], list[Samples]]:
    """Restores excerpts and measures the model, the damaged sound and each remedy.

    Returns:
        Mean figures of ``restored``, ``damaged`` and each of :data:`REMEDIES`; and what the model restored.
    """
    rows: dict[str, list[RestorationFigures]] = {}
    restored = []
    for each in excerpts:
        rate, num_channels = model.sample_rate, len(each.damaged)
        sounds = {"restored": Restorer(model, rate, num_channels, each.cutoff_hz, seed=seed).restore(each.damaged)}
        restored.append(sounds["restored"])
        remedies = Remedies(rate, each.cutoff_hz, profile, n_fft=model.spectra.n_fft, seed=seed)
        sounds |= {"damaged": each.damaged} | {name: apply(remedies, each.damaged) for name, apply in REMEDIES.items()}
        for name, sound in sounds.items():
            rows.setdefault(name, []).append(measure_restoration(sound, each.clean, rate, each.cutoff_hz))
    return {name: mean_figures(each) for name, each in rows.items()}, restored


def compare_files(model: RestorationModel, damaged: Path, clean: Path) -> dict[str, Any]:
    """Figures of a damaged file, restored, against its clean version.

    Raises:
        InputError: they differ in channels or length by more than a codec explains.
    """
    from fxtrain.audio.codecs import lag_of

    sounds = []
    for path in (damaged, clean):
        with open_audio(path) as reader:
            blocks = list(reader.blocks(1 << 20))
            rate = reader.sample_rate
        if not blocks:
            raise InputError(f"{path} is empty")
        sounds.append(np.stack([resample(x, rate, model.sample_rate) for x in np.concatenate(blocks, axis=1)]))
    one, other = sounds
    if len(one) != len(other):
        raise InputError(
            f"{damaged} has {len(one)} channels, but {clean} has {len(other)}: give two versions of one recording"
        )
    lag = lag_of(one.mean(axis=0), other.mean(axis=0))
    one = one[:, lag:] if lag > 0 else np.pad(one, ((0, 0), (-lag, 0)))
    length = min(one.shape[1], other.shape[1])
    if length < model.sample_rate // 10:
        raise InputError(f"{damaged} and {clean} share {length / model.sample_rate:.2f} s, expected 0.1 s at least")
    one, other = np.ascontiguousarray(one[:, :length]), np.ascontiguousarray(other[:, :length])
    cutoff = cutoff_of([one], model.sample_rate) or cutoff_between(one, other, model.sample_rate)
    excerpt = CodedExcerpt(damaged.name, "", one, other, cutoff)
    profile = [float(value) for value in model.profile]
    figures, _ = evaluate_excerpts(model, [excerpt], profile)
    return _document(figures) | {"cutoff_hz": cutoff, "lag_frames": lag, "floor_db": FLOOR_DB}


def _document(figures: Mapping[str, RestorationFigures]) -> dict[str, Any]:
    baselines = {name: asdict(each) for name, each in figures.items() if name != "restored"}
    return {**asdict(figures["restored"]), "baselines": baselines}


def _coded_excerpt(file: Recording, index: int, config: CodecConfig) -> CodedExcerpt:
    """The middle of a recording, coded with one of the codecs in turn."""
    wanted = min(file.num_frames, round(config.test_seconds * file.sample_rate))
    start = (file.num_frames - wanted) // 2
    block, _ = soundfile.read(file.path, wanted, start, dtype="float32", always_2d=True)
    channels = block.T[:2] if block.shape[1] <= 2 else block.mean(axis=1)[None]
    clean = np.stack([resample(np.ascontiguousarray(x), file.sample_rate, config.sample_rate) for x in channels])
    codec = parse_codec(config.codecs[index % len(config.codecs)])
    damaged = code(clean, config.sample_rate, codec)
    cutoff = cutoff_of([damaged], config.sample_rate) or cutoff_between(damaged, clean, config.sample_rate)
    return CodedExcerpt(file.name, str(codec), damaged, clean, cutoff)


def _coded_before(file: Recording, sample_rate: int) -> bool:
    """Whether a recording's highs end at a cutoff."""
    wanted = min(file.num_frames, round(_CHECKED_SECONDS * file.sample_rate))
    block, _ = soundfile.read(file.path, wanted, (file.num_frames - wanted) // 2, dtype="float32", always_2d=True)
    return cutoff_of([block.T], file.sample_rate) is not None
