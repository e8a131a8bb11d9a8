# SPDX-License-Identifier: MIT
"""Who is told how far a run is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["Progress", "Silent"]


class Progress(Protocol):
    """Follows a run; see :mod:`fxtrain.cli.progress` for the bar."""

    def start(self, total_steps: int, step: int, *, figure: str, unit: str) -> None:
        """The number of steps is known; ``figure`` is the criterion's name, ``unit`` what is counted in a batch."""

    def update(self, step: int, *, items_per_second: float, value: float) -> None:
        """Steps were done; ``value`` is the criterion's last figure."""


@dataclass
class Silent:
    """Tells nobody."""

    def start(self, total_steps: int, step: int, *, figure: str, unit: str) -> None:
        """Nothing."""

    def update(self, step: int, *, items_per_second: float, value: float) -> None:
        """Nothing."""
