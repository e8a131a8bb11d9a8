# SPDX-License-Identifier: MIT
"""``fxtrain models``: what can be trained, and what the plugin finds on this computer."""

from __future__ import annotations

import argparse
from collections.abc import MutableMapping
from dataclasses import MISSING, Field, asdict, fields
from typing import Any

from rich.console import Console
from rich.table import Table

from fxtrain.cli.terminal import shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's own arguments."""
    parser.add_argument(
        "--full-size",
        action="store_true",
        help="also count the parameters of models whose default size is that of a publication",
    )
    parser.add_argument(
        "--installed",
        action="store_true",
        help="list the captures, cabinets and presets of the plugin's library instead, with what does not play and why",
    )


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any]:
    """Prints and returns the registry, or the library of the plugin."""
    if args.installed:
        return _installed(console)
    from fxtrain.config import presets
    from fxtrain.models import find_models
    from fxtrain.tasks import get_task

    models: dict[str, dict[str, Any]] = {
        name: {
            "summary": model.summary,
            "family": model.task,
            "realtime": bool(model.formats),
            "needs": get_task(model.task).needs,
            "formats": list(model.formats),
            "settings": {field.name: _default_of(field) for field in fields(model.Config)},
        }
        for name, model in find_models().items()
    }
    if args.full_size:
        for name, model in find_models().items():
            if model.full_size:
                built = model.from_config({}, loss={}, **model.full_size)
                models[name]["parameters"] = built.num_parameters_used
                models[name]["trained_parameters"] = built.num_parameters
    table = Table(box=None, pad_edge=False)
    for heading in ("model", "what it is", "plays live", "needs", "export"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "model")
    settings = Table(box=None, pad_edge=False)  # of its own, or a terminal of 80 columns cuts their names
    settings.add_column("model", no_wrap=True)
    settings.add_column("settings", overflow="fold")
    for name, facts in models.items():
        live = "yes" if facts["realtime"] else "no"
        table.add_row(f"[bold]{name}[/]", facts["summary"], live, facts["needs"], ", ".join(facts["formats"]))
        known = ", ".join(f"{key}={value}" for key, value in facts["settings"].items())
        settings.add_row(f"[bold]{name}[/]", shown(known))
    console.print(table)
    console.print()
    console.print(settings)
    for name, facts in models.items():
        if "parameters" in facts:
            console.print(f"{name}: {facts['parameters']} parameters, {facts['trained_parameters']} of them trained")
    console.print("\npresets")
    for name, meaning in presets().items():
        console.print(f"  [bold]{name}[/]  {meaning}")
    return {"models": models, "presets": presets()}


def _installed(console: Console) -> dict[str, Any]:
    from fxtrain.plugin_files.library import read_library, read_marks

    marks = read_marks()
    files = read_library(marks)
    if not files:
        console.print("Nothing is installed: fxtrain install MODEL puts a model where the plugin looks.")
    table = Table(box=None, pad_edge=False)
    for heading in ("kind", "name", "by", "device", "tags", "file"):
        table.add_column(heading, overflow="fold")
    for file in files:
        about = ", ".join(file.tags) if file.plays else f"does not play: {file.problem}"
        table.add_row(*(shown(text) for text in (file.kind, file.name, file.maker, file.device, about, file.path)))
    if files:
        console.print(table)
    listed = [asdict(file) | {"plays": file.plays, "favourite": file.path in marks.favourites} for file in files]
    return {"installed": listed, "folders": [str(folder) for folder in marks.folders]}


def _default_of(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    made = getattr(field.default, "get_default", None)  # pydantic's own, which holds a factory
    return field.default if made is None else made(call_default_factory=True)
