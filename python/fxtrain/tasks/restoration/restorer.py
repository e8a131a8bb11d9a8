# SPDX-License-Identifier: MIT
"""Recordings of any length through a restoration model, chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor

from fxtrain.models.generators._restoration import RestorationModel
from fxtrain.tasks.restoration.passage import Passage, round_up

__all__ = ["FrameNoise", "Restorer"]

Samples = NDArray[np.float32]

_CHUNK_FRAMES = 512  # sent at a time, and at least four times as many as a pass looks at to either side
_NOISE_FRAMES = 64  # drawn at a time
_AHEAD = 1 << 20  # blocks of noise before the first frame


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
        self._cutoff_hz = torch.tensor([min(cutoff_hz, 0.5 * model.sample_rate)])
        self._noises = [FrameNoise(seed, channel, model.spectra.num_bins) for channel in range(num_channels)]
        self._num_passes = model.num_passes(steps)
        self._mix, self._full = mix, full
        self._margin = round_up(model.look_frames, model.granularity)
        self._chunk = round_up(max(_CHUNK_FRAMES, 4 * model.reach_frames), model.granularity)

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
        model = self.model
        hop = model.spectra.hop
        to_model, from_model = (
            _Converter(one, other, self.num_channels)
            for one, other in ((self.sample_rate, model.sample_rate), (model.sample_rate, self.sample_rate))
        )
        passages = [Passage(model, self._cutoff_hz, self._num_passes, full=self._full) for _ in self._noises]
        original = _Queue(self.num_channels)
        # What the model hears: a margin of silence first, so that a chunk begins at 0.
        heard = _Queue(self.num_channels)
        heard.push(np.zeros((self.num_channels, self._margin * hop), dtype=np.float32))
        added = _Queue(self.num_channels)
        frame = made = written = 0

        def send(num_frames: int, *, last: bool = False) -> Samples:
            nonlocal frame, made
            shown = heard.peek((num_frames + 2 * self._margin) * hop)
            wave = self._send(passages, shown, frame, num_frames, last=last)
            heard.pull(min(num_frames * hop, heard.length))
            frame += num_frames
            made += wave.shape[1]
            return wave

        def settle() -> None:
            nonlocal written
            ready = min(original.length, added.length)
            if ready:
                write(original.pull(ready) + self._mix * added.pull(ready))
                written += ready
                progress(written)

        for block in blocks:
            original.push(block)
            heard.push(to_model(block))
            while heard.length >= (self._chunk + 2 * self._margin) * hop:
                added.push(from_model(send(self._chunk)))
            settle()
        heard.push(to_model(np.zeros((self.num_channels, 0), dtype=np.float32), last=True))
        left = heard.length - self._margin * hop
        length = frame * hop + left  # of the recording, in the model's samples
        end = frame + round_up(model.spectra.num_frames(max(0, left)), model.granularity)
        while end - frame > self._chunk:
            added.push(from_model(send(self._chunk)))
        begun = made
        added.push(from_model(send(end - frame, last=True)[:, : length - begun], last=True))
        missing = original.length - added.length
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
    def _send(self, passages: list[Passage], samples: Samples, frame: int, num_frames: int, *, last: bool) -> Samples:
        """Shows the passages ``num_frames`` more frames, from ``frame`` on, with margins around; what they give."""
        lacking = (num_frames + 2 * self._margin) * self.model.spectra.hop - samples.shape[1]
        samples = np.pad(samples, ((0, 0), (0, lacking)))
        stereo = self.num_channels == 2
        shown = np.stack([samples.sum(axis=0) / 2, (samples[0] - samples[1]) / 2]) if stereo else samples
        first, after = frame - self._margin, frame + num_frames + self._margin + 1
        made = np.stack(
            [
                passage.send(torch.from_numpy(channel)[None], noises.frames(first, after), self._margin, last=last)
                for passage, noises, channel in zip(passages, self._noises, shown, strict=True)
            ]
        )
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
