# SPDX-License-Identifier: MIT
from __future__ import annotations

import numpy as np
import pytest

from fxtrain.metrics.classes import balanced_accuracy, fit_judge, principal_components, separability
from fxtrain.metrics.similarity import largest_correlation

RANDOM = np.random.default_rng(0)


def test_a_judge_finds_the_border_between_two_gaussians() -> None:
    labels = np.repeat([0, 1], 500)
    points = RANDOM.standard_normal((1000, 3)) + np.where(labels[:, None] == 1, [2.0, 0.0, 0.0], 0.0)
    judge = fit_judge(points, labels, 2)
    # The best border lies halfway, one standard deviation from both: right on 84 % of either.
    assert balanced_accuracy(judge.answers(points), labels) == pytest.approx(0.841, abs=0.03)
    assert judge.probabilities(np.array([[1.0, 0.0, 0.0]]))[0] == pytest.approx([0.5, 0.5], abs=0.1)


def test_a_rare_class_counts_as_much_as_the_others() -> None:
    labels = np.array([0] * 95 + [1] * 5)
    points = np.where(labels[:, None] == 1, 0.5, 0.0) + 0.5 * RANDOM.standard_normal((100, 1))
    judge = fit_judge(points, labels, 2)
    assert np.mean(judge.answers(points) == 1) > 0.1  # never answering 1 would be right on 95 of 100


def test_balanced_accuracy_of_a_constant_answer_is_one_over_the_classes() -> None:
    labels = np.array([0, 0, 0, 0, 1, 2])
    assert balanced_accuracy(np.zeros(6, dtype=int), labels) == pytest.approx(1 / 3)


def test_the_first_component_is_the_direction_of_greatest_variance() -> None:
    line = np.linspace(-1, 1, 50)[:, None] * np.array([[3.0, 4.0, 0.0]])
    points = principal_components(line + 10.0)
    assert np.abs(points[:, 0]).max() == pytest.approx(5.0)
    assert np.allclose(points[:, 1], 0.0)


def test_separability_is_one_for_a_straight_border_and_half_for_a_cross() -> None:
    corners = np.array([[-1.0, -1.0], [1.0, 1.0], [-1.0, 1.0], [1.0, -1.0]])
    assert separability(corners, np.array([0, 1, 0, 1])) == 1.0
    assert separability(corners, np.array([0, 0, 1, 1])) <= 0.75  # no line tells them apart


def test_a_shifted_copy_is_found_whatever_its_level_and_noise_is_not() -> None:
    others = RANDOM.standard_normal((5, 4000))
    copy = -0.1 * np.roll(others[3], 777)
    noise = RANDOM.standard_normal(4000)
    found = largest_correlation(np.stack([copy, noise]), others)
    assert found[0] == pytest.approx(1.0, abs=1e-4)
    assert found[1] < 0.1  # the largest of 20 000 correlations, each of standard deviation 1 / sqrt(4000)
