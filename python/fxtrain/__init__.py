# SPDX-License-Identifier: MIT
"""Train a model of a guitar amplifier or pedal from a recording, and play it in real time.

>>> import fxtrain                                    # doctest: +SKIP
>>> run = fxtrain.fit("dry.wav", "wet.wav")           # doctest: +SKIP
>>> model = fxtrain.load("runs/wet")                  # doctest: +SKIP
>>> wet = model(dry)                                  # doctest: +SKIP

The names below are loaded when they are first used: ``import fxtrain`` itself imports neither torch nor NumPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fxtrain import engine, models
    from fxtrain.api import TrainedRun, check, esr, fit, load, render
    from fxtrain.audio import Audio, read_audio, write_audio
    from fxtrain.errors import FxtrainError
    from fxtrain.models.effects._effect import EffectModel
    from fxtrain.models.effects.recurrent import GRU, LSTM
    from fxtrain.models.effects.tcn import TCN
    from fxtrain.models.effects.wavenet import WaveNet
    from fxtrain.runs import load_trained_model

__version__ = "0.1.0"

__all__ = [
    "GRU",
    "LSTM",
    "TCN",
    "Audio",
    "EffectModel",
    "FxtrainError",
    "TrainedRun",
    "WaveNet",
    "__version__",
    "check",
    "engine",
    "esr",
    "fit",
    "load",
    "load_trained_model",
    "models",
    "read_audio",
    "render",
    "write_audio",
]

_HOMES = {
    **dict.fromkeys(("TrainedRun", "check", "esr", "fit", "load", "render"), "fxtrain.api"),
    **dict.fromkeys(("Audio", "read_audio", "write_audio"), "fxtrain.audio"),
    **dict.fromkeys(("GRU", "LSTM"), "fxtrain.models.effects.recurrent"),
    "EffectModel": "fxtrain.models.effects._effect",
    "FxtrainError": "fxtrain.errors",
    "TCN": "fxtrain.models.effects.tcn",
    "WaveNet": "fxtrain.models.effects.wavenet",
    "load_trained_model": "fxtrain.runs",
}


def __getattr__(name: str) -> object:
    if name in ("engine", "models"):
        return import_module(f"fxtrain.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'fxtrain' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
