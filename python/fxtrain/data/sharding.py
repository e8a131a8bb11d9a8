# SPDX-License-Identifier: MIT
"""A part of each batch, for one of several processes that train together."""

from __future__ import annotations

import copy
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fxtrain.errors import ConfigError

__all__ = ["Sharded"]


class Sharded:
    """Base of the providers: what is drawn for a batch is the same on all ranks, and each makes its rows of it."""

    _rank = 0
    _world = 1

    def shard(self, rank: int, world: int) -> Self:
        """The same provider with batches of its rows alone.

        Args:
            rank: of this process, from 0.
            world: how many there are.
        """
        other = copy.copy(self)
        other._rank, other._world = rank, world
        return other

    def own_rows(self, rows: NDArray[Any]) -> NDArray[Any]:
        """The rows of a batch that this rank makes, consecutive ones.

        Raises:
            ConfigError: there are fewer rows than ranks.
        """
        if len(rows) < self._world:
            raise ConfigError(
                f"a batch holds {len(rows)} items, fewer than the {self._world} processes; start fewer of them, or "
                "give a larger --batch-size"
            )
        return rows if self._world == 1 else np.array_split(rows, self._world)[self._rank]
