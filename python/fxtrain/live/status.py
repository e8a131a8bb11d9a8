# SPDX-License-Identifier: MIT
"""What a player's screen shows."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Status"]


@dataclass(frozen=True, slots=True)
class Status:
    """What a screen shows, at one moment.

    Attributes:
        model: name of the model that plays, or is being loaded.
        model_detail: network, sample rate, oversampling.
        model_index: from 0.
        num_models: how many there are to choose from.
        loading: a model is on its way.
        problem: empty, or one sentence.
        input_peak_db: greatest level since the last status at the converter, in dB of full scale, -200 for silence.
        input_rms_db: the same over about 300 ms.
        input_clips: samples at or beyond full scale since the start.
        output_peak_db: as for the input.
        output_rms_db: as for the input.
        output_clips: as for the input.
        load: share of a block's time that computing took in the last second, median; 1.0 is all of it.
        load_peak: its greatest.
        num_xruns: blocks that came too late or were lost, since the start.
        latency_ms: from input to output, converters and model included.
        latency_measured: with a cable by ``fxtrain latency``; otherwise it is what the driver tells.
        sample_rate: of the devices, in Hz.
        block_size: frames of the last block.
        input_name: device and channel.
        output_name: device and channels.
        input_gain_db: before the model.
        output_gain_db: after it.
        bypassed: the input is passed on.
        muted: nothing is heard.
        mute_reason: why it began muted, or empty.
        cabinet: name of the impulse response; empty for none.
        cabinet_on: whether it is played.
        gate_on: whether the noise gate works.
        gate_threshold_db: where it closes.
        recording: input and output are being recorded.
        recorded_seconds: so far, of this or the last recording.
        record_name: name of the wet file of this or the last recording; empty for none.
        tuning: the tuner listens, and the output is silent.
        pitch_hz: what it hears; 0 where there is no note.
        clarity: how sure it is, 0 to 1.
        num_faults: how often NaN or infinity was turned into silence.
        connected: False where the device has gone.
    """

    model: str
    model_detail: str
    model_index: int
    num_models: int
    loading: bool
    problem: str
    input_peak_db: float
    input_rms_db: float
    input_clips: int
    output_peak_db: float
    output_rms_db: float
    output_clips: int
    load: float
    load_peak: float
    num_xruns: int
    latency_ms: float
    latency_measured: bool
    sample_rate: int
    block_size: int
    input_name: str
    output_name: str
    input_gain_db: float
    output_gain_db: float
    bypassed: bool
    muted: bool
    mute_reason: str
    cabinet: str
    cabinet_on: bool
    gate_on: bool
    gate_threshold_db: float
    recording: bool
    recorded_seconds: float
    record_name: str
    tuning: bool
    pitch_hz: float
    clarity: float
    num_faults: int
    connected: bool
