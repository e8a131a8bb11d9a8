# SPDX-License-Identifier: MIT
"""The low-latency transform, and the models on it: identities, streaming, closed forms, gradients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fxtrain import engine
from fxtrain.audio.least_squares import whitening_of_spectrum
from fxtrain.data import Excerpt
from fxtrain.data.pairs import PairedAudio, PairedAudioConfig
from fxtrain.errors import ConfigError
from fxtrain.formats import get_format
from fxtrain.models import get_model
from fxtrain.models.effects._stft import Stft, asymmetric_windows
from fxtrain.models.effects.stft_mask import _Filtered, _Masked, band_matrix
from fxtrain.training.protocol import StepContext

RATE = 48_000
SIZES = [(64, 16), (512, 64), (1024, 128), (960, 120)]


def made(name: str, config: dict[str, Any] | None = None, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return get_model(name).from_config(config or {}, sample_rate=RATE, loss={}).eval()


def silence_the_nets(model: Any) -> None:
    """Masks of 1 and no overtones; no change of magnitude."""
    with torch.no_grad():
        model.output.weight.zero_()
        model.output.bias.zero_()
        if getattr(model, "branch", None) is not None:
            model.branch.output.weight.zero_()
            model.branch.output.bias.zero_()


@pytest.mark.parametrize(("n_fft", "hop"), SIZES)
def test_the_windows_overlap_to_one(n_fft: int, hop: int) -> None:
    analysis, synthesis = asymmetric_windows(n_fft, hop)
    product = analysis * synthesis
    assert product[: n_fft - 2 * hop] == pytest.approx(0.0)
    assert product[-2 * hop : -hop] + product[-hop:] == pytest.approx(1.0)
    assert np.all(np.diff(analysis[: n_fft - hop]) > 0)  # it looks back for all of n_fft


@pytest.mark.parametrize(("n_fft", "hop"), SIZES)
def test_what_is_transformed_and_back_is_the_same_a_hop_later(n_fft: int, hop: int) -> None:
    stft = Stft(n_fft, hop)
    stft.analysis, stft.synthesis = (torch.from_numpy(each) for each in asymmetric_windows(n_fft, hop))
    x = torch.randn(3, 20 * hop, dtype=torch.float64)
    spectra, _ = stft.analyse(x, stft.empty_past(x))
    y, _ = stft.synthesise(spectra, stft.empty_overlap(x))
    assert torch.allclose(y[:, hop:], x[:, :-hop], atol=1e-13)


@pytest.mark.parametrize("name", ["stft-mask", "stft-lstm"])
@pytest.mark.parametrize(("n_fft", "hop"), [(512, 64), (1024, 128)])
def test_an_empty_model_is_a_pure_delay_of_its_latency(name: str, n_fft: int, hop: int) -> None:
    model = made(name, {"n_fft": n_fft, "hop": hop}).double()
    silence_the_nets(model)
    assert model.latency_frames == 3 * hop
    x = torch.randn(1, 9600, dtype=torch.float64)
    with torch.no_grad():
        y, _ = model(x)
    difference = (y[:, 3 * hop :] - x[:, : -3 * hop]).square().mean() / x.square().mean()
    assert 10 * torch.log10(difference) < -120
    assert torch.all(y[:, : 2 * hop].abs() < 1e-6)


@pytest.mark.parametrize("name", ["stft-mask", "stft-lstm"])
def test_the_future_does_not_matter(name: str) -> None:
    model = made(name, {"n_fft": 512, "hop": 64}, seed=1).double()
    x = torch.randn(1, 6400, dtype=torch.float64)
    other = x.clone()
    other[:, 3200:] = torch.randn(1, 3200, dtype=torch.float64)
    with torch.no_grad():
        one, two = model(x)[0], model(other)[0]
    assert torch.allclose(one[:, :3200], two[:, :3200], rtol=0, atol=1e-12)
    assert not torch.allclose(one[:, 3200 + model.latency_frames :], two[:, 3200 + model.latency_frames :])


@pytest.mark.parametrize("name", ["stft-mask", "stft-lstm"])
def test_hops_played_one_by_one_are_those_played_at_once(name: str) -> None:
    model = made(name, {"n_fft": 512, "hop": 64}, seed=2).double()
    x = torch.randn(2, 40 * 64, dtype=torch.float64)
    with torch.no_grad():
        whole, _ = model(x)
        parts, state = [], None
        for hops in x.split([64, 192, 64, 64 * 35], dim=1):
            y, state = model(hops, state)
            parts.append(y)
    assert torch.allclose(torch.cat(parts, dim=1), whole, atol=1e-12)


def test_bands_add_up_to_one_at_every_frequency() -> None:
    matrix = band_matrix(513, 24, RATE)
    assert matrix.sum(axis=1) == pytest.approx(1.0)
    assert np.count_nonzero(matrix, axis=1).max() == 2
    centres = matrix.argmax(axis=0)
    assert np.all(np.diff(centres) > 0)
    assert np.diff(centres)[-1] > 5 * np.diff(centres)[0]  # wider bands above


def test_filters_of_a_device_that_is_linear_are_found_in_one_step() -> None:
    """A filter shorter than the memory, behind the transform: what is left is the aliasing between frequencies."""
    generator = np.random.default_rng(0)
    response = generator.standard_normal(600) * np.exp(-np.arange(600) / 120)
    x = generator.standard_normal(120_000).astype(np.float32)
    target = np.convolve(x, response)[: len(x)].astype(np.float32)
    model = made("stft-mask", {"n_fft": 512, "hop": 64, "memory": 16, "branch_size": 0})
    silence_the_nets(model)
    options = type(model).provider_options(model.config)
    provider = PairedAudio(
        PairedAudioConfig(chunk_frames=4096, sequence_frames=16384),
        [Excerpt(input=x[:90_000], target=target[:90_000])],
        [Excerpt(input=x[90_000:], target=target[90_000:], lead_in=x[80_000:90_000])],
        batch_size=4,
        seed=0,
        **options,
    )

    def esr() -> float:
        with torch.no_grad():
            error, energy = model.validate(next(iter(provider.validation())), None)["esr"]
        return error / energy

    before = esr()
    model.solve(provider)
    assert esr() < 0.02 < before
    first = esr()
    model.solve(provider)
    assert esr() < 1.01 * first  # a step never raises the error, but for what frequencies do to each other


def test_the_whitening_filter_flattens_a_spectrum() -> None:
    hz = np.fft.rfftfreq(1024)
    power = 1 / (1 + (hz / 0.02) ** 2)
    taps = whitening_of_spectrum(power, 16)
    flat = power * np.abs(np.fft.rfft(taps, 1024)) ** 2
    assert flat.max() / flat.min() < 2 < power.max() / power.min()


def test_gradients_agree_with_differences() -> None:
    config = {"n_fft": 64, "hop": 16, "branch_size": 2, "bands": 3, "hidden_size": 2, "memory": 3}
    model = made("stft-mask", config, seed=3).double()
    x, target = torch.randn(2, 2, 96, dtype=torch.float64)
    with torch.no_grad():
        model.filters += 0.1 * torch.randn_like(model.filters)

    def loss() -> torch.Tensor:
        y, _ = model(x)
        return (y[:, 48:] - target[:, :-48]).square().mean()

    value = loss()
    value.backward()
    for parameter in (model.branch.recurrent.weight_hh_l0, model.output.weight, model.recurrent.weight_ih_l0):
        with torch.no_grad():
            flat, gradient = parameter.view(-1), parameter.grad.view(-1)
            step = 1e-6
            flat[1] += step
            above = loss()
            flat[1] -= 2 * step
            below = loss()
            flat[1] += step
        assert float(gradient[1]) == pytest.approx(float(above - below) / (2 * step), rel=1e-5, abs=1e-9)


@pytest.mark.parametrize(("n_fft", "hop"), [(16, 4), (20, 3)])
def test_gradients_of_transform_masks_and_filters_are_exact(n_fft: int, hop: int) -> None:
    torch.manual_seed(0)
    stft = Stft(n_fft, hop).double()
    x = torch.randn(2, 5 * hop, dtype=torch.float64, requires_grad=True)
    past = torch.randn(2, n_fft - hop, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: stft.analyse(x, past)[0], [x])

    spectra, before = torch.randn(2, 1, 2, 4, 5, dtype=torch.complex128)
    filters = torch.randn(2, 4, 5, dtype=torch.complex128)
    masks = torch.rand(1, 2, 4, 5, dtype=torch.float64)

    def answer(spectra: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        return _Filtered.apply(_Masked.apply(spectra, masks), before[:, :, :3], filters)

    assert torch.autograd.gradcheck(answer, [spectra.requires_grad_(), masks.requires_grad_()])


def test_the_late_target_is_compared_frame_by_frame() -> None:
    """An empty model on a target that is its input has no loss, in the first chunk and in those that follow."""
    model = made("stft-mask", {"n_fft": 256, "hop": 32, "memory": 1})
    silence_the_nets(model)
    x = np.random.default_rng(1).standard_normal(40_000).astype(np.float32)
    provider = PairedAudio(
        PairedAudioConfig(chunk_frames=1024, sequence_frames=4096),
        [Excerpt(input=x, target=x)],
        [Excerpt(input=x, target=x)],
        batch_size=2,
        seed=0,
        **type(model).provider_options(model.config),
    )
    phase = model.phases()[0]
    for step in range(4):
        _, parts = model.loss(provider.batch(step), phase, StepContext.of_training(0, step))
        assert float(parts["esr"]) < 1e-9, step
    with torch.no_grad():
        error, energy = model.validate(next(iter(provider.validation())), None)["esr"]
    assert error / energy < 1e-9


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"n_fft": 256, "hop": 128}, "n_fft is 256 and hop 128; expected an even n_fft of at least four hops"),
        ({"n_fft": 510, "hop": 64}, "n_fft is 510; expected a product of 2, 3 and 5"),
    ],
)
@pytest.mark.parametrize("name", ["stft-mask", "stft-lstm"])
def test_transforms_that_cannot_be_played_are_refused(name: str, table: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        made(name, table)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("stft-mask", {"n_fft": 512, "hop": 64, "memory": 5}),
        ("stft-mask", {"n_fft": 128, "hop": 32, "memory": 6}),
        ("stft-mask", {"n_fft": 128, "hop": 32, "memory": 64}),
        ("stft-mask", {"n_fft": 240, "hop": 40, "branch_size": 0, "bands": 1, "memory": 1}),
        ("stft-lstm", {"n_fft": 256, "hop": 32, "hidden_size": 12}),
    ],
)
def test_a_file_plays_as_the_model_that_it_was_written_from(name: str, config: dict[str, int], tmp_path: Path) -> None:
    model = made(name, config, seed=5)
    if name == "stft-mask":
        with torch.no_grad():
            model.filters += 0.05 * torch.randn_like(model.filters)
    document = get_format("stft").document(model, sample_rate=RATE, metadata={})
    assert document["metadata"]["latency_samples"] == model.latency_frames
    x = 0.3 * torch.randn(2, 5000)
    with torch.no_grad():
        expected, _ = model(torch.nn.functional.pad(x, (0, model.latency_frames)))
    played = get_format("stft").reference(document, "the model")(x)
    assert torch.allclose(played, expected[:, model.latency_frames :], atol=2e-6)
    model.export(tmp_path / "model.json")
    in_engine = engine.load(tmp_path / "model.json").play(x[0].numpy())
    assert np.abs(in_engine - played[0].numpy()).max() < 5e-6
