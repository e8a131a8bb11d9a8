# SPDX-License-Identifier: MIT
"""``torchrun -m fxtrain fit``: several processes that train one model, on gloo."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from small_amplifier import Pair, Run

SMALL = [
    *("--set", "hidden_size=4", "--set", "sequence_frames=1024", "--set", "chunk_frames=512"),
    *("--set", "envelopes=off", "--set", "linear_stage=off", "--scheduler", "constant", "--device", "cpu", "-q"),
]


def torchrun(processes: int, *words: object, script: Path | None = None) -> subprocess.Popen[str]:
    what = ["-m", "fxtrain"] if script is None else [str(script)]
    command = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={processes}", "--master-port=0"]
    return subprocess.Popen(
        [*command, "--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0", *what, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def validations(run: Path) -> list[dict[str, Any]]:
    events = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [event for event in events if event["event"] == "validation"]


def require_same_curve(one: Path, other: Path, tolerance: float) -> None:
    first, second = validations(one), validations(other)
    assert [event["step"] for event in first] == [event["step"] for event in second]
    for a, b in zip(first, second, strict=True):
        assert a["val_esr"] == pytest.approx(b["val_esr"], abs=tolerance)
        assert a["train_loss"] == pytest.approx(b["train_loss"], abs=tolerance)


def said(text: str) -> list[str]:
    """What fxtrain's own processes printed, beside torchrun's lines."""
    return [line for line in text.splitlines() if line.startswith("fxtrain: ")]


def test_two_processes_train_as_one_with_the_doubled_batch(fxtrain: Run, pair: Pair, tmp_path: Path) -> None:
    fit = ["fit", pair.dry, pair.wet, *SMALL, "--max-steps", 100, "--set", "starts=1"]
    process = torchrun(2, *fit, "--batch-size", 8, "--out", tmp_path / "two", "--json")
    assert fxtrain(*fit, "--batch-size", 16, "--out", tmp_path / "one").exit_code == 0
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    require_same_curve(tmp_path / "one", tmp_path / "two", 1e-5)
    assert validations(tmp_path / "two")[-1]["step"] == 100
    assert json.loads(stdout)["training"]["batch_size"] == 16  # printed once
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == sorted(
        path.name for path in (tmp_path / "two").iterdir()
    )


@pytest.mark.slow
def test_a_killed_process_ends_the_run_in_a_sentence_and_any_number_goes_on(
    fxtrain: Run, pair: Pair, tmp_path: Path
) -> None:
    """Four starts, carried state in the middle of a sequence, and 16 sequences on 1, 2 and 3 processes."""
    fit = ["fit", pair.dry, pair.wet, *SMALL, "--max-steps", 2600, "--set", "starts=2", "--set", "chunk_frames=128"]
    fit += ["--lr", 0.004]  # at the default rate, rounding decides which of two equally good starts goes on
    assert fxtrain(*fit, "--batch-size", 16, "--out", tmp_path / "one").exit_code == 0

    out = tmp_path / "two"
    process = torchrun(2, *fit, "--batch-size", 8, "--out", out)
    while not (out / "last.pt").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    time.sleep(1)
    ranks = {
        child.environ()["RANK"]: child
        for child in psutil.Process(process.pid).children(recursive=True)
        if "RANK" in child.environ()
    }
    ranks["1"].kill()
    _, stderr = process.communicate(timeout=120)
    (sentence,) = said(stderr)
    assert "another process of this run ended" in sentence
    assert f"--resume {out}" in sentence
    assert process.returncode != 0

    process = torchrun(3, "fit", "--resume", out, "-q")
    time.sleep(12)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=120)
    assert (out / "last.pt").exists(), stderr
    if not (out / "metrics.json").exists() or json.loads((out / "metrics.json").read_text())["complete"] is False:
        result = fxtrain("fit", "--resume", out, "-q")
        assert result.exit_code == 0, result.stderr
    assert json.loads((out / "metrics.json").read_text())["complete"] is True
    require_same_curve(tmp_path / "one", out, 1e-2)  # rounding grows over 2600 steps of a recurrent network


@pytest.mark.slow
def test_processes_with_other_recordings_or_none_are_refused_in_one_sentence(pair: Pair, tmp_path: Path) -> None:
    other = tmp_path / "other.wav"
    whole = pair.wet.read_bytes()
    other.write_bytes(whole[: len(whole) // 3] + bytes(40) + whole[len(whole) // 3 + 40 :])
    script = tmp_path / "each.py"
    script.write_text(
        "import os, sys\nfrom fxtrain.cli import main\n"
        "wet = sys.argv[2].split(',')[int(os.environ['RANK'])]\n"
        "sys.exit(main(['fit', sys.argv[1], wet, *sys.argv[3:]]))\n"
    )
    for second, message in ((other, "has other recordings"), (tmp_path / "missing.wav", "process 1 of 2")):
        out = tmp_path / "out"
        process = torchrun(2, pair.dry, f"{pair.wet},{second}", *SMALL, "--epochs", 1, "--out", out, script=script)
        _, stderr = process.communicate(timeout=120)
        (sentence,) = said(stderr)
        assert message in sentence
        assert "exitcode  : 2" in stderr
        assert not out.exists()
