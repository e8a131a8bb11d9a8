# SPDX-License-Identifier: MIT
"""Three small restoration models on the same recordings, and what each is good for."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from rich.console import Console

from fxtrain.atomic import write_atomically
from fxtrain.cli.demos._material import fetch, link
from fxtrain.cli.in_process import run_in_process
from fxtrain.cli.terminal import shown
from fxtrain.errors import FxtrainError, InputError

PACKAGES = {"fretsonfire-songs-muldjord": "song.ogg", "sonic-pi-samples": "loop_*.flac"}
EPOCHS = {"mse": 8, "gan": 8, "diffusion": 20}
CROPS, CROP_FRAMES = 320, 16_384
GREATEST_SHARE = 0.75
"""The demo succeeds if the GAN leaves at most this share of the damaged sound's distance above the cutoff."""

_SYNTHETIC_TAKES, _SYNTHETIC_SECONDS = 12, 8.0


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any]:
    """Does what is not done yet, then compares the three."""
    from fxtrain.report.html import write_page
    from fxtrain.runs import RunFolder, RunSpec, load_trained_model
    from fxtrain.tasks.restoration.comparison import compare_models, comparison_page

    out: Path = args.out
    data = out.with_name(out.name + "-data")
    material = _find_recordings(data, console)
    runs = {f"restore-{kind}": out / kind for kind in EPOCHS}
    for kind, epochs in EPOCHS.items():
        folder = RunFolder(out / kind)
        if args.force and folder.config.exists():
            folder.clear(RunSpec.load(folder.config).task.artifacts)
        if folder.is_complete():
            console.print(f"training   {shown(folder.path)} is complete already; --force begins anew")
            continue
        words = ["fit", "--resume", str(folder.path)]
        if not folder.config.exists():
            settings = {"data.folder": data, "data.crops": CROPS, "data.crop_frames": CROP_FRAMES}
            settings |= {"data.test_seconds": 6.0, "data.validation_crops": 24}
            words = ["fit", "--model", f"restore-{kind}", "--epochs", str(epochs), "--seed", str(args.seed)]
            words += [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
            words += ["--out", str(folder.path)]
        console.print(f"training   $ {shown(shlex.join(['fxtrain', *words]))}")
        if (exit_code := run_in_process(words, args)) != 0:
            return {"exit_code": exit_code, "passed": False, "run": str(out)}

    spec = RunSpec.load(RunFolder(runs["restore-gan"]).config)
    dataset: Any = spec.task.load(spec.model_class, spec.tables, {})
    models: dict[str, Any] = {name: load_trained_model(RunFolder(path).best).model for name, path in runs.items()}
    training = {name: json.loads((path / "metrics.json").read_text())["training"] for name, path in runs.items()}
    console.print(f"comparing  {len(dataset.test)} excerpts that none of them has met, 3 seeds each")
    comparison = compare_models(models, dataset.test, training=training)
    page = comparison_page(comparison, dataset.test, dataset.config.sample_rate, title="Restoration")
    report = write_page(out, page)
    gan, damaged = comparison.models["restore-gan"].figures, comparison.baselines["damaged"]
    share = (gan.lsd_above_cutoff or 0.0) / (damaged.lsd_above_cutoff or 1.0)
    passed = share <= GREATEST_SHARE
    document = {"passed": passed, "material": material, **comparison.to_document()}
    write_atomically(out / "metrics.json", (json.dumps(document, indent=2) + "\n").encode())
    measured = {name: row.figures for name, row in comparison.models.items()} | {"damaged": damaged}
    for name, figures in measured.items():
        console.print(
            f"  {name:18} above the cutoff {figures.lsd_above_cutoff:.1f} dB, squared error {figures.squared_error:.4f}"
        )
    said = "[green]The demo succeeded:[/]" if passed else "[red]The demo failed:[/]"
    console.print(
        f"{said} the GAN leaves {share:.0%} of the distance, expected {GREATEST_SHARE:.0%} at most.\n"
        f"open    {shown(report)}"
    )
    return {"exit_code": 0 if passed else 1, "passed": passed, "run": str(out), "report": str(report), **document}


def _find_recordings(folder: Path, console: Console) -> str:
    """Links real recordings into a folder, or makes some; returns what they are."""
    from fxtrain.packages import PACKAGES as KNOWN

    note = folder / "MATERIAL.txt"
    if note.exists():
        console.print(f"recordings {shown(folder)} is there already")
        return note.read_text(encoding="utf-8").strip()
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} holds files of another kind; choose another --out.")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        contents = {name: fetch(name, console) for name in PACKAGES}
        for name, content in contents.items():
            for file in sorted(content.rglob(PACKAGES[name])):
                link(file, folder / name / file.relative_to(content))
        text = "; ".join(f"{name} ({KNOWN[name].licence})" for name in PACKAGES)
    except FxtrainError as error:
        console.print(shown(f"recordings cannot be fetched ({error}); synthetic guitar takes their place"))
        _make_recordings(folder)
        text = "synthetic guitar"
    write_atomically(note, (text + "\n").encode())
    return text


def _make_recordings(folder: Path) -> None:
    """Guitar through a clipping stage, so that there are highs."""
    import numpy as np

    from fxtrain.audio import write_audio
    from fxtrain.synthetic import synthesise_guitar

    for index in range(_SYNTHETIC_TAKES):
        take = np.tanh(8 * synthesise_guitar(_SYNTHETIC_SECONDS, 44_100, index))
        write_audio(folder / f"take{index:02}.wav", (0.5 * take).astype(np.float32), 44_100)
