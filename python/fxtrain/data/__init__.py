# SPDX-License-Identifier: MIT
"""Recordings and their parts, without torch; what feeds a model is in :mod:`fxtrain.data.pairs`."""

from fxtrain.data.excerpt import Excerpt
from fxtrain.data.split import SplitConfig, split_in_time

__all__ = ["Excerpt", "SplitConfig", "split_in_time"]
