# SPDX-License-Identifier: MIT
"""A search in place of a grid."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from fxtrain.errors import ConfigError
from fxtrain.report.html import render_page
from fxtrain.studies import Row, Study, read_study
from fxtrain.studies.page import study_page
from fxtrain.training.protocol import Criterion

SPACE = """
[search]
trials = {trials}
together = {together}
"training.learning_rate" = {{ low = 0.0001, high = 0.1, log = true }}
"model.hidden_size" = {{ low = 4, high = 64 }}
"fit.model" = ["lstm", "gru"]
"""


def search(folder: Path, *, trials: int = 40, together: int = 4) -> Study:
    path = folder / "study.toml"
    path.write_text(SPACE.format(trials=trials, together=together))
    return read_study(path)


def hidden_truth(settings: dict[str, Any]) -> float:
    """Best at a rate of 0.004, 32 units, an LSTM."""
    rate = math.log10(settings["training.learning_rate"] / 0.004) ** 2
    size = ((settings["model.hidden_size"] - 32) / 30) ** 2
    return 0.01 + rate + size + (0.3 if settings["fit.model"] == "gru" else 0.0)


def tried(study: Study, *, higher_is_better: bool = False) -> list[tuple[dict[str, Any], float | None]]:
    found: list[tuple[dict[str, Any], float | None]] = []
    while points := study.next_points(found, higher_is_better=higher_is_better):
        for point in points:
            value = hidden_truth(dict(point.values))
            found.append((dict(point.values), -value if higher_is_better else value))
    return found


@pytest.mark.parametrize("higher_is_better", [False, True])
def test_later_trials_are_better_than_the_first_ones(tmp_path: Path, higher_is_better: bool) -> None:
    found = [value for _, value in tried(search(tmp_path), higher_is_better=higher_is_better)]
    errors = [abs(value or 0.0) for value in found]
    assert len(errors) == 40
    assert sum(errors[20:]) < 0.5 * sum(errors[:20])
    assert min(errors) < 0.1


def test_a_round_follows_from_the_study_and_the_results_alone(tmp_path: Path) -> None:
    study = search(tmp_path)
    found = tried(study)
    assert found == tried(study)
    again = study.next_points(found[:12], higher_is_better=False)
    assert [dict(point.values) for point in again] == [values for values, _ in found[12:16]]
    assert all(point.name.startswith(f"{number}-") for number, point in enumerate(again, start=13))


def test_failures_and_the_last_round_count(tmp_path: Path) -> None:
    study = search(tmp_path, trials=10)
    results: list[tuple[dict[str, Any], float | None]] = [(values, None) for values, _ in tried(study)[:8]]
    assert len(study.next_points(results, higher_is_better=False)) == 2
    assert study.next_points(results + results[:2], higher_is_better=False) == []


def test_values_are_of_the_kinds_that_were_asked_for(tmp_path: Path) -> None:
    for values, _ in tried(search(tmp_path)):
        assert 0.0001 <= values["training.learning_rate"] <= 0.1
        assert type(values["model.hidden_size"]) is int
        assert values["fit.model"] in ("lstm", "gru")
        assert list(values) == ["training.learning_rate", "model.hidden_size", "fit.model"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[search]\ntrials = 3\n", "searches nothing"),
        ('[search]\n"training.learning_rate" = 0.1\n', "expected a list of values, or a range"),
        ('[search]\n"training.learning_rate" = { low = 2, high = 1 }\n', "expected a low that is below the high"),
        ('[search]\n"training.learning_rate" = { low = 0, high = 1, log = true }\n', "a low above 0 that is below"),
        ('[search]\n"training.learning_rate" = { low = 0.1 }\n', "high"),
        ('[search]\n"training.seed" = [[1]]\n', "expected a list of numbers or of texts"),
        ('[search]\ntrails = 3\n"training.seed" = [1]\n', "expected trials, together, seed, or TABLE.NAME"),
        ('[search]\ntrials = 0\n"training.seed" = [1]\n', "search.trials"),
        ('[grid]\n"training.seed" = [1]\n[search]\n"model.hidden_size" = [1]\n', "both"),
    ],
)
def test_what_is_no_search_is_said(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "study.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_study(path)


def test_without_optuna_the_message_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(ConfigError, match=r"pip install 'fxtrain\[search\]'"):
        search(tmp_path).next_points([], higher_is_better=False)


def test_the_page_shows_the_search(tmp_path: Path) -> None:
    study = search(tmp_path, trials=8)
    results: list[tuple[dict[str, Any], float | None]] = []
    rows: list[Row] = []
    while points := study.next_points(results, higher_is_better=False):
        for point in points:
            value = None if len(rows) == 2 else hidden_truth(dict(point.values))
            results.append((dict(point.values), value))
            rows.append(Row(point, "failed" if value is None else "complete", value, tmp_path / point.name))
    text = render_page(study_page(study, rows, Criterion("esr", "ESR")))
    assert text.count("<svg") == 4
    assert "The search" in text
    assert "7 of 8" in text
    assert json.dumps("Median and spread") not in text
