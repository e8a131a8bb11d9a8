# SPDX-License-Identifier: MIT
"""``fxtrain evaluate``, ``export`` and ``models`` as a user calls them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from small_amplifier import LAG, SAMPLE_RATE, Pair, Run, amplifier

from fxtrain import engine
from fxtrain.atomic import write_atomically
from fxtrain.audio import apply_lag, read_audio, write_audio
from fxtrain.cli.parser import COMMANDS
from fxtrain.data.recording import lag_to_remove
from fxtrain.formats import read_torch_model
from fxtrain.synthetic import synthesise_guitar
from fxtrain.synthetic.effects import cabinet_response, play_through_cabinet


def test_evaluate_is_the_closed_form_of_what_the_engine_plays(
    fxtrain: Run, finished_run: Path, pair: Pair, tmp_path: Path
) -> None:
    result = fxtrain("evaluate", finished_run / "model.json", pair.dry, pair.wet, "--json")
    assert result.exit_code == 0, result.stderr
    lag = json.loads((finished_run / "model.json").read_text())["metadata"]["lag_samples"]
    assert result.json["lag_samples"] == lag
    dry, wet = apply_lag(read_audio(pair.dry).samples, read_audio(pair.wet).samples, lag)
    prediction = engine.load(finished_run / "model.json").process(dry).astype(np.float64)
    assert result.json["esr"] == pytest.approx(((prediction - wet) ** 2).sum() / (wet.astype(np.float64) ** 2).sum())
    assert result.json["baselines"]["input"] == pytest.approx(
        ((dry.astype(np.float64) - wet) ** 2).sum() / (wet.astype(np.float64) ** 2).sum()
    )
    assert result.json["baselines_fitted_on"] == "the training part of the run"


def test_evaluate_takes_another_lag(fxtrain: Run, finished_run: Path, pair: Pair, tmp_path: Path) -> None:
    dry = read_audio(pair.dry).samples
    late = np.concatenate([np.zeros(LAG + 100, np.float32), amplifier(dry)])[: len(dry)]
    write_audio(tmp_path / "late.wav", late, SAMPLE_RATE)
    own = fxtrain("evaluate", finished_run, pair.dry, pair.wet, "--json").json
    wrong = fxtrain("evaluate", finished_run, pair.dry, tmp_path / "late.wav", "--json").json
    given = fxtrain(
        "evaluate", finished_run, pair.dry, tmp_path / "late.wav", "--lag", own["lag_samples"] + 100, "--json"
    )
    found = fxtrain("evaluate", finished_run, pair.dry, tmp_path / "late.wav", "--lag", "auto", "--json").json
    assert wrong["esr"] > 2 * own["esr"]
    assert given.json["esr"] == pytest.approx(own["esr"], rel=0.02)
    assert found["esr"] == pytest.approx(own["esr"], rel=0.02)


def test_evaluate_asks_for_one_sample_rate(fxtrain: Run, finished_run: Path, tmp_path: Path) -> None:
    dry = synthesise_guitar(3, 22_050, 1)
    write_audio(tmp_path / "dry.wav", dry, 22_050)
    write_audio(tmp_path / "wet.wav", amplifier(dry), 22_050)
    refused = fxtrain("evaluate", finished_run, tmp_path / "dry.wav", tmp_path / "wet.wav")
    assert refused.exit_code == 2
    assert f"add --sample-rate {SAMPLE_RATE}" in refused.stderr
    rate = ("--sample-rate", SAMPLE_RATE)
    assert fxtrain("evaluate", finished_run, tmp_path / "dry.wav", tmp_path / "wet.wav", *rate, "-q").exit_code == 0


def test_export_writes_what_fit_wrote(fxtrain: Run, finished_run: Path, tmp_path: Path) -> None:
    for source in (finished_run, finished_run / "best.pt"):
        out = tmp_path / f"{source.name}.json"
        assert fxtrain("export", source, out, "-q").exit_code == 0
        one, other = (json.loads(path.read_text()) for path in (out, finished_run / "model.json"))
        other["metadata"].pop("esr")  # measured after training, so not part of the checkpoint
        assert one == other


@pytest.mark.parametrize("example", COMMANDS["export"].examples)
def test_the_examples_of_export_work(example: str, fxtrain: Run, finished_run: Path, tmp_path: Path) -> None:
    # One of them once named a .nam file, which a default LSTM cannot be.
    command, source, out = example.split()
    source = source.replace("runs/amp", str(finished_run))
    assert fxtrain(command, source, tmp_path / out, "-q").exit_code == 0
    assert (tmp_path / out).is_file()


@pytest.mark.parametrize("name", ["m.xyz", "model"])
def test_a_name_that_chooses_no_format_is_refused(name: str, fxtrain: Run, finished_run: Path, tmp_path: Path) -> None:
    refused = fxtrain("export", finished_run, tmp_path / name)  # once wrote RTNeural JSON under that name
    assert refused.exit_code == 2
    assert "expected one of .json" in refused.stderr
    assert not (tmp_path / name).exists()
    assert fxtrain("export", finished_run, tmp_path / name, "--format", "rtneural", "-q").exit_code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("export", "RUN", "nod/m.json"),
        ("render", "RUN", "DRY", "nod/o.wav"),
        ("signal", "nod/x.wav"),
        ("compare", "RUN", "--out", "nod/x.html"),
    ],
    ids=lambda words: words[0],
)
def test_a_folder_that_does_not_exist_is_named_before_any_work(
    words: tuple[str, ...],
    fxtrain: Run,
    finished_run: Path,
    pair: Pair,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = fxtrain(*({"RUN": finished_run, "DRY": pair.dry}.get(word, word) for word in words))
    assert refused.exit_code == 2
    assert "but nod does not exist; make the folder first" in refused.stderr
    assert "tmp" not in refused.stderr


def test_an_exported_model_states_its_loudness(finished_run: Path) -> None:
    stated = json.loads((finished_run / "model.json").read_text())["metadata"]["loudness_db"]
    assert stated == pytest.approx(engine.measure_loudness(finished_run / "model.json"), abs=0.0006)
    assert engine.load(finished_run / "model.json").info.loudness_db == stated


def test_a_file_that_cannot_be_written_is_named_by_its_own_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        write_atomically(tmp_path / "nod" / "x.html", b"")
    assert error.value.filename == str(tmp_path / "nod" / "x.html")  # once the hidden temporary file


def test_export_never_overwrites_unasked(fxtrain: Run, finished_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "model.json"
    out.write_text("mine")
    refused = fxtrain("export", finished_run, out)
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert out.read_text() == "mine"
    assert fxtrain("export", finished_run, out, "--force", "-q").exit_code == 0
    assert engine.load(out).info.self_test is not None


def test_a_loudspeaker_is_found_learnt_and_can_be_left_out(fxtrain: Run, pair: Pair, tmp_path: Path) -> None:
    """From the recording alone to a model with a linear stage, its cabinet, and the amplifier without it."""
    dry = read_audio(pair.dry).samples
    response = cabinet_response(0.3, SAMPLE_RATE)
    wet = play_through_cabinet(amplifier(dry), response)
    write_audio(tmp_path / "wet.wav", 0.3 * wet / np.abs(wet).max(), SAMPLE_RATE)
    run = tmp_path / "run"
    size = ("--set", "hidden_size=4", "--set", "linear_stage_taps=2000", "--batch-size", 16)
    made = fxtrain("fit", pair.dry, tmp_path / "wet.wav", *size, "--epochs", 1, "--out", run)
    assert made.exit_code == 0, made.stderr
    assert "with a linear stage" in made.stdout
    assert "load cabinet.wav behind them" in " ".join(made.stdout.split())
    with_stage = json.loads((run / "model.json").read_text())
    cabinet = read_audio(run / "cabinet.wav").samples
    assert np.array_equal(cabinet, np.float32(with_stage["fir"]["taps"]))

    # A loudspeaker rises slowly: less lag is removed than of a pedal, and whoever measures the model does the same.
    lag = with_stage["metadata"]["lag_samples"]
    assert lag == lag_to_remove(json.loads((run / "metrics.json").read_text())["data"]["lag_samples"]) - 8
    own = fxtrain("evaluate", run, pair.dry, tmp_path / "wet.wav", "--json").json
    found = fxtrain("evaluate", run, pair.dry, tmp_path / "wet.wav", "--lag", "auto", "--json").json
    assert own["lag_samples"] == lag
    assert found["esr"] <= own["esr"]

    assert fxtrain("export", run, tmp_path / "bare.json", "--no-linear-stage", "-q").exit_code == 0
    bare = json.loads((tmp_path / "bare.json").read_text())
    assert "fir" not in bare
    assert bare["layers"] == with_stage["layers"]
    through = np.convolve(engine.load(tmp_path / "bare.json").process(dry), cabinet)[: len(dry)]
    assert np.abs(engine.load(run / "model.json").process(dry) - through).max() < 1e-5
    told = fxtrain("info", run / "model.json")
    assert "a filter of 2000 taps (125 ms) after the network" in " ".join(told.stdout.split())


def test_what_has_no_linear_stage_has_none_to_leave_out(fxtrain: Run, finished_run: Path, tmp_path: Path) -> None:
    refused = fxtrain("export", finished_run, tmp_path / "bare.json", "--no-linear-stage")
    assert refused.exit_code == 2
    assert "has no linear stage to leave out" in refused.stderr


def test_export_of_what_is_no_checkpoint_is_refused(fxtrain: Run, pair: Pair, tmp_path: Path) -> None:
    result = fxtrain("export", pair.dry, tmp_path / "model.json")
    assert result.exit_code == 2
    assert "is not a checkpoint" in result.stderr
    assert not (tmp_path / "model.json").exists()


def test_engine_and_torch_play_an_exported_model_alike(finished_run: Path) -> None:
    """The bound of the model format: float32 rounding, against torch in float64."""
    path = finished_run / "model.json"
    x = synthesise_guitar(2, SAMPLE_RATE, 11)
    exact = read_torch_model(path, dtype=torch.float64)(torch.from_numpy(x.astype(np.float64))[None])[0].numpy()
    rounded = read_torch_model(path)(torch.from_numpy(x)[None])[0].numpy()
    bound = max(1e-5, 1.5 * float(np.abs(rounded - exact).max()))
    model = engine.load(path)
    whole = model.process(x)
    assert np.abs(whole - exact).max() <= bound
    for size in (1, 16, 64, 511, 4096):
        model.reset()
        blocks = [model.process(x[start : start + size]) for start in range(0, len(x), size)]
        assert np.array_equal(np.concatenate(blocks), whole)


def test_models_lists_what_each_can_do(fxtrain: Run) -> None:
    listed = fxtrain("models", "--json").json
    assert listed["models"]["lstm"]["realtime"] is True
    assert listed["models"]["gru"]["settings"]["hidden_size"] == 32
    assert "standard" in listed["presets"]
    assert "lstm" in fxtrain("models").stdout


def test_models_names_every_setting_at_80_columns(fxtrain: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    listed = fxtrain("models").stdout
    assert "\N{HORIZONTAL ELLIPSIS}" not in listed
    for name, facts in fxtrain("models", "--json").json["models"].items():
        for setting in facts["settings"]:
            assert f"{setting}=" in listed, (name, setting)


def test_info_says_why_a_file_does_not_play(fxtrain: Run, tmp_path: Path) -> None:
    path = tmp_path / "amp.nam"
    document = {"version": "0.9.0", "architecture": "WaveNet", "config": {}, "weights": [], "sample_rate": 48000}
    path.write_text(json.dumps(document | {"metadata": {"loudness": -26.383899688720703}}))
    told = fxtrain("info", path)
    assert told.exit_code == 0
    shown = " ".join(told.stdout.split())
    assert "plays here no reason version: expected a version from 0.5 to" in shown
    assert "loudness in dB -26.38" in shown
    assert "26.383" not in shown
    assert "format Neural Amp Modeler model (.nam 0.9.0, WaveNet)" in shown
