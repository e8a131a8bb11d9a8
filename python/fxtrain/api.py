# SPDX-License-Identifier: MIT
"""What ``import fxtrain`` offers: load, play and render models; check recordings; fit a model.

Paths may be ``str`` or :class:`pathlib.Path` everywhere.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike

from fxtrain import engine
from fxtrain.errors import ConfigError, OutputExistsError
from fxtrain.model_files import model_file
from fxtrain.rendering import Rendered, render_file

if TYPE_CHECKING:
    import torch

    from fxtrain.audio import Audio, ChannelChoice, DataReport
    from fxtrain.models.effects._effect import EffectModel
    from fxtrain.training.protocol import Trainable

__all__ = ["TrainedRun", "check", "esr", "fit", "load", "render"]

StrPath: TypeAlias = "str | os.PathLike[str]"

DEFAULT_MINUTES = 20.0
"""Of training, unless something else is asked for."""

logger = logging.getLogger(__name__)


def load(path: StrPath, **options: Any) -> engine.Model:
    """Loads a model to play: a model file (RTNeural JSON, AIDA-X, ``.nam``, Proteus) or the folder of a run.

    Args:
        path: the file or folder.
        options: as :func:`fxtrain.engine.load` takes them, such as ``oversampling=4``.

    Raises:
        ModelFileError: the file cannot be played; the message says why.
        InputError: a checkpoint, or a run without a model file.
    """
    return engine.load(model_file(Path(path)), **options)


def render(
    model: engine.Model | StrPath,
    input: StrPath,
    output: StrPath,
    *,
    resample: bool = False,
    block_size: int = 4096,
) -> Rendered:
    """Plays a recording through a model and writes the result, aligned with the recording; overwrites ``output``.

    Args:
        model: a loaded model, which is reset first, or what :func:`load` takes.
        input: the recording; each channel is played on its own.
        output: .wav, .flac, .aiff or .ogg.
        resample: convert the recording to the model's sample rate if they differ.
        block_size: frames at a time; the output does not depend on it.

    Raises:
        AudioFileError: the recording cannot be read, or has another sample rate than the model.
        OutputExistsError: ``output`` is the recording itself.
    """
    player = model if isinstance(model, engine.Model) else load(model)
    player.reset()
    source, target = Path(input), Path(output)
    if source.exists() and target.exists() and source.samefile(target):
        raise OutputExistsError(f"{target} is the file to be read: choose another name for the result.")
    return render_file(player, source, target, block_size=block_size, resample=resample)


def check(
    dry: StrPath | ArrayLike | Audio,
    wet: StrPath | ArrayLike | Audio,
    *,
    sample_rate: int | None = None,
    channels: ChannelChoice | None = None,
    ignore: Collection[str] = (),
    lag: int | None = None,
) -> DataReport:
    """Checks a dry and a wet recording before a model is trained on them.

    Args:
        dry: the input of the device: a file, what :func:`fxtrain.read_audio` returns, or samples ``(frames,)``.
        wet: its output.
        sample_rate: of samples, in Hz; files are resampled to it if it is given, an ``Audio`` has its own.
        channels: which channels of files to take.
        ignore: names of checks whose ``stop`` is to be ignored.
        lag: samples that ``wet`` is late, if you know it.

    Returns:
        A report with ``verdicts``, ``fit_to_train`` and ``lag_samples``.

    Raises:
        AudioFileError: a file cannot be read.
        ConfigError: samples without a sample rate, or of two different ones.
    """
    from fxtrain.audio import Audio, check_pair, read_pair
    from fxtrain.data.material import check_split

    if isinstance(dry, (str, os.PathLike)) and isinstance(wet, (str, os.PathLike)):
        first, second = read_pair(dry, wet, sample_rate=sample_rate, choice=channels)
    else:
        first, second = (_audio(each, name, sample_rate, Audio) for each, name in ((dry, "dry"), (wet, "wet")))
        if first.sample_rate != second.sample_rate:
            raise ConfigError(
                f"dry is at {first.sample_rate} Hz and wet at {second.sample_rate} Hz, expected the same sample rate: "
                "read both with read_audio(path, sample_rate=48000)"
            )
    report = check_pair(first, second, ignore=ignore, lag=lag)
    if not report.stops:
        report = replace(report, verdicts=(*report.verdicts, check_split(first, second, report)))
    return report


def _audio(samples: Any, name: str, sample_rate: int | None, audio: Any) -> Any:
    if isinstance(samples, (str, os.PathLike)):
        raise ConfigError("check takes two files or two arrays of samples, but one of each was given")
    if isinstance(samples, audio):
        if sample_rate not in (None, samples.sample_rate):
            raise ConfigError(
                f"{name} is at {samples.sample_rate} Hz, but sample_rate is {sample_rate}: leave sample_rate out, or "
                f"read the file with read_audio(path, sample_rate={sample_rate})"
            )
        return samples
    values = np.asarray(samples.detach().cpu() if hasattr(samples, "detach") else samples, np.float32)
    if values.ndim != 1:
        raise ConfigError(f"{name} has the shape {values.shape}, expected (frames,): give one channel, such as x[:, 0]")
    if sample_rate is None:
        raise ConfigError("check needs the sample rate of arrays: check(dry, wet, sample_rate=48000)")
    return audio(np.ascontiguousarray(values), sample_rate)


@overload
def esr(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor: ...
@overload
def esr(prediction: ArrayLike | Audio, target: ArrayLike | Audio) -> float: ...
def esr(prediction: Any, target: Any) -> Any:
    """Error-to-signal ratio: the energy of the error relative to the energy of the target.

    Args:
        prediction: samples, shape ``(frames,)``, or what :func:`fxtrain.read_audio` returns; of tensors also
            ``(batch, frames)``.
        target: the same shape, aligned to the prediction.

    Returns:
        0 is exact, 1 is no better than silence. For tensors a scalar tensor that has a gradient; for arrays a number,
        computed in float64.

    Raises:
        ValueError: the shapes differ, there are no samples, or tensors are not of floating point.
    """
    if hasattr(prediction, "detach") and hasattr(target, "detach"):
        from fxtrain.losses import error_to_signal_ratio

        _require_samples(prediction, target, "(frames,) or (batch, frames)", dimensions=(1, 2))
        for name, each in (("prediction", prediction), ("target", target)):
            if not each.is_floating_point():
                raise ValueError(f"{name} is a tensor of {each.dtype}, expected floating point: give {name}.float()")
        return error_to_signal_ratio(prediction, target)
    from fxtrain.audio import Audio
    from fxtrain.metrics import effects

    def plain(samples: Any) -> Any:
        samples = samples.samples if isinstance(samples, Audio) else samples
        return np.asarray(samples.detach().cpu() if hasattr(samples, "detach") else samples)

    if isinstance(prediction, Audio) and isinstance(target, Audio) and prediction.sample_rate != target.sample_rate:
        raise ValueError(
            f"prediction is at {prediction.sample_rate} Hz and target at {target.sample_rate} Hz, expected the same "
            "sample rate: read both with read_audio(path, sample_rate=48000)"
        )
    first, second = plain(prediction), plain(target)
    _require_samples(first, second, "(frames,)", dimensions=(1,))
    return effects.esr(first, second)


def _require_samples(prediction: Any, target: Any, expected: str, *, dimensions: Collection[int]) -> None:
    """Raises ValueError unless both have one shape, of the expected kind, with at least one sample."""
    first, second = tuple(prediction.shape), tuple(target.shape)
    if first != second or len(first) not in dimensions:
        raise ValueError(f"prediction has shape {first} and target {second}, expected {expected} for both")
    if 0 in first:
        raise ValueError(f"prediction and target have shape {first}, which holds no samples: give at least one frame")


@dataclass(frozen=True)
class TrainedRun:
    """A finished run.

    Attributes:
        folder: all that the run has written.
        metrics: the content of ``metrics.json``.
    """

    folder: Path
    metrics: Mapping[str, Any]

    def __repr__(self) -> str:
        """The folder, the ESR, and the best of the baselines: the metrics are pages of figures."""
        from fxtrain.report.numbers import number_at

        baselines = self.metrics.get("baselines")
        known = baselines if isinstance(baselines, Mapping) else {}
        scores = {name: value for name in known if (value := number_at(known, name)) is not None}
        parts = [f"folder={str(self.folder)!r}"]
        if (value := number_at(self.metrics, "esr")) is not None:
            parts.append(f"esr={value:.4g}")
        if scores:
            best = min(scores, key=lambda name: scores[name])
            parts.append(f"best_baseline={best!r} with esr={scores[best]:.4g}")
        return f"TrainedRun({', '.join(parts)})"

    @property
    def esr(self) -> float:
        """On the part of the recording that was kept for testing."""
        return float(self.metrics["esr"])

    @property
    def report(self) -> Path:
        """The page to open in a browser."""
        return self.folder / "report.html"

    @cached_property
    def model(self) -> engine.Model:
        """The model, ready to play."""
        return load(self.folder)

    @cached_property
    def network(self) -> Trainable:
        """The same in torch."""
        from fxtrain.runs import RunFolder, load_trained_model

        return load_trained_model(RunFolder(self.folder).best).model


def fit(
    dry: StrPath,
    wet: StrPath,
    *,
    out: StrPath | None = None,
    model: str | type[EffectModel] = "lstm",
    preset: str | None = None,
    minutes: float | None = None,
    epochs: int | None = None,
    settings: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    lag: int | None = None,
    ignore: Collection[str] = (),
    device: str = "auto",
    should_stop: Callable[[], bool] = lambda: False,
) -> TrainedRun:
    """Trains a model of a device, as ``fxtrain fit`` does.

    Args:
        dry: recording of the device's input.
        wet: recording of its output.
        out: folder of the run, new or empty; default ``runs/<name of wet>``.
        model: name of an architecture (see :func:`fxtrain.models`), ``module:Class``, or a class of your own.
        preset: shipped settings, such as ``nano``.
        minutes: time to train; default 20. Training also ends when the error stops falling.
        epochs: passes over the recording, at least 1.
        settings: such as ``{"hidden_size": 16, "training.seed": 1}``: the keys of ``--set``.
        metadata: what the model file says, such as ``{"name": "My amp"}``.
        lag: samples that ``wet`` is late; default: measured.
        ignore: names of checks whose ``stop`` is to be ignored.
        device: auto, cuda, rocm, xpu, mps or cpu.
        should_stop: asked at every step; training then stops, and the best model so far is written.

    Raises:
        InputError: the recordings or the settings cannot be used.
        OutputExistsError: ``out`` is not empty.
        TrainingError: training failed.
    """
    from fxtrain import runs
    from fxtrain.config import load_preset, locate_setting
    from fxtrain.data.pair_table import PairFiles
    from fxtrain.models import name_of
    from fxtrain.runs.spec import known_tables
    from fxtrain.tasks.effect import pair_tables

    for option, value in (("epochs", epochs), ("minutes", minutes)):
        if isinstance(value, (int, float)) and not value > 0:
            raise ConfigError(f"{option} is {value}, expected a number above 0; leave it out for the default")
    given = load_preset(preset) if preset else {}
    name = model if isinstance(model, str) else name_of(model)
    if preset and model == "lstm":
        name = given.get("run", {}).get("model", name)
    given.pop("run", None)
    known = {table: [each.name for each in fields(kind)] for table, kind in known_tables(name).items()}
    chosen: dict[str, dict[str, Any]] = {}
    for key, value in (settings or {}).items():
        table, setting = locate_setting(key, known)
        chosen.setdefault(table, {})[setting] = value
    training = {"epochs": epochs, "max_minutes": minutes if minutes is None else float(minutes)}
    reading = {"lag": lag, "ignore": list(ignore) or None}
    limited = {key: value for key, value in training.items() if value is not None}
    if minutes is not None and epochs is None:
        limited["until_converged"] = True
    tables = runs.layer_tables(
        name,
        given,
        chosen,
        {
            "training": limited,
            "reading": {key: value for key, value in reading.items() if value is not None},
            "metadata": dict(metadata or {}),
        },
        pair_tables([PairFiles(input=Path(dry), target=Path(wet))]),
        default_minutes=DEFAULT_MINUTES,
    )
    folder = runs.RunFolder(Path(out) if out is not None else Path("runs") / Path(wet).stem)
    spec = runs.RunSpec(
        model=name, tables=tables, device=device, command=f"fxtrain.fit({os.fspath(dry)!r}, {os.fspath(wet)!r})"
    )
    spec.check()

    def announce(dataset: Any, reasons: Any) -> None:
        for notice in dataset.notices:
            logger.log(logging.WARNING if notice.level == "warn" else logging.INFO, "%s", notice.text)

    metrics = runs.fit(spec, folder, should_stop=should_stop, announce=announce)
    return TrainedRun(folder.path, metrics)
