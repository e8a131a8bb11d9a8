# SPDX-License-Identifier: MIT
"""Networks of causal convolutions in chunks with carried state."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fxtrain.models.effects._effect import State

__all__ = ["CausalConv", "CausalNetwork", "Tails", "last_frames"]


class CausalConv(nn.Conv1d):
    """A dilated convolution over time that returns fewer frames than it is given: those before them are its past."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int = 1, *, dilation: int = 1, bias: bool = True
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, dilation=dilation, bias=bias)

    @property
    def past_frames(self) -> int:
        """How many fewer."""
        return int((self.kernel_size[0] - 1) * self.dilation[0])


class CausalNetwork(nn.Module):
    """One input, one output, and convolutions between them.

    It plays in one of two ways. With a state, each convolution is given the tail of its input so far, and the output is
    as long as the input. Without one, the input begins with its own past, ``receptive_field - 1`` frames, and the
    output is shorter by these; gradients reach all of it::

        state   tail | input      no state   past | input
                 \\    |  |                    \\    |  |
                  ----+ output                 ---+ output

    A subclass lists its convolutions in the order in which ``play`` takes their inputs.
    """

    @property
    def convolutions(self) -> Sequence[CausalConv]:
        """Those that look back, in the order in which they play."""
        raise NotImplementedError

    def play(self, x: Tensor, tails: Tails) -> Tensor:
        """The output; ``tails.extend`` puts the past before the input of each of the convolutions.

        Args:
            x: shape ``(batch, 1, frames)``.
            tails: of the state.

        Returns:
            Shape ``(batch, frames)``, or ``(batch, frames - receptive_field + 1)`` without a state.
        """
        raise NotImplementedError

    @property
    def receptive_field(self) -> int:
        """Frames that an output frame depends on."""
        return 1 + sum(each.past_frames for each in self.convolutions)

    def silent_state(self, like: Tensor) -> State:
        """Zeros before the first frame of each row of ``like``; ``(channels, batch, frames)`` for each convolution."""
        return tuple(like.new_zeros(each.in_channels, len(like), each.past_frames) for each in self.convolutions)

    def forward(self, x: Tensor, state: State | None) -> tuple[Tensor, State]:
        """The output for ``x`` of shape ``(batch, frames)``, and the state after its last frame."""
        tails = Tails(self.convolutions, state)
        y = self.play(x.unsqueeze(1), tails)
        return y, tails.after


class Tails:
    """The tails of a state, one convolution after the other."""

    def __init__(self, convolutions: Sequence[CausalConv], state: State | None) -> None:
        self._lengths = iter([each.past_frames for each in convolutions])
        self._state = None if state is None else iter(state)
        self._after: list[Tensor] = []

    def extend(self, x: Tensor) -> Tensor:
        """The input of the next convolution with its past, shape ``(batch, channels, past + frames)``."""
        length = next(self._lengths)
        if self._state is not None:
            x = torch.cat([next(self._state).transpose(0, 1), x], dim=-1)
        self._after.append(x[..., x.shape[-1] - length :].transpose(0, 1))
        return x

    @property
    def after(self) -> State:
        """The state after what was played."""
        return tuple(self._after)


def last_frames(x: Tensor, frames: int) -> Tensor:
    """The end of a stretch."""
    return x[..., x.shape[-1] - frames :]
