# SPDX-License-Identifier: MIT
"""The tasks: what a family of models is fed, and what becomes of a trained model.

A new one is a line in ``_TASKS`` and a class that follows :class:`fxtrain.tasks.protocol.Task`. An installed package
may bring more of them: an entry point of the group ``fxtrain.tasks`` gives the name and the class.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from fxtrain.errors import ConfigError
from fxtrain.tasks.protocol import Dataset, Evaluation, Notice, Outcome, Task
from fxtrain.text import quoted

__all__ = ["Dataset", "Evaluation", "Notice", "Outcome", "Task", "get_task"]

_ENTRY_POINTS = "fxtrain.tasks"
_TASKS = {
    "effect": "fxtrain.tasks.effect:EffectTask",
    "vocoder": "fxtrain.tasks.vocoder:VocoderTask",
    "restoration": "fxtrain.tasks.restoration:RestorationTask",
    "generation": "fxtrain.tasks.generation:GenerationTask",
    "recognition": "fxtrain.tasks.recognition:RecognitionTask",
    "image_to_sound": "fxtrain.tasks.image_to_sound:ImageToSoundTask",
}


def get_task(name: str) -> Task:
    """The task called ``name``."""
    points = _own()
    if name not in points:  # looking through all that is installed takes a while
        points = {**{point.name: point for point in entry_points(group=_ENTRY_POINTS)}, **points}
    if name not in points:
        raise ConfigError(f"unknown task {quoted(name)}; there are {', '.join(points)}")
    point = points[name]
    try:
        task: Any = getattr(import_module(point.module), point.attr)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"the installed task {point.value} cannot be imported: {error}") from None
    found: Task = task()
    return found


def _own() -> dict[str, EntryPoint]:
    return {name: EntryPoint(name, value, _ENTRY_POINTS) for name, value in _TASKS.items()}
