# SPDX-License-Identifier: MIT
"""Signals through circuits at audio rates."""

from __future__ import annotations

import numpy as np
import pytest

from fxtrain.errors import ConfigError
from fxtrain.synthetic import GROUND, Capacitor, Circuit, Network, Resistor, get_schematic, simulate
from fxtrain.synthetic._oversampling import Oversampler

RATE = 8000


def burst(num_frames, rate, frequency):
    times = np.arange(num_frames) / rate
    return np.sin(2 * np.pi * frequency * times) * np.sin(np.pi * np.arange(num_frames) / num_frames) ** 2


@pytest.mark.parametrize("frequency", [100.0, 1000.0, 8000.0])
def test_linear_circuit_has_its_closed_form_response_without_delay(frequency):
    """A slowly swelling tone through an RC low-pass of 1591 Hz is scaled and turned by 1 / (1 + j f / fc)."""
    circuit = Circuit("rc", (Resistor("R", "in", "out", 1e3), Capacitor("C", "out", GROUND, 100e-9)))
    rate, num_frames = 48000, 24000
    times = np.arange(num_frames) / rate
    envelope = np.sin(np.pi * times / times[-1]) ** 2
    output = simulate(circuit, envelope * np.sin(2 * np.pi * frequency * times), rate, oversampling=16).output
    response = 1.0 / (1.0 + 2j * np.pi * frequency * 1e3 * 100e-9)
    expected = envelope * np.imag(response * np.exp(2j * np.pi * frequency * times))
    # the trapezoidal rule bends frequencies by (pi f / solver rate)^2 / 3; the envelope's slope adds tau pi / T
    tolerance = (np.pi * frequency / (16 * rate)) ** 2 / 3 + 1e-4 * np.pi / times[-1] + 2e-5
    assert np.abs(output - expected).max() < tolerance


def test_streaming_in_blocks_is_the_same_as_all_at_once():
    circuit = get_schematic("overdrive")
    signal = burst(int(2.6 * RATE), RATE, 220.0)
    oversampler = Oversampler(4)
    margin = oversampler.half_width
    steps = oversampler.interpolate(np.pad(signal, 2 * margin))
    at_once = oversampler.decimate(Network(circuit).stepper(4 * RATE).run(steps))
    np.testing.assert_allclose(simulate(circuit, signal, RATE, oversampling=4).output, at_once, atol=1e-12)


@pytest.mark.parametrize("num_frames", [1, 7, 39, 8000, 8001])
def test_any_length_comes_back_as_long(num_frames):
    assert simulate(get_schematic("overdrive"), np.zeros(num_frames), RATE).output.shape == (num_frames,)


def test_progress_runs_from_start_to_end():
    seen = []
    simulate(get_schematic("overdrive"), np.zeros(3 * RATE), RATE, oversampling=1, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) >= 3


def test_higher_oversampling_lowers_aliasing():
    """A loud 5 kHz tone clipped hard: what is not a harmonic of 5 kHz below 20 kHz has folded back."""
    rate, num_frames = 48000, 9600  # 5 Hz per line
    signal = 0.9 * np.sin(2 * np.pi * 5000 * np.arange(num_frames) / rate)

    def aliasing(oversampling):
        output = simulate(get_schematic("overdrive", drive=1.0), signal, rate, oversampling=oversampling).output[4800:]
        spectrum = np.abs(np.fft.rfft(output * np.blackman(len(output)))) ** 2
        frequencies = np.fft.rfftfreq(len(output), 1 / rate)
        off = np.min(np.abs(frequencies[:, None] - 5000.0 * np.arange(5)), axis=1) > 100.0
        return 10 * np.log10(spectrum[off & (frequencies < 18000)].sum() / spectrum.sum())

    assert aliasing(8) < aliasing(2) - 12.0
    assert aliasing(8) < -60.0


def test_unusable_signals_are_refused():
    circuit = get_schematic("overdrive")
    with pytest.raises(ConfigError, match="NaN or infinity"):
        simulate(circuit, np.array([0.0, np.nan]), RATE)
    with pytest.raises(ConfigError, match=r"shape \(2, 5\)"):
        simulate(circuit, np.zeros((2, 5)), RATE)
    with pytest.raises(ConfigError, match="oversampling is 0"):
        simulate(circuit, np.zeros(5), RATE, oversampling=0)
