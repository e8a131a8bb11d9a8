# SPDX-License-Identifier: MIT
"""Short starts, of which the best one continues: results scatter with the seed, and good settings show early.

A start is the run itself with its own settings and seed, stopped after a few steps. Over these its learning rate falls
as it does over a whole run, because errors at a high rate scatter too much to compare. Each has a folder inside the
run's folder until one is chosen; the checkpoint of that one becomes the run's. A run that is killed during the starts
resumes to the same bits: each start resumes from its own checkpoint, and the choice depends on these checkpoints alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fxtrain.atomic import write_atomically
from fxtrain.config import Tables, merge, read_toml, write_toml
from fxtrain.errors import CheckpointError, DivergenceError
from fxtrain.runs.folder import RunFolder
from fxtrain.runs.spec import RunSpec
from fxtrain.tasks.protocol import Dataset, OpenTask, Start
from fxtrain.training import history
from fxtrain.training.checkpoint import load_checkpoint
from fxtrain.training.distributed import ALONE, Ranks
from fxtrain.training.plan import Plan
from fxtrain.training.protocol import Criterion
from fxtrain.training.trainer import Trainer

__all__ = ["MakeTrainer", "as_decided", "choose_start", "prepare_starts", "starts_of"]

logger = logging.getLogger(__name__)

_SHARE = 0.04
"""Of the steps of a run, for each start."""
_LEAST_STEPS = 100
"""Of a start; a shorter one tells nothing, and the first way to begin is taken."""
MakeTrainer = Callable[[RunSpec, Path], Trainer]


@dataclass(frozen=True)
class _Attempt:
    """A start as the run that it would become."""

    number: int
    spec: RunSpec
    folder: RunFolder


def starts_of(spec: RunSpec, dataset: Dataset) -> list[Start]:
    """The ways to begin a run, at least one.

    A run that goes on from the weights of a checkpoint takes the model's settings from there, where it says nothing.
    """
    if spec.checkpoint is not None:
        known = load_checkpoint(spec.checkpoint).get("tables")
        theirs = known.get("model") if isinstance(known, Mapping) else None
        if not isinstance(theirs, Mapping):
            theirs = {}  # whatever it is: its weights will not fit
        asked = spec.tables.get("model", {})
        return [Start({"model": {key: value for key, value in theirs.items() if asked.get(key, "auto") == "auto"}})]
    if isinstance(spec.task, OpenTask):
        return list(spec.task.starts(spec.model_class, dataset, spec.tables, spec.training))
    return [
        Start({"training": {"seed": (spec.training.seed + index) % 2**63}}) for index in range(spec.training.starts)
    ]


def prepare_starts(starts: Sequence[Start], folder: RunFolder) -> None:
    """Writes down what each start is, so that a resumed run has the same ones; the only one is the run itself."""
    if len(starts) == 1:
        write_toml(folder.decided, starts[0].tables)
        return
    for number, start in reversed(list(enumerate(starts, start=1))):  # the first one last: with it all are there
        path = RunFolder(folder.start(number))
        path.create()
        write_toml(path.decided, start.tables)


def as_decided(spec: RunSpec, folder: RunFolder) -> RunSpec:
    """The specification with what the material decided, as far as it has."""
    if not folder.decided.exists():
        return spec
    return replace(spec, tables=merge(spec.tables, read_toml(folder.decided)))


def choose_start(
    spec: RunSpec,
    folder: RunFolder,
    make_trainer: MakeTrainer,
    on_trainer: Callable[[Trainer], None],
    ranks: Ranks = ALONE,
) -> tuple[RunSpec, Trainer]:
    """Trains the starts that are prepared, and makes the best one the run.

    Args:
        spec: of the run.
        folder: of the run, with the starts.
        make_trainer: the trainer of a specification, in a folder.
        on_trainer: told which one is at work.
        ranks: the processes that train together.

    Returns:
        The specification with the settings of the start that goes on, and its trainer, to be resumed.

    Raises:
        Interrupted, CheckpointError: as :meth:`Trainer.run`.
    """

    def find() -> list[_Attempt]:
        return [
            _Attempt(number, as_decided(spec, RunFolder(path)), RunFolder(path)) for number, path in folder.starts()
        ]

    attempts = ranks.first(find)
    plans: dict[str, Plan] = {}  # by the length of a step: starts that differ by their seed share one
    values: list[float] = []
    for attempt in attempts:
        trainer = make_trainer(attempt.spec, attempt.folder.path)
        on_trainer(trainer)
        kind = repr(attempt.spec.tables.get("data"))
        plan = trainer.saved_plan() or plans.get(kind)
        if plan is None:
            plan = ranks.first(trainer.make_plan)
            if not values and _SHARE * plan.total_steps < _LEAST_STEPS:
                if ranks.is_first:
                    folder.clear_starts(keep=1)
                del attempts[1:]
            plan = plan.shared_by(len(attempts), _SHARE)
        plans[kind] = plan
        try:
            result = trainer.run(resume=True, plan=plan, until=plan.start_steps)
        except DivergenceError as error:
            logger.warning("start %d: %s", attempt.number, error)
            values.append(trainer.model.criterion.worst)
            continue
        values.append(result.best_value)
        logger.info("start %d: %s %.5f", attempt.number, trainer.model.criterion.label, result.best_value)
    choose = spec.task.choose if isinstance(spec.task, OpenTask) else _best(trainer.model.criterion)
    chosen = attempts[choose([attempt.spec.tables for attempt in attempts], values)]
    ranks.first(lambda: _take_over(chosen, folder, values))
    return chosen.spec, make_trainer(chosen.spec, folder.path)


def _best(criterion: Criterion) -> Callable[[Sequence[Tables], Sequence[float]], int]:
    def choose(starts: Sequence[Tables], values: Sequence[float]) -> int:
        best = 0
        for index, value in enumerate(values):
            if criterion.is_better(value, values[best]):
                best = index
        return best

    return choose


def _take_over(chosen: _Attempt, folder: RunFolder, values: list[float]) -> None:
    """Copies what the start has; the checkpoint to resume from comes last, and with it the choice is made."""
    try:
        for name in ("best.pt", "log.jsonl", "decided.toml"):
            write_atomically(folder.path / name, (chosen.folder.path / name).read_bytes())
        (chosen.folder.path / "last.pt").replace(folder.last)
    except OSError as error:
        raise CheckpointError(
            f"cannot write to {folder.path}: {error.strerror or error}; make room, and resume"
        ) from error
    history.append(folder.history, "start", step=0, chosen=chosen.number, values=values)
    folder.clear_starts()
