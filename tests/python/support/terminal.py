# SPDX-License-Identifier: MIT
"""A program at a terminal: keys are typed, and what a person would see is read."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pyte


class Terminal:
    """A terminal of a given size with a program in it."""

    def __init__(self, command: Sequence[Any], environment: Mapping[str, str], columns: int, lines: int) -> None:
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.modes_before = termios.tcgetattr(theirs)
        self._theirs = theirs  # kept open, so that its modes can be looked at afterwards
        self.process = subprocess.Popen(
            [str(each) for each in command],
            env=dict(environment) | {"TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": str(lines)},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )

    def press(self, keys: str) -> None:
        """Types keys."""
        os.write(self._ours, keys.encode())

    @property
    def text(self) -> str:
        """What is to be seen now."""
        return "\n".join(self._screen.display)

    def modes_now(self) -> list[Any]:
        """How the terminal is set."""
        return termios.tcgetattr(self._theirs)

    def look(self, seconds: float) -> None:
        """Takes in what is written for a while."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self._ours], [], [], left)[0]:
                self._stream.feed(os.read(self._ours, 1 << 16))

    def wait_for(self, seen: str | Callable[[str], bool], seconds: float = 120.0) -> str:
        """Looks until a text is to be seen, or a condition on all of it holds; returns all of it."""
        holds = (lambda text: seen in text) if isinstance(seen, str) else seen
        end = time.monotonic() + seconds
        while not holds(self.text):
            assert time.monotonic() < end, f"waited for {seen!r}, saw:\n{self.text}"
            self.look(0.05)
        return self.text

    def wait(self, seconds: float = 120.0) -> int:
        """Waits for the end of the program; returns its exit code."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < end, f"it does not end; it shows:\n{self.text}"
            self.look(0.05)
        self.look(0.1)
        return self.process.returncode

    def close(self) -> None:
        """Ends the program, if need be by force."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._ours)
        os.close(self._theirs)


@contextlib.contextmanager
def terminal(
    command: Sequence[Any], environment: Mapping[str, str], columns: int = 100, lines: int = 30
) -> Iterator[Terminal]:
    """A terminal while the ``with`` block lasts."""
    opened = Terminal(command, environment, columns, lines)
    try:
        yield opened
    finally:
        opened.close()
