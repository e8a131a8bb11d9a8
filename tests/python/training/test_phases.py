# SPDX-License-Identifier: MIT
"""Models with several optimisers: turns, frozen parameters, noise, averages, and what a resume must restore."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from toy_gan import DEVIATION, MEAN, Gan, GanConfig, NumberBatch, Numbers

from fxtrain.errors import Interrupted
from fxtrain.training.checkpoint import load_checkpoint
from fxtrain.training.history import read_history
from fxtrain.training.plan import TrainingConfig
from fxtrain.training.protocol import Criterion, Frozen, OptimizerConfig, Phase, StepContext
from fxtrain.training.trainer import Trainer


def trainer(folder: Path, model: Gan | None = None, **settings: Any) -> Trainer:
    folder.mkdir(exist_ok=True)
    torch.manual_seed(3)
    config = TrainingConfig(**{"epochs": 60, "learning_rate": 0.01, "scheduler": "cosine", **settings})
    return Trainer(model or Gan(GanConfig()), Numbers(), config, folder)


def last(folder: Path) -> dict[str, Any]:
    return load_checkpoint(folder / "last.pt")


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_an_adversarial_pair_converges(tmp_path: Path) -> None:
    result = trainer(tmp_path).run()
    best = load_checkpoint(tmp_path / "best.pt")["weights"]
    assert result.best_value < 0.3
    assert float(best["offset"]) == pytest.approx(MEAN, abs=0.2)
    assert abs(float(best["scale"])) == pytest.approx(DEVIATION, abs=0.2)


def test_each_phase_moves_its_own_parameters_at_its_own_steps(tmp_path: Path) -> None:
    model = Gan(GanConfig())
    model.every, model.start = 3, 4
    run = trainer(tmp_path, model, epochs=1)
    run.run()
    generator = [seen for seen in model.seen if seen[0] == "generator"]
    discriminator = [seen for seen in model.seen if seen[0] == "discriminator"]
    assert [step for _, step, *_ in generator] == [4, 7, 10, 13, 16, 19]
    assert [step for _, step, *_ in discriminator] == list(range(20))
    assert {tuple(moving) for _, _, *moving in generator} == {(True, False)}
    assert {tuple(moving) for _, _, *moving in discriminator} == {(False, True)}
    steps = [each["state"][0]["step"] for each in last(tmp_path)["optimizers"]]
    assert [int(step) for step in steps] == [20, 6]


def test_the_parts_of_each_phase_are_logged_by_name(tmp_path: Path) -> None:
    trainer(tmp_path, epochs=2).run()
    rows = [row for row in read_history(tmp_path / "log.jsonl") if row["event"] == "validation"]
    (row,) = [row for row in rows if row["step"] == 20]
    assert row["train_loss"] == pytest.approx(row["discriminator/real"] + row["discriminator/fake"])
    assert 0 <= row["generator/fooled"] <= 1
    assert row["generator"] > 0
    assert row["val_distance"] > 0


@pytest.mark.parametrize("settings", [{}, {"ema": 0.95}, {"workers": 1}], ids=["plain", "average", "worker"])
@pytest.mark.parametrize("stop_at", [1, 33])
def test_a_stopped_run_resumes_to_the_same_bits(tmp_path: Path, stop_at: int, settings: dict[str, Any]) -> None:
    trainer(tmp_path / "whole", epochs=3).run() if not settings else trainer(
        tmp_path / "whole", epochs=3, **settings
    ).run()
    stopped = trainer(tmp_path / "parts", epochs=3, **settings)
    calls = iter(range(1000))
    stopped.should_stop = lambda: next(calls) == stop_at
    with pytest.raises(Interrupted):
        stopped.run()
    trainer(tmp_path / "parts", epochs=3, **settings).run(resume=True)
    whole, parts = last(tmp_path / "whole"), last(tmp_path / "parts")
    assert same(whole["weights"], parts["weights"])
    assert same(whole["best_weights"], parts["best_weights"])
    assert whole["position"]["best_value"] == parts["position"]["best_value"]
    logs = [
        [{**row, "seconds": 0} for row in read_history(tmp_path / name / "log.jsonl") if row["event"] == "validation"]
        for name in ("whole", "parts")
    ]
    assert logs[0] == logs[1]  # losses since the last validation, too


def test_workers_change_nothing_but_the_time(tmp_path: Path) -> None:
    for name, workers in (("none", 0), ("two", 2)):
        trainer(tmp_path / name, epochs=2, workers=workers).run()
    assert same(last(tmp_path / "none")["weights"], last(tmp_path / "two")["weights"])


def test_noise_depends_on_seed_step_and_rank_alone() -> None:
    def noise(context: StepContext) -> list[float]:
        return torch.randn(4, generator=context.generator).tolist()

    drawn = noise(StepContext.of_training(1, 5))
    assert drawn == noise(StepContext.of_training(1, 5))
    others = [
        StepContext.of_training(2, 5),
        StepContext.of_training(1, 6),
        StepContext.of_training(1, 5, rank=1),
        StepContext.of_validation(1, 5, 5),
    ]
    assert all(noise(other) != drawn for other in others)
    # Figures of different steps are compared, so they see the same noise.
    assert noise(StepContext.of_validation(1, 10, 0)) == noise(StepContext.of_validation(1, 20, 0))


class Accurate(Gan):
    """Its figure rises with the steps, to 1, from 0.05."""

    criterion = Criterion("accuracy", "accuracy", higher_is_better=True)
    figures: tuple[float, ...] = ()

    def validate(self, batch: NumberBatch, context: StepContext) -> dict[str, tuple[float, float]]:
        return {"accuracy": (self.figures[min(context.step // 20, len(self.figures) - 1)], 1.0)}


def test_the_highest_accuracy_chooses_the_weights(tmp_path: Path) -> None:
    model = Accurate(GanConfig())
    model.figures = (0.05, 0.4, 0.9, 1.0, 0.97)
    result = trainer(tmp_path, model, epochs=4).run()
    assert (result.best_value, result.best_step, result.divergences) == (1.0, 60, 0)
    assert load_checkpoint(tmp_path / "best.pt")["value"] == 1.0
    assert result.to_document(higher_is_better=True)["best_score"] == 1.0


def test_a_rising_figure_converges_where_it_no_longer_rises(tmp_path: Path) -> None:
    model = Accurate(GanConfig())
    model.figures = (0.05, 0.5, 0.5, 0.501)
    result = trainer(tmp_path, model, epochs=100, until_converged=True, scheduler="constant").run()
    assert result.converged
    assert result.steps < 1000


def test_a_figure_with_a_rule_diverges_by_it(tmp_path: Path) -> None:
    class Fragile(Accurate):
        criterion = Criterion(
            "accuracy", "accuracy", higher_is_better=True, diverged=lambda value, best: value < 0.5 * best
        )

    model = Fragile(GanConfig())
    model.figures = (0.05, 0.9, 0.2, 0.95)
    result = trainer(tmp_path, model, epochs=3).run()
    assert result.divergences == 1
    (row,) = [row for row in read_history(tmp_path / "log.jsonl") if row["event"] == "divergence"]
    assert row["reason"] == "the validation accuracy fell to 0.2"


def test_a_figure_that_goes_wrong_in_training_alone_diverges_too(tmp_path: Path) -> None:
    class Heard(Accurate):
        criterion = Criterion(
            "accuracy", "accuracy", higher_is_better=True, diverged=lambda value, best: value < 0.5 * best
        )
        trained = (0.1, 0.8, 0.3, 0.3, 0.75, 0.7)

        def loss(self, batch: Any, phase: Phase, context: StepContext) -> tuple[Tensor, dict[str, Tensor]]:
            value, parts = super().loss(batch, phase, context)
            return value, parts | {"accuracy": torch.tensor(self.trained[context.step // 20])}

    model = Heard(GanConfig())
    model.figures = (0.05, 0.9, 0.91, 0.92)
    result = trainer(tmp_path, model, epochs=6).run()
    rows = [row for row in read_history(tmp_path / "log.jsonl") if row["event"] == "divergence"]
    assert [row["step"] for row in rows] == [60, 80]  # against the last figure that was accepted
    assert {row["reason"] for row in rows} == {"the accuracy in training fell to 0.3"}
    assert result.divergences == 2
    assert last(tmp_path)["position"]["trained"] == pytest.approx(0.7)


def test_the_average_is_validated_and_kept_and_the_weights_go_on(tmp_path: Path) -> None:
    run = trainer(tmp_path, epochs=1, ema=0.9)
    weights: list[Tensor] = []
    step = run._step

    def follow(batch: Any, *, share: float = 1.0) -> bool:
        finite = step(batch)
        weights.append(run.model.offset.detach().clone())
        return finite

    run._step = follow  # type: ignore[method-assign]
    run.run()
    mean = torch.zeros(1)
    for number, value in enumerate(weights, start=1):
        decay = min(0.9, (1 + number) / (10 + number))
        mean = decay * mean + (1 - decay) * value
    assert torch.allclose(last(tmp_path)["average"]["mean.offset"], mean, atol=1e-6)
    assert torch.equal(last(tmp_path)["weights"]["offset"], weights[-1])
    if last(tmp_path)["position"]["best_step"] == 20:
        assert torch.allclose(last(tmp_path)["best_weights"]["offset"], mean, atol=1e-6)


class WithEncoder(Gan):
    """Sees its input through a network that somebody else trained."""

    def __init__(self, config: GanConfig) -> None:
        super().__init__(config)
        self.encoder = Frozen(nn.Sequential(nn.Linear(1, 1000), nn.Dropout(0.5), nn.Linear(1000, 1)))

    def loss(self, batch: NumberBatch, phase: Any, context: StepContext) -> tuple[Tensor, dict[str, Tensor]]:
        return super().loss(NumberBatch(self.encoder(batch.numbers)), phase, context)


def test_a_frozen_network_is_in_no_checkpoint_and_shared_by_copies(tmp_path: Path) -> None:
    model = WithEncoder(GanConfig())
    before = {name: value.clone() for name, value in model.encoder.network.state_dict().items()}
    trainer(tmp_path, model, epochs=1).run()
    assert not any("encoder" in name for name in last(tmp_path)["weights"])
    assert same(before, model.encoder.network.state_dict())
    assert not model.train().encoder.network.training  # Dropout stays off
    assert copy.deepcopy(model).encoder.network is model.encoder.network
    assert model.num_parameters == Gan(GanConfig()).num_parameters
    assert model.double().encoder.network[0].weight.dtype == torch.float64
    assert (tmp_path / "last.pt").stat().st_size < 20_000


def test_checkpoints_take_a_bounded_share_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fxtrain.training.trainer as module

    clock = [0.0]
    saves: list[str] = []

    def save(path: Path, content: Any) -> None:
        saves.append(path.name)
        clock[0] += 2.0  # a large model on a slow disk

    class Slow(Accurate):
        def begin_step(self, batch: NumberBatch, context: StepContext) -> Tensor:
            clock[0] += 1.0
            return super().begin_step(batch, context)

    monkeypatch.setattr(module, "save_checkpoint", save)
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    model = Slow(GanConfig())
    model.figures = tuple(0.001 * k for k in range(100))  # better at each validation
    trainer(tmp_path, model, epochs=50).run()
    in_between = saves[2:-2]  # but for those at the start and the end
    assert 2.0 * len(in_between) <= 0.02 * 1000 + 2.0
    assert "last.pt" in in_between
    assert saves[-2:] == ["best.pt", "last.pt"]


def test_adamw_decays_the_weights_that_have_no_gradient() -> None:
    weight = nn.Parameter(torch.ones(1))
    optimizer = OptimizerConfig(name="adamw", weight_decay=0.1, rate=0.5).build([weight], 0.2)
    weight.grad = torch.zeros(1)
    optimizer.step()
    assert float(weight.detach()) == pytest.approx(1 - 0.5 * 0.2 * 0.1)
