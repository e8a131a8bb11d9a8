# SPDX-License-Identifier: MIT
"""What to do next after a bad result, from what is known about the recordings, the training and the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fxtrain.audio.decibels import amplitude_to_db
from fxtrain.config import load_preset, presets
from fxtrain.report.numbers import number_at

__all__ = ["BAD_ESR", "advise", "judge_result", "next_steps"]

BAD_ESR = 0.015
"""Results above it are worse than "Very close"."""

_CAUSES = ("lag", "time", "gate", "drift", "replicate", "noise", "swapped", "identical", "split", "channels")
"""Checks whose warnings explain a large error, the most likely cause first."""

_MINOR_CAUSES = ("clipping", "level", "dc", "rate")
"""Checks whose warnings explain it if nothing else does."""

_BURST = 2.0  # times the ceiling: a higher peak is a burst
_STUCK = 0.05  # of the ceiling: a higher peak after the silence is a state that is stuck
_FLOOR_SHARE = 0.05  # of the ESR; a smaller floor explains nothing
_FEW_SECONDS = 100.0  # of training: less than two minutes of recording
_STILL_FALLING = 0.7  # share of the steps; if the best weights came later, longer training finds better ones
_SMALL = 32  # units; fewer are for clean gear
_MANY_DIVERGENCES = 2


def advise(metrics: Mapping[str, Any]) -> list[str]:
    """Sentences that say what to do next, the most promising first; none if the result is good.

    Args:
        metrics: what ``metrics.json`` holds; any key may be missing.

    >>> advise({"esr": 0.1, "model": {"hidden_size": 8}})
    ['The model is small (8 units): a larger one can follow more, for example with --preset standard.']
    >>> advise({"esr": 0.1, "model": {"name": "stft-mask", "hidden_size": 24}})  # presets are of recurrent models
    []
    """
    value = number_at(metrics, "esr")
    is_stopped = metrics.get("complete") is False
    sentences = [_about_the_stop(metrics)] if is_stopped else []
    sentences += _about_loud_playing(metrics)
    if value is None or value <= BAD_ESR:
        return sentences
    sentences += _about_recordings(metrics, value, _CAUSES)
    sentences += _about_training(metrics, is_stopped=is_stopped)
    sentences += _about_recordings(metrics, value, _MINOR_CAUSES)
    if not sentences and isinstance(metrics.get("training"), Mapping):
        sentences.append(
            "Nothing in the recordings or the training explains this error: listen to it in the report, check that no "
            "knob was moved while recording, and record again."
        )
    return sentences


def next_steps(run: str) -> list[str]:
    """What to do with a good result.

    Args:
        run: the folder of the run, as in a command.
    """
    return [
        "Listen to the prediction and the wet above, at equal loudness and in the blind test.",
        f"Play through it: fxtrain live {run}",
        f"Copy it to where the plugin looks for models: fxtrain install {run}",
        f"Play a recording through it: fxtrain render {run} dry.wav played.wav",
        f"Try a smaller or larger model of the same recording, then put both on one page: fxtrain compare {run} OTHER",
    ]


def judge_result(metrics: Mapping[str, Any]) -> list[dict[str, str]]:
    """What is plainly wrong with a result, as verdicts: empty where the model beats all that has no network in it.

    Args:
        metrics: what ``metrics.json`` holds; any key may be missing.

    >>> (verdict,) = judge_result({"esr": 0.5, "baselines": {"best_gain": 0.9, "fir": 0.4}})
    >>> verdict["name"]
    'baseline'
    """
    value = number_at(metrics, "esr")
    named = {
        "input": "the dry sound itself",
        "best_gain": "the dry sound at one gain",
        "fir": "a linear filter of 512 taps",
        "long_fir": "a linear filter of 8192 taps",
    }
    scores = {name: number_at(metrics, "baselines", name) for name in named}
    better = {
        name: score for name, score in scores.items() if score is not None and value is not None and score <= value
    }
    if value is None or not better:
        return []
    best = min(better, key=lambda name: better[name])
    return [
        {
            "name": "baseline",
            "level": "warn",
            "message": f"This model is no better than {named[best]}, which leaves {better[best]:.3g} where it leaves "
            f"{value:.3g}: it has not learned the device.",
        }
    ]


def _about_the_stop(metrics: Mapping[str, Any]) -> str:
    step, planned = (number_at(metrics, "training", key) for key in ("steps", "planned_steps"))
    where = f" at step {step:.0f} of {planned:.0f}" if step is not None and planned is not None else ""
    if metrics.get("stopped") == "diverged":
        return (
            f"Training diverged again and again (the error grew instead of falling) and was ended{where}: start a new "
            "run with a lower --lr, for example a quarter of this one's."
        )
    return f"Training was stopped{where}: finish it with fxtrain fit --resume and the folder of this run."


def _about_loud_playing(metrics: Mapping[str, Any]) -> Iterator[str]:
    times, peak, ceiling, after = (number_at(metrics, "loud", key) for key in ("times", "peak", "ceiling", "after"))
    if times is None or peak is None or ceiling is None or after is None:
        return
    found = []
    if peak > _BURST * ceiling:
        found.append(f"reaches {peak:.2g} times full scale, but the device hardly more than {ceiling:.2g}")
    if after > _STUCK * ceiling:
        found.append(f"still sounds after five seconds of silence ({amplitude_to_db(after):.0f} dB)")
    if found:
        yield (
            f"Played {amplitude_to_db(times):.0f} dB louder than its recording, the model {' and '.join(found)}: play "
            "it at the level of the recording, or train again with --set data.loud_share=0.125."
        )


def _about_recordings(metrics: Mapping[str, Any], value: float, causes: Sequence[str]) -> Iterator[str]:
    data = metrics.get("data")
    verdicts = data.get("verdicts") if isinstance(data, Mapping) else None
    given = {
        str(verdict.get("name")): verdict
        for verdict in (verdicts if isinstance(verdicts, Sequence) else ())
        if isinstance(verdict, Mapping) and verdict.get("level") in ("warn", "stop")
    }
    for verdict in (given[name] for name in causes if name in given):
        floor = number_at(verdict, "values", "esr_floor")
        values = verdict.get("values")
        is_removed = isinstance(values, Mapping) and values.get("removed") is True
        if is_removed or (floor is not None and floor < _FLOOR_SHARE * value):
            continue
        message, remedy = (str(verdict.get(key) or "").rstrip(".") for key in ("message", "remedy"))
        yield f"{message}: {remedy}." if remedy else f"{message}."


def _about_training(metrics: Mapping[str, Any], *, is_stopped: bool) -> Iterator[str]:
    split = metrics.get("split")
    ends = [
        (number_at(part, "start_seconds"), number_at(part, "end_seconds"))
        for part in (split if isinstance(split, Sequence) else ())
        if isinstance(part, Mapping) and part.get("part") == "train"
    ]
    seconds = sum(end - start for start, end in ends if start is not None and end is not None)
    if 0 < seconds < _FEW_SECONDS:
        yield f"Only {seconds:.0f} s of playing were there to train on: record three minutes."
    training = metrics.get("training")
    steps, best_step, spent = (number_at(training, key) for key in ("steps", "best_step", "seconds"))
    is_falling = False
    if isinstance(training, Mapping) and not is_stopped and training.get("converged") is False and steps:
        is_falling = best_step is not None and best_step >= _STILL_FALLING * steps
        if is_falling:
            minutes = (spent or 0.0) / 60
            length = f"{minutes:.1f} min" if minutes >= 1 else f"{spent or 0.0:.0f} s"
            yield (
                f"Training ended after {length}, while the error was still falling: train longer, for example "
                f"with --max-minutes {max(20, round(3 * minutes))}."
            )
    divergences = number_at(training, "divergences")
    is_told = metrics.get("stopped") == "diverged"
    if divergences is not None and divergences >= _MANY_DIVERGENCES and not is_told:
        yield f"Training diverged {divergences:.0f} times (the error grew instead of falling): use a lower --lr."
    model = metrics.get("model")
    has_presets = isinstance(model, Mapping) and model.get("name", "lstm") in ("lstm", "gru")
    units = number_at(metrics, "model", "hidden_size") if has_presets else None
    larger = None if units is None else _larger_preset(units)
    if units is not None and larger and (units < _SMALL or not (is_falling or is_stopped)):
        yield (
            f"The model is small ({units:.0f} units): a larger one can follow more, for example with --preset {larger}."
        )


def _larger_preset(units: float) -> str | None:
    """The smallest shipped preset with more units, from the default size on."""
    sizes = {name: load_preset(name).get("model", {}).get("hidden_size", 0) for name in presets()}
    larger = {name: size for name, size in sizes.items() if size > units and size >= _SMALL}
    return min(larger, key=lambda name: larger[name], default=None)
