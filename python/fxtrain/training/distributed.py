# SPDX-License-Identifier: MIT
"""Several processes that train one model, as ``torchrun`` starts them.

Each process (*rank*) computes a part of every batch. Gradients are averaged, so that all have the same weights at all
times; what depends on a clock or on the outside (when to save, when to stop, how many steps to do) is decided by one
and followed by all. The first rank alone has a folder.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

from fxtrain.errors import FxtrainError, InputError, RankLostError

__all__ = ["ALONE", "Ranks", "connected", "is_distributed", "join_batch", "part_of_batch"]

_T = TypeVar("_T")
_PATIENCE = timedelta(minutes=10)


def join_batch(parts: Sequence[Tensor], layout: tuple[int, int]) -> Tensor:
    """One tensor of what the ranks have of it; see :meth:`fxtrain.training.protocol.Trainable.carried_layout`.

    >>> join_batch([torch.tensor([[1, 5]]), torch.tensor([[2, 3, 6, 7]])], (1, 2))
    tensor([[1, 2, 3, 5, 6, 7]])
    """
    dimension, blocks = layout
    apart = [torch.unflatten(part, dimension, (blocks, part.shape[dimension] // blocks)) for part in parts]
    return torch.cat(apart, dimension + 1).flatten(dimension, dimension + 1)


def part_of_batch(whole: Tensor, layout: tuple[int, int], rank: int, world: int) -> Tensor:
    """The inverse: what one rank has of a tensor.

    >>> part_of_batch(torch.tensor([[1, 2, 3, 5, 6, 7]]), (1, 2), 1, 2)
    tensor([[3, 7]])
    """
    dimension, blocks = layout
    apart = torch.unflatten(whole, dimension, (blocks, whole.shape[dimension] // blocks))
    return torch.tensor_split(apart, world, dimension + 1)[rank].flatten(dimension, dimension + 1).contiguous()


@dataclass(frozen=True)
class Ranks:
    """The processes that train together, seen from one of them.

    Attributes:
        rank: of this one, from 0.
        world: how many there are.
        local: of this one on its machine; chooses the GPU.
    """

    rank: int = 0
    world: int = 1
    local: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this one has the folder and does the talking."""
        return self.rank == 0

    @property
    def are_several(self) -> bool:
        """Whether there are others."""
        return self.world > 1

    def gather(self, value: _T) -> list[_T]:
        """The values of all ranks, on each of them; anything that can be pickled."""
        if not self.are_several:
            return [value]
        found: list[Any] = [None] * self.world
        with _losses_are_said():
            distributed.all_gather_object(found, value)
        return found

    def first(self, function: Callable[[], _T]) -> _T:
        """What a function gives on the first rank, on all of them.

        Raises:
            FxtrainError: the function did.
        """
        if not self.are_several:
            return function()
        made: list[Any] = [None, None]
        if self.is_first:
            try:
                made[0] = function()
            except FxtrainError as error:
                made[1] = error
        with _losses_are_said():
            distributed.broadcast_object_list(made, src=0)
        if made[1] is not None:
            raise made[1]
        value: _T = made[0]
        return value

    def each(self, function: Callable[[], _T]) -> _T:
        """What a function gives on this rank, once it has succeeded on all.

        Raises:
            FxtrainError: on all ranks what the function raised on the lowest one that failed.
        """
        if not self.are_several:
            return function()
        value, failure = None, None
        try:
            value = function()
        except FxtrainError as error:
            failure = error
        failures = self.gather(failure)
        for rank, found in enumerate(failures):
            if found is not None:
                everywhere = all(each is not None for each in failures)
                raise found if everywhere else type(found)(f"process {rank} of {self.world}: {found}")
        return value  # type: ignore[return-value]

    def require_same(self, value: str, complaint: str) -> None:
        """Raises InputError with a complaint where ranks have different values."""
        values = self.gather(value)
        for rank, other in enumerate(values):
            if other != values[0]:
                raise InputError(
                    f"process {rank} of {self.world} {complaint} (process 0: {values[0][:12]}, process "
                    f"{rank}: {other[:12]})"
                )

    def add(self, tensor: Tensor) -> Tensor:
        """The sum over the ranks, in place."""
        if self.are_several:
            with _losses_are_said():
                distributed.all_reduce(tensor)
        return tensor

    def mean(self, tensor: Tensor, share: float) -> Tensor:
        """The mean over the ranks of a value that does not depend on the weights.

        Args:
            tensor: this rank's value.
            share: of the batch, that this rank computes.
        """
        return self.add(tensor.detach() * share) if self.are_several else tensor

    def average_gradients(self, parameters: Sequence[Tensor], values: Sequence[Tensor], share: float) -> list[Tensor]:
        """Makes the gradients those of the whole batch.

        Args:
            parameters: whose gradients are replaced.
            values: scalars, such as losses.
            share: of the batch, that this rank computes.

        Returns:
            The means of ``values`` over the whole batch.
        """
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        parts = [*gradients, *(value.detach().reshape(1).to(gradients[0]) for value in values)]
        flat = self.add(torch.cat([part.reshape(-1) for part in parts]) * share)
        pieces = torch.split(flat, [part.numel() for part in parts])
        reduced = [piece.view_as(part) for piece, part in zip(pieces, parts, strict=True)]
        for gradient, mean in zip(gradients, reduced, strict=False):
            gradient.copy_(mean)
        return [mean[0] for mean in reduced[len(gradients) :]]

    def copy_from_first(self, tensors: Sequence[Tensor]) -> None:
        """Gives all ranks the values of the first, in place."""
        if self.are_several:
            with _losses_are_said():
                for tensor in tensors:
                    distributed.broadcast(tensor, src=0)


ALONE = Ranks()


def is_distributed() -> bool:
    """Whether this process was started as one of several, as ``torchrun`` does."""
    return int(os.environ.get("WORLD_SIZE", "1") or 1) > 1 and "RANK" in os.environ


@contextmanager
def connected() -> Iterator[Ranks]:
    """Joins the other processes for the time of the context.

    Raises:
        InputError: they cannot be reached.
    """
    if not is_distributed():
        yield ALONE
        return
    try:
        ranks = Ranks(*(int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK")))
        has_cuda = torch.cuda.is_available()
        if has_cuda:
            torch.cuda.set_device(ranks.local % torch.cuda.device_count())
        distributed.init_process_group("cpu:gloo,cuda:nccl" if has_cuda else "gloo", timeout=_PATIENCE)
    except (KeyError, ValueError, RuntimeError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(
            f"the other processes of this run cannot be reached ({reason}); start them with torchrun -m fxtrain fit"
        ) from None
    atexit.register(_leave)  # after an error, once it has been said: torchrun ends all once one is gone
    yield ranks
    _leave()


def _leave() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()


@contextmanager
def _losses_are_said() -> Iterator[None]:
    try:
        yield
    except (RuntimeError, OSError) as error:
        raise RankLostError(
            "another process of this run ended or cannot be reached any more, so this one ends too; what was saved "
            "last is kept"
        ) from error
