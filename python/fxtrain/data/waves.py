# SPDX-License-Identifier: MIT
"""Recordings as mu-law codes, cut into sequences for models that predict the next sample."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from fxtrain.config import configuration
from fxtrain.data.sharding import Sharded

__all__ = ["CodedWave", "Cut", "WaveBatch", "WaveConfig", "WaveProvider", "cut", "evenly", "in_batches"]

Share = Annotated[float, Field(gt=0, lt=0.5)]
Seconds = Annotated[float, Field(gt=0, le=1e5)]


@configuration
class WaveConfig:
    """The recordings, and how they are cut.

    Attributes:
        folder: with sound files of any kind, rate and length, in folders of any depth.
        sample_rate: that all are converted to, in Hz.
        mu: of the mu-law; a sample has one of ``mu + 1`` codes.
        classes: speakers or other classes: ``folders`` takes the first folder below ``folder``, ``none`` ignores them.
            ``auto`` takes folders if all files lie in at least two of them, of three files or more each.
        table: a CSV file with the columns ``file`` and ``column`` instead.
        column: of that file.
        mels: whether mel frames are a condition; their shape is that of the table ``[mel]``.
        sequence_samples: predicted samples in a sequence.
        validation_fraction: share of the files that chooses the best weights.
        test_fraction: share of the files that training never sees.
        validation_seconds: how much of the validation files is listened to, evenly spread.
        test_seconds: how much of the test files is.
    """

    folder: Annotated[Path, Field(strict=False)]
    sample_rate: Annotated[int, Field(ge=1000, le=192_000)] = 16000
    mu: Annotated[int, Field(ge=3, le=4095)] = 255
    classes: Literal["auto", "none", "folders"] = "auto"
    table: Annotated[Path | None, Field(strict=False)] = None
    column: str = "label"
    mels: bool = False
    sequence_samples: Annotated[int, Field(ge=16, le=1 << 20)] = 2048
    validation_fraction: Share = 0.1
    test_fraction: Share = 0.1
    validation_seconds: Seconds = 10.0
    test_seconds: Seconds = 60.0


@dataclass(frozen=True, eq=False)
class CodedWave:
    """A recording.

    Attributes:
        name: of the file.
        codes: mu-law codes, shape ``(samples,)``.
        label: number of its class, 0 where there are none.
        mels: normalised mel frames, shape ``(frames, bands)``, or None.
        targets: what each frame of a recogniser is, shape ``(frames,)``, or None.
    """

    name: str
    codes: NDArray[Any]
    label: int = 0
    mels: NDArray[np.float16] | None = None
    targets: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Cut:
    """How sequences are cut.

    Attributes:
        past: codes before the first predicted one.
        silence: the code that stands for what is before the start of a recording.
        hop: samples of a mel frame; 0 without mels.
        margin: mel frames on either side that the conditions depend on.
        silent_mel: what stands for frames that are not there.
        grid: sequences start at multiples of so many samples.
    """

    past: int
    silence: int
    hop: int = 0
    margin: int = 0
    silent_mel: float = 0.0
    grid: int = 1


@dataclass(frozen=True)
class WaveBatch:
    """Sequences side by side.

    Attributes:
        codes: what the network hears, shape ``(batch, past - 1 + samples)``.
        following: the codes to predict, shape ``(batch, samples)``; -1 behind the end of a recording.
        labels: shape ``(batch,)``.
        mels: shape ``(batch, bands, frames)``, or None.
        offsets: place of the first code's condition behind the first mel frame, shape ``(batch,)``, or None.
        targets: of the frames of a recogniser, shape ``(batch, frames)``, -1 where there is none; or None.
    """

    codes: Tensor
    following: Tensor
    labels: Tensor
    mels: Tensor | None = None
    offsets: Tensor | None = None
    targets: Tensor | None = None

    @property
    def num_items(self) -> int:
        """Predicted samples."""
        return self.following.numel()

    def to(self, device: torch.device) -> WaveBatch:
        """The batch on another device."""
        moved: dict[str, Any] = {key: None if each is None else each.to(device) for key, each in vars(self).items()}
        return WaveBatch(**moved)


def cut(waves: Sequence[CodedWave], starts: Sequence[tuple[int, int]], count: int, how: Cut) -> WaveBatch:
    """Sequences of ``count`` samples.

    Args:
        waves: the recordings.
        starts: for each sequence, which recording and its first predicted sample.
        count: predicted samples.
        how: what comes with them.
    """
    codes = np.full((len(starts), how.past + count), how.silence, np.int64)
    following = np.full((len(starts), count), -1, np.int64)
    rows = []
    for row, (index, start) in enumerate(starts):
        wave = waves[index]
        first = max(0, start - how.past)
        piece = wave.codes[first : start + count]
        at = first - (start - how.past)
        codes[row, at : at + len(piece)] = piece
        following[row, : len(wave.codes) - start] = wave.codes[start : start + count]
        rows.append(_mels_of(wave, start, count, how))
    targets = [_targets_of(waves[index], start, count, how) for index, start in starts]
    return WaveBatch(
        codes=torch.from_numpy(codes[:, :-1].copy()),
        following=torch.from_numpy(following),
        labels=torch.tensor([waves[index].label for index, _ in starts]),
        mels=_joined([mels for mels, _ in rows]),
        offsets=torch.tensor([offset for _, offset in rows]) if how.hop and rows[0][0] is not None else None,
        targets=_joined(targets),
    )


def _joined(parts: Sequence[NDArray[Any] | None]) -> Tensor | None:
    there = [part for part in parts if part is not None]
    return torch.from_numpy(np.stack(there)) if there else None


def _mels_of(wave: CodedWave, start: int, count: int, how: Cut) -> tuple[NDArray[np.float32] | None, int]:
    """The frames for the conditions of the codes of one sequence: each belongs to the sample behind its code."""
    if wave.mels is None or not how.hop:
        return None, 0
    first = start - how.past + 1
    length = how.past - 1 + count
    frame = first // how.hop - how.margin
    num_frames = -(-length // how.hop) + 1 + 2 * how.margin  # the same for every start
    found = np.full((num_frames, wave.mels.shape[1]), how.silent_mel, np.float32)
    piece = wave.mels[max(frame, 0) : max(frame + num_frames, 0)]
    at = max(frame, 0) - frame
    found[at : at + len(piece)] = piece
    return np.ascontiguousarray(found.T), first - frame * how.hop


def _targets_of(wave: CodedWave, start: int, count: int, how: Cut) -> NDArray[np.int64] | None:
    if wave.targets is None:
        return None
    found = np.full(count // how.grid, -1, np.int64)
    piece = wave.targets[start // how.grid : start // how.grid + len(found)]
    found[: len(piece)] = piece
    return found


def evenly(waves: Sequence[CodedWave], seconds: float, sample_rate: int, count: int, how: Cut) -> list[tuple[int, int]]:
    """Starts of sequences of ``count`` samples, spread evenly over recordings, about so many seconds in all."""
    total = sum(len(wave.codes) for wave in waves)
    wanted = max(1, min(round(seconds * sample_rate), total) // count)
    ends = np.cumsum([len(wave.codes) for wave in waves])
    places = ((np.arange(wanted) + 0.5) * total / wanted).astype(np.int64) - count // 2
    return [_inside(waves, ends, int(place), count, how) for place in places]


def in_batches(
    waves: Sequence[CodedWave], starts: Sequence[tuple[int, int]], count: int, how: Cut, *, size: int
) -> Iterator[WaveBatch]:
    """The sequences, ``size`` at a time."""
    for first in range(0, len(starts), size):
        yield cut(waves, starts[first : first + size], count, how)


def _inside(waves: Sequence[CodedWave], ends: NDArray[np.int64], place: int, count: int, how: Cut) -> tuple[int, int]:
    """The recording at a place of all of them one after the other, and a start in it that leaves room for ``count``."""
    place = max(place, 0)
    index = int(np.searchsorted(ends, place, side="right"))
    length = len(waves[index].codes)
    start = place - int(ends[index] - length)
    return index, max(0, min(start, length - count)) // how.grid * how.grid


class WaveProvider(Sharded):
    """Draws sequences from anywhere in the recordings; which ones depends on seed and step alone."""

    Config = WaveConfig
    unit = "samples"
    steps_per_sequence = 1

    def __init__(
        self,
        config: WaveConfig,
        train: Sequence[CodedWave],
        validation: Sequence[CodedWave],
        how: Cut,
        *,
        batch_size: int,
        seed: int,
    ) -> None:
        self.config, self.train, self.how = config, train, how
        self._validation = validation
        self._batch_size, self._seed = batch_size, seed
        self._ends = np.cumsum([len(wave.codes) for wave in train])
        self.count = config.sequence_samples // how.grid * how.grid or how.grid
        self.steps_per_epoch = max(1, int(self._ends[-1]) // (batch_size * self.count))
        digest = hashlib.sha256(repr((config.sample_rate, config.mu, how)).encode())
        for wave in train:
            digest.update(f"{wave.name}\0{wave.label}\n".encode())
            for part in (wave.codes, wave.mels, wave.targets):
                digest.update(b"" if part is None else np.ascontiguousarray(part).tobytes())
        self.fingerprint = digest.hexdigest()

    def batch(self, step: int) -> WaveBatch:
        """The sequences of one optimiser step."""
        drawn = np.random.default_rng([self._seed, step])
        places = drawn.integers(self._ends[-1], size=self._batch_size)
        starts = [_inside(self.train, self._ends, int(place), self.count, self.how) for place in self.own_rows(places)]
        return cut(self.train, starts, self.count, self.how)

    def validation(self) -> Iterator[WaveBatch]:
        """The same sequences at each call."""
        config = self.config
        starts = evenly(self._validation, config.validation_seconds, config.sample_rate, self.count, self.how)
        return in_batches(self._validation, starts, self.count, self.how, size=self._batch_size)
