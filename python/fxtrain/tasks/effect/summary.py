# SPDX-License-Identifier: MIT
"""A run's result in a few words, for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fxtrain.audio.decibels import amplitude_to_db, power_to_db
from fxtrain.report.numbers import format_ratio, number_at
from fxtrain.report.sections import Fact

__all__ = ["BASELINES", "Grade", "describe", "grade"]

BASELINES = {
    "input": ("Dry, as it is", "no model at all"),
    "best_gain": ("Dry, at one gain", "fitted on the training part"),
    "fir": ("Linear filter", "512 taps, fitted on the training part"),
    "long_fir": ("Long linear filter", "8192 taps, fitted on the training part"),
}
"""What a model must beat, by its key in ``metrics.json``: a name, and how it came about."""


@dataclass(frozen=True)
class Grade:
    """An ESR in plain words. The words are ours and rough: a blind test is the judge."""

    word: str
    sentence: str


_GRADES = (
    (0.001, Grade("Practically identical", "Few will tell it from the device, even in a blind test.")),
    (0.005, Grade("Excellent", "Hard to tell from the device when playing; close listening may find a difference.")),
    (0.015, Grade("Very close", "The feel and tone of the device, with small differences under close listening.")),
    (0.04, Grade("Close", "Clearly the device, with audible differences side by side.")),
    (0.12, Grade("Recognisable", "The character is there, but attack or distortion differ audibly.")),
    (0.4, Grade("Rough", "Some of the tone, little of the behaviour.")),
)


def grade(esr: float) -> Grade:
    """Plain words for an error-to-signal ratio.

    >>> grade(0.004).word
    'Excellent'
    """
    for limit, words in _GRADES:
        if esr < limit:
            return words
    return Grade("Not there yet", "The model has not learned this device.")


def describe(metrics: Mapping[str, Any]) -> list[Fact]:
    """The facts that sum up a run, of those that ``metrics`` (see ``metrics.json``) holds."""
    facts = []
    value = number_at(metrics, "esr")
    fir = number_at(metrics, "baselines", "fir")
    if value is not None:
        note = f"the error is {-power_to_db(value):.1f} dB below the wet sound" if value > 0.0 else "sample for sample"
        facts.append(Fact("ESR", format_ratio(value), note))
    if value and fir is not None:
        times = fir / value
        facts.append(
            Fact(
                "Against a linear filter",
                f"{times:.0f}\N{MULTIPLICATION SIGN}" if times >= 10.0 else f"{times:.1f}\N{MULTIPLICATION SIGN}",
                f"less error than the best 512-tap filter ({format_ratio(fir)})"
                if times > 1.0
                else f"the best 512-tap filter is as good or better ({format_ratio(fir)})",
            )
        )
    lag, removed = number_at(metrics, "data", "lag_samples"), number_at(metrics, "data", "lag_removed")
    if lag is not None:
        what = "the wet comes late" if lag > 0 else "the wet comes early" if lag < 0 else "in step"
        if removed is not None:
            done = f"{abs(removed):.0f} {'removed' if removed > 0 else 'added'} before training"
            what += f"; {done if removed else 'left to the model'}"
        unit = "sample" if abs(lag) == 1 else "samples"
        facts.append(Fact("Lag in the recording", f"{abs(lag):.0f}", f"{unit}: {what}"))
    parity = number_at(metrics, "parity", "engine_error")
    if parity is not None:
        facts.append(Fact("Engine parity", format_ratio(parity), "largest difference of the C++ engine from PyTorch"))
    louder, peak = (number_at(metrics, "loud", key) for key in ("times", "peak"))
    if louder and peak is not None:
        note = f"highest output at {amplitude_to_db(louder):.0f} dB above the recording; full scale is 1"
        facts.append(Fact("Played too loud", f"{peak:.2g}", note))
    model = metrics.get("model")
    if isinstance(model, Mapping) and model.get("envelopes") == "on":
        facts.append(Fact("Players", "fxtrain", "the network gets levels of its input, which other players refuse"))
    elif isinstance(model, Mapping) and model.get("linear_stage") == "on":
        note = "others sound as before the loudspeaker: load cabinet.wav behind them"
        facts.append(Fact("Players", "fxtrain", note))
    factor = number_at(metrics, "speed", "real_time_factor")
    if factor:
        facts.append(Fact("CPU", f"{100.0 / factor:.2g} %", f"of one core: {factor:.0f} times faster than real time"))
    parameters = number_at(metrics, "model", "parameters")
    if parameters is not None:
        facts.append(Fact("Size", f"{parameters:,.0f}".replace(",", "\N{THIN SPACE}"), "parameters"))
    return facts
