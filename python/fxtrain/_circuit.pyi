# SPDX-License-Identifier: MIT
"""Solver of nonlinear circuits and synthesis of strings, in double precision."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[np.float64]
_Devices = Sequence[tuple[str, Sequence[float]]]

class Simulation:
    def __init__(
        self,
        devices: _Devices,
        p: _Array,
        k: _Array,
        m: _Array,
        states: _Array,
        voltages: _Array,
        *,
        tolerance: float,
        max_iterations: int,
    ) -> None: ...
    def run(self, input: _Array) -> _Array: ...
    @property
    def convergence(self) -> dict[str, Any]: ...
    @property
    def states(self) -> _Array: ...
    @property
    def voltages(self) -> _Array: ...

def solve_ports(
    devices: _Devices, k: _Array, p: _Array, *, tolerance: float, max_iterations: int
) -> tuple[_Array, _Array, dict[str, Any]]: ...
def evaluate_device(kind: str, parameters: Sequence[float], voltages: Sequence[float]) -> tuple[_Array, _Array]: ...
def render_string(
    excitation: _Array, *, delay: _Array, gain: _Array, damping: _Array, pickup_delay: _Array, hop: int
) -> _Array: ...
