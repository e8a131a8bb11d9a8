# SPDX-License-Identifier: MIT
"""How well devices of all kinds are learnt in equal minutes: one table.

    python benchmarks/bench_captures.py [--device NAME ...] [--recipe NAME ...] [--minutes 3] [--data DIR] [--show]

Each cell is a whole ``fxtrain fit`` in a process of its own, with ``--threads`` of torch's threads. Its row goes into
``runs/bench/captures.jsonl`` as soon as it is done, so that the bench may be stopped and goes on where it was;
``--show`` prints what there is. A recipe is a preset, or options of ``fit`` as ``NAME=--set,hidden_size=24``.

Devices of our own get three minutes of synthetic playing. ``--data`` is a folder of recordings: each of its folders
with ``train-input``, ``val-input`` and ``test-input`` is a device, or several, with targets in folders of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from machine import commit, processor_name
from numpy.typing import NDArray

from fxtrain.audio import write_audio
from fxtrain.synthetic import synthesise_guitar
from fxtrain.synthetic.effects import (
    EFFECTS,
    amplifier,
    amplifier_with_sag,
    cabinet_response,
    play_through_cabinet,
)
from fxtrain.synthetic.pair import PairRecipe
from fxtrain.synthetic.schematics import get_schematic

RATE = 48_000
SECONDS = 180
OUTSIDE_THE_MEDIAN = ("hrd3-drive", "donner-flanger")
_LEVELS = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
_CLIPS = {"klon-centaur-spice": ("--clip-frames", "11025", "--skip-frames", "1000")}

Signal = NDArray[np.float32]


@dataclass(frozen=True)
class Device:
    """What is learnt: the arguments of ``fit`` for its recordings, made when they are asked for."""

    name: str
    arguments: Callable[[], list[str]]


def own_devices(folder: Path) -> Iterator[Device]:
    """Circuits and signal flows, three minutes each; what was made once is kept."""

    def circuit(name: str, **knobs: float) -> Callable[[Signal], Signal]:
        return lambda dry: PairRecipe(get_schematic(name, **knobs)).play(dry)[0]

    def at_rate(play: Callable[[Signal, int], Signal]) -> Callable[[Signal], Signal]:
        return lambda dry: play(dry, RATE)

    def behind(play: Callable[[Signal, int], Signal], seconds: float) -> Callable[[Signal], Signal]:
        def through(dry: Signal) -> Signal:
            wet = play_through_cabinet(play(dry, RATE), cabinet_response(seconds, RATE, seed=round(1000 * seconds)))
            scaled: Signal = 0.5 * wet / np.abs(wet).max()
            return scaled

        return through

    devices: dict[str, Callable[[Signal], Signal]] = {
        "overdrive-mild": circuit("overdrive", drive=0.2),
        "distortion": circuit("distortion"),
        "valve": circuit("valve"),
        "fuzz": circuit("fuzz"),
        **{f"amplifier-cabinet-{ms}": behind(amplifier, ms / 1e3) for ms in (50, 80, 200)},
        "amplifier-with-sag-cabinet-80": behind(amplifier_with_sag, 0.08),
        **{name: at_rate(play) for name, play in EFFECTS.items()},
    }
    dry = folder / "dry.wav"
    for name, play in devices.items():

        def arguments(name: str = name, play: Callable[[Signal], Signal] = play) -> list[str]:
            folder.mkdir(parents=True, exist_ok=True)
            wet = folder / f"{name}.wav"
            if not wet.exists():
                playing = synthesise_guitar(SECONDS, RATE, 11)
                write_audio(dry, playing, RATE, "FLOAT")
                write_audio(wet, play(playing), RATE, "FLOAT")
            return [str(dry), str(wet)]

        yield Device(name, arguments)


def recorded_devices(data: Path) -> Iterator[Device]:
    """Real recordings, with the parts that their folder has."""
    for folder in sorted(data.iterdir()):
        inputs = {part: folder / f"{part}-input.flac" for part in ("train", "val", "test")}
        if not all(path.is_file() for path in inputs.values()):
            continue
        for place in [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]:
            targets = {part: place / f"{part}-target.flac" for part in inputs}
            if not all(path.is_file() for path in targets.values()):
                continue
            pairs = [[str(inputs[part]), str(targets[part])] for part in ("train", "val", "test")]
            words = [*pairs[0], "--val", *pairs[1], "--test", *pairs[2], *_CLIPS.get(folder.name, ())]
            name = folder.name if place == folder else f"{folder.name}/{place.name}"
            yield Device(name, lambda words=words: list(words))  # type: ignore[misc]


def fit(device: Device, options: Sequence[str], minutes: float, out: Path, threads: int) -> dict[str, Any]:
    """Trains, and tells what came of it."""
    command = [sys.executable, "-m", "fxtrain", "fit", *device.arguments(), *options]
    command += ["--max-minutes", f"{minutes:g}", "--out", str(out), "--quiet"]
    began = time.monotonic()
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return {"error": done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}"}
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    events = [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    curve = [(event["seconds"], event["val_esr"]) for event in events if event["event"] == "validation"]
    reached = {f"{level:g}": next((s / 60 for s, value in curve if value <= level), None) for level in _LEVELS}
    test, training = metrics["test"], metrics["training"]
    return {
        "esr": metrics["esr"],
        "a_weighted_esr": test["esr_a_weighted"],
        "mr_stft": test["mr_stft"],
        "bands": {f"{band['centre_hz']:.0f}": band["esr"] for band in test["bands"]},
        "baselines": metrics["baselines"],
        "validation_esr": metrics["validation_esr"],
        "model": {key: metrics["model"].get(key) for key in ("name", "hidden_size", "linear_stage", "envelopes")},
        "steps": training["steps"],
        "divergences": training["divergences"],
        "minutes_to_validation_esr": reached,
        "ns_per_frame": metrics["speed"]["ns_per_frame"],
        "wall_minutes": (time.monotonic() - began) / 60,
    }


def rows_of(path: Path) -> list[dict[str, Any]]:
    """What was measured before."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def show(rows: Sequence[dict[str, Any]]) -> None:
    """The table, and the median of each recipe."""
    heads = f"{'ESR':>9} {'A-wtd':>9} {'STFT':>6} {'ns':>5}"
    print(f"{'device':34} {'recipe':12} {'min':>5} {heads}  linear stage, levels, best filter")
    for row in rows:
        head = f"{row['device']:34} {row['recipe']:12} {row['minutes']:5g}"
        if "error" in row:
            print(f"{head}  {row['error'][:80]}")
            continue
        model, baselines = row["model"], row["baselines"]
        print(
            f"{head} {row['esr']:9.5f} {row['a_weighted_esr']:9.5f} {row['mr_stft']:6.3f} {row['ns_per_frame']:5.0f}  "
            f"{model['linear_stage']}, {model['envelopes']}, {min(baselines['fir'], baselines['long_fir']):.3f}"
        )
    for recipe in dict.fromkeys(row["recipe"] for row in rows):
        counted = [
            row["esr"]
            for row in rows
            if row["recipe"] == recipe and "esr" in row and not row["device"].startswith(OUTSIDE_THE_MEDIAN)
        ]
        if counted:
            print(f"median of {recipe} over {len(counted)} devices: {statistics.median(counted):.5f}")


def main() -> None:
    """Measures what is missing, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", nargs="+", metavar="NAME", help="these alone")
    parser.add_argument("--recipe", nargs="+", default=["standard"], metavar="NAME[=OPTIONS]")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data", type=Path, metavar="DIR", help="recordings")
    parser.add_argument("--out", type=Path, default=Path("runs/bench"), metavar="DIR")
    parser.add_argument("--show", action="store_true", help="measure nothing")
    args = parser.parse_args()
    path = args.out / "captures.jsonl"
    if not args.show:
        devices = [*own_devices(args.out / "pairs"), *(recorded_devices(args.data) if args.data else ())]
        if args.device and (unknown := set(args.device) - {device.name for device in devices}):
            parser.error(
                f"unknown devices {', '.join(sorted(unknown))}; there are {', '.join(d.name for d in devices)}"
            )
        for device in devices:
            for recipe in args.recipe:
                if args.device is None or device.name in args.device:
                    measure_cell(device, recipe, args, path)
    show(rows_of(path))


def measure_cell(device: Device, recipe: str, args: argparse.Namespace, path: Path) -> None:
    """Adds one row, if it is not there."""
    name, _, words = recipe.partition("=")
    options = words.split(",") if words else ["--preset", name]
    key = {"device": device.name, "recipe": name, "minutes": args.minutes, "seed": args.seed}
    if any(key.items() <= row.items() for row in rows_of(path)):
        return
    out = args.out / "captures" / device.name.replace("/", "-") / f"{name}-{args.minutes:g}-{args.seed}"
    if out.exists():  # cut short
        out = out.with_name(f"{out.name}-{int(time.time())}")
    row = fit(device, [*options, "--seed", str(args.seed)], args.minutes, out, args.threads)
    path.parent.mkdir(parents=True, exist_ok=True)
    where = {"commit": commit(), "processor": processor_name(), "threads": args.threads}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**key, **row, **where}) + "\n")
    print(f"{device.name} {name}: {row.get('esr', row.get('error'))}", flush=True)


if __name__ == "__main__":
    main()
