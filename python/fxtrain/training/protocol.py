# SPDX-License-Identifier: MIT
"""What the trainer asks of a model and of the data: the only contract between them.

::

    provider.batch(step) -> batch.to(device) -> model.begin_step -> for each phase: model.loss -> backward -> optimizer
    provider.validation() -> model.validate -> sums -> criterion -> best weights
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, ClassVar, Literal, Protocol, Self, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from fxtrain.training.schedulers import Scheduler, get_scheduler

__all__ = [
    "Batch",
    "Criterion",
    "Frozen",
    "OptimizerConfig",
    "Phase",
    "Provider",
    "StepContext",
    "Trainable",
]


@runtime_checkable
class Batch(Protocol):
    """What one optimiser step is fed."""

    @property
    def num_items(self) -> int:
        """How much it holds, in the provider's unit: frames, pictures, tokens."""

    def to(self, device: torch.device) -> Self:
        """The batch on another device."""


@runtime_checkable
class Provider(Protocol):
    """What feeds a model: batches by step number, so that a run can go on from any step.

    ``batch`` is a pure function of the provider's settings, its seed and the step. It may run in a worker process.
    """

    unit: str
    """What the items of a batch are, in the plural: ``samples``, ``pictures``."""

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps in which all material is seen about once."""

    @property
    def steps_per_sequence(self) -> int:
        """Consecutive steps that belong together, such as the chunks of a sequence; 1 if each stands alone."""

    @property
    def fingerprint(self) -> str:
        """Hash of the training material: a resumed run must see the same."""

    def batch(self, step: int) -> Batch:
        """The batch of one optimiser step, counted from 0."""

    def validation(self) -> Iterable[Batch]:
        """The batches that the criterion is computed on, the same ones at each call, made one at a time."""

    def shard(self, rank: int, world: int) -> Self:
        """The same for one of several processes: its batches are the rows that ``numpy.array_split`` gives to ``rank``.

        Everything but ``batch`` is as it was.
        """


@cache
def _without_compiler(kind: type[torch.optim.Adam]) -> type[torch.optim.Adam]:
    """The same optimiser without the wrappers that keep torch's compiler out of it: they import it, which takes 1.4
    seconds.
    """
    wrapped = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")
    methods: dict[str, Any] = {name: inspect.unwrap(getattr(kind, name)) for name in wrapped}
    return type(kind.__name__, (kind,), {"step": torch.no_grad()(inspect.unwrap(kind.step)), **methods})


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """How a phase moves its parameters.

    Attributes:
        name: ``adam``, or ``adamw`` with decoupled weight decay.
        betas: decay of the running means of the gradient and of its square.
        weight_decay: pull of the weights towards zero.
        rate: factor on the run's learning rate.

    Source: Kingma and Ba, "Adam", 2015; Loshchilov and Hutter, "Decoupled weight decay regularization", 2019.
    """

    name: Literal["adam", "adamw"] = "adam"
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    rate: float = 1.0

    def build(self, parameters: list[nn.Parameter], learning_rate: float) -> torch.optim.Optimizer:
        """The optimiser of these parameters."""
        kind = torch.optim.Adam if self.name == "adam" else torch.optim.AdamW
        return _without_compiler(kind)(
            parameters, lr=learning_rate * self.rate, betas=self.betas, weight_decay=self.weight_decay, fused=True
        )


@dataclass(frozen=True)
class Phase:
    """One optimiser's turn in a training step; adversarial models have two.

    Attributes:
        name: for the log, which prefixes the parts of the phase's loss with it.
        parameters: what the optimiser moves; those of other phases are frozen meanwhile.
        optimizer: how it moves them.
        every: the phase takes part in every so many steps.
        start: the first step that it takes part in.
    """

    name: str
    parameters: list[nn.Parameter] = field(repr=False)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    every: int = 1
    start: int = 0

    def is_due(self, step: int) -> bool:
        """Whether the phase takes part in a step.

        >>> phase = Phase("main", [], every=2, start=3)
        >>> {step: phase.is_due(step) for step in (2, 3, 4, 5)}
        {2: False, 3: True, 4: False, 5: True}
        """
        return step >= self.start and (step - self.start) % self.every == 0


def _itself(value: Tensor) -> Tensor:
    return value


@dataclass
class StepContext:
    """What a training or validation step may depend on besides the batch and the weights.

    Attributes:
        step: number of the optimiser step, from 0.
        key: what seeds :attr:`generator`.
        shared: what :meth:`Trainable.begin_step` returned, for all phases of the step.
        mean: mean of a value that depends on the batch alone, such as a target's power, over the processes that each
            compute a part of it. A loss that divides by such a value divides by that of the whole batch.
    """

    step: int
    key: tuple[int, ...] = field(repr=False)
    shared: Any = field(default=None, repr=False)
    mean: Callable[[Tensor], Tensor] = field(default=_itself, repr=False)

    @classmethod
    def of_training(cls, seed: int, step: int, *, rank: int = 0) -> StepContext:
        """The context of a training step."""
        return cls(step, (seed, 0, step, rank))

    @classmethod
    def of_validation(cls, seed: int, step: int, index: int) -> StepContext:
        """The context of a validation batch, after ``step`` optimiser steps."""
        return cls(step, (seed, 1, index))

    @cached_property
    def generator(self) -> torch.Generator:
        """Source of all noise in the step, seeded by run, step and rank; so a resumed run draws the same noise.

        In validation it is seeded by the batch's place alone: figures of different steps see the same noise.
        """
        (state,) = np.random.SeedSequence(self.key).generate_state(1, np.uint64)
        return torch.Generator().manual_seed(int(state >> np.uint64(1)))


def _never(value: float, best: float) -> bool:
    return False


@dataclass(frozen=True)
class Criterion:
    """The validation figure that chooses the best weights.

    Attributes:
        name: of the figure, one of those that :meth:`Trainable.validate` returns.
        label: the same for people, such as "ESR".
        higher_is_better: whether the best weights are those of the highest figure.
        diverged: called with a new figure and the best so far; True goes back to the best weights with a lower rate.
            A figure that is not finite always does.
        is_lost: called with the same; True many times in a row does so, too.
    """

    name: str
    label: str
    higher_is_better: bool = False
    diverged: Callable[[float, float], bool] = _never
    is_lost: Callable[[float, float], bool] = _never

    @property
    def worst(self) -> float:
        """A figure that any other is better than."""
        return -np.inf if self.higher_is_better else np.inf

    def is_better(self, value: float, best: float) -> bool:
        """Whether ``value`` is better than ``best``."""
        return value > best if self.higher_is_better else value < best

    def is_progress(self, value: float, plateau: float, *, share: float) -> bool:
        """Whether ``value`` is better than ``plateau`` by more than a share of it.

        >>> error, accuracy = Criterion("esr", "ESR"), Criterion("accuracy", "accuracy", higher_is_better=True)
        >>> error.is_progress(0.98, 1.0, share=0.01), error.is_progress(0.995, 1.0, share=0.01)
        (True, False)
        >>> accuracy.is_progress(0.52, 0.5, share=0.01), accuracy.is_progress(0.501, 0.5, share=0.01)
        (True, False)
        """
        grows = self.higher_is_better == (plateau > 0)
        return self.is_better(value, plateau * (1 + share if grows else 1 - share))


class Frozen(nn.Module):
    """A network that is used but not trained, for example a pretrained encoder.

    It follows its owner to other devices and stays in evaluation mode. Checkpoints leave it out, and copies of the
    owner share it.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        object.__setattr__(self, "network", network.eval().requires_grad_(False))  # no submodule: state_dict skips it

    network: nn.Module

    def forward(self, *arguments: Any, **options: Any) -> Any:
        """Calls the network. Gradients pass through to its input."""
        return self.network(*arguments, **options)

    def _apply(self, function: Callable[..., Any], recurse: bool = True) -> Self:
        super()._apply(function, recurse)  # type: ignore[no-untyped-call]
        self.network._apply(function)  # type: ignore[no-untyped-call]
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class Trainable(nn.Module):
    """Base class of all models.

    A subclass sets the class attributes and writes ``from_config``, ``get_provider``, ``loss`` and ``validate``.
    """

    name: ClassVar[str]
    """What ``--model`` calls it."""
    summary: ClassVar[str]
    task: ClassVar[str]
    """Name of the task that feeds it and judges it; see :mod:`fxtrain.tasks`."""
    formats: ClassVar[tuple[str, ...]]
    """File formats that it is exported to; see :mod:`fxtrain.formats`."""
    Config: ClassVar[type]
    """Class of its ``[model]`` table."""
    criterion: ClassVar[Criterion]
    training_defaults: ClassVar[Mapping[str, Any]] = {}
    """Its own defaults of the ``[training]`` table."""
    inputs: ClassVar[Mapping[str, str]] = {}
    """Other runs that a run of this model needs: name -> the model that the other run must have trained."""
    optional_inputs: ClassVar[Mapping[str, str]] = {}
    """Other runs that a run of this model can make use of."""
    full_size: ClassVar[Mapping[str, Any]] = {}
    """Facts of a dataset for which the default settings give the size that a publication states, if there is one."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, loss: Mapping[str, Any], **facts: Any) -> Self:
        """Builds the model from its tables ``[model]`` and ``[loss]``; unknown keys are errors.

        Args:
            config: the ``[model]`` table.
            loss: the ``[loss]`` table.
            facts: what the dataset says that the model depends on, such as its sample rate.
        """
        raise NotImplementedError

    @classmethod
    def get_provider(cls) -> type[Any]:
        """Class of the provider that feeds this model."""
        raise NotImplementedError

    @classmethod
    def get_scheduler(cls, name: str) -> type[Scheduler]:
        """Class of the learning-rate schedule called ``name``."""
        return get_scheduler(name)

    def phases(self) -> list[Phase]:
        """The optimisers' turns, in order."""
        return [Phase("main", [parameter for parameter in self.parameters() if parameter.requires_grad])]

    def begin_step(self, batch: Any, context: StepContext) -> Any:
        """Computes what all phases of a step share, such as the output of a generator.

        Returns:
            Anything; the phases find it in ``context.shared``.
        """

    def loss(self, batch: Any, phase: Phase, context: StepContext) -> tuple[Tensor, dict[str, Tensor]]:
        """The scalar to minimise in a phase, and its parts for the log."""
        raise NotImplementedError

    def solve(self, provider: Any) -> None:
        """Finds what has a closed form for the other weights as they are; nothing in most models.

        Called before each validation. What it does must depend on the weights and on the provider of the run alone.
        """

    def validate(self, batch: Any, context: StepContext) -> dict[str, tuple[float, float]]:
        """Sums for the validation figures: name -> (numerator, denominator), added up over batches by the trainer."""
        raise NotImplementedError

    def carried_state(self) -> list[Tensor]:
        """What is carried from one step to the next beside the weights; saved in checkpoints."""
        return []

    def carried_layout(self) -> list[tuple[int, int]]:
        """How the batch lies in each tensor of :meth:`carried_state`, for processes that train together.

        Returns:
            For each its dimension, and how many whole batches lie one after the other in that dimension.
        """
        return []

    def set_carried_state(self, state: list[Tensor]) -> None:
        """Restores :meth:`carried_state`."""

    @property
    def num_parameters(self) -> int:
        """Number of trainable values."""
        return sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)

    @property
    def num_parameters_used(self) -> int:
        """Number of trainable values, and of those of networks that are used as they are."""
        frozen = [module.network for module in self.modules() if isinstance(module, Frozen)]
        return self.num_parameters + sum(value.numel() for network in frozen for value in network.parameters())

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device
