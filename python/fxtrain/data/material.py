# SPDX-License-Identifier: MIT
"""From files to material: read, check, align and split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fxtrain.audio import Audio
from fxtrain.audio.checks import DataReport, Verdict
from fxtrain.audio.levels import idle_stretches
from fxtrain.data.copies import LEAST_PLAYING, PART_NAMES, leave_out_copies
from fxtrain.data.excerpt import Excerpt, joined
from fxtrain.data.pair_table import PairFiles, Split
from fxtrain.data.recording import Reading, Recording, align, load_recording
from fxtrain.data.spans import LEAST_SPAN_SECONDS, Span, places, size, within
from fxtrain.data.split import SplitConfig, split_in_time
from fxtrain.errors import ConfigError, DataCheckError

__all__ = ["Material", "check_split", "load_material", "whole_excerpt"]

# Longer stretches without playing are left out; in a short recording, three quarters of its shortest part.
_IDLE_SECONDS = 3.0
_LEAST_IDLE_SECONDS = 1.0


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

    @property
    def is_in_clips(self) -> bool:
        """Whether any part that is trained on consists of clips."""
        return any(excerpt.clip_frames for excerpt in self.train)

    def with_later_target(self, frames: int) -> Material:
        """The same recordings, not in clips, with so much less lag removed."""
        return replace(
            self,
            train=[excerpt.with_later_target(frames) for excerpt in self.train],
            validation=[excerpt.with_later_target(frames) for excerpt in self.validation],
            test=[excerpt.with_later_target(frames) for excerpt in self.test],
            lag_samples=self.lag_samples - frames,
            recordings=[replace(each, lag_removed=each.lag_removed - frames) for each in self.recordings],
        )


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
    recordings, divided = leave_out_copies(recordings, divided)
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
                f"no pair is for the {PART_NAMES[part]} part; give one with the split {split_name}, or leave split "
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
    recording = align(files, dry, wet, report)
    parts = _divide(recording, _live_spans(recording, split)[0], split, {"auto"})
    (judged,), _ = leave_out_copies([replace(recording, notes=())], [parts])
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
        if first - position >= (1 if clip_frames or not spans else LEAST_SPAN_SECONDS * rate):
            spans.append((position, first))
        position = max(last, first)
    files = recording.files
    if not spans or (len(recording.playing) and not recording.playing.any()):
        raise DataCheckError(
            f"{files.input} with {files.target} holds no playing, only silence or noise, so nothing can be trained on "
            "it or measured with it; give a pair that holds playing"
        )
    left_out = num_frames - sum(map(size, spans))
    if left_out <= 0:
        return spans, []
    edges = [0, *(edge for span in spans for edge in span), num_frames]
    gaps = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]
    return spans, [f"{left_out / rate:.1f} s of {files.input} without playing are left out ({places(gaps, rate)})"]


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
        live_frames = sum(map(size, spans))
        divided = split_in_time(live_frames, recording.sample_rate, config, clip_frames=clip_frames)
        if "validation" not in wanted:
            divided = {"train": (0, divided["validation"][1]), "test": divided["test"]}
        elif "test" not in wanted:
            end = divided["validation"][1] - size(divided["test"])
            divided = {"train": (0, end), "validation": divided["test"]}
        parts = {part: within(spans, *span) for part, span in divided.items()}
    if config.train_seconds and "train" in parts:
        frames = max(1, round(config.train_seconds * recording.sample_rate))
        if clip_frames:
            frames = max(1, frames // clip_frames) * clip_frames
        parts["train"] = within(parts["train"], 0, frames)
    for part, chosen in parts.items():
        if part != "train" and recording.playing_share(chosen) < LEAST_PLAYING:
            first, last = (frame / recording.sample_rate for frame in (chosen[0][0], chosen[-1][1]))
            raise DataCheckError(
                f"the {part} part ({first:.1f} to {last:.1f} s of {recording.files.input}) holds no playing; cut the "
                "recording where playing ends, or give files for that part (--val DRY WET, --test DRY WET)"
            )
    return parts


def whole_excerpt(recording: Recording, skip_frames: int = 0) -> Excerpt:
    """All of a recording."""
    (excerpt,) = _excerpts(recording, [(0, len(recording.input))], skip_frames)
    return excerpt


def _excerpts(recording: Recording, spans: Sequence[Span], skip_frames: int) -> list[Excerpt]:
    """One excerpt per span; one in all of a recording of clips, which do not depend on what precedes them."""
    files, rate = recording.files, recording.sample_rate
    groups = [spans] if files.clip_frames and spans else [[span] for span in spans]
    long_enough = [g for g in groups if files.clip_frames or size(g[0]) >= LEAST_SPAN_SECONDS * rate]
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
