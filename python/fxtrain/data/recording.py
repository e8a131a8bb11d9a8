# SPDX-License-Identifier: MIT
"""A pair of files as a recording: read, checked and aligned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fxtrain.audio import LAG_GUARD, Audio, ChannelChoice, apply_lag, estimate_alignment, read_pair
from fxtrain.audio.alignment import match_clock
from fxtrain.audio.checks import DataReport, check_pair
from fxtrain.audio.levels import PLAYING_FRAME_SECONDS, Background, background, find_playing
from fxtrain.config import configuration
from fxtrain.data.pair_table import PairFiles
from fxtrain.data.spans import Span
from fxtrain.errors import DataCheckError

__all__ = ["LEAST_SECONDS", "Reading", "Recording", "align", "lag_to_remove", "load_recording"]

_SAME_LAG_FRAMES = 8
_SURE_SECONDS, _SURE_CONFIDENCE = 2.0, 0.8
LEAST_SECONDS = 0.1


@configuration
class Reading:
    """How recordings are read.

    Attributes:
        sample_rate: resample to this; None keeps the files' own.
        channel: of files that have several, counted from 0; None takes those that match each other.
        dry_channel: of the dry file; goes before ``channel``.
        wet_channel: of the wet file; goes before ``channel``.
        ignore: names of checks that must not stop.
        fix_polarity: flip a target that is upside down.
        lag: samples that the target is late, where the user knows it; None estimates it.
        skip_frames: frames at the start of each clip, or of a recording that has none, that are not scored.
    """

    sample_rate: int | None = None
    channel: int | None = None
    dry_channel: int | None = None
    wet_channel: int | None = None
    ignore: Annotated[tuple[str, ...], Field(strict=False)] = ()
    fix_polarity: bool = False
    lag: int | None = None
    skip_frames: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A pair that was read, checked and aligned.

    Attributes:
        files: where it came from.
        input: dry signal, shape ``(frames,)``.
        target: device output, same length, lag removed.
        sample_rate: in Hz.
        lag_removed: frames by which the target was moved forward (negative: the input was).
        polarity: -1 where the target was found upside down.
        report: the data checks.
        playing: for each stretch of 50 ms, whether both dry and wet hold playing there.
        notes: what was done to the signals, in sentences.
    """

    files: PairFiles
    input: NDArray[np.float32]
    target: NDArray[np.float32]
    sample_rate: int
    lag_removed: int
    polarity: int
    report: DataReport
    playing: NDArray[np.bool_] = field(repr=False)
    notes: tuple[str, ...] = ()

    def backgrounds(self) -> tuple[Background, Background]:
        """Levels of dry and wet with and without playing."""
        return background(self.input, self.sample_rate), background(self.target, self.sample_rate)

    def playing_share(self, spans: Sequence[Span]) -> float:
        """Which share of ``spans`` (in frames) holds playing."""
        frame = round(PLAYING_FRAME_SECONDS * self.sample_rate)
        found = np.concatenate([self.playing[start // frame : -(-end // frame)] for start, end in spans])
        return float(found.mean()) if len(found) else 1.0  # too short to say


def lag_to_remove(lag_samples: int) -> int:
    """What training takes away of a lag that was found.

    A target that leads its input cannot be learnt, one that is late by a few samples can. So :data:`LAG_GUARD`
    frames stay, as a margin for the error of the estimate; a lag within the margin stays as it is.
    """
    if 0 <= lag_samples <= LAG_GUARD:
        return 0
    return lag_samples - LAG_GUARD


def load_recording(
    files: PairFiles, reading: Reading, *, like: Recording | None = None, lag: int | None = None
) -> Recording:
    """Reads, checks and aligns one pair.

    Args:
        files: the pair.
        reading: how.
        like: the main training pair. A lag that is within a few samples of its own, or was found on less than two
            seconds or with little confidence, is taken as the same.
        lag: frames to remove; None finds them.

    Raises:
        AudioFileError: a file cannot be read.
        DataCheckError: a check says stop.
    """
    notes = []
    choice = ChannelChoice(both=reading.channel, dry=reading.dry_channel, wet=reading.wet_channel)
    dry, wet = read_pair(files.input, files.target, sample_rate=reading.sample_rate, choice=choice)
    notes += [
        f"{audio.path} resampled from {audio.file_sample_rate} Hz to {audio.sample_rate} Hz"
        for audio in (dry, wet)
        if audio.sample_rate != audio.file_sample_rate
    ]
    # Parts that only measure may be short: what is known of the device comes from the training pair.
    measures = lag is not None or (like is not None and files.split != "train")
    brief = ("length", "lag") if measures and min(dry.seconds, wet.seconds) >= LEAST_SECONDS else ()
    lag = reading.lag if lag is None else lag
    report = check_pair(dry, wet, ignore=(*reading.ignore, *brief), lag=reading.lag)
    report.raise_for_stop()
    recording = align(files, dry, wet, report, like=like, lag=lag, fix_polarity=reading.fix_polarity)
    return replace(recording, notes=(*notes, *recording.notes))


def align(
    files: PairFiles,
    dry: Audio,
    wet: Audio,
    report: DataReport,
    *,
    like: Recording | None = None,
    lag: int | None = None,
    fix_polarity: bool = False,
) -> Recording:
    """The pair without lag and drift; arguments are as in :func:`load_recording`."""
    notes = []
    alignment = report.alignment or estimate_alignment(dry.samples, wet.samples, dry.sample_rate)
    if report.clock != 1.0:
        wet = wet.with_samples(match_clock(wet.samples, report.clock))
        notes.append(
            f"{files.target} was resampled by {(report.clock - 1) * 1e6:+.2f} parts per million, to remove a drift of "
            f"{report.drift_samples:+.1f} samples"
        )
    polarity = alignment.polarity if alignment.order == 1 else 1
    if lag is None:
        lag = lag_to_remove(alignment.lag_samples)
        vague = min(dry.seconds, wet.seconds) < _SURE_SECONDS or alignment.confidence < _SURE_CONFIDENCE
        if like is not None and (vague or abs(lag - like.lag_removed) <= _SAME_LAG_FRAMES):
            lag, polarity = like.lag_removed, like.polarity
    input, target, clip_frames = _remove_lag(dry, wet, lag, files.clip_frames)
    if fix_polarity and polarity < 0:
        target = -target
        notes.append("the target was upside down and was flipped")
    difference = abs(dry.num_frames - wet.num_frames)
    if difference:
        notes.append(f"the files differ by {difference} frames; both were trimmed to {len(input)} after alignment")
    against = (None, None) if like is None else like.backgrounds()
    sides = [
        find_playing(side, dry.sample_rate, against=other) for side, other in zip((input, target), against, strict=True)
    ]
    return Recording(
        files=replace(files, clip_frames=clip_frames),
        input=input,
        target=target,
        sample_rate=dry.sample_rate,
        lag_removed=lag,
        polarity=polarity,
        report=report,
        playing=sides[0] & sides[1],
        notes=tuple(notes),
    )


def _remove_lag(
    dry: Audio, wet: Audio, lag: int, clip_frames: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], int]:
    """The aligned signals and their clip length: a lag is removed within each clip, which shortens all of them."""
    if not clip_frames:
        return *apply_lag(dry.samples, wet.samples, lag), 0
    clips = min(dry.num_frames, wet.num_frames) // clip_frames
    if not clips or abs(lag) >= clip_frames:
        raise DataCheckError(
            f"--clip-frames {clip_frames} does not fit {dry.path} of {dry.num_frames} frames with a lag of {lag}"
        )
    rows = [side.samples[: clips * clip_frames].reshape(clips, clip_frames) for side in (dry, wet)]
    shortened = clip_frames - abs(lag)
    input = rows[0][:, max(-lag, 0) :][:, :shortened]
    target = rows[1][:, max(lag, 0) :][:, :shortened]
    return input.reshape(-1), target.reshape(-1), shortened
