# SPDX-License-Identifier: MIT
"""Measures a recogniser on utterances that it was not trained on, beside a linear classifier on mels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fxtrain.audio.mu_law import mu_law_decode
from fxtrain.data.label_spans import Span, spans_of
from fxtrain.data.waves import CodedWave, cut
from fxtrain.losses.mel import LogMel, MelConfig
from fxtrain.models.generators.wavenet_recogniser import WaveNetRecogniser
from fxtrain.tasks.generation.dataset import GenerationDataset, mel_frames
from fxtrain.tasks.recognition.linear import fit_linear

__all__ = ["LABELS", "Utterance", "measure_recognition"]

LABELS = {"majority": "always the commonest phone", "linear": "linear classifier on mels, same context"}
_BANDS = 40
_LONGEST = 30.0  # seconds that are recognised at once
_SHOWN = 2


@dataclass(frozen=True, eq=False)
class Utterance:
    """A recording of the test part, with its phones as labelled and as recognised."""

    name: str
    samples: NDArray[np.float32]
    labelled: Sequence[Span]
    recognised: Sequence[Span]
    accuracy: float


def measure_recognition(model: WaveNetRecogniser, dataset: GenerationDataset) -> tuple[dict[str, Any], list[Utterance]]:
    """Frame accuracy with baselines, and the confusion matrix; and some utterances to show."""
    test, num = dataset.parts["test"], len(model.phones)
    confusion = np.zeros((num, num), np.int64)
    answers = [_recognise(model, wave) for wave in test]
    for wave, answer in zip(test, answers, strict=True):
        truth = _targets(wave)
        counted = truth >= 0
        np.add.at(confusion, (truth[counted], answer[: len(truth)][counted]), 1)
    frame_seconds = model.frame_samples / model.sample_rate
    before, after = _context(model)
    linear = _linear_accuracy(model, dataset, before, after)
    counts = sum(np.bincount(t[t >= 0], minlength=num) for t in map(_targets, dataset.parts["train"]))
    commonest = int(np.argmax(counts))
    total = max(int(confusion.sum()), 1)
    measured = {
        "frame_accuracy": float(np.trace(confusion) / total),
        "recognition": {
            "baselines": {"majority": float(confusion[commonest].sum() / total), "linear": linear},
            "frames": total,
            "utterances": len(test),
            "frame_ms": 1000 * frame_seconds,
            "context_frames": [before, after],
            "phones": model.phones,
            "confusion": confusion.tolist(),
        },
    }
    shown = sorted(zip(test, answers, strict=True), key=lambda pair: (-len(pair[0].codes), pair[0].name))[-_SHOWN:]
    return measured, [_utterance(model, wave, answer, frame_seconds) for wave, answer in shown]


def _targets(wave: CodedWave) -> NDArray[np.int64]:
    assert wave.targets is not None
    return wave.targets


@torch.no_grad()
def _recognise(model: WaveNetRecogniser, wave: CodedWave) -> NDArray[np.int64]:
    """The likeliest phone of each frame of a whole recording."""
    frame = model.frame_samples
    longest = int(_LONGEST * model.sample_rate) // frame * frame
    parts = []
    for start in range(0, len(_targets(wave)) * frame, longest):
        count = min(longest, len(_targets(wave)) * frame - start)
        parts.append(model.recognise(cut([wave], [(0, start)], count, model.cut)).argmax(1)[0].numpy())
    return np.concatenate(parts)


def _context(model: WaveNetRecogniser) -> tuple[int, int]:
    """Frames before and behind the one in question that the recogniser hears."""
    ahead = model.config.frames_ahead  # type: ignore[attr-defined]
    return math.ceil(model.receptive_field / model.frame_samples) + ahead, ahead


def _linear_accuracy(model: WaveNetRecogniser, dataset: GenerationDataset, before: int, after: int) -> float:
    frame = model.frame_samples
    n_fft = 1 << math.ceil(math.log2(2.5 * frame))
    log_mel = LogMel(MelConfig(n_fft=n_fft, hop=frame, bands=_BANDS), model.sample_rate)
    mels = {
        part: [mel_frames(log_mel, mu_law_decode(wave.codes, model.mu)) for wave in dataset.parts[part]]
        for part in ("train", "test")
    }
    targets = [_targets(wave) for wave in dataset.parts["train"]]
    linear = fit_linear(mels["train"], targets, len(model.phones), before=before, after=after)
    right = total = 0
    for wave, each in zip(dataset.parts["test"], mels["test"], strict=True):
        truth = _targets(wave)
        answer = linear.recognise(each)[: len(truth)]
        right += int(((answer == truth) & (truth >= 0)).sum())
        total += int((truth >= 0).sum())
    return right / max(total, 1)


def _utterance(model: WaveNetRecogniser, wave: CodedWave, answer: NDArray[np.int64], frame_seconds: float) -> Utterance:
    truth = _targets(wave)
    counted = truth >= 0
    return Utterance(
        wave.name,
        mu_law_decode(wave.codes, model.mu),
        spans_of(truth, model.phones, frame_seconds),
        spans_of(answer, model.phones, frame_seconds),
        float((answer[: len(truth)] == truth)[counted].mean()),
    )
