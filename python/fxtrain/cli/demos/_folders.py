# SPDX-License-Identifier: MIT
"""The folders of a demo: its run, and its material beside it."""

from __future__ import annotations

from pathlib import Path

from fxtrain.errors import ConfigError, InputError, OutputExistsError

__all__ = ["clear_run", "material_folder"]


def material_folder(out: Path) -> Path:
    """The folder of the material, beside that of the run."""
    named = out if out.name not in ("", "..") else out.resolve()
    if not named.name:
        raise InputError(f"--out {out} is the root of the file system; choose a folder in it.")
    return named.with_name(named.name + "-data")


def clear_run(folder: Path) -> None:
    """Removes the files of a run; refuses a folder that holds anything else."""
    from fxtrain.runs import RunFolder, RunSpec

    run = RunFolder(folder)
    if not folder.exists():
        return
    if not folder.is_dir():
        raise OutputExistsError(f"{folder} is a file, so it stays; choose another --out.")
    if not any(folder.iterdir()):
        return
    try:
        artifacts = RunSpec.load(run.config).task.artifacts
    except ConfigError:
        raise OutputExistsError(f"{folder} is not the folder of a run, so it stays; choose another --out.") from None
    run.clear(artifacts)
