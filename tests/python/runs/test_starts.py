# SPDX-License-Identifier: MIT
"""Short first trainings, of which the best goes on; killed anywhere, the run ends with the same bits."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_amplifier import amplifier

from fxtrain.audio import write_audio
from fxtrain.data.pair_table import PairFiles
from fxtrain.runs import RunFolder, RunSpec, fit
from fxtrain.synthetic import synthesise_guitar
from fxtrain.tasks.effect import pair_tables
from fxtrain.tasks.effect.recipe import choose_start
from fxtrain.training.checkpoint import load_checkpoint

RATE = 16_000


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> RunSpec:
    """Four starts of a hundred steps each, and three thousand steps for the best: seconds, with a net of two units."""
    folder = tmp_path_factory.mktemp("starts")
    dry = synthesise_guitar(4, RATE, 1)
    write_audio(folder / "dry.wav", dry, RATE)
    write_audio(folder / "wet.wav", amplifier(dry), RATE)
    return RunSpec(
        tables={
            "model": {"hidden_size": 2},
            "data": {"sequence_frames": 512, "chunk_frames": 128, "warm_up_frames": 64},
            "training": {"epochs": 330, "batch_size": 32},
            "reading": {"ignore": ["length"]},
            **pair_tables([PairFiles(input=folder / "dry.wav", target=folder / "wet.wav")]),
        }
    )


@pytest.fixture(scope="module")
def whole(spec: RunSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run without a stop."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    assert fit(spec, RunFolder(folder))["complete"]
    return folder


def test_the_best_start_goes_on(whole: Path) -> None:
    events = [json.loads(line) for line in (whole / "log.jsonl").read_text().splitlines()]
    (start,) = [event for event in events if event["event"] == "start" and "values" in event]
    assert len(start["values"]) == 4
    decided = tomllib.loads((whole / "decided.toml").read_text())
    seed, way = divmod(start["chosen"] - 1, 2)
    assert decided["training"]["seed"] == seed
    tried = ["off", "on"]
    assert decided["model"]["envelopes"] == tried[way]
    asked = tomllib.loads((whole / "config.toml").read_text())
    assert asked["model"]["envelopes"] == asked["model"]["linear_stage"] == "auto"  # for another recording to decide
    assert not list(whole.glob("start-*"))


def test_the_rate_of_a_start_falls_and_begins_high_again_after_it(whole: Path) -> None:
    events = [json.loads(line) for line in (whole / "log.jsonl").read_text().splitlines()]
    chosen = next(index for index, event in enumerate(events) if event["event"] == "start" and "values" in event)
    of_start, of_run = (
        [event["learning_rate"] for event in part if event["event"] == "validation"]
        for part in (events[:chosen], events[chosen:])
    )
    assert of_run[0] > 0.9 * of_start[0]
    assert min(of_start) < 0.1 * of_start[0]
    assert of_run == sorted(of_run, reverse=True)


@pytest.mark.parametrize("stop_at", [(40,), (130, 250), (395, 1500)])
def test_a_run_that_is_stopped_anywhere_ends_with_the_same_bits(
    spec: RunSpec, whole: Path, stop_at: tuple[int, ...], tmp_path: Path
) -> None:
    """In the first start, in later ones, at the choice, and in the run itself."""
    folder = RunFolder(tmp_path / "stopped")
    counted, stops = 0, list(stop_at)

    def should_stop() -> bool:
        nonlocal counted
        counted += 1
        if stops and counted >= stops[0]:
            stops.pop(0)
            return True
        return False

    finished = fit(spec, folder, should_stop=should_stop)
    while not finished["complete"]:
        finished = fit(RunSpec.load(folder.config), folder, resume=True, should_stop=should_stop)
    assert not stops
    ours, theirs = (load_checkpoint(path / "last.pt") for path in (folder.path, whole))
    assert ours["position"]["step"] == theirs["position"]["step"] > 2500
    for name, value in theirs["weights"].items():
        assert torch.equal(ours["weights"][name], value), name


def test_a_run_that_is_too_short_for_starts_does_without(spec: RunSpec, tmp_path: Path) -> None:
    training = {**spec.tables["training"], "epochs": 2}
    short = RunSpec(tables={**spec.tables, "training": training})
    assert fit(short, RunFolder(tmp_path / "short"))["complete"]
    decided = tomllib.loads((tmp_path / "short" / "decided.toml").read_text())
    assert decided["model"]["envelopes"] == "off"
    assert not list((tmp_path / "short").glob("start-*"))


@pytest.mark.parametrize(
    ("levels", "values", "chosen"),
    [
        (("off", "on", "off", "on"), (0.2, 0.19, 0.15, 0.14), 2),  # envelopes are not worth it
        (("off", "on", "off", "on"), (0.2, 0.05, 0.15, 0.14), 2),  # and one lucky start does not prove it
        (("off", "on", "off", "on"), (0.2, 0.05, 0.15, 0.1), 1),
        (("on", "on"), (0.2, 0.19), 1),
        (("off", "on"), (np.inf, 0.3), 1),  # one diverged
        (("off", "on", "off", "on"), (np.inf, 0.3, np.inf, np.inf), 1),
    ],
)
def test_levels_must_be_worth_their_price(levels: tuple[str, ...], values: tuple[float, ...], chosen: int) -> None:
    starts: list[dict[str, Any]] = [{"model": {"envelopes": each}} for each in levels]
    assert choose_start(starts, values) == chosen


def test_where_all_have_a_stage_it_costs_nothing() -> None:
    starts: list[dict[str, Any]] = [
        {"model": {"envelopes": envelopes, "linear_stage": "on"}} for envelopes in ("off", "on", "off", "on")
    ]
    assert choose_start(starts, (0.2, 0.17, 0.19, 0.16)) == 2


def test_what_is_asked_for_is_not_decided(spec: RunSpec, tmp_path: Path) -> None:
    asked = {**spec.tables["model"], "linear_stage": "on", "linear_stage_taps": 100, "envelopes": "on"}
    training = {**spec.tables["training"], "epochs": 1, "starts": 1}
    run = RunSpec(tables={**spec.tables, "model": asked, "training": training})
    metrics = fit(run, RunFolder(tmp_path / "asked"))
    assert metrics["model"]["linear_stage"] == "on"
    document = json.loads((tmp_path / "asked" / "model.json").read_text())
    assert len(document["fir"]["taps"]) == 100
    assert len(document["envelopes"]) == 3


def test_a_run_from_a_checkpoint_takes_over_its_model(spec: RunSpec, whole: Path, tmp_path: Path) -> None:
    """However long it is: other settings would not fit the weights."""
    tables = {**spec.tables, "model": {}}
    run = RunSpec(tables=tables, checkpoint=whole / "best.pt")
    assert fit(run, RunFolder(tmp_path / "further"))["complete"]
    decided = tomllib.loads((tmp_path / "further" / "decided.toml").read_text())
    assert decided["model"]["hidden_size"] == 2
    first = json.loads((tmp_path / "further" / "log.jsonl").read_text().splitlines()[1])
    best = load_checkpoint(whole / "best.pt")["value"]
    assert first["val_esr"] == pytest.approx(best, rel=1e-6)


def test_starts_that_were_not_all_prepared_are_prepared_again(spec: RunSpec, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "cut")
    folder.create()
    spec.save(folder.config)
    (folder.path / "start-4").mkdir()
    (folder.path / "start-4" / "decided.toml").write_text("[training]\nseed = 1\n")  # and then the power went
    assert folder.starts() == []
    calls = iter(range(1000))
    fit(spec, folder, resume=True, should_stop=lambda: next(calls) == 5)
    assert [number for number, _ in folder.starts()] == [1, 2, 3, 4]
