# SPDX-License-Identifier: MIT
"""A folder of two synthetic speakers, and settings that make a run on it short."""

from __future__ import annotations

from pathlib import Path

from fxtrain.audio import write_audio
from fxtrain.synthetic.voices import VOICES, synthesise_voice

RATE = 8000
FILES = 4
SMALL_MODEL = {"channels": 6, "skip_channels": 8, "layers": 4, "stacks": 2, "class_size": 3, "condition_channels": 4}
SMALL_DATA = {"sample_rate": RATE, "sequence_samples": 256, "validation_seconds": 0.2, "test_seconds": 0.3}
SMALL_MEL = {"n_fft": 128, "hop": 32, "bands": 8}


def write_voices(folder: Path, *, seconds: float = 0.5, labels: Path | None = None) -> None:
    """``bass/0.wav`` and so on, and the phones with their times in ``labels``."""
    for number, (name, voice) in enumerate(VOICES.items()):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for index in range(FILES):
            speech = synthesise_voice(voice, seconds, RATE, 10 * number + index)
            write_audio(folder / name / f"{index}.wav", speech.samples, RATE, "PCM_16")
            if labels is not None:
                (labels / name).mkdir(parents=True, exist_ok=True)
                lines = [f"{end:.5f} 125 {phone}" for phone, end in speech.phones]
                (labels / name / f"{index}.lab").write_text("\n".join(["#", *lines]) + "\n")


def small_settings(folder: Path, *, model: str = "wavenet-generator", **more: object) -> list[str]:
    """Options of ``fit`` for a short run."""
    data = {"folder": folder, **SMALL_DATA, **more}
    pairs = [*(("model", key, value) for key, value in SMALL_MODEL.items())]
    pairs += [("data", key, str(value).lower() if isinstance(value, bool) else value) for key, value in data.items()]
    pairs += [("mel", key, value) for key, value in SMALL_MEL.items()]
    options = [word for table, key, value in pairs for word in ("--set", f"{table}.{key}={value}")]
    return ["--model", model, *options, "--device", "cpu"]
