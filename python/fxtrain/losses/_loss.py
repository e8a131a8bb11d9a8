# SPDX-License-Identifier: MIT
"""The weighted sum that a supervised model minimises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from fxtrain.config import configuration
from fxtrain.errors import ConfigError
from fxtrain.losses.perceptual import PreEmphasis, pre_emphasis_filter
from fxtrain.losses.spectral import MultiResolutionStft
from fxtrain.losses.time import dc_to_signal_ratio, error_to_signal_ratio, mean_squared_error

__all__ = ["Loss", "LossConfig"]

Weight = Annotated[float, Field(ge=0, le=1e6)]


@configuration
class LossConfig:
    """Weights of the parts of the loss.

    Attributes:
        esr: error-to-signal ratio of the plain signals: what ``evaluate`` reports.
        emphasised: the same after ``pre_emphasis``.
        pre_emphasis: ``none``, ``first-order`` or ``a-weighting``.
        mse: mean squared error; its size depends on the level of the recording, but for models that are trained at a
            level of their own.
        dc: energy of the error's mean.
        spectral: multi-resolution STFT distance within each chunk, with FFTs of 2048 frames at most; the weights of
            recordings do not count in it.
    """

    esr: Weight = 1.0
    emphasised: Weight = 0.0
    pre_emphasis: PreEmphasis = "none"
    mse: Weight = 0.0
    dc: Weight = 0.0
    spectral: Weight = 0.0


class Loss(nn.Module):
    """ESR, pre-emphasised ESR, MSE, DC and multi-resolution STFT, weighted by a :class:`LossConfig`."""

    taps: Tensor | None

    def __init__(self, config: LossConfig, sample_rate: int) -> None:
        super().__init__()
        if config.emphasised and config.pre_emphasis == "none":
            raise ConfigError("loss.emphasised needs loss.pre_emphasis to be first-order or a-weighting")
        if not (config.esr or config.emphasised or config.mse or config.dc or config.spectral):
            raise ConfigError(
                "all weights of the loss are 0, so there is nothing to minimise; set loss.esr, loss.emphasised, "
                "loss.mse, loss.dc or loss.spectral above 0"
            )
        self.config = config
        self.register_buffer("taps", pre_emphasis_filter(config.pre_emphasis, sample_rate), persistent=False)
        self.stft = MultiResolutionStft() if config.spectral else None

    def forward(
        self,
        prediction: Tensor,
        target: Tensor,
        *,
        weight: Tensor | None = None,
        mean: Callable[[Tensor], Tensor] = lambda value: value,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss and its parts, for signals of shape ``(batch, frames)`` and weights of shape ``(batch,)``.

        ``mean`` is that of :func:`fxtrain.losses.time.error_to_signal_ratio`. The mean of the losses of a batch's parts
        is then that of the batch, but for the spectral distance.
        """
        config = self.config
        parts = {"esr": error_to_signal_ratio(prediction, target, weight=weight, mean=mean)}
        total = config.esr * parts["esr"]
        if config.emphasised:
            parts["emphasised"] = error_to_signal_ratio(
                self._filter(prediction), self._filter(target), weight=weight, mean=mean
            )
            total = total + config.emphasised * parts["emphasised"]
        if config.mse:
            parts["mse"] = mean_squared_error(prediction, target, weight=weight)
            total = total + config.mse * parts["mse"]
        if config.dc:
            parts["dc"] = dc_to_signal_ratio(prediction, target, weight=weight, mean=mean)
            total = total + config.dc * parts["dc"]
        if self.stft is not None:
            parts["spectral"] = self.stft(prediction, target)
            total = total + config.spectral * parts["spectral"]
        return total, {name: part.detach() for name, part in parts.items()}

    def _filter(self, signal: Tensor) -> Tensor:
        if self.taps is None:
            return signal
        num_taps = len(self.taps)
        if signal.shape[-1] < 2 * num_taps:  # a short chunk, of which the full overlap would leave little or nothing
            signal = functional.pad(signal, (num_taps - 1, 0))
        filtered: Tensor = functional.conv1d(signal.unsqueeze(1), self.taps.to(signal.dtype).view(1, 1, -1))
        return torch.squeeze(filtered, 1)
