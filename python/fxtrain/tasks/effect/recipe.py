# SPDX-License-Identifier: MIT
"""How a recording is best learnt: what its settings leave to be decided, decided by evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import oaconvolve

from fxtrain.audio.least_squares import improve_filter
from fxtrain.config import Tables, merge
from fxtrain.data import Excerpt
from fxtrain.data.material import Material
from fxtrain.tasks.effect.slow_state import choose_envelopes
from fxtrain.tasks.protocol import Start
from fxtrain.training.protocol import Trainable
from fxtrain.training.trainer import TrainingConfig

__all__ = ["choose_start", "find_starts", "score_filter"]

_SHORT_TAPS = 512
_LONG_TAPS = (2048, 8192, 16384)
_BEYOND_TAPS = 32768
_MOST_FRAMES = 1 << 22
"""A minute and a half of the training part tells as much as all of it."""
_MOST_JUDGED_FRAMES = 1 << 21
"""And so do three quarters of a minute of a validation excerpt."""
_WORTH_A_STAGE = 0.9
"""A long filter must leave less than this share of what a short one leaves."""
_AS_GOOD = 1.03
"""A shorter stage is taken if it leaves no more than this multiple of what the best one leaves."""
_WORTH_ITS_PRICE = 0.8
"""Envelopes, or a stage that others lack, must leave less than this share of the error without them."""

_LINEAR_STAGE: Tables = {
    "model": {"linear_stage": "on"},
    "data": {"chunk_frames": 2048, "sequence_frames": 32768},
}
"""Its answer is longer than a chunk: longer ones see more of it."""


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
    found: Tables = _under(tables, {"data": getattr(model, "data_defaults", {})})
    reasons = []
    if "linear_stage" in fields and asked.get("linear_stage", "auto") == "auto":
        decided, reason = _decide_linear_stage(material)
        found = merge(found, _under(tables, decided))
        reasons.append(reason)
    elif asked.get("linear_stage") == "on":
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


def choose_start(starts: Sequence[Tables], values: Sequence[float]) -> int:
    """The start of the least error.

    One with envelopes or a linear stage, where others have none, counts by 1/0.8 of its own.

    >>> choose_start([{"model": {"envelopes": "off"}}, {"model": {"envelopes": "on"}}], [0.1, 0.09])
    0
    """

    def has(index: int, part: str) -> bool:
        return starts[index].get("model", {}).get(part) == "on"

    def cost(index: int) -> float:
        value = values[index]
        for part in ("envelopes", "linear_stage"):
            if has(index, part) and not all(has(other, part) for other in range(len(starts))):
                value /= _WORTH_ITS_PRICE
        return value

    return min(range(len(starts)), key=cost)


def score_filter(material: Material, num_taps: int) -> float:
    """ESR on the validation part of the best filter on the training part."""
    silence = np.zeros(num_taps - 1)
    share = min(1.0, _MOST_FRAMES / max(sum(len(excerpt.input) for excerpt in material.train), 1))
    kept = [(excerpt, round(share * len(excerpt.input))) for excerpt in material.train]
    taps = improve_filter(
        np.zeros(num_taps), [(excerpt.input[:count], excerpt.target[:count], silence) for excerpt, count in kept]
    )
    error = energy = 0.0
    for excerpt in material.validation:
        target = excerpt.target[:_MOST_JUDGED_FRAMES].astype(np.float64)
        error += float(np.sum((_filtered(excerpt, taps) - target) ** 2))
        energy += float(np.sum(target**2))
    return error / max(energy, 1e-12)


def _filtered(excerpt: Excerpt, taps: NDArray[np.float64]) -> NDArray[np.float64]:
    lead_in = np.zeros(0, np.float32) if excerpt.lead_in is None else excerpt.lead_in
    whole = np.concatenate([lead_in, excerpt.input[:_MOST_JUDGED_FRAMES]]).astype(np.float64)
    predicted: NDArray[np.float64] = oaconvolve(whole, taps)[len(lead_in) : len(whole)]
    return predicted


def _decide_linear_stage(material: Material) -> tuple[Tables, str]:
    if _are_clips(material):
        return {"model": {"linear_stage": "off"}}, "no linear stage: the recording consists of clips"
    short = score_filter(material, _SHORT_TAPS)
    long = {taps: score_filter(material, taps) for taps in _LONG_TAPS}
    best = min(long.values())
    if best >= _WORTH_A_STAGE * short:
        return {"model": {"linear_stage": "off"}}, "no linear stage: a long filter explains no more than a short one"
    taps = next(taps for taps in _LONG_TAPS if long[taps] <= _AS_GOOD * best)
    reason = (
        f"with a linear stage: a filter of {_milliseconds(taps, material)} leaves {long[taps]:.3f} of the signal, one "
        f"of {_milliseconds(_SHORT_TAPS, material)} {short:.3f}"
    )
    if taps == _LONG_TAPS[-1] and (beyond := score_filter(material, _BEYOND_TAPS)) < _WORTH_A_STAGE * long[taps]:
        reason += (
            f". The device rings for longer than the stage, which ends after {_milliseconds(taps, material)}: a filter "
            f"of {_milliseconds(_BEYOND_TAPS, material)} would leave {beyond:.3f}. The model will cut the tail short; "
            "for a long reverb, put a convolution with its impulse response behind the model instead"
        )
    return merge(_LINEAR_STAGE, {"model": {"linear_stage_taps": taps}}), reason


def _are_clips(material: Material) -> bool:
    return any(excerpt.clip_frames for excerpt in material.train)


def _milliseconds(taps: int, material: Material) -> str:
    return f"{1e3 * taps / material.sample_rate:.0f} ms"


def _under(asked: Tables, decided: Mapping[str, Mapping[str, Any]]) -> Tables:
    """What was decided, but for what was asked for."""
    return {
        name: {key: value for key, value in table.items() if asked.get(name, {}).get(key, "auto") == "auto"}
        for name, table in decided.items()
    }
