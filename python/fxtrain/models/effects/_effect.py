# SPDX-License-Identifier: MIT
"""What all effects share: chunks with carried state, the loss on them, and the ESR that chooses the weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from fxtrain.audio.envelopes import Envelope, follow_envelope
from fxtrain.audio.least_squares import Samples
from fxtrain.config import build
from fxtrain.data.pairs import PairBatch, PairedAudio
from fxtrain.losses import Loss, LossConfig
from fxtrain.models.effects._linear_stage import LinearStage
from fxtrain.training.protocol import Criterion, Phase, StepContext, Trainable

__all__ = ["EffectModel", "State"]

State = tuple[Tensor, ...]
"""What a model carries from one stretch of audio to the next, batch in the second dimension."""

_SOLVED_FRAMES = 1 << 21  # that it is solved on


def _esr_diverged(value: float, best: float) -> bool:
    """Whether the error is ten times the best one, and not just the best of a very good model."""
    return value > 10 * max(best, 0.1)


class EffectModel(Trainable):
    """A model that plays audio with carried state.

    ::

        x -> network(x, levels of x) -> linear stage -> y

    The levels (envelopes) and the linear stage are there where a model asks for them. A subclass writes ``network``,
    and a constructor with the arguments of this one up to ``sample_rate``.
    """

    task = "effect"
    criterion = Criterion("esr", "ESR", diverged=_esr_diverged)
    training_defaults: ClassVar[Mapping[str, Any]] = {"starts": 4}
    latency_frames: ClassVar[int] = 0
    """By how many frames its output is late."""

    config: Any
    loss_function: Loss
    envelopes: tuple[Envelope, ...]
    linear_stage: LinearStage | None

    def __init__(
        self,
        config: Any,
        loss_function: Loss,
        sample_rate: int,
        *,
        envelopes: Sequence[Envelope] = (),
        linear_stage_taps: int = 0,
    ) -> None:
        super().__init__()
        self.config = config
        self.loss_function = loss_function
        self.sample_rate = sample_rate
        self.envelopes = tuple(envelopes)
        self.linear_stage = LinearStage(linear_stage_taps) if linear_stage_taps else None
        self._carried: State | None = None

    @classmethod
    def from_config(  # type: ignore[override]  # the one fact of its datasets is the sample rate
        cls, config: Mapping[str, Any], *, loss: Mapping[str, Any] | None = None, sample_rate: int = 48000
    ) -> Self:
        """Builds the model with fresh weights; see its ``Config`` and :class:`fxtrain.losses.LossConfig`."""
        loss_function = Loss(build(LossConfig, loss or {}, where="loss"), sample_rate)
        return cls(build(cls.Config, config, where="model"), loss_function, sample_rate)

    @classmethod
    def get_provider(cls) -> type[PairedAudio]:
        """Dry/wet pairs."""
        return PairedAudio

    @classmethod
    def provider_options(cls, config: Any) -> dict[str, Any]:
        """What the provider has to know of the model: arguments of :class:`PairedAudio`."""
        return {}

    def forward(self, x: Tensor, state: State | None = None, *, levels: Tensor | None = None) -> tuple[Tensor, State]:
        """Plays a stretch of audio.

        Args:
            x: shape ``(batch, frames)``, full scale is 1.
            state: what an earlier call returned; None starts from zero.
            levels: those before the first frame, where there is no state: shape ``(batch, levels)``; None is silence.

        Returns:
            The output, same shape, and the state after its last frame: the network's own, then the levels, then what
            the linear stage still has to answer.
        """
        own, history = None, None
        if state is not None:
            own, levels, history = self._parts(state)
        y, after = self._play_network(x, own, levels)
        if self.linear_stage is not None:
            y, history = self.linear_stage(y, self.linear_stage.empty_history(len(x)) if history is None else history)
            after = (*after, history.unsqueeze(0))
        return y, after

    def network(self, features: Tensor, state: State | None) -> tuple[Tensor, State]:
        """The part of the model that is trained step by step.

        Args:
            features: audio and levels, shape ``(batch, frames, 1 + levels)``.
            state: its own, as it returned it; None starts from zero.

        Returns:
            Its output, shape ``(batch, frames)``, and its state after the last frame.
        """
        raise NotImplementedError

    def _play_network(self, x: Tensor, own: State | None, levels: Tensor | None) -> tuple[Tensor, State]:
        """What goes into the linear stage, and the state without that."""
        features = [x]
        if self.envelopes:
            followed, levels = self._follow(x, levels)
            features += followed
        y, own = self.network(torch.stack(features, dim=-1), own)
        return y, own if levels is None else (*own, levels.unsqueeze(0))

    def _parts(self, state: State) -> tuple[State, Tensor | None, Tensor | None]:
        """A state as those of the network, the levels and the linear stage."""
        parts = list(state)
        history = parts.pop()[0] if self.linear_stage is not None else None
        levels = parts.pop()[0] if self.envelopes else None
        return tuple(parts), levels, history

    def _follow(self, x: Tensor, levels: Tensor | None) -> tuple[list[Tensor], Tensor]:
        """The levels at each frame, and the last ones, shape ``(batch, levels)``, float64."""
        starts = np.zeros((len(x), len(self.envelopes))) if levels is None else levels.cpu().numpy()
        signal = x.detach().cpu().float().contiguous().numpy()
        followed, last = [], []
        for index, envelope in enumerate(self.envelopes):
            column, end = follow_envelope(signal, envelope, self.sample_rate, np.ascontiguousarray(starts[:, index]))
            followed.append(torch.from_numpy(column).to(x))
            last.append(end)
        return followed, torch.from_numpy(np.stack(last, axis=-1)).to(x.device)

    def loss(self, batch: PairBatch, phase: Phase, context: StepContext) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss on one chunk; the state runs on from the chunk before.

        With a linear stage it is taken on whitened signals: through a loudspeaker, the treble that tells one distortion
        from another hardly counts, and the network would be slow to learn it.
        """
        if batch.warm_up is not None:
            self._carried = self._warm_up(batch)
        prediction, state = self(batch.input, self._carried)
        self._carried = tuple(part.detach() for part in state)
        target = batch.target
        if self.linear_stage is not None:
            prediction, target = self.linear_stage.whiten(prediction), self.linear_stage.whiten(target)
        value: tuple[Tensor, dict[str, Tensor]] = self.loss_function(prediction, target, weight=batch.weight)
        return value

    def validate(self, batch: PairBatch, context: StepContext) -> dict[str, tuple[float, float]]:
        """Energies of the error and of the target."""
        prediction, _ = self(batch.input, self._warm_up(batch))
        weight = batch.weight.double()
        error = (prediction.double() - batch.target.double()).square().sum(-1)
        energy = batch.target.double().square().sum(-1)
        return {"esr": (float((error * weight).sum()), float((energy * weight).sum()))}

    def _warm_up(self, batch: PairBatch) -> State | None:
        warm_up = batch.warm_up
        assert warm_up is not None
        if warm_up.shape[-1] == 0:
            return None
        with torch.no_grad():
            y, state = self._play_network(warm_up, None, batch.levels)
            if self.linear_stage is not None:
                past = self.linear_stage.empty_history(len(y))
                state = (*state, torch.cat([past, y], dim=-1)[:, y.shape[-1] :].unsqueeze(0))
        return state

    def solve(self, provider: PairedAudio) -> None:
        """Finds the linear stage's filter for the network as it is."""
        stage = self.linear_stage
        if stage is None:
            return
        with torch.no_grad():
            stage.solve(self._stretches(provider, stage))

    def _stretches(self, provider: PairedAudio, stage: LinearStage) -> Iterator[tuple[Samples, Samples, Samples]]:
        """The network's output, the target, and the output before it."""
        for batch in provider.sample(_SOLVED_FRAMES):
            state = self._warm_up(batch)
            own, levels, history = (None, batch.levels, None) if state is None else self._parts(state)
            y, _ = self._play_network(batch.input, own, levels)
            before = stage.empty_history(len(y)) if history is None else history
            scale = batch.weight.sqrt().unsqueeze(-1)
            yield from zip(*((scale * part).cpu().numpy() for part in (y, batch.target, before)), strict=True)

    def carried_state(self) -> list[Tensor]:
        """The state after the last chunk."""
        return [] if self._carried is None else list(self._carried)

    def set_carried_state(self, state: list[Tensor]) -> None:
        """Restores the state."""
        self._carried = tuple(part.to(self.device) for part in state) or None
