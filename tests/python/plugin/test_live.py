# SPDX-License-Identifier: MIT
"""Live: the LV2 in jalv and the standalone program, on a JACK server without a sound card."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
import pytest
from jack_server import ABSENT, PERIOD, RATE, STALLED, jack_server, lag_of, play_through, running, x_server
from made_models import at_rest
from own_process import ProcessFailed, call
from plugin_state import URI, juce_base64, state_of_preset

MODEL = [("lstm", 32), ("dense", 1)]
ATTEMPTS = 4
TAKES = 3  # the one that came through best counts
BIAS = 0.01  # of a model that passes its input on otherwise: shows that it plays


@contextmanager
def jalv(plugin: Any, environment: dict[str, str], folder: Path, preset: Path) -> Iterator[dict[str, str]]:
    """The LV2 as a client "fxtrain" of a server of its own, with the state of a preset; the environment for others."""
    if shutil.which("jalv") is None:
        pytest.skip("jalv is not installed (Debian: jalv)")
    saved = folder / "saved"
    saved.mkdir()
    (saved / "state.ttl").write_text(
        "@prefix lv2: <http://lv2plug.in/ns/lv2core#> .\n"
        "@prefix pset: <http://lv2plug.in/ns/ext/presets#> .\n"
        "@prefix state: <http://lv2plug.in/ns/ext/state#> .\n"
        f"<> a pset:Preset ; lv2:appliesTo <{URI}> ; state:state [ <{URI}:StateString> "
        f'"{juce_base64(state_of_preset(preset))}" ] .\n'
    )
    with ExitStack() as stack:
        theirs = stack.enter_context(jack_server(environment, folder / "jackd.log"))
        theirs["LV2_PATH"] = f"{plugin.lv2.parent}:/usr/lib/lv2"
        command = ["jalv", "-x", "-n", "fxtrain", "-l", f"{saved}/", URI]
        stack.enter_context(running(command, theirs, folder / "jalv.log"))  # ends when its input does
        yield theirs


@contextmanager
def standalone(plugin: Any, environment: dict[str, str], folder: Path, preset: Path) -> Iterator[dict[str, str]]:
    """The program as a client "fxtrain" of a server of its own, with the state of a preset."""
    settings = Path(environment["HOME"], ".config", "fxtrain.settings")
    settings.parent.mkdir(parents=True, exist_ok=True)
    values = {"shouldMuteInput": "0", "filterState": juce_base64(state_of_preset(preset))}
    lines = [f'<VALUE name="{name}" val={quoteattr(value)}/>' for name, value in values.items()]
    lines.append(
        '<VALUE name="audioSetup"><DEVICESETUP deviceType="JACK" audioOutputDeviceName="system" '
        f'audioInputDeviceName="system" audioDeviceRate="{RATE}.0" audioDeviceBufferSize="{PERIOD}"/></VALUE>'
    )
    settings.write_text("<PROPERTIES>\n" + "\n".join(lines) + "\n</PROPERTIES>\n")
    with ExitStack() as stack:
        theirs = stack.enter_context(jack_server(environment, folder / "jackd.log"))
        theirs = stack.enter_context(x_server(theirs, folder / "xvfb.log"))
        stack.enter_context(running([plugin.standalone], theirs, folder / "standalone.log"))
        yield theirs


def freewheeled(
    program: Callable, plugin: Any, environment: dict[str, str], folder: Path, preset: Path, x: np.ndarray
) -> np.ndarray:
    """What play_through() receives from a program in freewheel mode.

    A server that stalls, or has turned the program away, is replaced by another.
    """
    for attempt in range(ATTEMPTS):
        place = folder / f"attempt {attempt}"
        place.mkdir()
        with program(plugin, environment, place, preset) as theirs:
            try:
                return call(play_through, "fxtrain", x, True, TAKES, environment=theirs)
            except ProcessFailed as error:
                for log in place.glob("*.log"):
                    error.add_note(f"{log.name}: {log.read_text(errors='replace')[-2000:]}")
                if not any(reason in str(error) for reason in (ABSENT, STALLED)) or attempt == ATTEMPTS - 1:
                    raise
    raise AssertionError


PROGRAMS = pytest.mark.parametrize("program", [jalv, standalone], ids=["jalv", "standalone"])


@PROGRAMS
def test_output_over_jack_is_the_engines_to_the_sample(
    plugin: Any,
    environment: dict[str, str],
    tmp_path: Path,
    make_model: Callable,
    make_preset: Callable,
    playing: np.ndarray,
    program: Callable,
) -> None:
    made = make_model(MODEL, seed=4, samplerate=RATE)
    x = np.stack([playing, 0.5 * playing[::-1]])
    takes = freewheeled(program, plugin, environment, tmp_path, make_preset(A=made.path), x)
    # It has played silence before: the network is at rest, not at zero.
    rest = np.zeros((2, 2 * RATE), np.float32)
    expected = at_rest(made.path).process(np.concatenate([rest, x], axis=1))[:, rest.shape[1] :]
    received = min(takes, key=lambda take: np.abs(take[:, PERIOD : PERIOD + x.shape[1]] - expected).max())
    assert lag_of(received[0], expected[0]) == PERIOD  # the way back to the one who sends; of ours nothing
    played = received[:, PERIOD : PERIOD + x.shape[1]]
    np.testing.assert_allclose(played, expected, rtol=0, atol=plugin.tolerance)


@PROGRAMS
def test_output_over_jack_is_as_late_as_the_conversion_of_rates(
    plugin: Any,
    environment: dict[str, str],
    tmp_path: Path,
    wire: Callable,
    make_preset: Callable,
    playing: np.ndarray,
    program: Callable,
) -> None:
    preset = make_preset(A=wire(bias=BIAS, samplerate=44_100))
    x = np.stack([playing, playing])
    takes = freewheeled(program, plugin, environment, tmp_path, preset, x)
    latency = next((each for take in takes if (each := converted_latency(take, x, 0, x.shape[1])) is not None), None)
    assert latency is not None, "nothing came through unharmed"
    assert 30 <= latency <= 0.001 * RATE  # 1 ms at most, and filters of less than 30 frames could not be as good


@pytest.mark.realtime
@PROGRAMS
def test_in_real_time_output_is_as_late_as_the_conversion_of_rates(
    plugin: Any,
    environment: dict[str, str],
    tmp_path: Path,
    wire: Callable,
    make_preset: Callable,
    playing: np.ndarray,
    program: Callable,
) -> None:
    preset = make_preset(A=wire(bias=BIAS, samplerate=44_100))
    x = np.stack([playing, playing])
    with program(plugin, environment, tmp_path, preset) as theirs:
        received = call(play_through, "fxtrain", x, False, environment=theirs)[0]
    # Where the machine was late, the server has left out periods, and what follows them is later: half a second that
    # has none of it counts.
    found = (converted_latency(received, x, start, RATE // 2) for start in range(0, x.shape[1] - RATE // 2, RATE // 4))
    latency = next((each for each in found if each is not None), None)
    assert latency is not None, "nothing came through unharmed"
    assert 30 <= latency <= 0.001 * RATE


def converted_latency(received: np.ndarray, x: np.ndarray, start: int, length: int) -> int | None:
    """The latency of a stretch, or None where it did not come through whole."""
    part = x[0, start : start + length]
    back = received[0, start:] - BIAS
    lag = lag_of(back, part)
    back = back[lag : lag + length]
    error = back - part[: len(back)]
    return lag - PERIOD if 10 * np.log10((error**2).mean() / (part**2).mean()) < -50 else None


def test_lv2_describes_itself(plugin: Any, environment: dict[str, str], tmp_path: Path) -> None:
    if shutil.which("lv2info") is None:
        pytest.skip("lv2info is not installed (Debian: lilv-utils)")
    said = subprocess.run(
        ["lv2info", URI],
        env=environment | {"LV2_PATH": f"{plugin.lv2.parent}:/usr/lib/lv2"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert URI in said
    assert "fxtrain" in said
    assert said.count("http://lv2plug.in/ns/lv2core#AudioPort") == 4
