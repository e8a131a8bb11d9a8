# SPDX-License-Identifier: MIT
"""Every documented setting at its ends, through a fit."""

from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path

import pytest
from small_amplifier import TINY, Pair, Run

from fxtrain.config import load_preset, presets
from fxtrain.runs.spec import known_tables

SETTINGS = [
    "model.hidden_size=1",
    "model.hidden_size=33",
    "model.num_layers=2",
    "model.skip=false",
    "model.weight_storage=bfloat16",
    "model.linear_stage=on model.linear_stage_taps=16384",
    "model.linear_stage=on model.linear_stage_taps=2 loss.spectral=0.5",
    "model.linear_stage=on model.linear_stage_taps=500 data.chunk_frames=32 loss.pre_emphasis=a-weighting "
    "loss.emphasised=1",
    "model.envelopes=on model.envelope_ms=[0.01]",
    "model.envelopes=on model.envelope_ms=[60000,1000.5,100,10,5,2,1,0.1] model.linear_stage=off",
    "training.starts=1",
    "training.starts=64",
    "data.warm_up_frames=0",
    "data.warm_up_frames=16777216",
    "data.sequence_frames=64",
    "data.sequence_frames=16777216",
    "data.chunk_frames=32",
    "data.chunk_frames=16777216",
    "data.loud_share=0",
    "data.loud_share=0.5",
    "loss.esr=0 loss.dc=1",
    "loss.esr=0 loss.mse=1 training.scheduler=exponential",
    "loss.pre_emphasis=a-weighting loss.emphasised=1 data.chunk_frames=64",
    "loss.pre_emphasis=first-order loss.emphasised=1000000.0 loss.esr=0",
    "loss.spectral=0.5",
    "loss.spectral=0.5 loss.esr=0 data.chunk_frames=32",
    "split.validation_fraction=0.45 split.test_fraction=0.45",
    "split.validation_fraction=0.02 split.test_fraction=0.02",
    "training.batch_size=1 training.workers=1",
    "training.learning_rate=1.0 training.clip_norm=1e-6 training.scheduler=constant",
    "training.ema=0.9999 training.seed=9223372036854775807",
    "training.precision=bfloat16",
    "training.until_converged=true training.patience=1e-9 training.epochs=0 training.max_minutes=0.02",
    "split.gap_seconds=0",
    "split.gap_seconds=3600",
    "split.train_seconds=0.5 training.max_steps=3",
]


@pytest.mark.parametrize("model", ["lstm", "gru"])
def test_every_setting_is_tried(model: str) -> None:
    tables = {table: kind for table, kind in known_tables(model).items() if table not in ("reading", "metadata")}
    known = {f"{table}.{field.name}" for table, kind in tables.items() for field in fields(kind)}
    known.remove("training.compile")  # takes a minute; the tests of the trainer try it
    assert known == {setting.partition("=")[0] for line in SETTINGS for setting in line.split()}


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_setting_at_its_end_trains_and_exports(fxtrain: Run, pair: Pair, tmp_path: Path, settings: str) -> None:
    options = [word for setting in settings.split() for word in ("--set", setting)]
    model = "gru" if len(settings) % 2 else "lstm"
    result = fxtrain(
        "fit", pair.dry, pair.wet, *TINY, "--model", model, *options, "--epochs", 1, "--out", tmp_path / "run", "--json"
    )
    assert result.exit_code == 0, result.stderr
    assert math.isfinite(result.json["esr"])
    assert result.json["parity"]["engine_error"] <= result.json["parity"]["bound"]


def test_presets_are_listed_by_their_cost_and_earlier_names_still_work() -> None:
    *sizes, nam, stft = presets()
    units = [load_preset(name)["model"]["hidden_size"] for name in sizes]
    assert units == sorted(units)
    assert (sizes, nam, stft) == (["nano", "lite", "standard", "max"], "nam", "stft-low-latency")
    assert load_preset("light") == load_preset("lite")
    assert load_preset("large") == load_preset("max")


def test_the_preset_for_low_latency_is_four_milliseconds_late(fxtrain: Run, pair: Pair, tmp_path: Path) -> None:
    run = tmp_path / "run"
    preset = ["--preset", "stft-low-latency", "--epochs", 1]
    assert fxtrain("fit", pair.dry, pair.wet, *preset, "--out", run, "-q").exit_code == 0
    latency = fxtrain("info", run / "model.json", "--json").json["latency_frames"]
    assert latency == 192
    assert latency / 48_000 == 0.004
