# SPDX-License-Identifier: MIT
"""What to do next after a bad result."""

from __future__ import annotations

from typing import Any

import pytest

from fxtrain.tasks.effect.advice import BAD_ESR, advise, judge_result, next_steps

from .conftest import make_report, rendered

FALLING = {"steps": 1000, "planned_steps": 1000, "best_step": 990, "seconds": 600.0, "converged": False}
CONVERGED = {**FALLING, "converged": True}
TRAINED_ON_THREE_MINUTES = [{"part": "train", "start_seconds": 0.0, "end_seconds": 144.0}]


def result(esr: float = 0.1, *verdicts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The figures of a run that has nothing wrong but its error."""
    return {
        "complete": True,
        "esr": esr,
        "training": CONVERGED,
        "model": {"hidden_size": 64},
        "split": TRAINED_ON_THREE_MINUTES,
        "data": {"verdicts": list(verdicts)},
        **changes,
    }


def found(name: str, level: str = "warn", **values: Any) -> dict[str, Any]:
    return {"name": name, "level": level, "message": f"{name} was found", "remedy": "mend it", "values": values}


@pytest.mark.parametrize("esr", [0.0, 0.001, BAD_ESR])
def test_a_good_result_needs_no_advice(esr: float) -> None:
    poor: dict[str, Any] = {"training": FALLING, "model": {"hidden_size": 4}, "split": []}
    assert advise(result(esr, found("gate"), **poor)) == []


def test_the_next_steps_leave_the_recordings_alone() -> None:
    (render,) = (step for step in next_steps("runs/amp") if "fxtrain render" in step)
    assert render.endswith("fxtrain render runs/amp dry.wav played.wav")  # once onto wet.wav, which was trained on


def test_nothing_known_gives_no_advice() -> None:
    assert advise({}) == advise({"esr": None}) == advise({"esr": 0.5, "split": "train", "data": 3, "model": []}) == []


def test_training_that_was_cut_off_is_to_be_longer() -> None:
    (sentence,) = advise(result(training=FALLING))
    assert "after 10.0 min, while the error was still falling" in sentence
    assert "--max-minutes 30" in sentence
    assert not any("longer" in sentence for sentence in advise(result(training=CONVERGED)))
    assert not any("longer" in sentence for sentence in advise(result(training={**FALLING, "best_step": 200})))


@pytest.mark.parametrize(("units", "preset"), [(4, "standard"), (16, "standard"), (32, "max"), (40, "max")])
def test_a_small_model_is_to_be_larger(units: int, preset: str) -> None:
    (sentence,) = advise(result(model={"hidden_size": units}))
    assert f"({units} units)" in sentence
    assert f"--preset {preset}" in sentence


def test_a_model_of_common_size_is_first_to_be_trained_longer() -> None:
    assert [sentence[:8] for sentence in advise(result(training=FALLING, model={"hidden_size": 32}))] == ["Training"]


def test_little_playing_is_to_be_more() -> None:
    (sentence,) = advise(result(split=[{"part": "train", "start_seconds": 8.0, "end_seconds": 40.0}]))
    assert sentence == "Only 32 s of playing were there to train on: record three minutes."


@pytest.mark.parametrize("name", ["gate", "time", "lag", "split", "clipping"])
def test_what_was_found_in_the_recordings_is_repeated(name: str) -> None:
    assert advise(result(0.1, found(name))) == [f"{name} was found: mend it."]
    assert f"{name} was found: mend it." not in advise(result(0.1, found(name, "note")))


@pytest.mark.parametrize("name", ["drift", "noise", "replicate"])
def test_a_floor_is_named_if_it_is_a_part_of_the_error(name: str) -> None:
    assert advise(result(0.1, found(name, esr_floor=0.02))) == [f"{name} was found: mend it."]
    assert f"{name} was found: mend it." not in advise(result(0.1, found(name, esr_floor=0.002)))


def test_a_drift_that_was_removed_explains_nothing() -> None:
    (sentence,) = advise(result(0.1, found("drift", esr_floor=0.05, removed=True)))
    assert sentence.startswith("Nothing in the recordings")


def test_the_recordings_come_before_the_training() -> None:
    findings = (found("clipping"), found("noise", esr_floor=0.05), found("gate"))
    sentences = advise(result(0.1, *findings, training=FALLING))
    assert [sentence.split()[0] for sentence in sentences] == ["gate", "noise", "Training", "clipping"]


def test_a_stopped_run_is_to_be_finished_however_good_it_is() -> None:
    stopped: dict[str, Any] = {"complete": False, "training": {**FALLING, "steps": 300}}
    for esr in (0.001, 0.5):
        (sentence,) = advise(result(esr, **stopped))
        assert "stopped at step 300 of 1000" in sentence
        assert "--resume" in sentence


def test_training_that_diverged_again_and_again_is_to_be_slower() -> None:
    (sentence,) = advise(result(training={**CONVERGED, "divergences": 3}))
    assert "--lr" in sentence


def test_a_run_that_was_ended_by_divergence_is_not_to_be_resumed() -> None:
    training = {**FALLING, "steps": 300, "divergences": 5}
    for esr in (0.001, 0.5):
        (sentence,) = advise(result(esr, complete=False, stopped="diverged", training=training))
        assert "ended at step 300 of 1000" in sentence
        assert "--lr" in sentence
        assert "--resume" not in sentence


def test_an_interrupted_run_that_diverged_is_told_both() -> None:
    training = {**FALLING, "steps": 300, "divergences": 3}
    sentences = advise(result(0.5, complete=False, stopped="interrupted", training=training))
    assert ["--resume" in sentence for sentence in sentences] == [True, False]
    assert "--lr" in sentences[1]


def test_the_page_shows_it_and_escapes_it() -> None:
    verdict = {**found("gate"), "message": "a <b>gate</b> closes"}
    page = rendered(make_report(metrics=result(0.1, verdict)))
    assert "What to do next" in page
    assert "<li>a &lt;b&gt;gate&lt;/b&gt; closes: mend it.</li>" in page
    assert (
        "mend it"
        not in rendered(make_report(metrics=result(0.001, verdict))).split("What to do next")[1].split("</ul>")[0]
    )


@pytest.mark.parametrize(
    ("esr", "baselines", "named"),
    [
        (0.5, {"best_gain": 0.9, "fir": 0.4, "long_fir": 0.45}, "512 taps"),
        (0.5, {"best_gain": 0.9, "fir": 0.6, "long_fir": 0.3}, "8192 taps"),
        (1.2, {"input": 2.0, "best_gain": 0.98}, "at one gain"),
    ],
)
def test_a_model_that_beats_no_filter_is_called_so(esr: float, baselines: dict[str, float], named: str) -> None:
    (verdict,) = judge_result({"esr": esr, "baselines": baselines})
    assert (verdict["name"], verdict["level"]) == ("baseline", "warn")
    assert named in verdict["message"]


def test_a_model_that_beats_them_all_is_not_judged() -> None:
    assert judge_result({"esr": 0.1, "baselines": {"best_gain": 0.9, "fir": 0.4, "long_fir": 0.3}}) == []
    assert judge_result({}) == []


@pytest.mark.parametrize(
    ("peak", "after", "said"),
    [
        (3.9, 1e-3, []),
        (25.0, 1e-3, ["reaches 25 times full scale, but the device hardly more than 2"]),
        (1.0, 0.5, ["still sounds after five seconds of silence (-6 dB)"]),
        (25.0, 0.5, ["reaches 25 times", "and still sounds after five seconds"]),
    ],
)
def test_even_a_good_model_is_warned_of_that_bursts_when_it_is_played_too_loud(
    peak: float, after: float, said: list[str]
) -> None:
    loud = {"times": 4.0, "peak": peak, "ceiling": 2.0, "after": after}
    sentences = advise(result(0.001, loud=loud))
    assert len(sentences) == bool(said)
    for words in said:
        assert words in sentences[0]
        assert sentences[0].startswith("Played 12 dB louder than its recording")
        assert "--set data.loud_share=0.125" in sentences[0]
