# SPDX-License-Identifier: MIT
"""Parameters, automation, states and presets as hosts see them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import in_dawdreamer
import in_pedalboard
import numpy as np
import pytest
from made_models import at_rest
from own_process import call
from plugin_state import PARAMETERS, document_of, normalised, state_of_preset

from fxtrain.plugin_files.preset import read_preset

LSTM = [("lstm", 16), ("dense", 1)]


def test_hosts_see_every_parameter_with_unit_range_and_default(plugin: Any, environment: dict[str, str]) -> None:
    found = call(in_pedalboard.describe_parameters, plugin.vst3, environment=environment)
    for parameter in PARAMETERS.values():
        each = found[parameter.name]
        assert each["unit"] == parameter.unit
        assert each["default"] == pytest.approx(normalised(parameter.id, parameter.default), abs=1e-6)
        low, _, high = each["texts"]
        if parameter.choices:
            assert (low, high) == (parameter.choices[0], parameter.choices[-1])
        elif not parameter.is_switch:
            assert float(low) == parameter.minimum
            assert float(high) == parameter.maximum


def test_a_saved_state_brings_back_parameters_and_the_model_itself(
    plugin: Any, environment: dict[str, str], make_model: Callable, make_preset: Callable, tmp_path: Path
) -> None:
    made = make_model(LSTM, samplerate=48_000)
    preset = make_preset(A=made.path)
    text = made.path.read_text()
    made.path.unlink()  # the file has moved: the state has it
    rng = np.random.default_rng(3)
    values = {}
    for parameter in PARAMETERS.values():
        value = rng.uniform(parameter.minimum, parameter.maximum)
        values[parameter.id] = round(value) if parameter.choices or parameter.is_switch else value
    state, preset_data, restored = call(
        in_pedalboard.set_and_save, plugin.vst3, preset, values, environment=environment
    )
    for id, value in values.items():
        assert restored[id] == pytest.approx(normalised(id, value), abs=1e-6), id
    document = document_of(state)
    assert document["slots"]["A"]["model"] == text
    assert document.get("backend", "fxengine") == plugin.backend
    for id, value in values.items():
        assert document["parameters"][id] == pytest.approx(value, abs=1e-4, rel=1e-6), id
    # What the host writes as a preset is one that our own reader understands, and the other way round.
    written = tmp_path / "host.vstpreset"
    written.write_bytes(preset_data)
    theirs = read_preset(written)
    assert theirs.slots["A"].model == text
    assert theirs.parameters["bass"] == pytest.approx(values["bass"], abs=1e-4)


def test_a_damaged_state_leaves_the_sound_as_it_was(
    plugin: Any, environment: dict[str, str], make_model: Callable, make_preset: Callable, playing: np.ndarray
) -> None:
    made = make_model(LSTM, samplerate=48_000)
    preset = make_preset(A=made.path)
    good = state_of_preset(preset)
    damaged = [b"", b"nonsense", good[:20], good[:-50], good[:200] + bytes(50) + good[250:], b"x" + good]
    results = call(in_pedalboard.recall, plugin.vst3, preset, damaged, playing[None, :4_800], environment=environment)
    expected = at_rest(made.path).process(playing[:4_800])
    for y, state in results:
        np.testing.assert_allclose(y[0], expected, rtol=0, atol=plugin.tolerance)
        assert document_of(state)["slots"]["A"]["model"] == made.path.read_text()


def test_automated_gain_follows_the_curve_without_steps(
    plugin: Any, environment: dict[str, str], wire: Callable, make_preset: Callable
) -> None:
    # A constant shows the gain itself.
    x = np.full((2, 48_000), 0.5, np.float32)
    curve = np.where(np.arange(48_000) < 24_000, 0.0, -20.0)
    y = call(
        in_dawdreamer.automate, plugin.vst3, make_preset(A=wire()), x, {"output_gain": curve}, environment=environment
    )
    np.testing.assert_allclose(y[:, 12_000:24_000], 0.5, rtol=0, atol=1e-6)
    np.testing.assert_allclose(y[:, 30_000:], 0.05, rtol=0, atol=1e-6)
    # From 0.5 to 0.05 in 20 ms in a straight line are 0.00047 per frame.
    assert np.abs(np.diff(y[:, 100:], axis=-1)).max() < 1e-3


def test_automation_of_everything_stays_finite_and_leaves_no_trace(
    plugin: Any, environment: dict[str, str], make_model: Callable, make_preset: Callable, playing: np.ndarray
) -> None:
    made = make_model(LSTM, samplerate=48_000)
    x = np.stack([playing[:48_000], playing[48_000:]])
    rng = np.random.default_rng(11)
    curves = {}
    for id, parameter in PARAMETERS.items():
        if id.startswith("oversampling"):
            continue
        steps = rng.uniform(parameter.minimum, parameter.maximum, 12)
        if parameter.choices or parameter.is_switch:
            steps = np.round(steps)
        steps[6:] = parameter.default
        curves[id] = np.repeat(steps, 4_000)
    y = call(in_dawdreamer.automate, plugin.vst3, make_preset(A=made.path), x, curves, environment=environment)
    assert np.isfinite(y).all()
    # Half a second after all is back where it was, so is the sound: a network's memory fades.
    expected = at_rest(made.path).process(np.ascontiguousarray(x))
    np.testing.assert_allclose(y[:, 44_000:], expected[:, 44_000:], rtol=0, atol=1e-4)
