# SPDX-License-Identifier: MIT
"""``fxtrain convert`` as a user calls it: round trips, gains, knobs, metadata, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_amplifier import Pair, Run

from fxtrain import engine
from fxtrain.formats import write_model
from fxtrain.models import get_model

RATE = 16_000
WEIGHTS = ("layers", "weights", "state_dict")


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def same_function(one: Path, other: Path) -> bool:
    """Whether two files of one format hold the same weights, to the bit."""
    first, second = read(one), read(other)
    keys = [key for key in WEIGHTS if key in first]
    return bool(keys) and all(first[key] == second[key] for key in keys)


@pytest.fixture
def make_lstm(tmp_path: Path) -> Callable[..., Path]:
    """``make_lstm("amp.nam", start=0.5, hidden_size=4)`` writes a file of a random LSTM, and its start state."""

    def make(name: str, *, start: float = 0.0, format: str | None = None, unit: str = "lstm", **config: Any) -> Path:
        torch.manual_seed(2)
        settings = {"hidden_size": 4, "skip": not name.endswith(".nam"), **config}
        model = get_model(unit).from_config(settings, loss={}, sample_rate=RATE)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(1.5)
        if start:
            state = torch.full((settings.get("num_layers", 1), 1, settings["hidden_size"]), start)
            model.start = (state, state)
        told = {"name": "Plexi", "author": "A. Player", "based": "JTM", "style": "crunch", "input_level_dbu": 12.5}
        path = tmp_path / name
        write_model(path, model, sample_rate=RATE, metadata=told, format=format)
        return path

    return make


@pytest.mark.parametrize("num_layers", [1, 2])
def test_an_lstm_goes_from_nam_to_rtneural_and_back(
    fxtrain: Run, make_lstm: Callable[..., Path], tmp_path: Path, num_layers: int
) -> None:
    source = make_lstm("amp.nam", num_layers=num_layers)
    there, back = tmp_path / "there.json", tmp_path / "back.nam"
    result = fxtrain("convert", source, there, "--json").json
    assert (result["from"], result["to"], result["exactness"]) == ("nam", "rtneural", "exact")
    assert result["difference"]["greatest"] == 0.0  # the same weights through the same layers
    assert result["difference"]["num_frames"] == 8 * RATE
    assert fxtrain("convert", there, back, "-q").exit_code == 0
    assert same_function(source, back)
    assert read(there)["in_skip"] == 0


def test_a_start_state_is_kept_in_nam_alone(fxtrain: Run, make_lstm: Callable[..., Path], tmp_path: Path) -> None:
    """Elsewhere it does not matter where silence, which players of .nam run through first, leads to zero."""
    source = make_lstm("amp.nam", start=0.5)
    told = fxtrain("convert", source, tmp_path / "amp.aidax")
    assert ".nam to AIDA-X, exact" in told.stdout
    assert "from the state that each loads with" in " ".join(told.stdout.split())
    assert engine.load(tmp_path / "amp.aidax").info.self_test is not None
    kept = fxtrain("convert", source, tmp_path / "again.nam", "--json").json
    assert (kept["exactness"], kept["difference"]["prewarmed"]) == ("exact", False)
    assert same_function(source, tmp_path / "again.nam")


def test_a_proteus_file_goes_to_aida_and_back(fxtrain: Run, make_lstm: Callable[..., Path], tmp_path: Path) -> None:
    source = make_lstm("amp.json", format="proteus", hidden_size=40)
    result = fxtrain("convert", source, tmp_path / "amp.aidax", "--json").json
    assert (result["from"], result["to"], result["exactness"]) == ("proteus", "aidax", "exact")
    document = read(tmp_path / "amp.aidax")
    assert (document["in_skip"], document["samplerate"]) == (1, RATE)
    back = fxtrain("convert", tmp_path / "amp.aidax", tmp_path / "back.json", "--format", "proteus")
    assert "players of such files expect models of 44100 Hz" in back.stdout
    assert same_function(source, tmp_path / "back.json")
    assert engine.load(tmp_path / "back.json").info.name == "Plexi"


def test_metadata_go_across_by_meaning(fxtrain: Run, make_lstm: Callable[..., Path], tmp_path: Path) -> None:
    source = make_lstm("amp.nam")
    document = read(source)
    document["metadata"] |= {"training": {"validation_esr": 0.02}, "gear_type": None, "loudness": -1.0}
    source.write_text(json.dumps(document))
    fxtrain("convert", source, tmp_path / "amp.json", "-q")
    metadata = read(tmp_path / "amp.json")["metadata"]
    wanted = {"name": "Plexi", "author": "A. Player", "based": "JTM", "style": "crunch", "input_level_dbu": 12.5}
    assert wanted.items() <= metadata.items()
    assert metadata["esr"] == 0.02
    assert not {"gear_type", "loudness", "modeled_by", "tone_type"} & metadata.keys()
    assert metadata["loudness_db"] == pytest.approx(engine.measure_loudness(source), abs=6e-4)
    fxtrain("convert", tmp_path / "amp.json", tmp_path / "back.nam", "-q")
    back = read(tmp_path / "back.nam")
    assert (back["metadata"]["modeled_by"], back["metadata"]["tone_type"]) == ("A. Player", "crunch")
    assert back["sample_rate"] == RATE


@pytest.mark.parametrize(("skip", "gains"), [(0, (6.0, -4.0)), (1, (6.0, -6.0))])
@pytest.mark.parametrize("unit", ["lstm", "gru"])
def test_gains_fold_into_the_weights(
    fxtrain: Run, make_model: Callable, tmp_path: Path, unit: str, skip: int, gains: tuple[float, float]
) -> None:
    """Rounding of the multiplied weights is all that changes: 1e-6 is -120 dB of full scale."""
    keys = {"in_gain": gains[0], "out_gain": gains[1], "in_skip": skip, "samplerate": str(RATE)}
    source = make_model([(unit, 6), ("dense", 1)], **keys).path
    result = fxtrain("convert", source, tmp_path / "plain.json", "--json").json
    assert result["exactness"] == "exact"
    assert 0.0 < result["difference"]["greatest"] < 1e-6
    assert not {"in_gain", "out_gain"} & read(tmp_path / "plain.json").keys()


def test_a_residual_path_with_a_gain_of_its_own_is_refused(fxtrain: Run, make_model: Callable, tmp_path: Path) -> None:
    source = make_model([("lstm", 6), ("dense", 1)], in_gain=6.0, in_skip=1, samplerate=RATE).path
    refused = fxtrain("convert", source, tmp_path / "plain.json")
    assert refused.exit_code == 2
    assert "adds its input to its output +6 dB louder" in refused.stderr


def test_knobs_stay_or_become_a_part_of_the_model(fxtrain: Run, make_model: Callable, tmp_path: Path) -> None:
    source = make_model([("lstm", 5), ("dense", 1)], inputs=3, samplerate=RATE).path
    kept = fxtrain("convert", source, tmp_path / "kept.aidax", "--json").json
    assert kept["difference"]["greatest"] == 0.0  # with both knobs at 0, 0.5 and 1
    refused = fxtrain("convert", source, tmp_path / "amp.nam")
    assert refused.exit_code == 2
    assert "it has knobs" in refused.stderr
    one = fxtrain("convert", source, tmp_path / "one.json", "--knob", "knob 1=0.25", "--json").json
    assert one["difference"]["greatest"] < 1e-6
    assert [knob["name"] for knob in read(tmp_path / "one.json")["knobs"]] == ["knob 2"]
    both = ("--knob", "knob 1=0.25", "--knob", "knob 2=0.9")
    assert fxtrain("convert", source, tmp_path / "amp.nam", *both, "--json").json["difference"]["greatest"] < 1e-6


SHORT = {"shape": "nano", "dilations": [[1, 2, 4], [1, 8]]}


@pytest.mark.parametrize("config", [SHORT, {**SHORT, "gated": True, "activation": "silu"}])
def test_a_wavenet_keeps_its_weights_to_the_bit(fxtrain: Run, tmp_path: Path, config: dict[str, Any]) -> None:
    torch.manual_seed(3)
    model = get_model("wavenet").from_config(config, loss={}, sample_rate=RATE)
    source = tmp_path / "amp.nam"
    write_model(source, model, sample_rate=RATE, metadata={})
    result = fxtrain("convert", source, tmp_path / "again.nam", "--json").json
    assert (result["exactness"], result["difference"]["greatest"]) == ("exact", 0.0)
    again, document = read(tmp_path / "again.nam"), read(source)
    assert (again["weights"], again["config"]) == (document["weights"], document["config"])


def test_of_a_container_one_network_is_converted(fxtrain: Run, make_lstm: Callable[..., Path], tmp_path: Path) -> None:
    small, large = read(make_lstm("small.nam")), read(make_lstm("large.nam", hidden_size=6))
    entries = [{"max_value": 0.5, "model": small}, {"max_value": 1.0, "model": large}]
    box = {"version": "0.7.0", "architecture": "SlimmableContainer", "config": {"submodels": entries}, "weights": []}
    path = tmp_path / "box.nam"
    path.write_text(json.dumps({**box, "sample_rate": RATE, "metadata": {}}))
    told = fxtrain("convert", path, tmp_path / "one.nam", "--quality", 0.2)
    assert "holds 2 networks; this is number 1 (lstm," in " ".join(told.stdout.split())
    assert read(tmp_path / "one.nam")["weights"] == small["weights"]
    assert fxtrain("convert", path, tmp_path / "two.nam", "-q").exit_code == 0
    assert read(tmp_path / "two.nam")["weights"] == large["weights"]


def test_of_a_container_the_chosen_network_is_what_the_new_file_tells_of(
    fxtrain: Run, make_lstm: Callable[..., Path], tmp_path: Path
) -> None:
    small, large = read(make_lstm("small.nam")), read(make_lstm("large.nam", hidden_size=6))
    small["metadata"] = {"name": "Small", "output_level_dbu": 3.5, "training": {"validation_esr": 0.25}}
    large["metadata"] = {"name": "Large", "output_level_dbu": 9.5, "training": {"validation_esr": 0.01}}
    entries = [{"max_value": 0.5, "model": small}, {"max_value": 1.0, "model": large}]
    box = {"version": "0.7.0", "architecture": "SlimmableContainer", "config": {"submodels": entries}, "weights": []}
    path = tmp_path / "box.nam"
    path.write_text(json.dumps({**box, "sample_rate": RATE}))
    for quality, name, level, esr in ((0.1, "Small", 3.5, 0.25), (1.0, "Large", 9.5, 0.01)):
        out = tmp_path / f"{name}.nam"
        metadata = fxtrain("convert", path, out, "--quality", quality, "--json").json["metadata"]
        assert (metadata["name"], metadata["output_level_dbu"], metadata["esr"]) == (name, level, esr)


def test_the_same_function_keeps_the_levels_that_its_file_states(
    fxtrain: Run, make_lstm: Callable[..., Path], tmp_path: Path
) -> None:
    source = make_lstm("amp.nam")
    document = read(source)
    document["metadata"] |= {"loudness": -21.5, "gain": 0.75}
    source.write_text(json.dumps(document))
    assert fxtrain("convert", source, tmp_path / "again.nam", "--json").json["exactness"] == "exact"
    metadata = read(tmp_path / "again.nam")["metadata"]
    assert (metadata["loudness"], metadata["gain"]) == (-21.5, 0.75)


@pytest.mark.parametrize("metadata", [True, "text", 3, None, ["a"]])
def test_metadata_that_are_no_object_are_no_metadata(
    fxtrain: Run, make_lstm: Callable[..., Path], tmp_path: Path, metadata: Any
) -> None:
    source = make_lstm("amp.nam")
    source.write_text(json.dumps(read(source) | {"metadata": metadata}))
    told = fxtrain("convert", source, tmp_path / "amp.aidax", "--json")
    assert told.exit_code == 0, told.stderr
    assert "name" not in told.json["metadata"]


def small_wavenet(path: Path, **changes: Any) -> Path:
    """A .nam file of a WaveNet whose first layers have some keys changed."""
    model = get_model("wavenet").from_config(SHORT, loss={}, sample_rate=RATE)
    write_model(path, model, sample_rate=RATE, metadata={})
    document = read(path)
    document["config"]["layers"][0].update(changes)
    path.write_text(json.dumps(document))
    return path


def test_what_a_slimmable_wavenet_loses_is_said(fxtrain: Run, tmp_path: Path) -> None:
    slimmable = {"method": "slice_channels_uniform", "kwargs": {"allowed_channels": [1, 2, 4]}}
    source = small_wavenet(tmp_path / "amp.nam", slimmable=slimmable)
    notes = fxtrain("convert", source, tmp_path / "again.nam", "--json").json["notes"]
    assert len(notes) == 1
    assert "is slimmable: players may leave only some channels of its layers (1, 2, 4)" in notes[0]


def test_a_wavenet_that_no_model_is_like_is_refused_for_what_it_has(fxtrain: Run, tmp_path: Path) -> None:
    source = small_wavenet(tmp_path / "amp.nam", activation="PReLU")
    refused = fxtrain("convert", source, tmp_path / "again.nam")
    assert refused.exit_code == 2
    assert "holds a WaveNet with the activation PReLU; expected" in refused.stderr
    assert "WaveNet of the activations Tanh, " in refused.stderr
    assert "--distill DRY.wav" in refused.stderr


@pytest.mark.parametrize(
    ("name", "config", "out", "reason"),
    [
        ("amp.json", {}, "amp.nam", "cannot be converted to .nam: it adds its input to its output"),
        ("amp.json", {"unit": "gru", "skip": False}, "amp.nam", "it is a GRU"),
        ("amp.json", {"linear_stage": "on", "linear_stage_taps": 9}, "amp.aidax", "it has a linear stage"),
        ("amp.json", {"envelopes": "on"}, "amp.aidax", "it has envelopes"),
        ("amp.json", {"num_layers": 2}, "amp.aidax", "it has 2 recurrent layers, and AIDA-X plays one"),
        ("amp.json", {}, "proteus", "it has 4 units, and players need 40 (Proteus) or 20 (NeuralPi)"),
        ("amp.json", {"skip": False, "hidden_size": 20}, "proteus", "it does not add its input to its output"),
    ],
)
def test_what_a_format_has_no_place_for_is_refused(
    fxtrain: Run,
    make_lstm: Callable[..., Path],
    tmp_path: Path,
    name: str,
    config: dict[str, Any],
    out: str,
    reason: str,
) -> None:
    source = make_lstm(name, **config)
    arguments = ("there.json", "--format", out) if out == "proteus" else (out,)
    refused = fxtrain("convert", source, tmp_path / arguments[0], *arguments[1:])
    assert refused.exit_code == 2
    assert reason in refused.stderr
    assert not (tmp_path / arguments[0]).exists()


def test_a_wavenet_has_no_place_in_rtneural_json(fxtrain: Run, tmp_path: Path) -> None:
    model = get_model("wavenet").from_config(SHORT, loss={}, sample_rate=RATE)
    write_model(tmp_path / "amp.nam", model, sample_rate=RATE, metadata={})
    refused = fxtrain("convert", tmp_path / "amp.nam", tmp_path / "amp.json")
    assert refused.exit_code == 2
    assert "hold layers in a row, and a WaveNet adds up what its layers give" in refused.stderr


def test_envelopes_and_a_linear_stage_of_ours_survive(
    fxtrain: Run, make_lstm: Callable[..., Path], tmp_path: Path
) -> None:
    source = make_lstm("amp.json", envelopes="on", linear_stage="on", linear_stage_taps=9)
    result = fxtrain("convert", source, tmp_path / "again.json", "--json").json
    assert (result["exactness"], result["difference"]["greatest"]) == ("exact", 0.0)
    again, document = read(tmp_path / "again.json"), read(source)
    assert all(again[key] == document[key] for key in ("layers", "envelopes", "fir", "in_shape", "output_batch"))


def test_what_is_refused_can_be_learnt(
    fxtrain: Run, make_lstm: Callable[..., Path], pair: Pair, tmp_path: Path
) -> None:
    source, out = make_lstm("amp.json"), tmp_path / "amp.nam"
    refused = fxtrain("convert", source, out)
    assert "--distill DRY.wav trains a model for that format instead" in refused.stderr
    small = ("channels=[2,1]", "dilations=[[1,2],[1]]", "sequence_frames=1024", "chunk_frames=512")
    settings = [word for each in small for word in ("--set", each)]
    result = fxtrain("convert", source, out, "--distill", pair.dry, *settings, "--epochs", 1, "--json")
    assert result.exit_code == 0, result.stderr
    assert (result.json["exactness"], result.json["to"]) == ("trained", "nam")
    metrics = read(tmp_path / "amp-run" / "metrics.json")
    assert result.json["esr"] == metrics["esr"]
    assert (tmp_path / "amp-wet.wav").exists()
    metadata = read(out)["metadata"]
    assert (metadata["name"], metadata["modeled_by"], metadata["lag_samples"]) == ("Plexi", "A. Player", 0)
    assert "esr" not in metadata


def test_files_that_play_differently_are_not_written(
    fxtrain: Run, make_lstm: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_lstm("amp.json")
    play = engine.Model.play
    calls = iter(range(100))
    monkeypatch.setattr(engine.Model, "play", lambda self, x: np.float32(1 + 0.01 * next(calls)) * play(self, x))
    refused = fxtrain("convert", source, tmp_path / "again.json")
    assert refused.exit_code == 2
    assert "apart, expected" in refused.stderr
    assert not (tmp_path / "again.json").exists()


def test_a_name_without_a_known_suffix_needs_a_format(
    fxtrain: Run, make_lstm: Callable[..., Path], tmp_path: Path
) -> None:
    refused = fxtrain("convert", make_lstm("amp.json"), tmp_path / "amp.txt")
    assert refused.exit_code == 2
    assert "does not say which format to write: expected .nam, .json, .aidax" in refused.stderr


@pytest.mark.parametrize(
    ("name", "there", "back", "label"),
    [
        ("nam/BossLSTM-1x16.nam", "amp.json", "amp.nam", "exact but for the start state"),
        ("aida/tw40_british_lead.json", "amp.nam", "amp.aidax", "exact but for the start state"),
        ("proteus/BluesJr.json", "amp.aidax", None, "exact"),
        ("nam/BossWN-nano.nam", "amp.nam", None, "exact"),
    ],
)
def test_files_of_others_go_there_and_back(
    fxtrain: Run, shared_data: Path, tmp_path: Path, name: str, there: str, back: str | None, label: str
) -> None:
    source = shared_data / "foreign-models" / name
    assert fxtrain("convert", source, tmp_path / there, "--json").json["exactness"] == label
    if back is not None:
        (tmp_path / "back").mkdir()
        assert fxtrain("convert", tmp_path / there, tmp_path / "back" / back, "-q").exit_code == 0
    if back == "amp.nam":  # all but the start state, which stands behind the bias of the layer
        weights, again = read(source)["weights"], read(tmp_path / "back" / back)["weights"]
        units, before = 16, 4 * 16 * (1 + 16) + 4 * 16
        assert np.array_equal(np.float32(weights[:before]), np.float32(again[:before]))
        assert np.array_equal(np.float32(weights[before + 2 * units :]), np.float32(again[before + 2 * units :]))
        assert not any(again[before : before + 2 * units])
    elif name.endswith(".nam"):
        assert np.array_equal(np.float32(read(source)["weights"]), np.float32(read(tmp_path / there)["weights"]))
