# SPDX-License-Identifier: MIT
"""Draws the figures that explain WaveNet and digital sound, for docs/generators.

    python docs/figures/wavenet.py [--out docs/images]

All curves are computed here: the speech is synthetic, so that the pictures can be made anywhere and belong to nobody.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from drawing import BLUE, GREY, ORANGE, draw_all, new_figure, save
from matplotlib.patches import FancyBboxPatch
from numpy.typing import NDArray

from fxtrain.audio.mel import mel_filterbank
from fxtrain.audio.mu_law import mu_law_decode, mu_law_encode
from fxtrain.synthetic.voices import VOICES, synthesise_voice


def draw_mel(path: Path) -> None:
    """The same speech as a spectrogram and as a mel-spectrogram."""
    rate, n_fft, hop, bands = 16000, 512, 128, 40
    samples = synthesise_voice(VOICES["alto"], 2.0, rate, 4).samples
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, n_fft // 2), n_fft)[::hop]
    magnitudes = np.abs(np.fft.rfft(frames * np.hanning(n_fft), axis=1)).T
    mels = mel_filterbank(rate, n_fft, bands) @ magnitudes
    figure, axes = new_figure(9, 3.4, columns=2)
    for place, image, title, label in (
        (axes[0], magnitudes, f"Spectrogram: {len(magnitudes)} frequencies", "kHz"),
        (axes[1], mels, f"Mel-spectrogram: {bands} bands", "mel band"),
    ):
        level = 20 * np.log10(np.maximum(image, 1e-9))
        top = rate / 2000 if label == "kHz" else bands
        place.imshow(
            level,
            cmap="magma",
            vmin=level.max() - 70,
            vmax=level.max(),
            origin="lower",
            aspect="auto",
            extent=(0, 2.0, 0, top),
            interpolation="none",
        )
        place.grid(visible=False)
        place.set_title(title, fontsize=10)
        place.set_xlabel("seconds")
        place.set_ylabel(label)
    save(figure, path)


def draw_mu_law(path: Path) -> None:
    """The curve of the mu-law, and what 8 bits cost with it and without it."""
    figure, axes = new_figure(9, 3.4, columns=2)
    x = np.linspace(-1, 1, 2001)
    axes[0].plot(x, mu_law_encode(x), color=ORANGE, label="mu-law, mu = 255")
    axes[0].plot(x, np.round((x + 1) / 2 * 255), color=GREY, label="linear")
    axes[0].set_xlabel("amplitude")
    axes[0].set_ylabel("code")
    axes[0].legend()
    level_db = np.arange(-60.0, 1.0, 2.0)
    tone = np.sin(2 * np.pi * 0.0137 * np.arange(20000))
    axes[1].plot(level_db, [_snr(tone, db, _by_mu_law) for db in level_db], color=ORANGE, label="mu-law")
    axes[1].plot(level_db, [_snr(tone, db, _linearly) for db in level_db], color=GREY, label="linear")
    axes[1].set_xlabel("level of a sine in dB")
    axes[1].set_ylabel("signal to noise in dB, 8 bits")
    axes[1].legend()
    save(figure, path)


def _snr(tone: NDArray[np.float64], level_db: float, coded: Any) -> float:
    x = tone * 10 ** (level_db / 20)
    return float(10 * np.log10(np.sum(x**2) / np.sum((coded(x) - x) ** 2)))


def _by_mu_law(x: NDArray[np.float64]) -> NDArray[np.float32]:
    return mu_law_decode(mu_law_encode(x))


def _linearly(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.round((x + 1) / 2 * 255) / 255 * 2 - 1)


def draw_dilation(path: Path) -> None:
    """Which samples the next one depends on, in a stack of four layers."""
    dilations, num = [1, 2, 4, 8], 18
    figure, axes = new_figure(9, 3.4)
    height = len(dilations) + 1
    needed = {len(dilations): {num - 1}}
    for layer in range(len(dilations) - 1, -1, -1):
        needed[layer] = {t - back for t in needed[layer + 1] for back in (0, dilations[layer])}
    for layer, dilation in enumerate(dilations):
        for t in range(num):
            used = t in needed[layer + 1]
            for back in (0, dilation):
                if t - back >= 0:
                    style = {"color": ORANGE, "linewidth": 1.3} if used else {"color": "#e4e4e4", "linewidth": 0.6}
                    axes.plot([t - back, t], [layer, layer + 1], zorder=2 if used else 1, **style)
    for row in range(height):
        colours = [ORANGE if t in needed[row] else "#bbbbbb" for t in range(num)]
        axes.scatter(range(num), [row] * num, s=34, c=colours, zorder=3)
    axes.annotate("predicts the next sample", (num - 1, height - 1), (num - 6.5, height - 0.55), color=ORANGE)
    axes.set_yticks(range(height), ["samples", *(f"dilation {d}" for d in dilations)])
    axes.set_xticks([])
    axes.set_xlim(-0.7, num - 0.3)
    axes.set_ylim(-0.4, height - 0.2)
    axes.grid(visible=False)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.set_title(f"{sum(dilations) + 1} samples are heard by {len(dilations)} layers of two taps", fontsize=10)
    save(figure, path)


def draw_sampling(path: Path) -> None:
    """A wave read too rarely, often enough, and in steps that are too coarse."""
    t = np.linspace(0, 1, 2000)

    def wave(t: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(0.7 * np.sin(2 * np.pi * 3 * t) + 0.25 * np.sin(2 * np.pi * 9 * t))

    figure, axes = new_figure(9, 2.8, columns=3)
    for place, rate, title in ((axes[0], 12, "12 readings a second"), (axes[1], 40, "40 readings a second")):
        at = np.arange(rate + 1) / rate
        # Band-limited interpolation of what was read, as a converter plays it.
        around = np.arange(-200, 201) / rate
        again = sum(wave(np.array([s]))[0] * np.sinc(rate * (t - s)) for s in around)
        place.plot(t, wave(t), color=GREY, linewidth=1.0, label="sound")
        place.plot(t, again, color=ORANGE, label="played back")
        place.plot(at, wave(at), "o", color=BLUE, markersize=3.5)
        place.set_title(f"{title}, up to {rate / 2:g} Hz", fontsize=10)
    axes[0].legend(loc="lower left", fontsize=8)
    at = np.arange(121) / 120
    steps = np.round(wave(at) * 4) / 4
    axes[2].plot(t, wave(t), color=GREY, linewidth=1.0)
    axes[2].step(at, steps, where="mid", color=ORANGE)
    axes[2].set_title("3 bits: 8 steps, 120 readings", fontsize=10)
    for place in axes:
        place.set_xlabel("seconds")
        place.set_ylim(-1.15, 1.15)
    save(figure, path)


def draw_capture(path: Path) -> None:
    """From air to numbers: the chain, and a delta-sigma converter at work."""
    figure, (above, below) = new_figure(9, 4.4, rows=2)
    names = ["microphone", "amplifier", "low-pass filter", "delta-sigma\nmodulator", "decimation\nfilter", "samples"]
    notes = [
        "air to volts",
        "volts to full scale",
        "nothing above the band",
        "1 bit, 64 x 48 kHz",
        "to 16 bits",
        "48 000 a second",
    ]
    for index, (name, note) in enumerate(zip(names, notes, strict=True)):
        above.add_patch(FancyBboxPatch((index * 1.5, 0.5), 1.15, 0.7, boxstyle="round,pad=0.03", fc="white", ec=BLUE))
        above.text(index * 1.5 + 0.575, 0.85, name, ha="center", va="center", fontsize=8.5)
        above.text(index * 1.5 + 0.575, 0.22, note, ha="center", va="center", fontsize=7.5, color=GREY)
        if index:
            above.annotate("", (index * 1.5 - 0.06, 0.85), (index * 1.5 - 0.3, 0.85), arrowprops={"arrowstyle": "->"})
    above.set_xlim(-0.15, 8.8)
    above.set_ylim(0, 1.4)
    above.axis("off")
    num = 320
    x = 0.7 * np.sin(2 * np.pi * np.arange(num) / 160)
    bits, total = np.zeros(num), 0.0
    for index, value in enumerate(x):  # a first-order modulator: its error goes into the next bit
        total += value - (bits[index - 1] if index else 0.0)
        bits[index] = 1.0 if total >= 0 else -1.0
    mean = np.convolve(bits, np.hanning(34) / np.hanning(34).sum(), mode="same")
    below.step(range(num), bits, where="mid", color="#cccccc", linewidth=0.8, label="one bit")
    below.plot(x, color=GREY, label="sound")
    below.plot(mean, color=ORANGE, label="the bits, filtered")
    below.set_xlabel("bits")
    below.set_ylim(-1.25, 1.9)
    below.legend(loc="upper right", ncols=3, fontsize=8)
    save(figure, path)


FIGURES = {
    "wavenet-mel": draw_mel,
    "wavenet-mu-law": draw_mu_law,
    "wavenet-dilation": draw_dilation,
    "wavenet-sampling": draw_sampling,
    "wavenet-capture": draw_capture,
}


if __name__ == "__main__":
    draw_all(FIGURES, __doc__ or "")
