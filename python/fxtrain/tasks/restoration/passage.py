# SPDX-License-Identifier: MIT
"""One channel of a recording through a restoration model, a window at a time."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from fxtrain.models.generators._restoration import RestorationModel

__all__ = ["Passage", "round_up"]

_SILENT = 1e-6  # peak below which there is nothing to restore


class Passage:
    """Sends one channel through the passes of a model.

    A pass needs some frames beyond its own from the pass before, so each pass lags a little further behind::

        told    ██████████████████
        pass 1  ███████████████
        pass 2  ████████████
        sound   ███████████

    Only the frames that a later pass still needs are kept, so memory does not grow with the recording. The result does
    not depend on the size of the windows. Nothing is generated where the recording is silent.

    Args:
        model: in evaluation mode.
        cutoff_hz: shape ``(1,)``.
        num_passes: of the model.
        full: also give what corrects the sound below the cutoff.
    """

    def __init__(self, model: RestorationModel, cutoff_hz: Tensor, num_passes: int, *, full: bool) -> None:
        self._model, self._cutoff_hz, self._num_passes, self._full = model, cutoff_hz, num_passes, full
        rate = model.rows_per_frame
        self._told = _Window(rate)
        self._states = [_Window(rate) for _ in range(num_passes + 1)]
        self._reach = round_up(model.reach_frames, model.granularity)
        self._overlap = round_up(model.overlap_frames, model.granularity)
        self._finished = 0  # frames

    def send(self, samples: Tensor, noise: Tensor, margin: int, *, last: bool) -> NDArray[np.float32]:
        """Takes the next frames, and gives the next samples of what is to be added.

        Args:
            samples: of the frames and of ``margin`` more to both sides, shape ``(1, frames * hop)``. The frames are a
                multiple of the model's granularity.
            noise: for the same frames and the one at their end, shape ``(1, frames + 1, bins, 2)``.
            margin: in frames.
            last: nothing more will come.
        """
        num_frames = noise.shape[1] - 1 - 2 * margin
        inner = self._told.rows(margin, margin + num_frames)
        told = [each[:, inner] for each in self._model.tell(samples, self._cutoff_hz)]
        audible = self._audible(samples, noise.shape[1])[:, inner]
        state = _where(audible, self._model.begin(noise, samples.shape[1])[:, inner])
        self._told.push([audible, *told], num_frames)
        self._states[0].push([state], num_frames)
        for number in range(self._num_passes):
            self._advance(number, last=last)
        wave = self._finish(last=last)
        self._told.drop(min(self._finished - self._overlap, *(state.end - self._reach for state in self._states[1:])))
        return wave

    def _advance(self, number: int, *, last: bool) -> None:
        """Pass ``number``, as far as it can go."""
        before, after = self._states[number], self._states[number + 1]
        start, end = after.end, before.end if last else before.end - self._reach
        if end <= start:
            return
        first = max(0, start - self._reach)
        inner = before.rows(start - first, end - first)
        (state,) = before.frames(first, before.end)
        audible, *told = self._told.frames(first, before.end)
        passed = torch.zeros_like(state[:, inner])
        if audible[:, inner].any():
            advanced = self._model.advance(state, tuple(told), self._cutoff_hz, number, self._num_passes)
            passed = _where(audible[:, inner], advanced[:, inner])
        after.push([passed], end - start)
        before.drop(end - self._reach)

    def _finish(self, *, last: bool) -> NDArray[np.float32]:
        """The sound of what all passes are done with."""
        hop = self._model.spectra.hop
        state = self._states[-1]
        start, end = self._finished, state.end if last else state.end - self._overlap
        if end <= start:
            return np.zeros(0, dtype=np.float32)
        first = max(0, start - self._overlap)
        _, *told = self._told.frames(first, state.end)
        (rows,) = state.frames(first, state.end)
        waves = self._model.finish(rows, tuple(told), self._cutoff_hz, (state.end - first - 1) * hop)
        wave = waves.high + waves.low if self._full else waves.high
        self._finished = end
        state.drop(end - self._overlap)
        made: NDArray[np.float32] = wave[0, (start - first) * hop : (end - first) * hop].numpy()
        return made

    def _audible(self, samples: Tensor, num_frames: int) -> Tensor:
        """Whether there is sound in a frame, for each row; shape ``(1, rows)``."""
        n_fft, hop = self._model.spectra.n_fft, self._model.spectra.hop
        peaks = functional.max_pool1d(samples.abs()[:, None], n_fft, hop, n_fft // 2)[:, 0]
        if self._told.rate.numerator == 1:  # a row is silent if all its frames are
            return functional.max_pool1d(peaks[:, :-1], self._told.rate.denominator) > _SILENT
        frames = (torch.arange(int((num_frames - 1) * self._told.rate)) / float(self._told.rate)).long()
        return peaks[:, frames] > _SILENT


class _Window:
    """The frames of a recording that are still looked at, as tensors of shape ``(1, rows, ...)``.

    Args:
        rate: rows of a frame.
    """

    def __init__(self, rate: Fraction) -> None:
        self.rate = rate
        self.start = self.end = 0
        self._tensors: list[Tensor] = []

    def rows(self, start: int, end: int) -> slice:
        """The rows of frames counted from the first of a tensor."""
        return slice(int(start * self.rate), int(end * self.rate))

    def push(self, tensors: list[Tensor], num_frames: int) -> None:
        """Appends frames."""
        kept = self._tensors or [each[:, :0] for each in tensors]
        self._tensors = [torch.cat(pair, dim=1) for pair in zip(kept, tensors, strict=True)]
        self.end += num_frames

    def frames(self, start: int, end: int) -> list[Tensor]:
        """The tensors of frames ``start`` to ``end``, which is left out."""
        rows = self.rows(start - self.start, end - self.start)
        return [each[:, rows] for each in self._tensors]

    def drop(self, before: int) -> None:
        """Lets go of the frames before one."""
        if before > self.start:
            self._tensors = self.frames(before, self.end)
            self.start = before


def round_up(number: int, multiple: int) -> int:
    """The least multiple that is not below a number."""
    return -(-number // multiple) * multiple


def _where(audible: Tensor, state: Tensor) -> Tensor:
    """A state that is 0 in silence."""
    return state * audible.reshape(*audible.shape, *[1] * (state.ndim - 2))
