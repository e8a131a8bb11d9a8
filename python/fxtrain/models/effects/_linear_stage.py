# SPDX-License-Identifier: MIT
"""A long filter behind a network: loudspeaker, room or spring, which a recurrent network is too forgetful for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import scipy.fft
import torch
from torch import Tensor, nn

from fxtrain.audio.least_squares import Samples, improve_filter, whitening_filter

__all__ = ["LinearStage"]

_WHITENING_ORDER = 64


class LinearStage(nn.Module):
    """A causal FIR filter without latency. Its taps are found by least squares, not trained step by step.

    They are a buffer: :meth:`solve` finds them between the steps, for the network as it is then. Gradients pass
    through the filter to the network, within a chunk.
    """

    taps: Tensor
    whitening: Tensor

    def __init__(self, num_taps: int) -> None:
        super().__init__()
        self.register_buffer("taps", torch.eye(1, num_taps)[0])  # passes everything on
        self.register_buffer("whitening", torch.eye(1, 1 + min(_WHITENING_ORDER, num_taps - 1))[0])
        self._spectra: dict[tuple[Any, ...], tuple[Tensor, Tensor]] = {}  # taps, and their transform

    def forward(self, x: Tensor, history: Tensor) -> tuple[Tensor, Tensor]:
        """Filters a stretch.

        Args:
            x: shape ``(batch, frames)``.
            history: what came before it, shape ``(batch, num_taps - 1)``.

        Returns:
            The output, shape ``(batch, frames)``, and the history after its last frame.
        """
        past, frames = history.shape[-1], x.shape[-1]
        whole = torch.cat([history.to(x.dtype), x], dim=-1)
        # Overlap-save: the first frames wrap around, and are those of the history.
        return self._convolve(whole, "taps")[:, past : past + frames], whole[:, frames:].detach()

    def solve(self, stretches: Iterable[tuple[Samples, Samples, Samples]]) -> None:
        """Finds better taps.

        Args:
            stretches: the network's output, the target, and ``num_taps - 1`` frames of the output before it.
        """
        taps = improve_filter(self.taps.double().cpu().numpy(), stretches)
        with torch.no_grad():
            self.taps.copy_(torch.from_numpy(taps))
            self.whitening.copy_(torch.from_numpy(whitening_filter(taps, len(self.whitening) - 1)))

    def whiten(self, signal: Tensor) -> Tensor:
        """A signal with the filter's colour taken off, shorter by as many frames as that takes."""
        if signal.shape[-1] < 2 * len(self.whitening):  # a short chunk, of which little or nothing would be left
            signal = nn.functional.pad(signal, (len(self.whitening) - 1, 0))
        return self._convolve(signal, "whitening")[:, len(self.whitening) - 1 : signal.shape[-1]]

    def empty_history(self, batch: int) -> Tensor:
        """Silence before the first frame."""
        return self.taps.new_zeros(batch, len(self.taps) - 1)

    def _convolve(self, signal: Tensor, name: Literal["taps", "whitening"]) -> Tensor:
        """The circular convolution, of a size at which all frames but the first ones are those of the linear one.

        By transforms, for the whitening's few taps too: a convolution layer takes several times as long.
        """
        taps: Tensor = getattr(self, name)
        size: int = scipy.fft.next_fast_len(signal.shape[-1], real=True)
        key = (name, size, signal.dtype, taps.device)
        if key not in self._spectra or not torch.equal(self._spectra[key][0], taps):
            self._spectra[key] = taps.clone(), torch.fft.rfft(taps.to(signal.dtype), size)
        filtered: Tensor = torch.fft.irfft(torch.fft.rfft(signal, size) * self._spectra[key][1], size)
        return filtered
