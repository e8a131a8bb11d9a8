# SPDX-License-Identifier: MIT
"""Stands in for the package sounddevice: one audio interface whose clock waits for whoever plays.

A program finds it in place of the real one if this folder comes first on PYTHONPATH (:mod:`patient_interface`). The
interface calls the same C++ callback block by block, so nothing is ever late, however busy the machine is; it loses a
block only if asked to. Block n + 1 of the input is what a device between output 1 and input 1 makes of block n of the
output, or else the input is a recording.
"""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from patient_interface import PERIOD, RATE, Settings, make_device
from stream_callback import COMPLETE, INPUT_OVERFLOW, call_back

SETTINGS = Settings(**json.loads(os.environ["FXTRAIN_TEST_INTERFACE"]))


class PortAudioError(Exception):
    """Message and code, as sounddevice raises it."""


class _ffi:
    @staticmethod
    def cast(kind: str, address: int) -> int:
        return address


def _exit_handler() -> None:
    """Ends PortAudio."""


def query_hostapis() -> list[dict[str, Any]]:
    return [{"name": "Stand-in", "default_input_device": 0, "default_output_device": 0}]


def query_devices() -> list[dict[str, Any]]:
    latency = PERIOD / RATE
    return [
        {
            "name": "Box",
            "hostapi": 0,
            "max_input_channels": 2,
            "max_output_channels": 2,
            "default_samplerate": float(RATE),
            "default_low_input_latency": latency,
            "default_low_output_latency": 2 * latency,
        }
    ]


def check_input_settings(device: int, channels: int, dtype: str, samplerate: float) -> None:
    if samplerate != RATE:
        raise PortAudioError("Invalid sample rate", -9997)


check_output_settings = check_input_settings


class _StreamBase:
    """A duplex stream of float32, interleaved."""

    latency = (PERIOD / RATE, 2 * PERIOD / RATE)

    def __init__(self, *, channels: tuple[int, int], callback: int, userdata: int, **others: Any) -> None:
        self.callback, self.user_data = callback, userdata  # what call_back() asks for
        self._num_inputs, self._num_outputs = channels
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def active(self) -> bool:
        return self._thread.is_alive()

    def close(self, ignore_errors: bool = True) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        device = make_device(SETTINGS)
        script = None if SETTINGS.input is None else np.load(SETTINGS.input)
        outputs, returned, at = [], np.zeros(PERIOD, np.float32), 0
        while not self._ended.is_set():
            input = np.zeros((PERIOD, self._num_inputs), np.float32)
            if script is not None:
                returned = script[np.arange(at, at + PERIOD) % len(script)] if SETTINGS.repeat else script[at:][:PERIOD]
            input[: len(returned), 0] = returned
            lost = SETTINGS.loses_at is not None and at <= SETTINGS.loses_at < at + PERIOD
            if lost and SETTINGS.once is not None:  # in the first stream alone
                lost = not Path(SETTINGS.once).exists()
                Path(SETTINGS.once).touch()
            output, result = call_back(self, input, self._num_outputs, PERIOD, INPUT_OVERFLOW if lost else 0)
            at += PERIOD
            if SETTINGS.output is not None:
                outputs.append(output)
            if result == COMPLETE:
                break
            if device is not None:
                returned = device(np.zeros(PERIOD, np.float32) if lost else output[:, 0].copy())
            if SETTINGS.pace:
                time.sleep(PERIOD / RATE)
        if SETTINGS.output is not None:
            np.save(SETTINGS.output, np.concatenate(outputs))
