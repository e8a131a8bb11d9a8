# SPDX-License-Identifier: MIT
from __future__ import annotations

import numpy as np
import pytest

from fxtrain.audio.mu_law import mu_law_decode, mu_law_encode, silent_code


@pytest.mark.parametrize("mu", [3, 15, 255, 1023])
def test_codes_are_what_decoding_and_encoding_them_gives(mu: int) -> None:
    codes = np.arange(mu + 1)
    assert np.array_equal(mu_law_encode(mu_law_decode(codes, mu), mu), codes)


def test_the_levels_are_those_of_the_formula() -> None:
    for x in (-0.9, -0.01, 0.003, 0.4):
        level = np.sign(x) * np.log(1 + 255 * abs(x)) / np.log(256)
        assert mu_law_encode(np.array([x]))[0] == round((level + 1) / 2 * 255)


def test_a_round_trip_is_off_by_half_a_level_at_most() -> None:
    x = np.linspace(-1, 1, 20001)
    slope = np.log(256) * (1 + 255 * np.abs(x)) / 255  # dx per unit of the compressed level
    error = np.abs(mu_law_decode(mu_law_encode(x)) - x)
    assert np.all(error <= 1.03 * slope / 255)  # half a level of 2 / 255; the slope grows within it
    assert error.max() < 0.022


def test_what_is_beyond_full_scale_is_clipped_and_what_is_no_number_is_silence() -> None:
    codes = mu_law_encode(np.array([-3.0, -1.0, 1.0, 99.0, np.inf, -np.inf, np.nan]))
    assert codes.tolist() == [0, 0, 255, 255, 255, 0, silent_code()]


def test_coding_is_odd_but_for_silence() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, 1000)
    assert np.array_equal(mu_law_encode(-x), 255 - mu_law_encode(x))
    assert abs(float(mu_law_decode(np.array([silent_code()]))[0])) < 1e-4  # no level is at 0: there is an even number
