# SPDX-License-Identifier: MIT
"""WaveNets in the shapes of Neural Amp Modeler (NAM)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import Field

from fxtrain.config import configuration
from fxtrain.errors import ConfigError
from fxtrain.losses import Loss, LossConfig
from fxtrain.models.effects._convolutional import ConvolutionalEffect, require_affordable
from fxtrain.models.effects._wavenet_network import Activation, ArrayShape, LayerShape, WaveNetNetwork, WaveNetShape

__all__ = ["WaveNet", "WaveNetConfig"]

Channels: TypeAlias = Annotated[int, Field(ge=1, le=64)]
KernelSize: TypeAlias = Annotated[int, Field(ge=1, le=64)]
Dilation: TypeAlias = Annotated[int, Field(ge=1, le=65536)]


@configuration
class WaveNetConfig:
    """Size of a WaveNet. What is left out is as the shape has it.

    Attributes:
        shape: one of NAM's: ``standard``, ``lite``, ``feather`` and ``nano`` (A1: two layer arrays), or ``a2``: two
            networks of one layer array, trained together and written to one file, from which players choose.
        channels: of each layer array; with ``a2``, of each network, in ascending order.
        kernel_size: taps of all dilated convolutions.
        dilations: of the layers of each layer array; with ``a2``, one list for all networks.
        activation: of all layers.
        gated: whether each activation is multiplied by a sigmoid of its own convolution.
        head_kernel_size: taps of the convolution that reads the output off the layers.
        head_scale: factor on the output, which makes up for the sum over many layers.
    """

    shape: Literal["standard", "lite", "feather", "nano", "a2"] = "standard"
    channels: Annotated[tuple[Channels, ...], Field(strict=False, min_length=1, max_length=8)] | None = None
    kernel_size: KernelSize | None = None
    dilations: (
        Annotated[
            tuple[Annotated[tuple[Dilation, ...], Field(strict=False, min_length=1, max_length=64)], ...],
            Field(strict=False, min_length=1, max_length=8),
        ]
        | None
    ) = None
    activation: Activation | None = None
    gated: bool = False
    head_kernel_size: KernelSize | None = None
    head_scale: Annotated[float, Field(gt=0, le=1)] | None = None

    def __post_init__(self) -> None:
        for network in _shapes(self):
            require_affordable(
                (array.channels, (each.kernel_size - 1) * each.dilation)
                for array in network.arrays
                for each in array.layers
            )


_OCTAVES = tuple(2**k for k in range(10))
_A1: dict[str, tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]] = {
    "standard": ((16, 8), (_OCTAVES, _OCTAVES)),
    "lite": ((12, 6), (_OCTAVES[:7], (*_OCTAVES[7:], *_OCTAVES))),
    "feather": ((8, 4), (_OCTAVES[:7], (*_OCTAVES[7:], *_OCTAVES))),
    "nano": ((4, 2), (_OCTAVES[:7], (*_OCTAVES[7:], *_OCTAVES))),
}
"""Channels and dilations of NAM's first architecture; each layer array is twice as wide as the next one."""
_A2_PERIOD = (1, 3, 7, 17, 41, 101, 239)
_A2_DILATIONS = (*_A2_PERIOD, *_A2_PERIOD, 1, 13, *_A2_PERIOD)
_A2_KERNEL_SIZES = (6,) * 14 + (15, 15) + (6,) * 7
_A2_CHANNELS = (3, 8)


def _shapes(config: WaveNetConfig) -> list[WaveNetShape]:
    """The networks of a configuration.

    Raises:
        ConfigError: lists do not fit one another.
    """
    if config.shape == "a2":
        return _a2_shapes(config)
    known_channels, known_dilations = _A1[config.shape]
    channels, dilations = config.channels or known_channels, config.dilations or known_dilations
    if len(channels) != len(dilations):
        raise ConfigError(
            f"model.channels lists {len(channels)} layer arrays and model.dilations {len(dilations)}; expected "
            "the same number: give both"
        )
    return [_network(config, channels, dilations, [(config.kernel_size or 3,) * len(each) for each in dilations])]


def _a2_shapes(config: WaveNetConfig) -> list[WaveNetShape]:
    channels = config.channels or _A2_CHANNELS
    if any(second <= first for first, second in pairwise(channels)):
        raise ConfigError(f"model.channels is {list(channels)}, but the networks of a2 must grow from one to the next")
    dilations = config.dilations or (_A2_DILATIONS,)
    if len(dilations) != 1:
        raise ConfigError(f"model.dilations lists {len(dilations)} layer arrays, but the networks of a2 have one")
    if config.dilations and not config.kernel_size:
        raise ConfigError(
            "model.dilations of a2 needs model.kernel_size too: its own kernel sizes are those of its layers"
        )
    kernel_sizes = (config.kernel_size,) * len(dilations[0]) if config.kernel_size else _A2_KERNEL_SIZES
    return [_network(config, (each,), dilations, [kernel_sizes]) for each in channels]


def _network(
    config: WaveNetConfig,
    channels: Sequence[int],
    dilations: Sequence[Sequence[int]],
    kernel_sizes: Sequence[Sequence[int]],
) -> WaveNetShape:
    is_a2 = config.shape == "a2"
    activation: Activation = config.activation or ("leaky-relu" if is_a2 else "tanh")
    arrays = []
    for index, (width, sizes, spread) in enumerate(zip(channels, kernel_sizes, dilations, strict=True)):
        is_last = index == len(channels) - 1
        layers = tuple(
            LayerShape(kernel_size=size, dilation=dilation, activation=activation)
            for size, dilation in zip(sizes, spread, strict=True)
        )
        arrays.append(
            ArrayShape(
                input_size=channels[index - 1] if index else 1,
                channels=width,
                layers=layers,
                head_size=1 if is_last else channels[index + 1],
                head_kernel_size=(config.head_kernel_size or (16 if is_a2 else 1)) if is_last else 1,
                head_bias=is_last,
                gated=config.gated,
            )
        )
    return WaveNetShape(arrays=tuple(arrays), head_scale=config.head_scale or (0.01 if is_a2 else 0.02))


class WaveNet(ConvolutionalEffect):
    """Dilated convolutions with residual sums, the architecture of NAM::

        x -> 1x1 -> (+) -> layer 1 -> (+) -> layer 2 -> ...        each layer: conv, plus the audio, activation
                           a1 |              a2 |
                              +-------(+)-------+-> head -> y

    The weights start as torch's convolutions do.

    Sources: van den Oord et al., "WaveNet: a generative model for raw audio", 2016; Wright, Damskägg, Juvela and
    Välimäki, "Real-time guitar amplifier emulation with deep learning", 2020; NAM's trainer for the sizes.
    """

    name = "wavenet"
    summary = "WaveNet in the shapes of Neural Amp Modeler: for players of .nam"
    Config = WaveNetConfig

    config: WaveNetConfig

    def __init__(
        self,
        config: WaveNetConfig | None = None,
        loss_function: Loss | None = None,
        sample_rate: int = 48000,
        *,
        networks: Sequence[WaveNetNetwork] = (),
        **settings: Any,
    ) -> None:
        config, loss_function = self.complete(config, loss_function, sample_rate, settings)
        made = networks or [WaveNetNetwork(shape) for shape in _shapes(config)]
        super().__init__(config, loss_function, sample_rate, made)

    @classmethod
    def of_networks(cls, networks: Sequence[WaveNetNetwork], *, sample_rate: int) -> Self:
        """A model of the networks of a file, whatever their shape, in evaluation mode; they are not trained further."""
        return cls(WaveNetConfig(), Loss(LossConfig(), sample_rate), sample_rate, networks=networks).eval()

    @classmethod
    def receptive_field_of(cls, config: WaveNetConfig) -> int:
        """The longest of the networks' receptive fields."""
        return max(_receptive_field(shape) for shape in _shapes(config))

    def to_wavenets(self) -> list[WaveNetNetwork]:
        """What a ``.nam`` file holds, at the level of the recording."""
        gain = float(self.output_gain)
        return [network.louder(gain) for network in self.networks if isinstance(network, WaveNetNetwork)]


def _receptive_field(shape: WaveNetShape) -> int:
    return 1 + sum(
        array.head_kernel_size - 1 + sum((each.kernel_size - 1) * each.dilation for each in array.layers)
        for array in shape.arrays
    )
