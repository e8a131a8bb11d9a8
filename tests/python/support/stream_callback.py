# SPDX-License-Identifier: MIT
"""Calls the callbacks of _engine's streams as PortAudio does, without a device."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from typing import Any

import numpy as np

GO_ON, COMPLETE = 0, 1
INPUT_OVERFLOW, OUTPUT_UNDERFLOW = 2, 4


class StreamTime(ctypes.Structure):
    """PaStreamCallbackTimeInfo."""

    _fields_ = (("input_adc", ctypes.c_double), ("current", ctypes.c_double), ("output_dac", ctypes.c_double))


_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_ulong,
    ctypes.POINTER(StreamTime),
    ctypes.c_ulong,
    ctypes.c_void_p,
)


def call_back(
    stream: Any, input: np.ndarray | None, num_outputs: int, num_frames: int, flags: int = 0
) -> tuple[np.ndarray, int]:
    """One block: ``input`` of shape (frames, channels) or None. Returns the output of like shape, and the result."""
    output = np.full((num_frames, num_outputs), np.nan, np.float32)
    time = StreamTime(1.0, 1.001, 1.01)
    block = None if input is None else np.ascontiguousarray(input, np.float32)
    result = _CALLBACK(stream.callback)(
        None if block is None else block.ctypes.data,
        output.ctypes.data,
        num_frames,
        ctypes.byref(time),
        flags,
        stream.user_data,
    )
    return output, result


def play(stream: Any, input: np.ndarray, num_outputs: int, sizes: Iterable[int]) -> np.ndarray:
    """All of ``input``, shape (frames, channels), in blocks of the sizes given, over and over."""
    outputs = []
    at = 0
    sizes = list(sizes)
    while at < len(input):
        size = min(sizes[len(outputs) % len(sizes)], len(input) - at)
        outputs.append(call_back(stream, input[at : at + size], num_outputs, size)[0])
        at += size
    return np.concatenate(outputs)
