# SPDX-License-Identifier: MIT
"""The recordings of a run: found, read, coded, and divided by file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from fxtrain.audio.mu_law import mu_law_encode
from fxtrain.config import configuration
from fxtrain.data.recordings import Recording, Recordings, find_recordings, hours_by_label, read_mono, split_files
from fxtrain.data.waves import CodedWave, WaveConfig
from fxtrain.errors import InputError
from fxtrain.losses.mel import LogMel, MelConfig
from fxtrain.models.generators._upsampling import normalise_mels
from fxtrain.tasks.protocol import Notice
from fxtrain.text import quoted

__all__ = ["GenerationDataset", "GenerationMel", "find_waves", "load_waves", "mel_frames"]

_LEAST_FILES = 3
_NAMED_CLASSES = 8
_MANY_CLIPPED = 1e-3


@configuration
class GenerationMel(MelConfig):
    """A mel-spectrogram of speech: 40 bands, 128 samples between frames."""

    n_fft: int = 512
    hop: int = 128
    bands: int = 40


@dataclass(frozen=True)
class GenerationDataset:
    """Recordings as codes.

    Attributes:
        config: the table ``[data]``.
        classes: names; empty where there are none.
        parts: the recordings of ``train``, ``validation`` and ``test``.
        recordings: what was found.
        receptive_field: of the model, in samples.
        mel: the shape of the mels; None without.
        notices: what to say about the material.
    """

    config: WaveConfig
    classes: Sequence[str]
    parts: Mapping[str, Sequence[CodedWave]]
    recordings: Recordings
    receptive_field: int
    mel: MelConfig | None = None
    notices: Sequence[Notice] = ()
    more_facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the model depends on."""
        return {
            "sample_rate": self.config.sample_rate,
            "mu": self.config.mu,
            "classes": list(self.classes),
            "mel": None if self.mel is None else asdict(self.mel),
            **self.more_facts,
        }

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The folder's name and its length."""
        return {"source": self.recordings.folder.name, "hours": round(self.recordings.seconds / 3600, 4)}

    @property
    def summary(self) -> str:
        """Receptive field, hours, classes and parts, on one line."""
        rate, num = self.config.sample_rate, len(self.recordings.files)
        milliseconds = 1000 * self.receptive_field / rate
        parts = ", ".join(f"{name} {len(waves)}" for name, waves in self.parts.items())
        return (
            f"{rate} Hz, mu {self.config.mu}; receptive field {self.receptive_field} samples ({milliseconds:.4g} ms); "
            f"{self.recordings.seconds / 3600:.3g} hours in {num} files; {self._classes_in_words}; files: {parts}"
        )

    @property
    def _classes_in_words(self) -> str:
        if not self.classes:
            return "no classes"
        hours = hours_by_label(self.recordings.files)
        named = [f"{name} {hours[name]:.2g} h" for name in self.classes[:_NAMED_CLASSES]]
        more = ", ..." if len(self.classes) > _NAMED_CLASSES else ""
        return f"{len(self.classes)} classes ({', '.join(named)}{more})"

    @property
    def log(self) -> Sequence[str]:
        """Which files are in which part, and which were left out."""
        held = {wave.name: part for part, waves in self.parts.items() for wave in waves}
        files = [f"{file.name}: {file.seconds:.2f} s, {held[file.name]}" for file in self.recordings.files]
        return [*files, *(f"{each.name}: left out, {each.reason}" for each in self.recordings.left_out)]


def find_waves(config: WaveConfig, receptive_field: int) -> Recordings:
    """The recordings of a folder with their classes, without those that are shorter than the receptive field.

    Raises:
        InputError: there are none, or one class where classes are asked for.
    """
    shortest = receptive_field / config.sample_rate
    labels: Literal["none", "folders"] | Path = config.table or ("folders" if config.classes == "folders" else "none")
    found = find_recordings(config.folder, labels=labels, column=config.column, shortest_seconds=shortest)
    if labels == "none":
        return _with_folders(found) if config.classes == "auto" else found
    if len(found.labels) < 2:
        where = (
            f"the column {quoted(config.column)} of {config.table}" if config.table else f"folders of {config.folder}"
        )
        raise InputError(
            f"classes are asked for, but {where} give{'s' if config.table else ''} one alone, "
            f"{quoted(found.labels[0])}: give at least two, or set data.classes=none"
        )
    return found


def _with_folders(found: Recordings) -> Recordings:
    """The same with folders as classes, if all files lie in some folder and there are enough in each."""
    labels = [file.name.partition("/")[0] if "/" in file.name else "" for file in found.files]
    counts = {label: labels.count(label) for label in set(labels)}
    if "" in counts or len(counts) < 2 or min(counts.values()) < _LEAST_FILES:
        return found
    files = [replace(file, label=label) for file, label in zip(found.files, labels, strict=True)]
    return replace(found, files=tuple(files))


def mel_frames(log_mel: LogMel, samples: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.float16]]:
    """Normalised mel frames of a recording, shape ``(frames, bands)``."""
    with torch.no_grad():
        mels = log_mel(torch.from_numpy(np.ascontiguousarray(samples, np.float32))[None])[0]
    return np.asarray(normalise_mels(mels).T.numpy(), np.float16)


def load_waves(config: WaveConfig, mel: MelConfig | None, receptive_field: int) -> GenerationDataset:
    """Reads and codes the recordings.

    Raises:
        InputError: they cannot be used.
    """
    found = find_waves(config, receptive_field)
    classes = [label for label in found.labels if label]
    numbers = {label: number for number, label in enumerate(classes)}
    log_mel = LogMel(mel, config.sample_rate) if mel is not None else None
    kind = np.uint8 if config.mu < 256 else np.uint16
    num_clipped = num_samples = 0
    coded: dict[str, CodedWave] = {}

    def code(file: Recording) -> CodedWave:
        nonlocal num_clipped, num_samples
        samples = read_mono(file, config.sample_rate)
        num_clipped += int(np.count_nonzero(np.abs(samples) > 1.0))
        num_samples += len(samples)
        frames = mel_frames(log_mel, samples) if log_mel is not None else None
        codes = mu_law_encode(samples, config.mu).astype(kind)
        return CodedWave(file.name, codes, numbers.get(file.label, 0), frames)

    split = split_files(found.files, validation_fraction=config.validation_fraction, test_fraction=config.test_fraction)
    for file in found.files:
        coded[file.name] = code(file)
    notices = [Notice("note", found.exclusions)] if found.exclusions else []
    if num_clipped > _MANY_CLIPPED * num_samples:
        share = 100 * num_clipped / num_samples
        notices.append(Notice("warn", f"{share:.2g} % of all samples are beyond full scale and are clipped"))
    parts: dict[str, list[CodedWave]] = {part: [coded[file.name] for file in files] for part, files in split.items()}
    return GenerationDataset(config, classes, parts, found, receptive_field, mel, notices)
