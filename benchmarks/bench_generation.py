# SPDX-License-Identifier: MIT
"""Generation sample by sample: the kernels in C++ beside the reference in torch, on one core.

    python benchmarks/bench_generation.py [--samples 20000] [--rounds 5]

Processor time, which includes drawing. Median and slowest of several rounds; the reference takes fewer samples.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from machine import commit, processor_name

from fxtrain import _kernels
from fxtrain.models.generators._wavenet_cache import TorchCache
from fxtrain.models.generators._wavenet_native import native_cache
from fxtrain.models.generators._wavenet_stack import WaveNetStack

SHAPES = {  # layers in a stack, stacks, channels, skip channels, condition channels
    "18 layers of 32, skips 64": (9, 2, 32, 64, 0),
    "30 layers of 32, skips 64": (10, 3, 32, 64, 0),
    "30 layers of 32, skips 64, mels": (10, 3, 32, 64, 32),
    "30 layers of 32, skips 256": (10, 3, 32, 256, 0),
    "30 layers of 64, skips 256": (10, 3, 64, 256, 0),
}

FEW = 100
"""Samples of a round of the reference."""


def stack_of(layers: int, stacks: int, channels: int, skips: int, condition: int) -> WaveNetStack:
    """A network with random weights."""
    torch.manual_seed(0)
    return WaveNetStack(
        num_codes=256,
        channels=channels,
        skip_channels=skips,
        dilations=[1 << layer for layer in range(layers)] * stacks,
        num_classes=0,
        class_size=0,
        condition_channels=condition,
    ).eval()


def rounds(play: Callable[[], None], num_samples: int, num_rounds: int) -> tuple[float, float]:
    """Microseconds of processor time a sample: median and slowest."""
    times = []
    for _ in range(num_rounds):
        began = time.process_time()
        play()
        times.append(1e6 * (time.process_time() - began) / num_samples)
    return statistics.median(times), max(times)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=20_000, metavar="N")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{processor_name()}, {_kernels.isa()}, commit {commit()}; microseconds a sample, one core\n")
    print("| network | C++, median | slowest | torch, median |\n|---|---|---|---|")
    uniforms = np.random.default_rng(0).random(args.samples)
    for name, shape in SHAPES.items():
        stack = stack_of(*shape)
        channels = shape[-1]
        native = native_cache(stack)
        rows = np.zeros((args.samples, channels), np.float32) if channels else None

        def play(native: _kernels.WaveGenerator = native, rows: np.ndarray | None = rows) -> None:
            native.generate(uniforms, rows, temperature=1.0)

        median, slowest = rounds(play, args.samples, args.rounds)
        cache = TorchCache(stack)
        code, condition = torch.tensor([128]), torch.zeros(1, channels) if channels else None

        def step(cache: TorchCache = cache, code: torch.Tensor = code, here: torch.Tensor | None = condition) -> None:
            for _ in range(FEW):
                cache.logits(code, here)

        reference, _ = rounds(step, FEW, args.rounds)
        print(f"| {name} | {median:.1f} | {slowest:.1f} | {reference:.0f} |", flush=True)


if __name__ == "__main__":
    main()
