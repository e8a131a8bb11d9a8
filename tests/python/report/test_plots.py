# SPDX-License-Identifier: MIT
"""Figures that any task may use."""

from __future__ import annotations

import io
import math
import re

import numpy as np
import pytest
from matplotlib.image import imread

from fxtrain.report.plots import Trace, learning_figure, spectrogram_strips, spectrum_figure
from fxtrain.report.sections import Curve, Level, Panel

RATE = 44_100
ESR = Panel([Curve("train_loss", "Loss"), Curve("val_esr", "Validation ESR")], criterion="val_esr")


@pytest.mark.parametrize(
    "history",
    [
        [{"event": "validation", "step": 0, "val_esr": 0.5}],
        [{"event": "validation", "val_esr": None}, {"event": "divergence"}],
        [{"event": "validation", "step": k, "seconds": None, "val_esr": 0.1, "train_loss": math.nan} for k in range(3)],
        [{"event": "validation", "step": k, "seconds": 1.0, "val_esr": math.inf, "train_loss": 1.0} for k in range(3)],
    ],
)
def test_incomplete_histories_are_drawn_as_far_as_they_go(history):
    drawable = any(isinstance(row.get("val_esr"), float) and math.isfinite(row["val_esr"]) for row in history)
    assert (learning_figure(history, [ESR]) is not None) == drawable


def accuracy_panel(*, is_rising: bool) -> Panel:
    curve = Curve("val_accuracy", "Accuracy", "green")
    return Panel([curve], logarithmic=False, criterion=curve.key, higher_is_better=is_rising)


@pytest.mark.parametrize(("is_rising", "best"), [(True, "0.7"), (False, "-0.1")])
def test_the_best_point_is_the_highest_or_the_lowest_as_the_criterion_says(is_rising, best):
    rows = [{"step": k, "val_accuracy": value} for k, value in enumerate((0.2, -0.1, 0.7, 0.5))]
    svg = learning_figure(rows, [accuracy_panel(is_rising=is_rising)])
    assert svg is not None
    assert f"best accuracy {best}." in svg


def test_a_linear_axis_shows_what_a_logarithmic_one_cannot():
    rows = [{"step": k, "d": value} for k, value in enumerate((-1.0, 0.0, -2.0))]
    assert learning_figure(rows, [Panel([Curve("d", "Critic")])]) is None
    assert learning_figure(rows, [Panel([Curve("d", "Critic")], logarithmic=False)]) is not None


def test_each_panel_has_its_curves_and_levels():
    rows = [{"step": k, "g": 2.0 - 0.1 * k, "d": 1.0, "val_accuracy": 0.1 * k} for k in range(5)]
    losses = Panel([Curve("g", "Generator"), Curve("d", "Critic"), Curve("absent", "Absent")], label="loss")
    accuracy = Panel(
        [Curve("val_accuracy", "Accuracy")],
        label="accuracy",
        logarithmic=False,
        criterion="val_accuracy",
        higher_is_better=True,
        levels=[Level(0.1, "chance", is_rival=True), Level(0.38, "Test"), Level(None, "Unknown")],
    )
    svg = learning_figure(rows, [losses, accuracy])
    assert svg is not None
    words = re.findall(r">([^<>]+)</text>", svg)
    for word in ("Generator", "Critic", "loss", "accuracy", "Best, kept", "chance", "Test", "rate", "steps"):
        assert word in words, word
    assert not {"Absent", "Unknown"} & set(words)


def test_the_average_spectrum_is_relative_to_the_reference():
    t = np.arange(RATE) / RATE
    loud, soft = np.sin(2 * np.pi * 1000 * t), 0.1 * np.sin(2 * np.pi * 1000 * t)
    traces = [Trace("Original", loud, "target"), Trace("Copy", soft, "prediction")]
    svg = spectrum_figure(traces, RATE, reference=0)
    assert "dB below the original's peak" in svg
    assert 'aria-label="Average spectra of original and copy."' in svg


def test_a_strip_is_as_wide_as_the_sound_and_brightest_at_its_frequency():
    t = np.arange(RATE) / RATE
    sound = np.where(t < 0.5, np.sin(2 * np.pi * 1000 * t), 0.0)
    (strip,) = spectrogram_strips({"a": sound}, RATE).values()
    image = imread(io.BytesIO(strip.data), format="png")[:, :, :3].sum(axis=2)  # first row: the highest frequency
    rows, columns = image.shape
    row = int(image[:, columns // 4].argmax())
    place = (rows - 1 - row) / (rows - 1)  # 0 is 50 Hz, 1 is 0.48 of the sample rate, logarithmic
    hz = 50.0 * (0.48 * RATE / 50.0) ** place
    assert hz == pytest.approx(1000.0, rel=0.06)  # a row is 5 %
    assert image[:, : columns // 2 - 30].max() > 2.5
    assert image[:, columns // 2 + 30 :].max() < 0.1
