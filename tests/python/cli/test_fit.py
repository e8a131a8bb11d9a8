# SPDX-License-Identifier: MIT
"""``fxtrain fit`` as a user calls it."""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from small_amplifier import LAG, SAMPLE_RATE, TINY, Pair, Run, amplifier

from fxtrain import engine
from fxtrain.audio import LAG_GUARD, read_audio, write_audio
from fxtrain.errors import Interrupted
from fxtrain.models.effects.recurrent import LSTM
from fxtrain.synthetic import synthesise_guitar
from fxtrain.training.checkpoint import load_checkpoint


def test_a_run_leaves_everything_that_was_promised(finished_run: Path) -> None:
    names = {path.name for path in finished_run.iterdir()}
    made = "config.toml decided.toml model.json best.pt last.pt metrics.json log.jsonl fxtrain.log audio report.html"
    assert names == set(made.split())
    assert {path.stem for path in (finished_run / "audio").iterdir()} == {"input", "target", "prediction", "error"}
    metrics = json.loads((finished_run / "metrics.json").read_text())
    assert set(metrics["baselines"]) == {"input", "best_gain", "fir", "long_fir"}
    assert metrics["esr"] < metrics["baselines"]["best_gain"]
    assert metrics["parity"]["engine_error"] <= metrics["parity"]["bound"]
    assert metrics["model"]["num_layers"] == 1  # also what was left at its default
    assert [part["part"] for part in metrics["split"]] == ["train", "validation", "test"]
    config = tomllib.loads((finished_run / "config.toml").read_text())
    assert config["model"]["hidden_size"] == 4
    assert "--epochs 12" in config["run"]["command"]


def test_the_model_file_carries_lag_loudness_and_test_vectors(finished_run: Path) -> None:
    document = json.loads((finished_run / "model.json").read_text())
    metadata = document["metadata"]
    assert document["in_skip"] == 1
    assert document["samplerate"] == SAMPLE_RATE
    assert len(document["input_batch"]) == len(document["output_batch"]) == 2048
    assert max(map(abs, document["input_batch"])) > 0.1  # programme level
    assert metadata["name"] == "Tiny amp"
    assert abs(metadata["lag_samples"] - max(LAG - LAG_GUARD, 0)) <= 3
    assert metadata["weight_storage"] == "float32"
    assert 0 < metadata["vectors_error"] < 1e-5
    played = read_audio(finished_run / "audio" / "prediction.wav")
    error = read_audio(finished_run / "audio" / "error.wav").samples
    target = read_audio(finished_run / "audio" / "target.wav").samples
    assert np.allclose(played.samples - target, error, atol=1e-6)


def test_the_same_seed_gives_the_same_model_file(fxtrain: Run, pair: Pair, tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        fxtrain("fit", pair.dry, pair.wet, *TINY, "--epochs", 1, "--seed", seed, "--out", tmp_path / name, "-q")
    one, other, third = ((tmp_path / name / "model.json").read_bytes() for name in "abc")
    assert one == other
    assert one != third


def test_json_stands_alone_on_stdout(fxtrain: Run, pair: Pair, tmp_path: Path) -> None:
    result = fxtrain("fit", pair.dry, pair.wet, *TINY, "--epochs", 1, "--out", tmp_path / "run", "--json")
    assert result.exit_code == 0
    assert result.json["esr"] > 0
    assert Path(result.json["model_file"]).exists()


def test_preset_file_and_set_lie_over_each_other(fxtrain: Run, pair: Pair, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[model]\nhidden_size = 3\n[loss]\npre_emphasis = 'first-order'\nemphasised = 0.5\n")
    out = tmp_path / "run"
    short = ("--set", "sequence_frames=1024", "--epochs", 1, "-q")
    options = ("--preset", "light", "--config", file, "--set", "loss.dc=0.25", "--model", "gru")
    assert fxtrain("fit", pair.dry, pair.wet, *options, *short, "--out", out).exit_code == 0
    config = tomllib.loads((out / "config.toml").read_text())
    assert config["model"]["hidden_size"] == 3
    zero = dict.fromkeys(("mse", "spectral"), 0.0)
    assert config["loss"] == {"esr": 1.0, "emphasised": 0.5, "pre_emphasis": "first-order", "dc": 0.25, **zero}
    assert json.loads((out / "model.json").read_text())["layers"][0]["type"] == "gru"


def test_the_settings_of_an_earlier_run_can_be_used_again(
    fxtrain: Run, pair: Pair, finished_run: Path, tmp_path: Path
) -> None:
    config = finished_run / "config.toml"
    out = tmp_path / "again"
    assert fxtrain("fit", pair.dry, pair.wet, "--config", config, "--epochs", 1, "--out", out, "-q").exit_code == 0
    earlier, again = (tomllib.loads((folder / "config.toml").read_text()) for folder in (finished_run, out))
    assert again["model"] == earlier["model"]
    assert again["data"] == earlier["data"]
    assert again["training"]["epochs"] == 1


def test_a_checkpoint_gives_the_starting_weights(fxtrain: Run, pair: Pair, finished_run: Path, tmp_path: Path) -> None:
    start = ("--checkpoint", finished_run / "best.pt")
    result = fxtrain(
        "fit", pair.dry, pair.wet, *TINY, *start, "--epochs", 1, "--lr", 1e-6, "--out", tmp_path / "on", "--json"
    )
    assert result.exit_code == 0, result.stderr
    earlier = json.loads((finished_run / "metrics.json").read_text())["esr"]
    assert result.json["esr"] == pytest.approx(earlier, rel=0.05)
    other = ("--set", "hidden_size=5", "--epochs", 1)
    of_run = ("--checkpoint", finished_run)  # a folder stands for its best.pt
    wrong = fxtrain("fit", pair.dry, pair.wet, *of_run, *other, "--out", tmp_path / "off")
    assert wrong.exit_code == 2
    assert f"the checkpoint {finished_run / 'best.pt'} does not fit this model" in wrong.stderr
    assert not (tmp_path / "off").exists() or not any((tmp_path / "off").iterdir())


def test_weights_trained_rounded_are_rounded_wherever_they_are_used(fxtrain: Run, pair: Pair, tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = (*TINY, "--weight-storage", "bfloat16", "--epochs", 2, "--out", out, "--json")
    result = fxtrain("fit", pair.dry, pair.wet, *options)
    assert result.exit_code == 0, result.stderr
    assert tomllib.loads((out / "config.toml").read_text())["model"]["weight_storage"] == "bfloat16"
    document = json.loads((out / "model.json").read_text())
    assert document["metadata"]["weight_storage"] == "bfloat16"
    recurrent = torch.tensor(document["layers"][0]["weights"][1])
    kept = load_checkpoint(out / "best.pt")["weights"]["recurrent.weight_hh_l0"]
    assert not torch.equal(kept, kept.bfloat16().float())  # what the optimiser moves
    assert torch.equal(recurrent.T, kept.bfloat16().float())
    assert result.json["parity"]["engine_error"] <= result.json["parity"]["bound"]
    again = tmp_path / "again.json"
    assert fxtrain("export", out / "best.pt", again).exit_code == 0
    assert json.loads(again.read_text())["layers"] == document["layers"]


def test_a_table_of_pairs_gives_each_its_role_and_weight(fxtrain: Run, pair: Pair, tmp_path: Path) -> None:
    for number in range(3):
        dry = synthesise_guitar(3, SAMPLE_RATE, 9 + number)
        write_audio(tmp_path / f"d{number}.wav", dry, SAMPLE_RATE)
        write_audio(tmp_path / f"w{number}.wav", amplifier(dry), SAMPLE_RATE)
    table = tmp_path / "pairs.csv"
    table.write_text(
        "input,target,split,weight,clip_frames\n"
        f"{pair.dry},{pair.wet},train,1,\n"
        "d0.wav,w0.wav,train,2.5,16000\n"
        "d1.wav,w1.wav,val,,\n"
        "d2.wav,w2.wav,test,,\n"
    )
    result = fxtrain("fit", "--pairs", table, *TINY, "--epochs", 1, "--out", tmp_path / "run", "--json")
    assert result.exit_code == 0, result.stderr
    assert [part["part"] for part in result.json["split"]] == ["train", "train", "validation", "test"]


def test_one_pair_as_training_and_test_is_said_wherever_the_result_is_shown(
    fxtrain: Run, pair: Pair, tmp_path: Path
) -> None:
    files = (pair.dry, pair.wet)
    options = (*TINY, "--val", *files, "--test", *files, "--epochs", 1, "--out", tmp_path / "run", "--json")
    result = fxtrain("fit", *files, *options)
    assert result.exit_code == 0, result.stderr
    (verdict,) = (verdict for verdict in result.json["data"]["verdicts"] if verdict["name"] == "split")
    assert verdict["level"] == "warn"
    assert "training part also come in the test part" in verdict["message"]
    assert "training part also come in the test part" in result.stderr
    page = (tmp_path / "run" / "report.html").read_text()
    assert "it never trained on" not in page
    again = fxtrain("evaluate", tmp_path / "run", *files, "--json")
    assert "are in the training part of the run" in again.json["notes"][-1]


def test_clips_are_reset_in_training_and_in_scoring(fxtrain: Run, tmp_path: Path) -> None:
    """Each clip is played from rest: a device with memory is learnt only by who resets at the joins as well."""
    clips = [synthesise_guitar(4, SAMPLE_RATE, seed)[16_000 : 16_000 + 2000] for seed in range(24)]
    dry = np.concatenate(clips)
    wet = np.concatenate([amplifier(clip) for clip in clips])
    write_audio(tmp_path / "dry.wav", dry, SAMPLE_RATE)
    write_audio(tmp_path / "wet.wav", wet, SAMPLE_RATE)
    joined = ("--clip-frames", 2000, "--skip-frames", 200)
    run = fxtrain("fit", tmp_path / "dry.wav", tmp_path / "wet.wav", *joined, *TINY, "--epochs", 20, "--lr", 0.02,
                  "--out", tmp_path / "run", "--json")  # fmt: skip
    assert run.exit_code == 0, run.stderr
    assert run.json["esr"] < 0.5 * run.json["baselines"]["best_gain"]
    scored = run.json["test"]["scored_seconds"] * SAMPLE_RATE
    assert scored == pytest.approx(2 * 1800, abs=2 * LAG_GUARD)
    again = fxtrain("evaluate", tmp_path / "run", tmp_path / "dry.wav", tmp_path / "wet.wav", *joined, "--json")
    assert again.exit_code == 0, again.stderr
    assert again.json["lag_samples"] == 0
    model = engine.load(tmp_path / "run" / "model.json")
    error = energy = 0.0
    for clip in clips:
        model.reset()
        target = amplifier(clip).astype(np.float64)[200:]
        error += float(np.sum((model.process(clip)[200:] - target) ** 2))
        energy += float(np.sum(target**2))
    assert again.json["esr"] == pytest.approx(error / energy, rel=1e-6)


def start(*arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "fxtrain", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def wait_for(path: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.02)


def test_runs_killed_at_random_moments_end_on_the_same_weights(pair: Pair, tmp_path: Path) -> None:
    """kill -9 twice, anywhere; the number of steps was fixed by the clock and survives."""
    options = [pair.dry, pair.wet, *TINY, "--max-minutes", 0.1]
    moments = random.Random(8)
    killed = tmp_path / "killed"
    process = start("fit", *options, "--out", killed)
    for _ in range(2):
        wait_for(killed / "last.pt")
        time.sleep(moments.uniform(0.1, 2.0))
        process.kill()
        process.communicate()
        process = start("fit", "--resume", killed)
    message = process.communicate(timeout=120)[1].decode()
    assert process.returncode == 0, message
    plan = load_checkpoint(killed / "last.pt")["plan"]
    assert load_checkpoint(killed / "last.pt")["position"]["step"] == plan["total_steps"]

    whole = tmp_path / "whole"
    shutil.copytree(killed, whole, ignore=shutil.ignore_patterns("best.pt", "model.json", "metrics.json"))
    content = load_checkpoint(whole / "last.pt")
    fresh = replay_from_the_start(whole, content["plan"])
    assert all(torch.equal(fresh[name], value) for name, value in content["weights"].items())


def replay_from_the_start(run: Path, plan: dict[str, int]) -> dict[str, Any]:
    """Weights of a run of the same plan that nothing interrupted."""
    from fxtrain.runs import RunFolder, RunSpec
    from fxtrain.runs.run import build_model
    from fxtrain.runs.starts import as_decided
    from fxtrain.training.plan import Plan
    from fxtrain.training.trainer import Trainer

    spec = as_decided(RunSpec.load(run / "config.toml"), RunFolder(run))
    dataset = spec.task.load(spec.model_class, spec.tables, {})
    provider = spec.task.provider(spec.model_class, dataset, spec.tables, spec.training)
    folder = run / "replay"
    folder.mkdir()
    trainer = Trainer(build_model(spec, dataset.facts), provider, spec.training, folder)
    trainer.run(plan=Plan(**plan))
    weights: dict[str, Any] = load_checkpoint(folder / "last.pt")["weights"]
    return weights


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_a_stopped_run_leaves_the_best_model_so_far_and_resumes_to_the_same_bits(
    pair: Pair, tmp_path: Path, fxtrain: Run, kind: signal.Signals
) -> None:
    options = (pair.dry, pair.wet, *TINY, "--epochs", 60)
    out = tmp_path / "stopped"
    process = start("fit", *options, "--out", out)
    wait_for(out / "best.pt")
    process.send_signal(kind)
    message = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 1
    assert f"go on with: fxtrain fit --resume {out}" in message
    assert "Traceback" not in message
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["complete"] is False
    assert metrics["training"]["steps"] < metrics["training"]["planned_steps"]
    assert "Training was stopped" in metrics["advice"][0]
    assert "Training was stopped" in (out / "report.html").read_text()
    played = engine.load(out / "model.json").process(read_audio(out / "audio" / "input.wav").samples)
    assert len(played) > 0

    assert fxtrain("fit", "--resume", out, "-q").exit_code == 0
    assert json.loads((out / "metrics.json").read_text())["complete"] is True
    assert "Training was stopped" not in (out / "report.html").read_text()
    again = fxtrain("fit", "--resume", out)
    assert again.exit_code == 2
    assert "is complete" in again.stderr
    whole = tmp_path / "whole"
    assert fxtrain("fit", *options, "--out", whole, "-q").exit_code == 0
    assert (out / "model.json").read_bytes() == (whole / "model.json").read_bytes()


def stop_early(pair: Pair, folder: Path) -> dict[str, Any]:
    """Fits until the 20th step."""
    from fxtrain.runs import RunFolder, RunSpec, fit

    calls = iter(range(1000))
    spec = RunSpec(
        tables={
            "pair_1": {"input": str(pair.dry), "target": str(pair.wet)},
            "model": {"hidden_size": 4},
            "data": {"sequence_frames": 1024},
            "training": {"epochs": 60},
        }
    )
    return fit(spec, RunFolder(folder), should_stop=lambda: next(calls) == 20)


def test_a_second_ctrl_c_skips_what_a_stopped_run_writes(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fxtrain: Run
) -> None:
    def press_again(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("fxtrain.runs.run.write_page", press_again)
    with pytest.raises(Interrupted, match="stopped at step 20 of"):
        stop_early(pair, tmp_path / "run")
    assert not (tmp_path / "run" / "metrics.json").exists()
    assert not list((tmp_path / "run").glob("*.tmp"))
    monkeypatch.undo()
    assert fxtrain("fit", "--resume", tmp_path / "run", "-q").exit_code == 0


def test_a_stopped_run_whose_report_cannot_be_written_is_still_saved(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fxtrain.runs.run.write_page", fail)
    with pytest.raises(Interrupted, match=r"all is saved, but the best model so far could not be written: .*No space"):
        stop_early(pair, tmp_path / "run")
    assert (tmp_path / "run" / "last.pt").exists()


def test_the_figures_of_a_stopped_run_stand_alone_on_stdout(pair: Pair, tmp_path: Path) -> None:
    process = start("fit", pair.dry, pair.wet, *TINY, "--epochs", 60, "--json", "--out", tmp_path / "run")
    wait_for(tmp_path / "run" / "best.pt")
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert json.loads(printed)["complete"] is False


def diverge_from(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the loss NaN from this step on."""
    loss = LSTM.loss

    def explode(self: LSTM, batch: Any, phase: Any, context: Any) -> Any:
        value, parts = loss(self, batch, phase, context)
        return (value * math.nan if context.step >= step else value), parts

    monkeypatch.setattr(LSTM, "loss", explode)


def test_a_run_that_diverges_leaves_the_best_model_so_far(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fxtrain: Run
) -> None:
    # It ended in an error and left nothing but checkpoints.
    out = tmp_path / "run"
    diverge_from(40, monkeypatch)
    result = fxtrain("fit", pair.dry, pair.wet, *TINY, "--epochs", 60, "--lr", 0.02, "--out", out, "--json")
    assert result.exit_code == 1
    assert "training diverged 5 times and was ended at step 45 of" in result.stderr
    assert "--lr" in result.stderr
    assert "--resume" not in result.stderr
    metrics = json.loads((out / "metrics.json").read_text())
    assert result.json["complete"] is metrics["complete"] is False
    assert metrics["stopped"] == "diverged"
    assert metrics["training"]["steps"] == 45
    assert metrics["training"]["best_step"] <= 40
    assert "Training diverged" in (out / "report.html").read_text()
    assert load_checkpoint(out / "best.pt")["value"] == metrics["validation_esr"]
    assert fxtrain("export", out / "best.pt", tmp_path / "best.json").exit_code == 0
    layers = [json.loads(path.read_text())["layers"] for path in (out / "model.json", tmp_path / "best.json")]
    assert layers[0] == layers[1]


def test_a_run_that_diverges_and_cannot_write_its_report_says_both(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fxtrain: Run
) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fxtrain.runs.run.write_page", fail)
    diverge_from(20, monkeypatch)
    result = fxtrain("fit", pair.dry, pair.wet, *TINY, "--epochs", 60, "--out", tmp_path / "run")
    assert result.exit_code == 1
    assert "not finite for the 5th time" in result.stderr
    assert "the best model so far could not be written: [Errno 28] No space left on device" in result.stderr


BAD_CALLS: list[tuple[str, tuple[str, ...], str]] = [
    ("unknown model", ("--model", "tube"), "unknown model 'tube'"),
    ("unknown key", ("--set", "model.size=3"), "unknown setting model.size"),
    ("unknown bare key", ("--set", "hiden_size=3"), "unknown setting 'hiden_size'"),
    ("wrong type", ("--set", "hidden_size=many"), "model.hidden_size is 'many'"),
    ("wrong value", ("--set", "hidden_size=-3"), "model.hidden_size is -3"),
    ("unknown preset", ("--preset", "gold"), "unknown preset 'gold'"),
    ("no such config", ("--config", "nowhere.toml"), "cannot read the configuration nowhere.toml"),
    ("no such device", ("--device", "abacus"), "unknown device 'abacus'"),
    ("wrong number", ("--epochs", "0"), "at least 1"),
    ("no such checkpoint", ("--checkpoint", "nowhere.pt"), "there is no checkpoint nowhere.pt"),
    ("skip beyond clip", ("--clip-frames", "100", "--skip-frames", "100"), "leaves nothing of clips"),
    ("gear type", ("--gear-type", "banjo"), "invalid choice: 'banjo'"),
    ("level", ("--input-dbu", "900"), "metadata.input_dbu is 900"),
]


@pytest.mark.parametrize(("options", "message"), [case[1:] for case in BAD_CALLS], ids=[case[0] for case in BAD_CALLS])
def test_wrong_settings_end_in_one_sentence_and_exit_2(
    fxtrain: Run, pair: Pair, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    out = tmp_path / "run"
    result = fxtrain("fit", pair.dry, pair.wet, "--epochs", 1, *options, "--out", out)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not out.exists() or not any(out.iterdir())


def test_a_folder_that_is_not_empty_is_left_alone(fxtrain: Run, pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    result = fxtrain("fit", pair.dry, pair.wet, "--epochs", 1, "--out", tmp_path)
    assert result.exit_code == 2
    assert "is not empty" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_one_file_alone_is_not_a_pair(fxtrain: Run, pair: Pair) -> None:
    assert "both files" in fxtrain("fit", pair.dry).stderr
    assert "needs DRY and WET" in fxtrain("fit").stderr


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "has no rows"),
        ("dry,wet\na,b\n", "needs a header and rows with the columns"),
        ("input,target,split\na.wav,b.wav,exam\n", "split is 'exam'"),
        ("input,target,weight\na.wav,b.wav,heavy\n", "line 2"),
        ("input,target\na.wav,\n", "must both name a file"),
        ("input,target,split\na.wav,b.wav,test\n", "no pair to train on"),
        ("input,target\nnowhere.wav,b.wav\n", "nowhere.wav"),
    ],
)
def test_a_wrong_table_of_pairs_is_refused(fxtrain: Run, tmp_path: Path, table: str, message: str) -> None:
    (tmp_path / "pairs.csv").write_text(table)
    result = fxtrain("fit", "--pairs", tmp_path / "pairs.csv", "--epochs", 1, "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_table_of_pairs_that_is_not_there_is_named(fxtrain: Run, tmp_path: Path) -> None:
    result = fxtrain("fit", "--pairs", tmp_path / "nope.csv", "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert f"{tmp_path / 'nope.csv'}: No such file or directory; check the spelling" in result.stderr
    assert "Errno" not in result.stderr


@pytest.mark.parametrize(("splits", "missing"), [(["train"], "val"), (["train", "val"], "test")])
def test_a_table_without_a_pair_for_a_part_is_refused_in_its_terms(
    fxtrain: Run, pair: Pair, tmp_path: Path, splits: list[str], missing: str
) -> None:
    # "No material is left" was said of a table in which every pair was to train.
    rows = [f"{pair.dry},{pair.wet},{split}\n" for split in splits]
    (tmp_path / "pairs.csv").write_text("input,target,split\n" + "".join(rows))
    result = fxtrain("fit", "--pairs", tmp_path / "pairs.csv", "--epochs", 1, "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert f"give one with the split {missing}, or leave split empty" in result.stderr


def test_a_full_disk_during_a_checkpoint_keeps_the_previous_one(pair: Pair, tmp_path: Path) -> None:
    """A limit on the size of files stands in for the full disk: larger checkpoints than the first cannot be written."""
    out = tmp_path / "run"
    process = start("fit", pair.dry, pair.wet, *TINY, "--epochs", 60, "--out", out)
    wait_for(out / "last.pt")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    before = (out / "last.pt").read_bytes()
    limit = len(before) // 2
    command = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); "
        "from fxtrain.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    full = subprocess.run(
        [sys.executable, "-c", command, "fit", "--resume", str(out)], capture_output=True, env=environment, check=False
    )
    message = full.stderr.decode()
    assert full.returncode == 1
    assert "the previous checkpoint is untouched" in message
    assert (out / "last.pt").read_bytes() == before
    resumed = start("fit", "--resume", out)
    message = resumed.communicate(timeout=120)[1].decode()
    assert resumed.returncode == 0, message


def test_short_parts_that_only_measure_are_taken_with_the_training_pair_s_lag(
    fxtrain: Run, pair: Pair, tmp_path: Path
) -> None:
    dry, wet = (read_audio(path).samples for path in (pair.dry, pair.wet))
    for name, (first, last) in {"val": (0.55, 0.6), "test": (0.8, 0.87)}.items():
        part = slice(int(first * len(dry)), int(last * len(dry)))
        write_audio(tmp_path / f"{name}-dry.wav", dry[part], SAMPLE_RATE)
        write_audio(tmp_path / f"{name}-wet.wav", wet[part], SAMPLE_RATE)
    parts = {name: [tmp_path / f"{name}-{side}.wav" for side in ("dry", "wet")] for name in ("val", "test")}
    options = ["--val", *parts["val"], "--test", *parts["test"], "--set", "linear_stage=off"]  # which shifts the lag
    result = fxtrain("fit", pair.dry, pair.wet, *options, *TINY, "--epochs", 1, "--out", tmp_path / "run", "--json")
    assert result.exit_code == 0, result.stderr
    assert result.json["test"]["scored_seconds"] < 0.6
    again = fxtrain("evaluate", tmp_path / "run", *parts["test"], "--json")
    assert again.exit_code == 0, again.stderr
    assert again.json["esr"] == pytest.approx(result.json["esr"], rel=1e-9)


def silence(samples: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.zeros_like(samples)


def with_nan(samples: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.concatenate([samples[:100], np.full(1, np.nan, np.float32), samples[101:]])


BAD_RECORDINGS: dict[str, tuple[Any, Any, int, str]] = {
    "too short": (lambda x: x[: SAMPLE_RATE // 2], lambda y: y[: SAMPLE_RATE // 2], SAMPLE_RATE, "at least 1 s"),
    "silent": (silence, silence, SAMPLE_RATE, "silent"),
    "wet silent": (lambda x: x, silence, SAMPLE_RATE, "silent"),
    "rates that differ": (lambda x: x, lambda y: y, 2 * SAMPLE_RATE, "Hz"),
    "not a number": (lambda x: x, with_nan, SAMPLE_RATE, "wet.wav"),
}


@pytest.mark.parametrize("case", BAD_RECORDINGS)
def test_recordings_that_cannot_be_learnt_end_in_one_sentence_and_exit_2(
    fxtrain: Run, pair: Pair, tmp_path: Path, case: str
) -> None:
    change_dry, change_wet, wet_rate, message = BAD_RECORDINGS[case]
    soundfile.write(tmp_path / "dry.wav", change_dry(read_audio(pair.dry).samples), SAMPLE_RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "wet.wav", change_wet(read_audio(pair.wet).samples), wet_rate, subtype="FLOAT")
    refuse(fxtrain, tmp_path / "dry.wav", tmp_path / "wet.wav", tmp_path / "run", message)


def test_a_pair_of_equal_files_and_a_swapped_pair_are_refused(fxtrain: Run, pair: Pair, tmp_path: Path) -> None:
    refuse(fxtrain, pair.dry, pair.dry, tmp_path / "run", "Wet equals dry")
    refuse(fxtrain, pair.wet, pair.dry, tmp_path / "run", "swapped")


@pytest.mark.parametrize(("content", "message"), [(None, "wet.wav"), (b"", "empty"), (b"not audio at all", "audio")])
def test_files_that_are_no_audio_are_refused(
    fxtrain: Run, pair: Pair, tmp_path: Path, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "wet.wav").write_bytes(content)
    refuse(fxtrain, pair.dry, tmp_path / "wet.wav", tmp_path / "run", message)


def refuse(fxtrain: Run, dry: Path, wet: Path, out: Path, message: str) -> None:
    result = fxtrain("fit", dry, wet, "--epochs", 1, "--out", out)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert "Traceback" not in result.stderr
    assert not out.exists()


SECOND_FIT = """
import sys
from fxtrain.runs.folder import RunFolder
from pathlib import Path

with RunFolder(Path(sys.argv[1])).lock():
    print("locked", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_in_which_another_process_trains_is_refused(
    fxtrain: Run, pair: Pair, finished_run: Path, tmp_path: Path, resume: bool
) -> None:
    # Two fits in one folder both reported success, and one result was lost.
    out = tmp_path / "run"
    if resume:
        shutil.copytree(finished_run, out)
        (out / "metrics.json").unlink()
    out.mkdir(exist_ok=True)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    arguments = ("--resume", out) if resume else (pair.dry, pair.wet, *TINY, "--epochs", 1, "--out", out)
    with subprocess.Popen(
        [sys.executable, "-c", SECOND_FIT, out], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        result = fxtrain("fit", *arguments)
        other.kill()
    assert result.exit_code == 2
    assert "another fxtrain is training" in result.stderr
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file() and path.name != ".lock"} == before
    # The killed process left its lock file, which must not hold anybody up.
    assert (out / ".lock").exists()
    assert fxtrain("fit", *arguments, "-q").exit_code == 0
    assert not (out / ".lock").exists()


def test_a_run_that_was_completed_meanwhile_is_not_trained_again(finished_run: Path) -> None:
    from fxtrain.errors import InputError
    from fxtrain.runs import RunFolder, RunSpec, fit

    folder = RunFolder(finished_run)
    before = folder.model.stat().st_mtime_ns
    with pytest.raises(InputError, match="is complete"):
        fit(RunSpec.load(folder.config), folder, resume=True)
    assert folder.model.stat().st_mtime_ns == before
