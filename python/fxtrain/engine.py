# SPDX-License-Identifier: MIT
"""Plays model files through the real-time C++ engine: the same code that runs in the plugin.

>>> model = load("amp.json")                          # doctest: +SKIP
>>> wet = model(dry)                                  # doctest: +SKIP

The model keeps its state between calls, so a recording may be given whole or in blocks of any size: the output is the
same, sample for sample.
"""

from __future__ import annotations

import json
import operator
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from fxtrain import _engine
from fxtrain.errors import ModelFileError
from fxtrain.files import read_file, require_regular_file

if TYPE_CHECKING:
    import torch

__all__ = [
    "MAX_FILE_BYTES",
    "Envelope",
    "Knob",
    "Layer",
    "Model",
    "ModelInfo",
    "Quality",
    "SelfTest",
    "available_backends",
    "describe_file",
    "load",
    "loudness_clip",
    "measure_loudness",
    "read_json",
]

MAX_FILE_BYTES = _engine.MAX_FILE_BYTES
"""Greatest size of a model file."""

Signal = npt.NDArray[np.float32]
Sound: TypeAlias = "npt.NDArray[np.floating[Any]] | Sequence[Any] | torch.Tensor"
"""What :meth:`Model.process` takes."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer as the file describes it; ``activation`` is empty where there is none."""

    type: str
    input_size: int
    output_size: int
    activation: str


@dataclass(frozen=True, slots=True)
class Knob:
    """A control of the device, in its own unit; the network sees its position, 0 at ``minimum``, 1 at ``maximum``."""

    name: str
    unit: str
    minimum: float
    maximum: float
    default: float


@dataclass(frozen=True, slots=True)
class Envelope:
    """Times of a level of the audio that the network gets as an input, in milliseconds."""

    attack_ms: float
    release_ms: float


@dataclass(frozen=True, slots=True)
class Quality:
    """One of several networks of a file; chosen by a quality below ``max_value``, the last one by all others too."""

    max_value: float
    architecture: str
    num_weights: int


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What came out when the file's own test vectors were played at load: absolute errors, full scale 1."""

    num_frames: int
    max_error: float
    tolerance: float


@dataclass(frozen=True, slots=True)
class Credits:
    """What a file says of the capture, whatever its format calls it; empty where it does not say.

    Attributes:
        title: of the capture.
        author: who made it.
        device: what was captured, else make and model.
        gear: in plain words: "pedal", "amp with cabinet".
        tone: in plain words: "clean", "high gain".
        loudspeaker: "no loudspeaker" of an amplifier that was captured without it, or "with loudspeaker".
        esr: error as stated, or None.
    """

    title: str
    author: str
    device: str
    gear: str
    tone: str
    loudspeaker: str
    esr: float | None


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """All that a file says of its model, beside the weights.

    Attributes:
        name: ``metadata.name``, else the file's name.
        backend: what plays it.
        architecture: such as "lstm", "gru", "lstm+gru", "dense", "conv" or "wavenet".
        num_inputs: audio, then one for each knob.
        envelopes: levels of the audio that the network gets as further inputs.
        num_linear_taps: length of the filter behind the network; 0 where there is none.
        residual: the input is added to the network's output.
        weight_storage: how the recurrent matrices are kept, "float32" or "bfloat16".
        activations: "exact", or "fast" where they are approximated; ``notes`` says how far off the output then is.
        isa: the instruction set of fxengine's kernels: "sse2", "avx2", "avx512" or "neon"; "" with another backend.
        sample_rate: in Hz, or None where the file does not say.
        starts_at_rest: players of the format prewarm it before they play, and so does :func:`load`.
        loudness_db: RMS of the output for :func:`loudness_clip` in dB of full scale, None where the file does not say.
        input_level_dbu: analog level, in dBu, that is full scale at the device's input, or None.
        output_level_dbu: the same at its output.
        oversampling: how many times the network runs per frame: 1, 2, 4 or 8.
        latency_frames: how much later than its input the model's output is, in frames, oversampling included.
        network_latency_frames: the part of it that the network's structure has; 0 for recurrent models.
        oversampling_latency_frames: the part of it that oversampling adds.
        lag_frames: how much later than the dry recording the wet one was; removed in training, so the model does not
            have it.
        qualities: networks of several sizes, from small to large; empty where the file holds one.
        quality: which of them was asked for, 0 to 1.
        self_test: None where the file has no test vectors.
        notes: what the file says that is not acted on.
        credits: who made it and of what, read from ``metadata``.
        metadata: the file's own, as it stands there.
    """

    path: Path
    name: str
    backend: str
    architecture: str
    layers: tuple[Layer, ...]
    num_weights: int
    num_inputs: int
    envelopes: tuple[Envelope, ...]
    num_linear_taps: int
    residual: bool
    weight_storage: str
    activations: str
    isa: str
    input_gain_db: float
    output_gain_db: float
    sample_rate: float | None
    starts_at_rest: bool
    loudness_db: float | None
    input_level_dbu: float | None
    output_level_dbu: float | None
    oversampling: int
    latency_frames: int
    network_latency_frames: int
    oversampling_latency_frames: int
    lag_frames: int
    knobs: tuple[Knob, ...]
    qualities: tuple[Quality, ...]
    quality: float
    self_test: SelfTest | None
    notes: tuple[str, ...]
    credits: Credits
    metadata: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON-able values."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return fields | {
            "path": str(self.path),
            "layers": [asdict(layer) for layer in self.layers],
            "envelopes": [asdict(envelope) for envelope in self.envelopes],
            "knobs": [asdict(knob) for knob in self.knobs],
            "qualities": [asdict(quality) for quality in self.qualities],
            "self_test": asdict(self.self_test) if self.self_test else None,
            "notes": list(self.notes),
            "credits": asdict(self.credits),
            "metadata": dict(self.metadata),
        }


class Model:
    """A loaded model with its state. Made by :func:`load`.

    One thread may use it at a time: a second one gets a ``RuntimeError``. Load the file once per thread instead, or
    copy the model: a copy, like a pickled model, has the same knobs and quality, and starts in the state after
    :func:`load`.
    """

    def __init__(self, path: Path, model: _engine.Model, source: _Source) -> None:
        self._model = model
        self._source = source
        info = model.info()
        self._info = ModelInfo(
            path=path,
            name=info["name"],
            backend=info["backend"],
            architecture=info["architecture"],
            layers=tuple(Layer(**layer) for layer in info["layers"]),
            num_weights=info["num_weights"],
            num_inputs=info["num_inputs"],
            envelopes=tuple(Envelope(**envelope) for envelope in info["envelopes"]),
            num_linear_taps=info["num_linear_taps"],
            residual=info["residual"],
            weight_storage=info["weight_storage"],
            activations=info["activations"],
            isa=info["isa"],
            input_gain_db=info["input_gain_db"],
            output_gain_db=info["output_gain_db"],
            sample_rate=info["sample_rate"],
            starts_at_rest=info["starts_at_rest"],
            loudness_db=info["loudness_db"],
            input_level_dbu=info["input_level_dbu"],
            output_level_dbu=info["output_level_dbu"],
            oversampling=info["oversampling"],
            latency_frames=info["latency_frames"],
            network_latency_frames=info["network_latency_frames"],
            oversampling_latency_frames=info["oversampling_latency_frames"],
            lag_frames=info["lag_frames"],
            knobs=tuple(Knob(**knob) for knob in info["knobs"]),
            qualities=tuple(Quality(**quality) for quality in info["qualities"]),
            quality=info["quality"],
            self_test=SelfTest(**info["self_test"]) if info["self_test"] else None,
            notes=tuple(info["notes"]),
            credits=Credits(**info["credits"]),
            metadata=MappingProxyType(info["metadata"]),
        )

    def __repr__(self) -> str:
        return f"<fxtrain.engine.Model {self._info.name!r}, {self._info.architecture}, {self._info.backend}>"

    @property
    def info(self) -> ModelInfo:
        """What the file says of the model."""
        return self._info

    @property
    def sample_rate(self) -> float | None:
        """The rate that the model was trained at, in Hz; None if the file does not say."""
        return self._info.sample_rate

    def __reduce__(self) -> tuple[Any, ...]:
        return _reloaded, (self._source.with_content(), self._model.quality, self.knobs)

    def __call__(self, x: Sound) -> Signal:
        """The same as :meth:`process`."""
        return self.process(x)

    def process(self, x: Sound, out: Signal | None = None) -> Signal:
        """Plays a block and keeps the state for the next call. Releases the GIL meanwhile.

        A contiguous float32 array is read in place. Anything else is converted to one first.

        Args:
            x: samples, full scale 1: an array of floats, a list, or a torch tensor. Shape ``(frames,)`` or
                ``(channels, frames)``. Channels are independent streams. Their number is set by the first call after
                :func:`load` or :meth:`reset` and stays the same from there on. The first call refuses more than two
                channels with fewer frames than channels, because that is usually ``(frames, channels)``; pass
                ``x.T`` in that case. If it is meant, make a first call with shape ``(channels, 0)``.
            out: a contiguous float32 array of the same shape to write to; may be ``x`` itself.

        Returns:
            ``out``, or a new float32 array of the shape of ``x``. If input or output is NaN or infinite, that channel
            is silent for up to 256 frames, its state is cleared, and :attr:`num_faults` grows.

        Raises:
            TypeError: samples that are whole numbers, complex or no numbers at all, or an ``out`` that is no array.
            ValueError: another shape.
        """
        x = _as_signal(x)
        if out is not None:
            _require_array(out)
        return self._model.process(x, out)

    def play(self, x: Sound) -> Signal:
        """Plays a whole recording, aligned: the output without its latency, ``info.latency_frames``, as long as ``x``.

        As :meth:`process`, and with as many frames of silence after ``x``, through which the state runs too.
        """
        x = _as_signal(x)
        latency = self._info.latency_frames
        if latency == 0:
            return self.process(x)
        silence = np.zeros((*x.shape[:-1], latency), x.dtype)
        return np.ascontiguousarray(self.process(np.concatenate([x, silence], axis=-1))[..., latency:])

    def reset(self) -> None:
        """Sets the state back: the model is as it was after :func:`load`. Knobs keep their positions."""
        self._model.reset()

    def prewarm(self) -> int:
        """Plays silence from zero state until the output no longer moves, so that playing starts at rest.

        From zero state most networks answer silence with a click. :func:`load` and :meth:`reset` prewarm the models of
        ``.nam`` files (``info.starts_at_rest``) and leave others at zero, as their formats demand. ``render``, ``live``
        and the plugin start at rest. The state that follows is the same for any number of channels; knobs count where
        they are now.

        Returns:
            How many frames of silence that took: five seconds at most, less if the model is large.
        """
        return self._model.prewarm()

    def set_knob(self, index: int, position: float) -> None:
        """Moves a knob to a position from 0 to 1, from the next call of :meth:`process` on."""
        try:
            number, place = operator.index(index), float(position)
        except (TypeError, ValueError):
            raise TypeError(
                f"expected the number of a knob and a position from 0 to 1, found {index!r} and {position!r}"
            ) from None
        self._model.set_knob(number, place)

    @property
    def knobs(self) -> tuple[float, ...]:
        """The knobs' positions, 0 to 1."""
        return tuple(self._model.knobs)

    def set_quality(self, quality: float) -> None:
        """Chooses among the networks of a file that holds several: the largest by 1, smaller ones by less.

        The next call of :meth:`process` takes it up and fades to the other network, within some tenths of a second.
        """
        self._model.set_quality(float(quality))

    @property
    def quality(self) -> float:
        """As it was set last, 0 to 1."""
        return self._model.quality

    @property
    def num_faults(self) -> int:
        """How often NaN or infinity was turned into silence."""
        return self._model.num_faults


def load(
    path: str | PathLike[str],
    *,
    content: bytes | None = None,
    backend: str = "fxengine",
    self_test: bool = True,
    oversampling: int = 1,
    weight_storage: Literal["automatic", "float32", "bfloat16"] = "automatic",
    activations: Literal["exact", "fast"] = "exact",
    linear_stage: bool = True,
    quality: float = 1.0,
) -> Model:
    """Loads a model file: RTNeural JSON, with or without AIDA-X's keys, ``.nam``, or Proteus and NeuralPi JSON.

    Args:
        path: the file.
        content: what the file would hold, where there is none yet: ``path`` is then only its name.
        backend: one of :func:`available_backends`.
        self_test: play the file's test vectors, if it has any, and refuse the file when the output differs.
        oversampling: 1, 2, 4 or 8: play the network at so many times its sample rate, so that what it distorts does not
            fold back as inharmonic tones. The output is ``info.oversampling_latency_frames`` later for it. A network
            that cannot be oversampled is played at its own rate, and ``info.notes`` says so.
        weight_storage: how to keep the recurrent matrices. "automatic" takes 16 bits where that is faster and changes
            nothing; "bfloat16" also rounds them, and ``info.notes`` says what that does to the output.
        activations: "fast" approximates tanh and sigmoid to 6e-5 in layers of common sizes; ``info.notes`` says what
            that does to the output.
        linear_stage: play the filter behind the network, if the file has one: an amplifier's loudspeaker, for example.
        quality: 0 to 1, of a file that holds networks of several sizes: 1 is the largest; see ``info.qualities``.

    Raises:
        ModelFileError: naming file, field, what was expected and what was found.
    """
    path = Path(path)
    options: dict[str, Any] = {
        "backend": backend,
        "self_test": self_test,
        "oversampling": oversampling,
        "weight_storage": weight_storage,
        "activations": activations,
        "linear_stage": linear_stage,
        "quality": float(quality),
    }
    stamp = None if content is not None else _stamp(path)
    model = _engine.load(path, content=content, **options)
    return Model(path, model, _Source(path, content, stamp, options))


@dataclass(frozen=True, slots=True)
class _Source:
    """What a model was loaded from: enough to load it again."""

    path: Path
    content: bytes | None
    stamp: tuple[int, int] | None
    options: Mapping[str, Any]

    def with_content(self) -> Self:
        """The same with the bytes of the file.

        Raises:
            ModelFileError: the file has changed since the model was loaded, or is gone.
        """
        if self.content is not None:
            return self
        if _stamp(self.path) != self.stamp:
            raise ModelFileError(
                f"{self.path} has changed or is gone since the model was loaded, so the model cannot be copied; load "
                "the file again"
            )
        content = read_file(self.path, at_most=MAX_FILE_BYTES, expected="a model file", error=ModelFileError)
        return type(self)(self.path, content, None, self.options)


def _stamp(path: Path) -> tuple[int, int] | None:
    """Size and time of the last change of a file; None if there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116  # takes what Path refuses, and the loader then says what is wrong
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns


def _reloaded(source: _Source, quality: float, knobs: tuple[float, ...]) -> Model:
    """A model from its pickled parts."""
    model = load(source.path, content=source.content, **source.options)
    model.set_quality(quality)
    for index, position in enumerate(knobs):
        model.set_knob(index, position)
    return model


def _as_signal(x: Sound) -> Signal:
    """Samples as a contiguous float32 array; one that is that already is returned as it is."""
    if isinstance(x, np.ndarray):
        samples = x
    elif isinstance(x, (list, tuple)):
        try:
            samples = np.asarray(x, np.float32)
        except (TypeError, ValueError):
            raise TypeError(f"x: expected samples, found a {type(x).__name__} that is not all numbers") from None
    else:
        torch = sys.modules.get("torch")
        if torch is None or not isinstance(x, torch.Tensor):
            raise TypeError(
                f"x: expected samples in an array, a list or a tensor, found {type(x).__name__}; read a file with "
                "fxtrain.read_audio(path).samples"
            )
        samples = x.detach().cpu().numpy()
    if samples.dtype == np.float32 and samples.flags.c_contiguous:
        return samples
    if samples.dtype.kind in "iu":
        bits = 8 * samples.dtype.itemsize
        raise TypeError(
            f"x: expected samples as floats of full scale 1, found whole numbers ({samples.dtype}); divide them by "
            f"{1 << (bits - 1)}, or read the file as floats"
        )
    if samples.dtype.kind != "f":
        raise TypeError(f"x: expected samples as floats of full scale 1, found {samples.dtype}")
    converted = samples.astype(np.float32, order="C")
    return converted


def _require_array(out: object) -> None:
    """Refuses an ``out`` that cannot be written in place."""
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out: expected a NumPy array of float32 to write to, found {type(out).__name__}")


def loudness_clip(sample_rate: float = 48_000.0) -> Signal:
    """The fixed guitar clip that loudness is measured with: three seconds, RMS -20 dBFS, peak about -6 dBFS."""
    return _engine.loudness_clip(sample_rate)


def measure_loudness(model: Model | str | PathLike[str]) -> float:
    """RMS of a model's output for :func:`loudness_clip`, in dB of full scale.

    Played from the state after :func:`load` at the model's sample rate (48 kHz where the file states none), gains
    included, with all knobs at their defaults. It is what ``metadata.loudness_db`` of a model file holds. Of a model of
    more than about 80 000 weights the first part of the clip is played alone.

    Args:
        model: a loaded model, which is reset by it and whose knobs stay where they are, or a model file.

    Raises:
        ModelFileError: the file cannot be loaded.
    """
    if not isinstance(model, Model):
        model = load(model, self_test=False)
    return model._model.measure_loudness()


def available_backends() -> tuple[str, ...]:
    """The backends of this build: "fxengine", and "rtneural" where it was built in."""
    return tuple(_engine.available_backends())


def describe_file(path: str | PathLike[str]) -> str:
    """Says in a few words what a file is, from its content alone; empty where nothing is recognised.

    Knows what the engine does not play too, such as PyTorch and Keras files.

    Raises:
        ModelFileError: it is no regular file, such as a folder or a pipe.
        OSError: it cannot be read.
    """
    require_regular_file(path, "a model file", error=ModelFileError)
    with Path(path).open("rb") as file:
        return _engine.describe_content(file.read(MAX_FILE_BYTES))


def read_json(content: bytes, *, max_values: int | None = None, max_nesting: int | None = None) -> Any:
    """Parses JSON of strangers, within the engine's limits: a small file could take all memory otherwise.

    Args:
        content: the text, UTF-8.
        max_values: greatest number of values, of which texts, numbers, keys, lists and objects count one each; None
            is what a model file may hold.
        max_nesting: how deep lists and objects may lie in each other; None is what a model file may.

    Raises:
        ValueError: it is not JSON, or exceeds the limits.
    """
    if not _engine.is_json_within(content, max_values=max_values, max_nesting=max_nesting):
        raise ValueError("the text is not JSON, or it holds too much")
    return json.loads(content)
