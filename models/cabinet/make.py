# SPDX-License-Identifier: MIT
"""Builds the shipped cabinet response: a 12-inch guitar loudspeaker in a closed 4x12 box, a microphone close to it.

Everything is a filter with a physical reason, and all of them are minimum phase; ``card.md`` tells where the numbers
come from. ``python models/cabinet/make.py`` writes ``closed-4x12.wav`` and ``response.svg`` beside this file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import bilinear, sosfilt, sosfreqz, tf2sos

from fxtrain.audio import write_audio

Vector = NDArray[np.float64]

SAMPLE_RATE = 48_000
NUM_FRAMES = 7200  # 150 ms
SEED = 4
PEAK = 10 ** (-1 / 20)
SPEED_OF_SOUND = 343.0  # m/s

BOX_HZ, BOX_Q = 105.0, 0.95
"""Resonance of the cone on the air in the box, above its 75 to 85 Hz in the open; below it falls 12 dB per octave."""

PROXIMITY_HZ, PROXIMITY_DB = 170.0, 2.5
"""What a pressure-gradient microphone adds to a source a few centimetres away (low shelf)."""

MICROPHONE_LOW_HZ = 55.0
"""Where such a microphone itself begins to fall, at 6 dB per octave."""

PEAKS: tuple[tuple[float, float, float], ...] = (  # Hz, dB, Q
    (380.0, -2.5, 0.9),  # the near cone is a small source: what a whole cone adds in the low mids is missing
    (286.0, 1.0, 7.0),  # standing waves of the box: half a wave in 0.60 m, damped by its lining
    (572.0, -1.2, 8.0),  # ... in 0.30 m
    (1150.0, -3.0, 2.2),  # the surround moves against the cone
    (1750.0, 1.5, 2.5),
    (2350.0, 4.0, 4.0),  # bell modes of the cone: the voice of a guitar loudspeaker
    (2900.0, 3.5, 5.5),
    (3450.0, -2.5, 8.0),
    (3950.0, 3.5, 5.0),
    (4650.0, 2.0, 7.0),
    (5500.0, -4.0, 7.0),
    (6600.0, 3.0, 6.0),  # the dust cap, and the microphone's presence
    (7900.0, -3.0, 7.0),
)

LOW_PASSES: tuple[tuple[float, float], ...] = (  # Hz, Q
    (4900.0, 1.05),  # the cone no longer follows its centre, the coil's inductance takes the current away
    (6100.0, 0.75),
    (11500.0, 0.7),  # the microphone's own end
)

NEIGHBOURS_M = (0.315, 0.325, 0.45)
"""How much farther than its own the three other loudspeakers are from the microphone ..."""

NEIGHBOUR_DB = -17.0
"""... and how loud they arrive, below NEIGHBOUR_LOW_PASS_HZ: off their axis they beam past it."""
NEIGHBOUR_LOW_PASS_HZ = 1400.0

FLOOR_M, FLOOR_DB, FLOOR_LOW_PASS_HZ = 0.58, -21.0, 2500.0
"""The way by the floor."""

ROOM_START_SECONDS, ROOM_T60_SECONDS, ROOM_DB, ROOM_LOW_PASS_HZ = 0.006, 0.28, -33.0, 3000.0
"""A dry studio room: level of the whole tail."""


def build(sample_rate: int = SAMPLE_RATE, num_frames: int = NUM_FRAMES) -> Vector:
    """The response, shape ``(frames,)``, without silence in front; greatest sample :data:`PEAK`."""
    impulse = np.zeros(num_frames)
    impulse[0] = 1.0
    direct = sosfilt(sections(sample_rate), impulse)
    # Everything else arrives later and weaker: direct * (1 + arrivals) with |arrivals| < 1 stays minimum phase.
    arrivals = _arrivals(sample_rate, num_frames)
    assert np.abs(np.fft.rfft(arrivals, 4 * num_frames)).max() < 1.0
    arrivals[0] += 1.0
    size = 2 * num_frames
    response: Vector = np.fft.irfft(np.fft.rfft(direct, size) * np.fft.rfft(arrivals, size), size)[:num_frames]
    fade = num_frames // 6  # ends in silence
    response[-fade:] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(fade) / fade)
    return response * (PEAK / np.abs(response).max())


def sections(sample_rate: int) -> NDArray[np.float64]:
    """Loudspeaker, box and microphone without reflections, as second-order sections."""
    w = 2 * np.pi * BOX_HZ
    parts = [_analogue([1.0, 0.0, 0.0], [1.0, w / BOX_Q, w * w], sample_rate, BOX_HZ)]
    boost, low = 10 ** (PROXIMITY_DB / 20), 2 * np.pi * PROXIMITY_HZ
    parts.append(_analogue([1.0, low * boost**0.5], [1.0, low / boost**0.5], sample_rate, PROXIMITY_HZ))
    parts.append(_analogue([1.0, 0.0], [1.0, 2 * np.pi * MICROPHONE_LOW_HZ], sample_rate, MICROPHONE_LOW_HZ))
    for frequency, db, q in PEAKS:
        w, root = 2 * np.pi * frequency, 10 ** (db / 40)
        parts.append(_analogue([1.0, w * root / q, w * w], [1.0, w / root / q, w * w], sample_rate, frequency))
    for frequency, q in LOW_PASSES:
        w = 2 * np.pi * frequency
        parts.append(_analogue([w * w], [1.0, w / q, w * w], sample_rate, frequency))
    return np.concatenate(parts)


def _analogue(b: list[float], a: list[float], sample_rate: int, keep_hz: float) -> NDArray[np.float64]:
    """The bilinear transform of b(s) / a(s) that keeps one frequency in its place."""
    scale = 2 * np.pi * keep_hz / (2 * sample_rate * np.tan(np.pi * keep_hz / sample_rate))
    order = len(a) - 1
    stretched_b = [value * scale ** (len(b) - 1 - index) for index, value in enumerate(b)]
    stretched_a = [value * scale ** (order - index) for index, value in enumerate(a)]
    sos: NDArray[np.float64] = tf2sos(*bilinear(stretched_b, stretched_a, fs=sample_rate))
    return sos


def _arrivals(sample_rate: int, num_frames: int) -> Vector:
    """Neighbours, floor and room, relative to the direct sound."""

    def filtered(taps: Vector, corner: float) -> Vector:
        w = 2 * np.pi * corner
        kept: Vector = sosfilt(_analogue([w], [1.0, w], sample_rate, corner), taps)
        return kept

    neighbours, floor, room = np.zeros((3, num_frames))
    for metres in NEIGHBOURS_M:
        neighbours[round(metres / SPEED_OF_SOUND * sample_rate)] += 10 ** (NEIGHBOUR_DB / 20)
    floor[round(FLOOR_M / SPEED_OF_SOUND * sample_rate)] = 10 ** (FLOOR_DB / 20)
    start = round(ROOM_START_SECONDS * sample_rate)
    seconds = np.arange(num_frames - start) / sample_rate
    room[start:] = np.random.default_rng(SEED).normal(size=num_frames - start)
    room[start:] *= 10 ** (-3 * seconds / ROOM_T60_SECONDS)
    room = filtered(room, ROOM_LOW_PASS_HZ)
    room *= 10 ** (ROOM_DB / 20) / np.linalg.norm(room)
    return filtered(neighbours, NEIGHBOUR_LOW_PASS_HZ) + filtered(floor, FLOOR_LOW_PASS_HZ) + room


def draw(response: Vector, path: Path) -> None:
    """Frequency response in the range that ``card.md`` speaks of, and the first 20 ms."""
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "fxtrain"  # the same file every time
    size = 1 << 16
    hertz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    db = 20 * np.log10(np.abs(np.fft.rfft(response, size)) + 1e-9)
    db -= reference_db(response)
    _, smooth = sosfreqz(sections(SAMPLE_RATE), worN=hertz, fs=SAMPLE_RATE)
    smooth_db = 20 * np.log10(np.abs(smooth) + 1e-9)
    smooth_db -= np.mean(smooth_db[(hertz >= 200) & (hertz <= 1000)])
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(7.5, 6.0), height_ratios=(3, 1), layout="constrained")
    corners, lowest, highest = np.array(ENVELOPE).T
    top.fill_between(corners, lowest, highest, color="0.9", label="what is to be expected")
    step = np.unique(np.geomspace(40, size // 2, 700).astype(int))
    top.semilogx(hertz[step], db[step], color="#b5541c", lw=1.0, label="this response")
    top.semilogx(hertz[step], smooth_db[step], color="0.35", lw=0.8, ls="--", label="without reflections")
    top.set(xlim=(40, 16000), ylim=(-45, 18), xlabel="frequency in Hz", ylabel="dB re 200 Hz to 1 kHz")
    ticks = (50, 100, 200, 500, 1000, 2000, 5000, 10000)
    top.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    top.minorticks_off()
    top.grid(alpha=0.3)
    top.legend(loc="lower left", frameon=False)
    shown = round(0.02 * SAMPLE_RATE)
    bottom.plot(np.arange(shown) / SAMPLE_RATE * 1e3, response[:shown], color="#b5541c", lw=0.9)
    bottom.set(xlim=(0, 20), xlabel="time in ms", ylabel="amplitude")
    bottom.grid(alpha=0.3)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


ENVELOPE: tuple[tuple[float, float, float], ...] = (  # Hz, lowest and highest dB; 0 is the mean of 200 Hz to 1 kHz
    (50.0, -26.0, -4.0),
    (80.0, -12.0, 5.0),
    (110.0, -5.0, 8.0),
    (200.0, -5.0, 6.0),
    (500.0, -6.0, 4.0),
    (1000.0, -7.0, 5.0),
    (1500.0, -6.0, 8.0),
    (2500.0, -1.0, 13.0),
    (4000.0, -3.0, 12.0),
    (5000.0, -9.0, 9.0),
    (6500.0, -20.0, 3.0),
    (8000.0, -34.0, -5.0),
    (10000.0, -50.0, -12.0),
    (15000.0, -80.0, -24.0),
)
"""Where a 12-inch guitar loudspeaker, on its axis or miked closely, is to be expected: see ``card.md``."""


def reference_db(response: Vector) -> float:
    """The level that :data:`ENVELOPE` is relative to."""
    size = 1 << 16
    hertz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    db = 20 * np.log10(np.abs(np.fft.rfft(response, size)) + 1e-9)
    return float(np.mean(db[(hertz >= 200) & (hertz <= 1000)]))


def main() -> None:
    """Writes sound and picture."""
    folder = Path(__file__).resolve().parent
    response = build()
    write_audio(folder / "closed-4x12.wav", response.astype(np.float32), SAMPLE_RATE, "PCM_24")
    draw(response, folder / "response.svg")


if __name__ == "__main__":
    main()
