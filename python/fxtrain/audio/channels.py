# SPDX-License-Identifier: MIT
"""Reading a dry and a wet recording together: of files with several channels, those that belong to each other."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fxtrain.audio.alignment import apply_lag, estimate_alignment
from fxtrain.audio.checks import looks_like_input_of
from fxtrain.audio.decibels import amplitude_to_db
from fxtrain.audio.files import (
    Audio,
    asked_channel,
    channel_difference,
    channel_name,
    distinct_channels,
    read_channels,
    resampled,
)
from fxtrain.audio.levels import PLAYING_FRAME_SECONDS, find_playing, rms
from fxtrain.audio.resampling import resample
from fxtrain.errors import AudioFileError

__all__ = ["ChannelChoice", "read_pair"]

Samples = npt.NDArray[np.float32]

_EXCERPT_SECONDS = 20.0
_MATCH = 0.5  # confidence of an alignment from which on two channels belong together
_AS_GOOD = 0.25  # of the best match's score, to count as a match beside it
_MOST_PAIRS = 16  # of channels, to look for the pair that matches: each takes about half a second
_COPY_DB = -60.0  # of what a gain leaves unexplained: the same signal, not a device's output


@dataclass(frozen=True, kw_only=True)
class ChannelChoice:
    """Which channels of files that have several; counted from 0, None where fxtrain is to choose.

    Attributes:
        both: of each side that has several.
        dry: of the dry file; goes before ``both``.
        wet: of the wet file; goes before ``both``.
    """

    both: int | None = None
    dry: int | None = None
    wet: int | None = None


def read_pair(
    dry: str | os.PathLike[str],
    wet: str | os.PathLike[str],
    *,
    sample_rate: int | None = None,
    choice: ChannelChoice | None = None,
) -> tuple[Audio, Audio]:
    """Reads one channel of each of two files; where there are several, the pair of channels that match each other.

    Args:
        dry: the dry recording.
        wet: the wet one; may be the same file, if ``choice`` names both channels, or one of two.
        sample_rate: resample both to this rate; None keeps the files' own.
        choice: the channels that the user named.

    Raises:
        AudioFileError: a file cannot be read, there is no such channel, one file is given twice and nothing says
            which of its channels is which, or there are too many channels to compare.
    """
    choice = choice or ChannelChoice()
    sides = [read_channels(path) for path in (dry, wet)]
    options, notes = [], []
    for channels, own in zip(sides, (choice.dry, choice.wet), strict=True):
        asked = own if own is not None else (choice.both if len(channels) > 1 else None)
        found, note = distinct_channels(channels)
        if asked is not None:
            taken = asked_channel(channels, asked)
            found, note = [asked], taken.note
        options.append(found)
        notes.append(note)
    if _is_one_recording(dry, wet, sides) and len(distinct_channels(sides[0])[0]) > 1:
        if len(options[0]) > 1 and len(options[1]) > 1:
            raise AudioFileError(_which_is_which(Path(wet), sides[0], options[0]))
        for one, other in ((0, 1), (1, 0)):
            if len(options[one]) == 1:
                rest = [channel for channel in options[other] if channel != options[one][0]]
                options[other] = rest or options[other]
    chosen = [found[0] for found in options]
    if len(options[0]) * len(options[1]) > _MOST_PAIRS:
        raise AudioFileError(_too_many(Path(dry), Path(wet), options))
    if max(len(found) for found in options) > 1:
        chosen, notes = _matching(sides, options, notes)
    first, second = (
        resampled(replace(channels[channel], note=note), sample_rate)
        for channels, channel, note in zip(sides, chosen, notes, strict=True)
    )
    return first, second


def _is_one_recording(dry: str | os.PathLike[str], wet: str | os.PathLike[str], sides: list[list[Audio]]) -> bool:
    if Path(dry).samefile(wet):
        return True
    return len(sides[0]) == len(sides[1]) and all(
        np.array_equal(one.samples, other.samples) for one, other in zip(*sides, strict=True)
    )


def _which_is_which(path: Path, channels: list[Audio], options: list[int]) -> str:
    first, second = options[:2]
    hint = ""
    one, other = (_excerpt(channels[channel], channels[first]) for channel in (first, second))
    if looks_like_input_of(one, other, channels[0].sample_rate):
        hint = f" ({channel_name(first)} looks like the dry one)"
    elif looks_like_input_of(other, one, channels[0].sample_rate):
        first, second = second, first
        hint = f" ({channel_name(first)} looks like the dry one)"
    return (
        f"{path} is given as DRY and as WET and has {len(channels)} channels, but nothing says which is which{hint}: "
        f"add --dry-channel {first + 1} --wet-channel {second + 1}, or the other way round."
    )


def _too_many(dry: Path, wet: Path, options: list[list[int]]) -> str:
    counts = [len(found) for found in options]
    several = [
        (path, option, count)
        for path, option, count in zip((dry, wet), ("--dry-channel", "--wet-channel"), counts, strict=True)
        if count > 1
    ]
    which = " and ".join(
        f"{path} holds {count if count <= _MOST_PAIRS else f'more than {_MOST_PAIRS}'}" for path, _, count in several
    )
    return (
        f"{which} different channels, where at most {_MOST_PAIRS} pairs of a dry and a wet channel are compared: name "
        f"the guitar's with {' and '.join(f'{option} N' for _, option, _ in several)}."
    )


def _matching(sides: list[list[Audio]], options: list[list[int]], notes: list[str]) -> tuple[list[int], list[str]]:
    """The channels that match best, and a sentence for each side about the choice."""
    scores: dict[tuple[int, int], float] = {}
    copies: dict[tuple[int, int], float] = {}
    for dry in options[0]:
        for wet in options[1]:
            score, is_copy = _match(sides[0][dry], sides[1][wet])
            (copies if is_copy else scores)[dry, wet] = score
    scores = {pair: score for pair, score in scores.items() if score > 0} or copies
    if not scores:
        return [found[0] for found in options], [
            note or _unmatched(channels, found) for channels, found, note in zip(sides, options, notes, strict=True)
        ]
    best_dry, best_wet = max(scores, key=lambda pair: scores[pair])
    alike = [wet for wet in options[1] if scores.get((best_dry, wet), 0.0) >= _AS_GOOD * scores[best_dry, best_wet]]
    chosen = [best_dry, alike[0]]
    told = []
    for name, channels, found, channel, note in zip(("dry", "wet"), sides, options, chosen, notes, strict=True):
        if len(found) == 1:
            told.append(note)
            continue
        taken = f"Took {channel_name(channel)} of {len(channels)}"
        others = [other for other in alike if other != channel] if name == "wet" else []
        if others:
            ratio = amplitude_to_db(max(channel_difference(channels[channel], channels[other]) for other in others))
            told.append(
                f"{taken}: {'both' if len(alike) == 2 else f'{len(alike)} of them'} match dry, and they differ (by "
                f"{ratio:+.0f} dB); --wet-channel {others[0] + 1} takes "
                f"{channel_name(others[0])}, and one fit for each makes a model of each."
            )
        else:
            told.append(f"{taken}: it matches the {'wet' if name == 'dry' else 'dry'} file best.")
    return chosen, told


def _unmatched(channels: list[Audio], found: list[int]) -> str:
    """What is said where no channel matches the other side."""
    if len(found) == 1:
        return ""
    side = channel_name(found[0])
    return f"Took {side} of {len(channels)}: they differ, and none matches the other file."


def _match(dry: Audio, wet: Audio) -> tuple[float, bool]:
    """How well a wet channel fits a dry one (0: not at all), and whether it is no more than its copy."""
    x, y = _excerpt(dry, dry), _excerpt(wet, dry)
    if wet.sample_rate != dry.sample_rate:
        y = resample(y, wet.sample_rate, dry.sample_rate)
    found = estimate_alignment(x, y, dry.sample_rate)
    if found.confidence < _MATCH:
        return 0.0, False
    x, y = apply_lag(x, y, found.main_tap_samples)
    gain = float(np.dot(x.astype(np.float64), y)) / max(float(np.dot(x.astype(np.float64), x)), 1e-30)
    left = amplitude_to_db(rms(y - np.float32(gain) * x)) - amplitude_to_db(rms(y))
    return found.confidence * found.explained, left < _COPY_DB


def _excerpt(audio: Audio, guide: Audio) -> Samples:
    """Twenty seconds of ``audio`` from where ``guide`` holds most playing."""
    playing = find_playing(guide.samples, guide.sample_rate).astype(np.int64)
    width = round(_EXCERPT_SECONDS / PLAYING_FRAME_SECONDS)
    sums = np.convolve(playing, np.ones(width, np.int64), mode="valid") if len(playing) > width else np.zeros(1)
    start = round(int(np.argmax(sums)) * PLAYING_FRAME_SECONDS * audio.sample_rate)
    return audio.samples[start : start + round(_EXCERPT_SECONDS * audio.sample_rate)]
