# SPDX-License-Identifier: MIT
"""A stream between two sound devices whose callback is C++."""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fxtrain import _engine
from fxtrain.errors import DeviceError
from fxtrain.sound_devices.portaudio import device_error, portaudio, quiet
from fxtrain.sound_devices.wiring import Wiring

__all__ = ["Recorded", "Stream", "play_and_record"]

Signal = npt.NDArray[np.float32]

_PATIENCE = 2.0  # seconds without a block after which a device counts as gone


class Stream:
    """Runs a processor between input and output while a ``with`` block lasts.

    PortAudio calls the processor's C++ function on its own thread; Python's lock has no part in it.

    Args:
        wiring: devices, rate and channels.
        processor: made for the same rate and channels; kept alive meanwhile.

    Raises:
        DeviceError: on entering, where the devices refuse.
    """

    def __init__(self, wiring: Wiring, processor: _engine.LiveChain | _engine.PlayRecord) -> None:
        self.wiring = wiring
        self._processor = processor
        self._stream: Any = None
        self._seen = (0, 0.0)
        self._gone = False

    def __enter__(self) -> Self:
        sounddevice = portaudio()
        ffi = sounddevice._ffi
        wiring = self.wiring
        try:
            with quiet():
                # The class that sounddevice has for streams whose callback is a C function.
                self._stream = sounddevice._StreamBase(
                    kind="duplex",
                    device=(wiring.input.index, wiring.output.index),
                    channels=(wiring.num_inputs, wiring.num_outputs),
                    samplerate=wiring.sample_rate,
                    blocksize=wiring.block_size,
                    dtype="float32",
                    latency="low",
                    callback=ffi.cast("PaStreamCallback *", self._processor.callback),
                    userdata=ffi.cast("void *", self._processor.user_data),
                )
                self._stream.start()
        except sounddevice.PortAudioError as error:
            self._close()
            raise device_error(error, wiring.input, wiring.output) from error
        self._seen = (0, time.monotonic())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is None:
            return
        if self._gone:
            _abandon(stream, self._processor)
        else:
            with quiet():
                stream.close(ignore_errors=True)

    @property
    def latency(self) -> float:
        """From converter to converter in seconds, as the driver tells it."""
        told = self._processor.driver_latency
        if told > 0.0 or self._stream is None:
            return max(told, 0.0)
        return float(sum(self._stream.latency))

    def alive(self) -> bool:
        """Whether blocks are still being played. False once the callback has finished or the device has gone."""
        if self._stream is None or self._gone or self._processor.is_complete:
            return False
        blocks, since = self._seen
        now = time.monotonic()
        if self._processor.num_blocks != blocks:
            self._seen = (self._processor.num_blocks, now)
        elif now - since > _PATIENCE or not self._stream.active:
            self._gone = True
        return not self._gone


_abandoned: list[Any] = []


def _abandon(*what: Any) -> None:
    """Leaves a stream as it is, with all that its callback needs, until the process ends.

    Where the JACK server has gone, closing a stream of PortAudio 19.6 waits for ever, and ending PortAudio aborts the
    process (an assertion in pa_jack.c).
    """
    _abandoned.extend(what)
    atexit.unregister(portaudio()._exit_handler)


@dataclass(frozen=True, eq=False)
class Recorded:
    """What came back.

    Attributes:
        samples: shape ``(frames,)``; frame 0 arrived as frame 0 of the signal was given away. Shorter where it ended at
            an xrun.
        num_xruns: blocks that were lost or late.
        first_xrun: frame of the first one, or None.
        num_clipped: samples at full scale.
        driver_latency: round trip as the driver tells it, in seconds.
        block_size: frames at a time.
    """

    samples: Signal
    num_xruns: int
    first_xrun: int | None
    num_clipped: int
    driver_latency: float
    block_size: int


def play_and_record(
    wiring: Wiring,
    signal: Signal,
    *,
    tail_frames: int = 0,
    progress: Callable[[float, float], None] | None = None,
    stop_at_xrun: bool = False,
) -> Recorded:
    """Plays a signal to the output and records the input meanwhile.

    Args:
        wiring: devices, rate and channels.
        signal: float32, shape ``(frames,)``, full scale 1.
        tail_frames: how long to go on recording after its end.
        progress: called about twenty times a second with the share that is done and the input's peak since.
        stop_at_xrun: end soon after audio was lost, rather than at the end.

    Raises:
        DeviceError: the devices refuse, or go away meanwhile.
    """
    take = _engine.PlayRecord(
        wiring.sample_rate,
        signal,
        len(signal) + tail_frames,
        num_inputs=wiring.num_inputs,
        num_outputs=wiring.num_outputs,
        input_channel=wiring.input_channel,
        output_channels=list(wiring.output_channels),
    )
    with Stream(wiring, take) as stream:
        while not take.is_complete and not (stop_at_xrun and take.num_xruns):
            if not stream.alive() and not take.is_complete:
                raise DeviceError(
                    f"{wiring.input.name} has gone after {take.position / wiring.sample_rate:.1f} s: plug it in again, "
                    "and start anew."
                )
            if progress is not None:
                progress(take.position / (len(signal) + tail_frames), take.take_input_peak())
            time.sleep(0.05)
        latency = stream.latency
    return Recorded(
        samples=take.recorded(),
        num_xruns=take.num_xruns,
        first_xrun=take.first_xrun,
        num_clipped=take.input_clips,
        driver_latency=latency,
        block_size=take.block_size,
    )
