# SPDX-License-Identifier: MIT
"""What was asked of a run, written down and read again."""

from __future__ import annotations

from pathlib import Path

import pytest

from fxtrain.config import build, numbered
from fxtrain.data.pair_table import PairFiles
from fxtrain.errors import ConfigError
from fxtrain.runs import RunSpec, layer_tables
from fxtrain.tasks.effect import pair_tables


@pytest.mark.parametrize("count", [1, 9, 10, 25, 120])
def test_pairs_keep_their_order_however_many_there_are(tmp_path: Path, count: int) -> None:
    # pair_10 was read before pair_2, so that a resumed run of ten pairs or more drew other excerpts.
    names = [f"{(7 * index) % 121}" for index in range(count)]
    pairs = [
        PairFiles(input=tmp_path / f"d{name}.wav", target=tmp_path / f"w{name}.wav", split="train", weight=1 + index)
        for index, name in enumerate(names)
    ]
    path = tmp_path / "config.toml"
    RunSpec(tables={**pair_tables(pairs), "training": {"epochs": 1}}).save(path)
    tables = RunSpec.load(path).tables
    assert [build(PairFiles, tables[name], where=name) for name in numbered(tables, "pair")] == pairs


def test_what_is_written_is_read_again_with_every_default(tmp_path: Path) -> None:
    spec = RunSpec(
        model="gru",
        tables={
            "model": {"hidden_size": 5},
            "training": {"epochs": 3, "learning_rate": 0.01},
            "reading": {"ignore": ["noise", "drift"], "lag": -3},
            "pair_1": {"input": str(tmp_path / "d.wav"), "target": str(tmp_path / "w.wav")},
        },
        device="cpu",
        command="fxtrain fit d.wav w.wav",
    )
    spec.save(tmp_path / "config.toml")
    again = RunSpec.load(tmp_path / "config.toml")
    assert again.settings() == spec.settings()
    assert (again.model, again.device, again.command) == ("gru", "cpu", "fxtrain fit d.wav w.wav")
    assert again.tables["model"]["num_layers"] == 1


def test_training_is_a_table_like_the_others() -> None:
    preset = {"training": {"learning_rate": 0.1, "batch_size": 4, "epochs": 9}}
    file = {"training": {"batch_size": 8}, "model": {"hidden_size": 3}}
    command_line = {"training": {"epochs": 2}}
    spec = RunSpec(tables=layer_tables("lstm", preset, file, command_line, default_minutes=20))
    training = spec.training
    assert (training.learning_rate, training.batch_size, training.epochs) == (0.1, 8, 2)
    assert training.max_minutes is None


def test_without_a_limit_training_ends_when_it_has_converged() -> None:
    training = RunSpec(tables=layer_tables("lstm", default_minutes=20)).training
    assert training.max_minutes == 20
    assert training.until_converged


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[run]\nversion = '9.9'\nformat = 3\n", r"run format 3, but this fxtrain .* reads 1 to 2"),
        ("[run]\nversion = '0.1'\nformat = true\n", "run format True"),
        ("[run]\nversion = '0.1'\nmodel = 3\n", "run.model is 3, not a text"),
        ("[run]\nversion = '0.1'\ncolour = 'red'\n", "unknown setting run.'colour'"),
        ("[inputs]\ncodes = 3\n", "inputs.codes is 3, expected the folder of a run"),
        ("[training]\nepochs = 3\n", "was not written by fxtrain fit"),
    ],
)
def test_a_file_that_is_no_specification_is_refused_in_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        RunSpec.load(tmp_path / "config.toml")


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            {"colours": {"red": 1}},
            r"unknown table \[colours\] for the model lstm; known ones are \[training\], .*\[pair_1\]",
        ),
        ({"trainin": {"seed": 1}}, r"unknown table \[trainin\] for the model lstm; did you mean training\?"),
        ({"model": {"red": 1}}, r"unknown setting model\.red; known ones are hidden_size"),
        ({"training": {"speed": 1}}, r"unknown setting training\.speed; did you mean seed\?"),
        ({"pair_1": {"input": "a", "target": "b", "weight": -1.0}}, r"pair_1\.weight is -1\.0"),
        ({"pair_01": {"input": "a", "target": "b"}}, r"unknown table \[pair_01\]"),
    ],
)
def test_what_is_unknown_is_named_with_what_is_known(tables: dict[str, dict[str, object]], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RunSpec(tables=tables).check()


def test_an_input_that_the_model_does_not_take_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[inputs]\ncodes = 'other'\n")
    from fxtrain.config import read_toml

    spec = RunSpec.from_tables(read_toml(tmp_path / "a.toml"), where=tmp_path / "a.toml")
    assert spec.inputs["codes"].run == tmp_path / "other"
    with pytest.raises(ConfigError, match="lstm takes no input 'codes'; it takes none"):
        spec.check()
