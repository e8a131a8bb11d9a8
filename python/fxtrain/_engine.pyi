# SPDX-License-Identifier: MIT
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

Signal = npt.NDArray[np.float32]

class Model:
    @property
    def knobs(self) -> list[float]: ...
    @property
    def num_faults(self) -> int: ...
    def process(self, x: Signal, out: Signal | None = None) -> Signal: ...
    def reset(self) -> None: ...
    def set_knob(self, index: int, position: float) -> None: ...
    def info(self) -> dict[str, Any]: ...

def load(
    path: str | PathLike[str],
    *,
    backend: str,
    self_test: bool,
    oversampling: int,
    weight_storage: str,
    activations: str,
) -> Model: ...
def available_backends() -> list[str]: ...
def describe_content(content: bytes) -> str: ...
