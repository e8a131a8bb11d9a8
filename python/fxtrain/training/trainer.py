# SPDX-License-Identifier: MIT
"""The training loop, the same for every model.

The trainer owns device, limits, schedule, checkpoints, resume, log and early end; the model owns the mathematics.
"""

from __future__ import annotations

import copy
import json
import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import torch
from pydantic import Field
from torch import Tensor, nn

from fxtrain.atomic import write_atomically
from fxtrain.config import configuration
from fxtrain.errors import CheckpointError, ConfigError, DivergenceError, Interrupted
from fxtrain.files import require_regular_file
from fxtrain.models._base import Phase, Provider, Trainable
from fxtrain.text import shortened
from fxtrain.training.checkpoint import load_checkpoint, save_checkpoint

__all__ = ["Plan", "Progress", "Trainer", "TrainingConfig", "TrainingResult"]

logger = logging.getLogger(__name__)

Positive = Annotated[float, Field(gt=0)]


@configuration
class TrainingConfig:
    """How long and how fast to train.

    Attributes:
        epochs: passes over the material; 0 leaves the length to ``max_minutes``. Of both, the shorter counts.
        max_minutes: time for training; turned into a fixed number of steps by a short timing at the start.
        until_converged: end earlier when the validation error no longer falls.
        patience: share of the steps so far without an improvement of 1 % that counts as converged.
        batch_size: sequences side by side.
        learning_rate: of Adam, at its highest.
        scheduler: ``cosine`` or ``constant``.
        clip_norm: greatest norm of the gradient.
        seed: of weights, order and offsets.
    """

    epochs: Annotated[int, Field(ge=0, lt=2**31)] = 0
    max_minutes: Annotated[float, Field(gt=0, le=1e6)] | None = None
    until_converged: bool = False
    patience: Positive = 0.5
    batch_size: Annotated[int, Field(ge=1, lt=2**31)] = 32
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.004
    scheduler: Literal["cosine", "constant"] = "cosine"
    clip_norm: Positive = 1.0
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0


@dataclass(frozen=True)
class Plan:
    """What was fixed at the start of a run and holds when it is resumed.

    Attributes:
        total_steps: optimiser steps of the run.
        validation_interval: steps between two validations.
    """

    total_steps: int
    validation_interval: int


@dataclass
class _Position:
    """Where a run is; together with weights and optimisers, all that a checkpoint needs."""

    step: int = 0
    seconds: float = 0.0
    best_error: float = math.inf
    best_step: int = 0
    plateau_error: float = math.inf
    plateau_step: int = 0
    anneal_start: int = -1
    anneal_steps: int = 0
    learning_rate_scale: float = 1.0
    divergences: int = 0
    loss_sum: float = 0.0
    loss_count: int = 0


@dataclass(frozen=True)
class TrainingResult:
    """How a run ended.

    Attributes:
        steps: optimiser steps done.
        planned_steps: what the run was to do when it ended; fewer than planned at first if it converged.
        epochs: the same in passes over the material.
        seconds: spent in training, earlier sittings included.
        best_error: lowest validation ESR.
        best_step: where it was reached.
        converged: whether the run ended because the error no longer fell.
        divergences: how often training was set back to its best weights.
    """

    steps: int
    planned_steps: int
    epochs: float
    seconds: float
    best_error: float
    best_step: int
    converged: bool
    divergences: int


class Progress(Protocol):
    """Follows a run; see :mod:`fxtrain.cli.progress` for the bar."""

    def start(self, total_steps: int, step: int) -> None:
        """The number of steps is known."""

    def update(self, step: int, *, frames_per_second: float, error: float) -> None:
        """Steps were done; ``error`` is the last validation ESR."""


@dataclass
class _Silent:
    def start(self, total_steps: int, step: int) -> None:
        """Nothing."""

    def update(self, step: int, *, frames_per_second: float, error: float) -> None:
        """Nothing."""


_TIMING_SECONDS = 3.0
_VALIDATION_SHARE = 0.05
_SAVE_SECONDS = 20.0
_ANNEAL_SHARE = 0.3
_LEAST_PATIENCE_EPOCHS = 10
_MAX_DIVERGENCES = 4


@dataclass
class Trainer:
    """Runs the seven steps until the plan is done.

    Train mode; take a batch; move it to the device; predict and step, phase by phase; evaluation mode; validation
    error; repeat.

    Attributes:
        model: what is trained, on its device.
        provider: what feeds it.
        config: limits and rates.
        folder: where ``last.pt``, ``best.pt`` and ``log.jsonl`` go.
        progress: told how far the run is.
        should_stop: asked at every step; True saves and raises :class:`fxtrain.errors.Interrupted`.
        facts: plain values stored in every checkpoint, enough to build and export the model from it.
    """

    model: Trainable
    provider: Provider
    config: TrainingConfig
    folder: Path
    progress: Progress = field(default_factory=_Silent)
    should_stop: Callable[[], bool] = lambda: False
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.config.epochs and self.config.max_minutes is None:
            raise ConfigError("training needs a limit: give epochs, max_minutes or both")
        self._position = _Position()
        self._phases = self.model.phases()
        self._optimizers = [
            torch.optim.Adam(phase.parameters, lr=self.config.learning_rate * phase.learning_rate, fused=True)
            for phase in self._phases
        ]
        self._plan: Plan | None = None
        self._best: dict[str, Tensor] = {}

    def run(self, *, resume: bool = False) -> TrainingResult:
        """Trains to the end of the plan.

        Args:
            resume: go on from ``last.pt`` where there is one.

        Raises:
            Interrupted: ``should_stop`` said so; everything is saved.
            DivergenceError: the loss was not finite again and again.
            CheckpointError: a checkpoint could not be written, or does not belong to this run.
        """
        last = self.folder / "last.pt"
        if resume and last.exists():
            self._load(last)
        else:
            self._plan = self._make_plan()
            self._log_file().unlink(missing_ok=True)
            self._log("start", **asdict(self._plan))
            self._best = self._weights()
            self._judge(self._validate())
            self._save(last)
        return self._train()

    @property
    def _schedule_end(self) -> int:
        position = self._position
        assert self._plan is not None
        return self._plan.total_steps if position.anneal_start < 0 else position.anneal_start + position.anneal_steps

    def _train(self) -> TrainingResult:
        assert self._plan is not None
        position, provider = self._position, self.provider
        began = time.monotonic() - position.seconds
        saved = shown = time.monotonic()
        frames = 0
        error = math.nan
        self.progress.start(self._schedule_end, position.step)
        while position.step < self._schedule_end:
            if self.should_stop():
                self._save(self.folder / "last.pt")
                raise Interrupted(f"stopped at step {position.step} of {self._schedule_end}; all is saved")
            self.model.train()
            batch = provider.batch(position.step)
            batch = batch.to(self.model.device)
            finite = self._step(batch)
            frames += batch.num_frames
            position.step += 1
            position.seconds = time.monotonic() - began
            at_end = position.step == self._schedule_end
            if not finite:
                self._set_back("the loss was not finite")
            elif position.step % self._plan.validation_interval == 0 or at_end:
                error = self._validate()
                self._judge(error)
                self.progress.start(self._schedule_end, position.step)
            now = time.monotonic()
            if now - shown > 0.25 or at_end:
                self.progress.update(position.step, frames_per_second=frames / max(now - shown, 1e-9), error=error)
                shown, frames = now, 0
            if now - saved > _SAVE_SECONDS:
                self._save(self.folder / "last.pt")
                saved = now
        self._save(self.folder / "last.pt")
        result = self._result()
        self._log("end", **asdict(result))
        return result

    def best_so_far(self) -> tuple[dict[str, Tensor], TrainingResult]:
        """The best weights of a run that was stopped, and how far it came.

        The weights of the last step count too, although no validation was due there. The run itself is left as it is,
        so that it resumes to the same bits.
        """
        result = self._result()
        error = next(iter(self._figures().values()), math.inf)
        if error < result.best_error:
            return self._weights(), replace(result, best_error=error, best_step=result.steps)
        return self._best, result

    def _result(self) -> TrainingResult:
        position = self._position
        return TrainingResult(
            steps=position.step,
            planned_steps=self._schedule_end,
            epochs=position.step / self.provider.steps_per_epoch,
            seconds=position.seconds,
            best_error=position.best_error,
            best_step=position.best_step,
            converged=position.anneal_start >= 0,
            divergences=position.divergences,
        )

    def _step(self, batch: Any) -> bool:
        """One optimiser step of each phase; False when the loss or its gradient is not finite."""
        position = self._position
        factor = self._learning_rate_factor() * position.learning_rate_scale
        for phase, optimizer in zip(self._phases, self._optimizers, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = self.config.learning_rate * phase.learning_rate * factor
            with _only(phase, self._phases):
                optimizer.zero_grad(set_to_none=True)
                loss, _ = self.model.loss(batch, phase, position.step)
                loss.backward()  # type: ignore[no-untyped-call]
                norm = nn.utils.clip_grad_norm_(phase.parameters, self.config.clip_norm)
                value = float(loss.detach())
                if not (math.isfinite(value) and math.isfinite(float(norm))):
                    return False
                optimizer.step()
            position.loss_sum += value
            position.loss_count += 1
        return True

    def _learning_rate_factor(self) -> float:
        position = self._position
        assert self._plan is not None
        schedule = self.model.get_scheduler(self.config.scheduler)
        if position.anneal_start < 0:
            return schedule(self._plan.total_steps).factor(position.step)
        start = schedule(self._plan.total_steps).factor(position.anneal_start)
        return start * schedule(position.anneal_steps).factor(position.step - position.anneal_start)

    def _figures(self) -> dict[str, float]:
        """The model's validation figures; the first one chooses the best weights."""
        self.model.eval()
        sums: dict[str, list[float]] = {}
        with torch.no_grad():
            for batch in self.provider.validation:
                for name, (above, below) in self.model.validate(batch.to(self.model.device)).items():
                    entry = sums.setdefault(name, [0.0, 0.0])
                    entry[0] += above
                    entry[1] += below
        return {f"val_{name}": above / max(below, 1e-12) for name, (above, below) in sums.items()}

    def _validate(self) -> float:
        figures = self._figures()
        position = self._position
        train_loss = position.loss_sum / max(position.loss_count, 1)
        position.loss_sum, position.loss_count = 0.0, 0
        error = next(iter(figures.values()))
        rate = self.config.learning_rate * self._learning_rate_factor() * position.learning_rate_scale
        finite = {name: value for name, value in figures.items() if math.isfinite(value)}
        logger.info(
            "step %d: training loss %.5f, validation ESR %.5f, learning rate %.2g",
            position.step,
            train_loss,
            error,
            rate,
        )
        self._log("validation", train_loss=train_loss, learning_rate=rate, **finite)
        return error

    def _judge(self, error: float) -> None:
        """Keeps the best weights; notices divergence and convergence."""
        position, config = self._position, self.config
        if position.step and (not math.isfinite(error) or error > 10 * max(position.best_error, 0.1)):
            self._set_back(f"the validation error rose to {error:.3g}")
            return
        if error < position.best_error:
            position.best_error, position.best_step = error, position.step
            self._best = self._weights()
            save_checkpoint(self.folder / "best.pt", {**self.facts, "weights": self._best, "error": error})
        if error < 0.99 * position.plateau_error:
            position.plateau_error, position.plateau_step = error, position.step
        waited = position.step - position.plateau_step
        epochs = _LEAST_PATIENCE_EPOCHS * self.provider.steps_per_epoch
        patience = max(config.patience * position.step, 10 * self._interval, epochs)
        if config.until_converged and position.anneal_start < 0 and waited > patience:
            assert self._plan is not None
            left = self._plan.total_steps - position.step
            anneals = self.model.get_scheduler(config.scheduler).anneals
            position.anneal_start = position.step
            position.anneal_steps = min(left, math.ceil(_ANNEAL_SHARE * position.step)) if anneals else 0
            self._log("anneal", until=position.step + position.anneal_steps)
            logger.info("converged at step %d; %d steps to anneal", position.step, position.anneal_steps)

    @property
    def _interval(self) -> int:
        assert self._plan is not None
        return self._plan.validation_interval

    def _set_back(self, reason: str) -> None:
        """Goes back to the best weights with half the learning rate."""
        position = self._position
        position.divergences += 1
        position.learning_rate_scale *= 0.5
        self._log("divergence", reason=reason, learning_rate_scale=position.learning_rate_scale)
        if position.divergences > _MAX_DIVERGENCES:
            raise DivergenceError(
                f"{reason} for the {position.divergences}th time, at step {position.step}; the best weights are kept; "
                "use a lower --lr or look at the data with fxtrain check"
            )
        self.model.load_state_dict(self._best)
        self.model.set_carried_state([])
        for optimizer in self._optimizers:
            optimizer.state.clear()
        logger.warning("%s at step %d: back to the best weights, learning rate halved", reason, position.step)

    def _make_plan(self) -> Plan:
        """Fixes the number of steps, from the epochs or from a short timing on a copy."""
        config, provider = self.config, self.provider
        per_epoch = provider.steps_per_epoch
        by_epochs = config.epochs * per_epoch
        if config.max_minutes is None:
            return Plan(by_epochs, min(per_epoch, by_epochs))
        seconds_per_step, seconds_per_validation = self._measure()
        budget = 60 * config.max_minutes
        interval = max(1, math.ceil(seconds_per_validation / (_VALIDATION_SHARE * seconds_per_step)))
        cost = seconds_per_step + seconds_per_validation / interval
        total = max(1, int(budget / cost))
        if by_epochs and by_epochs <= total:
            return Plan(by_epochs, min(per_epoch, by_epochs))
        interval = max(interval, min(per_epoch, math.ceil(total / 100)), math.ceil(total / 400))
        return Plan(total, min(interval, total))

    def _measure(self) -> tuple[float, float]:
        """Seconds per step and per validation, on a copy that leaves the run untouched."""
        state = torch.get_rng_state()
        trial = Trainer(copy.deepcopy(self.model), self.provider, self.config, self.folder)
        trial._plan = Plan(1_000_000, 1_000_000)
        limit = min(_TIMING_SECONDS, 6 * (self.config.max_minutes or 1))
        times: list[float] = []
        began = time.monotonic()
        steps = max(4, 2 * getattr(self.provider, "chunks_per_sequence", 1))
        while True:
            start = time.monotonic()
            for step in range(steps):
                trial._position.step = len(times) * steps + step
                trial.model.train()
                trial._step(self.provider.batch(trial._position.step).to(self.model.device))
            times.append((time.monotonic() - start) / steps)
            if time.monotonic() - began > limit and len(times) > 3:
                break
        start = time.monotonic()
        trial.model.eval()
        with torch.no_grad():
            for batch in self.provider.validation:
                trial.model.validate(batch.to(self.model.device))
        validation = time.monotonic() - start
        torch.set_rng_state(state)
        rounds = sorted(times[1:])  # the first one pays for caches and allocation
        return rounds[len(rounds) // 2], validation

    def _weights(self) -> dict[str, Tensor]:
        return {name: value.detach().cpu().clone() for name, value in self.model.state_dict().items()}

    def _save(self, path: Path) -> None:
        assert self._plan is not None
        save_checkpoint(
            path,
            {
                **self.facts,
                "weights": self._weights(),
                "best_weights": self._best,
                "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
                "carried": [value.cpu() for value in self.model.carried_state()],
                "position": asdict(self._position),
                "plan": asdict(self._plan),
                "fingerprint": self.provider.fingerprint,
                "rng": torch.get_rng_state(),
            },
        )

    def _load(self, path: Path) -> None:
        content = load_checkpoint(path)
        try:
            self._take(content, path)
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, IndexError) as error:
            reason = (
                f"it has no {error}" if isinstance(error, KeyError) else str(error).strip().splitlines()[-1].strip()
            )
            raise CheckpointError(
                f"{path} does not fit this run ({shortened(reason, 120)}); give the folder of a run as fit left it"
            ) from None
        self._truncate_log()

    def _take(self, content: dict[str, Any], path: Path) -> None:
        """Goes on from what :meth:`_save` saved."""
        if content["fingerprint"] != self.provider.fingerprint:
            raise CheckpointError(f"the recordings differ from those that {path} was trained on; start a new run")
        self.model.load_state_dict(content["weights"])
        for optimizer, state in zip(self._optimizers, content["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        self.model.set_carried_state(content["carried"])
        self._best = content["best_weights"]
        self._position = _Position(**content["position"])
        self._plan = Plan(**content["plan"])
        if set(self._best) != set(content["weights"]) or self._plan.validation_interval < 1:
            raise ValueError("its best weights or its plan are of another run")
        torch.set_rng_state(content["rng"])

    def _log_file(self) -> Path:
        return self.folder / "log.jsonl"

    def _log(self, event: str, **values: Any) -> None:
        position = self._position
        row = {
            "event": event,
            "step": position.step,
            "epoch": position.step // self.provider.steps_per_epoch,
            "seconds": round(position.seconds, 3),
            **values,
        }
        try:
            with self._log_file().open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as error:  # a full disk: the checkpoint, which matters, will say so
            logger.warning("cannot write %s: %s", self._log_file(), error.strerror or error)

    def _truncate_log(self) -> None:
        """Drops rows from after the checkpoint: those steps are done again."""
        if self._log_file().exists():
            rows = list(read_log(self._log_file()))
            kept = [row for row in rows if row["step"] <= self._position.step and row["event"] != "end"]
            try:
                write_atomically(self._log_file(), "".join(json.dumps(row) + "\n" for row in kept).encode())
            except OSError as error:
                raise CheckpointError(
                    f"cannot write {self._log_file()}: {error.strerror or error}; "
                    "the previous checkpoint is untouched; make room and use --resume"
                ) from error


def read_log(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a ``log.jsonl``; a last line cut short by a kill is left out."""
    require_regular_file(path, "the log of a run")
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict) and "event" in row and isinstance(row.get("step"), int):
            yield row


@contextmanager
def _only(phase: Phase, phases: list[Phase]) -> Iterator[None]:
    """Freezes the parameters of all other phases."""
    mine = {id(parameter) for parameter in phase.parameters}
    others = [p for other in phases if other is not phase for p in other.parameters if id(p) not in mine]
    frozen: list[Tensor] = [parameter for parameter in others if parameter.requires_grad]
    for parameter in frozen:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(True)
