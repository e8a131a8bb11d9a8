# SPDX-License-Identifier: MIT
"""``--knob NAME=VALUE``: where the knobs of a conditioned model stand."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fxtrain.errors import ConfigError

if TYPE_CHECKING:
    from fxtrain import engine


__all__ = ["add_knob_argument", "knob_text", "knob_values", "set_knobs"]


def add_knob_argument(
    parser: argparse._ActionsContainer, *, default: str = "as in the file (see fxtrain info)"
) -> None:
    """``--knob``, repeatable; ``default`` says what happens to those that are not named."""
    parser.add_argument(
        "--knob",
        action="append",
        default=[],
        type=_setting,
        metavar="NAME=VALUE",
        help=f"position of one of the model's knobs (repeatable); default: {default}",
    )


def _setting(text: str) -> tuple[str, float]:
    name, separator, value = text.rpartition("=")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not separator or not name.strip() or not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE with a number, such as Drive=7, found {text}")
    return name.strip(), number


def set_knobs(model: engine.Model, settings: Sequence[tuple[str, float]]) -> None:
    """Moves the knobs that are named, upper or lower case, to values in their own units.

    Raises:
        ConfigError: the model has no such knob, or the value is beyond its ends.
    """
    info = model.info
    for name, value in settings:
        index = next((i for i, knob in enumerate(info.knobs) if knob.name.casefold() == name.casefold()), None)
        if index is None:
            known = f"its knobs are {', '.join(knob.name for knob in info.knobs)}" if info.knobs else "it has none"
            raise ConfigError(f"{info.path} has no knob {name}: {known}.")
        knob = info.knobs[index]
        low, high = sorted((knob.minimum, knob.maximum))
        if not low <= value <= high:
            raise ConfigError(f"--knob {name}={value:g} is beyond the knob's ends: expected {low:g} to {high:g}.")
        model.set_knob(index, (value - knob.minimum) / (knob.maximum - knob.minimum))


def knob_values(model: engine.Model) -> dict[str, float]:
    """Where the knobs stand, by name, in their own units."""
    return {
        knob.name: knob.minimum + position * (knob.maximum - knob.minimum)
        for knob, position in zip(model.info.knobs, model.knobs, strict=True)
    }


def knob_text(model: engine.Model) -> str:
    """The same for a person: ``Drive 7 dB (0 to 10), Tone 0.5 (0 to 1)``."""
    values = knob_values(model)
    texts = []
    for knob in model.info.knobs:
        unit = f" {knob.unit}" if knob.unit else ""
        texts.append(f"{knob.name} {values[knob.name]:g}{unit} ({knob.minimum:g} to {knob.maximum:g})")
    return ", ".join(texts)
