# SPDX-License-Identifier: MIT
"""How a recording is best learnt: what its settings leave to be decided, decided by evidence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fxtrain.config import Tables, merge
from fxtrain.data.material import Material
from fxtrain.tasks.effect.long_response import decide_linear_stage
from fxtrain.tasks.effect.slow_state import choose_envelopes
from fxtrain.tasks.protocol import Start
from fxtrain.training.plan import TrainingConfig
from fxtrain.training.protocol import Trainable

__all__ = ["choose_start", "find_starts", "settle_material"]

_WORTH_ITS_PRICE = 0.7
"""Envelopes must leave less than this share of the error without them: other players cannot play such a file."""

_LINEAR_STAGE: Tables = {"data": {"chunk_frames": 2048, "sequence_frames": 32768}}
"""Its answer is longer than a chunk: longer ones see more of it."""
_LATER_FRAMES = 8
"""Behind a linear stage the target is later by so much. The answer of a loudspeaker rises slowly, and up to 0.5 % of
its energy may come before the lag that was found; no model can give that. The filter holds the delay at no cost."""


def find_starts(model: type[Trainable], material: Material, tables: Tables, training: TrainingConfig) -> list[Start]:
    """The ways to begin that a recording leaves open.

    Args:
        model: the architecture.
        material: the recordings.
        tables: what was asked for.
        training: the same of training.
    """
    asked = tables.get("model", {})
    fields = getattr(model.Config, "__dataclass_fields__", {})
    defaults = {"data": getattr(model, "data_defaults", {}), "loss": getattr(model, "loss_defaults", {})}
    found: Tables = _under(tables, defaults)
    reasons = []
    if "linear_stage" in fields and asked.get("linear_stage", "auto") == "auto":
        decided, reason = decide_linear_stage(material)
        found = merge(found, _under(tables, decided))
        reasons.append(reason)
    if "on" in (asked.get("linear_stage"), found.get("model", {}).get("linear_stage")):
        found = merge(found, _under(tables, _LINEAR_STAGE))
    choices = [asked["envelopes"]] if asked.get("envelopes", "auto") != "auto" else ["off", "on"]
    if "envelopes" not in fields:
        choices = [None]
    times: dict[str, Any] = {}
    if "on" in choices and asked.get("envelope_ms") is None and (training.starts > 1 or choices[0] == "on"):
        times = {"envelope_ms": [list(each) for each in choose_envelopes(material.train, material.sample_rate)]}
    starts = []
    are_several = training.starts > 1
    for index in range(max(training.starts, len(choices)) if are_several else 1):
        seed = (training.seed + index // len(choices)) % 2**63
        own: Tables = {"training": {"seed": seed}} if are_several else {}
        choice = choices[index % len(choices)]
        if choice is not None:
            own = merge(own, {"model": {"envelopes": choice, **(times if choice == "on" else {})}})
        starts.append(Start(merge(found, own), "; ".join(reasons)))
    return starts


def settle_material(material: Material, tables: Tables) -> Material:
    """The material for a model with these settings: less lag is removed in front of a linear stage.

    Nothing changes if the user gave the lag, or if the recording consists of clips.
    """
    has_stage = tables.get("model", {}).get("linear_stage") == "on"
    is_given = tables.get("reading", {}).get("lag") is not None
    if not has_stage or is_given or material.is_in_clips:
        return material
    return material.with_later_target(_LATER_FRAMES)


def choose_start(starts: Sequence[Tables], values: Sequence[float]) -> int:
    """The start of the least error; one with envelopes only if all of them leave less than 0.7 of the least without.

    One lucky start is not enough: with other seeds, errors of short starts can be half as high or ten times as high.

    >>> starts = [{"model": {"envelopes": each}} for each in ("off", "on", "off", "on")]
    >>> choose_start(starts, [0.1, 0.02, 0.11, 0.09])
    0
    >>> choose_start(starts, [0.1, 0.02, 0.11, 0.06])
    1
    """
    errors: dict[bool, list[float]] = {False: [], True: []}
    for start, value in zip(starts, values, strict=True):
        errors[start.get("model", {}).get("envelopes") == "on"].append(value)
    plain, with_envelopes = errors[False], errors[True]
    least = min(values)
    if plain and with_envelopes and math.isfinite(min(plain)):
        are_worth_it = max(with_envelopes) < _WORTH_ITS_PRICE * min(plain)
        least = min(with_envelopes if are_worth_it else plain)
    return list(values).index(least)


def _under(asked: Tables, decided: Mapping[str, Mapping[str, Any]]) -> Tables:
    """What was decided, but for what was asked for."""
    return {
        name: {key: value for key, value in table.items() if asked.get(name, {}).get(key, "auto") == "auto"}
        for name, table in decided.items()
    }
