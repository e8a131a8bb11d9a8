# SPDX-License-Identifier: MIT
"""The models that can be trained: every class that this module lists, found by reflection.

A new one is a file of its own with a subclass of :class:`Trainable`, and a line in the imports and in ``__all__``.
"""

from __future__ import annotations

import inspect
import sys
from types import ModuleType
from typing import cast

from torch import nn

from fxtrain.errors import ConfigError
from fxtrain.models._base import Phase, Provider, Trainable
from fxtrain.models.gru import GRU
from fxtrain.models.lstm import LSTM

__all__ = ["GRU", "LSTM", "Phase", "Provider", "Trainable", "find_models", "get_model", "missing_methods"]

REQUIRED_ATTRIBUTES = ("name", "summary", "family", "realtime", "needs", "formats", "Config")
REQUIRED_METHODS = ("from_config", "get_provider", "get_scheduler", "phases", "loss", "validate")


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


def find_models(module: ModuleType | None = None) -> dict[str, type[Trainable]]:
    """All models listed in a module, by name.

    Args:
        module: where to look; this one by default.

    Raises:
        ConfigError: a listed class lacks something; the message names the class and what it lacks.
    """
    module = module or sys.modules[__name__]
    found: dict[str, type[Trainable]] = {}
    for class_name, candidate in inspect.getmembers(module, inspect.isclass):
        if not issubclass(candidate, nn.Module) or candidate is Trainable or class_name.startswith("_"):
            continue
        lacking = missing_methods(candidate)
        if lacking:
            raise ConfigError(f"the model class {class_name} cannot be trained: it lacks {', '.join(lacking)}")
        model = cast(type[Trainable], candidate)
        found[model.name] = model
    return found


def get_model(name: str) -> type[Trainable]:
    """The model class called ``name``."""
    found = find_models()
    if name not in found:
        raise ConfigError(f"unknown model {name!r}; there are {', '.join(found)} (see: fxtrain models)")
    return found[name]
