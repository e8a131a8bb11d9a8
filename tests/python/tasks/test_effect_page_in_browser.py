# SPDX-License-Identifier: MIT
"""The page in headless Chromium, opened as a file as a user would: it plays, switches and stays in step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from browser import click, eventually, least_contrast, needs_chromium, open_browser, open_page, press, screen, state

from fxtrain.report.glossary import glossary
from fxtrain.report.html import write_page

from .conftest import make_report, page_of

pytestmark = needs_chromium
webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")


@pytest.fixture(scope="module")
def page_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_page(tmp_path_factory.mktemp("run"), page_of(make_report())).as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as driver:
        yield driver


@pytest.fixture
def page(browser: Any, page_url: str) -> Iterator[Any]:
    with open_page(browser, page_url) as opened:
        yield opened


def heard(page: Any) -> list[float]:
    """What leaves the player in the next quarter second of sound, which on a busy machine is longer by the clock."""
    return page.execute_async_script(
        """
        const done = arguments[arguments.length - 1], { context, output } = fxtrain;
        const meter = context.createAnalyser(), begin = context.currentTime;
        meter.fftSize = 8192;
        output.connect(meter);
        const measure = () => {
            if (context.currentTime < begin + 0.25) return setTimeout(measure, 10);
            const samples = new Float32Array(meter.fftSize);
            meter.getFloatTimeDomainData(samples);
            output.disconnect(meter);
            done([...samples]);
        };
        measure();
        """
    )


def loudness_db(page: Any) -> float:
    """Mean square of what leaves the player."""
    return 10 * np.log10(np.mean(np.square(heard(page))) + 1e-20)


def brightness(page: Any) -> float:
    """Energy of the differences between neighbouring samples over the energy, in what leaves the player."""
    samples = np.array(heard(page))
    return float(np.sum(np.diff(samples) ** 2) / (np.sum(samples**2) + 1e-20))


def test_page_asks_the_network_for_nothing_and_reports_no_error(page, page_url):
    requests = [
        entry["message"] for entry in page.get_log("performance") if "Network.requestWillBeSent" in entry["message"]
    ]
    assert len(requests) >= 1
    assert all(f'"url":"{page_url}"' in request or '"url":"data:' in request for request in requests)


def test_every_figure_is_visible_and_fits_the_page(page):
    for width in (1280, 390):
        with screen(page, width):
            sizes = page.execute_script(
                "return [...document.querySelectorAll('figure svg')].map((svg) => [svg.clientWidth, svg.clientHeight])"
            )
            overflow = page.execute_script("return document.documentElement.scrollWidth - innerWidth")
        assert len(sizes) == 11
        assert all(w > 250 and h > 100 for w, h in sizes)
        assert overflow <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(page, scheme):
    ratio, where = least_contrast(page, scheme)
    assert ratio >= 4.5, where


def test_play_moves_on_and_stop_holds_the_position(page):
    assert state(page, "position") == 0
    click(page, ".play")
    assert eventually(lambda: state(page, "position") > 0.2)
    click(page, ".play")
    held = state(page, "position")
    assert not state(page, "playing")
    time.sleep(0.1)
    assert state(page, "position") == held
    press(page, " ")  # after a click by hand the space bar does the same
    assert eventually(lambda: state(page, "position") > held + 0.1)


def test_each_switch_changes_the_sound_and_keeps_the_place(page):
    press(page, " ")
    assert eventually(lambda: state(page, "position") > 0.1)
    for key, source in (("3", "prediction"), ("1", "input"), ("4", "error"), ("2", "target")):
        before = page.execute_script("return [fxtrain.position, fxtrain.context.currentTime]")
        press(page, key)
        assert eventually(lambda source=source: state(page, f"level('{source}')") > 0.05)
        others = [name for name in ("input", "target", "prediction", "error") if name != source]
        for other in others:
            assert eventually(lambda other=other: state(page, f"level('{other}')") < 1e-3)
        after = page.execute_script("return [fxtrain.position, fxtrain.context.currentTime]")
        moved, passed = after[0] - before[0], after[1] - before[1]
        assert moved % 3.0 == pytest.approx(passed % 3.0, abs=0.03)
        assert state(page, "source") == source
        pressed = page.find_elements("css selector", ".sources [aria-pressed=true]")
        assert [button.get_attribute("data-source") for button in pressed] == [source]


def test_clicking_the_sources_switches_as_the_keys_do(page):
    for source in ("input", "prediction", "error", "target"):
        click(page, f"[data-source={source}]")
        assert state(page, "source") == source


def test_what_is_heard_is_equally_loud_and_the_error_is_quiet_without_that(page):
    # A stretch of the loop, so that the four are measured on about the same sound.
    canvas = page.find_element("css selector", ".timeline")
    width = canvas.size["width"]
    webdriver.ActionChains(page).move_to_element_with_offset(canvas, -width // 4, 0).click_and_hold().move_by_offset(
        width // 12, 0
    ).release().perform()
    start, end = state(page, "region")
    assert (start, end) == (pytest.approx(0.75, abs=0.05), pytest.approx(1.0, abs=0.05))
    press(page, " ")
    levels = {}
    for key, source in (("2", "target"), ("3", "prediction"), ("4", "error")):
        press(page, key)
        assert eventually(lambda source=source: state(page, f"level('{source}')") > 0.05)
        levels[source] = loudness_db(page)
    assert levels["target"] > -40.0
    assert levels["prediction"] == pytest.approx(levels["target"], abs=1.5)
    assert levels["error"] == pytest.approx(levels["target"], abs=8.0)
    press(page, "m")
    time.sleep(0.1)
    assert loudness_db(page) < levels["error"] - 10.0
    assert start <= state(page, "position") <= end
    press(page, webdriver.Keys.ESCAPE)
    assert state(page, "region") == [0, pytest.approx(3.0, abs=0.01)]


def test_without_loop_play_ends_at_the_end(page):
    press(page, "l")
    page.execute_script("document.querySelector('.timeline').focus()")
    press(page, webdriver.Keys.END)
    assert state(page, "position") == pytest.approx(2.5, abs=0.01)
    # Half a second is soon over: the page itself watches, which needs no answer in time from a busy machine.
    page.execute_script("furthest = 0; setInterval(() => { furthest = Math.max(furthest, fxtrain.position); }, 10)")
    press(page, " ")
    assert eventually(lambda: page.execute_script("return furthest") > 2.6)
    assert eventually(lambda: not state(page, "playing"))
    assert state(page, "position") == 0


def test_blind_test_hides_the_answer_and_counts_right_ones(page):
    click(page, "[data-part=abx]")
    press(page, " ")
    press(page, "3")
    assert not page.find_element("css selector", ".sources").is_displayed()
    secrets = set()
    for answers in range(1, 13):
        secret = state(page, "abx.secret")
        secrets.add(secret)
        wrong = answers in (3, 7)
        given = secret if not wrong else {"a": "b", "b": "a"}[secret]
        heard = {"a": "target", "b": "prediction"}[secret]
        assert state(page, "source") == heard
        click(page, f"[data-answer={given}]")
        text = page.find_element("css selector", ".abx-result").text
        assert text.startswith("Wrong" if wrong else "Right")
        assert state(page, "abx.answers") == answers
    # 10 of 12: (66 + 12 + 1) / 4096 = 1.9 %.
    assert "10 of 12" in text
    assert "2 % of the time" in text
    assert "You hear a difference" in text
    for _ in range(60):  # a fair coin shows both sides but once in 2^71 runs
        page.execute_script("document.querySelector('[data-part=abx-reset]').click()")
        secrets.add(state(page, "abx.secret"))
    assert secrets == {"a", "b"}
    click(page, "[data-part=abx]")
    assert page.find_element("css selector", ".sources").is_displayed()
    assert state(page, "source") == "target"


def test_a_word_of_the_glossary_is_explained_under_the_pointer_and_by_the_keyboard(page):
    term = page.find_element("css selector", ".facts .term")
    tooltip = page.find_element("id", "tooltip")
    assert not tooltip.is_displayed()
    webdriver.ActionChains(page).move_to_element(term).perform()
    assert eventually(tooltip.is_displayed)
    assert tooltip.text == glossary()[term.text]
    webdriver.ActionChains(page).move_to_element(page.find_element("css selector", "h1")).perform()
    assert eventually(lambda: not tooltip.is_displayed())
    for width in (1280, 390):
        with screen(page, width):
            for other in page.find_elements("css selector", ".term"):
                page.execute_script("arguments[0].focus()", other)
                box = page.execute_script("return document.getElementById('tooltip').getBoundingClientRect().toJSON()")
                assert box["left"] >= 0, other.text
                assert box["right"] <= width, other.text
                assert page.execute_script("return document.documentElement.scrollWidth <= innerWidth"), other.text
    press(page, webdriver.Keys.ESCAPE)
    assert not tooltip.is_displayed()


def test_the_cabinet_switch_makes_the_sound_darker_and_keeps_it_audible(page):
    """The error of a clipper is all harmonics, which a loudspeaker takes away."""
    for key in (" ", "4"):
        press(page, key)
    assert eventually(lambda: state(page, "level('error')") > 0.05)
    bright = np.median([brightness(page) for _ in range(7)])  # of the playing, not of one moment in it
    press(page, "c")
    assert page.find_element("css selector", "[data-part=cabinet]").get_attribute("aria-pressed") == "true"
    assert eventually(lambda: brightness(page) < 0.5 * bright)
    assert loudness_db(page) > -60.0
    click(page, "[data-part=cabinet]")
    assert eventually(lambda: brightness(page) > 0.7 * bright)


def test_the_command_can_be_copied(page):
    page.execute_script(
        "window.copied = null; document.addEventListener('copy', () => { copied = String(getSelection()); })"
    )
    click(page, ".command button")
    assert eventually(lambda: page.find_element("css selector", ".command button").text == "Copied")


def test_a_button_reached_by_keyboard_keeps_its_space_bar(page):
    page.execute_script("document.querySelector('[data-part=loop]').focus()")
    press(page, " ")
    assert page.find_element("css selector", "[data-part=loop]").get_attribute("aria-pressed") == "false"
    assert not state(page, "playing")


def test_without_scripts_the_page_says_where_the_sounds_are(browser, page_url):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(page_url)
        assert "beside this page in the folder audio" in browser.find_element("id", "listen").text
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
