# SPDX-License-Identifier: MIT
"""A preset played as the plugin plays it: by the same signal path of the engine, at any sample rate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import soundfile

from fxtrain import _engine
from fxtrain.audio.files import MemoryFile
from fxtrain.errors import PresetFileError
from fxtrain.plugin_files.parameters import PARAMETERS
from fxtrain.plugin_files.preset import SLOTS, Preset

__all__ = ["Rig"]

Signal = npt.NDArray[np.float32]

_STEREO_EFFECTS = ("doubler", "reverb")


class Rig:
    """The signal path of a preset, at rest: what the plugin is when the preset has just been loaded.

    Args:
        preset: what to play. Parameters that it does not hold are at their defaults, and so is what belongs to the
            room, which the plugin does not take from a preset either.
        sample_rate: of the sound, in Hz; models of other rates are converted, as in a host.
        num_channels: 1 or 2.
        oversampling: 1, 2, 4 or 8, of all models. The plugin keeps it with the project, not in a preset.

    Raises:
        ModelFileError: a model does not play.
        PresetFileError: the sound has more than two channels.
    """

    def __init__(self, preset: Preset, sample_rate: float, num_channels: int, *, oversampling: int = 1) -> None:
        if num_channels not in (1, 2):
            raise PresetFileError(f"a rig plays one channel or two, found {num_channels}: export the ones to play")
        cabinets = preset.cabinet, preset.second_cabinet
        sound = {id: value for id, value in preset.parameters.items() if not PARAMETERS[id].belongs_to_room}
        is_stereo = any(cabinet is not None and cabinet.num_channels == 2 for cabinet in cabinets)
        is_stereo = is_stereo or any(sound.get(id, 0.0) > 0.0 for id in _STEREO_EFFECTS)
        self.num_channels = 2 if is_stereo else num_channels
        """Of the output: a stereo cabinet, the doubler and the reverb make two channels of one."""
        self._rig = _engine.Rig(sample_rate, num_inputs=num_channels, num_outputs=self.num_channels, parameters=sound)
        for index, slot in enumerate(SLOTS):
            if held := preset.slots.get(slot):
                self._rig.set_slot(
                    index, held.model.encode(), name=held.name, assumed_rate=held.rate, oversampling=oversampling
                )
        for index, cabinet in enumerate(cabinets):
            if cabinet is not None:
                taps, rate = soundfile.read(MemoryFile(cabinet.audio), dtype="float32", always_2d=True)
                self._rig.set_cabinet(np.ascontiguousarray(taps.T), rate, index)

    @property
    def latency_frames(self) -> int:
        """How much later than its input the output is."""
        return self._rig.latency_frames

    @property
    def num_faults(self) -> int:
        """Times that NaN or infinity became silence."""
        return self._rig.num_faults

    def process(self, block: Signal) -> Signal:
        """Plays the next block: (channels, frames) in, (:attr:`num_channels`, frames) out."""
        return self._rig.process(block)
