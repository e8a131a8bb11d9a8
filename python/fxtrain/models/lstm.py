# SPDX-License-Identifier: MIT
"""Residual LSTM on the waveform."""

from __future__ import annotations

from fxtrain.models._residual import ResidualRecurrent

__all__ = ["LSTM"]


class LSTM(ResidualRecurrent):
    """Long short-term memory with a residual output; see :class:`ResidualRecurrent`."""

    name = "lstm"
    summary = "residual LSTM on the waveform: the default for amplifiers and pedals"
    unit = "lstm"
