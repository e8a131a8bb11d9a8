# SPDX-License-Identifier: MIT
"""Dry/wet pairs, cut into sequences for truncated backpropagation through time."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from fxtrain.audio.envelopes import Envelope, EnvelopeTable
from fxtrain.config import configuration
from fxtrain.data.excerpt import Excerpt, Peaks
from fxtrain.data.sharding import Sharded
from fxtrain.errors import DataCheckError

__all__ = ["PairBatch", "PairedAudio", "PairedAudioConfig"]

_Row = TypeVar("_Row")


@dataclass(frozen=True, kw_only=True)
class PairBatch:
    """What one optimiser step is fed.

    Attributes:
        input: shape ``(batch, frames)``.
        target: same shape.
        weight: shape ``(batch,)``.
        warm_up: input before the first chunk of each sequence, shape ``(batch, warm_up_frames)``: state starts at
            zero there. None for later chunks: state is carried over from the step before.
        envelope_values: of the input before the warm-up, shape ``(batch, envelopes)``, float64, where the model has
            envelopes.
        ceiling: shape ``(batch,)``: the highest output allowed in rows that are louder than the recording. Nothing else
            is known about their output, and their target is silence. Infinity in other rows; None if all are others.
    """

    input: Tensor
    target: Tensor
    weight: Tensor
    warm_up: Tensor | None = None
    envelope_values: Tensor | None = None
    ceiling: Tensor | None = None

    @property
    def num_items(self) -> int:
        """Frames that are computed, warm-up included."""
        warm_up = 0 if self.warm_up is None else self.warm_up.numel()
        return self.input.numel() + warm_up

    def to(self, device: torch.device) -> PairBatch:
        """The batch on another device."""
        return PairBatch(
            input=self.input.to(device),
            target=self.target.to(device),
            weight=self.weight.to(device),
            warm_up=None if self.warm_up is None else self.warm_up.to(device),
            envelope_values=None if self.envelope_values is None else self.envelope_values.to(device),
            ceiling=None if self.ceiling is None else self.ceiling.to(device),
        )


_JUDGED_FRAMES = 1 << 22  # of a batch that is not trained on; more would take much memory

MOST_FRAMES = 1 << 24
"""Of a sequence: minutes, far beyond what any device remembers."""


@configuration
class PairedAudioConfig:
    """How recordings are cut.

    Attributes:
        warm_up_frames: frames that run before each sequence without gradient.
        sequence_frames: frames of a sequence that are trained on.
        chunk_frames: frames between two optimiser steps (truncation of backpropagation).
        loud_share: share of the sequences that are played up to 12 dB louder than the recording, to keep the output in
            bounds. Without them, networks may burst or get stuck when they are played too loud.
    """

    warm_up_frames: Annotated[int, Field(ge=0, le=MOST_FRAMES)] = 1024
    sequence_frames: Annotated[int, Field(ge=64, le=MOST_FRAMES)] = 8192
    chunk_frames: Annotated[int, Field(ge=32, le=MOST_FRAMES)] = 512
    loud_share: Annotated[float, Field(ge=0, le=0.5)] = 0.0625


@dataclass(frozen=True)
class _Place:
    """Where a sequence lies, at what gain it is played, and the highest output allowed if that makes it too loud."""

    index: int
    start: int
    gain: float = 1.0
    ceiling: float = math.inf

    @property
    def is_loud(self) -> bool:
        return self.ceiling < math.inf


class PairedAudio(Sharded):
    """Provider of dry/wet pairs.

    Each sequence is warm-up frames, then chunks::

        | warm-up | chunk 0 | chunk 1 | ... |
          no grad   step      step: state carried, gradient cut at the bar

    Which frames a step sees depends on the seed and the step number alone, so a run can go on from any step.
    """

    Config = PairedAudioConfig
    unit = "samples"

    def __init__(
        self,
        config: PairedAudioConfig,
        train: Sequence[Excerpt],
        validation: Sequence[Excerpt],
        *,
        batch_size: int,
        seed: int,
        envelopes: Sequence[Envelope] = (),
        sample_rate: int = 48000,
        memory_frames: int = 0,
        chunk_multiple: int = 1,
    ) -> None:
        """Cuts the material.

        Args:
            config: lengths in frames.
            train: excerpts to train on.
            validation: excerpts to choose the best weights by.
            batch_size: sequences per batch; fewer where there are fewer.
            seed: of the order and the offsets.
            envelopes: attack and release of the envelopes that the model follows, in milliseconds.
            sample_rate: in Hz, for these.
            memory_frames: how far back the model's linear stage reaches; a sequence is warmed up for that long too.
            chunk_multiple: chunks are a multiple of so many frames.

        Raises:
            DataCheckError: no sequence fits.
        """
        self._train = list(train)
        self._seed = seed
        shortest = min((end - start for e in self._train for start, end in e.clips()), default=0)
        skip = max((e.skip_frames for e in self._train), default=0)
        clipped = any(e.clip_frames for e in self._train)
        warm_up = config.warm_up_frames + memory_frames
        self.warm_up_frames = skip if clipped else min(max(warm_up, skip), shortest // 4)
        trained = min(config.sequence_frames, shortest - self.warm_up_frames)
        if clipped:  # a clip is one sequence when it is not much longer
            trained = shortest - self.warm_up_frames if shortest < 2 * config.sequence_frames else trained
        if trained < 32:
            raise DataCheckError(
                f"the training part has stretches of only {shortest} frames, {self.warm_up_frames} of them skipped; "
                "record more, or lower --skip-frames"
            )
        self.steps_per_sequence = max(1, round(trained / config.chunk_frames))
        self.chunk_frames = trained // self.steps_per_sequence // chunk_multiple * chunk_multiple
        if self.chunk_frames == 0:
            raise DataCheckError(
                f"the training part has stretches of only {trained} frames, but the model takes {chunk_multiple} at a "
                "time; record more, or set model.hop lower"
            )
        self._length = self.warm_up_frames + self.steps_per_sequence * self.chunk_frames
        self._slots = [  # (excerpt, first frame, how far the start may be moved)
            slot for index, excerpt in enumerate(self._train) for slot in self._cut(index, excerpt)
        ]
        self._epochs: dict[int, tuple[NDArray[np.int64], float]] = {}
        self._group = (-1, 0, 1)  # of the last step: the chunks of a group are cut from the same sequences
        self._group_sequences: PairBatch
        self.batch_size = min(batch_size, len(self._slots))
        self._config = config
        self._memory_frames = memory_frames
        self._validation = list(validation)
        self._envelopes, self._sample_rate = tuple(envelopes), sample_rate
        self._envelope_tables: dict[int, EnvelopeTable] = {}  # by the excerpt's identity

    def _cut(self, index: int, excerpt: Excerpt) -> list[tuple[int, int, int]]:
        hop = self._length - self.warm_up_frames
        slots = []
        for start, end in excerpt.clips():
            count = (end - start - self.warm_up_frames) // hop
            spare = end - start - self.warm_up_frames - count * hop
            step = min(spare, hop - 1) if not excerpt.clip_frames else 0
            slots += [(index, start + k * hop, step) for k in range(count)]
        return slots

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps in which every sequence is seen about once."""
        return max(1, round(len(self._slots) / self.batch_size)) * self.steps_per_sequence

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the training material: a resumed run must see the same."""
        digest = hashlib.sha256()
        for excerpt in self._train:
            digest.update(np.ascontiguousarray(excerpt.input).data)
            digest.update(np.ascontiguousarray(excerpt.target).data)
        return digest.hexdigest()

    def batch(self, step: int) -> PairBatch:
        """The batch of an optimiser step, counted from 0."""
        group, chunk = divmod(step, self.steps_per_sequence)
        sequences = self._own_sequences(group)
        stretch = slice(chunk * self.chunk_frames, (chunk + 1) * self.chunk_frames)
        return PairBatch(
            input=sequences.input[:, stretch].contiguous(),
            target=sequences.target[:, stretch].contiguous(),
            weight=sequences.weight,
            warm_up=sequences.warm_up if chunk == 0 else None,
            envelope_values=sequences.envelope_values if chunk == 0 else None,
            ceiling=sequences.ceiling,
        )

    def validation(self) -> Iterator[PairBatch]:
        """All of the validation excerpts."""
        for excerpt in self._validation:
            yield from self._whole(excerpt)

    def sample(self, num_frames: int) -> Iterator[PairBatch]:
        """Stretches of the training part, evenly spread, of ``num_frames`` altogether or of all that there is.

        For what is solved for between the steps.
        """
        total = sum(len(excerpt.input) for excerpt in self._train)
        for excerpt in self._train:
            yield from self._whole(excerpt, min(1.0, num_frames / max(total, 1)))

    def _own_sequences(self, group: int) -> PairBatch:
        """The sequences of a group that this rank trains on, with all their chunks."""
        key = (group, self._rank, self._world)
        if self._group != key:
            positions = np.arange(group * self.batch_size, (group + 1) * self.batch_size)
            places = [self._place(int(position)) for position in self.own_rows(positions)]
            self._group, self._group_sequences = key, self._sequences(places)
        return self._group_sequences

    def _sequences(self, places: Sequence[_Place]) -> PairBatch:
        inputs, targets, envelope_values = [], [], []
        for place in places:
            excerpt, start, end = self._train[place.index], place.start, place.start + self._length
            target = excerpt.target[start + self.warm_up_frames : end]
            inputs.append(np.float32(place.gain) * excerpt.input[start:end])
            targets.append(np.zeros_like(target) if place.is_loud else target)
            envelope_values.append(place.gain * self._envelopes_before(excerpt, start))
        played = torch.from_numpy(np.stack(inputs))
        return PairBatch(
            input=played[:, self.warm_up_frames :],
            target=torch.from_numpy(np.stack(targets)),
            weight=torch.tensor([self._train[place.index].weight for place in places]),
            warm_up=played[:, : self.warm_up_frames],
            envelope_values=torch.from_numpy(np.stack(envelope_values)) if self._envelopes else None,
            ceiling=torch.tensor([place.ceiling for place in places]) if self._config.loud_share else None,
        )

    def _place(self, position: int) -> _Place:
        """The sequence at a position, counted from the start of the run."""
        epoch, rank = divmod(position, len(self._slots))
        order, offset = self._epoch(epoch)
        index, start, room = self._slots[order[rank]]
        place = _Place(index, start + int(offset * (room + 1)))
        share = self._config.loud_share
        is_loud = math.floor((position + 1) * share) > math.floor(position * share)
        return self._louder(place, position) if is_loud and self._peaks.input else place

    def _louder(self, place: _Place, position: int) -> _Place:
        """The same sequence with a peak of one to four times the recording's."""
        peaks = self._peaks
        times = float(np.exp2(2 * np.random.default_rng([self._seed, 1, position]).random()))
        own = float(np.abs(self._train[place.index].input[place.start : place.start + self._length]).max())
        gain = times * peaks.input / max(own, 0.01 * peaks.input)  # a pause stays a pause
        return replace(place, gain=gain, ceiling=peaks.ceiling(times))

    @cached_property
    def _peaks(self) -> Peaks:
        return Peaks.of(self._train)

    def _epoch(self, epoch: int) -> tuple[NDArray[np.int64], float]:
        if epoch not in self._epochs:
            generator = np.random.default_rng([self._seed, epoch])
            self._epochs = {k: v for k, v in self._epochs.items() if k == epoch - 1}
            self._epochs[epoch] = (generator.permutation(len(self._slots)), float(generator.random()))
        return self._epochs[epoch]

    def _envelopes_before(self, excerpt: Excerpt, frame: int) -> NDArray[np.float64]:
        """The envelopes before a frame of an excerpt, counted from the start of its lead-in."""
        if not self._envelopes:
            return np.zeros(0)
        key = id(excerpt)
        if key not in self._envelope_tables:
            has_lead_in = excerpt.lead_in is not None and len(excerpt.lead_in)
            signal = np.concatenate([excerpt.lead_in, excerpt.input]) if has_lead_in else excerpt.input
            self._envelope_tables[key] = EnvelopeTable(signal, self._envelopes, self._sample_rate)
        lead_in = 0 if excerpt.lead_in is None else len(excerpt.lead_in)
        return self._envelope_tables[key].before(max(lead_in + frame, 0))

    def _whole(self, excerpt: Excerpt, share: float = 1.0) -> Iterator[PairBatch]:
        """All frames of the excerpt once, in equal stretches side by side, each warmed up on what precedes it.

        Args:
            excerpt: what to cut.
            share: of each stretch, its end is left out beyond that.
        """
        if excerpt.clip_frames:
            skip = excerpt.skip_frames
            for clips in _side_by_side(excerpt.clips(), excerpt.clip_frames):
                yield PairBatch(
                    input=torch.from_numpy(np.stack([excerpt.input[a + skip : b] for a, b in clips])),
                    target=torch.from_numpy(np.stack([excerpt.target[a + skip : b] for a, b in clips])),
                    weight=torch.full((len(clips),), excerpt.weight),
                    warm_up=torch.from_numpy(np.stack([excerpt.input[a : a + skip] for a, _ in clips])),
                    envelope_values=torch.zeros(len(clips), len(self._envelopes), dtype=torch.float64)
                    if self._envelopes
                    else None,
                )
            return
        lead_in = 0 if excerpt.lead_in is None else len(excerpt.lead_in)
        first = 0 if lead_in else excerpt.skip_frames
        settling = max(4096, self._config.warm_up_frames) + self._memory_frames
        warm_up = max(4096, min(settling, lead_in + first + len(excerpt.input)))
        count = max(1, min(64, (len(excerpt.input) - first) // self._config.sequence_frames))
        stretch = (len(excerpt.input) - first) // count
        kept = max(1, round(share * stretch))
        for starts in _side_by_side([first + k * stretch for k in range(count)], kept):
            before = [self._envelopes_before(excerpt, start - warm_up) for start in starts]
            yield PairBatch(
                input=torch.from_numpy(np.stack([excerpt.input[s : s + kept] for s in starts])),
                target=torch.from_numpy(np.stack([excerpt.target[s : s + kept] for s in starts])),
                weight=torch.full((len(starts),), excerpt.weight),
                warm_up=torch.from_numpy(np.stack([_input_before(excerpt, s, warm_up) for s in starts])),
                envelope_values=torch.from_numpy(np.stack(before)) if self._envelopes else None,
            )


def _side_by_side(rows: Sequence[_Row], num_frames: int) -> Iterator[Sequence[_Row]]:
    """Rows of so many frames each, as many at a time as make a batch; kernels work on sixteen together."""
    together = max(16, _JUDGED_FRAMES // num_frames // 16 * 16)
    for start in range(0, len(rows), together):
        yield rows[start : start + together]


def _input_before(excerpt: Excerpt, frame: int, length: int) -> NDArray[np.float32]:
    """The ``length`` frames before a frame: silence, then the lead-in, then the excerpt's own."""
    lead_in = np.zeros(0, np.float32) if excerpt.lead_in is None else excerpt.lead_in
    from_lead_in = min(max(length - frame, 0), len(lead_in))
    piece = np.zeros(length, np.float32)
    own = excerpt.input[max(frame - length, 0) : frame]
    piece[length - len(own) :] = own
    piece[length - len(own) - from_lead_in : length - len(own)] = lead_in[len(lead_in) - from_lead_in :]
    return piece
