# SPDX-License-Identifier: MIT
"""Which sound devices to take, and at what rate, channels and block size they agree."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from fxtrain.errors import ConfigError, DeviceError
from fxtrain.sound_devices.portaudio import (
    INVALID_RATE,
    Device,
    Way,
    device_error,
    error_code,
    list_devices,
    pair_name,
    portaudio,
    quiet,
)

__all__ = ["Wiring", "choose_wiring", "wiring_from"]

_JACK = "JACK Audio Connection Kit"
_HOST_APIS = (_JACK, "ASIO", "Core Audio", "Windows WASAPI", "ALSA")
"""Where to look for default devices first: what was set up for low latency comes before what is there anyway."""

_RATES = (44_100, 48_000, 88_200, 96_000, 176_400, 192_000)


@dataclass(frozen=True)
class Wiring:
    """How a stream is opened; devices were asked and agree.

    Attributes:
        input: where the guitar comes in.
        output: where the sound goes.
        sample_rate: of both, in Hz.
        block_size: frames at a time; 0 for the period that the host prescribes.
        num_inputs: channels of the stream.
        num_outputs: channels of the stream.
        input_channel: ours, from 0.
        output_channels: ours, from 0; one or two.
        feeds_back: microphone and speakers may stand side by side.
        notes: what was decided, as sentences.
    """

    input: Device
    output: Device
    sample_rate: int
    block_size: int
    num_inputs: int
    num_outputs: int
    input_channel: int
    output_channels: tuple[int, ...]
    feeds_back: bool
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What a measured round trip is remembered under: all that it depends on."""
        block = str(self.block_size)
        if self.block_size == 0:  # the host's period shows in the latencies that it claims
            claimed = (self.input.input_latency + self.output.output_latency) * self.sample_rate
            block = f"host {round(claimed)}"
        return " | ".join((self.input.host_api, self.input.name, self.output.name, str(self.sample_rate), block))

    def describe(self, way: Way) -> str:
        """Device and channels, for a person."""
        if way == "input":
            return f"{self.input.name}, channel {self.input_channel + 1}"
        numbers = "+".join(str(channel + 1) for channel in self.output_channels)
        return f"{self.output.name}, {'channel' if len(self.output_channels) == 1 else 'channels'} {numbers}"


def wiring_from(args: argparse.Namespace, preferred_rate: float | None) -> Wiring:
    """The wiring that a command's arguments ask for (see :func:`fxtrain.cli.arguments.add_device_arguments`)."""
    return choose_wiring(
        input_device=args.input_device,
        output_device=args.output_device,
        input_channel=None if args.input_channel is None else args.input_channel - 1,
        output_channel=None if args.output_channel is None else args.output_channel - 1,
        sample_rate=args.sample_rate,
        block_size=args.block_size,
        preferred_rate=None if preferred_rate is None else round(preferred_rate),
    )


def choose_wiring(
    *,
    input_device: str | None,
    output_device: str | None,
    input_channel: int | None,
    output_channel: int | None,
    sample_rate: int | None,
    block_size: int,
    preferred_rate: int | None,
) -> Wiring:
    """Finds devices, channels, rate and block size that go together.

    Args:
        input_device: number or part of a name; None for the default.
        output_device: the same.
        input_channel: from 0; None for the first.
        output_channel: from 0; None for the first two, or the only one.
        sample_rate: in Hz; None for one that the devices offer, best ``preferred_rate``.
        block_size: frames.
        preferred_rate: the rate that would need no conversion.

    Raises:
        ConfigError: what was asked for is not there.
        DeviceError: there are no devices, or they refuse.
    """
    devices = list_devices()
    if not devices:
        raise DeviceError(
            "No sound device was found: connect an interface or start a JACK server, and look with --list-devices."
        )
    chosen_input = None if input_device is None else _find(devices, input_device, "input")
    chosen_output = None if output_device is None else _find(devices, output_device, "output")
    like = chosen_input or chosen_output
    input = chosen_input or _default(devices, "input", None if like is None else like.host_api)
    output = chosen_output or _default(devices, "output", input.host_api)
    if input.host_api != output.host_api:
        raise ConfigError(
            f"{input.name} is a device of {input.host_api} and {output.name} of {output.host_api}, but both must be of "
            "the same: choose again from --list-devices."
        )
    first = _channel(input, "input", input_channel or 0)
    outputs: tuple[int, ...] = (0, 1) if output.num_outputs > 1 else (0,)
    if output_channel is not None:
        outputs = (_channel(output, "output", output_channel),)
    rate, notes = _rate(input, output, first + 1, outputs[-1] + 1, sample_rate, preferred_rate)
    return Wiring(
        input=input,
        output=output,
        sample_rate=rate,
        block_size=0 if input.host_api == _JACK else block_size,
        num_inputs=first + 1,
        num_outputs=outputs[-1] + 1,
        input_channel=first,
        output_channels=outputs,
        feeds_back=input.may_be_built_in and output.may_be_built_in,
        notes=notes,
    )


def _find(devices: Sequence[Device], wanted: str, way: Way) -> Device:
    """The device of a number or a part of a name; of several that match, the one of the best host interface."""
    if wanted.isdecimal():
        if int(wanted) >= len(devices):
            raise ConfigError(
                f"There is no sound device {wanted}, but 0 to {len(devices) - 1}: see --list-devices for all."
            )
        found = devices[int(wanted)]
        if found.num_channels(way) == 0:
            raise ConfigError(f"{found.name} (device {wanted}) has no {way}: choose another from --list-devices.")
        return found
    able = [device for device in devices if device.num_channels(way) > 0]
    same = [device for device in able if device.name.lower() == wanted.lower()]
    matching = same or [device for device in able if wanted.lower() in device.name.lower()]
    if not matching:
        names = ", ".join(sorted({device.name for device in able})) or "none at all"
        raise ConfigError(f'No {way} device is called "{wanted}": there is {names}.')
    matching.sort(key=_preference)
    best = [device for device in matching if device.host_api == matching[0].host_api]
    if len(best) > 1:
        names = ", ".join(f"{device.index} ({device.name})" for device in best)
        raise ConfigError(f'More than one {way} device is called "{wanted}": give one of the numbers {names}.')
    return best[0]


def _default(devices: Sequence[Device], way: Way, host_api: str | None) -> Device:
    able = [device for device in devices if device.num_channels(way) > 0 and host_api in (None, device.host_api)]
    defaults = [device for device in able if (device.is_default_input, device.is_default_output)[way == "output"]]
    for candidates in (defaults, able):
        if candidates:
            return min(candidates, key=_preference)
    where = "" if host_api is None else f" among those of {host_api}"
    raise DeviceError(f"No {way} device was found{where}: connect one, or choose others from --list-devices.")


def _preference(device: Device) -> int:
    return _HOST_APIS.index(device.host_api) if device.host_api in _HOST_APIS else len(_HOST_APIS)


def _channel(device: Device, way: Way, channel: int) -> int:
    available = device.num_channels(way)
    if channel >= available:
        count = "one channel" if available == 1 else f"{available} channels"
        raise ConfigError(
            f"{device.name} has {count} of {way}, so there is no channel {channel + 1}: take a lower one."
        )
    return channel


def _rate(
    input: Device, output: Device, num_inputs: int, num_outputs: int, wanted: int | None, preferred: int | None
) -> tuple[int, tuple[str, ...]]:
    sounddevice = portaudio()

    def refusal(rate: int) -> Exception | None:
        try:
            with quiet():
                sounddevice.check_input_settings(input.index, num_inputs, "float32", samplerate=rate)
                sounddevice.check_output_settings(output.index, num_outputs, "float32", samplerate=rate)
        except sounddevice.PortAudioError as error:
            found: Exception = error
            return found
        return None

    candidates = [preferred, output.default_rate, input.default_rate, *_RATES] if wanted is None else [wanted]
    refused: Exception | None = None
    for rate in dict.fromkeys(each for each in candidates if each):
        found = refusal(rate)
        if found is None:
            note = f"{output.name} does not run at the model's {preferred} Hz; it is played at {rate} Hz and converted"
            return rate, (note,) if preferred and wanted is None and rate != preferred else ()
        refused = refused or found
        if error_code(found) != INVALID_RATE:
            break
    assert refused is not None
    if wanted is not None and error_code(refused) == INVALID_RATE:
        others = [rate for rate in dict.fromkeys([output.default_rate, *_RATES]) if refusal(rate) is None]
        offered = ", ".join(f"{rate}" for rate in sorted(others)) or "none that was tried"
        raise DeviceError(f"{pair_name(input, output)} cannot run at {wanted} Hz; what it offers is {offered}.")
    raise device_error(refused, input, output)
