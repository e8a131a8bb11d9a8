# SPDX-License-Identifier: MIT
"""``fxtrain info``: what a model file or a preset is, whether it is what it says, and who made it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from fxtrain.cli.knobs import knob_text
from fxtrain.cli.terminal import shown
from fxtrain.errors import InputError, ModelFileError
from fxtrain.files import read_file
from fxtrain.model_files import model_file

if TYPE_CHECKING:
    from fxtrain import engine


__all__ = ["add_arguments", "run"]


_CREDITS = {
    "name": "name",
    "author": "author",
    "modeled_by": "author",
    "based": "device",
    "gear_make": "make",
    "gear_model": "device",
    "gear_type": "kind of device",
    "style": "style",
    "tone_type": "style",
    "source": "source",
    "license": "licence",
    "licence": "licence",
    "esr": "ESR as stated",
    "loudness_db": "loudness in dB",
    "loudness": "loudness in dB",
    "input_level_dbu": "input level in dBu",
    "output_level_dbu": "output level in dBu",
}
"""Keys of ``metadata``, ours, AIDA-X's and .nam's, and what to call them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's own arguments."""
    parser.add_argument(
        "model", type=Path, metavar="MODEL", help="the model file, of fxtrain or of others, or a .vstpreset"
    )


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any] | None:
    """Loads the file and tells what it found; a model of another format is named rather than refused."""
    from fxtrain import engine

    if args.model.suffix.lower() == ".vstpreset":
        return _preset(args.model, console)
    args.model = model_file(args.model)
    try:
        model = engine.load(args.model)
    except ModelFileError as error:
        foreign = _foreign_model(args.model)
        if foreign is None:
            raise
        reason = str(error).removeprefix(f"{args.model}: ")
        facts = {"file": str(args.model), "format": foreign["format"], "plays here": "no", "reason": reason}
        _print_table(console, facts, foreign)
        return {"path": str(args.model), "playable": False, "reason": str(error), **foreign}
    info = model.info
    facts = {
        "file": str(args.model),
        "format": _format_of(args.model),
        "plays here": "yes",
        "verified": _verdict(info.self_test),
        "network": ", ".join(_layer_text(layer) for layer in info.layers) or info.architecture,
        "weights": f"{info.num_weights}",
        **({"qualities": _qualities(info)} if info.qualities else {}),
        **({"envelopes": _envelopes(info)} if info.envelopes else {}),
        **({"linear stage": _linear_stage(info)} if info.num_linear_taps else {}),
        "residual": "the input is added to the network's output" if info.residual else "no",
        "sample rate": "not stated" if info.sample_rate is None else f"{info.sample_rate:g} Hz",
        "latency": f"{info.latency_frames} frames",
        "lag": f"{info.lag_frames} frames, removed from the recording in training" if info.lag_frames else "none",
        **({"knobs": knob_text(model)} if info.knobs else {}),
        **_levels(info),
        **({"gains": f"{info.input_gain_db:+g} dB in, {info.output_gain_db:+g} dB out"} if _has_gain(info) else {}),
        **({"notes": "; ".join(info.notes)} if info.notes else {}),
    }
    _print_table(console, facts, info.to_dict())
    return {"playable": True, "format": facts["format"], "verified": info.self_test is not None, **info.to_dict()}


def _format_of(path: Path) -> str:
    """The format of a model file, without an article; empty where it is none."""
    from fxtrain import engine

    named = {"an RTNeural JSON model": "RTNeural JSON", "an STFT-domain model of fxtrain": "fxtrain STFT JSON"}
    description = engine.describe_file(path)
    return named.get(description, description.removeprefix("a "))


def _qualities(info: engine.ModelInfo) -> str:
    """``below 0.5: wavenet of 1871 weights, from 0.5 on: wavenet of 12146 weights``."""
    texts = []
    for index, quality in enumerate(info.qualities):
        last = index + 1 == len(info.qualities)
        low = "all" if index == 0 else f"from {info.qualities[index - 1].max_value:g} on"
        limit = low if last else f"below {quality.max_value:g}"
        texts.append(f"{limit}: {quality.architecture} of {quality.num_weights} weights")
    return ", ".join(texts)


def _envelopes(info: engine.ModelInfo) -> str:
    times = [f"{each.attack_ms:g} / {each.release_ms:g} ms" for each in info.envelopes]
    return f"the network gets the input's level too, followed with an attack / release of {', '.join(times)}"


def _linear_stage(info: engine.ModelInfo) -> str:
    rate = info.sample_rate or 48000.0
    return f"a filter of {info.num_linear_taps} taps ({info.num_linear_taps / rate * 1e3:.0f} ms) after the network"


def _preset(path: Path, console: Console) -> dict[str, Any]:
    """Tells what a preset of the plugin sets, and whether its models play."""
    from fxtrain.cli.preset import describe_preset
    from fxtrain.plugin_files.preset import PLACES, read_preset

    preset = read_preset(path)
    described = describe_preset(preset)
    facts = {"file": str(path), "format": "preset of the plugin"}
    facts |= {"slot A": "empty", "slot B": "empty", "pedal": "none"}
    for slot, called in PLACES.items():
        if slot in preset.slots:
            entry = described["slots"][slot]
            entry |= _play_text(preset.slots[slot].model, entry["name"])
            facts[called] = f"{entry['name']} ({entry['verdict']}), from {entry['path']}"
    facts["cabinet"] = "none"
    for called, cabinet in (("cabinet", described["cabinet"]), ("second response", described["second_cabinet"])):
        if cabinet is None:
            continue
        channels = {1: "mono", 2: "stereo"}[cabinet["num_channels"]]
        facts[called] = (
            f"{cabinet['name']}, {channels}, {cabinet['seconds'] * 1e3:.0f} ms at {cabinet['sample_rate']} Hz, "
            f"from {cabinet['path']}"
        )
    settings = described["parameters"]
    facts["settings"] = ", ".join(f"{id} {text}" for id, text in settings.items()) or "all at their defaults"
    _print_table(console, facts, {"metadata": {}})
    return {"path": str(path), "format": facts["format"], **described}


def _play_text(model: str, name: str) -> dict[str, Any]:
    """Whether the engine plays a model whose file is not at hand, in words."""
    from fxtrain import engine

    try:
        info = engine.load(file := "model.json", content=model.encode("utf-8")).info
    except ModelFileError as error:
        reason = str(error).removeprefix(f"{file}: ")
        return {"playable": False, "verdict": f"does not play: {reason}"}
    title = info.metadata.get("name")
    known = f"{title}, " if isinstance(title, str) and title != name else ""
    rate = "" if info.sample_rate is None else f", {info.sample_rate:g} Hz"
    return {"playable": True, "verdict": f"{known}{info.architecture}{rate}, plays"}


def _foreign_model(path: Path) -> dict[str, Any] | None:
    """What is known of a model of another format, or None where the file is no such thing."""
    from fxtrain import engine

    try:
        format_ = _format_of(path)
        document = engine.read_json(read_file(path, at_most=engine.MAX_FILE_BYTES))
    except (OSError, InputError, ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not format_ or ("layers" in document and "in_shape" in document):
        return None
    metadata = document.get("metadata")
    rate = document.get("sample_rate")
    return {
        "format": format_,
        "sample_rate": rate if isinstance(rate, (int, float)) and 0 < rate <= 1e6 else None,
        "metadata": metadata if isinstance(metadata, dict) else {},
    }


def _print_table(console: Console, facts: Mapping[str, str], document: Mapping[str, Any]) -> None:
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    credits_ = {
        label: _rounded(document["metadata"][key])
        for key, label in _CREDITS.items()
        if isinstance(document["metadata"].get(key), (str, int, float))
    }
    for label, text in {**facts, **credits_, **facts}.items():  # facts first, and theirs is the last word
        table.add_row(label, shown(text))
    console.print(table)


def _rounded(value: str | float) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _verdict(test: engine.SelfTest | None) -> str:
    if test is None:
        return "no: the file holds no test vectors"
    return (
        f"yes: {test.num_frames} frames of its own test vectors, greatest error {test.max_error:.1e} "
        f"(allowed {test.tolerance:.1e})"
    )


def _layer_text(layer: engine.Layer) -> str:
    sizes = f"{layer.type} {layer.input_size} to {layer.output_size}"
    return f"{sizes} ({layer.activation})" if layer.activation else sizes


def _levels(info: engine.ModelInfo) -> dict[str, str]:
    levels = {
        "loudness in dB": info.loudness_db,
        "input level in dBu": info.input_level_dbu,
        "output level in dBu": info.output_level_dbu,
    }
    return {label: _rounded(float(level)) for label, level in levels.items() if level is not None}


def _has_gain(info: engine.ModelInfo) -> bool:
    return info.input_gain_db != 0 or info.output_gain_db != 0
