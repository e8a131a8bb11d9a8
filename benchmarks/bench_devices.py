# SPDX-License-Identifier: MIT
"""How fast models of every kind train on a device: whole steps, with the batches that feed them and their validations.

    python benchmarks/bench_devices.py [--device cuda] [--seconds 6] [--only lstm ...] [--mode float32 ...]

Each row trains on synthetic playing, in float32, in bfloat16, or compiled. What counts is the time after the first
half of the row's seconds, so that compilers and caches have settled. "ratio" is that to the model's first row.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from machine import commit, processor_name

from fxtrain.audio import write_audio
from fxtrain.errors import FxtrainError, Interrupted
from fxtrain.runs import RunSpec
from fxtrain.runs.run import build_model
from fxtrain.synthetic import synthesise_guitar
from fxtrain.synthetic.effects import amplifier
from fxtrain.training.device import init_device, wait_for
from fxtrain.training.plan import Plan
from fxtrain.training.trainer import Trainer

_RATE = 44_100
_FAR = 10_000_000

MODES: Mapping[str, Mapping[str, Any]] = {
    "float32": {},
    "bfloat16": {"precision": "bfloat16"},
    "compiled": {"compile": True},
    "bfloat16, compiled": {"precision": "bfloat16", "compile": True},
}

_PAIR = {"pair_1": {"input": "dry.wav", "target": "wet.wav"}}
_SOUNDS = {"folder": "sounds"}
_FROM_MELS = {"encoder": "mel", "layer": 0}
_PAIR_ALONE = {**_PAIR, "model": {"linear_stage": "off"}}
CASES: Mapping[str, tuple[str, Mapping[str, Mapping[str, Any]]]] = {
    "lstm, 32 units": ("lstm", _PAIR_ALONE),
    "lstm, 64 units": ("lstm", {**_PAIR, "model": {"linear_stage": "off", "hidden_size": 64}}),
    "wavenet, A1 standard": ("wavenet", _PAIR),
    "stft-mask": ("stft-mask", _PAIR),
    "wavenet-generator": ("wavenet-generator", {"data": {**_SOUNDS, "sample_rate": 16_000}}),
    "restore-gan": ("restore-gan", {"data": {**_SOUNDS, "crops": 64}}),
    "restore-diffusion": ("restore-diffusion", {"data": {**_SOUNDS, "crops": 64}}),
    "ssl-vocoder, hifigan": ("ssl-vocoder", {"data": _SOUNDS, "model": {**_FROM_MELS, "generator": "hifigan"}}),
    "ssl-vocoder, vocos": ("ssl-vocoder", {"data": _SOUNDS, "model": _FROM_MELS}),
}


@dataclass
class Watch:
    """Follows a run and ends it: a progress bar that keeps the time of each step it was told."""

    device: torch.device
    seconds: float
    marks: list[tuple[float, int]] = field(default_factory=list)

    def start(self, total_steps: int, step: int, *, figure: str, unit: str) -> None:
        """A run begins, or was validated."""
        if not self.marks:
            self._mark(step)

    def update(self, step: int, *, items_per_second: float, value: float) -> None:
        """Steps were done."""
        self._mark(step)

    def is_over(self) -> bool:
        """Whether the time is up, and there are two marks to compare."""
        return len(self.marks) > 3 and self.marks[-1][0] - self.marks[0][0] > self.seconds

    def steps_per_second(self) -> float:
        """From the middle of the time to its end."""
        (last, steps), middle = self.marks[-1], (self.marks[0][0] + self.marks[-1][0]) / 2
        begin, before = next(mark for mark in self.marks if mark[0] >= middle or mark == self.marks[-2])
        return (steps - before) / (last - begin)

    def _mark(self, step: int) -> None:
        wait_for(self.device)
        self.marks.append((time.monotonic(), step))


def make_material(folder: Path) -> None:
    """A minute of playing and what an amplifier makes of it, and a folder of several recordings."""
    playing = synthesise_guitar(60, _RATE, 1)
    write_audio(folder / "dry.wav", playing, _RATE, "FLOAT")
    write_audio(folder / "wet.wav", amplifier(playing, _RATE), _RATE, "FLOAT")
    (folder / "sounds").mkdir()
    for number in range(6):
        write_audio(folder / "sounds" / f"{number}.wav", 0.5 * synthesise_guitar(10, _RATE, number), _RATE, "PCM_16")


def with_paths(tables: Mapping[str, Mapping[str, Any]], folder: Path) -> dict[str, dict[str, Any]]:
    """Tables whose files lie in ``folder``."""
    return {
        name: {
            key: str(folder / value) if key in ("input", "target", "folder") else value for key, value in table.items()
        }
        for name, table in tables.items()
    }


def measure(spec: RunSpec, dataset: Any, folder: Path, device: torch.device, seconds: float) -> dict[str, Any]:
    """Steps a second, and the greatest memory of a GPU."""
    is_cuda = device.type == "cuda"
    if is_cuda:
        torch.cuda.reset_peak_memory_stats(device)
    watch = Watch(device, seconds)
    trainer = Trainer(
        build_model(spec, dataset.facts).to(device),
        spec.task.provider(spec.model_class, dataset, spec.tables, spec.training),
        spec.training,
        folder,
        should_stop=watch.is_over,
        progress=watch,
    )
    with suppress(Interrupted):
        trainer.run(plan=Plan(_FAR, trainer.provider.steps_per_epoch))
    memory = torch.cuda.max_memory_allocated(device) / 2**20 if is_cuda else None
    return {"steps_per_second": watch.steps_per_second(), "memory_mib": memory, "batch": spec.training.batch_size}


def rows_of(
    model: str, modes: Sequence[str], folder: Path, device: torch.device, seconds: float
) -> list[dict[str, Any]]:
    """Measures one model in each mode, and prints the rows."""
    name, tables = CASES[model]
    rows: list[dict[str, Any]] = []
    for mode in modes:
        training = {"epochs": 1_000_000, **MODES[mode]}
        spec = RunSpec(model=name, tables={**with_paths(tables, folder), "training": training})
        began = time.monotonic()
        try:
            dataset = spec.task.load(spec.model_class, spec.tables, {})
            with tempfile.TemporaryDirectory() as run:
                row = {"model": model, "mode": mode, **measure(spec, dataset, Path(run), device, seconds)}
        except (FxtrainError, RuntimeError) as error:
            print(f"{model:22} {mode:19} failed: {str(error).splitlines()[0]}", flush=True)
            continue
        rows.append(row)
        ratio = row["steps_per_second"] / rows[0]["steps_per_second"]
        memory = f"{row['memory_mib']:7.0f} MiB" if row["memory_mib"] is not None else ""
        print(
            f"{model:22} {mode:19} batch {row['batch']:3} {row['steps_per_second']:8.2f} steps/s  ratio {ratio:5.2f} "
            f"{memory}  ({time.monotonic() - began:.0f} s in all)",
            flush=True,
        )
    return rows


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seconds", type=float, default=6.0, help="of training for each row")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="models whose name has one of these words")
    parser.add_argument("--mode", nargs="+", default=["float32", "bfloat16"], choices=list(MODES))
    parser.add_argument("--out", type=Path, metavar="FILE.json")
    args = parser.parse_args()
    device = init_device(args.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor_name()
    print(f"{name}, {torch.get_num_threads()} threads, torch {torch.__version__}, commit {commit()}", flush=True)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        make_material(Path(folder))
        for model in CASES:
            if not args.only or any(word in model for word in args.only):
                rows += rows_of(model, args.mode, Path(folder), device, args.seconds)
    if args.out:
        args.out.write_text(json.dumps({"device": name, "rows": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
