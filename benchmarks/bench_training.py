# SPDX-License-Identifier: MIT
"""Training speed on the CPU: forward and backward pass, against PyTorch's own layers.

    python benchmarks/bench_training.py [--kind lstm gru wavenet generator] [--hidden 8 16 32 64]
                                        [--shape standard nano a2] [--stack 16x8 32x18 64x30]
                                        [--batch 64] [--frames 1024]

Recurrent layers with their read-out, and WaveNets, whose sequences begin with the past that their receptive field asks
for; of a2 the wider network. Of generative WaveNets the layers and the sum of skips, by channels and layers, twice as
many skips as channels. Both compute the same function from the same parameters; they take turns, so that whatever
else the machine does meets both.
"M samples/s" counts frames of the output times sequences. "median" is the median over rounds, also of the ratio; "best"
is the fastest round, which a busy machine disturbs least. "CPU ns" is processor time of all threads per sample, the
least over rounds.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import time
from collections.abc import Callable

import torch
from machine import commit, processor_name
from torch import Tensor, nn

from fxtrain import _kernels
from fxtrain.models.effects import _recurrent_cpu
from fxtrain.models.effects._causal import CausalNetwork
from fxtrain.models.effects.wavenet import WaveNet
from fxtrain.models.generators._gated_stack_cpu import play_gated_stack
from fxtrain.models.generators._wavenet_stack import WaveNetStack

Step = Callable[[], Tensor]


def make_wavenet_steps(shape: str, batch: int, frames: int) -> tuple[Step, Step]:
    """Our training step and PyTorch's; each returns the output."""
    torch.manual_seed(0)
    network = WaveNet.from_config({"shape": shape}).networks[-1]
    x = 0.3 * torch.randn(batch, network.receptive_field - 1 + frames)
    gradient = torch.randn(batch, frames)

    def step(play: Callable[[Tensor, None], tuple[Tensor, object]]) -> Tensor:
        network.zero_grad()
        y, _ = play(x, None)
        y.backward(gradient)
        return y

    return lambda: step(network), lambda: step(lambda x, state: CausalNetwork.forward(network, x, state))


def make_generator_steps(size: str, batch: int, frames: int) -> tuple[Step, Step]:
    """Our training step and PyTorch's; each returns the output."""
    torch.manual_seed(0)
    channels, layers = (int(word) for word in size.split("x"))
    stack = WaveNetStack(
        num_codes=256,
        channels=channels,
        skip_channels=2 * channels,
        dilations=[1 << index % 10 for index in range(layers)],
        num_classes=0,
        class_size=0,
        condition_channels=0,
    )
    x = torch.randn(batch, channels, stack.receptive_field - 2 + frames, requires_grad=True)
    gradient = torch.randn(batch, 2 * channels, frames)

    def step(play: Callable[[Tensor, None, None], Tensor | None]) -> Tensor:
        stack.zero_grad()
        x.grad = None
        y = play(x, None, None)
        assert y is not None
        y.backward(gradient)
        return y

    return lambda: step(lambda *given: play_gated_stack(stack, *given)), lambda: step(stack.play_layers)


def make_recurrent_steps(kind: str, hidden: int, batch: int, frames: int) -> tuple[Step, Step]:
    """Our training step and PyTorch's; each returns the output."""
    torch.manual_seed(0)
    layer = (nn.LSTM if kind == "lstm" else nn.GRU)(1, hidden, batch_first=True)
    head = nn.Linear(hidden, 1)
    parameters = [*layer.parameters(), *head.parameters()]
    x, gradient = 0.3 * torch.randn(batch, frames, 1), torch.randn(batch, frames)
    w_ih, w_hh, b_ih, b_hh = list(layer.parameters())

    def ours() -> Tensor:
        for parameter in parameters:
            parameter.grad = None
        if kind == "lstm":
            y, _ = _recurrent_cpu.lstm_residual_head(x, None, w_ih, w_hh, b_ih + b_hh, head.weight[0], head.bias)
        else:
            y, _ = _recurrent_cpu.gru_residual_head(x, None, w_ih, w_hh, b_ih, b_hh, head.weight[0], head.bias)
        y.backward(gradient)
        return y

    def theirs() -> Tensor:
        for parameter in parameters:
            parameter.grad = None
        sequence, _ = layer(x)
        y = head(sequence)[..., 0]
        y.backward(gradient)
        return y

    return ours, theirs


def timed(step: Step) -> tuple[float, float]:
    """Seconds of wall time and of processor time."""
    wall, processor = time.perf_counter(), time.process_time()
    step()
    return time.perf_counter() - wall, time.process_time() - processor


def compare(kind: str, size: int | str, batch: int, frames: int, seconds: float) -> str:
    """Time both steps in turn for about ``seconds`` and return a row of the table."""
    if kind == "generator":
        ours, theirs = make_generator_steps(str(size), batch, frames)
    elif isinstance(size, str):
        ours, theirs = make_wavenet_steps(size, batch, frames)
    else:
        ours, theirs = make_recurrent_steps(kind, size, batch, frames)
    output = ours()
    difference = (output - theirs()).abs().max().item()
    rounds = []
    end = time.perf_counter() + seconds
    while len(rounds) < 5 or time.perf_counter() < end:
        rounds.append((timed(ours), timed(theirs)))

    samples = batch * frames
    own_wall, torch_wall = ([round_[i][0] for round_ in rounds] for i in (0, 1))
    own_cpu, torch_cpu = (min(round_[i][1] for round_ in rounds) / samples * 1e9 for i in (0, 1))
    ratio = statistics.median(b / a for a, b in zip(own_wall, torch_wall, strict=True))
    cells = [
        kind,
        str(size),
        f"{batch} x {frames}",
        f"{samples / statistics.median(own_wall) / 1e6:.2f} ({samples / min(own_wall) / 1e6:.2f})",
        f"{samples / statistics.median(torch_wall) / 1e6:.2f} ({samples / min(torch_wall) / 1e6:.2f})",
        f"{ratio:.1f}",
        f"{own_cpu:.0f} / {torch_cpu:.0f}",
        f"{difference:.1e}",
        hashlib.sha256(output.detach().numpy().tobytes()).hexdigest()[:8],
    ]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table."""
    kinds = ["lstm", "gru", "wavenet", "generator"]
    parser = argparse.ArgumentParser(description="Training speed of the CPU kernels against PyTorch's own layers.")
    parser.add_argument("--kind", nargs="+", choices=kinds, default=kinds)
    parser.add_argument("--hidden", nargs="+", type=int, default=[8, 16, 32, 64])
    parser.add_argument("--shape", nargs="+", default=["standard", "nano", "a2"])
    parser.add_argument("--stack", nargs="+", default=["16x8", "32x18", "64x30"], metavar="CHANNELSxLAYERS")
    parser.add_argument("--batch", type=int, help="default: 64, of WaveNets 16, of generators 4")
    parser.add_argument("--frames", type=int, help="default: 1024, of WaveNets 8192, of generators 4000")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--seconds", type=float, default=4.0, help="per row")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    print(
        f"{processor_name()}, {os.cpu_count()} cores, {arguments.threads} threads, load {os.getloadavg()[0]:.1f}; "
        f"{_kernels.isa()}; torch {torch.__version__}; commit {commit()}\n"
    )
    print(
        "| network | size | batch | ours, M samples/s: median (best) | PyTorch | median ratio | CPU ns | difference "
        "| output |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for kind in arguments.kind:
        batch, frames, sizes = {
            "wavenet": (16, 8192, arguments.shape),
            "generator": (4, 4000, arguments.stack),
        }.get(kind, (64, 1024, arguments.hidden))
        for size in sizes:
            row = compare(kind, size, arguments.batch or batch, arguments.frames or frames, arguments.seconds)
            print(row, flush=True)


if __name__ == "__main__":
    main()
