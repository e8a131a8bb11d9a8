# SPDX-License-Identifier: MIT
"""The shipped settings, scripts and figures of the generators."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fxtrain.config import read_toml
from fxtrain.models import get_model
from fxtrain.runs import RunSpec
from fxtrain.runs.stages import find_stages

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "generation"
SINGLE = sorted(path.name for path in EXAMPLES.glob("*.toml") if path.name != "receptive-field.toml")


@pytest.mark.parametrize("name", SINGLE)
def test_settings_are_those_of_a_model(name: str) -> None:
    spec = RunSpec.from_tables(read_toml(EXAMPLES / name), where=EXAMPLES / name)
    spec.check()
    assert spec.task.name in ("generation", "recognition")
    assert spec.training.max_minutes


def test_the_stages_of_the_study_differ_in_their_receptive_field_alone(tmp_path: Path) -> None:
    where = EXAMPLES / "receptive-field.toml"
    stages = list(find_stages(read_toml(where), where, tmp_path, command="", default_minutes=1))
    fields = []
    for stage in stages:
        model = stage.spec.tables["model"]
        config = get_model("wavenet-generator").Config(**model)
        fields.append(config.receptive_field)
        assert stage.name == f"field-{config.receptive_field}"
        assert {key: value for key, value in stage.spec.tables.items() if key != "model"} == {
            key: value for key, value in stages[0].spec.tables.items() if key != "model"
        }
    assert fields == sorted(set(fields))


def test_the_study_is_a_table_and_a_figure(tmp_path: Path) -> None:
    for field, nll in ((64, 5.0), (16, 6.0)):
        (tmp_path / str(field)).mkdir()
        metrics = {
            "model": {"receptive_field": field, "receptive_field_ms": field / 8, "layers": 3, "stacks": 2},
            "training": {"steps": 100},
            "nll_bits": nll,
            "baselines": {"bigram": 5.5},
        }
        (tmp_path / str(field) / "metrics.json").write_text(json.dumps(metrics))
    words = [EXAMPLES / "receptive_field.py", tmp_path / "64", tmp_path / "16", "--figure", tmp_path / "field.svg"]
    said = subprocess.run([sys.executable, *map(str, words)], capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[2] == "| 16 samples, 2 ms | 6 | 100 | 6.000 | 5.500 |"
    assert (tmp_path / "field.svg").read_text().startswith("<?xml")


def test_all_explaining_figures_are_drawn_by_code(tmp_path: Path) -> None:
    docs = EXAMPLES.parents[1] / "docs"
    subprocess.run([sys.executable, docs / "figures" / "wavenet.py", "--out", tmp_path], check=True)
    drawn = sorted(path.name for path in tmp_path.iterdir())
    kept = sorted(path.name for path in (docs / "images").glob("wavenet-*.svg") if path.name != "wavenet-field.svg")
    assert drawn == kept
