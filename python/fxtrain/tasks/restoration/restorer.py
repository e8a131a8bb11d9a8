# SPDX-License-Identifier: MIT
"""Recordings of any length through a restoration model, chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor

from fxtrain.models.generators._restoration import RestorationModel

__all__ = ["FrameNoise", "Restorer"]

Samples = NDArray[np.float32]

_CHUNK_FRAMES = 512  # spectra at a time
_NOISE_FRAMES = 64  # drawn at a time
_AHEAD = 1 << 20  # blocks of noise before the first frame
_SILENT = 1e-6  # peak below which there is nothing to restore


class FrameNoise:
    """White noise for spectra that depends on seed, channel and place alone: chunks of any size draw the same.

    Each block of frames has a counter of its own in the generator.

    Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011 (Philox).
    """

    def __init__(self, seed: int, channel: int, num_bins: int) -> None:
        self._key = (seed << 8) + channel
        self._num_bins = num_bins

    def frames(self, first: int, last: int) -> Tensor:
        """The noise of frames ``first`` to ``last``, which is left out; shape ``(1, frames, bins, 2)``."""
        blocks = range(first // _NOISE_FRAMES, -(-last // _NOISE_FRAMES))
        drawn = np.concatenate([self._block(block) for block in blocks])
        start = blocks[0] * _NOISE_FRAMES
        return torch.from_numpy(drawn[first - start : last - start])[None]

    def _block(self, index: int) -> Samples:
        # A counter is 256 bits; each block begins far behind the one before.
        stream = np.random.Generator(np.random.Philox(key=self._key, counter=[0, 0, index + _AHEAD, 0]))
        return stream.standard_normal((_NOISE_FRAMES, self._num_bins, 2), dtype=np.float32)


class Restorer:
    """Adds to a recording what a codec took from it.

    Two channels are restored as their mean and their difference, which keeps the place of each sound between the
    loudspeakers; more are restored one by one. What the model makes is converted to the recording's rate and added to
    the recording itself, which so passes untouched.

    Args:
        model: in evaluation mode.
        sample_rate: of the recording, in Hz.
        num_channels: of it.
        cutoff_hz: where its highs end.
        seed: of what is random.
        steps: of a diffusion; None takes the model's own number.
        mix: share of what is added, 0 to 1.
        full: also correct the sound below the cutoff.
    """

    def __init__(
        self,
        model: RestorationModel,
        sample_rate: float,
        num_channels: int,
        cutoff_hz: float,
        *,
        seed: int = 0,
        steps: int | None = None,
        mix: float = 1.0,
        full: bool = False,
    ) -> None:
        self.model, self.sample_rate, self.num_channels = model, sample_rate, num_channels
        self._cutoff = torch.tensor([min(cutoff_hz, 0.5 * model.sample_rate)])
        self._noises = [FrameNoise(seed, channel, model.spectra.num_bins) for channel in range(num_channels)]
        self._steps, self._mix, self._full = steps, mix, full
        whole = 8 * model.granularity
        self._margin = -(-(model.reach_frames + model.spectra.n_fft // model.spectra.hop) // whole) * whole

    def run(
        self,
        blocks: Iterator[Samples],
        write: Callable[[Samples], None],
        *,
        progress: Callable[[int], None] = lambda frames: None,
    ) -> int:
        """Restores a recording.

        Args:
            blocks: of shape ``(channels, frames)``, of any lengths.
            write: is given what was restored, in blocks; as many frames in all as came in.
            progress: told how many frames were written.

        Returns:
            The number of frames.
        """
        hop = self.model.spectra.hop
        to_model, from_model = (
            _Converter(one, other, self.num_channels)
            for one, other in (
                (self.sample_rate, self.model.sample_rate),
                (self.model.sample_rate, self.sample_rate),
            )
        )
        original = _Queue(self.num_channels)
        # What the model hears: a margin of silence first, so that a chunk begins at 0.
        heard = _Queue(self.num_channels)
        heard.push(np.zeros((self.num_channels, self._margin * hop), dtype=np.float32))
        added = _Queue(self.num_channels)
        needed = (_CHUNK_FRAMES + 2 * self._margin) * hop
        frame = written = received = 0

        def settle() -> None:
            nonlocal written
            ready = min(original.length, added.length)
            if ready:
                write(original.pull(ready) + self._mix * added.pull(ready))
                written += ready
                progress(written)

        for block in blocks:
            received += block.shape[1]
            original.push(block)
            heard.push(to_model(block))
            while heard.length >= needed:
                added.push(from_model(self._chunk(heard.peek(needed), frame)))
                heard.pull(_CHUNK_FRAMES * hop)
                frame += _CHUNK_FRAMES
            settle()
        heard.push(to_model(np.zeros((self.num_channels, 0), dtype=np.float32), last=True))
        left = heard.length - self._margin * hop
        while left > 0:
            lacking = max(0, needed - heard.length)
            chunk = np.pad(heard.peek(min(needed, heard.length)), ((0, 0), (0, lacking)))
            taken = min(left, _CHUNK_FRAMES * hop)
            added.push(from_model(self._chunk(chunk, frame)[:, :taken], last=left <= _CHUNK_FRAMES * hop))
            heard.pull(min(heard.length, _CHUNK_FRAMES * hop))
            frame, left = frame + _CHUNK_FRAMES, left - _CHUNK_FRAMES * hop
        missing = received - written - added.length
        if missing > 0:
            added.push(np.zeros((self.num_channels, missing), dtype=np.float32))
        settle()
        return written

    def restore(self, samples: Samples) -> Samples:
        """A recording that fits into memory, shape ``(channels, frames)``."""
        parts: list[Samples] = []
        self.run(iter([samples]), parts.append)
        return np.concatenate(parts, axis=1)

    @torch.inference_mode()
    def _chunk(self, samples: Samples, frame: int) -> Samples:
        """What is to be added to the middle of a chunk, whose first frame in the recording is ``frame``."""
        hop = self.model.spectra.hop
        stereo = self.num_channels == 2
        shown = np.stack([samples.sum(axis=0) / 2, (samples[0] - samples[1]) / 2]) if stereo else samples
        middle = slice(self._margin * hop, (self._margin + _CHUNK_FRAMES) * hop)
        made = np.zeros((len(shown), _CHUNK_FRAMES * hop), dtype=np.float32)
        first = frame - self._margin
        num_frames = self.model.spectra.num_frames(shown.shape[1])
        for index, channel in enumerate(shown):
            if np.abs(channel).max() < _SILENT:
                continue
            noise = self._noises[index].frames(first, first + num_frames)
            waves = self.model.complete(torch.from_numpy(channel)[None], self._cutoff, noise, steps=self._steps)
            wave: Any = waves.high + waves.low if self._full else waves.high
            made[index] = wave[0, middle].numpy()
        return np.stack([made[0] + made[1], made[0] - made[1]]) if stereo else made


class _Converter:
    """Sample rate conversion of a stream; hands it through where the rates are equal."""

    def __init__(self, from_rate: float, to_rate: float, num_channels: int) -> None:
        self._stream = None
        if from_rate != to_rate:
            self._stream = soxr.ResampleStream(from_rate, to_rate, num_channels, dtype="float32", quality="VHQ")

    def __call__(self, block: Samples, *, last: bool = False) -> Samples:
        if self._stream is None:
            return block
        converted = self._stream.resample_chunk(np.ascontiguousarray(block.T), last=last)
        return np.ascontiguousarray(np.atleast_2d(converted).reshape(-1, block.shape[0]).T)


class _Queue:
    """Frames in the order in which they came."""

    def __init__(self, num_channels: int) -> None:
        self._parts: list[Samples] = [np.zeros((num_channels, 0), dtype=np.float32)]
        self.length = 0

    def push(self, block: Samples) -> None:
        self._parts.append(block)
        self.length += block.shape[1]

    def peek(self, num_frames: int) -> Samples:
        self._parts = [np.concatenate(self._parts, axis=1)]
        return self._parts[0][:, :num_frames]

    def pull(self, num_frames: int) -> Samples:
        taken = self.peek(num_frames)
        self._parts = [self._parts[0][:, num_frames:]]
        self.length -= taken.shape[1]
        return taken
