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
    parser.add_argument("out", type=Path, metavar="OUT", help="file to write: .json, .aidax, .nam or .onnx")
    parser.add_argument("--format", metavar="NAME", help="file format (see fxtrain models); default: by the suffix")
    parser.add_argument(
        "--no-linear-stage",
        action="store_true",
        help="without the linear stage: the amplifier before its loudspeaker",
    )
    parser.add_argument("--force", action="store_true", help="overwrite OUT")


def run(args: argparse.Namespace, console: Console) -> MutableMapping[str, Any]:
    """Writes the file, which the engine has loaded and played before, and returns what it holds."""
    from fxtrain.errors import FxtrainError, InputError
    from fxtrain.formats import write_model
    from fxtrain.runs import RunFolder, load_trained_model

    source = RunFolder(args.source).best if args.source.is_dir() else args.source
    require_free(args.out, force=args.force, sources=(source,))
    trained = load_trained_model(source)
    if args.no_linear_stage:
        if getattr(trained.model, "linear_stage", None) is None:
            raise InputError(f"{source} has no linear stage to leave out; export it without --no-linear-stage")
        trained.model.linear_stage = None  # type: ignore[assignment]
    try:
        document = write_model(
            args.out,
            trained.model,
            sample_rate=trained.facts.get("sample_rate", 0),
            metadata=trained.metadata,
            format=args.format,
        )
    except OSError as error:
        raise FxtrainError(f"cannot write {args.out}: {error.strerror or error}") from None
    console.print(
        f"wrote [bold]{shown(args.out)}[/]: {trained.model.name}, {trained.facts['sample_rate']} Hz; "
        f"{'onnxruntime' if args.out.suffix.lower() == '.onnx' else 'the engine'} plays it as it was trained"
    )
    return {"model_file": str(args.out), "metadata": document["metadata"]}
