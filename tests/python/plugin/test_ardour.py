# SPDX-License-Identifier: MIT
"""A project in Ardour: saved, opened again on another day, exported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from ardour import RATE, Ardour
from made_models import at_rest, plucked_notes

from fxtrain.plugin_files.preset import CLASS_ID


def test_a_project_that_was_saved_and_reopened_exports_what_the_engine_plays(
    plugin: Any, environment: dict[str, str], make_model: Callable, make_preset: Callable
) -> None:
    made = make_model([("lstm", 32), ("dense", 1)], seed=4, samplerate=RATE)
    x = plucked_notes(RATE)
    x = np.stack([x, 0.5 * x[::-1]])
    ardour = Ardour(environment, plugin.vst3)
    preset = make_preset(A=made.path)
    ardour.make(CLASS_ID)
    ardour.put_state(preset)
    ardour.add_audio(x)
    ardour.reopen('assert(ARDOUR.LuaAPI.set_processor_param(p, 0, 0.625), "no parameter")')
    made.path.rename(made.path.with_name("moved.json"))  # the project has all it needs
    played = ardour.export()
    gain = np.float32(10 ** (6 / 20))  # 0.625 of the way from -24 to 24 dB
    # Ardour has let it play silence before: the network is at rest, not at zero.
    rest = np.zeros_like(x)
    expected = at_rest(made.path.with_name("moved.json")).process(np.concatenate([rest, gain * x], axis=1))
    np.testing.assert_allclose(played[:, : x.shape[1]], expected[:, rest.shape[1] :], rtol=0, atol=2 * plugin.tolerance)


def test_ardour_compensates_the_latency(
    plugin: Any, environment: dict[str, str], wire: Callable, make_preset: Callable
) -> None:
    # A model of 44.1 kHz in a project of 48 kHz is late; a click at the half second has to stay there.
    ardour = Ardour(environment, plugin.vst3)
    ardour.make(CLASS_ID)
    ardour.put_state(make_preset(A=wire(samplerate=44_100)))
    x = np.zeros((2, RATE), np.float32)
    x[:, RATE // 2] = 0.5
    ardour.add_audio(x)
    for channel in ardour.export():
        assert int(np.abs(channel).argmax()) == RATE // 2
