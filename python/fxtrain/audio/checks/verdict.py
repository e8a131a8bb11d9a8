# SPDX-License-Identifier: MIT
"""What a check finds, and what all checks of a pair find together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from fxtrain.audio.alignment import Alignment
from fxtrain.errors import DataCheckError

__all__ = ["CHECKS", "FLOOR_NOTE_DB", "FLOOR_WARN_DB", "RELATED", "SURE", "DataReport", "Level", "Verdict"]

Level = Literal["ok", "note", "warn", "stop"]

CHECKS = (
    "silence",
    "rate",
    "length",
    "format",
    "channels",
    "level",
    "clipping",
    "dc",
    "noise",
    "lag",
    "polarity",
    "drift",
    "gate",
    "time",
    "replicate",
    "identical",
    "swapped",
)
"""Names of the checks, in the order of the report; each may be given to ``ignore``."""

SURE = 0.5
"""Confidence below which neither lag nor polarity nor drift is stated."""
RELATED = 0.1
"""Confidence below which two files have nothing in common."""
FLOOR_WARN_DB = -30.0
"""Of an error that no model can avoid, against the playing: good models of clean and driven amplifiers come to an ESR
of 0.001 to 0.01, so this is the first thing to stand in their way."""
FLOOR_NOTE_DB = -45.0
"""The same: below that it is not felt."""


@dataclass(frozen=True)
class Verdict:
    """What one check found.

    Attributes:
        name: one of :data:`CHECKS`, or ``split``: :func:`fxtrain.data.material.check_split`.
        level: ``ok``, ``note`` (good to know), ``warn`` (the model may suffer), ``stop`` (training would be in vain).
        message: one sentence: what was found, and what was expected.
        remedy: what to do, or empty.
        values: the figures, JSON-able.
        ignored: a ``stop`` that the user overrode.
    """

    name: str
    level: Level
    message: str
    remedy: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    ignored: bool = False

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "name": self.name,
            "level": self.level,
            "message": self.message,
            "remedy": self.remedy,
            "values": self.values,
            "ignored": self.ignored,
        }


@dataclass(frozen=True)
class DataReport:
    """The verdicts on a pair, and its alignment.

    Attributes:
        input: facts of the dry file.
        target: facts of the wet file.
        verdicts: one per check, in the order of :data:`CHECKS`; checks that could not be made are left out.
        alignment: None where the files could not be compared (other rates, silence, too short). Without the drift that
            ``clock`` takes out.
        clock: of the target's recorder against the input's, for :func:`fxtrain.audio.alignment.match_clock`; 1 where
            they are the same, or where no steady drift was found.
        drift_samples: how much the lag grows in the files as they are.
        lag_is_given: by the user; it goes before the estimate.
    """

    input: dict[str, Any]
    target: dict[str, Any]
    verdicts: tuple[Verdict, ...]
    alignment: Alignment | None
    clock: float = 1.0
    drift_samples: float = 0.0
    lag_is_given: bool = False

    def __repr__(self) -> str:
        """The verdict, and the names of the checks that found something: the whole report is pages of figures."""
        found = {
            level: [verdict.name for verdict in self.verdicts if verdict.level == level] for level in ("stop", "warn")
        }
        parts = [f"fit_to_train={self.fit_to_train}", f"lag_samples={self.lag_samples}"]
        return f"DataReport({', '.join(parts + [f'{level}={names}' for level, names in found.items() if names])})"

    @property
    def stops(self) -> tuple[Verdict, ...]:
        """Verdicts that end training."""
        return tuple(verdict for verdict in self.verdicts if verdict.level == "stop" and not verdict.ignored)

    @property
    def fit_to_train(self) -> bool:
        """Whether no verdict ends training."""
        return not self.stops

    @property
    def lag_samples(self) -> int | None:
        """Samples that the target is late; None where the recordings do not show it."""
        alignment = self.alignment
        is_sure = alignment is not None and (alignment.confidence >= SURE or self.lag_is_given)
        return alignment.lag_samples if alignment and is_sure else None

    def raise_for_stop(self) -> None:
        """Raises where a ``stop`` stands.

        Raises:
            DataCheckError: with the first one's message and remedy.
        """
        if not self.stops:
            return
        first, *others = self.stops
        more = f"; {', '.join(stop.name for stop in others)} would stop it too" if others else ""
        raise DataCheckError(f"{first.message}: {first.remedy} (--ignore {first.name} goes on regardless{more}).")

    def to_dict(self) -> dict[str, Any]:
        """JSON-able: what ``check --json`` prints. What the confidence does not allow to state is None."""
        alignment = self.alignment
        is_steady = alignment is not None and alignment.confidence >= SURE
        return {
            "input": self.input,
            "target": self.target,
            "lag_samples": self.lag_samples,
            "polarity": alignment.polarity if alignment and is_steady and alignment.order == 1 else None,
            "confidence": round(alignment.confidence, 4) if alignment else None,
            "drift_samples": round(self.drift_samples, 3) if alignment and is_steady else None,
            "drift_removed": self.clock != 1.0,
            "jumps": [
                {
                    "after_seconds": round(jump.after_seconds, 3),
                    "before_seconds": round(jump.before_seconds, 3),
                    "samples": round(jump.samples, 2),
                    "steady": jump.steady,
                }
                for jump in (alignment.jumps if alignment and is_steady else ())
            ],
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
        }
