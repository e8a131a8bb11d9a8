# SPDX-License-Identifier: MIT
"""``fxtrain demo`` from recording to verdict, with seconds of training: what it makes, reuses and refuses."""

from __future__ import annotations

import json
import shutil

import pytest

SHORT = ("--seconds", "10", "--max-steps", "60")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, request):
    """A demo that was run once, with far too little training to succeed."""
    from fxtrain.cli import main

    folder = tmp_path_factory.mktemp("demo")
    code = main(["demo", "--out", str(folder / "run"), *SHORT, "-q"])
    return folder, code


@pytest.fixture
def demo(finished, tmp_path):
    """A copy of it to change."""
    shutil.copytree(finished[0], tmp_path / "copy")
    return tmp_path / "copy"


def edit_metrics(folder, **changes):
    path = folder / "run" / "metrics.json"
    metrics = json.loads(path.read_text())
    path.write_text(json.dumps({**metrics, **changes}))


def test_demo_leaves_a_recording_and_a_whole_run_and_fails_on_a_bad_model(finished):
    folder, code = finished
    assert code == 1
    metrics = json.loads((folder / "run" / "metrics.json").read_text())
    assert metrics["esr"] > 0.02
    assert metrics["baselines"]["fir"] >= 0.1
    assert abs(metrics["data"]["lag_samples"] - 137) <= 30  # the circuit's own low-passes count as lag, too
    for name in (
        "run/model.json",
        "run/report.html",
        "run/audio/prediction.wav",
        "run-data/dry.wav",
        "run-data/wet.wav",
    ):
        assert (folder / name).stat().st_size > 0


def test_second_call_redoes_nothing_and_shows_the_same(demo, fxtrain):
    before = {path: path.stat().st_mtime_ns for path in demo.rglob("*") if path.is_file()}
    result = fxtrain("demo", "--out", demo / "run", *SHORT)
    assert {path: path.stat().st_mtime_ns for path in demo.rglob("*") if path.is_file()} == before
    assert result.exit_code == 1
    for words in ("is there already", "is complete already", "Linear filter", "Engine parity", "report.html"):
        assert words in result.stdout
    assert "The demo failed" in result.stdout


def test_training_is_bounded_by_work_so_that_a_busy_machine_ends_later_with_the_same_result(finished):
    metrics = json.loads((finished[0] / "run" / "metrics.json").read_text())
    assert metrics["training"]["steps"] == metrics["training"]["planned_steps"] == 60


def test_a_failed_demo_names_the_command_that_trains_longer(demo, fxtrain):
    assert "--max-steps 120" in " ".join(fxtrain("demo", "--out", demo / "run", *SHORT).stdout.split())


@pytest.mark.parametrize(("esr", "fir", "code"), [(0.015, 0.3, 0), (0.021, 0.3, 1), (0.015, 0.14, 1), (0.02, 0.2, 0)])
def test_verdict_asks_for_a_small_error_and_a_tenth_of_the_linear_one(demo, fxtrain, esr, fir, code):
    edit_metrics(demo, esr=esr, baselines={"input": 0.8, "best_gain": 0.6, "fir": fir})
    result = fxtrain("demo", "--out", demo / "run", *SHORT)
    assert result.exit_code == code
    assert ("The demo succeeded" if code == 0 else "The demo failed") in result.stdout


def test_json_is_one_object_alone_on_stdout(demo, fxtrain):
    result = fxtrain("demo", "--out", demo / "run", *SHORT, "--json")
    values = json.loads(result.stdout)
    assert values["passed"] is False
    assert set(values["baselines"]) >= {"input", "best_gain", "fir"}
    assert values["report"].endswith("report.html")


def test_lost_run_is_trained_again_on_the_same_recording(demo, fxtrain):
    shutil.rmtree(demo / "run")
    dry = (demo / "run-data" / "dry.wav").stat().st_mtime_ns
    result = fxtrain("demo", "--out", demo / "run", *SHORT, "--json")
    assert result.exit_code == 1  # trained, still too short
    assert json.loads(result.stdout)["esr"] > 0.02  # stdout was not shared with fit
    said = " ".join(result.stderr.split())
    assert "fxtrain fit" in said
    command = said.partition("fxtrain fit")[2].partition("--name")[0]
    assert "--max-steps 60" in command
    assert "--max-minutes" not in command
    assert (demo / "run-data" / "dry.wav").stat().st_mtime_ns == dry


def test_stopped_run_is_gone_on_with(demo, fxtrain):
    (demo / "run" / "metrics.json").unlink()
    result = fxtrain("demo", "--out", demo / "run", *SHORT)
    assert "fit --resume" in result.stdout
    assert (demo / "run" / "metrics.json").exists()


def test_a_run_with_the_figures_of_a_stopped_one_is_gone_on_with(demo, fxtrain):
    edit_metrics(demo, complete=False)
    result = fxtrain("demo", "--out", demo / "run", *SHORT)
    assert "fit --resume" in result.stdout
    assert json.loads((demo / "run" / "metrics.json").read_text())["complete"] is True


def test_run_on_another_recording_is_not_overwritten_unless_forced(demo, fxtrain):
    model = (demo / "run" / "model.json").read_bytes()
    result = fxtrain("demo", "--out", demo / "run", *SHORT, "--seed", "3")
    assert result.exit_code == 2
    assert "another recording" in result.stderr
    assert "--force" in result.stderr
    assert (demo / "run" / "model.json").read_bytes() == model
    assert fxtrain("demo", "--out", demo / "run", *SHORT, "--seed", "3", "--force", "-q").exit_code == 1
    assert (demo / "run" / "model.json").read_bytes() != model


def test_force_leaves_a_folder_alone_that_fit_did_not_make(tmp_path, fxtrain):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"cat")
    result = fxtrain("demo", "--out", tmp_path / "photos", *SHORT, "--force")
    assert result.exit_code == 2
    assert (tmp_path / "photos" / "cat.jpg").exists()


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("config", ["x = 1\n", "", "[run]\nmodel = 'lstm'\n"])
def test_force_leaves_a_folder_alone_whose_config_is_of_another_program(tmp_path, fxtrain, config):
    # Any folder with a file called config.toml was removed, with all that was in it.
    project = tmp_path / "project"
    (project / "chapters").mkdir(parents=True)
    (project / "config.toml").write_text(config)
    (project / "chapters" / "one.tex").write_text("a year's work")
    before = contents(project)
    result = fxtrain("demo", "--out", project, *SHORT, "--force")
    assert result.exit_code == 2
    assert "not the folder of a run" in result.stderr
    assert contents(project) == before


@pytest.mark.parametrize("name", ["notes.txt", "audio/my-mix.wav", "takes/one.wav", "model (1).json"])
def test_force_leaves_a_run_alone_that_holds_something_of_the_user(demo, fxtrain, name):
    own = demo / "run" / name
    own.parent.mkdir(exist_ok=True)
    own.write_bytes(b"mine")
    before = contents(demo)
    result = fxtrain("demo", "--out", demo / "run", *SHORT, "--seed", "3", "--force")
    assert result.exit_code == 2
    assert name.split("/")[0] in result.stderr
    assert contents(demo) == before


def test_force_does_not_follow_links_out_of_the_run(demo, fxtrain):
    shutil.move(demo / "run" / "audio", demo / "elsewhere")
    (demo / "run" / "audio").symlink_to(demo / "elsewhere")
    before = contents(demo / "elsewhere")
    assert fxtrain("demo", "--out", demo / "run", *SHORT, "--seed", "3", "--force").exit_code == 2
    assert contents(demo / "elsewhere") == before


def test_recordings_of_the_user_beside_the_run_are_not_overwritten(tmp_path, fxtrain):
    # The demo's recording goes to <out>-data, whatever lay there.
    data = tmp_path / "amp-data"
    data.mkdir()
    for name in ("dry.wav", "wet.wav"):
        (data / name).write_bytes(b"recorded last night")
    before = contents(data)
    for options in ((), ("--force",)):
        result = fxtrain("demo", "--out", tmp_path / "amp", *SHORT, *options)
        assert result.exit_code == 2
        assert "dry.wav" in result.stderr
        assert contents(data) == before


def test_recording_that_a_kill_cut_short_is_made_again(demo, fxtrain):
    shutil.rmtree(demo / "run")
    note = demo / "run-data" / "pair.json"
    note.write_text(json.dumps({"settings": json.loads(note.read_text())["settings"]}, indent=2))
    (demo / "run-data" / "wet.wav").unlink()
    assert fxtrain("demo", "--out", demo / "run", *SHORT, "-q").exit_code == 1  # trained, too short to succeed
    assert (demo / "run-data" / "wet.wav").exists()
    assert "sha256" in json.loads(note.read_text())


def test_data_folder_has_a_name_wherever_the_run_is(demo, fxtrain, monkeypatch):
    monkeypatch.chdir(demo / "run")
    assert "is there already" in fxtrain("demo", "--out", ".", *SHORT).stdout
    result = fxtrain("demo", "--out", "/", *SHORT)
    assert result.exit_code == 2
    assert "root of the file system" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--circuit", "chorus"), "choose one of overdrive, distortion, valve, fuzz"),
        (("--seconds", "3"), "give 10 to 3600"),
        (("--max-minutes", "0"), "above 0"),
        (("--max-steps", "0"), "at least 1"),
        (("--seed", "-1"), "at least 0"),
    ],
)
def test_wrong_input_is_answered_in_a_sentence(tmp_path, fxtrain, arguments, words):
    result = fxtrain("demo", "--out", tmp_path / "run", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert not any(tmp_path.iterdir())
