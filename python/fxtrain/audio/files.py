# SPDX-License-Identifier: MIT
"""Sound files: reading one channel to train on, reading and writing in blocks, writing without half-written files."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import soundfile

from fxtrain.audio.decibels import amplitude_to_db
from fxtrain.audio.levels import rms
from fxtrain.audio.resampling import resample
from fxtrain.errors import AudioFileError, ConfigError, FxtrainError
from fxtrain.files import require_regular_file

__all__ = [
    "HIGHEST_SAMPLE_RATE",
    "LOWEST_SAMPLE_RATE",
    "Audio",
    "AudioReader",
    "AudioWriter",
    "MemoryFile",
    "SequentialFile",
    "open_descriptor",
    "read_audio",
    "read_channels",
    "write_audio",
]

LOWEST_SAMPLE_RATE = 8000
"""Hz, of recordings to train on: below it there is no guitar sound left to learn."""

HIGHEST_SAMPLE_RATE = 1_000_000
"""Hz, of any recording."""

Samples = npt.NDArray[np.float32]

_SUBTYPES = {"FLAC": "PCM_24", "OGG": "VORBIS"}  # the finest that a format without float samples offers
_LOSSY = {"VORBIS", "OPUS", "MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III"}
_CODED = (  # where a file's magic bytes are, which, and what they are of
    (4, b"ftyp", "AAC or ALAC in an MPEG-4 file (.m4a, .mp4, .aac)"),
    (0, b"\xff\xf1", "AAC"),
    (0, b"\xff\xf9", "AAC"),
    (0, b"\x30\x26\xb2\x75", "Windows Media audio (.wma)"),
    (0, b"\x1a\x45\xdf\xa3", "a Matroska or WebM file"),
)
_UNKNOWN_LENGTH = 0x7FFF0000  # bytes; programs that stream write this or more for a length that they do not know
_MOST_REBUILT = 1 << 28  # bytes
_MOST_CHUNKS = 1000
_SIDES = {0: "left", 1: "right"}
_LOWEST_FILE_RATE = 1000  # Hz; as the engine
_GREATEST_SAMPLE = 1e6  # 120 dB above full scale: no sound, and its square is too much for what follows
_MOST_DISTINCT = 64  # channels that differ; a file of libsndfile may hold 1024
_MOST_SAMPLES = 1 << 30  # of all channels: 6 hours of mono at 48 kHz, 4 GiB of memory


@dataclass(frozen=True, eq=False)
class Audio:
    """One channel of sound and where it came from.

    Attributes:
        samples: shape ``(frames,)``, full scale is 1; a float file may hold larger values.
        sample_rate: of ``samples``, in Hz.
        path: the file it was read from, as it was given.
        format: the container as libsndfile calls it, such as ``WAV`` or ``FLAC``.
        subtype: the coding, such as ``PCM_24`` or ``FLOAT``.
        num_channels: how many channels the file has.
        channel: the one that was taken, counted from 0.
        file_sample_rate: the file's own rate, before any resampling.
        note: what was chosen for the reader, as a sentence; empty when there was nothing to choose.
        damage: what is wrong with the file although it can be read, as the end of a sentence; empty when all is well.
    """

    samples: Samples
    sample_rate: int
    path: Path | None = None
    format: str = ""
    subtype: str = ""
    num_channels: int = 1
    channel: int = 0
    file_sample_rate: int = 0
    note: str = ""
    damage: str = ""

    def __post_init__(self) -> None:
        if self.file_sample_rate == 0:
            object.__setattr__(self, "file_sample_rate", self.sample_rate)

    @property
    def num_frames(self) -> int:
        """Length in frames."""
        return len(self.samples)

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate

    @property
    def lossy(self) -> bool:
        """Whether the file's coding threw something away."""
        return self.subtype in _LOSSY

    def with_samples(self, samples: Samples) -> Audio:
        """The same sound file's facts around other samples."""
        return replace(self, samples=samples)


class SequentialFile(soundfile.SoundFile):  # type: ignore[misc]
    """A sound file that is read from start to end, whatever length its header claims.

    soundfile moves to the place behind what it has read, which libsndfile refuses in a FLAC whose header gives another
    length or none, as ``flac -`` writes it to a pipe.
    """

    def seekable(self) -> bool:
        """No: nothing moves around in it."""
        return False


class MemoryFile(io.BytesIO):
    """Bytes as a file for soundfile, which prints a traceback where a damaged header has it seek before the start."""

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Moves, or stays where that is impossible; returns where it is."""
        with contextlib.suppress(ValueError, OSError, OverflowError):
            super().seek(offset, whence)
        return self.tell()


class AudioReader:
    """A sound file read block by block, all channels, as ``(channels, frames)`` float32.

    >>> with AudioReader("riff.wav") as reader:  # doctest: +SKIP
    ...     for block in reader.blocks(4096):
    ...         ...
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file, self.damage = _open(self.path)
        self.sample_rate: int = self._file.samplerate
        self.num_channels: int = self._file.channels
        self.num_frames: int = self._file.frames
        self.format: str = self._file.format
        self.subtype: str = self._file.subtype
        if not _LOWEST_FILE_RATE <= self.sample_rate <= HIGHEST_SAMPLE_RATE:
            self._file.close()
            raise AudioFileError(
                f"{self.path} states a sample rate of {self.sample_rate} Hz; expected {_LOWEST_FILE_RATE} to "
                f"{HIGHEST_SAMPLE_RATE} Hz: export it again at the rate of the session."
            )

    def blocks(self, num_frames: int) -> Iterator[Samples]:
        """The rest of the file in blocks of ``num_frames``; the last one may be shorter."""
        position = self._file.tell()
        while True:
            try:
                block = self._file.read(num_frames, dtype="float32", always_2d=True)
            except (soundfile.SoundFileError, RuntimeError) as error:
                raise AudioFileError(
                    f"{self.path} is damaged after {position / self.sample_rate:.2f} s ({_reason(error)}): "
                    "export it again."
                ) from error
            if len(block) == 0:
                return
            bad = np.flatnonzero(~np.isfinite(block).all(axis=1))
            if len(bad) > 0:
                raise AudioFileError(
                    f"{self.path} holds NaN or infinity, first at {(position + int(bad[0])) / self.sample_rate:.4f} s, "
                    "where finite samples are expected: export it again, as 24-bit PCM if need be."
                )
            peak = float(np.abs(block).max())
            if peak > _GREATEST_SAMPLE:
                raise AudioFileError(
                    f"{self.path} holds samples of {peak:.1e}, where full scale is 1: export it again, as 24-bit PCM "
                    "if need be."
                )
            position += len(block)
            yield np.ascontiguousarray(block.T)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def __enter__(self) -> AudioReader:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class AudioWriter:
    """A sound file written block by block that appears under its name only when it is complete.

    Blocks go to a temporary file in the same folder. Leaving the ``with`` block normally renames it to ``path``;
    leaving it by an exception removes it, and what was at ``path`` before is still there.

    Args:
        path: the ending names the format: ``.wav``, ``.flac``, ``.aiff``, ``.ogg``.
        sample_rate: in Hz.
        num_channels: of every block.
        subtype: coding as libsndfile calls it; by default 32-bit float, or the format's finest where it has no float.
    """

    def __init__(
        self, path: str | os.PathLike[str], sample_rate: int, *, num_channels: int = 1, subtype: str | None = None
    ) -> None:
        self.path = Path(path)
        container = _container(self.path)
        coding = subtype or _SUBTYPES.get(container, "FLOAT")
        if not soundfile.check_format(container, coding):
            raise AudioFileError(
                f"{self.path} cannot hold {coding} samples: a {container} file takes "
                f"{', '.join(sorted(soundfile.available_subtypes(container)))}."
            )
        self._file: soundfile.SoundFile | None = None
        try:
            handle, name = tempfile.mkstemp(prefix=f".{self.path.name}.", suffix=".part", dir=self.path.parent)
            os.close(handle)
        except OSError as error:
            raise _cannot_write(self.path, error) from error
        self._temporary = Path(name)
        try:
            self._file = soundfile.SoundFile(
                _system_name(self._temporary),
                "w",
                samplerate=sample_rate,
                channels=num_channels,
                format=container,
                subtype=coding,
            )
        except (soundfile.SoundFileError, OSError) as error:
            self._discard()
            raise _cannot_write(self.path, error) from error

    def write(self, block: npt.NDArray[Any]) -> None:
        """Appends ``(frames,)`` or ``(channels, frames)``."""
        assert self._file is not None, "write after close"
        try:
            self._file.write(block if block.ndim == 1 else block.T)
        except (soundfile.SoundFileError, OSError) as error:
            self._discard()
            raise _cannot_write(self.path, error) from error

    def close(self) -> None:
        """Completes the file and gives it its name."""
        if self._file is None:
            return
        try:
            self._file.close()
            with self._temporary.open("rb") as written:
                os.fsync(written.fileno())
            mask = os.umask(0)
            os.umask(mask)
            self._temporary.chmod(0o666 & ~mask)  # mkstemp makes files that only their owner may read
            self._temporary.replace(self.path)
        except (soundfile.SoundFileError, OSError) as error:
            self._discard()
            raise _cannot_write(self.path, error) from error
        self._file = None

    def _discard(self) -> None:
        if self._file is not None:
            with contextlib.suppress(soundfile.SoundFileError, OSError):
                self._file.close()
            self._file = None
        self._temporary.unlink(missing_ok=True)

    def __enter__(self) -> AudioWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._discard()


def read_audio(path: str | os.PathLike[str], *, sample_rate: int | None = None, channel: int | None = None) -> Audio:
    """Reads one channel of a sound file (WAV, FLAC, AIFF, OGG; any bit depth and rate).

    Args:
        path: the file.
        sample_rate: resample to this rate; None keeps the file's own.
        channel: which channel to take, counted from 0. None chooses: the first one that is not silent, which is the
            only one when all are alike. The choice is in the result's ``note``. (Of a pair, :func:`read_pair` chooses
            better: the channel that matches the other side.)

    Raises:
        AudioFileError: missing, empty, not audio, no such channel, or NaN or infinity among the samples.
    """
    channels = read_channels(path)
    chosen = asked_channel(channels, channel) if channel is not None else _choose_channel(channels)
    return resampled(chosen, sample_rate)


def read_channels(path: str | os.PathLike[str]) -> list[Audio]:
    """Reads all channels of a sound file, at its own rate.

    Raises:
        AudioFileError: missing, empty, not audio, or NaN or infinity among the samples.
    """
    with AudioReader(path) as reader:
        if reader.sample_rate < LOWEST_SAMPLE_RATE:
            raise AudioFileError(
                f"{path} is at {reader.sample_rate} Hz, but a sample rate of at least {LOWEST_SAMPLE_RATE} Hz is "
                "expected: record at 44100 or 48000 Hz."
            )
        samples = _read_all(reader)
        read = samples.shape[1]
        damage = reader.damage
        if read and not damage and read < reader.num_frames < 2**40:
            damage = _cut_short(reader.num_frames / reader.sample_rate, read / reader.sample_rate)
        if not read:
            raise AudioFileError(f"{path} has a header but no samples: export the recording again.")
        return [
            Audio(
                samples=samples[channel].copy() if len(samples) > 1 else samples[channel],  # each may go its own way
                sample_rate=reader.sample_rate,
                path=Path(path),
                format=reader.format,
                subtype=reader.subtype,
                num_channels=reader.num_channels,
                channel=channel,
                damage=damage,
            )
            for channel in range(reader.num_channels)
        ]


def resampled(audio: Audio, sample_rate: int | None) -> Audio:
    """The same recording at another rate; None keeps its own."""
    if sample_rate is None:
        return audio
    if not LOWEST_SAMPLE_RATE <= sample_rate <= HIGHEST_SAMPLE_RATE:
        raise ConfigError(
            f"{audio.path} cannot be resampled to {sample_rate} Hz: expected a sample rate from {LOWEST_SAMPLE_RATE} "
            f"to {HIGHEST_SAMPLE_RATE} Hz."
        )
    return replace(audio, samples=resample(audio.samples, audio.sample_rate, sample_rate), sample_rate=sample_rate)


def asked_channel(channels: list[Audio], channel: int) -> Audio:
    """The channel that the user named, counted from 0.

    Raises:
        AudioFileError: there is no such channel.
    """
    if not 0 <= channel < len(channels):
        raise AudioFileError(
            f"{channels[0].path} has {_count(len(channels))}, so channel {channel + 1} is not there: "
            f"choose one from 1 to {len(channels)}."
        )
    note = f"Took {channel_name(channel)} of {len(channels)}, as asked." if len(channels) > 1 else ""
    return replace(channels[channel], note=note)


def write_audio(
    path: str | os.PathLike[str], samples: npt.ArrayLike, sample_rate: int, subtype: str | None = None
) -> None:
    """Writes ``(frames,)`` or ``(channels, frames)``; the file appears only when it is complete.

    Args:
        path: the ending names the format.
        samples: full scale is 1; integer formats clip beyond it, float ones keep it.
        sample_rate: in Hz.
        subtype: coding as libsndfile calls it; by default 32-bit float, or the format's finest where it has no float.

    Raises:
        AudioFileError: ``samples`` has another shape, or no numbers that a sound file takes.
    """
    try:
        values = np.asarray(samples)
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: a tensor that has a gradient
        raise AudioFileError(f"{path} cannot be written: the samples are no array of numbers ({error}).") from None
    if values.dtype.kind not in "fi" or values.dtype.name in ("int8", "int64"):
        raise AudioFileError(
            f"{path} cannot be written from samples of {values.dtype}: give floating-point samples, full scale 1."
        )
    if values.ndim not in (1, 2):
        raise AudioFileError(
            f"{path} cannot be written from samples of shape {values.shape}: expected (frames,) or (channels, frames)."
        )
    num_channels = 1 if values.ndim == 1 else len(values)
    if not 1 <= num_channels <= _MOST_DISTINCT:
        raise AudioFileError(
            f"{path} would have {num_channels} channels: expected samples of shape (channels, frames) with 1 to "
            f"{_MOST_DISTINCT} channels; turn (frames, channels) with .T."
        )
    if values.dtype.name not in ("float32", "float64", "int16", "int32"):
        values = values.astype(np.float32)
    with AudioWriter(path, sample_rate, num_channels=num_channels, subtype=subtype) as writer:
        writer.write(values)


def open_descriptor(path: Path) -> int:
    """Opens a file for soundfile, which closes it.

    libsndfile hands any file named ".mp3" to libmpg123, even if it holds text, and libmpg123 then prints warnings.

    Raises:
        OSError: it cannot be opened.
    """
    return os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))


def _open(path: Path) -> tuple[soundfile.SoundFile, str]:
    """The file, and what is wrong with it."""
    expected = "expected a WAV, FLAC, AIFF or OGG file"
    try:
        require_regular_file(path, "a WAV, FLAC, AIFF or OGG file", error=AudioFileError)
        with path.open("rb") as opened:
            head = opened.read(16)
    except (FileNotFoundError, NotADirectoryError):
        raise AudioFileError(f"{path} does not exist: {expected}; check the spelling and the folder.") from None
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        reason = getattr(error, "strerror", None) or error
        raise AudioFileError(f"{path} cannot be opened ({reason}): {expected} that you may read.") from error
    if path.stat().st_size == 0:
        raise AudioFileError(f"{path} is empty (0 bytes): {expected}; export the recording again.")
    for start, magic, name in _CODED:
        if head[start:].startswith(magic):
            raise AudioFileError(
                f"{path} is {name}, whatever its name says: {expected}; export the recording again as WAV, since what "
                "this coding has lost would be trained as if the device had done it."
            )
    wave = _find_wave_data(path) if head[:4] in (b"RIFF", b"RIFX") and head[8:12] == b"WAVE" else None
    try:
        file = SequentialFile(open_descriptor(path))
    except (soundfile.SoundFileError, OSError, RuntimeError, ValueError) as error:
        rebuilt = wave.rebuilt(path) if wave else None
        if rebuilt is not None:
            return rebuilt, "has a header that is damaged and was repaired"
        raise AudioFileError(
            f"{path} is not audio that can be read ({_reason(error)}): {expected}; if it plays elsewhere, "
            "export it there as WAV."
        ) from error
    if wave is None:
        return file, ""
    if file.frames == 0 and wave.available >= wave.frame_bytes:
        rebuilt = wave.rebuilt(path)
        if rebuilt is not None:
            file.close()
            return rebuilt, "has a header that states no length, so all that follows it was read"
    missing = wave.promised - wave.available
    if missing >= wave.frame_bytes and wave.promised < _UNKNOWN_LENGTH:
        per_second = wave.frame_bytes * file.samplerate
        return file, _cut_short(wave.promised / per_second, wave.available / per_second)
    return file, ""


def _cut_short(promised: float, found: float) -> str:
    return f"is cut short: its header promises {promised:.2f} s but it holds {found:.2f} s"


@dataclass(frozen=True)
class _WaveData:
    """Where the samples of a WAV file are, whatever its sizes say."""

    order: Literal["little", "big"]
    format: bytes  # content of the fmt chunk
    start: int
    promised: int
    available: int

    @property
    def frame_bytes(self) -> int:
        return max(1, int.from_bytes(self.format[12:14], self.order))

    def rebuilt(self, path: Path) -> soundfile.SoundFile | None:
        """The same samples behind a header that fits them."""
        if self.available > _MOST_REBUILT:
            return None
        with path.open("rb") as file:
            file.seek(self.start)
            data = file.read(self.available // self.frame_bytes * self.frame_bytes)
        chunks = [(b"fmt ", self.format), (b"data", data)]
        body = b"".join(
            name + len(content).to_bytes(4, self.order) + content + b"\0" * (len(content) % 2)
            for name, content in chunks
        )
        magic = b"RIFF" if self.order == "little" else b"RIFX"
        try:
            return SequentialFile(MemoryFile(magic + (len(body) + 4).to_bytes(4, self.order) + b"WAVE" + body))
        except (soundfile.SoundFileError, RuntimeError, TypeError):
            return None


def _find_wave_data(path: Path) -> _WaveData | None:
    """Walks the chunks of a WAV file; one of odd size may lack its padding byte."""
    size = path.stat().st_size
    format = b""
    with path.open("rb") as file:
        order: Literal["little", "big"] = "little" if file.read(12)[:4] == b"RIFF" else "big"
        position = 12
        for _ in range(_MOST_CHUNKS):
            file.seek(position)
            head = file.read(8)
            if len(head) < 8:
                return None
            length = int.from_bytes(head[4:], order)
            if head[:4] == b"data":
                if len(format) < 14:
                    return None
                return _WaveData(order, format, position + 8, length, size - position - 8)
            if head[:4] == b"fmt ":
                format = file.read(min(length, 64))
            position += 8 + length
            if length % 2:
                file.seek(position)
                name = file.read(4)
                is_padded = not (name.isalnum() or name in (b"fmt ", b"id3 "))
                position += is_padded
    return None


def _read_all(reader: AudioReader) -> Samples:
    """All samples, shape ``(channels, frames)``, of a file that fits into memory; its header may claim any length."""
    hours = _MOST_SAMPLES / reader.num_channels / reader.sample_rate / 3600
    too_long = AudioFileError(f"{reader.path} is too long to train on: expected {hours:.1f} hours at most; cut it.")
    if min(reader.num_frames * reader.num_channels, reader.path.stat().st_size) > _MOST_SAMPLES:
        raise too_long
    # Memory that nothing is written to costs nothing, and what fits is not copied once more.
    credible = max(16 * reader.path.stat().st_size, 1 << 20)  # of silence, which is coded in less; then it grows
    promised = min(max(min(reader.num_frames, credible), 1 << 20), _MOST_SAMPLES // reader.num_channels)
    samples = np.empty((reader.num_channels, promised), np.float32)
    num_frames = 0
    for block in reader.blocks(1 << 20):
        end = num_frames + block.shape[1]
        if end * reader.num_channels > _MOST_SAMPLES:
            raise too_long
        if end > samples.shape[1]:
            samples = np.concatenate([samples[:, :num_frames], np.empty_like(samples)], axis=1)
        samples[:, num_frames:end] = block
        num_frames = end
    return samples[:, :num_frames]


def distinct_channels(channels: list[Audio]) -> tuple[list[int], str]:
    """The channels that sound and are not like an earlier one; and a sentence where there is only one of several.

    Of more than 64 such channels the first 64 are given.
    """
    if len(channels) == 1:
        return [0], ""
    loudness = np.array([rms(audio.samples) for audio in channels])
    audible = np.flatnonzero(loudness > 1e-3 * loudness.max())  # 60 dB below the loudest is crosstalk and noise
    if len(audible) == 0:
        return [0], f"Took one of {len(channels)} channels: they are alike."
    distinct: list[int] = []
    for index in audible.tolist():
        # -80 dB: dither and rounding differ, the content does not
        if all(channel_difference(channels[index], channels[one]) > 1e-4 for one in distinct):
            distinct.append(index)
        if len(distinct) == _MOST_DISTINCT:
            break
    note = ""
    if len(distinct) == 1 and len(audible) == len(channels):
        note = f"Took one of {len(channels)} channels: they are alike."
    elif len(distinct) == 1:
        note = f"Took {channel_name(distinct[0])} of {len(channels)}: nothing else is sounding."
    return distinct, note


def channel_difference(one: Audio, other: Audio) -> float:
    """RMS of the difference of two channels of a file over the RMS of the louder one."""
    return rms(one.samples - other.samples) / max(rms(one.samples), rms(other.samples), 1e-30)


def _choose_channel(channels: list[Audio]) -> Audio:
    """Which channel to take when nothing is known of it, with a sentence about it."""
    (first, *others), note = distinct_channels(channels)
    if others:
        ratio = max(channel_difference(channels[first], channels[other]) for other in others)
        note = (
            f"Took {channel_name(first)} of {len(channels)}: they differ (by {amplitude_to_db(ratio):+.0f} dB); "
            "--channel takes another."
        )
    return replace(channels[first], note=note)


def channel_name(channel: int) -> str:
    """``channel 2 (right)`` for 1."""
    return f"channel {channel + 1}" + (f" ({_SIDES[channel]})" if channel in _SIDES else "")


def _count(num_channels: int) -> str:
    return "1 channel" if num_channels == 1 else f"{num_channels} channels"


def _container(path: Path) -> str:
    ending = path.suffix.lstrip(".").upper()
    container = {"AIF": "AIFF", "AIFC": "AIFF", "OGA": "OGG"}.get(ending, ending)
    if container not in ("WAV", "FLAC", "AIFF", "OGG"):
        raise AudioFileError(
            f'{path} ends in "{path.suffix}", which names no format to write: use .wav, .flac, .aiff or .ogg.'
        )
    return container


def _system_name(path: Path) -> str | bytes:
    """What soundfile takes for a name that may not be UTF-8."""
    return os.fsencode(path) if os.name == "posix" else str(path)


def _reason(error: BaseException) -> str:
    text = str(getattr(error, "error_string", error)).strip().rstrip(".")
    return text[:1].lower() + text[1:]


def _cannot_write(path: Path, error: BaseException) -> FxtrainError:
    reason = getattr(error, "strerror", None) or _reason(error)
    return FxtrainError(f"{path} could not be written ({reason}): check the folder, its rights and the free space.")
