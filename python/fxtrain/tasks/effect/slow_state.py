# SPDX-License-Identifier: MIT
"""Which envelopes of the input tell how the gain of a device moves."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from fxtrain.audio.envelopes import USUAL_ENVELOPES, Envelope, follow_envelope
from fxtrain.data import Excerpt

__all__ = ["choose_envelopes"]

_BLOCK_MS = 5.0
_TIMES_MS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
_MOST = 3
_WORTH_ONE = 0.97
"""One more envelope must leave less than this share of the error of those before."""
_FLOOR = 1e-4
"""Amplitude that counts as silence: -80 dB."""
_MOST_FRAMES = 1 << 22

Samples: TypeAlias = NDArray[np.float32]
Columns: TypeAlias = NDArray[np.float64]


def choose_envelopes(excerpts: Sequence[Excerpt], sample_rate: float) -> tuple[Envelope, ...]:
    """Attack and release, in ms, of the one to three envelopes that explain best how a device's gain moves.

    The gain is that of blocks of 5 ms, as a logarithm. A polynomial in the level of the block itself explains what a
    device without memory does; then the envelope that explains most of the rest is added, and again.

    Args:
        excerpts: of the training part.
        sample_rate: in Hz.
    """
    hop = max(1, round(_BLOCK_MS * sample_rate / 1e3))
    stretches = _stretches(excerpts, hop)
    if not stretches:
        return USUAL_ENVELOPES
    blocks = [_blocks(each, hop) for each in stretches]
    levels, gains, weights = (np.concatenate([each[index] for each in blocks]) for index in range(3))
    pairs = [(attack, release) for attack, release in itertools.product(_TIMES_MS, repeat=2) if attack <= release]
    followed = {pair: _followed(stretches, pair, sample_rate, hop) for pair in pairs}
    columns = {pair: weights[:, None] * _columns(levels, value) for pair, value in followed.items()}
    known = _orthonormal(weights[:, None] * np.stack([levels**power for power in range(5)], axis=1))
    unexplained = weights * gains
    unexplained = unexplained - known @ (known.T @ unexplained)
    chosen: list[Envelope] = []
    while len(chosen) < _MOST:
        added = {
            pair: _orthonormal(each - known @ (known.T @ each)) for pair, each in columns.items() if pair not in chosen
        }
        explained = {pair: float(np.sum((each.T @ unexplained) ** 2)) for pair, each in added.items()}
        best = max(explained, key=explained.__getitem__)
        if chosen and explained[best] <= (1 - _WORTH_ONE) * float(unexplained @ unexplained):
            break
        known = np.concatenate([known, added[best]], axis=1)
        unexplained = unexplained - added[best] @ (added[best].T @ unexplained)
        chosen.append(best)
    return tuple(sorted(chosen))


@dataclass(frozen=True, eq=False)
class _Stretch:
    """Dry and wet in whole blocks, and the dry signal before them."""

    dry: Samples
    wet: Samples
    before: Samples


def _stretches(excerpts: Sequence[Excerpt], hop: int) -> list[_Stretch]:
    """The clips of all excerpts, of each excerpt the same share."""
    share = min(1.0, _MOST_FRAMES / max(sum(len(excerpt.input) for excerpt in excerpts), 1))
    found = []
    for excerpt in excerpts:
        for start, end in excerpt.clips():
            end = start + (min(end, round(share * len(excerpt.input))) - start) // hop * hop
            if end > start:
                lead_in = excerpt.lead_in if start == 0 and excerpt.lead_in is not None else excerpt.input[:0]
                found.append(_Stretch(excerpt.input[start:end], excerpt.target[start:end], lead_in))
    return found


def _blocks(stretch: _Stretch, hop: int) -> tuple[Columns, Columns, Columns]:
    """Of each block the dry level and the gain, in nepers, and what its gain is worth: the size of the wet sound."""
    sounds = (stretch.dry, stretch.wet)
    sizes = [np.sqrt(np.square(x.astype(np.float64)).reshape(-1, hop).mean(axis=1)) for x in sounds]
    logs = [np.log(size + _FLOOR) for size in sizes]
    return logs[0], logs[1] - logs[0], sizes[1]


def _followed(stretches: Sequence[_Stretch], pair: Envelope, sample_rate: float, hop: int) -> Columns:
    """The logarithm of an envelope, block by block."""
    found = []
    for each in stretches:
        whole = np.concatenate([each.before, each.dry])[None]
        envelope = follow_envelope(whole, pair, sample_rate)[0][0, len(each.before) :]
        found.append(np.log(envelope.reshape(-1, hop).mean(axis=1, dtype=np.float64) + _FLOOR))
    return np.concatenate(found)


def _columns(levels: Columns, value: Columns) -> Columns:
    """What a polynomial may be made of: the envelope, and how it acts at each level."""
    return np.stack([value, value**2, value**3, value * levels], axis=1)


def _orthonormal(columns: Columns) -> Columns:
    """An orthonormal basis of what columns span."""
    basis: Columns = np.linalg.qr(columns / (np.linalg.norm(columns, axis=0) + 1e-12))[0]
    return basis
