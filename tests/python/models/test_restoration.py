# SPDX-License-Identifier: MIT
from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from fxtrain.data.codec_pairs import CodecBatch
from fxtrain.losses.adversarial import discriminator_loss, feature_distance, generator_loss, gradient_penalty
from fxtrain.models import get_model
from fxtrain.models.generators._restoration import RestorationModel, high_band_distance
from fxtrain.models.generators._spectral import BandSplit, FrameUNet, Spectra, compress, expand, frame_level
from fxtrain.training.protocol import StepContext

RATE = 16000
SIZES: dict[str, dict[str, Any]] = {
    "restore-mse": {"n_fft": 256, "hop": 64, "bands": 8, "channels": 3, "blocks": 2},
    "restore-gan": {"n_fft": 256, "hop": 64, "bands": 8, "channels": 3, "blocks": 2, "discriminator_channels": 2},
    "restore-diffusion": {"n_fft": 256, "hop": 64, "channels": 16, "levels": 1, "blocks": 1, "steps": 4},
}
LATENT = {**SIZES["restore-diffusion"], "domain": "latent", "latents": 8, "latent_frames": 2, "levels": 0, "steps": 2}


def small(name: str, seed: int = 0, size: dict[str, Any] | None = None) -> RestorationModel:
    torch.manual_seed(seed)
    facts = {"sample_rate": RATE, "profile": [-2.0 - 0.01 * index for index in range(129)]}
    model = get_model(name).from_config(size or SIZES[name], loss={}, **facts)
    assert isinstance(model, RestorationModel)
    return model.eval()


@pytest.fixture(params=[*sorted(SIZES), "latent"])
def model(request: pytest.FixtureRequest) -> RestorationModel:
    if request.param in ("restore-diffusion", "latent"):
        pytest.importorskip("diffusers", reason="make generators was not run")
    return small("restore-diffusion", size=LATENT) if request.param == "latent" else small(request.param)


@pytest.mark.parametrize("num_samples", [1, 63, 64, 1000, 4096])
def test_spectra_give_the_signal_back(num_samples: int) -> None:
    spectra = Spectra(256, 64)
    x = torch.randn(2, num_samples, generator=torch.Generator().manual_seed(1))
    transformed = spectra(x)
    assert transformed.shape == (2, spectra.num_frames(num_samples), 129)
    assert torch.allclose(spectra.inverse(transformed, num_samples), x, atol=2e-6)


def test_spectra_of_white_noise_have_its_power_and_a_sine_its_peak() -> None:
    spectra = Spectra(1024, 256)
    x = torch.randn(1, 200_000, generator=torch.Generator().manual_seed(2))
    power = spectra(x)[:, 4:-4, 8:-8].abs().square().mean() / 256
    assert float(power) == pytest.approx(1.0, abs=0.02)
    sine = torch.sin(2 * torch.pi * 100 / 1024 * torch.arange(20_000))[None]
    assert float(spectra(sine)[0, 30:40, 100].abs().mean()) == pytest.approx(spectra.sine_magnitude, rel=1e-3)


def test_compression_is_undone_and_levels_scale() -> None:
    x = torch.complex(*torch.randn(2, 1, 40, 129, generator=torch.Generator().manual_seed(3)))
    assert torch.allclose(expand(compress(x, 0.3), 0.3), x, rtol=1e-4, atol=1e-4)
    assert torch.allclose(frame_level(4 * x), 4 * frame_level(x), rtol=1e-5)


def test_a_band_depends_on_its_own_bins_alone() -> None:
    split = BandSplit(129, 8, 2, 3)
    x = torch.zeros(1, 1, 129, 2)
    before = split(x)
    x[0, 0, 40] = 1.0  # in the third band of 17 bins
    changed = (split(x) != before).reshape(8, 3).any(dim=1)
    assert changed.tolist() == [band == 2 for band in range(8)]


def test_a_u_net_begins_with_silence_and_keeps_its_frames() -> None:
    network = FrameUNet(10, 6, 16, levels=2)
    out = network(torch.randn(2, 8, 10), torch.tensor([0.1, 0.9]))
    assert out.shape == (2, 8, 6)
    assert not out.any()


def test_nothing_below_the_cutoff_is_touched(model: RestorationModel) -> None:
    x = torch.randn(1, 8000, generator=torch.Generator().manual_seed(4)) * 0.1
    noise = model.noise(1, model.spectra.num_frames(8000), torch.Generator().manual_seed(5))
    cutoff = torch.tensor([4000.0])
    with torch.no_grad():
        restored = model.complete(x, cutoff, noise)
    assert restored.high.shape == restored.low.shape == x.shape
    for wave, kept in ((restored.high, slice(0, 1850)), (restored.low, slice(2100, 4001))):  # bins of 2 Hz
        spectrum = torch.fft.rfft(wave[0] * torch.hann_window(8000)).abs()
        total, leaked = spectrum.square().sum(), spectrum[kept].square().sum()
        assert float(leaked) <= 1e-4 * float(total) + 1e-12


def test_a_gain_passes_through(model: RestorationModel) -> None:
    x = torch.randn(1, 6000, generator=torch.Generator().manual_seed(6)) * 0.1
    noise = model.noise(1, model.spectra.num_frames(6000), torch.Generator().manual_seed(7))
    cutoff = torch.tensor([3000.0])
    with torch.no_grad():
        one, other = (model.complete(gain * x, cutoff, noise).high for gain in (1.0, 4.0))
    assert torch.allclose(4 * one, other, rtol=1e-2, atol=1e-3 * float(other.abs().max()))


def test_what_a_frame_becomes_depends_on_its_surroundings_alone(model: RestorationModel) -> None:
    if model.name == "restore-diffusion":
        torch.nn.init.normal_(model.network.out.weight, std=0.1)  # which otherwise begins at 0
    x = torch.randn(1, 64 * 200, generator=torch.Generator().manual_seed(8)) * 0.1
    y = x.clone()
    y[:, 64 * 120 :] = 0.0
    noise = model.noise(1, model.spectra.num_frames(x.shape[1]), torch.Generator().manual_seed(9))
    with torch.no_grad():
        one, other = (model.complete(each, torch.tensor([4000.0]), noise).high for each in (x, y))
    reach = model.look_frames + model.num_passes(None) * model.reach_frames + model.overlap_frames
    same = 64 * (120 - reach)
    assert torch.allclose(one[:, :same], other[:, :same], atol=1e-6)
    assert not torch.allclose(one[:, same:], other[:, same:], atol=1e-6)


def test_the_spectral_loss_is_the_gain_in_nepers_above_the_cutoff() -> None:
    x = torch.randn(2, 16000, generator=torch.Generator().manual_seed(10))
    distance = high_band_distance(0.5 * x, x, torch.tensor([2000.0, 5000.0]), RATE)
    assert float(distance) == pytest.approx(math.log(2), rel=3e-3)  # the floor counts a little
    assert float(high_band_distance(x, x, torch.tensor([2000.0, 5000.0]), RATE)) == 0.0


ONES, ZEROS = [torch.ones(4)], [torch.zeros(4)]


@pytest.mark.parametrize(
    ("kind", "of_discriminator", "of_generator"),
    [
        ("least-squares", 0.0, 1.0),
        ("hinge", 1.0, 0.0),
        ("wasserstein", -1.0, 0.0),
        ("minimax", math.log(1 + math.exp(-1)) + math.log(2), math.log(2)),
    ],
)
def test_adversarial_losses_are_their_closed_forms(kind: Any, of_discriminator: float, of_generator: float) -> None:
    assert float(discriminator_loss(kind, ONES, ZEROS)) == pytest.approx(of_discriminator)
    assert float(generator_loss(kind, ZEROS)) == pytest.approx(of_generator)
    assert float(discriminator_loss(kind, ONES * 2, ZEROS * 2)) == pytest.approx(2 * of_discriminator)


def test_the_gradient_penalty_of_a_linear_score_is_its_slope() -> None:
    x, y = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(11)).double()
    direction = torch.tensor([3.0, 0.0, 4.0, 0.0]).double()  # of length 5
    penalty = gradient_penalty(lambda z: [(z @ direction)[:, None]], x, y, torch.Generator().manual_seed(12))
    assert float(penalty) == pytest.approx(16.0)


def test_features_are_compared_layer_by_layer() -> None:
    real, made = [[torch.zeros(3), torch.zeros(2)]], [[torch.ones(3), torch.full((2,), 3.0)]]
    assert float(feature_distance(real, made)) == pytest.approx(2.0)


@pytest.mark.parametrize("kind", ["least-squares", "hinge", "minimax", "wasserstein"])
def test_both_phases_of_every_loss_have_gradients(kind: str) -> None:
    torch.manual_seed(0)
    facts = {"sample_rate": RATE, "profile": [-2.0] * 129}
    model: Any = get_model("restore-gan").from_config({**SIZES["restore-gan"], "adversarial": kind}, loss={}, **facts)
    x = torch.randn(2, 4096, generator=torch.Generator().manual_seed(13)) * 0.1
    batch = CodecBatch(x, 1.1 * x, torch.tensor([3000.0, 4000.0]))
    context = StepContext.of_training(14, 0)
    context.shared = model.begin_step(batch, context)
    for phase in model.phases():
        model.zero_grad()
        loss, parts = model.loss(batch, phase, context)
        loss.backward(retain_graph=True)
        assert all(bool(torch.isfinite(value)) for value in parts.values())
        grads = [each.grad for each in phase.parameters]
        assert all(grad is not None and bool(torch.isfinite(grad).all()) for grad in grads)
        assert np.mean([float(grad.abs().sum()) > 0 for grad in grads if grad is not None]) > 0.9


def test_a_projected_discriminator_trains_its_heads_alone_and_lets_gradients_through() -> None:
    from fxtrain.models.generators._discriminators import ProjectedDiscriminator

    torch.manual_seed(0)
    network = torch.nn.Linear(64, 12).requires_grad_(False)

    def states(sound: torch.Tensor) -> list[torch.Tensor]:
        heard = network(sound.unfold(1, 64, 64))
        return [heard * depth for depth in range(1, 6)]

    discriminator = ProjectedDiscriminator(states, 12, channels=8)
    sound = torch.randn(2, 64 * 21, requires_grad=True)
    scores = discriminator(sound)
    assert [each.shape for each in scores] == [(2, 1, 21), (2, 1, 11), (2, 1, 6), (2, 1, 3)]
    generator_loss("hinge", scores).backward()
    assert sound.grad is not None
    assert float(sound.grad.abs().min(dim=1).values.max()) >= 0
    assert float(sound.grad.abs().sum()) > 0
    learning = {name for name, each in discriminator.named_parameters() if each.requires_grad}
    assert {name.partition(".")[0] for name in learning} == {"heads"}


def test_a_diffusion_of_the_waveform_keeps_its_length_and_its_noise_has_unit_power() -> None:
    pytest.importorskip("diffusers", reason="make generators was not run")
    torch.manual_seed(0)
    facts = {"sample_rate": RATE, "profile": [-2.0] * 129}
    model: Any = get_model("restore-diffusion").from_config(
        {**SIZES["restore-diffusion"], "domain": "waveform"}, loss={}, **facts
    )
    noise = model.noise(1, model.spectra.num_frames(50_000), torch.Generator().manual_seed(1))
    power = model.domain.noise_of(noise, 50_000).flatten()[500:49_000].square().mean()
    assert float(power) == pytest.approx(1.0, abs=0.05)
    for num_samples in (500, 1000, 4096):
        x = torch.randn(2, num_samples, generator=torch.Generator().manual_seed(2))
        noise = model.noise(2, model.spectra.num_frames(num_samples), torch.Generator().manual_seed(3))
        with torch.no_grad():
            restored = model.complete(x, torch.tensor([3000.0, 5000.0]), noise)
        assert restored.high.shape == restored.low.shape == x.shape


@pytest.mark.parametrize("domain", ["spectrum", "waveform"])
def test_a_state_without_noise_is_the_clean_sound(domain: str) -> None:
    pytest.importorskip("diffusers", reason="make generators was not run")
    facts = {"sample_rate": RATE, "profile": [-2.0] * 129}
    model: Any = get_model("restore-diffusion").from_config(
        {**SIZES["restore-diffusion"], "domain": domain}, loss={}, **facts
    )
    damaged, clean = torch.randn(2, 1, 4000, generator=torch.Generator().manual_seed(4)) * 0.1
    told = model.tell(damaged, torch.tensor([4000.0]))
    high, low = model.domain.spectra_of(model.domain.state_of(clean, told), told, 4000)
    taken = model.spectra.inverse(low, 4000)
    assert torch.allclose(damaged + taken, clean, atol=1e-4)
    added = model.spectra.inverse(high, 4000)
    assert torch.allclose(added if domain == "spectrum" else damaged + added, clean, atol=1e-4)


def codec_batch() -> CodecBatch:
    clean = torch.randn(4, 8192, generator=torch.Generator().manual_seed(15)) * 0.1
    spectrum = torch.fft.rfft(clean)
    spectrum[:, 8192 * 4000 // RATE :] = 0.0
    return CodecBatch(torch.fft.irfft(spectrum), clean, torch.full((4,), 4000.0))


def test_latents_have_unit_power_and_their_noise_is_white() -> None:
    pytest.importorskip("diffusers", reason="make generators was not run")
    model: Any = small("restore-diffusion", size=LATENT)
    batch = codec_batch()
    latents = model.domain.state_of(batch.clean, model.tell(batch.damaged, batch.cutoff_hz))
    assert latents.shape == (4, 65, 8)  # 129 frames, two of them in a row
    assert torch.allclose(latents.square().mean(dim=2), torch.ones(4, 65), atol=1e-2)
    drawn = model.begin(model.noise(1, 20_001, torch.Generator().manual_seed(16)), 64 * 20_000)[0, :-1, :8]
    assert torch.allclose(torch.cov(drawn.T), torch.eye(8), atol=0.05)


def test_the_denoiser_does_not_move_the_autoencoder() -> None:
    pytest.importorskip("diffusers", reason="make generators was not run")
    model: Any = small("restore-diffusion", size=LATENT)
    batch = codec_batch()
    _, parts = model.loss(batch, model.phases()[0], StepContext.of_training(17, 0))
    parts["denoising"].backward(retain_graph=True)
    moved = {name for name, each in model.named_parameters() if each.grad is not None and each.grad.any()}
    assert moved
    assert not any(name.startswith(("domain.encoder", "domain.to_", "domain.decoder")) for name in moved)
    parts["autoencoder"].backward()
    without = {name for name, each in model.named_parameters() if each.grad is None}
    assert not without


def test_an_autoencoder_learns_what_the_mean_profile_does_not_know() -> None:
    pytest.importorskip("diffusers", reason="make generators was not run")
    model: Any = small("restore-diffusion", size=LATENT).train()
    batch = codec_batch()
    clean = batch.clean * torch.linspace(0.5, 2.0, 8192)
    batch = CodecBatch(batch.damaged, clean, batch.cutoff_hz)  # what was taken grows, and what is left does not tell
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    distances = []
    for step in range(80):
        optimizer.zero_grad()
        loss, parts = model.loss(batch, model.phases()[0], StepContext.of_training(18, step))
        loss.backward()
        optimizer.step()
        distances.append(float(parts["autoencoder"].detach()))
    # Two draws of noise differ by about 0.74 nepers in a bin, which no gain can mend.
    assert distances[0] > 1.2
    assert distances[-1] < 0.85
