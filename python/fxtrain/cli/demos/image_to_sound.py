# SPDX-License-Identifier: MIT
"""Calls and drawings of animals, the whole chain trained on them, and a sound for a picture and for a video."""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from rich.console import Console

from fxtrain.cli.in_process import run_in_process
from fxtrain.cli.terminal import shown
from fxtrain.config import Tables
from fxtrain.errors import InputError, OutputExistsError
from fxtrain.files import read_file

CLASSES = {"cat": ("meow",), "dog": ("bark",)}
DRAWN = {"cat": ("cat",), "dog": ("dog",)}
OTHERS = {name: (name,) for name in ("bird", "cow", "duck", "fish", "flying-bird", "fox", "pig", "rabbit")}
"""What the network that sees is trained on before: no cats and no dogs."""

LEAST_ACCURACY = 0.8
"""The demo succeeds if a classifier of real sounds is right about at least this share of the written ones ..."""

LEAST_SHARE = 0.9
"""... and the perplexity of Bottom is at most this share of what counting codes reaches."""

_CLIPS, _PICTURES = 80, 150
_FRESH_SEED = 5000  # of the picture and the video, which no training saw
_SHARES = {"codes": 0.45, "top": 0.15, "bottom": 0.4}


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any]:
    """Does what is not done yet, then shows the result."""
    from fxtrain.synthetic.animal_folders import write_drawing_folders, write_short_video, write_sound_folders

    folder: Path = args.out
    if args.force:
        _clear(folder)
    elif folder.exists() and any(folder.iterdir()) and not (folder / "material").exists():
        raise OutputExistsError(f"{folder} holds something else: choose another --out.")
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "material"
    console.print(f"material   {_CLIPS} calls and {_PICTURES} drawings of each of {', '.join(CLASSES)}, made here")
    first = 1000 * args.seed
    write_sound_folders(data / "sounds", CLASSES, count=_CLIPS, first_seed=first)
    write_drawing_folders(data / "pictures", DRAWN, count=_PICTURES, size=96, first_seed=first)
    write_drawing_folders(data / "others", OTHERS, count=_PICTURES, size=96, first_seed=first)
    picture, video = data / "a-dog.png", data / "a-cat.mp4"
    from fxtrain.synthetic.drawings import write_drawing

    if not picture.exists():
        write_drawing(picture, "dog", _FRESH_SEED + first)
    if not video.exists():
        write_short_video(video, "cat", _FRESH_SEED + first)
    for place, (name, document) in zip((data, folder), _settings(data, args).items(), strict=True):
        (place / name).write_text(document, encoding="utf-8")
        words = ["fit", "--config", str(place / name), "--out", str(place)]
        console.print(f"training   $ {shown(shlex.join(['fxtrain', *words]))}")
        if exit_code := run_in_process(words, args):
            console.print(f"The demo is not finished; go on with: {shown(_this_command(args))}")
            return {"exit_code": exit_code, "passed": False, "run": str(folder)}
    made = {}
    for source, output, more in (
        (picture, folder / "a-dog.wav", []),
        (video, folder / "a-cat.wav", ["--mux", str(folder / "a-cat.mp4")]),
    ):
        words = ["sonify", str(source), str(output), "--run", str(folder), "--seed", str(args.seed), "--force", *more]
        console.print(f"sound      $ {shown(shlex.join(['fxtrain', *words]))}")
        if exit_code := run_in_process(words, args):
            return {"exit_code": exit_code, "passed": False, "run": str(folder)}
        made[source.stem] = str(output)
    metrics = json.loads(read_file(folder / "bottom" / "metrics.json", at_most=16 << 20))
    passed = _judge(metrics, console)
    report = folder / "bottom" / "report.html"
    console.print(f"listen  {shown(made['a-dog'])}\n        {shown(folder / 'a-cat.mp4')}\nopen    {shown(report)}")
    return {
        "exit_code": 0 if passed else 1,
        "passed": passed,
        "sounds": made,
        "video": str(folder / "a-cat.mp4"),
        "judged": metrics["sounds"],
        "perplexity": metrics["perplexity"],
        "baselines": metrics["baselines"],
        "table_2": metrics["table_2"],
        "run": str(folder),
        "report": str(report),
    }


def _settings(data: Path, args: argparse.Namespace) -> dict[str, str]:
    """The files of settings: of the network that sees, and of the pipeline."""
    import tomli_w

    minutes = {name: args.max_minutes * share for name, share in _SHARES.items()}
    names = list(CLASSES)
    shape = {"size": 64, "embedding_size": 16, "hidden_sizes": [16, 32, 64], "depths": [1, 1, 1]}
    sight = _stage(
        "image-classifier",
        {"folder": str(data / "others")},
        {**shape, "tune": "all"},
        {"epochs": 15, "batch_size": 24, "seed": args.seed},
    )
    codes = _stage(
        "vqvae2",
        {"folder": str(data / "sounds"), "classes": names, "segment_seconds": 1.792},
        {"channels": 16, "codes": 256},
        {"max_minutes": minutes["codes"], "batch_size": 2, "learning_rate": 0.002, "seed": args.seed},
    )
    small = {"form": "modern", "width": 64, "heads": 4, "feed_forward": 128, "dropout": 0.1}
    top = _stage(
        "code-prior",
        {"folder": str(data / "sounds"), "copies": 2},
        {"level": "top", **small, "decoder_layers": 3, "span": 128},
        {"max_minutes": minutes["top"], "batch_size": 8, "learning_rate": 0.003, "seed": args.seed},
        {"codes": "codes"},
    )
    bottom = _stage(
        "code-prior",
        {"folder": str(data / "sounds"), "copies": 2, "sounds": 8},
        {"level": "bottom", **small, "decoder_layers": 3, "span": 128},
        {"max_minutes": minutes["bottom"], "batch_size": 8, "learning_rate": 0.003, "seed": args.seed},
        {"codes": "codes", "top": "top", "classifier": "classifier"},
    )
    classifier = _stage(
        "image-classifier",
        {"folder": str(data / "pictures"), "classes": names},
        {"weights": str((data / "sight" / "backbone").resolve()), "size": 64},
        {"epochs": 23, "batch_size": 32, "learning_rate": 0.03, "seed": args.seed},
    )
    pipeline = {"codes": codes, "classifier": classifier, "top": top, "bottom": bottom}
    documents = {"sight.toml": {"sight": sight}, "image-to-sound.toml": pipeline}
    return {name: tomli_w.dumps({"stages": stages}) for name, stages in documents.items()}


def _stage(
    model: str,
    data: Mapping[str, Any],
    settings: Mapping[str, Any],
    training: Mapping[str, Any],
    inputs: Mapping[str, str] | None = None,
) -> Tables:
    tables = {"run": {"model": model}, "data": dict(data), "model": dict(settings), "training": dict(training)}
    return {**tables, **({"inputs": dict(inputs)} if inputs else {})}


def _judge(metrics: Mapping[str, Any], console: Console) -> bool:
    judged, share = metrics["sounds"], metrics["perplexity"] / metrics["baselines"]["unigram"]
    right, own = judged["judge_accuracy"], judged["judge_accuracy_on_real"]
    sentence = (
        f"a classifier that is right on {own:.0%} of real sounds is right on {right:.0%} of {judged['count']} written "
        f"ones (chance {judged['chance']:.0%}), and Bottom's perplexity is {share:.2f} of what counting codes reaches"
    )
    if right >= LEAST_ACCURACY and share <= LEAST_SHARE:
        console.print(f"[green]The demo succeeded:[/] {sentence}.")
        return True
    console.print(
        f"[red]The demo failed:[/] {sentence}; expected {LEAST_ACCURACY:.0%} at least and {LEAST_SHARE:.2f} at most. A "
        "busy machine learns less in the same time: give it more with --force --max-minutes."
    )
    return False


def _this_command(args: argparse.Namespace) -> str:
    words = ["fxtrain", "demo", "image-to-sound", "--out", str(args.out), "--seed", str(args.seed)]
    return shlex.join([*words, "--max-minutes", f"{args.max_minutes:g}"])


def _clear(folder: Path) -> None:
    """Removes an earlier demo, and nothing else."""
    from fxtrain.runs import RunFolder
    from fxtrain.tasks import get_task

    if not folder.exists():
        return
    own = {"image-to-sound.toml", "a-dog.wav", "a-cat.wav", "a-cat.mp4", "material"}
    stages = {"codes", "classifier", "top", "bottom"}
    if strangers := [entry for entry in folder.iterdir() if entry.name not in own | stages]:
        raise OutputExistsError(f"{folder} also holds {strangers[0].name}, so it stays: choose another --out.")
    for name in stages:
        if (folder / name).is_dir():
            RunFolder(folder / name).clear(get_task("image_to_sound").artifacts)
            (folder / name).rmdir()
    for name in own:
        entry = folder / name
        if entry.is_symlink() or entry.is_file():
            entry.unlink()
        elif entry.is_dir():
            if not (entry / "sounds").is_dir():
                raise InputError(f"{entry} is not what the demo wrote, so it stays: choose another --out.")
            shutil.rmtree(entry)
