# SPDX-License-Identifier: MIT
"""What a sample costs without any network: by equal shares, by frequency, and by the sample before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from fxtrain.data.waves import CodedWave, WaveBatch

__all__ = ["Baselines"]

_PSEUDO_COUNT = 0.5


class Baselines:
    """Frequencies of codes and of pairs of codes in the recordings that a model is trained on.

    Codes that were never heard get half a count. A pair's frequency is mixed with that of its second code, which counts
    for as many pairs as the first code has different followers.

    Source: Witten and Bell, "The zero-frequency problem", 1991, method C.
    """

    def __init__(self, train: Sequence[CodedWave], num_codes: int) -> None:
        pairs = np.zeros(num_codes * num_codes, np.int64)
        singles = np.zeros(num_codes, np.int64)
        for wave in train:
            codes = wave.codes.astype(np.int64)
            singles += np.bincount(codes, minlength=num_codes)
            pairs += np.bincount(codes[:-1] * num_codes + codes[1:], minlength=num_codes * num_codes)
        share = (singles + _PSEUDO_COUNT) / (singles.sum() + _PSEUDO_COUNT * num_codes)
        table = pairs.reshape(num_codes, num_codes)
        different = np.maximum(np.count_nonzero(table, axis=1, keepdims=True), 1)
        following = (table + different * share) / (table.sum(axis=1, keepdims=True) + different)
        self.num_codes = num_codes
        self._unigram: NDArray[np.float64] = -np.log2(share)
        self._bigram: NDArray[np.float64] = -np.log2(following)

    def nll_bits(self, batches: Iterable[WaveBatch]) -> dict[str, float]:
        """Mean negative log-likelihood of the samples to predict, in bits: ``uniform``, ``unigram``, ``bigram``."""
        sums, count = np.zeros(2), 0
        for batch in batches:
            following = batch.following.numpy()
            before = batch.codes.numpy()[:, -following.shape[1] :]
            counted = following >= 0
            one, two = following[counted], before[counted]
            sums += self._unigram[one].sum(), self._bigram[two, one].sum()
            count += len(one)
        unigram, bigram = sums / max(count, 1)
        return {"uniform": float(np.log2(self.num_codes)), "unigram": float(unigram), "bigram": float(bigram)}
