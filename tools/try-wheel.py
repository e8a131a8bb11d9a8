# SPDX-License-Identifier: MIT
"""Trains, renders and plays with an installed fxtrain, outside the repository: what every wheel must do.

Run it by the Python of an environment that has nothing but the wheel: ``python tools/try-wheel.py``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import fxtrain
from fxtrain.folders import shipped_path
from fxtrain.synthetic import synthesise_guitar

RATE = 16_000


def main() -> int:
    """Fits a small model to a soft clipper, and plays it in blocks, from file to file, and by the command line."""
    repository = Path(__file__).resolve().parents[1]
    if Path(fxtrain.__file__).is_relative_to(repository / "python"):
        sys.exit("this is the source tree, not an installed wheel")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dry = synthesise_guitar(5, RATE, 11)
        fxtrain.write_audio(folder / "dry.wav", dry, RATE)
        fxtrain.write_audio(folder / "wet.wav", np.tanh(3 * dry), RATE)
        run = fxtrain.fit(
            folder / "dry.wav", folder / "wet.wav", epochs=2, settings={"hidden_size": 4}, out=folder / "run"
        )
        page = (run.folder / "report.html").read_text(encoding="utf-8")
        assert 'class="term"' in page, "the glossary is missing"
        assert shipped_path("models/cabinet/closed-4x12.wav") is not None, "the cabinet is missing"
        whole = fxtrain.load(run.folder).process(dry)
        model = fxtrain.load(run.folder)
        blocks = [model.process(dry[start : start + 64]) for start in range(0, len(dry), 64)]
        assert np.array_equal(np.concatenate(blocks), whole)
        command = [sys.executable, "-m", "fxtrain", "render", run.folder, folder / "dry.wav", folder / "out.wav", "-q"]
        subprocess.run(command, check=True, cwd=folder)
        assert fxtrain.read_audio(folder / "out.wav").samples.shape == dry.shape
        print(f"fxtrain {fxtrain.__version__} trains and plays: test ESR {run.esr:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
