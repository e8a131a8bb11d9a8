# SPDX-License-Identifier: MIT
"""A chain from picture to sound that is trained in seconds: its material, and its file of settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomli_w

from fxtrain.synthetic.animal_folders import write_drawing_folders, write_sound_folders

CLIP_SECONDS = 0.64


def write_material(folder: Path) -> None:
    """Eight sounds and twelve pictures of each of two classes."""
    sounds = {"cat": ("meow",), "dog": ("bark",)}
    write_sound_folders(folder / "sounds", sounds, count=8, seconds=CLIP_SECONDS)
    write_drawing_folders(folder / "pictures", {"cat": ("cat",), "dog": ("dog",)}, count=12, size=32)


def settings(folder: Path) -> dict[str, Any]:
    """The stages: 80 top and 320 bottom codes of 16."""
    sounds, classes = str(folder / "sounds"), ["cat", "dog"]
    small = {"width": 8, "heads": 2, "encoder_layers": 1, "decoder_layers": 1, "feed_forward": 16}
    short = {"epochs": 2, "batch_size": 8}
    codes = {"codes": "codes"}
    stages = {
        "codes": {
            "run": {"model": "vqvae2"},
            "data": {"folder": sounds, "classes": classes, "clip_seconds": CLIP_SECONDS},
            "model": {"channels": 4, "codes": 16, "code_size": 4},
            "training": short,
        },
        "classifier": {
            "run": {"model": "image-classifier"},
            "data": {"folder": str(folder / "pictures"), "classes": classes},
            "model": {"size": 32, "hidden_sizes": [8, 8], "depths": [1, 1], "embedding_size": 8},
            "training": short,
        },
        "top": {
            "run": {"model": "code-prior"},
            "inputs": codes,
            "data": {"folder": sounds, "sounds": 1},
            "model": {"level": "top", **small},
            "training": short,
        },
        "bottom": {
            "run": {"model": "code-prior"},
            "inputs": {**codes, "top": "top", "classifier": "classifier"},
            "data": {"folder": sounds, "sounds": 1},
            "model": {"level": "bottom", "form": "modern", "span": 16, **small},
            "training": short,
        },
    }
    return {"stages": stages}


def write_settings(folder: Path) -> Path:
    """The file of settings for the material in a folder."""
    path = folder / "image-to-sound.toml"
    path.write_text(tomli_w.dumps(settings(folder)), encoding="utf-8")
    return path
