# SPDX-License-Identifier: MIT
"""How well devices of all kinds are captured in equal minutes: one table.

    python benchmarks/captures [--device NAME ...] [--recipe NAME ...] [--minutes 3] [--data DIR] [--show]

Each cell is one complete training in its own process, with ``--threads`` threads. Its row is appended to
``runs/bench/captures.jsonl`` when it is done, so an interrupted bench continues where it stopped;
``--show`` prints what there is. A recipe is a preset of ``fit``, options of it as ``NAME=--set,hidden_size=24``,
``agam`` (the published recipe of Automated-GuitarAmpModelling as a config of ours) or, with ``--peer-python``,
``nam-a1``, ``nam-a2`` or ``nam-lstm``: the recipes of neural-amp-modeler.

``--study FILE.toml`` measures nothing, but writes the same devices and presets as a study for ``fxtrain sweep``, which
may run on a Ray cluster.

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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from devices import OUTSIDE_THE_MEDIAN, Device, own_devices, recorded_devices
from machine import commit, processor_name
from peers import PEERS, train_peer
from study import write_study

from fxtrain.config import presets

_LEVELS = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
_AGAM = Path(__file__).with_name("automated-guitar-amp-modelling.toml")


def fit(device: Device, options: Sequence[str], minutes: float, out: Path, threads: int) -> dict[str, Any]:
    """Trains with ``fxtrain fit``; what came of it."""
    command = [sys.executable, "-m", "fxtrain", "fit", *device.arguments(), *options]
    command += ["--max-minutes", f"{minutes:g}", "--out", str(out), "--quiet"]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return {"error": done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}"}
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    events = [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    curve = [(event["seconds"], event["val_esr"]) for event in events if event["event"] == "validation"]
    reached = {f"{level:g}": next((s / 60 for s, value in curve if value <= level), None) for level in _LEVELS}
    training = metrics["training"]
    heard = sum(part["end_seconds"] - part["start_seconds"] for part in metrics["split"] if part["part"] == "train")
    samples = training["epochs"] * heard * metrics["model"]["sample_rate"]
    return {
        "test": metrics["test"],
        "baselines": metrics["baselines"],
        "validation_esr": metrics["validation_esr"],
        "model": {key: metrics["model"].get(key) for key in ("name", "hidden_size", "linear_stage", "envelopes")},
        "steps": training["steps"],
        "samples_per_second": samples / max(training["seconds"], 1e-9),
        "divergences": training["divergences"],
        "minutes_to_validation_esr": reached,
        "ns_per_frame": metrics["speed"]["ns_per_frame"],
    }


def rows_of(path: Path) -> list[dict[str, Any]]:
    """What was measured before."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def show(rows: Sequence[dict[str, Any]]) -> None:
    """The table, and the median of each recipe."""
    heads = f"{'ESR':>9} {'A-wtd':>9} {'STFT':>6} {'ns':>5}"
    print(f"{'device':34} {'recipe':12} {'min':>5} {heads}  linear stage, envelopes, best filter")
    for row in rows:
        head = f"{row['device']:34} {row['recipe']:12} {row['minutes']:5g}"
        if "error" in row:
            print(f"{head}  {row['error'][:80]}")
            continue
        test, model, baselines = row["test"], row.get("model", {}), row.get("baselines", {})
        filters = [baselines[key] for key in ("fir", "long_fir") if key in baselines]
        print(
            f"{head} {test['esr']:9.5f} {test['esr_a_weighted']:9.5f} {test['mr_stft'] or 0:6.3f} "
            f"{row.get('ns_per_frame', 0):5.0f}  {model.get('linear_stage', '-')}, {model.get('envelopes', '-')}, "
            f"{f'{min(filters):.3f}' if filters else '-'}"
        )
    for recipe, minutes in dict.fromkeys((row["recipe"], row["minutes"]) for row in rows):
        counted = [
            row["test"]["esr"]
            for row in rows
            if (row["recipe"], row["minutes"]) == (recipe, minutes)
            and "test" in row
            and not row["device"].startswith(OUTSIDE_THE_MEDIAN)
        ]
        if counted:
            print(f"median of {recipe}, {minutes:g} min, over {len(counted)} devices: {statistics.median(counted):.5f}")


def main() -> None:
    """Measures what is missing, and prints the table."""
    parser = argparse.ArgumentParser(
        prog="benchmarks/captures", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", nargs="+", metavar="NAME", help="these alone")
    parser.add_argument("--recipe", nargs="+", default=["standard"], metavar="NAME[=OPTIONS]")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data", type=Path, metavar="DIR", help="recordings")
    parser.add_argument("--peer-python", type=Path, metavar="FILE", help="of an environment with neural-amp-modeler")
    parser.add_argument("--out", type=Path, default=Path("runs/bench"), metavar="DIR")
    parser.add_argument("--study", type=Path, metavar="FILE.toml", help="write a study for fxtrain sweep, and end")
    parser.add_argument("--show", action="store_true", help="measure nothing")
    args = parser.parse_args()
    path = args.out / "captures.jsonl"
    if not args.show:
        devices = [*own_devices(args.out / "pairs"), *(recorded_devices(args.data) if args.data else ())]
        if args.device and (unknown := set(args.device) - {device.name for device in devices}):
            parser.error(
                f"unknown devices {', '.join(sorted(unknown))}; there are {', '.join(d.name for d in devices)}"
            )
        if args.peer_python is None and (asked := set(args.recipe) & set(PEERS)):
            parser.error(f"{', '.join(sorted(asked))} need --peer-python")
        if args.study is not None:
            if other := set(args.recipe) - set(presets()):
                parser.error(f"a study has presets alone, not {', '.join(sorted(other))}")
            chosen = [device for device in devices if args.device is None or device.name in args.device]
            for device in chosen:
                device.prepare()
            write_study(args.study, chosen, args.recipe, args.minutes, args.seed)
            return
        for device in devices:
            for recipe in args.recipe:
                if args.device is None or device.name in args.device:
                    measure_cell(device, recipe, args, path)
    show(rows_of(path))


def measure_cell(device: Device, recipe: str, args: argparse.Namespace, path: Path) -> None:
    """Adds one row, if it is not there."""
    name, _, words = recipe.partition("=")
    key = {"device": device.name, "recipe": name, "minutes": args.minutes, "seed": args.seed}
    if any(key.items() <= row.items() for row in rows_of(path)):
        return
    out = args.out / "captures" / device.name.replace("/", "-") / f"{name}-{args.minutes:g}-{args.seed}"
    if out.exists():  # cut short
        out = out.with_name(f"{out.name}-{int(time.time())}")
    device.prepare()
    began = time.monotonic()
    if name in PEERS:
        row = train_peer(name, device, args.minutes, out, python=args.peer_python, threads=args.threads)
    else:
        options = words.split(",") if words else ["--config", str(_AGAM)] if name == "agam" else ["--preset", name]
        row = fit(device, [*options, "--seed", str(args.seed)], args.minutes, out, args.threads)
    path.parent.mkdir(parents=True, exist_ok=True)
    where = {"commit": commit(), "processor": processor_name(), "threads": args.threads}
    where["wall_minutes"] = (time.monotonic() - began) / 60
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**key, **row, **where}) + "\n")
    print(f"{device.name} {name}: {row['test']['esr'] if 'test' in row else row['error']}", flush=True)


if __name__ == "__main__":
    main()
