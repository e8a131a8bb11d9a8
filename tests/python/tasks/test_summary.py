# SPDX-License-Identifier: MIT
"""Plain words and the table in the terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from fxtrain.report.numbers import format_ratio
from fxtrain.tasks.effect.summary import describe, grade
from fxtrain.tasks.effect.table import print_summary

from .conftest import make_report


def printed(metrics: dict, width: int = 160) -> str:
    stream = io.StringIO()
    print_summary(metrics, Console(file=stream, width=width, highlight=False))
    return stream.getvalue()


def test_grades_fall_as_the_error_grows():
    words = [grade(10.0 ** (k / 4)).word for k in range(-20, 4)]
    distinct = list(dict.fromkeys(words))
    assert distinct[0] == "Practically identical"
    assert distinct[-1] == "Not there yet"
    assert len(distinct) == 7
    assert words == sorted(words, key=distinct.index)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.00995, "0.010"),
        (0.0995, "0.10"),
        (0.00012, "0.00012"),
        (9.99e-5, "0.00010"),
        (float("nan"), "unknown"),
    ],
)
def test_ratios_are_rounded_to_two_digits(value, text):
    assert format_ratio(value) == text


def test_table_puts_the_model_beside_its_baselines():
    text = printed(make_report().metrics)
    lines = {line.split("  ")[0].strip(): line for line in text.splitlines()}
    assert "2.2 " in lines["Dry, as it is"]
    assert "0.11" in lines["Linear filter"]
    assert "-23.8" in lines["model"]
    assert "164 times faster than real time" in text


def test_table_of_nothing_is_empty_and_of_a_part_shows_that_part():
    assert printed({}) == ""
    assert "model" in printed({"esr": 0.1})
    assert "None" not in printed({"esr": None, "baselines": None, "parity": {"engine_error": None}})


def test_a_model_no_better_than_a_filter_is_called_so():
    (fact,) = (fact for fact in describe({"esr": 0.2, "baselines": {"fir": 0.1}}) if "filter" in fact.label)
    assert "as good or better" in fact.note


@pytest.mark.parametrize(
    ("lag", "removed", "text"),
    [
        (55, 43, "samples: the wet comes late; 43 removed before training"),
        (0, 0, "samples: in step; left to the model"),
        (1, -8, "sample: the wet comes late; 8 added before training"),
    ],
)
def test_the_lag_is_told_with_what_became_of_it(lag: int, removed: int, text: str) -> None:
    (fact,) = (fact for fact in describe({"data": {"lag_samples": lag, "lag_removed": removed}}) if "Lag" in fact.label)
    assert fact.note == text


def test_a_bad_result_ends_with_what_to_do_next() -> None:
    verdict = {"name": "time", "level": "warn", "message": "Wet repeats [the] playing", "remedy": "switch it off"}
    metrics = {"esr": 0.2, "data": {"verdicts": [verdict]}}
    assert printed(metrics).endswith("What to do next\n- Wet repeats [the] playing: switch it off.\n")
    assert "What to do next" not in printed({**metrics, "esr": 0.001})


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"envelopes": "on", "linear_stage": "on"}, "other players refuse"),
        ({"envelopes": "off", "linear_stage": "on"}, "load cabinet.wav"),
    ],
)
def test_what_other_players_do_with_the_file_is_told(model: dict[str, str], said: str) -> None:
    (fact,) = [fact for fact in describe({"esr": 0.01, "model": model}) if fact.label == "Players"]
    assert said in fact.note


def test_a_plain_file_needs_no_word_about_players() -> None:
    facts = describe({"esr": 0.01, "model": {"envelopes": "off", "linear_stage": "off"}})
    assert not [fact for fact in facts if fact.label == "Players"]
