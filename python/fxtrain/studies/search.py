# SPDX-License-Identifier: MIT
"""A search in place of a grid: Optuna proposes settings, in rounds, from what the rounds before have found.

A round depends on the study and on the results of the earlier rounds alone. So a search comes to the same trials with
any number of jobs, on one machine or on a cluster, and after it was interrupted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field

from fxtrain.config import build, configuration
from fxtrain.errors import ConfigError
from fxtrain.extras import require
from fxtrain.text import quoted

__all__ = ["Search", "Span", "read_search"]

MOST_TRIALS = 10_000
_RANDOM_TRIALS = 10  # before the sampler begins to follow what it has seen


@configuration
class _Plan:
    trials: Annotated[int, Field(ge=1, le=MOST_TRIALS)] = 20
    together: Annotated[int, Field(ge=1, le=1000)] = 4
    seed: Annotated[int, Field(ge=0, lt=1 << 31)] = 0


@configuration
class Span:
    """The values of a number.

    Attributes:
        low: the lowest one.
        high: the highest one.
        log: whether equal ratios count as equal distances.
    """

    low: int | float
    high: int | float
    log: bool = False


@dataclass(frozen=True)
class Search:
    """The ``[search]`` table.

    Attributes:
        trials: how many runs there are in all.
        together: how many are proposed at once, which is also how many can run at a time.
        seed: of the proposals.
        space: key -> the values that it may take: a list, or a span of numbers.
    """

    trials: int
    together: int
    seed: int
    space: Mapping[str, list[Any] | Span] = field(default_factory=dict)

    def as_document(self) -> dict[str, Any]:
        """All that decides the proposals, for a fingerprint."""
        space = {key: vars(values) if isinstance(values, Span) else values for key, values in self.space.items()}
        return {"trials": self.trials, "together": self.together, "seed": self.seed, "space": space}

    def propose(
        self, tried: Sequence[tuple[Mapping[str, Any], float | None]], *, higher_is_better: bool
    ) -> list[dict[str, Any]]:
        """The settings of the next round; none where all trials are proposed.

        Args:
            tried: settings and figures of all earlier trials, in their order; None is the figure of a failure.
            higher_is_better: of the figures.

        Raises:
            ConfigError: Optuna is not installed.

        Source: Bergstra et al., "Algorithms for hyper-parameter optimization", 2011 (the tree-structured Parzen
        estimator).
        """
        count = min(self.together, self.trials - len(tried))
        if count <= 0:
            return []
        optuna: Any = require("optuna", purpose="a [search] in a study", extra="search")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        sampler = optuna.samplers.TPESampler(
            seed=(self.seed + len(tried)) % (1 << 31),
            n_startup_trials=min(_RANDOM_TRIALS, max(self.together, self.trials // 3)),
            constant_liar=True,  # trials of one round keep away from each other
        )
        study = optuna.create_study(sampler=sampler, direction="maximize" if higher_is_better else "minimize")
        space = {key: _distribution(optuna, values) for key, values in self.space.items()}
        states = optuna.trial.TrialState
        for settings, figure in tried:
            failed = figure is None or not math.isfinite(figure)
            study.add_trial(
                optuna.trial.create_trial(
                    params=dict(settings),
                    distributions=space,
                    value=None if failed else figure,
                    state=states.FAIL if failed else states.COMPLETE,
                )
            )
        return [dict(study.ask(space).params) for _ in range(count)]


def read_search(table: Mapping[str, Any], *, where: str) -> Search:
    """The ``[search]`` table of a study.

    Raises:
        ConfigError: it searches nothing, or a range is none.
    """
    plan = {key: value for key, value in table.items() if key in ("trials", "together", "seed")}
    chosen = build(_Plan, plan, where="search")
    space = {key: _values(key, values, where) for key, values in _flat(table, plan)}
    if not space:
        raise ConfigError(
            f"{where} searches nothing; give at least one setting with its range under [search], such as "
            '"training.learning_rate" = { low = 0.001, high = 0.01, log = true }'
        )
    return Search(chosen.trials, chosen.together, chosen.seed, space)


def _flat(table: Mapping[str, Any], plan: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Keys that were written without quotes are tables to TOML; one of ``low`` and ``high`` is a range."""
    found: list[tuple[str, Any]] = []
    for key, value in table.items():
        if not prefix and key in plan:
            continue
        if isinstance(value, dict) and not {"low", "high", "log"} & set(value):
            found += _flat(value, {}, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", value))
    return found


def _values(key: str, values: Any, where: str) -> list[Any] | Span:
    table, dot, name = key.partition(".")
    if not (table and dot and name):
        raise ConfigError(
            f"{where}: [search] has the key {quoted(key)}; expected trials, together, seed, or TABLE.NAME in quotes, "
            'such as "training.learning_rate"'
        )
    if isinstance(values, list) and values:
        if not all(isinstance(value, bool | int | float | str) for value in values):
            raise ConfigError(f"{where}: {key} may be {quoted(values)}; expected a list of numbers or of texts")
        return values
    if not isinstance(values, dict):
        raise ConfigError(
            f"{where}: {key} is {quoted(values)}; expected a list of values, or a range such as "
            "{ low = 8, high = 64 }"
        )
    span = build(Span, values, where=f"search.{key}")
    if span.low >= span.high or (span.log and span.low <= 0):
        least = " above 0" if span.log else ""
        raise ConfigError(
            f"{where}: {key} goes from {span.low:g} to {span.high:g}; expected a low{least} that is below the high"
        )
    return span


def _distribution(optuna: Any, values: list[Any] | Span) -> Any:
    kinds = optuna.distributions
    if isinstance(values, list):
        return kinds.CategoricalDistribution(values)
    whole = isinstance(values.low, int) and isinstance(values.high, int)
    kind = kinds.IntDistribution if whole else kinds.FloatDistribution
    return kind(values.low, values.high, log=values.log)
