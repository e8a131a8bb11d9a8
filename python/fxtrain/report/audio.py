# SPDX-License-Identifier: MIT
"""Sounds for a report: what to play of a long recording, how loud, and the files beside the page."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxtrain.audio import write_audio
from fxtrain.audio.decibels import amplitude_to_db
from fxtrain.metrics.effects import Signal, loudness_lufs
from fxtrain.report.sections import Link

__all__ = ["EXCERPT_SECONDS", "choose_excerpt", "level_match", "write_sounds"]

EXCERPT_SECONDS = 12.0
"""Longest sound in the page: 1.4 MB of text per source at 44.1 kHz."""


def write_sounds(folder: Path, sounds: Mapping[str, NDArray[np.floating[Any]]], sample_rate: int) -> list[Link]:
    """Writes ``audio/NAME.wav`` (32-bit float) for each sound.

    Args:
        folder: where the page lies; made if missing.
        sounds: name -> samples of shape ``(frames,)``, full scale is 1.
        sample_rate: in Hz.

    Returns:
        A link to each file.
    """
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    for name, samples in sounds.items():
        write_audio(folder / "audio" / f"{name}.wav", samples.astype(np.float32), sample_rate, subtype="FLOAT")
    return [Link(name, f"audio/{name}.wav") for name in sounds]


def choose_excerpt(recording: Signal, sample_rate: int, seconds: float = EXCERPT_SECONDS) -> slice:
    """The most varied stretch of a recording, at most ``seconds`` long.

    Playing is described in frames of a tenth of a second by level (steps of 6 dB, down to 48 below the loudest) and
    brightness (spectral centroid, steps of half an octave); the stretch that visits most combinations wins, the
    earliest of equals.
    """
    length = round(seconds * sample_rate)
    if len(recording) <= length:
        return slice(0, len(recording))
    width = max(sample_rate // 10, 1)
    frames = recording[: len(recording) // width * width].reshape(-1, width)
    window = np.hanning(width)
    hz = np.fft.rfftfreq(width, 1.0 / sample_rate)
    energy, moment = np.empty(len(frames)), np.empty(len(frames))
    for first in range(0, len(frames), 256):  # of a long recording, a part at a time
        some = slice(first, first + 256)
        power = np.abs(np.fft.rfft(frames[some] * window)) ** 2
        energy[some], moment[some] = power.sum(axis=1), power @ hz
    level = 10.0 * np.log10(np.maximum(energy, 1e-30) / max(float(energy.max()), 1e-30))
    centroid = np.maximum(moment / np.maximum(energy, 1e-30), 20.0)
    kind = np.where(level > -48.0, 100 * np.floor(level / 6.0) + np.floor(2.0 * np.log2(centroid)), np.inf)
    held = length // width
    variety = [len(set(kind[at : at + held]) - {np.inf}) for at in range(0, len(kind) - held + 1, 5)]
    start = 5 * int(np.argmax(variety)) * width
    return slice(start, start + length)


def level_match(
    signals: Mapping[str, Signal], sample_rate: int, *, reference: str | None = None, peaky: Collection[str] = ()
) -> dict[str, float | None]:
    """Gains in dB after which all signals are equally loud, as ITU-R BS.1770 hears it.

    The reference is left at its level unless another signal would clip at that loudness; then all come down together.

    Args:
        signals: key -> samples of shape ``(frames,)``.
        sample_rate: in Hz.
        reference: key of the signal that stays at its level; by default the first one.
        peaky: keys of signals that are mostly peaks, such as the error of a model. For them the others come down by at
            most 9 dB more; beyond that they stay softer.

    Returns:
        Key -> gain; ``None`` for a signal that is silent.
    """
    reference = reference if reference is not None else next(iter(signals))
    loudness = {name: loudness_lufs(x, sample_rate, absolute_gate=False) for name, x in signals.items()}
    room = {name: -amplitude_to_db(float(np.max(np.abs(x)))) for name, x in signals.items()}
    audible = [name for name in signals if math.isfinite(loudness[name])]
    loudest = {name: loudness[name] + room[name] for name in audible}  # without clipping
    music = [name for name in audible if name not in peaky]
    common = min([loudest[name] for name in music] + [loudness[reference]] * (reference in music), default=-23.0)
    common = min([common, *(max(loudest[name], common - 9.0) for name in audible if name in peaky)])
    return {name: min(common - loudness[name], room[name]) if name in audible else None for name in signals}
