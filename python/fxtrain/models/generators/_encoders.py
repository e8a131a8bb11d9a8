# SPDX-License-Identifier: MIT
"""Frozen networks that turn sound into hidden states, all behind one interface: 50 states a second from 16 kHz.

=====================  ==============================================================================
``whisper``            the encoder of Whisper tiny.en out of a published package; trained with texts
a folder, a hub name   WavLM, wav2vec 2.0, HuBERT as ``transformers`` saves them; trained without texts
``mel``                no network: a log-mel-spectrogram of the same rate, to compare with
``random``             Whisper's architecture with random weights, to compare with
=====================  ==============================================================================

The weights stay outside of checkpoints: what a run keeps is the name of the encoder and a hash of its weights.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from fxtrain.errors import ConfigError
from fxtrain.extras import require
from fxtrain.losses.mel import LogMel, MelConfig
from fxtrain.models.generators._whisper import WhisperEncoder, packaged_whisper
from fxtrain.models.generators.image_classifier import without_bars
from fxtrain.text import quoted
from fxtrain.training.protocol import Frozen

__all__ = ["HOP", "SAMPLE_RATE", "Encoder", "Layer", "load_encoder"]

SAMPLE_RATE = 16_000
"""Hz, of what all encoders hear."""

HOP = 320
"""Samples of a hidden state."""

Layer = int | Literal["weighted"]

_EDGE = 40  # samples: a convolution of 400 with a hop of 320 covers so many more on each side
_MEL = MelConfig(n_fft=1024, hop=HOP, bands=80)
_KINDS = ("wavlm", "wav2vec2", "hubert", "unispeech-sat", "data2vec-audio")


@dataclass(frozen=True, eq=False)
class Encoder:
    """A frozen encoder and which of its hidden states are used.

    Attributes:
        name: as it was asked for.
        kind: what it is, for people: "Whisper", "wavlm".
        width: of a hidden state.
        num_layers: how many hidden states there are for each frame; 1 unless all are wanted.
        sha256: hash of the weights.
        states: all hidden states of sound, shape ``(batch, samples)`` with a multiple of :data:`HOP` samples, to
            ``(batch, layers, samples // HOP, width)``.
    """

    name: str
    kind: str
    width: int
    num_layers: int
    sha256: str
    states: Callable[[Tensor], Tensor]

    @torch.no_grad()
    def __call__(self, samples: Tensor) -> Tensor:
        """Hidden states of sound of any length; what is left over of a frame at the end is padded with silence.

        Args:
            samples: shape ``(batch, samples)``, at 16 kHz.

        Returns:
            Shape ``(batch, layers, ceil(samples / HOP), width)``.
        """
        return self.states(functional.pad(samples, (0, -samples.shape[1] % HOP)))


def load_encoder(name: str, layer: Layer) -> Encoder:
    """The encoder called ``name``, in evaluation mode.

    Args:
        name: ``whisper``, ``mel``, ``random``, a folder written by ``save_pretrained``, or a name on the hub.
        layer: number of the hidden state, 0 being what goes into the first block; or ``weighted`` for all of them.

    Raises:
        ConfigError: there is no such encoder or layer, or its weights are not at hand.
    """
    if name == "mel":
        return _of_mel(layer)
    if name in ("whisper", "random"):
        return _of_whisper(name, layer)
    return _of_transformers(name, layer)


def _of_mel(layer: Layer) -> Encoder:
    if layer not in (0, "weighted"):
        raise ConfigError(f"model.layer is {layer}, but a mel-spectrogram has one layer only: give 0")
    mel = Frozen(LogMel(_MEL, SAMPLE_RATE))

    def states(samples: Tensor) -> Tensor:
        found: Tensor = mel.to(samples.device)(samples)
        return found.transpose(1, 2)[:, None] / 5.0

    digest = hashlib.sha256(json.dumps(vars(_MEL), sort_keys=True).encode()).hexdigest()
    return Encoder("mel", "mel-spectrogram", _MEL.bands, 1, digest, states)


def _of_whisper(name: str, layer: Layer) -> Encoder:
    if name == "whisper":
        network, digest = packaged_whisper()
    else:
        network = _random_whisper()
        digest = hashlib.sha256(b"random, seed 0").hexdigest()
    chosen = _choose(layer, len(network.blocks) + 1, name)
    frozen = Frozen(network)

    def states(samples: Tensor) -> Tensor:
        # Half a minute at a time is what the network knows.
        most = len(network.positions) * HOP
        parts = [frozen.to(samples.device)(part) for part in torch.split(samples, most, dim=1)]
        return torch.stack([torch.cat([part[index] for part in parts], dim=1) for index in chosen], dim=1)

    kind = "Whisper tiny.en" if name == "whisper" else "random weights"
    return Encoder(name, kind, network.width, len(chosen), digest, states)


def _random_whisper() -> WhisperEncoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return WhisperEncoder().eval().requires_grad_(False)


def _of_transformers(name: str, layer: Layer) -> Encoder:
    transformers = require("transformers", purpose="a pretrained encoder")
    folder = Path(name)
    if not folder.is_dir() and (folder.exists() or "/" not in name.strip("/")):
        raise ConfigError(
            f"model.encoder is {quoted(name)}, which is no folder: give whisper, mel, random, a folder written by "
            "save_pretrained, or a name on the hub such as microsoft/wavlm-base"
        )
    try:
        config = transformers.AutoConfig.from_pretrained(name)
        if config.model_type not in _KINDS:
            raise ConfigError(
                f"{name} is a model of the kind {quoted(config.model_type)}, expected one of {', '.join(_KINDS)}: give "
                "the folder of a speech encoder"
            )
        with without_bars():
            network = transformers.AutoModel.from_pretrained(name)
    except ConfigError:
        raise
    except Exception as error:  # of safetensors, torch and json, each with classes of its own
        if folder.is_dir():
            reason = " ".join(str(error).split())[:120]
            raise ConfigError(
                f"{name} is not the folder of an encoder ({reason}): give one of save_pretrained"
            ) from None
        raise ConfigError(
            f"the encoder {name} is not in the cache and cannot be fetched: pass model.encoder=FOLDER with a copy of "
            "its files, or use model.encoder=whisper"
        ) from None
    frozen = Frozen(network)
    chosen = _choose(layer, config.num_hidden_layers + 1, name)
    normalises = _normalises(transformers, name)

    def states(samples: Tensor) -> Tensor:
        if normalises:
            spread = samples.var(dim=1, keepdim=True, unbiased=False)
            samples = (samples - samples.mean(dim=1, keepdim=True)) / torch.sqrt(spread + 1e-7)
        padded = functional.pad(samples, (_EDGE, _EDGE))
        found = frozen.to(samples.device)(padded, output_hidden_states=True).hidden_states
        return torch.stack([found[index] for index in chosen], dim=1)

    digest = hashlib.sha256()
    for key, value in sorted(network.state_dict().items()):
        digest.update(key.encode())
        digest.update(value.contiguous().cpu().numpy().tobytes())
    return Encoder(name, config.model_type, config.hidden_size, len(chosen), digest.hexdigest(), states)


def _choose(layer: Layer, num_layers: int, name: str) -> list[int]:
    """Numbers of the hidden states to use."""
    if layer == "weighted":
        return list(range(num_layers))
    if not 0 <= layer < num_layers:
        raise ConfigError(f"model.layer is {layer}, but {name} has the layers 0 to {num_layers - 1}")
    return [layer]


def _normalises(transformers: Any, name: str) -> bool:
    """Whether an encoder wants its input with mean 0 and variance 1, as its preprocessor file says."""
    try:
        settings, _ = transformers.FeatureExtractionMixin.get_feature_extractor_dict(name)
    except (OSError, ValueError):
        return False
    return bool(settings.get("do_normalize", False))


class WeightedSum(nn.Module):
    """A learned mean of hidden states of several layers.

    Source: Yang et al., "SUPERB", 2021, section 2.
    """

    def __init__(self, num_layers: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(num_layers))

    def forward(self, states: Tensor) -> Tensor:
        """Converts ``(batch, layers, frames, width)`` to ``(batch, frames, width)``."""
        weights = torch.softmax(self.logits, dim=0)
        return torch.einsum("l,blfw->bfw", weights, states)
