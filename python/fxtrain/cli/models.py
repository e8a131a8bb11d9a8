# SPDX-License-Identifier: MIT
"""``fxtrain models``: what can be trained."""

from __future__ import annotations

import argparse
from collections.abc import MutableMapping
from dataclasses import fields
from typing import Any

from rich.console import Console
from rich.table import Table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None beyond the common ones."""


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
            "settings": {field.name: field.default for field in fields(model.Config)},
        }
        for name, model in find_models().items()
    }
    table = Table(box=None, pad_edge=False)
    for heading in ("model", "what it is", "plays live", "needs", "export", "settings"):
        table.add_column(heading)
    for name, facts in models.items():
        settings = ", ".join(f"{key}={value}" for key, value in facts["settings"].items())
        live = "yes" if facts["realtime"] else "no"
        table.add_row(f"[bold]{name}[/]", facts["summary"], live, facts["needs"], ", ".join(facts["formats"]), settings)
    console.print(table)
    console.print("\npresets")
    for name, meaning in presets().items():
        console.print(f"  [bold]{name}[/]  {meaning}")
    return {"models": models, "presets": presets()}
