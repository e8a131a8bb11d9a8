# SPDX-License-Identifier: MIT
"""Recurrent layers and WaveNets with their backward pass, for training on the CPU.

All arrays are float32 and C-contiguous. Sizes: ``batch`` sequences of ``frames`` frames of ``inputs`` values, with
``hidden`` units; ``rows`` is 4 hidden (LSTM: gates i, f, g, o) or 3 hidden (GRU: r, z, n), as in PyTorch. A missing
state is zeros.

With ``output_weight`` (hidden,) and ``output_bias`` (1,) the output is ``<h, w> + b``, shape (batch, frames); without
them it is h itself, shape (batch, frames, hidden). The same arguments give the same bits, whatever the number of
threads. Shapes that do not fit raise ValueError, another type or layout TypeError.
"""

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[np.float32]

class Tape:
    """What a forward pass leaves for its backward pass, which may run any number of times."""

    @property
    def num_bytes(self) -> int: ...
    def backward(
        self,
        output_gradient: _Array | None,
        hidden_gradient: _Array | None,
        cell_gradient: _Array | None,
        *,
        input_gradient: bool,
        threads: int,
    ) -> dict[str, _Array]:
        """Gradients by the names of the forward pass's arguments; ``input`` only if asked for."""

def lstm(
    input: _Array,
    hidden: _Array | None,
    cell: _Array | None,
    input_weight: _Array,
    recurrent_weight: _Array,
    bias: _Array,
    output_weight: _Array | None,
    output_bias: _Array | None,
    *,
    keep_tape: bool,
    threads: int,
) -> tuple[_Array, _Array, _Array, Tape | None]:
    """Return output, final hidden and cell state and, if asked for, the tape. ``bias`` is the sum of PyTorch's two."""

def gru(
    input: _Array,
    hidden: _Array | None,
    input_weight: _Array,
    recurrent_weight: _Array,
    bias: _Array,
    recurrent_bias: _Array,
    output_weight: _Array | None,
    output_bias: _Array | None,
    *,
    keep_tape: bool,
    threads: int,
) -> tuple[_Array, _Array, Tape | None]:
    """Return output, final hidden state and, if asked for, the tape. ``recurrent_bias`` is PyTorch's ``bias_hh``."""

class WaveNetTape:
    """What a forward pass leaves for its backward pass, which may run any number of times."""

    def tails(self) -> list[_Array]:
        """The last frames of what each convolution sees, as many as it looks back: shape (channels, batch, reach).

        Of each layer array those of its layers come first, then the head's.
        """
    def backward(self, output_gradient: _Array, *, threads: int) -> _Array:
        """Gradients of the parameters, from the output's, shape (batch, frames - receptive_field + 1)."""

class WaveNet:
    """The sizes of a WaveNet of one input and one output, without gates and modulation.

    ``arrays`` lists for each layer array its inputs, channels, head outputs, head kernel size, whether the head has a
    bias, and its layers: kernel size, dilation, whether the activation is tanh, else its slope below zero.
    """

    def __init__(
        self,
        arrays: list[tuple[int, int, int, int, bool, list[tuple[int, int, bool, float]]]],
        *,
        head_scale: float,
    ) -> None: ...
    @property
    def receptive_field(self) -> int: ...
    @property
    def num_parameters(self) -> int: ...
    def run(self, parameters: _Array, input: _Array, *, threads: int) -> tuple[_Array, WaveNetTape]:
        """Play sequences that begin with their past, shape (batch, frames).

        ``parameters`` has those of the modules in their order, one after the other. The output has
        ``receptive_field - 1`` frames less than the input.
        """

class GatedStackTape:
    """What a forward pass leaves for its backward pass, which may run any number of times."""

    def backward(
        self, output_gradient: _Array, *, threads: int, of_condition: bool
    ) -> tuple[_Array, _Array | None, _Array | None, _Array]:
        """Gradients of x, condition, biases and parameters, from the output's, shape (batch, skips, frames - past)."""

class GatedStack:
    """The sizes of a generative WaveNet's gated layers: see ``gated_stack.h`` for the order of ``parameters``."""

    def __init__(self, *, channels: int, skips: int, condition: int, dilations: list[int]) -> None: ...
    @property
    def num_parameters(self) -> int: ...
    def run(
        self, parameters: _Array, x: _Array, condition: _Array | None, biases: _Array | None, *, threads: int
    ) -> tuple[_Array, GatedStackTape]:
        """Play x (batch, channels, frames) to the sums of skips, (batch, skips, frames - sum of dilations).

        ``condition`` has shape (batch, condition, frames), ``biases`` (batch, layers, 2 * channels).
        """

class WaveGenerator:
    """A generative WaveNet and its queues: see ``wave_generator.h`` for the order of ``parameters``.

    ``codes`` is the number of classes of a sample, ``condition`` that of the channels of a local condition, 0 without.
    """

    def __init__(
        self,
        *,
        codes: int,
        channels: int,
        skips: int,
        condition: int,
        dilations: list[int],
        parameters: _Array,
    ) -> None: ...
    def reset(self) -> None:
        """Empty the queues."""
    def hear(self, codes: NDArray[np.int32], condition: _Array | None) -> _Array:
        """Hear codes, shape (samples,), and return the logits of the code behind each, shape (samples, codes).

        ``condition`` has shape (samples, condition), each row that of the sample behind the code.
        """
    def generate(
        self, uniforms: NDArray[np.float64], condition: _Array | None, *, temperature: float
    ) -> NDArray[np.int32]:
        """Draw a code for each of ``uniforms`` (samples,) from 0 to 1, and hear it, beginning with the last logits."""

def isa() -> str:
    """Name of the instruction set in use: the widest this machine has, or what FXENGINE_ISA says."""

def available_isas() -> list[str]:
    """Names of the instruction sets that this build has and this machine runs, the widest last."""
