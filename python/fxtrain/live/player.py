# SPDX-License-Identifier: MIT
"""What one plays through: sounds, switches and meters around the audio callback."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from fxtrain import _engine
from fxtrain.audio.decibels import amplitude_to_db
from fxtrain.errors import AudioFileError, DeviceError, FxtrainError
from fxtrain.live.load import RecentLoad
from fxtrain.live.recorder import Recorder
from fxtrain.live.sounds import Cabinet, Sound
from fxtrain.live.status import Status
from fxtrain.sound_devices.round_trip import recall
from fxtrain.sound_devices.stream import Stream
from fxtrain.sound_devices.wiring import Wiring
from fxtrain.text import printable

__all__ = ["Player", "PlayerSettings", "Status"]

_GAIN_RANGE_DB = 60.0
_GATE_DB = -60.0  # where nothing says otherwise


@dataclass(frozen=True, kw_only=True)
class PlayerSettings:
    """What a player begins with.

    Attributes:
        input_gain_db: before the sound, beside its own.
        output_gain_db: after it, likewise.
        gate_threshold_db: of the noise gate, in dB of full scale; None leaves the gate to the sounds.
        mute_reason: begins muted where it is not empty.
        record: files for input and output of the whole session, or None.
        folder: where other recordings go.
    """

    input_gain_db: float = 0.0
    output_gain_db: float = 0.0
    gate_threshold_db: float | None = None
    mute_reason: str = ""
    record: tuple[Path, Path] | None = None
    folder: Path = Path()


class Player:
    """Plays the input through sounds while a ``with`` block lasts; its methods are for one thread.

    Args:
        wiring: devices, rate and channels.
        sounds: models and presets to choose from, at least one.
        settings: what to begin with.

    Raises:
        ModelFileError: a model cannot be played.
        AudioFileError: the cabinet cannot.
        DeviceError: on entering, where the devices refuse.
    """

    def __init__(self, wiring: Wiring, sounds: Sequence[Sound], settings: PlayerSettings) -> None:
        self.wiring = wiring
        self.settings = settings
        self._sounds = list(sounds)
        self._num_recorded = min(max(sound.num_channels for sound in sounds), len(wiring.output_channels))
        self.chain = _engine.LiveChain(
            wiring.sample_rate,
            num_inputs=wiring.num_inputs,
            num_outputs=wiring.num_outputs,
            input_channel=wiring.input_channel,
            output_channels=list(wiring.output_channels),
            recorded_outputs=self._num_recorded,
        )
        self._cabinets: list[Cabinet | None] = [None, None]
        self._bring(sounds[0])
        self._wanted = self._loaded = 0
        self._loader: threading.Thread | None = None
        self._lock = threading.Lock()
        self._input_gain_db, self._output_gain_db = settings.input_gain_db, settings.output_gain_db
        self._bypassed = self._tuning = False
        self._muted = bool(settings.mute_reason)
        self._mute_reason = settings.mute_reason
        self._cabinet_switched: bool | None = None  # by a key, whatever the sound says
        self._gate_switched = None if settings.gate_threshold_db is None else True
        self._apply()
        self._problem = ""
        self._gone = False
        self._recent_load = RecentLoad(self.chain)
        self._round_trip = recall(wiring)
        self._recorder: Recorder | None = None
        self._stream = Stream(wiring, self.chain)

    def __enter__(self) -> Self:
        if self.settings.record is not None:
            self._record(*self.settings.record)
        try:
            self._stream.__enter__()
        except DeviceError:
            if self._recorder is not None:
                self._recorder.discard()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._wanted = self._loaded
        if self._recorder is not None:
            self._recorder.stop()
        self._stream.__exit__(kind, error, trace)
        if self._loader is not None:
            self._loader.join()

    # What one does while it plays

    def step_model(self, step: int) -> None:
        """Goes on to the model so many places further, round and round; it is loaded in the background."""
        self.choose_model((self._wanted + step) % len(self._sounds))

    def choose_model(self, index: int) -> None:
        """Changes to a model, from 0; does nothing where there is none of that number."""
        if not 0 <= index < len(self._sounds):
            return
        with self._lock:
            self._wanted = index
            if self._wanted == self._loaded or (self._loader is not None and self._loader.is_alive()):
                return
            self._loader = threading.Thread(target=self._load, name="loader", daemon=True)
        self._loader.start()

    def _load(self) -> None:
        """Until what plays is what was asked for last."""
        while True:
            with self._lock:
                index = self._wanted
                if index == self._loaded:
                    self._loader = None
                    return
            try:
                self._bring(self._sounds[index])
                self._problem = ""
                with self._lock:
                    self._loaded = index
                self._apply()
            except FxtrainError as error:
                self._problem = str(error)
                with self._lock:
                    if self._wanted == index:
                        self._wanted = self._loaded

    def _bring(self, sound: Sound) -> None:
        sound.load_slots(self.chain)
        for index, cabinet in enumerate(sound.cabinets):
            if cabinet is self._cabinets[index]:
                continue  # its echo goes on
            if cabinet is None:
                self.chain.set_cabinet(None, 0.0, index)
            else:
                try:
                    self.chain.set_cabinet(cabinet.taps, cabinet.sample_rate, index)
                except ValueError as error:
                    raise AudioFileError(f"{cabinet.path}: {error}") from None
            self._cabinets[index] = cabinet

    def change_input_gain(self, db: float) -> None:
        """Makes the model hear more, or less."""
        self._input_gain_db = float(np.clip(self._input_gain_db + db, -_GAIN_RANGE_DB, _GAIN_RANGE_DB))
        self._apply()

    def change_output_gain(self, db: float) -> None:
        """Makes it louder, or softer."""
        self._output_gain_db = float(np.clip(self._output_gain_db + db, -_GAIN_RANGE_DB, _GAIN_RANGE_DB))
        self._apply()

    def toggle_bypass(self) -> None:
        """Passes the input on, as late as the model is."""
        self._bypassed = not self._bypassed
        self._apply()

    def toggle_mute(self) -> None:
        """Silences the output."""
        self._muted, self._mute_reason = not self._muted, ""
        self._apply()

    def toggle_cabinet(self) -> None:
        """Takes the cabinet in or out, where there is one."""
        if any(self._sound.cabinets):
            self._cabinet_switched = not self._cabinet_on
        self._apply()

    def toggle_gate(self) -> None:
        """Takes the noise gate in or out."""
        self._gate_switched = not self._gate_on
        self._apply()

    def toggle_tuner(self) -> None:
        """Listens to the pitch, with the output silent."""
        self._tuning = not self._tuning
        self._apply()

    def toggle_recording(self) -> None:
        """Begins to record input and output to files of a new name, or ends it."""
        if self._recorder is not None and self._recorder.active:
            self._recorder.stop()
            self._problem = self._recorder.problem
            return
        now = time.strftime("take-%Y%m%d-%H%M%S")
        stems = (now if number == 1 else f"{now}-{number}" for number in itertools.count(1))
        stem = next(stem for stem in stems if not any(self.settings.folder.glob(f"{stem}-[dw]*.wav")))
        try:
            self._record(self.settings.folder / f"{stem}-dry.wav", self.settings.folder / f"{stem}-wet.wav")
        except FxtrainError as error:
            self._problem = str(error)

    def _record(self, dry: Path, wet: Path) -> None:
        self._recorder = Recorder(self.chain, dry, wet, self.wiring.sample_rate, self._num_recorded)

    @property
    def _sound(self) -> Sound:
        """What plays; what is being loaded does not yet."""
        return self._sounds[self._loaded]

    @property
    def _cabinet_on(self) -> bool:
        asked = self._cabinet_switched
        own = self._sound.parameters.get("cabinet_on", 0.0) >= 0.5
        return any(self._sound.cabinets) and (own if asked is None else asked)

    @property
    def _gate_on(self) -> bool:
        asked = self._gate_switched
        return self._sound.parameters.get("gate_on", 0.0) >= 0.5 if asked is None else asked

    @property
    def _gate_threshold_db(self) -> float:
        given = self.settings.gate_threshold_db
        return self._sound.parameters.get("gate_threshold", _GATE_DB) if given is None else given

    def _apply(self) -> None:
        sound = self._sound.parameters
        self.chain.set_settings(
            {
                **sound,
                "input_gain": sound.get("input_gain", 0.0) + self._input_gain_db,
                "output_gain": sound.get("output_gain", 0.0) + self._output_gain_db,
                "gate_on": self._gate_on,
                "gate_threshold": self._gate_threshold_db,
                "cabinet_on": self._cabinet_on,
                "bypass": self._bypassed,
                "tuner": self._muted or self._tuning,
            }
        )

    # What one sees

    def is_connected(self) -> bool:
        """Whether the device still plays; once it has gone it stays so, and a recording is completed."""
        if not self._gone and not self._stream.alive():
            self._gone = True
            self._problem = f"{self.wiring.input.name} has gone: plug it in again, and start anew."
            if self._recorder is not None and self._recorder.active:
                self._recorder.stop()
                self._problem += f" What was recorded is in {self._recorder.wet.name}."
        return not self._gone

    @property
    def problem(self) -> str:
        """Empty, or one sentence."""
        return self._problem

    def latency_seconds(self) -> float:
        """From input to output, converters and model included; measured through a cable where that was done."""
        round_trip = self._stream.latency if self._round_trip is None else self._round_trip.seconds
        return round_trip + self.chain.latency / self.wiring.sample_rate

    def status(self) -> Status:
        """All that a screen shows. Levels are those since the last call."""
        connected = self.is_connected()
        index = self._wanted
        recorder = self._recorder
        if recorder is not None and recorder.problem:
            self._problem = recorder.problem
        load, load_peak = self._recent_load.update()
        pitch = self.chain.pitch() if self._tuning and connected else None
        chain, wiring = self.chain, self.wiring
        return Status(
            model=printable(self._sounds[index].name),
            model_detail=printable(self._sounds[index].detail(wiring.sample_rate)),
            model_index=index,
            num_models=len(self._sounds),
            loading=index != self._loaded,
            problem=self._problem,
            input_peak_db=amplitude_to_db(chain.take_input_peak()),
            input_rms_db=amplitude_to_db(chain.input_rms),
            input_clips=chain.input_clips,
            output_peak_db=amplitude_to_db(chain.take_output_peak()),
            output_rms_db=amplitude_to_db(chain.output_rms),
            output_clips=chain.output_clips,
            load=load,
            load_peak=load_peak,
            num_xruns=chain.num_xruns,
            latency_ms=1000 * self.latency_seconds(),
            latency_measured=self._round_trip is not None,
            sample_rate=wiring.sample_rate,
            block_size=chain.block_size,
            input_name=wiring.describe("input"),
            output_name=wiring.describe("output"),
            input_gain_db=self._input_gain_db,
            output_gain_db=self._output_gain_db,
            bypassed=self._bypassed,
            muted=self._muted,
            mute_reason=self._mute_reason,
            cabinet=printable(" + ".join(each.name for each in self._sound.cabinets if each is not None)),
            cabinet_on=self._cabinet_on,
            gate_on=self._gate_on,
            gate_threshold_db=self._gate_threshold_db,
            recording=recorder is not None and recorder.active,
            recorded_seconds=0.0 if recorder is None else recorder.seconds,
            record_name="" if recorder is None else recorder.wet.name,
            tuning=self._tuning,
            pitch_hz=0.0 if pitch is None else pitch[0],
            clarity=0.0 if pitch is None else pitch[1],
            num_faults=chain.num_faults,
            connected=connected,
        )
