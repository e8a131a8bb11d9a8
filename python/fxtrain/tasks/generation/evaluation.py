# SPDX-License-Identifier: MIT
"""Measures a trained generator on recordings that it was not trained on."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fxtrain.audio.mu_law import mu_law_decode
from fxtrain.data.waves import CodedWave, WaveBatch, cut, evenly, in_batches
from fxtrain.metrics.spectral import mel_distance
from fxtrain.models.generators._wavenet_native import is_available
from fxtrain.models.generators._wavenet_sampling import Draw, generate
from fxtrain.models.generators.wavenet import WaveNetGenerator
from fxtrain.tasks.generation.dataset import GenerationDataset

__all__ = ["Sound", "by_samples_heard", "held_out_batches", "make_sounds", "measure_nll"]

_BATCH = 4
_HEARD_SAMPLES = 400_000  # that the network is run over for the curve
_SECONDS = 3.0
_SECONDS_OF_TORCH = 0.5
_MOST_SOUNDS = 6


def held_out_batches(model: WaveNetGenerator, dataset: GenerationDataset) -> Callable[[], Iterable[WaveBatch]]:
    """The sequences of the test part, as often as they are asked for."""
    config, waves = dataset.config, dataset.parts["test"]
    starts = evenly(waves, config.test_seconds, config.sample_rate, config.sequence_samples, model.cut)
    return lambda: in_batches(waves, starts, config.sequence_samples, model.cut, size=_BATCH)


@torch.no_grad()
def measure_nll(model: WaveNetGenerator, batches: Callable[[], Iterable[WaveBatch]]) -> dict[str, Any]:
    """Mean NLL in bits per sample, by class and with another class's label too."""
    num_classes = len(model.classes)
    sums = np.zeros((2, max(num_classes, 1)))
    counts = np.zeros(max(num_classes, 1))
    for batch in batches():
        labels = batch.labels.numpy()
        counted = (batch.following >= 0).sum(1).numpy()
        np.add.at(counts, labels, counted)
        np.add.at(sums[0], labels, model.nll_bits(batch).sum(1).numpy())
        if num_classes > 1:
            np.add.at(sums[1], labels, model.nll_bits(_with_other_labels(batch, num_classes)).sum(1).numpy())
    total = max(counts.sum(), 1)
    measured: dict[str, Any] = {"nll_bits": float(sums[0].sum() / total), "samples": int(counts.sum())}
    if num_classes > 1:
        measured["wrong_class_nll_bits"] = float(sums[1].sum() / total)
        measured["classes"] = {
            name: {"nll_bits": float(right / count), "wrong_class_nll_bits": float(wrong / count)}
            for name, right, wrong, count in zip(model.classes, *sums, counts, strict=True)
            if count
        }
    return measured


def _with_other_labels(batch: WaveBatch, num_classes: int) -> WaveBatch:
    """Each sequence as of another class; which one goes round."""
    step = 1 + torch.arange(len(batch.labels)) % (num_classes - 1)
    return replace(batch, labels=(batch.labels + step) % num_classes)


@torch.no_grad()
def by_samples_heard(model: WaveNetGenerator, dataset: GenerationDataset) -> list[dict[str, float]]:
    """Mean NLL by how many samples before the predicted one are real; those before them are silence.

    Rows have ``samples``, the mean number heard, and ``nll_bits``. The last row is of twice the receptive field.
    """
    field = model.receptive_field
    count = 2 * field
    num = max(_BATCH, _HEARD_SAMPLES // (field + count))
    starts = evenly(dataset.parts["test"], 1e9, dataset.config.sample_rate, count, model.cut)
    starts = [starts[index] for index in np.linspace(0, len(starts) - 1, min(num, len(starts))).astype(int)]
    sums, counts = np.zeros(count), np.zeros(count)
    for first in range(0, len(starts), _BATCH):
        batch = cut(dataset.parts["test"], starts[first : first + _BATCH], count, model.cut)
        codes = batch.codes.clone()
        codes[:, :field] = model.cut.silence
        sums += model.nll_bits(replace(batch, codes=codes)).sum(0).numpy()
        counts += (batch.following >= 0).sum(0).numpy()
    edges = [0, *(1 << power for power in range((field - 1).bit_length())), field, count]
    rows = []
    for low, high in itertools.pairwise(edges):
        if counts[low:high].sum():
            rows.append({"samples": (low + high - 1) / 2, "nll_bits": sums[low:high].sum() / counts[low:high].sum()})
    return rows


@dataclass(frozen=True, eq=False)
class Sound:
    """A recording of the test part and what the model makes.

    Attributes:
        name: of the class or of the recording.
        real: shape ``(samples,)``.
        made: the same length.
        mel_distance: between both, for a model that follows mels.
        other_distance: between the recording and another one.
    """

    name: str
    real: NDArray[np.float32]
    made: NDArray[np.float32]
    mel_distance: float | None = None
    other_distance: float | None = None


def make_sounds(
    model: WaveNetGenerator, dataset: GenerationDataset, *, seed: int = 0
) -> tuple[list[Sound], dict[str, float]]:
    """A sound of each class (six at most), or of the mels of some recordings; and how fast they were made."""
    config, waves = dataset.config, dataset.parts["test"]
    length = round((_SECONDS if is_available() else _SECONDS_OF_TORCH) * config.sample_rate)
    chosen = _choose(waves, len(model.classes))
    began, num_samples = time.perf_counter(), 0
    sounds = []
    for index, wave in enumerate(chosen):
        count = min(length, len(wave.codes))
        start = (len(wave.codes) - count) // 2
        start -= start % (model.mel.hop if model.mel is not None else 1)
        real = _real(wave, start, count, model.mu)
        mels = None
        if model.mel is not None and wave.mels is not None:
            frames = wave.mels[start // model.mel.hop : -(-(start + count) // model.mel.hop)]
            mels = torch.from_numpy(frames.T.astype(np.float32))
        label = wave.label if model.classes else None
        made = generate(model, count, Draw(seed + index), label=label, mels=mels)
        num_samples += count
        name = model.classes[wave.label] if model.classes else wave.name
        if mels is None:
            sounds.append(Sound(name, real, made))
            continue
        other = chosen[(index + 1) % len(chosen)] if len(chosen) > 1 else dataset.parts["validation"][0]
        another = np.resize(mu_law_decode(other.codes, model.mu), count)
        sounds.append(Sound(name, real, made, *_distances(model, real, made, another)))
    seconds = time.perf_counter() - began
    return sounds, {"microseconds_per_sample": 1e6 * seconds / num_samples, "samples": num_samples}


def _choose(waves: Sequence[CodedWave], num_classes: int) -> list[CodedWave]:
    """The longest recording of each class; without classes the two longest ones."""
    ordered = sorted(waves, key=lambda wave: (-len(wave.codes), wave.name))
    if not num_classes:
        return ordered[:2]
    first = {wave.label: wave for wave in reversed(ordered)}
    return [first[label] for label in sorted(first)][:_MOST_SOUNDS]


def _real(wave: CodedWave, start: int, count: int, mu: int) -> NDArray[np.float32]:
    return mu_law_decode(wave.codes[start : start + count], mu)


def _distances(model: WaveNetGenerator, real: Any, *others: Any) -> tuple[float, ...]:
    mel = model.mel
    assert mel is not None
    shape = {"n_fft": mel.n_fft, "hop": mel.hop, "bands": mel.bands}
    return tuple(mel_distance(other, real, model.sample_rate, **shape) for other in others)
