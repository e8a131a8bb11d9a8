# SPDX-License-Identifier: MIT
"""Recordings: files, resampling, alignment, checks."""

from fxtrain.audio.alignment import LAG_GUARD, Alignment, LagJump, apply_lag, estimate_alignment
from fxtrain.audio.channels import ChannelChoice, read_pair
from fxtrain.audio.checks import CHECKS, DataReport, Verdict, check_pair
from fxtrain.audio.files import (
    HIGHEST_SAMPLE_RATE,
    LOWEST_SAMPLE_RATE,
    Audio,
    AudioReader,
    AudioWriter,
    read_audio,
    write_audio,
)
from fxtrain.audio.resampling import resample

__all__ = [
    "CHECKS",
    "HIGHEST_SAMPLE_RATE",
    "LAG_GUARD",
    "LOWEST_SAMPLE_RATE",
    "Alignment",
    "Audio",
    "AudioReader",
    "AudioWriter",
    "ChannelChoice",
    "DataReport",
    "LagJump",
    "Verdict",
    "apply_lag",
    "check_pair",
    "estimate_alignment",
    "read_audio",
    "read_pair",
    "resample",
    "write_audio",
]
