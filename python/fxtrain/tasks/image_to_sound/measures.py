# SPDX-License-Identifier: MIT
"""What the stages are measured by."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from fxtrain.audio.decibels import power_to_db
from fxtrain.audio.resampling import resample
from fxtrain.data.codes import CodeSet
from fxtrain.data.labelled import Clips
from fxtrain.metrics.classes import LinearJudge, balanced_accuracy, fit_judge
from fxtrain.metrics.frechet import frechet_distance, frechet_floor
from fxtrain.metrics.spectral import log_mel, mel_distance
from fxtrain.models.generators.code_prior import CodePrior
from fxtrain.models.generators.vqvae import Codes, VqVae

__all__ = [
    "EMBEDDING",
    "code_use",
    "compare_decoding",
    "compare_sounds",
    "count_perplexities",
    "frames_of",
    "frechet",
    "held_samples",
    "judge_of",
    "perplexities",
    "reconstruct",
    "summaries_of",
    "thin",
]

Sounds = NDArray[np.float32]
BANDS, N_FFT, HOP = 32, 256, 128
EMBEDDING = f"{BANDS} log-mel bands of frames of {N_FFT} samples"
_SOFT = math.log(10) * 30 / 20  # 30 dB, in nepers
_QUIET = math.log(1e-3)  # of mel magnitudes; what is softer counts as being at it
_TOGETHER = 8
_PREFIXES = 12  # at which decoding without a cache is timed


def frames_of(sounds: Sounds, sample_rate: int) -> NDArray[np.float64]:
    """The embedding of a Fréchet distance: all frames of all sounds, shape ``(frames, bands)``."""
    bands = [log_mel(sound, sample_rate, n_fft=N_FFT, hop=HOP, bands=BANDS) for sound in sounds]
    return np.maximum(np.concatenate(bands), _QUIET)


def summaries_of(sounds: Sounds, sample_rate: int) -> NDArray[np.float64]:
    """What a judge hears of each sound: mean and spread of its log-mel bands, and how much they change.

    Only frames within 30 dB of the loudest one count, and each is taken relative to its own loudest band. So neither
    level nor pauses matter, nor the faint tones that a codec leaves in them.
    """
    rows = []
    for sound in sounds:
        bands = log_mel(sound, sample_rate, n_fft=N_FFT, hop=HOP, bands=BANDS)
        loudest = bands.max(1)
        heard = loudest > loudest.max() - _SOFT
        shapes = np.maximum(bands - loudest[:, None], -_SOFT)
        both = heard[1:] & heard[:-1]
        steps = np.abs(np.diff(shapes, axis=0))[both]
        changes = steps.mean(0) if len(steps) else np.zeros(BANDS)
        lasting = math.log((heard.sum() + 1) / (np.count_nonzero(np.diff(heard.astype(int)) > 0) + 1))
        rows.append(np.concatenate([shapes[heard].mean(0), shapes[heard].std(0), changes, [lasting]]))
    return np.array(rows)


def thin(sounds: Sounds, labels: NDArray[np.int64], most: int) -> tuple[Sounds, NDArray[np.int64]]:
    """At most so many of the sounds, taken evenly from all of them."""
    if len(sounds) <= most:
        return sounds, labels
    chosen = np.linspace(0, len(sounds) - 1, most).round().astype(int)
    return sounds[chosen], labels[chosen]


def frechet(sounds: Sounds, real: Sounds, sample_rate: int) -> dict[str, Any]:
    """Fréchet distance of sounds from real ones, and between halves of the real ones, at equal numbers of frames."""
    ours, theirs = frames_of(sounds, sample_rate), frames_of(real, sample_rate)
    count = min(len(ours), len(theirs))
    random = np.random.default_rng(0)
    ours, theirs = (each[random.permutation(len(each))[:count]] for each in (ours, theirs))
    halves = frames_of(real[::2], sample_rate), frames_of(real[1::2], sample_rate)
    by_clip = frechet_distance(*halves) if len(real) > 1 else math.nan
    return {
        "distance": frechet_distance(ours, theirs),
        "floor": frechet_floor(theirs),
        **({"floor_between_clips": by_clip} if math.isfinite(by_clip) else {}),
        "embedding": EMBEDDING,
        "dimension": BANDS,
        "items": count,
    }


def judge_of(train: Clips, test: Clips, num_classes: int, sample_rate: int) -> tuple[LinearJudge, float]:
    """A classifier of real sounds, and its balanced accuracy on those that it was not trained on."""
    judge = fit_judge(summaries_of(train.sound, sample_rate), train.labels, num_classes, decay=0.05)
    return judge, balanced_accuracy(judge.answers(summaries_of(test.sound, sample_rate)), test.labels)


@torch.no_grad()
def reconstruct(model: VqVae, sounds: Sounds) -> Sounds:
    """What the autoencoder makes of clips."""
    pieces = []
    for at in range(0, len(sounds), _TOGETHER):
        x = torch.from_numpy(sounds[at : at + _TOGETHER])
        if model.config.latent == "codes":
            pieces.append(model.decode(model.encode(x)))
        else:
            pieces.append(model.play_latents(model.latents(x), x))
    return torch.cat(pieces).numpy().astype(np.float32)


def compare_sounds(predictions: Sounds, targets: Sounds, sample_rate: int) -> dict[str, float]:
    """Signal-to-noise ratio in dB over all clips together, and mean mel distance in nepers."""
    noise = float(np.square(predictions - targets, dtype=np.float64).sum())
    signal = float(np.square(targets, dtype=np.float64).sum())
    distances = [
        mel_distance(one, other, sample_rate, n_fft=512, hop=128, bands=40)
        for one, other in zip(predictions, targets, strict=True)
    ]
    return {
        "snr_db": power_to_db(max(signal, 1e-30) / max(noise, 1e-30)),
        "mel_distance": float(np.mean(distances)),
    }


def held_samples(sounds: Sounds, sample_rate: int, numbers_per_second: float) -> Sounds:
    """A trivial codec: the sound at so many samples per second, converted back."""
    low = max(round(numbers_per_second), 50)
    rows = []
    for sound in sounds:
        back = resample(resample(sound, sample_rate, low), low, sample_rate)
        rows.append(np.pad(back, (0, max(0, len(sound) - len(back))))[: len(sound)])
    return np.stack(rows).astype(np.float32)


@torch.no_grad()
def code_use(model: VqVae, sounds: Sounds) -> dict[str, float]:
    """Share of each codebook that occurs in the clips."""
    seen: dict[str, set[int]] = {"top": set(), "bottom": set()}
    for at in range(0, len(sounds), _TOGETHER):
        codes: Codes = model.encode(torch.from_numpy(sounds[at : at + _TOGETHER]))
        seen["top"].update(codes.top.flatten().tolist())
        seen["bottom"].update(codes.bottom.flatten().tolist())
    levels = ["top", "bottom"] if model.is_hierarchical else ["bottom"]
    return {level: len(seen[level]) / model.config.codes for level in levels}


def perplexities(model: CodePrior, codes: CodeSet) -> dict[str, float]:
    """Perplexity of held-out sequences with their own class, and with each of the others in turn."""
    num_classes = len(model.classes)
    found = {"perplexity": math.exp(_nats(model, codes, codes.labels))}
    others = [_nats(model, codes, (codes.labels + shift) % num_classes) for shift in range(1, num_classes)]
    found["wrong_label"] = math.exp(float(np.mean(others)))
    return found


@torch.no_grad()
def _nats(model: CodePrior, codes: CodeSet, labels: NDArray[np.int64]) -> float:
    total = 0.0
    level = codes.level(model.config.level)
    for index in range(len(labels)):
        one = slice(index, index + 1)
        source = model.source(torch.from_numpy(labels[one]), torch.from_numpy(codes.top[one]))
        targets = torch.from_numpy(level[one])
        logits = model.logits(source, targets)
        total += float(functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum"))
    return total / level.size


def count_perplexities(train: NDArray[np.int64], test: NDArray[np.int64], num_codes: int) -> dict[str, float]:
    """What counting reaches: perplexity by the frequencies of codes, and of pairs of codes.

    The pairs are mixed with the single codes as they occur: ``(n(a, b) + c p(b)) / (n(a) + c)``, c the number of codes.
    """
    single = np.bincount(train.ravel(), minlength=num_codes) + 0.5
    single = single / single.sum()
    unigram = math.exp(-float(np.log(single[test]).mean()))
    pairs = np.zeros((num_codes, num_codes))
    np.add.at(pairs, (train[:, :-1].ravel(), train[:, 1:].ravel()), 1.0)
    mixed = (pairs + num_codes * single) / (pairs.sum(1, keepdims=True) + num_codes)
    nats = np.concatenate([-np.log(single[test[:, :1]]), -np.log(mixed[test[:, :-1], test[:, 1:]])], axis=1)
    return {"uniform": float(num_codes), "unigram": unigram, "bigram": math.exp(float(nats.mean()))}


@torch.no_grad()
def compare_decoding(model: CodePrior, codes: CodeSet) -> dict[str, float]:
    """Decoding with and without a cache: the greatest difference of the logits, and the times.

    Without a cache, each code needs a pass over all codes before it. Such passes are timed at twelve lengths, and the
    mean is taken times the number of codes.
    """
    labels, top = torch.from_numpy(codes.labels[:1]), torch.from_numpy(codes.top[:1])
    targets: Tensor = torch.from_numpy(codes.level(model.config.level)[:1])
    source = model.source(labels, top)
    whole = model.logits(source, targets)
    began = time.perf_counter()
    stepwise = model.stepwise_logits(labels, top, targets)
    cached = time.perf_counter() - began
    lengths = np.linspace(1, targets.shape[1], _PREFIXES).round().astype(int)
    times = []
    for length in lengths:
        began = time.perf_counter()
        model.logits(source, targets[:, :length])
        times.append(time.perf_counter() - began)
    full = float(np.mean(times)) * targets.shape[1]
    return {
        "codes": float(targets.shape[1]),
        "largest_difference": float((whole - stepwise).abs().max()),
        "largest_logit": float(whole.abs().max()),
        "cached_seconds": cached,
        "full_seconds": full,
        "speedup": full / cached,
    }
