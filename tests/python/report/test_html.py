# SPDX-License-Identifier: MIT
"""A page of sections: complete, self-contained, and robust against whatever a task may bring."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from html_page import HtmlPage

import fxtrain.report
from fxtrain.report.html import Page, render_page, write_page
from fxtrain.report.sections import (
    Bar,
    Bars,
    BlindTest,
    Bullets,
    Command,
    Figure,
    Figures,
    Group,
    Link,
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

from .conftest import make_curves, picture

RATE = 22_050
TONE = np.sin(np.arange(2000) / 7.0)


def single(**changes) -> Player:
    given = {"id": "one", "sources": [Source(key="only", label="Only", samples=TONE)], "sample_rate": RATE}
    return Player(**{**given, **changes})


def show(*sections: Section) -> HtmlPage:
    return HtmlPage(render_page(Page(title="Test", sections=sections)))


def test_the_package_knows_no_task():
    for file in Path(fxtrain.report.__path__[0]).glob("*.py"):
        assert "fxtrain.tasks" not in file.read_text(encoding="utf-8"), file.name


def test_each_player_has_its_own_sounds_and_ids(page):
    html = HtmlPage(render_page(page))
    html.assert_ids_are_unique_and_found()
    barks, coded = html.players
    assert [barks["id"], coded["id"]] == ["barks", "coded"]
    assert [len(player["sources"]) for player in (barks, coded)] == [2, 5]
    assert coded["selected"] == "bits-8"
    assert coded["pair"] == ["bits-12", "bits-8"]
    assert barks["pair"] is None
    assert len({source["colour"] for source in coded["sources"]}) == 5
    assert all(source["strip"].startswith("data:image/png") for source in coded["sources"])


def test_pictures_have_a_description_and_only_that_of_the_selected_source_is_visible(page):
    images = HtmlPage(render_page(page)).all("img")
    assert [image["data-picture"] for image in images] == ["small", "large"]
    assert [image["alt"] for image in images] == ["A disc of colour 200, 120, 40", "A disc of colour 40, 90, 160"]
    assert ["hidden" in image for image in images] == [False, True]


def test_the_page_refers_only_to_the_files_that_it_was_given(page):
    html = HtmlPage(render_page(page))
    assert html.links() == ["audio/small.wav", "audio/large.wav"]
    (policy,) = (a["content"] for a in html.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-")


def test_a_sum_is_rebuilt_from_its_parts_and_needs_no_room(page):
    sources = [
        Source(key="target", label="Target", samples=TONE),
        Source(key="error", label="Error", samples=0.001 * TONE),
        Source(key="prediction", label="Prediction", sum_of=("target", "error")),
    ]
    (player,) = show(single(sources=sources)).players
    target, error, prediction = player["sources"]
    assert prediction["sum"] == ["target", "error"]
    assert "clip" not in prediction
    decoded = [np.frombuffer(base64.b64decode(x["clip"]["pcm"]), "<i2") * x["clip"]["scale"] for x in (target, error)]
    assert np.max(np.abs(decoded[0] - TONE)) <= 0.51 / 32767
    assert np.max(np.abs(decoded[1] - 0.001 * TONE)) <= 0.51e-3 / 32767  # its own scale


def test_a_player_of_one_sound_has_neither_keys_nor_a_loudness_switch():
    html = show(single(gains_db={"only": 0.0}))
    assert not [a for a in html.all("button") if "data-source" in a]
    assert "Equal loudness" not in html.text
    assert "Blind test" not in html.text
    assert "switch without a gap" not in html.text
    assert "Only" in html.text


def test_a_page_without_players_has_no_player():
    assert show(Text("Nothing to hear.")).players == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": "Not an id"}, "id of a player"),
        ({"sources": []}, "0 sources"),
        ({"sources": [Source(key=f"k{k}", label="K", samples=TONE) for k in range(10)]}, "10 sources"),
        ({"sources": [Source(key="k", label="K", samples=TONE)] * 2}, "expected different ones"),
        (
            {"sources": [Source(key=k, label=k, samples=TONE[: 5 * n]) for n, k in enumerate("ab", 1)]},
            "differ in shape",
        ),
        ({"sources": [Source(key="k", label="K", samples=np.zeros((2, 9)))]}, "differ in shape"),
        ({"sources": [Source(key="k", label="K")]}, "differ in shape"),
        (
            {"sources": [Source(key="k", label="K", samples=TONE), Source(key="s", label="S")]},
            "either samples or sum_of",
        ),
        (
            {"sources": [Source(key="k", label="K", samples=TONE), Source(key="s", label="S", sum_of=("k", "x"))]},
            "sources without samples",
        ),
        ({"selected": "other"}, "no source 'other'"),
        ({"blind": BlindTest("only", "other", ("a", "b"))}, "no source 'other'"),
        ({"gains_db": {"other": 0.0}}, "gains for"),
    ],
)
def test_players_that_make_no_sense_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        single(**changes)


def test_two_sections_of_one_id_are_refused():
    with pytest.raises(ValueError, match="expected different ones"):
        Page(title="Test", sections=[single(), Group("one", "One", [])])


@pytest.mark.parametrize("address", ["https://example.org/a.wav", "javascript:alert(1)", "/etc/passwd"])
def test_links_lead_nowhere_else(address):
    with pytest.raises(ValueError, match="what lies beside it"):
        Link("a", address)


def test_the_same_drawing_twice_has_different_ids():
    svg = '<svg role="img"><defs><path id="p1" d="M 0 0"/></defs><use href="#p1"/></svg>'
    html = show(Group("figures", "Figures", [Figures([Figure(svg, "One"), Figure(svg, "Two")])]))
    html.assert_ids_are_unique_and_found()
    assert len([a for a in html.all("path") if a.get("id")]) == 2


def test_curves_without_points_are_left_out():
    curves = make_curves()
    group = Group("training", "Training", [curves])
    assert "Learning curve" in show(group).text
    assert "Learning curve" not in show(replace(group, parts=[replace(curves, history=[])])).text


def test_lengths_of_bars_are_logarithmic_or_linear():
    bars = [Bar("a", 0.01, "0.01"), Bar("b", 0.1, "0.1"), Bar("c", 1.0, "1")]
    a, b, c = Bars(bars, ("", "")).shares
    assert c == 1.0
    assert c - b == pytest.approx(b - a)
    assert Bars(bars, ("", ""), logarithmic=False, least_end=2.0).shares == [0.005, 0.05, 0.5]


def test_verdicts_are_shown_the_gravest_first():
    levels = ["ok", "strange", "stop", "note", "warn"]
    html = show(Verdicts([Verdict(f"check_{level}", level, "Found.", "Do it.") for level in levels]))
    places = [html.text.index(f"check {level}") for level in ("stop", "warn", "note", "ok", "strange")]
    assert places == sorted(places)
    assert html.text.count("Do it.") == 4  # nothing is to be done about what is in order


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)> \"'`{{ 7*7 }} & é 𝄞"


def test_hostile_words_stay_words():
    source = Source(
        key="k", label=HOSTILE, hint=HOSTILE, samples=TONE, picture=replace(picture(1, 2, 3), description=HOSTILE)
    )
    other = replace(source, key="l")
    page = Page(
        title=HOSTILE,
        verdict=(HOSTILE, HOSTILE),
        sections=[
            single(sources=[source, other], title=HOSTILE, note=HOSTILE, blind=BlindTest("k", "l", (HOSTILE, HOSTILE))),
            Group(
                "all",
                HOSTILE,
                [
                    Text(HOSTILE, [Link(HOSTILE, "audio/a.wav")]),
                    Bullets([HOSTILE]),
                    Bars([Bar(HOSTILE, 1.0, HOSTILE, HOSTILE)], (HOSTILE, HOSTILE)),
                    Figures([Figure("<svg></svg>", HOSTILE, HOSTILE)], lead=HOSTILE),
                    Tables([Table(HOSTILE, [(HOSTILE, HOSTILE)], headings=[HOSTILE, HOSTILE])]),
                    Split([SplitPart(HOSTILE, 1.0, HOSTILE)]),
                    Verdicts([Verdict(HOSTILE, HOSTILE, HOSTILE, HOSTILE)]),
                    Command(HOSTILE),
                ],
                lead=HOSTILE,
            ),
        ],
    )
    html = HtmlPage(render_page(page))
    assert html.text.count(HOSTILE) >= 25
    assert len(html.all("script")) == 2
    assert len(html.all("img")) == 2
    assert not [attributes for _, attributes in html.tags if any(name.startswith("on") for name in attributes)]


def test_a_page_replaces_an_older_one(page, tmp_path):
    folder = tmp_path / "run"
    assert write_page(folder, page) == folder / "report.html"
    text = write_page(folder, replace(page, title="Second try")).read_text(encoding="utf-8")
    assert "Second try" in text
    assert [file.name for file in folder.iterdir()] == ["report.html"]
