# SPDX-License-Identifier: MIT
"""What a vocoder of hidden states has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from fxtrain.audio.griffin_lim import griffin_lim
from fxtrain.audio.mel import mel_filterbank
from fxtrain.data.features import Utterance

__all__ = ["MelRegression", "sound_of_mels", "state_mels"]

Matrix = NDArray[np.float64]

_BANDS = 80
_FLOOR = 1e-5
_RIDGE = 1e-2  # relative to the mean variance of a feature
_MOST_FRAMES = 40_000


def state_mels(sound: NDArray[np.floating[Any]], sample_rate: int, frames: int) -> Matrix:
    """Log-mel frames that stand where hidden states do; shape ``(frames, 80)``."""
    hop = sample_rate // 50
    n_fft = 4 * hop
    padded = np.pad(np.asarray(sound, dtype=np.float64), ((n_fft - hop) // 2, n_fft))
    windows = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop][:frames]
    magnitudes = np.abs(np.fft.rfft(windows * _window(n_fft), axis=1))
    return np.log(np.maximum(magnitudes @ mel_filterbank(sample_rate, n_fft, _BANDS).T, _FLOOR))


def sound_of_mels(mels: Matrix, sample_rate: int) -> NDArray[np.float64]:
    """Sound whose magnitudes fit log-mel frames, by Griffin and Lim's algorithm."""
    hop = sample_rate // 50
    n_fft = 4 * hop
    inverse = np.linalg.pinv(mel_filterbank(sample_rate, n_fft, _BANDS))
    magnitudes = np.maximum(np.exp(mels) @ inverse.T, 0.0)
    start = (n_fft - hop) // 2
    return griffin_lim(magnitudes, _window(n_fft), hop)[start : start + len(mels) * hop]


@dataclass(frozen=True, eq=False)
class MelRegression:
    """Log-mel frames as a linear function of hidden states, by ridge regression.

    Attributes:
        weights: shape ``(features, 80)``.
        mean_states: of the training material, shape ``(features,)``.
        mean_mel: the same of its mels, shape ``(80,)``.
    """

    weights: Matrix
    mean_states: Matrix
    mean_mel: Matrix

    @classmethod
    def fit(cls, utterances: Sequence[Utterance], sample_rate: int) -> MelRegression:
        """Fits it to at most 40 000 frames."""
        states: list[Matrix] = []
        mels: list[Matrix] = []
        for each in utterances:
            features = _flat(each.states)
            states.append(features)
            mels.append(state_mels(each.target, sample_rate, len(features)))
            if sum(map(len, states)) >= _MOST_FRAMES:
                break
        x, y = np.concatenate(states), np.concatenate(mels)
        mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
        x, y = x - mean_x, y - mean_y
        gram = x.T @ x
        gram[np.diag_indices_from(gram)] += _RIDGE * np.trace(gram) / len(gram)
        return cls(np.linalg.solve(gram, x.T @ y), mean_x, mean_y)

    def predict(self, states: NDArray[np.floating[Any]]) -> Matrix:
        """Log-mel frames of hidden states of shape ``(layers, frames, width)``."""
        return (_flat(states) - self.mean_states) @ self.weights + self.mean_mel


def _flat(states: NDArray[np.floating[Any]]) -> Matrix:
    """All layers of a frame in one row."""
    return np.asarray(states, dtype=np.float64).transpose(1, 0, 2).reshape(states.shape[1], -1)


def _window(n_fft: int) -> Matrix:
    return np.asarray(scipy.signal.get_window("hann", n_fft))
