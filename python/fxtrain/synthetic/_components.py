# SPDX-License-Identifier: MIT
"""What a schematic is made of: components between named nodes, and the circuit they form."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from fxtrain.errors import ConfigError
from fxtrain.synthetic.devices import (
    DiodeModel,
    OpAmpModel,
    TransistorModel,
    TriodeModel,
)

__all__ = [
    "GROUND",
    "Capacitor",
    "Circuit",
    "Component",
    "DiodePair",
    "IdealOpAmp",
    "NonlinearComponent",
    "Resistor",
    "Transconductor",
    "Transistor",
    "Triode",
    "VoltageSource",
    "op_amp",
    "potentiometer",
]

GROUND = "gnd"
"""Name of the node at 0 V."""

Port = tuple[str, str]
"""Two nodes; the port's voltage is that of the first against the second, and its current enters at the first."""


@dataclass(frozen=True)
class Component:
    """One part of a schematic, with the designator it is known by (``R1``)."""

    name: str


@dataclass(frozen=True)
class Resistor(Component):
    """A resistance in ohms between two nodes; a potentiometer is two of them."""

    a: str
    b: str
    ohms: float

    def __post_init__(self) -> None:
        _require_positive(self.name, "ohms", self.ohms)


@dataclass(frozen=True)
class Capacitor(Component):
    """A capacitance in farads between two nodes."""

    a: str
    b: str
    farads: float

    def __post_init__(self) -> None:
        _require_positive(self.name, "farads", self.farads)


@dataclass(frozen=True)
class VoltageSource(Component):
    """A constant voltage: a supply or a bias."""

    plus: str
    minus: str
    volts: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.volts):
            raise ConfigError(f"{self.name} has {self.volts} volts; give a finite value.")


@dataclass(frozen=True)
class IdealOpAmp(Component):
    """An operational amplifier without limits: its output keeps both inputs at the same voltage (a nullor)."""

    plus: str
    minus: str
    output: str


@dataclass(frozen=True)
class NonlinearComponent(Component):
    """A component whose port currents are a nonlinear function of its port voltages.

    Attributes:
        kind: name of the equations in the native solver.
    """

    kind: ClassVar[str]

    def sensed(self) -> tuple[Port, ...]:
        """The ports whose voltages the component depends on."""
        raise NotImplementedError

    def driven(self) -> tuple[Port, ...]:
        """The ports that its currents flow through: by default those that it senses."""
        return self.sensed()

    def parameters(self) -> tuple[float, ...]:
        """Parameters of the equations, in the native solver's order."""
        raise NotImplementedError


@dataclass(frozen=True)
class DiodePair(NonlinearComponent):
    """Diodes in opposite directions between two nodes, several in series if need be; or one diode alone.

    ::

            +---|>|--- (forward, forward_count in series) ---+
        a --+                                                +-- b
            +---|<|--- (reverse, reverse_count in series) ---+
    """

    kind: ClassVar[str] = "diode_pair"
    a: str
    b: str
    forward: DiodeModel
    reverse: DiodeModel | None = None
    forward_count: int = 1
    reverse_count: int = 1

    def sensed(self) -> tuple[Port, ...]:
        """The pair's two ends."""
        return ((self.a, self.b),)

    def parameters(self) -> tuple[float, ...]:
        """Saturation current and slope voltage of both directions."""
        back = (
            (self.reverse.saturation_current, self.reverse.slope_voltage * self.reverse_count)
            if self.reverse
            else (0.0, 1.0)
        )
        return (self.forward.saturation_current, self.forward.slope_voltage * self.forward_count, *back)


@dataclass(frozen=True)
class Transconductor(NonlinearComponent):
    """A current into ``out`` that follows the voltage v of ``plus`` against ``minus``: ``I tanh(gm v / I)``."""

    kind: ClassVar[str] = "transconductor"
    plus: str
    minus: str
    out: str
    siemens: float
    greatest_current: float

    def sensed(self) -> tuple[Port, ...]:
        """The input, which draws no current."""
        return ((self.plus, self.minus),)

    def driven(self) -> tuple[Port, ...]:
        """From ground into the output."""
        return ((GROUND, self.out),)

    def parameters(self) -> tuple[float, ...]:
        """Transconductance and greatest current."""
        return (self.siemens, self.greatest_current)


@dataclass(frozen=True)
class Triode(NonlinearComponent):
    """A triode valve."""

    kind: ClassVar[str] = "triode"
    plate: str
    grid: str
    cathode: str
    model: TriodeModel

    def sensed(self) -> tuple[Port, ...]:
        """Grid and plate against the cathode."""
        return ((self.grid, self.cathode), (self.plate, self.cathode))

    def parameters(self) -> tuple[float, ...]:
        """Koren's plate parameters, then Dempwolf's and Zölzer's grid parameters."""
        return dataclasses.astuple(self.model)


@dataclass(frozen=True)
class Transistor(NonlinearComponent):
    """A bipolar NPN transistor."""

    kind: ClassVar[str] = "bipolar"
    collector: str
    base: str
    emitter: str
    model: TransistorModel

    def sensed(self) -> tuple[Port, ...]:
        """Base against emitter, base against collector."""
        return ((self.base, self.emitter), (self.base, self.collector))

    def parameters(self) -> tuple[float, ...]:
        """Saturation current, forward and reverse current gain, slope voltage."""
        return dataclasses.astuple(self.model)


def op_amp(
    name: str, plus: str, minus: str, output: str, model: OpAmpModel, *, rails: tuple[str, str]
) -> tuple[Component, ...]:
    """A real operational amplifier: finite gain and bandwidth, slew rate, and an output that stops short of its rails.

    A differential pair (:class:`Transconductor`) charges the compensation capacitor; its greatest current sets the
    slew rate, its transconductance the gain-bandwidth product. Diodes to the supplies, each behind the voltage that
    the output stage needs, hold the node within reach, and an ideal buffer drives the output::

        plus ---|\\ i           +--> buffer --> output
                | >---+-----+--+
        minus --|/   === Cc  R  +--|>|-- (positive rail - headroom)
                      |     |   +--|<|-- (negative rail + headroom)
                     gnd   gnd

    Args:
        name: designator; the inner parts are named after it.
        plus: non-inverting input node.
        minus: inverting input node.
        output: output node.
        model: the figures of the data sheet.
        rails: positive and negative supply nodes.
    """
    inner, high, low = f"{name}.gain", f"{name}.high", f"{name}.low"
    siemens = 2 * math.pi * model.gain_bandwidth_hz * model.compensation
    diode = DiodeModel(saturation_current=1e-12, slope_voltage=0.02585)
    return (
        Transconductor(f"{name}.pair", plus, minus, inner, siemens, model.slew_rate * model.compensation),
        Resistor(f"{name}.R", inner, GROUND, model.open_loop_gain / siemens),
        Capacitor(f"{name}.Cc", inner, GROUND, model.compensation),
        VoltageSource(f"{name}.Vhigh", rails[0], high, model.headroom),
        VoltageSource(f"{name}.Vlow", low, rails[1], model.headroom),
        DiodePair(f"{name}.Dhigh", inner, high, diode),
        DiodePair(f"{name}.Dlow", low, inner, diode),
        IdealOpAmp(f"{name}.buffer", inner, output, output),
    )


@dataclass(frozen=True)
class Circuit:
    """A named schematic with one input and one output.

    Attributes:
        name: what it is called.
        components: its parts; node names are free, :data:`GROUND` is 0 V.
        input: node driven by the signal, as by a voltage source.
        output: node that is heard.
        input_volts: voltage at ``input`` for a signal of full scale.
        output_volts: voltage at ``output`` that counts as full scale.
    """

    name: str
    components: tuple[Component, ...]
    input: str = "in"
    output: str = "out"
    input_volts: float = 1.0
    output_volts: float = 1.0
    _by_name: dict[str, Component] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_name = {component.name: component for component in self.components}
        if len(by_name) != len(self.components):
            names = [component.name for component in self.components]
            twice = sorted({name for name in names if names.count(name) > 1})
            raise ConfigError(
                f"circuit {self.name!r} has several components named {', '.join(twice)}; give each its own name."
            )
        object.__setattr__(self, "_by_name", by_name)
        for name in ("input_volts", "output_volts"):
            _require_positive(self.name, name, getattr(self, name))

    def __getitem__(self, name: str) -> Component:
        """The component of that name."""
        try:
            return self._by_name[name]
        except KeyError:
            raise ConfigError(
                f"circuit {self.name!r} has no component {name!r}; it has {', '.join(self._by_name)}."
            ) from None

    def replace(self, *components: Component) -> Circuit:
        """The same circuit with these components in place of those of the same names."""
        new = {component.name: component for component in components}
        for name in new:
            self[name]
        return dataclasses.replace(self, components=tuple(new.get(part.name, part) for part in self.components))

    def describe(self) -> list[str]:
        """One line per component with its nodes and values, for logs and for the settings' fingerprint."""
        return [f"input_volts={self.input_volts!r} output_volts={self.output_volts!r} {self.input}->{self.output}"] + [
            repr(component) for component in self.components
        ]


def potentiometer(name: str, top: str, wiper: str, bottom: str, ohms: float, position: float) -> Sequence[Resistor]:
    """A linear potentiometer as two resistors, ``name.top`` and ``name.bottom``.

    Args:
        name: designator.
        top: node that the wiper reaches at position 1.
        wiper: the wiper's node.
        bottom: node that the wiper reaches at position 0.
        ohms: resistance of the whole track.
        position: 0 to 1; the wiper keeps one ohm from either end.
    """
    if not 0.0 <= position <= 1.0:
        raise ConfigError(f"the knob {name} is at {position}; give a position from 0 to 1.")
    return (
        Resistor(f"{name}.top", top, wiper, max(ohms * (1.0 - position), 1.0)),
        Resistor(f"{name}.bottom", wiper, bottom, max(ohms * position, 1.0)),
    )


def _require_positive(owner: str, what: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0.0):
        raise ConfigError(f"{owner} has {what} = {value}; give a positive value.")
