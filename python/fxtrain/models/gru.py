# SPDX-License-Identifier: MIT
"""Residual GRU on the waveform."""

from __future__ import annotations

from fxtrain.models._residual import ResidualRecurrent

__all__ = ["GRU"]


class GRU(ResidualRecurrent):
    """Gated recurrent unit with a residual output: three quarters of the LSTM's work per unit.

    See :class:`ResidualRecurrent`.
    """

    name = "gru"
    summary = "residual GRU on the waveform: a little lighter than an LSTM of the same size"
    unit = "gru"
