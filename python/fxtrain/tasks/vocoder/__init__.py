# SPDX-License-Identifier: MIT
"""The task of making sound out of hidden states of a frozen encoder."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

from fxtrain.audio.files import write_audio
from fxtrain.audio.resampling import resample
from fxtrain.config import Tables, build
from fxtrain.data.features import (
    FeatureConfig,
    FeatureProvider,
    FeatureSource,
    Utterance,
    make_utterances,
    with_noise,
)
from fxtrain.data.recordings import find_recordings, split_files
from fxtrain.errors import InputError
from fxtrain.metrics.spectral import log_mel, mel_distance
from fxtrain.models.generators._encoders import SAMPLE_RATE, Encoder, load_encoder
from fxtrain.models.generators.ssl_vocoder import SslVocoder, SslVocoderConfig
from fxtrain.packages import cache_folder
from fxtrain.report.html import Page
from fxtrain.report.plots import spectrogram_strips
from fxtrain.report.sections import Curve, Curves, Fact, Facts, Panel, Player, Section, Source, Table
from fxtrain.report.sections import Tables as TableSection
from fxtrain.tasks.protocol import Evaluation, InputRun, Notice, Outcome
from fxtrain.tasks.vocoder.baselines import MelRegression, sound_of_mels, state_mels
from fxtrain.tasks.vocoder.rendering import read_states, render_file, render_states
from fxtrain.training.plan import TrainingConfig
from fxtrain.training.protocol import Trainable

__all__ = ["VocoderDataset", "VocoderTask"]

Samples = NDArray[np.floating[Any]]

_TEST_FILES = 8
_NAMES = {
    "model": "this model",
    "untrained": "the same, untrained",
    "mean_mel": "the mean mel frame",
    "griffin_lim": "mels by linear regression, Griffin-Lim",
    "griffin_lim_true": "the true mels, Griffin-Lim",
}


@dataclass(frozen=True, eq=False)
class VocoderDataset:
    """Recordings with their hidden states."""

    config: FeatureConfig
    model_config: SslVocoderConfig
    encoder: Encoder
    train: Sequence[Utterance]
    validation: Sequence[Utterance]
    test: Sequence[Utterance]
    summary: str
    notices: Sequence[Notice] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    log: Sequence[str] = ()

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the model is built from, and which encoder it belongs to."""
        return {
            "width": self.encoder.width,
            "num_layers": self.encoder.num_layers,
            "encoder": self.encoder.name,
            "encoder_sha256": self.encoder.sha256,
        }


class VocoderTask:
    """Recordings, the hidden states of an encoder that hears them, and a generator that turns these back."""

    name: ClassVar[str] = "vocoder"
    needs: ClassVar[str] = "a folder of recordings of speech"
    artifacts: ClassVar[Sequence[str]] = ("audio/*.wav",)
    material_tables: ClassVar[Sequence[str]] = ("data",)
    numbered_tables: ClassVar[Mapping[str, type]] = {}

    def tables(self, model: type[Trainable]) -> Mapping[str, type]:
        """Where the recordings are."""
        return {"data": FeatureConfig}

    def load(self, model: type[Trainable], tables: Tables, inputs: Mapping[str, InputRun]) -> VocoderDataset:
        """Finds the recordings and works their hidden states out, or takes them from the cache."""
        config = build(FeatureConfig, tables.get("data", {}), where="data")
        settings = build(SslVocoderConfig, tables.get("model", {}), where="model")
        encoder = load_encoder(settings.encoder, settings.layer)
        shortest = (config.segment_frames + 1) / 50
        found = find_recordings(config.folder, shortest_seconds=shortest)
        parts = split_files(
            found.files, validation_fraction=config.validation_fraction, test_fraction=config.test_fraction
        )
        source = FeatureSource(f"{encoder.sha256} {settings.layer}", encoder, settings.target_rate, config.noise_snr_db)
        cache = cache_folder() / "hidden-states"
        made = {
            part: make_utterances(files[:_TEST_FILES] if part == "test" else files, source, cache=cache)
            for part, files in parts.items()
        }
        counts = ", ".join(f"{part} {len(files)} files" for part, files in parts.items())
        heard = f"{encoder.kind}, {encoder.num_layers} x {encoder.width} values 50 times a second"
        return VocoderDataset(
            config,
            settings,
            encoder,
            made["train"],
            made["validation"],
            made["test"],
            f"{found.seconds / 60:.1f} minutes: {counts}; {heard}",
            [Notice("note", found.exclusions)] if found.left_out else [],
            log=[f"{part}: {file.name}" for part, files in parts.items() for file in files],
        )

    def provider(
        self, model: type[Trainable], dataset: VocoderDataset, tables: Tables, training: TrainingConfig
    ) -> FeatureProvider:
        """Draws segments."""
        return FeatureProvider(
            dataset.train,
            dataset.validation,
            segment_frames=dataset.config.segment_frames,
            batch_size=training.batch_size,
            seed=training.seed,
        )

    def check_facts(self, facts: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        """See :meth:`fxtrain.tasks.protocol.Task.check_facts`."""
        for name in ("width", "num_layers"):
            if not isinstance(facts[name], int) or not 1 <= facts[name] <= 1 << 16:
                raise ValueError(f"its {name} is {facts[name]}")
        for name in ("encoder", "encoder_sha256"):
            if not isinstance(facts[name], str):
                raise TypeError(f"its {name} is no text")

    def finish(self, model: Trainable, dataset: VocoderDataset, outcome: Outcome) -> Evaluation:
        """Reconstructs recordings that training never met, and measures them beside the baselines."""
        assert isinstance(model, SslVocoder)
        rate = model.config.target_rate
        torch.manual_seed(0)
        untrained = SslVocoder(model.config, model.width, model.num_layers).eval()
        regression = MelRegression.fit(dataset.train, rate)
        mean = np.concatenate([log_mel(each.target, rate) for each in dataset.train[:100]]).mean(axis=0)
        rows: dict[str, list[float]] = {name: [] for name in _NAMES}
        sounds: list[dict[str, Samples]] = []
        seconds = spent = 0.0
        tested = [_shortened(each, dataset.config.test_seconds) for each in dataset.test]
        for each in tested:
            states = torch.from_numpy(each.states.astype(np.float32))[None]
            with torch.inference_mode():
                started = time.perf_counter()
                made = model(states)[0].numpy()
                spent += time.perf_counter() - started
                raw = untrained(states)[0].numpy()
            seconds += len(made) / rate
            frames = each.states.shape[1]
            linear = sound_of_mels(regression.predict(each.states), rate)
            true = sound_of_mels(state_mels(each.target, rate, frames), rate)
            rows["model"].append(mel_distance(made, each.target, rate))
            rows["untrained"].append(mel_distance(raw, each.target, rate))
            rows["mean_mel"].append(float(np.abs(log_mel(each.target, rate) - mean).mean()))
            rows["griffin_lim"].append(mel_distance(linear, each.target, rate))
            rows["griffin_lim_true"].append(mel_distance(true, each.target, rate))
            sounds.append({"target": each.target, "prediction": made, "linear": linear})
        figures = {name: float(np.mean(values)) for name, values in rows.items()}
        (outcome.folder / "audio").mkdir(exist_ok=True)
        for name in ("target", "prediction"):
            write_audio(outcome.folder / "audio" / f"{name}.wav", sounds[0][name].astype(np.float32), rate)
        speed = seconds / spent
        noise = [_in_noise(model, dataset.encoder, tested, snr_db) for snr_db in dataset.config.test_noise_snr_db]
        metrics = {
            "mel_distance": figures["model"],
            "baselines": {name: value for name, value in figures.items() if name != "model"},
            "encoder": {"name": dataset.encoder.name, "kind": dataset.encoder.kind, "sha256": dataset.encoder.sha256},
            "times_real_time": speed,
            "noise": [vars(each) for each in noise],
            "test": {"files": [each.name for each in dataset.test], "seconds": seconds},
        }
        return Evaluation(
            metrics=metrics,
            summary=f"mel distance {figures['model']:.3f}, untrained {figures['untrained']:.3f}",
            page=_page(model, dataset, outcome, figures, sounds, speed, noise),
        )

    def print_summary(self, metrics: Mapping[str, Any], console: Console) -> None:
        """Prints the distances."""
        console.print(f"mel distance [bold]{metrics['mel_distance']:.3f}[/]")
        for name, value in metrics["baselines"].items():
            console.print(f"  {_NAMES[name]:40} {value:.3f}")
        for row in metrics.get("noise", ()):
            heard = f"hearing noise at {row['snr_db']:g} dB"
            console.print(f"  {heard:40} {row['mel_distance']:.3f}; the noisy recording itself {row['noisy']:.3f}")

    def render(self, model: Trainable, facts: Mapping[str, Any], input: Path, output: Path) -> dict[str, Any]:
        """Writes the reconstruction of a recording; see :class:`fxtrain.tasks.protocol.RenderingTask`."""
        assert isinstance(model, SslVocoder)
        started = time.perf_counter()
        if input.suffix == ".npz":
            saved = read_states(input)
            if saved.sha256 != facts["encoder_sha256"]:
                raise InputError(
                    f"{input} holds the states of another encoder than the one this model was trained on "
                    f"({facts['encoder']}): make them with fxtrain features --encoder {facts['encoder']}"
                )
            if saved.layer != str(model.config.layer):
                raise InputError(
                    f"{input} holds states of layer {saved.layer} of the encoder, expected layer {model.config.layer}, "
                    f"which this model was trained on: make them with fxtrain features --layer {model.config.layer}"
                )
            sound, rate = render_states(model, saved.states), model.config.target_rate
            write_audio(output, sound, rate)
            num_frames = len(sound)
        else:
            num_frames, rate = render_file(model, encoder_of(model, facts), input, output)
        seconds = time.perf_counter() - started
        return {
            "input": str(input),
            "output": str(output),
            "encoder": facts["encoder"],
            "sample_rate": rate,
            "num_frames": num_frames,
            "seconds": seconds,
            "times_real_time": num_frames / rate / seconds,
        }


def encoder_of(model: SslVocoder, facts: Mapping[str, Any]) -> Encoder:
    """The encoder that a model was trained on.

    Raises:
        ConfigError: it is not at hand, or its weights are others.
    """
    encoder = load_encoder(model.config.encoder, model.config.layer)
    if encoder.sha256 != facts["encoder_sha256"]:
        raise InputError(
            f"the encoder {model.config.encoder} has other weights than the one this model was trained on (SHA-256 "
            f"{encoder.sha256[:12]}, expected {facts['encoder_sha256'][:12]}): put that one back, or train anew"
        )
    return encoder


@dataclass(frozen=True)
class _InNoise:
    """Mel distances to the clean recordings, where the encoder hears noise as well.

    Attributes:
        snr_db: of what it hears.
        mel_distance: of the model.
        noisy: of what it hears.
    """

    snr_db: float
    mel_distance: float
    noisy: float


def _in_noise(model: SslVocoder, encoder: Encoder, utterances: Sequence[Utterance], snr_db: float) -> _InNoise:
    rate = model.config.target_rate
    made, noisy = [], []
    for each in utterances:
        heard = with_noise(each.clean, snr_db, f"{each.name}, test")
        with torch.inference_mode():
            sound = model(encoder(torch.from_numpy(heard)[None]))[0].numpy()
        made.append(mel_distance(sound, each.target, rate))
        noisy.append(mel_distance(_fitted(resample(heard, SAMPLE_RATE, rate), len(each.target)), each.target, rate))
    return _InNoise(float(snr_db), float(np.mean(made)), float(np.mean(noisy)))


def _fitted(samples: Samples, length: int) -> Samples:
    return np.pad(samples[:length], (0, max(0, length - len(samples))))


def _shortened(utterance: Utterance, seconds: float) -> Utterance:
    frames = min(utterance.states.shape[1], round(50 * seconds))
    hop = len(utterance.target) // utterance.states.shape[1]
    return Utterance(
        utterance.name, utterance.states[:, :frames], utterance.clean[: frames * 320], utterance.target[: frames * hop]
    )


def _page(
    model: SslVocoder,
    dataset: VocoderDataset,
    outcome: Outcome,
    figures: Mapping[str, float],
    sounds: Sequence[Mapping[str, Samples]],
    speed: float,
    noise: Sequence[_InNoise],
) -> Page:
    rate = model.config.target_rate
    weights = sum(each.numel() for each in model.generator.parameters())
    sections: list[Section] = []
    for index, (each, sound) in enumerate(zip(dataset.test[:3], sounds[:3], strict=False)):
        strips = spectrogram_strips({name: np.asarray(x, dtype=np.float64) for name, x in sound.items()}, rate)
        labels = {"target": "Original", "prediction": "Reconstruction", "linear": "Linear, Griffin-Lim"}
        colours: Mapping[str, Any] = {"target": "target", "prediction": "prediction", "linear": "dry"}
        sources = [
            Source(key=name, label=labels[name], samples=x, colour=colours[name], strip=strips[name])
            for name, x in sound.items()
        ]
        sections.append(
            Player(id=f"speech-{index + 1}", title=each.name, sample_rate=rate, sources=sources, selected="prediction")
        )
    sections.append(
        Facts(
            [
                Fact("Mel distance", f"{figures['model']:.3f}", f"untrained {figures['untrained']:.3f}"),
                Fact("Encoder", dataset.encoder.kind, f"layer {model.config.layer}"),
                Fact("Speed", f"{speed:.1f}", "times real time, without the encoder"),
                Fact("Generator", model.config.generator, f"{weights:,} weights"),
            ]
        )
    )
    rows = [[_NAMES[name], f"{value:.3f}"] for name, value in figures.items()]
    title = "Mel distance in nepers, mean over recordings never met"
    tables = [Table(title, rows, headings=("", "distance"), is_open=True)]
    if noise:
        heard = [[f"{each.snr_db:g} dB", f"{each.mel_distance:.3f}", f"{each.noisy:.3f}"] for each in noise]
        headings = ("signal to noise", "this model", "the noisy recording itself")
        tables.append(Table("The same, where the encoder hears white noise", heard, headings=headings, is_open=True))
    sections.append(TableSection(tables))
    panels = [
        Panel([Curve("val_mel", "mel distance")], "mel distance", True, "val_mel"),
        Panel([Curve("generator/verdict", "generator"), Curve("discriminator/verdict", "discriminators")], "verdict"),
    ]
    sections.append(Curves(outcome.history, panels))
    share = figures["model"] / figures["untrained"]
    return Page(
        title=outcome.title,
        sections=sections,
        verdict=(f"{share:.0%}", "of the mel distance of the untrained model, on recordings never met."),
    )
