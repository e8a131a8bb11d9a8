# SPDX-License-Identifier: MIT
"""The synthesised guitar as a signal: level, variety, pitch."""

from __future__ import annotations

import numpy as np
import pytest

from fxtrain import _circuit
from fxtrain.errors import ConfigError
from fxtrain.synthetic import synthesise_guitar

RATE = 48000


@pytest.fixture(scope="module")
def minute():
    return synthesise_guitar(60.0, RATE, seed=5)


def frame_peaks_db(signal, seconds=0.05):
    size = int(seconds * RATE)
    frames = signal[: len(signal) // size * size].reshape(-1, size)
    return 20 * np.log10(np.abs(frames).max(axis=1) + 1e-9)


def test_same_seed_same_music_other_seed_other_music():
    first = synthesise_guitar(5.0, RATE, seed=1)
    np.testing.assert_array_equal(first, synthesise_guitar(5.0, RATE, seed=1))
    assert not np.array_equal(first, synthesise_guitar(5.0, RATE, seed=2))


def test_signal_is_mono_float32_of_the_asked_length():
    for rate in (16000, 44100, 96000):
        signal = synthesise_guitar(2.5, rate, seed=0)
        assert signal.shape == (round(2.5 * rate),)
        assert signal.dtype == np.float32
        assert np.all(np.isfinite(signal))


def test_loudest_moment_peaks_at_minus_1_5_dbfs(minute):
    assert 20 * np.log10(np.abs(minute).max()) == pytest.approx(-1.5, abs=0.01)


def test_every_twelve_seconds_hold_loud_soft_and_silent_moments(minute):
    for part in np.split(minute, 5):
        peaks = frame_peaks_db(part)
        assert np.max(peaks) > -8.0
        assert np.mean((peaks > -40.0) & (peaks < -22.0)) > 0.05
        assert np.min(peaks) < -60.0


def test_spectrum_is_that_of_a_direct_guitar(minute):
    """Most energy between 80 Hz and 1 kHz, little above 6 kHz, next to none below the lowest string."""
    power = np.abs(np.fft.rfft(minute.astype(np.float64))) ** 2
    frequencies = np.fft.rfftfreq(len(minute), 1 / RATE)

    def share(low, high):
        return power[(frequencies >= low) & (frequencies < high)].sum() / power.sum()

    assert share(75, 1000) > 0.6
    assert share(1000, 6000) > 0.02
    assert share(6000, 24000) < 0.01
    assert share(0, 60) < 0.01


def test_signal_has_no_offset(minute):
    assert abs(minute.mean()) < 1e-4


def string(excitation, *, delay, gain=1.0, damping=0.0, pickup_delay=1.0, hop=32):
    controls = -(-len(excitation) // hop) + 1
    tracks = {
        name: np.full(controls, value)
        for name, value in {"delay": delay, "gain": gain, "damping": damping, "pickup_delay": pickup_delay}.items()
    }
    return _circuit.render_string(excitation, **tracks, hop=hop)


def test_string_of_whole_delay_repeats_its_excitation_with_its_gain():
    """y(n) = x(n) + g y(n - N), seen by a pickup that subtracts the wave D frames earlier."""
    impulse = np.zeros(400)
    impulse[0] = 1.0
    expected = np.zeros(400)
    for round_trip in range(4):
        expected[100 * round_trip] += 0.9**round_trip
        expected[100 * round_trip + 7] -= 0.9**round_trip
    np.testing.assert_allclose(string(impulse, delay=100.0, gain=0.9, pickup_delay=7.0), expected, atol=1e-14)


@pytest.mark.parametrize("delay", [45.3, 100.5, 583.9])
def test_string_of_fractional_delay_is_in_tune_to_a_cent(delay):
    impulse = np.zeros(4 * RATE)
    impulse[:8] = np.hanning(10)[1:-1]
    output = string(impulse, delay=delay, gain=0.999, pickup_delay=delay / 5)[RATE // 4 :]
    spectrum = np.abs(np.fft.rfft(output * np.hanning(len(output)), 16 * len(output)))
    around = (np.arange(len(spectrum)) > 0.9 * 16 * len(output) / delay) & (
        np.arange(len(spectrum)) < 1.1 * 16 * len(output) / delay
    )
    peak = np.argmax(np.where(around, spectrum, 0.0)) / (16 * len(output))
    assert abs(1200 * np.log2(peak * delay)) < 1.0


def test_string_at_rest_stays_at_rest():
    assert not np.any(string(np.zeros(1000), delay=50.5, gain=0.99, damping=0.3))


def test_string_refuses_delays_that_it_cannot_hold():
    with pytest.raises(ValueError, match="at least 4 frames"):
        string(np.zeros(64), delay=2.0)
    with pytest.raises(ValueError, match="one value per hop"):
        _circuit.render_string(
            np.zeros(64),
            delay=np.full(2, 10.0),
            gain=np.ones(3),
            damping=np.zeros(3),
            pickup_delay=np.ones(3),
            hop=32,
        )


def test_too_short_or_too_coarse_is_refused():
    with pytest.raises(ConfigError, match=r"0.5 s of guitar"):
        synthesise_guitar(0.5, RATE)
    with pytest.raises(ConfigError, match="8000 Hz"):
        synthesise_guitar(2.0, 8000)
