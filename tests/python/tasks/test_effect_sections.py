# SPDX-License-Identifier: MIT
"""The page of an effect model: complete, self-contained, and robust against whatever a run may bring."""

from __future__ import annotations

import base64
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.signal
import soundfile
from html_page import HtmlPage

from fxtrain.audio import read_audio
from fxtrain.metrics.effects import band_esr, loudness_lufs
from fxtrain.report.glossary import Terms, glossary
from fxtrain.report.sections import Columns, Curves, Figures, Group
from fxtrain.tasks.effect.sections import TERMS, EffectReport, effect_sections, write_sounds

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


@pytest.mark.parametrize("stage", ["off", "on"])
def test_settings_of_a_stage_that_is_off_are_left_out(report, stage):
    metrics = report.metrics | {"model": {"linear_stage": stage, "linear_stage_taps": 8192}}
    text = HtmlPage(rendered(replace(report, metrics=metrics))).text
    assert "linear stage" in text.lower()
    assert ("8\N{THIN SPACE}192" in text) == (stage == "on")


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


def test_each_figure_has_a_sentence_on_how_to_read_it_and_what_to_do_next(report):
    sections = effect_sections(report)
    parts = [part for section in sections if isinstance(section, Group) for part in section.parts]
    parts += [inner for part in parts if isinstance(part, Columns) for inner in part.parts]
    for part in parts:
        if isinstance(part, Figures):
            assert part.lead or all(figure.caption for figure in part.figures)
            assert part.columns == 3 or all(figure.remedy for figure in part.figures)
        elif isinstance(part, Curves):
            assert part.caption
            assert part.remedy


def test_what_to_do_next_follows_the_figures_of_a_good_result_and_leads_those_of_a_bad_one(report):
    good = [section.id for section in effect_sections(report) if isinstance(section, Group)]
    assert good.index("advice") == good.index("spectrogram") + 1
    assert "fxtrain live runs/screamer" in HtmlPage(rendered(report)).text
    bad = effect_sections(replace(report, metrics=report.metrics | {"esr": 0.1}))
    assert next(section.id for section in bad if isinstance(section, Group)) == "advice"


def test_the_words_of_the_page_are_those_of_the_glossary(report):
    assert set(TERMS) <= set(glossary()), set(TERMS) - set(glossary())
    marked = HtmlPage(rendered(report)).all("abbr")
    assert {attributes["title"] for attributes in marked} <= set(glossary().values())
    assert len(marked) >= 15
    assert rendered(report).count('title="Error-to-signal ratio: sum') <= len(effect_sections(report))  # once a section


def test_a_marked_word_stays_within_its_text():
    terms = Terms(["ESR", "replicate ESR", "lag"])
    assert "</abbr>" not in terms.mark("<b>flag & lagging</b>")
    marked = str(terms.mark("<lag> a Replicate ESR, an ESR, an ESR"))
    assert marked.startswith("&lt;<abbr")
    assert marked.count("<abbr") == 3
    assert marked.endswith("ESR</abbr>, an ESR")
    terms.start()
    assert str(terms.mark("lag")).count("<abbr") == 1


@pytest.mark.parametrize(
    ("rate", "highest"), [(8000, 2000), (16_000, 4000), (44_100, 16_000), (48_000, 16_000), (96_000, 32_000)]
)
def test_no_octave_is_labelled_beyond_half_the_rate(rate, highest):
    rng = np.random.default_rng(1)
    bands = band_esr(rng.standard_normal(rate), rng.standard_normal(rate), rate)
    assert bands[-1].centre_hz == highest < rate / 2
    assert bands[-1].high_hz == rate / 2


def test_the_cabinet_is_offered_where_the_capture_has_none_and_keeps_the_loudness_unless_it_would_clip(report):
    assert player_of(rendered(replace(report, has_cabinet=True)))["cabinet"] is None
    given = player_of(rendered(report))["cabinet"]
    response = np.frombuffer(base64.b64decode(given["pcm"]), "<i2") * given["scale"]
    played = scipy.signal.oaconvolve(report.target, response)[: len(report.target)]
    assert np.max(np.abs(played)) == pytest.approx(1.0, abs=0.001)
    soft = replace(report, target=0.2 * report.target, prediction=0.2 * report.prediction)
    given = player_of(rendered(soft))["cabinet"]
    response = np.frombuffer(base64.b64decode(given["pcm"]), "<i2") * given["scale"]
    played = scipy.signal.oaconvolve(soft.target, response)[: len(soft.target)]
    assert loudness_lufs(played, RATE) == pytest.approx(loudness_lufs(soft.target, RATE), abs=0.1)


@pytest.mark.parametrize("through_cabinet", [False, True])
def test_whether_a_capture_has_a_cabinet_is_heard_from_its_treble(report, through_cabinet, repository):
    rng = np.random.default_rng(2)
    noise = rng.standard_normal(3 * RATE)
    for _ in range(2):  # 12 dB per octave above 750 Hz
        noise = scipy.signal.lfilter([1.0], [1.0, -0.9], noise)
    wet = np.tanh(noise / noise.std())
    if through_cabinet:
        response = read_audio(repository / "models" / "cabinet" / "closed-4x12.wav", sample_rate=RATE).samples
        wet = scipy.signal.oaconvolve(wet, response)[: len(wet)]
    wet = (wet / np.abs(wet).max()).astype(np.float32)
    unknown = EffectReport(input=wet, target=wet, prediction=wet, sample_rate=RATE)
    assert (player_of(rendered(unknown))["cabinet"] is None) == through_cabinet
