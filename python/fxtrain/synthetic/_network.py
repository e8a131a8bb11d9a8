# SPDX-License-Identifier: MIT
"""From a schematic to equations that the native solver steps.

Modified nodal analysis: the unknowns ``x`` are the node voltages and the currents of voltage sources and of
operational amplifiers' outputs. With capacitors replaced by their companion models, the linear part is

    S x = b_u u + b_1 + N_c^T h - N_i^T i

with the input ``u``, the constant sources ``b_1``, the capacitors' histories ``h`` and the currents ``i`` of the
nonlinear ports. Solved for what matters (port voltages, capacitor voltages, output) it is the discrete nodal K-method:
D. T. Yeh, J. S. Abel and J. O. Smith, "Automated physical modeling of nonlinear audio circuits for real-time audio
effects, part I", IEEE TASLP 18(4), 2010; M. Holters and U. Zölzer, "Physical modelling of a wah-wah effect pedal as a
case study for application of the nodal DK method to circuits with variable parts", DAFx 2011.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fxtrain import _circuit
from fxtrain.errors import ConfigError, SimulationError
from fxtrain.synthetic._components import (
    GROUND,
    Capacitor,
    Circuit,
    Component,
    IdealOpAmp,
    NonlinearComponent,
    Resistor,
    VoltageSource,
)

__all__ = ["Method", "Network", "OperatingPoint", "Stepper"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Method = Literal["trapezoidal", "bdf2"]

LEAKAGE = 1e-12
"""Conductance from every node to ground in siemens, SPICE's GMIN: a node between capacitors has a voltage at DC."""

MAX_ITERATIONS = 60
"""Newton iterations of one solution before continuation takes over."""


@dataclass(frozen=True)
class OperatingPoint:
    """The circuit at rest, its input at 0 V.

    Attributes:
        nodes: voltage of each node.
        capacitors: voltage across each capacitor, in the circuit's order.
        ports: voltage of each nonlinear port.
        currents: current of each nonlinear port.
        residual: greatest error of a port equation, V.
    """

    nodes: dict[str, float]
    capacitors: Vector
    ports: Vector
    currents: Vector
    residual: float


class Network:
    """The equations of a circuit, in continuous time.

    Args:
        circuit: the schematic.
        tolerance: greatest residual of a nonlinear port's equation, V.
    """

    def __init__(self, circuit: Circuit, *, tolerance: float = 1e-9) -> None:
        self.circuit = circuit
        self.tolerance = tolerance
        self._nodes = {name: index for index, name in enumerate(_node_names(circuit))}
        for role in (circuit.input, circuit.output):
            if role not in self._nodes:
                raise ConfigError(
                    f"circuit {circuit.name!r} has no node {role!r}; its nodes are {', '.join(self._nodes)}."
                )
        parts = circuit.components
        self._capacitors = [part for part in parts if isinstance(part, Capacitor)]
        self._nonlinear = [part for part in parts if isinstance(part, NonlinearComponent)]
        sources = [part for part in parts if isinstance(part, VoltageSource)]
        amplifiers = [part for part in parts if isinstance(part, IdealOpAmp)]

        num_nodes = len(self._nodes)
        size = num_nodes + 1 + len(sources) + len(amplifiers)
        self._linear = np.zeros((size, size))
        self._linear[:num_nodes, :num_nodes] = LEAKAGE * np.eye(num_nodes)
        for part in parts:
            if isinstance(part, Resistor):
                difference = self._difference(part.a, part.b, size)
                self._linear += np.outer(difference, difference) / part.ohms
        self._input = np.zeros(size)
        self._constant = np.zeros(size)
        row = num_nodes
        self._stamp_source(row, circuit.input, GROUND)
        self._input[row] = 1.0
        for source in sources:
            row += 1
            self._stamp_source(row, source.plus, source.minus)
            self._constant[row] = source.volts
        for amplifier in amplifiers:
            row += 1
            self._linear[row] = self._difference(amplifier.plus, amplifier.minus, size)
            self._linear[:, row] += self._difference(amplifier.output, GROUND, size)

        def incidence(ports: list[tuple[str, str]]) -> Matrix:
            rows = [self._difference(first, second, size) for first, second in ports]
            return np.array(rows).reshape(len(rows), size)

        self._across_capacitors = incidence([(part.a, part.b) for part in self._capacitors])
        self._sensed = incidence([port for part in self._nonlinear for port in part.sensed()])
        self._driven = incidence([port for part in self._nonlinear for port in part.driven()])
        self._output = self._difference(circuit.output, GROUND, size)
        self._farads = np.array([part.farads for part in self._capacitors])
        self.devices = [(part.kind, list(part.parameters())) for part in self._nonlinear]

    @property
    def num_states(self) -> int:
        """Number of capacitors."""
        return len(self._capacitors)

    @property
    def num_ports(self) -> int:
        """Number of nonlinear ports."""
        return len(self._sensed)

    def _difference(self, first: str, second: str, size: int) -> Vector:
        result = np.zeros(size)
        for node, sign in ((first, 1.0), (second, -1.0)):
            if node != GROUND:
                result[self._nodes[node]] += sign
        return result

    def _stamp_source(self, row: int, plus: str, minus: str) -> None:
        difference = self._difference(plus, minus, len(self._linear))
        self._linear[row] += difference
        self._linear[:, row] += difference

    def _solve(self, system: Matrix, *right: Matrix) -> list[Matrix]:
        """``system^-1`` times each right-hand side; says which circuit it is when it cannot be solved."""
        columns = np.concatenate([part.reshape(len(system), -1) for part in right], axis=1)
        # Rows of conductances (down to 1e-12 S) and of voltages (1) are brought to one scale first.
        scale = np.abs(system).max(axis=1)
        if not np.all(scale > 0.0):
            raise ConfigError(f"circuit {self.circuit.name!r} has a node without a connection; connect or remove it.")
        try:
            solution = np.linalg.solve(system / scale[:, None], columns / scale[:, None])
        except np.linalg.LinAlgError:
            raise ConfigError(
                f"circuit {self.circuit.name!r} has no unique solution; look for a loop of voltage sources "
                "or an amplifier without feedback."
            ) from None
        edges = np.cumsum([part.reshape(len(system), -1).shape[1] for part in right])[:-1]
        return np.split(solution, edges, axis=1)

    def operating_point(self) -> OperatingPoint:
        """Solves the circuit at rest: capacitors carry no current, the input is at 0 V."""
        from_constant, from_currents = self._solve(self._linear, self._constant, -self._driven.T)
        p = self._sensed @ from_constant[:, 0]
        k = self._sensed @ from_currents
        try:
            ports, currents, convergence = _circuit.solve_ports(
                self.devices, k, p, tolerance=self.tolerance, max_iterations=MAX_ITERATIONS
            )
        except RuntimeError as error:
            raise SimulationError(f"circuit {self.circuit.name!r} at rest: {error}.") from None
        x = from_constant[:, 0] + from_currents @ currents
        nodes = {name: float(x[index]) for name, index in self._nodes.items()}
        return OperatingPoint(nodes, self._across_capacitors @ x, ports, currents, float(convergence["max_residual"]))

    def stepper(self, sample_rate: float, *, method: Method = "trapezoidal") -> Stepper:
        """Discretises the circuit.

        The companion of a capacitor is ``i = g (v - e)``, with ``e`` its history:

        ============  ===========  =========================================
        method        g            e of the next step
        ============  ===========  =========================================
        trapezoidal   2 C / T      2 v - e
        bdf2          3 C / (2 T)  4/3 v - 1/3 v of the step before
        ============  ===========  =========================================

        Args:
            sample_rate: solver steps per second.
            method: "trapezoidal" (second order, no numerical loss) or "bdf2" (second order, and what is faster than a
                step is damped).
        """
        n, ports = self.num_states, self.num_ports
        conductance = self._farads * sample_rate * (2.0 if method == "trapezoidal" else 1.5)
        across = self._across_capacitors
        system = self._linear + across.T @ (conductance[:, None] * across)
        from_history, from_input, from_constant, from_currents = self._solve(
            system, across.T * conductance, self._input, self._constant, -self._driven.T
        )
        point = self.operating_point()
        to_volts = self.circuit.input_volts
        if method == "trapezoidal":
            states = point.capacitors
            history = from_history
            next_state = np.concatenate([2.0 * across @ from_history - np.eye(n), 2.0 * across @ from_input], axis=1)
            next_constant, next_currents = 2.0 * across @ from_constant, 2.0 * across @ from_currents
        else:  # two voltages are remembered: the last step's and the one before
            states = np.concatenate([point.capacitors, point.capacitors])
            history = np.concatenate([4.0 / 3.0 * from_history, -1.0 / 3.0 * from_history], axis=1)
            shift = np.concatenate([np.eye(n), np.zeros((n, n + 1))], axis=1)
            next_state = np.concatenate([np.concatenate([across @ history, across @ from_input], axis=1), shift])
            next_constant = np.concatenate([across @ from_constant, np.zeros((n, 1))])
            next_currents = np.concatenate([across @ from_currents, np.zeros((n, ports))])
        volts = np.ones(len(states) + 2)
        volts[len(states)] = to_volts
        linear = np.concatenate([history, from_input, from_constant], axis=1)
        p = self._sensed @ linear * volts
        k = self._sensed @ from_currents
        output = np.concatenate([self._output @ linear, self._output @ from_currents]) / self.circuit.output_volts
        output[: len(volts)] *= volts
        states_rows = np.concatenate(
            [np.concatenate([next_state, next_constant], axis=1) * volts, next_currents], axis=1
        )
        m = np.concatenate([states_rows, output[None]])
        return Stepper(self, p, k, m, states, point.ports)


class Stepper:
    """A discretised circuit that plays blocks of samples, its state running through."""

    def __init__(self, network: Network, p: Matrix, k: Matrix, m: Matrix, states: Vector, ports: Vector) -> None:
        self._name = network.circuit.name
        self._simulation = _circuit.Simulation(
            network.devices, p, k, m, states, ports, tolerance=network.tolerance, max_iterations=MAX_ITERATIONS
        )

    def run(self, block: NDArray[np.floating[Any]]) -> Vector:
        """Plays samples at the solver's rate (full scale 1) and returns the output, as many. Raises SimulationError."""
        try:
            return self._simulation.run(np.ascontiguousarray(block, dtype=np.float64))
        except RuntimeError as error:
            raise SimulationError(f"circuit {self._name!r}: {error}.") from None

    @property
    def convergence(self) -> dict[str, float]:
        """Counts so far: num_steps, num_iterations, num_continuations, max_iterations; max_residual in V."""
        return self._simulation.convergence


def _node_names(circuit: Circuit) -> list[str]:
    names: dict[str, None] = {circuit.input: None}
    for component in circuit.components:
        names.update(dict.fromkeys(_nodes_of(component)))
    names.pop(GROUND, None)
    return list(names)


def _nodes_of(component: Component) -> tuple[str, ...]:
    if isinstance(component, NonlinearComponent):
        return tuple(node for port in (*component.sensed(), *component.driven()) for node in port)
    if isinstance(component, IdealOpAmp):
        return (component.plus, component.minus, component.output)
    if isinstance(component, VoltageSource):
        return (component.plus, component.minus)
    if isinstance(component, Resistor | Capacitor):
        return (component.a, component.b)
    raise ConfigError(f"{component.name} is a {type(component).__name__}, which has no equations here.")
