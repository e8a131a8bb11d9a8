# SPDX-License-Identifier: MIT
"""Transformers that write codes: Top for a class, Bottom for what Top wrote. Both are this one class.

::

    Top     source [class]                       target [start] t1 t2 ... t900
    Bottom  source [class] t1 t2 ... t900        target [start] b1 b2 ... b3600

One embedding serves codes and special tokens, of which there are ``start``, ``padding`` and one for each class. In the
form ``source`` the network is torch's ``nn.Transformer`` with sinusoidal positions. The form ``modern`` is ours: a
decoder alone, whose input at each place is the sum of the last code, the class and the top codes at that place.

Sources: Vaswani et al., "Attention is all you need", 2017; Su et al., "RoFormer", 2021, and Zhang and Sennrich, "Root
mean square layer normalization", 2019, for the modern form.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Protocol, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from fxtrain.config import build, configuration
from fxtrain.errors import ConfigError
from fxtrain.models.generators._sampling import Sampling, draw
from fxtrain.training.protocol import Criterion, Phase, StepContext, Trainable

__all__ = ["CodePrior", "CodePriorConfig"]

_NUM_COMMON_SPECIALS = 2  # start and padding
_DECODING_REPORT = 64  # steps between two reports of progress


@configuration
class CodePriorConfig:
    """Size and form; by default that of the source.

    Attributes:
        level: ``top`` or ``bottom``.
        form: ``source``, or ``modern``.
        width: of the vectors.
        heads: of attention.
        encoder_layers: of the form ``source``.
        decoder_layers: of both forms.
        feed_forward: width inside a layer.
        dropout: share of activations that training leaves out.
        span: codes that a code may look back on; 0 is all. With a span, training is on windows of twice its length.
    """

    level: Literal["top", "bottom"] = "top"
    form: Literal["source", "modern"] = "source"
    width: Annotated[int, Field(ge=2, le=4096)] = 100
    heads: Annotated[int, Field(ge=1, le=64)] = 4
    encoder_layers: Annotated[int, Field(ge=1, le=64)] = 6
    decoder_layers: Annotated[int, Field(ge=1, le=64)] = 12
    feed_forward: Annotated[int, Field(ge=1, le=16384)] = 1024
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    span: Annotated[int, Field(ge=0, le=65536)] = 0

    def __post_init__(self) -> None:
        if self.width % self.heads or (self.form == "modern" and self.width // self.heads % 2):
            even = "an even multiple" if self.form == "modern" else "a multiple"
            raise ConfigError(f"model.width is {self.width}, expected {even} of model.heads, {self.heads}")


class _Network(Protocol):
    """What both forms do."""

    def full(self, source: Tensor, tokens: Tensor, start: Tensor) -> Tensor:
        """Logits ``(batch, length, vocabulary)`` after each of ``tokens``, which begin at the places ``start``."""

    def cache(self, source: Tensor, length: int) -> Any:
        """The state before the first token, with room for ``length`` of them."""

    def step(self, cache: Any, token: Tensor, place: int) -> Tensor:
        """Logits ``(batch, vocabulary)`` after one more token."""


class CodePrior(Trainable):
    """Writes the codes of one level."""

    name = "code-prior"
    summary = "transformer that writes the codes of a sound for a class"
    task = "image_to_sound"
    formats = ()
    Config = CodePriorConfig
    criterion = Criterion("nats", "cross-entropy in nats")
    training_defaults = {"learning_rate": 0.001, "batch_size": 8, "scheduler": "cosine"}  # noqa: RUF012
    inputs = {"codes": "vqvae2"}  # noqa: RUF012
    optional_inputs = {"top": "code-prior", "classifier": "image-classifier"}  # noqa: RUF012
    full_size = {  # noqa: RUF012
        "classes": ["cat", "dog"],
        "num_codes": 2048,
        "top_length": 900,
        "bottom_length": 3600,
        "codes_sha256": "",
    }

    def __init__(
        self,
        config: CodePriorConfig,
        *,
        classes: list[str],
        num_codes: int,
        top_length: int,
        bottom_length: int,
        codes_sha256: str,
    ) -> None:
        super().__init__()
        self.config, self.classes, self.num_codes = config, classes, num_codes
        self.top_length, self.bottom_length, self.codes_sha256 = top_length, bottom_length, codes_sha256
        if config.level == "top" and not top_length:
            raise ConfigError("flat codes have no top level: give model.level=bottom, which then needs no top codes")
        self.start, self.padding = num_codes, num_codes + 1
        self.vocabulary = num_codes + _NUM_COMMON_SPECIALS + len(classes)
        self.length = top_length if config.level == "top" else bottom_length
        self.network: Any = (_SourceForm if config.form == "source" else _ModernForm)(config, self.vocabulary, self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, loss: Mapping[str, Any], **facts: Any) -> CodePrior:
        """Builds the model."""
        return cls(
            build(CodePriorConfig, config, where="model"),
            classes=list(facts["classes"]),
            num_codes=facts["num_codes"],
            top_length=facts["top_length"],
            bottom_length=facts["bottom_length"],
            codes_sha256=facts["codes_sha256"],
        )

    @classmethod
    def get_provider(cls) -> type[Any]:
        """Draws code sequences."""
        from fxtrain.data.codes import CodeProvider

        return CodeProvider

    def source(self, labels: Tensor, top: Tensor) -> Tensor:
        """What a sequence is written for: the class, and for Bottom the top codes; shape ``(batch, 1 + codes)``."""
        classes = (self.num_codes + _NUM_COMMON_SPECIALS + labels)[:, None]
        return classes if self.config.level == "top" else torch.cat([classes, top], 1)

    def logits(self, source: Tensor, codes: Tensor, start: Tensor | None = None) -> Tensor:
        """Logits of each of ``codes``, given those before it, computed in one pass.

        Args:
            source: as :meth:`source` makes it.
            codes: shape ``(batch, length)``.
            start: places at which the sequences begin, shape ``(batch,)``, and then ``codes`` begin with the code
                before that place; by default 0, and the start token stands before them.

        Returns:
            Shape ``(batch, length, vocabulary)``.
        """
        if start is None:
            start = torch.zeros(len(codes), dtype=torch.long, device=codes.device)
            codes = torch.cat([torch.full_like(codes[:, :1], self.start), codes[:, :-1]], 1)
        found: Tensor = self.network.full(source, codes, start)
        return found

    @torch.no_grad()
    def write(
        self,
        labels: Tensor,
        top: Tensor,
        sampling: Sampling,
        generator: torch.Generator,
        *,
        length: int | None = None,
        progress: Any = None,
    ) -> tuple[Tensor, Tensor]:
        """Writes codes, one after the other, with a cache of what attention needs.

        Args:
            labels: the classes, shape ``(batch,)``.
            top: top codes, shape ``(batch, top length)``; ignored by Top.
            sampling: how codes are drawn.
            generator: source of the draws.
            length: how many; by default a whole clip.
            progress: told the share that is done.

        Returns:
            The codes, shape ``(batch, length)``, and the negative logarithm of the probability that the model gave each
            of them, before any restriction; the special tokens count as possible in it.
        """
        length = length or self.length
        cache = self.network.cache(self.source(labels, top), length)
        token = torch.full_like(labels, self.start)
        codes, nats = [], []
        for place in range(length):
            logits = self.network.step(cache, token, place)
            token = draw(logits[:, : self.num_codes], sampling, generator)
            codes.append(token)
            nats.append(functional.cross_entropy(logits, token, reduction="none"))
            if progress is not None and place % _DECODING_REPORT == 0:
                progress(place / length)
        return torch.stack(codes, 1), torch.stack(nats, 1)

    @torch.no_grad()
    def stepwise_logits(self, labels: Tensor, top: Tensor, codes: Tensor) -> Tensor:
        """What :meth:`logits` gives, computed one code at a time with the cache."""
        cache = self.network.cache(self.source(labels, top), codes.shape[1])
        tokens = torch.cat([torch.full_like(codes[:, :1], self.start), codes[:, :-1]], 1)
        return torch.stack([self.network.step(cache, tokens[:, place], place) for place in range(codes.shape[1])], 1)

    def loss(self, batch: Any, phase: Phase, context: StepContext) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy in nats."""
        source = self.source(batch.labels, batch.top)
        found = self.logits(source, batch.tokens, batch.start)
        return functional.cross_entropy(found.flatten(0, 1), batch.targets.flatten()), {}

    def validate(self, batch: Any, context: StepContext) -> dict[str, tuple[float, float]]:
        """Sum of the cross-entropy over whole sequences, and the number of codes."""
        found = self.logits(self.source(batch.labels, batch.top), batch.tokens, batch.start)
        nats = functional.cross_entropy(found.flatten(0, 1), batch.targets.flatten(), reduction="sum")
        return {"nats": (float(nats), float(batch.targets.numel()))}


def _band(length: int, span: int, device: torch.device) -> Tensor:
    """Which places may be seen: those before and one's own, at most ``span``; shape ``(length, length)``."""
    seen = torch.ones(length, length, dtype=torch.bool, device=device).tril()
    return seen.triu(1 - span) if span else seen


def _sinusoids(places: Tensor, width: int) -> Tensor:
    """Positions as sines and cosines, shape ``(*places, width)``; Vaswani et al., section 3.5."""
    rates = torch.exp(torch.arange(0, width, 2, device=places.device) * (-math.log(10_000.0) / width))
    angles = places[..., None].float() * rates
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(-2)[..., :width]


class _SourceForm(nn.Module):
    """torch's encoder and decoder, with one embedding for both."""

    def __init__(self, config: CodePriorConfig, vocabulary: int, prior: CodePrior) -> None:
        super().__init__()
        self.span, self.width, self.heads = config.span, config.width, config.heads
        self.embedding = nn.Embedding(vocabulary, config.width)
        self.transformer = nn.Transformer(
            d_model=config.width,
            nhead=config.heads,
            num_encoder_layers=config.encoder_layers,
            num_decoder_layers=config.decoder_layers,
            dim_feedforward=config.feed_forward,
            dropout=config.dropout,
            batch_first=True,
        )
        self.head = nn.Linear(config.width, vocabulary)
        nn.init.normal_(self.embedding.weight, std=config.width**-0.5)

    def embed(self, tokens: Tensor, start: Tensor) -> Tensor:
        places = start[:, None] + torch.arange(tokens.shape[1], device=tokens.device)
        embedded: Tensor = self.embedding(tokens) * self.width**0.5 + _sinusoids(places, self.width)
        return embedded

    def remember(self, source: Tensor) -> Tensor:
        memory: Tensor = self.transformer.encoder(self.embed(source, torch.zeros_like(source[:, 0])))
        return memory

    def full(self, source: Tensor, tokens: Tensor, start: Tensor) -> Tensor:
        hidden = ~_band(tokens.shape[1], self.span, tokens.device)
        decoded = self.transformer.decoder(self.embed(tokens, start), self.remember(source), tgt_mask=hidden)
        found: Tensor = self.head(decoded)
        return found

    def cache(self, source: Tensor, length: int) -> dict[str, list[Tensor]]:
        memory = self.remember(source)
        batch, size = len(source), self.width // self.heads
        cache: dict[str, list[Tensor]] = {"keys": [], "values": [], "memory_keys": [], "memory_values": []}
        for layer in self.transformer.decoder.layers:
            for name in ("keys", "values"):
                cache[name].append(memory.new_zeros(batch, self.heads, length, size))
            weight, bias = layer.multihead_attn.in_proj_weight, layer.multihead_attn.in_proj_bias
            width = self.width
            for name, part in (("memory_keys", slice(width, 2 * width)), ("memory_values", slice(2 * width, None))):
                projected = functional.linear(memory, weight[part], bias[part])
                cache[name].append(projected.view(batch, -1, self.heads, size).transpose(1, 2).contiguous())
        return cache

    def step(self, cache: dict[str, list[Tensor]], token: Tensor, place: int) -> Tensor:
        x = self.embed(token[:, None], torch.full_like(token, place))
        batch, width, size = len(token), self.width, self.width // self.heads
        first = max(0, place + 1 - self.span) if self.span else 0
        for number, layer in enumerate(self.transformer.decoder.layers):
            mixed = functional.linear(x, layer.self_attn.in_proj_weight, layer.self_attn.in_proj_bias)
            query, key, value = mixed.view(batch, 3, self.heads, size).unbind(1)
            keys, values = cache["keys"][number], cache["values"][number]
            keys[:, :, place], values[:, :, place] = key, value
            seen = slice(first, place + 1)
            found = _attend(query, keys[:, :, seen], values[:, :, seen]).view(batch, 1, width)
            x = layer.norm1(x + layer.self_attn.out_proj(found))
            cross = layer.multihead_attn
            query = functional.linear(x, cross.in_proj_weight[:width], cross.in_proj_bias[:width])
            query = query.view(batch, self.heads, size)
            found = _attend(query, cache["memory_keys"][number], cache["memory_values"][number]).view(batch, 1, width)
            x = layer.norm2(x + cross.out_proj(found))
            x = layer.norm3(x + layer.linear2(functional.relu(layer.linear1(x))))
        logits: Tensor = self.head(self.transformer.decoder.norm(x))[:, 0]
        return logits


def _attend(query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Attention of one place: ``(batch, heads, size)`` on ``(batch, heads, length, size)``."""
    scores = (keys @ query[..., None])[..., 0] * query.shape[-1] ** -0.5
    found: Tensor = (scores.softmax(-1)[..., None, :] @ values)[..., 0, :]
    return found


class _ModernForm(nn.Module):
    """A decoder with normalisation before each part, rotary positions and gated layers."""

    def __init__(self, config: CodePriorConfig, vocabulary: int, prior: CodePrior) -> None:
        super().__init__()
        self.span, self.width, self.heads = config.span, config.width, config.heads
        self.ratio = prior.bottom_length / prior.top_length if config.level == "bottom" and prior.top_length else 0.0
        self.embedding = nn.Embedding(vocabulary, config.width)
        self.classes = nn.Embedding(vocabulary, config.width)
        self.dropout = nn.Dropout(config.dropout)
        if self.ratio:
            self.beside = nn.ModuleList(nn.Embedding(vocabulary, config.width) for _ in range(3))
            self.phase = nn.Embedding(math.ceil(self.ratio), config.width)
        self.layers = nn.ModuleList(_ModernLayer(config) for _ in range(config.decoder_layers))
        self.norm = nn.RMSNorm(config.width)
        self.head = nn.Linear(config.width, vocabulary)
        for module in self.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=0.5)

    def given(self, source: Tensor, places: Tensor) -> Tensor:
        """What is known at each of ``(batch, length)`` places but for the last code: class, and top codes."""
        known: Tensor = self.classes(source[:, :1]).expand(-1, places.shape[1], -1)
        if self.ratio:
            at = (places / self.ratio).long()
            last = source.shape[1] - 2
            for offset, table in zip((-1, 0, 1), self.beside, strict=True):
                known = known + table(source.gather(1, 1 + (at + offset).clamp(0, last)))
            within = (places - (at * self.ratio).ceil().long()).clamp(0, self.phase.num_embeddings - 1)
            known = known + self.phase(within)
        return known

    def full(self, source: Tensor, tokens: Tensor, start: Tensor) -> Tensor:
        length = tokens.shape[1]
        places = torch.arange(length, device=tokens.device)
        x = self.dropout(self.embedding(tokens) + self.given(source, start[:, None] + places))
        span = self.span if self.span and length > 2 * self.span else 0
        mask = _two_blocks(span, tokens.device) if span else _band(length, self.span, tokens.device)
        turns = _turns(places, self.width // self.heads)
        for layer in self.layers:
            x = cast(_ModernLayer, layer).full(x, mask, turns, span)
        found: Tensor = self.head(self.norm(x))
        return found

    def cache(self, source: Tensor, length: int) -> dict[str, Any]:
        weight = self.embedding.weight
        shape = (len(source), self.heads, length, self.width // self.heads)
        places = torch.arange(length, device=source.device)
        return {
            "given": self.given(source, places.expand(len(source), -1)),
            "turns": _turns(places, self.width // self.heads),
            "layers": [(weight.new_zeros(shape), weight.new_zeros(shape)) for _ in self.layers],
        }

    def step(self, cache: dict[str, Any], token: Tensor, place: int) -> Tensor:
        here = slice(place, place + 1)
        x = self.embedding(token[:, None]) + cache["given"][:, here]
        turns = cache["turns"][0][here], cache["turns"][1][here]
        first = max(0, place + 1 - self.span) if self.span else 0
        for layer, (keys, values) in zip(self.layers, cache["layers"], strict=True):
            x = cast(_ModernLayer, layer).step(x, keys, values, turns, place, first)
        logits: Tensor = self.head(self.norm(x))[:, 0]
        return logits


class _ModernLayer(nn.Module):
    def __init__(self, config: CodePriorConfig) -> None:
        super().__init__()
        width = config.width
        self.heads, self.size = config.heads, width // config.heads
        self.attention_norm, self.gate_norm = nn.RMSNorm(width), nn.RMSNorm(width)
        self.project = nn.Linear(width, 3 * width, bias=False)
        self.join = nn.Linear(width, width, bias=False)
        self.gate = nn.Linear(width, 2 * config.feed_forward, bias=False)
        self.leave = nn.Linear(config.feed_forward, width, bias=False)
        self.dropout = nn.Dropout(config.dropout)

    def _parts(self, x: Tensor, turns: tuple[Tensor, Tensor]) -> list[Tensor]:
        mixed = self.project(self.attention_norm(x)).view(*x.shape[:2], 3, self.heads, self.size)
        query, key, value = (part.transpose(1, 2) for part in mixed.unbind(2))
        return [_rotated(query, turns), _rotated(key, turns), value]

    def _feed(self, x: Tensor) -> Tensor:
        gate, value = self.gate(self.gate_norm(x)).chunk(2, -1)
        fed: Tensor = self.dropout(self.leave(functional.silu(gate) * value))
        return x + fed

    def full(self, x: Tensor, mask: Tensor, turns: tuple[Tensor, Tensor], span: int) -> Tensor:
        query, key, value = self._parts(x, turns)
        if span:
            found = _attend_in_blocks(query, key, value, mask, span)
        else:
            found = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self._feed(x + self.dropout(self.join(found.transpose(1, 2).flatten(2))))

    def step(
        self, x: Tensor, keys: Tensor, values: Tensor, turns: tuple[Tensor, Tensor], place: int, first: int
    ) -> Tensor:
        query, key, value = self._parts(x, turns)
        keys[:, :, place], values[:, :, place] = key[:, :, 0], value[:, :, 0]
        seen = slice(first, place + 1)
        found = _attend(query[:, :, 0], keys[:, :, seen], values[:, :, seen])
        return self._feed(x + self.join(found.flatten(1))[:, None])


def _two_blocks(span: int, device: torch.device) -> Tensor:
    """Which of the keys of its own block and the one before a query may see; shape ``(span, 2 * span)``."""
    distance = span + torch.arange(span, device=device)[:, None] - torch.arange(2 * span, device=device)
    return (distance >= 0) & (distance < span)


def _attend_in_blocks(query: Tensor, key: Tensor, value: Tensor, mask: Tensor, span: int) -> Tensor:
    """Attention on the last ``span`` places, whose cost grows with the length and not with its square.

    ::

        keys     | block 0 | block 1 | block 2 |
        queries                      | block 2 |    see the blocks 1 and 2

    Args:
        query: shape ``(batch, heads, length, size)``, as ``key`` and ``value``.
        key: what is looked for.
        value: what is found.
        mask: of :func:`_two_blocks`.
        span: length of a block.
    """
    batch, heads, length, size = query.shape
    blocks = -(-length // span)
    rest = blocks * span - length
    query = functional.pad(query, (0, 0, 0, rest)).view(batch, heads, blocks, span, size)

    def in_pairs(x: Tensor) -> Tensor:
        parts = functional.pad(x, (0, 0, span, rest)).view(batch, heads, blocks + 1, span, size)
        return torch.cat([parts[:, :, :-1], parts[:, :, 1:]], 3)

    allowed = mask.expand(blocks, -1, -1).clone()
    allowed[0, :, :span] = False  # nothing stands before the first block
    found = functional.scaled_dot_product_attention(query, in_pairs(key), in_pairs(value), attn_mask=allowed)
    return found.reshape(batch, heads, blocks * span, size)[:, :, :length]


def _turns(places: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Sines and cosines of angles that grow with the place, each of shape ``(places, size / 2)``."""
    half = size // 2
    rates = 10_000.0 ** (-torch.arange(half, device=places.device) / half)
    angles = places[:, None] * rates
    return angles.sin(), angles.cos()


def _rotated(x: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    """Turns pairs of numbers of ``(..., places, size)``: attention then depends on distances alone."""
    sine, cosine = turns
    one, other = x.chunk(2, -1)
    return torch.cat([one * cosine - other * sine, one * sine + other * cosine], -1)
