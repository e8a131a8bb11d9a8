# SPDX-License-Identifier: MIT
"""A run, from what was asked to a folder with a model and its report: what ``fxtrain fit`` does."""

from __future__ import annotations

import hashlib
import json
import logging
import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fxtrain import __version__
from fxtrain.atomic import write_atomically
from fxtrain.config import merge
from fxtrain.errors import ConfigError, DivergenceError, FxtrainError, Interrupted, RankLostError
from fxtrain.memory import return_freed_memory
from fxtrain.report.html import write_page
from fxtrain.runs.folder import RunFolder
from fxtrain.runs.loggers import open_loggers
from fxtrain.runs.spec import RunInput, RunSpec
from fxtrain.runs.starts import MakeTrainer, as_decided, choose_start, prepare_starts, starts_of
from fxtrain.tasks import Dataset
from fxtrain.tasks.protocol import InputRun, OpenTask, Outcome
from fxtrain.tasks.trained import TrainedModel, load_trained_model
from fxtrain.text import quoted
from fxtrain.training.checkpoint import load_checkpoint
from fxtrain.training.device import init_device
from fxtrain.training.distributed import ALONE, Ranks
from fxtrain.training.history import read_history
from fxtrain.training.plan import TrainingResult
from fxtrain.training.progress import Progress, Silent
from fxtrain.training.protocol import Trainable
from fxtrain.training.trainer import Trainer

__all__ = ["TrainedModel", "build_model", "fit", "load_trained_model", "open_inputs"]

logger = logging.getLogger(__name__)


def build_model(spec: RunSpec, facts: Mapping[str, Any]) -> Trainable:
    """A model with fresh weights that depend on the seed alone, or with those of the run's checkpoint.

    Args:
        spec: of the run.
        facts: of its dataset.
    """
    torch.manual_seed(spec.training.seed)
    model = spec.model_class.from_config(spec.tables.get("model", {}), loss=spec.tables.get("loss", {}), **facts)
    if spec.checkpoint is not None:
        content = load_checkpoint(spec.checkpoint)
        try:
            model.load_state_dict(content["weights"])
        except (RuntimeError, KeyError, TypeError, AttributeError, ValueError) as error:
            reason = str(error).strip().splitlines()[-1].strip()
            raise ConfigError(f"the checkpoint {spec.checkpoint} does not fit this model: {reason}") from None
        if not all(bool(torch.isfinite(value).all()) for value in model.state_dict().values()):
            raise ConfigError(
                f"the checkpoint {spec.checkpoint} holds weights that are not finite; give one of an earlier step"
            )
    return model


def fit(
    spec: RunSpec,
    folder: RunFolder,
    *,
    resume: bool = False,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    announce: Callable[[Dataset, Sequence[str]], None] = lambda dataset, reasons: None,
    loggers: Sequence[str] = (),
    ranks: Ranks = ALONE,
) -> dict[str, Any]:
    """Loads, trains, exports, measures and reports; returns what ``metrics.json`` holds.

    If ``should_stop`` says so, training ends with a checkpoint to resume from; if training diverges again and again, it
    ends there. Either way the best weights so far are exported, measured and reported; in the result ``complete`` is
    false, and ``stopped`` is ``interrupted`` or ``diverged``.

    Args:
        spec: what to do.
        folder: an empty folder, or the one of the run to resume.
        resume: go on with what is in the folder.
        progress: told how far training is.
        should_stop: asked at every step.
        announce: told what was read, and what that decided, before training starts.
        loggers: names of :data:`fxtrain.runs.loggers.LOGGERS` that also get the training curves.
        ranks: the processes that train together. Each calls this function; all but the first write nothing, tell
            nothing and return no figures. ``batch_size`` is that of each when a run begins; it is written down as that
            of all, so that any number of them can go on.

    Raises:
        InputError: something given cannot be used; nothing of an earlier result is touched.
        OutputExistsError: the folder is not empty, or another process is training in it.
        DivergenceError: training diverged, and the model so far could not be written, or Ctrl-C ended that.
        CheckpointError: a checkpoint could not be written, or does not belong to this run.
        Interrupted: ``should_stop`` said so, and the model so far could not be written, or Ctrl-C ended that.
        RankLostError: another process is gone; what was saved last is kept.
    """
    log = open_loggers(loggers, folder) if ranks.is_first else None
    with ExitStack() as held:

        def look() -> tuple[RunSpec, bool]:
            """The specification with what was decided before, and whether nothing was."""
            if resume:
                held.enter_context(folder.lock())
                folder.require_unfinished()
            else:
                folder.require_empty()
            return as_decided(spec, folder), not (folder.last.exists() or folder.decided.exists() or folder.starts())

        def read() -> tuple[RunSpec, Dataset]:
            opened, inputs = open_inputs(spec)
            return opened, opened.task.load(opened.model_class, opened.tables, inputs)

        def make_trainer(which: RunSpec, path: Path) -> Trainer:
            made = _trainer(which, dataset, path, progress, should_stop, ranks)
            if path == folder.path and log is not None:
                made.on_event = log
            return made

        if not resume:
            spec = _with_batch_of_all(spec, ranks)
        decided, is_new = ranks.first(look)
        asked, dataset = ranks.each(read)
        spec, starts = replace(decided, inputs=asked.inputs), []
        if is_new:
            starts = starts_of(spec, dataset)
            if len(starts) == 1:
                spec = replace(spec, tables=merge(spec.tables, starts[0].tables))
        # Finds out what is wrong before anything is written.
        trainer = ranks.each(lambda: make_trainer(spec, folder.path))
        ranks.require_same(trainer.provider.fingerprint, "has other recordings than process 0; give all the same files")

        def begin() -> None:
            if not resume:
                folder.create()
                held.enter_context(folder.lock())
                folder.require_empty()
                asked.save(folder.config)
            if starts:
                prepare_starts(starts, folder)

        ranks.first(begin)
        reasons = sorted({start.reason for start in starts if start.reason})
        begun = replace(spec, tables=merge(spec.tables, starts[0].tables)) if starts else spec
        if ranks.is_first:
            announce(settled(begun, dataset), reasons)
        logger.info("%s", spec.command)
        for line in (*settled(begun, dataset).log, *reasons):
            logger.info("%s", line)
        return _run(spec, dataset, folder, trainer, make_trainer, resume=resume)


def settled(spec: RunSpec, dataset: Dataset) -> Dataset:
    """The material as the decided settings want it."""
    made: Dataset = spec.task.settle(dataset, spec.tables) if isinstance(spec.task, OpenTask) else dataset
    return made


def _with_batch_of_all(spec: RunSpec, ranks: Ranks) -> RunSpec:
    if not ranks.are_several:
        return spec
    return replace(
        spec, tables=merge(spec.tables, {"training": {"batch_size": spec.training.batch_size * ranks.world}})
    )


def _trainer(
    spec: RunSpec,
    dataset: Dataset,
    folder: Path,
    progress: Progress | None,
    should_stop: Callable[[], bool],
    ranks: Ranks,
) -> Trainer:
    dataset = settled(spec, dataset)
    model = build_model(spec, dataset.facts).to(init_device(spec.device, local_rank=ranks.local))
    shared = {name: table for name, table in spec.for_another_run().items() if name != "training"}
    return Trainer(
        model,
        spec.task.provider(spec.model_class, dataset, spec.tables, spec.training),
        spec.training,
        folder,
        should_stop=should_stop,
        ranks=ranks,
        facts={
            "model": spec.model,
            "tables": shared,
            "facts": dict(dataset.facts),
            "metadata": dict(dataset.metadata),
        },
        progress=progress or Silent(),
    )


def _run(
    spec: RunSpec, dataset: Dataset, folder: RunFolder, trainer: Trainer, make_trainer: MakeTrainer, *, resume: bool
) -> dict[str, Any]:
    def is_at_work(which: Trainer) -> None:
        nonlocal trainer
        trainer = which

    ranks = trainer.ranks
    try:
        if ranks.first(lambda: bool(folder.starts()) and not folder.last.exists()):
            spec, trainer = choose_start(spec, folder, make_trainer, is_at_work, ranks)
            resume = True
        result = trainer.run(resume=resume)
    except (Interrupted, DivergenceError) as stop:
        try:
            logger.info("%s; writing the best model so far", stop)
            weights, result = trainer.best_so_far()
            if not ranks.is_first:
                return {}
            return _finish(spec, dataset, folder, trainer, result, so_far=weights, stop=stop)
        except KeyboardInterrupt:
            raise stop from None
        except (FxtrainError, OSError) as error:
            if isinstance(error, RankLostError) or not ranks.is_first:
                raise
            raise type(stop)(f"{stop}, but the best model so far could not be written: {error}") from error
    if not ranks.is_first:
        return {}
    return _finish(spec, dataset, folder, trainer, result)


def _finish(
    spec: RunSpec,
    dataset: Dataset,
    folder: RunFolder,
    trainer: Trainer,
    result: TrainingResult,
    *,
    so_far: dict[str, Tensor] | None = None,
    stop: FxtrainError | None = None,
) -> dict[str, Any]:
    """Has the task export and measure the best weights, and writes the figures and the report.

    Args:
        spec: what was asked.
        dataset: what was trained on, and what tests.
        folder: where all goes.
        trainer: of the run; it is not changed.
        result: how training ended.
        so_far: weights to export of a run that was stopped; None takes those of ``best.pt``.
        stop: why it was stopped.
    """
    model = load_trained_model(RunFolder(trainer.folder).best).model
    if so_far is not None:
        model.load_state_dict(so_far)
    training = result.to_document(higher_is_better=model.criterion.higher_is_better)
    state: dict[str, Any] = {"complete": stop is None}
    if stop is not None:
        state["stopped"] = "diverged" if isinstance(stop, DivergenceError) else "interrupted"
    common = {
        **state,
        "training": {**training, "device": str(trainer.model.device), "batch_size": spec.training.batch_size},
        "command": spec.command,
        "versions": {"fxtrain": __version__, "torch": torch.__version__, "python": platform.python_version()},
    }
    title = spec.tables.get("metadata", {}).get("name") or folder.path.name
    outcome = Outcome(
        folder=folder.path,
        title=title,
        tables=spec.tables,
        result=result,
        history=list(read_history(RunFolder(trainer.folder).history)),
        common=common,
    )
    return_freed_memory()  # what training took, before whole recordings are looked at
    evaluation = spec.task.finish(model, settled(spec, dataset), outcome)
    text = json.dumps({**state, **evaluation.metrics, **common}, indent=2, allow_nan=False) + "\n"
    metrics: dict[str, Any] = json.loads(text)  # plain numbers, where evaluation has those of NumPy
    logger.info("%s", evaluation.summary)
    write_page(folder.path, evaluation.page)
    write_atomically(folder.metrics, text.encode())
    return metrics


def open_inputs(spec: RunSpec) -> tuple[RunSpec, dict[str, InputRun]]:
    """The runs that this one needs, and the specification with the hashes of their checkpoints.

    Raises:
        ConfigError: one is no finished run of the right model, or has changed since this run began.
    """
    opened: dict[str, InputRun] = {}
    written: dict[str, RunInput] = {}
    for name, given in spec.inputs.items():
        folder = RunFolder(given.run)
        folder.require()
        other = RunSpec.load(folder.config)
        wanted = {**spec.model_class.inputs, **spec.model_class.optional_inputs}[name]
        if other.model != wanted:
            raise ConfigError(f"the input {name} must be a run of {wanted}, but {given.run} is one of {other.model}")
        if not folder.is_complete() or not folder.best.exists():
            raise ConfigError(
                f"the input {name}, {given.run}, is not finished; finish it with fxtrain fit --resume {given.run}"
            )
        digest = hashlib.sha256(folder.best.read_bytes()).hexdigest()
        if given.sha256 is not None and digest != given.sha256:
            raise ConfigError(
                f"the input {name}, {given.run}, was trained anew after this run began (its best.pt has the SHA-256 "
                f"{digest[:12]}, not {quoted(given.sha256[:12])}); start a new run"
            )
        opened[name] = InputRun(folder.path, folder.best, digest)
        written[name] = RunInput(given.run.resolve(), digest)
    return replace(spec, inputs=written), opened
