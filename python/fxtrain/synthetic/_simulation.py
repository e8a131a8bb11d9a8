# SPDX-License-Identifier: MIT
"""Playing a signal through a circuit."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxtrain.errors import ConfigError
from fxtrain.synthetic._components import Circuit
from fxtrain.synthetic._network import Method, Network
from fxtrain.synthetic._oversampling import Oversampler

__all__ = ["Convergence", "Recording", "simulate"]

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Convergence:
    """What Newton's iteration did.

    Attributes:
        num_steps: solver steps.
        mean_iterations: Newton iterations per step.
        max_iterations: Newton iterations of the hardest step.
        num_continuations: steps that plain Newton missed and continuation solved.
        max_residual: greatest remaining error of a port equation, V.
    """

    num_steps: int
    mean_iterations: float
    max_iterations: int
    num_continuations: int
    max_residual: float


@dataclass(frozen=True)
class Recording:
    """A circuit's output.

    Attributes:
        output: float64, one value per input frame, full scale 1, not delayed.
        convergence: how the solver fared.
    """

    output: NDArray[np.float64]
    convergence: Convergence


def simulate(
    circuit: Circuit,
    signal: NDArray[np.floating[Any]],
    sample_rate: int,
    *,
    oversampling: int = 8,
    method: Method = "trapezoidal",
    tolerance: float = 1e-9,
    progress: Callable[[float], None] | None = None,
) -> Recording:
    """Plays a signal through a circuit that was at rest before.

    Args:
        circuit: the schematic.
        signal: shape ``(frames,)``, full scale 1, which is ``circuit.input_volts``.
        sample_rate: of the signal, in hertz.
        oversampling: solver steps per frame.
        method: see :meth:`Network.stepper`.
        tolerance: greatest residual of a nonlinear port's equation, V; a step that misses it raises SimulationError.
        progress: called with the done share, 0 to 1, about once per second of signal.
    """
    if signal.ndim != 1 or not np.all(np.isfinite(signal)):
        raise ConfigError(
            f"the signal has shape {signal.shape} or holds NaN or infinity; give finite values of shape (frames,)."
        )
    if oversampling < 1:
        raise ConfigError(f"oversampling is {oversampling}; give 1 or more.")
    stepper = Network(circuit, tolerance=tolerance).stepper(sample_rate * oversampling, method=method)
    oversampler = Oversampler(oversampling)
    margin, num_frames = oversampler.half_width, len(signal)
    padded = np.pad(signal.astype(np.float64), 2 * margin)  # padded[i + 2 margin] is signal[i]
    output = np.empty(num_frames)
    steps = np.empty(0)
    done = 0
    for start in range(-margin, num_frames + margin, sample_rate):  # frames [start, stop) enter the solver
        stop = min(start + sample_rate, num_frames + margin)
        block = padded[start + margin : stop + 3 * margin]
        steps = np.concatenate([steps, stepper.run(oversampler.interpolate(block))])
        ready = stop - margin  # frames before this one have all their context
        if ready > done:
            output[done:ready] = oversampler.decimate(steps)
            done = ready
            steps = steps[-2 * margin * oversampling :]
        if progress is not None:
            progress(max(done, 0) / max(num_frames, 1))
    found = stepper.convergence
    convergence = Convergence(
        num_steps=int(found["num_steps"]),
        mean_iterations=found["num_iterations"] / max(found["num_steps"], 1),
        max_iterations=int(found["max_iterations"]),
        num_continuations=int(found["num_continuations"]),
        max_residual=float(found["max_residual"]),
    )
    _LOGGER.info("circuit %s: %s", circuit.name, convergence)
    return Recording(output, convergence)
