# SPDX-License-Identifier: MIT
"""Studies through the command line."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from filelock import FileLock
from small_amplifier import Pair, Run

SMALL = """
[fit]
dry = "{dry}"
wet = "{wet}"
epochs = {epochs}
batch_size = 16
set = [
    "hidden_size=4", "sequence_frames=1024", "chunk_frames=512", "starts=1", "envelopes=off", "linear_stage=off",
]

[grid]
{grid}
"""
RATES_AND_SEEDS = '"training.learning_rate" = [0.02, 0.005]\n"training.seed" = [0, 1]'


def study(folder: Path, pair: Pair, *, grid: str = RATES_AND_SEEDS, epochs: int = 1) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "study.toml"
    path.write_text(SMALL.format(dry=pair.dry, wet=pair.wet, epochs=epochs, grid=grid))
    return path


def table(out: Path) -> list[dict[str, str]]:
    with (out / "table.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_study_leaves_a_table_a_page_and_ordinary_runs(fxtrain: Run, pair: Pair, tmp_path: Path) -> None:
    grid = '"training.learning_rate" = [0.02, 0.005]\n"model.hidden_size" = [4, 0]'
    out = tmp_path / "out"
    result = fxtrain("sweep", study(tmp_path, pair, grid=grid), "--out", out, "--jobs", 2, "--json")
    assert result.exit_code == 0, result.stderr
    rows = table(out)
    header = (out / "table.csv").read_text().splitlines()[0]
    assert header == "training.learning_rate,model.hidden_size,status,esr,run"
    assert [row["training.learning_rate"] for row in rows] == ["0.02", "0.02", "0.005", "0.005"]
    assert [row["status"] for row in rows] == ["complete", "failed"] * 2
    assert all(row["esr"] == "" for row in rows[1::2])
    assert (result.json["complete"], result.json["failed"]) == (2, 2)
    assert "hidden_size" in result.json["rows"][1]["reason"]
    for row in rows[::2]:
        metrics = json.loads((out / row["run"] / "metrics.json").read_text())
        assert repr(metrics["esr"]) == row["esr"]
        for name in ("config.toml", "model.json", "report.html", "fxtrain.log"):
            assert (out / row["run"] / name).exists()
    assert "</html>" in (out / "report.html").read_text()

    # What a row was made of is a command that makes it again.
    words = json.loads((out / rows[0]["run"] / "metrics.json").read_text())["command"]
    assert "--set training.learning_rate=0.02" in words
    assert "--epochs=1" in words

    before = {path: path.stat().st_mtime_ns for path in out.glob("runs/*/metrics.json")}
    again = fxtrain("sweep", tmp_path / "study.toml", "--out", out, "--json")
    assert again.exit_code == 0
    assert again.json["rows"] == result.json["rows"]
    assert {path: path.stat().st_mtime_ns for path in out.glob("runs/*/metrics.json")} == before

    other = fxtrain("sweep", study(tmp_path / "other", pair, epochs=2), "--out", out)
    assert other.exit_code == 2
    assert "another study" in other.stderr
    with FileLock(out / ".lock"):
        locked = fxtrain("sweep", tmp_path / "study.toml", "--out", out)
    assert locked.exit_code == 2
    assert "another fxtrain" in locked.stderr


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ('"training.learning_speed" = [1]', "study.toml, [grid]: unknown setting training.learning_speed"),
        ('"teaching.seed" = [1]', "study.toml, [grid]: unknown table [teaching]"),
        ('"fit.lerning" = [1]', "fit has no option 'lerning'"),
        ('"training.epochs" = [1, 2]', "also sets training.epochs"),
        ('"training.seed" = []', "an empty list"),
        ('"model.hidden_size" = [0, -1]', "hidden_size"),
        ('"fit.dry" = ["nowhere.wav"]', "there is no file"),
    ],
)
def test_a_study_that_makes_no_run_is_refused_in_one_sentence(
    fxtrain: Run, pair: Pair, tmp_path: Path, grid: str, message: str
) -> None:
    out = tmp_path / "out"
    result = fxtrain("sweep", study(tmp_path, pair, grid=grid), "--out", out)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not out.exists()


def test_options_of_a_study_are_checked(fxtrain: Run, pair: Pair, tmp_path: Path) -> None:
    path = study(tmp_path, pair)
    for line, message in (
        ("out = 'x'", "fit has no option 'out'"),
        ("epochz = 1", "study.toml, [fit]: fit has no option 'epochz'; did you mean epochs?"),
        ("epochs = 'many'", "expected a whole number"),
        ("until_converged = 1", "expected true or false"),
    ):
        path.write_text(f"[fit]\ndry = '{pair.dry}'\nwet = '{pair.wet}'\n{line}\n[grid]\n'training.seed' = [0]\n")
        result = fxtrain("sweep", path, "--out", tmp_path / "out")
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.stderr
        assert message in result.stderr


def test_a_study_without_recordings_is_told_what_it_can_give(fxtrain: Run, tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text("[fit]\nepochs = 1\n[grid]\n'training.seed' = [0]\n")
    result = fxtrain("sweep", tmp_path / "study.toml", "--out", tmp_path / "out")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.stderr
    assert "give dry and wet, or pairs" in result.stderr
    assert "resume" not in result.stderr


def test_a_study_whose_runs_all_fail_says_why_and_exits_with_1(fxtrain: Run, pair: Pair, tmp_path: Path) -> None:
    grid = '"reading.ignore" = [["lenght"], ["hiss"]]\n"training.seed" = [0, 1]'  # checks that do not exist
    result = fxtrain("sweep", study(tmp_path, pair, grid=grid), "--out", tmp_path / "out", "--jobs", 1)
    assert result.exit_code == 1, result.stderr
    end = result.stdout.partition("4 of 4 runs failed:\n")[2].splitlines()
    assert len(end) == 2  # one line for each reason
    assert all("and 1 more" in line and "no check named" in line for line in end)


def test_a_folder_of_something_else_is_left_alone(fxtrain: Run, pair: Pair, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "song.wav").write_text("mine")
    result = fxtrain("sweep", study(tmp_path, pair), "--out", out)
    assert result.exit_code == 2
    assert "not empty" in result.stderr
    assert [entry.name for entry in out.iterdir()] == ["song.wav"]


def test_without_ray_it_is_said_how_to_install_it(
    fxtrain: Run, pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    result = fxtrain("sweep", study(tmp_path, pair), "--out", tmp_path / "out", "--on", "ray")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "make ray" in result.stderr
    assert "fxtrain[ray]" in result.stderr


def test_a_cluster_out_of_reach_is_said(
    fxtrain: Run, pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", type(sys)("ray"))
    for address, message in (("127.0.0.1:9", "no Ray cluster answers"), ("nowhere", "expected HOST:PORT")):
        words = ("--on", "ray", "--address", address)
        result = fxtrain("sweep", study(tmp_path, pair), "--out", tmp_path / "out", *words)
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
        assert message in result.stderr
    assert fxtrain("sweep", tmp_path / "study.toml", "--address", "x:1").exit_code == 2


def begin(path: Path, out: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "fxtrain", "sweep", str(path), "--out", str(out), *words]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def await_training(out: Path, process: subprocess.Popen[str]) -> None:
    """Waits until a run is being trained; one of an earlier process has left its lock, which must be removed before."""
    while process.poll() is None:
        if any((lock.parent / "last.pt").exists() for lock in out.glob("runs/*/.lock")):
            return
        time.sleep(0.02)
    raise AssertionError(process.stderr.read() if process.stderr else "")


@pytest.mark.slow
@pytest.mark.parametrize("on", ["local", "ray"])
def test_a_study_that_is_killed_and_stopped_ends_on_the_bits_of_one_that_is_not(
    on: str, fxtrain: Run, pair: Pair, tmp_path: Path
) -> None:
    where = ["--on", on, "--jobs", "4" if on == "ray" else "2"]
    if on == "ray":
        pytest.importorskip("ray", reason="make ray was not run")
    path = study(tmp_path, pair, epochs=30)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert fxtrain("sweep", path, "--out", whole, "--jobs", 2).exit_code == 0

    process = begin(path, parts, *where)  # a worker is killed; then the sweep itself
    await_training(parts, process)
    workers = [child for child in psutil.Process(process.pid).children(recursive=True) if is_worker(child, on)]
    workers[0].kill()
    time.sleep(2)
    process.kill()
    process.wait()
    assert process.stderr is not None
    process.stderr.close()
    time.sleep(3)  # what it started ends by itself
    for lock in parts.glob("runs/*/.lock"):
        lock.unlink()

    process = begin(path, parts, *where)  # it is told to stop
    await_training(parts, process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=600)
    if process.returncode:
        assert "stopped" in said, said  # at a step, or before it began
    result = fxtrain("sweep", path, "--out", parts, *where)
    assert result.exit_code == 0, result.stderr
    assert (parts / "table.csv").read_text() == (whole / "table.csv").read_text()
    for row in table(whole):
        assert (whole / row["run"] / "model.json").read_bytes() == (parts / row["run"] / "model.json").read_bytes()


def is_worker(process: psutil.Process, on: str) -> bool:
    try:
        line = " ".join(process.cmdline())
    except psutil.Error:
        return False
    return "run_until_told" in line if on == "ray" else "spawn_main" in line


def test_a_search_runs_its_rounds_and_keeps_what_it_has_proposed(fxtrain: Run, pair: Pair, tmp_path: Path) -> None:
    path = study(tmp_path, pair, grid="")
    text = path.read_text().replace("[grid]", "[search]\ntrials = 3\ntogether = 2")
    path.write_text(text + '\n"training.learning_rate" = { low = 0.001, high = 0.02, log = true }\n')
    whole = fxtrain("sweep", path, "--out", tmp_path / "whole", "--jobs", 2, "--json")
    assert whole.exit_code == 0, whole.stderr
    assert [row["status"] for row in whole.json["rows"]] == ["complete"] * 3
    assert "3 runs" in whole.stderr
    header = (tmp_path / "whole" / "table.csv").read_text().splitlines()[0]
    assert header == "training.learning_rate,status,esr,run"

    # One whose last trial is lost comes to the same; what was proposed before stays.
    kept = json.loads((tmp_path / "whole" / "trials.json").read_text())
    assert [each["name"] for each in kept["trials"]] == [Path(row["run"]).name for row in whole.json["rows"]]
    kept["trials"].pop()
    (tmp_path / "whole" / "trials.json").write_text(json.dumps(kept))
    again = fxtrain("sweep", path, "--out", tmp_path / "whole", "--json")
    assert again.json["rows"] == whole.json["rows"]

    (tmp_path / "whole" / "trials.json").write_text("[]")
    broken = fxtrain("sweep", path, "--out", tmp_path / "whole")
    assert (broken.exit_code, broken.stderr.count("\n")) == (2, 1)
    assert "is not what fxtrain sweep wrote" in broken.stderr
