# SPDX-License-Identifier: MIT
"""Other trainers on the same parts, for the same minutes, scored in the same way."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from devices import Device
from numpy.typing import NDArray

from fxtrain.audio import write_audio
from fxtrain.data import Excerpt
from fxtrain.metrics.effects import measure
from fxtrain.tasks.effect.evaluation import segments_of

__all__ = ["PEERS", "train_peer"]

PEERS = ("nam-a1", "nam-a2", "nam-lstm")

Samples = NDArray[np.float32]

_HIGHEST_PEAK = 0.9


def train_peer(name: str, device: Device, minutes: float, out: Path, *, python: Path, threads: int) -> dict[str, Any]:
    """Trains a peer and scores what it plays.

    Args:
        name: one of :data:`PEERS`.
        device: what it is trained on.
        minutes: for training alone.
        out: a folder for its files.
        python: the interpreter of an environment with ``neural-amp-modeler``.
        threads: that it may use.
    """
    material = device.material()
    out.mkdir(parents=True)
    # The package refuses a target that reaches full scale.
    peak = max(float(np.max(np.abs(excerpt.target))) for excerpt in (*material.train, *material.validation))
    gain = _HIGHEST_PEAK / peak if peak >= 1.0 else 1.0
    for part, excerpts in (("train", material.train), ("val", material.validation)):
        for side in ("input", "target"):
            joined = np.concatenate([_with_lead_in(getattr(excerpt, side), excerpt, side) for excerpt in excerpts])
            level = gain if side == "target" else 1.0
            write_audio(out / f"{part}-{side}.wav", level * joined, material.sample_rate, "PCM_24")
    segments = segments_of(material.test)
    gap = np.zeros(material.sample_rate // 4, np.float32)  # each starts from rest
    np.save(out / "play.npy", np.concatenate([x for segment in segments for x in (segment.input, gap)]))
    script = Path(__file__).with_name("nam_trainer.py")
    command = [str(python), str(script), name, f"{minutes:g}", str(threads), str(out)]
    with (out / "peer.log").open("w") as log:
        done = subprocess.run(
            command, env={**os.environ, "OMP_NUM_THREADS": str(threads)}, stdout=log, stderr=log, check=False
        )
    if done.returncode != 0:
        return {"error": (out / "peer.log").read_text().strip().splitlines()[-1]}
    played = np.load(out / "prediction.npy") / gain
    lengths = [len(segment.input) for segment in segments]
    figures = measure(
        _cut(played, lengths, len(gap)),
        np.concatenate([segment.target for segment in segments]),
        material.sample_rate,
        mask=np.concatenate([segment.mask for segment in segments]),
    )
    return {"test": figures, "facts": json.loads((out / "facts.json").read_text())}


def _with_lead_in(signal: Samples, excerpt: Excerpt, side: str) -> Samples:
    """The signal behind its lead-in; of the target, which has none, behind silence."""
    lead_in = np.zeros(0, np.float32) if excerpt.lead_in is None else excerpt.lead_in
    return np.concatenate([lead_in if side == "input" else np.zeros_like(lead_in), signal])


def _cut(played: Samples, lengths: Sequence[int], gap: int) -> Samples:
    starts = np.cumsum([0, *(length + gap for length in lengths)])
    return np.concatenate([played[start : start + length] for start, length in zip(starts, lengths, strict=False)])
