# SPDX-License-Identifier: MIT
"""The solver against closed forms, scalar equations and an independent integrator."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from fxtrain import _circuit
from fxtrain.errors import ConfigError, SimulationError
from fxtrain.synthetic import (
    GROUND,
    Capacitor,
    Circuit,
    DiodePair,
    IdealOpAmp,
    Network,
    Resistor,
    Transistor,
    VoltageSource,
    devices,
    get_schematic,
    op_amp,
)

DIODE = devices.D1N4148
METHODS = ["trapezoidal", "bdf2"]


def rc(ohms=1e3, farads=100e-9):
    return Circuit("rc", (Resistor("R", "in", "out", ohms), Capacitor("C", "out", GROUND, farads)))


def clipper(*, farads=None, ohms=2.2e3):
    """A resistor into two diodes to ground, with or without a capacitor across them."""
    parts = (Resistor("R", "in", "out", ohms), DiodePair("D", "out", GROUND, DIODE, DIODE))
    return Circuit("clipper", parts if farads is None else (*parts, Capacitor("C", "out", GROUND, farads)))


def play(circuit, function, rate, seconds, *, method="trapezoidal"):
    """Output at times 1/rate, 2/rate, ... of a circuit that was at rest at time 0."""
    times = np.arange(1, round(seconds * rate) + 1) / rate
    return times, Network(circuit).stepper(rate, method=method).run(function(times))


@pytest.mark.parametrize("method", METHODS)
def test_rc_answers_a_ramp_as_in_closed_form_with_second_order(method):
    tau = 1e3 * 100e-9

    def error(rate):
        times, output = play(rc(), lambda t: 1e3 * t, rate, 1e-3, method=method)
        exact = 1e3 * (times - tau * (1.0 - np.exp(-times / tau)))
        return np.abs(output - exact).max()

    coarse, fine = error(400e3), error(800e3)
    assert fine < 1e-5  # of an output that reaches 0.9
    assert 3.6 < coarse / fine < 4.4


def test_trapezoidal_rc_is_the_bilinear_transform_of_the_filter():
    rate, tau = 48000.0, 1e3 * 100e-9
    impulse = np.zeros(200)
    impulse[0] = 1.0
    output = Network(rc()).stepper(rate).run(impulse)
    # H(z) = (1 + z^-1) / ((1 + 2 tau fs) + (1 - 2 tau fs) z^-1)
    a0, a1 = 1 + 2 * tau * rate, 1 - 2 * tau * rate
    expected = np.empty(200)
    state = 0.0
    for n in range(200):
        state = (impulse[n] + (impulse[n - 1] if n else 0.0) - a1 * state) / a0
        expected[n] = state
    np.testing.assert_allclose(output, expected, atol=1e-9)  # the leakage of 1e-12 S shifts it by 1e-9


def test_clipper_without_memory_solves_the_diode_equation():
    inputs = np.linspace(-8.0, 8.0, 401)
    output = Network(clipper()).stepper(48000).run(inputs)

    def exact(u):
        def excess(v):
            return (u - v) / 2.2e3 - 2 * DIODE.saturation_current * math.sinh(v / DIODE.slope_voltage)

        return brentq(excess, -1.0, 1.0, xtol=1e-14, rtol=1e-14)

    np.testing.assert_allclose(output, [exact(u) for u in inputs], atol=2e-9)


def test_operating_point_of_a_clipper_solves_the_diode_equation():
    for volts in (-3.0, 0.2, 9.0):
        base = clipper()
        biased = dataclasses.replace(
            base,
            components=(VoltageSource("V", "bias", GROUND, volts), Resistor("R", "bias", "out", 2.2e3), base["D"]),
        )
        point = Network(biased).operating_point()
        v = point.nodes["out"]
        assert (volts - v) / 2.2e3 == pytest.approx(
            2 * DIODE.saturation_current * math.sinh(v / DIODE.slope_voltage), rel=1e-6
        )
        assert point.residual <= 1e-9


def test_triode_stage_rests_on_its_load_line():
    point = Network(get_schematic("valve")).operating_point()
    triode = list(dataclasses.astuple(devices.TRIODE_12AX7))

    def excess(current):
        grid, plate = -1.5e3 * current, 300.0 - 101.5e3 * current
        return _circuit.evaluate_device("triode", triode, [grid, plate])[0][1] - current

    current = brentq(excess, 1e-5, 2.9e-3, xtol=1e-15)
    assert point.nodes["cathode1"] == pytest.approx(1.5e3 * current, abs=1e-5)
    assert point.nodes["plate1"] == pytest.approx(300.0 - 100e3 * current, abs=1e-3)


def test_transistor_stage_rests_where_its_bias_puts_it():
    circuit = Circuit(
        "stage",
        (
            VoltageSource("V", "supply", GROUND, 9.0),
            Resistor("Rb", "supply", "base", 1e6),
            Resistor("Rc", "supply", "out", 1e3),
            Transistor("Q", "out", "base", GROUND, devices.N2N3904),
            Capacitor("C", "in", "base", 1e-6),
        ),
    )
    nodes = Network(circuit).operating_point().nodes
    base_current = (9.0 - nodes["base"]) / 1e6
    assert (9.0 - nodes["out"]) / 1e3 == pytest.approx(416.4 * base_current, rel=1e-3)
    assert 0.55 < nodes["base"] < 0.75


def reference_clipper(farads, function, times):
    def slope(t, v):
        return ((function(t) - v) / 2.2e3 - 2 * DIODE.saturation_current * np.sinh(v / DIODE.slope_voltage)) / farads

    solution = solve_ivp(slope, (0.0, times[-1]), [0.0], method="Radau", t_eval=times, rtol=1e-11, atol=1e-13)
    return solution.y[0]


@pytest.mark.parametrize("method", METHODS)
def test_clipper_converges_to_an_independent_integrator_with_second_order(method):
    farads = 10e-9

    def function(t):
        return 3.0 * np.sin(2 * np.pi * 500 * t) ** 3

    def error(rate):
        times, output = play(clipper(farads=farads), function, rate, 4e-3, method=method)
        return np.abs(output - reference_clipper(farads, function, times)).max()

    coarse, fine = error(384e3), error(768e3)
    assert fine < 1e-3
    assert 3.0 < coarse / fine < 5.0


def test_overdrive_nulls_against_an_independent_integrator():
    """The schematic's equations written out by hand, capacitor by capacitor, and left to Radau's method."""
    circuit = get_schematic("overdrive", drive=0.7, tone=0.5, level=0.8)
    r1, r2, r3, r4, rt = 470e3, 3.9e3, 33e3 + 0.7 * 470e3, 2.2e3, 100.0 + 0.5 * 10e3
    c1, c2, c3, c4, c5, pot = 47e-9, 56e-9, 68e-12, 47e-9, 1e-6, 100e3

    def function(t):
        return (
            0.4 * np.sin(2 * np.pi * 196 * t) + 0.3 * np.sin(2 * np.pi * 1234 * t) - 0.3 * np.sin(2 * np.pi * 3000 * t)
        )

    def dull_node(u, x):
        amplifier = u - x[0] + x[2]
        return (amplifier / r4 + x[3] / rt + x[4] / pot) / (1 / r4 + 1 / rt + 1 / pot)

    def slopes(t, x):
        u = function(t)
        plus = u - x[0]
        leg_current = (plus - x[1]) / r2
        diodes = 2 * DIODE.saturation_current * np.sinh(x[2] / DIODE.slope_voltage)
        dull = dull_node(u, x)
        return [
            plus / (r1 * c1),
            leg_current / c2,
            (leg_current - x[2] / r3 - diodes) / c3,
            (dull - x[3]) / (rt * c4),
            (dull - x[4]) / (pot * c5),
        ]

    rate = 48000 * 64
    times, output = play(circuit, function, rate, 5e-3)
    at = slice(63, None, 64)
    solution = solve_ivp(
        slopes, (0.0, times[-1]), np.zeros(5), method="Radau", t_eval=times[at], rtol=1e-10, atol=1e-12
    )
    exact = (dull_node(function(times[at]), solution.y) - solution.y[4]) * 0.8 / circuit.output_volts
    error = np.sum((output[at] - exact) ** 2) / np.sum(exact**2)
    assert 10 * np.log10(error) < -90.0


def test_stored_energy_only_falls_once_the_input_stops():
    parts = (
        Resistor("R1", "in", "a", 1e3),
        Capacitor("C1", "a", GROUND, 47e-9),
        Resistor("R2", "a", "b", 4.7e3),
        Capacitor("C2", "b", GROUND, 10e-9),
        DiodePair("D", "b", GROUND, DIODE, DIODE),
    )
    drive = np.concatenate([5.0 * np.sin(2 * np.pi * 1000 * np.arange(960) / 96000), np.zeros(4000)])
    voltages = [Network(Circuit("ladder", parts, output=node)).stepper(96000).run(drive) for node in ("a", "b")]
    energy = 0.5 * 47e-9 * voltages[0] ** 2 + 0.5 * 10e-9 * voltages[1] ** 2
    # the trapezoidal rule balances the mean power of a step: the one in which the input drops to 0 is not yet silent
    decaying = energy[961:]
    decaying = decaying[: np.argmax(decaying < 1e-16)]  # 60 uV on 47 nF; Newton's 1 nV shows further down
    assert len(decaying) > 50
    assert np.all(np.diff(decaying) < 0.0)
    assert energy[-1] < 1e-6 * energy[:960].max()


def test_passive_circuit_never_gives_more_voltage_than_it_gets():
    noise = np.random.default_rng(0).normal(0.0, 5.0, 20000)
    output = Network(clipper(farads=1e-9)).stepper(192000).run(noise)
    assert np.abs(output).max() <= np.abs(noise).max()
    assert np.abs(output).max() < 0.75  # two silicon diodes


def test_ideal_amplifier_amplifies_by_its_resistors():
    circuit = Circuit(
        "amplifier",
        (
            IdealOpAmp("U", "in", "minus", "out"),
            Resistor("Rf", "out", "minus", 9e3),
            Resistor("Rg", "minus", GROUND, 1e3),
        ),
    )
    ramp = np.linspace(-2.0, 2.0, 41)
    np.testing.assert_allclose(Network(circuit).stepper(48000).run(ramp), 10.0 * ramp, rtol=1e-8)


def amplifier_of_gain_10():
    return Circuit(
        "amplifier",
        (
            VoltageSource("V1", "high", GROUND, 9.0),
            VoltageSource("V2", "low", GROUND, -9.0),
            *op_amp("U", "in", "minus", "out", devices.LM308, rails=("high", "low")),
            Resistor("Rf", "out", "minus", 9e3),
            Resistor("Rg", "minus", GROUND, 1e3),
        ),
    )


def test_amplifier_slews_at_its_slew_rate_and_stops_before_its_rails():
    step = np.full(2000, 5.0)
    output = Network(amplifier_of_gain_10()).stepper(20e6).run(step)  # 100 us
    slope = (output[200] - output[100]) * 20e6 / 100
    assert slope == pytest.approx(0.3e6, rel=0.02)
    assert 8.0 < output[-1] < 9.0


def test_amplifier_loses_3_db_where_gain_times_bandwidth_says():
    rate, frequency = 20e6, 100e3  # 1 MHz / 10
    times = np.arange(1, 4001) / rate
    output = Network(amplifier_of_gain_10()).stepper(rate).run(1e-4 * np.sin(2 * np.pi * frequency * times))
    amplitude = np.sqrt(2 * np.mean(output[2000:] ** 2))  # whole periods
    assert 20 * np.log10(amplitude / 1e-3) == pytest.approx(-3.01, abs=0.1)


def test_newton_survives_jumps_of_kilovolts():
    """The guess, carried on from the last three steps, is thousands of volts off: exp(v / 45 mV) overflows there."""
    jumps = np.array([0.0, 5e3, -5e3, 5e3, 1e-3, -9e3, 0.0, 0.0, 2e4])
    stepper = Network(clipper()).stepper(48000)
    output = stepper.run(jumps)
    currents = 2 * DIODE.saturation_current * np.sinh(output / DIODE.slope_voltage)
    np.testing.assert_allclose((jumps - output) / 2.2e3, currents, rtol=1e-6, atol=1e-12)
    assert stepper.convergence["num_continuations"] > 0
    assert stepper.convergence["max_residual"] <= 1e-9


def test_missing_the_tolerance_is_an_error_that_names_circuit_and_step():
    with pytest.raises(SimulationError, match=r"circuit 'clipper': .*no solution at solver step"):
        Network(clipper(), tolerance=0.0).stepper(48000).run(np.linspace(0.0, 5.0, 100))


def test_blocks_do_not_matter():
    signal = np.random.default_rng(1).normal(0.0, 1.0, 1000)
    circuit = get_schematic("distortion")
    whole = Network(circuit).stepper(384000).run(signal)
    stepper = Network(circuit).stepper(384000)
    parts = [stepper.run(block) for block in np.split(signal, [1, 2, 17, 600, 999])]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((Resistor("R", "in", "out", 1e3), Resistor("R", "out", GROUND, 1e3)), "several components named R"),
        ((Resistor("R", "in", "elsewhere", 1e3),), "no node 'out'"),
        (
            (
                VoltageSource("V", "out", GROUND, 1.0),
                VoltageSource("W", "out", GROUND, 2.0),
                Resistor("R", "in", "out", 1.0),
            ),
            "no unique solution",
        ),
    ],
)
def test_impossible_circuits_are_refused_by_what_is_wrong(parts, message):
    with pytest.raises(ConfigError, match=message):
        Network(Circuit("odd", parts)).operating_point()


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_component_values_are_positive_and_finite(value):
    with pytest.raises(ConfigError, match="R9 has ohms"):
        Resistor("R9", "in", "out", value)
    with pytest.raises(ConfigError, match="C9 has farads"):
        Capacitor("C9", "in", "out", value)


def test_components_are_found_and_replaced_by_name():
    slow = rc().replace(Resistor("R", "in", "out", 10e3))
    assert slow["R"].ohms == 10e3
    assert rc()["R"].ohms == 1e3
    with pytest.raises(ConfigError, match="no component 'R2'; it has R, C"):
        rc().replace(Resistor("R2", "in", "out", 1.0))
