# SPDX-License-Identifier: MIT
"""The report of an effect model: dry, wet, prediction and error to listen to, and where they differ."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import oaconvolve

from fxtrain.audio import read_audio, resample
from fxtrain.audio.decibels import db_to_amplitude, format_db, power_to_db
from fxtrain.folders import shipped_path
from fxtrain.metrics.effects import (
    Mask,
    Signal,
    Vector,
    average_power_spectra,
    band_esr,
    error_over_time,
    esr,
    loudness_lufs,
    multi_resolution_stft_distance,
)
from fxtrain.report import audio
from fxtrain.report.audio import choose_excerpt, level_match
from fxtrain.report.glossary import COMMON_TERMS
from fxtrain.report.numbers import format_ratio, number_at, scalar_rows
from fxtrain.report.plots import Trace, spectrogram_figures, spectrum_figure
from fxtrain.report.sections import (
    Bar,
    Bars,
    BlindTest,
    Bullets,
    ColourScale,
    Columns,
    Command,
    Curve,
    Curves,
    Facts,
    Figure,
    Figures,
    Group,
    Level,
    Link,
    Panel,
    Part,
    Player,
    Section,
    Source,
    Split,
    SplitPart,
    Table,
    Tables,
    Text,
    Verdict,
    Verdicts,
)
from fxtrain.tasks.effect import plots
from fxtrain.tasks.effect.advice import advise, judge_result, next_steps
from fxtrain.tasks.effect.summary import BASELINES, describe, grade

__all__ = ["TERMS", "EffectReport", "effect_sections", "effect_verdict", "phase_sections", "write_sounds"]

_LABELS = {"input": "Dry", "target": "Wet", "prediction": "Prediction", "error": "Error"}
_ZOOMS = {
    "The loudest passage": "Shows the distortion. Orange should cover blue, flattened peaks included.",
    "Where the error is largest": "The worst 25 ms. A click or hum in the wet alone is a fault of the recording.",
    "A quiet passage": "Shows clean tone, noise and gate. A model cannot predict noise, so some pink is normal here.",
}
TERMS = (
    *COMMON_TERMS,
    *("dry", "wet", "prediction", "error", "lag", "polarity", "drift", "alias-to-signal ratio", "replicate ESR"),
    *("residual", "linear stage", "envelope", "segment", "sequence", "chunk", "warm-up", "oversampling factor"),
    *("self-test", "test vectors", "engine parity", "cabinet", "impulse response"),
)
"""Words of the glossary that the page explains."""
_TABLES = ("model", "training", "parity", "speed")


@dataclass(frozen=True, eq=False, kw_only=True)
class EffectReport:
    """What the report shows.

    Attributes:
        input: dry signal of the test part, shape ``(frames,)``, full scale is 1, lag already removed.
        target: device output, same shape.
        prediction: what the exported model makes of the input, same shape.
        sample_rate: in Hz.
        metrics: what ``metrics.json`` holds; any key may be missing.
        history: rows of ``log.jsonl``; any may be missing.
        data: the data report as a mapping; by default ``metrics["data"]``.
        command: the exact command of the run; by default ``metrics["command"]``.
        scored: which frames count; by default all.
        has_cabinet: whether a loudspeaker is part of the capture; by default judged by the sound of the target.
        run: the run's folder, as in a command; without it the page names no next steps after a good result.
    """

    input: NDArray[np.floating[Any]]
    target: NDArray[np.floating[Any]]
    prediction: NDArray[np.floating[Any]]
    sample_rate: int
    metrics: Mapping[str, Any] = field(default_factory=dict)
    history: Sequence[Mapping[str, Any]] = ()
    data: Mapping[str, Any] | None = None
    command: str | None = None
    scored: Mask | None = None
    has_cabinet: bool | None = None
    run: str = ""

    def __post_init__(self) -> None:
        shapes = {x.shape for x in (self.input, self.target, self.prediction)}
        shapes |= set() if self.scored is None else {self.scored.shape}
        if len(shapes) > 1 or self.input.ndim != 1 or not len(self.input):
            raise ValueError(f"the signals have shapes {sorted(shapes)}, expected one shape (frames,) with frames > 0")

    @cached_property
    def signals(self) -> dict[str, Signal]:
        """The four sounds in float32, as files hold them; what is not a number is shown as silence."""
        named = {"input": self.input, "target": self.target, "prediction": self.prediction}
        signals = {name: _finite(x.astype(np.float32, copy=False)) for name, x in named.items()}
        return signals | {"error": signals["prediction"] - signals["target"]}

    @cached_property
    def mask(self) -> Mask:
        """Which frames count."""
        return np.ones(self.target.shape, dtype=np.bool_) if self.scored is None else self.scored

    @cached_property
    def esr(self) -> float:
        """ESR of the metrics, or that of the signals if the metrics have none."""
        value = number_at(self.metrics, "esr")
        return value if value is not None else esr(self.signals["prediction"], self.signals["target"], mask=self.mask)

    @property
    def verdicts(self) -> list[Mapping[str, Any]]:
        """What the checks of the recordings found."""
        data = self.known["data"]
        given = data.get("verdicts") if isinstance(data, Mapping) else None
        return [verdict for verdict in given or () if isinstance(verdict, Mapping)]

    @property
    def known(self) -> dict[str, Any]:
        """The metrics with what was given beside them."""
        data = self.data if self.data is not None else self.metrics.get("data")
        return {**self.metrics, "esr": self.esr, "data": data}


def write_sounds(folder: Path, report: EffectReport) -> None:
    """Writes the files to which the page refers: ``audio/{input,target,prediction,error}.wav``, the whole test part."""
    audio.write_sounds(folder, report.signals, report.sample_rate)


def effect_verdict(report: EffectReport) -> tuple[str, str]:
    """The result in a word or two, and what it means."""
    value, words = report.esr, grade(report.esr)
    if result := judge_result(report.known):
        return words.word, result[0]["message"]
    if value >= 1:
        return words.word, f"{words.sentence} Silence would be closer to the device."
    if not value > 0:
        return words.word, words.sentence
    seconds = float(np.count_nonzero(report.mask)) / report.sample_rate
    was_heard = any(number_at(verdict, "values", "train_in_test_seconds") is not None for verdict in report.verdicts)
    material = "that was also in training" if was_heard else "it never trained on"
    below = format_db(-power_to_db(value))
    return words.word, (
        f"{words.sentence} On {seconds:.1f} s of playing {material}, its error lies {below} below the sound of the "
        "device."
    )


def effect_sections(report: EffectReport) -> list[Section]:
    """The report of an effect model, from top to bottom."""
    facts, advice = describe(report.known), advise(report.known)
    sections: list[Section] = [_player(report)]
    if facts:
        sections.append(Facts(facts))
    if advice:
        sections.append(Group("advice", "What to do next", [Bullets(advice)]))
    sections += [_baselines(report), _differences(report)]
    if zooms := plots.zoom_figures(*_three(report), report.sample_rate, mask=report.mask):
        figures = [Figure(svg, title, _ZOOMS[title]) for title, svg in zooms]
        sections.append(Group("wave", "Waveforms", [Figures(figures, columns=3)]))
    sections.append(_spectrograms(report))
    if report.run and not advice:
        sections.append(Group("advice", "What to do next", [Bullets(next_steps(report.run))]))
    if training := _training(report):
        sections.append(Group("training", "Training", training))
    if report.verdicts:
        sections.append(Group("data", "The recording", [_verdicts(report)]))
    sections.append(_again(report))
    return sections


def phase_sections(
    report: EffectReport, play_without_phase: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> list[Section]:
    """What becomes of a model's magnitudes with the phase of the input, and with the phase lost.

    Args:
        report: with the prediction that has the phase of the input.
        play_without_phase: the same for an input, with phases found by the method of Griffin and Lim.
    """
    rate = report.sample_rate
    excerpt = choose_excerpt(report.signals["target"], rate)
    dry, target, prediction = (report.signals[key][excerpt] for key in ("input", "target", "prediction"))
    without_phase = play_without_phase(dry.astype(np.float32)).astype(np.float64)
    sounds = {"target": target, "prediction": prediction, "lost": without_phase}
    player = Player(
        id="phase",
        title="Phase kept and phase lost",
        note="the same magnitudes, with the phase of the input and with none",
        sources=[
            Source(key="target", label="Wet", hint="the device", samples=sounds["target"], colour="target"),
            Source(key="prediction", label="Phase of dry", hint="as played in real time", samples=sounds["prediction"]),
            Source(key="lost", label="Phase lost", hint="found by Griffin-Lim", samples=sounds["lost"]),
        ],
        sample_rate=rate,
        selected="prediction",
        gains_db=level_match(sounds, rate, reference="target"),
        fallback="These sounds are on this page only.",
    )
    bars = [
        Bar(label, value, f"{value:.2f}", note, is_result=is_result)
        for label, note, signal, is_result in (
            ("Phase of dry", "in real time", prediction, True),
            ("Phase lost", "Griffin-Lim, 64 iterations", without_phase, False),
        )
        if math.isfinite(value := multi_resolution_stft_distance(signal, target, mask=report.mask[excerpt]))
    ]
    text = (
        "Even without its phase, a spectrum can be turned back into sound, but the waveform is a different one. ESR "
        "means nothing here, so the bars show the distance between spectra. A mel spectrum would have 80 bands instead "
        "of all frequencies. It is smaller, but many spectra share the same mel spectrum, so it cannot be inverted; "
        "these models do not use it."
    )
    return [
        player,
        Group("phase-bars", "Distance of spectra", [Bars(bars, ("Phase", "multi-resolution STFT")), Text(text)]),
    ]


def _finite(x: Signal) -> Signal:
    """The signal, with silence where it is not a number."""
    return x if np.isfinite(x).all() else np.nan_to_num(x, nan=0.0, posinf=0.0, neginf=0.0)


def _three(report: EffectReport) -> tuple[Signal, Signal, Signal]:
    return report.signals["input"], report.signals["target"], report.signals["prediction"]


def _player(report: EffectReport) -> Player:
    rate = report.sample_rate
    excerpt = choose_excerpt(report.signals["target"], rate)
    cut = {name: x[excerpt] for name, x in report.signals.items()}
    note = f"{(excerpt.stop - excerpt.start) / rate:.1f} s of the test part"
    if excerpt.start:
        note += f", from {excerpt.start / rate:.1f} s on"
    if np.count_nonzero(~report.mask) > 0.01 * rate:
        note += "; clips joined, their starts not scored"
    return Player(
        id="listen",
        note=note,
        sources=[
            Source(key="input", label="Dry", hint="your playing", samples=cut["input"], colour="dry"),
            Source(key="target", label="Wet", hint="the device", samples=cut["target"], colour="target"),
            Source(
                key="prediction",
                label="Prediction",
                hint="the model",
                sum_of=("target", "error"),
                colour="prediction",
            ),
            Source(key="error", label="Error", hint="what is missing", samples=cut["error"], colour="error"),
        ],
        sample_rate=rate,
        selected="target",
        gains_db=level_match(cut, rate, reference="target", peaky=("error",)),
        blind=BlindTest("target", "prediction", names=("the device", "the model")),
        cabinet=_cabinet(report, cut["target"]),
        fallback="The sounds lie beside this page in the folder audio.",
    )


def _cabinet(report: EffectReport, wet: Signal) -> Vector | None:
    """The shipped cabinet for a capture that has none, at which the wet is as loud as before, but for clipping."""
    path = shipped_path("models/cabinet/closed-4x12.wav")
    if path is None or _has_cabinet(report, wet):
        return None
    audio = read_audio(path)
    response = resample(audio.samples, audio.sample_rate, report.sample_rate).astype(np.float64)
    played = oaconvolve(wet, response)[: len(wet)]
    before, behind = (loudness_lufs(x, report.sample_rate, absolute_gate=False) for x in (wet, played))
    if not math.isfinite(before) or not math.isfinite(behind):
        return None
    scaled: Vector = response * min(db_to_amplitude(before - behind), 1.0 / float(np.max(np.abs(played))))
    return scaled


def _has_cabinet(report: EffectReport, wet: Signal) -> bool:
    """Whether the capture holds a loudspeaker: as the run says, or else by its treble.

    In recordings of distorted guitar, 7 to 12 kHz lie 18 to 30 dB below 1 to 4 kHz without a loudspeaker, and 36 to
    50 dB with one.
    """
    if report.has_cabinet is not None:
        return report.has_cabinet
    hz, (power,) = average_power_spectra([wet], report.sample_rate)
    treble, middle = (float(power[(hz >= low) & (hz < high)].sum()) for low, high in ((7e3, 12e3), (1e3, 4e3)))
    return power_to_db(treble / max(middle, 1e-30)) < -33.0


def _baselines(report: EffectReport) -> Group:
    """ESR of the model and of what it must beat."""
    bars = [
        Bar(label, value, format_ratio(value), note)
        for key, (label, note) in BASELINES.items()
        if (value := number_at(report.metrics, "baselines", key)) is not None
    ]
    bars.append(Bar("This model", report.esr, format_ratio(report.esr), is_result=True))
    return Group(
        "baselines",
        "Against simpler answers",
        [Bars(bars, ("Answer", "ESR"), least_end=1.0)],
        lead="ESR (error-to-signal ratio) on the test part, on a logarithmic scale: shorter is better. Each baseline "
        "is fitted on the training part, as the model is. A model that is no better than a filter is an equaliser.",
    )


def _differences(report: EffectReport) -> Group:
    input, target, prediction = _three(report)
    rate, mask = report.sample_rate, report.mask
    # A point each tenth of a second, or three hundred points over a long recording.
    over_time = error_over_time(
        prediction, target, rate, mask=mask, window_seconds=max(0.1, len(target) / rate / 300.0)
    )
    spectra = [
        Trace("Dry", input, "dry", width=1.0),
        Trace("Wet", target, "target", width=4.0, alpha=0.45),
        Trace("Prediction", prediction, "prediction"),
        Trace("Error", report.signals["error"], "error", width=1.4),
    ]
    figures = [
        Figure(
            plots.over_time_figure(over_time, report.esr),
            "Over time",
            "Blue is the level of the device, pink that of the error; the distance between them is the ESR of that "
            "moment.",
            "Listen where pink comes close to blue. If that is where you play in one way only, record more of it.",
        ),
        Figure(
            plots.bands_figure(band_esr(prediction, target, rate, mask=mask)),
            "By pitch range",
            "The number under each octave is its ESR in dB; lower is better.",
            "A poor octave at either end often means noise, or too little playing there. If all high octaves are poor, "
            "try a larger model; against aliasing, play it with oversampling: fxtrain render --oversample 2, or the "
            "plugin's setting.",
        ),
        Figure(
            spectrum_figure(spectra, rate, reference=1, mask=mask),
            "Average spectrum",
            "The prediction should cover the wet. Smoothed over a sixth of an octave.",
            "A gap at all frequencies is a difference in level: check that no knob was moved. A gap at some is one in "
            "tone: train longer, or try a model with a linear stage.",
        ),
        Figure(
            plots.transfer_figure(input, target, prediction, mask=mask),
            "Response",
            "How often each output level follows an input level. A straight line is a clean device; a curve that "
            "flattens is distortion. The device and the model should show the same shape.",
            "If the ends of the curve differ, the recording has too little loud playing.",
        ),
    ]
    return Group(
        "where",
        "Where it differs",
        [Figures(figures)],
        lead="In every panel blue is the device and pink the error. The further pink lies below blue, the better.",
    )


def _spectrograms(report: EffectReport) -> Group:
    shown = choose_excerpt(report.signals["target"], report.sample_rate)
    signals = {_LABELS[key]: report.signals[key][shown] for key in ("target", "prediction", "error")}
    figures = [Figure(svg, title) for title, svg in spectrogram_figures(signals, report.sample_rate)]
    part = Figures(
        figures,
        columns=3,
        lead="The excerpt of the player. Pink and white are loud, black is quiet. The error should be darker than the "
        "wet everywhere; bright lines in it that the wet lacks are aliasing or hum. All three have the same",
        scale=ColourScale("scale of 90 dB:", "\N{MINUS SIGN}90", "0 dB"),
    )
    return Group("spectrogram", "Spectrograms", [part])


def _that_count(settings: object) -> object:
    """Settings without those of a stage that is off: ``linear_stage_taps`` where ``linear_stage`` is "off"."""
    if not isinstance(settings, Mapping):
        return settings
    off = tuple(f"{key}_" for key, value in settings.items() if value == "off")
    return {key: value for key, value in settings.items() if not (off and str(key).startswith(off))}


def _training(report: EffectReport) -> list[Part]:
    metrics = report.metrics
    learning = Panel(
        [Curve("train_loss", "Training loss", "dry"), Curve("val_esr", "Validation ESR", "prediction")],
        criterion="val_esr",
        levels=[
            Level(report.esr, "Test ESR"),
            Level(number_at(metrics, "baselines", "fir"), "linear filter", is_rival=True),
        ],
    )
    found = [(title, rows) for title in _TABLES if (rows := scalar_rows(_that_count(metrics.get(title))))]
    tables = [Table(title.capitalize(), rows, is_open=place < 2) for place, (title, rows) in enumerate(found)]
    if rows := scalar_rows(metrics.get("test")):
        tables.append(Table("All test metrics", rows))
    curves = Curves(
        report.history,
        [learning],
        caption="Both curves should fall and then flatten. The weights with the best validation ESR are kept.",
        remedy="If validation rises while the loss falls, the model learns the recording by heart: record more. If "
        "both still fall at the end, train longer with --max-minutes.",
    )
    split = _split(metrics.get("split"))
    parts: list[Part] = [Split(split)] if split else []
    return [*parts, Columns([curves, Tables(tables)])] if report.history or tables else parts


def _split(parts: object) -> list[SplitPart]:
    """Seconds in each part of the material, all recordings together."""
    seconds: dict[str, float] = {}
    for part in parts if isinstance(parts, Sequence) and not isinstance(parts, str) else ():
        start, end = number_at(part, "start_seconds"), number_at(part, "end_seconds")
        if start is not None and end is not None and end > start:
            seconds[str(part.get("part"))] = seconds.get(str(part.get("part")), 0.0) + end - start
    return [SplitPart(name, length, f"{length:.1f} s") for name, length in seconds.items()]


def _verdicts(report: EffectReport) -> Verdicts:
    keys = ("name", "level", "message", "remedy")
    return Verdicts([Verdict(**{key: str(verdict.get(key) or "") for key in keys}) for verdict in report.verdicts])


def _again(report: EffectReport) -> Group:
    command = report.command if report.command is not None else str(report.metrics.get("command") or "")
    seconds = len(report.target) / report.sample_rate
    text = f"The whole test part ({seconds:.1f} s at {report.sample_rate} Hz) lies beside this page:"
    links = [Link(label.lower(), f"audio/{key}.wav") for key, label in _LABELS.items()]
    return Group("again", "Do it again", [*([Command(command)] if command else []), Text(text, links)])
