# SPDX-License-Identifier: MIT
"""The model file that a user names: by itself, by its run's folder, or by mistake something else of a run."""

from __future__ import annotations

from pathlib import Path

from fxtrain.errors import InputError
from fxtrain.folders import model_of_run
from fxtrain.text import quoted

__all__ = ["model_file"]


def model_file(path: Path) -> Path:
    """The file to load.

    Raises:
        InputError: it is a checkpoint, or a run that has no model file, because it is not finished or because its
            models play no audio.
    """
    if path.suffix == ".pt" and path.is_file():
        _refuse_checkpoint(path)
    if not path.is_dir():
        return path
    file = model_of_run(path)
    if not file.exists() and (path / "config.toml").exists():
        _refuse_run(path)
    return file


def _refuse_checkpoint(path: Path) -> None:
    from fxtrain.formats import get_format
    from fxtrain.models import get_model
    from fxtrain.training.checkpoint import load_checkpoint

    name = load_checkpoint(path).get("model")
    model = get_model(name) if isinstance(name, str) else None
    if model is not None and not model.formats:
        raise InputError(
            f"{path} is a checkpoint of {model.name} ({model.summary}), a model for the task {model.task} that plays "
            f"no audio live; look at {path.parent / 'report.html'}"
        )
    suffix = ".json" if model is None else get_format(model.formats[0]).suffix
    raise InputError(f"{path} is a checkpoint; write its model file first: fxtrain export {path} OUT{suffix}")


def _refuse_run(path: Path) -> None:
    from fxtrain.runs import RunFolder, RunSpec

    folder = RunFolder(path)
    model = RunSpec.load(folder.config).model_class
    if not model.formats:
        raise InputError(
            f"{path} is a run of {model.name} ({model.summary}), a model for the task {model.task} that plays no audio "
            f"live; look at {folder.report}"
        )
    raise InputError(f"{path} holds no model file yet; finish the run with fxtrain fit --resume {quoted(str(path))}")
