# SPDX-License-Identifier: MIT
"""An LSTM over the magnitudes of a short-time Fourier transform, with the phase of the input."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from fxtrain.audio.griffin_lim import griffin_lim
from fxtrain.config import configuration
from fxtrain.errors import ConfigError
from fxtrain.losses import Loss
from fxtrain.models.effects._effect import State
from fxtrain.models.effects._resting import RestingLSTM
from fxtrain.models.effects._stft import Stft, StftModel

__all__ = ["StftLstm", "StftLstmConfig"]

_LEAST_MAGNITUDE = 1e-3
"""Below this the phase is that of rounding errors."""


@configuration
class StftLstmConfig:
    """Size of the model.

    Attributes:
        n_fft: frames of a transform.
        hop: frames between two transforms. The model is late by three of these.
        hidden_size: units of the LSTM.
    """

    n_fft: Annotated[int, Field(ge=64, le=2046)] = 1024
    hop: Annotated[int, Field(ge=16, le=512)] = 128
    hidden_size: Annotated[int, Field(ge=1, le=256)] = 96

    def __post_init__(self) -> None:
        require_hop(self.n_fft, self.hop)


def require_hop(n_fft: int, hop: int) -> None:
    """Raises where the transform cannot be inverted hop by hop, or the engine has no fast one of that size."""
    if n_fft % 2 or 4 * hop > n_fft:
        raise ConfigError(
            f"n_fft is {n_fft} and hop {hop}; expected an even n_fft of at least four hops: set model.hop lower"
        )
    rest = n_fft
    for factor in (2, 3, 5):
        while rest % factor == 0:
            rest //= factor
    if rest != 1:
        raise ConfigError(
            f"n_fft is {n_fft}; expected a product of 2, 3 and 5, such as {2 ** (n_fft.bit_length() - 1)}"
        )


class StftLstm(StftModel):
    """Magnitudes in, an LSTM over the frames, and a residual on the magnitudes::

        Y[t] = max(1 + (W h[t] + b) / (|X[t]| + 0.001), 0) X[t]

    so that ``|Y| = |X| + W h + b``, but for frequencies in which there is nothing. The phase is that of the input,
    which distortion does not keep. So this model stays far from the waveform of the device; it is the baseline for
    others in this domain. Magnitudes are those of a sine of full scale at 1.
    """

    name = "stft-lstm"
    summary = "LSTM on STFT magnitudes with the phase of the input: a baseline"
    Config = StftLstmConfig

    config: StftLstmConfig

    def __init__(
        self,
        config: StftLstmConfig | None = None,
        loss_function: Loss | None = None,
        sample_rate: int = 48000,
        **settings: Any,
    ) -> None:
        config, loss_function = self.complete(config, loss_function, sample_rate, settings)
        super().__init__(config, loss_function, sample_rate)
        self.stft = Stft(config.n_fft, config.hop)
        self.recurrent = RestingLSTM(self.stft.num_bins, config.hidden_size)
        self.output = nn.Linear(config.hidden_size, self.stft.num_bins)

    def fresh_state(self, x: Tensor) -> State:
        """Past of the transform, hidden and cell state, overlap of the inverse."""
        zeros = x.new_zeros(1, len(x), self.config.hidden_size)
        return self.stft.empty_past(x), zeros, zeros, self.stft.empty_overlap(x)

    def state_layout(self) -> list[tuple[int, int]]:
        """As :meth:`StftModel.state_layout`."""
        return [(0, 1), (1, 1), (1, 1), (0, 1)]

    def play_hops(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """As :meth:`StftModel.play_hops`."""
        past, hidden, cell, overlap = state
        spectra, past = self.stft.analyse(x, past)
        answered, (hidden, cell) = self.answer(spectra, (hidden, cell))
        y, overlap = self.stft.synthesise(answered, overlap)
        return y, (past, hidden, cell, overlap)

    def answer(self, spectra: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Spectra with new magnitudes and the old phase."""
        scale = 2 / float(self.stft.analysis.sum())
        magnitude = spectra.abs() * scale
        hidden, state = self.recurrent(magnitude, state)
        return spectra * torch.relu(1 + self.output(hidden) / (magnitude + _LEAST_MAGNITUDE)), state

    def play_without_phase(self, x: NDArray[np.float32], *, iterations: int = 64) -> NDArray[np.float32]:
        """The answer from its magnitudes alone, with phases found by the method of Griffin and Lim; not in real time.

        Args:
            x: a recording, shape ``(frames,)``.
            iterations: of that method.

        Returns:
            The same length, aligned with the input. The sign of a passage may come out either way.
        """
        lead = self.stft.n_fft - self.stft.hop
        padded = torch.from_numpy(np.concatenate([x, np.zeros(lead + (-len(x)) % self.stft.hop, np.float32)]))[None]
        with torch.no_grad():
            past, hidden, cell, _ = self.fresh_state(padded)
            spectra, _ = self.stft.analyse(padded, past)
            answered, _ = self.answer(spectra, (hidden, cell))
        window = self.stft.analysis.double().cpu().numpy()
        y = griffin_lim(answered[0].abs().double().cpu().numpy(), window, self.stft.hop, iterations=iterations)
        return y[lead : lead + len(x)].astype(np.float32)
