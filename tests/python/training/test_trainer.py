# SPDX-License-Identifier: MIT
"""The training loop: limits, resume, divergence, schedules."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from fxtrain.data import Excerpt
from fxtrain.data.pairs import PairedAudio, PairedAudioConfig
from fxtrain.errors import CheckpointError, ConfigError, DivergenceError, Interrupted, ModelFileError
from fxtrain.models.effects.recurrent import LSTM
from fxtrain.training.checkpoint import load_checkpoint, save_checkpoint
from fxtrain.training.device import init_device, to_device
from fxtrain.training.history import read_history
from fxtrain.training.plan import TrainingConfig
from fxtrain.training.protocol import StepContext
from fxtrain.training.schedulers import Constant, Cosine, Exponential, get_scheduler
from fxtrain.training.trainer import Trainer

CONTEXT = StepContext.of_validation(0, 0, 0)


def provider(seed: int = 0, gain: float = 4.0) -> PairedAudio:
    x = np.random.default_rng(7).standard_normal(9000).astype(np.float32) * 0.2
    excerpt = Excerpt(input=x, target=np.tanh(gain * x))
    config = PairedAudioConfig(warm_up_frames=32, sequence_frames=512, chunk_frames=128)
    return PairedAudio(config, [excerpt], [excerpt], batch_size=4, seed=seed)


def trainer(folder: Path, *, seed: int = 0, model: LSTM | None = None, **config: Any) -> Trainer:
    folder.mkdir(exist_ok=True)
    if model is None:
        torch.manual_seed(seed)
        model = LSTM.from_config({"hidden_size": 6}, sample_rate=48_000, loss={})
    settings = {"epochs": 6, "seed": seed, **config}
    return Trainer(model, provider(seed), TrainingConfig(**settings), folder)


def weights(folder: Path) -> dict[str, Tensor]:
    found: dict[str, Tensor] = load_checkpoint(folder / "last.pt")["weights"]
    return found


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_training_lowers_the_validation_error_and_logs_it(tmp_path: Path) -> None:
    result = trainer(tmp_path, epochs=15).run()
    rows = list(read_history(tmp_path / "log.jsonl"))
    errors = [row["val_esr"] for row in rows if row["event"] == "validation"]
    assert rows[0]["event"] == "start"
    assert rows[-1]["event"] == "end"
    assert result.best_value == min(errors)
    assert result.best_value < 0.5 * errors[0]
    assert load_checkpoint(tmp_path / "best.pt")["value"] == result.best_value


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        trainer(tmp_path / name, seed=seed).run()
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not same(weights(tmp_path / "a"), weights(tmp_path / "c"))


@pytest.mark.parametrize("stop_at", [1, 37, 90])
def test_a_stopped_run_resumes_to_the_weights_of_an_uninterrupted_one(tmp_path: Path, stop_at: int) -> None:
    trainer(tmp_path / "whole").run()
    stopped = trainer(tmp_path / "parts")
    calls = iter(range(10_000))
    stopped.should_stop = lambda: next(calls) == stop_at
    with pytest.raises(Interrupted, match=f"step {stop_at} of"):
        stopped.run()
    trainer(tmp_path / "parts").run(resume=True)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))
    best = [load_checkpoint(tmp_path / name / "best.pt")["weights"] for name in ("whole", "parts")]
    assert same(*best)
    steps = [
        [(row["step"], row.get("val_esr")) for row in read_history(tmp_path / name / "log.jsonl")]
        for name in ("whole", "parts")
    ]
    assert steps[0] == steps[1]


def test_the_best_weights_so_far_count_the_last_step_and_leave_the_run_as_it_is(tmp_path: Path) -> None:
    stopped = trainer(tmp_path)
    calls = iter(range(10_000))
    stopped.should_stop = lambda: next(calls) == 37  # between two validations
    with pytest.raises(Interrupted):
        stopped.run()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    best, result = stopped.best_so_far()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert (result.steps, result.best_step) == (37, 37)
    assert result.planned_steps == 6 * provider().steps_per_epoch
    assert same(best, weights(tmp_path))
    assert result.best_value < load_checkpoint(tmp_path / "best.pt")["value"]
    stopped._position.best_value = 0.0  # nothing is better
    assert same(stopped.best_so_far()[0], load_checkpoint(tmp_path / "best.pt")["weights"])


def test_a_run_with_rounded_weights_resumes_to_the_same_bits(tmp_path: Path) -> None:
    def rounded(folder: Path) -> Trainer:
        torch.manual_seed(0)
        config = {"hidden_size": 6, "weight_storage": "bfloat16"}
        return trainer(folder, model=LSTM.from_config(config, sample_rate=48_000, loss={}))

    rounded(tmp_path / "whole").run()
    stopped = rounded(tmp_path / "parts")
    calls = iter(range(10_000))
    stopped.should_stop = lambda: next(calls) == 37
    with pytest.raises(Interrupted):
        stopped.run()
    result = rounded(tmp_path / "parts").run(resume=True)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))
    model = LSTM.from_config({"hidden_size": 6}, sample_rate=48_000, loss={})  # the best weights, rounded by hand
    best = load_checkpoint(tmp_path / "parts" / "best.pt")["weights"]
    name = "recurrent.weight_hh_l0"
    model.load_state_dict({**best, name: best[name].bfloat16().float()})
    with torch.no_grad():
        error, energy = np.sum([model.validate(batch, CONTEXT)["esr"] for batch in provider().validation()], axis=0)
    assert error / energy == result.best_value


def test_minutes_become_a_fixed_number_of_steps_that_resume_keeps(tmp_path: Path) -> None:
    first = trainer(tmp_path, epochs=0, max_minutes=0.03)
    calls = iter(range(10_000))
    first.should_stop = lambda: next(calls) == 5
    with pytest.raises(Interrupted):
        first.run()
    plan = load_checkpoint(tmp_path / "last.pt")["plan"]
    result = trainer(tmp_path, epochs=0, max_minutes=0.03).run(resume=True)
    assert result.steps == plan["total_steps"]
    rate = [row["learning_rate"] for row in read_history(tmp_path / "log.jsonl") if row["event"] == "validation"][-1]
    assert rate < 1e-6  # the cosine ends on the last step


def test_training_ends_when_the_error_no_longer_falls(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = LSTM.from_config({"hidden_size": 2}, sample_rate=48_000, loss={})
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    model.output.bias.requires_grad_(True)  # nothing but an offset can be learnt, and the best one is near zero
    result = trainer(tmp_path, model=model, epochs=2000, until_converged=True).run()
    assert result.converged
    assert result.steps < 0.2 * 2000 * provider().steps_per_epoch
    assert "anneal" in [row["event"] for row in read_history(tmp_path / "log.jsonl")]


class Explosive(LSTM):
    """Its loss is not finite at some steps."""

    bad_steps: frozenset[int] = frozenset()

    def loss(self, batch: Any, phase: Any, context: Any) -> tuple[Tensor, dict[str, Tensor]]:
        value, parts = super().loss(batch, phase, context)
        return (value * math.nan, parts) if context.step in self.bad_steps else (value, parts)


def test_divergence_is_logged_and_recovered_from(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Explosive.from_config({"hidden_size": 6}, sample_rate=48_000, loss={})
    model.bad_steps = frozenset({50, 70})
    result = trainer(tmp_path, model=model).run()
    events = [row for row in read_history(tmp_path / "log.jsonl") if row["event"] == "divergence"]
    assert result.divergences == len(events) == 2
    assert events[-1]["learning_rate_scale"] == 0.25
    assert "not finite" in events[0]["reason"]
    assert result.best_value < 0.5


class Lost(LSTM):
    """From a step on, its weights are as they were at first, and it learns no more."""

    lost_steps: frozenset[int] = frozenset()

    def loss(self, batch: Any, phase: Any, context: Any) -> tuple[Tensor, dict[str, Tensor]]:
        value, parts = super().loss(batch, phase, context)
        if context.step in self.lost_steps:
            with torch.no_grad():
                self.output.weight.zero_()
            value = 0.0 * value
        return value, parts


def test_a_run_that_is_lost_goes_back_to_its_best_weights(tmp_path: Path) -> None:
    per_epoch = provider().steps_per_epoch
    torch.manual_seed(0)
    model = Lost.from_config({"hidden_size": 6}, sample_rate=48_000, loss={})
    model.lost_steps = frozenset(range(20 * per_epoch, 26 * per_epoch))
    result = trainer(tmp_path, model=model, epochs=60).run()
    rows = list(read_history(tmp_path / "log.jsonl"))
    (event,) = [row for row in rows if row["event"] == "divergence"]
    assert event["step"] == 26 * per_epoch
    assert "stayed there" in event["reason"]
    errors = {row["step"]: row["val_esr"] for row in rows if row["event"] == "validation"}
    assert errors[25 * per_epoch] > 3 * errors[20 * per_epoch]
    assert errors[27 * per_epoch] < 2 * errors[20 * per_epoch]
    assert result.best_step > 26 * per_epoch


def test_endless_divergence_is_explained(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Explosive.from_config({"hidden_size": 6}, sample_rate=48_000, loss={})
    model.bad_steps = frozenset(range(10, 100))
    with pytest.raises(DivergenceError, match=r"not finite .*best weights are kept; use a lower --lr"):
        trainer(tmp_path, model=model).run()
    assert load_checkpoint(tmp_path / "best.pt")["weights"]


def test_a_full_disk_leaves_the_previous_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.pt"
    save_checkpoint(path, {"step": 1})

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CheckpointError, match=r"No space left on device; the previous checkpoint is untouched"):
        save_checkpoint(path, {"step": 2})
    assert load_checkpoint(path)["step"] == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["last.pt"]


@pytest.mark.parametrize("content", [b"", b"RIFF....WAVE", b"PK\x03\x04 cut short", json.dumps({"a": 1}).encode()])
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="is not a checkpoint"):
        load_checkpoint(path)


def test_other_recordings_are_noticed_on_resume(tmp_path: Path) -> None:
    trainer(tmp_path, epochs=1).run()
    other = trainer(tmp_path, epochs=1)
    other.provider = provider(gain=2.0)
    with pytest.raises(CheckpointError, match="recordings differ"):
        other.run(resume=True)


def test_schedules_are_closed_forms() -> None:
    cosine = Cosine(100)
    assert cosine.factor(0) == 1
    assert cosine.factor(50) == pytest.approx(0.5)
    assert cosine.factor(100) == pytest.approx(0)
    assert {Constant(10).factor(step) for step in range(10)} == {1.0}
    assert Exponential(500).factor(250) == pytest.approx(0.994**50)
    assert get_scheduler("cosine") is Cosine
    with pytest.raises(ConfigError, match="there are cosine, constant, exponential"):
        get_scheduler("step")


def test_devices_are_found_or_refused_by_name() -> None:
    assert init_device("cpu").type == "cpu"
    assert init_device("auto").type in ("cuda", "xpu", "mps", "cpu")
    with pytest.raises(ConfigError, match="unknown device 'tpu9'"):
        init_device("tpu9")
    if not torch.xpu.is_available():
        with pytest.raises(ConfigError, match="'xpu' is not there"):
            init_device("xpu")


def test_of_epochs_and_minutes_the_shorter_counts(tmp_path: Path) -> None:
    few = trainer(tmp_path / "a", epochs=2, max_minutes=60.0).run()
    assert few.epochs == 2
    short = trainer(tmp_path / "b", epochs=100_000, max_minutes=0.02).run()
    assert short.epochs < 10_000
    with pytest.raises(ConfigError, match="needs a limit"):
        trainer(tmp_path / "c", epochs=0)


def test_looking_at_losses_now_and_then_changes_no_bit_of_a_run_without_a_divergence(tmp_path: Path) -> None:
    """On a GPU each look would wait for it; the code of that is run here on the CPU."""
    trainer(tmp_path / "each").run()
    rare = trainer(tmp_path / "rare")
    rare._check_interval = 50
    rare.run()
    assert same(weights(tmp_path / "each"), weights(tmp_path / "rare"))


def test_a_step_whose_loss_is_not_finite_is_left_out_and_noticed_at_the_next_look(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Explosive.from_config({"hidden_size": 6}, sample_rate=48_000, loss={})
    model.bad_steps = frozenset({7})
    run = trainer(tmp_path, model=model)
    run._check_interval = 10
    after: list[Tensor] = []
    step = run._step

    def follow(batch: Any, *, share: float = 1.0) -> None:
        step(batch, share=share)
        after.append(next(model.parameters()).detach().clone())

    run._step = follow  # type: ignore[method-assign]
    run.run()
    assert torch.equal(after[6], after[7])
    assert not torch.equal(after[7], after[8])
    rows = list(read_history(tmp_path / "log.jsonl"))
    assert [row["step"] for row in rows if row["event"] == "divergence"] == [10]
    assert all(math.isfinite(row["train_loss"]) for row in rows if row["event"] == "validation")


def test_a_run_saved_between_a_bad_step_and_the_look_at_it_resumes_to_the_same_bits(tmp_path: Path) -> None:
    def run(folder: Path, stop_at: int = -1) -> Trainer:
        torch.manual_seed(0)
        model = Explosive.from_config({"hidden_size": 6}, sample_rate=48_000, loss={})
        model.bad_steps = frozenset({7})
        made = trainer(folder, model=model)
        made._check_interval = 10
        calls = iter(range(10_000))
        made.should_stop = lambda: next(calls) == stop_at
        return made

    run(tmp_path / "whole").run()
    with pytest.raises(Interrupted):
        run(tmp_path / "parts", stop_at=9).run()
    run(tmp_path / "parts").run(resume=True)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))


def test_a_batch_is_copied_to_a_gpu_tensor_by_tensor(monkeypatch: pytest.MonkeyPatch) -> None:
    """The device ``meta`` stands in for a GPU; its tensors have shapes only."""
    pinned: list[Tensor] = []
    monkeypatch.setattr("fxtrain.training.device._COPIES_WHILE_COMPUTING", ("meta",))
    monkeypatch.setattr(Tensor, "pin_memory", lambda self: pinned.append(self) or self)
    batch = provider().batch(0)
    moved = to_device(batch, torch.device("meta"))
    assert moved.input.device.type == "meta"
    assert moved.input.shape == batch.input.shape
    assert moved.envelope_values is None
    assert len(pinned) == sum(isinstance(value, Tensor) for value in vars(batch).values())


def test_a_number_of_steps_is_kept_and_the_lowest_limit_counts(tmp_path: Path) -> None:
    per_epoch = provider().steps_per_epoch
    for name, limits, steps in (
        ("steps", {"epochs": 0, "max_steps": 130}, 130),
        ("fewer", {"epochs": 2, "max_steps": 1000}, 2 * per_epoch),
        ("more", {"epochs": 1000, "max_steps": 70}, 70),
    ):
        run = trainer(tmp_path / name, **limits)
        assert run.make_plan().total_steps == steps
        if name == "steps":
            assert run.run().steps == 130


class Dense(LSTM):
    """One whose forward pass is torch's own: the kernels for recurrent layers compute in float32 alone."""

    def network(self, features: Tensor, state: Any) -> tuple[Tensor, Any]:
        hidden = torch.tanh(features @ self.recurrent.weight_ih_l0[: self.config.hidden_size].T)
        self.dtypes = {*getattr(self, "dtypes", set()), (self.training, hidden.dtype)}
        return features[..., 0] + self.output(hidden).squeeze(-1), ()


def dense() -> Dense:
    torch.manual_seed(0)
    return Dense.from_config({"hidden_size": 6}, sample_rate=48_000, loss={})


def test_bfloat16_is_for_training_alone_and_resumes_to_the_same_bits(tmp_path: Path) -> None:
    model = dense()
    result = trainer(tmp_path / "whole", model=model, precision="bfloat16", epochs=4).run()
    assert model.dtypes == {(True, torch.bfloat16), (False, torch.float32)}
    assert all(value.dtype == torch.float32 for value in weights(tmp_path / "whole").values())
    stopped = trainer(tmp_path / "parts", model=dense(), precision="bfloat16", epochs=4)
    calls = iter(range(10_000))
    stopped.should_stop = lambda: next(calls) == 20
    with pytest.raises(Interrupted):
        stopped.run()
    resumed = trainer(tmp_path / "parts", model=dense(), precision="bfloat16", epochs=4).run(resume=True)
    assert resumed.best_value == result.best_value
    assert same(weights(tmp_path / "parts"), weights(tmp_path / "whole"))
    plain = trainer(tmp_path / "plain", model=dense(), epochs=4).run()
    assert result.best_value == pytest.approx(plain.best_value, rel=0.05)
    assert not same(weights(tmp_path / "plain"), weights(tmp_path / "whole"))


@pytest.mark.slow
@pytest.mark.filterwarnings("default::DeprecationWarning")  # of torch's compiler about torch itself
def test_a_compiled_model_trains_to_what_the_other_does(tmp_path: Path) -> None:
    plain = trainer(tmp_path / "plain", model=dense(), epochs=1).run()
    compiled = trainer(tmp_path / "compiled", model=dense(), epochs=1, compile=True).run()
    assert compiled.best_value == pytest.approx(plain.best_value, rel=1e-4)
    for name, value in weights(tmp_path / "plain").items():
        assert torch.allclose(weights(tmp_path / "compiled")[name], value, atol=1e-5)
