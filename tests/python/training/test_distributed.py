# SPDX-License-Identifier: MIT
"""What processes that train together do with tensors, seen from one process."""

from __future__ import annotations

import pytest
import torch

from fxtrain.errors import ConfigError, InputError
from fxtrain.losses.time import dc_to_signal_ratio, error_to_signal_ratio, mean_squared_error
from fxtrain.models.effects.recurrent import LSTM
from fxtrain.models.effects.stft_lstm import StftLstm
from fxtrain.models.effects.stft_mask import StftMask
from fxtrain.training.distributed import ALONE, is_distributed, join_batch, part_of_batch
from fxtrain.training.protocol import StepContext


@pytest.mark.parametrize("world", [1, 2, 3, 5])
@pytest.mark.parametrize("layout", [(0, 1), (0, 3), (1, 1), (1, 2), (2, 1)])
def test_the_parts_of_a_batch_join_to_the_whole(layout: tuple[int, int], world: int) -> None:
    dimension, blocks = layout
    shape = [4, 4, 4]
    shape[dimension] = 6 * blocks
    whole = torch.arange(torch.Size(shape).numel()).reshape(shape)
    parts = [part_of_batch(whole, layout, rank, world) for rank in range(world)]
    assert torch.equal(join_batch(parts, layout), whole)
    assert len({part.shape[dimension] for part in parts}) <= 2


@pytest.mark.parametrize("model", [LSTM, StftLstm, StftMask])
def test_a_models_layout_says_where_the_batch_is_in_its_state(model: type) -> None:
    """Each row of a batch is played alone and in the batch: the states must be parts of each other."""
    small = {"hidden_size": 3} if model is LSTM else {"n_fft": 64, "hop": 16, "hidden_size": 3}
    torch.manual_seed(0)
    made = model.from_config(small, loss={}, sample_rate=16000).eval()
    x = torch.randn(3, 256) * 0.3

    def state_of(rows: torch.Tensor) -> list[torch.Tensor]:
        with torch.no_grad():
            _, state = made(rows, None)
        made._carried = tuple(state)
        return list(made.carried_state())

    whole = state_of(x)
    layout = made.carried_layout()
    assert len(layout) == len(whole)
    for row in range(3):
        for alone, place, together in zip(state_of(x[row : row + 1]), layout, whole, strict=True):
            assert torch.allclose(alone, part_of_batch(together, place, row, 3), atol=1e-6)


def test_a_loss_that_divides_by_the_mean_power_is_the_mean_of_its_parts() -> None:
    torch.manual_seed(1)
    prediction, target, weight = torch.randn(6, 50), torch.randn(6, 50) * torch.arange(1.0, 7.0)[:, None], torch.rand(6)
    parts = [slice(0, 1), slice(1, 6)]
    shares = [1 / 6, 5 / 6]
    power = sum(
        share * (target[part].square().mean(-1) * weight[part]).mean()
        for part, share in zip(parts, shares, strict=True)
    )
    for loss in (error_to_signal_ratio, dc_to_signal_ratio):
        of_parts = [
            share * loss(prediction[part], target[part], weight=weight[part], mean=lambda own: power)
            for part, share in zip(parts, shares, strict=True)
        ]
        assert float(sum(of_parts)) == pytest.approx(float(loss(prediction, target, weight=weight)), rel=1e-6)
    of_parts = [
        share * mean_squared_error(prediction[part], target[part], weight=weight[part])
        for part, share in zip(parts, shares, strict=True)
    ]
    whole = mean_squared_error(prediction, target, weight=weight)
    assert float(sum(of_parts)) == pytest.approx(float(whole), rel=1e-6)


def test_noise_depends_on_seed_step_and_rank() -> None:
    drawn = {
        (seed, step, rank): float(torch.rand((), generator=StepContext.of_training(seed, step, rank=rank).generator))
        for seed in (0, 1)
        for step in (0, 1)
        for rank in (0, 1)
    }
    assert len(set(drawn.values())) == 8
    again = StepContext.of_training(1, 0, rank=1)
    assert drawn[1, 0, 1] == float(torch.rand((), generator=again.generator))


def test_one_process_is_a_group_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert not is_distributed()
    assert ALONE.gather(3) == [3]
    assert ALONE.first(lambda: 4) == ALONE.each(lambda: 4) == 4
    tensor = torch.ones(2)
    assert ALONE.mean(tensor, 1.0) is tensor
    ALONE.require_same("a", "differs")

    def fail() -> None:
        raise InputError("no such file")

    with pytest.raises(InputError, match="no such file"):
        ALONE.each(fail)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    assert is_distributed()


def test_a_batch_with_fewer_rows_than_processes_is_refused() -> None:
    import numpy as np

    from fxtrain.data.sharding import Sharded

    provider = Sharded().shard(0, 3)
    with pytest.raises(ConfigError, match="2 items, fewer than the 3 processes"):
        provider.own_rows(np.arange(2))
