# SPDX-License-Identifier: MIT
"""Audio interfaces that are not there, and the command line on them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from jack_server import DEADLINE, jack_server
from patient_interface import patient_interface


@pytest.fixture
def server(environment: dict[str, str], tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of clients of a JACK server of their own. Its clock is real: what is late is lost."""
    with jack_server(environment, tmp_path / "jackd.log") as theirs:
        yield theirs


@pytest.fixture
def interface(environment: dict[str, str]) -> Callable[..., dict[str, str]]:
    """``interface(device="drive", ...)`` is the environment of programs with that audio interface, which waits."""
    return partial(patient_interface, environment)


@pytest.fixture
def no_devices(environment: dict[str, str]) -> dict[str, str]:
    """The environment of a machine without any sound device."""
    return environment | {"JACK_NO_START_SERVER": "1", "JACK_DEFAULT_SERVER": "fxtrain-none"}


@pytest.fixture
def fxtrain() -> Callable[..., subprocess.CompletedProcess[str]]:
    """``fxtrain(*arguments, environment=...)`` runs a command in a process of its own, without a terminal."""

    def run(*arguments: object, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "fxtrain", *map(str, arguments)],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=10 * DEADLINE,
            check=False,
        )

    return run
