# SPDX-License-Identifier: MIT
"""The CPU kernels compute PyTorch's LSTM and GRU, forward and backward, and the same bits every time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from fxtrain.models.effects import _recurrent_cpu as recurrent
from fxtrain.models.effects._resting import RestingGRU, RestingLSTM, layer_weights

_kernels = pytest.importorskip("fxtrain._kernels", reason="this build has no kernels (they need GCC or Clang)")

# hidden, batch, frames, inputs: below, at and across the tiles of the kernels, their chunks of frames and groups of 16
SIZES = [
    (1, 1, 1, 1),
    (3, 2, 65, 4),
    (8, 16, 64, 1),
    (8, 33, 130, 1),
    (13, 17, 7, 2),
    (16, 50, 100, 3),
    (20, 1, 200, 1),
    (28, 5, 40, 30),
    (32, 40, 129, 1),
    (40, 20, 50, 40),
    (64, 18, 70, 1),
    (256, 2, 12, 1),
]
KINDS = ["lstm", "gru"]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small problems, often on a busy machine: PyTorch's threads would wait for each other. A test may choose more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Problem:
    """A layer with a read-out, its input, state and the weights of a scalar loss over everything that it returns."""

    def __init__(self, kind: str, hidden: int, batch: int, frames: int, inputs: int, *, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator)

        self.kind = kind
        gates = 4 if kind == "lstm" else 3
        spread = 1.5 / hidden**0.5
        self.parameters = [
            normal(gates * hidden, inputs) * spread,
            normal(gates * hidden, hidden) * spread,
            normal(gates * hidden) * spread,
            normal(gates * hidden) * spread,
        ]
        self.head = [normal(hidden), normal(1)]
        self.x = normal(batch, frames, inputs)
        self.state = [0.5 * normal(batch, hidden) for _ in range(2 if kind == "lstm" else 1)]
        self.loss_weights = [
            normal(batch, frames),
            normal(batch, frames, hidden),
            *[normal(batch, hidden) for _ in self.state],
        ]

    def run(self, *, own: bool, with_head: bool = True, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
        """Outputs and all gradients, by name."""
        parameters, head, state = (
            [tensor.to(dtype, copy=True).requires_grad_() for tensor in tensors]
            for tensors in (self.parameters, self.head, self.state)
        )
        x = self.x.to(dtype, copy=True).requires_grad_()
        call = self._kernels if own else self._torch
        output, final = call(x, state, parameters, head if with_head else [])
        weights = [weight.to(dtype) for weight in self.loss_weights]
        loss = (output * weights[0 if with_head else 1]).sum()
        for value, weight in zip(final, weights[2:], strict=True):
            loss = loss + (value * weight).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        names = ["x", "w_ih", "w_hh", "b_ih", "b_hh", *[f"state{i}" for i in range(len(state))]]
        leaves = [x, *parameters, *state]
        if with_head:
            names += ["w_out", "b_out"]
            leaves += head
        results = {f"gradient of {name}": leaf.grad for name, leaf in zip(names, leaves, strict=True)}
        results |= {f"final state{i}": value.detach() for i, value in enumerate(final)}
        results["output"] = output.detach()
        assert all(value is not None for value in results.values())
        return results  # type: ignore[return-value]

    def _kernels(
        self, x: Tensor, state: list[Tensor], parameters: list[Tensor], head: list[Tensor]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        w_ih, w_hh, b_ih, b_hh = parameters
        if self.kind == "lstm":
            both = (x, (state[0], state[1]), w_ih, w_hh, b_ih + b_hh)
            return recurrent.lstm_residual_head(*both, *head) if head else recurrent.lstm_layer(*both)
        one = (x, state[0], w_ih, w_hh, b_ih, b_hh)
        output, last = recurrent.gru_residual_head(*one, *head) if head else recurrent.gru_layer(*one)
        return output, (last,)

    def _torch(
        self, x: Tensor, state: list[Tensor], parameters: list[Tensor], head: list[Tensor]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        hidden, inputs = parameters[1].shape[1], parameters[0].shape[1]
        layer = (nn.LSTM if self.kind == "lstm" else nn.GRU)(inputs, hidden, batch_first=True).to(x.dtype)
        named = dict(zip(("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"), parameters, strict=True))
        start = tuple(value[None] for value in state)
        sequence, final = torch.func.functional_call(layer, named, (x, start if self.kind == "lstm" else start[0]))
        final = final if self.kind == "lstm" else (final,)
        output = sequence @ head[0] + head[1] if head else sequence
        return output, tuple(value[0] for value in final)


def relative_error(value: Tensor, exact: Tensor) -> float:
    return ((value.double() - exact).norm() / exact.norm().clamp_min(1e-30)).item()


@pytest.mark.parametrize("with_head", [True, False], ids=["head", "layer"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_outputs_and_gradients_are_close_to_float64(
    kind: str, sizes: tuple[int, int, int, int], with_head: bool
) -> None:
    problem = Problem(kind, *sizes)
    exact = problem.run(own=False, with_head=with_head, dtype=torch.float64)
    ours = problem.run(own=True, with_head=with_head)
    for name, reference in exact.items():
        # Some ten roundings of one value; a single value may be a sum that cancels.
        assert relative_error(ours[name], reference) <= (2e-5 if reference.numel() == 1 else 1.5e-6), name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hidden", [8, 32])
def test_errors_against_float64_are_of_the_size_of_those_of_pytorch_in_float32(kind: str, hidden: int) -> None:
    ours: dict[str, float] = {}
    single: dict[str, float] = {}
    for seed in range(4):
        problem = Problem(kind, hidden, 33, 129, 1, seed=seed)
        exact = problem.run(own=False, dtype=torch.float64)
        for errors, results in ((ours, problem.run(own=True)), (single, problem.run(own=False))):
            for name, reference in exact.items():
                errors[name] = errors.get(name, 0.0) + relative_error(results[name], reference) / 4
    for name, error in ours.items():
        # The read-out's bias is one number: its error is luck, for PyTorch as for us.
        assert error <= max(3 * single[name], 1e-6 if name == "gradient of b_out" else 0.0), name


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_agree_with_finite_differences(kind: str) -> None:
    """Independent of PyTorch's own derivative: the change of the loss along the gradient, in float32."""
    problem = Problem(kind, 5, 3, 9, 2)
    gradients = problem.run(own=True)

    def loss(step: float) -> float:
        shifted = Problem(kind, 5, 3, 9, 2)
        for tensor, name in zip(shifted.parameters, ("w_ih", "w_hh", "b_ih", "b_hh"), strict=True):
            gradient = gradients[f"gradient of {name}"]
            tensor += step * gradient / gradient.norm()
        results = shifted.run(own=True)
        values = [results["output"], *[results[f"final state{i}"] for i in range(len(shifted.state))]]
        weights = [shifted.loss_weights[0], *shifted.loss_weights[2:]]
        return sum((v.double() * w.double()).sum().item() for v, w in zip(values, weights, strict=True))

    step = 1e-3
    measured = (loss(step) - loss(-step)) / (2 * step)
    expected = sum(gradients[f"gradient of {name}"].norm().item() for name in ("w_ih", "w_hh", "b_ih", "b_hh"))
    assert measured == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hidden", [8, 32])
def test_the_number_of_threads_and_repetition_do_not_change_a_bit(kind: str, hidden: int) -> None:
    problem = Problem(kind, hidden, 70, 90, 1)
    results = []
    for count in (1, 2, 3, 5, 2):
        torch.set_num_threads(count)
        results.append(problem.run(own=True))
    for other in results[1:]:
        for name, value in results[0].items():
            assert torch.equal(value, other[name]), name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cut", [1, 63, 64, 65])
def test_state_carried_over_a_cut_continues_bit_for_bit(kind: str, cut: int) -> None:
    problem = Problem(kind, 12, 3, 150, 1)
    w_ih, w_hh, b_ih, b_hh = problem.parameters

    def call(x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        if kind == "lstm":
            return recurrent.lstm_residual_head(x, (state[0], state[1]), w_ih, w_hh, b_ih + b_hh, *problem.head)
        y, last = recurrent.gru_residual_head(x, state[0], w_ih, w_hh, b_ih, b_hh, *problem.head)
        return y, (last,)

    state = tuple(problem.state)
    whole, whole_final = call(problem.x, state)
    first, middle = call(problem.x[:, :cut], state)
    second, final = call(problem.x[:, cut:], middle)
    assert torch.equal(torch.cat([first, second], dim=1), whole)
    assert all(torch.equal(a, b) for a, b in zip(final, whole_final, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_a_pass_without_gradients_gives_the_same_bits(kind: str) -> None:
    """Such a pass keeps no tape and reuses a few records of memory."""
    problem = Problem(kind, 9, 5, 200, 1)
    trained = problem.run(own=True)["output"]
    with torch.no_grad():
        output, _ = problem._kernels(problem.x, problem.state, problem.parameters, problem.head)
    assert torch.equal(output, trained)
    assert not output.requires_grad


@pytest.mark.parametrize("kind", KINDS)
def test_sequences_of_a_batch_do_not_know_of_each_other(kind: str) -> None:
    problem = Problem(kind, 8, 20, 40, 1)
    full = problem.run(own=True)["output"]
    problem.x, problem.state = problem.x[17:18], [value[17:18] for value in problem.state]
    problem.loss_weights = [weight[17:18] for weight in problem.loss_weights]
    assert torch.equal(problem.run(own=True)["output"], full[17:18])


def test_a_missing_state_is_zeros() -> None:
    problem = Problem("lstm", 8, 4, 30, 1)
    w_ih, w_hh, b_ih, b_hh = problem.parameters
    zeros = torch.zeros(4, 8)
    with_zeros, _ = recurrent.lstm_residual_head(problem.x, (zeros, zeros), w_ih, w_hh, b_ih + b_hh, *problem.head)
    without, _ = recurrent.lstm_residual_head(problem.x, None, w_ih, w_hh, b_ih + b_hh, *problem.head)
    assert torch.equal(with_zeros, without)


def test_memory_layout_of_the_inputs_does_not_matter() -> None:
    problem = Problem("lstm", 8, 6, 50, 2)
    plain = problem.run(own=True)
    problem.x = problem.x.permute(2, 1, 0).contiguous().permute(2, 1, 0)
    problem.parameters[1] = problem.parameters[1].T.contiguous().T
    assert not problem.x.is_contiguous()
    strided = problem.run(own=True)
    for name, value in plain.items():
        assert torch.equal(value, strided[name]), name


@pytest.mark.parametrize("kind", KINDS)
def test_a_gradient_of_the_final_state_alone_is_enough(kind: str) -> None:
    problem = Problem(kind, 8, 4, 30, 1)
    leaf = problem.parameters[1].requires_grad_()
    _, final = problem._kernels(problem.x, problem.state, problem.parameters, problem.head)
    (ours,) = torch.autograd.grad(final[0].sum(), leaf)
    _, final = problem._torch(problem.x, problem.state, problem.parameters, problem.head)
    (theirs,) = torch.autograd.grad(final[0].sum(), leaf)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_backward_may_run_twice_over_a_kept_graph() -> None:
    problem = Problem("lstm", 8, 4, 30, 1)
    leaf = problem.parameters[1].requires_grad_()
    output, _ = problem._kernels(problem.x, problem.state, problem.parameters, problem.head)
    (first,) = torch.autograd.grad(output.sum(), leaf, retain_graph=True)
    (second,) = torch.autograd.grad(output.sum(), leaf)
    assert torch.equal(first, second)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("kind", KINDS)
def test_a_weight_that_is_not_a_number_is_seen_in_output_and_gradient(kind: str, value: float) -> None:
    problem = Problem(kind, 8, 4, 30, 1)
    problem.parameters[1][0, 0] = float("nan")
    problem.head[1][0] = value
    results = problem.run(own=True)
    assert not results["output"].isfinite().any()
    assert not results["gradient of w_hh"].isfinite().all()


@pytest.mark.parametrize("silent", [400, 512])
@pytest.mark.parametrize("kind", KINDS)
def test_a_state_of_rest_that_is_unstable_has_finite_gradients_in_silence(kind: str, silent: int) -> None:
    hidden, batch, frames = 8, 3, 512
    torch.manual_seed(0)
    layer = RestingLSTM(1, hidden) if kind == "lstm" else RestingGRU(1, hidden)
    with torch.no_grad():
        layer.weight_hh_l0[2 * hidden :][:hidden] = 4 * torch.eye(hidden)  # of the candidates: a state feeds itself
    x = 0.1 * torch.randn(batch, frames, 1)
    x[1, :silent] = 0.0
    w_out, b_out = torch.randn(hidden), torch.full((1,), 0.1)

    def gradients(x: Tensor, layer: nn.Module) -> list[Tensor]:
        layer.zero_grad()
        weights = layer_weights(layer)  # type: ignore[arg-type]
        if kind == "lstm":
            y, _ = recurrent.lstm_residual_head(x, None, weights[0], weights[1], weights[2] + weights[3], w_out, b_out)
        else:
            y, _ = recurrent.gru_residual_head(x, None, *weights, w_out, b_out)
        y.square().mean().backward()
        return [each.grad.clone() for each in layer.parameters() if each.grad is not None]

    with_silence = gradients(x, layer)
    assert all(bool(each.isfinite().all()) for each in with_silence)
    # Frames of silence at rest teach nothing: in their place the sequence may as well begin later.
    parts = [gradients(x[[0, 2]], layer)] + ([gradients(x[1:2, silent:], layer)] if silent < frames else [])
    shares = [2 / 3, (frames - silent) / frames / 3]
    expected = [
        sum(share * each for share, each in zip(shares, every, strict=False)) for every in zip(*parts, strict=True)
    ]
    for one, other in zip(with_silence, expected, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-4 * float(other.abs().max()))


@pytest.mark.parametrize("kind", KINDS)
def test_huge_inputs_saturate_without_overflow(kind: str) -> None:
    problem = Problem(kind, 8, 4, 30, 1)
    problem.x *= 1e6
    ours, exact = problem.run(own=True), problem.run(own=False, dtype=torch.float64)
    assert all(value.isfinite().all() for value in ours.values())
    assert relative_error(ours["output"], exact["output"]) < 1e-5


def test_activations_are_exact_to_a_few_ulp() -> None:
    """One unit and one frame, so that the final cell state is i g: with biases of 100 one of the two factors is 1."""
    x = torch.cat([torch.linspace(-9, 9, 4001), torch.logspace(-6, 0, 500), -torch.logspace(-6, 0, 500)])
    tanh_weights = torch.tensor([[0.0], [0.0], [1.0], [0.0]])
    sigmoid_weights = torch.tensor([[1.0], [0.0], [0.0], [0.0]])
    for weights, bias, function, own_ulp, inherited in (
        (tanh_weights, torch.tensor([100.0, -100.0, 0.0, 0.0]), torch.tanh, 3.5, torch.ones_like(x)),
        # a rounding of x changes exp(-x) by |x| times as much
        (sigmoid_weights, torch.tensor([0.0, -100.0, 100.0, 0.0]), torch.sigmoid, 4.1, x.abs()),
    ):
        _, (_, c) = recurrent.lstm_layer(x.reshape(-1, 1, 1), None, weights, torch.zeros(4, 1), bias)
        exact = function(x.double())
        ulp = torch.finfo(torch.float32).eps * 2.0 ** exact.abs().log2().floor()
        error_ulp = (c[:, 0].double() - exact).abs() / ulp
        assert (error_ulp - inherited).max() <= own_ulp


@pytest.mark.parametrize("isa", ["sse2", "avx2", "avx512", "neon"])
def test_every_instruction_set_passes_these_tests(isa: str, repository: Path) -> None:
    if isa not in _kernels.available_isas():
        pytest.skip(f"this machine has no {isa}")
    if os.environ.get("FXENGINE_ISA"):
        pytest.skip("the instruction set is chosen already")
    chosen = "(float64 and not layer) or threads or ulp or saturate or number"
    search = os.pathsep.join(path for path in sys.path if path)
    outcome = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", __file__, "-k", chosen],
        env=os.environ | {"FXENGINE_ISA": isa, "PYTHONPATH": search},
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_an_unknown_instruction_set_is_named(repository: Path) -> None:
    search = os.pathsep.join(path for path in sys.path if path)
    outcome = subprocess.run(
        [sys.executable, "-c", "from fxtrain import _kernels; _kernels.isa()"],
        env=os.environ | {"FXENGINE_ISA": "mmx", "PYTHONPATH": search},
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert outcome.returncode != 0
    assert "FXENGINE_ISA is 'mmx'" in outcome.stderr


def test_supports_says_why_not() -> None:
    x = torch.zeros(2, 3, 1)
    assert recurrent.supports(x, 32)
    assert "float64" in (recurrent.why_unsupported(x.double(), 32) or "")
    assert "meta" in (recurrent.why_unsupported(x.to("meta"), 32) or "")
    assert "257" in (recurrent.why_unsupported(x, 257) or "")
    assert "(2, 3)" in (recurrent.why_unsupported(x[..., 0], 32) or "")
    assert not recurrent.supports(torch.zeros(2, 0, 1), 32)


def test_shapes_that_do_not_fit_are_named() -> None:
    problem = Problem("lstm", 8, 4, 30, 1)
    w_ih, w_hh, b_ih, b_hh = problem.parameters
    bias = b_ih + b_hh
    state = (problem.state[0], problem.state[1])
    with pytest.raises(ValueError, match=r"cell has shape \(3, 8\), expected \(4, 8\)"):
        recurrent.lstm_residual_head(problem.x, (state[0], state[1][:3]), w_ih, w_hh, bias, *problem.head)
    with pytest.raises(ValueError, match=r"input_weight has shape \(24, 1\), expected \(32, 1\)"):
        recurrent.lstm_residual_head(problem.x, state, w_ih[:24], w_hh, bias, *problem.head)
    with pytest.raises(ValueError, match="float32"):
        recurrent.lstm_residual_head(problem.x.double(), state, w_ih, w_hh, bias, *problem.head)
    with pytest.raises(TypeError):
        recurrent.lstm_residual_head(problem.x, state, w_ih.double(), w_hh, bias, *problem.head)


def test_memory_of_past_steps_is_used_again() -> None:
    """Twenty steps whose tapes are 60 MB each leave the process a few tapes larger, not twenty."""
    resource = pytest.importorskip("resource")
    problem = Problem("lstm", 32, 64, 1100, 1)
    problem.run(own=True)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(20):
        problem.run(own=True)
    kilobytes = 1 if sys.platform.startswith("linux") else 1 / 1024
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * kilobytes < 200_000
