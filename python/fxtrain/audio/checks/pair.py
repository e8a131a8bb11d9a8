# SPDX-License-Identifier: MIT
"""All checks of a dry and a wet recording, in the order in which one needs what another has found."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fxtrain.audio.alignment import Alignment, apply_lag, match_clock
from fxtrain.audio.checks.noise import check_gate, check_noise
from fxtrain.audio.checks.recordings import (
    check_channels,
    check_clipping,
    check_dc,
    check_format,
    check_length,
    check_level,
    check_rate,
    check_silence,
    name_of,
)
from fxtrain.audio.checks.replicate import check_replicate
from fxtrain.audio.checks.sides import check_identical, check_swapped
from fxtrain.audio.checks.timing import (
    check_drift,
    check_given_lag,
    check_lag,
    check_moving_lag,
    check_polarity,
    check_time_effects,
    find_anywhere,
    find_true_rate,
    shift_samples,
    without_drift,
)
from fxtrain.audio.checks.verdict import CHECKS, RELATED, SURE, DataReport, Verdict
from fxtrain.audio.decibels import amplitude_to_db
from fxtrain.audio.files import Audio
from fxtrain.audio.levels import blocks, peak, rms
from fxtrain.audio.time_effects import find_moving_delay, find_time_effects
from fxtrain.errors import AudioFileError, ConfigError
from fxtrain.text import did_you_mean

__all__ = ["check_pair"]

_LEAST_SECONDS = 0.25
"""Of recordings that can be compared."""
_LEAST_OVERLAP_SECONDS = 0.2


@dataclass(frozen=True)
class _Match:
    """How the wet recording lines up with the dry one.

    Attributes:
        target: the wet recording, with steady drift removed.
        alignment: of ``target`` with the dry recording.
        clock: the wet recorder's clock against the dry one's.
        drift_samples: drift of the wet recording before it was removed.
        verdicts: on lag, polarity and drift.
    """

    target: Audio
    alignment: Alignment
    clock: float
    drift_samples: float
    verdicts: list[Verdict]


def check_pair(input: Audio, target: Audio, *, ignore: Collection[str] = (), lag: int | None = None) -> DataReport:
    """Looks at a dry and a wet recording the way an experienced ear would before training on them.

    Args:
        input: the dry recording.
        target: the wet one.
        ignore: names of checks whose ``stop`` is not to end training.
        lag: samples that the target is late, where the user knows it; None estimates it.

    Raises:
        ConfigError: ``ignore`` holds a name that is no check.
        AudioFileError: a sample is NaN or infinite.
    """
    unknown = sorted(set(ignore) - set(CHECKS))
    if unknown:
        guess = did_you_mean(unknown[0], CHECKS) or "."
        raise ConfigError(f'There is no check named "{unknown[0]}": expected one of {", ".join(CHECKS)}{guess}')
    for audio in (input, target):
        if not all(np.isfinite(block).all() for block in blocks(audio.samples)):
            raise AudioFileError(f"{name_of(audio)} holds NaN or infinity where finite samples are expected.")
    silence = check_silence(input, target)
    found = [
        silence,
        check_rate(input, target),
        check_format(input, target),
        check_channels(input, target),
        check_level(input, target),
        check_clipping(input, target),
        check_dc(input, target),
    ]
    match = None
    is_long = min(input.seconds, target.seconds) >= _LEAST_SECONDS
    if input.sample_rate == target.sample_rate and silence.level != "stop" and is_long:
        match = _match(input, target, lag)
        found += match.verdicts + _compare(input, match.target, match.alignment)
    found.append(check_length(input, target, match.alignment if match else None))
    found.sort(key=lambda verdict: CHECKS.index(verdict.name))
    return DataReport(
        _facts(input),
        _facts(target),
        tuple(replace(verdict, ignored=verdict.level == "stop" and verdict.name in ignore) for verdict in found),
        match.alignment if match else None,
        clock=match.clock if match else 1.0,
        drift_samples=match.drift_samples if match else 0.0,
        lag_is_given=lag is not None,
    )


def _match(input: Audio, target: Audio, lag: int | None) -> _Match:
    """Finds lag, polarity and drift; a ``lag`` that is given goes before the one that is found."""
    verdicts = []
    shift, alignment = find_anywhere(input, target)
    shifted = target.with_samples(shift_samples(target.samples, shift))
    moving = None
    true_rate = find_true_rate(input, target) if alignment.confidence < RELATED else 0
    if alignment.confidence < SURE and lag is None and not true_rate:
        moving = find_moving_delay(input.samples, target.samples, input.sample_rate)
        if moving is not None:
            effect, delay = moving
            alignment = replace(alignment, lag_samples=delay, main_tap_samples=delay)
            verdicts.append(check_time_effects([effect]))
    measured, clock = alignment, 1.0
    if alignment.confidence >= SURE and not alignment.jumps:
        clock, alignment = without_drift(input, shifted, alignment)
        target = target.with_samples(match_clock(target.samples, clock))
    offset = round(shift / clock)
    alignment = replace(
        alignment,
        lag_samples=alignment.lag_samples + offset,
        main_tap_samples=alignment.main_tap_samples + offset,
    )
    if lag is not None:
        estimate = alignment.lag_samples
        is_near = 0 <= alignment.main_tap_samples - lag <= 0.002 * input.sample_rate
        main_tap = alignment.main_tap_samples if is_near else lag
        alignment = replace(alignment, lag_samples=lag, main_tap_samples=main_tap)
        verdicts.append(check_given_lag(alignment, estimate))
    elif moving is not None:
        verdicts.append(check_moving_lag(alignment))
    else:
        verdicts.append(check_lag(input, alignment, true_rate))
    verdicts += [check_polarity(alignment), check_drift(input, target, measured, is_removed=clock != 1.0)]
    return _Match(target, alignment, clock, measured.drift_samples, verdicts)


def _compare(input: Audio, target: Audio, alignment: Alignment) -> list[Verdict]:
    """The checks that hold wet against dry, sample by sample; none where the two do not match."""
    rate = input.sample_rate
    dry, wet = apply_lag(input.samples, target.samples, alignment.main_tap_samples)
    if alignment.confidence < RELATED or len(dry) <= _LEAST_OVERLAP_SECONDS * rate:
        return []
    gate, closed = check_gate(dry, wet, rate)
    verdicts = [gate]
    effects = []
    if alignment.confidence >= SURE:
        effects = find_time_effects(dry, wet, rate, is_gated=bool(closed.any()))
        verdicts.append(check_time_effects(effects))
    rings = next((effect.kind for effect in effects if effect.seconds), "")
    return [
        *verdicts,
        check_noise(dry, wet, rate, rings=rings),
        check_replicate(dry, wet, alignment, rate),
        check_identical(dry, wet),
        check_swapped(input, target, dry, wet, alignment, closed),
    ]


def _facts(audio: Audio) -> dict[str, Any]:
    return {
        "path": str(audio.path) if audio.path else None,
        "format": audio.format,
        "subtype": audio.subtype,
        "sample_rate": audio.sample_rate,
        "file_sample_rate": audio.file_sample_rate,
        "num_channels": audio.num_channels,
        "channel": audio.channel + 1,
        "num_frames": audio.num_frames,
        "seconds": round(audio.seconds, 3),
        "peak_db": round(amplitude_to_db(peak(audio.samples)), 2),
        "rms_db": round(amplitude_to_db(rms(audio.samples)), 2),
    }
