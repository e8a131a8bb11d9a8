# SPDX-License-Identifier: MIT
"""A hierarchical autoencoder that turns sound into two sequences of codes and back: VQ-VAE-2 in one dimension.

::

    sound -> 3 x [stride 2, block] ------------------> concatenate -> 32 -> bottom codes (8 samples each)
               '-> 2 x [stride 2, block] -> 32 -> top codes (32)  |              |
                                              '-> 2 x [block, x 2] (top features)   |
                                                                  '-> concatenate <-'
                                                                         '-> 3 x [block, x 2] -> sound

    block: 7 residual convolutions of kernel 3, dilation = padding 1, 2, 3, 6, 9, 18, 27; the shape stays

Sources: Razavi, van den Oord and Vinyals, "Generating diverse high-fidelity images with VQ-VAE-2", 2019, for the order
of the two levels; van den Oord et al., "Neural discrete representation learning", 2017, for the loss; Kingma and
Welling, "Auto-encoding variational Bayes", 2014, for the variational form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from fxtrain.config import build, configuration
from fxtrain.errors import ConfigError
from fxtrain.losses.mel import LogMel, MelConfig
from fxtrain.models.generators._quantiser import Quantiser
from fxtrain.training.protocol import Criterion, Phase, StepContext, Trainable

__all__ = ["Codes", "VqVae", "VqVaeConfig"]

DILATIONS = (1, 2, 3, 6, 9, 18, 27)


@configuration
class VqVaeConfig:
    """Size and form.

    Attributes:
        representation: ``wave``, or ``mel`` for a log-mel-spectrogram, whose bands are the channels.
        levels: ``two``, or ``flat`` with one level of codes.
        channels: of all convolutions; 42 make the model about as large as that of the source, whose width is not known.
        codes: in each codebook; a power of two uses its bits fully.
        code_size: numbers in a code.
        bottom_strides: halvings of the rate before the bottom codes.
        top_strides: further halvings before the top codes.
        flat_ratio: with one level, codes for each place after ``bottom_strides``: 1.25 gives as many codes as two
            levels do.
        commitment: weight of the loss that keeps the encoder near its codes.
        codebook: ``gradient``, or ``ema`` for moving averages.
        latent: ``codes``, or ``gaussian`` for a variational autoencoder without codes.
        kl: weight of the divergence from a standard normal distribution, with ``gaussian``.
        revive_every: steps after which unused codes move.
        mel_hop: samples in a frame of the mel-spectrogram.
        mel_bands: bands of it.
    """

    representation: Literal["wave", "mel"] = "wave"
    levels: Literal["two", "flat"] = "two"
    channels: Annotated[int, Field(ge=1, le=1024)] = 42
    codes: Annotated[int, Field(ge=2, le=65536)] = 2048
    code_size: Annotated[int, Field(ge=1, le=1024)] = 32
    bottom_strides: Annotated[int, Field(ge=1, le=8)] = 3
    top_strides: Annotated[int, Field(ge=1, le=8)] = 2
    flat_ratio: Annotated[float, Field(gt=0, le=4)] = 1.0
    commitment: Annotated[float, Field(ge=0)] = 0.25
    codebook: Literal["gradient", "ema"] = "gradient"
    latent: Literal["codes", "gaussian"] = "codes"
    kl: Annotated[float, Field(ge=0)] = 1e-3
    revive_every: Annotated[int, Field(ge=1)] = 50
    mel_hop: Annotated[int, Field(ge=1, le=4096)] = 16
    mel_bands: Annotated[int, Field(ge=4, le=256)] = 40


@dataclass(frozen=True)
class Codes:
    """Sound as codes.

    Attributes:
        top: shape ``(batch, top length)``; of length 0 in a flat model.
        bottom: shape ``(batch, bottom length)``.
    """

    top: Tensor
    bottom: Tensor


class VqVae(Trainable):
    """Sound to codes and back, or, in the variational form, to Gaussian vectors and back."""

    name = "vqvae2"
    summary = "autoencoder of sound with two levels of codes"
    task = "image_to_sound"
    formats = ()
    Config = VqVaeConfig
    criterion = Criterion("error", "error-to-signal ratio")
    training_defaults = {"learning_rate": 0.002, "batch_size": 8}  # noqa: RUF012
    optional_inputs = {"beside": "vqvae2"}  # noqa: RUF012
    full_size = {"sample_rate": 4000, "clip_frames": 28_800, "classes": ["cat", "dog"]}  # noqa: RUF012

    def __init__(
        self, config: VqVaeConfig, *, sample_rate: int, clip_frames: int, classes: list[str], level: float
    ) -> None:
        super().__init__()
        self.config = config
        self.sample_rate, self.clip_frames, self.classes, self.level = sample_rate, clip_frames, classes, level
        self.mel: LogMel | None = None
        if config.representation == "mel":
            mel = MelConfig(n_fft=256, hop=config.mel_hop, bands=config.mel_bands)
            self.mel = LogMel(mel, sample_rate, floor=1e-3)
        total = config.bottom_strides + (config.top_strides if config.levels == "two" else 0)
        multiple = 2**total * (config.mel_hop if self.mel is not None else 1)
        if clip_frames % multiple:
            raise ConfigError(
                f"clips of {clip_frames} samples cannot be divided into codes of {multiple}: give data.clip_seconds "
                f"that make a multiple of {multiple} samples at {sample_rate} Hz"
            )
        self.multiple = multiple
        inputs = 1 if self.mel is None else config.mel_bands
        width, size = config.channels, config.code_size
        latent = size if config.latent == "codes" else 2 * size
        self.bottom_encoder = _encoder(inputs, width, config.bottom_strides)
        if config.levels == "two":
            self.top_encoder = _encoder(width, width, config.top_strides)
            self.to_top = nn.Conv1d(width, latent, 1)
            self.top_decoder = _decoder(size, width, width, config.top_strides)
        self.to_bottom = nn.Conv1d(2 * width if config.levels == "two" else width, latent, 1)
        self.decoder = _decoder(size + (width if config.levels == "two" else 0), width, inputs, config.bottom_strides)
        # Vectors of unit variance keep the codebooks at the scale of what they quantise, and the top from fading out.
        self.top_norm: nn.Module = nn.Identity()
        self.bottom_norm: nn.Module = nn.Identity()
        if config.latent == "codes":
            self.top_norm, self.bottom_norm = (nn.BatchNorm1d(size, affine=False) for _ in range(2))
            book: dict[str, Any] = {"update": config.codebook, "revive_every": config.revive_every}
            if config.levels == "two":
                self.top_book = Quantiser(config.codes, size, **book)
            self.bottom_book = Quantiser(config.codes, size, **book)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, loss: Mapping[str, Any], **facts: Any) -> VqVae:
        """Builds the model."""
        return cls(
            build(VqVaeConfig, config, where="model"),
            sample_rate=facts["sample_rate"],
            clip_frames=facts["clip_frames"],
            classes=list(facts["classes"]),
            level=facts.get("level", 1.0),
        )

    @classmethod
    def get_provider(cls) -> type[Any]:
        """Cuts clips of sound."""
        from fxtrain.data.labelled import ClipProvider

        return ClipProvider

    @property
    def form(self) -> str:
        """What it is, in two words: ``two levels, wave``."""
        levels = "two levels" if self.is_hierarchical else "flat"
        return f"{levels}, {self.config.representation}" + (", Gaussian" if self.config.latent == "gaussian" else "")

    @property
    def is_hierarchical(self) -> bool:
        """Whether there are two levels."""
        return self.config.levels == "two"

    @property
    def places(self) -> int:
        """Places of the bottom features in a clip, before ``flat_ratio``."""
        hop = self.config.mel_hop if self.mel is not None else 1
        return int(self.clip_frames // hop // 2**self.config.bottom_strides)

    @property
    def top_length(self) -> int:
        """Top codes in a clip."""
        return self.places // 2**self.config.top_strides if self.is_hierarchical else 0

    @property
    def bottom_length(self) -> int:
        """Bottom codes in a clip."""
        return self.places if self.is_hierarchical else round(self.places * self.config.flat_ratio)

    @property
    def codes_per_second(self) -> float:
        """Codes of both levels in a second of sound."""
        return (self.top_length + self.bottom_length) * self.sample_rate / self.clip_frames

    # What is encoded, and what is reconstructed

    def represent(self, sound: Tensor) -> Tensor:
        """What the encoder sees of ``(batch, samples)``: shape ``(batch, channels, frames)``, about unit variance."""
        if self.mel is None:
            return sound[:, None] / self.level
        mel: Tensor = self.mel(sound)
        return (mel - _MEL_MEAN) / _MEL_SPREAD

    def sound_of(self, representation: Tensor) -> Tensor:
        """The inverse of :meth:`represent`, shape ``(batch, samples)``; a mel-spectrogram has lost its phases."""
        if self.mel is None:
            return representation[:, 0] * self.level
        from fxtrain.models.generators._mel_inversion import invert_mel

        return invert_mel(representation * _MEL_SPREAD + _MEL_MEAN, self.mel)

    def features(self, sound: Tensor) -> tuple[Tensor | None, Tensor]:
        """What is quantised at the top, shape ``(batch, size, length)``, and the bottom features."""
        bottom = self.bottom_encoder(self.represent(sound))
        return (self.top_norm(self.to_top(self.top_encoder(bottom))) if self.is_hierarchical else None), bottom

    def bottom_vectors(self, bottom: Tensor, top_features: Tensor | None) -> Tensor:
        """What is quantised at the bottom."""
        joined = bottom if top_features is None else torch.cat([bottom, top_features], 1)
        vectors: Tensor = self.bottom_norm(self.to_bottom(joined))
        if not self.is_hierarchical and self.config.flat_ratio != 1.0:
            length = round(vectors.shape[-1] * self.config.flat_ratio)
            vectors = functional.interpolate(vectors, length, mode="linear", align_corners=False)
        return vectors

    def reconstruct(self, bottom: Tensor, top_features: Tensor | None) -> Tensor:
        """The representation of quantised vectors."""
        if not self.is_hierarchical and self.config.flat_ratio != 1.0:
            length = round(bottom.shape[-1] / self.config.flat_ratio)
            bottom = functional.interpolate(bottom, length, mode="linear", align_corners=False)
        decoded: Tensor = self.decoder(bottom if top_features is None else torch.cat([bottom, top_features], 1))
        return decoded

    def encode(self, sound: Tensor) -> Codes:
        """The codes of ``(batch, samples)``."""
        top, bottom = self.features(sound)
        top_codes = torch.zeros(len(sound), 0, dtype=torch.long, device=sound.device)
        top_features = None
        if top is not None:
            top_codes = self.top_book.nearest(top)
            top_features = self.top_decoder(self.top_book.look_up(top_codes))
        return Codes(top_codes, self.bottom_book.nearest(self.bottom_vectors(bottom, top_features)))

    def decode(self, codes: Codes) -> Tensor:
        """The sound of codes, shape ``(batch, samples)``."""
        top_features = self.top_decoder(self.top_book.look_up(codes.top)) if self.is_hierarchical else None
        return self.sound_of(self.reconstruct(self.bottom_book.look_up(codes.bottom), top_features))

    def latents(self, sound: Tensor) -> Tensor:
        """The top vectors before they are quantised, or their means: what is compared between classes."""
        top, bottom = self.features(sound)
        vectors = self.bottom_vectors(bottom, None) if top is None else top
        return vectors[:, : self.config.code_size]

    def play_latents(self, latents: Tensor, sound: Tensor) -> Tensor:
        """The sound of other top vectors; the bottom follows from them and from the features of ``sound``."""
        _, bottom = self.features(sound)
        if not self.is_hierarchical:
            return self.sound_of(self.reconstruct(self._settle(latents, "bottom"), None))
        top_features = self.top_decoder(self._settle(latents, "top"))
        vectors = self.bottom_vectors(bottom, top_features)[:, : self.config.code_size]
        return self.sound_of(self.reconstruct(self._settle(vectors, "bottom"), top_features))

    def _settle(self, vectors: Tensor, level: str) -> Tensor:
        if self.config.latent == "gaussian":
            return vectors
        book = self.top_book if level == "top" else self.bottom_book
        return book.look_up(book.nearest(vectors))

    # Training

    def phases(self) -> list[Phase]:
        """One phase."""
        return [Phase("main", [parameter for parameter in self.parameters() if parameter.requires_grad])]

    def loss(self, batch: Any, phase: Phase, context: StepContext) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean squared error of the reconstruction, and the losses of each level."""
        target = self.represent(batch.sound)
        predicted, losses, parts = self._pass(batch.sound, context)
        error = functional.mse_loss(predicted, target)
        return error + losses, {"error": error, **parts}

    def _pass(self, sound: Tensor, context: StepContext) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        top, bottom = self.features(sound)
        losses = bottom.new_zeros(())
        parts: dict[str, Tensor] = {}
        top_features = None
        if top is not None:
            settled, loss = self._latent(top, "top", context, parts)
            top_features = self.top_decoder(settled)
            losses = losses + loss
        settled, loss = self._latent(self.bottom_vectors(bottom, top_features), "bottom", context, parts)
        return self.reconstruct(settled, top_features), losses + loss, parts

    def _latent(
        self, vectors: Tensor, level: str, context: StepContext, parts: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        if self.config.latent == "gaussian":
            mean, spread = vectors.chunk(2, 1)
            spread = spread.clamp(-12, 6)
            divergence = 0.5 * (mean.square() + spread.exp() - spread - 1).mean()
            parts[f"{level}_kl"] = divergence
            noise = torch.randn(mean.shape, generator=context.generator).to(mean.device)
            return mean + (0.5 * spread).exp() * noise, self.config.kl * divergence
        book: Quantiser = self.top_book if level == "top" else self.bottom_book
        if self.training:
            book.prepare(vectors, context.step, context.generator)
        found = book(vectors)
        parts[f"{level}_commitment"] = found.commitment_loss
        parts[f"{level}_used"] = (book.uses > 0).float().mean()
        return found.vectors, found.codebook_loss + self.config.commitment * found.commitment_loss

    def validate(self, batch: Any, context: StepContext) -> dict[str, tuple[float, float]]:
        """Energy of the error over that of the signal, of the representation without its mean."""
        target = self.represent(batch.sound)
        top, bottom = self.features(batch.sound)
        size = self.config.code_size
        top_features = None if top is None else self.top_decoder(self._settle(top[:, :size], "top"))
        vectors = self.bottom_vectors(bottom, top_features)[:, :size]
        predicted = self.reconstruct(self._settle(vectors, "bottom"), top_features)
        around = target if self.mel is None else target - target.mean()
        return {"error": (float((predicted - target).square().sum()), float(around.square().sum()))}


_MEL_MEAN, _MEL_SPREAD = -2.0, 2.5  # of log-mel magnitudes of sound near full scale, roughly


class _Block(nn.Module):
    """Seven residual convolutions of growing dilation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolutions: Any = nn.ModuleList(
            nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation) for dilation in DILATIONS
        )
        for convolution in self.convolutions:
            with torch.no_grad():  # so that a chain of blocks neither grows nor fades
                convolution.weight *= len(DILATIONS) ** -0.5

    def forward(self, x: Tensor) -> Tensor:
        # As pictures one pixel high, channels last: twice as fast on a CPU as in one dimension.
        wide = x[:, :, None].contiguous(memory_format=torch.channels_last)
        for convolution in self.convolutions:
            (dilation,) = convolution.dilation
            wide = wide + functional.conv2d(
                functional.relu(wide),
                convolution.weight[:, :, None],
                convolution.bias,
                padding=(0, dilation),
                dilation=(1, dilation),
            )
        return wide[:, :, 0]


def _encoder(inputs: int, channels: int, strides: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for number in range(strides):
        layers += [nn.Conv1d(inputs if number == 0 else channels, channels, 4, stride=2, padding=1), _Block(channels)]
    return nn.Sequential(*layers)


def _decoder(inputs: int, channels: int, outputs: int, strides: int) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv1d(inputs, channels, 3, padding=1)]
    for number in range(strides):
        is_last = number == strides - 1
        layers += [
            _Block(channels),
            nn.ReLU(),
            nn.ConvTranspose1d(channels, outputs if is_last else channels, 4, stride=2, padding=1),
        ]
    return nn.Sequential(*layers)
