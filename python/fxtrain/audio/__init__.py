# SPDX-License-Identifier: MIT
"""Recordings: files, resampling, alignment."""

from fxtrain.audio.alignment import LAG_GUARD, Alignment, LagJump, apply_lag, estimate_alignment
from fxtrain.audio.files import Audio, AudioReader, AudioWriter, read_audio, write_audio
from fxtrain.audio.resampling import resample

__all__ = [
    "LAG_GUARD",
    "Alignment",
    "Audio",
    "AudioReader",
    "AudioWriter",
    "LagJump",
    "apply_lag",
    "estimate_alignment",
    "read_audio",
    "resample",
    "write_audio",
]
