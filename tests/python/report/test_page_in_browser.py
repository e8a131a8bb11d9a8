# SPDX-License-Identifier: MIT
"""Two players on a page in headless Chromium: each has its sounds, place and pictures, and keys find the right one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from browser import click, eventually, least_contrast, needs_chromium, open_browser, open_page, press, screen, state

from fxtrain.report.html import write_page

from .conftest import make_page

pytestmark = needs_chromium
webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")


@pytest.fixture(scope="module")
def page_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_page(tmp_path_factory.mktemp("run"), make_page()).as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as driver:
        yield driver


@pytest.fixture
def page(browser: Any, page_url: str) -> Iterator[Any]:
    with open_page(browser, page_url) as opened:
        yield opened


def playing(page: Any) -> list[bool]:
    return page.execute_script("return fxtrain.players.map((player) => player.playing)")


def keys_go_to(page: Any, player: str) -> bool:
    """Whether keys act on a player, and it looks so once the page has seen that it was scrolled."""
    marked = "return [...document.querySelectorAll('.deck.keyed')].map((deck) => deck.id)"
    return state(page, "keyed().id") == player and eventually(lambda: page.execute_script(marked) == [player])


def scroll_to(page: Any, selector: str) -> None:
    page.execute_script("document.querySelector(arguments[0]).scrollIntoView()", selector)


def test_each_player_plays_and_keeps_its_own_place(page):
    click(page, "#barks .play")
    assert eventually(lambda: state(page, "players[0].position") > 0.2)
    assert state(page, "players[1].position") == 0
    click(page, "#coded .play")  # one at a time: the other one stops where it is
    assert playing(page) == [False, True]
    held = state(page, "players[0].position")
    assert eventually(lambda: state(page, "players[1].position") > 0.2)
    click(page, "#coded .play")
    assert playing(page) == [False, False]
    assert state(page, "players[0].position") == held > 0


def test_both_players_are_heard(page):
    for index, selector in enumerate(("#barks", "#coded")):
        click(page, f"{selector} .play")
        page.execute_script(
            """
            const { context, output } = fxtrain.players[arguments[0]];
            window.meter = context.createAnalyser();
            output.connect(meter);
            """,
            index,
        )
        peak = "const x = new Float32Array(meter.fftSize); meter.getFloatTimeDomainData(x); return Math.max(...x)"
        assert eventually(lambda peak=peak: page.execute_script(peak) > 0.05), selector


def test_keys_act_on_the_player_that_was_used_last(page):
    assert keys_go_to(page, "barks")
    press(page, "2")
    assert [state(page, f"players[{k}].source") for k in (0, 1)] == ["large", "bits-8"]
    click(page, "#coded [data-source=bits-4]")
    assert keys_go_to(page, "coded")
    press(page, "5")
    press(page, " ")
    assert [state(page, f"players[{k}].source") for k in (0, 1)] == ["large", "bits-2"]
    assert playing(page) == [False, True]
    page.execute_script("document.querySelector('#barks .timeline').focus()")
    assert keys_go_to(page, "barks")
    press(page, "1")
    press(page, "5")  # which this player does not have
    assert [state(page, f"players[{k}].source") for k in (0, 1)] == ["small", "bits-2"]
    press(page, webdriver.Keys.ARROW_RIGHT)
    assert state(page, "players[0].position") == pytest.approx(0.5)


def test_keys_follow_to_the_player_that_is_in_view(page):
    with screen(page, 1200, 420):
        scroll_to(page, "#coded")
        assert keys_go_to(page, "coded")
        press(page, "l")
        loops = [
            element.get_attribute("aria-pressed") for element in page.find_elements("css selector", "[data-part=loop]")
        ]
        assert loops == ["true", "false"]
        scroll_to(page, "footer")  # no player in view: still the one that was used last
        assert keys_go_to(page, "coded")
        scroll_to(page, "#barks")
        assert keys_go_to(page, "barks")


def test_the_picture_follows_the_selected_source(page):
    def shown() -> list[str]:
        images = page.find_elements("css selector", "#barks img")
        return [image.get_attribute("data-picture") for image in images if image.is_displayed()]

    assert shown() == ["small"]
    press(page, "2")
    assert shown() == ["large"]
    assert page.execute_script("return [...document.images].every((image) => image.naturalWidth === 64)")


def strip_colours(page: Any) -> int:
    """Number of strongly coloured pixels in the lower half of the second player's canvas."""
    return page.execute_script(
        """
        const canvas = document.querySelector('#coded canvas'), { width, height } = canvas;
        const pen = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
        pen.drawImage(canvas, 0, 0);
        const { data } = pen.getImageData(0, height * 0.6, width, height * 0.3);
        let count = 0;
        for (let k = 0; k < data.length; k += 4) count += data[k] > 100 && data[k + 1] < 0.6 * data[k];
        return count;
        """
    )


def test_the_spectrogram_is_drawn_below_the_wave_and_follows_the_source(page):
    page.execute_script("document.querySelector('#coded').scrollIntoView()")
    click(page, "#coded [data-source=bits-12]")
    assert eventually(lambda: strip_colours(page) > 5000)
    fine = strip_colours(page)
    click(page, "#coded [data-source=bits-2]")  # rounded to silence between the barks
    assert eventually(lambda: strip_colours(page) != fine)


def test_a_blind_test_hides_which_picture_is_heard(page):
    click(page, "#coded [data-part=abx]")
    assert page.find_element("css selector", "#barks .sources").is_displayed()
    assert not page.find_element("css selector", "#coded .sources").is_displayed()
    pictures = {}
    for key in ("1", "2", "3"):
        press(page, key)
        pictures[key] = page.execute_script("return document.querySelector('#coded canvas').toDataURL()")
    assert len(set(pictures.values())) == 1
    assert state(page, "players[1].abx.choice") == "x"


def test_both_players_fit_a_desk_and_a_phone(page):
    for width in (1280, 390, 320):
        with screen(page, width):
            assert page.execute_script("return document.documentElement.scrollWidth - innerWidth") <= 0
            widths = page.execute_script("return [...document.querySelectorAll('canvas')].map((c) => c.clientWidth)")
            assert min(widths) > 0.7 * min(width, 1100)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(page, scheme):
    for source in range(1, 6):
        click(page, f"#coded .key:nth-child({source})")
        ratio, where = least_contrast(page, scheme)
        assert ratio >= 4.5, where
