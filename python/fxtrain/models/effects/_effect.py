# SPDX-License-Identifier: MIT
"""What all effects share: chunks with carried state, the loss on them, and the ESR that chooses the weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from fxtrain.audio.envelopes import Envelope, follow_envelope
from fxtrain.audio.least_squares import Samples
from fxtrain.config import build, configuration
from fxtrain.data.pairs import PairBatch, PairedAudio
from fxtrain.losses import Loss, LossConfig
from fxtrain.models import name_of
from fxtrain.models.effects._linear_stage import LinearStage
from fxtrain.training.checkpoint import save_checkpoint
from fxtrain.training.protocol import Criterion, Phase, StepContext, Trainable

__all__ = ["PIECE_FRAMES", "EffectModel", "State"]

PIECE_FRAMES = 16384
"""How much of a recording is played at a time, as a network's intermediate values for a long one take much memory."""

State = tuple[Tensor, ...]
"""What a model carries from one stretch of audio to the next, batch in the second dimension."""

_SOLVED_FRAMES = 1 << 21  # that it is solved on


def _esr_diverged(value: float, best: float) -> bool:
    """Whether the error is ten times the best one, and not just the best of a very good model."""
    return value > 10 * max(best, 0.1)


def _esr_is_lost(value: float, best: float) -> bool:
    """Whether the error is three times the best one, and not just that of a very good model at a high rate."""
    return value > 3 * max(best, 0.002)


@configuration
class NoSettings:
    """Of a model that has nothing to set."""


class EffectModel(Trainable):
    """A model that plays audio with carried state.

    ::

        x -> network(x, envelopes of x) -> linear stage -> y

    The envelopes and the linear stage are there where a model asks for them. A subclass writes ``network``,
    and a constructor with the arguments of this one up to ``sample_rate``. One without ``formats`` is trained, measured
    and played by torch; there is no model file of it.
    """

    task = "effect"
    criterion = Criterion("esr", "ESR", diverged=_esr_diverged, is_lost=_esr_is_lost)
    training_defaults: ClassVar[Mapping[str, Any]] = {"starts": 4}
    data_defaults: ClassVar[Mapping[str, Any]] = {}
    """Its own defaults of the ``[data]`` table."""
    loss_defaults: ClassVar[Mapping[str, Any]] = {}
    """Its own defaults of the ``[loss]`` table."""

    formats: ClassVar[tuple[str, ...]] = ()
    Config: ClassVar[type] = NoSettings

    config: Any
    loss_function: Loss
    envelopes: tuple[Envelope, ...]
    linear_stage: LinearStage | None

    def __init__(
        self,
        config: Any = None,
        loss_function: Loss | None = None,
        sample_rate: int = 48000,
        *,
        envelopes: Sequence[Envelope] = (),
        linear_stage_taps: int = 0,
    ) -> None:
        super().__init__()
        config, loss_function = self.complete(config, loss_function, sample_rate, {})
        self.config = config
        self.loss_function = loss_function
        self.sample_rate = sample_rate
        self.envelopes = tuple(envelopes)
        self.linear_stage = LinearStage(linear_stage_taps) if linear_stage_taps else None
        self._carried: State | None = None
        self._late_target: Tensor | None = None

    @classmethod
    def complete(
        cls, config: Any, loss_function: Loss | None, sample_rate: int, settings: Mapping[str, Any]
    ) -> tuple[Any, Loss]:
        """The first two arguments of a constructor, built where they were left out.

        Args:
            config: of the class ``Config``, or None to build it from ``settings``.
            loss_function: what training minimises; None takes the model's defaults.
            sample_rate: in Hz.
            settings: keys of ``Config`` with their values.

        Raises:
            ConfigError: a setting is unknown or wrong.
            TypeError: both ``config`` and settings are given.
        """
        if config is not None and settings:
            raise TypeError(f"give {cls.__name__} either a config or settings ({', '.join(settings)}), not both")
        if config is None:
            config = build(cls.Config, settings, where="model")
        return config, cls._loss({}, sample_rate) if loss_function is None else loss_function

    @classmethod
    def _loss(cls, settings: Mapping[str, Any], sample_rate: int) -> Loss:
        """The loss of these settings over the model's defaults."""
        return Loss(build(LossConfig, {**cls.loss_defaults, **settings}, where="loss"), sample_rate)

    @property
    def latency_frames(self) -> int:
        """By how many frames its output is late."""
        return 0

    def save(self, path: str | PathLike[str]) -> None:
        """Writes a checkpoint, from which ``fxtrain fit --checkpoint`` and :func:`fxtrain.load_trained_model` start.

        Raises:
            CheckpointError: it could not be written.
        """
        content = {
            "model": name_of(type(self)),
            "tables": {"model": asdict(self.config)},
            "facts": {"sample_rate": self.sample_rate},
            "metadata": {},
            "weights": dict(self.state_dict()),
        }
        save_checkpoint(Path(path), content)

    def export(self, path: str | PathLike[str], *, format: str | None = None, **metadata: Any) -> None:
        """Writes a model file. The engine has loaded and played it before this returns.

        Args:
            path: where to; the suffix chooses the format.
            format: one of :attr:`formats`, where the suffix leaves a choice.
            metadata: entries of :class:`fxtrain.formats.Metadata`, such as ``name`` and ``author``.

        Raises:
            ConfigError: the model has no such format, or an entry is unknown.
            ModelFileError: the model does not fit the format.
        """
        from fxtrain.formats import Metadata, write_model

        entries = build(Metadata, metadata, where="metadata").to_document()
        write_model(Path(path), self, sample_rate=self.sample_rate, metadata=entries, format=format)

    @classmethod
    def from_config(  # type: ignore[override]  # the one fact of its datasets is the sample rate
        cls, config: Mapping[str, Any], *, loss: Mapping[str, Any] | None = None, sample_rate: int = 48000
    ) -> Self:
        """Builds the model with fresh weights; see its ``Config`` and :class:`fxtrain.losses.LossConfig`."""
        return cls(build(cls.Config, config, where="model"), cls._loss(loss or {}, sample_rate), sample_rate)

    @classmethod
    def get_provider(cls) -> type[PairedAudio]:
        """Dry/wet pairs."""
        return PairedAudio

    @classmethod
    def provider_options(cls, config: Any) -> dict[str, Any]:
        """What the provider has to know of the model: arguments of :class:`PairedAudio`."""
        return {}

    def forward(
        self, x: Tensor, state: State | None = None, *, envelope_values: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Plays a stretch of audio.

        Args:
            x: shape ``(batch, frames)``, full scale is 1.
            state: what an earlier call returned; None starts from zero.
            envelope_values: those before the first frame, where there is no state: shape ``(batch, envelopes)``; None
                is silence.

        Returns:
            The output, same shape, and the state after its last frame: the network's own, then the envelopes, then what
            the linear stage still has to answer.
        """
        own, history = None, None
        if state is not None:
            own, envelope_values, history = self._parts(state)
        y, after = self._play_network(x, own, envelope_values)
        if self.linear_stage is not None:
            y, history = self.linear_stage(y, self.linear_stage.empty_history(len(x)) if history is None else history)
            after = (*after, history.unsqueeze(0))
        return y, after

    @property
    def stretch_multiple(self) -> int:
        """A stretch that is played on from is a multiple of so many frames."""
        return 1

    @torch.no_grad()
    def play(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Plays recordings of any length, piece by piece; arguments and result are those of a call.

        No gradients, and no more memory than a piece and the result take.
        """
        outputs = []
        for y, after in self._play_pieces(x, state):
            outputs.append(y)
            state = after
        assert state is not None  # there is a piece even of nothing
        return torch.cat(outputs, dim=-1), state

    def _play_pieces(self, x: Tensor, state: State | None) -> Iterator[tuple[Tensor, State]]:
        multiple = self.stretch_multiple
        for piece in torch.split(x, max(1, PIECE_FRAMES // multiple) * multiple, dim=-1):
            y, state = self(piece, state)
            yield y, state

    def network(self, features: Tensor, state: State | None) -> tuple[Tensor, State]:
        """The part of the model that is trained step by step.

        Args:
            features: audio and envelopes, shape ``(batch, frames, 1 + envelopes)``.
            state: its own, as it returned it; None starts from zero.

        Returns:
            Its output, shape ``(batch, frames)``, and its state after the last frame.
        """
        raise NotImplementedError

    def _play_network(self, x: Tensor, own: State | None, envelope_values: Tensor | None) -> tuple[Tensor, State]:
        """What goes into the linear stage, and the state without that."""
        features = x.unsqueeze(-1)
        if self.envelopes:
            followed, envelope_values = self._follow(x, envelope_values)
            features = torch.stack([x, *followed], dim=-1)
        y, own = self.network(features, own)
        return y, own if envelope_values is None else (*own, envelope_values.unsqueeze(0))

    def _parts(self, state: State) -> tuple[State, Tensor | None, Tensor | None]:
        """A state as those of the network, the envelopes and the linear stage."""
        parts = list(state)
        history = parts.pop()[0] if self.linear_stage is not None else None
        envelope_values = parts.pop()[0] if self.envelopes else None
        return tuple(parts), envelope_values, history

    def _follow(self, x: Tensor, envelope_values: Tensor | None) -> tuple[list[Tensor], Tensor]:
        """The envelopes at each frame, and the last ones, shape ``(batch, envelopes)``, float64."""
        starts = np.zeros((len(x), len(self.envelopes))) if envelope_values is None else envelope_values.cpu().numpy()
        signal = x.detach().cpu().float().contiguous().numpy()
        followed, last = [], []
        for index, envelope in enumerate(self.envelopes):
            column, end = follow_envelope(signal, envelope, self.sample_rate, np.ascontiguousarray(starts[:, index]))
            followed.append(torch.from_numpy(column).to(x))
            last.append(end)
        return followed, torch.from_numpy(np.stack(last, axis=-1)).to(x.device)

    def loss(self, batch: PairBatch, phase: Phase, context: StepContext) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss on one chunk; the state runs on from the chunk before.

        Rows that are louder than the recording count only if they exceed their ceiling.

        With a linear stage it is taken on whitened signals: through a loudspeaker, the treble that tells one distortion
        from another hardly counts, and the network would be slow to learn it.
        """
        if batch.warm_up is not None:
            self._carried, self._late_target = self._warm_up(batch), None
        prediction, state = self(batch.input, self._carried)
        self._carried = tuple(part.detach() for part in state)
        excess, prediction = self._over_ceiling(prediction, batch.ceiling)
        prediction, target = self._in_time(prediction, batch.target)
        prediction, target = self.whiten(prediction), self.whiten(target)
        value, parts = self.loss_function(prediction, target, weight=batch.weight, mean=context.mean)
        return value + sum(excess.values()), parts | excess

    @staticmethod
    def _over_ceiling(prediction: Tensor, ceiling: Tensor | None) -> tuple[dict[str, Tensor], Tensor]:
        """The loss of rows that are too loud, and the prediction with silence in their place.

        That loss is the mean square of what exceeds the ceiling, relative to the ceiling.
        """
        if ceiling is None:
            return {}, prediction
        ceiling = ceiling.unsqueeze(-1)
        excess = (prediction.abs() / ceiling - 1.0).relu().square().mean()
        return {"loud": excess}, torch.where(ceiling.isinf(), prediction, 0.0)

    def whiten(self, signal: Tensor) -> Tensor:
        """What the loss is taken on: the signal itself, or one without the linear stage's colour."""
        return signal if self.linear_stage is None else self.linear_stage.whiten(signal)

    def _in_time(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Prediction and target of the same frames, where the prediction is late. The first chunk lacks some."""
        late = self.latency_frames
        if not late:
            return prediction, target
        whole = target if self._late_target is None else torch.cat([self._late_target, target], dim=-1)
        self._late_target = whole[:, whole.shape[-1] - late :]
        answered = whole[:, : whole.shape[-1] - late]
        return prediction[:, prediction.shape[-1] - answered.shape[-1] :], answered

    def validate(self, batch: PairBatch, context: StepContext) -> dict[str, tuple[float, float]]:
        """Energies of the error and of the target."""
        weight = batch.weight.double()
        error = energy = 0.0
        end = -self.latency_frames  # of the target's frames that are answered
        for y, _ in self._play_pieces(batch.input, self._warm_up(batch)):
            start, end = max(end, 0), end + y.shape[-1]
            target = batch.target[:, start : max(end, 0)]
            missed = y[:, y.shape[-1] - target.shape[-1] :] - target
            error += float((missed.square().sum(-1, dtype=torch.float64) * weight).sum())
            energy += float((target.square().sum(-1, dtype=torch.float64) * weight).sum())
        return {"esr": (error, energy)}

    def _warm_up(self, batch: PairBatch) -> State | None:
        warm_up = batch.warm_up
        assert warm_up is not None
        if warm_up.shape[-1] == 0:
            return None
        with torch.no_grad():
            y, state = self._play_network(warm_up, None, batch.envelope_values)
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
        for batch in (each.to(self.device) for each in provider.sample(_SOLVED_FRAMES)):
            state = self._warm_up(batch)
            own, envelope_values, history = (None, batch.envelope_values, None) if state is None else self._parts(state)
            y, _ = self._play_network(batch.input, own, envelope_values)
            before = stage.empty_history(len(y)) if history is None else history
            scale = batch.weight.sqrt().unsqueeze(-1)
            yield from zip(*((scale * part).cpu().numpy() for part in (y, batch.target, before)), strict=True)

    def carried_state(self) -> list[Tensor]:
        """The state after the last chunk, and the target that a late model still has to answer."""
        return [*(self._carried or ()), *([] if self._late_target is None else [self._late_target])]

    def carried_layout(self) -> list[tuple[int, int]]:
        """The batch is in the second dimension of a state, and in the first of what is late."""
        late_target = [] if self._late_target is None else [(0, 1)]
        return [*((1, 1) for _ in self._carried or ()), *late_target]

    def set_carried_state(self, state: list[Tensor]) -> None:
        """Restores the state."""
        parts = [part.to(self.device) for part in state]
        self._late_target = parts.pop() if parts and self.latency_frames else None
        self._carried = tuple(parts) or None
