# SPDX-License-Identifier: MIT
"""Parameters of real parts, each with its source.

The thermal voltage is taken at 27 °C, the nominal temperature of SPICE models: k T / q = 25.85 mV.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "D1N34A",
    "D1N4148",
    "LED_RED",
    "LM308",
    "N2N3904",
    "THERMAL_VOLTAGE",
    "TL072",
    "TRIODE_12AX7",
    "DiodeModel",
    "OpAmpModel",
    "TransistorModel",
    "TriodeModel",
]

THERMAL_VOLTAGE = 0.025852
"""k T / q at 300.15 K, in volts."""


@dataclass(frozen=True)
class DiodeModel:
    """Shockley's law ``i = saturation_current (exp(v / slope_voltage) - 1)``; the slope voltage is n kT/q."""

    saturation_current: float
    slope_voltage: float


@dataclass(frozen=True)
class TransistorModel:
    """Ebers and Moll's transport model."""

    saturation_current: float
    forward_gain: float
    reverse_gain: float
    slope_voltage: float = THERMAL_VOLTAGE


@dataclass(frozen=True)
class TriodeModel:
    """Koren's plate current (mu to kvb) and Dempwolf's and Zölzer's grid current (grid_perveance to grid_exponent)."""

    mu: float
    exponent: float
    kg1: float
    kp: float
    kvb: float
    grid_perveance: float
    grid_knee: float
    grid_exponent: float


@dataclass(frozen=True)
class OpAmpModel:
    """Figures of an operational amplifier's data sheet.

    Attributes:
        open_loop_gain: at DC, V/V.
        gain_bandwidth_hz: frequency at which the open-loop gain has fallen to 1.
        slew_rate: V/s.
        headroom: how far the output stays from its rails, V (a diode drop of the limiter comes off this).
        compensation: compensation capacitor, F; only its ratio to the input stage matters outside.
    """

    open_loop_gain: float
    gain_bandwidth_hz: float
    slew_rate: float
    headroom: float
    compensation: float = 30e-12


D1N4148 = DiodeModel(saturation_current=2.52e-9, slope_voltage=1.752 * THERMAL_VOLTAGE)
"""Silicon switching diode 1N4148 / 1N914. SPICE model of the makers (IS = 2.52 nA, N = 1.752); the series resistance
of 0.57 ohm is left out: at 10 mA it drops 6 mV. Against the data sheet (Vishay 81857): 0.62 to 0.72 V at 5 mA for the
1N4448 selection; 0.66 V here."""

D1N34A = DiodeModel(saturation_current=200e-9, slope_voltage=1.3 * THERMAL_VOLTAGE)
"""Germanium point-contact diode 1N34A. The SPICE model in common use (IS = 200 nA, N = 1.3), 0.29 V at 1 mA; its series
resistance of 7 ohm is left to the circuit. Specimens scatter by a factor of two in current."""

LED_RED = DiodeModel(saturation_current=93.2e-12, slope_voltage=3.73 * THERMAL_VOLTAGE)
"""Red 5 mm light-emitting diode: SPICE model widely used for the type (IS = 93.2 pA, N = 3.73), 1.78 V at 10 mA."""

N2N3904 = TransistorModel(saturation_current=6.734e-15, forward_gain=416.4, reverse_gain=0.7371)
"""Small-signal NPN 2N3904: IS, BF, BR of the maker's SPICE model (Fairchild)."""

TRIODE_12AX7 = TriodeModel(
    mu=100.0,
    exponent=1.4,
    kg1=1060.0,
    kp=600.0,
    kvb=300.0,
    grid_perveance=6.177e-4,
    grid_knee=9.901,
    grid_exponent=1.314,
)
"""12AX7 / ECC83.

Plate: N. Koren, "Improved vacuum-tube models for SPICE simulations", Glass Audio 8(5), 1996. Grid: the specimen RSD-1
in K. Dempwolf and U. Zölzer, "A physically-motivated triode model for circuit simulations", DAFx 2011.
"""

TL072 = OpAmpModel(open_loop_gain=2e5, gain_bandwidth_hz=3e6, slew_rate=13e6, headroom=1.5)
"""JFET-input TL072: typical figures of the data sheet (Texas Instruments SLOS080)."""

LM308 = OpAmpModel(open_loop_gain=3e5, gain_bandwidth_hz=1e6, slew_rate=0.3e6, headroom=1.0)
"""Slow bipolar LM308, compensated with 30 pF: typical figures of the data sheet (National Semiconductor)."""
