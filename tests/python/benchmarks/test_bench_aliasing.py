# SPDX-License-Identifier: MIT
"""The measure of aliasing, on signals whose aliases are known."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture(scope="module")
def bench(repository: Path) -> ModuleType:
    sys.path.insert(0, str(repository / "benchmarks"))
    try:
        return importlib.import_module("bench_aliasing")
    finally:
        sys.path.pop(0)


def test_the_ratio_of_a_tone_with_one_harmonic_and_one_alias_is_theirs(bench: ModuleType) -> None:
    tone = bench.Tone(5000.0, 48_000.0, 0.5)
    assert tone.frequency == pytest.approx(5000.0, abs=20.0)
    angle = 2 * np.pi * np.arange(tone.period) / tone.period

    def line(cycles: int, level: float) -> np.ndarray:
        return level * np.sin(cycles * angle)

    # harmonics 1 and 3, a line of 1/100 between them, one of 1/10 above 20 kHz, and 0 Hz, which does not count
    signal = 0.7 + line(tone.cycles, 1.0) + line(3 * tone.cycles, 1.0) + line(2 * tone.cycles + 5, 0.01)
    signal += line(tone.period // 2 - 7, 0.1)
    assert tone.ratio(signal) == pytest.approx(10 * np.log10((0.01 + 0.0001) / 2), abs=1e-6)
    assert tone.ratio(signal, 20e3) == pytest.approx(10 * np.log10(0.0001 / 2), abs=1e-6)


def test_phases_are_the_tone_at_the_higher_rate(bench: ModuleType) -> None:
    tone = bench.Tone(1000.0, 48_000.0, 0.5)
    phases = tone.phases(4)
    assert phases.shape == (4, tone.period)
    time = (np.arange(tone.period)[None] + np.arange(4)[:, None] / 4) / 48_000.0
    assert np.abs(phases - 0.5 * np.sin(2 * np.pi * tone.frequency * time)).max() < 1e-6
