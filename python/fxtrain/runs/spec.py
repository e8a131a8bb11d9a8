# SPDX-License-Identifier: MIT
"""What was asked of a run: all that decides it, written down as ``config.toml``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from fxtrain import __version__
from fxtrain.config import Tables, build, merge, read_toml, stem_of, write_toml
from fxtrain.errors import ConfigError
from fxtrain.models import get_model
from fxtrain.tasks import Task, get_task
from fxtrain.text import did_you_mean, quoted, shortened
from fxtrain.training.device import init_device
from fxtrain.training.plan import TrainingConfig
from fxtrain.training.protocol import Trainable

__all__ = ["RunInput", "RunSpec", "known_tables", "layer_tables"]

FORMAT = 2
"""Of ``config.toml``. Format 1, of fxtrain 0.1, kept ``skip_frames`` in ``[run]`` and has no number."""

_LENGTH = ("epochs", "max_steps", "max_minutes", "until_converged")
_OTHER_TABLES = ("run", "inputs")


@dataclass(frozen=True)
class RunInput:
    """Another run that this one needs, as written down.

    Attributes:
        run: folder of the other run.
        sha256: hash of its best checkpoint when this run began; None before that.
    """

    run: Path
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """All that decides a run.

    Attributes:
        model: name of the architecture.
        tables: settings, with ``[training]`` and those of the material.
        device: as given to :func:`fxtrain.training.device.init_device`.
        checkpoint: weights to start from.
        inputs: other runs that the model needs.
        command: the exact command line.
        is_of_a_run: whether it was read from the ``config.toml`` of a run.
    """

    model: str = "lstm"
    tables: Tables = field(default_factory=dict)
    device: str = "auto"
    checkpoint: Path | None = None
    inputs: Mapping[str, RunInput] = field(default_factory=dict)
    command: str = ""
    is_of_a_run: bool = False

    @cached_property
    def model_class(self) -> type[Trainable]:
        """The architecture."""
        return get_model(self.model)

    @cached_property
    def task(self) -> Task:
        """What feeds and judges the model."""
        return get_task(self.model_class.task)

    @property
    def training(self) -> TrainingConfig:
        """The ``[training]`` table over the model's own defaults.

        A model's own learning rate is one to begin at. Weights of a checkpoint go on at the general one.
        """
        defaults = dict(self.model_class.training_defaults)
        if self.checkpoint is not None:
            defaults.pop("learning_rate", None)
        return build(TrainingConfig, {**defaults, **self.tables.get("training", {})}, where="training")

    def settings(self) -> dict[str, Any]:
        """The checked settings by table, defaults included.

        Raises:
            ConfigError: a table or key is unknown, or a value is wrong.
        """
        kinds: dict[str, type[Any]] = {**known_tables(self.model)}
        for name in self.tables:
            if name not in kinds:
                kinds[name] = self._numbered_table(name)
        return {
            name: self.training if name == "training" else build(kind, self.tables.get(name, {}), where=name)
            for name, kind in kinds.items()
        }

    def _numbered_table(self, name: str) -> type[Any]:
        kind = self.task.numbered_tables.get(stem_of(name)) if stem_of(name) != name else None
        if kind is None:
            known = [*known_tables(self.model), *(f"{stem}_1" for stem in self.task.numbered_tables), "inputs"]
            help = did_you_mean(name, known) or f"; known ones are {', '.join(f'[{each}]' for each in known)}"
            raise ConfigError(f"unknown table [{shortened(name)}] for the model {self.model}{help}")
        return kind

    def check(self) -> None:
        """Raises ConfigError where a setting is wrong, before anything is written."""
        wanted = self.model_class.inputs
        known = [*wanted, *self.model_class.optional_inputs]
        for name in self.inputs:
            if name not in known:
                raise ConfigError(
                    f"the model {self.model} takes no input {quoted(name)}; it takes {', '.join(known) or 'none'}"
                )
        for value in self.settings().values():
            for path in (getattr(value, each.name) for each in fields(value)):
                if isinstance(path, Path):
                    _require_text(path)
        init_device(self.device)
        if missing := [name for name in wanted if name not in self.inputs]:
            raise ConfigError(
                f"the model {self.model} needs the input {missing[0]}, a run of {wanted[missing[0]]}: give it with "
                f"--input {missing[0]}=RUN"
            )

    def save(self, path: Path) -> None:
        """Writes the specification as TOML."""
        run = {
            "format": FORMAT,
            "model": self.model,
            "device": self.device,
            "checkpoint": None if self.checkpoint is None else str(self.checkpoint.resolve()),
            "command": self.command,
            "version": __version__,
        }
        tables = {name: _plain(asdict(values)) for name, values in self.settings().items()}
        inputs = {
            name: {"run": str(each.run.resolve()), **({"sha256": each.sha256} if each.sha256 else {})}
            for name, each in self.inputs.items()
        }
        write_toml(path, {"run": run, **({"inputs": inputs} if inputs else {}), **tables})

    @classmethod
    def load(cls, path: Path) -> RunSpec:
        """Reads what :meth:`save` wrote.

        Raises:
            ConfigError: the file is not one of those, or a later fxtrain wrote it.
        """
        spec = cls.from_tables(read_toml(path), where=path)
        if not spec.is_of_a_run:
            raise ConfigError(f"{path} was not written by fxtrain fit: it has no version in [run]")
        return spec

    @classmethod
    def from_tables(cls, document: Tables, *, where: Path) -> RunSpec:
        """The specification that tables give: those of a file that fxtrain or a person wrote.

        Relative folders of ``[inputs]`` start at the file's.
        """
        tables = {name: dict(values) for name, values in document.items()}
        run, inputs = tables.pop("run", {}), tables.pop("inputs", {})
        form = run.pop("format", 1 if "version" in run else FORMAT)
        if form not in (1, FORMAT) or isinstance(form, bool):
            raise ConfigError(
                f"{where} has the run format {quoted(form)}, but this fxtrain ({__version__}) reads 1 to {FORMAT}: "
                "use the fxtrain that wrote it, or a newer one"
            )
        if "skip_frames" in run and form == 1:
            tables.setdefault("reading", {})["skip_frames"] = run.pop("skip_frames")
        is_of_a_run = run.pop("version", None) is not None
        if is_of_a_run and "chunk_frames" in tables.get("data", {}):  # an effect of before this setting
            tables["data"].setdefault("loud_share", 0.0)
        for key, value in run.items():
            if key not in ("model", "device", "checkpoint", "command"):
                raise ConfigError(
                    f"{where} has an unknown setting run.{quoted(key)}; known ones are model, device, checkpoint and "
                    "command"
                )
            if not isinstance(value, str):
                raise ConfigError(f"{where} was not written by fxtrain fit: run.{key} is {quoted(value)}, not a text")
        checkpoint = run.pop("checkpoint", None)
        return cls(
            tables=tables,
            checkpoint=None if checkpoint is None else Path(checkpoint),
            inputs={name: _input(name, value, where) for name, value in inputs.items()},
            is_of_a_run=is_of_a_run,
            **run,
        )

    def for_another_run(self) -> Tables:
        """The settings that another run can take over: not those about the material, nor the length of training."""
        kept = {name: values for name, values in self.tables.items() if stem_of(name) not in self.task.material_tables}
        training = {key: value for key, value in kept.pop("training", {}).items() if key not in _LENGTH}
        return {**kept, "training": training}


def known_tables(model: str) -> dict[str, type]:
    """The tables of settings of a model, and the classes that check them."""
    model_class = get_model(model)
    return {"training": TrainingConfig, "model": model_class.Config, **get_task(model_class.task).tables(model_class)}


def layer_tables(model: str, *layers: Mapping[str, Mapping[str, Any]], default_minutes: float) -> Tables:
    """Settings laid over each other, later ones win; without any limit to training, a default one is set.

    Args:
        model: whose own defaults lie below all.
        layers: tables of a preset, a file and the command line.
        default_minutes: training ends after so many, or when it has converged, if nothing else is said.
    """
    tables = merge(*layers)
    training = {**get_model(model).training_defaults, **tables.get("training", {})}
    if not (training.get("epochs") or training.get("max_steps")) and training.get("max_minutes") is None:
        limit = {"max_minutes": default_minutes, "until_converged": training.get("until_converged", True)}
        tables["training"] = {**tables.get("training", {}), **limit}
    return tables


def _input(name: str, value: Any, where: Path) -> RunInput:
    given = {"run": value} if isinstance(value, str) else value
    if not isinstance(given, dict) or set(given) - {"run", "sha256"} or not isinstance(given.get("run"), str):
        raise ConfigError(f'{where}: inputs.{name} is {quoted(value)}, expected the folder of a run: {name} = "RUN"')
    return RunInput(where.parent / given["run"], given.get("sha256"))


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as TOML has them."""

    def plain(value: Any) -> Any:
        if isinstance(value, Path):
            return str(value.resolve())
        return list(value) if isinstance(value, tuple) else value

    return {key: plain(value) for key, value in values.items()}


def _require_text(path: Path) -> None:
    """Raises where a path cannot be written down: TOML is UTF-8."""
    try:
        str(path.resolve()).encode("utf-8")
    except (UnicodeEncodeError, ValueError, OSError):
        whole = os.fsencode(path).decode("utf-8", "backslashreplace") if "\0" not in str(path) else ascii(str(path))
        raise ConfigError(
            f"{whole} lies in a folder, or has a name, that is not valid UTF-8: rename it, then try again"
        ) from None
