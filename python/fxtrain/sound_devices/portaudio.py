# SPDX-License-Identifier: MIT
"""PortAudio through ``sounddevice``: which devices there are, and what it refuses, in a sentence."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from fxtrain.errors import DeviceError

__all__ = [
    "INVALID_CHANNELS",
    "INVALID_RATE",
    "UNAVAILABLE",
    "Device",
    "Way",
    "device_error",
    "error_code",
    "list_devices",
    "pair_name",
    "portaudio",
    "quiet",
]

Way = Literal["input", "output"]

# Codes of PortAudio (portaudio.h, PaErrorCode).
INVALID_RATE = -9997
INVALID_CHANNELS = -9998
UNAVAILABLE = -9985

# Names by which systems call what is built in, and what may turn out to be that.
_BUILT_IN = re.compile(
    r"built-?in|internal|macbook|imac|realtek|\bhda\b|\balc\d|\bsof-|microphone array|\bpch\b|\banalog\b"
    r"|^(default|pulse|pipewire|sysdefault)\b|sound mapper|primary sound",
    re.IGNORECASE,
)
_HEADPHONES = re.compile(r"head(phone|set)", re.IGNORECASE)


@dataclass(frozen=True)
class Device:
    """A sound device as PortAudio lists it; latencies are the lowest it claims, in seconds."""

    index: int
    name: str
    host_api: str
    num_inputs: int
    num_outputs: int
    default_rate: int
    input_latency: float
    output_latency: float
    is_default_input: bool
    is_default_output: bool

    def num_channels(self, way: Way) -> int:
        """How many it has that way."""
        return self.num_inputs if way == "input" else self.num_outputs

    @property
    def may_be_built_in(self) -> bool:
        """Whether it is a computer's own microphone or speakers, or something that may stand for them."""
        return bool(_BUILT_IN.search(self.name)) and not _HEADPHONES.search(self.name)

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON-able values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps off stderr what libraries below PortAudio write there while they look for devices."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nothing:  # noqa: PTH123 - a file descriptor is needed
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def portaudio() -> Any:
    """The module ``sounddevice``, with PortAudio behind it.

    Raises:
        DeviceError: PortAudio is not installed.
    """
    os.environ.setdefault("SD_ENABLE_ASIO", "1")  # the wheel for Windows has a PortAudio with it
    try:
        with quiet():
            import sounddevice
    except ImportError as error:
        raise DeviceError(
            f"Python's package sounddevice cannot be loaded ({error}): install it with pip install 'fxtrain[live]'."
        ) from error
    except OSError as error:
        raise DeviceError(
            "PortAudio, through which sound devices are reached, is not installed: on Debian or Ubuntu, sudo apt-get "
            "install libportaudio2; on Fedora, sudo dnf install portaudio."
        ) from error
    return sounddevice


def list_devices() -> list[Device]:
    """All devices of all host interfaces."""
    sounddevice = portaudio()
    host_apis = sounddevice.query_hostapis()
    devices = []
    for index, found in enumerate(sounddevice.query_devices()):
        host_api = host_apis[found["hostapi"]]
        devices.append(
            Device(
                index=index,
                name=found["name"],
                host_api=host_api["name"],
                num_inputs=found["max_input_channels"],
                num_outputs=found["max_output_channels"],
                default_rate=round(found["default_samplerate"]),
                input_latency=found["default_low_input_latency"],
                output_latency=found["default_low_output_latency"],
                is_default_input=host_api["default_input_device"] == index,
                is_default_output=host_api["default_output_device"] == index,
            )
        )
    return devices


def error_code(error: Exception) -> int:
    """PortAudio's code of an error of its own, else 0."""
    code = error.args[1] if len(error.args) > 1 else 0
    return code if isinstance(code, int) else 0


def device_error(error: Exception, input: Device, output: Device) -> DeviceError:
    """What PortAudio refused, in a sentence."""
    pair = pair_name(input, output)
    code = error_code(error)
    if code == UNAVAILABLE:
        return DeviceError(
            f"{pair} is busy or not there: close the program that uses it, or choose another from --list-devices."
        )
    if code == INVALID_RATE:
        return DeviceError(f"{pair} refused the sample rate: choose another with --sample-rate.")
    if code == INVALID_CHANNELS:
        return DeviceError(f"{pair} refused the number of channels: choose others, or another device.")
    text = str(error.args[0] if error.args else error).strip().rstrip(".")
    return DeviceError(f"{pair} cannot be used ({text}): try another block size or device, or plug it in again.")


def pair_name(input: Device, output: Device) -> str:
    """Both by name, or the one that is both."""
    return input.name if input.name == output.name else f"{input.name} with {output.name}"
