# SPDX-License-Identifier: MIT
"""``fxtrain preset``: a preset of the plugin with models, impulse response and settings in it."""

from __future__ import annotations

import argparse
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from rich.console import Console

from fxtrain.cli.outputs import require_free
from fxtrain.cli.terminal import shown
from fxtrain.errors import ConfigError, FxtrainError
from fxtrain.model_files import model_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``preset``."""
    parser.epilog = f"{parser.epilog}\n\n`fxtrain info OUT.vstpreset` shows what a preset holds."
    parser.add_argument("model", type=Path, metavar="MODEL", help="the model file, or the folder of a run")
    parser.add_argument("out", type=Path, metavar="OUT.vstpreset", help="file to write")
    parser.add_argument(
        "--slot",
        choices=("A", "B"),
        default="A",
        help="slot for MODEL; this slot is the one that you hear (default: A)",
    )
    parser.add_argument("--other", type=Path, metavar="FILE", help="model for the other slot; default: empty")
    parser.add_argument(
        "--pedal",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="model for the pedal before the amp; twice for two pedals, in the order of the signal (default: none)",
    )
    parser.add_argument(
        "--ir",
        type=Path,
        metavar="FILE",
        help="impulse response of a cabinet, WAV, AIFF or FLAC; switches the cabinet on",
    )
    parser.add_argument(
        "--second-ir", type=Path, metavar="FILE", help="a second response, blended with --ir (cabinet_blend)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="settings",
        metavar="ID=VALUE",
        help="set a parameter of the plugin, for example input_gain=-3 or slot='A + B' (repeatable)",
    )
    parser.add_argument("--name", help="name for MODEL; default: its file name, or its title if the file is model.json")
    parser.add_argument("--force", action="store_true", help="overwrite OUT.vstpreset")


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any]:
    """Checks everything, then writes the file; returns what it holds."""
    from fxtrain.plugin_files.preset import PLACES, CabinetContent, Preset, Slot, SlotContent, write_preset

    if args.out.suffix.lower() != ".vstpreset":
        raise ConfigError(f"{args.out} should end in .vstpreset, or no host will find it")
    sources = [path for path in (args.model, args.other, *args.pedal, args.ir, args.second_ir) if path is not None]
    require_free(args.out, force=args.force, sources=sources)
    settings = parse_settings(args.settings)
    slot: Slot = args.slot
    other: Slot = "B" if slot == "A" else "A"
    slots = {slot: SlotContent.read(model_file(args.model), args.name)}
    if args.other is not None:
        slots[other] = SlotContent.read(model_file(args.other))
    pedals: tuple[Slot, Slot] = ("P", "Q")
    if len(args.pedal) > len(pedals):
        raise ConfigError(
            f"--pedal was given {len(args.pedal)} times, but the plugin has room for {len(pedals)} pedals"
        )
    for pedal, file in zip(pedals, args.pedal, strict=False):
        slots[pedal] = SlotContent.read(model_file(file))
    parameters = {"slot": ("A", "B").index(slot), **settings}
    cabinet = second = None
    if args.second_ir is not None:
        if args.ir is None:
            raise ConfigError("--second-ir needs a first response to be blended with: give it as --ir")
        second = CabinetContent.read(args.second_ir)
    if args.ir is not None:
        cabinet = CabinetContent.read(args.ir)
        parameters = {"cabinet_on": 1, **parameters}
    preset = Preset(parameters, slots, cabinet, second)
    try:
        write_preset(args.out, preset)
    except OSError as error:
        raise FxtrainError(f"cannot write {args.out}: {error.strerror or error}") from None
    held = [f"{PLACES[name]}: {each.name}" for name, each in sorted(slots.items())]
    held += [f"cabinet: {' + '.join(each.name for each in (cabinet, second) if each)}"] if cabinet else []
    size = f"{args.out.stat().st_size / 1024:.0f} KiB"
    console.print(f"wrote [bold]{shown(args.out)}[/] ({size}); {shown('; '.join(held))}")
    return {"preset": str(args.out), **describe_preset(preset)}


def parse_settings(settings: list[str]) -> dict[str, float]:
    """The values of ``ID=VALUE`` settings; of those that are repeated the last one counts."""
    from fxtrain.plugin_files.parameters import get_parameter

    values = {}
    for setting in settings:
        id, equals, text = setting.partition("=")
        if not equals:
            raise ConfigError(f"--set {setting} has no value; expected ID=VALUE, for example input_gain=-3")
        parameter = get_parameter(id.strip())
        if parameter.belongs_to_room:
            raise ConfigError(
                f"{parameter.id} belongs to the room that is played in, and presets leave it as it is; set it in the "
                "plugin"
            )
        values[parameter.id] = parameter.parse(text)
    return values


def describe_preset(preset: Any) -> dict[str, Any]:
    """A preset as JSON-able values: text for long content, and those parameters that are not at their defaults."""
    from fxtrain.plugin_files.parameters import PARAMETERS

    return {
        "slots": {
            slot: {"name": each.name, "path": each.path, "sha256": each.sha256}
            for slot, each in sorted(preset.slots.items())
        },
        "cabinet": _describe_cabinet(preset.cabinet),
        "second_cabinet": _describe_cabinet(preset.second_cabinet),
        "parameters": {
            id: parameter.text(preset.parameters[id])
            for id, parameter in PARAMETERS.items()
            if id in preset.parameters and preset.parameters[id] != parameter.default
        },
    }


def _describe_cabinet(cabinet: Any) -> dict[str, Any] | None:
    keys = ("name", "path", "sha256", "seconds", "sample_rate", "num_channels")
    return None if cabinet is None else {key: getattr(cabinet, key) for key in keys}
