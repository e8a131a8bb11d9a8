# SPDX-License-Identifier: MIT
"""Measures the trained models of each stage, and makes their pages."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fxtrain.errors import InputError
from fxtrain.files import read_file
from fxtrain.metrics.classes import balanced_accuracy, principal_components, separability
from fxtrain.metrics.similarity import largest_correlation
from fxtrain.models.generators._sampling import Sampling
from fxtrain.models.generators.code_prior import CodePrior
from fxtrain.models.generators.image_classifier import ImageClassifier, without_bars
from fxtrain.models.generators.vqvae import VqVae
from fxtrain.report.audio import write_sounds
from fxtrain.report.html import Page
from fxtrain.tasks.image_to_sound import pages
from fxtrain.tasks.image_to_sound.chain import Chain, Written
from fxtrain.tasks.image_to_sound.material import ClipDataset, CodeDataset, PictureDataset
from fxtrain.tasks.image_to_sound.measures import (
    code_use,
    compare_decoding,
    compare_sounds,
    count_perplexities,
    frechet,
    held_samples,
    judge_of,
    perplexities,
    reconstruct,
    summaries_of,
    thin,
)
from fxtrain.tasks.protocol import Evaluation, Outcome

__all__ = ["of_autoencoder", "of_classifier", "of_prior"]

STEPS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Shares of the way from one class to another, in the arithmetic of class vectors."""

_MOST_CLIPS = 200
_LARGEST_METRICS = 16 << 20
_SHOWN = 4  # sounds of a player


def of_autoencoder(model: VqVae, dataset: ClipDataset, outcome: Outcome) -> Evaluation:
    """Reconstructions of clips that training did not see: each class by itself, beside trivial codecs."""
    rate, classes = model.sample_rate, model.classes
    train, test = dataset.parts["train"], dataset.parts["test"]
    made = reconstruct(model, test.sound)
    held = held_samples(test.sound, rate, model.codes_per_second)
    silence = np.zeros_like(test.sound)
    by_class: dict[str, Any] = {}
    for number, name in enumerate(classes):
        own = test.labels == number
        by_class[name] = {
            "clips": int(own.sum()),
            **compare_sounds(made[own], test.sound[own], rate),
            "baselines": {
                "silence": compare_sounds(silence[own], test.sound[own], rate),
                "held_samples": compare_sounds(held[own], test.sound[own], rate),
            },
        }
    some, some_labels = thin(train.sound, train.labels, _MOST_CLIPS)
    figures = compare_sounds(made, test.sound, rate)
    metrics: dict[str, Any] = {
        "error": outcome.result.best_value,
        **figures,
        "classes": by_class,
        "baselines": {
            "silence": compare_sounds(silence, test.sound, rate),
            "held_samples": compare_sounds(held, test.sound, rate),
        },
        "frechet": frechet(made, test.sound, rate),
        "codes_per_second": model.codes_per_second,
        "bits_per_second": model.codes_per_second * math.log2(model.config.codes),
        "test": {"clips": len(test.sound)},
        "model": {"name": model.name, **asdict(model.config), "parameters": model.num_parameters},
    }
    if model.config.latent == "codes":
        metrics["code_use"] = {"train": code_use(model, train.sound), "test": code_use(model, test.sound)}
    vectors = _mean_latents(model, some)
    points = principal_components(vectors)
    metrics["separability"] = {
        "two_components": separability(points, some_labels),
        "chance": 1 / len(classes),
        "clips": len(some),
    }
    arithmetic = _arithmetic(model, dataset, vectors, some_labels)
    metrics["arithmetic"] = {"steps": list(STEPS), "probability": arithmetic.chances, "to": classes[1]}
    other = dataset.beside
    compared = None if other is None else reconstruct(other, test.sound)
    other_points = None
    if other is not None and compared is not None:
        other_points = principal_components(_mean_latents(other, some))
        metrics["beside"] = {
            "form": other.form,
            **compare_sounds(compared, test.sound, rate),
            "codes_per_second": other.codes_per_second,
            "two_components": separability(other_points, some_labels),
        }
    examples = _first_of_each(test.labels, len(classes))
    write_sounds(
        outcome.folder,
        {f"{_file_name(classes[int(test.labels[index])])}-original": test.sound[index] for index in examples}
        | {f"{_file_name(classes[int(test.labels[index])])}-reconstruction": made[index] for index in examples},
        rate,
    )
    page = pages.of_autoencoder(
        {**outcome.common, **metrics},
        classes=classes,
        sample_rate=rate,
        originals={classes[int(test.labels[index])]: test.sound[index] for index in examples},
        reconstructions={classes[int(test.labels[index])]: made[index] for index in examples},
        compared={} if compared is None else {classes[int(test.labels[index])]: compared[index] for index in examples},
        forms=(model.form, "" if other is None else other.form),
        points=points,
        other_points=other_points,
        labels=some_labels,
        steps=dict(zip(STEPS, arithmetic.sounds, strict=True)),
        history=outcome.history,
    )
    return Evaluation(
        metrics=metrics,
        summary=f"SNR {figures['snr_db']:.2f} dB, mel distance {figures['mel_distance']:.3f}",
        page=Page(
            title=outcome.title, sections=page, verdict=(f"{figures['snr_db']:.1f} dB", "Signal to noise, held out.")
        ),
    )


@torch.no_grad()
def _mean_latents(model: VqVae, sounds: NDArray[np.float32]) -> NDArray[np.float64]:
    """The mean over time of the latents of each clip, shape ``(clips, size)``."""
    pieces = [model.latents(torch.from_numpy(sounds[at : at + 8])).mean(-1) for at in range(0, len(sounds), 8)]
    return np.asarray(torch.cat(pieces).numpy(), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class _Arithmetic:
    """Sounds on the way from one class to another, and how a judge takes each for the other."""

    sounds: list[NDArray[np.float32]]
    chances: list[float]


@torch.no_grad()
def _arithmetic(
    model: VqVae, dataset: ClipDataset, vectors: NDArray[np.float64], labels: NDArray[np.int64]
) -> _Arithmetic:
    """A clip of the first class, moved towards the second by the difference of the mean latents of both."""
    test = dataset.parts["test"]
    way = torch.from_numpy((vectors[labels == 1].mean(0) - vectors[labels == 0].mean(0)).astype(np.float32))
    clip = torch.from_numpy(test.of_class(0)[:1])
    latents = model.latents(clip)
    sounds = [model.play_latents(latents + share * way[:, None], clip)[0].numpy() for share in STEPS]
    judge, _ = judge_of(dataset.parts["train"], test, len(model.classes), model.sample_rate)
    chances = judge.probabilities(summaries_of(np.stack(sounds), model.sample_rate))[:, 1]
    return _Arithmetic([sound.astype(np.float32) for sound in sounds], [float(chance) for chance in chances])


def _file_name(text: str) -> str:
    """The name of a class as a part of a file's name."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-") or "class"


def _first_of_each(labels: NDArray[np.int64], num_classes: int) -> list[int]:
    return [int(np.flatnonzero(labels == number)[0]) for number in range(num_classes)]


def of_prior(model: CodePrior, dataset: CodeDataset, outcome: Outcome) -> Evaluation:
    """Perplexities; for Bottom also sounds, and with Top and classifier at hand the whole chain."""
    codes, level = dataset.codes, model.config.level
    counts = count_perplexities(codes["train"].level(level), codes["test"].level(level), model.num_codes)
    figures = perplexities(model, codes["test"])
    metrics: dict[str, Any] = {
        "perplexity": figures["perplexity"],
        "baselines": {**counts, "wrong_label": figures["wrong_label"]},
        "validation_perplexity": math.exp(min(outcome.result.best_value, 50.0)),
        "decoding": compare_decoding(model, codes["test"]),
        "test": {"sequences": len(codes["test"].labels)},
        "model": {"name": model.name, **asdict(model.config), "parameters": model.num_parameters},
    }
    top, classifier = dataset.top, dataset.classifier
    autoencoder = dataset.autoencoder
    count = dataset.config.sounds
    labels = [number for number in range(len(model.classes)) for _ in range(count)]
    sampling = Sampling(mode="top-k", k=dataset.config.top_k)
    written: Written | None = None
    if level == "bottom":
        chain = Chain(autoencoder, top, model, classifier)
        if top is None and autoencoder.is_hierarchical:  # the top codes of sounds that training did not see
            test = codes["test"]
            chosen = [
                int(np.flatnonzero(test.labels == label)[k % (test.labels == label).sum()])
                for k, label in enumerate(labels)
            ]
            written = chain.write(labels, seed=0, sampling=sampling, top=test.top[chosen])
        else:
            written = chain.write(labels, seed=0, sampling=sampling)
        nats = written.bottom_nats
        metrics["sounds"] = _judge_sounds(written.sound, np.array(labels), dataset)
        if top is not None:
            metrics["sounds"]["top_perplexity_of_own_samples"] = math.exp(written.top_nats)
    else:
        _, own = model.write(
            torch.tensor(labels),
            torch.zeros(len(labels), 0, dtype=torch.long),
            sampling,
            torch.Generator().manual_seed(0),
        )
        nats = float(own.mean())
    metrics["perplexity_of_own_samples"] = {"perplexity": math.exp(nats), "sampling": "top-k", "k": sampling.k}
    others = {name: _metrics_of(each.folder) for name, each in dataset.inputs.items()}
    complete = {**outcome.common, **metrics}
    if level == "bottom" and top is not None and classifier is not None:
        metrics["table_2"] = pages.table_2(others["codes"], others["top"], complete, others["classifier"])
    if written is not None:
        kept = {
            f"{_file_name(model.classes[label])}-{index % count + 1}": written.sound[index]
            for index, label in enumerate(labels)
            if index % count < _SHOWN
        }
        write_sounds(outcome.folder, kept, autoencoder.sample_rate)
    sections = pages.of_prior(
        {**outcome.common, **metrics},
        classes=model.classes,
        sample_rate=autoencoder.sample_rate,
        sounds={} if written is None else _shown_sounds(written, dataset, count),
        history=outcome.history,
    )
    sentence = f"perplexity {figures['perplexity']:.2f}; counting codes reaches {counts['unigram']:.2f}"
    verdict = (
        f"{figures['perplexity']:.1f}",
        f"Perplexity, held out; counting single codes reaches {counts['unigram']:.1f}.",
    )
    return Evaluation(
        metrics=metrics, summary=sentence, page=Page(title=outcome.title, sections=sections, verdict=verdict)
    )


def _judge_sounds(sounds: NDArray[np.float32], labels: NDArray[np.int64], dataset: CodeDataset) -> dict[str, Any]:
    """What a classifier of real sounds says of the written ones, and how near they are to real ones."""
    rate = dataset.autoencoder.sample_rate
    judge, own = judge_of(dataset.clips["train"], dataset.clips["test"], len(dataset.autoencoder.classes), rate)
    answers = judge.answers(summaries_of(sounds, rate))
    real = np.concatenate([dataset.clips["validation"].sound, dataset.clips["test"].sound])
    train, _ = thin(dataset.clips["train"].sound, dataset.clips["train"].labels, _MOST_CLIPS)
    return {
        "count": len(sounds),
        "judge_accuracy": balanced_accuracy(answers, labels),
        "judge_accuracy_on_real": own,
        "chance": 1 / len(dataset.autoencoder.classes),
        "frechet": frechet(sounds, real, rate),
        "largest_correlation_with_training": float(largest_correlation(sounds, train).max()),
        "largest_correlation_of_real": float(largest_correlation(dataset.clips["test"].sound, train).max()),
    }


def _shown_sounds(written: Written, dataset: CodeDataset, count: int) -> dict[str, dict[str, NDArray[np.float32]]]:
    """For each class a real clip and some that were written."""
    shown: dict[str, dict[str, NDArray[np.float32]]] = {}
    for number, name in enumerate(dataset.autoencoder.classes):
        own = {f"written {k + 1}": written.sound[number * count + k] for k in range(min(count, _SHOWN))}
        shown[name] = {"recorded": dataset.clips["test"].of_class(number)[0], **own}
    return shown


def _metrics_of(folder: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(
            read_file(folder / "metrics.json", at_most=_LARGEST_METRICS, expected="the figures of a run")
        )
    except (OSError, ValueError, RecursionError, InputError):
        return {}
    return found if isinstance(found, dict) else {}


def of_classifier(model: ImageClassifier, dataset: PictureDataset, outcome: Outcome) -> Evaluation:
    """Accuracy on pictures that training did not see, beside that of the head as it began."""
    test = dataset.parts["test"]
    pixels = torch.from_numpy(test.pixels)
    chances = model.classify(pixels).numpy()
    answers = chances.argmax(1)
    torch.manual_seed(outcome.tables.get("training", {}).get("seed", 0))
    fresh = ImageClassifier.from_config(outcome.tables.get("model", {}), loss={}, **dataset.facts).eval()
    before = fresh.classify(pixels).numpy().argmax(1)
    counts = [
        [name, *(int(((test.labels == row) & (answers == column)).sum()) for column in range(len(model.classes)))]
        for row, name in enumerate(model.classes)
    ]
    majority = float(np.bincount(test.labels, minlength=len(model.classes)).max() / len(test.labels))
    metrics: dict[str, Any] = {
        "accuracy": float((answers == test.labels).mean()),
        "balanced_accuracy": balanced_accuracy(answers, test.labels),
        "baselines": {
            "majority": majority,
            "before": float((before == test.labels).mean()),
            "balanced_before": balanced_accuracy(before, test.labels),
        },
        "test": {"pictures": len(test.labels)},
        "confusion": counts,
        "model": {
            "name": model.name,
            **asdict(model.config),
            "parameters": model.num_parameters_used,
            "trained_parameters": model.num_parameters,
        },
    }
    if not model.is_head_only:
        _save_backbone(model, outcome.folder / "backbone")
    page = pages.of_classifier({**outcome.common, **metrics}, classes=model.classes, history=outcome.history)
    accuracy = metrics["balanced_accuracy"]
    return Evaluation(
        metrics=metrics,
        summary=f"balanced accuracy {accuracy:.3f}, before training {metrics['baselines']['balanced_before']:.3f}",
        page=Page(
            title=outcome.title, sections=page, verdict=(f"{accuracy:.0%}", "Right answers, classes weighted alike.")
        ),
    )


def _save_backbone(model: ImageClassifier, folder: Path) -> None:
    """Writes the network that was trained as a folder that ``model.weights`` can name."""
    network: Any = model.backbone
    with without_bars():
        network.save_pretrained(str(folder))
