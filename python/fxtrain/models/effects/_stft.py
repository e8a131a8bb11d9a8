# SPDX-License-Identifier: MIT
"""A causal short-time Fourier transform of low latency, in blocks with carried state, and what models on it share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fxtrain.audio.spectra import short_time_spectra
from fxtrain.data.pairs import PairBatch
from fxtrain.models.effects._effect import EffectModel, State

__all__ = ["Stft", "StftModel", "asymmetric_windows"]

Vector: TypeAlias = NDArray[np.float64]


def asymmetric_windows(n_fft: int, hop: int) -> tuple[Vector, Vector]:
    """Analysis and synthesis window of a transform that looks back for long and is late by little.

    The analysis window rises over all of ``n_fft`` but its last hop, over which it falls; the synthesis window covers
    the last two hops alone. Their product over these is a Hann window, so overlapping frames add up to 1::

        analysis   ____......-------\\
        synthesis  0000000000000/~~~\\     the last 2 hop frames

    Args:
        n_fft: length of both.
        hop: frames between two transforms; at most a quarter of ``n_fft``.

    Returns:
        Both, of shape ``(n_fft,)``.

    Source: Mauler and Martin, "A low delay, variable resolution, perfect reconstruction spectral analysis-synthesis
    system for speech enhancement", EUSIPCO 2007.
    """
    rise, fall = n_fft - hop, hop

    def hann(length: int) -> Vector:  # of twice that, centred between frames: symmetric, never quite 0
        window: Vector = np.sin(np.pi * (np.arange(2 * length) + 0.5) / (2 * length)) ** 2
        return window

    falling = np.sqrt(hann(fall)[fall:])
    analysis = np.concatenate([np.sqrt(hann(rise)[:rise]), falling])
    synthesis = np.zeros(n_fft)
    synthesis[rise - fall : rise] = hann(fall)[:fall] / analysis[rise - fall : rise]
    synthesis[rise:] = falling
    return analysis, synthesis


class Stft(nn.Module):
    """Transform and inverse, hop by hop.

    Worked on a hop at a time, what comes back is one hop late: frames are complete when the next one has come. A
    player that spreads the work of a hop over the next one, and takes any block size, is late by three.
    """

    analysis: Tensor
    synthesis: Tensor

    def __init__(self, n_fft: int, hop: int) -> None:
        super().__init__()
        self.n_fft, self.hop = n_fft, hop
        analysis, synthesis = asymmetric_windows(n_fft, hop)
        self.register_buffer("analysis", torch.from_numpy(analysis).float(), persistent=False)
        self.register_buffer("synthesis", torch.from_numpy(synthesis).float(), persistent=False)

    @property
    def num_bins(self) -> int:
        """Frequencies from 0 to half the sample rate."""
        return self.n_fft // 2 + 1

    def analyse(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Spectra of a stretch of whole hops.

        Args:
            x: shape ``(streams, hops * hop)``.
            past: the ``n_fft - hop`` frames before it.

        Returns:
            Shape ``(streams, hops, num_bins)``, complex, and what is the past of the next stretch.
        """
        whole = torch.cat([past, x], dim=-1)
        return short_time_spectra(whole, self.analysis.to(x.dtype), self.hop), whole[:, x.shape[-1] :].detach()

    def synthesise(self, spectra: Tensor, overlap: Tensor) -> tuple[Tensor, Tensor]:
        """The inverse of :meth:`analyse`, a hop late.

        Args:
            spectra: shape ``(streams, hops, num_bins)``, complex.
            overlap: what the frame before has left for the first hop, shape ``(streams, hop)``.

        Returns:
            Shape ``(streams, hops * hop)``, and what is left for the next stretch.
        """
        window = self.synthesis[-2 * self.hop :]
        frames = torch.fft.irfft(spectra, self.n_fft)[..., -2 * self.hop :]
        frames = frames * window.to(frames.dtype)
        first, second = frames[..., : self.hop], frames[..., self.hop :]
        earlier = torch.cat([overlap.unsqueeze(1), second[:, :-1]], dim=1)
        return (first + earlier).flatten(1), second[:, -1].detach()

    def empty_past(self, like: Tensor) -> Tensor:
        """Silence before the first hop of each row of ``like``."""
        return like.new_zeros(len(like), self.n_fft - self.hop)

    def empty_overlap(self, like: Tensor) -> Tensor:
        """Silence of the frame before the first one."""
        return like.new_zeros(len(like), self.hop)


class StftModel(EffectModel):
    """A model on spectra. A subclass writes ``play_hops`` and ``fresh_state``; all else is here.

    Its output is :attr:`latency_frames` late, as it is in the engine.
    """

    formats = ("stft",)
    training_defaults: ClassVar[Mapping[str, Any]] = {"starts": 1, "batch_size": 16}
    data_defaults: ClassVar[Mapping[str, Any]] = {"chunk_frames": 8192, "sequence_frames": 32768, "loud_share": 0.0}

    stft: Stft

    @classmethod
    def provider_options(cls, config: Any) -> dict[str, Any]:
        """Chunks of whole hops."""
        return {"chunk_multiple": config.hop}

    @property
    def latency_frames(self) -> int:
        """Three hops: see :class:`Stft`."""
        return 3 * self.stft.hop

    @property
    def stretch_multiple(self) -> int:
        """Whole hops."""
        return self.stft.hop

    def fresh_state(self, x: Tensor) -> State:
        """The state before the first frame, for streams of the number, type and device of ``x``."""
        raise NotImplementedError

    def state_layout(self) -> list[tuple[int, int]]:
        """Where the batch is in each part of :meth:`fresh_state`; see :meth:`Trainable.carried_layout`."""
        raise NotImplementedError

    def carried_layout(self) -> list[tuple[int, int]]:
        """That of the model's own state, of the output that is late, and of the target that is."""
        carried, late_target = self._carried is not None, self._late_target is not None
        return [*(self.state_layout() if carried else []), *[(0, 1)] * (carried + late_target)]

    def play_hops(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Plays whole hops; what comes out is a hop late."""
        raise NotImplementedError

    def forward(
        self, x: Tensor, state: State | None = None, *, envelope_values: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """As :meth:`EffectModel.forward`, ``latency_frames`` late. Only a stretch of whole hops can be played on from.

        Args:
            x: shape ``(batch, frames)``.
            state: what an earlier call returned; None starts from zero.
            envelope_values: none, as these models have no envelopes.
        """
        hop, frames = self.stft.hop, x.shape[-1]
        if state is None:
            state = (*self.fresh_state(x), x.new_zeros(len(x), 2 * hop))
        *own, late = state
        padded = nn.functional.pad(x, (0, -frames % hop))
        y, after = self.play_hops(padded, tuple(own))
        y = torch.cat([late, y], dim=-1)
        return y[:, :frames], (*after, y[:, padded.shape[-1] :].detach())

    def _warm_up(self, batch: PairBatch) -> State | None:
        warm_up = batch.warm_up
        assert warm_up is not None
        warm_up = warm_up[:, warm_up.shape[-1] % self.stft.hop :]
        if warm_up.shape[-1] == 0:
            return None
        with torch.no_grad():
            _, state = self(warm_up, None)
        return state  # type: ignore[no-any-return]
