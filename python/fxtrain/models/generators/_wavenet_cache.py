# SPDX-License-Identifier: MIT
"""A WaveNet one sample at a time, with a queue for each layer: the reference in torch.

A layer of dilation ``d`` needs its input of now and of ``d`` samples ago. A queue of that length holds what is in
between, so a sample costs one step of each layer, not a pass over the receptive field.

Source: Le Paine et al., "Fast WaveNet generation algorithm", 2016.
"""

from __future__ import annotations

from collections import deque

import torch
from torch import Tensor
from torch.nn import functional

from fxtrain.models.generators._wavenet_stack import WaveNetStack

__all__ = ["TorchCache"]


class TorchCache:
    """The state of one or several sounds while they are made.

    Until ``receptive_field`` codes have been heard, logits depend on the empty queues.

    Args:
        stack: the network.
        labels: class of each sound, shape ``(sounds,)``.
        num_sounds: made side by side.
    """

    def __init__(self, stack: WaveNetStack, labels: Tensor | None = None, *, num_sounds: int = 1) -> None:
        self.stack = stack
        empty = next(stack.parameters()).new_zeros(num_sounds, stack.channels, 1)
        self._newest = empty
        self._queues = [deque([empty] * layer.dilation, layer.dilation) for layer in stack.gated]
        self._of_class = stack.classes(labels) if stack.classes is not None and labels is not None else None

    @torch.no_grad()
    def logits(self, codes: Tensor, condition: Tensor | None = None) -> Tensor:
        """Hears one code of each sound and gives the logits of the next.

        Args:
            codes: shape ``(sounds,)``.
            condition: of the sample behind, shape ``(sounds, condition_channels)``.

        Returns:
            Shape ``(sounds, num_codes)``.
        """
        stack, channels = self.stack, self.stack.channels
        taps = stack.codes(codes)[..., None]
        x = self._newest + taps[:, channels:]
        self._newest = taps[:, :channels]
        here = None if condition is None else condition[..., None]
        heard = []
        for layer, queue in zip(stack.gated, self._queues, strict=True):
            old = queue[0]
            queue.append(x)
            weight = layer.taps.weight
            sums = functional.conv1d(torch.cat([old, x], 2), weight, layer.taps.bias)
            z = layer.gates(sums, self._of_class, here)
            heard.append(z)
            if layer.residual is not None:
                x = x + layer.residual(z)
        skips = functional.relu(stack.skips(torch.cat(heard, 1)))
        return stack.read(skips)[..., 0]
