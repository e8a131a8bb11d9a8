# SPDX-License-Identifier: MIT
"""Schematics of our own on textbook topologies, with component values as derived in each docstring.

Knobs run from 0 to 1. Full scale is 1 V peak at the input, a guitar with humbuckers played hard, and a voltage at the
output that hard playing stays below.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

from fxtrain.errors import ConfigError
from fxtrain.synthetic._components import (
    GROUND,
    Capacitor,
    Circuit,
    Component,
    DiodePair,
    IdealOpAmp,
    Resistor,
    Transistor,
    Triode,
    VoltageSource,
    op_amp,
    potentiometer,
)
from fxtrain.synthetic.devices import D1N4148, LM308, N2N3904, TRIODE_12AX7

__all__ = ["SCHEMATICS", "distortion", "fuzz", "get_schematic", "overdrive", "valve"]


def overdrive(*, drive: float = 0.5, tone: float = 0.5, level: float = 0.8) -> Circuit:
    """Soft clipping: diodes in the feedback of a non-inverting amplifier, then a treble cut.

    ::

                               +---- R3 + drive ----+
                               +-------- C3 --------+
                               +-- D1 |>| , |<| D2 -+
                               |                    |
                               |        |\\          |
        in --C1--+-------------|------+-|+ \\         |
                 |             |        |   >--------+--R4--+--C5--+ level
                 R1            +--------|- /                |      |
                 |             |        |/                  C4     < ---- out
                gnd            R2                           |      >
                               C2                          tone   gnd
                              gnd                          gnd

    The leg R2 C2 (3.9 kohm, 56 nF) lets the gain rise above 1 / (2 pi R2 C2) = 729 Hz, so that bass stays tight. The
    gain there is 1 + (33 kohm + drive 470 kohm) / 3.9 kohm: 20 dB to 42 dB. C3 (68 pF) rounds the top: 4.7 kHz at
    full drive. The diodes hold the amplifier's output within about 0.6 V of its input, so the clean signal stays in
    the sum. R4 C4 (2.2 kohm, 47 nF) cut above 1.5 kHz; the tone pot in series with C4 gives the treble back.
    """
    return Circuit(
        "overdrive",
        (
            Capacitor("C1", "in", "plus", 47e-9),
            Resistor("R1", "plus", GROUND, 470e3),
            IdealOpAmp("U1", "plus", "minus", "amp"),
            Resistor("R2", "minus", "leg", 3.9e3),
            Capacitor("C2", "leg", GROUND, 56e-9),
            Resistor("R3", "minus", "amp", 33e3 + _knob("drive", drive) * 470e3),
            Capacitor("C3", "minus", "amp", 68e-12),
            DiodePair("D1", "minus", "amp", D1N4148, D1N4148),
            Resistor("R4", "amp", "dull", 2.2e3),
            Capacitor("C4", "dull", "treble", 47e-9),
            Resistor("tone", "treble", GROUND, 100.0 + _knob("tone", tone) * 10e3),
            Capacitor("C5", "dull", "volume", 1e-6),
            *potentiometer("level", "volume", "out", GROUND, 100e3, _knob("level", level)),
        ),
        output_volts=1.5,
    )


def distortion(*, gain: float = 0.5, tone: float = 0.6, level: float = 0.8) -> Circuit:
    """Hard clipping: a slow high-gain amplifier into diodes to ground.

    ::

                     +--- gain ---+
                     +---- C3 ----+
                     |   |\\       |
        in --C1--+---|---|+ \\     |
                 |   |   |   >----+--C4--R4--+--R5, tone--+-- buffer --C6--+ level
                 R1  +---|- /                |            |                |
                 |   |   |/ +-4.5 V        D1 D2          C5               < ---- out
                gnd  R2                      |            |                >
                     C2                     gnd          gnd              gnd
                    gnd

    The leg R2 C2 (680 ohm, 1 uF) sets the bass corner of the gain at 234 Hz; the pot (up to 331 kohm) makes it 1 +
    331 k / 680 = 54 dB, more than the amplifier (an LM308: 1 MHz, 0.3 V/us) has above 2 kHz, so its bandwidth and
    slew rate round the edges before the diodes square them. R5 and the tone pot (1.5 to 51.5 kohm) with C5 (3.3 nF)
    cut above 32 kHz to 940 Hz.
    """
    return Circuit(
        "distortion",
        (
            VoltageSource("V1", "high", GROUND, 4.5),
            VoltageSource("V2", "low", GROUND, -4.5),
            Capacitor("C1", "in", "plus", 22e-9),
            Resistor("R1", "plus", GROUND, 1e6),
            *op_amp("U1", "plus", "minus", "amp", LM308, rails=("high", "low")),
            Resistor("R2", "minus", "leg", 680.0),
            Capacitor("C2", "leg", GROUND, 1e-6),
            Resistor("gain", "minus", "amp", 1e3 + _knob("gain", gain) * 330e3),
            Capacitor("C3", "minus", "amp", 68e-12),
            Capacitor("C4", "amp", "coupled", 4.7e-6),
            Resistor("R4", "coupled", "clipped", 1e3),
            DiodePair("D1", "clipped", GROUND, D1N4148, D1N4148),
            Resistor("R5", "clipped", "filtered", 1.5e3 + (1.0 - _knob("tone", tone)) * 50e3),
            Capacitor("C5", "filtered", GROUND, 3.3e-9),
            IdealOpAmp("U2", "filtered", "buffered", "buffered"),
            Capacitor("C6", "buffered", "volume", 1e-6),
            *potentiometer("level", "volume", "out", GROUND, 100e3, _knob("level", level)),
        ),
    )


def valve(*, gain: float = 0.5) -> Circuit:
    """Two common-cathode stages of a 12AX7 with a gain control between them.

    ::

                  +300 V                  +300 V
                    |                       |
                   Ra1                     Ra2
                    |                       |
                    +--C1--+ gain           +--C2--+---- out
                    |      |                |      |
        in --Rg1--+ V1     < --Rg2--------+ V2     Rl
                  g |      >              g |      |
                  Rk1,Ck1  |             Rk2,Ck2  gnd
                    |     gnd               |
                   gnd                     gnd

    Each stage has 100 kohm in the plate and 1.5 kohm in the cathode: it settles at 0.97 mA, 1.5 V of bias and 203 V
    at the plate, and amplifies 55 to 60 times. The cathode capacitors (1 uF) lift the gain above 106 Hz and forget
    within milliseconds. The first stage drives the second into grid current on one side and cut-off on the other.
    Plate-to-grid capacitances Cgp (1.7 pF, data sheet), behind the grid stoppers (68 and 220 kohm), round the top:
    Miller's 100 pF against 220 kohm makes 7 kHz.
    """

    def stage(number: int) -> tuple[Component, ...]:
        grid, plate, cathode = f"grid{number}", f"plate{number}", f"cathode{number}"
        return (
            Triode(f"V{number}", plate, grid, cathode, TRIODE_12AX7),
            Resistor(f"Ra{number}", "supply", plate, 100e3),
            Resistor(f"Rk{number}", cathode, GROUND, 1.5e3),
            Capacitor(f"Ck{number}", cathode, GROUND, 1e-6),
            Capacitor(f"Cgp{number}", grid, plate, 1.7e-12),
        )

    return Circuit(
        "valve",
        (
            VoltageSource("supply", "supply", GROUND, 300.0),
            Resistor("Rg1", "in", "grid1", 68e3),
            *stage(1),
            Capacitor("C1", "plate1", "coupled", 22e-9),
            *potentiometer("gain", "coupled", "wiper", GROUND, 470e3, _knob("gain", gain)),
            Resistor("Rg2", "wiper", "grid2", 220e3),
            *stage(2),
            Capacitor("C2", "plate2", "out", 22e-9),
            Resistor("Rl", "out", GROUND, 1e6),
        ),
        output_volts=200.0,
    )


def fuzz(*, fuzz: float = 0.6, level: float = 0.7) -> Circuit:
    """Two silicon transistors in a feedback pair, driven into saturation.

    ::

                               +9 V          +9 V
                                |             |
                                R1            R3
                                |             +--C3--+ level
                                |             R2     |
                                |             |      < ---- out
                                +-----------b Q2     >
                                |             | e   gnd
        in --Rs--C1--+--------b Q1            +--------+
                     |          | e           |        |
                     |         gnd            |       fuzz <--C2-- gnd
                     +----------- R4 ---------+        |
                                                      gnd

    The emitter of Q2 settles one base-emitter drop above ground, since R4 (100 kohm) feeds it back to the base of Q1:
    0.7 V over the fuzz pot (1 kohm) is 0.7 mA, and R2 + R3 (8.67 kohm) put the collector at 3 V. C2 (22 uF) takes the
    feedback away as the wiper goes up. Rs (15 kohm) stands for the pickup and its volume pot; a capacitor from
    collector to base of Q1 (100 pF) keeps radio out.
    """
    return Circuit(
        "fuzz",
        (
            VoltageSource("supply", "supply", GROUND, 9.0),
            Resistor("Rs", "in", "guitar", 15e3),
            Capacitor("C1", "guitar", "base1", 2.2e-6),
            Transistor("Q1", "collector1", "base1", GROUND, N2N3904),
            Capacitor("Cbc", "base1", "collector1", 100e-12),
            Resistor("R1", "supply", "collector1", 33e3),
            Transistor("Q2", "collector2", "collector1", "emitter2", N2N3904),
            Resistor("R2", "tap", "collector2", 8.2e3),
            Resistor("R3", "supply", "tap", 470.0),
            Resistor("R4", "emitter2", "base1", 100e3),
            *potentiometer("fuzz", "emitter2", "wiper", GROUND, 1e3, _knob("fuzz", fuzz)),
            Capacitor("C2", "wiper", GROUND, 22e-6),
            Capacitor("C3", "tap", "volume", 10e-9),
            *potentiometer("level", "volume", "out", GROUND, 500e3, _knob("level", level)),
        ),
        output_volts=0.5,
    )


SCHEMATICS: dict[str, Callable[..., Circuit]] = {
    "overdrive": overdrive,
    "distortion": distortion,
    "valve": valve,
    "fuzz": fuzz,
}
"""Schematics by name; each takes its knobs as keywords."""


def get_schematic(name: str, **knobs: float) -> Circuit:
    """The schematic of that name with its knobs set.

    >>> get_schematic("overdrive", drive=1.0)["R3"].ohms
    503000.0
    """
    if name not in SCHEMATICS:
        raise ConfigError(f"there is no circuit {name!r}; choose one of {', '.join(SCHEMATICS)}.")
    known = inspect.signature(SCHEMATICS[name]).parameters
    if unknown := sorted(set(knobs) - set(known)):
        raise ConfigError(f"circuit {name!r} has no knob {', '.join(unknown)}; it has {', '.join(known)}.")
    return SCHEMATICS[name](**knobs)


def _knob(name: str, position: float) -> float:
    if not 0.0 <= position <= 1.0:
        raise ConfigError(f"the knob {name} is at {position}; give a position from 0 to 1.")
    return position
