# SPDX-License-Identifier: MIT

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyte
import pytest
from fake_player import PLAYING

CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from fake_player import FakePlayer
from fxtrain.live.screen import LiveScreen
screen = LiveScreen(FakePlayer(), seconds=float(sys.argv[2]) or None)  # 0: no end
screen.run(mouse=False)
sys.exit(screen.return_code)
"""


def at_a_terminal(
    script: str, argument: str, end: Callable[[int, int], Any] = lambda *_: None, **environment: str
) -> bytes:
    """Runs a screen at a pseudo-terminal, ends it once it is seen, and asks that all was put back; what it wrote."""
    support = Path(__file__).parents[1] / "support"
    terminal, side = pty.openpty()
    termios.tcsetwinsize(side, (30, 100))
    before = termios.tcgetattr(side)
    settled = ("NO_COLOR", "COLUMNS", "LINES")  # these would override what the terminal tells
    environment = {key: value for key, value in os.environ.items() if key not in settled} | environment
    environment |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(support), argument], stdin=side, stdout=side, stderr=side, env=environment
    )
    os.set_blocking(terminal, False)
    written, ended, deadline = b"", False, time.monotonic() + 60
    try:
        while time.monotonic() < deadline:
            over = child.poll() is not None
            try:
                written += os.read(terminal, 1 << 16)
            except BlockingIOError:
                if over:
                    break
                time.sleep(0.02)
            if not ended and b"quit" in written:
                ended = True
                end(child.pid, terminal)
        assert child.returncode == 0, written.decode(errors="replace")
        assert ended
        assert termios.tcgetattr(side) == before
        assert written.rfind(b"\x1b[?1049l") > written.rfind(b"\x1b[?1049h") >= 0
        assert written.rfind(b"\x1b[?25h") > written.rfind(b"\x1b[?25l") >= 0
        return written
    finally:
        child.kill()
        child.wait()
        os.close(side)
        os.close(terminal)


RESTLESS = """
import json, pathlib, sys
sys.path.insert(0, sys.argv[1])
from fake_player import RestlessPlayer
from fxtrain.live.screen import LiveScreen
from fxtrain.live.screen_band import Band

def end():
    bands = [band for band in screen.query(Band) if band.display]
    rows = {band.region.y + y: band.render_line(y).text for band in bands for y in range(band.size.height)}
    pathlib.Path(sys.argv[2]).write_text(json.dumps(rows))
    screen.exit()

screen = LiveScreen(RestlessPlayer(end), seconds=None)
screen.run(mouse=False)
"""


def test_a_terminal_shows_what_was_painted_after_many_small_updates(tmp_path: Path) -> None:
    painted = tmp_path / "rows.json"
    written = at_a_terminal(RESTLESS, str(painted))
    terminal = pyte.Screen(100, 30)
    stream = pyte.ByteStream(terminal)
    stream.feed(re.sub(rb"\x1b\[[<>=?][0-9;]*[a-zA-Z$]+", b"", written))  # modes that this emulator does not know
    rows = {int(y): text for y, text in json.loads(painted.read_text()).items()}
    assert len(rows) > 25
    for y, row in enumerate(terminal.display):
        assert row.rstrip() == rows.get(y, "").rstrip(), y


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_terminal_is_as_before_after_a_signal(number: signal.Signals) -> None:
    at_a_terminal(CHILD, "0", lambda pid, _: os.kill(pid, number))


@pytest.mark.parametrize("key", [b"q", b"\x03"])
def test_the_terminal_is_as_before_after_a_key(key: bytes) -> None:
    assert b"38;2;" in at_a_terminal(CHILD, "0", lambda _, terminal: os.write(terminal, key))


def test_the_screen_ends_after_its_seconds_and_without_colours_where_none_are_wanted() -> None:
    written = at_a_terminal(CHILD, "2", NO_COLOR="1")
    assert b"38;2;" not in written
    assert b"48;2;" not in written
    assert PLAYING.input_name.encode() in written
