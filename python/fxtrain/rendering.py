# SPDX-License-Identifier: MIT
"""Playing a recording through a model, from file to file, in memory that does not grow with its length."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import soxr

from fxtrain import engine
from fxtrain.audio import AudioReader, AudioWriter
from fxtrain.errors import AudioFileError

if TYPE_CHECKING:
    from fxtrain.plugin_files.preset import Preset
    from fxtrain.plugin_files.rig import Rig

__all__ = ["Block", "Player", "Rendered", "render_file", "render_rig"]

Block = npt.NDArray[np.float32]  # (channels, frames)
Player = Callable[[Block], Block]


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A recording as a model played it.

    Attributes:
        output: the file.
        sample_rate: of it, in Hz.
        num_channels: of it.
        num_frames: of it.
        peak: greatest absolute sample before the file's format clipped it; full scale 1.
        removed_latency: frames that were taken out, so that the output is aligned with the input.
        seconds: that it took.
    """

    output: Path
    sample_rate: int
    num_channels: int
    num_frames: int
    peak: float
    removed_latency: int
    seconds: float

    @property
    def times_real_time(self) -> float:
        """How many seconds of sound were played in a second."""
        return self.num_frames / self.sample_rate / self.seconds


def render_file(
    model: engine.Model,
    input: Path,
    output: Path,
    *,
    player: Player | None = None,
    block_size: int = 4096,
    resample: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Rendered:
    """Plays a recording, each channel on its own, from rest.

    Args:
        model: just loaded, or reset.
        input: the recording.
        output: .wav, .flac, .aiff or .ogg; an existing file is overwritten.
        player: what plays in place of the engine, without the latency of the network's structure.
        block_size: frames at a time.
        resample: convert the recording to the model's sample rate if they differ.
        progress: told how many frames are done, and of how many.

    Raises:
        AudioFileError: the recording cannot be read, is empty, or has another rate than the model.
    """
    start = time.perf_counter()
    play, latency = player, model.info.latency_frames
    if play is None:
        play = model.process
    else:
        latency -= model.info.network_latency_frames
    with AudioReader(input) as reader:
        _require_samples(reader)
        sample_rate = _output_rate(model.info, reader, resample=resample)
        model.process(np.zeros((reader.num_channels, 0), np.float32))  # its first block may have hardly any frames
        num_silent = model.prewarm()  # without a click at the start
        if player is not None:
            play(np.zeros((reader.num_channels, num_silent), np.float32))
        blocks = _blocks(reader, block_size, sample_rate)
        return _write(reader, blocks, play, latency, output, sample_rate, reader.num_channels, progress, start)


def render_rig(
    preset: Preset,
    input: Path,
    output: Path,
    *,
    oversampling: int = 1,
    block_size: int = 4096,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Rendered, Rig]:
    """Plays a recording through a preset of the plugin, from rest, at the recording's sample rate.

    Args:
        preset: the rig.
        input: the recording, mono or stereo. Of a mono one a stereo cabinet makes two channels.
        output: .wav, .flac, .aiff or .ogg; an existing file is overwritten.
        oversampling: 1, 2, 4 or 8.
        block_size: frames at a time; the output does not depend on it.
        progress: told how many frames are done, and of how many.

    Raises:
        AudioFileError: the recording cannot be read or is empty.
        ModelFileError: a model does not play.
        PresetFileError: the recording has more than two channels.
    """
    from fxtrain.plugin_files.rig import Rig

    start = time.perf_counter()
    with AudioReader(input) as reader:
        _require_samples(reader)
        rig = Rig(preset, reader.sample_rate, reader.num_channels, oversampling=oversampling)
        blocks = _blocks(reader, block_size, reader.sample_rate)
        done = _write(
            reader,
            blocks,
            rig.process,
            rig.latency_frames,
            output,
            reader.sample_rate,
            rig.num_channels,
            progress,
            start,
        )
    return done, rig


def _require_samples(reader: AudioReader) -> None:
    if reader.num_frames == 0:
        raise AudioFileError(f"{reader.path} has a header but no samples: export the recording again.")


def _write(
    reader: AudioReader,
    blocks: Iterator[Block],
    play: Player,
    latency: int,
    output: Path,
    sample_rate: int,
    num_channels: int,
    progress: Callable[[int, int], None],
    start: float,
) -> Rendered:
    """Writes what ``play`` makes of the blocks, aligned with them; ``start`` is when the work began."""
    num_frames, peak = 0, 0.0
    total = round(reader.num_frames * sample_rate / reader.sample_rate)
    with AudioWriter(output, sample_rate, num_channels=num_channels) as writer:
        for block in _aligned(blocks, play, latency):
            writer.write(block)
            num_frames += block.shape[1]
            peak = max(peak, float(np.abs(block).max()))
            progress(num_frames, total)
    return Rendered(
        output=output,
        sample_rate=sample_rate,
        num_channels=num_channels,
        num_frames=num_frames,
        peak=peak,
        removed_latency=latency,
        seconds=time.perf_counter() - start,
    )


def _aligned(blocks: Iterator[Block], play: Player, latency: int) -> Iterator[Block]:
    """The blocks as played, without the first ``latency`` frames and with as many more at the end."""
    late = latency
    num_channels = 0
    for block in blocks:
        num_channels = block.shape[0]
        output = play(block)[:, late:]
        late -= block.shape[1] - output.shape[1]
        if output.shape[1] > 0:
            yield output
    if latency > 0 and num_channels > 0:
        yield play(np.zeros((num_channels, latency), np.float32))[:, late:]


def _output_rate(info: engine.ModelInfo, reader: AudioReader, *, resample: bool) -> int:
    """The model's rate where it is known and resampling is asked for, else the recording's."""
    if info.sample_rate is None or info.sample_rate == reader.sample_rate:
        return reader.sample_rate
    if resample:
        return round(info.sample_rate)
    raise AudioFileError(
        f"{reader.path} is at {reader.sample_rate} Hz, but the model sounds as it should at {info.sample_rate:g} Hz "
        "only: add --resample to convert the recording first (in Python: resample=True)."
    )


def _blocks(reader: AudioReader, block_size: int, sample_rate: int) -> Iterator[Block]:
    """The recording at ``sample_rate``, in blocks of about ``block_size`` frames."""
    if sample_rate == reader.sample_rate:
        yield from reader.blocks(block_size)
        return
    converter = soxr.ResampleStream(
        reader.sample_rate, sample_rate, reader.num_channels, dtype="float32", quality="VHQ"
    )
    for block in reader.blocks(block_size):
        yield from _not_empty(converter.resample_chunk(block.T))
    yield from _not_empty(converter.resample_chunk(np.zeros((0, reader.num_channels), np.float32), last=True))


def _not_empty(converted: npt.NDArray[np.float32]) -> Iterator[Block]:
    if len(converted) > 0:
        yield np.ascontiguousarray(converted.T)
