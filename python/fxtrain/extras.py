# SPDX-License-Identifier: MIT
"""Libraries that only some models and commands need."""

from __future__ import annotations

import importlib
from types import ModuleType

from fxtrain.errors import ConfigError

__all__ = ["require"]

_IN_A_CLONE = {extra: f", or `make {extra}` in a clone" for extra in ("generators", "ray")}


def require(module: str, *, purpose: str, extra: str = "generators") -> ModuleType:
    """A module of an extra, imported when it is needed.

    Args:
        module: its name.
        purpose: what needs it, for the message: "the WavLM vocoder".
        extra: of this package, in pyproject.toml.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        raise ConfigError(
            f"{purpose} needs the package {module.partition('.')[0]}, which is not installed: run "
            f"`pip install 'fxtrain[{extra}]'`{_IN_A_CLONE.get(extra, '')}"
        ) from None
