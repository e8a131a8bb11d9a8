# SPDX-License-Identifier: MIT
"""Sound from a trained WaveNet, one sample after the other.

::

    sample      -R  ...  -1 | 0  1  2 ...        R: the receptive field
    heard       silence     | what was drawn
    condition   silent mels | mel frame 0, 0, ...
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fxtrain.audio.mu_law import mu_law_decode, silent_code
from fxtrain.models.generators._upsampling import MARGIN_FRAMES, SILENT_MEL
from fxtrain.models.generators._wavenet_cache import TorchCache
from fxtrain.models.generators._wavenet_native import is_available, native_cache

if TYPE_CHECKING:
    from fxtrain.models.generators.wavenet import WaveNetGenerator

__all__ = ["Draw", "generate"]

_CHUNK = 4000  # samples between two reports of progress

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Draw:
    """How codes are drawn.

    Attributes:
        seed: the same one gives the same sound.
        temperature: logits are divided by it; below 1 the likely codes become likelier. At 0 the likeliest one is
            taken, which ends in silence or in a constant tone.
    """

    seed: int = 0
    temperature: float = 1.0


@torch.no_grad()
def generate(
    model: WaveNetGenerator,
    num_samples: int,
    draw: Draw = Draw(),
    *,
    label: int | None = None,
    mels: Tensor | None = None,
    native: bool | None = None,
    progress: Progress = lambda done: None,
) -> NDArray[np.float32]:
    """Makes a sound.

    Args:
        model: in evaluation mode.
        num_samples: its length.
        draw: how codes are drawn.
        label: its class, for a model that has classes.
        mels: normalised mel frames to follow, shape ``(bands, frames)``, for a model that takes them.
        native: whether to use the CPU kernels; None uses them where they were built.
        progress: told how many samples are done.

    Returns:
        Shape ``(num_samples,)``, full scale is 1.
    """
    uniforms = np.random.default_rng(draw.seed).random(num_samples)
    condition = _conditions(model, num_samples, mels)
    kind = _Native if (is_available() if native is None else native) else _Torch
    voice = kind(model, label, condition)
    parts = []
    for first in range(0, num_samples, _CHUNK):
        parts.append(voice.next(uniforms[first : first + _CHUNK], draw.temperature))
        progress(min(first + _CHUNK, num_samples))
    return mu_law_decode(np.concatenate(parts), model.mu)


def _conditions(model: WaveNetGenerator, num_samples: int, mels: Tensor | None) -> Tensor | None:
    """The condition of the samples from ``1 - receptive_field`` to ``num_samples``, shape ``(samples, channels)``."""
    if model.upsampling is None or mels is None:
        return None
    hop, past = model.upsampling.hop, model.receptive_field - 1
    before = math.ceil(past / hop) + MARGIN_FRAMES
    behind = max(0, math.ceil((num_samples + 1) / hop) - mels.shape[1]) + MARGIN_FRAMES
    padded = torch.nn.functional.pad(mels.to(model.device), (before, behind), value=SILENT_MEL)
    stretched: Tensor = model.upsampling(padded[None])[0]  # (channels, samples)
    first = before * hop - past
    return stretched[:, first : first + past + num_samples + 1].T.contiguous().cpu()


class _Native:
    """On the kernels of ``fxtrain._kernels``."""

    def __init__(self, model: WaveNetGenerator, label: int | None, condition: Tensor | None) -> None:
        self._network = native_cache(model.stack, label)
        self._condition = None if condition is None else condition.numpy()
        self._at = model.receptive_field
        silence = np.full(self._at, silent_code(model.mu), np.int32)
        self._network.hear(silence, self._rows(0, self._at))

    def next(self, uniforms: NDArray[np.float64], temperature: float) -> NDArray[np.int32]:
        """The next codes."""
        self._at += len(uniforms)
        rows = self._rows(self._at - len(uniforms), self._at)
        return self._network.generate(uniforms, rows, temperature=temperature)

    def _rows(self, first: int, last: int) -> NDArray[np.float32] | None:
        return None if self._condition is None else self._condition[first:last]


class _Torch:
    """The reference, about a hundred times slower."""

    def __init__(self, model: WaveNetGenerator, label: int | None, condition: Tensor | None) -> None:
        device = model.device
        self._cache = TorchCache(model.stack, None if label is None else torch.tensor([label], device=device))
        self._condition = None if condition is None else condition.to(device)
        self._at = 0
        self._code = torch.tensor([silent_code(model.mu)], device=device)
        for _ in range(model.receptive_field):
            self._hear()

    def _hear(self) -> None:
        here = None if self._condition is None else self._condition[self._at : self._at + 1]
        self._logits = self._cache.logits(self._code, here)[0].double().cpu().numpy()
        self._at += 1

    def next(self, uniforms: NDArray[np.float64], temperature: float) -> NDArray[Any]:
        """The next codes."""
        codes = []
        for uniform in uniforms:
            codes.append(_draw(self._logits, float(uniform), temperature))
            self._code = torch.full_like(self._code, codes[-1])
            self._hear()
        return np.array(codes)


def _draw(logits: NDArray[np.float64], uniform: float, temperature: float) -> int:
    """A code by the probabilities of a softmax: the inverse of their running sum at ``uniform``."""
    if temperature <= 0:
        return int(np.argmax(logits))
    likely = np.cumsum(np.exp((logits - logits.max()) / temperature))
    return min(int(np.searchsorted(likely, uniform * likely[-1], side="right")), len(logits) - 1)
