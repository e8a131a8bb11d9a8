# SPDX-License-Identifier: MIT
"""Which devices are taken, and what is said of those that cannot be: PortAudio's lists of other machines."""

from __future__ import annotations

from typing import Any

import pytest

from fxtrain.errors import ConfigError, DeviceError
from fxtrain.sound_devices import portaudio, wiring
from fxtrain.sound_devices.wiring import Wiring, choose_wiring

BUSY, BAD_RATE, BAD_CHANNELS, OTHER = -9985, -9997, -9998, -9999


class PortAudioError(Exception):
    """As sounddevice raises it: message and code."""


class Machine:
    """What sounddevice tells of a machine.

    Args:
        found: (host interface, name, inputs, outputs) of each device; the first of a kind is the default.
        rates: those that all devices offer.
        refuses: code of an error for whatever is asked.
    """

    PortAudioError = PortAudioError

    def __init__(self, *found: tuple[str, str, int, int], rates: tuple[int, ...] = (48_000,), refuses: int = 0) -> None:
        self.found, self.rates, self.refuses = found, rates, refuses
        self.apis = list(dict.fromkeys(each[0] for each in found))

    def query_hostapis(self) -> list[dict[str, Any]]:
        def first(api: str, column: int) -> int:
            return next((i for i, each in enumerate(self.found) if each[0] == api and each[column] > 0), -1)

        return [
            {"name": api, "default_input_device": first(api, 2), "default_output_device": first(api, 3)}
            for api in self.apis
        ]

    def query_devices(self) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "hostapi": self.apis.index(api),
                "max_input_channels": inputs,
                "max_output_channels": outputs,
                "default_samplerate": float(self.rates[0]),
                "default_low_input_latency": 0.002,
                "default_low_output_latency": 0.004,
            }
            for api, name, inputs, outputs in self.found
        ]

    def check_input_settings(self, device: int, channels: int, dtype: str, samplerate: float) -> None:
        if self.refuses:
            raise PortAudioError("Error querying device: no", self.refuses)
        if samplerate not in self.rates:
            raise PortAudioError("Invalid sample rate", BAD_RATE)

    check_output_settings = check_input_settings


def wire(monkeypatch: pytest.MonkeyPatch, machine: Machine, **arguments: Any) -> Wiring:
    for module in (portaudio, wiring):
        monkeypatch.setattr(module, "portaudio", lambda: machine)
    nothing = dict.fromkeys(("input_device", "output_device", "input_channel", "output_channel", "sample_rate"))
    return choose_wiring(**nothing | {"preferred_rate": None, "block_size": 64} | arguments)


MAC = Machine(
    ("Core Audio", "MacBook Pro Microphone", 1, 0),
    ("Core Audio", "MacBook Pro Speakers", 0, 2),
    ("Core Audio", "External Headphones", 0, 2),
    ("Core Audio", "Scarlett 2i2 USB", 2, 2),
    rates=(44_100, 48_000, 96_000),
)
WINDOWS = Machine(
    ("MME", "Microphone (Scarlett 2i2 USB)", 2, 0),
    ("MME", "Speakers (Scarlett 2i2 USB)", 0, 2),
    ("Windows WASAPI", "Microphone Array (Realtek(R) Audio)", 2, 0),
    ("Windows WASAPI", "Speakers (Realtek(R) Audio)", 0, 2),
    ("ASIO", "Focusrite USB ASIO", 18, 20),
)
LINUX = Machine(
    ("ALSA", "HDA Intel PCH: ALC257 Analog (hw:0,0)", 2, 2),
    ("ALSA", "Scarlett 2i2 USB: Audio (hw:1,0)", 2, 2),
    ("ALSA", "default", 32, 32),
)
WITH_JACK = Machine(*LINUX.found, ("JACK Audio Connection Kit", "system", 2, 2))


def test_the_computers_own_microphone_and_speakers_feed_back(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wire(monkeypatch, MAC).feeds_back
    assert wire(monkeypatch, LINUX).feeds_back
    assert wire(monkeypatch, LINUX, input_device="default", output_device="default").feeds_back
    assert wire(monkeypatch, WINDOWS, input_device="array", output_device="speakers (real").feeds_back


def test_headphones_and_interfaces_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not wire(monkeypatch, MAC, output_device="headphones").feeds_back
    assert not wire(monkeypatch, MAC, input_device="scarlett", output_device="scarlett").feeds_back
    assert not wire(monkeypatch, MAC, input_device="scarlett").feeds_back
    assert not wire(monkeypatch, LINUX, input_device="scarlett", output_device="scarlett").feeds_back
    assert not wire(monkeypatch, WINDOWS).feeds_back


def test_what_was_set_up_for_low_latency_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wire(monkeypatch, WINDOWS).input.name == "Focusrite USB ASIO"
    wiring = wire(monkeypatch, WITH_JACK)
    assert wiring.output.name == "system"
    assert wiring.block_size == 0  # JACK prescribes its period; any other would only add latency
    assert wire(monkeypatch, LINUX).block_size == 64


def test_a_device_alone_draws_the_other_to_its_host_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    wiring = wire(monkeypatch, WITH_JACK, output_device="scarlett")
    assert wiring.input.host_api == wiring.output.host_api == "ALSA"


def test_devices_are_found_by_number_and_by_part_of_their_name(monkeypatch: pytest.MonkeyPatch) -> None:
    wiring = wire(monkeypatch, MAC, input_device="3", output_device="SCARLETT")
    assert (wiring.input.index, wiring.output.index) == (3, 3)
    assert wiring.describe("input") == "Scarlett 2i2 USB, channel 1"
    assert wiring.describe("output") == "Scarlett 2i2 USB, channels 1+2"


def test_channels_are_counted_from_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    wiring = wire(monkeypatch, WINDOWS, input_channel=4, output_channel=2)
    assert (wiring.num_inputs, wiring.input_channel) == (5, 4)
    assert (wiring.num_outputs, wiring.output_channels) == (3, (2,))
    assert wire(monkeypatch, WINDOWS).output_channels == (0, 1)


def test_the_models_rate_is_taken_where_it_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wire(monkeypatch, MAC, preferred_rate=96_000).sample_rate == 96_000
    assert wire(monkeypatch, MAC).sample_rate == 44_100
    wiring = wire(monkeypatch, LINUX, preferred_rate=44_100)
    assert wiring.sample_rate == 48_000
    assert "converted" in wiring.notes[0]
    assert wire(monkeypatch, MAC, preferred_rate=48_000, sample_rate=96_000).sample_rate == 96_000


def test_what_a_round_trip_depends_on_is_in_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [
        wire(monkeypatch, MAC).key,
        wire(monkeypatch, MAC, block_size=128).key,
        wire(monkeypatch, MAC, sample_rate=48_000).key,
        wire(monkeypatch, MAC, output_device="headphones").key,
        wire(monkeypatch, WITH_JACK).key,
    ]
    assert len(set(keys)) == len(keys)
    assert wire(monkeypatch, MAC, input_channel=0, output_channel=1).key == keys[0]


@pytest.mark.parametrize(
    ("machine", "arguments", "error", "sentence"),
    [
        (Machine(), {}, DeviceError, "No sound device was found"),
        (Machine(("ALSA", "Speakers", 0, 2)), {}, DeviceError, "No input device was found"),
        (MAC, {"input_device": "Speakers"}, ConfigError, 'No input device is called "Speakers"'),
        (MAC, {"input_device": "1"}, ConfigError, r"MacBook Pro Speakers \(device 1\) has no input"),
        (MAC, {"output_device": "9"}, ConfigError, "There is no sound device 9, but 0 to 3"),
        (MAC, {"output_device": "e"}, ConfigError, "More than one output device is called"),
        (MAC, {"input_channel": 1}, ConfigError, "has one channel of input, so there is no channel 2"),
        (WINDOWS, {"input_device": "0", "output_device": "4"}, ConfigError, "both must be of the same"),
        (MAC, {"sample_rate": 192_000}, DeviceError, "cannot run at 192000 Hz; what it offers is 44100, 48000, 96000"),
        (Machine(*LINUX.found, refuses=BUSY), {}, DeviceError, "is busy or not there: close the program that uses it"),
        (Machine(*LINUX.found, refuses=BAD_CHANNELS), {}, DeviceError, "refused the number of channels"),
        (Machine(*LINUX.found, refuses=OTHER), {}, DeviceError, r"cannot be used \(Error querying device: no\)"),
        (Machine(*LINUX.found, refuses=BAD_RATE), {}, DeviceError, "refused the sample rate"),
        (Machine(*LINUX.found, refuses=BAD_RATE), {"sample_rate": 8_000}, DeviceError, "none that was tried"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, machine: Machine, arguments: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        wire(monkeypatch, machine, **arguments)


def test_codes_are_those_of_portaudio() -> None:
    library = portaudio.portaudio()._lib
    texts = {
        portaudio.UNAVAILABLE: b"Device unavailable",
        portaudio.INVALID_RATE: b"Invalid sample rate",
        portaudio.INVALID_CHANNELS: b"Invalid number of channels",
    }
    ffi = portaudio.portaudio()._ffi
    for code, text in texts.items():
        assert ffi.string(library.Pa_GetErrorText(code)) == text
