# SPDX-License-Identifier: MIT
"""The page: complete, self-contained, and robust against whatever a run may bring."""

from __future__ import annotations

import base64
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile

from fxtrain.report import RunReport, write_report
from fxtrain.report.html import choose_excerpt, level_match, render_report
from fxtrain.report.metrics import loudness_lufs
from fxtrain.report.plots import learning_figure

RATE = 44_100


class Page(HTMLParser):
    """Tags with attributes, text outside of scripts and styles, and the player's data."""

    VOID = frozenset({"meta", "link", "br", "img", "input", "path", "use", "rect", "circle", "line", "image"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = self.scripts = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, f"tags left open: {self._open}"

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] == "script":
            self.scripts += data
        elif not self._open or self._open[-1] != "style":
            self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def player_data(text: str) -> dict:
    return json.loads(re.search(r'id="report-data">(.*?)</script>', text, re.DOTALL)[1], parse_constant=pytest.fail)


def test_page_shows_every_part_of_a_full_report(report):
    page = Page(render_report(report))
    for words in (
        "Screamer",
        "0.0042",
        "23.8 dB below",
        "26\N{MULTIPLICATION SIGN}",
        "samples: the wet comes late; left to the model",
        "4.0 \N{MULTIPLICATION SIGN} 10⁻⁷",
        "0.61 %",
        "4\N{THIN SPACE}513",
        "Linear filter",
        "Where it differs",
        "Waveforms",
        "Spectrograms",
        "Learning curve",
        "clipping",
        "3 samples clip.",
        "Turn down.",
        "fit dry.wav wet.wav",
        "train",
        "80.0 s",
        "Blind test",
    ):
        assert words in page.text, words
    labels = [attributes.get("aria-label", "") for attributes in page.all("svg") if attributes.get("role") == "img"]
    assert len(labels) == 3 + 5 + 3  # zooms; over time, bands, spectrum, response, learning; spectrograms
    assert all(labels)
    assert len(set(labels)) == len(labels)


def test_page_refers_to_nothing_but_its_own_audio_folder(report):
    text = render_report(report)
    page = Page(text)
    links = [a[k] for _, a in page.tags for k in ("src", "href", "xlink:href", "action", "data") if a.get(k)]
    outside = [link for link in links if not link.startswith(("#", "data:"))]
    assert outside == [f"audio/{name}.wav" for name in ("input", "target", "prediction", "error")]
    assert not re.search(r"url\((?!#)", text)
    assert "@import" not in text
    (policy,) = (a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")


def test_ids_are_unique_and_every_reference_finds_its_target(report):
    text = render_report(report)
    page = Page(text)
    ids = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
    assert len(set(ids)) == len(ids)
    references = set(re.findall(r"url\(#([^)]+)\)", text)) | set(re.findall(r'href="#([^"]+)"', text))
    references |= {a["aria-labelledby"] for _, a in page.tags if a.get("aria-labelledby")}
    assert references <= set(ids)


def test_sounds_in_the_page_are_the_signals_to_16_bits(report):
    player = player_data(render_report(report))
    assert player["sampleRate"] == RATE
    decoded = {
        name: np.frombuffer(base64.b64decode(clip["pcm"]), "<i2") * clip["scale"]
        for name, clip in player["clips"].items()
    }
    for name, expected in (("input", report.input), ("target", report.target)):
        assert np.max(np.abs(decoded[name] - expected)) <= 0.51 * np.max(np.abs(expected)) / 32767
    # The error has its own scale, hence more than 16 bits relative to the target.
    error = report.prediction.astype(float) - report.target
    assert np.max(np.abs(decoded["error"] - error)) <= 0.51 * np.max(np.abs(error)) / 32767
    rebuilt = decoded["target"] + decoded["error"]
    assert np.max(np.abs(rebuilt - report.prediction)) < 1.1 / 32767


def test_audio_files_hold_the_whole_test_part_as_float(report, tmp_path):
    path = write_report(tmp_path / "run", report)
    assert path == tmp_path / "run" / "report.html"
    expected = {
        "input": report.input,
        "target": report.target,
        "prediction": report.prediction,
        "error": report.prediction.astype(float) - report.target,
    }
    for name, signal in expected.items():
        file = tmp_path / "run" / "audio" / f"{name}.wav"
        assert soundfile.info(file).subtype == "FLOAT"
        samples, rate = soundfile.read(file, dtype="float32")
        assert rate == RATE
        assert np.array_equal(samples, signal.astype(np.float32))
    assert sorted(file.name for file in (tmp_path / "run").iterdir()) == ["audio", "report.html"]


def test_a_report_replaces_an_older_one(report, tmp_path):
    write_report(tmp_path, report)
    text = write_report(tmp_path, replace(report, name="Second try")).read_text(encoding="utf-8")
    assert "Second try" in text
    assert "Screamer" not in text


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)> \"'`{{ 7*7 }} & é 𝄞"


def test_hostile_words_stay_words(report):
    metrics = report.metrics | {
        "model": {HOSTILE: HOSTILE},
        "split": [{"part": HOSTILE, "start_seconds": 0, "end_seconds": 1}],
    }
    data = {"verdicts": [dict.fromkeys(("name", "level", "message", "remedy"), HOSTILE)]}
    plain = Page(render_report(report))
    hostile = Page(render_report(replace(report, name=HOSTILE, command=HOSTILE, metrics=metrics, data=data)))
    assert hostile.text.count(HOSTILE) >= 6
    assert len(hostile.all("script")) == len(plain.all("script")) == 2
    assert not hostile.all("img")
    assert not [attributes for _, attributes in hostile.tags if any(name.startswith("on") for name in attributes)]


@pytest.mark.parametrize("seconds", [1.0, 0.1, 0.003, 1 / RATE])
def test_short_recordings_are_reported(report, seconds):
    frames = max(round(seconds * RATE), 1)
    cut = replace(report, **{name: getattr(report, name)[:frames] for name in ("input", "target", "prediction")})
    assert len(player_data(render_report(cut))["clips"]["target"]["pcm"]) > 0


def test_a_perfect_prediction_has_a_silent_error(report):
    text = render_report(replace(report, prediction=report.target, metrics={}))
    player = player_data(text)
    assert player["gains"]["error"] is None
    assert player["gains"]["prediction"] == player["gains"]["target"]
    assert "Practically identical" in Page(text).text


def test_a_prediction_worse_than_silence_is_called_so(report):
    text = Page(render_report(replace(report, prediction=-report.target, metrics={}))).text
    assert "Silence would be closer" in text


def test_silence_everywhere_is_reported(report):
    silent = np.zeros(RATE, np.float32)
    text = render_report(replace(report, input=silent, target=silent, prediction=silent, metrics={}))
    assert set(player_data(text)["gains"].values()) == {None}


def test_a_prediction_that_is_not_a_number_is_shown_as_silence(report):
    broken = np.full_like(report.prediction, np.nan)
    text = render_report(replace(report, prediction=broken, metrics={"esr": math.nan}))
    assert player_data(text)["gains"]["prediction"] is None


def test_a_report_of_signals_alone_leaves_out_what_is_unknown(report):
    bare = RunReport(input=report.input, target=report.target, prediction=report.prediction, sample_rate=RATE)
    page = Page(render_report(bare))
    for words in ("Learning curve", "The recording", "Linear filter", "Copy", "Engine parity"):
        assert words not in page.text
    assert "This model" in page.text


@pytest.mark.parametrize(
    "history",
    [
        [{"event": "validation", "step": 0, "val_esr": 0.5}],
        [{"event": "validation", "val_esr": None}, {"event": "divergence"}],
        [{"event": "validation", "step": k, "seconds": None, "val_esr": 0.1, "train_loss": math.nan} for k in range(3)],
        [{"event": "validation", "step": k, "seconds": 1.0, "val_esr": math.inf, "train_loss": 1.0} for k in range(3)],
    ],
)
def test_incomplete_histories_are_drawn_as_far_as_they_go(history):
    drawable = any(isinstance(row.get("val_esr"), float) and math.isfinite(row["val_esr"]) for row in history)
    assert (learning_figure(history) is not None) == drawable


def test_signals_of_different_length_are_refused(report):
    with pytest.raises(ValueError, match="one shape"):
        replace(report, prediction=report.prediction[1:])


def test_equally_loud_signals_are_equally_loud():
    random = np.random.default_rng(0)
    signals = {
        "input": 0.01 * random.standard_normal(4 * RATE),
        "target": 0.05 * random.standard_normal(4 * RATE),
        "prediction": 0.06 * random.standard_normal(4 * RATE),
        "error": 1e-4 * random.standard_normal(4 * RATE),
    }
    gains = level_match(signals, RATE)
    assert gains["target"] == 0.0
    loud = [loudness_lufs(x * 10 ** (gains[name] / 20), RATE) for name, x in signals.items()]
    assert loud == pytest.approx([loud[0]] * 4, abs=0.01)


def test_equal_loudness_never_clips_and_a_peaky_error_stays_softer():
    noise = 0.3 * np.random.default_rng(1).standard_normal(2 * RATE)
    noise = noise / np.max(np.abs(noise))
    clicks = np.zeros(2 * RATE)
    clicks[::5000] = 0.01
    gains = level_match({"input": 0.1 * noise, "target": noise, "prediction": 1.5 * noise, "error": clicks}, RATE)
    assert 20 * math.log10(1.5) + gains["prediction"] == pytest.approx(-9.0)  # room made for the error, but no more
    assert 0.01 * 10 ** (gains["error"] / 20) == pytest.approx(1.0)
    assert gains["input"] == pytest.approx(20.0 + gains["target"], abs=0.01)


def test_excerpt_is_the_varied_stretch_not_the_monotonous_one():
    t = np.arange(40 * RATE) / RATE
    x = 0.1 * np.sin(2 * np.pi * 200.0 * t)
    varied = slice(20 * RATE, 30 * RATE)
    x[varied] = np.sin(2 * np.pi * (100.0 * t + 60.0 * t**2)[varied]) * (0.05 + 0.9 * (t[varied] % 1.0))
    excerpt = choose_excerpt(x, RATE, seconds=12.0)
    assert excerpt.stop - excerpt.start == 12 * RATE
    assert min(excerpt.stop, varied.stop) - max(excerpt.start, varied.start) > 7 * RATE


def test_excerpt_of_a_short_recording_is_all_of_it():
    assert choose_excerpt(np.zeros(100), RATE) == slice(0, 100)
