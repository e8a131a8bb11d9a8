# SPDX-License-Identifier: MIT
"""The command line as a function, and a finished run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_amplifier import LAG, SAMPLE_RATE, TINY, Pair, Result, Run, amplifier

from fxtrain.audio import write_audio
from fxtrain.cli import main
from fxtrain.synthetic import synthesise_guitar


@pytest.fixture
def fxtrain(capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs a command and gives exit code, stdout and stderr."""

    def run(*arguments: object) -> Result:
        capfd.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:  # argparse
            code = int(stop.code or 0)
        captured = capfd.readouterr()
        return Result(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Eight seconds of guitar through :func:`amplifier`, ``LAG`` samples late."""
    folder = tmp_path_factory.mktemp("pair")
    dry = synthesise_guitar(8, SAMPLE_RATE, 5)
    wet = np.concatenate([np.zeros(LAG, np.float32), amplifier(dry)])[: len(dry)]
    write_audio(folder / "dry.wav", dry, SAMPLE_RATE)
    write_audio(folder / "wet.wav", wet, SAMPLE_RATE)
    return Pair(folder / "dry.wav", folder / "wet.wav")


@pytest.fixture(scope="session")
def finished_run(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a complete run."""
    folder = tmp_path_factory.mktemp("runs") / "amp"
    arguments = [
        "fit",
        pair.dry,
        pair.wet,
        *TINY,
        "--epochs",
        12,
        "--lr",
        0.02,
        "--out",
        folder,
        "--name",
        "Tiny amp",
        "-q",
    ]
    assert main([str(argument) for argument in arguments]) == 0
    return folder
