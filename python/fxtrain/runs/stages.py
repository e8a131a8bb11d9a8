# SPDX-License-Identifier: MIT
"""A file that lists several runs, of which later ones need earlier ones.

::

    [stages.codes.run]
    model = "vqvae"
    [stages.codes.data]
    folder = "pictures"

    [stages.prior.run]
    model = "code_prior"
    [stages.prior.inputs]
    codes = "codes"              # the stage of that name
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fxtrain.config import Tables
from fxtrain.errors import ConfigError
from fxtrain.runs.folder import RunFolder
from fxtrain.runs.spec import RunInput, RunSpec, layer_tables
from fxtrain.text import quoted

__all__ = ["Stage", "find_stages", "stage_of"]


@dataclass(frozen=True)
class Stage:
    """One run of a file.

    Attributes:
        name: in the file.
        spec: what is asked.
        folder: of the run.
        is_begun: whether it can be resumed.
        is_complete: whether nothing is left to do.
    """

    name: str
    spec: RunSpec
    folder: Path
    is_begun: bool
    is_complete: bool


def find_stages(document: Tables, where: Path, out: Path, *, command: str, default_minutes: float) -> Iterator[Stage]:
    """The stages in the file's order, each looked at when its turn comes.

    Args:
        document: the file's content.
        where: the file, for messages and relative folders.
        out: the folder of all; each stage has a folder of its name in it.
        command: the exact command line.
        default_minutes: see :func:`fxtrain.runs.spec.layer_tables`.

    Raises:
        ConfigError: a setting is wrong, or a stage was run before with other settings.
    """
    if set(document) != {"stages"}:
        other = next(name for name in document if name != "stages")
        raise ConfigError(f"{where} lists stages, so [{other}] must belong to one of them: [stages.NAME.{other}]")
    specs: dict[str, RunSpec] = {}
    for name, tables in document["stages"].items():
        if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
            raise ConfigError(
                f"{where}: stages.{name} is {quoted(tables)}, expected tables such as [stages.{name}.run]"
            )
        spec = RunSpec.from_tables(tables, where=where)
        if "model" not in tables.get("run", {}):
            raise ConfigError(f'{where}: the stage {name} names no model: [stages.{name}.run] needs model = "NAME"')
        inputs = {
            key: RunInput(out / tables["inputs"][key]) if _stage_of(tables, key) in specs else given
            for key, given in spec.inputs.items()
        }
        specs[name] = replace(
            spec,
            tables=layer_tables(spec.model, spec.tables, default_minutes=default_minutes),
            inputs=inputs,
            command=command,
        )
    for spec in specs.values():
        spec.check()
    for name, spec in specs.items():
        yield stage_of(name, spec, out / name)


def _stage_of(tables: Tables, key: str) -> Any:
    given = tables["inputs"][key]
    return given if isinstance(given, str) else None


def stage_of(name: str, spec: RunSpec, path: Path) -> Stage:
    """A run with what its folder already holds.

    Raises:
        ConfigError: the folder holds a run with other settings.
    """
    folder = RunFolder(path)
    if not folder.config.exists():
        return Stage(name, spec, path, is_begun=False, is_complete=False)
    earlier = RunSpec.load(folder.config)
    if changed := _difference(earlier, spec):
        raise ConfigError(
            f"{name} was run in {path} with other settings ({changed}); choose another --out, or remove that folder"
        )
    return Stage(name, earlier, path, is_begun=True, is_complete=folder.is_complete())


def _difference(earlier: RunSpec, now: RunSpec) -> str:
    """The first setting that is not the same."""
    if earlier.model != now.model:
        return "run.model"
    if {key: each.run.resolve() for key, each in earlier.inputs.items()} != {
        key: each.run.resolve() for key, each in now.inputs.items()
    }:
        return "inputs"
    old, new = earlier.settings(), now.settings()
    for table in {**old, **new}:
        if old.get(table) != new.get(table):
            return table
    return ""
