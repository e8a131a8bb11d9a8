# SPDX-License-Identifier: MIT
"""``fxtrain capture``: plays a dry recording through a device and records what comes back."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import sys
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from fxtrain.cli.arguments import add_device_arguments, non_negative_int, positive_int
from fxtrain.cli.check import print_report
from fxtrain.cli.in_process import run_in_process
from fxtrain.cli.outputs import require_free
from fxtrain.cli.terminal import shown
from fxtrain.errors import (
    AudioFileError,
    ConfigError,
    DeviceError,
    InputError,
    Interrupted,
    OutputExistsError,
    TakeError,
)
from fxtrain.text import did_you_mean

if TYPE_CHECKING:
    from fxtrain.audio import Audio
    from fxtrain.capture.take import Level, Source, Take
    from fxtrain.sound_devices.wiring import Wiring

__all__ = ["add_arguments", "run"]


_COLOURS = {"silent": "bold red", "clipped": "bold red", "soft": "yellow", "low": "cyan", "hot": "yellow"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``capture``."""
    take = parser.add_argument_group("take")
    take.add_argument(
        "--play", type=Path, metavar="DRY.wav", help="recording to play, for example from `fxtrain signal`"
    )
    take.add_argument(
        "--out", type=Path, metavar="WET.wav", help="file for the recording that comes back; it is as long as DRY"
    )
    take.add_argument("--force", action="store_true", help="overwrite WET")
    take.add_argument(
        "--level-check",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="first play the loudest seconds of DRY and check the level that comes back",
    )
    take.add_argument("--yes", action="store_true", help="do not ask: check the level once and do not offer to train")
    take.add_argument(
        "--takes",
        type=positive_int,
        default=3,
        metavar="N",
        help="record at most N times if there are drop-outs (default: 3)",
    )
    take.add_argument(
        "--round-trip",
        type=non_negative_int,
        metavar="FRAMES",
        help="latency to compensate for; default: the value from `fxtrain latency`, or an estimate from the recording",
    )
    take.add_argument(
        "--ignore", action="append", default=[], metavar="NAME", help="continue even if this check fails (repeatable)"
    )
    take.add_argument(
        "--fit",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="train on the recording afterwards; default: ask",
    )
    add_device_arguments(parser, rate="that of DRY")


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any] | None:
    """Checks the level, makes the take, writes it, and offers to learn it."""
    from fxtrain.audio import AudioWriter
    from fxtrain.audio.decibels import amplitude_to_db
    from fxtrain.audio.levels import peak
    from fxtrain.capture.take import make_take

    if args.list_devices:
        from fxtrain.cli.device_list import print_devices

        return print_devices(console)
    _require_arguments(args)
    dry, wiring = _open(args)
    if dry.note:
        console.print(f"{args.play}: {dry.note}", markup=False)
    console.print(
        f"{args.play} ({dry.seconds:.1f} s, {dry.sample_rate} Hz) goes to {wiring.describe('output')}; "
        f"{wiring.describe('input')} is recorded.",
        markup=False,
    )
    is_asking = not args.yes and not args.quiet and console.is_terminal and sys.stdin.isatty()
    level = check_until_good(args, wiring, dry, console, is_asking=is_asking) if args.level_check else None
    with _meter(console, "recording") as progress:
        take = make_take(
            wiring,
            dry,
            args.out,
            known_round_trip=_known_round_trip(args, wiring),
            tries=args.takes,
            ignore=args.ignore,
            progress=progress,
            on_retake=lambda number, reason: console.print(
                f"[yellow]Take {number} is thrown away:[/] {shown(reason)}."
                + (" Again." if number < args.takes else "")
            ),
        )
    print_report(take.report, console)
    take.report.raise_for_stop()
    with AudioWriter(args.out, take.wet.sample_rate, subtype="FLOAT") as writer:
        writer.write(take.wet.samples)
    peak_db = amplitude_to_db(peak(take.wet.samples))
    _tell(take, args.out, peak_db, console)
    words = _fit_words(args, dry)
    facts = {
        "dry": str(args.play),
        "wet": str(args.out),
        "sample_rate": take.wet.sample_rate,
        "num_frames": take.wet.num_frames,
        "round_trip_frames": take.round_trip_frames,
        "round_trip_source": take.source,
        "claimed_round_trip_seconds": take.claimed_seconds,
        "peak_db": round(peak_db, 2),
        "level": None if level is None else {"state": level.state, "peak_db": round(level.peak_db, 2)},
        "takes": take.number,
        "discarded": list(take.discarded),
        "fit_command": shlex.join(["fxtrain", *words]),
        **take.report.to_dict(),
    }
    fit_now = args.fit if args.fit is not None or not is_asking else _ask(console, "Learn it now? [Y/n] ") in ("", "y")
    if not fit_now:
        console.print(f"Learn it with  {facts['fit_command']}", markup=False)
        return facts
    facts["exit_code"] = facts["fit_exit_code"] = _fit(words, args, console)
    return facts


def _require_arguments(args: argparse.Namespace) -> None:
    """Raises where the take could not be kept, before anyone has played anything."""
    from fxtrain.audio import CHECKS

    if args.play is None or args.out is None:
        raise InputError(
            "capture needs --play DRY.wav, what to play, and --out WET.wav, where to write what comes back."
        )
    if args.out.suffix.lower() != ".wav":
        raise AudioFileError(f"{args.out} is to hold 32-bit float samples: give --out a name that ends in .wav.")
    if args.out.exists():
        if args.play.exists() and args.out.samefile(args.play):
            raise OutputExistsError(f"--out {args.out} is the file to be played: choose another name.")
        require_free(args.out, force=args.force)
    folder = args.out.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise AudioFileError(
            f"{args.out} cannot be written: {folder} is no folder that you may write to; make it first."
        )
    unknown = sorted(set(args.ignore) - set(CHECKS))
    if unknown:
        guess = did_you_mean(unknown[0], CHECKS) or "."
        raise ConfigError(f'There is no check named "{unknown[0]}": expected one of {", ".join(CHECKS)}{guess}')


def _open(args: argparse.Namespace) -> tuple[Audio, Wiring]:
    """The recording, and devices that run at its rate."""
    from fxtrain.audio import read_audio
    from fxtrain.capture.take import require_playable
    from fxtrain.sound_devices.wiring import wiring_from

    dry = read_audio(args.play, sample_rate=args.sample_rate)
    require_playable(dry)
    wiring = wiring_from(args, dry.sample_rate)
    if wiring.sample_rate != dry.sample_rate:
        raise DeviceError(
            f"{wiring.output.name} does not run at the {dry.sample_rate} Hz of {args.play}: add --sample-rate "
            f"{wiring.sample_rate} to have it converted for playing, or make it at that rate."
        )
    return dry, wiring


def _known_round_trip(args: argparse.Namespace, wiring: Wiring) -> tuple[float, Source] | None:
    from fxtrain.sound_devices.round_trip import recall

    if args.round_trip is not None:
        return args.round_trip, "given"
    remembered = recall(wiring)
    return None if remembered is None else (remembered.frames, "remembered")


def check_until_good(
    args: argparse.Namespace, wiring: Wiring, dry: Audio, console: Console, *, is_asking: bool
) -> Level:
    """Plays the loudest seconds until the level will do; without a person to ask, once."""
    from fxtrain.capture.take import check_level

    while True:
        with _meter(console, "level check") as progress:
            level = check_level(wiring, dry, progress=progress)
        console.print(f"[{_COLOURS.get(level.state, 'green')}]{shown(level.message)}.[/]")
        is_usable = level.is_usable or (level.state == "clipped" and "clipping" in args.ignore)
        if not is_asking:
            if not is_usable:
                raise TakeError(f"{level.message}; --no-level-check goes on regardless.")
            return level
        if level.state == "good":
            question = "[Enter] makes the take, [r] plays this again, [q] ends: "
        elif is_usable:
            question = "[Enter] plays this again, [g] makes the take all the same, [q] ends: "
        else:
            question = "[Enter] plays this again, [q] ends: "
        answer = _ask(console, question)
        if answer == "q":
            raise Interrupted("ended before the take; nothing was written.")
        if is_usable and answer == ("" if level.state == "good" else "g"):
            return level


def _ask(console: Console, question: str) -> str:
    """The first letter of the answer, small; an end of the input ends the command."""
    try:
        return console.input(question, markup=False).strip().lower()[:1]
    except EOFError:
        raise Interrupted("the input ended where an answer was expected; add --yes to be asked nothing.") from None


@contextlib.contextmanager
def _meter(console: Console, what: str) -> Iterator[Callable[[float, float], None]]:
    """A bar with the level that comes back."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from fxtrain.audio.decibels import amplitude_to_db

    columns = (
        TextColumn(what),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[level]}"),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=1.0, level="")

        def show(share: float, peak: float) -> None:
            level_db = amplitude_to_db(peak)
            lit = round(min(max((level_db + 60.0) / 60.0, 0.0), 1.0) * 20)
            colour = "red" if peak >= 1.0 else "yellow" if level_db > -3.0 else "green"
            text = f"[{colour}]{'▮' * lit}[/][dim]{'▯' * (20 - lit)}[/] {max(level_db, -99.0):6.1f} dBFS"
            bar.update(task, completed=share, level=text)

        yield show


def _tell(take: Take, path: Path, peak_db: float, console: Console) -> None:
    sources = {"given": "as given", "remembered": "as fxtrain latency has measured it", "take": "found in the take"}
    milliseconds = 1000 * take.round_trip_frames / take.wet.sample_rate
    if take.note:
        console.print(f"{take.note}.", markup=False)
    console.print(
        f"{path}: {take.wet.seconds:.1f} s at {take.wet.sample_rate} Hz, peak {peak_db:.1f} dBFS; a round trip of "
        f"{take.round_trip_frames} frames ({milliseconds:.2f} ms, {sources[take.source]}) is cut off.",
        markup=False,
    )


def _fit_words(args: argparse.Namespace, dry: Audio) -> list[str]:
    """The arguments of ``fxtrain`` that learn the pair; where DRY was converted, ``fit`` does the same."""
    words = ["fit", str(args.play), str(args.out)]
    if dry.sample_rate != dry.file_sample_rate:
        words += ["--sample-rate", str(dry.sample_rate)]
    return [*words, *(word for name in args.ignore for word in ("--ignore", name))]


def _fit(words: list[str], args: argparse.Namespace, console: Console) -> int:
    """Runs ``fxtrain fit`` in this process; returns its exit code."""
    console.print(f"$ {shlex.join(['fxtrain', *words])}", markup=False)
    return run_in_process(words, args)
