# SPDX-License-Identifier: MIT
"""Videos: how long they are, and putting a sound into one."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxtrain.audio.resampling import resample
from fxtrain.errors import InputError
from fxtrain.extras import require
from fxtrain.text import shortened

__all__ = ["add_sound", "video_seconds"]

_SOUND_RATE = 16_000  # the lowest rate that players of AAC agree on
_STILL = frozenset({"image2", "png_pipe", "jpeg_pipe", "webp_pipe", "gif", "bmp_pipe", "tiff_pipe", "ppm_pipe"})


def video_seconds(path: Path) -> float:
    """Length of a video; 0 for a picture, and for what is neither."""
    av: Any = require("av", purpose="reading videos")
    try:
        with av.open(str(path)) as container:
            names = set(container.format.name.split(","))
            if not container.streams.video or names & _STILL or any(name.endswith("_pipe") for name in names):
                return 0.0
            if container.duration:
                return float(container.duration / av.time_base)
            stream = container.streams.video[0]
            last = 0.0
            for frame in container.decode(stream):
                last = float(frame.time or 0.0)
            return last
    except Exception:  # FFmpeg's errors have no common base but OSError and ValueError
        return 0.0


def add_sound(video: Path, sound: NDArray[np.float32], sample_rate: int, output: Path) -> None:
    """Writes a video with its pictures as they are and a new sound; a sound that it had is left out.

    Args:
        video: to read.
        sound: shape ``(frames,)``; it is coded as AAC at 16 kHz.
        sample_rate: of the sound, in Hz.
        output: the ending names the container, such as ``.mp4``; it appears only when it is complete.

    Raises:
        InputError: the container cannot hold the pictures, or the video cannot be read.
    """
    av: Any = require("av", purpose="writing videos")
    part = output.with_name(f".{output.stem}.part{output.suffix}")
    try:
        with av.open(str(video)) as source, av.open(str(part), "w") as target:
            pictures = source.streams.video[0]
            copied = target.add_stream_from_template(pictures)
            spoken = target.add_stream("aac", rate=_SOUND_RATE)
            spoken.layout = "mono"
            for packet in source.demux(pictures):
                if packet.dts is not None:
                    packet.stream = copied
                    target.mux(packet)
            wave = resample(sound, sample_rate, _SOUND_RATE)
            size = 1024
            for at in range(0, len(wave), size):
                block = np.zeros((1, size), dtype=np.float32)
                piece = wave[at : at + size]
                block[0, : len(piece)] = np.clip(piece, -1.0, 1.0)
                frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
                frame.sample_rate, frame.pts = _SOUND_RATE, at
                for packet in spoken.encode(frame):
                    target.mux(packet)
            for packet in spoken.encode():
                target.mux(packet)
        part.replace(output)
    except Exception as error:  # as above
        reason = shortened(str(error).splitlines()[0] if str(error) else type(error).__name__, 100)
        raise InputError(
            f"the sound cannot be put into {output} with the pictures of {video} ({reason}): give a name that ends in "
            ".mp4 or .mkv"
        ) from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
