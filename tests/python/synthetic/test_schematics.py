# SPDX-License-Identifier: MIT
"""What every shipped schematic has to do."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from scipy.linalg import solve_toeplitz
from scipy.signal import fftconvolve

from fxtrain.errors import ConfigError
from fxtrain.synthetic import SCHEMATICS, Network, get_schematic, simulate, synthesise_guitar

RATE = 48000
NAMES = sorted(SCHEMATICS)


@pytest.fixture(scope="module")
def guitar():
    return synthesise_guitar(12.0, RATE, seed=3)


@pytest.fixture(scope="module")
def played(guitar):
    return {name: simulate(get_schematic(name), guitar, RATE, oversampling=4) for name in NAMES}


def fir_esr(dry, wet, num_taps=512):
    """Error that the least-squares causal filter leaves on the very signal it is fitted to."""
    size = 2 * len(dry)
    spectrum = np.fft.rfft(dry, size)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)[:num_taps]
    correlation[0] *= 1 + 1e-9
    taps = solve_toeplitz(correlation, np.fft.irfft(np.conj(spectrum) * np.fft.rfft(wet, size))[:num_taps])
    error = fftconvolve(dry, taps)[: len(dry)] - wet
    return np.sum(error**2) / np.sum(wet**2)


@pytest.mark.parametrize("name", NAMES)
def test_silence_in_is_silence_out(name):
    output = simulate(get_schematic(name), np.zeros(2000), RATE).output
    assert np.abs(output).max() < 1e-9


@pytest.mark.parametrize("name", NAMES)
def test_every_step_meets_newtons_tolerance(name, played):
    convergence = played[name].convergence
    assert 0.0 < convergence.max_residual <= 1e-9
    assert convergence.num_continuations < 1e-3 * convergence.num_steps
    assert convergence.mean_iterations < 3.0


@pytest.mark.parametrize("name", NAMES)
def test_hard_playing_stays_within_full_scale_and_uses_it(name, played):
    peak = np.abs(played[name].output).max()
    assert 0.2 < peak < 1.0


@pytest.mark.parametrize("name", NAMES)
def test_no_linear_filter_explains_the_circuit(name, guitar, played):
    assert fir_esr(guitar.astype(np.float64), played[name].output) >= 0.1


@pytest.mark.parametrize("name", NAMES)
def test_very_soft_playing_is_nearly_linear(name):
    """A thousandth of a hard note: halving it once more halves the output to 1 %."""
    times = np.arange(4800) / RATE
    note = 2e-4 * np.sin(2 * np.pi * 200 * times) * np.sin(np.pi * times / times[-1]) ** 2
    full = simulate(get_schematic(name), note, RATE).output
    half = simulate(get_schematic(name), 0.5 * note, RATE).output
    assert np.sum((full - 2.0 * half) ** 2) < 1e-4 * np.sum(full**2)


@pytest.mark.parametrize("name", NAMES)
def test_every_knob_changes_the_sound_and_refuses_positions_off_its_scale(name, guitar):
    excerpt = guitar[:RATE]
    for knob in inspect.signature(SCHEMATICS[name]).parameters:
        low, high = (
            simulate(get_schematic(name, **{knob: at}), excerpt, RATE, oversampling=2).output for at in (0.2, 0.9)
        )
        assert np.abs(low - high).max() > 0.01, knob
        with pytest.raises(ConfigError, match=f"knob {knob} is at 1.5"):
            get_schematic(name, **{knob: 1.5})


@pytest.mark.parametrize("name", NAMES)
def test_both_methods_agree_at_the_default_oversampling(name, guitar):
    excerpt = guitar[: RATE // 2]
    trapezoidal, bdf2 = (
        simulate(get_schematic(name), excerpt, RATE, method=method).output for method in ("trapezoidal", "bdf2")
    )
    error = np.sum((trapezoidal - bdf2) ** 2) / np.sum(trapezoidal**2)
    assert 10 * np.log10(error) < -50.0


def test_overdrive_has_the_gain_that_its_docstring_derives():
    """1 + 362 kohm / 3.9 kohm at 0.7 drive, less what the other parts take at 2 kHz, far below the diodes' knee."""
    times = np.arange(9600) / RATE
    tone = 1e-5 * np.sin(2 * np.pi * 2000 * times)
    circuit = get_schematic("overdrive", drive=0.7, tone=1.0, level=1.0)
    output = simulate(circuit, tone, RATE).output[4800:]
    gain = np.sqrt(np.mean(output**2) / np.mean(tone[4800:] ** 2)) * circuit.output_volts
    s = 2j * np.pi * 2000

    def parallel(*impedances):
        return 1 / sum(1 / z for z in impedances)

    diodes = 45.292e-3 / (2 * 2.52e-9)  # small-signal resistance of the pair at 0 V
    plus = 470e3 / (470e3 + 1 / (s * 47e-9))
    amplifier = 1 + parallel(362e3, 1 / (s * 68e-12), diodes) / (3.9e3 + 1 / (s * 56e-9))
    load = parallel(10.1e3 + 1 / (s * 47e-9), 100e3 + 1 / (s * 1e-6))
    expected = abs(plus * amplifier * load / (2.2e3 + load) * 100e3 / (100e3 + 1 / (s * 1e-6)))
    assert gain == pytest.approx(expected, rel=2e-3)


def test_valve_stages_clip_unevenly():
    """Grid current on one side and cut-off on the other: even harmonics."""
    times = np.arange(9600) / RATE
    output = simulate(get_schematic("valve"), 0.5 * np.sin(2 * np.pi * 500 * times), RATE).output[4800:]
    spectrum = np.abs(np.fft.rfft(output))
    line = 50  # 500 Hz at 10 Hz per line
    assert spectrum[2 * line] > 0.02 * spectrum[line]


def test_unknown_names_and_knobs_are_answered_with_what_there_is():
    with pytest.raises(ConfigError, match="no circuit 'chorus'; choose one of overdrive, distortion, valve, fuzz"):
        get_schematic("chorus")
    with pytest.raises(ConfigError, match="no knob volume; it has drive, tone, level"):
        get_schematic("overdrive", volume=1.0)


@pytest.mark.parametrize("name", NAMES)
def test_description_tells_values_apart(name):
    knob = next(iter(inspect.signature(SCHEMATICS[name]).parameters))
    assert get_schematic(name).describe() == get_schematic(name).describe()
    assert get_schematic(name, **{knob: 0.1}).describe() != get_schematic(name, **{knob: 0.2}).describe()
    assert Network(get_schematic(name)).num_states == sum(
        "Capacitor" in line for line in get_schematic(name).describe()
    )
