# SPDX-License-Identifier: MIT
"""``fxtrain models``: what can be trained."""

from __future__ import annotations

import argparse
from collections.abc import MutableMapping
from dataclasses import MISSING, Field, fields
from typing import Any

from rich.console import Console
from rich.table import Table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds ``--full-size``."""
    parser.add_argument(
        "--full-size",
        action="store_true",
        help="also count the parameters of models whose default size is that of a publication",
    )


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any]:
    """Prints and returns the registry."""
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
    for heading in ("model", "what it is", "plays live", "needs", "export", "settings"):
        table.add_column(heading)
    for name, facts in models.items():
        settings = ", ".join(f"{key}={value}" for key, value in facts["settings"].items())
        live = "yes" if facts["realtime"] else "no"
        table.add_row(f"[bold]{name}[/]", facts["summary"], live, facts["needs"], ", ".join(facts["formats"]), settings)
    console.print(table)
    for name, facts in models.items():
        if "parameters" in facts:
            console.print(f"{name}: {facts['parameters']} parameters, {facts['trained_parameters']} of them trained")
    console.print("\npresets")
    for name, meaning in presets().items():
        console.print(f"  [bold]{name}[/]  {meaning}")
    return {"models": models, "presets": presets()}


def _default_of(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    made = getattr(field.default, "get_default", None)  # pydantic's own, which holds a factory
    return field.default if made is None else made(call_default_factory=True)
