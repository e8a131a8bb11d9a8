# SPDX-License-Identifier: MIT
"""The network of a WaveNet as Neural Amp Modeler (NAM) has it: what a ``.nam`` file can state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from fxtrain.models.effects._causal import CausalConv, CausalNetwork, Tails, last_frames
from fxtrain.models.effects._effect import State
from fxtrain.models.effects._wavenet_cpu import find_kernel

__all__ = ["Activation", "ArrayShape", "LayerArray", "LayerShape", "WaveNetLayer", "WaveNetNetwork", "WaveNetShape"]

Activation: TypeAlias = Literal["tanh", "hardtanh", "relu", "leaky-relu", "sigmoid", "silu", "hardswish", "softsign"]

_FUNCTIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "hardtanh": nn.functional.hardtanh,
    "relu": torch.relu,
    "leaky-relu": nn.functional.leaky_relu,
    "sigmoid": torch.sigmoid,
    "silu": nn.functional.silu,
    "hardswish": nn.functional.hardswish,
    "softsign": nn.functional.softsign,
}


@dataclass(frozen=True, kw_only=True)
class LayerShape:
    """One dilated convolution and its activation; ``slope`` is that of ``leaky-relu`` below zero."""

    kernel_size: int
    dilation: int
    activation: Activation
    slope: float = 0.01


@dataclass(frozen=True, kw_only=True)
class ArrayShape:
    """A stack of layers of equal width that share a head.

    Attributes:
        input_size: channels of what comes in.
        channels: of each layer.
        layers: first to last.
        head_size: outputs of the head.
        head_kernel_size: frames that the head sees.
        head_bias: whether the head has a bias.
        gated: each activation is multiplied by the sigmoid of a second half of its convolution's outputs.
    """

    input_size: int
    channels: int
    layers: tuple[LayerShape, ...]
    head_size: int
    head_kernel_size: int = 1
    head_bias: bool
    gated: bool = False


@dataclass(frozen=True, kw_only=True)
class WaveNetShape:
    """A chain of layer arrays; what the last head gives is multiplied by ``head_scale``."""

    arrays: tuple[ArrayShape, ...]
    head_scale: float


class WaveNetLayer(nn.Module):
    """``z = conv(x) + mixin(condition)``, ``a = activation(z)``, and ``x + layer1x1(a)`` for the next layer."""

    def __init__(self, array: ArrayShape, shape: LayerShape) -> None:
        super().__init__()
        outputs = 2 * array.channels if array.gated else array.channels
        self.shape, self.gated = shape, array.gated
        self.conv = CausalConv(array.channels, outputs, shape.kernel_size, dilation=shape.dilation)
        self.mixin = CausalConv(1, outputs, bias=False)
        self.layer1x1 = CausalConv(array.channels, array.channels)

    def activate(self, z: Tensor) -> Tensor:
        """The layer's contribution to the head."""
        gate = None
        if self.gated:
            z, gate = z.chunk(2, dim=1)
        if self.shape.activation == "leaky-relu":
            a = nn.functional.leaky_relu(z, self.shape.slope)
        else:
            a = _FUNCTIONS[self.shape.activation](z)
        return a if gate is None else a * torch.sigmoid(gate)


class LayerArray(nn.Module):
    """Layers, each on the sum of what came before it, and a head on the sum of their activations."""

    def __init__(self, shape: ArrayShape) -> None:
        super().__init__()
        self.shape = shape
        self.rechannel = CausalConv(shape.input_size, shape.channels, bias=False)
        self.layers = nn.ModuleList(WaveNetLayer(shape, each) for each in shape.layers)
        self.head = CausalConv(shape.channels, shape.head_size, shape.head_kernel_size, bias=shape.head_bias)

    def wavenet_layers(self) -> list[WaveNetLayer]:
        """The layers, first to last."""
        return [layer for layer in self.layers if isinstance(layer, WaveNetLayer)]

    def play(
        self, x: Tensor, condition: Tensor, head: Tensor | None, tails: Tails, *, is_last: bool
    ) -> tuple[Tensor, Tensor]:
        """What the head and the last layer give.

        Args:
            x: shape ``(batch, input_size, frames)``.
            condition: the audio, shape ``(batch, 1, frames)``.
            head: what the array before gave.
            tails: of the state.
            is_last: whether no array follows, which would need the last layer's sum.
        """
        x = self.rechannel(x)
        for layer in self.wavenet_layers():
            x = tails.extend(x)
            z = layer.conv(x)
            frames = z.shape[-1]
            a = layer.activate(z + layer.mixin(last_frames(condition, frames)))
            head = a if head is None else last_frames(head, frames) + a
            if not (is_last and layer is self.layers[-1]):
                x = last_frames(x, frames) + layer.layer1x1(a)
        assert head is not None
        head = self.head(tails.extend(head))
        return head, last_frames(x, head.shape[-1])


class WaveNetNetwork(CausalNetwork):
    """Layer arrays in a chain; each gets the sum of the one before, and its head goes on from that one's head.

    Its parameters are in the order of the ``weights`` of a ``.nam`` file.
    """

    def __init__(self, shape: WaveNetShape) -> None:
        super().__init__()
        self.shape = shape
        self.arrays = nn.ModuleList(LayerArray(each) for each in shape.arrays)

    def forward(self, x: Tensor, state: State | None) -> tuple[Tensor, State]:
        """As :meth:`CausalNetwork.forward`, by a kernel where there is one."""
        kernel = find_kernel(self.shape) if state is None else None
        if kernel is not None and kernel.takes(x):
            return kernel.play(x, list(self.parameters()))
        return super().forward(x, state)

    def layer_arrays(self) -> list[LayerArray]:
        """The arrays, first to last."""
        return [array for array in self.arrays if isinstance(array, LayerArray)]

    @property
    def convolutions(self) -> list[CausalConv]:
        """Those of the layers, then the head's, array by array."""
        return [
            conv
            for array in self.layer_arrays()
            for conv in (*(layer.conv for layer in array.wavenet_layers()), array.head)
        ]

    def play(self, x: Tensor, tails: Tails) -> Tensor:
        """As :meth:`CausalNetwork.play`."""
        condition, head = x, None
        for array in self.layer_arrays():
            head, x = array.play(x, condition, head, tails, is_last=array is self.arrays[-1])
        assert head is not None
        return head[:, 0] * self.shape.head_scale

    def louder(self, gain: float) -> WaveNetNetwork:
        """The same network with its output multiplied."""
        scaled = WaveNetNetwork(replace(self.shape, head_scale=self.shape.head_scale * gain))
        scaled.load_state_dict(self.state_dict())
        return scaled
