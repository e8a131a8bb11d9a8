# SPDX-License-Identifier: MIT
"""The round trip: clicks found in arrays, remembered, and ``fxtrain latency`` on interfaces that are not there."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from jack_amp import jack_amp
from jack_server import PERIOD, RATE

from fxtrain.errors import TakeError
from fxtrain.folders import user_folders
from fxtrain.sound_devices.round_trip import RoundTrip, find_clicks, make_clicks, recall, remember


def delayed_clicks(delay: float, *, rate: int = RATE, gain: float = 1.0) -> np.ndarray:
    """The clicks, later by any number of frames: each frequency turned by its share of the delay."""
    clicks = make_clicks(rate)
    size = 2 * (len(clicks) + rate)
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(size) * delay)
    moved = np.fft.irfft(np.fft.rfft(clicks, size) * turn, size)
    return (gain * moved[: len(clicks) + rate + rate // 10]).astype(np.float32)


@pytest.mark.parametrize("delay", [0.0, 0.001, 127.5, 128.0, 300.25, 2047.9, 19_200.333, 47_999.0])
@pytest.mark.parametrize("gain", [1.0, -0.5])
def test_delays_between_samples_are_found(delay: float, gain: float) -> None:
    found = find_clicks(delayed_clicks(delay, gain=gain), RATE)
    assert found.frames == pytest.approx(delay, abs=1e-4)
    assert found.spread_frames < 1e-4
    assert found.polarity == np.sign(gain)
    assert found.peak_db == pytest.approx(20 * np.log10(0.5 * abs(gain)), abs=0.001)
    assert found.seconds == pytest.approx(delay / RATE, abs=1e-8)


@pytest.mark.parametrize("rate", [44_100, 88_200, 96_000, 192_000])
def test_clicks_are_found_at_every_rate(rate: int) -> None:
    assert find_clicks(delayed_clicks(512.75, rate=rate), rate).frames == pytest.approx(512.75, abs=1e-4)


def test_noise_and_hum_are_tolerated() -> None:
    # Cramer-Rao: the deviation is sigma / sqrt(sum of the squared slope), 0.016 frames at 40 dB below the peak.
    generator = np.random.default_rng(3)
    clean = delayed_clicks(700.3)
    hum = 0.2 * np.sin(2 * np.pi * 50 * np.arange(len(clean)) / RATE)
    hum += 0.05 * np.sin(2 * np.pi * 150 * np.arange(len(clean)) / RATE + 1)
    noise = 0.005 * generator.standard_normal(len(clean))
    found = find_clicks((clean + hum + noise).astype(np.float32), RATE)
    assert found.frames == pytest.approx(700.3, abs=0.03)
    assert found.spread_frames < 0.16  # ten deviations
    assert found.peak_db == pytest.approx(-6.02, abs=0.2)


def test_deviation_in_noise_is_what_theory_allows() -> None:
    generator = np.random.default_rng(4)
    clean = delayed_clicks(700.3)
    slope = np.gradient(make_clicks(RATE)).astype(np.float64)
    bound = 0.005 / np.sqrt(np.sum(slope**2) / 8)
    spreads = []
    for _ in range(6):
        noisy = (clean + 0.005 * generator.standard_normal(len(clean))).astype(np.float32)
        spreads.append(find_clicks(noisy, RATE).spread_frames)
    assert np.mean(spreads) < 2 * 2.85 * bound  # the range of eight normal values is 2.85 deviations


def test_distances_of_clicks_are_all_different() -> None:
    at = np.flatnonzero(make_clicks(RATE) == 0.5)
    distances = [after - before for index, before in enumerate(at) for after in at[index + 1 :]]
    assert len(at) == 8
    assert len(set(distances)) == 28


def dropped(samples: np.ndarray, at: int, count: int) -> np.ndarray:
    return np.concatenate([samples[:at], samples[at + count :], np.zeros(count, np.float32)])


BAD = {
    "silence": ("Nothing came back", lambda x: 0 * x),
    "noise": ("Nothing came back", lambda x: 0.1 * np.random.default_rng(1).standard_normal(len(x))),
    "hum": ("Nothing came back", lambda x: np.sin(2 * np.pi * 50 / RATE * np.arange(len(x)))),
    "crosstalk": (r"came back at -66 dBFS .*too soft", lambda x: 0.001 * x),
    "clipped": ("clipped", lambda x: np.clip(4 * x, -1, 1)),
    "a dropped block": (r"unequal distances \(-64.0 frames before 0.95 s\)", lambda x: dropped(x, 43_000, 64)),
    "a dropped tenth": ("of 8 clicks came back", lambda x: dropped(x, 43_000, 4800)),
    "a swallowed click": (
        "Only 7 of 8 clicks",
        lambda x: np.where(np.abs(np.arange(len(x)) - RATE * 0.4 - 900) < 99, 0, x),
    ),
    "two clocks": (
        r"ever later \(\+100 parts per million\)",
        lambda x: np.interp(np.arange(len(x)) / 1.0001, np.arange(len(x)), x),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_went_wrong_is_said(name: str) -> None:
    message, spoil = BAD[name]
    with pytest.raises(TakeError, match=message) as caught:
        find_clicks(spoil(delayed_clicks(900.0)).astype(np.float32), RATE, where="input 1 of Box")
    assert "input 1 of Box" in str(caught.value)


@pytest.fixture
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return user_folders().round_trips


MEASURED = RoundTrip(frames=256.25, spread_frames=0.01, polarity=-1, peak_db=-9.5, sample_rate=RATE)


def wiring(key: str = "in | out | 48000 | 64", rate: int = RATE) -> Any:
    device = SimpleNamespace(name="Box")
    return SimpleNamespace(
        key=key, sample_rate=rate, input=device, output=device, input_channel=0, output_channels=(0, 1)
    )


def test_a_round_trip_is_remembered_for_its_wiring_alone(own_folders: Path) -> None:
    assert recall(wiring()) is None
    remember(wiring(), MEASURED)
    remember(wiring("other"), replace(MEASURED, frames=100.0))
    assert recall(wiring()) == MEASURED
    assert recall(wiring("in | out | 48000 | 128")) is None
    assert [path.name for path in own_folders.parent.iterdir()] == ["round-trips.json"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"version": 2, "round_trips": {}}',
        b'{"version": 1, "round_trips": [1]}',
        b'{"version": 1, "round_trips": {"in | out | 48000 | 64": {"frames": 3}}}',
        b'{"version": 1, "round_trips": {"in | out | 48000 | 64": [3]}}',
        b'{"version": 1, "round_trips": {"in | out | 48000 | 64": {"frames": "x", "spread_frames": 0, "polarity": 1, '
        b'"peak_db": 0, "sample_rate": 48000}}}',
        b'{"version": 1, "round_trips": {"in | out | 48000 | 64": {"frames": -5, "spread_frames": 0, "polarity": 1, '
        b'"peak_db": 0, "sample_rate": 48000}}}',
    ],
)
def test_a_damaged_file_is_ignored_and_rewritten(own_folders: Path, content: bytes) -> None:
    own_folders.parent.mkdir(parents=True)
    own_folders.write_bytes(content)
    assert recall(wiring()) is None
    remember(wiring(), MEASURED)
    assert recall(wiring()) == MEASURED
    assert json.loads(own_folders.read_bytes())["version"] == 1


Interface = Callable[..., dict[str, str]]


def test_through_a_wire_it_is_one_period(interface: Interface, fxtrain: Callable[..., Any], home: Path) -> None:
    done = fxtrain("latency", "--json", environment=interface(device="wire"))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["frames"], found["spread_frames"], found["polarity"]) == (PERIOD, 0.0, 1)
    assert found["milliseconds"] == pytest.approx(1000 * PERIOD / RATE)
    assert found["peak_db"] == pytest.approx(-6.02, abs=0.01)
    assert found["claimed_seconds"] > 0
    (remembered,) = home.rglob("round-trips.json")
    ((key, entry),) = json.loads(remembered.read_bytes())["round_trips"].items()
    assert "Box" in key
    assert str(RATE) in key
    assert entry["frames"] == PERIOD


def test_without_a_cable_nothing_comes_back(interface: Interface, fxtrain: Callable[..., Any], home: Path) -> None:
    done = fxtrain("latency", "--json", "--output-channel", 2, environment=interface(device="nothing"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "Nothing came back at Box, channel 1 (played to Box, channel 2)" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(home.rglob("round-trips.json"))


@pytest.mark.realtime
@pytest.mark.parametrize(("device", "arguments"), [("wire", ["--freewheel"]), ("cable", [])])
def test_through_jack_it_is_jacks_one_period(
    server: dict[str, str], fxtrain: Callable[..., Any], tmp_path: Path, device: str, arguments: list[str]
) -> None:
    with jack_amp(server, tmp_path / "amp.log", device, *arguments):
        for _ in range(9):  # a busy machine may be late in all measurements of a run
            done = fxtrain("latency", environment=server)
            if "xruns" not in done.stderr:
                break
    assert done.returncode == 0, done.stderr
    assert "128.00 frames, 2.67 ms" in done.stdout
    assert "as the driver tells it" in done.stdout


def test_without_devices_it_says_so(no_devices: dict[str, str], fxtrain: Callable[..., Any]) -> None:
    done = fxtrain("latency", environment=no_devices)
    assert done.returncode == 1
    assert "No sound device was found" in done.stderr
