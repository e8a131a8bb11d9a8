# SPDX-License-Identifier: MIT
"""The WaveNet kernels against the modules in double precision."""

from __future__ import annotations

import pytest
import torch

from fxtrain.models.effects._wavenet_cpu import find_kernel
from fxtrain.models.effects._wavenet_network import Activation, ArrayShape, LayerShape, WaveNetNetwork, WaveNetShape


def shape_of(
    channels: tuple[int, ...], activation: Activation = "tanh", *, head_kernel_size: int = 1, gated: bool = False
) -> WaveNetShape:
    """Layers of different kernel sizes and dilations in each array."""
    layers = tuple(
        LayerShape(kernel_size=size, dilation=dilation, activation=activation, slope=0.2)
        for size, dilation in ((3, 1), (2, 7), (6, 5), (1, 1))
    )
    arrays = []
    for index, width in enumerate(channels):
        is_last = index == len(channels) - 1
        arrays.append(
            ArrayShape(
                input_size=channels[index - 1] if index else 1,
                channels=width,
                layers=layers,
                head_size=1 if is_last else channels[index + 1],
                head_kernel_size=head_kernel_size if is_last else 1,
                head_bias=is_last,
                gated=gated,
            )
        )
    return WaveNetShape(arrays=tuple(arrays), head_scale=0.5)


SHAPES = {
    "one channel": shape_of((1,)),
    "two and three channels, relu": shape_of((2, 3), "relu"),
    "three channels, leaky, a head over time": shape_of((3,), "leaky-relu", head_kernel_size=16),
    "three arrays": shape_of((4, 8, 6)),
    "sixteen channels": shape_of((16, 12), "leaky-relu", head_kernel_size=2),
}


@pytest.mark.parametrize("frames", [1, 37, 1500])
@pytest.mark.parametrize("name", SHAPES)
def test_output_gradients_and_tails_are_those_of_the_modules(name: str, frames: int) -> None:
    torch.manual_seed(0)
    network = WaveNetNetwork(SHAPES[name])
    exact = WaveNetNetwork(SHAPES[name]).double()
    exact.load_state_dict(network.state_dict())
    x = 0.5 * torch.randn(3, network.receptive_field - 1 + frames)
    weight = torch.randn(3, frames)

    assert find_kernel(network.shape) is not None
    y, tails = network(x, None)
    (y * weight).sum().backward()
    expected, expected_tails = exact(x.double(), None)
    (expected * weight).sum().backward()

    assert (y - expected).abs().max() < 1e-6
    assert [tail.shape for tail in tails] == [tail.shape for tail in expected_tails]
    for tail, other in zip(tails, expected_tails, strict=True):
        if tail.numel():
            assert (tail - other).abs().max() < 1e-5
    # Rounding of float32, which thousands of products of either sign share.
    pairs = [(p.grad, q.grad) for p, q in zip(network.parameters(), exact.parameters(), strict=True)]
    largest = max(float(q.abs().max()) for _, q in pairs if q is not None)
    for gradient, other in pairs:
        assert gradient is not None
        assert (gradient - (0 if other is None else other)).abs().max() < 2e-6 * largest


def test_the_number_of_threads_does_not_change_a_bit() -> None:
    torch.manual_seed(0)
    network = WaveNetNetwork(SHAPES["three arrays"])
    x = torch.randn(5, network.receptive_field + 700)
    results, before = [], torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            network.zero_grad()
            y, _ = network(x, None)
            y.square().sum().backward()
            results.append([y.detach(), *(p.grad for p in network.parameters())])
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


def test_a_chunk_that_runs_on_from_the_kernels_tails_is_the_rest_of_the_whole() -> None:
    torch.manual_seed(0)
    network = WaveNetNetwork(SHAPES["three channels, leaky, a head over time"])
    x = torch.randn(2, network.receptive_field + 800)
    with torch.no_grad():
        whole, _ = network(x, None)
        first, state = network(x[:, :-300], None)
        second, _ = network(x[:, -300:], state)
    assert torch.cat([first, second], dim=-1) == pytest.approx(whole, abs=2e-6)


@pytest.mark.parametrize("shape", [shape_of((5,)), shape_of((4,), gated=True), shape_of((4,), "silu")])
def test_the_modules_play_what_the_kernels_cannot(shape: WaveNetShape) -> None:
    assert find_kernel(shape) is None
    network = WaveNetNetwork(shape)
    y, _ = network(torch.randn(2, network.receptive_field + 9), None)
    y.sum().backward()
    assert y.shape == (2, 10)
