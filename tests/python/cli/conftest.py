# SPDX-License-Identifier: MIT
"""The command line as a function, and a finished run."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from small_amplifier import LAG, SAMPLE_RATE, TINY, Pair, Result, Run, amplifier
from small_pipeline import write_material, write_settings

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


@contextlib.contextmanager
def made_once(tmp_path_factory: pytest.TempPathFactory, worker_id: str, name: str) -> Iterator[Path]:
    """A folder for all processes of this pytest; the first one fills it, the others wait."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / name
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Pair:
    """Eight seconds of guitar through :func:`amplifier`, ``LAG`` samples late."""
    with made_once(tmp_path_factory, worker_id, "pair") as folder:
        made = Pair(folder / "dry.wav", folder / "wet.wav")
        if not made.wet.exists():
            dry = synthesise_guitar(8, SAMPLE_RATE, 5)
            wet = np.concatenate([np.zeros(LAG, np.float32), amplifier(dry)])[: len(dry)]
            write_audio(made.dry, dry, SAMPLE_RATE)
            write_audio(made.wet, wet, SAMPLE_RATE)
    return made


@pytest.fixture(scope="session")
def finished_run(pair: Pair, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder of a complete run: the one trained model that these tests read."""
    with made_once(tmp_path_factory, worker_id, "finished_run") as folder:
        run = folder / "amp"
        if not (run / "model.json").exists():
            training = [*TINY, "--epochs", 12, "--lr", 0.02]
            arguments = ["fit", pair.dry, pair.wet, *training, "--out", run, "--name", "Tiny amp", "-q"]
            assert main([str(argument) for argument in arguments]) == 0
    return run


@pytest.fixture(scope="session")
def trained_chain(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Material and settings of a chain from picture to sound, and the folder ``run`` with its four stages."""
    with made_once(tmp_path_factory, worker_id, "chain") as folder:
        if not (folder / "run" / "bottom" / "report.html").exists():
            write_material(folder)
            assert main(["fit", "--config", str(write_settings(folder)), "--out", str(folder / "run"), "-q"]) == 0
    return folder
