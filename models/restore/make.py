# SPDX-License-Identifier: MIT
"""Trains the models in this folder: ``python models/restore/make.py [--device cuda] [gan] [diffusion] [mse]``.

The recordings are published packages, fetched once into the user's cache. Two songs are kept out of training and of
everything else but the figures on the card. What is done already in the working folder is not done again. The GAN
and the diffusion took a GPU a quarter of an hour; on a CPU they take hours.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from fxtrain.audio.codecs import code, parse_codec
from fxtrain.audio.cutoff import cutoff_of
from fxtrain.cli import main as fxtrain
from fxtrain.data.codec_pairs import cutoff_between
from fxtrain.packages import PACKAGES, cache_folder, fetch_package
from fxtrain.runs import load_trained_model
from fxtrain.tasks.restoration import CodedExcerpt, evaluate_excerpts
from fxtrain.training.checkpoint import load_checkpoint, save_checkpoint

FOLDER = Path(__file__).resolve().parent
SOURCES = {
    "muldjord": ("fretsonfire-songs-muldjord", "*.ogg"),
    "sectoid": ("fretsonfire-songs-sectoid", "*.ogg"),
    "sonic-pi": ("sonic-pi-samples", "*.flac"),
}
CODED_BEFORE = {  # their own highs end at a cutoff
    "muldjord/internal_degeneration/guitar.ogg",
    "sectoid/Escape from chaosland/guitar.ogg",
    "sectoid/Feelings/guitar.ogg",
    "sectoid/Feelings/song.ogg",
    "sectoid/Metal madness/guitar.ogg",
    "sectoid/Metal madness/song.ogg",
}
HELD_OUT = ("muldjord/mutilated_mime/song.ogg", "sectoid/War of freedom/song.ogg")
HELD_OUT_SONGS = {Path(name).parent.as_posix() for name in HELD_OUT}
TEST_CODECS = ("mp3-64", "mp3-96", "mp3-128", "aac-48", "aac-64", "vorbis-64")
TEST_SECONDS, TEST_STARTS = 8.0, (20.0, 60.0, 100.0)

_LARGE = (
    *("--set", "data.crops=6000", "--set", "data.validation_crops=96"),
    *("--batch-size", "16", "--set", "training.ema=0.999"),
)
SETTINGS: Mapping[str, Sequence[str]] = {
    "gan": (*_LARGE, "--set", "model.discriminator_start=2000", "--max-steps", "6217"),
    "diffusion": (*_LARGE, "--set", "model.steps=32", "--max-steps", "18956"),
    "mse": ("--set", "data.crops=1200", "--epochs", "6"),
}


def arrange(folder: Path) -> None:
    """Links the recordings to train on into one folder."""
    for name, (package, pattern) in SOURCES.items():
        content = fetch_package(package)
        for file in sorted(content.rglob(pattern)):
            place = f"{name}/{file.relative_to(content).as_posix()}"
            if place in CODED_BEFORE or Path(place).parent.as_posix() in HELD_OUT_SONGS:
                continue
            link = folder / place
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.exists():
                link.symlink_to(file)


def held_out(sample_rate: int) -> list[CodedExcerpt]:
    """Excerpts of the songs that no model has met, each through each codec in turn."""
    excerpts = []
    for name in HELD_OUT:
        source, _, rest = name.partition("/")
        file = fetch_package(SOURCES[source][0]) / rest
        for index, start in enumerate(TEST_STARTS):
            block, rate = soundfile.read(
                file, round(TEST_SECONDS * sample_rate), round(start * sample_rate), dtype="float32", always_2d=True
            )
            assert rate == sample_rate, f"{file} is at {rate} Hz"
            clean = np.ascontiguousarray(block.T)
            for text in TEST_CODECS[index::3]:
                damaged = code(clean, sample_rate, parse_codec(text))
                cutoff = cutoff_of([damaged], sample_rate) or cutoff_between(damaged, clean, sample_rate)
                excerpts.append(CodedExcerpt(name, text, damaged, clean, cutoff))
    return excerpts


def make(kind: str, work: Path, device: str) -> dict[str, Any]:
    """Trains one model, writes it here, and returns its figures."""
    run = work / kind
    if not (run / "metrics.json").exists():
        words = ["fit", "--model", f"restore-{kind}", "--set", f"data.folder={work / 'clean'}"]
        words += ["--set", "data.crop_frames=16384", "--device", device, "--quiet"]
        again = ["fit", "--resume", str(run), "--quiet"]
        if fxtrain(again if (run / "last.pt").exists() else [*words, *SETTINGS[kind], "--out", str(run)]):
            sys.exit(f"training of {kind} failed")
    content = load_checkpoint(run / "best.pt")
    weights = content.get("best_weights") or content["weights"]
    # Halves are fine enough: rounding is at -66 dB of each weight.
    kept = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
    path = FOLDER / f"{kind}.pt"
    save_checkpoint(path, {key: content[key] for key in ("model", "tables", "facts", "metadata")} | {"weights": kept})
    model: Any = load_trained_model(path).model
    torch.set_num_threads(1)
    figures, _ = evaluate_excerpts(model, held_out(model.sample_rate), [float(value) for value in model.profile])
    return {name: vars(each) for name, each in figures.items()} | {
        "parameters": model.num_parameters,
        "training": json.loads((run / "metrics.json").read_text())["training"],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", default=[], metavar="KIND", help=", ".join(SETTINGS))
    parser.add_argument("--work", type=Path, default=cache_folder() / "restore", help="working folder")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    arrange(args.work / "clean")
    for each in args.kinds or list(SETTINGS):
        print(each, json.dumps(make(each, args.work, args.device), indent=2))
    print("licences:", {package: PACKAGES[package].licence for package, _ in SOURCES.values()})
