# SPDX-License-Identifier: MIT
"""The kernels of a generative WaveNet's layers against its modules in double precision."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from fxtrain import _kernels
from fxtrain.models.generators import _gated_stack_cpu
from fxtrain.models.generators._wavenet_stack import WaveNetStack

SEQUENCES, CODES = 3, 20


def stack_of(channels: int, skips: int, dilations: list[int], *, classes: int = 0, condition: int = 0) -> WaveNetStack:
    torch.manual_seed(0)
    return WaveNetStack(
        num_codes=CODES,
        channels=channels,
        skip_channels=skips,
        dilations=dilations,
        num_classes=classes,
        class_size=4,
        condition_channels=condition,
    )


STACKS = {
    "one channel": stack_of(1, 1, [1]),
    "odd widths, no condition": stack_of(5, 7, [1, 2, 4]),
    "a class": stack_of(3, 2, [1, 8], classes=2),
    "mels": stack_of(6, 10, [300, 1, 7, 1], condition=3),
    "a class and mels": stack_of(16, 32, [1, 2, 4, 8, 16, 32, 64, 128] * 2, classes=6, condition=16),
}


def inputs(stack: WaveNetStack, frames: int) -> tuple[Tensor, Tensor | None, Tensor | None]:
    num_codes = stack.receptive_field - 1 + frames
    layer = stack.gated[0]
    labels = None if stack.classes is None else torch.randint(stack.classes.num_embeddings, (SEQUENCES,))
    condition = None
    if layer.of_condition is not None:
        condition = torch.randn(SEQUENCES, layer.of_condition.in_channels, num_codes, requires_grad=True)
    return torch.randint(CODES, (SEQUENCES, num_codes)), labels, condition


@pytest.mark.parametrize("frames", [1, 37, 1700])
@pytest.mark.parametrize("name", STACKS)
def test_sums_and_gradients_match_double_precision(name: str, frames: int) -> None:
    stack = copy.deepcopy(STACKS[name])
    exact = copy.deepcopy(stack).double()
    codes, labels, condition = inputs(stack, frames)
    weight = torch.randn(SEQUENCES, stack.skips.out_channels, frames)
    exact_condition = None if condition is None else condition.detach().double().requires_grad_()

    sums = stack.sum_of_skips(codes, labels, condition)
    (sums * weight).sum().backward()
    expected = exact.sum_of_skips(codes, labels, exact_condition)  # not float32: the modules play it
    (expected * weight).sum().backward()

    assert (sums - expected).abs().max() < 1e-6 * max(1.0, float(expected.detach().abs().max()))
    ours = [each.grad for each in stack.parameters()] + ([] if condition is None else [condition.grad])
    theirs = [each.grad for each in exact.parameters()] + ([] if exact_condition is None else [exact_condition.grad])
    largest = max(float(each.abs().max()) for each in theirs if each is not None)
    compared = 0
    for one, other in zip(ours, theirs, strict=True):
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert (one - other).abs().max() < 2e-6 * largest
            compared += 1
    assert compared >= 3 * len(stack.gated) + 2


def test_a_long_sound_is_played_in_pieces_where_no_gradient_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = STACKS["a class and mels"]
    codes, labels, condition = inputs(stack, 3000)
    whole = stack.sum_of_skips(codes, labels, condition).detach()
    monkeypatch.setattr(_gated_stack_cpu, "_PIECE", 640)
    with torch.no_grad():
        assert torch.equal(stack.sum_of_skips(codes, labels, condition), whole)


def test_the_number_of_threads_does_not_change_a_bit() -> None:
    results, before = [], torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            torch.manual_seed(1)
            stack = copy.deepcopy(STACKS["a class and mels"])
            sums = stack.sum_of_skips(*inputs(stack, 700))
            sums.square().sum().backward()
            kernels = [*stack.layers.parameters(), *stack.skips.parameters()]
            results.append([sums.detach(), *(each.grad for each in kernels)])
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


def test_other_precisions_are_left_to_the_modules() -> None:
    stack = STACKS["mels"]
    codes, labels, condition = inputs(stack, 40)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = stack.sum_of_skips(codes, labels, condition)
    assert rounded.dtype == torch.bfloat16
    whole = stack.sum_of_skips(codes, labels, condition).detach()
    assert (rounded.detach().float() - whole).abs().max() < 0.05


@pytest.mark.parametrize("isa", ["sse2", "avx2", "avx512", "neon"])
def test_every_instruction_set_passes_these_tests(isa: str, repository: Path) -> None:
    if isa not in _kernels.available_isas():
        pytest.skip(f"this machine has no {isa}")
    if os.environ.get("FXENGINE_ISA"):
        pytest.skip("the instruction set is chosen already")
    search = os.pathsep.join(path for path in sys.path if path)
    outcome = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "-p",
            "no:cacheprovider",
            __file__,
            "-k",
            "double_precision and mels",
        ],
        env=os.environ | {"FXENGINE_ISA": isa, "PYTHONPATH": search},
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
