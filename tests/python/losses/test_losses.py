# SPDX-License-Identifier: MIT
"""Closed forms of the losses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from auraloss.freq import MultiResolutionSTFTLoss

from fxtrain.errors import ConfigError
from fxtrain.losses import (
    Loss,
    LossConfig,
    dc_to_signal_ratio,
    error_to_signal_ratio,
    mean_squared_error,
    pre_emphasis_filter,
)
from fxtrain.losses.spectral import MultiResolutionStft


def test_esr_of_a_gain_error_is_its_square() -> None:
    target = torch.randn(3, 500, generator=torch.Generator().manual_seed(1))
    assert error_to_signal_ratio(0.9 * target, target).item() == pytest.approx(0.01, rel=1e-4)
    assert error_to_signal_ratio(torch.zeros_like(target), target, eps=0).item() == pytest.approx(1)


def test_esr_counts_segments_by_energy_and_weight() -> None:
    target = torch.tensor([[2.0, 2.0], [1.0, 1.0]])
    prediction = torch.tensor([[2.0, 2.0], [0.0, 0.0]])
    assert error_to_signal_ratio(prediction, target, eps=0).item() == pytest.approx(1 / 5)
    weighted = error_to_signal_ratio(prediction, target, weight=torch.tensor([1.0, 4.0]), eps=0)
    assert weighted.item() == pytest.approx(4 / 8)


def test_esr_of_silence_is_finite() -> None:
    assert torch.isfinite(error_to_signal_ratio(torch.ones(1, 9), torch.zeros(1, 9)))


def test_mse_counts_segments_by_weight() -> None:
    target = torch.tensor([[1.0, 1.0], [3.0, 3.0]])
    assert mean_squared_error(torch.zeros(2, 2), target).item() == pytest.approx(5)
    assert mean_squared_error(torch.zeros(2, 2), target, weight=torch.tensor([1.0, 3.0])).item() == pytest.approx(14)
    total, parts = Loss(LossConfig(esr=0, mse=2), 48_000)(torch.zeros(2, 2), target)
    assert total.item() == pytest.approx(10) == 2 * parts["mse"].item()


def test_dc_loss_sees_only_the_mean() -> None:
    target = torch.tensor([[1.0, -1.0, 1.0, -1.0]])
    assert dc_to_signal_ratio(-target, target).item() == pytest.approx(0, abs=1e-12)
    assert dc_to_signal_ratio(target + 0.5, target, eps=0).item() == pytest.approx(0.25)


def test_first_order_pre_emphasis_is_a_difference() -> None:
    taps = pre_emphasis_filter("first-order", 48_000)
    assert taps is not None
    assert taps.tolist() == pytest.approx([-0.85, 1.0])


@pytest.mark.parametrize(("frequency_hz", "weight_db"), [(1000, 0.0), (2500, 1.3), (8000, -1.1)])
def test_a_weighting_follows_the_standard(frequency_hz: float, weight_db: float) -> None:
    """Values of IEC 61672-1, table 3; 101 taps follow the curve within half a decibel above 1 kHz."""
    taps = pre_emphasis_filter("a-weighting", 48_000)
    assert taps is not None
    phase = np.exp(-2j * np.pi * frequency_hz / 48_000 * np.arange(len(taps)))
    assert 20 * np.log10(abs(phase @ taps.numpy())) == pytest.approx(weight_db, abs=0.5)


def test_loss_is_the_weighted_sum_of_its_parts() -> None:
    generator = torch.Generator().manual_seed(2)
    target = torch.randn(2, 4096, generator=generator)
    prediction = target + 0.1 * torch.randn(2, 4096, generator=generator)
    config = LossConfig(esr=0.5, emphasised=2.0, pre_emphasis="first-order", dc=3.0, spectral=0.25)
    total, parts = Loss(config, 48_000)(prediction, target)
    expected = 0.5 * parts["esr"] + 2 * parts["emphasised"] + 3 * parts["dc"] + 0.25 * parts["spectral"]
    assert total.item() == pytest.approx(expected.item(), rel=1e-6)


def test_emphasis_without_a_filter_is_refused() -> None:
    with pytest.raises(ConfigError, match="pre_emphasis"):
        Loss(LossConfig(emphasised=1.0), 48_000)


def test_a_loss_without_weights_is_refused() -> None:
    with pytest.raises(ConfigError, match="all weights of the loss are 0"):
        Loss(LossConfig(esr=0.0), 48_000)


@pytest.mark.parametrize("num_frames", [8192, 3001, 1000, 511])
def test_the_spectral_part_and_its_gradient_are_those_of_auraloss(num_frames: int) -> None:
    divisor = MultiResolutionStft.divisor(num_frames)
    sizes = [[size // divisor for size in each] for each in ((2048, 1024, 512), (240, 120, 50), (1200, 600, 240))]
    theirs = MultiResolutionSTFTLoss(*sizes)
    generator = torch.Generator().manual_seed(4)
    prediction, target = 0.1 * torch.randn(2, 3, num_frames, generator=generator, dtype=torch.float64)
    prediction[1, : num_frames // 2] = 0  # where the magnitudes are at their floor
    prediction.requires_grad_()
    expected, found = theirs(prediction[:, None], target[:, None]), MultiResolutionStft()(prediction, target)
    assert found.item() == pytest.approx(expected.item(), rel=1e-12)
    gradients = [torch.autograd.grad(value, prediction)[0] for value in (expected, found)]
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("num_frames", [24, 32, 100, 512, 2047, 2048, 8192])
def test_every_part_can_train_on_chunks_of_any_length(num_frames: int) -> None:
    # Chunks shorter than the longest FFT (2048) or the A-weighting filter (101 taps) ended in torch's traceback.
    config = LossConfig(esr=0.5, emphasised=1.0, pre_emphasis="a-weighting", dc=1.0, spectral=0.5)
    loss = Loss(config, 48_000)
    generator = torch.Generator().manual_seed(3)
    target = torch.randn(2, num_frames, generator=generator)
    exact, _ = loss(target, target)
    assert exact.item() == pytest.approx(0, abs=1e-6)
    prediction = (0.5 * target).requires_grad_()
    value, parts = loss(prediction, target)
    assert parts["emphasised"].item() == pytest.approx(0.25, rel=0.01)  # a gain of one half, in any filter
    assert parts["spectral"].item() == pytest.approx(0.5 + np.log(2), rel=0.02)  # the same, per bin
    value.backward()
    assert prediction.grad is not None
    assert torch.isfinite(prediction.grad).all()
    assert prediction.grad.abs().amax() > 0
