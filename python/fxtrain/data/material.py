# SPDX-License-Identifier: MIT
"""From files to material: read, check, align and split."""

from __future__ import annotations

import csv
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fxtrain.audio import LAG_GUARD, Audio, apply_lag, estimate_alignment, read_audio
from fxtrain.audio.checks import DataReport, check_pair
from fxtrain.data.pairs import Excerpt
from fxtrain.data.split import SplitConfig, split_in_time
from fxtrain.errors import ConfigError, DataCheckError, InputError

__all__ = [
    "Material",
    "PairFiles",
    "Reading",
    "Recording",
    "lag_to_remove",
    "load_material",
    "load_recording",
    "read_pairs",
    "whole_excerpt",
]

logger = logging.getLogger(__name__)

Split = Literal["auto", "train", "validation", "test"]
_SPLITS: dict[str, Split] = {
    "": "auto", "auto": "auto", "train": "train", "val": "validation", "validation": "validation", "test": "test"
}  # fmt: skip
_SAME_LAG_FRAMES = 8
_SURE_SECONDS, _SURE_CONFIDENCE = 2.0, 0.8
_LEAST_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class PairFiles:
    """One dry/wet pair and its role.

    Attributes:
        input: the dry file.
        target: the wet file.
        split: ``auto`` divides it in time; else all of it is used for that part.
        weight: how much its error counts in training.
        clip_frames: 0, or the recording is clips of so many frames joined.
    """

    input: Path
    target: Path
    split: Split = "auto"
    weight: float = 1.0
    clip_frames: int = 0


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How recordings are read.

    Attributes:
        sample_rate: resample to this; None keeps the files' own.
        channel: of files that have several, counted from 0; None takes the first that sounds.
        ignore: names of checks that must not stop.
        fix_polarity: flip a target that is upside down.
    """

    sample_rate: int | None = None
    channel: int | None = None
    ignore: tuple[str, ...] = ()
    fix_polarity: bool = False


def read_pairs(path: Path) -> list[PairFiles]:
    """Reads a table of pairs: CSV with the columns input, target, split, weight, clip_frames (the last three optional).

    Relative paths start at the table's folder. ``split`` is train, val, test, or empty to divide the pair in time.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read the table of pairs {path}: {error}") from None
    known = {"input", "target", "split", "weight", "clip_frames"}
    columns = set(rows[0]) if rows else set()
    if not {"input", "target"} <= columns or not columns <= known:
        raise InputError(
            f"{path} needs a header and rows with the columns input,target,split,weight,clip_frames, "
            f"but has {', '.join(str(column) for column in sorted(map(str, columns))) or 'no rows'}"
        )
    pairs = []
    for number, row in enumerate(rows, start=2):
        split = (row.get("split") or "").strip()
        if not row["input"] or not row["target"]:
            raise InputError(f"{path}, line {number}: input and target must both name a file")
        if split not in _SPLITS:
            raise InputError(f"{path}, line {number}: split is {split!r}, expected train, val, test or nothing")
        try:
            weight, clip_frames = float(row.get("weight") or 1), int(row.get("clip_frames") or 0)
        except ValueError as error:
            raise InputError(f"{path}, line {number}: {error}") from None
        if not (0 < weight < float("inf")) or clip_frames < 0:
            raise InputError(f"{path}, line {number}: weight must be positive and clip_frames not negative")
        pairs.append(
            PairFiles(
                input=path.parent / row["input"],
                target=path.parent / row["target"],
                split=_SPLITS[split],
                weight=weight,
                clip_frames=clip_frames,
            )
        )
    return pairs


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
        notes: what was done to the signals, in sentences.
    """

    files: PairFiles
    input: NDArray[np.float32]
    target: NDArray[np.float32]
    sample_rate: int
    lag_removed: int
    polarity: int
    report: DataReport
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Material:
    """All that a run is fed and judged by.

    Attributes:
        train: excerpts to train on.
        validation: excerpts that choose the best weights.
        test: excerpts that training never sees.
        sample_rate: of all of them, in Hz.
        lag_samples: removed from the first training pair.
        recordings: the pairs behind them.
        parts: the split, for the report.
    """

    train: list[Excerpt]
    validation: list[Excerpt]
    test: list[Excerpt]
    sample_rate: int
    lag_samples: int
    recordings: list[Recording] = field(repr=False)
    parts: list[dict[str, Any]] = field(repr=False)


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
    dry, wet = (read_audio(path, channel=reading.channel) for path in (files.input, files.target))
    rate = reading.sample_rate
    if rate is not None:
        others = [audio for audio in (dry, wet) if audio.sample_rate != rate]
        notes += [f"{audio.path} resampled from {audio.sample_rate} Hz to {rate} Hz" for audio in others]
        dry, wet = (read_audio(path, sample_rate=rate, channel=reading.channel) for path in (files.input, files.target))
    # Parts that only measure may be short: what is known of the device comes from the training pair.
    measures = lag is not None or (like is not None and files.split != "train")
    brief = ("length", "lag") if measures and min(dry.seconds, wet.seconds) >= _LEAST_SECONDS else ()
    report = check_pair(dry, wet, ignore=(*reading.ignore, *brief))
    report.raise_for_stop()
    alignment = report.alignment or estimate_alignment(dry.samples, wet.samples, dry.sample_rate)
    polarity = alignment.polarity
    if lag is None:
        lag = lag_to_remove(alignment.lag_samples)
        vague = min(dry.seconds, wet.seconds) < _SURE_SECONDS or alignment.confidence < _SURE_CONFIDENCE
        if like is not None and (vague or abs(lag - like.lag_removed) <= _SAME_LAG_FRAMES):
            lag, polarity = like.lag_removed, like.polarity
    input, target, clip_frames = _remove_lag(dry, wet, lag, files.clip_frames)
    if reading.fix_polarity and polarity < 0:
        target = -target
        notes.append("the target was upside down and was flipped")
    difference = abs(dry.num_frames - wet.num_frames)
    if difference:
        notes.append(f"the files differ by {difference} frames; both were trimmed to {len(input)} after alignment")
    return Recording(
        files=replace(files, clip_frames=clip_frames),
        input=input,
        target=target,
        sample_rate=dry.sample_rate,
        lag_removed=lag,
        polarity=polarity,
        report=report,
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


def load_material(
    pairs: Sequence[PairFiles],
    *,
    split: SplitConfig,
    reading: Reading,
    skip_frames: int = 0,
) -> Material:
    """Reads, checks, aligns and splits all pairs of a run.

    Where validation or test pairs are given, the others are not divided for that part.

    Raises:
        InputError: a file cannot be used, or pairs do not fit together.
    """
    if not any(pair.split in ("auto", "train") for pair in pairs):
        raise ConfigError("there is no pair to train on; give DRY WET, or rows with split train")
    recordings: list[Recording] = []
    ordered = sorted(pairs, key=lambda pair: pair.split not in ("auto", "train"))
    for files in ordered:
        main = recordings[0] if recordings else None
        recording = load_recording(files, reading, like=main)
        if main is not None and recording.sample_rate != main.sample_rate:
            raise DataCheckError(
                f"{files.input} has {recording.sample_rate} Hz but {main.files.input} has {main.sample_rate} Hz; "
                "use files of one rate, or --sample-rate to resample"
            )
        recordings.append(recording)
    given = {pair.split for pair in pairs}
    excerpts: dict[str, list[Excerpt]] = {"train": [], "validation": [], "test": []}
    parts: list[dict[str, Any]] = []
    for recording in recordings:
        for part, (start, end) in _divide(recording, split, given).items():
            excerpts[part].append(_excerpt(recording, start, end, skip_frames))
            parts.append(
                {
                    "part": part,
                    "input": str(recording.files.input),
                    "target": str(recording.files.target),
                    "start_seconds": start / recording.sample_rate,
                    "end_seconds": end / recording.sample_rate,
                }
            )
    for part, found in excerpts.items():
        if not any(len(excerpt.clips()) for excerpt in found):
            raise DataCheckError(f"no material is left for the {part} part; record more, or give it as a file")
    return Material(
        train=excerpts["train"],
        validation=excerpts["validation"],
        test=excerpts["test"],
        sample_rate=recordings[0].sample_rate,
        lag_samples=recordings[0].lag_removed,
        recordings=recordings,
        parts=parts,
    )


def _divide(recording: Recording, config: SplitConfig, given: set[Split]) -> dict[str, tuple[int, int]]:
    num_frames, clip_frames = len(recording.input), recording.files.clip_frames
    whole = recording.files.split
    if whole != "auto":
        return {whole: (0, num_frames)}
    wanted = [part for part in ("validation", "test") if part not in given]
    if not wanted:
        return {"train": (0, num_frames)}
    parts = split_in_time(num_frames, recording.sample_rate, config, clip_frames=clip_frames)
    if "validation" not in wanted:
        parts = {"train": (0, parts["validation"][1]), "test": parts["test"]}
    elif "test" not in wanted:
        parts = {"train": (0, parts["validation"][1] - _size(parts["test"])), "validation": parts["test"]}
    return parts


def _size(part: tuple[int, int]) -> int:
    return part[1] - part[0]


def whole_excerpt(recording: Recording, skip_frames: int = 0) -> Excerpt:
    """All of a recording."""
    return _excerpt(recording, 0, len(recording.input), skip_frames)


def _excerpt(recording: Recording, start: int, end: int, skip_frames: int) -> Excerpt:
    files = recording.files
    return Excerpt(
        input=np.ascontiguousarray(recording.input[start:end]),
        target=np.ascontiguousarray(recording.target[start:end]),
        weight=files.weight,
        clip_frames=files.clip_frames,
        skip_frames=skip_frames,
        lead_in=None if files.clip_frames else recording.input[max(0, start - recording.sample_rate) : start].copy(),
    )
