# SPDX-License-Identifier: MIT
"""The page of an effect model: complete, self-contained, and robust against whatever a run may bring."""

from __future__ import annotations

import base64
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import soundfile
from html_page import HtmlPage

from fxtrain.tasks.effect.sections import EffectReport, write_sounds

from .conftest import rendered

RATE = 44_100


def player_of(text: str) -> dict[str, Any]:
    (player,) = HtmlPage(text).players
    return player


def test_page_shows_every_part_of_a_full_report(report):
    page = HtmlPage(rendered(report))
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
    page = HtmlPage(rendered(report))
    assert page.links() == [f"audio/{name}.wav" for name in ("input", "target", "prediction", "error")]
    page.assert_ids_are_unique_and_found()


def test_sounds_in_the_page_are_the_signals_to_16_bits(report):
    player = player_of(rendered(report))
    assert player["sampleRate"] == RATE
    decoded = {
        source["key"]: np.frombuffer(base64.b64decode(source["clip"]["pcm"]), "<i2") * source["clip"]["scale"]
        for source in player["sources"]
        if "clip" in source
    }
    for name, expected in (("input", report.input), ("target", report.target)):
        assert np.max(np.abs(decoded[name] - expected)) <= 0.51 * np.max(np.abs(expected)) / 32767
    # The error has its own scale, hence more than 16 bits relative to the target.
    error = report.prediction.astype(float) - report.target
    assert np.max(np.abs(decoded["error"] - error)) <= 0.51 * np.max(np.abs(error)) / 32767
    rebuilt = decoded["target"] + decoded["error"]
    assert np.max(np.abs(rebuilt - report.prediction)) < 1.1 / 32767


def test_audio_files_hold_the_whole_test_part_as_float(report, tmp_path):
    write_sounds(tmp_path / "run", report)
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
    assert [file.name for file in (tmp_path / "run").iterdir()] == ["audio"]


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)> \"'`{{ 7*7 }} & é 𝄞"


def test_hostile_words_stay_words(report):
    metrics = report.metrics | {
        "model": {HOSTILE: HOSTILE},
        "split": [{"part": HOSTILE, "start_seconds": 0, "end_seconds": 1}],
    }
    data = {"verdicts": [dict.fromkeys(("name", "level", "message", "remedy"), HOSTILE)]}
    plain = HtmlPage(rendered(report))
    hostile = HtmlPage(rendered(replace(report, command=HOSTILE, metrics=metrics, data=data), title=HOSTILE))
    assert hostile.text.count(HOSTILE) >= 6
    assert len(hostile.all("script")) == len(plain.all("script")) == 2
    assert not hostile.all("img")
    assert not [attributes for _, attributes in hostile.tags if any(name.startswith("on") for name in attributes)]


@pytest.mark.parametrize("seconds", [1.0, 0.1, 0.003, 1 / RATE])
def test_short_recordings_are_reported(report, seconds):
    frames = max(round(seconds * RATE), 1)
    cut = replace(report, **{name: getattr(report, name)[:frames] for name in ("input", "target", "prediction")})
    assert len(player_of(rendered(cut))["sources"][1]["clip"]["pcm"]) > 0


def test_a_perfect_prediction_has_a_silent_error(report):
    text = rendered(replace(report, prediction=report.target, metrics={}))
    player = player_of(text)
    assert player["gains"]["error"] is None
    assert player["gains"]["prediction"] == player["gains"]["target"]
    assert "Practically identical" in HtmlPage(text).text


def test_a_prediction_worse_than_silence_is_called_so(report):
    text = HtmlPage(rendered(replace(report, prediction=-report.target, metrics={}))).text
    assert "Silence would be closer" in text


def test_silence_everywhere_is_reported(report):
    silent = np.zeros(RATE, np.float32)
    text = rendered(replace(report, input=silent, target=silent, prediction=silent, metrics={}))
    assert set(player_of(text)["gains"].values()) == {None}


def test_a_prediction_that_is_not_a_number_is_shown_as_silence(report):
    broken = np.full_like(report.prediction, np.nan)
    text = rendered(replace(report, prediction=broken, metrics={"esr": math.nan}))
    assert player_of(text)["gains"]["prediction"] is None


def test_a_report_of_signals_alone_leaves_out_what_is_unknown(report):
    bare = EffectReport(input=report.input, target=report.target, prediction=report.prediction, sample_rate=RATE)
    page = HtmlPage(rendered(bare))
    for words in ("Learning curve", "The recording", "Linear filter", "Copy", "Engine parity"):
        assert words not in page.text
    assert "This model" in page.text


def test_signals_of_different_length_are_refused(report):
    with pytest.raises(ValueError, match="one shape"):
        replace(report, prediction=report.prediction[1:])
