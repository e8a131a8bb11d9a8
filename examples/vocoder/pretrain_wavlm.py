#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Pretrains a small WavLM on a folder of speech, for those who have no weights of a large one.

    python examples/vocoder/pretrain_wavlm.py FOLDER OUT [--steps 1500]
    fxtrain fit --model ssl-vocoder --set data.folder=FOLDER --set model.encoder=OUT --out RUN

The frames of each recording are sorted into 50 units, by k-means over their cepstra. Then stretches are hidden from
the network, and it learns to guess the units there from what is around them. Half of the time a part of another
recording is mixed in, but the units stay those of the first: so the network learns to keep to one speaker.

Sources: Hsu et al., "HuBERT", 2021; Chen et al., "WavLM", 2022, sections III-A and III-B.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2, vq
from scipy.fft import dct
from torch import Tensor, nn
from torch.nn import functional

from fxtrain.audio.resampling import resample
from fxtrain.data.recordings import Recording, find_recordings, read_mono
from fxtrain.tasks.vocoder.baselines import state_mels

RATE, HOP, EDGE = 16_000, 320, 40
CEPSTRA = 13
MASKED_FRAMES = 10  # of a stretch that is hidden
MASKED_SHARE = 0.08  # of the frames at which one begins; together they hide about half
HELD_OUT = 0.05  # share of the recordings


def main() -> None:
    """Reads the arguments, pretrains, and saves."""
    parser = argparse.ArgumentParser(description="pretrain a small WavLM")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="recordings of speech, of any format and rate")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for the network")
    parser.add_argument("--steps", type=int, default=1500, help="default 1500: about six minutes on two cores")
    parser.add_argument("--batch-size", type=int, default=8, help="recordings in a step; default 8")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each recording in a step; default 2")
    parser.add_argument("--width", type=int, default=96, help="of a hidden state, a multiple of 8; default 96")
    parser.add_argument("--layers", type=int, default=4, help="default 4")
    parser.add_argument("--units", type=int, default=50, help="default 50")
    parser.add_argument("--seed", type=int, default=0, help="default 0")
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    frames = round(args.seconds * RATE / HOP)
    found = find_recordings(args.folder, shortest_seconds=args.seconds + 0.1).files
    sounds = [read_at_16_khz(file) for file in found]
    units = sort_into_units(sounds, args.units, args.seed)
    order = rng.permutation(len(sounds))
    num_held = max(1, round(HELD_OUT * len(sounds)))
    held, trained = order[:num_held], order[num_held:]
    counts = np.bincount(np.concatenate([units[index] for index in trained]), minlength=args.units) + 1.0
    entropy = -float(np.sum(counts / counts.sum() * np.log(counts / counts.sum())))
    print(f"{len(trained)} recordings to learn from, {num_held} held out; units alone {entropy:.3f} nats")

    network = make_network(args.width, args.layers)
    head = nn.Linear(args.width, args.units)
    parameters = [*network.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, betas=(0.9, 0.98), weight_decay=0.01)
    warm = max(1, args.steps // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, max(args.steps - step, 1) / max(args.steps - warm, 1))
    )
    network.train()
    for step in range(1, args.steps + 1):
        batch = draw(sounds, units, rng.choice(trained, args.batch_size), frames, rng)
        optimizer.zero_grad()
        loss, right = guess(network, head, *batch, rng, mix=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0 or step == args.steps:
            print(f"step {step}: {loss.item():.3f} nats, {right:.0%} right", flush=True)

    network.eval()
    rng = np.random.default_rng(1)
    with torch.no_grad():
        judged = [
            guess(network, head, *draw(sounds, units, np.array([index] * 4), frames, rng), rng, mix=False)
            for index in held
        ]
    nats, right = np.mean([loss.item() for loss, _ in judged]), np.mean([share for _, share in judged])
    print(f"held out: {nats:.3f} nats, {right:.0%} right; units alone {entropy:.3f} nats")
    save(network, args.out)


def read_at_16_khz(file: Recording) -> NDArray[np.float32]:
    """A recording in whole frames."""
    sound = resample(read_mono(file), file.sample_rate, RATE)
    return sound[: len(sound) // HOP * HOP]


def sort_into_units(sounds: list[NDArray[np.float32]], num_units: int, seed: int) -> list[NDArray[np.int64]]:
    """The unit of each frame of each recording: k-means over cepstra and their slopes."""
    features = []
    for sound in sounds:
        cepstra = dct(state_mels(sound, RATE, len(sound) // HOP), norm="ortho")[:, :CEPSTRA]
        features.append(np.concatenate([cepstra, np.gradient(cepstra, axis=0)], axis=1))
    everything = np.concatenate(features)
    mean, spread = everything.mean(axis=0), everything.std(axis=0)
    rng = np.random.default_rng(seed)
    chosen = (everything[rng.permutation(len(everything))[:50_000]] - mean) / spread
    centres, _ = kmeans2(chosen, num_units, minit="++", seed=seed)
    return [vq((each - mean) / spread, centres)[0].astype(np.int64) for each in features]


def make_network(width: int, layers: int) -> Any:
    """WavLM, small."""
    from transformers import WavLMConfig, WavLMModel

    return WavLMModel(
        WavLMConfig(
            hidden_size=width,
            num_hidden_layers=layers,
            num_attention_heads=4,
            intermediate_size=4 * width,
            conv_dim=(64,) * 7,
            feat_extract_norm="layer",
            num_conv_pos_embeddings=32,
            num_conv_pos_embedding_groups=8,
            layerdrop=0.0,
            hidden_dropout=0.0,
            attention_dropout=0.0,
            feat_proj_dropout=0.0,
            activation_dropout=0.0,
        )
    )


def draw(
    sounds: list[NDArray[np.float32]],
    units: list[NDArray[np.int64]],
    chosen: NDArray[np.int64],
    frames: int,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """Stretches of recordings, shape ``(batch, frames * HOP)``, and their units, ``(batch, frames)``."""
    starts = [int(rng.integers(len(units[index]) - frames + 1)) for index in chosen]
    places = list(zip(chosen, starts, strict=True))
    sound = np.stack([sounds[index][start * HOP : (start + frames) * HOP] for index, start in places])
    unit = np.stack([units[index][start : start + frames] for index, start in places])
    return torch.from_numpy(sound), torch.from_numpy(unit)


def guess(
    network: Any, head: nn.Linear, sound: Tensor, units: Tensor, rng: np.random.Generator, *, mix: bool
) -> tuple[Tensor, float]:
    """Cross entropy of the units that were hidden, in nats, and the share that was guessed right."""
    if mix:
        sound = mixed(sound, rng)
    hidden = torch.from_numpy(mask(units.shape[0], units.shape[1], rng))
    states = network(heard(sound), mask_time_indices=hidden).last_hidden_state
    scores = head(states[hidden])
    wanted = units[hidden]
    return functional.cross_entropy(scores, wanted), float((scores.argmax(dim=1) == wanted).float().mean())


def heard(sound: Tensor) -> Tensor:
    """What the network is given: mean 0, variance 1, and so long that each frame gives a state."""
    spread = sound.var(dim=1, keepdim=True, unbiased=False)
    return functional.pad((sound - sound.mean(dim=1, keepdim=True)) / torch.sqrt(spread + 1e-7), (EDGE, EDGE))


def mixed(sound: Tensor, rng: np.random.Generator) -> Tensor:
    """Half of the rows with a part of the next row, at most half as long, 5 dB softer to 5 dB louder."""
    made = sound.clone()
    length = sound.shape[1]
    for row in np.flatnonzero(rng.random(len(sound)) < 0.5):
        part = int(rng.integers(1, length // 2))
        start, source = rng.integers(length - part, size=2)
        other = sound[(row + 1) % len(sound), source : source + part]
        level = float(sound[row].std() / (other.std() + 1e-6)) * 10 ** (rng.uniform(-5, 5) / 20)
        made[row, start : start + part] += min(level, 10.0) * other
    return made


def mask(rows: int, frames: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which frames are hidden, shape ``(rows, frames)``; one at least."""
    begins = rng.random((rows, frames)) < MASKED_SHARE
    begins[:, int(rng.integers(frames))] = True
    hidden = np.zeros((rows, frames), np.bool_)
    for shift in range(MASKED_FRAMES):
        hidden[:, shift:] |= begins[:, : frames - shift]
    return hidden


def save(network: Any, folder: Path) -> None:
    """As ``transformers`` saves it, with the file that says that the input is normalised."""
    from transformers import Wav2Vec2FeatureExtractor

    network.save_pretrained(folder)
    Wav2Vec2FeatureExtractor(sampling_rate=RATE, do_normalize=True).save_pretrained(folder)
    print(f"saved {folder}")


if __name__ == "__main__":
    main()
