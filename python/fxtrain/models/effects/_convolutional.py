# SPDX-License-Identifier: MIT
"""What models of causal convolutions alone share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from fxtrain.data.pairs import PairBatch, PairedAudio
from fxtrain.errors import ConfigError
from fxtrain.losses import Loss
from fxtrain.models.effects._causal import CausalNetwork
from fxtrain.models.effects._effect import PIECE_FRAMES, EffectModel, State
from fxtrain.models.effects._wavenet_network import WaveNetNetwork
from fxtrain.training.protocol import Phase, StepContext

__all__ = ["ConvolutionalEffect", "require_affordable"]

_ALL_FRAMES = 1 << 62
_MOST_REMEMBERED = 1 << 22
"""Values that fxtrain's engine keeps of the layers' inputs."""
_NOMINAL_LEVEL = 10 ** (-18 / 20)
"""RMS of the output that the networks are trained to, whatever the level of the recording; as NAM does."""


class ConvolutionalEffect(EffectModel):
    """One or more convolutional networks on the waveform, trained side by side; the last one is played.

    Zero state is not one of rest: biases move on through the layers. Sequences of training and validation start from
    what precedes them over the whole receptive field, or from silence where there is nothing; so do players of
    ``.nam``, which run silence through first.
    """

    formats = ("nam",)
    training_defaults: ClassVar[Mapping[str, Any]] = {"starts": 1, "batch_size": 16}
    data_defaults: ClassVar[Mapping[str, Any]] = {
        "warm_up_frames": 0,
        "sequence_frames": 8192,
        "chunk_frames": 8192,
        "loud_share": 0.0,  # without recurrence they do not burst
    }

    level: Tensor

    def __init__(self, config: Any, loss_function: Loss, sample_rate: int, networks: Sequence[CausalNetwork]) -> None:
        super().__init__(config, loss_function, sample_rate)
        self.networks = nn.ModuleList(networks)
        self.register_buffer("level", torch.tensor(0.0))  # RMS of the recording; 0 until it is known

    @classmethod
    def receptive_field_of(cls, config: Any) -> int:
        """The longest of the networks' receptive fields."""
        raise NotImplementedError

    @classmethod
    def provider_options(cls, config: Any) -> dict[str, Any]:
        """Sequences that begin with the past of their first frame."""
        return {"memory_frames": cls.receptive_field_of(config) - 1}

    def to_wavenets(self) -> list[WaveNetNetwork]:
        """The networks as ``.nam`` states them, at the level of the recording."""
        raise NotImplementedError

    @property
    def output_gain(self) -> Tensor:
        """From the level that the networks are trained to, to that of the recording."""
        return torch.where(self.level > 0, self.level, _NOMINAL_LEVEL) / _NOMINAL_LEVEL

    def network(self, features: Tensor, state: State | None) -> tuple[Tensor, State]:
        """As :meth:`EffectModel.network` says, of the last network; None is zero state."""
        return self._run(self._played, features[..., 0], state)

    @property
    def _played(self) -> CausalNetwork:
        network = self.networks[-1]
        assert isinstance(network, CausalNetwork)
        return network

    def _run(self, network: CausalNetwork, x: Tensor, state: State | None) -> tuple[Tensor, State]:
        y, state = network(x, network.silent_state(x) if state is None else state)
        return y * self.output_gain, state

    def loss(self, batch: PairBatch, phase: Phase, context: StepContext) -> tuple[Tensor, dict[str, Tensor]]:
        """The sum of the networks' losses on one chunk, at the level that they are trained to.

        The first chunk of a sequence is played together with its past, through which gradients flow; later ones run on
        from the state.
        """
        target = batch.target / self.output_gain
        ceiling = None if batch.ceiling is None else batch.ceiling / self.output_gain
        carried = iter(self._carried or ())
        total, after = target.new_zeros(()), []
        parts: dict[str, Tensor] = {}
        for index, network in enumerate(self.networks):
            assert isinstance(network, CausalNetwork)
            if batch.warm_up is not None:
                past = _past(batch.warm_up, network.receptive_field - 1)
                prediction, state = network(torch.cat([past, batch.input], dim=-1), None)
            else:
                state = tuple(islice(carried, len(network.convolutions))) or network.silent_state(batch.input)
                prediction, state = network(batch.input, state)
            excess, prediction = self._over_ceiling(prediction, ceiling)
            value, own = self.loss_function(prediction, target, weight=batch.weight, mean=context.mean)
            total = total + value + sum(excess.values())
            after += [part.detach() for part in state]
            parts |= {f"{name}{self._suffix(index)}": part for name, part in (own | excess).items()}
        self._carried = tuple(after)
        return total, parts

    def validate(self, batch: PairBatch, context: StepContext) -> dict[str, tuple[float, float]]:
        """Energies of the error and of the target: ``esr`` is of the last network, which is played."""
        energy = float((batch.target.square().sum(-1, dtype=torch.float64) * batch.weight.double()).sum())
        figures = {}
        for index, network in enumerate(self.networks):
            assert isinstance(network, CausalNetwork)
            error = (self._predict(network, batch) - batch.target).square().sum(-1, dtype=torch.float64)
            figures[f"esr{self._suffix(index)}"] = (float((error * batch.weight.double()).sum()), energy)
        return figures

    def _predict(self, network: CausalNetwork, batch: PairBatch) -> Tensor:
        """The output for whole sequences, in pieces that each begin with their past."""
        assert batch.warm_up is not None
        past = network.receptive_field - 1
        x = torch.cat([_past(batch.warm_up, past), batch.input], dim=-1)
        frames = batch.input.shape[-1]
        pieces = [
            network(x[:, start : min(start + PIECE_FRAMES, frames) + past], None)[0]
            for start in range(0, frames, PIECE_FRAMES)
        ]
        return torch.cat(pieces, dim=-1) * self.output_gain

    def _suffix(self, index: int) -> str:
        return "" if index == len(self.networks) - 1 else f"_{index + 1}"

    def solve(self, provider: PairedAudio) -> None:
        """Finds the level of the recording before training, so that the networks need not learn it."""
        if self.level > 0:
            return
        energy, frames = 0.0, 0
        for batch in provider.sample(_ALL_FRAMES):
            energy += float(batch.target.square().sum(dtype=torch.float64))
            frames += batch.target.numel()
        if energy > 0.0:
            self.level.fill_(math.sqrt(energy / frames))


def require_affordable(layers: Iterable[tuple[int, int]]) -> None:
    """Raises where players would have to remember more than they do.

    Args:
        layers: channels, and how many frames they look back, of each.

    Raises:
        ConfigError: it is too much.
    """
    remembered = sum(channels * frames for channels, frames in layers)
    if remembered > _MOST_REMEMBERED:
        raise ConfigError(
            f"the layers look back at {remembered} values altogether, but players remember {_MOST_REMEMBERED} at most; "
            "set model.channels, model.kernel_size or the dilations lower"
        )


def _past(warm_up: Tensor, frames: int) -> Tensor:
    """The frames before a sequence: silence where the warm-up is too short."""
    return nn.functional.pad(warm_up, (frames - warm_up.shape[-1], 0))
