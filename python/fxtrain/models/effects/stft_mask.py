# SPDX-License-Identifier: MIT
"""Masks and long filters on a short-time Fourier transform, behind a small recurrent network on the waveform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.autograd import Function

from fxtrain.audio.least_squares import whitening_of_spectrum
from fxtrain.config import configuration
from fxtrain.data.pairs import PairBatch, PairedAudio
from fxtrain.losses import Loss
from fxtrain.models.effects import _recurrent_cpu
from fxtrain.models.effects._effect import State
from fxtrain.models.effects._resting import RestingGRU, RestingLSTM, layer_weights
from fxtrain.models.effects._stft import Stft, StftModel
from fxtrain.models.effects.stft_lstm import require_hop

__all__ = ["StftMask", "StftMaskConfig", "band_matrix"]

_SOLVED_FRAMES = 1 << 20
_STREAMS_AT_A_TIME = 8
_RIDGE = 1e-3
_WHITENING_ORDER = 64


@configuration
class StftMaskConfig:
    """Size of the model.

    Attributes:
        n_fft: frames of a transform.
        hop: frames between two transforms. The model is late by three of these.
        branch_size: units of the recurrent network on the waveform, which makes the overtones; 0 leaves it out.
        bands: in which the masks are found.
        hidden_size: units of the recurrent network that finds them.
        memory: hops for which each frequency rings on.
    """

    n_fft: Annotated[int, Field(ge=64, le=2046)] = 1024
    hop: Annotated[int, Field(ge=16, le=512)] = 128
    branch_size: Annotated[int, Field(ge=0, le=64)] = 16
    bands: Annotated[int, Field(ge=1, le=64)] = 24
    hidden_size: Annotated[int, Field(ge=1, le=128)] = 24
    memory: Annotated[int, Field(ge=1, le=256)] = 64

    def __post_init__(self) -> None:
        require_hop(self.n_fft, self.hop)


def band_matrix(num_bins: int, num_bands: int, sample_rate: float) -> NDArray[np.float64]:
    """Triangles, evenly spaced on the ERB-rate scale, that add up to 1 at every frequency.

    Args:
        num_bins: frequencies from 0 to half the sample rate.
        num_bands: triangles.
        sample_rate: in Hz.

    Returns:
        Shape ``(num_bins, num_bands)``.

    Source: Glasberg and Moore, "Derivation of auditory filter shapes from notched-noise data", 1990, for the scale.
    """
    hz = np.arange(num_bins) * sample_rate / (2 * (num_bins - 1)) if num_bins > 1 else np.zeros(1)
    rate = 21.4 * np.log10(1 + 0.00437 * hz)
    position = rate / max(rate[-1], 1e-9) * (num_bands - 1)
    made: NDArray[np.float64] = np.maximum(0.0, 1.0 - np.abs(position[:, None] - np.arange(num_bands)))
    return made


class StftMask(StftModel):
    """What is played, and what a small recurrent network makes of it, each masked and filtered per frequency::

        u_0 = x            u_1[n] = <h[n], w>                   h: an LSTM on the waveform
        g_k[t] = 2 sigmoid(W m[t] + b)                          m: a GRU on the log energies of x in bands
        Y[t, f] = sum_k sum_i H_k[f, i] g_k[t-i, f] U_k[t-i, f]       i < memory

    The LSTM makes overtones, which no mask can; the masks make what changes with the playing; the filters, one complex
    one for each frequency, make tone, loudspeaker and room. The filters have a closed form and are solved for between
    the steps; gradients reach the rest through them. With masks of 1 and a filter of one tap the output is the input.

    Sources: Avargel and Cohen, "System identification in the short-time Fourier transform domain with crossband
    filtering", 2007, for filters along time in each band; Schroter et al., "DeepFilterNet", 2022, for masks in ERB
    bands before a filter across frames.
    """

    name = "stft-mask"
    summary = "masks and long filters on an STFT: for cabinets, rooms and reverbs, at a few milliseconds of latency"
    Config = StftMaskConfig
    loss_defaults: ClassVar[Mapping[str, Any]] = {"spectral": 0.5}

    config: StftMaskConfig
    filters: Tensor
    whitening: Tensor
    bands: Tensor

    def __init__(
        self,
        config: StftMaskConfig | None = None,
        loss_function: Loss | None = None,
        sample_rate: int = 48000,
        **settings: Any,
    ) -> None:
        config, loss_function = self.complete(config, loss_function, sample_rate, settings)
        super().__init__(config, loss_function, sample_rate)
        self.stft = Stft(config.n_fft, config.hop)
        self.num_channels = 2 if config.branch_size else 1
        bins = self.stft.num_bins
        self.branch = _Branch(config.branch_size) if config.branch_size else None
        self.register_buffer(
            "bands", torch.from_numpy(band_matrix(bins, config.bands, sample_rate)).float(), persistent=False
        )
        self.recurrent = RestingGRU(config.bands, config.hidden_size)
        self.output = nn.Linear(config.hidden_size, self.num_channels * config.bands)
        nn.init.zeros_(self.output.bias)
        nn.init.normal_(self.output.weight, std=1e-2)
        # Channel, hop, frequency, and real and imaginary part.
        self.register_buffer("filters", torch.zeros(self.num_channels, config.memory, bins, 2))
        self.filters[:, 0, :, 0] = 1.0
        self.register_buffer("whitening", torch.eye(1, 1 + min(_WHITENING_ORDER, config.n_fft // 4))[0])

    @classmethod
    def provider_options(cls, config: StftMaskConfig) -> dict[str, Any]:
        """Chunks of whole hops, and sequences that are warmed up for as long as the filters ring."""
        return {**super().provider_options(config), "memory_frames": config.memory * config.hop + config.n_fft}

    def fresh_state(self, x: Tensor) -> State:
        """Branch, past of the transforms, masks, past of the filters, overlap of the inverse."""
        batch, channels = len(x), self.num_channels
        branch = () if self.branch is None else self.branch.fresh_state(x)
        dtype = torch.complex128 if x.dtype == torch.float64 else torch.complex64
        return (
            *branch,
            x.new_zeros(channels * batch, self.stft.n_fft - self.stft.hop),
            x.new_zeros(1, batch, self.config.hidden_size),
            torch.zeros(batch, channels, self.config.memory - 1, self.stft.num_bins, dtype=dtype, device=x.device),
            self.stft.empty_overlap(x),
        )

    def state_layout(self) -> list[tuple[int, int]]:
        """As :meth:`StftModel.state_layout`; the channels lie behind each other."""
        branch = 0 if self.branch is None else len(self.branch.fresh_state(self.whitening.new_zeros(1, 1)))
        return [*[(1, 1)] * branch, (0, self.num_channels), (1, 1), (0, 1), (0, 1)]

    def play_hops(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """As :meth:`StftModel.play_hops`."""
        *before, masked_past, overlap = state
        masked, own = self._masked(x, tuple(before))
        filters = torch.view_as_complex(self.filters.to(x.dtype).contiguous())
        answered: Tensor = _Filtered.apply(masked, masked_past, filters)  # type: ignore[no-untyped-call]
        y, overlap = self.stft.synthesise(answered, overlap)
        hops, kept = masked.shape[2], masked_past.shape[2]
        last = torch.cat([masked_past[:, :, hops:], masked[:, :, max(hops - kept, 0) :]], dim=2)
        return y, (*own, last.detach(), overlap)

    def _masked(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Spectra of all channels behind their masks, shape ``(batch, channels, hops, bins)``."""
        *branch, past, hidden = state
        channels = [x]
        if self.branch is not None:
            y, branch = self.branch(x, tuple(branch))
            channels.append(y)
        spectra, past = self.stft.analyse(torch.cat(channels), past)
        spectra = spectra.view(self.num_channels, len(x), *spectra.shape[1:]).transpose(0, 1)
        masks, hidden = self._masks(spectra[:, 0], hidden)
        masked: Tensor = _Masked.apply(spectra, masks)  # type: ignore[no-untyped-call]
        return masked, (*branch, past, hidden)

    def _masks(self, spectrum: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Gains of each channel, hop and frequency."""
        scale = 2 / float(self.stft.analysis.sum())
        energy = (spectrum.real.square() + spectrum.imag.square()) * scale**2 @ self.bands.to(spectrum.real.dtype)
        features = torch.log10(energy + 1e-9) / 4.5 + 1  # from -1 in silence to 1 at full scale
        answers, hidden = self.recurrent(features, hidden)
        gains = 2 * torch.sigmoid(self.output(answers))
        gains = gains.view(*gains.shape[:-1], self.num_channels, self.config.bands)
        return (gains @ self.bands.T.to(gains.dtype)).transpose(1, 2), hidden

    def whiten(self, signal: Tensor) -> Tensor:
        """A signal with the filters' colour taken off, as behind a linear stage: see :meth:`EffectModel.loss`."""
        frames = signal.shape[-1]
        size = scipy.fft.next_fast_len(frames + len(self.whitening) - 1, real=True)
        spectrum = torch.fft.rfft(signal, size) * torch.fft.rfft(self.whitening.to(signal.dtype), size)
        filtered: Tensor = torch.fft.irfft(spectrum, size)[:, :frames]
        return filtered

    def solve(self, provider: PairedAudio) -> None:
        """Finds the filters for branch and masks as they are: a step of least squares in each frequency."""
        channels, memory, bins = self.num_channels, self.config.memory, self.stft.num_bins
        filters = torch.view_as_complex(self.filters.double()).cpu().numpy()
        correlation = np.zeros((channels, channels, 2 * memory - 1, bins), np.complex128)
        slope = np.zeros((channels, memory, bins), np.complex128)
        powers = np.zeros((2, bins))  # of the masked input and of the target
        for batch in provider.sample(_SOLVED_FRAMES):
            for masked, history, target in self._solved_parts(batch):
                _gather(masked, history, target, filters, correlation, slope)
                powers[0] += np.sum(np.abs(masked) ** 2, axis=(0, 1, 2))
                powers[1] += np.sum(np.abs(target) ** 2, axis=(0, 1))
        filters = filters + _step(correlation, slope)
        with torch.no_grad():
            solved = torch.view_as_real(torch.from_numpy(filters.astype(np.complex64)).contiguous())
            self.filters.copy_(solved)
            colour = powers[1] / (powers[0] + 1e-3 * powers[0].mean() + 1e-30)
            self.whitening.copy_(torch.from_numpy(whitening_of_spectrum(colour, len(self.whitening) - 1)))

    def _solved_parts(self, batch: PairBatch) -> Any:
        """Masked spectra, those before them, and spectra of the target, some streams at a time, as arrays."""
        hop = self.stft.hop
        with torch.no_grad():
            for first in range(0, len(batch.input), _STREAMS_AT_A_TIME):
                rows = slice(first, first + _STREAMS_AT_A_TIME)
                x, target = batch.input[rows].to(self.device), batch.target[rows].to(self.device)
                warm_up = batch.warm_up[rows].to(self.device) if batch.warm_up is not None else x[:, :0]
                whole = torch.cat([warm_up, x], dim=-1)
                whole = whole[:, whole.shape[-1] % hop :]
                masked, _ = self._masked(whole, self.fresh_state(whole)[:-2])
                hops = x.shape[-1] // hop
                late = torch.cat([target.new_zeros(len(x), self.stft.n_fft - hop), target], dim=-1)
                cut = late[:, late.shape[-1] - self.stft.n_fft - (hops - 1) * hop :]
                spectra, _ = self.stft.analyse(cut[:, self.stft.n_fft - hop :], cut[:, : self.stft.n_fft - hop])
                skip = -(-self.stft.n_fft // hop)  # hops whose window reaches before the target
                scale = batch.weight[rows].sqrt().view(-1, 1, 1).cpu().numpy()
                own = masked[:, :, masked.shape[2] - hops :].cpu().numpy()
                earlier = masked[:, :, : masked.shape[2] - hops].cpu().numpy()
                history = np.zeros((len(x), self.num_channels, self.config.memory - 1, own.shape[-1]), own.dtype)
                kept = min(history.shape[2], earlier.shape[2])
                if kept:
                    history[:, :, history.shape[2] - kept :] = earlier[:, :, earlier.shape[2] - kept :]
                whole_masked = np.concatenate([history, own], axis=2)
                start = history.shape[2] + skip
                yield (
                    scale[..., None] * whole_masked[:, :, start:],
                    scale[..., None] * whole_masked[:, :, start - history.shape[2] : start],
                    scale * spectra[:, skip:].cpu().numpy(),
                )


class _Branch(nn.Module):
    """An LSTM on the waveform and its read-out, without a bias: what silence gave, the filters would pass on, with a
    step whenever playing begins or ends. Weights of earlier versions may have one, and keep it.
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.recurrent = RestingLSTM(1, hidden_size)
        self.output = nn.Linear(hidden_size, 1)
        nn.init.zeros_(self.output.bias).requires_grad_(False)

    def fresh_state(self, x: Tensor) -> State:
        zeros = x.new_zeros(1, len(x), self.hidden_size)
        return zeros, zeros

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        features = x.unsqueeze(-1)
        if _recurrent_cpu.supports(features, self.hidden_size):
            w_ih, w_hh, b_ih, b_hh = layer_weights(self.recurrent)
            head = (self.output.weight[0], self.output.bias)
            own = (state[0][0], state[1][0])
            y, last = _recurrent_cpu.lstm_residual_head(features, own, w_ih, w_hh, b_ih + b_hh, *head)
            return y, tuple(part.unsqueeze(0) for part in last)
        answers, last = self.recurrent(features, (state[0], state[1]))
        return self.output(answers).squeeze(-1), last


class _Masked(Function):
    """Complex spectra times real masks, without making the masks complex on the way as torch does."""

    @staticmethod
    def forward(ctx: Any, spectra: Tensor, masks: Tensor) -> Tensor:
        ctx.save_for_backward(spectra, masks)
        return torch.view_as_complex(torch.view_as_real(spectra) * masks[..., None])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        spectra, masks = ctx.saved_tensors
        of_spectra = torch.view_as_complex(torch.view_as_real(gradient) * masks[..., None])
        return of_spectra, torch.addcmul(gradient.real * spectra.real, gradient.imag, spectra.imag)


class _Filtered(Function):
    """``sum_k sum_i H_k[i, f] V_k[t - i, f]`` with the hops before the first one given; gradients go to V alone.

    Shapes are ``(batch, channels, hops, bins)`` of V and of its past, and ``(channels, memory, bins)`` of H.
    """

    @staticmethod
    def forward(ctx: Any, masked: Tensor, past: Tensor, filters: Tensor) -> Tensor:
        before = past.shape[2]
        size = scipy.fft.next_fast_len(before + masked.shape[2])
        responses = torch.fft.fft(filters, size, dim=1)
        ctx.save_for_backward(responses)
        ctx.before, ctx.num_hops = before, masked.shape[2]
        spectra = torch.fft.fft(torch.cat([past, masked], dim=2), size, dim=2)
        product = spectra[:, 0] * responses[0]
        for channel in range(1, len(responses)):
            product.addcmul_(spectra[:, channel], responses[channel])
        answered: Tensor = torch.fft.ifft(product, dim=1)[:, before : before + masked.shape[2]]
        return answered

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (responses,) = ctx.saved_tensors
        # The correlation with the filters. Filters are no longer than the past and one hop, so nothing wraps around.
        spectrum = torch.fft.fft(gradient, responses.shape[1], dim=1)
        product = spectrum[:, None] * responses.conj()
        return torch.fft.ifft(product, dim=2)[:, :, : ctx.num_hops], None, None


def _gather(
    masked: NDArray[Any],
    history: NDArray[Any],
    target: NDArray[Any],
    filters: NDArray[Any],
    correlation: NDArray[Any],
    slope: NDArray[Any],
) -> None:
    """Adds a stretch's share of the normal equations; outside it the error is to stay zero, which keeps them Toeplitz.

    See :func:`fxtrain.audio.least_squares.improve_filter`.
    """
    memory = filters.shape[1]
    past = memory - 1
    whole = np.concatenate([history, masked], axis=2)
    size = scipy.fft.next_fast_len(whole.shape[2] + past)
    spectrum = scipy.fft.fft(whole, size, axis=2)  # (streams, channels, hops, bins)
    predicted = scipy.fft.ifft((spectrum * scipy.fft.fft(filters, size, axis=1)).sum(1), axis=1)
    error = np.zeros((len(whole), size, whole.shape[-1]), np.complex128)
    error[:, past : whole.shape[2]] = target - predicted[:, past : whole.shape[2]]
    errors = scipy.fft.fft(error, axis=1)
    channels = len(filters)
    for k in range(channels):
        answer = scipy.fft.ifft(np.sum(np.conj(spectrum[:, k]) * errors, axis=0), axis=0)
        slope[k] += answer[:memory]
        for other in range(channels):
            product = scipy.fft.ifft(np.sum(np.conj(spectrum[:, k]) * spectrum[:, other], axis=0), axis=0)
            correlation[k, other] += np.concatenate([product[-past:], product[:memory]]) if past else product[:1]


def _step(correlation: NDArray[Any], slope: NDArray[Any]) -> NDArray[Any]:
    """Solves the block Toeplitz system of each frequency: correlation[k, l, d] belongs to taps i of k and j of l with
    i - j = d - (memory - 1)."""
    channels, memory, bins = slope.shape
    lag = np.arange(memory)[:, None] - np.arange(memory)[None, :] + memory - 1
    matrix = np.empty((bins, channels * memory, channels * memory), np.complex128)
    for k in range(channels):
        for other in range(channels):
            block = correlation[k, other][lag]  # (memory, memory, bins)
            rows, columns = slice(k * memory, (k + 1) * memory), slice(other * memory, (other + 1) * memory)
            matrix[:, rows, columns] = np.moveaxis(block, -1, 0)
    power = np.stack([correlation[k, k, memory - 1].real for k in range(channels)])  # (channels, bins)
    floor = _RIDGE * power + 1e-6 * power.mean(axis=1, keepdims=True) + 1e-12
    diagonal = np.arange(channels * memory)
    matrix[:, diagonal, diagonal] += np.repeat(floor, memory, axis=0).T
    right = np.moveaxis(slope.reshape(channels * memory, bins), -1, 0)[..., None]
    solved = np.linalg.solve(matrix, right)[..., 0]
    step: NDArray[Any] = np.moveaxis(solved, 0, -1).reshape(channels, memory, bins)
    return step
