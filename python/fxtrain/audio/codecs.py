# SPDX-License-Identifier: MIT
"""What lossy codecs do to sound: real encoders and decoders, in memory, aligned to the sample."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
import scipy.fft
import soundfile
from numpy.typing import NDArray

from fxtrain.audio.files import _CODED, AudioReader
from fxtrain.audio.resampling import resample
from fxtrain.errors import AudioFileError, ConfigError
from fxtrain.extras import require
from fxtrain.files import require_regular_file

__all__ = ["CODECS", "Codec", "CodedReader", "code", "open_audio", "parse_codec", "require_rate"]

Samples = NDArray[np.float32]

_GREATEST_LAG = 4  # samples; one sample of lag ruins training
_CLEARLY = 1.1  # a steady tone fits itself again a period later: what fits hardly better than no lag is none
_DECODER_DELAYS = {"aac": 1024}  # of encoder and decoder together, where the container does not take it away
_OPUS_RATE = 48_000
_EXPECTED_BY_LIBSNDFILE = "expected a WAV, FLAC, AIFF or OGG file"
_EXPECTED = "expected a WAV, FLAC, AIFF, Ogg, Opus, MP3, M4A or AAC file"
_ROUNDED_SECONDS = 0.002  # a duration in an MPEG-4 file is rounded to 1/1000 or 1/600 s


@dataclass(frozen=True)
class Codec:
    """A codec at one rate.

    Attributes:
        name: ``mp3``, ``aac``, ``vorbis`` or ``opus``.
        kbps: of all channels together. MP3 and AAC are coded at this constant rate; Vorbis and Opus are asked for the
            quality that comes near it.
    """

    name: Literal["mp3", "aac", "vorbis", "opus"]
    kbps: int

    def __str__(self) -> str:
        return f"{self.name}-{self.kbps}"


CODECS = ("mp3", "aac", "vorbis", "opus")
"""Names that :func:`parse_codec` knows."""

_SAMPLE_RATES = {
    "mp3": (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
    "aac": (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000),
}
_RATES = {"mp3": (16, 320), "aac": (16, 320), "vorbis": (32, 320), "opus": (8, 256)}


def parse_codec(text: str) -> Codec:
    """The codec that ``mp3-64`` means.

    >>> parse_codec("aac-48")
    Codec(name='aac', kbps=48)

    Raises:
        ConfigError: there is no such codec, or it has no such rate.
    """
    name, _, rate = text.partition("-")
    if name not in CODECS or not rate.isdecimal():
        raise ConfigError(f"there is no codec {text!r}: give a name and kbit/s, such as mp3-64; names are {CODECS}")
    lowest, highest = _RATES[name]
    if not lowest <= int(rate) <= highest:
        raise ConfigError(f"{name} is coded at {lowest} to {highest} kbit/s here, not at {rate}")
    return Codec(name, int(rate))  # type: ignore[arg-type]


def require_rate(codec: Codec, sample_rate: int) -> None:
    """Raises ConfigError where a codec takes no sound of this sample rate."""
    taken = _SAMPLE_RATES.get(codec.name, ())
    if taken and sample_rate not in taken:
        rates = ", ".join(map(str, taken))
        raise ConfigError(f"{codec} takes no sound of {sample_rate} Hz: expected one of {rates} Hz, or another codec")


def code(samples: Samples, sample_rate: int, codec: Codec) -> Samples:
    """Encodes and decodes a signal.

    Args:
        samples: shape ``(channels, frames)``, one or two channels, full scale is 1.
        sample_rate: in Hz; one that the codec takes. (Opus works at 48 kHz: the signal is converted there and back.)
        codec: and its rate.

    Returns:
        The same shape, in step with ``samples``.

    Raises:
        AudioFileError: what came back is more than a few samples early or late.
        ConfigError: the codec does not take the sample rate.
    """
    require_rate(codec, sample_rate)
    num_frames = samples.shape[1]
    if codec.name in ("mp3", "aac"):
        coded = _through_av(samples, sample_rate, codec)
    elif codec.name == "opus":
        lifted = np.stack([resample(channel, sample_rate, _OPUS_RATE) for channel in samples])
        coded = _through_soundfile(lifted, _OPUS_RATE, codec)
        coded = np.stack([resample(channel, _OPUS_RATE, sample_rate) for channel in coded])
    else:
        coded = _through_soundfile(samples, sample_rate, codec)
    delay = _DECODER_DELAYS.get(codec.name, 0)
    coded = coded[:, delay : delay + num_frames]
    coded = np.pad(coded, ((0, 0), (0, num_frames - coded.shape[1])))
    lag = lag_of(coded.mean(axis=0), samples.mean(axis=0))
    if abs(lag) > _GREATEST_LAG:
        raise AudioFileError(
            f"{codec} at {sample_rate} Hz came back {abs(lag)} samples {'late' if lag > 0 else 'early'}, expected "
            f"{_GREATEST_LAG} at most: this build of the codec cannot be used for pairs"
        )
    return np.ascontiguousarray(coded, dtype=np.float32)


def lag_of(late: NDArray[np.floating[Any]], reference: NDArray[np.floating[Any]], *, greatest: int = 8192) -> int:
    """By how many samples a signal is late, by cross-correlation; 0 where one of them is silent."""
    size = scipy.fft.next_fast_len(len(late) + len(reference), real=True)
    product = scipy.fft.rfft(late, size) * np.conj(scipy.fft.rfft(reference, size))
    correlation = scipy.fft.irfft(product, size)
    greatest = min(greatest, len(reference) - 1)
    lags = np.concatenate([correlation[-greatest:], correlation[: greatest + 1]])
    best = int(np.argmax(lags))
    if lags[best] <= 0 or lags[best] < _CLEARLY * lags[greatest]:
        return 0
    return best - greatest


def open_audio(path: Path) -> AudioReader | CodedReader:
    """A sound file of any common kind, read block by block: by libsndfile, or else by FFmpeg (AAC, WMA, Matroska).

    Raises:
        AudioFileError: it is not there, or holds no sound.
    """
    try:
        return AudioReader(path)
    except AudioFileError as error:
        is_file = False
        with contextlib.suppress(OSError):  # of a name that is too long
            is_file = path.is_file()
        if not is_file:
            said = str(error).replace(f"does not exist: {_EXPECTED_BY_LIBSNDFILE}; ", "does not exist: ")
            raise AudioFileError(said) from None
        try:
            return CodedReader(path)
        except AudioFileError as coded:
            if isinstance(coded, _NoSoundError) or _is_of_ffmpeg(path):
                raise
            raise AudioFileError(str(error).replace(_EXPECTED_BY_LIBSNDFILE, _EXPECTED)) from None


class _NoSoundError(AudioFileError):
    """A file that FFmpeg knows has no sound in it."""


def _is_of_ffmpeg(path: Path) -> bool:
    """Whether a file begins like one of a kind that FFmpeg alone reads."""
    with path.open("rb") as file:
        head = file.read(16)
    return any(head[start:].startswith(magic) for start, magic, _ in _CODED)


class CodedReader:
    """A sound file read by FFmpeg, block by block, in the manner of :class:`fxtrain.audio.AudioReader`.

    The delay that the container states for its encoder is taken away; of raw AAC, which states none, one packet.
    What an encoder added at the end is taken away if the container says how much it is: MPEG-4 does.
    """

    def __init__(self, path: Path) -> None:
        av: Any = require("av", purpose="reading AAC")
        require_regular_file(path, "a sound file", error=AudioFileError)
        self.path = path
        self._av = av
        try:
            self._container = av.open(str(path), metadata_errors="ignore")
        except (av.FFmpegError, OSError, ValueError) as error:
            raise AudioFileError(
                f"{path} cannot be read as sound ({_reason(error)}): {_EXPECTED}; if it plays elsewhere, export it "
                "there as WAV."
            ) from None
        if not self._container.streams.audio:
            self._container.close()
            raise _NoSoundError(f"{path} holds no sound: expected a recording, or a video with a sound track.")
        self._stream = self._container.streams.audio[0]
        context = self._stream.codec_context
        self.sample_rate = int(context.sample_rate or 0)
        self.num_channels = int(context.channels or 0)
        if not 1000 <= self.sample_rate <= 1_000_000 or not 1 <= self.num_channels <= 64:
            self._container.close()
            raise _NoSoundError(
                f"{path} holds no sound: its header states {self.num_channels} channels at {self.sample_rate} Hz; "
                "export it again."
            )
        self.format = "MPEG-4" if "mp4" in self._container.format.name else self._container.format.name
        self.subtype = str(context.name).upper()
        # MPEG-4 files state how many of the last packet's samples count; others leave it open.
        self._exact = self.format == "MPEG-4"
        self._first = 1 if self.format == "aac" else 0  # raw AAC states no delay, and every encoder has a packet of it
        self.num_frames = self._length()

    def _length(self) -> int:
        """Length in frames by the packets: exact in MPEG-4, elsewhere as near as the container's clock.

        A container is asked last. It rounds to its own clock, milliseconds as a rule, and FFmpeg hands that on.
        """
        spans: list[tuple[int, int]] = []  # start and end of each packet that is not thrown away, in the clock's ticks
        with contextlib.suppress(self._av.FFmpegError, ValueError), self._av.open(str(self.path)) as container:
            for packet in container.demux(container.streams.audio[0]):
                if packet.size and packet.pts is not None and not packet.is_discard:
                    spans.append((packet.pts, packet.pts + (packet.duration or 0)))
        spans = spans[self._first :]
        if not spans:
            self._exact = False  # nothing is known, so nothing is cut
            return 0
        ticks = Fraction(self._stream.time_base) * self.sample_rate  # samples of a tick
        start, end = max(0, min(first for first, _ in spans)), max(last for _, last in spans)
        counted = round((end - start) * ticks)
        lengths = [last - first for first, last in spans]
        if self._exact and self._stream.duration and lengths[-1] == max(lengths):
            # The last packet is whole, so what is padding is left to the container's own duration.
            stated = round(int(self._stream.duration) * ticks)
            if stated < counted - _ROUNDED_SECONDS * self.sample_rate:
                return stated
        return max(1, counted)

    def blocks(self, num_frames: int) -> Iterator[Samples]:
        """The file in blocks of ``(channels, num_frames)``; the last one may be shorter."""
        kept: list[Samples] = []
        held = taken = 0
        resampler = self._av.AudioResampler(format="fltp")
        try:
            for index, frame in enumerate(self._container.decode(self._stream)):
                if index < self._first:
                    continue
                for part in resampler.resample(frame):
                    decoded = np.asarray(part.to_ndarray(), dtype=np.float32).reshape(self.num_channels, -1)
                    if self._exact:
                        decoded = decoded[:, : self.num_frames - taken]
                    kept.append(decoded)
                    held, taken = held + decoded.shape[1], taken + decoded.shape[1]
                while held >= num_frames:
                    joined = np.concatenate(kept, axis=1)
                    yield np.ascontiguousarray(joined[:, :num_frames])
                    kept, held = [joined[:, num_frames:]], held - num_frames
        except (self._av.FFmpegError, ValueError) as error:
            raise AudioFileError(f"{self.path} is damaged ({_reason(error)}): export it again") from None
        if held:
            yield np.ascontiguousarray(np.concatenate(kept, axis=1))

    def close(self) -> None:
        """Closes the file."""
        self._container.close()

    def __enter__(self) -> CodedReader:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _through_soundfile(samples: Samples, sample_rate: int, codec: Codec) -> Samples:
    subtype = {"vorbis": "VORBIS", "opus": "OPUS"}[codec.name]
    file = io.BytesIO()
    level = _compression_level(codec, samples.shape[0])
    soundfile.write(file, samples.T, sample_rate, format="OGG", subtype=subtype, compression_level=level)
    file.seek(0)
    decoded, _ = soundfile.read(file, dtype="float32", always_2d=True)
    return np.asarray(decoded.T)


def _compression_level(codec: Codec, num_channels: int) -> float:
    """The setting of libsndfile that comes near a rate: of one channel, since its own is for the whole file."""
    per_channel = codec.kbps / num_channels
    # Measured on white noise at 44.1 kHz: (kbit/s of a channel, level).
    table = {"vorbis": ((69, 0.9), (82, 0.6), (115, 0.3), (160, 0.0)), "opus": ((6, 1.0), (27, 0.9), (101, 0.6))}
    rates, levels = zip(*table[codec.name], strict=True)
    return float(np.interp(per_channel, rates, levels))


def _through_av(samples: Samples, sample_rate: int, codec: Codec) -> Samples:
    av: Any = require("av", purpose="coding MP3 and AAC")
    layout = "mono" if samples.shape[0] == 1 else "stereo"
    container_format = {"mp3": "mp3", "aac": "adts"}[codec.name]
    file = io.BytesIO()
    with av.open(file, "w", format=container_format) as container:
        stream = container.add_stream({"mp3": "libmp3lame", "aac": "aac"}[codec.name], rate=sample_rate)
        stream.layout = layout
        stream.bit_rate = codec.kbps * 1000
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(np.clip(samples, -1, 1)), "fltp", layout)
        frame.sample_rate = sample_rate
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    file.seek(0)
    if codec.name == "mp3":  # libsndfile takes the delay away that the encoder wrote down
        decoded, _ = soundfile.read(file, dtype="float32", always_2d=True)
        return np.asarray(decoded.T)
    with av.open(file, "r") as container:
        frames = [each.to_ndarray() for each in container.decode(audio=0)]
    return np.concatenate(frames, axis=1).astype(np.float32).reshape(samples.shape[0], -1)


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:120]
