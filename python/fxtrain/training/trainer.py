# SPDX-License-Identifier: MIT
"""The training loop, the same for every model.

The trainer owns device, limits, schedule, checkpoints, resume, log and early end; the model owns the mathematics.
"""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fxtrain.errors import CheckpointError, ConfigError, DivergenceError, Interrupted
from fxtrain.text import shortened
from fxtrain.training import history
from fxtrain.training.averaging import WeightAverage
from fxtrain.training.checkpoint import load_checkpoint, save_checkpoint
from fxtrain.training.device import compile_forward, to_device, wait_for
from fxtrain.training.distributed import ALONE, Ranks, join_batch, part_of_batch
from fxtrain.training.loader import batches
from fxtrain.training.plan import Plan, Position, TrainingConfig, TrainingResult, interval_of
from fxtrain.training.progress import Progress, Silent
from fxtrain.training.protocol import Batch, Phase, Provider, StepContext, Trainable

__all__ = ["Trainer"]

logger = logging.getLogger(__name__)

_TIMING_SECONDS = 3.0
_VALIDATION_SHARE = 0.05
_SOLUTION_SHARE = 0.1
_SAVE_SECONDS = 20.0
_SAVE_SHARE = 0.02
_ANNEAL_SHARE = 0.3
_LEAST_PATIENCE_EPOCHS = 10
_LEAST_PROGRESS = 0.01
_MAX_DIVERGENCES = 4
_LOST_VALIDATIONS = 5
_LOST_SHARE = 0.03
_CHECK_INTERVAL = 50
"""Steps between two looks at whether all losses were finite, where each look would wait for a GPU."""


@dataclass
class Trainer:
    """Runs the seven steps until the plan is done.

    Train mode; take a batch; move it to the device; predict and step, phase by phase; evaluation mode; validation
    figure; repeat.

    Attributes:
        model: what is trained, on its device.
        provider: what feeds it.
        config: limits and rates.
        folder: where ``last.pt``, ``best.pt`` and ``log.jsonl`` go.
        progress: told how far the run is.
        should_stop: asked at every step; True saves and raises :class:`fxtrain.errors.Interrupted`.
        facts: plain values stored in every checkpoint, enough to build and export the model from it.
        on_event: told each event that ``log.jsonl`` gets: its name, and its values.
        ranks: the processes that train this model together, each with its own trainer. The first one alone writes.
    """

    model: Trainable
    provider: Provider
    config: TrainingConfig
    folder: Path
    progress: Progress = field(default_factory=Silent)
    should_stop: Callable[[], bool] = lambda: False
    facts: dict[str, Any] = field(default_factory=dict)
    on_event: Callable[[str, Mapping[str, Any]], None] = lambda event, values: None
    ranks: Ranks = ALONE

    def __post_init__(self) -> None:
        if not self.config.epochs and not self.config.max_steps and self.config.max_minutes is None:
            raise ConfigError("training needs a limit: give epochs, max_steps or max_minutes")
        ranks = self.ranks
        self._own = self.provider.shard(ranks.rank, ranks.world) if ranks.are_several else self.provider
        self._criterion = self.model.criterion
        self._position = Position(best_value=self._criterion.worst, plateau_value=self._criterion.worst)
        self._phases = self.model.phases()
        self._optimizers = [
            phase.optimizer.build(phase.parameters, self.config.learning_rate) for phase in self._phases
        ]
        if self.config.compile:
            compile_forward(self.model)
        self._average = WeightAverage(self.model, self.config.ema) if self.config.ema else None
        self._plan: Plan | None = None
        self._until: int | None = None
        self._best: dict[str, Tensor] = {}
        self._best_is_saved = True
        self._save_seconds = self._all_save_seconds = 0.0  # of the last one, and of all of this sitting
        self._sitting_began = time.monotonic()
        self._sums: dict[str, tuple[Tensor, int]] = {}
        self._check_interval = 1 if self.model.device.type == "cpu" else _CHECK_INTERVAL
        self._skipped = torch.zeros((), device=self.model.device)

    def saved_plan(self) -> Plan | None:
        """That of ``last.pt``, where there is one."""
        if self._is_saved():
            self._load()
        return self._plan

    def run(self, *, resume: bool = False, plan: Plan | None = None, until: int | None = None) -> TrainingResult:
        """Trains to the end of the plan.

        Args:
            resume: go on from ``last.pt`` where there is one.
            plan: what to do, where there is no checkpoint; None makes a plan.
            until: end at this step, as if interrupted.

        Raises:
            Interrupted: ``should_stop`` said so; everything is saved.
            DivergenceError: the loss was not finite again and again.
            CheckpointError: a checkpoint could not be written, or does not belong to this run.
        """
        self._until = until
        if resume and self._is_saved():
            self._load()
        else:
            self._plan = plan or self.ranks.first(self.make_plan)
            if self.ranks.is_first:
                self._history.unlink(missing_ok=True)
            self._log("start", **asdict(self._plan))
            self._solve()
            self._best = self._weights()
            self._judge(*self._validate())
            self._save_all()
        with closing(
            batches(self._own, self._position.step, self._schedule_end, workers=self.config.workers)
        ) as prepared:
            return self._train(prepared)

    @property
    def _schedule_end(self) -> int:
        position = self._position
        assert self._plan is not None
        return self._plan.total_steps if position.anneal_start < 0 else position.anneal_start + position.anneal_steps

    @property
    def _end(self) -> int:
        return self._schedule_end if self._until is None else min(self._until, self._schedule_end)

    @property
    def _last(self) -> Path:
        return self.folder / "last.pt"

    def _is_saved(self) -> bool:
        return self.ranks.first(self._last.exists)

    @property
    def _history(self) -> Path:
        return self.folder / "log.jsonl"

    def _train(self, prepared: Iterator[Batch]) -> TrainingResult:
        assert self._plan is not None
        position = self._position
        began = time.monotonic() - position.seconds
        saved = shown = time.monotonic()
        items = 0
        value = math.nan
        is_due = False  # a checkpoint
        self._show_start()
        while position.step < self._end:
            batch = next(prepared)
            stop, is_due, num_items = self._agree(self.should_stop(), is_due, batch.num_items)
            if stop or is_due:
                self._save_all()
                saved = time.monotonic()
            if stop:
                raise Interrupted(f"stopped at step {position.step} of {self._schedule_end}; all is saved")
            self.model.train()
            self._step(to_device(batch, self.model.device), share=batch.num_items / num_items)
            items += num_items
            position.step += 1
            position.seconds = time.monotonic() - began
            at_end = position.step == self._end
            is_validated = position.step % self._plan.validation_interval == 0 or at_end
            if (is_validated or position.step % self._check_interval == 0) and self._take_skipped():
                self._set_back("the loss was not finite")
            elif is_validated:
                self._solve()
                value, trained = self._validate()
                self._judge(value, trained)
                self._show_start()
            now = time.monotonic()
            if now - shown > 0.25 or at_end:
                self.progress.update(position.step, items_per_second=items / max(now - shown, 1e-9), value=value)
                shown, items = now, 0
            is_due = now - saved > _SAVE_SECONDS and self._may_save()
        self._save_all()
        result = self._result()
        if position.step == self._schedule_end:
            self._log("end", **result.to_document(higher_is_better=self._criterion.higher_is_better))
        return result

    def _agree(self, stop: bool, is_due: bool, num_items: int) -> tuple[bool, bool, int]:
        """Whether any rank stops, whether the first one saves, and how much the batch of all holds."""
        if not self.ranks.are_several:
            return stop, is_due, num_items
        asked = torch.tensor([stop, is_due and self.ranks.is_first, num_items], dtype=torch.float64)
        told = self.ranks.add(asked).tolist()
        return told[0] > 0, told[1] > 0, int(told[2])

    def _show_start(self) -> None:
        self.progress.start(
            self._schedule_end, self._position.step, figure=self._criterion.label, unit=self.provider.unit
        )

    def best_so_far(self) -> tuple[dict[str, Tensor], TrainingResult]:
        """The best weights of a run that was stopped, and how far it came.

        The weights of the last step count too, although no validation was due there. The run itself is left as it is,
        so that it resumes to the same bits.
        """
        result = self._result()
        value = self._figures().get(self._criterion.name, self._criterion.worst)
        if self._criterion.is_better(value, result.best_value):
            return self._weights(), replace(result, best_value=value, best_step=result.steps)
        return self._best, result

    def _result(self) -> TrainingResult:
        position = self._position
        return TrainingResult(
            steps=position.step,
            planned_steps=self._schedule_end,
            epochs=position.step / self.provider.steps_per_epoch,
            seconds=position.seconds,
            best_value=position.best_value,
            best_step=position.best_step,
            converged=position.anneal_start >= 0,
            divergences=position.divergences,
        )

    def _step(self, batch: Batch, *, share: float = 1.0) -> None:
        """One optimiser step of each phase that is due.

        An optimiser whose loss or gradient is not finite leaves its step out, and :attr:`_skipped` counts it. All of
        this is done on the device, so that a GPU is not waited for.

        Args:
            batch: what this rank computes.
            share: of the whole batch.
        """
        position, ranks = self._position, self.ranks
        rate = self.config.learning_rate * self._learning_rate_factor() * position.learning_rate_scale
        context = StepContext.of_training(self.config.seed, position.step, rank=ranks.rank)
        if ranks.are_several:
            context.mean = lambda value: ranks.mean(value, share)
            torch.manual_seed(context.generator.initial_seed())  # noise of modules that take no generator
        with self._in_precision():
            context.shared = self.model.begin_step(batch, context)
        for phase, optimizer in zip(self._phases, self._optimizers, strict=True):
            if not phase.is_due(position.step):
                continue
            for group in optimizer.param_groups:
                group["lr"] = rate * phase.optimizer.rate
            with _only(phase, self._phases):
                optimizer.zero_grad(set_to_none=True)
                with self._in_precision():
                    loss, parts = self.model.loss(batch, phase, context)
                loss.backward()  # type: ignore[no-untyped-call]
                value = loss.detach()
                if ranks.are_several:
                    value, *means = ranks.average_gradients(phase.parameters, [value, *parts.values()], share)
                    parts = dict(zip(parts, means, strict=True))
                norm = nn.utils.clip_grad_norm_(phase.parameters, self.config.clip_norm)
                skip = (~(value.isfinite() & norm.isfinite())).to(self._skipped)
                self._skipped += skip
                if self._check_interval == 1:
                    if skip:
                        return
                    optimizer.step()
                else:
                    optimizer.found_inf = skip  # type: ignore[attr-defined]  # as torch's GradScaler tells fused kernels
                    optimizer.step()
                    del optimizer.found_inf  # type: ignore[attr-defined]
                    value, *kept = (torch.where(skip > 0, 0.0, each) for each in (value, *parts.values()))
                    parts = dict(zip(parts, kept, strict=True))
            self._count(phase.name, value)
            for name, part in parts.items():
                self._count(f"{phase.name}/{name}", part.detach())
        if self._average is not None:
            self._average.update()

    def _in_precision(self) -> torch.autocast:
        """Operations that gain by it and can bear it run in bfloat16, whose range is that of float32."""
        reduced = self.config.precision == "bfloat16"
        return torch.autocast(self.model.device.type, dtype=torch.bfloat16, enabled=reduced)

    def _take_skipped(self) -> bool:
        """Whether a step was left out since the last look."""
        self._collect_skipped()
        skipped, self._position.skipped = self._position.skipped, 0
        return skipped > 0

    def _collect_skipped(self) -> None:
        self._position.skipped += int(self._skipped)
        self._skipped.zero_()

    def _count(self, name: str, value: Tensor) -> None:
        total, count = self._sums.get(name, (0.0, 0))
        self._sums[name] = (total + value.double(), count + 1)

    def _collect(self) -> None:
        """Moves the sums from the device into the position, where a checkpoint finds them."""
        for name, (total, count) in self._sums.items():
            earlier, earlier_count = self._position.sums.get(name, (0.0, 0))
            self._position.sums[name] = (earlier + float(total), earlier_count + count)
        self._sums = {}
        self._collect_skipped()

    def _learning_rate_factor(self) -> float:
        position = self._position
        assert self._plan is not None
        schedule = self.model.get_scheduler(self.config.scheduler)
        if position.step < self._plan.start_steps:
            return schedule(self._plan.start_steps).factor(position.step)
        if position.anneal_start < 0:
            return schedule(self._plan.total_steps).factor(position.step)
        start = schedule(self._plan.total_steps).factor(position.anneal_start)
        return start * schedule(position.anneal_steps).factor(position.step - position.anneal_start)

    def _figures(self) -> dict[str, float]:
        """The model's validation figures. Ranks take the batches in turn; the sums are added in the batches' order."""
        self.model.eval()
        ranks = self.ranks
        found: dict[int, dict[str, tuple[float, float]]] = {}
        with torch.no_grad(), self._averaged():
            for index, batch in enumerate(self.provider.validation()):
                if index % ranks.world == ranks.rank:
                    context = StepContext.of_validation(self.config.seed, self._position.step, index)
                    found[index] = self.model.validate(batch.to(self.model.device), context)
        everywhere = {index: figures for part in ranks.gather(found) for index, figures in part.items()}
        sums: dict[str, list[float]] = {}
        for index in sorted(everywhere):
            for name, (above, below) in everywhere[index].items():
                entry = sums.setdefault(name, [0.0, 0.0])
                entry[0] += above
                entry[1] += below
        return {name: above / max(below, 1e-12) for name, (above, below) in sums.items()}

    def _solve(self) -> None:
        if type(self.model).solve is Trainable.solve:
            return
        self.model.eval()
        if self.ranks.is_first:
            self.model.solve(self.provider)
        self.ranks.copy_from_first(list(self.model.state_dict().values()))

    def _validate(self) -> tuple[float, float | None]:
        """Logs the validation figures and the losses since the last time.

        Returns:
            The criterion's figure, and the mean of the same figure in training, if it is a part of the loss.
        """
        figures = self._figures()
        position = self._position
        self._collect()
        means = {name: total / count for name, (total, count) in position.sums.items()}
        position.sums = {}
        main = self._phases[0].name
        train_loss = means.pop(main, 0.0)
        value = figures[self._criterion.name]
        rate = self.config.learning_rate * self._learning_rate_factor() * position.learning_rate_scale
        logger.info(
            "step %d: training loss %.5f, validation %s %.5f, learning rate %.2g",
            position.step,
            train_loss,
            self._criterion.label,
            value,
            rate,
        )
        finite = {f"val_{name}": figure for name, figure in figures.items() if math.isfinite(figure)}
        self._log("validation", train_loss=train_loss, learning_rate=rate, **finite, **means)
        return value, means.get(f"{main}/{self._criterion.name}")

    def _judge(self, value: float, trained: float | None) -> None:
        """Keeps the best weights; notices divergence and convergence.

        Args:
            value: the criterion's figure in validation.
            trained: the same in training, where a network may burst in a few sequences that validation does not have.
        """
        position, config, criterion = self._position, self.config, self._criterion
        moved = "fell" if criterion.higher_is_better else "rose"
        if trained is not None:
            if position.trained is not None and criterion.diverged(trained, position.trained):
                self._set_back(f"the {criterion.label} in training {moved} to {trained:.3g}")
                return
            position.trained = trained
        if position.step and (not math.isfinite(value) or criterion.diverged(value, position.best_value)):
            self._set_back(f"the validation {criterion.label} {moved} to {value:.3g}")
            return
        assert self._plan is not None
        if not criterion.is_lost(value, position.best_value) or position.step <= self._plan.start_steps:
            position.lost_step = -1
        elif position.lost_step < 0:
            position.lost_step = position.step
        elif position.step - position.lost_step >= max(
            _LOST_VALIDATIONS * self._interval, _LOST_SHARE * self._plan.total_steps
        ):
            self._set_back(f"the validation {criterion.label} {moved} to {value:.3g} and stayed there", may_end=False)
            return
        if criterion.is_better(value, position.best_value):
            position.best_value, position.best_step = value, position.step
            self._best = self._weights()
            self._best_is_saved = False
            if self._may_save():
                self._save_best()
        if criterion.is_progress(value, position.plateau_value, share=_LEAST_PROGRESS):
            position.plateau_value, position.plateau_step = value, position.step
        if position.step <= self._plan.start_steps:  # the rate will rise again, and with it the error
            position.plateau_value, position.plateau_step = criterion.worst, position.step
        waited = position.step - position.plateau_step
        epochs = _LEAST_PATIENCE_EPOCHS * self.provider.steps_per_epoch
        patience = max(config.patience * position.step, 10 * self._interval, epochs)
        if config.until_converged and position.anneal_start < 0 and waited > patience:
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

    def _set_back(self, reason: str, *, may_end: bool = True) -> None:
        """Goes back to the best weights with half the learning rate.

        Args:
            reason: what happened.
            may_end: ends the run where it has happened too often.
        """
        position = self._position
        position.divergences += 1
        position.lost_step = -1
        position.learning_rate_scale *= 0.5
        self._log("divergence", reason=reason, learning_rate_scale=position.learning_rate_scale)
        if may_end and position.divergences > _MAX_DIVERGENCES:
            self._save_best()
            raise DivergenceError(
                f"{reason} for the {position.divergences}th time, at step {position.step}; the best weights are kept; "
                "use a lower --lr or look at the data with fxtrain check"
            )
        self.model.load_state_dict(self._best)
        self.model.set_carried_state([])
        for optimizer in self._optimizers:
            optimizer.state.clear()
        if self._average is not None:
            self._average.restart()
        logger.warning("%s at step %d: back to the best weights, learning rate halved", reason, position.step)

    def make_plan(self) -> Plan:
        """Fixes the number of steps, from the epochs, the steps or a short timing on a copy."""
        config, provider = self.config, self.provider
        per_epoch = provider.steps_per_epoch
        by_epochs = config.epochs * per_epoch
        if config.max_steps and not 0 < by_epochs <= config.max_steps:
            counted = Plan(config.max_steps, interval_of(config.max_steps, per_epoch))
        else:
            counted = Plan(by_epochs, min(per_epoch, by_epochs))
        if config.max_minutes is None:
            return counted
        step, validation, solution = self._measure()
        budget = 60 * config.max_minutes
        rare = max(validation / _VALIDATION_SHARE, solution / _SOLUTION_SHARE)
        interval = max(1, math.ceil(rare / step))
        cost = step + (validation + solution) / interval
        total = max(1, int(budget / cost))
        if 0 < counted.total_steps <= total:
            return counted
        return Plan(total, min(max(interval, interval_of(total, per_epoch)), total))

    def _measure(self) -> tuple[float, float, float]:
        """Seconds per step, per validation and per solution before it, on a copy that leaves the run untouched.

        The steps are ones in which all phases have started.
        """
        state = torch.get_rng_state()
        trial = Trainer(copy.deepcopy(self.model), self.provider, self.config, self.folder)
        trial._plan = Plan(1_000_000, 1_000_000)
        limit = min(_TIMING_SECONDS, 6 * (self.config.max_minutes or 1))
        times: list[float] = []
        sequence = self.provider.steps_per_sequence
        first = -(-max(phase.start for phase in self._phases) // sequence) * sequence
        steps = max(4, 2 * sequence, *(phase.every for phase in self._phases))
        workers = self.config.workers
        with closing(batches(self._own, first, 1_000_000, workers=workers)) as prepared:
            began = time.monotonic()
            while True:
                start = time.monotonic()
                for step in range(steps):
                    trial._position.step = first + len(times) * steps + step
                    trial.model.train()
                    trial._step(next(prepared).to(self.model.device))
                wait_for(self.model.device)
                times.append((time.monotonic() - start) / steps)
                if time.monotonic() - began > limit and len(times) > 3:
                    break
        start = time.monotonic()
        trial._solve()
        wait_for(self.model.device)
        solution = time.monotonic() - start
        trial._figures()
        validation = time.monotonic() - start - solution
        torch.set_rng_state(state)
        rounds = sorted(times[1:])  # the first one pays for caches and allocation
        return rounds[len(rounds) // 2], validation, solution

    def _averaged(self) -> Any:
        """The model plays with its average weights in this context, where an average is kept."""
        return nullcontext() if self._average is None else self._average.applied()

    def _weights(self) -> dict[str, Tensor]:
        """The weights to validate and to keep."""
        with self._averaged():
            return self._raw_weights()

    def _raw_weights(self) -> dict[str, Tensor]:
        return {name: value.detach().cpu().clone() for name, value in self.model.state_dict().items()}

    def _may_save(self) -> bool:
        """Whether one more checkpoint leaves the share of the time that is spent on them within its bound."""
        elapsed = time.monotonic() - self._sitting_began
        return self._all_save_seconds + self._save_seconds <= _SAVE_SHARE * elapsed

    def _save_all(self) -> None:
        """Writes ``last.pt``, and ``best.pt`` if the best weights are newer than it."""
        self._save_best()
        self._save_last()

    def _save_best(self) -> None:
        if not self._best_is_saved:
            self._save("best.pt", {"weights": self._best, "value": self._position.best_value})
            self._best_is_saved = True

    def _save(self, name: str, content: dict[str, Any]) -> None:
        if not self.ranks.is_first:
            return
        began = time.monotonic()
        save_checkpoint(self.folder / name, {**self.facts, **content})
        self._save_seconds = time.monotonic() - began
        self._all_save_seconds += self._save_seconds

    def _save_last(self) -> None:
        assert self._plan is not None
        self._collect()
        self._save(
            "last.pt",
            {
                "weights": self._raw_weights(),
                "best_weights": self._best,
                "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
                "average": {} if self._average is None else self._average.state(),
                "carried": self._carried(),
                "position": {**asdict(self._position), "sums": {k: list(v) for k, v in self._position.sums.items()}},
                "plan": asdict(self._plan),
                "fingerprint": self.provider.fingerprint,
                "rng": torch.get_rng_state(),
            },
        )

    def _carried(self) -> list[Tensor]:
        """The carried state of the whole batch, so that any number of ranks can go on from it."""
        parts = self.ranks.gather([value.cpu() for value in self.model.carried_state()])
        if not self.ranks.are_several:
            return parts[0]
        layout = self.model.carried_layout()
        return [join_batch(tensors, place) for tensors, place in zip(zip(*parts, strict=True), layout, strict=True)]

    def _set_carried(self, carried: list[Tensor]) -> None:
        self.model.set_carried_state(carried)
        if self.ranks.are_several:
            rank, world = self.ranks.rank, self.ranks.world
            layout = self.model.carried_layout()
            own = [part_of_batch(value, place, rank, world) for value, place in zip(carried, layout, strict=True)]
            self.model.set_carried_state(own)

    def _load(self) -> None:
        path = self._last
        content = self.ranks.first(lambda: load_checkpoint(path))
        try:
            self._take(content, path)
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, IndexError) as error:
            reason = (
                f"it has no {error}" if isinstance(error, KeyError) else str(error).strip().splitlines()[-1].strip()
            )
            raise CheckpointError(
                f"{path} does not fit this run ({shortened(reason, 120)}); give the folder of a run as fit left it"
            ) from None
        if self.ranks.is_first:
            history.truncate(self._history, self._position.step)

    def _take(self, content: dict[str, Any], path: Path) -> None:
        """Goes on from what :meth:`_save_last` saved."""
        if content["fingerprint"] != self.provider.fingerprint:
            raise CheckpointError(f"the recordings differ from those that {path} was trained on; start a new run")
        self.model.load_state_dict(content["weights"])
        for optimizer, state in zip(self._optimizers, content["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        if self._average is not None:
            self._average.load(content["average"])
        self._set_carried(content["carried"])
        self._best = content["best_weights"]
        position = dict(content["position"])
        sums = {name: (float(total), int(count)) for name, (total, count) in position.pop("sums").items()}
        self._position = Position(**position, sums=sums)
        self._plan = Plan(**content["plan"])
        if set(self._best) != set(content["weights"]) or self._plan.validation_interval < 1:
            raise ValueError("its best weights or its plan are of another run")
        torch.set_rng_state(content["rng"])

    def _log(self, event: str, **values: Any) -> None:
        if not self.ranks.is_first:
            return
        position = self._position
        values = {
            "step": position.step,
            "epoch": position.step // self.provider.steps_per_epoch,
            "seconds": round(position.seconds, 3),
            **values,
        }
        history.append(self._history, event, **values)
        self.on_event(event, values)


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
