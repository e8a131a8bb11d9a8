# SPDX-License-Identifier: MIT
"""What ``fxtrain sample`` asks of a trained generator, checked before any sound is made."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fxtrain.data.recordings import read_mono
from fxtrain.errors import ConfigError, InputError
from fxtrain.files import require_regular_file
from fxtrain.losses.mel import LogMel
from fxtrain.models.generators._upsampling import normalise_mels
from fxtrain.models.generators._wavenet_sampling import Draw, generate
from fxtrain.models.generators.wavenet import WaveNetGenerator
from fxtrain.text import quoted

__all__ = ["Request", "open_request", "save_mels"]

_LARGEST_MELS = 1 << 30  # bytes
_NAMED_CLASSES = 20


@dataclass(frozen=True, eq=False)
class Request:
    """A sound to make.

    Attributes:
        num_samples: its length.
        label: number of its class; None without classes.
        mels: normalised frames to follow, shape ``(bands, frames)``; None without.
    """

    num_samples: int
    label: int | None = None
    mels: Tensor | None = None

    def make(
        self, model: WaveNetGenerator, draw: Draw, *, native: bool | None, progress: Callable[[int], None]
    ) -> NDArray[np.float32]:
        """Makes the sound; see :func:`fxtrain.models.generators._wavenet_sampling.generate`."""
        return generate(
            model, self.num_samples, draw, label=self.label, mels=self.mels, native=native, progress=progress
        )


def open_request(
    model: WaveNetGenerator,
    *,
    seconds: float | None = None,
    class_name: str | None = None,
    mel_of: Path | None = None,
    mel: Path | None = None,
) -> Request:
    """Checks what is asked for.

    Args:
        model: that is to make it.
        seconds: length; by default 3 s, or that of the mels.
        class_name: of the sound, by default the model's first class.
        mel_of: a recording whose mels to follow.
        mel: a file of mels, as :func:`save_mels` writes it.

    Raises:
        InputError: the model cannot do it.
    """
    label = _label(model, class_name)
    mels = _mels(model, mel_of, mel)
    length = 3.0 * model.sample_rate if model.mel is None or mels is None else model.mel.hop * mels.shape[1]
    num_samples = round(length if seconds is None else seconds * model.sample_rate)
    if num_samples < 1:
        raise InputError(f"--seconds {seconds} is less than a sample at {model.sample_rate} Hz: give more")
    return Request(num_samples, label, mels)


def save_mels(path: Path, samples: NDArray[np.floating[Any]], model: WaveNetGenerator) -> None:
    """Writes the log-mels of a sound at the model's sample rate as ``.npz``, for ``fxtrain sample --mel``.

    The file holds ``mel`` (bands, frames), natural logarithms of magnitudes, and ``sample_rate``, ``n_fft``, ``hop``.
    """
    if model.mel is None:
        raise ConfigError("this model takes no mels: train one with data.mels=true")
    log_mel = LogMel(model.mel, model.sample_rate)
    mels = log_mel(torch.from_numpy(np.ascontiguousarray(samples, np.float32))[None])[0].numpy()
    np.savez(path, mel=mels, sample_rate=model.sample_rate, n_fft=model.mel.n_fft, hop=model.mel.hop)


def _label(model: WaveNetGenerator, name: str | None) -> int | None:
    if not model.classes:
        if name is not None:
            raise InputError(f"--class {quoted(name)} was given, but this model has no classes: leave it out")
        return None
    if name is None:
        return 0
    if name not in model.classes:
        more = ", ..." if len(model.classes) > _NAMED_CLASSES else ""
        known = ", ".join(model.classes[:_NAMED_CLASSES])
        raise InputError(f"unknown class {quoted(name)}; this model knows {known}{more}")
    return model.classes.index(name)


def _mels(model: WaveNetGenerator, recording: Path | None, file: Path | None) -> Tensor | None:
    if model.mel is None:
        if recording is not None or file is not None:
            raise InputError("this model was trained without mels, so it cannot follow any: train with data.mels=true")
        return None
    if recording is None and file is None:
        raise InputError("this model follows mels: give a recording with --mel-of IN.wav, or mels with --mel FILE.npz")
    if recording is not None:
        samples = torch.from_numpy(read_mono(recording, model.sample_rate).copy())
        if len(samples) < model.mel.hop:
            raise InputError(f"{recording} is shorter than a mel frame of {model.mel.hop} samples: give a longer one")
        with torch.no_grad():
            return normalise_mels(LogMel(model.mel, model.sample_rate)(samples[None])[0])
    assert file is not None
    return normalise_mels(torch.from_numpy(_read_mels(file, model)))


def _read_mels(path: Path, model: WaveNetGenerator) -> NDArray[np.float32]:
    mel = model.mel
    assert mel is not None
    try:
        require_regular_file(path, "a file of mels", at_most=_LARGEST_MELS)
        with np.load(path, allow_pickle=False) as content:
            found = {name: np.asarray(content[name]) for name in content.files}
    except FileNotFoundError:
        raise InputError(f"there is no file {path}") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, AttributeError, TypeError) as error:
        raise InputError(
            f"{path} is no file of mels ({type(error).__name__}): give one in NumPy's .npz format"
        ) from None
    for name, wanted in (("sample_rate", model.sample_rate), ("n_fft", mel.n_fft), ("hop", mel.hop)):
        if name in found and (found[name].size != 1 or found[name].item() != wanted):
            raise InputError(
                f"{path} has mels of {name} {found[name].tolist()}, but this model was trained with {name} {wanted}: "
                "compute them anew"
            )
    mels = found.get("mel")
    if mels is None or mels.ndim != 2 or mels.shape[0] != mel.bands or mels.shape[1] < 1:
        shape = "none" if mels is None else f"shape {mels.shape}"
        raise InputError(
            f"{path} holds mels of {shape}, expected an array called mel of shape ({mel.bands}, frames): compute them "
            "with the model's settings"
        )
    if mels.dtype.kind not in "fiu" or not np.isfinite(mels).all():
        raise InputError(f"{path} holds mels that are no finite numbers: compute them anew")
    return mels.astype(np.float32)
