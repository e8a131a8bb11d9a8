# SPDX-License-Identifier: MIT
"""Autoencoders of sound after equal time on the processor: two levels against one, wave against mel-spectrogram.

    python benchmarks/bench_autoencoders.py [--minutes 5] [--forms two-levels flat mel mel-flat] [--sounds FOLDER]

All forms have 16 channels and codebooks of 256; ``flat`` has as many codes per second as ``two-levels``, and
``mel-flat`` as many as ``mel``. Without ``--sounds`` they learn calls of cats and dogs that are made here. The forms
take turns, step by step, each until it has used its minutes of processor time: so a busy computer is as slow for one
as for the other. Validation is not a part of it, the learning rate falls as half a cosine of the time. Printed are the
figures of clips that training did not see.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from machine import commit, processor_name
from torch import nn

from fxtrain.data.labelled import ClipConfig, ClipProvider, load_clips
from fxtrain.models.generators.vqvae import VqVae
from fxtrain.synthetic.animal_folders import write_sound_folders
from fxtrain.tasks.image_to_sound.measures import code_use, compare_sounds, held_samples, reconstruct
from fxtrain.training.protocol import StepContext

FORMS: dict[str, dict[str, Any]] = {
    "two-levels": {},
    "flat": {"levels": "flat", "flat_ratio": 1.25},
    "mel": {"representation": "mel", "bottom_strides": 1},
    "mel-flat": {"representation": "mel", "bottom_strides": 1, "levels": "flat", "flat_ratio": 1.25},
}
SMALL = {"channels": 16, "codes": 256}
LEARNING_RATE, BATCH_SIZE, SEGMENT_FRAMES = 0.002, 4, 7168


class Candidate:
    """A model in training, and the processor time that it has used."""

    def __init__(self, name: str, parts: Any, classes: list[str], sample_rate: int, seed: int) -> None:
        self.name, self.step, self.seconds = name, 0, 0.0
        torch.manual_seed(seed)
        train = parts["train"]
        facts = {"sample_rate": sample_rate, "clip_frames": train.sound.shape[1], "classes": classes}
        self.model = VqVae.from_config({**SMALL, **FORMS[name]}, loss={}, level=float(train.sound.std()), **facts)
        self.provider = ClipProvider(
            train,
            parts["validation"],
            batch_size=BATCH_SIZE,
            seed=seed,
            segment_frames=SEGMENT_FRAMES,
            multiple=self.model.multiple,
        )
        self.seed = seed
        self.phase = self.model.phases()[0]
        self.optimizer = self.phase.optimizer.build(self.phase.parameters, LEARNING_RATE)

    def train(self, budget: float) -> None:
        """One step."""
        began = time.process_time()
        for group in self.optimizer.param_groups:
            group["lr"] = LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * min(self.seconds / budget, 1.0)))
        self.model.train()
        batch = self.provider.batch(self.step)
        loss, _ = self.model.loss(batch, self.phase, StepContext.of_training(self.seed, self.step))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.phase.parameters, 1.0)
        self.optimizer.step()
        self.step += 1
        self.seconds += time.process_time() - began


def main() -> None:
    """Trains and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5.0, help="processor time of each form; default 5")
    parser.add_argument("--forms", nargs="+", choices=list(FORMS), default=list(FORMS))
    parser.add_argument("--sounds", type=Path, help="a folder of sounds for each class; default: made here")
    parser.add_argument("--clips", type=int, default=100, help="clips of each class that are made; default 100")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as made:
        folder = args.sounds
        if folder is None:
            folder = Path(made)
            write_sound_folders(folder, {"cat": ("meow",), "dog": ("bark",)}, count=args.clips)
        config = ClipConfig(folder=folder)
        parts, classes, _ = load_clips(config)
    candidates = [Candidate(name, parts, classes, config.sample_rate, args.seed) for name in args.forms]
    budget = 60 * args.minutes
    while unfinished := [each for each in candidates if each.seconds < budget]:
        for each in unfinished:
            each.train(budget)
    test = parts["test"]
    print(f"{processor_name()}, torch {torch.__version__}, commit {commit()}, {args.threads} thread(s)")
    print(
        f"{args.minutes:g} minutes of processor time each; {len(test.sound)} held-out clips of {', '.join(classes)}\n"
    )
    by_class = "".join(f"{f'SNR {name}':>12}" for name in classes)
    print(f"{'form':<28}{'steps':>7}{'codes/s':>9}{'SNR in dB':>11}{by_class}{'mel distance':>14}{'codes used':>14}")
    for each in candidates:
        model = each.model.eval()
        sounds = reconstruct(model, test.sound)
        row = compare_sounds(sounds, test.sound, config.sample_rate)
        own = [
            compare_sounds(sounds[test.labels == number], test.of_class(number), config.sample_rate)["snr_db"]
            for number in range(len(classes))
        ]
        used = "/".join(f"{share:.0%}" for share in code_use(model, parts["train"].sound).values())
        print(
            f"{each.name:<28}{each.step:>7}{model.codes_per_second:>9.0f}{row['snr_db']:>11.2f}"
            + "".join(f"{value:>12.2f}" for value in own)
            + f"{row['mel_distance']:>14.3f}{used:>14}"
        )
    held = held_samples(test.sound, config.sample_rate, 625.0)
    row = compare_sounds(held, test.sound, config.sample_rate)
    gap = " " * (12 * len(classes))
    print(f"{'625 samples a second':<28}{'':>7}{625:>9}{row['snr_db']:>11.2f}{gap}{row['mel_distance']:>14.3f}")


if __name__ == "__main__":
    main()
