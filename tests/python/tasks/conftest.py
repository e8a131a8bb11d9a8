# SPDX-License-Identifier: MIT
"""A small run to report on: a plucked tone through a soft clipper, and a prediction that is almost right."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fxtrain.report.html import Page, render_page
from fxtrain.tasks.effect.sections import TERMS, EffectReport, effect_sections, effect_verdict

RATE = 44_100


def pluck(seconds: float) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    notes = [np.where(t >= at, np.exp(-3.0 * (t - at)), 0.0) * np.sin(2 * np.pi * hz * t) for at, hz in NOTES]
    return 0.4 * np.sum(notes, axis=0)


NOTES = ((0.0, 110.0), (0.7, 164.8), (1.4, 220.0), (2.1, 82.4))


def make_report(seconds: float = 3.0, **changes: Any) -> EffectReport:
    x = pluck(seconds)
    y = np.tanh(4.0 * x)
    history: list[dict[str, Any]] = [{"event": "start", "seed": 1}]
    for k in range(12):
        error = 0.2 * 0.6**k + 0.004
        row = {"step": 100 * k, "epoch": k, "seconds": 7.0 * k, "train_loss": 1.2 * error, "val_esr": error}
        history.append({"event": "validation", "learning_rate": 0.004 * (1 - k / 12), **row})
    report = EffectReport(
        input=x.astype(np.float32),
        target=y.astype(np.float32),
        prediction=np.tanh(3.7 * x).astype(np.float32),
        sample_rate=RATE,
        has_cabinet=False,
        run="runs/screamer",
        command="python -m fxtrain fit dry.wav wet.wav --out runs/screamer",
        history=history,
        metrics={
            "esr": 0.0042,
            "baselines": {"input": 2.2, "best_gain": 0.74, "fir": 0.11},
            "parity": {"engine_error": 4e-7, "torch_float32_error": 5e-7, "bound": 1e-5, "frames": 131_072},
            "speed": {"ns_per_frame": 138.0, "cpu_percent": 0.61, "real_time_factor": 164.0, "block_frames": 64},
            "model": {"name": "lstm", "hidden_size": 32, "parameters": 4513},
            "training": {"seconds": 84.0, "device": "cpu"},
            "split": [
                {"part": "train", "start_seconds": 0.0, "end_seconds": 80.0},
                {"part": "test", "start_seconds": 80.25, "end_seconds": 90.0},
            ],
            "data": {
                "lag_samples": 12,
                "lag_removed": 0,
                "verdicts": [
                    {"name": "length", "level": "ok", "message": "Both last 90 s.", "remedy": ""},
                    {"name": "clipping", "level": "warn", "message": "3 samples clip.", "remedy": "Turn down."},
                ],
            },
        },
    )
    return replace(report, **changes)


def page_of(report: EffectReport, title: str = "Screamer") -> Page:
    return Page(title=title, verdict=effect_verdict(report), sections=effect_sections(report), terms=TERMS)


def rendered(report: EffectReport, title: str = "Screamer") -> str:
    return render_page(page_of(report, title))


@pytest.fixture
def report() -> EffectReport:
    return make_report()
