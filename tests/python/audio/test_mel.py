# SPDX-License-Identifier: MIT
from __future__ import annotations

import numpy as np
import pytest
import torch

from fxtrain.audio.mel import hz_to_mel, mel_filterbank, mel_to_hz
from fxtrain.errors import ConfigError
from fxtrain.losses.mel import LogMel, MelConfig


def test_the_scale_is_linear_to_1_khz_and_logarithmic_above() -> None:
    assert hz_to_mel(np.array([0.0, 500.0, 1000.0])).tolist() == pytest.approx([0.0, 7.5, 15.0])
    octaves = hz_to_mel(np.array([1000.0, 2000.0, 4000.0, 8000.0]))
    assert np.diff(octaves) == pytest.approx([np.log(2) * 27 / np.log(6.4)] * 3)
    hz = np.linspace(0, 20000, 100)
    assert mel_to_hz(hz_to_mel(hz)) == pytest.approx(hz)


def test_filters_have_unit_area_over_frequency() -> None:
    filters = mel_filterbank(16000, 8192, 40)
    assert filters.shape == (40, 4097)
    assert (filters >= 0).all()
    assert filters.sum(axis=1) * (16000 / 8192) == pytest.approx(np.ones(40), rel=0.01)


def test_no_band_is_empty_where_bands_are_narrower_than_bins() -> None:
    assert (mel_filterbank(8000, 128, 80).sum(axis=1) > 0).all()


def test_edges_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="at most 4000 Hz"):
        mel_filterbank(8000, 512, 20, highest_hz=5000)


def test_n_samples_give_n_over_hop_frames_aligned_to_them() -> None:
    mel = LogMel(MelConfig(n_fft=256, hop=64, bands=20), 8000)
    for num_samples in (64, 100, 256, 6400, 6401):
        assert mel(torch.zeros(1, num_samples)).shape == (1, 20, num_samples // 64)
    click = torch.zeros(1, 64 * 40)
    click[0, 64 * 20 + 32] = 1.0
    energy = mel(click)[0].exp().sum(dim=0)
    assert int(energy.argmax()) == 20
    assert energy[19] == pytest.approx(float(energy[21]), rel=1e-3)


def test_the_level_of_a_sine_is_that_of_its_band() -> None:
    mel = LogMel(MelConfig(n_fft=1024, hop=256, bands=40), 16000)
    sine = torch.sin(2 * torch.pi * 1000 * torch.arange(16000) / 16000)[None]
    loud, soft = mel(sine)[0, :, 30], mel(0.1 * sine)[0, :, 30]
    band = int(loud.argmax())
    assert float(loud[band] - soft[band]) == pytest.approx(np.log(10), abs=1e-3)
    centre = float(mel_to_hz(hz_to_mel(8000.0) * (band + 1) / 41))
    assert abs(centre - 1000) < 120
