# SPDX-License-Identifier: MIT
"""The plugin's parameters, as its presets hold them: by id, in plain units.

``parameters.json`` is written by the plugin itself: ``make parameters``, after a change to
``plugin/source/parameters.cpp``.
"""

from __future__ import annotations

import difflib
import importlib.resources
import json
import math
import re
from dataclasses import dataclass

from fxtrain.errors import ConfigError

__all__ = ["PARAMETERS", "Parameter", "get_parameter"]

_WORDS = {"on": 1, "yes": 1, "true": 1, "1": 1, "off": 0, "no": 0, "false": 0, "0": 0}


@dataclass(frozen=True)
class Parameter:
    """One parameter: a number with a unit, a choice, or a switch.

    Attributes:
        id: its name in states and presets, for ever.
        name: as hosts show it.
        unit: of a number, else empty.
        minimum: least value.
        maximum: greatest value.
        default: value of a preset that does not say.
        choices: of a choice, whose value is the index.
        is_switch: 0 is off, 1 is on.
        belongs_to_room: it is of the interface, the computer or the moment, not of the sound; presets leave it alone.
    """

    id: str
    name: str
    unit: str = ""
    minimum: float = 0.0
    maximum: float = 1.0
    default: float = 0.0
    choices: tuple[str, ...] = ()
    is_switch: bool = False
    belongs_to_room: bool = False

    def parse(self, text: str) -> float:
        """The value that a person means: "-3", "-3 dB", "on", "A + B".

        Raises:
            ConfigError: it is none, or out of range.
        """
        if self.is_switch:
            if text.strip().lower() in _WORDS:
                return _WORDS[text.strip().lower()]
            raise ConfigError(f"{self.id} is a switch: expected on or off, found {text!r}")
        if self.choices:
            spoken = [_squeeze(choice) for choice in self.choices]
            if _squeeze(text) in spoken:
                return spoken.index(_squeeze(text))
            raise ConfigError(f"{self.id} has no choice {text!r}; choose one of {self.range_text()}")
        number = re.sub(re.escape(self.unit) + r"\s*$", "", text.strip().replace("\u2212", "-"), flags=re.IGNORECASE)
        try:
            value = float(number)
        except ValueError:
            raise ConfigError(
                f"{self.id} is a number in {self.unit}, {self.range_text()}, but {text!r} was given"
            ) from None
        return self.check(value)

    def check(self, value: float) -> float:
        """The value itself, if it is in range."""
        if not (math.isfinite(value) and self.minimum <= value <= self.maximum):
            raise ConfigError(f"{self.id} is {value:g}, but it goes {self.range_text()}")
        return value

    def text(self, value: float) -> str:
        """The value as a person reads it."""
        if self.is_switch:
            return "on" if value >= 0.5 else "off"
        if self.choices:
            return self.choices[min(max(round(value), 0), len(self.choices) - 1)]
        return f"{value:g} {self.unit}"

    def range_text(self) -> str:
        """What may be given."""
        if self.is_switch:
            return "on or off"
        if self.choices:
            return ", ".join(self.choices)
        return f"from {self.minimum:g} to {self.maximum:g} {self.unit}"


def _squeeze(text: str) -> str:
    return re.sub(r"\s+", "", text).lower()


def _read_table() -> dict[str, Parameter]:
    text = importlib.resources.files(__package__).joinpath("parameters.json").read_text("utf-8")
    rows = [Parameter(**row | {"choices": tuple(row["choices"])}) for row in json.loads(text)]
    return {parameter.id: parameter for parameter in rows}


PARAMETERS: dict[str, Parameter] = _read_table()
"""All parameters by id, in the plugin's order."""


def get_parameter(id: str) -> Parameter:
    """The parameter of that id.

    >>> get_parameter("input_gain").parse("-3 dB")
    -3.0
    """
    if id in PARAMETERS:
        return PARAMETERS[id]
    near = difflib.get_close_matches(id, PARAMETERS, 1)
    hint = f"did you mean {near[0]}?" if near else f"the plugin has {', '.join(PARAMETERS)}"
    raise ConfigError(f"the plugin has no parameter {id!r}; {hint}")
