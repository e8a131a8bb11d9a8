# SPDX-License-Identifier: MIT
"""Recording what is played, input and output side by side."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fxtrain import _engine
from fxtrain.audio import AudioWriter
from fxtrain.errors import FxtrainError

__all__ = ["Recorder"]

_PAUSE = 0.05  # seconds between two looks; the queue holds ten seconds


class Recorder:
    """Writes input and output of a chain to two files that begin at the same moment and have the same length.

    Both are 32-bit float, without loss. The output is moved forward by the chain's latency, so that the pair is as
    `fxtrain render` would make it. The files appear under their names when the recording ends.

    Args:
        chain: what is recorded.
        dry: file for the input; mono.
        wet: file for the output.
        sample_rate: of both, in Hz.
        num_outputs: channels of ``wet``, as the chain records them.

    Raises:
        FxtrainError: a file cannot be written.
    """

    def __init__(self, chain: _engine.LiveChain, dry: Path, wet: Path, sample_rate: int, num_outputs: int) -> None:
        self.dry, self.wet = dry, wet
        self.problem = ""
        self._chain = chain
        self._rate = sample_rate
        self._late = chain.latency
        self._to_skip = self._late
        self._held = np.zeros((0,), np.float32)  # dry frames whose output has not come yet
        self._num_frames = 0
        self._stop = threading.Event()
        self._discarded = False
        self._files = contextlib.ExitStack()
        self._writers = (
            self._files.enter_context(AudioWriter(dry, sample_rate)),
            self._files.enter_context(AudioWriter(wet, sample_rate, num_channels=num_outputs)),
        )
        chain.take_recorded()  # what an earlier recording may have left
        chain.start_recording()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    @property
    def seconds(self) -> float:
        """Length so far."""
        return self._num_frames / self._rate

    @property
    def active(self) -> bool:
        """Whether it is still recording."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Ends the recording and completes the files."""
        self._stop.set()
        self._thread.join()

    def discard(self) -> None:
        """Ends the recording and throws it away."""
        self._discarded = True
        self.stop()

    def _run(self) -> None:
        try:
            with self._files:
                while not self._stop.wait(_PAUSE) and self._chain.is_recording:
                    self._write(self._chain.take_recorded())
                if not self._stop.is_set():
                    self.problem = (
                        f"The recording ended after {self.seconds:.0f} s, since the disk did not keep up: what is in "
                        f"{self.wet.name} is whole; record to another disk."
                    )
                self._chain.stop_recording()
                if self._discarded:
                    raise _Discarded
                self._write(self._chain.take_recorded())
        except _Discarded:
            pass
        except (FxtrainError, OSError) as error:
            self._chain.stop_recording()
            self.problem = str(error)

    def _write(self, frames: npt.NDArray[np.float32]) -> None:
        """Takes shape (frames, 1 + outputs)."""
        wet = frames[:, 1:]
        skipped = min(self._to_skip, len(wet))
        self._to_skip -= skipped
        wet = wet[skipped:]
        self._held = np.concatenate([self._held, frames[:, 0]])
        dry, self._held = self._held[: len(wet)], self._held[len(wet) :]
        self._writers[0].write(dry)
        self._writers[1].write(np.ascontiguousarray(wet.T))
        self._num_frames += len(wet)


class _Discarded(Exception):
    """Makes the writers remove what they have written."""
