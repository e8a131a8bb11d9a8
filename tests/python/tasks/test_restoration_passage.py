# SPDX-License-Identifier: MIT
"""A recording through a restoration model window by window, against the whole at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from fxtrain.models import get_model
from fxtrain.models.generators._restoration import RestorationModel
from fxtrain.tasks.restoration.restorer import FrameNoise, Restorer

RATE = 16_000
SECONDS = 5.0
BANDS = {"n_fft": 256, "hop": 64, "bands": 8, "channels": 3, "blocks": 2}
STEPS = {"channels": 16, "levels": 1, "blocks": 1, "steps": 5}
LATENT = {"domain": "latent", "latents": 6, "latent_frames": 2, "levels": 0, "steps": 3}
SIZES: dict[str, tuple[str, dict[str, Any]]] = {
    "mse": ("restore-mse", BANDS),
    "gan": ("restore-gan", {**BANDS, "discriminator_channels": 2}),
    "spectrum": ("restore-diffusion", {**STEPS, "n_fft": 256, "hop": 64}),
    "waveform": ("restore-diffusion", {**STEPS, "n_fft": 256, "hop": 64, "domain": "waveform"}),
    "latent": ("restore-diffusion", {**STEPS, **LATENT, "n_fft": 256, "hop": 64}),
    "patches across frames": ("restore-diffusion", {**STEPS, "n_fft": 192, "hop": 48, "domain": "waveform"}),
}


@pytest.fixture(params=sorted(SIZES))
def model(request: pytest.FixtureRequest) -> RestorationModel:
    name, size = SIZES[request.param]
    if name == "restore-diffusion":
        pytest.importorskip("diffusers", reason="make generators was not run")
    torch.manual_seed(1)
    made = get_model(name).from_config(size, loss={}, sample_rate=RATE, profile=[-2.0] * (size["n_fft"] // 2 + 1))
    assert isinstance(made, RestorationModel)
    if name == "restore-diffusion":
        torch.nn.init.normal_(made.network.out.weight, std=0.1)  # which otherwise begins at 0
    return made.eval()


def noise(seconds: float = SECONDS, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(2).normal(0, 0.1, (channels, int(seconds * RATE))).astype(np.float32)


def added(model: RestorationModel, sound: np.ndarray, block: int = 1 << 16) -> np.ndarray:
    """What is added above 4 kHz to sound that comes in blocks."""
    parts: list[np.ndarray] = []
    blocks = (sound[:, start : start + block] for start in range(0, sound.shape[1], block))
    assert Restorer(model, RATE, len(sound), 4000.0, seed=3).run(blocks, parts.append) == sound.shape[1]
    return np.concatenate(parts, axis=1) - sound


def test_windows_give_what_the_whole_recording_gives(model: RestorationModel, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = noise()
    drawn = FrameNoise(3, 0, model.spectra.num_bins).frames(0, model.spectra.num_frames(sound.shape[1]))
    with torch.no_grad():
        whole = model.complete(torch.from_numpy(sound), torch.tensor([4000.0]), drawn).high.numpy()
    monkeypatch.setattr("fxtrain.tasks.restoration.restorer._CHUNK_FRAMES", 96)
    inner = slice(RATE, -RATE)  # to the windows, a recording begins and ends with silence, which the model also hears
    difference = added(model, sound, 999)[:, inner] - whole[:, inner]
    assert np.abs(difference).max() < 1e-5 * np.abs(whole).max()  # -100 dB


@pytest.mark.parametrize("seconds", [0.1, 0.77, 3.003])
def test_windows_of_any_length_give_the_same(
    model: RestorationModel, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = noise(seconds, 2)
    one = added(model, sound)
    monkeypatch.setattr("fxtrain.tasks.restoration.restorer._CHUNK_FRAMES", 32)
    other = added(model, sound, 1234)
    assert np.abs(one).max() > 1e-3
    assert np.abs(one - other).max() < 1e-5 * np.abs(one).max()


def test_silence_stays_silent_in_windows_of_any_length(
    model: RestorationModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = noise()
    sound[:, RATE : 4 * RATE] = 0.0
    one = added(model, sound)
    reach = model.look_frames * model.spectra.hop
    assert np.abs(one[:, RATE + reach : 4 * RATE - reach]).max() < 1e-6
    monkeypatch.setattr("fxtrain.tasks.restoration.restorer._CHUNK_FRAMES", 64)
    assert np.abs(one - added(model, sound)).max() < 1e-5 * np.abs(one).max()
