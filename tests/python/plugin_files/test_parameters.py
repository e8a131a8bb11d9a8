# SPDX-License-Identifier: MIT
"""Values of the plugin's parameters as people write them. The plugin's tests hold the table to the plugin."""

from __future__ import annotations

import pytest

from fxtrain.errors import ConfigError
from fxtrain.plugin_files.parameters import PARAMETERS, get_parameter


@pytest.mark.parametrize(
    ("id", "text", "value"),
    [
        ("input_gain", "-3", -3.0),
        ("input_gain", " -3.5 dB", -3.5),
        ("input_gain", "\u22123dB", -3.0),
        ("gate_release", "120 ms", 120.0),
        ("mix", "50%", 50.0),
        ("interface_level", "+12.5 dbu", 12.5),
        ("gate_on", "on", 1),
        ("gate_on", "0", 0),
        ("slot", "b", 1),
        ("slot", "a+B", 2),
        ("levels", "match b to a", 1),
        ("oversampling_live", "4x", 2),
    ],
)
def test_values_are_read_as_people_write_them(id: str, text: str, value: float) -> None:
    assert get_parameter(id).parse(text) == value


@pytest.mark.parametrize("id", PARAMETERS)
def test_every_value_reads_back_from_its_own_text(id: str) -> None:
    parameter = PARAMETERS[id]
    for value in (parameter.minimum, parameter.default, parameter.maximum):
        assert parameter.parse(parameter.text(value)) == value


@pytest.mark.parametrize(
    ("id", "text", "said"),
    [
        ("input_gain", "-25", "from -24 to 24 dB"),
        ("input_gain", "nan", "from -24 to 24 dB"),
        ("input_gain", "loud", "a number in dB"),
        ("input_gain", "3 ms", "a number in dB"),
        ("gate_on", "2", "on or off"),
        ("slot", "C", "A, B, A + B"),
        ("oversampling_live", "2", "Off, 2x, 4x, 8x"),  # twice, or the third choice? Neither is taken for the other
        ("input_gian", "1", "did you mean input_gain?"),
    ],
)
def test_what_cannot_be_meant_is_refused(id: str, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        get_parameter(id).parse(text)
    assert said in str(refused.value)
