# SPDX-License-Identifier: MIT
"""Crops of clean recordings beside what a lossy codec leaves of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from fxtrain.atomic import write_atomically
from fxtrain.audio.codecs import Codec, code, parse_codec
from fxtrain.audio.cutoff import LongTermSpectrum
from fxtrain.audio.resampling import resample
from fxtrain.config import configuration
from fxtrain.data.recordings import Recording
from fxtrain.data.sharding import Sharded
from fxtrain.errors import ConfigError

__all__ = ["CodecBatch", "CodecConfig", "CodecPairs", "CropPool", "cutoff_between", "make_pool"]

Samples = NDArray[np.float32]

_MARGIN_SECONDS = 0.15  # coded before and after each crop, so that no crop begins where the encoder does
_SILENT = 1e-4  # RMS below which a crop teaches nothing
_TRIES = 20
_EMPTY_DB = -112.0  # of a bin, relative to a sine of full scale: a codec keeps nothing so soft
_WITHIN_DB = 9.0  # a codec kept what is at most so much below the clean sound


@configuration
class CodecConfig:
    """What a restoration model is trained on.

    Attributes:
        folder: of clean recordings.
        sample_rate: that the model works at, in Hz.
        codecs: names with kbit/s, one drawn for each crop.
        crops: number of crops to code for training; they are kept in the cache.
        crop_frames: length of a crop.
        validation_crops: number of crops of other recordings that choose the best weights.
        test_seconds: how much of each recording that is kept back for the test is coded.
        validation_fraction: share of the files for it.
        test_fraction: share of the files that training never sees.
    """

    folder: Annotated[Path, Field(strict=False)]
    sample_rate: Annotated[int, Field(ge=8000, le=192_000)] = 44_100
    codecs: Annotated[tuple[str, ...], Field(strict=False)] = (
        "mp3-32",
        "mp3-48",
        "mp3-64",
        "mp3-96",
        "aac-32",
        "aac-48",
        "aac-64",
        "vorbis-64",
    )
    crops: Annotated[int, Field(ge=1, le=1 << 20)] = 768
    crop_frames: Annotated[int, Field(ge=4096, le=1 << 20)] = 32_768
    validation_crops: Annotated[int, Field(ge=1, le=1 << 16)] = 48
    test_seconds: Annotated[float, Field(ge=0.5, le=600)] = 8.0
    validation_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.1
    test_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.1

    def __post_init__(self) -> None:
        if not self.codecs:
            raise ConfigError("data.codecs is empty: give names with kbit/s, such as mp3-64")
        for text in self.codecs:
            parse_codec(text)


@dataclass(frozen=True)
class CodecBatch:
    """Crops and what is left of them.

    Attributes:
        damaged: shape ``(batch, frames)``.
        clean: the same shape.
        cutoff_hz: where each one's highs end, shape ``(batch,)``.
    """

    damaged: Tensor
    clean: Tensor
    cutoff_hz: Tensor

    @property
    def num_items(self) -> int:
        """Frames."""
        return self.clean.numel()

    def to(self, device: torch.device) -> CodecBatch:
        """The batch on another device."""
        return CodecBatch(self.damaged.to(device), self.clean.to(device), self.cutoff_hz.to(device))


@dataclass(frozen=True, eq=False)
class CropPool:
    """Crops that were coded.

    Attributes:
        sounds: damaged and clean, shape ``(crops, 2, frames)``.
        cutoffs_hz: of each crop, shape ``(crops,)``.
        codecs: of each crop.
    """

    sounds: Samples
    cutoffs_hz: NDArray[np.float64]
    codecs: Sequence[str]

    def batch(self, chosen: NDArray[np.integer[Any]] | slice) -> CodecBatch:
        """Some of the crops."""
        sounds = torch.from_numpy(np.array(self.sounds[chosen]))
        return CodecBatch(sounds[:, 0], sounds[:, 1], torch.from_numpy(self.cutoffs_hz[chosen]).float())


class CodecPairs(Sharded):
    """Draws crops; which ones depends on seed and step alone."""

    Config = CodecConfig
    unit = "samples"
    steps_per_sequence = 1

    def __init__(self, train: CropPool, validation: CropPool, *, batch_size: int, seed: int) -> None:
        self._train, self._validation = train, validation
        self._batch_size, self._seed = batch_size, seed
        self.steps_per_epoch = max(1, len(train.sounds) // batch_size)
        digest = hashlib.sha256(json.dumps([list(train.codecs), train.cutoffs_hz.tolist()]).encode())
        digest.update(np.ascontiguousarray(train.sounds[0]).tobytes())
        self.fingerprint = digest.hexdigest()

    def batch(self, step: int) -> CodecBatch:
        """The crops of one step; in each epoch every crop is drawn once."""
        epoch, place = divmod(step, self.steps_per_epoch)
        order = np.random.default_rng([self._seed, epoch]).permutation(len(self._train.sounds))
        return self._train.batch(self.own_rows(order[place * self._batch_size : (place + 1) * self._batch_size]))

    def validation(self) -> Iterator[CodecBatch]:
        """All crops that were kept back, a batch at a time."""
        for start in range(0, len(self._validation.sounds), self._batch_size):
            yield self._validation.batch(slice(start, start + self._batch_size))


def cutoff_between(damaged: Samples, clean: Samples, sample_rate: float) -> float:
    """Where a codec stopped, in Hz: the highest frequency at which it kept what there was.

    Args:
        damaged: shape ``(channels, frames)``.
        clean: the same shape.
        sample_rate: in Hz.
    """
    levels = []
    for sound in (damaged, clean):
        spectrum = LongTermSpectrum(sample_rate)
        spectrum.add(sound)
        power = 10 ** (spectrum.finish() / 10)
        levels.append(10 * np.log10(np.convolve(power, np.ones(9) / 9, mode="same") + 1e-20))
    kept = np.flatnonzero((levels[0] >= levels[1] - _WITHIN_DB) & (levels[0] > _EMPTY_DB))
    return float(spectrum.hz[kept[-1]]) if len(kept) else float(spectrum.hz[-1])


def make_pool(
    files: Sequence[Recording],
    config: CodecConfig,
    *,
    crops: int,
    seed: int,
    cache: Path,
    progress: Callable[[float], None] = lambda share: None,
) -> CropPool:
    """Cuts crops out of recordings and codes each with a codec drawn from ``config.codecs``.

    Stereo is coded as stereo; then mid or side is kept, since a model works on one channel. What was made is kept in
    ``cache`` and found there again as long as recordings and settings are the same.
    """
    settings = {"crops": crops, "seed": seed, "codecs": list(config.codecs), "frames": config.crop_frames}
    settings |= {"sample_rate": config.sample_rate, "files": [_facts(file) for file in files], "format": 2}
    key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:20]
    sounds_path, facts_path = cache / f"{key}.npy", cache / f"{key}.json"
    if not facts_path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        sounds = np.zeros((crops, 2, config.crop_frames), dtype=np.float32)
        cutoffs, codecs = [], []
        lengths = np.array([file.seconds for file in files])

        def make(index: int) -> tuple[Samples, float, str]:
            rng = np.random.default_rng([seed, index])
            codec = parse_codec(str(rng.choice(config.codecs)))
            return *_crop(files, lengths / lengths.sum(), config, codec, rng), str(codec)

        # Decoders, converters and encoders let other threads run. Each crop has draws of its own, whoever makes it.
        with ThreadPoolExecutor(torch.get_num_threads()) as threads:
            for index, (sound, cutoff, codec) in enumerate(threads.map(make, range(crops))):
                sounds[index] = sound
                cutoffs.append(cutoff)
                codecs.append(codec)
                progress((index + 1) / crops)
        with sounds_path.with_suffix(".part").open("wb") as file:
            np.save(file, sounds)
        sounds_path.with_suffix(".part").replace(sounds_path)
        write_atomically(facts_path, json.dumps({"cutoffs_hz": cutoffs, "codecs": codecs}).encode())
    facts = json.loads(facts_path.read_bytes())
    return CropPool(np.load(sounds_path, mmap_mode="r"), np.array(facts["cutoffs_hz"]), facts["codecs"])


def _crop(
    files: Sequence[Recording],
    weights: NDArray[np.float64],
    config: CodecConfig,
    codec: Codec,
    rng: np.random.Generator,
) -> tuple[Samples, float]:
    margin = round(_MARGIN_SECONDS * config.sample_rate)
    wanted = config.crop_frames + 2 * margin
    for _ in range(_TRIES):
        file = files[int(rng.choice(len(files), p=weights))]
        clean = _excerpt(file, wanted, config.sample_rate, rng)
        if np.sqrt(np.square(clean).mean()) >= _SILENT:
            break
    damaged = code(clean, config.sample_rate, codec)
    if len(clean) == 2:
        side = rng.random() < 0.25 and np.sqrt(np.square(clean[0] - clean[1]).mean()) >= 2 * _SILENT
        clean, damaged = (((x[0] - x[1]) if side else (x[0] + x[1]))[None] / 2 for x in (clean, damaged))
    clean, damaged = (x[:, margin : margin + config.crop_frames] for x in (clean, damaged))
    return np.concatenate([damaged, clean]), cutoff_between(damaged, clean, config.sample_rate)


def _excerpt(file: Recording, wanted: int, sample_rate: int, rng: np.random.Generator) -> Samples:
    """A random place of a recording, shape ``(channels, wanted)``; silence fills what a short one lacks."""
    num_frames = -(-wanted * file.sample_rate // sample_rate) + 64
    start = int(rng.integers(max(1, file.num_frames - num_frames)))
    block, _ = soundfile.read(file.path, num_frames, start, dtype="float32", always_2d=True)
    channels = block.T[:2] if block.shape[1] <= 2 else block.mean(axis=1)[None]
    converted = np.stack([resample(np.ascontiguousarray(x), file.sample_rate, sample_rate) for x in channels])
    return np.pad(converted[:, :wanted], ((0, 0), (0, max(0, wanted - converted.shape[1])))).astype(np.float32)


def _facts(file: Recording) -> list[Any]:
    return [file.name, file.num_frames, file.sample_rate, file.path.stat().st_size]


def level_profile(pool: CropPool, magnitudes: Callable[[Tensor], Tensor]) -> list[float]:
    """Mean over crops and frames of what ``magnitudes`` makes of clean crops, shape ``(batch, frames, bins)``."""
    chosen = np.linspace(0, len(pool.sounds) - 1, min(128, len(pool.sounds))).astype(int)
    means = [
        magnitudes(pool.batch(part).clean).mean(dim=(0, 1)) for part in np.array_split(chosen, -(-len(chosen) // 8))
    ]
    return [float(value) for value in torch.stack(means).mean(dim=0)]
