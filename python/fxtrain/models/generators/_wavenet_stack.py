# SPDX-License-Identifier: MIT
"""The stack of a WaveNet: causal dilated convolutions with gates, residuals and skips.

::

    codes -> two-tap convolution -> [ gated layer, dilation 1 ] -> [ dilation 2 ] -> ... -> (not used further)
                                          |  h of this layer           |
                                          +----------- skips ----------+-> ReLU, 1x1, ReLU, 1x1 -> logits

    a layer:   z = tanh(Wf * x + Vf h) . sigmoid(Wg * x + Vg h);   next x = x + Wr z;   skip = Ws z

Source: van den Oord et al., "WaveNet: a generative model for raw audio", 2016, sections 2.1 to 2.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from fxtrain.models.generators._gated_stack_cpu import play_gated_stack

__all__ = ["GatedLayer", "WaveNetStack"]


class GatedLayer(nn.Module):
    """One layer; ``residual`` is None in the last one, whose sum nobody reads."""

    def __init__(
        self, channels: int, dilation: int, *, class_size: int, condition_channels: int, is_last: bool
    ) -> None:
        super().__init__()
        self.channels, self.dilation = channels, dilation
        self.taps = nn.Conv1d(channels, 2 * channels, 2, dilation=dilation)
        self.of_class = nn.Linear(class_size, 2 * channels, bias=False) if class_size else None
        self.of_condition = nn.Conv1d(condition_channels, 2 * channels, 1, bias=False) if condition_channels else None
        self.residual = None if is_last else nn.Conv1d(channels, channels, 1)

    def gates(self, taps: Tensor, of_class: Tensor | None, condition: Tensor | None) -> Tensor:
        """The gated units.

        Args:
            taps: the convolution's output, shape ``(batch, 2 * channels, frames)``.
            of_class: shape ``(batch, class_size)``.
            condition: shape ``(batch, condition_channels, frames)``.
        """
        if self.of_class is not None and of_class is not None:
            taps = taps + self.of_class(of_class)[..., None]
        if self.of_condition is not None and condition is not None:
            taps = taps + self.of_condition(condition)
        return torch.tanh(taps[:, : self.channels]) * torch.sigmoid(taps[:, self.channels :])

    def forward(self, x: Tensor, of_class: Tensor | None, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        """The gated units and the next layer's input, ``dilation`` frames fewer than ``x``."""
        z = self.gates(self.taps(x), of_class, None if condition is None else condition[..., self.dilation :])
        rest = x[..., self.dilation :]
        return z, rest if self.residual is None else rest + self.residual(z)


class WaveNetStack(nn.Module):
    """From codes to the sum of the skips, and from there to logits.

    Args:
        num_codes: classes of a sample.
        channels: of the residual path.
        skip_channels: of the sum.
        dilations: of the layers.
        num_classes: of sounds, such as speakers; 0 without.
        class_size: of the vector that stands for one.
        condition_channels: of the local condition; 0 without.
    """

    def __init__(
        self,
        *,
        num_codes: int,
        channels: int,
        skip_channels: int,
        dilations: Sequence[int],
        num_classes: int,
        class_size: int,
        condition_channels: int,
    ) -> None:
        super().__init__()
        self.channels = channels
        self.receptive_field = 2 + sum(dilations)
        self.codes = nn.Embedding(num_codes, 2 * channels)  # the older tap, then the newer one
        self.classes = nn.Embedding(num_classes, class_size) if num_classes else None
        self.layers = nn.ModuleList(
            GatedLayer(
                channels,
                dilation,
                class_size=class_size if num_classes else 0,
                condition_channels=condition_channels,
                is_last=index + 1 == len(dilations),
            )
            for index, dilation in enumerate(dilations)
        )
        self.skips = nn.Conv1d(len(dilations) * channels, skip_channels, 1)  # of all layers side by side
        self.hidden = nn.Conv1d(skip_channels, skip_channels, 1)
        self.logits = nn.Conv1d(skip_channels, num_codes, 1)
        with torch.no_grad():  # codes are amplitudes in order: begin with a line through them
            line = torch.linspace(-1.0, 1.0, num_codes)[:, None] * torch.randn(1, 2 * channels)
            self.codes.weight.mul_(0.1).add_(line)

    @property
    def gated(self) -> list[GatedLayer]:
        """The layers, in order."""
        return [cast(GatedLayer, layer) for layer in self.layers]

    def sum_of_skips(self, codes: Tensor, labels: Tensor | None = None, condition: Tensor | None = None) -> Tensor:
        """What the layers add up to, after the ReLU.

        Args:
            codes: shape ``(batch, receptive_field - 1 + frames)``; the first ones are the past of the first frame.
            labels: class of each sound, shape ``(batch,)``.
            condition: of the sample behind each code, shape ``(batch, condition_channels, codes)``.

        Returns:
            Shape ``(batch, skip_channels, frames)``.
        """
        taps = self.codes(codes).transpose(1, 2)  # (batch, 2 * channels, codes)
        x = taps[:, : self.channels, :-1] + taps[:, self.channels :, 1:]
        of_class = self.classes(labels) if self.classes is not None and labels is not None else None
        condition = None if condition is None else condition[..., 1:]
        sums = play_gated_stack(self, x, of_class, condition)
        return functional.relu(self.play_layers(x, of_class, condition) if sums is None else sums)

    def play_layers(self, x: Tensor, of_class: Tensor | None, condition: Tensor | None) -> Tensor:
        """The sum of the skips by PyTorch's own layers; see :func:`play_gated_stack`, which does the same."""
        frames = x.shape[-1] - self.receptive_field + 2
        heard = []
        for layer in self.gated:
            here = None if condition is None else condition[..., -x.shape[-1] :]
            z, x = layer(x, of_class, here)
            heard.append(z[..., -frames:])
        sums: Tensor = self.skips(torch.cat(heard, 1))
        return sums

    def read(self, skips: Tensor) -> Tensor:
        """Logits of the next code from the sum of the skips, shape ``(batch, num_codes, frames)``."""
        logits: Tensor = self.logits(functional.relu(self.hidden(skips)))
        return logits

    def forward(self, codes: Tensor, labels: Tensor | None = None, condition: Tensor | None = None) -> Tensor:
        """Logits of the code behind each of the last ``frames`` codes; see :meth:`sum_of_skips`."""
        return self.read(self.sum_of_skips(codes, labels, condition))
