# SPDX-License-Identifier: MIT
"""Hidden states of recordings beside the sound that they are to become."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from fxtrain.audio.resampling import resample
from fxtrain.config import configuration
from fxtrain.data.recordings import Recording, read_mono
from fxtrain.data.sharding import Sharded

__all__ = [
    "FeatureBatch",
    "FeatureConfig",
    "FeatureProvider",
    "FeatureSource",
    "Utterance",
    "make_utterances",
    "with_noise",
]

Samples = NDArray[np.float32]
States = Callable[[Tensor], Tensor]

_ENCODER_RATE, _HOP = 16_000, 320
_NO_NOISE_DB = 200.0


Snr = Annotated[float, Field(ge=-20, le=200)]


@configuration
class FeatureConfig:
    """What a vocoder is trained on.

    Attributes:
        folder: of recordings.
        segment_frames: hidden states of a training segment; 50 are a second.
        noise_snr_db: the encoder hears the sound with noise at this ratio, and the target is clean; 200 is no noise.
        validation_fraction: share of the files that chooses the best weights.
        test_fraction: share of the files that training never sees.
        test_seconds: at most so much of each of them is measured.
        test_noise_snr_db: the finished model also hears them with noise at these ratios.
    """

    folder: Annotated[Path, Field(strict=False)]
    segment_frames: Annotated[int, Field(ge=4, le=10_000)] = 24
    noise_snr_db: Snr = 200.0
    validation_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    test_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    test_seconds: Annotated[float, Field(gt=0, le=3600)] = 10.0
    test_noise_snr_db: Annotated[tuple[Snr, ...], Field(strict=False, max_length=16)] = (20, 10, 0)


@dataclass(frozen=True)
class FeatureBatch:
    """Segments.

    Attributes:
        states: shape ``(batch, layers, frames, width)``.
        target: the sound of the same stretches, shape ``(batch, frames * hop)``.
    """

    states: Tensor
    target: Tensor

    @property
    def num_items(self) -> int:
        """Samples."""
        return self.target.numel()

    def to(self, device: torch.device) -> FeatureBatch:
        """The batch on another device."""
        return FeatureBatch(self.states.to(device), self.target.to(device))


@dataclass(frozen=True, eq=False)
class Utterance:
    """A recording as a vocoder meets it.

    Attributes:
        name: of the file.
        states: of the encoder, shape ``(layers, frames, width)``; 16-bit floats, from the cache.
        clean: the recording at 16 kHz, without the noise that the encoder may have heard.
        target: what the states are to become, at the target's rate; ``frames * hop`` samples.
    """

    name: str
    states: NDArray[np.float16]
    clean: Samples
    target: Samples


@dataclass(frozen=True)
class FeatureSource:
    """Where hidden states come from.

    Attributes:
        key: of encoder and layer: the cache keeps states of different ones apart.
        states: from ``(1, samples)`` at 16 kHz to ``(1, layers, frames, width)``.
        target_rate: in Hz.
        noise_snr_db: as in :class:`FeatureConfig`.
    """

    key: str
    states: States
    target_rate: int
    noise_snr_db: float


def make_utterances(
    files: Sequence[Recording],
    source: FeatureSource,
    *,
    cache: Path,
    progress: Callable[[float], None] = lambda share: None,
) -> list[Utterance]:
    """Reads recordings and works out their hidden states, once: the cache knows them by file, encoder and settings."""
    cache.mkdir(parents=True, exist_ok=True)
    made = []
    total = sum(file.seconds for file in files)
    done = 0.0
    for file in files:
        sound = read_mono(file)
        clean = resample(sound, file.sample_rate, _ENCODER_RATE)
        num_frames = len(clean) // _HOP
        target = resample(sound, file.sample_rate, source.target_rate)
        clean = clean[: num_frames * _HOP]
        target = _fitted(target, num_frames * source.target_rate * _HOP // _ENCODER_RATE)
        heard = with_noise(clean, source.noise_snr_db, file.name)
        digest = hashlib.sha256(f"{source.key} {source.noise_snr_db}".encode() + heard.tobytes()).hexdigest()
        path = cache / f"{digest[:24]}.npy"
        if not path.exists():
            states = source.states(torch.from_numpy(heard)[None])[0].numpy().astype(np.float16)
            part = path.with_suffix(".part")
            with part.open("wb") as stream:
                np.save(stream, states)
            part.replace(path)
        made.append(Utterance(file.name, np.load(path, mmap_mode="r"), clean, target))
        done += file.seconds
        progress(done / total)
    return made


class FeatureProvider(Sharded):
    """Draws segments; which ones depends on seed and step alone. Long recordings are drawn more often."""

    Config = FeatureConfig
    unit = "samples"
    steps_per_sequence = 1

    def __init__(
        self,
        train: Sequence[Utterance],
        validation: Sequence[Utterance],
        *,
        segment_frames: int,
        batch_size: int,
        seed: int,
    ) -> None:
        self._train, self._validation = train, validation
        self._frames, self._batch_size, self._seed = segment_frames, batch_size, seed
        lengths = np.array([each.states.shape[1] for each in train])
        self._share = lengths / lengths.sum()
        self.steps_per_epoch = max(1, int(lengths.sum()) // (segment_frames * batch_size))
        digest = hashlib.sha256()
        for each in train:
            digest.update(f"{each.name} {each.states.shape}".encode())
            digest.update(np.ascontiguousarray(each.states[:, :1]).tobytes())
        self.fingerprint = digest.hexdigest()

    def batch(self, step: int) -> FeatureBatch:
        """The segments of one step."""
        rng = np.random.default_rng([self._seed, step])
        chosen = rng.choice(len(self._train), size=self._batch_size, p=self._share)
        starts = [int(rng.integers(self._train[index].states.shape[1] - self._frames + 1)) for index in chosen]
        own = zip(self.own_rows(chosen), self.own_rows(np.array(starts)), strict=True)
        return _stacked([_cut(self._train[index], start, self._frames) for index, start in own])

    def validation(self) -> Iterator[FeatureBatch]:
        """The middle of each recording that was kept back."""
        for start in range(0, len(self._validation), self._batch_size):
            part = self._validation[start : start + self._batch_size]
            yield _stacked([_cut(each, (each.states.shape[1] - self._frames) // 2, self._frames) for each in part])


def _cut(utterance: Utterance, start: int, frames: int) -> tuple[NDArray[Any], Samples]:
    hop = len(utterance.target) // utterance.states.shape[1]
    states = utterance.states[:, start : start + frames].astype(np.float32)
    return states, utterance.target[start * hop : (start + frames) * hop]


def _stacked(pairs: Sequence[tuple[NDArray[Any], Samples]]) -> FeatureBatch:
    states, targets = zip(*pairs, strict=True)
    return FeatureBatch(torch.from_numpy(np.stack(states)), torch.from_numpy(np.stack(targets)))


def _fitted(samples: Samples, length: int) -> Samples:
    """Cut or padded with silence to a length."""
    return np.pad(samples[:length], (0, max(0, length - len(samples))))


def with_noise(samples: Samples, snr_db: float, name: str) -> Samples:
    """Sound with white noise added, the same for a file each time.

    Args:
        samples: shape ``(samples,)``.
        snr_db: level of the sound over that of the noise; 200 adds none.
        name: of the file.
    """
    if snr_db >= _NO_NOISE_DB:
        return samples
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    noise = np.random.default_rng(seed).standard_normal(len(samples)).astype(np.float32)
    level = np.sqrt(np.square(samples).mean()) * 10 ** (-snr_db / 20)
    return np.asarray(samples + level * noise, dtype=np.float32)
