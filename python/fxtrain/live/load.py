# SPDX-License-Identifier: MIT
"""How much of a block's time computing takes."""

from __future__ import annotations

import time
from collections import deque

import numpy as np
import numpy.typing as npt

from fxtrain import _engine

__all__ = ["RecentLoad", "share_of_time"]


def share_of_time(loads: npt.NDArray[np.uint64], quantile: float, step: float) -> float:
    """The share of their time that computing took in the given part of all blocks.

    Args:
        loads: how many blocks took so many steps.
        quantile: 0.5 for the median, 0.999 for all but one in a thousand; 1 for the longest.
        step: share of a block's time.

    Returns:
        The upper edge of the step; 0 where there were no blocks.
    """
    total = int(loads.sum())
    if total == 0:
        return 0.0
    index = int(np.searchsorted(np.cumsum(loads), quantile * total))
    return (min(index, len(loads) - 1) + 1) * step


class RecentLoad:
    """Median and greatest share of its time that a block took within the last second."""

    def __init__(self, chain: _engine.LiveChain) -> None:
        self._chain = chain
        self._history = deque([(0.0, chain.loads())])
        self._last = (0.0, 0.0)

    def update(self) -> tuple[float, float]:
        """Both, looked at ten times a second at most."""
        now = time.monotonic()
        if now - self._history[-1][0] < 0.1:
            return self._last
        loads = self._chain.loads()
        while len(self._history) > 1 and now - self._history[1][0] >= 1.0:
            self._history.popleft()
        recent = loads - self._history[0][1]
        self._history.append((now, loads))
        step = self._chain.LOAD_STEP
        self._last = (share_of_time(recent, 0.5, step), share_of_time(recent, 1.0, step))
        return self._last
