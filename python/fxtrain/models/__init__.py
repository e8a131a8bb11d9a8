# SPDX-License-Identifier: MIT
"""The models that can be trained, found by reflection when one is asked for.

A new one is a file in a folder of its kind, such as ``effects/``, with a subclass of
:class:`fxtrain.training.protocol.Trainable`; nothing else needs to know it. An installed package may bring more of
them: an entry point of the group ``fxtrain.models`` names the module.
"""

from __future__ import annotations

import inspect
import sys
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import walk_packages
from types import ModuleType
from typing import cast

from torch import nn

from fxtrain.errors import ConfigError
from fxtrain.text import did_you_mean, quoted
from fxtrain.training.protocol import Trainable

__all__ = ["find_models", "get_model", "missing_methods", "models_in", "name_of"]

REQUIRED_ATTRIBUTES = ("name", "summary", "task", "formats", "Config", "criterion")
REQUIRED_METHODS = ("from_config", "get_provider", "get_scheduler", "phases", "loss", "validate")
_ENTRY_POINTS = "fxtrain.models"


def missing_methods(model: type) -> list[str]:
    """Names of what a model class lacks to be trained; empty when it is complete."""
    lacking = [name for name in REQUIRED_ATTRIBUTES if not hasattr(model, name)]
    for name in REQUIRED_METHODS:
        method = getattr(model, name, None)
        inherited_stub = getattr(method, "__func__", method) is getattr(
            getattr(Trainable, name, None), "__func__", getattr(Trainable, name, None)
        )
        if method is None or (inherited_stub and name not in ("get_scheduler", "phases")):
            lacking.append(f"{name}()")
    return lacking


def models_in(module: ModuleType) -> dict[str, type[Trainable]]:
    """All models that a module defines, by name; classes that another one is derived from for its sake do not count.

    Raises:
        ConfigError: a class lacks something; the message names the class and what it lacks.
    """
    found: dict[str, type[Trainable]] = {}
    for class_name, candidate in inspect.getmembers(module, inspect.isclass):
        if not issubclass(candidate, nn.Module) or class_name.startswith("_") or not hasattr(candidate, "name"):
            continue
        if candidate.__module__ != module.__name__:
            continue
        lacking = missing_methods(candidate)
        if lacking:
            raise ConfigError(f"the model class {class_name} cannot be trained: it lacks {', '.join(lacking)}")
        model = cast(type[Trainable], candidate)
        found[model.name] = model
    return found


@cache
def find_models() -> dict[str, type[Trainable]]:
    """All models of fxtrain and of installed packages, by name.

    Raises:
        ConfigError: a model class lacks something, or a package names a module that cannot be imported.
    """
    found: dict[str, type[Trainable]] = {}
    for entry in walk_packages(__path__, f"{__name__}."):
        if not entry.ispkg and not entry.name.rpartition(".")[2].startswith("_"):
            found |= models_in(import_module(entry.name))
    for point in entry_points(group=_ENTRY_POINTS):
        try:
            module = import_module(point.module)
        except ImportError as error:
            raise ConfigError(f"the installed models {point.value} cannot be imported: {error}") from None
        found |= models_in(module)
    return found


def get_model(name: str) -> type[Trainable]:
    """The model class called ``name``.

    Args:
        name: one of :func:`find_models`, or ``module:Class`` for one of your own; the module must be importable.

    Raises:
        ConfigError: there is no such model, or the class cannot be trained.
    """
    if ":" in name:
        return _own_model(name)
    found = find_models()
    if name not in found:
        raise ConfigError(
            f"unknown model {quoted(name)}; there are {', '.join(found)}, or module:Class for one of your own (see: "
            f"fxtrain models){did_you_mean(name, found)}"
        )
    return found[name]


def name_of(model: type[Trainable]) -> str:
    """What :func:`get_model` calls a class: its name, or ``module:Class`` where it is not one of fxtrain's."""
    own = model.__module__.startswith("fxtrain.")
    return model.name if own else f"{model.__module__}:{model.__qualname__}"


def _own_model(name: str) -> type[Trainable]:
    """The class ``module:Class``. A dot separates nested classes."""
    module_name, _, class_name = name.partition(":")
    try:
        found: object = import_module(module_name)
    except (ImportError, ValueError, TypeError) as error:
        raise ConfigError(
            f"the module of the model {quoted(name)} cannot be imported ({error}); put the folder of the module on "
            "PYTHONPATH"
        ) from None
    for part in class_name.split("."):
        found = getattr(found, part, None)
    if not (inspect.isclass(found) and issubclass(found, Trainable)):
        raise ConfigError(
            f"{quoted(name)} is no model: expected a class derived from fxtrain.EffectModel or another one of fxtrain"
        )
    if lacking := missing_methods(found):
        raise ConfigError(f"the model class {class_name} cannot be trained: it lacks {', '.join(lacking)}")
    return found


class _Models(ModuleType):
    """This package, which may be called: ``fxtrain.models()``."""

    def __call__(self) -> dict[str, type[Trainable]]:
        return find_models()


sys.modules[__name__].__class__ = _Models
