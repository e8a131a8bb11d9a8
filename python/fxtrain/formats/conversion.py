# SPDX-License-Identifier: MIT
"""From one file format to another: read, write, and play both files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fxtrain import engine
from fxtrain.errors import ModelFileError
from fxtrain.formats import ModelDocument, ModelFormat, format_of, get_format, new_document, programme, read_document
from fxtrain.formats.nam import NamFormat
from fxtrain.formats.recurrent import fix_knob
from fxtrain.formats.vectors import test_vectors
from fxtrain.models.effects._effect import EffectModel
from fxtrain.models.effects.recurrent import ResidualRecurrent

__all__ = ["Conversion", "ConversionRefused", "Difference", "convert", "metadata_of"]


class ConversionRefused(ModelFileError):
    """The target format does not hold the model, or no model of fxtrain is the same function."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What was measured between two model files.

    Attributes:
        greatest: absolute difference of two samples, full scale 1.
        allowed: the bound that it was held to.
        num_frames: played, at each position of the knobs.
        sample_rate: in Hz.
        prewarmed: whether silence ran through both files first; else they played from the state they load with.
    """

    greatest: float
    allowed: float
    num_frames: int
    sample_rate: int
    prewarmed: bool


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """A file that is not written yet.

    Attributes:
        source: format of the file that was read.
        made: the file.
        label: ``exact``, or ``exact but for the start state``.
        difference: as measured.
        notes: what the file that was read offers and the new one does not, each a sentence.
    """

    source: ModelFormat
    made: ModelDocument
    label: str
    difference: Difference
    notes: tuple[str, ...] = ()


def convert(path: Path, target: str, *, quality: float = 1.0, knobs: Mapping[int, float] | None = None) -> Conversion:
    """A model file in another format, once the engine has played both alike.

    Args:
        path: a file that the engine plays.
        target: name of the format.
        quality: 0 to 1: which network of a file that holds several.
        knobs: positions from 0 to 1 of those that become a part of the model, by number.

    Raises:
        ConversionRefused: the target does not hold the model.
        ModelFileError: the file cannot be read, or the engine plays the two files differently.
    """
    player = engine.load(path, quality=quality)
    document, fixed = read_document(path), dict(knobs or {})
    source, wanted = format_of(document), get_format(target)
    try:
        model = source.read(document, str(path), quality=quality)
    except ModelFileError as error:
        raise ConversionRefused(str(error)) from None
    for index in sorted(fixed, reverse=True):
        assert isinstance(model, ResidualRecurrent)  # no others have knobs
        player.set_knob(index, fixed[index])
        fix_knob(model, index, fixed[index])
    exactness = wanted.exactness(model)
    if exactness.refusal:
        raise ConversionRefused(f"{path} cannot be converted to {wanted.title}: {exactness.refusal}")
    made, converted = new_document(
        model, sample_rate=model.sample_rate, metadata=source.metadata(document, quality=quality), format=target
    )
    free = [index for index in range(len(player.knobs)) if index not in fixed]
    difference, label = _compare(player, converted, model, free, prewarm=False), "exact"
    starts_differ = exactness.loses_start or player.info.starts_at_rest != converted.info.starts_at_rest
    if starts_differ and not difference.greatest <= difference.allowed:
        difference = _compare(player, converted, model, free, prewarm=True)
        label = "exact but for the start state"
    if not difference.greatest <= difference.allowed:
        raise ModelFileError(
            f"the engine plays {path} and its conversion to {wanted.title} {difference.greatest:.2g} apart, expected "
            f"{difference.allowed:.2g} at most; nothing was written; please report this with the file"
        )
    notes: tuple[str, ...] = ()
    if isinstance(source, NamFormat):
        if source is wanted and label == "exact":  # the same function is as loud as its file says
            made.add_metadata(**source.stated_levels(document, quality=quality))
        if channels := source.slimmed_channels(document, quality=quality):
            counts = ", ".join(map(str, channels))
            notes = (
                f"{path} is slimmable: players may leave only some channels of its layers ({counts}); the new file "
                "holds the whole network alone",
            )
    return Conversion(source=source, made=made, label=label, difference=difference, notes=notes)


def metadata_of(path: Path, *, quality: float = 1.0) -> dict[str, Any]:
    """What a model file says of the capture, under the keys of our metadata; ``quality`` is as in :func:`convert`."""
    document = read_document(path)
    return format_of(document).metadata(document, quality=quality)


def _compare(
    one: engine.Model, other: engine.Model, model: EffectModel, free: list[int], *, prewarm: bool
) -> Difference:
    """Plays guitar through both, with the knobs that both have at both ends and in the middle."""
    clip = programme(model.sample_rate)
    *_, float32_error = test_vectors(model, model.sample_rate, num_silent=0)
    greatest = 0.0
    for position in (0.0, 0.5, 1.0) if free else (0.0,):
        for number, index in enumerate(free):
            one.set_knob(index, position)
            other.set_knob(number, position)
        outputs = []
        for player in (one, other):
            player.reset()
            if prewarm:
                player.process(np.zeros(model.sample_rate, np.float32))
            outputs.append(player.play(clip).astype(np.float64))
        greatest = max(greatest, float(np.abs(outputs[0] - outputs[1]).max()))
    return Difference(
        greatest=greatest,
        allowed=max(1e-5, 3 * float32_error),
        num_frames=len(clip),
        sample_rate=model.sample_rate,
        prewarmed=prewarm,
    )
