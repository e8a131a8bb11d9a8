# SPDX-License-Identifier: MIT
"""From files to material: read, check, align and split."""

from __future__ import annotations

import codecs
import csv
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fxtrain.audio import LAG_GUARD, Audio, ChannelChoice, apply_lag, estimate_alignment, read_pair
from fxtrain.audio.alignment import match_clock
from fxtrain.audio.checks import DataReport, Verdict, check_pair
from fxtrain.audio.levels import PLAYING_FRAME_SECONDS, Background, background, find_playing, idle_stretches
from fxtrain.audio.near_copies import find_near_copies
from fxtrain.audio.repeats import find_copies, joined_stretches
from fxtrain.config import configuration
from fxtrain.data.excerpt import Excerpt, joined
from fxtrain.data.split import SplitConfig, split_in_time
from fxtrain.errors import ConfigError, DataCheckError, InputError
from fxtrain.files import read_file
from fxtrain.text import quoted, shortened

__all__ = [
    "Material",
    "PairFiles",
    "Reading",
    "Recording",
    "check_split",
    "heard_before",
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
_IDLE_SECONDS = (
    3.0  # longer stretches without playing are left out; in a short recording, three quarters of its shortest part
)
_LEAST_IDLE_SECONDS = 1.0
_LEAST_SPAN_SECONDS = 1.0  # what is left between two such stretches is used if it is at least this long
_LEAST_PLAYING = 0.05  # share of a part; below, it holds no playing
_COPY_SECONDS = 0.5  # shorter copies of what judges a part may stay in it
_LEAST_CLIP_FRAMES = 64  # of a copy of half a clip
_MOST_COPIED = 0.5  # share of a part; if more of it are copies, they stay, with a warning
_PART_NAMES = {"train": "training", "validation": "validation", "test": "test"}
_COPIES_MEAN = {  # (what judges, what is judged by it): what copies of the one in the other do
    ("test", "train"): "the test ESR is lower than on playing that training has not heard",
    ("test", "validation"): "the test ESR is lower than on playing that did not choose the weights",
    ("validation", "train"): "the choice of the best weights favours what was learned by heart",
}

_LARGEST_TABLE = 16 << 20  # bytes
GREATEST_WEIGHT = 1e6
MOST_CLIP_FRAMES = 1 << 30

Span = tuple[int, int]


@configuration
class PairFiles:
    """One dry/wet pair and its role.

    Attributes:
        input: the dry file.
        target: the wet file.
        split: ``auto`` divides it in time; else all of it is used for that part.
        weight: how much its error counts in training.
        clip_frames: 0, or the recording is clips of so many frames joined.
    """

    input: Annotated[Path, Field(strict=False)]
    target: Annotated[Path, Field(strict=False)]
    split: Split = "auto"
    weight: Annotated[float, Field(gt=0, le=GREATEST_WEIGHT)] = 1.0
    clip_frames: Annotated[int, Field(ge=0, le=MOST_CLIP_FRAMES)] = 0


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


_COLUMNS = ("input", "target", "split", "weight", "clip_frames")


def read_pairs(path: Path) -> list[PairFiles]:
    """Reads a table of pairs: CSV with the columns input, target, split, weight, clip_frames (the last three optional).

    Relative paths start at the table's folder. ``split`` is train, val, test, or empty to divide the pair in time. The
    dialects of spreadsheets are read: byte order marks, semicolons or tabs, decimal commas, capitals, blanks around
    names and values, empty lines, columns of notes.
    """
    columns, rows = _read_table(path)
    missing = [name for name in ("input", "target") if name not in columns]
    if missing or not rows:
        raise InputError(
            f"{path} needs a header and rows with the columns {','.join(_COLUMNS)}, "
            f"but has {', '.join(columns) or 'no rows'}{'' if rows or missing else ' and no rows below it'}"
        )
    for column in columns:
        if column not in _COLUMNS:
            meant = [name for name in get_close_matches(column, _COLUMNS, cutoff=0.75) if name not in columns]
            if meant:
                raise InputError(f"{path} has a column {column!r}; if {meant[0]!r} is meant, rename it")
    pairs = []
    for number, fields in rows:
        if len(fields) > len(columns):
            raise InputError(
                f"{path}, line {number} has {len(fields)} fields where the header has {len(columns)}; "
                "put values that hold the separator, such as 0,5, in quotes"
            )
        row = dict(zip(columns, fields, strict=False))
        split = row.get("split", "").lower()
        if not row.get("input") or not row.get("target"):
            raise InputError(f"{path}, line {number}: input and target must both name a file")
        if split not in _SPLITS:
            raise InputError(f"{path}, line {number}: split is {quoted(split)}, expected train, val, test or nothing")
        try:
            weight = float((row.get("weight") or "1").replace(",", "."))
            clips = float((row.get("clip_frames") or "0").replace(",", "."))
        except ValueError as error:
            raise InputError(f"{path}, line {number}: {shortened(str(error), 120)}") from None
        if not (0 < weight <= GREATEST_WEIGHT) or not 0 <= clips <= MOST_CLIP_FRAMES or clips != int(clips):
            raise InputError(
                f"{path}, line {number}: weight is {weight:g} and clip_frames {clips:g}; expected a weight above 0, at "
                f"most {GREATEST_WEIGHT:g}, and a whole number of clip_frames from 0 to {MOST_CLIP_FRAMES}"
            )
        pairs.append(
            PairFiles(
                input=path.parent / row["input"],
                target=path.parent / row["target"],
                split=_SPLITS[split],
                weight=weight,
                clip_frames=int(clips),
            )
        )
    return pairs


def _read_table(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The names of the columns, and the rows that hold anything, with their line numbers."""
    try:
        data = read_file(path, at_most=_LARGEST_TABLE, expected="a table of pairs")
    except OSError as error:
        raise InputError(f"cannot read the table of pairs {path}: {error}") from None
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")  # what spreadsheets on Windows write if not asked for UTF-8
    if "\0" in text:
        raise InputError(f"{path} is not a table of text; save it as CSV (UTF-8)")
    lines = text.lstrip("\ufeff").splitlines()
    skipped = 0
    while lines and (not lines[0].strip(" ,;\t") or re.fullmatch(r"sep=.", lines[0].strip())):
        del lines[0]
        skipped += 1
    delimiter = max(",;\t", key=lines[0].count) if lines else ","
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    try:
        table = [(skipped + reader.line_num, [field.strip() for field in fields]) for fields in reader]
    except csv.Error as error:
        raise InputError(f"cannot read the table of pairs {path}: {error}") from None
    table = [(number, fields) for number, fields in table if any(fields)]
    if not table:
        return [], []
    columns = [name.lower().replace(" ", "_") for name in table[0][1]]
    while columns and not columns[-1]:
        columns.pop()
    rows = []
    for number, fields in table[1:]:
        while len(fields) > len(columns) and not fields[-1]:
            fields.pop()
        rows.append((number, fields))
    return columns, rows


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
    choice = ChannelChoice(both=reading.channel, dry=reading.dry_channel, wet=reading.wet_channel)
    dry, wet = read_pair(files.input, files.target, sample_rate=reading.sample_rate, choice=choice)
    notes += [
        f"{audio.path} resampled from {audio.file_sample_rate} Hz to {audio.sample_rate} Hz"
        for audio in (dry, wet)
        if audio.sample_rate != audio.file_sample_rate
    ]
    # Parts that only measure may be short: what is known of the device comes from the training pair.
    measures = lag is not None or (like is not None and files.split != "train")
    brief = ("length", "lag") if measures and min(dry.seconds, wet.seconds) >= _LEAST_SECONDS else ()
    lag = reading.lag if lag is None else lag
    report = check_pair(dry, wet, ignore=(*reading.ignore, *brief), lag=reading.lag)
    report.raise_for_stop()
    recording = _align(files, dry, wet, report, like=like, lag=lag, fix_polarity=reading.fix_polarity)
    return replace(recording, notes=(*notes, *recording.notes))


def _align(
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


def load_material(
    pairs: Sequence[PairFiles],
    *,
    split: SplitConfig,
    reading: Reading,
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
    divided = []
    for index, recording in enumerate(recordings):
        spans, idle = _live_spans(recording, split)
        recordings[index] = replace(recording, notes=(*recording.notes, *idle))
        divided.append(_divide(recording, spans, split, given))
    recordings, divided = _leave_out_copies(recordings, divided)
    excerpts: dict[str, list[Excerpt]] = {"train": [], "validation": [], "test": []}
    parts: list[dict[str, Any]] = []
    for recording, chosen_by_part in zip(recordings, divided, strict=True):
        for part, chosen in chosen_by_part.items():
            excerpts[part] += _excerpts(recording, chosen, reading.skip_frames)
            parts += [
                {
                    "part": part,
                    "input": str(recording.files.input),
                    "target": str(recording.files.target),
                    "start_seconds": start / recording.sample_rate,
                    "end_seconds": end / recording.sample_rate,
                }
                for start, end in chosen
            ]
    for part, found in excerpts.items():
        if part not in given and "auto" not in given:
            split_name = part.removesuffix("idation")
            raise ConfigError(
                f"no pair is for the {_PART_NAMES[part]} part; give one with the split {split_name}, or leave split "
                "empty for pairs that fit is to divide"
            )
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


def check_split(dry: Audio, wet: Audio, report: DataReport) -> Verdict:
    """Does training hear what judges the model, if ``fit`` divides this pair as it does by default?

    Args:
        dry: the dry recording.
        wet: the wet one.
        report: what :func:`fxtrain.audio.check_pair` says of them, without a stop.

    Raises:
        DataCheckError: the pair cannot be divided.
    """
    files = PairFiles(input=dry.path or Path("dry"), target=wet.path or Path("wet"))
    split = SplitConfig()
    recording = _align(files, dry, wet, report)
    parts = _divide(recording, _live_spans(recording, split)[0], split, {"auto"})
    (judged,), _ = _leave_out_copies([replace(recording, notes=())], [parts])
    found = [verdict for verdict in judged.report.verdicts if verdict.name == "split"]
    if found:
        return found[0]
    if judged.notes:
        return Verdict("split", "note", "; ".join(judged.notes))
    return Verdict("split", "ok", "The training, validation and test parts share no playing")


def _live_spans(recording: Recording, config: SplitConfig) -> tuple[list[Span], list[str]]:
    """The recording without its long stretches that hold no playing, in frames; and a sentence about what is left out.

    Raises:
        DataCheckError: nothing is left.
    """
    num_frames, clip_frames, rate = len(recording.input), recording.files.clip_frames, recording.sample_rate
    shortest = min(config.validation_fraction, config.test_fraction) * num_frames / rate
    least = min(_IDLE_SECONDS, max(_LEAST_IDLE_SECONDS, 0.75 * shortest))
    spans: list[Span] = []
    position = 0
    for start, end in [*idle_stretches(recording.playing, min_seconds=least), (num_frames / rate, 0.0)]:
        first, last = min(round(start * rate), num_frames), min(round(end * rate), num_frames)
        if clip_frames:  # clips are left out whole
            first, last = -(-first // clip_frames) * clip_frames, last // clip_frames * clip_frames
            first = min(first, num_frames)
        if first - position >= (1 if clip_frames or not spans else _LEAST_SPAN_SECONDS * rate):
            spans.append((position, first))
        position = max(last, first)
    files = recording.files
    if not spans or (len(recording.playing) and not recording.playing.any()):
        raise DataCheckError(
            f"{files.input} with {files.target} holds no playing, only silence or noise, so nothing can be trained on "
            "it or measured with it; give a pair that holds playing"
        )
    left_out = num_frames - sum(map(_size, spans))
    if left_out <= 0:
        return spans, []
    edges = [0, *(edge for span in spans for edge in span), num_frames]
    gaps = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]
    return spans, [f"{left_out / rate:.1f} s of {files.input} without playing are left out ({_places(gaps, rate)})"]


def _divide(recording: Recording, spans: list[Span], config: SplitConfig, given: set[Split]) -> dict[str, list[Span]]:
    """The live spans of each part.

    Raises:
        DataCheckError: a part holds no playing.
    """
    whole, clip_frames = recording.files.split, recording.files.clip_frames
    wanted = [part for part in ("validation", "test") if part not in given]
    if whole != "auto" or not wanted:
        parts: dict[str, list[Span]] = {"train" if whole == "auto" else whole: spans}
    else:
        live_frames = sum(map(_size, spans))
        divided = split_in_time(live_frames, recording.sample_rate, config, clip_frames=clip_frames)
        if "validation" not in wanted:
            divided = {"train": (0, divided["validation"][1]), "test": divided["test"]}
        elif "test" not in wanted:
            end = divided["validation"][1] - _size(divided["test"])
            divided = {"train": (0, end), "validation": divided["test"]}
        parts = {part: _within(spans, *span) for part, span in divided.items()}
    if config.train_seconds and "train" in parts:
        frames = max(1, round(config.train_seconds * recording.sample_rate))
        if clip_frames:
            frames = max(1, frames // clip_frames) * clip_frames
        parts["train"] = _within(parts["train"], 0, frames)
    for part, chosen in parts.items():
        if part != "train" and recording.playing_share(chosen) < _LEAST_PLAYING:
            first, last = (frame / recording.sample_rate for frame in (chosen[0][0], chosen[-1][1]))
            raise DataCheckError(
                f"the {part} part ({first:.1f} to {last:.1f} s of {recording.files.input}) holds no playing; cut the "
                "recording where playing ends, or give files for that part (--val DRY WET, --test DRY WET)"
            )
    return parts


def _leave_out_copies(
    recordings: Sequence[Recording], divided: Sequence[dict[str, list[Span]]]
) -> tuple[list[Recording], list[dict[str, list[Span]]]]:
    """Takes out of training, and then out of validation, what the parts that judge it hold too.

    Capture signals often end as they begin, and loops repeat: a model would be measured on what it was trained on.
    Where copies are half of a part or more, or all of its playing, they stay, and the first recording's report warns
    of them.

    Args:
        recordings: all of them.
        divided: the spans of each part of each, in frames.

    Returns:
        The recordings, with notes on what was left out, and their spans without it.
    """
    recordings, divided = list(recordings), [dict(parts) for parts in divided]
    warnings: list[str] = []
    values: dict[str, Any] = {}
    for judge, part in _COPIES_MEAN:
        copies = _copies(recordings, divided, judge, part)
        num_copied = sum(_size(span) for found in copies for span in found)
        num_frames = sum(_size(span) for parts in divided for span in parts.get(part, []))
        if num_copied == 0:
            continue
        rate = recordings[0].sample_rate
        left = [_without(parts.get(part, []), found, rate) for parts, found in zip(divided, copies, strict=True)]
        if num_copied >= _MOST_COPIED * num_frames or not _holds_playing(recordings, left):
            seconds = f"{num_copied / rate:.1f} of the {num_frames / rate:.1f} s of the {_PART_NAMES[part]} part"
            warnings.append(f"{seconds} also come in the {judge} part, so {_COPIES_MEAN[judge, part]}")
            values[f"{part}_in_{judge}_seconds"] = round(num_copied / rate, 2)
            continue
        for index, found in enumerate(copies):
            if found:
                files, divided[index][part] = recordings[index].files, left[index]
                note = (
                    f"{sum(map(_size, found)) / rate:.1f} s of {files.input} are left out of the {_PART_NAMES[part]} "
                    f"part, as the {judge} part repeats them ({_places(found, rate)})"
                )
                recordings[index] = replace(recordings[index], notes=(*recordings[index].notes, note))
    if warnings:
        message = "; ".join(warnings)
        verdict = Verdict(
            "split",
            "warn",
            message[0].upper() + message[1:],
            "give other playing with --val DRY WET and --test DRY WET, or end the recording with playing that does not "
            "come before",
            values,
        )
        report = recordings[0].report
        report = replace(report, verdicts=(*report.verdicts, verdict))
        recordings[0] = replace(recordings[0], report=report)
    return recordings, divided


def _copies(
    recordings: Sequence[Recording], divided: Sequence[dict[str, list[Span]]], judge: str, part: str
) -> list[list[Span]]:
    """For each recording the stretches of ``part`` whose dry signal is also in the ``judge`` part; clips are whole."""
    heard = [
        recording.input[start:end]
        for recording, parts in zip(recordings, divided, strict=True)
        for start, end in parts.get(judge, [])
    ]
    if not heard:
        return [[] for _ in recordings]
    passages = joined(heard)
    rate = recordings[0].sample_rate
    least = min(round(_COPY_SECONDS * rate), max(round(_LEAST_SECONDS * rate), len(passages) // 2))
    copies = []
    for recording, parts in zip(recordings, divided, strict=True):
        found = []
        clip_frames = recording.files.clip_frames
        shortest = min(least, max(clip_frames // 2, _LEAST_CLIP_FRAMES)) if clip_frames else least
        for start, end in parts.get(part, []):
            for first, last in _copied(passages, recording.input[start:end], rate, shortest):
                if clip_frames:
                    first, last = first // clip_frames * clip_frames, -(-last // clip_frames) * clip_frames
                found.append((start + first, min(start + last, end)))
        copies.append(joined_stretches(found))
    return copies


def _holds_playing(recordings: Sequence[Recording], spans: Sequence[list[Span]]) -> bool:
    """Whether enough of the spans of all recordings together is playing."""
    sizes = [sum(map(_size, chosen)) for chosen in spans]
    shares = [
        recording.playing_share(chosen) if chosen else 0.0 for recording, chosen in zip(recordings, spans, strict=True)
    ]
    return float(np.dot(sizes, shares)) >= _LEAST_PLAYING * max(sum(sizes), 1)


def heard_before(heard: Sequence[Excerpt], recording: Recording) -> list[Span]:
    """The stretches of a recording, in frames, whose dry signal is also in excerpts of the same sample rate."""
    passages = joined([excerpt.input for excerpt in heard])
    return _copied(passages, recording.input, recording.sample_rate, round(_COPY_SECONDS * recording.sample_rate))


def _copied(passages: NDArray[np.float32], samples: NDArray[np.float32], sample_rate: int, least: int) -> list[Span]:
    """What ``samples`` share with ``passages``, sample for sample, or but for noise, gain or resampling."""
    exact = find_copies(passages, samples, least)
    return joined_stretches([*exact, *find_near_copies(passages, samples, sample_rate)])


def _without(spans: Sequence[Span], left_out: Sequence[Span], sample_rate: int) -> list[Span]:
    """What is left of ``spans``, but for remnants that are too short to train on."""
    left = list(spans)
    for first, last in left_out:
        left = [piece for a, b in left for piece in ((a, min(b, first)), (max(a, last), b)) if piece[0] < piece[1]]
    long_enough = [span for span in left if span in spans or _size(span) >= _LEAST_SPAN_SECONDS * sample_rate]
    return long_enough or left


def _places(spans: Sequence[Span], sample_rate: int) -> str:
    """Spans in seconds, the first four of them."""
    shown = ", ".join(f"{a / sample_rate:.1f} to {b / sample_rate:.1f} s" for a, b in spans[:4])
    return shown + (" and more" if len(spans) > 4 else "")


def _within(spans: Sequence[Span], start: int, end: int) -> list[Span]:
    """The stretches of ``spans`` that lie from ``start`` to ``end`` of their joined length."""
    chosen = []
    position = 0
    for first, last in spans:
        a, b = max(start - position, 0), min(end - position, last - first)
        if a < b:
            chosen.append((first + a, first + b))
        position += last - first
    return chosen


def _size(part: Span) -> int:
    return part[1] - part[0]


def whole_excerpt(recording: Recording, skip_frames: int = 0) -> Excerpt:
    """All of a recording."""
    (excerpt,) = _excerpts(recording, [(0, len(recording.input))], skip_frames)
    return excerpt


def _excerpts(recording: Recording, spans: Sequence[Span], skip_frames: int) -> list[Excerpt]:
    """One excerpt per span; one in all of a recording of clips, which do not depend on what precedes them."""
    files, rate = recording.files, recording.sample_rate
    groups = [spans] if files.clip_frames and spans else [[span] for span in spans]
    long_enough = [g for g in groups if files.clip_frames or _size(g[0]) >= _LEAST_SPAN_SECONDS * rate]
    return [
        Excerpt(
            input=joined([recording.input[start:end] for start, end in group]),
            target=joined([recording.target[start:end] for start, end in group]),
            weight=files.weight,
            clip_frames=files.clip_frames,
            skip_frames=skip_frames,
            lead_in=None if files.clip_frames else recording.input[max(0, group[0][0] - rate) : group[0][0]].copy(),
        )
        for group in long_enough or groups
    ]
