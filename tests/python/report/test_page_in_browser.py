# SPDX-License-Identifier: MIT
"""The page in headless Chromium, opened as a file as a user would: it plays, switches and stays in step."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fxtrain.report import write_report

from .conftest import make_report

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="chromium or chromedriver is missing (apt install chromium chromium-driver)"
)

GATHER = """
    window.failures = [];
    addEventListener('error', (event) => failures.push(String(event.message || event.target)), true);
    addEventListener('securitypolicyviolation', (event) => failures.push(event.violatedDirective + event.blockedURI));
"""


@pytest.fixture(scope="module")
def page_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_report(tmp_path_factory.mktemp("run"), make_report()).as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--mute-audio",
        "--autoplay-policy=no-user-gesture-required",
        "--window-size=1200,1000",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": GATHER})
    yield driver
    driver.quit()


@pytest.fixture
def page(browser: Any, page_url: str) -> Iterator[Any]:
    """A freshly loaded page; whatever the test does, the console must stay clean."""
    browser.get_log("performance")
    browser.get(page_url)
    yield browser
    assert browser.execute_script("return failures") == []
    assert browser.get_log("browser") == []


def state(page: Any, expression: str) -> Any:
    return page.execute_script(f"return fxtrain.{expression}")


def eventually(holds: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Waits for sound, which keeps its own time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.02)
    return holds()


def press(page: Any, key: str) -> None:
    webdriver.ActionChains(page).send_keys(key).perform()


def click(page: Any, selector: str) -> None:
    page.find_element("css selector", selector).click()


def loudness_db(page: Any) -> float:
    """Mean square of what leaves the player in the next quarter second."""
    return page.execute_async_script(
        """
        const done = arguments[arguments.length - 1], { context, output } = fxtrain;
        const meter = context.createAnalyser();
        meter.fftSize = 8192;
        output.connect(meter);
        setTimeout(() => {
            const samples = new Float32Array(meter.fftSize);
            meter.getFloatTimeDomainData(samples);
            output.disconnect(meter);
            done(10 * Math.log10(samples.reduce((sum, x) => sum + x * x, 1e-20) / samples.length));
        }, 250);
        """
    )


def test_page_asks_the_network_for_nothing_and_reports_no_error(page, page_url):
    requests = [
        entry["message"] for entry in page.get_log("performance") if "Network.requestWillBeSent" in entry["message"]
    ]
    assert len(requests) >= 1
    assert all(f'"url":"{page_url}"' in request or '"url":"data:' in request for request in requests)


def test_every_figure_is_visible_and_fits_the_page(page):
    for width in (1280, 390):
        page.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
        )
        sizes = page.execute_script(
            "return [...document.querySelectorAll('figure svg')].map((svg) => [svg.clientWidth, svg.clientHeight])"
        )
        overflow = page.execute_script("return document.documentElement.scrollWidth - innerWidth")
        assert len(sizes) == 11
        assert all(w > 250 and h > 100 for w, h in sizes)
        assert overflow <= 0
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_text_stands_out_from_its_ground_in_light_and_dark(page):
    # WCAG 2.1, 1.4.3: at least 4.5 for body text.
    contrast = """
        const light = (css) => {
            const [r, g, b] = css.match(/[0-9.]+/g).slice(0, 3).map((v) => v / 255)
                .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const ground = (node) => {
            for (; node; node = node.parentElement) {
                const css = getComputedStyle(node).backgroundColor;
                if (!/, 0\\)|transparent/.test(css)) return light(css);
            }
            return 1;
        };
        return [...document.querySelectorAll('h1,h2,p,dt,b,span,th,td,button,summary,a,kbd,figcaption')]
            .filter((node) => node.offsetParent)
            .filter((node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim()))
            .map((node) => {
                const [a, b] = [light(getComputedStyle(node).color), ground(node)].sort((x, y) => y - x);
                return [(a + 0.05) / (b + 0.05), `${node.tagName} ${node.className} ${node.textContent.trim()}`];
            }).sort((a, b) => a[0] - b[0])[0];
    """
    for scheme in ("light", "dark"):
        page.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        )
        ratio, where = page.execute_script(contrast)
        assert ratio >= 4.5, (scheme, where)
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_play_moves_on_and_stop_holds_the_position(page):
    assert state(page, "position") == 0
    click(page, "#play")
    assert eventually(lambda: state(page, "position") > 0.2)
    click(page, "#play")
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
        pressed = page.find_elements("css selector", "#sources [aria-pressed=true]")
        assert [button.get_attribute("data-source") for button in pressed] == [source]


def test_clicking_the_sources_switches_as_the_keys_do(page):
    for source in ("input", "prediction", "error", "target"):
        click(page, f"[data-source={source}]")
        assert state(page, "source") == source


def test_what_is_heard_is_equally_loud_and_the_error_is_quiet_without_that(page):
    # A stretch of the loop, so that the four are measured on about the same sound.
    canvas = page.find_element("id", "timeline")
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
    page.execute_script("document.getElementById('timeline').focus()")
    press(page, webdriver.Keys.END)
    assert state(page, "position") == pytest.approx(2.5, abs=0.01)
    press(page, " ")
    assert eventually(lambda: state(page, "position") > 2.6)
    assert eventually(lambda: not state(page, "playing"))
    assert state(page, "position") == 0


def test_blind_test_hides_the_answer_and_counts_right_ones(page):
    click(page, "#abx")
    press(page, " ")
    press(page, "3")
    assert not page.find_element("id", "sources").is_displayed()
    secrets = set()
    for answers in range(1, 13):
        secret = state(page, "abx.secret")
        secrets.add(secret)
        wrong = answers in (3, 7)
        given = secret if not wrong else {"a": "b", "b": "a"}[secret]
        heard = {"a": "target", "b": "prediction"}[secret]
        assert state(page, "source") == heard
        click(page, f"[data-answer={given}]")
        text = page.find_element("id", "abx-result").text
        assert text.startswith("Wrong" if wrong else "Right")
        assert state(page, "abx.answers") == answers
    # 10 of 12: (66 + 12 + 1) / 4096 = 1.9 %.
    assert "10 of 12" in text
    assert "2 % of the time" in text
    assert "You hear a difference" in text
    for _ in range(60):  # a fair coin shows both sides but once in 2^71 runs
        page.execute_script("document.getElementById('abx-reset').click()")
        secrets.add(state(page, "abx.secret"))
    assert secrets == {"a", "b"}
    click(page, "#abx")
    assert page.find_element("id", "sources").is_displayed()
    assert state(page, "source") == "target"


def test_the_command_can_be_copied(page):
    page.execute_script(
        "window.copied = null; document.addEventListener('copy', () => { copied = String(getSelection()); })"
    )
    click(page, "#copy")
    assert eventually(lambda: page.find_element("id", "copy").text == "Copied")


def test_a_button_reached_by_keyboard_keeps_its_space_bar(page):
    page.execute_script("document.getElementById('loop').focus()")
    press(page, " ")
    assert page.find_element("id", "loop").get_attribute("aria-pressed") == "false"
    assert not state(page, "playing")


def test_without_scripts_the_page_says_where_the_sounds_are(browser, page_url):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(page_url)
        assert "beside this page in the folder audio" in browser.find_element("id", "listen").text
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
