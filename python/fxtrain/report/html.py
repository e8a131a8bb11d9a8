# SPDX-License-Identifier: MIT
"""The report of a run: one page that needs nothing but itself, with players for what it is about.

The page holds a bounded excerpt of the test part as 16-bit samples and rebuilds the prediction as target plus error,
so that all four sounds are exactly in step and the error keeps the full resolution at its own, small scale.
A content security policy forbids it to fetch anything or to run any script but its own.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import math
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

import fxtrain
from fxtrain.atomic import write_atomically
from fxtrain.audio import write_audio
from fxtrain.report import plots
from fxtrain.report.advice import advise
from fxtrain.report.metrics import Mask, Vector, band_esr, decibels, error_over_time, esr, loudness_lufs
from fxtrain.report.summary import describe, format_esr, grade, number_at

__all__ = ["RunReport", "choose_excerpt", "level_match", "write_report"]

EXCERPT_SECONDS = 12.0
"""Longest sound in the page: 4 MB of text at 44.1 kHz."""

_TABLES = ("model", "training", "parity", "speed")
_SPELLING = {"cpu": "CPU", "db": "dB", "dc": "DC", "esr": "ESR", "mr": "MR", "rms": "RMS", "stft": "STFT"}
SOURCES = ("input", "target", "prediction", "error")


@dataclass(frozen=True, eq=False, kw_only=True)
class RunReport:
    """What the page shows.

    Attributes:
        input: dry signal of the test part, shape ``(frames,)``, full scale is 1, lag already removed.
        target: device output, same shape.
        prediction: what the exported model makes of the input, same shape.
        sample_rate: in Hz.
        metrics: what ``metrics.json`` holds; any key may be missing.
        history: rows of ``log.jsonl``; any may be missing.
        data: the data report as a mapping; by default ``metrics["data"]``.
        command: the exact command of the run; by default ``metrics["command"]``.
        name: of the device or the run.
        scored: which frames count; by default all.
    """

    input: NDArray[np.floating[Any]]
    target: NDArray[np.floating[Any]]
    prediction: NDArray[np.floating[Any]]
    sample_rate: int
    metrics: Mapping[str, Any] = field(default_factory=dict)
    history: Sequence[Mapping[str, Any]] = ()
    data: Mapping[str, Any] | None = None
    command: str | None = None
    name: str = "Untitled"
    scored: Mask | None = None

    def __post_init__(self) -> None:
        shapes = {x.shape for x in (self.input, self.target, self.prediction)}
        shapes |= set() if self.scored is None else {self.scored.shape}
        if len(shapes) > 1 or self.input.ndim != 1 or not len(self.input):
            raise ValueError(f"the signals have shapes {sorted(shapes)}, expected one shape (frames,) with frames > 0")


def write_report(run_dir: Path, report: RunReport) -> Path:
    """Writes ``audio/{input,target,prediction,error}.wav`` (32-bit float, whole test part) and ``report.html``.

    Args:
        run_dir: made if missing; files of the same names are replaced, each only once it is complete.
        report: what to show.

    Returns:
        Path of the page.
    """
    signals = _signals(report)
    folder = run_dir / "audio"
    folder.mkdir(parents=True, exist_ok=True)
    for name, samples in signals.items():
        write_audio(folder / f"{name}.wav", samples.astype(np.float32), report.sample_rate, subtype="FLOAT")
    path = run_dir / "report.html"
    write_atomically(path, render_report(report).encode())
    return path


def render_report(report: RunReport) -> str:
    """The page as text."""
    signals = _signals(report)
    scored = np.ones(report.target.shape, dtype=np.bool_) if report.scored is None else report.scored
    metrics = report.metrics
    value = number_at(metrics, "esr")
    if value is None:
        value = esr(signals["prediction"], signals["target"], mask=scored)
    command = report.command if report.command is not None else str(metrics.get("command") or "")
    data = report.data if report.data is not None else metrics.get("data")
    assets = resources.files("fxtrain.report") / "page"
    script = (assets / "player.js").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters.update(esr=format_esr, words=_words, fact=_fact)
    return environment.from_string((assets / "report.html.j2").read_text(encoding="utf-8")).render(
        name=report.name,
        date=date.today().isoformat(),
        esr=value,
        esr_db=decibels(value),
        grade=grade(value),
        facts=describe({**metrics, "esr": value, "data": data}),
        advice=advise({**metrics, "esr": value, "data": data}),
        bars=_bars(metrics.get("baselines"), value),
        player=_player(signals, report.sample_rate),
        figures=_figures(report, signals, scored, value),
        scale=Markup(plots.colour_scale_css()),
        test_seconds=len(report.target) / report.sample_rate,
        scored_seconds=float(np.count_nonzero(scored)) / report.sample_rate,
        sample_rate=report.sample_rate,
        test=_scalars(metrics.get("test")),
        split=_split(metrics.get("split")),
        tables=[(title, rows) for title in _TABLES if (rows := _scalars(metrics.get(title)))],
        verdicts=_verdicts(data),
        heard=_was_heard(data),
        command=command,
        versions=_versions(),
        style=Markup((assets / "style.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


# Sound


def choose_excerpt(target: Vector, sample_rate: int, seconds: float = EXCERPT_SECONDS) -> slice:
    """The most varied stretch of a recording, at most ``seconds`` long.

    Playing is described in frames of a tenth of a second by level (steps of 6 dB, down to 48 below the loudest) and
    brightness (spectral centroid, steps of half an octave); the stretch that visits most combinations wins, the
    earliest of equals.
    """
    length = round(seconds * sample_rate)
    if len(target) <= length:
        return slice(0, len(target))
    width = max(sample_rate // 10, 1)
    frames = target[: len(target) // width * width].reshape(-1, width)
    power = np.abs(np.fft.rfft(frames * np.hanning(width))) ** 2
    energy = power.sum(axis=1)
    level = 10.0 * np.log10(np.maximum(energy, 1e-30) / max(float(energy.max()), 1e-30))
    hz = np.fft.rfftfreq(width, 1.0 / sample_rate)
    centroid = np.maximum(power @ hz / np.maximum(energy, 1e-30), 20.0)
    kind = np.where(level > -48.0, 100 * np.floor(level / 6.0) + np.floor(2.0 * np.log2(centroid)), np.inf)
    held = length // width
    variety = [len(set(kind[at : at + held]) - {np.inf}) for at in range(0, len(kind) - held + 1, 5)]
    start = 5 * int(np.argmax(variety)) * width
    return slice(start, start + length)


def level_match(signals: Mapping[str, Vector], sample_rate: int) -> dict[str, float | None]:
    """Gains in dB after which all signals are equally loud, as ITU-R BS.1770 hears it.

    The target is left at its level unless another signal would clip at that loudness; then all come down together.
    For the error, which is mostly peaks, they come down by at most 9 dB more; beyond that it stays softer. ``None``
    for a signal that is silent, below -150 LUFS.
    """
    loudness = {name: loudness_lufs(x, sample_rate, absolute_gate=-150.0) for name, x in signals.items()}
    room = {name: -20.0 * math.log10(max(float(np.max(np.abs(x))), 1e-10)) for name, x in signals.items()}
    audible = [name for name in signals if math.isfinite(loudness[name])]
    loudest = {name: loudness[name] + room[name] for name in audible}  # without clipping
    music = [name for name in audible if name != "error"]
    reference = min([loudest[name] for name in music] + [loudness["target"]] * ("target" in music), default=-23.0)
    if "error" in audible:
        reference = min(reference, max(loudest["error"], reference - 9.0))
    return {name: min(reference - loudness[name], room[name]) if name in audible else None for name in signals}


def _signals(report: RunReport) -> dict[str, Vector]:
    """The four sounds in float64; what is not a number is shown as silence."""
    named = {"input": report.input, "target": report.target, "prediction": report.prediction}
    signals: dict[str, Vector] = {
        name: np.nan_to_num(np.asarray(x, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        for name, x in named.items()
    }
    return signals | {"error": signals["prediction"] - signals["target"]}


def _player(signals: Mapping[str, Vector], sample_rate: int) -> dict[str, Any]:
    excerpt = choose_excerpt(signals["target"], sample_rate)
    cut = {name: x[excerpt] for name, x in signals.items()}
    return {
        "sampleRate": sample_rate,
        "start": excerpt.start / sample_rate,
        "seconds": (excerpt.stop - excerpt.start) / sample_rate,
        "gains": level_match(cut, sample_rate),
        "clips": {name: _pcm(cut[name]) for name in SOURCES if name != "prediction"},
    }


def _pcm(x: Vector) -> dict[str, Any]:
    """16-bit little-endian samples in base64, and what full scale stands for."""
    scale = float(np.max(np.abs(x), initial=0.0)) or 1.0
    samples = np.round(x / scale * 32767.0).astype("<i2")
    return {"scale": scale / 32767.0, "pcm": base64.b64encode(samples.tobytes()).decode()}


# Figures


def _figures(report: RunReport, signals: Mapping[str, Vector], scored: Mask, value: float) -> dict[str, Any]:
    x, y, p, error = (signals[name] for name in SOURCES)
    rate, baselines = report.sample_rate, report.metrics.get("baselines") or {}
    shown = choose_excerpt(y, rate)
    spectrograms = {"Wet": y[shown], "Prediction": p[shown], "Error": error[shown]}
    # A point each tenth of a second, or three hundred points over a long recording.
    over_time = error_over_time(p, y, rate, mask=scored, window_seconds=max(0.1, len(y) / rate / 300.0))
    drawn: dict[str, Any] = {
        "zooms": plots.zoom_figures(x, y, p, rate, mask=scored),
        "time": plots.over_time_figure(over_time, value),
        "bands": plots.bands_figure(band_esr(p, y, rate, mask=scored)),
        "spectrum": plots.spectrum_figure(x, y, p, rate, mask=scored),
        "transfer": plots.transfer_figure(x, y, p, mask=scored),
        "spectrograms": plots.spectrogram_figures(spectrograms, rate),
        "learning": plots.learning_figure(report.history, test_esr=value, fir_esr=baselines.get("fir")),
    }

    def trusted(drawing: Any) -> Any:
        if isinstance(drawing, list):
            return [(title, Markup(svg)) for title, svg in drawing]
        return drawing and Markup(drawing)

    return {name: trusted(drawing) for name, drawing in drawn.items()}


# Tables


def _words(key: object) -> str:
    """A key as a person would write it: ``num_layers`` is "layers", ``esr_db`` is "ESR dB"."""
    words = str(key).removeprefix("num_").replace("_", " ").split(" ")
    return " ".join(_SPELLING.get(word, word) for word in words)


def _fact(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\N{THIN SPACE}")
    if isinstance(value, float):
        return format_esr(value) if 0.0 < abs(value) < 1e-3 else f"{value:.4g}"
    return str(value)


def _scalars(table: object) -> list[tuple[str, object]]:
    """The entries of a mapping that fit in a cell; those of inner mappings follow under "outer inner"."""

    def walk(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, object]]:
        for key, value in table.items():
            if isinstance(value, Mapping):
                yield from walk(value, f"{prefix}{key} ")
            elif isinstance(value, str | bool) or number_at({"": value}, "") is not None:
                yield f"{prefix}{key}", value

    return list(walk(table, "")) if isinstance(table, Mapping) else []


def _bars(baselines: object, value: float) -> list[dict[str, Any]]:
    """ESR of the model and of what it must beat, with lengths on a common logarithmic scale."""
    labels = {
        "input": ("Dry, as it is", "no model at all"),
        "best_gain": ("Dry, at the best level", "one gain"),
        "fir": ("Linear filter", "512 taps, least squares"),
    }
    given = baselines if isinstance(baselines, Mapping) else {}
    entries = [(key, *labels[key], v) for key in labels if (v := number_at(given, key)) is not None]
    entries.append(("model", "This model", "", value))
    finite = [v for *_, v in entries if v > 0.0 and math.isfinite(v)] or [1.0]
    floor = 10.0 ** math.floor(math.log10(min(finite)) - 0.15)
    span = math.log10(max(max(finite), 1.0) / floor)
    return [
        {
            "key": key,
            "label": label,
            "note": note,
            "esr": v,
            "share": 100.0 * min(max(math.log10(max(v, floor) / floor) / span, 0.0), 1.0),
        }
        for key, label, note, v in entries
    ]


def _split(parts: object) -> list[dict[str, Any]]:
    """Seconds in each part of the material, all recordings together."""
    seconds: dict[str, float] = {}
    for part in parts if isinstance(parts, Sequence) and not isinstance(parts, str) else ():
        start, end = number_at(part, "start_seconds"), number_at(part, "end_seconds")
        if start is not None and end is not None and end > start:
            seconds[str(part.get("part"))] = seconds.get(str(part.get("part")), 0.0) + end - start
    total = sum(seconds.values())
    return [{"name": name, "seconds": length, "share": 100.0 * length / total} for name, length in seconds.items()]


def _verdicts(data: object) -> list[dict[str, str]]:
    """Verdicts of the data report, the gravest first."""
    levels = ("stop", "warn", "note", "ok")
    given = data.get("verdicts") if isinstance(data, Mapping) else None
    rows = [
        {key: str(verdict.get(key) or "") for key in ("name", "level", "message", "remedy")}
        for verdict in given or ()
        if isinstance(verdict, Mapping)
    ]
    return sorted(rows, key=lambda row: levels.index(row["level"]) if row["level"] in levels else len(levels))


def _was_heard(data: object) -> bool:
    """Whether the test part was also trained on."""
    given = data.get("verdicts") if isinstance(data, Mapping) else None
    return any(number_at(verdict, "values", "train_in_test_seconds") is not None for verdict in given or ())


def _versions() -> list[tuple[str, str]]:
    versions = [("fxtrain", fxtrain.__version__), ("Python", platform.python_version())]
    for package in ("torch", "numpy", "scipy"):
        try:
            versions.append((package, importlib.metadata.version(package)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return [*versions, ("system", f"{platform.system()} {platform.machine()}")]
