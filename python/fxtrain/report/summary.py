# SPDX-License-Identifier: MIT
"""A run's result in a few words, for the terminal and for the page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fxtrain.report.metrics import decibels

__all__ = ["Fact", "Grade", "describe", "format_esr", "grade", "number_at"]


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


def format_esr(value: float | None) -> str:
    """Two significant digits, without an exponent as long as that is readable.

    >>> format_esr(0.004234), format_esr(1.234), format_esr(0.11), format_esr(4.2e-7)
    ('0.0042', '1.23', '0.11', '4.2 × 10⁻⁷')
    """
    if value is None or math.isnan(value):
        return "unknown"
    if math.isinf(value):
        return "infinite"
    if value == 0.0:
        return "0"
    if abs(value) >= 1.0:
        return f"{value:.3g}"
    exponent = math.floor(math.log10(abs(float(f"{value:.1e}"))))
    if exponent >= -4:
        return f"{value:.{1 - exponent}f}"
    digits = str(abs(exponent)).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{value / 10.0**exponent:.1f} \N{MULTIPLICATION SIGN} 10⁻{digits}"


@dataclass(frozen=True)
class Fact:
    """One figure with what it means."""

    label: str
    value: str
    note: str


def describe(metrics: Mapping[str, Any]) -> list[Fact]:
    """The facts that sum up a run, of those that ``metrics`` (see ``metrics.json``) holds."""
    facts = []
    value = number_at(metrics, "esr")
    fir = number_at(metrics, "baselines", "fir")
    if value is not None:
        note = f"the error is {-decibels(value):.1f} dB below the wet sound" if value > 0.0 else "sample for sample"
        facts.append(Fact("ESR", format_esr(value), note))
    if value and fir is not None:
        times = fir / value
        facts.append(
            Fact(
                "Against a linear filter",
                f"{times:.0f}\N{MULTIPLICATION SIGN}" if times >= 10.0 else f"{times:.1f}\N{MULTIPLICATION SIGN}",
                f"less error than the best 512-tap filter ({format_esr(fir)})"
                if times > 1.0
                else f"the best 512-tap filter is as good or better ({format_esr(fir)})",
            )
        )
    lag, removed = number_at(metrics, "data", "lag_samples"), number_at(metrics, "data", "lag_removed")
    if lag is not None:
        what = "the wet comes late" if lag > 0 else "the wet comes early" if lag < 0 else "in step"
        if removed is not None:
            what += f"; {removed:.0f} removed before training" if removed else "; left to the model"
        unit = "sample" if abs(lag) == 1 else "samples"
        facts.append(Fact("Lag in the recording", f"{abs(lag):.0f}", f"{unit}: {what}"))
    parity = number_at(metrics, "parity", "engine_error")
    if parity is not None:
        facts.append(Fact("Engine parity", format_esr(parity), "largest difference of the C++ engine from PyTorch"))
    factor = number_at(metrics, "speed", "real_time_factor")
    if factor:
        facts.append(Fact("CPU", f"{100.0 / factor:.2g} %", f"of one core: {factor:.0f} times faster than real time"))
    parameters = number_at(metrics, "model", "parameters")
    if parameters is not None:
        facts.append(Fact("Size", f"{parameters:,.0f}".replace(",", "\N{THIN SPACE}"), "parameters"))
    return facts


def number_at(table: Any, *path: str) -> float | None:
    """The finite number at the end of a path of keys, or ``None``."""
    for key in path:
        table = table.get(key) if isinstance(table, Mapping) else None
    return float(table) if isinstance(table, int | float) and math.isfinite(table) else None
