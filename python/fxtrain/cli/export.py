# SPDX-License-Identifier: MIT
"""``fxtrain export``: write the model file of a run or a checkpoint."""

from __future__ import annotations

import argparse
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from rich.console import Console

from fxtrain.cli.outputs import require_free
from fxtrain.cli.terminal import shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``export``."""
    parser.add_argument("source", type=Path, metavar="RUN|FILE.pt", help="folder of a run, or a checkpoint")
    parser.add_argument("out", type=Path, metavar="OUT.json", help="file to write")
    parser.add_argument("--force", action="store_true", help="overwrite OUT.json")


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any]:
    """Writes the file, loads it in the engine (which checks its test vectors), and returns what it holds."""
    from fxtrain import engine
    from fxtrain.errors import FxtrainError
    from fxtrain.export import write_model
    from fxtrain.training.fit import load_trained_model
    from fxtrain.training.run_folder import RunFolder

    source = RunFolder(args.source).best if args.source.is_dir() else args.source
    require_free(args.out, force=args.force, sources=(source,))
    model, facts = load_trained_model(source)
    try:
        document = write_model(args.out, model, sample_rate=facts["sample_rate"], metadata=facts["metadata"])
    except OSError as error:
        raise FxtrainError(f"cannot write {args.out}: {error.strerror or error}") from None
    engine.load(args.out)
    console.print(
        f"wrote [bold]{shown(args.out)}[/]: {facts['model']}, {document['samplerate']} Hz; "
        "the engine's self-test passed"
    )
    return {"model_file": str(args.out), "metadata": document["metadata"]}
