# SPDX-License-Identifier: MIT
"""Providers: what each kind of model is fed."""

from fxtrain.data.pairs import Excerpt, PairBatch, PairedAudio, PairedAudioConfig
from fxtrain.data.split import SplitConfig, split_in_time

__all__ = ["Excerpt", "PairBatch", "PairedAudio", "PairedAudioConfig", "SplitConfig", "split_in_time"]
