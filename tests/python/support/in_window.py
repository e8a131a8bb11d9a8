# SPDX-License-Identifier: MIT
"""Opens the plugin's window in pedalboard and uses it with a mouse and a keyboard; in a process of its own."""

from __future__ import annotations

import ctypes
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from plugin_state import document_of

from fxtrain.plugin_files.parameters import PARAMETERS
from fxtrain.plugin_files.preset import SLOTS


def _xdotool(*arguments: object) -> str:
    return subprocess.run(
        ["xdotool", *map(str, arguments)], capture_output=True, text=True, check=True, timeout=120
    ).stdout


def _origin() -> tuple[int, int]:
    """Where the window is, once it is there."""
    deadline = time.monotonic() + 120
    while True:
        found = subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--name", "^Pedalboard$"],
            capture_output=True,
            text=True,
            check=False,
        ).stdout.split()
        if found:
            break
        assert time.monotonic() < deadline, "the window did not open"
        time.sleep(0.1)
    shell = ""
    while shell != (shell := _xdotool("getwindowgeometry", "--shell", found[-1])):
        time.sleep(1.0)  # it comes to its place
    geometry = dict(line.split("=") for line in shell.split())
    return int(geometry["X"]), int(geometry["Y"])


def _act(action: Sequence[Any], origin: tuple[int, int]) -> None:
    kind, *values = action

    def move(x: float, y: float) -> None:
        _xdotool("mousemove", origin[0] + round(x), origin[1] + round(y))

    if kind == "drag":
        x, y, dx, dy = values
        move(x, y)
        _xdotool("mousedown", 1)
        for step in range(1, 11):
            time.sleep(0.03)
            move(x + dx * step / 10, y + dy * step / 10)
        time.sleep(0.05)
        _xdotool("mouseup", 1)
    elif kind == "click":
        move(*values)
        time.sleep(0.05)
        _xdotool("click", 1)
    elif kind == "enter":
        x, y, text = values
        move(x, y)
        time.sleep(0.05)
        _xdotool("click", 1)
        time.sleep(0.5)  # the field opens
        _xdotool("key", "ctrl+a")
        _xdotool("type", "--delay", 60, "--", text)
        _xdotool("key", "Return")
    elif kind == "double-click":
        move(*values)
        time.sleep(0.05)
        _xdotool("click", "--repeat", 2, "--delay", 60, 1)
    elif kind == "wheel":
        x, y, steps = values
        move(x, y)
        _xdotool("click", "--repeat", abs(steps), "--delay", 40, 4 if steps > 0 else 5)
    elif kind == "key":
        _xdotool("key", *values)
    elif kind == "picture":
        Path(values[0]).write_bytes(_picture())
    else:
        raise AssertionError(kind)


def _picture(*region: int) -> bytes:
    """The screen, or a part of it given as (left, top, right, bottom), as PNG."""
    left, top, right, bottom = region or (0, 0, 0, 0)
    crop = ["-crop", f"{right - left}x{bottom - top}+{left}+{top}", "+repage"] if region else []
    command = ["import", "-window", "root", *crop, "-define", "png:exclude-chunks=date,time", "png:-"]
    return subprocess.run(command, capture_output=True, check=True, timeout=120).stdout


def _still_picture(*region: int) -> bytes:
    """A part of the screen once it has been drawn."""
    picture = b""
    while picture != (picture := _picture(*region)):
        time.sleep(0.5)
    return picture


def _act_until(
    action: Sequence[Any], origin: tuple[int, int], has_come: Callable[[], bool], restore: Callable[[], str]
) -> None:
    """Acts, and again if that leads to something else: a window may not be ready yet, or two clicks come too far apart.

    Half a drag, or two of three turns of a wheel, must not count in the next attempt: ``restore`` undoes them and says
    what they had led to. A window that has moved since is looked for again.
    """
    told = []
    for attempt in range(8):
        if attempt:
            told.append(restore())
            origin = _origin()
        _act(action, origin)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if has_come():
                return
            time.sleep(0.05)
    raise AssertionError(f"{action} at {origin} led to {[*told, restore()]}")


def _are(values: Mapping[str, float], expected: Mapping[str, tuple[float, float]]) -> bool:
    return all(abs(values[id] - value) <= tolerance for id, (value, tolerance) in expected.items())


def use(
    vst3: Path, actions: Sequence[Sequence[Any]], preset: Path | None = None
) -> tuple[list[dict[str, float]], bytes]:
    """The parameters by id, in plain units, at first and after each action; and the plugin's state at the end.

    The window opens with what the preset holds, or with what a fresh plugin plays.

    Actions, in pixels from the window's upper left corner: ``("drag", x, y, dx, dy)``, ``("click", x, y)``,
    ``("double-click", x, y)``, ``("enter", x, y, text)``, ``("wheel", x, y, steps)``, ``("key", name)``,
    ``("picture", path)``. A busy machine answers late, so each says at its end what it leads to, which is waited for:
    ``{id: (value, tolerance)}``, a picture of ``(left, top, right, bottom)`` unlike the one at first, ``{slot: name}``
    of the capture in a slot, the path of a file that is there, or None.
    """
    # On Linux pedalboard's window meets a harmless X error, which by default ends the process.
    handler = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(lambda display, event: 0)
    ctypes.CDLL("libX11.so.6").XSetErrorHandler(handler)
    import pedalboard

    plugin: Any = pedalboard.load_plugin(str(vst3))
    if preset is not None:
        plugin.load_preset(str(preset))

    def values() -> dict[str, float]:
        named = {each.name: each.raw_value for each in plugin.parameters.values()}
        return {id: each.minimum + named[each.name] * (each.maximum - each.minimum) for id, each in PARAMETERS.items()}

    def names() -> dict[str, str]:
        return {slot: held["name"] for slot, held in document_of(plugin.preset_data).get("slots", {}).items() if held}

    def set_raw(raw: Mapping[str, float]) -> str:
        changed = {key: each.raw_value for key, each in plugin.parameters.items() if each.raw_value != raw[key]}
        for key in changed:
            plugin.parameters[key].raw_value = raw[key]
        return str(changed)

    after = [values()]
    close = threading.Event()
    failures: list[BaseException] = []

    def user() -> None:
        try:
            origin = _origin()
            regions = {
                outcome: tuple(edge + origin[index % 2] for index, edge in enumerate(outcome))
                for *_, outcome in actions
                if isinstance(outcome, tuple)
            }
            # Not from before each action: one that was repeated may have led to what the next one waits for.
            first = {outcome: _still_picture(*region) for outcome, region in regions.items()}
            for *action, outcome in actions:
                raw = {key: each.raw_value for key, each in plugin.parameters.items()}
                restore = partial(set_raw, raw)
                if outcome is None:
                    _act(action, origin)
                elif isinstance(outcome, Path):
                    _act_until(action, origin, outcome.exists, restore)
                elif isinstance(outcome, dict) and outcome.keys() <= set(SLOTS):
                    _act_until(
                        action, origin, partial(lambda expected: expected.items() <= names().items(), outcome), restore
                    )
                elif isinstance(outcome, dict):
                    _act_until(action, origin, partial(lambda expected: _are(values(), expected), outcome), restore)
                else:
                    has_changed = partial(lambda outcome: _picture(*regions[outcome]) != first[outcome], outcome)
                    _act_until(action, origin, has_changed, restore)
                after.append(values())
        except BaseException as error:
            failures.append(error)
        finally:
            close.set()

    thread = threading.Thread(target=user)
    thread.start()
    plugin.show_editor(close)
    thread.join()
    if failures:
        raise failures[0]
    return after, plugin.preset_data
