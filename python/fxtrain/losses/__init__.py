# SPDX-License-Identifier: MIT
"""What training minimises, in torch. The figures of the report are computed in :mod:`fxtrain.report`."""

from fxtrain.losses._loss import Loss, LossConfig
from fxtrain.losses.perceptual import pre_emphasis_filter
from fxtrain.losses.time import dc_to_signal_ratio, error_to_signal_ratio, mean_squared_error

__all__ = [
    "Loss",
    "LossConfig",
    "dc_to_signal_ratio",
    "error_to_signal_ratio",
    "mean_squared_error",
    "pre_emphasis_filter",
]
