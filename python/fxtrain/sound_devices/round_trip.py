# SPDX-License-Identifier: MIT
"""How long sound takes from the computer through the converters and back, measured through a cable.

Eight clicks are played, at distances of which no two are alike (a Golomb ruler), so that a round trip of up to a second
is told from every other: shifted by anything else, the clicks coincide with one of themselves at most. A click is the
negative second derivative of a Gaussian (Ricker, "The form and laws of propagation of seismic wavelets", 1953):
known in closed form between the samples, without a steady part, 70 dB down at the mains frequency and 180 dB down at
half the sample rate.

Each click that comes back is matched with the same shape at every delay, also between the samples: for white noise,
that is the maximum likelihood delay. Without noise the result is right to 0.0001 frames, with white noise 40 dB below
the clicks' peak to 0.01 frames (one click's standard deviation); see ``tests/python/sound_devices/test_round_trip.py``.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage, optimize, signal

from fxtrain.atomic import write_atomically
from fxtrain.audio.decibels import amplitude_to_db
from fxtrain.audio.levels import peak
from fxtrain.errors import FxtrainError, TakeError
from fxtrain.files import read_file
from fxtrain.folders import user_folders

if TYPE_CHECKING:
    from fxtrain.sound_devices.wiring import Wiring

__all__ = ["MAX_SECONDS", "RoundTrip", "find_clicks", "make_clicks", "measure_round_trip", "recall", "remember"]

Samples = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

MAX_SECONDS = 1.0
"""The longest round trip that is looked for."""

_MARKS = np.array([0, 1, 4, 9, 15, 22, 32, 34])  # the shortest Golomb ruler with eight marks
_MARK_SECONDS = 0.05
_LEAD_SECONDS = 0.2  # interfaces may swallow the first moments of a stream
_CLICK_PEAK = 0.5
_CENTRE = 0.1  # frequency at which a click is loudest, in cycles per frame: 4.8 kHz at 48 kHz
_SIGMA = math.sqrt(2) / (2 * math.pi * _CENTRE)  # frames
_HALF_WIDTH = 24  # frames; there a click is at 2e-23 of its peak
_FOLLOW_SECONDS = 0.024  # how far a click may lie from where the others say
_SLACK_SECONDS = 0.005  # how far clicks may be off and still be counted as one pattern
_SURE = 8.0  # standard deviations of the noise above which something is a click
_SOFT_DB = -40.0
_CLIPPED = 0.9999
_STEADY_FRAMES = 0.5
_TRIES = 3


@dataclass(frozen=True)
class RoundTrip:
    """A measured round trip.

    Attributes:
        frames: from a sample's being handed to the driver to its coming back: the median of the clicks.
        spread_frames: the latest click less the earliest.
        polarity: -1 where the clicks came back upside down.
        peak_db: how loud they came back, in dB of full scale; they are sent at -6.
        sample_rate: in Hz.
        claimed_seconds: what the driver tells of the way, 0 where it was not asked.
    """

    frames: float
    spread_frames: float
    polarity: int
    peak_db: float
    sample_rate: int
    claimed_seconds: float = 0.0

    @property
    def seconds(self) -> float:
        """The same in seconds."""
        return self.frames / self.sample_rate


def make_clicks(sample_rate: int) -> Samples:
    """The clicks to play, shape ``(frames,)``, silence before and after them included: 1.9 s."""
    positions = _positions(sample_rate)
    samples = np.zeros(positions[-1] + round(_LEAD_SECONDS * sample_rate), np.float32)
    click = _CLICK_PEAK * _shape(np.arange(-_HALF_WIDTH, _HALF_WIDTH + 1))
    for position in positions:
        samples[position - _HALF_WIDTH : position + _HALF_WIDTH + 1] = click
    return samples


def find_clicks(recorded: Samples, sample_rate: int, *, where: str = "the input") -> RoundTrip:
    """Finds the clicks of :func:`make_clicks` in what came back.

    Args:
        recorded: shape ``(frames,)``, from the moment at which the first sample was played; full scale is 1.
        sample_rate: of both, in Hz.
        where: what to call the wiring in errors.

    Raises:
        TakeError: nothing came back, or too softly, or clipped, or clicks are missing or at other distances.
    """
    positions = _positions(sample_rate)
    follow = round(_FOLLOW_SECONDS * sample_rate)
    room = positions[-1] + round(MAX_SECONDS * sample_rate) + 2 * follow
    samples = np.zeros(max(room, len(recorded)))
    samples[: len(recorded)] = recorded
    template = _shape(np.arange(-_HALF_WIDTH, _HALF_WIDTH + 1))
    matched = signal.correlate(samples, template, mode="same")  # (frames,): a click at n peaks at n
    coarse = _coarse_lag(np.abs(matched), positions, sample_rate)
    fitted = [_fit(samples, matched, position + coarse, follow) for position in positions]
    lags: Doubles = np.array([at for at, _ in fitted]) - positions
    heights = np.array([height for _, height in fitted])

    noise = float(np.median(np.abs(matched[: len(recorded)]))) / 0.6745  # of a normal distribution
    typical = float(np.quantile(np.abs(heights), 0.75))  # also where some are missing
    if typical * float(np.sum(template**2)) < _SURE * noise or typical < 1e-5:
        raise TakeError(
            f"Nothing came back at {where}, where clicks were expected within {MAX_SECONDS:g} s: put a cable from that "
            "output to that input, turn both up, or name other channels with --input-channel and --output-channel."
        )
    height_db = amplitude_to_db(typical)
    if peak(recorded) >= _CLIPPED:
        raise TakeError(
            f"The clicks came back clipped at {where}, where -24 to -3 dBFS is good: turn the input gain or the output "
            "volume down."
        )
    if height_db < _SOFT_DB:
        raise TakeError(
            f"The clicks came back at {height_db:.0f} dBFS at {where}, too soft to be the cable and not crosstalk: "
            f"turn the output volume or the input gain up until it is above {_SOFT_DB:g} dBFS."
        )
    present = np.abs(heights) > 0.5 * typical
    if not present.all():
        raise TakeError(
            f"Only {np.count_nonzero(present)} of {len(present)} clicks came back at {where}: samples were dropped; "
            "close other programs, or give a larger --block-size."
        )
    _require_steady(lags, positions, sample_rate, where)
    return RoundTrip(
        frames=float(np.median(lags)),
        spread_frames=float(np.ptp(lags)),
        polarity=1 if np.median(heights) > 0 else -1,
        peak_db=height_db,
        sample_rate=sample_rate,
    )


def measure_round_trip(wiring: Wiring) -> RoundTrip:
    """Plays the clicks and listens; where the computer was late (an xrun), again, at most three times.

    Raises:
        DeviceError: the devices cannot be opened, or have gone.
        TakeError: as :func:`find_clicks`, or an xrun in each of the tries.
    """
    from fxtrain.sound_devices.stream import play_and_record

    clicks = make_clicks(wiring.sample_rate)
    tail = round((MAX_SECONDS + 2 * _FOLLOW_SECONDS) * wiring.sample_rate)
    for _ in range(_TRIES):
        recorded = play_and_record(wiring, clicks, tail_frames=tail)
        if recorded.num_xruns == 0:
            where = f"{wiring.describe('input')} (played to {wiring.describe('output')})"
            found = find_clicks(recorded.samples, wiring.sample_rate, where=where)
            return replace(found, claimed_seconds=recorded.driver_latency)
    raise TakeError(
        f"The computer was too late for the devices in each of {_TRIES} measurements (xruns), so none counts: close "
        "other programs, or give a larger --block-size."
    )


def remember(wiring: Wiring, round_trip: RoundTrip) -> None:
    """Keeps a measured round trip for these devices, this rate and this block size.

    Raises:
        OSError: the user's folder cannot be written to.
    """
    path = user_folders().round_trips
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"version": 1, "round_trips": _remembered() | {wiring.key: asdict(round_trip)}}
    write_atomically(path, (json.dumps(content, indent=2, sort_keys=True) + "\n").encode())


def recall(wiring: Wiring) -> RoundTrip | None:
    """What was last measured with these devices, this rate and this block size, or None."""
    found = _remembered().get(wiring.key)
    if not isinstance(found, dict):
        return None
    try:
        round_trip = RoundTrip(**found)
        known = all(math.isfinite(value) for value in asdict(round_trip).values())
    except TypeError:  # not what this version wrote
        return None
    plausible = known and round_trip.sample_rate == wiring.sample_rate and 0 <= round_trip.seconds <= MAX_SECONDS
    return round_trip if plausible else None


def _remembered() -> dict[str, Any]:
    """What the file holds; nothing where it is damaged, missing or of another version."""
    try:
        content = json.loads(read_file(user_folders().round_trips, at_most=1 << 20))
        if content["version"] != 1:
            return {}
        return dict(content["round_trips"])
    except (OSError, FxtrainError, ValueError, KeyError, TypeError, RecursionError):
        return {}


def _positions(sample_rate: int) -> npt.NDArray[np.int64]:
    """Middles of the clicks, in frames."""
    return np.rint((_LEAD_SECONDS + _MARK_SECONDS * _MARKS) * sample_rate).astype(np.int64)


def _shape(frames: npt.NDArray[Any]) -> Doubles:
    """A click of height 1 around 0."""
    square = np.square(np.asarray(frames, np.float64) / _SIGMA)
    return (1 - square) * np.exp(-square / 2)


def _coarse_lag(matched: Doubles, positions: npt.NDArray[np.int64], sample_rate: int) -> int:
    """The lag at which the pattern of clicks stands out most, right to within the slack."""
    slack = round(_SLACK_SECONDS * sample_rate)
    pooled = ndimage.maximum_filter1d(matched, 2 * slack + 1)
    lags = np.arange(round(MAX_SECONDS * sample_rate))
    scores = np.sum([pooled[position + lags] for position in positions], axis=0)
    best = np.flatnonzero(scores >= scores.max() * (1 - 1e-9))  # a plateau, where the clicks are alike
    return int(best[len(best) // 2])


def _fit(samples: Doubles, matched: Doubles, expected: int, follow: int) -> tuple[float, float]:
    """Where, between the samples, the click near ``expected`` lies, and its height with its sign."""
    first = max(expected - follow, 0)
    middle = first + int(np.argmax(np.abs(matched[first : expected + follow + 1])))
    start = max(middle - _HALF_WIDTH, 0)
    excerpt = samples[start : middle + _HALF_WIDTH + 1]
    frames = np.arange(start, start + len(excerpt)) - middle
    best = optimize.minimize_scalar(
        lambda at: -abs(float(excerpt @ _shape(frames - at))),
        bounds=(-1.0, 1.0),
        method="bounded",
        options={"xatol": 1e-6},
    )
    shape = _shape(frames - best.x)
    return middle + float(best.x), float(excerpt @ shape) / float(shape @ shape)


def _require_steady(lags: Doubles, positions: npt.NDArray[np.int64], sample_rate: int, where: str) -> None:
    """Tells clicks at other distances apart: clocks that differ, and samples that were dropped."""
    if np.ptp(lags) <= _STEADY_FRAMES:
        return
    slope, start = np.polyfit(positions, lags, 1)
    if np.max(np.abs(lags - start - slope * positions)) <= _STEADY_FRAMES:
        raise TakeError(
            f"The clicks came back at {where} ever {'later' if slope > 0 else 'earlier'} ({1e6 * slope:+.0f} parts per "
            "million), as with two clocks: use one interface for both ways, or lock the two to one clock."
        )
    jump = int(np.argmax(np.abs(np.diff(lags))))
    seconds = float(positions[jump + 1]) / sample_rate
    raise TakeError(
        f"The clicks came back at {where} at unequal distances ({lags[jump + 1] - lags[jump]:+.1f} frames before "
        f"{seconds:.2f} s): samples were dropped; close other programs, or give a larger --block-size."
    )
