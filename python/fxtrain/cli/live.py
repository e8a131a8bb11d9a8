# SPDX-License-Identifier: MIT
"""``fxtrain live``: play through models and presets, from input to output of a sound device."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from fxtrain.cli.arguments import (
    add_device_arguments,
    add_oversample_argument,
    add_quality_argument,
    finite_float,
    positive_float,
)
from fxtrain.cli.outputs import require_free
from fxtrain.cli.terminal import shown
from fxtrain.errors import ConfigError, DeviceError, FxtrainError, InputError
from fxtrain.extras import require

if TYPE_CHECKING:
    from fxtrain.live.player import Player
    from fxtrain.sound_devices.wiring import Wiring

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``live``."""
    parser.epilog = f"{parser.epilog}\n\nPress ? on the screen for its keys."
    parser.add_argument(
        "models", nargs="*", type=Path, metavar="MODEL", help="model files, folders of runs, or presets of the plugin"
    )
    parser.add_argument(
        "--gain", type=finite_float, default=0.0, metavar="DB", help="gain before the model (default: 0)"
    )
    parser.add_argument(
        "--output-gain", type=finite_float, default=0.0, metavar="DB", help="gain after the model (default: 0)"
    )
    parser.add_argument(
        "--gate", type=finite_float, metavar="DB", help="switch the noise gate on and close it below DB dBFS"
    )
    parser.add_argument("--ir", type=Path, metavar="FILE", help="impulse response of a cabinet, WAV, AIFF or FLAC")
    add_oversample_argument(parser)
    add_quality_argument(parser)
    parser.add_argument(
        "--record", nargs=2, type=Path, metavar=("DRY.wav", "WET.wav"), help="record input and output from the start"
    )
    parser.add_argument("--force", action="store_true", help="overwrite DRY and WET")
    parser.add_argument("--seconds", type=positive_float, metavar="N", help="stop after N seconds")
    parser.add_argument(
        "--unmute", action="store_true", help="start unmuted even if microphone and speakers may feed back"
    )
    add_device_arguments(parser, rate="that of the model, if the devices offer it")


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any] | None:
    """Plays until it is ended: with a screen at a terminal, without one elsewhere."""
    if args.list_devices:
        from fxtrain.cli.device_list import print_devices

        return print_devices(console)
    if not args.models:
        raise InputError("live needs a MODEL to play through, or --list-devices.")
    if args.record is not None:
        _check_files(*args.record, force=args.force)
    from fxtrain.live.player import Player, PlayerSettings
    from fxtrain.live.sounds import read_cabinet, read_sound
    from fxtrain.model_files import model_file
    from fxtrain.sound_devices.wiring import wiring_from

    cabinet = None if args.ir is None else read_cabinet(args.ir)
    sounds = [
        read_sound(model_file(path), oversampling=args.oversample, quality=args.quality, cabinet=cabinet)
        for path in args.models
    ]
    wiring = wiring_from(args, sounds[0].sample_rate)
    settings = PlayerSettings(
        input_gain_db=args.gain,
        output_gain_db=args.output_gain,
        gate_threshold_db=args.gate,
        mute_reason="" if args.unmute else _mute_reason(wiring),
        record=None if args.record is None else (args.record[0], args.record[1]),
    )
    for note in wiring.notes:
        console.print(shown(f"{note}."))
    with Player(wiring, sounds, settings) as player:
        start = time.monotonic()
        if sys.stdin.isatty() and sys.stdout.isatty() and not args.json and not args.quiet:
            _show(player, args.seconds)
        else:
            _wait(player, args.seconds, console)
        result = _summary(player, time.monotonic() - start)
        connected = player.is_connected()
    if not connected:
        raise DeviceError(player.problem)
    _print_summary(result, console)
    return result


def _check_files(dry: Path, wet: Path, *, force: bool) -> None:
    if dry.resolve() == wet.resolve():
        raise ConfigError(f"--record names {dry} twice, but input and output need a file each: choose another name.")
    for path in (dry, wet):
        if path.suffix.lower() != ".wav":
            raise ConfigError(f"--record {path} should end in .wav: nothing is lost in that format.")
        require_free(path, force=force)


def _mute_reason(wiring: Wiring) -> str:
    if not wiring.feeds_back:
        return ""
    return "the computer's own microphone and speakers would howl: plug in headphones, then press m"


def _show(player: Player, seconds: float | None) -> None:
    require("textual", purpose="the screen of fxtrain live", extra="live")
    from fxtrain.live.screen import LiveScreen

    screen = LiveScreen(player, seconds=seconds)
    screen.run(mouse=False)
    if screen.return_code:
        raise FxtrainError("The screen failed, as told above, and playing has ended: please report it.")


def _wait(player: Player, seconds: float | None, console: Console) -> None:
    """Without a screen: until the time is over, the device has gone, or a signal comes."""
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True

    status = player.status()
    state = f"muted: {status.mute_reason}" if status.muted else f"{status.latency_ms:.1f} ms"
    console.print(shown(f"{status.input_name} -> {status.model} -> {status.output_name}, {state}; Ctrl-C ends it."))
    end = time.monotonic() + (seconds or float("inf"))
    with _on_signals(stop):
        while not stopped and time.monotonic() < end and player.is_connected():
            time.sleep(min(0.1, max(0.0, end - time.monotonic())))


@contextmanager
def _on_signals(do: Callable[[], None]) -> Iterator[None]:
    """Calls ``do`` where the system asks to end; recordings are completed then."""
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    previous = {number: signal.signal(number, lambda *_: do()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _summary(player: Player, seconds: float) -> dict[str, Any]:
    from fxtrain.live.load import share_of_time

    chain, status = player.chain, player.status()
    loads = chain.loads()
    return {
        "seconds": seconds,
        "input": status.input_name,
        "output": status.output_name,
        "sample_rate": status.sample_rate,
        "block_size": status.block_size,
        "blocks": chain.num_blocks,
        "load": {
            "median": share_of_time(loads, 0.5, chain.LOAD_STEP),
            "p99.9": share_of_time(loads, 0.999, chain.LOAD_STEP),
            "longest": chain.longest_block,
        },
        "xruns": status.num_xruns,
        "latency_ms": status.latency_ms,
        "latency_measured": status.latency_measured,
        "input_clips": status.input_clips,
        "output_clips": status.output_clips,
        "faults": status.num_faults,
        "recording": None
        if not status.record_name
        else {"wet": status.record_name, "seconds": status.recorded_seconds},
    }


def _print_summary(result: dict[str, Any], console: Console) -> None:
    load = result["load"]
    console.print(
        f"{result['seconds']:.0f} s at {result['sample_rate']} Hz in blocks of {result['block_size']} frames; load "
        f"{100 * load['median']:.1f} % (99.9 % of blocks below {100 * load['p99.9']:.1f} %, longest "
        f"{100 * load['longest']:.0f} %); xruns {result['xruns']}; latency {result['latency_ms']:.1f} ms "
        f"({'measured' if result['latency_measured'] else 'as the driver tells it'})."
    )
    if result["input_clips"]:
        console.print(f"The input clipped in {result['input_clips']} samples: turn the interface's gain down.")
    if result["faults"]:
        console.print("The model gave NaN or infinity, which was made silence: the file is damaged.")
    if result["recording"]:
        console.print(shown(f"Recorded {result['recording']['seconds']:.1f} s: {result['recording']['wet']}."))
