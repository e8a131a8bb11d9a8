# SPDX-License-Identifier: MIT
"""Opens the plugin's window in pedalboard and uses it with a mouse and a keyboard; in a process of its own."""

from __future__ import annotations

import ctypes
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fxtrain.export.plugin_parameters import PARAMETERS


def _xdotool(*arguments: object) -> str:
    return subprocess.run(
        ["xdotool", *map(str, arguments)], capture_output=True, text=True, check=True, timeout=30
    ).stdout


def _origin() -> tuple[int, int]:
    """Where the window is, once it is there."""
    deadline = time.monotonic() + 30
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
    time.sleep(1.0)
    shell = _xdotool("getwindowgeometry", "--shell", found[-1])
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
    elif kind == "type":
        _xdotool("type", "--delay", 20, "--", *values)
    elif kind == "picture":
        subprocess.run(["import", "-window", "root", str(values[0])], check=True, timeout=30)
    elif kind == "wait":
        time.sleep(values[0])
    else:
        raise AssertionError(kind)
    time.sleep(0.4)


def use(vst3: Path, actions: Sequence[Sequence[Any]]) -> tuple[list[dict[str, float]], bytes]:
    """The parameters by id, in plain units, at first and after each action; and the plugin's state at the end.

    Actions, in pixels from the window's upper left corner: ``("drag", x, y, dx, dy)``, ``("click", x, y)``,
    ``("double-click", x, y)``, ``("wheel", x, y, steps)``, ``("key", name)``, ``("type", text)``,
    ``("wait", seconds)``, ``("picture", path)``.
    """
    # On Linux pedalboard's window meets a harmless X error, which by default ends the process.
    handler = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(lambda display, event: 0)
    ctypes.CDLL("libX11.so.6").XSetErrorHandler(handler)
    import pedalboard

    plugin: Any = pedalboard.load_plugin(str(vst3))

    def values() -> dict[str, float]:
        named = {each.name: each.raw_value for each in plugin.parameters.values()}
        return {id: each.minimum + named[each.name] * (each.maximum - each.minimum) for id, each in PARAMETERS.items()}

    after = [values()]
    close = threading.Event()
    failures: list[BaseException] = []

    def user() -> None:
        try:
            origin = _origin()
            for action in actions:
                _act(action, origin)
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
