# SPDX-License-Identifier: MIT
"""What can go wrong, as one tree.

FxtrainError                      anything fxtrain raises on purpose; exit code 1
├── InputError                    what the user gave cannot be used; exit code 2
│   ├── AudioFileError            a file that is missing, unreadable or not audio
│   ├── DataCheckError            a recording that fails a check with the verdict "stop"
│   ├── ConfigError               a setting that is unknown, of the wrong type or out of range
│   ├── ModelFileError            a model file that is broken, of another format or unsupported
│   ├── PresetFileError           a preset that is broken, or of another plugin
│   └── OutputExistsError         writing would overwrite something
├── TrainingError                 training went wrong while it ran
│   ├── DivergenceError           the loss became infinite and could not be recovered
│   ├── RankLostError             another of the processes that train together is gone
│   └── CheckpointError           a checkpoint could not be written or does not fit the model
├── SimulationError               a circuit's equations could not be solved
├── DeviceError                   a sound device that is missing, busy, unsuited or gone, or no PortAudio
├── TakeError                     a recording through a device that went wrong: drop-outs, clipping, nothing came back
└── Interrupted                   the user asked to stop; what was done is saved; exit code 1

Every message is one sentence that says what was found, what was expected and what to do.
"""


class FxtrainError(Exception):
    """Base class of all errors that fxtrain raises on purpose."""

    exit_code = 1


class InputError(FxtrainError):
    """What the user gave cannot be used."""

    exit_code = 2


class AudioFileError(InputError):
    """A file that is missing, unreadable or not audio."""


class DataCheckError(InputError):
    """A recording that fails a check with the verdict ``stop``."""


class ConfigError(InputError):
    """A setting that is unknown, of the wrong type or out of range."""


class ModelFileError(InputError):
    """A model file that is broken, of another format or unsupported."""


class PresetFileError(InputError):
    """A preset that is broken, or of another plugin."""


class OutputExistsError(InputError):
    """Writing would overwrite something."""


class TrainingError(FxtrainError):
    """Training went wrong while it ran."""


class DivergenceError(TrainingError):
    """The loss became infinite and could not be recovered."""


class RankLostError(TrainingError):
    """Another of the processes that train together ended, or cannot be reached any more."""


class CheckpointError(TrainingError):
    """A checkpoint could not be written, or does not fit the model."""


class SimulationError(FxtrainError):
    """A circuit's equations could not be solved."""


class DeviceError(FxtrainError):
    """A sound device that is missing, busy, unsuited or gone, or no PortAudio to reach one with."""


class TakeError(FxtrainError):
    """A recording through a device that went wrong: drop-outs, clipping, nothing came back."""


class Interrupted(FxtrainError):
    """The user asked to stop; what was done is saved."""
