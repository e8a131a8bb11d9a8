# SPDX-License-Identifier: MIT
"""Recurrent networks on the waveform with a residual output: LSTM and GRU."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeAlias

import torch
from pydantic import BeforeValidator, Field
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

from fxtrain.audio.envelopes import USUAL_ENVELOPES, Envelope
from fxtrain.config import configuration
from fxtrain.losses import Loss
from fxtrain.models.effects import _recurrent_cpu
from fxtrain.models.effects._effect import EffectModel, State
from fxtrain.models.effects._resting import RestingGRU, RestingLSTM, candidate_biases_are_zero, layer_weights

if TYPE_CHECKING:
    from fxtrain.data.pairs import PairedAudio

__all__ = ["GRU", "LSTM", "Knob", "RecurrentConfig", "ResidualRecurrent", "round_to_bfloat16"]


Choice: TypeAlias = Literal["auto", "off", "on"]
Milliseconds: TypeAlias = Annotated[float, Field(ge=0.01, le=60_000)]
Times: TypeAlias = Annotated[
    tuple[Milliseconds, Milliseconds],
    Field(strict=False),
    BeforeValidator(lambda given: given if isinstance(given, list | tuple) else (given, given)),
]


@configuration
class RecurrentConfig:
    """Size of a recurrent effect model.

    Attributes:
        hidden_size: units of each layer. CPU use grows with its square.
        num_layers: layers, each fed by the one before.
        skip: whether the input is added to the output, so that the network learns the difference.
        envelopes: whether the network also gets envelopes of the input, with the times of ``envelope_ms``: for
            compressors and whatever else gives way slowly. ``auto`` leaves it to the recording.
        envelope_ms: time of each envelope in milliseconds, or its attack and release; what is not given the recording
            chooses.
        linear_stage: whether a long filter follows the network: for loudspeakers, rooms and springs. ``auto`` leaves it
            to the recording.
        linear_stage_taps: length of that filter, in frames.
        weight_storage: number format of the recurrent matrices. ``bfloat16`` trains with them rounded, so that players
            may store them in 16 bits without changing the sound.
    """

    hidden_size: Annotated[int, Field(ge=1, le=256)] = 32
    num_layers: Annotated[int, Field(ge=1, le=4)] = 1
    skip: bool = True
    envelopes: Choice = "auto"
    envelope_ms: Annotated[tuple[Times, ...], Field(strict=False, min_length=1, max_length=8)] | None = None
    linear_stage: Choice = "auto"
    linear_stage_taps: Annotated[int, Field(ge=2, le=16384)] = 8192
    weight_storage: Literal["float32", "bfloat16"] = "float32"


@dataclass(frozen=True, kw_only=True)
class Knob:
    """A control that the network gets as an input from 0 to 1.

    Attributes:
        name: of the control.
        unit: of ``minimum``, ``maximum`` and ``default``.
        minimum: what the knob reads at 0.
        maximum: what the knob reads at 1.
        default: where players set it first.
    """

    name: str
    unit: str = ""
    minimum: float = 0.0
    maximum: float = 1.0
    default: float = 0.5


def _envelopes(config: RecurrentConfig) -> tuple[Envelope, ...]:
    if config.envelopes != "on":
        return ()
    return config.envelope_ms or USUAL_ENVELOPES


_NOMINAL_LEVEL = 0.1
"""RMS that quiet signals are brought to inside the network: that of playing which peaks near full scale."""
_QUIET = 0.03
"""RMS below which they are."""
_ALL_FRAMES = 1 << 62


class _Round(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, values: Tensor) -> Tensor:
        return values.to(torch.bfloat16).to(values.dtype)

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> Tensor:
        return gradient


def round_to_bfloat16(values: Tensor) -> Tensor:
    """The nearest numbers of 8 significant bits, ties to even; the gradient passes straight through.

    Source: Bengio, Léonard and Courville, "Estimating or propagating gradients through stochastic neurons for
    conditional computation", 2013 (the straight-through estimator).

    >>> round_to_bfloat16(torch.tensor([1.0, 1.00390625, 1.01171875])).tolist()  # ties at 1 + 2^-8 and 1 + 3 2^-8
    [1.0, 1.0, 1.015625]
    """
    rounded: Tensor = _Round.apply(values)  # type: ignore[no-untyped-call]
    return rounded


class ResidualRecurrent(EffectModel):
    """A recurrent network on the waveform: ``y[t] = x[t] + <h[t], w> + b``.

    Weights are initialised for signals that fill the range. Where a recording is quiet, :attr:`gains` bring what the
    network hears, and what it has to give, to that level; :meth:`folded` makes them part of the weights, as files have
    them.

    Every intermediate state h[t] gives a sample of the output; the last one is carried on. States are
    ``(num_layers, batch, hidden_size)`` each: (h, c) of an LSTM, (h,) of a GRU.

    Models that are read from files may have two things that those trained here do not:

    Attributes:
        gains: of what the network hears and of what it gives, shape ``(2,)``; 0 until the recording is known.
        knobs: of further inputs between the audio and the envelopes. Torch plays the model with all of them at 0.
        start: the state in which players start, with one row of batch; None is zero.

    Source: Wright, Damskägg and Välimäki, "Real-time black-box modelling with recurrent neural networks", 2019.
    """

    formats: ClassVar[tuple[str, ...]] = ("rtneural", "aidax")
    training_defaults: ClassVar[Mapping[str, Any]] = {
        **EffectModel.training_defaults,
        "learning_rate": 0.04,
        "clip_norm": 0.03,  # Adam remembers a few very large gradients for long
    }
    data_defaults: ClassVar[Mapping[str, Any]] = {
        **EffectModel.data_defaults,
        "warm_up_frames": 4096,  # with fewer, most of the error comes from states that have not settled
    }
    Config = RecurrentConfig
    unit: ClassVar[Literal["lstm", "gru"]]

    config: RecurrentConfig
    recurrent: nn.LSTM | nn.GRU
    output: nn.Linear
    gains: Tensor

    def __init__(
        self,
        config: RecurrentConfig | None = None,
        loss_function: Loss | None = None,
        sample_rate: int = 48000,
        **settings: Any,
    ) -> None:
        config, loss_function = self.complete(config, loss_function, sample_rate, settings)
        super().__init__(
            config,
            loss_function,
            sample_rate,
            envelopes=_envelopes(config),
            linear_stage_taps=config.linear_stage_taps if config.linear_stage == "on" else 0,
        )
        cell = RestingLSTM if self.unit == "lstm" else RestingGRU
        self.recurrent = cell(1 + len(self.envelopes), config.hidden_size, config.num_layers)
        self.output = nn.Linear(config.hidden_size, 1)
        self.register_buffer("gains", torch.zeros(2))
        self.knobs: tuple[Knob, ...] = ()
        self.start: State | None = None

    @classmethod
    def provider_options(cls, config: RecurrentConfig) -> dict[str, Any]:
        """Its envelopes, and how long its linear stage is."""
        return {
            "envelopes": _envelopes(config),
            "memory_frames": config.linear_stage_taps if config.linear_stage == "on" else 0,
        }

    def layer_weights(self, layer: int) -> list[Tensor]:
        """What a layer plays with: input weights, recurrent ones, and their biases, in torch's order.

        Where ``weight_storage`` is ``bfloat16``, the recurrent ones are rounded copies of the parameters.
        """
        w_ih, w_hh, b_ih, b_hh = layer_weights(self.recurrent, layer)
        if self.config.weight_storage == "bfloat16":
            w_hh = round_to_bfloat16(w_hh)
        return [w_ih, w_hh, b_ih, b_hh]

    def network(self, features: Tensor, state: State | None) -> tuple[Tensor, State]:
        """As :meth:`EffectModel.network` says; the state is the one after the last frame, of all layers."""
        if state is None and self.start is not None:
            state = tuple(part.to(features).repeat(1, len(features), 1) for part in self.start)
        inputs = features
        if self.knobs:
            at_zero = features.new_zeros(*features.shape[:2], len(self.knobs))
            inputs = torch.cat([features[..., :1], at_zero, features[..., 1:]], dim=-1)
        y, state = self._layers_at_level(inputs, state)
        return (features[..., 0] + y if self.config.skip else y), state

    def _layers_at_level(self, inputs: Tensor, state: State | None) -> tuple[Tensor, State]:
        """:meth:`_layers` with :attr:`gains` around them."""
        heard: float | Tensor
        given: float | Tensor
        if self.gains.is_cpu:
            heard, given = self._known_gains()
            if heard == given == 1.0:
                return self._layers(inputs, state)
        else:  # whose values the host would have to wait for
            heard, given = torch.where(self.gains > 0, self.gains, 1.0)
        y, state = self._layers(inputs * heard, state)
        return y * given, state

    def _known_gains(self) -> tuple[float, float]:
        heard, given = self.gains.tolist()
        return heard or 1.0, given or 1.0

    def folded(self) -> Self:
        """The same function with gains of 1: they have become part of the weights."""
        heard, given = self._known_gains()
        if heard == given == 1.0:
            return self
        model = copy.deepcopy(self)
        with torch.no_grad():
            layer_weights(model.recurrent, 0)[0].mul_(heard)
            model.output.weight.mul_(given)
            model.output.bias.mul_(given)
        model.gains.fill_(1.0)
        return model

    def solve(self, provider: PairedAudio) -> None:
        """Finds the gains before training, and the linear stage's filter for the network as it is."""
        if not self.gains.any():
            energies, frames = [0.0, 0.0, 0.0], 0
            for batch in provider.sample(_ALL_FRAMES):
                change = batch.target - batch.input if self.config.skip else batch.target
                for index, signal in enumerate((batch.input, batch.target, change)):
                    energies[index] += float(signal.square().sum(dtype=torch.float64))
                frames += batch.input.numel()
            heard, *given = (math.sqrt(energy / max(1, frames)) for energy in energies)
            self.gains[0] = _NOMINAL_LEVEL / heard if 0.0 < heard < _QUIET else 1.0
            self.gains[1] = max(given) / _NOMINAL_LEVEL if 0.0 < max(given) < _QUIET else 1.0
        super().solve(provider)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *arguments: Any) -> None:
        state_dict.setdefault(prefix + "gains", torch.ones(2))  # what was trained before there were any
        super()._load_from_state_dict(state_dict, prefix, *arguments)

    def _layers(self, features: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Hidden states through the output layer, shape ``(batch, frames)``, and the last state."""
        if _recurrent_cpu.supports(features, self.config.hidden_size):
            return self._network_on_kernels(features, state)
        if self.config.weight_storage == "float32":
            given = None if state is None else (state if self.unit == "lstm" else state[0])
            hidden, last = self.recurrent(features, given)
            last = last if isinstance(last, tuple) else (last,)
        else:
            hidden, last = self._recurrent_rounded(features, state)
        y: Tensor = self.output(hidden).squeeze(-1)
        return torch.where(self._at_rest(features, state)[:, None], self.output.bias, y), last

    def _at_rest(self, features: Tensor, state: State | None) -> Tensor:
        """Whether a sequence is silence from zero state to the end, shape ``(batch,)``: then the output is its bias.

        While a network learns, this state of rest may be unstable. Its gradient, which teaches nothing, then grows with
        each frame and overflows; fxtrain's own kernels hold it.
        """
        rests = (features == 0.0).flatten(1).all(dim=1) & candidate_biases_are_zero(self.recurrent)
        for part in state or ():
            rests = rests & (part == 0.0).all(dim=2).all(dim=0)
        return rests

    def _recurrent_rounded(self, features: Tensor, state: State | None) -> tuple[Tensor, State]:
        """``self.recurrent`` with rounded matrices, by the functions that torch's layers themselves call."""
        if state is None:
            zeros = features.new_zeros(self.config.num_layers, features.shape[0], self.config.hidden_size)
            state = (zeros, zeros) if self.unit == "lstm" else (zeros,)
        weights = [weight for index in range(self.config.num_layers) for weight in self.layer_weights(index)]
        # Biases, no dropout, one direction, batch first.
        options = (weights, True, self.config.num_layers, 0.0, self.training, False, True)
        with warnings.catch_warnings():  # cuDNN would like the weights side by side in memory, and copies them there
            warnings.filterwarnings("ignore", "RNN module weights are not part of single contiguous chunk")
            if self.unit == "lstm":
                hidden, *last = torch.lstm(features, state, *options)
            else:
                hidden, *last = torch.gru(features, state[0], *options)
        return hidden, tuple(last)

    def _network_on_kernels(self, features: Tensor, state: State | None) -> tuple[Tensor, State]:
        """The same through fxtrain's own CPU kernels, layer by layer."""
        lasts: list[State] = []
        for index in range(self.config.num_layers):
            weights = self.layer_weights(index)
            given = None if state is None else tuple(part[index] for part in state)
            play = self._lstm_on_kernels if self.unit == "lstm" else self._gru_on_kernels
            features, last = play(features, given, weights, read_out=index == self.config.num_layers - 1)
            lasts.append(last)
        return features, tuple(torch.stack(parts) for parts in zip(*lasts, strict=True))

    def _lstm_on_kernels(
        self, x: Tensor, state: State | None, weights: list[Tensor], *, read_out: bool
    ) -> tuple[Tensor, State]:
        w_ih, w_hh, b_ih, b_hh = weights
        pair = None if state is None else (state[0], state[1])
        if read_out:
            head = (self.output.weight[0], self.output.bias)
            return _recurrent_cpu.lstm_residual_head(x, pair, w_ih, w_hh, b_ih + b_hh, *head)
        return _recurrent_cpu.lstm_layer(x, pair, w_ih, w_hh, b_ih + b_hh)

    def _gru_on_kernels(
        self, x: Tensor, state: State | None, weights: list[Tensor], *, read_out: bool
    ) -> tuple[Tensor, State]:
        w_ih, w_hh, b_ih, b_hh = weights
        hidden = None if state is None else state[0]
        if read_out:
            head = (self.output.weight[0], self.output.bias)
            y, last = _recurrent_cpu.gru_residual_head(x, hidden, w_ih, w_hh, b_ih, b_hh, *head)
        else:
            y, last = _recurrent_cpu.gru_layer(x, hidden, w_ih, w_hh, b_ih, b_hh)
        return y, (last,)


class LSTM(ResidualRecurrent):
    """Long short-term memory with a residual output; see :class:`ResidualRecurrent`."""

    name = "lstm"
    summary = "residual LSTM on the waveform: the default for amplifiers and pedals"
    formats = ("rtneural", "nam", "aidax", "proteus")
    unit = "lstm"


class GRU(ResidualRecurrent):
    """Gated recurrent unit with a residual output: three quarters of the LSTM's work per unit.

    See :class:`ResidualRecurrent`.
    """

    name = "gru"
    summary = "residual GRU on the waveform: a little lighter than an LSTM of the same size"
    unit = "gru"
