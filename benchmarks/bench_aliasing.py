# SPDX-License-Identifier: MIT
"""Aliasing of oversampled playback: the engine with its own filters, and the same networks with ideal ones.

    python benchmarks/bench_aliasing.py amp.json [more.json ...] [--level 0.5] [--figure curve.svg]

The input is a sine, in steps up the scale for the curve and of 5 kHz for the table. What comes out is periodic, so that
its spectrum has lines and nothing between them: the harmonics of the tone, and what folded back. The alias-to-signal
ratio is the energy of all lines below half the sample rate that are no harmonic, over the energy of those that are, in
dB; "to 20 kHz" leaves out both above. 0 Hz belongs to neither. Rounding alone gives about -140 dB.

For "ideal", each phase of the oversampled signal is computed exactly and played as a stream of the network, and the
filter is a brick wall at half the sample rate: the spectrum of the whole period, cut off there.
"""

from __future__ import annotations

import argparse
import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from machine import commit, processor_name
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from fxtrain import engine

FACTORS = (1, 2, 4, 8)
PERIODS = 5  # the last one is looked at
COLOURS = {1: "#b33a3a", 2: "#c98a1b", 4: "#2f7d4f", 8: "#2b5fa8"}

Vector = npt.NDArray[np.float64]


class Tone:
    """A sine of about ``frequency`` Hz with a whole number of cycles in a period of about a fifth of a second."""

    def __init__(self, frequency: float, sample_rate: float, level: float) -> None:
        self.sample_rate = sample_rate
        self.level = level
        self.period = 2 * round(sample_rate / 10)  # frames
        self.cycles = round(frequency * self.period / sample_rate)
        while math.gcd(self.cycles, self.period) != 1:  # else aliases may fall on harmonics
            self.cycles += 1

    @property
    def frequency(self) -> float:
        """In Hz, as it came out."""
        return self.cycles * self.sample_rate / self.period

    def phases(self, factor: int) -> npt.NDArray[np.float32]:
        """One period at ``factor`` times the rate, shape ``(factor, period)``: sample factor * t + q at ``[q, t]``."""
        size = factor * self.period
        turns = self.cycles * np.arange(size) % size / size
        signal = self.level * np.sin(2 * np.pi * turns)
        return np.ascontiguousarray(signal.reshape(self.period, factor).T, dtype=np.float32)

    def ratio(self, period: Vector, limit_hz: float = 1e9) -> float:
        """Alias-to-signal ratio in dB of one period of output, at any multiple of the sample rate."""
        last = min(self.period // 2 - 1, int(limit_hz * self.period / self.sample_rate))
        lines = np.arange(1, last + 1)
        energy = np.abs(np.fft.rfft(period))[1 : last + 1] ** 2
        harmonic = lines % self.cycles == 0
        return float(10 * np.log10((energy[~harmonic].sum() + 1e-300) / energy[harmonic].sum()))


def play(model: engine.Model, period: npt.NDArray[np.float32]) -> Vector:
    """The last of several periods, by when the model's state repeats as well."""
    model.reset()
    output = model.process(np.ascontiguousarray(np.tile(period, PERIODS)))
    return output[..., -period.shape[-1] :].astype(np.float64)


def with_own_filters(path: Path, tone: Tone, factor: int) -> Vector:
    """One period of the engine's output."""
    return play(engine.load(path, oversampling=factor), tone.phases(1)[0])


def with_ideal_filters(path: Path, tone: Tone, factor: int) -> Vector:
    """One period at the higher rate, as the network gives it: what is above the band is there to be left out."""
    return play(engine.load(path), tone.phases(factor)).T.reshape(-1)


def table(path: Path, levels: Sequence[float]) -> list[str]:
    """Rows for a tone of 5 kHz: the ratio in dB, in all and to 20 kHz, and in brackets with ideal filters."""
    info = engine.load(path).info
    rows = []
    for level in levels:
        tone = Tone(5000.0, info.sample_rate or 48_000.0, level)
        cells = []
        for factor in FACTORS:
            own, ideal = with_own_filters(path, tone, factor), with_ideal_filters(path, tone, factor)
            cells.append(
                f"{tone.ratio(own):.1f} ({tone.ratio(ideal):.1f}), "
                f"{tone.ratio(own, 20e3):.1f} ({tone.ratio(ideal, 20e3):.1f})"
            )
        rows.append(f"| {info.name} | {20 * math.log10(level):.0f} dBFS | " + " | ".join(cells) + " |")
    return rows


def draw(paths: Sequence[Path], level: float, steps: int, target: Path) -> None:
    """Ratio to 20 kHz over the frequency of the tone, a panel for each model; ideal filters dashed."""
    figure = Figure(figsize=(3.4 * len(paths) + 0.4, 3.6), layout="constrained")
    FigureCanvasSVG(figure)
    panels = figure.subplots(1, len(paths), sharey=True, squeeze=False)[0]
    for panel, path in zip(panels, paths, strict=True):
        info = engine.load(path).info
        tones = [Tone(f, info.sample_rate or 48_000.0, level) for f in np.geomspace(100, 15_000, steps)]
        for factor in FACTORS:
            own = [tone.ratio(with_own_filters(path, tone, factor), 20e3) for tone in tones]
            ideal = [tone.ratio(with_ideal_filters(path, tone, factor), 20e3) for tone in tones]
            x = [tone.frequency for tone in tones]
            panel.plot(x, own, color=COLOURS[factor], linewidth=1.5, label=f"{factor}x")
            panel.plot(x, ideal, color=COLOURS[factor], linewidth=0.9, linestyle=(0, (3, 2)))
        panel.set(xscale="log", xlabel="tone, Hz", title=info.name, ylim=(-155, 5))
        panel.grid(visible=True, color="#dddddd", linewidth=0.6)
    panels[0].set_ylabel("alias-to-signal ratio, dB")
    panels[0].legend(loc="upper left", frameon=False, fontsize=8, ncols=4, handlelength=1.2, columnspacing=0.8)
    picture = io.StringIO()
    figure.savefig(picture, format="svg", metadata={"Date": None, "Creator": "fxtrain"})
    target.write_text("".join(line.rstrip() + "\n" for line in picture.getvalue().splitlines()), encoding="utf-8")


def main() -> None:
    """Print the table, and draw the curve where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL")
    parser.add_argument("--level", type=float, default=0.5, metavar="A", help="of the curve's tones; full scale is 1")
    parser.add_argument("--levels", type=float, nargs="+", default=[0.1, 0.5, 1.0], metavar="A", help="of the table's")
    parser.add_argument("--steps", type=int, default=40, metavar="N", help="tones of the curve")
    parser.add_argument("--figure", type=Path, metavar="SVG", help="draw the curve")
    args = parser.parse_args()
    print(f"{processor_name()}, commit {commit()}. dB: in all, to 20 kHz; in brackets with ideal filters.\n")
    print("| model | tone of 5 kHz at | 1x | 2x | 4x | 8x |\n|---|---|---|---|---|---|")
    for path in args.models:
        print("\n".join(table(path, args.levels)), flush=True)
    if args.figure:
        draw(args.models, args.level, args.steps, args.figure)


if __name__ == "__main__":
    main()
