# SPDX-License-Identifier: MIT
"""A temporal convolutional network: few layers of wide kernels, whose dilations grow fast."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn

from fxtrain.config import configuration
from fxtrain.losses import Loss
from fxtrain.models.effects._causal import CausalConv, CausalNetwork, Tails, last_frames
from fxtrain.models.effects._convolutional import ConvolutionalEffect, require_affordable
from fxtrain.models.effects._wavenet_network import ArrayShape, LayerShape, WaveNetNetwork, WaveNetShape

__all__ = ["TCN", "TCNConfig"]


@configuration
class TCNConfig:
    """Size of a temporal convolutional network.

    Attributes:
        channels: of each layer.
        kernel_size: taps of each convolution.
        num_layers: dilated convolutions.
        dilation_growth: each layer's dilation is so many times that of the layer before, the first one's is 1.
    """

    channels: Annotated[int, Field(ge=1, le=64)] = 16
    kernel_size: Annotated[int, Field(ge=1, le=64)] = 13
    num_layers: Annotated[int, Field(ge=1, le=63)] = 4
    dilation_growth: Annotated[int, Field(ge=1, le=64)] = 10

    def __post_init__(self) -> None:
        require_affordable((self.channels, (self.kernel_size - 1) * dilation) for dilation in dilations(self))


def dilations(config: TCNConfig) -> list[int]:
    """Of each layer.

    >>> dilations(TCNConfig())
    [1, 10, 100, 1000]
    """
    return [config.dilation_growth**index for index in range(config.num_layers)]


class TCNNetwork(CausalNetwork):
    """``x + PReLU(conv(x))`` layer by layer between two matrices. One slope below zero for each layer."""

    def __init__(self, config: TCNConfig) -> None:
        super().__init__()
        self.input = CausalConv(1, config.channels, bias=False)
        self.layers = nn.ModuleList(
            CausalConv(config.channels, config.channels, config.kernel_size, dilation=each)
            for each in dilations(config)
        )
        self.slopes = nn.Parameter(torch.full((config.num_layers,), 0.25))
        self.output = CausalConv(config.channels, 1)

    @property
    def convolutions(self) -> list[CausalConv]:
        """Those of the layers."""
        return [layer for layer in self.layers if isinstance(layer, CausalConv)]

    def play(self, x: Tensor, tails: Tails) -> Tensor:
        """As :meth:`CausalNetwork.play`."""
        x = self.input(x)
        for layer, slope in zip(self.layers, self.slopes, strict=True):
            x = tails.extend(x)
            a = nn.functional.prelu(layer(x), slope)
            x = last_frames(x, a.shape[-1]) + a
        y: Tensor = self.output(x)[:, 0]
        return y


class TCN(ConvolutionalEffect):
    """Layers of ``x + PReLU(conv(x))``, four of them with a receptive field of a quarter of a second.

    In the paper, a gain for each channel stands before the sum. Where it is positive, the next convolution's weights
    can take it over, as a PReLU commutes with a positive factor; so there is none.

    Source: Steinmetz and Reiss, "Efficient neural networks for real-time modeling of analog dynamic range compression",
    2022, without the conditioning on knobs and without batch normalisation.
    """

    name = "tcn"
    summary = "temporal convolutional network: few layers with PReLU that look back far, for players of .nam"
    Config = TCNConfig

    config: TCNConfig

    def __init__(
        self,
        config: TCNConfig | None = None,
        loss_function: Loss | None = None,
        sample_rate: int = 48000,
        **settings: Any,
    ) -> None:
        config, loss_function = self.complete(config, loss_function, sample_rate, settings)
        super().__init__(config, loss_function, sample_rate, [TCNNetwork(config)])

    @classmethod
    def receptive_field_of(cls, config: TCNConfig) -> int:
        """1 + sum of (kernel_size - 1) dilation."""
        return 1 + sum((config.kernel_size - 1) * dilation for dilation in dilations(config))

    def to_wavenets(self) -> list[WaveNetNetwork]:
        """The same function as a WaveNet of one layer array, at the level of the recording.

        Its head sums the activations, and so lacks the audio that the first matrix lets through to the output. A layer
        in front of the others adds it, with a slope of 1 on both sides: its activation is that matrix's output itself::

            rechannel 0, conv 0, mixin = input matrix      so x_1 = a_0 = input(audio)
            layer k: mixin 0, layer1x1 the identity         so x_k+1 = x_k + a_k,  head = a_0 + a_1 + ... = x_last
        """
        network = self.networks[0]
        assert isinstance(network, TCNNetwork)
        first = LayerShape(kernel_size=1, dilation=1, activation="leaky-relu", slope=1.0)
        others = [
            LayerShape(kernel_size=self.config.kernel_size, dilation=dilation, activation="leaky-relu", slope=slope)
            for dilation, slope in zip(dilations(self.config), network.slopes.tolist(), strict=True)
        ]
        array = ArrayShape(
            input_size=1,
            channels=self.config.channels,
            layers=(first, *others),
            head_size=1,
            head_bias=True,
        )
        made = WaveNetNetwork(WaveNetShape(arrays=(array,), head_scale=float(self.output_gain)))
        with torch.no_grad():
            for parameter in made.parameters():
                parameter.zero_()
            (stack,) = made.layer_arrays()
            layers = stack.wavenet_layers()
            layers[0].mixin.weight.copy_(network.input.weight)
            for layer in layers:
                nn.init.dirac_(layer.layer1x1.weight)
            for layer, conv in zip(layers[1:], network.convolutions, strict=True):
                layer.conv.load_state_dict(conv.state_dict())
            stack.head.load_state_dict(network.output.state_dict())
        return [made]
