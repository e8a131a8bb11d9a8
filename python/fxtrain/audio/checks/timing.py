# SPDX-License-Identifier: MIT
"""When wet answers dry: lag, polarity, drift, and effects that have a clock or a memory of their own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fxtrain.audio.alignment import Alignment, coarse_lag, drift_floor, estimate_alignment, remove_drift
from fxtrain.audio.checks.recordings import MAX_DIFFERENCE_SECONDS
from fxtrain.audio.checks.verdict import RELATED, SURE, Level, Verdict
from fxtrain.audio.decibels import amplitude_to_db
from fxtrain.audio.files import Audio
from fxtrain.audio.resampling import resample
from fxtrain.audio.time_effects import TimeEffect

__all__ = [
    "check_drift",
    "check_given_lag",
    "check_lag",
    "check_moving_lag",
    "check_polarity",
    "check_time_effects",
    "find_anywhere",
    "find_true_rate",
    "shift_samples",
    "without_drift",
]

Samples = npt.NDArray[np.float32]

_LAG_AGREES = 32  # samples between a given and a found lag
_DRIFT_WARN_FLOOR = 1e-3  # ESR that a drift costs
_DRIFT_NOTE_FLOOR = 1e-4
_DRIFT_SECONDS = 10.0  # a shorter recording does not measure a clock
_DRIFT_ERROR = 0.5  # samples by which the estimate may be wrong


def find_anywhere(input: Audio, target: Audio) -> tuple[int, Alignment]:
    """By how many samples to move the target before its lag is within reach, and the alignment then."""
    found = estimate_alignment(input.samples, target.samples, input.sample_rate)
    if found.confidence >= SURE:
        return 0, found
    shift = coarse_lag(input.samples, target.samples, input.sample_rate)
    if abs(shift) < MAX_DIFFERENCE_SECONDS * input.sample_rate / 2:
        return 0, found
    again = estimate_alignment(input.samples, shift_samples(target.samples, shift), input.sample_rate)
    return (shift, again) if again.confidence >= SURE else (0, found)


def shift_samples(samples: Samples, shift: int) -> Samples:
    """Earlier by ``shift``; later, with silence before it, where that is negative."""
    return samples[shift:] if shift >= 0 else np.pad(samples, (-shift, 0))


def without_drift(input: Audio, target: Audio, alignment: Alignment) -> tuple[float, Alignment]:
    """Takes a steady drift out where it costs anything: see :func:`remove_drift`."""
    drift = alignment.drift_samples
    if input.seconds < _DRIFT_SECONDS or abs(drift) <= _DRIFT_ERROR:
        return 1.0, alignment
    if drift_floor(target.samples, drift) < _DRIFT_NOTE_FLOOR:
        return 1.0, alignment
    return remove_drift(input.samples, target.samples, input.sample_rate, alignment)


def find_true_rate(input: Audio, target: Audio) -> int:
    """The common rate at which the target matches the input although its header says another; 0 for none."""
    frames = round(20 * input.sample_rate)
    for rate in (44100, 48000, 88200, 96000):
        if rate != target.sample_rate:
            converted = resample(target.samples[:frames], rate, input.sample_rate)
            if estimate_alignment(input.samples[:frames], converted, input.sample_rate).confidence > SURE:
                return rate
    return 0


def check_lag(input: Audio, alignment: Alignment, true_rate: int) -> Verdict:
    """By how many samples is wet late?"""
    lag, rate = alignment.lag_samples, input.sample_rate
    values = {
        "lag_samples": lag,
        "main_tap_samples": alignment.main_tap_samples,
        "confidence": round(alignment.confidence, 4),
        "explained": round(alignment.explained, 4),
    }
    if alignment.confidence < RELATED:
        if true_rate:
            values["true_rate"] = true_rate
            return Verdict(
                "lag",
                "stop",
                f"The wet file says {rate} Hz, but matches the dry one if it is played at {true_rate} Hz",
                "export it again at the rate of the session",
                values,
            )
        return Verdict(
            "lag",
            "stop",
            f"The two files have nothing in common (confidence {alignment.confidence:.2f})",
            "check that both are of the same take",
            values,
        )
    if alignment.confidence < SURE:
        return Verdict(
            "lag",
            "warn",
            f"The lag is not certain (confidence {alignment.confidence:.2f}, where {SURE} is needed): "
            "the files hardly match, and training would go by a guess",
            "look at both files in a DAW, and give the number of samples that wet is late as --lag N",
            {key: value for key, value in values.items() if "samples" not in key},
        )
    where = f"{abs(lag)} samples ({abs(lag) / rate * 1000:.2f} ms)"
    message = f"Wet is {where} {'late' if lag > 0 else 'early'}, which is removed" if lag else "Wet and dry coincide"
    by = ", matched by magnitude: the device has hardly a linear part" if alignment.order == 2 else ""
    message += f" (confidence {alignment.confidence:.2f}{by})"
    if lag < -round(0.001 * rate):
        return Verdict(
            "lag",
            "note",
            message,
            "nothing to do; the DAW took off more latency than there was, or cut the file",
            values,
        )
    return Verdict("lag", "ok", message, values=values)


def check_given_lag(alignment: Alignment, estimate: int) -> Verdict:
    """The same, as the user knows it."""
    lag = alignment.lag_samples
    values = {"lag_samples": lag, "confidence": round(alignment.confidence, 4), "given": True}
    message = f"Wet is {abs(lag)} samples {'late' if lag >= 0 else 'early'}, as given with --lag"
    if alignment.confidence < SURE:
        return Verdict("lag", "note", message, values=values)
    values["estimate_samples"] = estimate
    if abs(lag - estimate) > _LAG_AGREES:
        return Verdict(
            "lag",
            "warn",
            f"{message}, where {estimate} was found (confidence {alignment.confidence:.2f})",
            "leave --lag out if you are not sure",
            values,
        )
    return Verdict("lag", "ok", message, values=values)


def check_moving_lag(alignment: Alignment) -> Verdict:
    """The lag of an effect that moves it by itself."""
    return Verdict(
        "lag",
        "warn",
        "No one lag fits, as the delay of wet moves by itself",
        "switch the effect off that moves it",
        {"confidence": round(alignment.confidence, 4)},
    )


def check_polarity(alignment: Alignment) -> Verdict:
    """Is wet upside down?"""
    if alignment.confidence < SURE:
        return Verdict("polarity", "ok", "Not judged, as the lag is not certain")
    if alignment.order == 2:
        return Verdict("polarity", "ok", "Not judged: the device makes no difference between up and down")
    values = {"polarity": alignment.polarity}
    if alignment.polarity < 0:
        return Verdict(
            "polarity",
            "note",
            "Wet is upside down against dry, as many devices make it; the model keeps that",
            "--fix-polarity turns it the right way up",
            values,
        )
    return Verdict("polarity", "ok", "Wet has the polarity of dry", values=values)


def check_drift(input: Audio, target: Audio, alignment: Alignment, *, is_removed: bool) -> Verdict:
    """Does the lag stay the same from start to end?"""
    drift = alignment.drift_samples
    rate = drift / max(input.num_frames, 1) * 1e6
    floor = drift_floor(target.samples, drift)
    values = {
        "drift_samples": round(drift, 3),
        "drift_ppm": round(rate, 2),
        "esr_floor": float(f"{floor:.3g}"),
        "removed": is_removed,
        "jumps": [round(jump.samples, 1) for jump in alignment.jumps],
    }
    if alignment.confidence < RELATED:
        return Verdict("drift", "ok", "Not judged, as the files do not match")
    if alignment.confidence < SURE:
        return Verdict("drift", "ok", "Not judged, as the lag is not certain")
    if alignment.jumps:
        jump = max(alignment.jumps, key=lambda jump: abs(jump.samples))
        where = f"between {jump.after_seconds:.1f} and {jump.before_seconds:.1f} s"
        return Verdict(
            "drift",
            "stop" if jump.steady and abs(jump.samples) >= 8 else "warn",
            f"The lag jumps by {jump.samples:+.0f} samples {where}, where it should stay",
            "record again with a larger interface buffer, or cut both files before or after that place",
            values,
        )
    message = f"The lag grows by {drift:+.1f} samples from start to end ({rate:+.1f} ppm)"
    remedy = "record dry and wet with one interface, or lock both to one clock"
    if is_removed:
        cost = f"which would put the ESR of any model at {floor:.2g} or above; training resamples wet to remove it"
        return Verdict("drift", "warn" if floor >= _DRIFT_WARN_FLOOR else "note", f"{message}, {cost}", remedy, values)
    if floor >= _DRIFT_WARN_FLOOR and abs(drift) > _DRIFT_ERROR:
        level: Level = "stop" if abs(drift) > 64 else "warn"
        return Verdict("drift", level, f"{message}, so no model comes below an ESR of {floor:.2g}", remedy, values)
    if floor >= _DRIFT_NOTE_FLOOR and abs(drift) > _DRIFT_ERROR:
        return Verdict("drift", "note", message, values=values)
    return Verdict("drift", "ok", f"The lag stays the same ({drift:+.1f} samples from start to end)", values=values)


def check_time_effects(effects: list[TimeEffect]) -> Verdict:
    """Names what has a clock or a memory of its own, and what would learn it."""
    if not effects:
        return Verdict("time", "ok", "Wet depends on dry alone: no modulation, echo or long reverb stands out")
    messages, remedies = [], []
    for effect in effects:
        if effect.kind == "echo":
            level = amplitude_to_db(effect.depth)
            messages.append(f"wet repeats the playing after {effect.seconds * 1000:.0f} ms at {level:.0f} dB (an echo)")
            remedies.append("add a delay behind the model")
        elif effect.kind == "reverb":
            messages.append(f"wet rings on for about {effect.seconds:.1f} s where dry has stopped (reverb)")
            remedies.append("add a convolution with the reverb's impulse response behind the model")
        else:
            messages.append(
                {
                    "tremolo": f"the gain swings {effect.rate_hz:.1f} times a second by itself (tremolo modulation)",
                    "chorus": "the tone moves by itself (modulation: chorus, flanger, phaser, vibrato, rotary speaker)",
                    "vibrato": "the delay swings by itself (modulation: vibrato, or chorus without the dry signal)",
                }[effect.kind]
            )
            remedies.append(
                "add the modulation behind the model; only a model with the modulation's oscillator as a second input "
                "could learn it"
            )
    message = " and ".join(messages)
    return Verdict(
        "time",
        "warn",
        f"{message[0].upper()}{message[1:]}, which these models cannot learn",
        f"switch it off for the capture, and {' and '.join(remedies)}",
        {
            "effects": [
                {
                    "kind": effect.kind,
                    "rate_hz": round(effect.rate_hz, 2),
                    "seconds": round(effect.seconds, 3),
                    "depth": round(effect.depth, 3),
                }
                for effect in effects
            ]
        },
    )
