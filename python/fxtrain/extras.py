# SPDX-License-Identifier: MIT
"""Libraries that only some models need."""

from __future__ import annotations

import importlib
from types import ModuleType

from fxtrain.errors import ConfigError

__all__ = ["require"]


def require(module: str, *, purpose: str) -> ModuleType:
    """A module of the extra ``generators``, imported when it is needed.

    Args:
        module: its name.
        purpose: what needs it, for the message: "the WavLM vocoder".

    Raises:
        ConfigError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        raise ConfigError(
            f"{purpose} needs the package {module.partition('.')[0]}, which is not installed: run `make generators`, "
            "or `pip install 'fxtrain[generators]'`"
        ) from None
